//! Content to bytes, by axis2 `messageType` (MI says message formatters).

mod content_type;
mod form;
#[cfg(test)]
mod tests;
mod write;

pub use content_type::{charset, for_answer, for_request};
pub use form::encode_value;

use super::builders;
use super::{Message, Payload, WireBody};
use crate::errors::Fault;

/// How a built payload is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Formatter {
    /// JSON text.
    Json,
    /// The payload element alone.
    Xml,
    /// The whole envelope.
    Soap,
    /// `name=value` pairs.
    Form,
    /// The text of the text wrapper.
    Text,
    /// The bytes of the binary wrapper, any other payload as an envelope.
    Binary,
    /// Form data with a boundary.
    Multipart,
}

/// The formatter of a message: by `messageType`; text/xml of a REST message is written without an
/// envelope, unknown types are XML for REST and SOAP otherwise.
pub fn select(message: &Message) -> Formatter {
    match message.message_type().as_deref() {
        Some("application/json") => Formatter::Json,
        Some("application/xml") => Formatter::Xml,
        Some("application/soap+xml") => Formatter::Soap,
        Some("application/x-www-form-urlencoded") => Formatter::Form,
        Some("multipart/form-data") => Formatter::Multipart,
        Some("text/plain") => Formatter::Text,
        Some(media) if builders::is_opaque(media) => Formatter::Binary,
        _ if message.rest => Formatter::Xml,
        _ => Formatter::Soap,
    }
}

/// Takes the payload out of the message and writes it. Unread bytes pass through untouched. The fault
/// says why a payload has no form in the media type that is asked for.
pub fn format(message: &mut Message) -> Result<WireBody, Fault> {
    if let Some(body) = message.payload.take_unread() {
        return Ok(body);
    }
    let formatter = select(message);
    let charset = charset(message);
    let Payload::Built(content) = std::mem::take(&mut message.payload) else { return Ok(WireBody::Empty) };
    let bytes = write::bytes(message, &content, formatter, &charset)?;
    Ok(if bytes.is_empty() { WireBody::Empty } else { WireBody::Full(write::gzip(message, bytes)?) })
}
