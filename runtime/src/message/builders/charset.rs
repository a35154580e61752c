//! Text from bytes and back, by the charset parameter of a Content-Type value.

use super::BuildError;
use crate::message::media_type_parameter;
use bytes::Bytes;
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use std::borrow::Cow;

/// Decodes by the charset parameter, UTF-8 without one. What does not fit becomes U+FFFD; a byte order
/// mark of UTF-8 stays in the text.
pub fn decode<'a>(bytes: &'a [u8], content_type: &str) -> Cow<'a, str> {
    match media_type_parameter(content_type, "charset") {
        None => String::from_utf8_lossy(bytes),
        Some(label) => decode_as(bytes, label),
    }
}

/// Decodes by a charset name.
pub fn decode_as<'a>(bytes: &'a [u8], label: &str) -> Cow<'a, str> {
    let encoding = encoding(label).unwrap_or(UTF_8);
    if encoding == UTF_8 {
        return String::from_utf8_lossy(bytes);
    }
    if is_utf16(label) {
        // Without a byte order mark UTF-16 is big endian, as Java reads it.
        let fallback = if label.eq_ignore_ascii_case("utf-16le") { UTF_16LE } else { UTF_16BE };
        let (encoding, rest) = match bytes {
            [0xff, 0xfe, rest @ ..] => (UTF_16LE, rest),
            [0xfe, 0xff, rest @ ..] => (UTF_16BE, rest),
            _ => (fallback, bytes),
        };
        return encoding.decode_without_bom_handling(rest).0;
    }
    encoding.decode_without_bom_handling(bytes).0
}

/// Decodes an XML text: byte order mark, then the encoding its declaration names, then the charset
/// parameter, then UTF-8.
pub(super) fn decode_xml<'a>(bytes: &'a [u8], content_type: &str) -> Result<Cow<'a, str>, BuildError> {
    match bytes {
        [0xff, 0xfe, rest @ ..] => return Ok(UTF_16LE.decode_without_bom_handling(rest).0),
        [0xfe, 0xff, rest @ ..] => return Ok(UTF_16BE.decode_without_bom_handling(rest).0),
        _ => {}
    }
    let label = media_type_parameter(content_type, "charset").or_else(|| declared(bytes));
    match label {
        Some(label) if encoding(label).is_some_and(|e| e != UTF_8) => Ok(decode_as(bytes, label)),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Cow::Borrowed(text)),
            Err(error) => Err(BuildError::new(format!("the body is no valid UTF-8: {error}"))),
        },
    }
}

/// Encodes a text; characters the charset lacks become `?`, as Java writes them. Unknown names: UTF-8.
pub fn encode(text: String, label: &str) -> Bytes {
    let encoding = encoding(label).unwrap_or(UTF_8);
    if encoding == UTF_8 {
        return text.into();
    }
    if is_utf16(label) {
        return utf16(&text, label);
    }
    let mut buffer = [0u8; 4];
    let (fast, _, unmappable) = encoding.encode(&text);
    if !unmappable {
        return fast.into_owned().into();
    }
    let mut out = Vec::with_capacity(text.len());
    for c in text.chars() {
        let (bytes, _, unmappable) = encoding.encode(c.encode_utf8(&mut buffer));
        if unmappable { out.push(b'?') } else { out.extend_from_slice(&bytes) }
    }
    out.into()
}

fn utf16(text: &str, label: &str) -> Bytes {
    let little = label.eq_ignore_ascii_case("utf-16le");
    let mut out = Vec::with_capacity(text.len() * 2 + 2);
    if label.eq_ignore_ascii_case("utf-16") {
        out.extend_from_slice(&[0xfe, 0xff]);
    }
    for unit in text.encode_utf16() {
        out.extend_from_slice(&if little { unit.to_le_bytes() } else { unit.to_be_bytes() });
    }
    out.into()
}

fn is_utf16(label: &str) -> bool {
    ["utf-16", "utf-16be", "utf-16le"].iter().any(|name| label.eq_ignore_ascii_case(name))
}

fn encoding(label: &str) -> Option<&'static Encoding> {
    Encoding::for_label_no_replacement(label.trim().as_bytes())
}

/// The encoding that an XML declaration names.
fn declared(bytes: &[u8]) -> Option<&str> {
    let head = bytes.strip_prefix(b"<?xml")?;
    let end = head.windows(2).take(200).position(|w| w == b"?>")?;
    let text = std::str::from_utf8(head.get(..end)?).ok()?;
    let (_, after) = text.split_once("encoding")?;
    let value = after.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    value.get(1..)?.split(quote).next()
}
