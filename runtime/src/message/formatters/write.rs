//! The bytes of each formatter.

use super::{Formatter, form};
use crate::errors::Fault;
use crate::message::builders::charset;
use crate::message::convert::{ConversionSettings, xml_to_json_text};
use crate::message::envelope::{Envelope, PAYLOAD_NS};
use crate::message::{Content, Message};
use artifacts::xml::{Document, NodeId, WriteOptions};
use base64::Engine as _;
use bytes::Bytes;
use std::io::Write as _;

pub(super) fn bytes(
    message: &Message,
    content: &Content,
    formatter: Formatter,
    charset: &str,
) -> Result<Bytes, Fault> {
    if let Content::Xml(envelope) = content
        && let Some(why) = envelope.why_broken()
    {
        return Err(Fault::new(&**why));
    }
    let text = match formatter {
        Formatter::Json => return json(message, content, charset),
        Formatter::Xml => xml(content)?,
        Formatter::Soap => soap(convertible(content)?.envelope(), charset),
        Formatter::Form => return form::bytes(content, charset),
        Formatter::Multipart => return form::multipart(content),
        Formatter::Text => text(content),
        Formatter::Binary => return binary(content, charset),
    };
    Ok(charset::encode(text, charset))
}

fn json(message: &Message, content: &Content, charset: &str) -> Result<Bytes, Fault> {
    if let Content::Json(json) = content {
        return Ok(Bytes::copy_from_slice(json.text().as_bytes()));
    }
    let envelope = content.envelope();
    let Some(payload) = envelope.payload() else {
        return match message.axis2("JSON_STRING") {
            Some(text) => Ok(charset::encode(text.text().into_owned(), charset)),
            None => Err(Fault::new("Payload could not be written as JSON.")),
        };
    };
    let spaces = message.axis2_flag("PRESERVE_SPACES");
    let settings = ConversionSettings::current();
    let result = if spaces {
        let settings = ConversionSettings { preserve_spaces: true, ..settings.clone() };
        xml_to_json_text(envelope.document(), payload, &settings)
    } else {
        xml_to_json_text(envelope.document(), payload, settings)
    };
    let text = result.map_err(|error| Fault::new(format!("Could not write JSON stream. {error}")))?;
    Ok(charset::encode(text, charset))
}

/// A JSON text that cannot be read has no XML form.
fn convertible(content: &Content) -> Result<&Content, Fault> {
    if let Content::Json(json) = content
        && !json.is_blank()
        && let Err(error) = json.tree()
    {
        return Err(Fault::new(format!("the payload is no valid JSON: {error}")));
    }
    Ok(content)
}

fn xml(content: &Content) -> Result<String, Fault> {
    let envelope = convertible(content)?.envelope();
    Ok(envelope.payload().map(|payload| element(envelope.document(), payload)).unwrap_or_default())
}

fn element(document: &Document, node: NodeId) -> String {
    let mut out = String::new();
    document.write(node, WriteOptions::default(), &mut out);
    out
}

/// XML declaration and envelope; the empty header of an envelope made here is left out, as Axiom does.
fn soap(envelope: &Envelope, charset: &str) -> String {
    let document = envelope.document();
    let declaration = format!("<?xml version='1.0' encoding='{charset}'?>");
    let empty = |header: &NodeId| !envelope.is_parsed() && document.first_child(*header).is_none();
    let empty_header = envelope.header().filter(empty);
    let Some(header) = empty_header else { return declaration + &element(document, envelope.root()) };
    let mut without = envelope.clone();
    without.document_mut().detach(header);
    declaration + &element(without.document(), without.root())
}

/// Only the text wrapper has a text.
fn text(content: &Content) -> String {
    let envelope = match content {
        Content::Xml(envelope) => envelope,
        Content::Json(_) | Content::Binary(_) => return String::new(),
    };
    let document = envelope.document();
    let wrapper = envelope.payload().filter(|node| document.is_named(*node, PAYLOAD_NS, "text"));
    wrapper.map(|node| document.string_value(node)).unwrap_or_default()
}

fn binary(content: &Content, charset: &str) -> Result<Bytes, Fault> {
    if let Content::Binary(binary) = content {
        return Ok(binary.bytes.clone());
    }
    let envelope = convertible(content)?.envelope();
    let document = envelope.document();
    let Some(payload) = envelope.payload() else { return Ok(Bytes::new()) };
    if document.is_named(payload, PAYLOAD_NS, "binary") {
        let text: String = document.string_value(payload).split_ascii_whitespace().collect();
        let decoded = base64::engine::general_purpose::STANDARD.decode(&text);
        return decoded
            .map(Bytes::from)
            .map_err(|error| Fault::new(format!("the binary payload is no valid base64 text: {error}")));
    }
    if document.is_named(payload, PAYLOAD_NS, "text") {
        return Ok(charset::encode(text(content), charset));
    }
    Ok(charset::encode(soap(envelope, charset), charset))
}

/// `Content-Encoding: gzip` among the headers makes the body one.
pub(super) fn gzip(message: &Message, bytes: Bytes) -> Result<Bytes, Fault> {
    let encoding = message.headers.get("Content-Encoding");
    if !encoding.is_some_and(|value| value.trim().eq_ignore_ascii_case("gzip")) {
        return Ok(bytes);
    }
    let mut encoder =
        flate2::write::GzEncoder::new(Vec::with_capacity(bytes.len() / 2), flate2::Compression::default());
    let written = encoder.write_all(&bytes).and_then(|()| encoder.finish());
    written.map(Bytes::from).map_err(|error| Fault::new(format!("the body could not be compressed: {error}")))
}
