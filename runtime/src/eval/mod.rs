//! Expressions against a message: XPath, `json-eval(...)` and `${...}` behind one type.

pub(crate) mod dates;
mod decimal;
pub(crate) mod decimal_format;
mod functions;
mod inline;
pub mod json_eval;
pub mod jsonpath;
mod selection;
mod synapse;
#[cfg(test)]
mod tests;
pub mod xpath;
mod xpath_expr;

pub use artifacts::java_regex::JavaRegex;
pub use inline::{InlinePart, InlineTemplate, fill_groups};
pub use jsonpath::{JsonPath, PathError};
pub use selection::{JsonMatch, Key, Place, Selected, Selection, at, at_mut};
pub use xpath_expr::set_xpath_failover;

use crate::errors::Fault;
use crate::flow::Context;
use crate::message::convert::{ConversionSettings, xml_to_json_text};
use crate::message::{Content, Json, Message, Payload, Value};
use json_eval::JsonEval;
use std::sync::Arc;
use synapse::Synapse;
use xpath_expr::XPathExpr;

/// A namespace binding: prefix and URI.
pub type Binding = (Arc<str>, Arc<str>);

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
    /// `${xpath('...')}` over the message or, with a name, over an XML variable (then the XPath is the
    /// part behind the variable).
    XPath(Arc<Expr>, Option<Arc<str>>),
}

/// A compiled expression.
#[derive(Debug)]
pub struct Expr {
    source: Arc<str>,
    pub(crate) kind: Kind,
    reads_body: bool,
}

#[derive(Debug)]
pub(crate) enum Kind {
    XPath(XPathExpr),
    Json(JsonEval),
    Synapse(Box<Synapse>),
}

impl Expr {
    /// Compiles an expression text. `prefixes` are the namespaces in scope of its element.
    ///
    /// `json-eval(` at the start means JSONPath, `${` at the start with `}` at the end a Synapse
    /// expression, anything else XPath; a leading blank makes it XPath, as in MI. The error says what was
    /// expected, what was found, and where.
    pub fn compile(text: &str, prefixes: &[Binding], dialects: Dialects) -> Result<Self, String> {
        if dialects != Dialects::XPathOnly
            && let Some(rest) = text.strip_prefix("json-eval(")
        {
            let mut inside = rest.chars();
            inside.next_back();
            return Self::json_eval(inside.as_str(), text);
        }
        if dialects == Dialects::Any
            && let Some(inside) = text.strip_prefix("${").and_then(|t| t.strip_suffix('}'))
        {
            return Self::synapse(inside, prefixes, text);
        }
        let xpath = XPathExpr::compile(text, prefixes).map_err(|error| explain(&error))?;
        let reads_body = xpath.query.reads_payload();
        Ok(Self { source: text.into(), kind: Kind::XPath(xpath), reads_body })
    }

    /// Compiles a JSONPath without `json-eval(...)` around it.
    pub fn compile_json_path(path: &str) -> Result<Self, String> {
        Self::json_eval(path, &format!("json-eval({path})"))
    }

    fn json_eval(path: &str, source: &str) -> Result<Self, String> {
        let json = JsonEval::compile(path).map_err(|error| explain(&error))?;
        Ok(Self { source: source.into(), kind: Kind::Json(json), reads_body: true })
    }

    /// Compiles the inside of a `${...}`.
    pub fn compile_synapse(inside: &str, prefixes: &[Binding]) -> Result<Self, String> {
        Self::synapse(inside, prefixes, &format!("${{{inside}}}"))
    }

    fn synapse(inside: &str, prefixes: &[Binding], source: &str) -> Result<Self, String> {
        let synapse = Synapse::compile(inside, prefixes).map_err(|error| explain(&error))?;
        let reads_body = synapse::reads_payload(inside);
        Ok(Self { source: source.into(), kind: Kind::Synapse(Box::new(synapse)), reads_body })
    }

    /// The text as written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The text without `json-eval(...)` or `${...}`.
    pub fn inside(&self) -> &str {
        match &self.kind {
            Kind::XPath(_) => &self.source,
            Kind::Json(json) => json.text(),
            Kind::Synapse(synapse) => synapse.text(),
        }
    }

    /// The language it is written in.
    pub fn dialect(&self) -> Dialect {
        match &self.kind {
            Kind::XPath(_) => Dialect::XPath,
            Kind::Json(_) => Dialect::JsonPath,
            Kind::Synapse(_) => Dialect::Synapse,
        }
    }

    /// Does evaluating it need the message body (MI's content-awareness)?
    pub fn reads_body(&self) -> bool {
        self.reads_body
    }

    /// String value (`stringValueOf`); `None` is MI's null. Errors in `${...}` give an empty text and a
    /// warning, as do missing paths in `json-eval(...)`; errors in XPath are faults.
    pub fn text(&self, message: &Message, cx: &Context) -> Result<Option<String>, Fault> {
        match &self.kind {
            Kind::XPath(xpath) => xpath.text(message, cx),
            Kind::Json(json) => json.value_text(message, cx).map(Some),
            Kind::Synapse(synapse) => synapse.string(message, cx).map(Some),
        }
    }

    /// Boolean value: XPath's boolean(), the text "true" in any case for the other dialects.
    pub fn is_true(&self, message: &Message, cx: &Context) -> Result<bool, Fault> {
        let text = match &self.kind {
            Kind::XPath(xpath) => return xpath.is_true(message, cx),
            Kind::Json(json) => json.value_text(message, cx)?,
            Kind::Synapse(synapse) => synapse.string(message, cx)?,
        };
        Ok(text.eq_ignore_ascii_case("true"))
    }

    /// Native value (`objectValueOf`): only `${...}` has one. `None` is MI's null; an evaluation error
    /// gives the empty text.
    pub fn value(&self, message: &Message, cx: &Context) -> Result<Option<Value>, Fault> {
        match &self.kind {
            Kind::Synapse(synapse) => synapse.value(message, cx),
            Kind::XPath(_) | Kind::Json(_) => Ok(None),
        }
    }

    /// As [`Self::value`] for storing in a variable without a type: a number read from a member of a JSON
    /// object stays an integer, long or double when the variable is read again.
    pub fn variable_value(&self, message: &Message, cx: &Context) -> Result<Option<Value>, Fault> {
        match &self.kind {
            Kind::Synapse(synapse) => synapse.variable_value(message, cx),
            Kind::XPath(_) | Kind::Json(_) => Ok(None),
        }
    }

    /// What the expression selects: nodes that can be changed in place, JSON elements with their places.
    pub fn select(&self, message: &Message, cx: &Context) -> Result<Selection, Fault> {
        match &self.kind {
            Kind::XPath(xpath) => xpath.select(message, cx).map(Selection::Nodes),
            Kind::Json(json) => json.select(message, cx).map(Selection::Json),
            Kind::Synapse(synapse) => synapse.value(message, cx).map(Selection::Value),
        }
    }

    /// The first of what an XPath selects, with its type: elements stay XML, texts and attributes are
    /// strings, numbers and booleans keep their type. The text for the other dialects.
    pub fn first(&self, message: &Message, cx: &Context) -> Result<Option<Value>, Fault> {
        match &self.kind {
            Kind::XPath(xpath) => xpath.first(message, cx),
            Kind::Json(_) | Kind::Synapse(_) => Ok(self.text(message, cx)?.map(Value::from)),
        }
    }

    /// The path of a `json-eval(...)` for this message, its `{...}` groups filled in; `None` for other
    /// dialects. The path applies to [`json_root`].
    pub fn json_path(&self, message: &Message, cx: &Context) -> Result<Option<Arc<JsonPath>>, Fault> {
        match &self.kind {
            Kind::Json(json) => json.path(message, cx).map(Some),
            Kind::XPath(_) | Kind::Synapse(_) => Ok(None),
        }
    }

    /// Where a `${...}` path stands, for writing results back; `None` for what is no path.
    pub fn target(&self, message: &Message, cx: &Context) -> Result<Option<Target>, Fault> {
        match &self.kind {
            Kind::Synapse(synapse) => synapse.target(message, cx),
            Kind::XPath(_) | Kind::Json(_) => Ok(None),
        }
    }
}

fn explain(error: &artifacts::expr::SyntaxError) -> String {
    format!("{} at character {}", error.message, error.offset + 1)
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

/// The message's payload as JSON tree: parsed for JSON payloads, converted for XML ones. `None` for an
/// empty body; a fault for text that is no JSON and for XML that JSON cannot express.
pub fn json_root(message: &Message) -> Result<Option<Arc<Json>>, Fault> {
    let fail = |error: String| Fault::new(format!("the payload cannot be read as JSON: {error}"));
    match message.payload.content() {
        Some(Content::Json(body)) if body.is_blank() => Ok(None),
        Some(Content::Json(body)) => body.tree().cloned().map(Some).map_err(|error| fail(error.to_string())),
        _ => match json_text(&message.payload)? {
            Some(text) => {
                Json::parse(&text).map(|tree| Some(Arc::new(tree))).map_err(|e| fail(e.to_string()))
            }
            None => Ok(None),
        },
    }
}

/// The payload as JSON text: verbatim for JSON payloads, converted for XML ones.
pub(crate) fn json_text(payload: &Payload) -> Result<Option<Arc<str>>, Fault> {
    if let Some(body) = payload.as_json() {
        return Ok((!body.text().is_empty()).then(|| body.text().clone()));
    }
    let envelope = payload.envelope();
    let Some(element) = envelope.payload() else { return Ok(None) };
    let text = xml_to_json_text(envelope.document(), element, &ConversionSettings::default());
    text.map(|text| Some(text.into())).map_err(|error| Fault::new(error.to_string()))
}
