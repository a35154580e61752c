//! Multipart bodies: form data as `<mediate>` with one child per part, related as its root part.

use super::{BuildError, charset, xml};
use crate::message::envelope::{Envelope, Soap};
use crate::message::media_type_parameter;
use crate::message::payload::Content;
use artifacts::xml::Name;
use base64::Engine as _;
use bytes::Bytes;

/// One part: its header lines and its content.
struct Part<'a> {
    headers: Vec<(String, &'a str)>,
    content: &'a [u8],
}

impl Part<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| *value)
    }
}

/// Fields become text, files base64 text.
pub(super) fn form_data(bytes: &Bytes, content_type: &str) -> Result<Content, BuildError> {
    let mut envelope = Envelope::new(Soap::V12);
    let body = envelope.body();
    let document = envelope.document_mut();
    let root = document.add_element(body, Name::plain("mediate"));
    for part in parts(bytes, content_type)? {
        let disposition = part.header("content-disposition").unwrap_or_default();
        let Some(name) = media_type_parameter(disposition, "name") else { continue };
        let element = document.add_element(root, Name::plain(name));
        let is_file = media_type_parameter(disposition, "filename").is_some();
        let text = if is_file {
            base64::engine::general_purpose::STANDARD.encode(part.content)
        } else {
            charset::decode(part.content, part.header("content-type").unwrap_or_default()).into_owned()
        };
        document.add_text(element, &text);
    }
    Ok(Content::Xml(envelope.with_source(bytes.clone())))
}

/// The first part, or the one that the `start` parameter names, read as XML or SOAP.
pub(super) fn related(bytes: &Bytes, content_type: &str) -> Result<Content, BuildError> {
    let parts = parts(bytes, content_type)?;
    let start = media_type_parameter(content_type, "start");
    let named = start.and_then(|id| parts.iter().find(|part| part.header("content-id") == Some(id)));
    let root = named.or_else(|| parts.first());
    let root = root.ok_or_else(|| BuildError::new("the multipart body has no parts"))?;
    let media = root.header("content-type").unwrap_or_default();
    let Content::Xml(envelope) = xml::soap(&charset::decode_xml(root.content, media)?)? else {
        return Ok(Content::empty());
    };
    Ok(Content::Xml(envelope.with_source(bytes.clone())))
}

fn parts<'a>(bytes: &'a [u8], content_type: &str) -> Result<Vec<Part<'a>>, BuildError> {
    let boundary = media_type_parameter(content_type, "boundary")
        .filter(|boundary| !boundary.is_empty())
        .ok_or_else(|| BuildError::new("a multipart Content-Type needs a boundary parameter"))?;
    let mark = format!("--{boundary}");
    let mut out = Vec::new();
    let mut at = find(bytes, mark.as_bytes(), 0)
        .ok_or_else(|| BuildError::new(format!("the boundary '{boundary}' does not occur in the body")))?;
    loop {
        let from = at + mark.len();
        let rest = bytes.get(from..).unwrap_or_default();
        if rest.starts_with(b"--") {
            return Ok(out);
        }
        let next = find(bytes, mark.as_bytes(), from)
            .ok_or_else(|| BuildError::new("the multipart body has no closing boundary"))?;
        out.push(part(strip_line(bytes.get(from..next).unwrap_or_default())));
        at = next;
    }
}

/// Drops the line end behind the boundary and the one before the next.
fn strip_line(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_prefix(b"\r\n").or_else(|| bytes.strip_prefix(b"\n")).unwrap_or(bytes);
    bytes.strip_suffix(b"\r\n").or_else(|| bytes.strip_suffix(b"\n")).unwrap_or(bytes)
}

fn part(bytes: &[u8]) -> Part<'_> {
    let (end, skip) = if bytes.starts_with(b"\r\n") {
        (0, 2)
    } else if let Some(end) = find(bytes, b"\r\n\r\n", 0) {
        (end, 4)
    } else if let Some(end) = find(bytes, b"\n\n", 0) {
        (end, 2)
    } else {
        (bytes.len(), 0)
    };
    let head = std::str::from_utf8(bytes.get(..end).unwrap_or_default()).unwrap_or_default();
    let headers = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim()))
        .collect();
    Part { headers, content: bytes.get(end + skip..).unwrap_or_default() }
}

fn find(bytes: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    bytes.get(from..)?.windows(needle.len()).position(|window| window == needle).map(|at| at + from)
}
