//! Results and their conversions.

use super::node::{Node, Part};
use super::numbers::{java_number, number_text};
use crate::message::value::{java_double, java_float};
use artifacts::xml::{Document, NodeKind};
use std::borrow::Cow;

/// What an expression evaluates to.
#[derive(Debug, Clone)]
pub enum Value<'a> {
    /// A node-set in document order.
    Nodes(Vec<Node<'a>>),
    /// An element that a variable holds. A node-set of one for everything but `count()`, `sum()` and
    /// unions, which Jaxen refuses for it.
    Element(Node<'a>),
    /// A string.
    Text(Cow<'a, str>),
    /// A number.
    Number(f64),
    /// A boolean.
    Boolean(bool),
    /// A Java integer of any width: printed without fraction, and no number in arithmetic.
    Integer(i64),
    /// A `java.lang.Float`: as the integers.
    Float(f32),
    /// Some other object (a JSON element, a map), by its text.
    Object(Cow<'a, str>),
    /// Java's null: a variable or property without value.
    Null,
    /// A sequence of XPath 2.0 that holds no nodes.
    Items(Vec<Value<'a>>),
}

impl<'a> Value<'a> {
    /// A text value that is owned.
    pub fn text(text: impl Into<String>) -> Self {
        Value::Text(Cow::Owned(text.into()))
    }

    /// XPath's `string()`.
    pub fn string(&self) -> Cow<'a, str> {
        match self {
            Value::Nodes(nodes) => nodes.first().map_or(Cow::Borrowed(""), |n| n.string_value()),
            Value::Element(node) => node.string_value(),
            Value::Text(text) => text.clone(),
            Value::Number(number) => Cow::Owned(number_text(*number)),
            Value::Boolean(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
            Value::Integer(value) => Cow::Owned(number_text(*value as f64)),
            Value::Float(value) => Cow::Owned(number_text(f64::from(*value))),
            Value::Items(items) => items.first().map_or(Cow::Borrowed(""), Value::string),
            Value::Object(_) | Value::Null => Cow::Borrowed(""),
        }
    }

    /// XPath's `number()`.
    pub fn number(&self) -> f64 {
        match self {
            Value::Number(number) => *number,
            Value::Boolean(value) => f64::from(u8::from(*value)),
            Value::Nodes(_) | Value::Element(_) | Value::Text(_) => java_number(&self.string()),
            Value::Items(items) => items.first().map_or(f64::NAN, Value::number),
            Value::Integer(_) | Value::Float(_) | Value::Object(_) | Value::Null => f64::NAN,
        }
    }

    /// XPath's `boolean()`: what `filter xpath` tests.
    pub fn boolean(&self) -> bool {
        match self {
            Value::Nodes(nodes) => !nodes.is_empty(),
            Value::Element(_) | Value::Object(_) => true,
            Value::Text(text) => !text.is_empty(),
            Value::Number(number) => *number != 0.0 && !number.is_nan(),
            Value::Boolean(value) => *value,
            Value::Integer(value) => *value != 0,
            Value::Float(value) => *value != 0.0 && !value.is_nan(),
            Value::Items(items) => items.first().is_some_and(Value::boolean),
            Value::Null => false,
        }
    }

    /// The nodes; none for values that have none.
    pub fn nodes(&self) -> &[Node<'a>] {
        match self {
            Value::Nodes(nodes) => nodes,
            Value::Element(node) => std::slice::from_ref(node),
            _ => &[],
        }
    }

    /// The nodes; none for values that have none.
    pub fn into_nodes(self) -> Vec<Node<'a>> {
        match self {
            Value::Nodes(nodes) => nodes,
            Value::Element(node) => vec![node],
            _ => Vec::new(),
        }
    }

    /// Synapse's `stringValueOf`; `None` for null. One element gives its own text, trimmed, or its XML
    /// when there is none; several give their XML one behind the other; texts and attributes their value.
    /// `node_test`: the expression contains `node()`, then elements always give XML.
    pub fn synapse_text(&self, node_test: bool) -> Option<String> {
        Some(match self {
            Value::Null => return None,
            Value::Nodes(nodes) => {
                let alone = nodes.len() == 1;
                nodes.iter().map(|node| node_text(*node, alone, node_test)).collect()
            }
            Value::Element(node) => node_text(*node, true, node_test),
            Value::Number(number) => java_double(*number),
            Value::Integer(value) => value.to_string(),
            Value::Float(value) => java_float(*value),
            Value::Object(text) => text.to_string(),
            Value::Text(_) | Value::Boolean(_) | Value::Items(_) => self.string().into_owned(),
        })
    }
}

fn node_text(mut node: Node<'_>, alone: bool, node_test: bool) -> String {
    if alone && node_test && node.is_text() {
        // MI goes up from a lone text in this case.
        node = node.parent().filter(|parent| parent.is_element()).unwrap_or(node);
    }
    match (node.part, node.kind()) {
        (Part::Attribute(_), _) => node.string_value().into_owned(),
        (Part::Whole, Some(NodeKind::Text(text, _))) => text.to_string(),
        (Part::Whole, Some(NodeKind::Element(_))) => element_text(node, alone && !node_test),
        (Part::Whole, Some(NodeKind::Document)) => {
            node.document.root_element().map_or_else(String::new, |root| xml_text(node.at(root)))
        }
        _ => String::new(),
    }
}

fn element_text(node: Node<'_>, own_text: bool) -> String {
    let text = node.document.own_text(node.id);
    let trimmed = text.replace('\u{a0}', " ");
    let trimmed = trimmed.trim_matches(|c| c <= ' ');
    if trimmed.is_empty() {
        return xml_text(node);
    }
    if own_text {
        return trimmed.to_owned();
    }
    // MI replaces the text inside the XML wherever it finds it.
    xml_text(node).replace(&text, trimmed)
}

/// An element as Axiom prints it. An envelope has an XML declaration and no empty header.
pub(super) fn xml_text(node: Node<'_>) -> String {
    let document = node.document;
    let is_envelope = document.local_name(node.id) == "Envelope"
        && crate::message::Soap::from_namespace(document.namespace(node.id)).is_some();
    if !is_envelope {
        return document.node_to_xml(node.id);
    }
    let mut copy = Document::from_subtree(document, node.id);
    let root = copy.root_element().unwrap_or(Document::ROOT);
    if let Some(header) = copy.child_named(root, "Header").filter(|h| copy.first_child(*h).is_none()) {
        copy.detach(header);
    }
    format!("<?xml version='1.0' encoding='utf-8'?>{}", copy.to_xml())
}
