//! Forms: children of the payload as pairs or parts.

use crate::errors::Fault;
use crate::message::Content;
use crate::message::builders::charset;
use artifacts::xml::{Document, NodeId};
use bytes::Bytes;
use std::fmt::Write as _;

/// `name=value` joined by `&`, values percent-encoded as Java's `URLEncoder` does but with `%20` for
/// blanks. A form that nobody changed is written as it came.
pub(super) fn bytes(content: &Content, charset: &str) -> Result<Bytes, Fault> {
    let envelope = content.envelope();
    if let Some(source) = envelope.source() {
        return Ok(source.clone());
    }
    let Some(payload) = envelope.payload() else { return Ok(Bytes::new()) };
    let document = envelope.document();
    let mut out = String::new();
    for child in document.child_elements(payload) {
        if !out.is_empty() {
            out.push('&');
        }
        out.push_str(&parameter_name(document, child));
        out.push('=');
        encode(&charset::encode(document.own_text(child), charset), &mut out);
    }
    Ok(out.into())
}

/// One part per child; a multipart body that nobody changed is written as it came.
pub(super) fn multipart(content: &Content) -> Result<Bytes, Fault> {
    let envelope = content.envelope();
    if let Some(source) = envelope.source() {
        return Ok(source.clone());
    }
    let Some(payload) = envelope.payload() else { return Ok(Bytes::new()) };
    let document = envelope.document();
    let mut out = String::new();
    for child in document.child_elements(payload) {
        let name = parameter_name(document, child);
        let text = document.string_value(child);
        // Writing to a String cannot fail.
        let _infallible = write!(
            out,
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\
             Content-Type: text/plain; charset=UTF-8\r\n\r\n{text}\r\n"
        );
    }
    out.push_str("--");
    out.push_str(BOUNDARY);
    out.push_str("--\r\n");
    Ok(out.into())
}

/// Boundary of the multipart bodies that this runtime writes.
pub(super) const BOUNDARY: &str = "MIMEBoundary_3f6a1c8e5d2b4790a8c1e6f3b7d50924";

fn parameter_name(document: &Document, node: NodeId) -> String {
    document.local_name(node).replace("_JsonReader_PD_", "").replace("_JsonReader_PS_", "$")
}

/// A text as the value of a query or form parameter: Java's `URLEncoder` with `%20` for blanks.
pub fn encode_value(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    encode(text.as_bytes(), &mut out);
    out
}

fn encode(bytes: &[u8], out: &mut String) {
    for &byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'*' | b'_' => out.push(char::from(byte)),
            _ => {
                let _infallible = write!(out, "%{byte:02X}");
            }
        }
    }
}
