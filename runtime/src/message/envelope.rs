//! The SOAP envelope that every message has: REST and POX payloads are its body's first child.

use artifacts::xml::{Document, Name, NodeId};
use std::sync::{Arc, OnceLock};

/// SOAP version of an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Soap {
    /// SOAP 1.1, also what REST messages get.
    #[default]
    V11,
    /// SOAP 1.2.
    V12,
}

impl Soap {
    /// Namespace of the envelope.
    pub fn namespace(self) -> &'static str {
        match self {
            Soap::V11 => "http://schemas.xmlsoap.org/soap/envelope/",
            Soap::V12 => "http://www.w3.org/2003/05/soap-envelope",
        }
    }

    /// Version by namespace.
    pub fn from_namespace(ns: &str) -> Option<Self> {
        [Soap::V11, Soap::V12].into_iter().find(|v| v.namespace() == ns)
    }
}

/// An envelope document; cloning shares it until one side writes.
#[derive(Debug, Clone)]
pub struct Envelope {
    document: Arc<Document>,
    version: Soap,
    source: Option<bytes::Bytes>,
    parsed: bool,
    broken: Option<Arc<str>>,
}

impl Envelope {
    /// Envelope, empty header, empty body.
    pub fn new(version: Soap) -> Self {
        static EMPTY: [OnceLock<Arc<Document>>; 2] = [OnceLock::new(), OnceLock::new()];
        let slot = &EMPTY[usize::from(version == Soap::V12)];
        let document = slot.get_or_init(|| Arc::new(empty_document(version))).clone();
        Self { document, version, source: None, parsed: false, broken: None }
    }

    /// Takes a document whose root is a SOAP envelope with a body; gives it back otherwise.
    #[allow(clippy::result_large_err)] // The document goes back to its owner.
    pub fn from_document(document: Document) -> Result<Self, Document> {
        let version = document
            .root_element()
            .filter(|root| document.local_name(*root) == "Envelope")
            .and_then(|root| Soap::from_namespace(document.namespace(root)));
        match version {
            Some(version) => {
                let envelope = Self { document: Arc::new(document), parsed: true, ..Self::new(version) };
                if envelope.body_node().is_some() {
                    Ok(envelope)
                } else {
                    Err(Arc::unwrap_or_clone(envelope.document))
                }
            }
            None => Err(document),
        }
    }

    /// An envelope with a copy of a subtree as payload.
    pub fn with_payload(version: Soap, document: &Document, node: NodeId) -> Self {
        let mut envelope = Self::new(version);
        envelope.set_payload(document, node);
        envelope
    }

    /// An envelope around a text: `<text xmlns="http://ws.apache.org/commons/ns/payload">`.
    pub fn with_text(version: Soap, text: &str) -> Self {
        Self::with_leaf(version, "text", text)
    }

    /// An envelope around a text in an element of the payload namespace (`text`, `binary`).
    pub fn with_leaf(version: Soap, local: &str, text: &str) -> Self {
        let mut envelope = Self::new(version);
        let body = envelope.body();
        let document = envelope.document_mut();
        let prefix = if local == "binary" { "ns" } else { "" };
        let element = document.add_element(body, Name::new(PAYLOAD_NS, prefix, local));
        document.add_text(element, text);
        envelope
    }

    /// The tree.
    pub fn document(&self) -> &Arc<Document> {
        &self.document
    }

    /// Did it come as an envelope? The empty header of one made here is not written.
    pub fn is_parsed(&self) -> bool {
        self.parsed
    }

    /// The body as it came, while nobody has changed the tree. Kept for media types that would not be
    /// written as they were read (forms, multipart).
    pub fn source(&self) -> Option<&bytes::Bytes> {
        self.source.as_ref()
    }

    /// Remembers the bytes the tree was read from.
    #[must_use]
    pub fn with_source(mut self, bytes: bytes::Bytes) -> Self {
        self.source = Some(bytes);
        self
    }

    /// An empty envelope in the place of a body that is not well-formed behind its first tag.
    pub fn broken(why: &str) -> Self {
        Self { broken: Some(why.into()), ..Self::new(Soap::V11) }
    }

    /// What is wrong with the body that should be here, while nobody has put another one there.
    pub fn why_broken(&self) -> Option<&Arc<str>> {
        self.broken.as_ref()
    }

    /// The tree to change; copied first when it is shared.
    pub fn document_mut(&mut self) -> &mut Document {
        self.source = None;
        self.broken = None;
        Arc::make_mut(&mut self.document)
    }

    /// SOAP version.
    pub fn version(&self) -> Soap {
        self.version
    }

    /// The Envelope element.
    pub fn root(&self) -> NodeId {
        self.document.root_element().unwrap_or(Document::ROOT)
    }

    /// The Header element, when there is one.
    pub fn header(&self) -> Option<NodeId> {
        self.document.child_named(self.root(), "Header")
    }

    /// The Header element, made when there is none.
    pub fn header_mut(&mut self) -> NodeId {
        if let Some(header) = self.header() {
            return header;
        }
        let (root, ns) = (self.root(), self.version.namespace());
        let prefix = self.document.name(root).map_or_else(|| "soapenv".into(), |n| n.prefix.clone());
        let first = self.document.first_child(root);
        let document = self.document_mut();
        let header = document.create_element(Name::new(ns, &prefix, "Header"));
        match first {
            Some(first) => document.insert_before(first, header),
            None => document.append(root, header),
        }
        header
    }

    fn body_node(&self) -> Option<NodeId> {
        self.document.child_named(self.root(), "Body")
    }

    /// The Body element.
    pub fn body(&self) -> NodeId {
        self.body_node().unwrap_or_else(|| self.root())
    }

    /// First child element of the body: the payload.
    pub fn payload(&self) -> Option<NodeId> {
        self.document.first_element(self.body())
    }

    /// Replaces everything in the body by a copy of a subtree.
    pub fn set_payload(&mut self, document: &Document, node: NodeId) {
        let body = self.body();
        let own = self.document_mut();
        own.clear(body);
        let copy = own.import(document, node);
        own.append(body, copy);
    }

    /// The same header blocks and payload in an envelope of another version; a fault is rewritten.
    #[must_use]
    pub fn converted(&self, version: Soap) -> Self {
        let mut other = Self::new(version);
        let (body, from) = (other.body(), self.body());
        let header = self.header().filter(|header| self.document.first_child(*header).is_some());
        let to = header.is_some().then(|| other.header_mut());
        let document = other.document_mut();
        let mut copy = |source: NodeId, target: NodeId| {
            for child in self.document.children(source) {
                let child = document.import(&self.document, child);
                document.append(target, child);
            }
        };
        if let (Some(header), Some(to)) = (header, to) {
            copy(header, to);
        }
        copy(from, body);
        super::soap_fault::convert(self, &mut other);
        other
    }

    /// Is the payload a SOAP fault?
    pub fn has_fault(&self) -> bool {
        self.payload().is_some_and(|p| self.document.is_named(p, self.version.namespace(), "Fault"))
    }

    /// The reason that a SOAP fault in the payload gives; empty when it gives none.
    pub fn fault_reason(&self) -> Option<String> {
        let fault = self.payload().filter(|_| self.has_fault())?;
        let name = if self.version == Soap::V11 { "faultstring" } else { "Reason" };
        let reason = self.document.child_named(fault, name);
        Some(reason.map(|node| self.document.string_value(node).trim().to_owned()).unwrap_or_default())
    }
}

/// Namespace of the elements around text and binary payloads.
pub const PAYLOAD_NS: &str = "http://ws.apache.org/commons/ns/payload";

fn empty_document(version: Soap) -> Document {
    let mut document = Document::new();
    let name = |local| Name::new(version.namespace(), "soapenv", local);
    let envelope = document.add_element(Document::ROOT, name("Envelope"));
    document.add_element(envelope, name("Header"));
    document.add_element(envelope, name("Body"));
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_does_not_touch_a_shared_copy() {
        let one = Envelope::with_text(Soap::V11, "x");
        let mut two = one.clone();
        let body = two.body();
        two.document_mut().clear(body);
        assert!(one.payload().is_some() && two.payload().is_none());
        assert!(Envelope::new(Soap::V11).payload().is_none());
    }
}
