//! Trees as text. Escaping follows what Axiom (Woodstox) writes.

use super::{Document, ElementData, NodeId, NodeKind};
use std::sync::Arc;

/// How to write.
#[derive(Debug, Clone, Copy, Default)]
pub struct WriteOptions {
    /// Write CDATA sections as CDATA instead of escaped text.
    pub keep_cdata: bool,
}

/// Escapes character data. As Woodstox does, `>` only where it could end a CDATA section: at the
/// beginning and after `]`.
pub fn escape_text(text: &str, out: &mut String) {
    escape(text, out, |c, before| match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' if matches!(before, None | Some(b']')) => Some("&gt;"),
        '\r' => Some("&#xd;"),
        _ => None,
    });
}

/// Escapes an attribute value for double quotes.
pub fn escape_attribute(text: &str, out: &mut String) {
    escape(text, out, |c, _| match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '"' => Some("&quot;"),
        '\n' => Some("&#xa;"),
        '\r' => Some("&#xd;"),
        '\t' => Some("&#x9;"),
        _ => None,
    });
}

/// All that is replaced is ASCII, so bytes are looked at.
fn escape(text: &str, out: &mut String, replace: impl Fn(char, Option<u8>) -> Option<&'static str>) {
    let (mut from, mut before) = (0, None);
    for (at, byte) in text.bytes().enumerate() {
        if let Some(entity) = replace(byte as char, before) {
            out.push_str(&text[from..at]);
            out.push_str(entity);
            from = at + 1;
        }
        before = Some(byte);
    }
    out.push_str(&text[from..]);
}

enum Step {
    Open(NodeId),
    /// The element, and how many bindings were written before it.
    Close(NodeId, usize),
}

type Bindings = Vec<(Arc<str>, Arc<str>)>;

impl Document {
    /// The whole document without an XML declaration.
    pub fn to_xml(&self) -> String {
        let mut out = String::with_capacity(self.nodes.len() * 24);
        for child in self.children(Self::ROOT) {
            self.write(child, WriteOptions::default(), &mut out);
        }
        out
    }

    /// One node; prefixes that are declared above it are declared where they are first needed.
    pub fn node_to_xml(&self, id: NodeId) -> String {
        let mut out = String::new();
        self.write(id, WriteOptions::default(), &mut out);
        out
    }

    /// Writes one node into `out`. Iterative: depth never depends on the stack.
    pub fn write(&self, id: NodeId, options: WriteOptions, out: &mut String) {
        let outer = self.parent(id).map(|parent| self.namespaces_in_scope(parent)).unwrap_or_default();
        let mut written: Bindings = Vec::new();
        let mut open = vec![Step::Open(id)];
        while let Some(step) = open.pop() {
            match step {
                Step::Close(node, mark) => {
                    written.truncate(mark);
                    self.close_tag(node, out);
                }
                Step::Open(node) => match self.kind(node) {
                    NodeKind::Element(element) => {
                        let mark = written.len();
                        let added = missing(element, &outer, &mut written);
                        let kept = |(prefix, uri): &&(Arc<str>, Arc<str>)| {
                            !self.says_it_already(node, id, prefix, uri, &written[..mark])
                        };
                        let declared: Vec<_> = element.declarations.iter().filter(kept).collect();
                        open_tag(element, &declared, &added, out);
                        if self.first_child(node).is_none() {
                            written.truncate(mark);
                            // Axiom writes the blank too, and texts built from it are compared.
                            out.push_str(" />");
                            continue;
                        }
                        out.push('>');
                        open.push(Step::Close(node, mark));
                        self.open_children(node, &mut open);
                    }
                    NodeKind::Document => self.open_children(node, &mut open),
                    leaf => write_leaf(leaf, options, out),
                },
            }
        }
    }

    fn open_children(&self, id: NodeId, open: &mut Vec<Step>) {
        let at = open.len();
        open.extend(self.children(id).map(Step::Open));
        open[at..].reverse();
    }

    /// Does an element that is written around `id` declare the same already? Axiom does not repeat it,
    /// nor does it write an `xmlns=""` with nothing to undo.
    fn says_it_already(
        &self,
        id: NodeId,
        top: NodeId,
        prefix: &str,
        uri: &str,
        written: &[(Arc<str>, Arc<str>)],
    ) -> bool {
        let same = |found: &str| found == uri;
        if let Some((_, found)) = written.iter().rev().find(|(p, _)| &**p == prefix) {
            return same(found);
        }
        let mut at = if id == top { None } else { self.parent(id) };
        while let Some(node) = at {
            let declarations = self.element(node).map(|e| e.declarations.as_slice()).unwrap_or_default();
            if let Some((_, found)) = declarations.iter().find(|(p, _)| &**p == prefix) {
                return same(found);
            }
            at = if node == top { None } else { self.parent(node) };
        }
        prefix.is_empty() && uri.is_empty()
    }

    fn close_tag(&self, id: NodeId, out: &mut String) {
        if let Some(element) = self.element(id) {
            out.push_str("</");
            push_name(&element.name.prefix, &element.name.local, out);
            out.push('>');
        }
    }
}

/// Bindings of `outer` that this element needs and that no element written so far has declared.
fn missing(element: &ElementData, outer: &Bindings, written: &mut Bindings) -> Bindings {
    let mut added = Vec::new();
    if outer.is_empty() {
        return added;
    }
    written.extend(element.declarations.iter().cloned());
    for (prefix, uri) in outer {
        let declared = written.iter().any(|(p, _)| p == prefix);
        if !declared && uses(element, prefix) {
            added.push((prefix.clone(), uri.clone()));
        }
    }
    written.extend(added.iter().cloned());
    added
}

fn uses(element: &ElementData, prefix: &str) -> bool {
    let default = prefix.is_empty();
    &*element.name.prefix == prefix && (!default || !element.name.ns.is_empty())
        || !default && element.attributes.iter().any(|a| &*a.name.prefix == prefix)
}

fn open_tag(element: &ElementData, declared: &[&(Arc<str>, Arc<str>)], added: &Bindings, out: &mut String) {
    out.push('<');
    push_name(&element.name.prefix, &element.name.local, out);
    for (prefix, uri) in declared.iter().copied().chain(added) {
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
        NodeKind::Text(text, _) if text.bytes().any(is_control) => escape_text(&java_escaped(text), out),
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

/// A character that XML has no form for, not even a reference. Such texts come from JSON.
fn is_control(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')
}

/// A text with control characters as MI's Axiom writes it: all of it escaped as in Java source.
fn java_escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut units = [0; 2];
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='\u{7f}' => out.push(c),
            other => {
                for unit in other.encode_utf16(&mut units) {
                    out.push_str(&format!("\\u{unit:04X}"));
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn escaped(text: &str) -> String {
        let mut out = String::new();
        escape_text(text, &mut out);
        out
    }

    #[test]
    fn a_declaration_is_not_repeated() {
        let text = "<a xmlns:p=\"urn:p\"><p:b xmlns:p=\"urn:p\"><p:c xmlns:p=\"urn:q\"><p:d xmlns:p=\"urn:p\"/></p:c></p:b></a>";
        let written =
            "<a xmlns:p=\"urn:p\"><p:b><p:c xmlns:p=\"urn:q\"><p:d xmlns:p=\"urn:p\" /></p:c></p:b></a>";
        assert_eq!(parse(text).unwrap().to_xml(), written);
    }

    #[test]
    fn an_empty_default_namespace_is_written_only_where_it_undoes_one() {
        let text = "<a xmlns=\"\"><b xmlns=\"urn:b\"><c xmlns=\"\"><d xmlns=\"\" /></c></b></a>";
        let written = "<a><b xmlns=\"urn:b\"><c xmlns=\"\"><d /></c></b></a>";
        assert_eq!(parse(text).unwrap().to_xml(), written);
    }

    #[test]
    fn escapes_as_woodstox_does() {
        assert_eq!(escaped("a>b<c&d\r"), "a>b&lt;c&amp;d&#xd;");
        assert_eq!(escaped("]]>"), "]]&gt;");
        assert_eq!(escaped(">>"), "&gt;>");
        assert_eq!(escaped("é]é>"), "é]é>");
        let mut out = String::new();
        escape_attribute("\"'<>&\t\n", &mut out);
        assert_eq!(out, "&quot;'&lt;>&amp;&#x9;&#xa;");
    }

    #[test]
    fn texts_with_control_characters_are_escaped_as_in_java() {
        let written = |text: &str| {
            let mut document = parse("<a/>").unwrap();
            let root = document.root_element().unwrap();
            document.add_text(root, text);
            document.to_xml()
        };
        assert_eq!(written("\u{11}\u{1f}x\u{8}"), "<a>\\u0011\\u001Fx\\b</a>");
        assert_eq!(written("\u{1}\n\"é\"<"), "<a>\\u0001\\n\\\"\\u00E9\\\"&lt;</a>");
        assert_eq!(written("\n\"é\""), "<a>\n\"é\"</a>");
    }

    #[test]
    fn outer_prefixes_are_declared_where_they_are_needed() {
        let document =
            parse("<a xmlns:p='urn:p' xmlns:q='urn:q'><b p:x='1'><q:c><q:d/></q:c><p:e/></b></a>").unwrap();
        let b = document.first_element(document.root_element().unwrap()).unwrap();
        assert_eq!(
            document.node_to_xml(b),
            r#"<b xmlns:p="urn:p" p:x="1"><q:c xmlns:q="urn:q"><q:d /></q:c><p:e /></b>"#
        );
        let document = parse("<a xmlns='urn:d'><b><c xmlns=''/></b></a>").unwrap();
        let b = document.first_element(document.root_element().unwrap()).unwrap();
        assert_eq!(document.node_to_xml(b), r#"<b xmlns="urn:d"><c xmlns="" /></b>"#);
    }

    #[test]
    fn empty_text_keeps_the_end_tag() {
        let mut document = parse("<a/>").unwrap();
        let root = document.root_element().unwrap();
        document.add_text(root, "");
        assert_eq!(document.to_xml(), "<a></a>");
    }
}
