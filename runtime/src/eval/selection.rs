//! What an expression selects, in a form that mediators can change in place.

use crate::message::{Envelope, Json, Message, Value, XmlItem};
use artifacts::xml::{Name, NodeId, NodeKind, XmlElement};
use std::sync::Arc;

/// Result of [`Expr::select`](super::Expr::select).
#[derive(Debug, Clone)]
pub enum Selection {
    /// An XPath: nodes in document order. A string, number or boolean result is one
    /// [`Selected::Item`]; MI's null selects nothing.
    Nodes(Vec<Selected>),
    /// `json-eval(...)`: the elements as a list. An array that a definite path names is spread into
    /// its elements, as MI does.
    Json(Vec<JsonMatch>),
    /// `${...}`: the native value, `None` for null.
    Value(Option<Value>),
}

/// One selected node.
#[derive(Debug, Clone)]
pub enum Selected {
    /// A node (element, text, ...) of the document of `message.payload.envelope()`. It stays valid in
    /// `message.payload.envelope_mut()` until somebody changes the tree.
    Own(NodeId),
    /// An attribute of an element of that document.
    OwnAttribute(NodeId, Name),
    /// A node of another document (property, variable), or a string, number or boolean as text.
    Item(XmlItem),
}

/// One JSON element and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonMatch {
    /// Steps from the root; empty for the root and for results of functions.
    pub place: Place,
    /// A copy of the element.
    pub value: Json,
}

/// A concrete path from the root of a JSON tree.
pub type Place = Vec<Key>;

/// One step of a [`Place`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// Member of an object.
    Member(Arc<str>),
    /// Element of an array.
    Index(usize),
}

impl Selection {
    /// Nothing selected?
    pub fn is_empty(&self) -> bool {
        match self {
            Selection::Nodes(nodes) => nodes.is_empty(),
            Selection::Json(matches) => matches.is_empty(),
            Selection::Value(value) => value.is_none(),
        }
    }

    /// The selection as XML items: what a node list property holds. JSON elements become their text.
    pub fn items(&self, message: &Message) -> Vec<XmlItem> {
        match self {
            Selection::Nodes(nodes) => {
                let envelope = message.payload.envelope();
                nodes.iter().map(|node| node.item(&envelope)).collect()
            }
            Selection::Json(matches) => {
                matches.iter().map(|m| XmlItem::Text(m.value.to_string().into())).collect()
            }
            Selection::Value(None) => Vec::new(),
            Selection::Value(Some(Value::Xml(element))) => vec![XmlItem::Element(element.clone())],
            Selection::Value(Some(Value::Nodes(items))) => items.to_vec(),
            Selection::Value(Some(other)) => vec![XmlItem::Text(other.text().into())],
        }
    }

    /// The selected JSON elements; empty for other dialects, except `${...}` giving JSON: an array is
    /// spread into its elements.
    pub fn json(self) -> Vec<Json> {
        match self {
            Selection::Json(matches) => matches.into_iter().map(|m| m.value).collect(),
            Selection::Value(Some(Value::Json(json))) => match Arc::unwrap_or_clone(json) {
                Json::Array(items) => items,
                other => vec![other],
            },
            _ => Vec::new(),
        }
    }
}

impl Selected {
    /// The element in the message's own envelope, when it is one.
    pub fn own_element(&self, envelope: &Envelope) -> Option<NodeId> {
        match self {
            Selected::Own(node) => envelope.document().is_element(*node).then_some(*node),
            _ => None,
        }
    }

    /// A value that outlives the message: elements as handles, everything else as text.
    pub fn item(&self, envelope: &Envelope) -> XmlItem {
        let document = envelope.document();
        match self {
            Selected::Own(node) => match document.kind(*node) {
                NodeKind::Element(_) | NodeKind::Document => {
                    XmlItem::Element(XmlElement::new(document.clone(), *node))
                }
                _ => XmlItem::Text(document.string_value(*node).into()),
            },
            Selected::OwnAttribute(node, name) => {
                XmlItem::Text(document.attribute_ns(*node, &name.ns, &name.local).unwrap_or_default().into())
            }
            Selected::Item(item) => item.clone(),
        }
    }
}

/// The element at a place.
pub fn at<'j>(root: &'j Json, place: &[Key]) -> Option<&'j Json> {
    place.iter().try_fold(root, |json, key| match (json, key) {
        (Json::Object(_), Key::Member(name)) => json.get(name),
        (Json::Array(items), Key::Index(index)) => items.get(*index),
        _ => None,
    })
}

/// The element at a place, to change.
pub fn at_mut<'j>(root: &'j mut Json, place: &[Key]) -> Option<&'j mut Json> {
    place.iter().try_fold(root, |json, key| match (json, key) {
        (json @ Json::Object(_), Key::Member(name)) => json.get_mut(name),
        (Json::Array(items), Key::Index(index)) => items.get_mut(*index),
        _ => None,
    })
}
