//! Where a format comes from: it stands in place, or in a local entry or registry resource.

use crate::compile::Compiler;
use crate::errors::Fault;
use crate::eval::Dynamic;
use crate::flow::Context;
use crate::mediators::parts::{entry, last::Last};
use crate::message::{Message, Value};
use artifacts::diagnostics::Code;
use artifacts::xml::{Document, ElementRef, NodeId, XmlElement};
use std::sync::Arc;

/// A compiled format, or the key of one.
#[derive(Debug)]
pub(super) enum Source<T> {
    Inline(Arc<T>),
    Key(Dynamic, Last<T>),
}

impl<T> Source<T> {
    /// Reads the key, or else compiles the text in place; what `make` says against it is an error.
    pub(super) fn read(
        element: ElementRef<'_>,
        media: Option<&str>,
        compiler: &mut Compiler,
        make: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<Self> {
        if element.attr("key").is_some() {
            return compiler.dynamic(element, "key").map(|key| Source::Key(key, Last::default()));
        }
        match make(&inline_text(element, media)) {
            Ok(format) => Some(Source::Inline(Arc::new(format))),
            Err(problem) => {
                compiler.error(Code::BAD_EXPRESSION, element.place(), problem);
                None
            }
        }
    }

    /// The format for this message. The text of an entry that is XML is what `text_of` gives; what `make`
    /// says against a text is a fault.
    pub(super) fn get(
        &self,
        message: &Message,
        cx: &Context,
        text_of: impl FnOnce(&XmlElement) -> String,
        make: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Arc<T>, Fault> {
        let (key, last) = match self {
            Source::Inline(format) => return Ok(format.clone()),
            Source::Key(key, last) => (key, last),
        };
        let key = key.text(message, cx)?.unwrap_or_default();
        let text = match entry::get(cx, &key) {
            Some(Value::Xml(element)) => text_of(&element),
            Some(other) => other.text().into_owned(),
            None => return Err(Fault::new(format!("Key {key} not found "))),
        };
        last.get(&text, make).map_err(Fault::new)
    }
}

/// JSON and text formats are the element's text; others the first child element, else the text.
fn inline_text(element: ElementRef<'_>, media: Option<&str>) -> String {
    let copy = without_blanks(element);
    let textual = media.is_some_and(|m| m.contains("json") || m.contains("text"));
    let root = copy.root_element().unwrap_or(Document::ROOT);
    match copy.first_element(root).filter(|_| !textual) {
        Some(child) => copy.node_to_xml(child),
        None => copy.own_text(root),
    }
}

/// A copy without the texts that are only blanks, which MI removes from formats.
pub(super) fn without_blanks(element: ElementRef<'_>) -> Document {
    let mut copy = element.to_document();
    let blank = |id: &NodeId| copy.text_of(*id).is_some_and(|t| t.trim().is_empty());
    let blanks: Vec<NodeId> = copy.descendants(Document::ROOT).filter(blank).collect();
    for node in blanks {
        copy.detach(node);
    }
    copy
}
