//! What Synapse adds to XPath: variables such as `$ctx:x` and functions such as `get-property()`.

pub(crate) mod codec;
mod get_property;

pub(crate) use get_property::is_plain;

use super::xpath::{Evaluated, EvaluationError, Focus, FunctionName, Node, Scope, Value as XValue};
use super::{Expr, Kind};
use crate::flow::{Context, TemplateArgument};
use crate::message::{Envelope, Message, Value, XmlItem};
use artifacts::xml::Document;
use std::borrow::Cow;

/// The surroundings of an XPath: a message in a flow.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MessageScope<'a> {
    pub(crate) message: &'a Message,
    pub(crate) cx: &'a Context,
    /// The envelope of the message, kept by the caller for the time of the evaluation.
    pub(crate) envelope: &'a Envelope,
}

impl<'a> MessageScope<'a> {
    /// The context node of a message's XPath: the envelope element.
    pub(crate) fn node(&self) -> Node<'a> {
        Node::new(self.envelope.document(), self.envelope.root())
    }

    fn own(&self, node: artifacts::xml::NodeId) -> XValue<'a> {
        XValue::Element(Node::new(self.envelope.document(), node))
    }

    /// A stored value as XPath sees it.
    pub(crate) fn lift(&self, value: &'a Value) -> Evaluated<XValue<'a>> {
        Ok(match value {
            Value::Xml(element) => XValue::Element(Node::new(element.document(), element.id())),
            Value::Envelope(document) => match document.root_element() {
                Some(root) => XValue::Element(Node::new(document, root)),
                None => XValue::Null,
            },
            Value::Nodes(items) => nodes(items),
            Value::String(text) => XValue::Text(Cow::Borrowed(text)),
            other => plain(other),
        })
    }

    /// A stored value that belongs to nobody else.
    fn lift_owned(value: Option<Value>) -> XValue<'a> {
        match value {
            Some(Value::String(text)) => XValue::text(text.to_string()),
            Some(value) => plain(&value),
            None => XValue::Null,
        }
    }

    fn lift_option(&self, value: Option<&'a Value>) -> Evaluated<XValue<'a>> {
        value.map_or(Ok(XValue::Null), |value| self.lift(value))
    }

    /// An expression that a template parameter hands over, evaluated now.
    fn evaluate(&self, expr: &'a Expr) -> Evaluated<XValue<'a>> {
        if let Kind::XPath(xpath) = &expr.kind {
            return xpath.query.evaluate(self, self.node());
        }
        let value = expr.value(self.message, self.cx).map_err(|fault| EvaluationError(fault.message))?;
        Ok(Self::lift_owned(value))
    }

    /// A template parameter; without a template call there is nothing to ask, which fails.
    pub(crate) fn parameter(&self, name: &str) -> Evaluated<XValue<'a>> {
        let Some(frame) = self.cx.templates.last() else {
            return Err(EvaluationError(format!("$func:{name} is used outside of a template")));
        };
        match frame.get(name) {
            Some(TemplateArgument::Value(value)) => self.lift(value),
            Some(TemplateArgument::Expression(expr)) => self.evaluate(expr),
            None => Ok(XValue::Null),
        }
    }

    /// A default-scope property without fallbacks (`$ctx:x`).
    fn property(&self, name: &str) -> Evaluated<XValue<'a>> {
        match self.message.properties.entry(name) {
            Some(value) => self.lift_option(value),
            None => Ok(Self::lift_owned(self.message.property(name))),
        }
    }

    fn axis2(&self, name: &str) -> Evaluated<XValue<'a>> {
        let scopes = [&self.message.axis2, &self.message.axis2_client, &self.message.operation];
        match scopes.into_iter().find_map(|scope| scope.get(name)) {
            Some(value) => self.lift(value),
            None => Ok(Self::lift_owned(self.message.axis2(name))),
        }
    }

    fn system(&self, name: &str) -> XValue<'a> {
        let set = self.cx.services.system.get(name).map(|text| text.to_string());
        let text = set.or_else(|| self.cx.services.configs.property(name).map(str::to_owned));
        XValue::text(text.unwrap_or_default())
    }
}

fn nodes(items: &[XmlItem]) -> XValue<'_> {
    let elements: Vec<Node<'_>> = items
        .iter()
        .filter_map(|item| match item {
            XmlItem::Element(element) => Some(Node::new(element.document(), element.id())),
            XmlItem::Text(_) => None,
        })
        .collect();
    if elements.is_empty() && !items.is_empty() {
        return XValue::text(items.iter().map(XmlItem::text).collect::<String>());
    }
    XValue::Nodes(elements)
}

fn plain<'a>(value: &Value) -> XValue<'a> {
    match value {
        Value::Boolean(value) => XValue::Boolean(*value),
        Value::Integer(value) => XValue::Integer(i64::from(*value)),
        Value::Short(value) => XValue::Integer(i64::from(*value)),
        Value::Long(value) => XValue::Integer(*value),
        Value::Double(value) => XValue::Number(*value),
        Value::Float(value) => XValue::Float(*value),
        Value::Json(json) => XValue::Object(Cow::Owned(json.to_string())),
        Value::Map(_) => XValue::Object(Cow::Owned(value.text().into_owned())),
        other => XValue::text(other.text().into_owned()),
    }
}

impl<'a> Scope<'a> for MessageScope<'a> {
    fn variable(&self, prefix: &str, name: &str) -> Evaluated<Option<XValue<'a>>> {
        Ok(Some(match prefix {
            "" => match name {
                "body" => self.own(self.envelope.body()),
                "header" => self.envelope.header().map_or(XValue::Null, |header| self.own(header)),
                "env" => self.own(self.envelope.root()),
                _ => return Ok(None),
            },
            "ctx" => self.property(name)?,
            "var" => self.lift_option(self.message.variables.get(name))?,
            "axis2" => self.axis2(name)?,
            "func" => self.parameter(name)?,
            "trp" => Self::lift_owned(self.message.headers.value(name)),
            "operation" => self.lift_option(self.message.operation.get(name))?,
            "sys" => self.system(name),
            "url" => XValue::text(query_parameter(self.message.addressing.to.as_deref(), name)),
            _ => match self.message.properties.get(prefix).and_then(|map| map.entry(name)) {
                Some(value) => XValue::text(value.text().into_owned()),
                None => return Ok(None),
            },
        }))
    }

    fn call(
        &self,
        name: &FunctionName,
        arguments: &[XValue<'a>],
        _focus: &Focus<'a>,
    ) -> Evaluated<Option<XValue<'a>>> {
        Ok(Some(match &*name.local {
            "get-property" => get_property::get_property(self, arguments)?,
            "base64Encode" => codec::base64_encode(arguments)?,
            "base64Decode" => codec::base64_decode(arguments)?,
            "url-encode" => codec::url_encode(arguments)?,
            "hmac-generate" => codec::hmac(arguments)?,
            "encrypt" | "decrypt" => {
                return Err(EvaluationError(format!("{}() with key stores is not supported", name.local)));
            }
            "vault-lookup" => codec::vault_lookup(&name.prefix, arguments),
            _ => return Ok(None),
        }))
    }

    fn is_rootless(&self, document: &Document) -> bool {
        // An envelope that was built around a payload has no document node in Axiom; one that was
        // parsed has.
        std::ptr::eq(document, &**self.envelope.document()) && {
            let span = document.span(self.envelope.root());
            span.start == span.end
        }
    }
}

/// `$url:name`: a parameter of the query of `To`, name in any case, value decoded.
fn query_parameter(to: Option<&str>, name: &str) -> String {
    let Some((_, query)) = to.and_then(|to| to.split_once('?')) else { return String::new() };
    for part in query.split('&') {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        if key.eq_ignore_ascii_case(name) {
            let value = value.split('=').next().unwrap_or_default();
            return codec::query_decode(value);
        }
    }
    String::new()
}
