//! XML in templates: `payload.order.line[0].@id`.

use artifacts::xml::{Document, NodeId, NodeKind};
use std::sync::Arc;

/// A list of nodes of one document.
#[derive(Debug, Clone)]
pub struct Nodes {
    document: Arc<Document>,
    nodes: Vec<XmlNode>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum XmlNode {
    /// Above the root element.
    Root(NodeId),
    Inner(NodeId),
    Attribute(NodeId, usize),
}

/// Prefixes of the `ftl` header.
pub(super) type Prefixes = [(String, String)];

impl Nodes {
    /// The document whose root is this element.
    pub fn document(document: Arc<Document>, root: NodeId) -> Self {
        Self { document, nodes: vec![XmlNode::Root(root)] }
    }

    fn with(&self, nodes: Vec<XmlNode>) -> Self {
        Self { document: self.document.clone(), nodes }
    }

    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// No node at all?
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// One node as a list of its own.
    pub(super) fn get(&self, index: usize) -> Option<Self> {
        self.nodes.get(index).map(|node| self.with(vec![*node]))
    }

    /// Each node as a list of its own.
    pub(super) fn each(&self) -> Vec<Self> {
        self.nodes.iter().map(|node| self.with(vec![*node])).collect()
    }

    /// What a name means below these nodes; the error tells that it is not known.
    pub(super) fn child(&self, name: &str, prefixes: &Prefixes) -> Result<ChildOf, String> {
        if let Some(special) = name.strip_prefix("@@") {
            return self.special(special).map(ChildOf::Text);
        }
        let mut found = Vec::new();
        for node in &self.nodes {
            self.children_of(*node, name, prefixes, &mut found);
        }
        Ok(ChildOf::Nodes(self.with(found)))
    }

    fn children_of(&self, node: XmlNode, name: &str, prefixes: &Prefixes, found: &mut Vec<XmlNode>) {
        let document = &*self.document;
        if let (Some(name), XmlNode::Inner(id)) = (name.strip_prefix('@'), node) {
            let attributes = document.element(id).map(|e| e.attributes.as_slice()).unwrap_or_default();
            let fits =
                |n: &artifacts::xml::Name| name == "*" || named(&n.ns, &n.local, name, prefixes, false);
            let hits = attributes.iter().enumerate().filter(|(_, a)| fits(&a.name));
            found.extend(hits.map(|(index, _)| XmlNode::Attribute(id, index)));
            return;
        }
        let fits = |id: NodeId| {
            name == "*" || named(document.namespace(id), document.local_name(id), name, prefixes, true)
        };
        match node {
            XmlNode::Root(root) if name == "**" => {
                found.push(XmlNode::Inner(root));
                found.extend(
                    document.descendants(root).filter(|n| document.is_element(*n)).map(XmlNode::Inner),
                );
            }
            XmlNode::Root(root) => found.extend(fits(root).then_some(XmlNode::Inner(root))),
            XmlNode::Inner(id) if name == "**" => {
                found
                    .extend(document.descendants(id).filter(|n| document.is_element(*n)).map(XmlNode::Inner));
            }
            XmlNode::Inner(id) => {
                found.extend(document.child_elements(id).filter(|c| fits(*c)).map(XmlNode::Inner));
            }
            XmlNode::Attribute(..) => {}
        }
    }

    fn special(&self, name: &str) -> Result<String, String> {
        let one = self.nodes.first().copied();
        Ok(match (name, one) {
            ("text", _) => self.nodes.iter().map(|n| self.string_value(*n)).collect(),
            ("markup", Some(XmlNode::Root(id) | XmlNode::Inner(id))) => self.document.node_to_xml(id),
            ("nested_markup", Some(XmlNode::Inner(id))) => {
                self.document.children(id).map(|c| self.document.node_to_xml(c)).collect()
            }
            ("local_name" | "qname", Some(XmlNode::Inner(id))) => self.document.local_name(id).to_owned(),
            ("namespace", Some(XmlNode::Inner(id))) => self.document.namespace(id).to_owned(),
            _ => return Err(format!("'@@{name}' is not known here")),
        })
    }

    fn string_value(&self, node: XmlNode) -> String {
        match node {
            XmlNode::Root(id) | XmlNode::Inner(id) => self.document.string_value(id),
            XmlNode::Attribute(id, index) => self
                .document
                .element(id)
                .and_then(|e| e.attributes.get(index))
                .map(|a| a.value.to_string())
                .unwrap_or_default(),
        }
    }

    /// The text of exactly one node that has no elements inside.
    pub(super) fn text(&self) -> Result<String, String> {
        let [node] = self.nodes.as_slice() else {
            return Err(format!("expected one node as text, found {}", self.nodes.len()));
        };
        match node {
            XmlNode::Root(_) => Err("a document has no text; name an element".to_owned()),
            XmlNode::Inner(id) if self.document.first_element(*id).is_some() => {
                Err(format!("<{}> has elements inside and is no text", self.document.local_name(*id)))
            }
            node => Ok(self.string_value(*node)),
        }
    }

    /// Name of the one node.
    pub(super) fn name(&self) -> Option<String> {
        match self.nodes.as_slice() {
            [XmlNode::Inner(id)] if self.document.is_element(*id) => {
                Some(self.document.local_name(*id).to_owned())
            }
            [XmlNode::Inner(_)] => Some("@text".to_owned()),
            [XmlNode::Attribute(id, index)] => {
                self.document.element(*id)?.attributes.get(*index).map(|a| a.name.local.to_string())
            }
            _ => None,
        }
    }

    /// All children of the one node, texts included.
    pub(super) fn children(&self) -> Self {
        let mut found = Vec::new();
        for node in &self.nodes {
            match node {
                XmlNode::Root(id) => found.push(XmlNode::Inner(*id)),
                XmlNode::Inner(id) => {
                    let wanted = |n: &NodeId| !matches!(self.document.kind(*n), NodeKind::Comment(_));
                    found.extend(self.document.children(*id).filter(wanted).map(XmlNode::Inner));
                }
                XmlNode::Attribute(..) => {}
            }
        }
        self.with(found)
    }

    /// The parents.
    pub(super) fn parents(&self) -> Self {
        let parent = |node: &XmlNode| match node {
            XmlNode::Inner(id) => self.document.parent(*id).map(XmlNode::Inner),
            XmlNode::Attribute(id, _) => Some(XmlNode::Inner(*id)),
            XmlNode::Root(_) => None,
        };
        self.with(self.nodes.iter().filter_map(parent).collect())
    }
}

/// What stands below a node under a name.
pub(super) enum ChildOf {
    Nodes(Nodes),
    Text(String),
}

/// A name without prefix means no namespace, or the one that the header binds to `D`.
fn named(ns: &str, local: &str, wanted: &str, prefixes: &Prefixes, element: bool) -> bool {
    let uri = |prefix: &str| prefixes.iter().find(|(p, _)| p == prefix).map(|(_, uri)| uri.as_str());
    match wanted.split_once(':') {
        Some((prefix, wanted)) => {
            local == wanted && uri(prefix).map_or(prefix == "N" && ns.is_empty(), |uri| uri == ns)
        }
        None => local == wanted && ns == if element { uri("D").unwrap_or("") } else { "" },
    }
}
