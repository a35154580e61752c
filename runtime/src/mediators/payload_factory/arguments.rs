//! Arguments of a format: their values and what kind of value each is.

use super::Media;
use super::replace::{escape_xml, is_xml, looks_like_json, quote};
use crate::errors::Fault;
use crate::eval::Expr;
use crate::flow::Context;
use crate::message::Message;
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Argument {
    pub(super) value: Value,
    /// A plain string whatever it looks like.
    pub(super) literal: bool,
}

/// What an argument is computed from.
#[derive(Debug)]
pub(super) enum Value {
    /// `value`, escaped for XML unless it is XML, whatever the media type; `true` when it is XML.
    Constant(Arc<str>, bool),
    XPath(Arc<Expr>),
    JsonPath(Arc<Expr>),
}

/// What a value is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Xml,
    Json,
    Text,
}

/// An evaluated argument; the text is quoted for [`super::replace::append`].
#[derive(Debug)]
pub(super) struct Evaluated {
    pub(super) text: String,
    pub(super) kind: Kind,
    pub(super) literal: bool,
}

impl Value {
    pub(super) fn constant(value: &str) -> Self {
        let xml = is_xml(value);
        Value::Constant(if xml { value.into() } else { escape_xml(value).into() }, xml)
    }
}

impl Argument {
    pub(super) fn evaluate(&self, media: Media, message: &Message, cx: &Context) -> Result<Evaluated, Fault> {
        let (expr, json_path) = match &self.value {
            Value::Constant(text, xml) => {
                let kind = if *xml { Kind::Xml } else { Kind::Text };
                return Ok(Evaluated { text: quote(text), kind, literal: false });
            }
            Value::XPath(expr) => (expr, false),
            Value::JsonPath(expr) => (expr, true),
        };
        let Some(mut text) = expr.text(message, cx)? else {
            return Ok(Evaluated { text: String::new(), kind: Kind::Text, literal: self.literal });
        };
        let xml = is_xml(&text);
        let json = json_path && looks_like_json(&text);
        if !xml && media == Media::Xml && !json {
            text = escape_xml(&text);
        }
        let text = quote(&text);
        let kind = match (self.literal, json_path) {
            (true, _) => Kind::Text,
            (false, true) if looks_like_json(&text) => Kind::Json,
            (false, false) if xml => Kind::Xml,
            _ => Kind::Text,
        };
        Ok(Evaluated { text, kind, literal: self.literal })
    }
}
