//! Expressions against a message: XPath, `json-eval(...)` and `${...}` behind one type.

use crate::errors::Fault;
use crate::flow::Context;
use crate::message::{Message, Value, XmlItem};
use std::sync::Arc;

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

    /// What the expression selects, as a list: XML nodes or JSON elements.
    pub fn select(&self, _message: &Message, _cx: &Context) -> Result<Vec<XmlItem>, Fault> {
        Ok(Vec::new())
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
