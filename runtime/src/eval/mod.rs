//! Expressions against a message: XPath, `json-eval(...)` and `${...}` behind one type.

pub mod xpath;

use crate::errors::Fault;
use crate::flow::Context;
use crate::message::{Json, Message, Value};
use std::sync::Arc;

mod decimal;
pub mod java_regex;
pub mod jsonpath;
mod selection;

pub use java_regex::JavaRegex;
pub use jsonpath::{JsonPath, PathError};
pub use selection::{JsonMatch, Key, Place, Selected, Selection, at, at_mut};

/// Which dialects a place accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialects {
    /// XPath, `json-eval(...)` and `${...}`.
    Any,
    /// XPath only.
    XPathOnly,
    /// XPath and `json-eval(...)`.
    PathsOnly,
}

/// The language that an expression is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// XPath.
    XPath,
    /// `json-eval(...)`.
    JsonPath,
    /// `${...}`.
    Synapse,
}

/// Where a `${...}` that is only a path stands: what foreach writes its results back to.
#[derive(Debug, Clone)]
pub enum Target {
    /// `${payload...}` with the path as JSONPath (`$...`).
    Payload(Arc<JsonPath>),
    /// `${vars.name...}`: the variable, and the path inside it when there is one.
    Variable(Arc<str>, Option<Arc<JsonPath>>),
    /// `${xpath('...')}` over the message or, with a name, over an XML variable.
    XPath(Arc<Expr>, Option<Arc<str>>),
}

/// A compiled expression.
#[derive(Debug)]
pub struct Expr {
    source: Arc<str>,
}

impl Expr {
    /// Compiles an expression text. `prefixes` are the namespaces in scope of its element.
    pub fn compile(
        text: &str,
        _prefixes: &[(Arc<str>, Arc<str>)],
        _dialects: Dialects,
    ) -> Result<Self, String> {
        Ok(Self { source: text.into() })
    }

    /// The text as written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Does evaluating it need the message body (MI's content-awareness)?
    pub fn reads_body(&self) -> bool {
        true
    }

    /// String value (`stringValueOf`); `None` is MI's null.
    pub fn text(&self, _message: &Message, _cx: &Context) -> Result<Option<String>, Fault> {
        Ok(None)
    }

    /// Boolean value: XPath's boolean(), "true" for the other dialects.
    pub fn is_true(&self, _message: &Message, _cx: &Context) -> Result<bool, Fault> {
        Ok(false)
    }

    /// Native value (`objectValueOf`); `None` is MI's null.
    pub fn value(&self, _message: &Message, _cx: &Context) -> Result<Option<Value>, Fault> {
        Ok(None)
    }

    /// What the expression selects: nodes that can be changed in place, JSON elements with their places.
    pub fn select(&self, _message: &Message, _cx: &Context) -> Result<Selection, Fault> {
        Ok(Selection::Value(None))
    }

    /// The language it is written in.
    pub fn dialect(&self) -> Dialect {
        Dialect::XPath
    }

    /// The path of a `json-eval(...)` for this message, its `{...}` groups filled in; `None` for other
    /// dialects. The path applies to [`json_root`].
    pub fn json_path(&self, _message: &Message, _cx: &Context) -> Result<Option<Arc<JsonPath>>, Fault> {
        Ok(None)
    }

    /// Where a `${...}` path stands, for writing results back.
    pub fn target(&self, _message: &Message, _cx: &Context) -> Result<Option<Target>, Fault> {
        Ok(None)
    }
}

/// The message's payload as JSON tree: parsed for JSON payloads, converted for XML ones. `None` for an
/// empty body; a fault for text that is no JSON.
pub fn json_root(message: &Message) -> Result<Option<Arc<Json>>, Fault> {
    match message.payload.as_json() {
        Some(body) => match body.tree() {
            Ok(tree) => Ok(Some(tree.clone())),
            Err(error) => Err(Fault::new(format!("the payload is no JSON: {error}"))),
        },
        None => Ok(None),
    }
}

/// Text with `${...}` expressions in it: log messages, formats, call bodies. An expression ends at the
/// first `}`.
#[derive(Debug)]
pub struct InlineTemplate {
    parts: Vec<InlinePart>,
}

/// A piece of an [`InlineTemplate`].
#[derive(Debug)]
pub enum InlinePart {
    /// Literal text.
    Text(Arc<str>),
    /// The expression between `${` and `}`.
    Expr(Arc<Expr>),
}

impl InlineTemplate {
    /// Compiles a text; the error is that of the first bad expression.
    pub fn compile(text: &str, _prefixes: &[(Arc<str>, Arc<str>)]) -> Result<Self, String> {
        Ok(Self { parts: vec![InlinePart::Text(text.into())] })
    }

    /// The pieces in order, for callers with replacement rules of their own.
    pub fn parts(&self) -> &[InlinePart] {
        &self.parts
    }

    /// Does it hold any expression?
    pub fn is_dynamic(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, InlinePart::Expr(_)))
    }

    /// The text with each expression replaced by its string form; null becomes nothing.
    pub fn text(&self, message: &Message, cx: &Context) -> Result<String, Fault> {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                InlinePart::Text(text) => out.push_str(text),
                InlinePart::Expr(expr) => out.push_str(&expr.text(message, cx)?.unwrap_or_default()),
            }
        }
        Ok(out)
    }

    /// Does evaluating it need the message body?
    pub fn reads_body(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, InlinePart::Expr(expr) if expr.reads_body()))
    }
}

/// A literal, or an expression in braces: `key="{...}"`.
#[derive(Debug)]
pub enum Dynamic {
    /// As written.
    Literal(Arc<str>),
    /// Evaluated for each message.
    Expr(Arc<Expr>),
    /// `{{expr}}`: handed over unevaluated, for templates.
    Escaped(Arc<Expr>),
}

impl Dynamic {
    /// The text for this message; `None` when an expression gives null.
    pub fn text(&self, message: &Message, cx: &Context) -> Result<Option<Arc<str>>, Fault> {
        match self {
            Dynamic::Literal(text) => Ok(Some(text.clone())),
            Dynamic::Expr(expr) | Dynamic::Escaped(expr) => Ok(expr.text(message, cx)?.map(Into::into)),
        }
    }

    /// Does evaluating it need the message body?
    pub fn reads_body(&self) -> bool {
        match self {
            Dynamic::Literal(_) | Dynamic::Escaped(_) => false,
            Dynamic::Expr(expr) => expr.reads_body(),
        }
    }
}
