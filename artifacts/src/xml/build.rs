//! Making and changing trees: append, insert, detach, copy between documents.

use super::{Attribute, Document, ElementData, NONE, Name, NodeId, NodeKind};
use crate::source::Span;
use std::sync::Arc;

impl Document {
    /// A document whose root element is a copy of `node` of another document.
    pub fn from_subtree(other: &Document, node: NodeId) -> Self {
        let mut document = Self::new();
        let copy = document.import(other, node);
        document.append(Self::ROOT, copy);
        document
    }

    /// Like [`Document::from_subtree`] for a part of an artifact that shall stand alone: spans and source
    /// stay, and every prefix in scope is declared on the copy, so that expressions in it keep their meaning.
    pub fn excerpt(other: &Document, node: NodeId) -> Self {
        let mut document = Self::new();
        document.source = other.source.clone();
        let mut open = vec![(node, Self::ROOT)];
        while let Some((original, parent)) = open.pop() {
            let new = document.push(other.kind(original).clone(), other.span(original));
            document.append(parent, new);
            let at = open.len();
            open.extend(other.children(original).map(|child| (child, new)));
            open[at..].reverse();
        }
        if let Some(root) = document.root_element() {
            for (prefix, uri) in other.namespaces_in_scope(node) {
                document.declare(root, &prefix, &uri);
            }
        }
        document
    }

    /// A detached element without attributes.
    pub fn create_element(&mut self, name: Name) -> NodeId {
        let data = ElementData { name, attributes: Vec::new(), declarations: Vec::new() };
        self.push(NodeKind::Element(Box::new(data)), Span::default())
    }

    /// A detached text node.
    pub fn create_text(&mut self, text: &str) -> NodeId {
        self.push(NodeKind::Text(text.into(), false), Span::default())
    }

    /// A detached node of any kind but a document.
    pub fn create(&mut self, kind: NodeKind) -> NodeId {
        self.push(kind, Span::default())
    }

    /// A new element as last child of `parent`; declares its namespace when it is not in scope.
    pub fn add_element(&mut self, parent: NodeId, name: Name) -> NodeId {
        let id = self.create_element(name);
        self.append(parent, id);
        self.declare_if_needed(id);
        id
    }

    /// A new text as last child of `parent`.
    pub fn add_text(&mut self, parent: NodeId, text: &str) {
        let id = self.create_text(text);
        self.append(parent, id);
    }

    /// Declares the element's own prefix on it unless the scope already says the same.
    pub fn declare_if_needed(&mut self, id: NodeId) {
        let Some(name) = self.name(id).cloned() else { return };
        let current = self.lookup_prefix(id, &name.prefix).unwrap_or_else(|| "".into());
        if *current != *name.ns && &*name.prefix != "xml" {
            self.declare(id, &name.prefix, &name.ns);
        }
    }

    /// Declares a prefix on an element, replacing a declaration of the same prefix there.
    pub fn declare(&mut self, id: NodeId, prefix: &str, uri: &str) {
        if let Some(element) = self.element_mut(id) {
            element.declarations.retain(|(p, _)| &**p != prefix);
            element.declarations.push((prefix.into(), uri.into()));
        }
    }

    /// Sets an attribute in no namespace.
    pub fn set_attribute(&mut self, id: NodeId, local: &str, value: &str) {
        self.set_attribute_name(id, Name::plain(local), value);
    }

    /// Sets an attribute by its whole name.
    pub fn set_attribute_name(&mut self, id: NodeId, name: Name, value: &str) {
        let Some(element) = self.element_mut(id) else { return };
        let same = |a: &&mut Attribute| a.name.local == name.local && a.name.ns == name.ns;
        match element.attributes.iter_mut().find(same) {
            Some(attribute) => attribute.value = value.into(),
            None => element.attributes.push(Attribute { name, value: value.into(), span: Span::default() }),
        }
    }

    /// Removes an attribute by namespace and local name.
    pub fn remove_attribute(&mut self, id: NodeId, ns: &str, local: &str) {
        if let Some(element) = self.element_mut(id) {
            element.attributes.retain(|a| !(&*a.name.local == local && &*a.name.ns == ns));
        }
    }

    /// Replaces the text of a text node.
    pub fn set_text_node(&mut self, id: NodeId, text: &str) {
        if let NodeKind::Text(old, _) = &mut self.nodes[id.0 as usize].kind {
            *old = text.into();
        }
    }

    /// Replaces all children by one text (none when empty).
    pub fn set_text(&mut self, id: NodeId, text: &str) {
        self.clear(id);
        if !text.is_empty() {
            self.add_text(id, text);
        }
    }

    /// Detaches all children.
    pub fn clear(&mut self, id: NodeId) {
        while let Some(child) = self.first_child(id) {
            self.detach(child);
        }
    }

    /// Makes `child` (detached first if needed) the last child of `parent`.
    pub fn append(&mut self, parent: NodeId, child: NodeId) {
        self.detach(child);
        let last = self.nodes[parent.0 as usize].last;
        self.nodes[child.0 as usize].parent = parent.0;
        self.nodes[child.0 as usize].previous = last;
        self.nodes[parent.0 as usize].last = child.0;
        if last == NONE {
            self.nodes[parent.0 as usize].first = child.0;
        } else {
            self.nodes[last as usize].next = child.0;
        }
    }

    /// Puts `node` (detached first if needed) right before `sibling`.
    pub fn insert_before(&mut self, sibling: NodeId, node: NodeId) {
        self.detach(node);
        let (parent, previous) = (self.node(sibling).parent, self.node(sibling).previous);
        let new = &mut self.nodes[node.0 as usize];
        (new.parent, new.previous, new.next) = (parent, previous, sibling.0);
        self.nodes[sibling.0 as usize].previous = node.0;
        if previous != NONE {
            self.nodes[previous as usize].next = node.0;
        } else if parent != NONE {
            self.nodes[parent as usize].first = node.0;
        }
    }

    /// Puts `node` (detached first if needed) right after `sibling`.
    pub fn insert_after(&mut self, sibling: NodeId, node: NodeId) {
        match (self.next_sibling(sibling), self.parent(sibling)) {
            (Some(next), _) if next != node => self.insert_before(next, node),
            (Some(_), _) => {}
            (None, Some(parent)) => self.append(parent, node),
            (None, None) => {}
        }
    }

    /// Takes a node out of its parent; it stays usable.
    pub fn detach(&mut self, id: NodeId) {
        let (parent, previous, next) = {
            let node = self.node(id);
            (node.parent, node.previous, node.next)
        };
        if previous != NONE {
            self.nodes[previous as usize].next = next;
        } else if parent != NONE {
            self.nodes[parent as usize].first = next;
        }
        if next != NONE {
            self.nodes[next as usize].previous = previous;
        } else if parent != NONE {
            self.nodes[parent as usize].last = previous;
        }
        let node = &mut self.nodes[id.0 as usize];
        (node.parent, node.previous, node.next) = (NONE, NONE, NONE);
    }

    /// Copies a subtree of another document into this one, detached. Namespaces that the subtree
    /// uses but does not declare itself are declared on the copy.
    pub fn import(&mut self, other: &Document, node: NodeId) -> NodeId {
        let top = self.copy_subtree(other, node);
        self.fix_declarations(other, node, top);
        top
    }

    fn copy_subtree(&mut self, other: &Document, node: NodeId) -> NodeId {
        let top = self.push(other.kind(node).clone(), Span::default());
        // Iterative, so that depth never depends on the stack: (original, copy) pairs to expand.
        let mut open = vec![(node, top)];
        while let Some((original, copy)) = open.pop() {
            for child in other.children(original) {
                let new = self.push(other.kind(child).clone(), Span::default());
                self.append(copy, new);
                open.push((child, new));
            }
        }
        top
    }

    fn fix_declarations(&mut self, other: &Document, original: NodeId, copy: NodeId) {
        let Some(element) = self.element(copy) else { return };
        let own: Vec<Arc<str>> = element.declarations.iter().map(|(p, _)| p.clone()).collect();
        let missing: Vec<_> = other
            .namespaces_in_scope(original)
            .into_iter()
            .filter(|(prefix, _)| !own.contains(prefix) && self.uses_prefix(copy, prefix))
            .collect();
        for (prefix, uri) in missing {
            self.declare(copy, &prefix, &uri);
        }
    }

    fn uses_prefix(&self, top: NodeId, prefix: &str) -> bool {
        std::iter::once(top).chain(self.descendants(top)).filter_map(|n| self.element(n)).any(|e| {
            (&*e.name.prefix == prefix && (!prefix.is_empty() || !e.name.ns.is_empty()))
                || e.attributes.iter().any(|a| !prefix.is_empty() && &*a.name.prefix == prefix)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn import_keeps_namespaces() {
        let source = parse("<a xmlns='urn:a' xmlns:b='urn:b'><c b:x='1'><d/></c></a>").unwrap();
        let c = source.first_element(source.root_element().unwrap()).unwrap();
        let copy = Document::from_subtree(&source, c);
        assert_eq!(copy.to_xml(), r#"<c xmlns="urn:a" xmlns:b="urn:b" b:x="1"><d /></c>"#);
    }

    #[test]
    fn excerpt_keeps_order_scope_and_spans() {
        let text = "<a xmlns:b='urn:b'><c><d/>x<e><f/></e><g/></c></a>";
        let whole = parse(text).unwrap();
        let c = whole.first_element(whole.root_element().unwrap()).unwrap();
        let part = Document::excerpt(&whole, c);
        assert_eq!(part.to_xml(), r#"<c xmlns:b="urn:b"><d />x<e><f /></e><g /></c>"#);
        let root = part.root_element().unwrap();
        assert_eq!(part.span(root), whole.span(c));
    }

    #[test]
    fn insert_and_detach() {
        let mut d = parse("<a><b/><c/></a>").unwrap();
        let a = d.root_element().unwrap();
        let b = d.first_element(a).unwrap();
        let x = d.create_element(Name::plain("x"));
        d.insert_after(b, x);
        d.detach(b);
        let y = d.create_element(Name::plain("y"));
        d.insert_before(x, y);
        assert_eq!(d.to_xml(), "<a><y /><x /><c /></a>");
    }
}
