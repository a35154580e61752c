//! Handles on nodes, and what XPath asks of one node.

use artifacts::xml::{Attribute, Document, Name, NodeId, NodeKind};
use std::borrow::Cow;
use std::sync::Arc;

/// A node of some document. Copying copies a pointer and two numbers.
#[derive(Debug, Clone, Copy)]
pub struct Node<'a> {
    /// Its document.
    pub document: &'a Document,
    /// The node, or the element that carries the attribute or namespace.
    pub id: NodeId,
    /// Which part of it.
    pub part: Part,
}

/// XPath has nodes that the arena has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The node itself.
    Whole,
    /// A namespace in scope, by its index in [`Document::namespaces_in_scope`]; one past the end is `xml`.
    Namespace(u32),
    /// An attribute by its index.
    Attribute(u32),
}

impl PartialEq for Node<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.part == other.part && std::ptr::eq(self.document, other.document)
    }
}

impl Eq for Node<'_> {}

impl<'a> Node<'a> {
    /// A node of the arena.
    pub fn new(document: &'a Document, id: NodeId) -> Self {
        Self { document, id, part: Part::Whole }
    }

    /// Another node of the same document.
    pub fn at(self, id: NodeId) -> Self {
        Self::new(self.document, id)
    }

    /// The document node of its document.
    pub fn root(self) -> Self {
        self.at(Document::ROOT)
    }

    /// What the arena node is; `None` for attributes and namespaces.
    pub fn kind(self) -> Option<&'a NodeKind> {
        (self.part == Part::Whole).then(|| self.document.kind(self.id))
    }

    /// Is it an element?
    pub fn is_element(self) -> bool {
        matches!(self.kind(), Some(NodeKind::Element(_)))
    }

    /// Is it text or CDATA?
    pub fn is_text(self) -> bool {
        matches!(self.kind(), Some(NodeKind::Text(..)))
    }

    /// Is it the document node?
    pub fn is_document(self) -> bool {
        matches!(self.kind(), Some(NodeKind::Document))
    }

    /// The attribute, if it is one.
    pub fn attribute(self) -> Option<&'a Attribute> {
        match self.part {
            Part::Attribute(index) => self.document.element(self.id)?.attributes.get(index as usize),
            _ => None,
        }
    }

    /// Prefix and URI, if it is a namespace node.
    pub fn namespace_binding(self) -> Option<(Arc<str>, Arc<str>)> {
        let Part::Namespace(index) = self.part else { return None };
        let mut scope = self.document.namespaces_in_scope(self.id);
        scope.push(("xml".into(), artifacts::xml::XML_NS.into()));
        scope.into_iter().nth(index as usize)
    }

    /// Name of an element or attribute.
    pub fn name(self) -> Option<&'a Name> {
        match self.part {
            Part::Whole => self.document.name(self.id),
            Part::Attribute(_) => self.attribute().map(|a| &a.name),
            Part::Namespace(_) => None,
        }
    }

    /// Parent; the carrying element for attributes and namespaces.
    pub fn parent(self) -> Option<Self> {
        match self.part {
            Part::Whole => self.document.parent(self.id).map(|id| self.at(id)),
            _ => Some(self.at(self.id)),
        }
    }

    /// XPath's `local-name()`.
    pub fn local_name(self) -> Cow<'a, str> {
        match (self.name(), self.kind()) {
            (Some(name), _) => Cow::Borrowed(&name.local),
            (None, Some(NodeKind::Instruction(target, _))) => Cow::Borrowed(target),
            _ => self
                .namespace_binding()
                .map_or(Cow::Borrowed(""), |(prefix, _)| Cow::Owned(prefix.to_string())),
        }
    }

    /// XPath's string-value. Borrowed when it is one piece of text.
    pub fn string_value(self) -> Cow<'a, str> {
        match self.part {
            Part::Attribute(_) => Cow::Borrowed(self.attribute().map_or("", |a| &a.value)),
            Part::Namespace(_) => {
                self.namespace_binding().map_or(Cow::Borrowed(""), |(_, uri)| Cow::Owned(uri.to_string()))
            }
            Part::Whole => match self.document.kind(self.id) {
                NodeKind::Text(text, _) | NodeKind::Comment(text) | NodeKind::Instruction(_, text) => {
                    Cow::Borrowed(text)
                }
                NodeKind::Element(_) | NodeKind::Document => self.text_below(),
            },
        }
    }

    fn text_below(self) -> Cow<'a, str> {
        let document = self.document;
        let Some(first) = document.first_child(self.id) else { return Cow::Borrowed("") };
        match document.kind(first) {
            NodeKind::Text(text, _) if document.next_sibling(first).is_none() => Cow::Borrowed(text),
            _ => Cow::Owned(document.string_value(self.id)),
        }
    }
}
