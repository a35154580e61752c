//! Native values against the declared type.

use super::{Action, Type, Variable};
use crate::errors::Fault;
use crate::eval::Expr;
use crate::flow::{Context, Mediator, Next};
use crate::mediators::property::types;
use crate::message::{Json, Message, Value};
use std::sync::Arc;

impl Mediator for Variable {
    fn mediate(&self, message: &mut Message, cx: &mut Context) -> Result<Next, Fault> {
        let value = match &self.action {
            Action::Remove => {
                message.variables.remove(&self.name);
                return Ok(Next::Continue);
            }
            Action::Literal(value) => value.clone(),
            Action::Expr(expr, kind) => resolve(expr, kind.as_ref(), message, cx)?,
        };
        // A null keeps the old value.
        if let Some(value) = value {
            message.variables.set_shared(&self.name, value);
        }
        Ok(Next::Continue)
    }

    fn reads_body(&self) -> bool {
        matches!(&self.action, Action::Expr(expr, _) if expr.reads_body())
    }
}

fn resolve(
    expr: &Expr,
    kind: Option<&Type>,
    message: &Message,
    cx: &Context,
) -> Result<Option<Value>, Fault> {
    match kind {
        Some(Type::Unknown(word)) => Err(Fault::new(format!("'{word}' is no type of a variable"))),
        Some(Type::String) => Ok(expr.text(message, cx)?.map(Value::from)),
        Some(Type::Xml) => {
            let Some(text) = expr.text(message, cx)? else { return Ok(None) };
            let element = types::xml(&text);
            let element = element.ok_or_else(|| Fault::new("the value of an XML variable is no XML"))?;
            Ok(Some(Value::Xml(element)))
        }
        None => expr.variable_value(message, cx),
        Some(kind) => {
            let value = expr.value(message, cx)?;
            typed(value, kind).map(Some).ok_or_else(|| mismatch(expr, kind))
        }
    }
}

/// The value as the declared type, `None` when it does not fit. JSON primitives are converted.
fn typed(value: Option<Value>, kind: &Type) -> Option<Value> {
    let value = value?;
    if let Value::Json(json) = &value
        && let Some(converted) = primitive(json, kind)
    {
        return converted;
    }
    let fits = match kind {
        Type::Boolean => matches!(value, Value::Boolean(_)),
        Type::Integer => matches!(value, Value::Integer(_)),
        Type::Long => matches!(value, Value::Long(_)),
        Type::Double => matches!(value, Value::Double(_)),
        Type::Json => matches!(value, Value::Json(_)),
        _ => true,
    };
    fits.then_some(value)
}

/// `None` for what is no JSON primitive; otherwise the converted value, if it fits.
fn primitive(json: &Json, kind: &Type) -> Option<Option<Value>> {
    if json.is_container() || matches!(json, Json::Null) {
        return None;
    }
    Some(match (kind, json) {
        (Type::Boolean, Json::Bool(value)) => Some(Value::Boolean(*value)),
        (Type::Integer, Json::Number(text)) => Some(Value::Integer(whole(text) as i32)),
        (Type::Long, Json::Number(text)) => Some(Value::Long(whole(text))),
        (Type::Double, Json::Number(text)) => types::decimal(text).map(Value::Double),
        (Type::Boolean | Type::Integer | Type::Long | Type::Double, _) => None,
        (Type::Json, other) => Some(Value::Json(Arc::new(other.clone()))),
        (_, Json::String(text)) => Some(Value::String(text.clone())),
        (_, other) => Some(other.to_string().into()),
    })
}

/// A JSON number without its fraction.
fn whole(text: &str) -> i64 {
    text.parse().unwrap_or_else(|_| types::decimal(text).unwrap_or_default() as i64)
}

fn mismatch(expr: &Expr, kind: &Type) -> Fault {
    let source = expr.source();
    let inner = source
        .strip_prefix("json-eval(")
        .and_then(|s| s.strip_suffix(')'))
        .or_else(|| source.strip_prefix("${").and_then(|s| s.strip_suffix('}')))
        .unwrap_or(source);
    let word = if *kind == Type::Xml { "XML" } else { kind.word() };
    Fault::new(format!("Expression '${{{inner}}}' result does not match the expected data type '{word}'"))
}
