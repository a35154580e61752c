//! Handles on one element: borrowed for reading grammar, owned for keeping a part of a file.

use super::{Attribute, Document, NodeId, SYNAPSE};
use crate::source::{Source, SourceRef, Span};
use std::fmt;
use std::sync::Arc;

/// A borrowed element of a document.
#[derive(Clone, Copy)]
pub struct ElementRef<'a> {
    /// Its document.
    pub document: &'a Document,
    /// Its node.
    pub id: NodeId,
}

/// An element kept together with its document; cloning copies a pointer.
#[derive(Clone)]
pub struct XmlElement {
    document: Arc<Document>,
    id: NodeId,
}

impl XmlElement {
    /// A handle on an element of a shared document.
    pub fn new(document: Arc<Document>, id: NodeId) -> Self {
        Self { document, id }
    }

    /// The element for reading.
    pub fn get(&self) -> ElementRef<'_> {
        ElementRef { document: &self.document, id: self.id }
    }

    /// The shared document.
    pub fn document(&self) -> &Arc<Document> {
        &self.document
    }

    /// Its node.
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// First child in the Synapse namespace with this local name.
    pub fn child(&self, local: &str) -> Option<XmlElement> {
        self.get().child(local).map(|child| self.at(child.id))
    }

    /// Children in the Synapse namespace with this local name.
    pub fn children_named(&self, local: &str) -> Vec<XmlElement> {
        self.get().children_named(local).map(|child| self.at(child.id)).collect()
    }

    /// A handle on another node of the same document.
    pub fn at(&self, id: NodeId) -> Self {
        Self { document: self.document.clone(), id }
    }
}

impl fmt::Debug for XmlElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.get().local())
    }
}

impl fmt::Debug for ElementRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.local())
    }
}

impl<'a> ElementRef<'a> {
    /// Local name.
    pub fn local(self) -> &'a str {
        self.document.local_name(self.id)
    }

    /// Namespace URI, empty for none.
    pub fn ns(self) -> &'a str {
        self.document.namespace(self.id)
    }

    /// In the Synapse namespace?
    pub fn is_synapse(self) -> bool {
        self.ns() == SYNAPSE
    }

    /// Value of an attribute in no namespace.
    pub fn attr(self, local: &str) -> Option<&'a str> {
        self.document.attribute(self.id, local)
    }

    /// The attribute in no namespace, with its span.
    pub fn attribute(self, local: &str) -> Option<&'a Attribute> {
        self.attributes().iter().find(|a| &*a.name.local == local && a.name.ns.is_empty())
    }

    /// All attributes.
    pub fn attributes(self) -> &'a [Attribute] {
        self.document.element(self.id).map(|e| e.attributes.as_slice()).unwrap_or_default()
    }

    /// Child elements in order.
    pub fn children(self) -> impl Iterator<Item = ElementRef<'a>> {
        let document = self.document;
        document.child_elements(self.id).map(move |id| ElementRef { document, id })
    }

    /// First child in the Synapse namespace with this local name.
    pub fn child(self, local: &str) -> Option<ElementRef<'a>> {
        self.children().find(|c| c.local() == local && c.is_synapse())
    }

    /// Children in the Synapse namespace with this local name.
    pub fn children_named(self, local: &str) -> impl Iterator<Item = ElementRef<'a>> {
        self.children().filter(move |c| c.local() == local && c.is_synapse())
    }

    /// First child element in any namespace with this local name.
    pub fn child_any_ns(self, local: &str) -> Option<ElementRef<'a>> {
        self.children().find(|c| c.local() == local)
    }

    /// First child element of any name.
    pub fn first(self) -> Option<ElementRef<'a>> {
        self.children().next()
    }

    /// Text of the direct text children, as written.
    pub fn text(self) -> String {
        self.document.own_text(self.id)
    }

    /// Range of the start tag in the source.
    pub fn span(self) -> Span {
        self.document.span(self.id)
    }

    /// Place for a diagnostic about the element.
    pub fn place(self) -> (&'a SourceRef, Span) {
        (self.source(), self.span())
    }

    /// Place for a diagnostic about an attribute (the element when it is absent).
    pub fn place_of(self, local: &str) -> (&'a SourceRef, Span) {
        (self.source(), self.attribute(local).map_or(self.span(), |a| a.span))
    }

    /// The source of the document; built documents have an empty one.
    pub fn source(self) -> &'a SourceRef {
        static NOWHERE: std::sync::OnceLock<SourceRef> = std::sync::OnceLock::new();
        self.document.source().unwrap_or_else(|| NOWHERE.get_or_init(|| Source::new("", "")))
    }

    /// Prefixes in scope for expressions on this element; the default namespace is left out, as in
    /// MI's XPath. Of several declarations of a prefix the outermost counts there.
    pub fn prefixes(self) -> Vec<(Arc<str>, Arc<str>)> {
        let mut scope: Vec<(Arc<str>, Arc<str>)> = Vec::new();
        let mut at = Some(self.id);
        while let Some(node) = at {
            let declared = self.document.element(node).map(|e| e.declarations.as_slice()).unwrap_or_default();
            for (prefix, uri) in declared.iter().filter(|(prefix, _)| !prefix.is_empty()) {
                match scope.iter_mut().find(|(known, _)| known == prefix) {
                    Some(known) => known.1 = uri.clone(),
                    None => scope.push((prefix.clone(), uri.clone())),
                }
            }
            at = self.document.parent(node);
        }
        scope
    }

    /// The element and everything below it as XML text.
    pub fn to_xml(self) -> String {
        self.document.node_to_xml(self.id)
    }

    /// An owned handle on a copy of this element; spans, source and namespaces in scope are kept.
    pub fn to_element(self) -> XmlElement {
        let document = Document::excerpt(self.document, self.id);
        let id = document.root_element().unwrap_or(Document::ROOT);
        XmlElement::new(Arc::new(document), id)
    }

    /// A document of its own with a copy of this element as root.
    pub fn to_document(self) -> Document {
        Document::from_subtree(self.document, self.id)
    }
}
