//! What the source gives in XML mode: a list of nodes.

use super::{Enrich, Inline, Source};
use crate::errors::Fault;
use crate::eval::{Selected, Selection};
use crate::flow::Context;
use crate::mediators::parts::entry;
use crate::message::{Message, Value, XmlItem};
use artifacts::xml::{Document, NodeId, XmlElement, parse};
use std::sync::Arc;

/// One node of a source.
#[derive(Debug, Clone)]
pub(super) enum Piece {
    /// An element that is copied.
    Element(XmlElement),
    /// An element of the message itself that moves.
    Own(NodeId),
    /// Text.
    Text(Arc<str>),
    /// A whole envelope.
    Envelope(Arc<Document>),
}

/// The inline source with its places filled in.
pub(super) enum Filled {
    /// As written.
    No,
    Element(Arc<Document>),
    Text(Arc<str>),
}

impl Filled {
    /// Fills the places of an inline source; text that reads as XML becomes an element.
    pub(super) fn of(source: &Source, message: &Message, cx: &Context) -> Result<Self, Fault> {
        let holes = match source {
            Source::Inline(Inline::Element(_, Some(holes)) | Inline::Text(_, Some(holes))) => holes,
            _ => return Ok(Filled::No),
        };
        let text = holes.fill(message, cx)?;
        Ok(match parse(&text) {
            Ok(document) => Filled::Element(Arc::new(document)),
            Err(_) => Filled::Text(text.into()),
        })
    }
}

impl Enrich {
    /// The nodes of the source; none (and a line in the log) when it selects nothing.
    pub(super) fn pieces(
        &self,
        filled: &Filled,
        message: &Message,
        cx: &Context,
    ) -> Result<Vec<Piece>, Fault> {
        let pieces = match &self.source {
            Source::Custom(expr) => self.custom(expr, message, cx)?,
            Source::Envelope => vec![Piece::Envelope(message.payload.envelope().document().clone())],
            Source::Body => {
                let envelope = message.payload.envelope();
                envelope.payload().map(|node| self.own(envelope.document(), node)).into_iter().collect()
            }
            Source::Property(name) => message.property(name).map(property).unwrap_or_default(),
            Source::Inline(inline) => self.inline(inline, filled, cx),
            Source::Nothing => Vec::new(),
        };
        if pieces.is_empty() {
            tracing::error!("the source of <enrich> is empty or not usable");
        }
        Ok(pieces)
    }

    fn own(&self, document: &Arc<Document>, node: NodeId) -> Piece {
        if self.clone { Piece::Element(XmlElement::new(document.clone(), node)) } else { Piece::Own(node) }
    }

    fn custom(&self, expr: &crate::eval::Expr, message: &Message, cx: &Context) -> Result<Vec<Piece>, Fault> {
        let nodes = match expr.select(message, cx)? {
            Selection::Nodes(nodes) => nodes,
            other => return Ok(other.items(message).into_iter().map(item).collect()),
        };
        let envelope = message.payload.envelope();
        let document = envelope.document();
        Ok(nodes
            .iter()
            .filter_map(|node| match node {
                Selected::Own(id) if document.is_element(*id) => Some(self.own(document, *id)),
                Selected::Own(id) => document.text_of(*id).map(|text| Piece::Text(text.into())),
                // MI knows elements, texts and strings only.
                Selected::OwnAttribute(..) => None,
                Selected::Item(XmlItem::Text(_)) if gives_no_string(expr.source()) => None,
                Selected::Item(other) => Some(item(other.clone())),
            })
            .collect())
    }

    fn inline(&self, inline: &Inline, filled: &Filled, cx: &Context) -> Vec<Piece> {
        match (filled, inline) {
            (Filled::Element(document), _) | (Filled::No, Inline::Element(document, _)) => {
                vec![element_or_envelope(document)]
            }
            (Filled::Text(text), _) | (Filled::No, Inline::Text(text, _)) => vec![Piece::Text(text.clone())],
            (Filled::No, Inline::Key(key)) => match entry::get(cx, key) {
                Some(Value::Xml(element)) => {
                    vec![element_or_envelope(&Arc::new(element.get().to_document()))]
                }
                Some(Value::String(text)) => vec![Piece::Text(text)],
                _ => Vec::new(),
            },
        }
    }
}

/// XPath calls whose result is a number or boolean, which MI does not take as a source.
fn gives_no_string(source: &str) -> bool {
    const FUNCTIONS: [&str; 13] = [
        "count(",
        "sum(",
        "number(",
        "string-length(",
        "floor(",
        "ceiling(",
        "round(",
        "boolean(",
        "not(",
        "contains(",
        "starts-with(",
        "true(",
        "false(",
    ];
    FUNCTIONS.iter().any(|function| source.trim_start().starts_with(function))
}

fn element_or_envelope(document: &Arc<Document>) -> Piece {
    let root = document.root_element().unwrap_or(Document::ROOT);
    if document.local_name(root) == "Envelope" {
        return Piece::Envelope(document.clone());
    }
    Piece::Element(XmlElement::new(document.clone(), root))
}

fn property(value: Value) -> Vec<Piece> {
    match value {
        Value::Xml(element) => vec![Piece::Element(element)],
        Value::String(text) => vec![Piece::Text(text)],
        Value::Json(json) => vec![Piece::Text(json.to_string().into())],
        Value::Nodes(items) => items.iter().cloned().map(item).collect(),
        Value::Envelope(document) => vec![Piece::Envelope(document)],
        _ => Vec::new(),
    }
}

fn item(item: XmlItem) -> Piece {
    match item {
        XmlItem::Element(element) => Piece::Element(element),
        XmlItem::Text(text) => Piece::Text(text),
    }
}
