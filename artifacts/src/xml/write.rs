//! Trees as text. Escaping follows what Axiom (Woodstox) writes.

use super::{Document, ElementData, NodeId, NodeKind};
use std::sync::Arc;

/// How to write.
#[derive(Debug, Clone, Copy, Default)]
pub struct WriteOptions {
    /// Write CDATA sections as CDATA instead of escaped text.
    pub keep_cdata: bool,
}

/// Escapes character data.
pub fn escape_text(text: &str, out: &mut String) {
    escape(text, out, |c| match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '\r' => Some("&#xd;"),
        _ => None,
    });
}

/// Escapes an attribute value for double quotes.
pub fn escape_attribute(text: &str, out: &mut String) {
    escape(text, out, |c| match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '"' => Some("&quot;"),
        '\n' => Some("&#xa;"),
        '\r' => Some("&#xd;"),
        '\t' => Some("&#x9;"),
        _ => None,
    });
}

fn escape(text: &str, out: &mut String, replace: impl Fn(char) -> Option<&'static str>) {
    let mut from = 0;
    for (at, c) in text.char_indices() {
        if let Some(entity) = replace(c) {
            out.push_str(&text[from..at]);
            out.push_str(entity);
            from = at + c.len_utf8();
        }
    }
    out.push_str(&text[from..]);
}

enum Step {
    Open(NodeId),
    Close(NodeId),
}

impl Document {
    /// The whole document without an XML declaration.
    pub fn to_xml(&self) -> String {
        let mut out = String::with_capacity(self.nodes.len() * 24);
        for child in self.children(Self::ROOT) {
            self.write(child, WriteOptions::default(), &mut out);
        }
        out
    }

    /// One node; prefixes that are declared above it are declared on it.
    pub fn node_to_xml(&self, id: NodeId) -> String {
        let mut out = String::new();
        self.write(id, WriteOptions::default(), &mut out);
        out
    }

    /// Writes one node into `out`. Iterative: depth never depends on the stack.
    pub fn write(&self, id: NodeId, options: WriteOptions, out: &mut String) {
        let mut open = vec![Step::Open(id)];
        while let Some(step) = open.pop() {
            match step {
                Step::Close(node) => self.close_tag(node, out),
                Step::Open(node) => match self.kind(node) {
                    NodeKind::Element(element) => {
                        let inherited = if node == id { self.inherited(node) } else { Vec::new() };
                        let reset = node != id && self.has_outer_default(node, id);
                        self.open_tag(element, &inherited, reset, out);
                        if self.first_child(node).is_none() {
                            // Axiom writes the blank too, and texts built from it are compared.
                            out.push_str(" />");
                            continue;
                        }
                        out.push('>');
                        open.push(Step::Close(node));
                        let at = open.len();
                        open.extend(self.children(node).map(Step::Open));
                        open[at..].reverse();
                    }
                    NodeKind::Document => {
                        let at = open.len();
                        open.extend(self.children(node).map(Step::Open));
                        open[at..].reverse();
                    }
                    leaf => write_leaf(leaf, options, out),
                },
            }
        }
    }

    /// Declarations of ancestors that the subtree needs when it is written on its own.
    fn inherited(&self, id: NodeId) -> Vec<(Arc<str>, Arc<str>)> {
        let Some(parent) = self.parent(id) else { return Vec::new() };
        let own = self.element(id).map(|e| e.declarations.as_slice()).unwrap_or_default();
        let mut scope = self.namespaces_in_scope(parent);
        scope.retain(|(p, _)| !own.iter().any(|(q, _)| p == q) && self.needs_prefix(id, p));
        scope
    }

    fn needs_prefix(&self, top: NodeId, prefix: &str) -> bool {
        std::iter::once(top).chain(self.descendants(top)).filter_map(|n| self.element(n)).any(|e| {
            &*e.name.prefix == prefix && (!prefix.is_empty() || !e.name.ns.is_empty())
                || !prefix.is_empty() && e.attributes.iter().any(|a| &*a.name.prefix == prefix)
        })
    }

    /// Is a default namespace declared between the parent of `id` and `top`?
    fn has_outer_default(&self, id: NodeId, top: NodeId) -> bool {
        let Some(element) = self.element(id) else { return false };
        if !element.declarations.iter().any(|(prefix, uri)| prefix.is_empty() && uri.is_empty()) {
            return false;
        }
        let mut at = self.parent(id);
        while let Some(node) = at {
            let declarations = self.element(node).map(|e| e.declarations.as_slice()).unwrap_or_default();
            if let Some((_, uri)) = declarations.iter().find(|(prefix, _)| prefix.is_empty()) {
                return !uri.is_empty();
            }
            at = if node == top { None } else { self.parent(node) };
        }
        false
    }

    /// `reset`: an `xmlns=""` has something to undo; Axiom leaves it out otherwise.
    fn open_tag(
        &self,
        element: &ElementData,
        inherited: &[(Arc<str>, Arc<str>)],
        reset: bool,
        out: &mut String,
    ) {
        out.push('<');
        push_name(&element.name.prefix, &element.name.local, out);
        for (prefix, uri) in element.declarations.iter().chain(inherited) {
            if prefix.is_empty() && uri.is_empty() && !reset {
                continue;
            }
            out.push_str(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
            out.push_str(prefix);
            push_value(uri, out);
        }
        for attribute in &element.attributes {
            out.push(' ');
            push_name(&attribute.name.prefix, &attribute.name.local, out);
            push_value(&attribute.value, out);
        }
    }

    fn close_tag(&self, id: NodeId, out: &mut String) {
        if let Some(element) = self.element(id) {
            out.push_str("</");
            push_name(&element.name.prefix, &element.name.local, out);
            out.push('>');
        }
    }
}

fn push_name(prefix: &str, local: &str, out: &mut String) {
    if !prefix.is_empty() {
        out.push_str(prefix);
        out.push(':');
    }
    out.push_str(local);
}

fn push_value(value: &str, out: &mut String) {
    out.push_str("=\"");
    escape_attribute(value, out);
    out.push('"');
}

fn write_leaf(kind: &NodeKind, options: WriteOptions, out: &mut String) {
    match kind {
        NodeKind::Text(text, true) if options.keep_cdata => {
            out.push_str("<![CDATA[");
            out.push_str(text);
            out.push_str("]]>");
        }
        NodeKind::Text(text, _) => escape_text(text, out),
        NodeKind::Comment(text) => {
            out.push_str("<!--");
            out.push_str(text);
            out.push_str("-->");
        }
        NodeKind::Instruction(target, data) => {
            out.push_str("<?");
            out.push_str(target);
            if !data.is_empty() {
                out.push(' ');
                out.push_str(data);
            }
            out.push_str("?>");
        }
        NodeKind::Document | NodeKind::Element(_) => {}
    }
}
