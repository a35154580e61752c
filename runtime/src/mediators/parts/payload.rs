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
