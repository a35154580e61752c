//! What a message carries, and in which form it was last needed.

use super::envelope::{Envelope, Soap};
use super::json::{Json, JsonError};
use super::wire::WireBody;
use bytes::Bytes;
use std::sync::{Arc, OnceLock};

/// The body of a message.
#[derive(Debug)]
pub enum Payload {
    /// Bytes of the wire that no step has looked into.
    Unread(WireBody),
    /// Understood by media type.
    Built(Content),
}

/// A body that was read and understood.
#[derive(Debug, Clone)]
pub enum Content {
    /// An envelope: SOAP, or POX in a SOAP 1.1 body, or nothing in it.
    Xml(Envelope),
    /// JSON text.
    Json(Arc<JsonBody>),
    /// Bytes that have no tree: octet streams, images, office documents.
    Binary(Arc<BinaryBody>),
}

/// JSON text with the forms derived from it, each made when first asked for.
#[derive(Debug)]
pub struct JsonBody {
    text: Arc<str>,
    tree: OnceLock<Result<Arc<Json>, JsonError>>,
    envelope: OnceLock<Envelope>,
}

/// Opaque bytes; as XML they are one `binary` element with base64 text.
#[derive(Debug)]
pub struct BinaryBody {
    /// The bytes.
    pub bytes: Bytes,
    envelope: OnceLock<Envelope>,
}

impl Default for Payload {
    fn default() -> Self {
        Payload::Built(Content::Xml(Envelope::new(Soap::V11)))
    }
}

impl JsonBody {
    /// From text; nothing is parsed yet.
    pub fn from_text(text: impl Into<Arc<str>>) -> Arc<Self> {
        Arc::new(Self { text: text.into(), tree: OnceLock::new(), envelope: OnceLock::new() })
    }

    /// From a tree; the text is written at once.
    pub fn from_tree(tree: Json) -> Arc<Self> {
        let text: Arc<str> = tree.to_string().into();
        Arc::new(Self { text, tree: OnceLock::from(Ok(Arc::new(tree))), envelope: OnceLock::new() })
    }

    /// The text, byte for byte as received or built.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// The tree; parsed once.
    pub fn tree(&self) -> Result<&Arc<Json>, JsonError> {
        self.tree.get_or_init(|| Json::parse(&self.text).map(Arc::new)).as_ref().map_err(Clone::clone)
    }

    /// Empty or blank text.
    pub fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }
}

impl BinaryBody {
    /// Wraps bytes.
    pub fn new(bytes: Bytes) -> Arc<Self> {
        Arc::new(Self { bytes, envelope: OnceLock::new() })
    }
}

impl Content {
    /// An empty SOAP 1.1 envelope.
    pub fn empty() -> Self {
        Content::Xml(Envelope::new(Soap::V11))
    }

    /// The envelope that XPath sees. JSON and binary are converted once and kept.
    pub fn envelope(&self) -> &Envelope {
        match self {
            Content::Xml(envelope) => envelope,
            Content::Json(json) => {
                json.envelope.get_or_init(|| crate::message::builders::json_envelope(json))
            }
            Content::Binary(binary) => {
                binary.envelope.get_or_init(|| crate::message::builders::binary_envelope(&binary.bytes))
            }
        }
    }
}

impl Payload {
    /// An understood XML payload.
    pub fn xml(envelope: Envelope) -> Self {
        Payload::Built(Content::Xml(envelope))
    }

    /// An understood JSON payload.
    pub fn json(body: Arc<JsonBody>) -> Self {
        Payload::Built(Content::Json(body))
    }

    /// Still unread?
    pub fn is_unread(&self) -> bool {
        matches!(self, Payload::Unread(_))
    }

    /// Takes the unread bytes out, leaving an empty payload; a built payload stays where it is.
    pub fn take_unread(&mut self) -> Option<WireBody> {
        if !self.is_unread() {
            return None;
        }
        match std::mem::take(self) {
            Payload::Unread(body) => Some(body),
            Payload::Built(_) => None,
        }
    }

    /// Why the body cannot be read to its end, if that is so; afterwards it is an empty one.
    pub fn take_broken(&mut self) -> Option<Arc<str>> {
        let Payload::Built(Content::Xml(envelope)) = self else { return None };
        let why = envelope.why_broken().cloned()?;
        *self = Payload::default();
        Some(why)
    }

    /// The understood content.
    pub fn content(&self) -> Option<&Content> {
        match self {
            Payload::Built(content) => Some(content),
            Payload::Unread(_) => None,
        }
    }

    /// JSON body, if that is what it is.
    pub fn as_json(&self) -> Option<&Arc<JsonBody>> {
        match self {
            Payload::Built(Content::Json(json)) => Some(json),
            _ => None,
        }
    }

    /// The envelope that XPath sees; an unread payload shows an empty one, as MI's unbuilt message does.
    pub fn envelope(&self) -> Envelope {
        match self {
            Payload::Built(content) => content.envelope().clone(),
            Payload::Unread(_) => Envelope::new(Soap::V11),
        }
    }

    /// The envelope to change: afterwards the payload is XML, JSON text is dropped.
    pub fn envelope_mut(&mut self) -> &mut Envelope {
        if !matches!(self, Payload::Built(Content::Xml(_))) {
            *self = Payload::xml(self.envelope());
        }
        match self {
            Payload::Built(Content::Xml(envelope)) => envelope,
            // Replaced above.
            _ => unreachable!("the payload was just made XML"),
        }
    }

    /// The same content for another message. Unread bytes cannot be shared; the copy is empty, so
    /// mediators that fork declare that they read the body.
    pub fn share(&self) -> Self {
        match self {
            Payload::Built(content) => Payload::Built(content.clone()),
            Payload::Unread(WireBody::Full(bytes)) => Payload::Unread(WireBody::Full(bytes.clone())),
            Payload::Unread(_) => Payload::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taking_unread_bytes_leaves_a_built_payload_alone() {
        let mut built = Payload::json(JsonBody::from_text("{}"));
        assert!(built.take_unread().is_none());
        assert!(built.as_json().is_some());
        let mut unread = Payload::Unread(WireBody::Full(Bytes::from_static(b"x")));
        assert!(unread.take_unread().is_some());
        assert!(!unread.is_unread());
    }

    #[test]
    fn a_broken_body_says_so_once() {
        let mut payload = Payload::xml(Envelope::broken("why"));
        assert_eq!(payload.take_broken().as_deref(), Some("why"));
        assert!(payload.take_broken().is_none());
        let mut replaced = Payload::xml(Envelope::broken("why"));
        let body = replaced.envelope_mut().body();
        replaced.envelope_mut().document_mut().clear(body);
        assert!(replaced.take_broken().is_none());
    }
}
