//! Replacing the payload of a message by text, an element or JSON.

use crate::message::convert::is_scalar;
use crate::message::envelope::PAYLOAD_NS;
use crate::message::{Envelope, JsonBody, Message, Payload};
use artifacts::xml::{Document, Name, NodeId};

/// A JSON payload from text, as MI makes one: only the first character is looked at, and single
/// values are checked. Empty text is `{}`. The error says what was found.
pub(crate) fn json(text: &str) -> Result<Payload, String> {
    let trimmed = text.trim();
    let body = match trimmed.chars().next() {
        None => "{}",
        Some('{' | '[') => text,
        Some(_) if is_scalar(trimmed) => trimmed,
        Some(first) => return Err(format!("expected a JSON value, found '{first}'")),
    };
    Ok(Payload::json(JsonBody::from_text(body)))
}

/// The envelope of a message with an empty body; JSON and unread bytes are gone.
pub(crate) fn cleared(message: &mut Message) -> &mut Envelope {
    let envelope = message.payload.envelope_mut();
    let body = envelope.body();
    envelope.document_mut().clear(body);
    envelope
}

/// A copy of an element as the only payload.
pub(crate) fn set_element(message: &mut Message, document: &Document, element: NodeId) {
    message.payload.envelope_mut().set_payload(document, element);
}

/// Text as the only payload, in the element that stands for `text/plain` bodies.
pub(crate) fn set_text(message: &mut Message, text: &str) {
    let envelope = cleared(message);
    let body = envelope.body();
    let document = envelope.document_mut();
    let element = document.add_element(body, Name::new(PAYLOAD_NS, "", "text"));
    document.set_text(element, text);
}

/// Moves an element of the document under another parent. Prefixes that were declared around it are
/// declared on what needs them.
pub(crate) fn move_under(document: &mut Document, parent: NodeId, element: NodeId) {
    document.append(parent, element);
    let inside: Vec<NodeId> = std::iter::once(element).chain(document.descendants(element)).collect();
    for node in inside.into_iter().filter(|node| document.is_element(*node)).collect::<Vec<_>>() {
        document.declare_if_needed(node);
        let attributes: Vec<Name> = document
            .element(node)
            .map(|e| e.attributes.iter().map(|a| a.name.clone()).filter(|n| !n.prefix.is_empty()).collect())
            .unwrap_or_default();
        for name in attributes {
            let known = &*name.prefix == "xml"
                || document.lookup_prefix(node, &name.prefix).as_deref() == Some(&*name.ns);
            if !known {
                document.declare(node, &name.prefix, &name.ns);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moved_element_keeps_its_namespaces() {
        let text = "<r><a xmlns='urn:a' xmlns:p='urn:p'><b p:x='1'><c/></b></a><to/></r>";
        let mut document = artifacts::xml::parse(text).unwrap();
        let root = document.root_element().unwrap();
        let a = document.child_named(root, "a").unwrap();
        let (b, to) = (document.child_named(a, "b").unwrap(), document.child_named(root, "to").unwrap());
        move_under(&mut document, to, b);
        let written = document.node_to_xml(to);
        assert!(written.contains("xmlns=\"urn:a\"") && written.contains("xmlns:p=\"urn:p\""), "{written}");
    }
}
