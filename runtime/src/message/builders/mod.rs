//! Bytes to content, by media type (MI says message builders).
//!
//! [`build_message`] does what MI's relay builder does for an unread message, with its exceptions for
//! empty bodies; [`build`] is the bare choice of a builder for callers that have only bytes.

pub mod charset;
mod form;
mod multipart;
#[cfg(test)]
mod tests;
mod xml;

use super::convert::{ConversionSettings, append_json};
use super::envelope::{Envelope, Soap};
use super::payload::{BinaryBody, Content, JsonBody, Payload};
use super::{Message, Value};
use crate::errors::{Fault, codes};
use base64::Engine as _;
use bytes::Bytes;
use http::Method;
use std::io::Read;

/// Why a body could not be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct BuildError {
    /// What was expected and what was found.
    pub text: String,
    /// Synapse code: 601000, or 0 where MI's parser fails only when a mediator reads on.
    pub code: i32,
    /// Met while reading on, not by the builder: the text is the mediator's.
    pub lazy: bool,
}

impl BuildError {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), code: codes::BUILD, lazy: false }
    }

    fn late(text: impl Into<String>) -> Self {
        Self { text: text.into(), code: codes::MEDIATION, lazy: true }
    }

    /// The builder's refusal of a JSON text; its code is 0.
    fn no_json() -> Self {
        let text = "Could not save JSON payload. Invalid input stream found. Payload is not a JSON string.";
        Self { text: text.to_owned(), code: codes::MEDIATION, lazy: false }
    }
}

impl From<BuildError> for Fault {
    fn from(error: BuildError) -> Self {
        const TEXT: &str = "Error while building message. Error while building Passthrough stream";
        match error.code {
            codes::MEDIATION if error.lazy => Fault::new(error.text),
            codes::MEDIATION => Fault::new(TEXT).detail(error.text),
            code => Fault::with_code(code, TEXT).detail(error.text),
        }
    }
}

/// What a builder may need beside the bytes.
#[derive(Debug, Default)]
struct Source<'a> {
    /// Full Content-Type value.
    content_type: &'a str,
    /// REST or POX: an unknown media type is taken for XML without an envelope.
    rest: bool,
    /// Query of the request target; its parameters join those of a form.
    query: &'a str,
}

/// Understands a body by its full Content-Type value; `None` builds nothing.
pub fn build(bytes: &Bytes, content_type: Option<&str>) -> Result<Content, BuildError> {
    match content_type {
        None => Ok(Content::empty()),
        Some(_) if bytes.is_empty() => Ok(Content::empty()),
        Some(content_type) => select(bytes, &Source { content_type, rest: true, query: "" }),
    }
}

/// Builds the payload of a message from the bytes that were unread. `limit` bounds an inflated body.
///
/// Empty bodies that MI takes for "no entity" set axis2 `NO_ENTITY_BODY`; after a failure the payload
/// is an empty envelope.
pub fn build_message(message: &mut Message, bytes: Bytes, limit: usize) -> Result<(), Fault> {
    begin_message(message, bytes, limit)?;
    match message.payload.take_broken() {
        Some(why) => Err(BuildError::late(&*why).into()),
        None => Ok(()),
    }
}

/// As [`build_message`], but XML that breaks behind its first tag is no failure yet: MI's parser has not
/// come that far. The payload keeps the mistake until somebody looks into it.
pub fn begin_message(message: &mut Message, bytes: Bytes, limit: usize) -> Result<(), Fault> {
    let content_type = message.axis2_text("ContentType");
    message.payload = match build_for(message, bytes, content_type.as_deref(), limit) {
        Ok(content) => Payload::Built(content),
        Err(error) if error.lazy => Payload::xml(Envelope::broken(&error.text)),
        Err(error) => return Err(error.into()),
    };
    Ok(())
}

fn build_for(
    message: &mut Message,
    bytes: Bytes,
    content_type: Option<&str>,
    limit: usize,
) -> Result<Content, BuildError> {
    let Some(content_type) = content_type else { return Ok(Content::empty()) };
    if message.wire.no_entity && bytes.is_empty() {
        return Ok(Content::empty());
    }
    if is_no_entity(message, &bytes, content_type) {
        message.axis2.set("NO_ENTITY_BODY", Value::Boolean(true));
        return Ok(Content::empty());
    }
    let bytes = inflate(message, bytes, limit)?;
    if bytes.is_empty() && !message.rest && message.headers.get("Content-Length").as_deref() == Some("0") {
        message.axis2.set("messageType", "application/xml");
        return Ok(Content::empty());
    }
    let query = message.wire.target.split_once('?').map_or("", |(_, query)| query);
    // REST answers sent as text/xml are XML without an envelope, even when they look like one.
    let pox_answer = message.rest && message.wire.response && super::media_type(content_type) == "text/xml";
    if pox_answer {
        return xml::pox(&charset::decode_xml(&bytes, content_type)?);
    }
    let content = select(&bytes, &Source { content_type, rest: message.rest, query });
    match content {
        // A GET or DELETE may carry anything; what is no JSON counts as nothing there.
        Err(_) if is_json(content_type) && is_bodiless(&message.wire.method) && !message.wire.response => {
            Ok(Content::empty())
        }
        other => other,
    }
}

fn is_no_entity(message: &Message, bytes: &Bytes, content_type: &str) -> bool {
    let blank = bytes.iter().all(|b| *b == b' ');
    let accepted = message.wire.response && message.wire.status.is_some_and(|status| status == 202);
    let unframed = || {
        let length = message.headers.get("Content-Length");
        length.is_none_or(|l| l == "0") && !message.headers.contains("Transfer-Encoding")
    };
    (accepted && bytes.is_empty())
        || (message.wire.method == Method::DELETE && !message.wire.response && blank)
        || (content_type == "application/octet-stream" && bytes.is_empty() && unframed())
}

fn is_bodiless(method: &Method) -> bool {
    *method == Method::GET || *method == Method::DELETE
}

fn is_json(content_type: &str) -> bool {
    super::media_type(content_type) == "application/json"
}

/// A gzip body is inflated, at most to `limit` bytes.
fn inflate(message: &Message, bytes: Bytes, limit: usize) -> Result<Bytes, BuildError> {
    let encoding = message.headers.get("Content-Encoding");
    if bytes.is_empty() || !encoding.is_some_and(|e| e.trim().eq_ignore_ascii_case("gzip")) {
        return Ok(bytes);
    }
    let mut out = Vec::with_capacity(bytes.len().saturating_mul(4).min(limit));
    let mut decoder = flate2::read::MultiGzDecoder::new(&bytes[..]).take(limit as u64 + 1);
    decoder
        .read_to_end(&mut out)
        .map_err(|error| BuildError::new(format!("the body is no valid gzip stream: {error}")))?;
    if out.len() > limit {
        return Err(BuildError::new(format!("the inflated body is larger than {limit} bytes")));
    }
    Ok(out.into())
}

fn select(bytes: &Bytes, source: &Source<'_>) -> Result<Content, BuildError> {
    let content_type = source.content_type;
    match super::media_type(content_type).as_str() {
        "application/json" => json(bytes, content_type),
        "application/xml" if bytes.is_empty() => Ok(Content::empty()),
        "application/xml" => xml::pox(&charset::decode_xml(bytes, content_type)?),
        "text/xml" | "application/soap+xml" if source.rest && bytes.is_empty() => Ok(Content::empty()),
        "text/xml" | "application/soap+xml" => xml::soap(&charset::decode_xml(bytes, content_type)?),
        "application/x-www-form-urlencoded" => Ok(form::build(bytes, content_type, source.query)),
        "multipart/form-data" => multipart::form_data(bytes, content_type),
        "multipart/related" => multipart::related(bytes, content_type),
        "text/plain" => {
            Ok(Content::Xml(Envelope::with_text(Soap::V11, &charset::decode(bytes, content_type))))
        }
        media if is_opaque(media) => Ok(Content::Binary(BinaryBody::new(bytes.clone()))),
        _ => {
            let text = charset::decode_xml(bytes, content_type)?;
            let built = if source.rest { xml::pox(&text) } else { xml::soap(&text) };
            built.map_err(|error| BuildError::new(error.text))
        }
    }
}

/// Media types of MI's binary relay builder.
pub(super) fn is_opaque(media: &str) -> bool {
    matches!(
        media,
        "application/octet-stream"
            | "application/binary"
            | "application/pdf"
            | "application/msword"
            | "application/vnd.ms-excel"
            | "application/vnd.ms-powerpoint"
    ) || media.starts_with("application/vnd.openxmlformats-officedocument.")
}

/// JSON is not parsed: only its first significant character is looked at. Blank text stays blank.
fn json(bytes: &Bytes, content_type: &str) -> Result<Content, BuildError> {
    let text = charset::decode(bytes, content_type);
    let start = text.find(|c: char| matches!(c, '{' | '[' | '"' | 't' | 'n' | 'f' | '-' | '0'..='9'));
    let Some(start) = start else {
        if text.chars().all(|c| c == ' ') {
            return Ok(Content::Json(JsonBody::from_text(text)));
        }
        return Err(BuildError::no_json());
    };
    let is_value = !matches!(text.as_bytes().get(start), Some(b'{' | b'['));
    if is_value && !is_scalar(&text) {
        return Err(BuildError::no_json());
    }
    Ok(Content::Json(JsonBody::from_text(text)))
}

/// Texts that MI takes for a JSON value of its own: a quoted string, a literal, a plain number.
fn is_scalar(text: &str) -> bool {
    if text.len() > 1 && text.starts_with('"') && text.ends_with('"') {
        return true;
    }
    matches!(text, "true" | "false" | "null") || is_plain_number(text)
}

fn is_plain_number(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    match text.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(text),
    }
}

/// The envelope that XPath sees for a JSON payload; empty when the text is no JSON.
pub fn json_envelope(json: &JsonBody) -> Envelope {
    let mut envelope = Envelope::new(Soap::V11);
    if let Ok(tree) = json.tree() {
        let body = envelope.body();
        let settings = ConversionSettings::current();
        if append_json(envelope.document_mut(), body, json.text(), tree, settings).is_err() {
            return Envelope::new(Soap::V11);
        }
    }
    envelope
}

/// The envelope that XPath sees for opaque bytes.
pub fn binary_envelope(bytes: &Bytes) -> Envelope {
    Envelope::with_leaf(Soap::V12, "binary", &base64::engine::general_purpose::STANDARD.encode(bytes))
}
