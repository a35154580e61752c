//! Result trees while they grow.

use crate::eval::xpath::{Node, Part};
use artifacts::xml::{Document, ElementData, Name, NodeId, NodeKind};
use std::sync::Arc;

/// Around text that `disable-output-escaping` asks to write as markup; both are private characters.
pub(super) const RAW: (char, char) = ('\u{f8f0}', '\u{f8f1}');

/// Writes a tree from start to end.
#[derive(Debug)]
pub(super) struct Builder {
    document: Document,
    open: Vec<NodeId>,
    pending: String,
    pub(super) raw: bool,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self { document: Document::new(), open: Vec::new(), pending: String::new(), raw: false }
    }

    fn parent(&self) -> NodeId {
        self.open.last().copied().unwrap_or(Document::ROOT)
    }

    /// Is no element open?
    pub(super) fn is_top(&self) -> bool {
        self.open.is_empty()
    }

    fn flush(&mut self) {
        if !self.pending.is_empty() {
            let text = std::mem::take(&mut self.pending);
            self.document.add_text(self.parent(), &text);
        }
    }

    pub(super) fn text(&mut self, text: &str) {
        self.pending.push_str(text);
    }

    pub(super) fn raw_text(&mut self, text: &str) {
        self.raw = true;
        self.pending.push(RAW.0);
        self.pending.push_str(text);
        self.pending.push(RAW.1);
    }

    /// Opens an element; `declarations` that the scope already has are left out.
    pub(super) fn start(&mut self, name: Name, declarations: &[(Arc<str>, Arc<str>)]) {
        self.flush();
        let parent = self.parent();
        let id = self.document.create_element(name);
        self.document.append(parent, id);
        for (prefix, uri) in declarations {
            self.namespace_on(id, prefix, uri);
        }
        self.document.declare_if_needed(id);
        self.open.push(id);
    }

    pub(super) fn end(&mut self) {
        self.flush();
        self.open.pop();
    }

    fn namespace_on(&mut self, id: NodeId, prefix: &str, uri: &str) {
        let known = self.document.lookup_prefix(id, prefix);
        if known.as_deref() != Some(uri) && !(known.is_none() && uri.is_empty()) && prefix != "xml" {
            self.document.declare(id, prefix, uri);
        }
    }

    /// Declares a namespace on the open element.
    pub(super) fn namespace(&mut self, prefix: &str, uri: &str) {
        if let Some(id) = self.open.last().copied() {
            self.namespace_on(id, prefix, uri);
        }
    }

    /// Sets an attribute of the open element; after children it is too late and nothing happens.
    pub(super) fn attribute(&mut self, name: Name, value: &str) {
        let Some(id) = self.open.last().copied() else { return };
        if !self.pending.is_empty() || self.document.first_child(id).is_some() {
            return;
        }
        let name =
            if name.ns.is_empty() { Name { prefix: "".into(), ..name } } else { self.with_prefix(id, name) };
        self.document.set_attribute_name(id, name, value);
    }

    /// Gives an attribute of a namespace a prefix that means it here.
    fn with_prefix(&mut self, id: NodeId, name: Name) -> Name {
        if &*name.ns == artifacts::xml::XML_NS {
            return Name { prefix: "xml".into(), ..name };
        }
        let wanted = if name.prefix.is_empty() { "ns0" } else { &name.prefix };
        let mut prefix: Arc<str> = wanted.into();
        let mut number = 0;
        loop {
            let own =
                self.document.element(id).is_some_and(|e| e.declarations.iter().any(|(p, _)| *p == prefix));
            match self.document.lookup_prefix(id, &prefix) {
                Some(uri) if uri == name.ns => break,
                Some(_) if own || self.document.name(id).is_some_and(|n| n.prefix == prefix) => {
                    prefix = format!("ns{number}").into();
                    number += 1;
                }
                _ => {
                    self.document.declare(id, &prefix, &name.ns);
                    break;
                }
            }
        }
        Name { prefix, ..name }
    }

    pub(super) fn comment(&mut self, text: &str) {
        let text = text.replace("--", "- -");
        let text = if text.ends_with('-') { format!("{text} ") } else { text };
        self.leaf(NodeKind::Comment(text.into()));
    }

    pub(super) fn instruction(&mut self, target: &str, data: &str) {
        self.leaf(NodeKind::Instruction(target.into(), data.replace("?>", "? >").into()));
    }

    fn leaf(&mut self, kind: NodeKind) {
        self.flush();
        let id = self.document.create(kind);
        let parent = self.parent();
        self.document.append(parent, id);
    }

    /// A deep copy of any node.
    pub(super) fn copy(&mut self, node: Node<'_>) {
        match (node.part, node.kind()) {
            (Part::Attribute(_), _) => {
                if let Some(attribute) = node.attribute() {
                    self.attribute(attribute.name.clone(), &attribute.value);
                }
            }
            (Part::Namespace(_), _) => {
                if let Some((prefix, uri)) = node.namespace_binding() {
                    self.namespace(&prefix, &uri);
                }
            }
            (Part::Whole, Some(NodeKind::Document)) => {
                for child in node.document.children(node.id) {
                    self.copy(node.at(child));
                }
            }
            (Part::Whole, Some(NodeKind::Text(text, _))) => self.text(text),
            (Part::Whole, _) => {
                self.flush();
                let copy = self.document.import(node.document, node.id);
                let parent = self.parent();
                self.document.append(parent, copy);
                self.drop_known(copy);
                self.undeclare_default(copy);
            }
        }
    }

    /// Declarations of a copied element that its new surroundings have already.
    fn drop_known(&mut self, id: NodeId) {
        let Some(parent) = self.document.parent(id).filter(|p| *p != Document::ROOT) else { return };
        let scope = self.document.namespaces_in_scope(parent);
        if let Some(element) = self.document.element_mut(id) {
            element.declarations.retain(|declaration| !scope.contains(declaration));
        }
    }

    /// An element in no namespace below a default namespace needs `xmlns=""`.
    fn undeclare_default(&mut self, id: NodeId) {
        let plain = |e: &ElementData| e.name.ns.is_empty() && e.name.prefix.is_empty();
        if self.document.element(id).is_some_and(plain) {
            self.document.declare_if_needed(id);
        }
    }

    /// The finished tree.
    pub(super) fn finish(mut self) -> Document {
        self.flush();
        self.document
    }

    /// Only the text: what attributes and comments take from their content.
    pub(super) fn into_text(self) -> String {
        if self.document.first_child(Document::ROOT).is_none() {
            return self.pending;
        }
        self.finish_text()
    }

    fn finish_text(self) -> String {
        let document = self.finish();
        document.string_value(Document::ROOT)
    }
}
