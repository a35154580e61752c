//! One tree for artifacts and for messages: an arena of nodes with namespaces and byte offsets.
//!
//! Nodes are `u32` indexes into a vector; a document can be cloned, shared between threads and
//! changed in place. Detached nodes stay in the arena until the document is dropped.

mod build;
mod element;
mod parse;
mod write;

pub use element::{ElementRef, XmlElement};
pub use parse::{ParseError, parse, parse_root_into, parse_source};
pub use write::{WriteOptions, escape_attribute, escape_text};

use crate::source::{SourceRef, Span};
use std::sync::Arc;

/// The namespace of Synapse configuration elements.
pub const SYNAPSE: &str = "http://ws.apache.org/ns/synapse";
/// The namespace bound to the prefix `xml`.
pub const XML_NS: &str = "http://www.w3.org/XML/1998/namespace";

/// Index of a node in its [`Document`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) u32);

impl NodeId {
    /// Place in the arena, for tables beside the document.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

const NONE: u32 = u32::MAX;

/// A qualified name. Empty `ns` means "in no namespace", empty `prefix` "written without one".
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Name {
    /// Namespace URI.
    pub ns: Arc<str>,
    /// Prefix as written.
    pub prefix: Arc<str>,
    /// Local part.
    pub local: Arc<str>,
}

/// An attribute that is not a namespace declaration.
#[derive(Debug, Clone)]
pub struct Attribute {
    /// Its name; an attribute without prefix is in no namespace.
    pub name: Name,
    /// Normalised value.
    pub value: Arc<str>,
    /// Range of the value in the source, for parsed documents.
    pub span: Span,
}

/// Name, attributes and namespace declarations of an element.
#[derive(Debug, Clone)]
pub struct ElementData {
    /// Qualified name.
    pub name: Name,
    /// Attributes in document order.
    pub attributes: Vec<Attribute>,
    /// Declarations written on this element: (prefix, URI); an empty prefix is the default namespace.
    pub declarations: Vec<(Arc<str>, Arc<str>)>,
}

/// What a node is.
#[derive(Debug, Clone)]
pub enum NodeKind {
    /// Parent of the root element; always node 0.
    Document,
    /// An element.
    Element(Box<ElementData>),
    /// Character data; `true` when it was written as CDATA.
    Text(Arc<str>, bool),
    /// A comment.
    Comment(Arc<str>),
    /// A processing instruction: target and data.
    Instruction(Arc<str>, Arc<str>),
}

#[derive(Debug, Clone)]
pub(crate) struct Node {
    parent: u32,
    previous: u32,
    next: u32,
    first: u32,
    last: u32,
    pub(crate) span: Span,
    pub(crate) kind: NodeKind,
}

/// A tree of nodes. Cheap to create; cloning copies the arena.
#[derive(Debug, Clone)]
pub struct Document {
    pub(crate) nodes: Vec<Node>,
    pub(crate) source: Option<SourceRef>,
}

impl Name {
    /// A name from its three parts.
    pub fn new(ns: &str, prefix: &str, local: &str) -> Self {
        Self { ns: ns.into(), prefix: prefix.into(), local: local.into() }
    }

    /// A name in no namespace.
    pub fn plain(local: &str) -> Self {
        Self::new("", "", local)
    }

    /// As written: `prefix:local` or `local`.
    pub fn qualified(&self) -> String {
        if self.prefix.is_empty() {
            self.local.to_string()
        } else {
            format!("{}:{}", self.prefix, self.local)
        }
    }
}

impl Default for Document {
    fn default() -> Self {
        Self::new()
    }
}

impl Document {
    /// The document node, parent of the root element.
    pub const ROOT: NodeId = NodeId(0);

    /// A document without a root element.
    pub fn new() -> Self {
        let mut document = Self { nodes: Vec::with_capacity(16), source: None };
        document.push(NodeKind::Document, Span::default());
        document
    }

    pub(crate) fn push(&mut self, kind: NodeKind, span: Span) -> NodeId {
        let id = self.nodes.len() as u32;
        self.nodes.push(Node {
            parent: NONE,
            previous: NONE,
            next: NONE,
            first: NONE,
            last: NONE,
            span,
            kind,
        });
        NodeId(id)
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    fn link(index: u32) -> Option<NodeId> {
        (index != NONE).then_some(NodeId(index))
    }

    /// Number of nodes in the arena, detached ones included; every [`NodeId::index`] is below it.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// The source it was parsed from.
    pub fn source(&self) -> Option<&SourceRef> {
        self.source.as_ref()
    }

    /// What the node is.
    pub fn kind(&self, id: NodeId) -> &NodeKind {
        &self.node(id).kind
    }

    /// Range in the source; empty for built nodes.
    pub fn span(&self, id: NodeId) -> Span {
        self.node(id).span
    }

    /// Parent, `None` for the document and detached nodes.
    pub fn parent(&self, id: NodeId) -> Option<NodeId> {
        Self::link(self.node(id).parent)
    }

    /// First child of any kind.
    pub fn first_child(&self, id: NodeId) -> Option<NodeId> {
        Self::link(self.node(id).first)
    }

    /// Last child of any kind.
    pub fn last_child(&self, id: NodeId) -> Option<NodeId> {
        Self::link(self.node(id).last)
    }

    /// Following sibling.
    pub fn next_sibling(&self, id: NodeId) -> Option<NodeId> {
        Self::link(self.node(id).next)
    }

    /// Preceding sibling.
    pub fn previous_sibling(&self, id: NodeId) -> Option<NodeId> {
        Self::link(self.node(id).previous)
    }

    /// Children of any kind, in order.
    pub fn children(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        std::iter::successors(self.first_child(id), move |n| self.next_sibling(*n))
    }

    /// Child elements, in order.
    pub fn child_elements(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        self.children(id).filter(move |n| self.is_element(*n))
    }

    /// First child element.
    pub fn first_element(&self, id: NodeId) -> Option<NodeId> {
        self.child_elements(id).next()
    }

    /// The root element.
    pub fn root_element(&self) -> Option<NodeId> {
        self.first_element(Self::ROOT)
    }

    /// First child element with this local name, in any namespace.
    pub fn child_named(&self, id: NodeId, local: &str) -> Option<NodeId> {
        self.child_elements(id).find(|n| self.local_name(*n) == local)
    }

    /// Descendants in document order, without the node itself.
    pub fn descendants(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        std::iter::successors(self.first_child(id), move |n| self.following_within(*n, id))
    }

    /// The next node in document order below `top`.
    pub fn following_within(&self, id: NodeId, top: NodeId) -> Option<NodeId> {
        if let Some(child) = self.first_child(id) {
            return Some(child);
        }
        let mut at = id;
        loop {
            if at == top {
                return None;
            }
            if let Some(next) = self.next_sibling(at) {
                return Some(next);
            }
            at = self.parent(at)?;
        }
    }

    /// Is it an element?
    pub fn is_element(&self, id: NodeId) -> bool {
        matches!(self.node(id).kind, NodeKind::Element(_))
    }

    /// Is it text or CDATA?
    pub fn is_text(&self, id: NodeId) -> bool {
        matches!(self.node(id).kind, NodeKind::Text(..))
    }

    /// Element data, `None` for other nodes.
    pub fn element(&self, id: NodeId) -> Option<&ElementData> {
        match &self.node(id).kind {
            NodeKind::Element(data) => Some(data),
            _ => None,
        }
    }

    /// Element data to change.
    pub fn element_mut(&mut self, id: NodeId) -> Option<&mut ElementData> {
        match &mut self.nodes[id.0 as usize].kind {
            NodeKind::Element(data) => Some(data),
            _ => None,
        }
    }

    /// Name of an element.
    pub fn name(&self, id: NodeId) -> Option<&Name> {
        self.element(id).map(|e| &e.name)
    }

    /// Local name of an element, empty for other nodes.
    pub fn local_name(&self, id: NodeId) -> &str {
        self.element(id).map_or("", |e| &e.name.local)
    }

    /// Namespace URI of an element, empty for none and for other nodes.
    pub fn namespace(&self, id: NodeId) -> &str {
        self.element(id).map_or("", |e| &e.name.ns)
    }

    /// Is it an element of this namespace and local name?
    pub fn is_named(&self, id: NodeId, ns: &str, local: &str) -> bool {
        self.element(id).is_some_and(|e| &*e.name.local == local && &*e.name.ns == ns)
    }

    /// Value of the attribute in no namespace with this name.
    pub fn attribute(&self, id: NodeId, local: &str) -> Option<&str> {
        self.attribute_ns(id, "", local)
    }

    /// Value of an attribute by namespace and local name.
    pub fn attribute_ns(&self, id: NodeId, ns: &str, local: &str) -> Option<&str> {
        let attributes = &self.element(id)?.attributes;
        attributes.iter().find(|a| &*a.name.local == local && &*a.name.ns == ns).map(|a| &*a.value)
    }

    /// The text of a text node.
    pub fn text_of(&self, id: NodeId) -> Option<&str> {
        match &self.node(id).kind {
            NodeKind::Text(text, _) => Some(text),
            _ => None,
        }
    }

    /// Concatenated text of the direct text children (Axiom's `getText`).
    pub fn own_text(&self, id: NodeId) -> String {
        self.children(id).filter_map(|n| self.text_of(n)).collect()
    }

    /// Concatenated text of all descendants (the XPath string value).
    pub fn string_value(&self, id: NodeId) -> String {
        match &self.node(id).kind {
            NodeKind::Text(text, _) | NodeKind::Comment(text) | NodeKind::Instruction(_, text) => {
                text.to_string()
            }
            NodeKind::Document | NodeKind::Element(_) => {
                self.descendants(id).filter_map(|n| self.text_of(n)).collect()
            }
        }
    }

    /// Namespace that a prefix means at this element; the empty prefix asks for the default namespace.
    pub fn lookup_prefix(&self, id: NodeId, prefix: &str) -> Option<Arc<str>> {
        if prefix == "xml" {
            return Some(XML_NS.into());
        }
        let mut at = Some(id);
        while let Some(node) = at {
            if let Some(element) = self.element(node)
                && let Some((_, uri)) = element.declarations.iter().rev().find(|(p, _)| &**p == prefix)
            {
                return (!uri.is_empty()).then(|| uri.clone());
            }
            at = self.parent(node);
        }
        None
    }

    /// Every (prefix, URI) in scope at this element, inner declarations first; no `xml`.
    pub fn namespaces_in_scope(&self, id: NodeId) -> Vec<(Arc<str>, Arc<str>)> {
        let mut found: Vec<(Arc<str>, Arc<str>)> = Vec::new();
        let mut at = Some(id);
        while let Some(node) = at {
            for (prefix, uri) in self.element(node).map(|e| e.declarations.as_slice()).unwrap_or_default() {
                if !found.iter().any(|(p, _)| p == prefix) {
                    found.push((prefix.clone(), uri.clone()));
                }
            }
            at = self.parent(node);
        }
        found.retain(|(_, uri)| !uri.is_empty());
        found
    }

    /// Document order of two attached nodes.
    pub fn compare_order(&self, a: NodeId, b: NodeId) -> std::cmp::Ordering {
        if a == b {
            return std::cmp::Ordering::Equal;
        }
        let path = |id: NodeId| {
            let mut path: Vec<NodeId> = std::iter::successors(Some(id), |n| self.parent(*n)).collect();
            path.reverse();
            path
        };
        let (left, right) = (path(a), path(b));
        let split = left.iter().zip(&right).position(|(x, y)| x != y);
        match split {
            None => left.len().cmp(&right.len()),
            Some(at) => {
                let follows = std::iter::successors(self.next_sibling(left[at]), |n| self.next_sibling(*n));
                if follows.into_iter().any(|n| n == right[at]) {
                    std::cmp::Ordering::Less
                } else {
                    std::cmp::Ordering::Greater
                }
            }
        }
    }
}
