//! A small XML tree for judging answers: `{namespace}name` tags, text and tails, canonical
//! comparison, and the ElementTree path language of the case files.
//!
//! Reading is strict and independent of the server's own parser, so that a wrong answer cannot
//! be excused by the code that wrote it.

mod path;

pub use path::find_all;

/// SOAP 1.1 envelope namespace.
pub const SOAP11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
/// SOAP 1.2 envelope namespace.
pub const SOAP12: &str = "http://www.w3.org/2003/05/soap-envelope";

/// Index of an element in its [`Tree`].
pub type Id = usize;

/// One element; comments and processing instructions are left out, text around them is joined.
#[derive(Debug, Default)]
pub struct Node {
    pub tag: String,
    pub attributes: Vec<(String, String)>,
    pub text: String,
    pub tail: String,
    pub parent: Option<Id>,
    pub children: Vec<Id>,
}

/// A parsed document. Index 0 is a holder above the root, so that `.//` can include the root.
#[derive(Debug)]
pub struct Tree {
    pub nodes: Vec<Node>,
}

/// The holder above the root element.
pub const HOLDER: Id = 0;
/// The root element.
pub const ROOT: Id = 1;

impl Tree {
    /// Reads bytes in the encoding that a mark or the XML declaration names.
    pub fn from_bytes(bytes: &[u8]) -> Result<Tree, String> {
        Tree::from_text(&decode(bytes))
    }

    /// Reads text; an XML declaration in front is skipped, whatever encoding it names.
    pub fn from_text(text: &str) -> Result<Tree, String> {
        let text = without_declaration(text);
        let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
        let doc = roxmltree::Document::parse_with_options(text, options).map_err(|e| e.to_string())?;
        let mut tree = Tree { nodes: vec![Node::default()] };
        tree.add(doc.root_element(), HOLDER);
        Ok(tree)
    }

    fn add(&mut self, from: roxmltree::Node<'_, '_>, parent: Id) {
        let id = self.nodes.len();
        let attributes = from.attributes().map(|a| (tag_of(a.namespace(), a.name()), a.value().to_owned()));
        self.nodes.push(Node {
            tag: tag_of(from.tag_name().namespace(), from.tag_name().name()),
            attributes: attributes.collect(),
            parent: Some(parent),
            ..Node::default()
        });
        self.node_mut(parent).children.push(id);
        let mut last = None;
        for child in from.children() {
            if child.is_element() {
                last = Some(self.nodes.len());
                self.add(child, id);
            } else if child.is_text() {
                let text = child.text().unwrap_or_default();
                match last {
                    Some(before) => self.node_mut(before).tail.push_str(text),
                    None => self.node_mut(id).text.push_str(text),
                }
            }
        }
    }

    fn node_mut(&mut self, id: Id) -> &mut Node {
        &mut self.nodes[id]
    }

    /// The element behind an id of this tree.
    pub fn node(&self, id: Id) -> &Node {
        &self.nodes[id]
    }

    /// The element itself and everything below it, in document order.
    pub fn descend(&self, from: Id) -> Vec<Id> {
        let mut out = vec![from];
        for child in &self.node(from).children {
            out.extend(self.descend(*child));
        }
        out
    }

    /// All text inside an element, without its tail.
    pub fn inner_text(&self, id: Id) -> String {
        let mut out = self.node(id).text.clone();
        for child in &self.node(id).children {
            out.push_str(&self.inner_text(*child));
            out.push_str(&self.node(*child).tail);
        }
        out
    }

    /// First child with this local name.
    pub fn child(&self, id: Id, name: &str) -> Option<Id> {
        self.node(id).children.iter().copied().find(|c| local(&self.node(*c).tag) == name)
    }

    /// First element with this local name, the start included.
    pub fn first(&self, from: Id, name: &str) -> Option<Id> {
        self.descend(from).into_iter().find(|c| local(&self.node(*c).tag) == name)
    }

    /// Equal as canonical XML: prefixes, attribute order, comments, and white space around text
    /// do not count.
    pub fn same(&self, id: Id, other: &Tree, other_id: Id) -> bool {
        let (a, b) = (self.node(id), other.node(other_id));
        a.tag == b.tag
            && sorted(&a.attributes) == sorted(&b.attributes)
            && self.texts(id) == other.texts(other_id)
            && a.children.len() == b.children.len()
            && a.children.iter().zip(&b.children).all(|(x, y)| self.same(*x, other, *y))
    }

    fn texts(&self, id: Id) -> Vec<&str> {
        let node = self.node(id);
        let tails = node.children.iter().map(|c| self.node(*c).tail.trim());
        std::iter::once(node.text.trim()).chain(tails).filter(|t| !t.is_empty()).collect()
    }

    /// The element as XML text with prefixes `ns0`, `ns1`, ... declared on it, without its tail.
    pub fn write(&self, id: Id) -> String {
        let mut spaces: Vec<String> = Vec::new();
        for node in self.descend(id).into_iter().map(|n| self.node(n)) {
            for tag in std::iter::once(&node.tag).chain(node.attributes.iter().map(|(k, _)| k)) {
                let space = namespace(tag);
                if !space.is_empty() && space != XML_SPACE && !spaces.iter().any(|s| s == space) {
                    spaces.push(space.to_owned());
                }
            }
        }
        let declarations: String =
            spaces.iter().enumerate().map(|(i, s)| format!(" xmlns:ns{i}=\"{}\"", escape(s))).collect();
        let mut out = String::new();
        self.write_node(id, &spaces, &declarations, &mut out);
        out
    }

    fn write_node(&self, id: Id, spaces: &[String], declarations: &str, out: &mut String) {
        let node = self.node(id);
        let name = prefixed(&node.tag, spaces);
        out.push_str(&format!("<{name}{declarations}"));
        for (k, v) in &node.attributes {
            out.push_str(&format!(" {}=\"{}\"", prefixed(k, spaces), escape(v).replace('"', "&quot;")));
        }
        if node.text.is_empty() && node.children.is_empty() {
            out.push_str(" />");
            return;
        }
        out.push('>');
        out.push_str(&escape(&node.text));
        for child in &node.children {
            self.write_node(*child, spaces, "", out);
            out.push_str(&escape(&self.node(*child).tail));
        }
        out.push_str(&format!("</{name}>"));
    }
}

const XML_SPACE: &str = "http://www.w3.org/XML/1998/namespace";

fn prefixed(tag: &str, spaces: &[String]) -> String {
    let space = namespace(tag);
    match spaces.iter().position(|s| s == space) {
        Some(i) => format!("ns{i}:{}", local(tag)),
        None if space == XML_SPACE => format!("xml:{}", local(tag)),
        None => tag.to_owned(),
    }
}

fn sorted(attributes: &[(String, String)]) -> Vec<&(String, String)> {
    let mut out: Vec<_> = attributes.iter().collect();
    out.sort();
    out
}

fn tag_of(space: Option<&str>, name: &str) -> String {
    match space {
        Some(s) if !s.is_empty() => format!("{{{s}}}{name}"),
        _ => name.to_owned(),
    }
}

/// Local name of a `{namespace}name` tag.
pub fn local(tag: &str) -> &str {
    tag.rsplit('}').next().unwrap_or(tag)
}

/// Namespace of a `{namespace}name` tag, empty when it has none.
pub fn namespace(tag: &str) -> &str {
    tag.strip_prefix('{').and_then(|t| t.split_once('}')).map_or("", |(s, _)| s)
}

/// Escapes `&`, `<` and `>`.
pub fn escape(s: &str) -> String {
    s.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn without_declaration(text: &str) -> &str {
    let start = text.trim_start_matches('\u{feff}').trim_start();
    match start.strip_prefix("<?xml").filter(|r| r.starts_with(char::is_whitespace)) {
        Some(rest) => rest.split_once("?>").map_or(text, |(_, after)| after).trim_start(),
        None => text.trim_start_matches('\u{feff}'),
    }
}

/// Bytes to text by byte order mark or declared encoding; UTF-8 where neither says otherwise.
pub fn decode(bytes: &[u8]) -> String {
    match bytes {
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        _ => {
            let head = String::from_utf8_lossy(bytes.get(..200).unwrap_or(bytes)).to_ascii_lowercase();
            let declared = head.split("?>").next().and_then(|d| d.split_once("encoding="));
            let name = declared.map(|(_, v)| v.trim_start_matches(['"', '\''])).unwrap_or_default();
            match name.starts_with("iso-8859-1") || name.starts_with("latin1") {
                true => bytes.iter().map(|b| char::from(*b)).collect(),
                false => String::from_utf8_lossy(bytes).into_owned(),
            }
        }
    }
}

/// UTF-16 bytes to text; `unit` says in which order a pair is read.
pub fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units: Vec<u16> =
        bytes.chunks_exact(2).map(|p| unit([p[0], p.get(1).copied().unwrap_or_default()])).collect();
    String::from_utf16_lossy(&units)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) -> bool {
        Tree::from_text(a).unwrap().same(ROOT, &Tree::from_text(b).unwrap(), ROOT)
    }

    #[test]
    fn canonical_comparison_ignores_form_only() {
        assert!(same("<a x='1' y='2'> <b/>t </a>", "<?xml version='1.0'?>\n<a y='2' x='1'><b></b>t</a>"));
        assert!(same("<p:a xmlns:p='u'>x<!-- c -->y</p:a>", "<a xmlns='u'>xy</a>"));
        assert!(!same("<a>x</a>", "<a>y</a>"));
        assert!(!same("<a xmlns='u'/>", "<a/>"));
        assert!(!same("<a><b/><c/></a>", "<a><c/><b/></a>"));
    }

    #[test]
    fn broken_xml_is_an_error() {
        for text in ["", "<a>", "<a></b>", "<a x='1' x='2'/>", "<p:a/>", "<a/>rest"] {
            assert!(Tree::from_text(text).is_err(), "{text}");
        }
    }

    #[test]
    fn declared_encodings_are_read() {
        let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</a>";
        assert_eq!(Tree::from_bytes(latin).unwrap().inner_text(ROOT), "\u{e9}");
        let wide: Vec<u8> =
            [0xff, 0xfe].into_iter().chain("<a>é</a>".encode_utf16().flat_map(u16::to_le_bytes)).collect();
        assert_eq!(Tree::from_bytes(&wide).unwrap().inner_text(ROOT), "é");
    }

    #[test]
    fn writing_declares_prefixes_on_the_element() {
        let t = Tree::from_text("<a xmlns='u' k='&lt;'><b>1</b>t</a>").unwrap();
        assert_eq!(t.write(ROOT), "<ns0:a xmlns:ns0=\"u\" k=\"&lt;\"><ns0:b>1</ns0:b>t</ns0:a>");
    }
}
