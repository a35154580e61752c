//! `application/x-www-form-urlencoded` as `<xformValues>` with one child per parameter.

use super::charset;
use crate::message::envelope::{Envelope, Soap};
use crate::message::media_type_parameter;
use crate::message::payload::Content;
use artifacts::xml::Name;
use bytes::Bytes;

/// Parameters of the URL come first, then those of the body. Values of one name stand together, at the
/// place of its first value. Names stay encoded; in values only `%XX` is decoded, a `+` stays.
pub(super) fn build(bytes: &Bytes, content_type: &str, query: &str) -> Content {
    let label = media_type_parameter(content_type, "charset").unwrap_or("UTF-8");
    let text = charset::decode_as(bytes, label);
    let mut entries: Vec<(String, Vec<String>)> = Vec::new();
    let from_query = query.split('&').filter(|part| part.find('=').is_some_and(|at| at > 0));
    let from_body = text.lines().flat_map(|line| line.split('&')).filter(|part| !part.is_empty());
    for part in from_query.chain(from_body) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let (name, value) = (escape(name), unescape(value, label));
        match entries.iter_mut().find(|(n, _)| *n == name) {
            Some((_, values)) => values.push(value),
            None => entries.push((name, vec![value])),
        }
    }
    if entries.is_empty() {
        return Content::empty();
    }
    let mut envelope = Envelope::new(Soap::V12);
    let body = envelope.body();
    let document = envelope.document_mut();
    let root = document.add_element(body, Name::plain("xformValues"));
    for (name, values) in &entries {
        for value in values {
            let element = document.add_element(root, Name::plain(name));
            document.add_text(element, value);
        }
    }
    Content::Xml(envelope.with_source(bytes.clone()))
}

/// Names that no element can have: a leading digit or `$` is written as in JSON.
fn escape(name: &str) -> String {
    match name.chars().next() {
        Some('0'..='9') => format!("_JsonReader_PD_{name}"),
        Some('$') => format!("_JsonReader_PS_{}", name.trim_start_matches('$')),
        _ => name.to_owned(),
    }
}

fn unescape(value: &str, label: &str) -> String {
    if !value.contains('%') {
        return value.to_owned();
    }
    let bytes: Vec<u8> = percent_bytes(value.as_bytes());
    charset::decode_as(&bytes, label).into_owned()
}

fn percent_bytes(value: &[u8]) -> Vec<u8> {
    let hex = |at: usize| value.get(at).and_then(|b| char::from(*b).to_digit(16));
    let mut out = Vec::with_capacity(value.len());
    let mut at = 0;
    while let Some(&byte) = value.get(at) {
        match (byte, hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}
