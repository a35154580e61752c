//! Content to bytes, by axis2 `messageType` (MI says message formatters).

use super::{Content, Message, Payload, WireBody};
use crate::errors::Fault;
use bytes::Bytes;

/// A body ready for the wire.
#[derive(Debug)]
pub struct Formatted {
    /// The bytes.
    pub body: WireBody,
    /// Content-Type to send; `None` keeps the header that the message has.
    pub content_type: Option<String>,
}

/// Takes the payload out of the message and writes it. Unread bytes pass through untouched.
pub fn format(message: &mut Message) -> Result<Formatted, Fault> {
    match std::mem::take(&mut message.payload) {
        Payload::Unread(body) => Ok(Formatted { body, content_type: None }),
        Payload::Built(Content::Json(json)) => Ok(Formatted {
            body: WireBody::Full(Bytes::from(json.text().to_string())),
            content_type: Some("application/json; charset=UTF-8".to_owned()),
        }),
        Payload::Built(Content::Binary(binary)) => {
            Ok(Formatted { body: WireBody::Full(binary.bytes.clone()), content_type: None })
        }
        Payload::Built(Content::Xml(envelope)) => Ok(Formatted {
            body: match envelope.payload() {
                Some(payload) => WireBody::Full(Bytes::from(envelope.document().node_to_xml(payload))),
                None => WireBody::Empty,
            },
            content_type: Some("application/xml; charset=UTF-8".to_owned()),
        }),
    }
}
