//! Bytes to content, by media type (MI says message builders).

use super::convert::{ConversionSettings, append_json};
use super::envelope::{Envelope, Soap};
use super::payload::{BinaryBody, Content, JsonBody};
use artifacts::xml::{Document, parse, parse_fragment_into};
use base64::Engine as _;
use bytes::Bytes;

/// Why a body could not be understood; becomes fault 601000.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BuildError(pub String);

/// Understands a body. `content_type` is the full header value, `None` builds nothing.
pub fn build(bytes: &Bytes, content_type: Option<&str>) -> Result<Content, BuildError> {
    let Some(content_type) = content_type else { return Ok(Content::empty()) };
    if bytes.is_empty() {
        return Ok(Content::empty());
    }
    match super::media_type(content_type).as_str() {
        "application/json" => Ok(Content::Json(JsonBody::from_text(text(bytes)))),
        "text/plain" => Ok(Content::Xml(Envelope::with_text(Soap::V11, &text(bytes)))),
        "application/octet-stream" => Ok(Content::Binary(BinaryBody::new(bytes.clone()))),
        "text/xml" | "application/soap+xml" => soap(&text(bytes)),
        _ => pox(&text(bytes)),
    }
}

fn text(bytes: &Bytes) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn soap(text: &str) -> Result<Content, BuildError> {
    let document = parse(text).map_err(|error| BuildError(error.to_string()))?;
    match Envelope::from_document(document) {
        Ok(envelope) => Ok(Content::Xml(envelope)),
        Err(document) => {
            let root = document.root_element().unwrap_or(Document::ROOT);
            Ok(Content::Xml(Envelope::with_payload(Soap::V11, &document, root)))
        }
    }
}

fn pox(text: &str) -> Result<Content, BuildError> {
    let mut envelope = Envelope::new(Soap::V11);
    let body = envelope.body();
    parse_fragment_into(envelope.document_mut(), body, text)
        .map_err(|error| BuildError(error.to_string()))?;
    Ok(Content::Xml(envelope))
}

/// The envelope that XPath sees for a JSON payload.
pub fn json_envelope(json: &JsonBody) -> Envelope {
    let mut envelope = Envelope::new(Soap::V11);
    if let Ok(tree) = json.tree() {
        let body = envelope.body();
        let settings = ConversionSettings::default();
        if append_json(envelope.document_mut(), body, json.text(), tree, &settings).is_err() {
            return Envelope::new(Soap::V11);
        }
    }
    envelope
}

/// The envelope that XPath sees for opaque bytes.
pub fn binary_envelope(bytes: &Bytes) -> Envelope {
    Envelope::with_leaf(Soap::V11, "binary", &base64::engine::general_purpose::STANDARD.encode(bytes))
}
