//! What templates calculate with.

use super::xml::Nodes;
use crate::eval::decimal_format::format_number;
use std::sync::Arc;

/// A value. Maps keep their order.
#[derive(Debug, Clone)]
pub enum Value {
    /// Nothing: an error where a value is needed, unless a default follows.
    Null,
    /// Text.
    Text(Arc<str>),
    /// Every number is a double, as in MI's model.
    Number(f64),
    /// A boolean.
    Boolean(bool),
    /// A sequence.
    List(Arc<Vec<Value>>),
    /// A hash.
    Map(Arc<Vec<(Arc<str>, Value)>>),
    /// XML nodes.
    Nodes(Nodes),
    /// A point in time, for `.now`.
    Moment(Moment),
    /// A macro or function of the template, by its number.
    Macro(usize),
}

/// A point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment;

impl Value {
    /// A text value.
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Value::Text(text.into())
    }

    /// A list value.
    pub fn list(items: Vec<Value>) -> Self {
        Value::List(Arc::new(items))
    }

    /// Is there no value?
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// What kind of thing it is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Value::Null => "nothing",
            Value::Text(_) => "a string",
            Value::Number(_) => "a number",
            Value::Boolean(_) => "a boolean",
            Value::List(_) => "a sequence",
            Value::Map(_) => "a hash",
            Value::Nodes(_) => "nodes",
            Value::Moment(_) => "a date",
            Value::Macro(_) => "a macro",
        }
    }
}

/// A number as `${...}` prints it: grouped, at most three decimals.
pub(super) fn number_text(number: f64) -> String {
    format_number(number, "#,##0.###")
}

/// A number for computers: no grouping, as many decimals as it has.
pub(super) fn plain_number(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    let rounded = format_number(number, "0.################");
    if number.is_finite() { rounded } else { crate::eval::xpath::number_text(number) }
}
