//! Values into text. MI builds each replacement for Java's `Matcher.appendReplacement`, where a
//! backslash quotes the next character and a dollar sign refers to a group; what it forgets to quote
//! is lost or refused there. The same steps are taken here, so the same characters survive.

use super::Media;
use super::arguments::{Evaluated, Kind};
use crate::errors::Fault;
use crate::mediators::parts::convert;
use crate::mediators::parts::gson::{self, Nulls};
use crate::message::{Json, Message, Value, XmlItem, json};
use artifacts::xml::parse;
use std::borrow::Cow;
use std::fmt::Write as _;

/// Quotes backslash and dollar sign.
pub(super) fn quote(text: &str) -> String {
    if !text.contains(['\\', '$']) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if matches!(c, '\\' | '$') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Appends a quoted replacement. `groups` are what `$0` to `$3` stand for.
pub(super) fn append(out: &mut String, replacement: &str, groups: [Option<&str>; 4]) -> Result<(), Fault> {
    if !replacement.contains(['\\', '$']) {
        out.push_str(replacement);
        return Ok(());
    }
    let mut chars = replacement.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(next) => out.push(next),
                None => return Err(Fault::new("character to be escaped is missing")),
            },
            '$' => {
                let digit = chars.next().and_then(|c| c.to_digit(10));
                let digit = digit.ok_or_else(|| Fault::new("Illegal group reference"))?;
                let group =
                    groups.get(digit as usize).ok_or_else(|| Fault::new(format!("No group {digit}")))?;
                out.push_str(group.unwrap_or_default());
            }
            other => out.push(other),
        }
    }
    Ok(())
}

/// Escapes a quoted text as the inside of a JSON string.
fn escape_json(quoted: &str) -> String {
    let mut out = String::with_capacity(quoted.len() + 8);
    let mut chars = quoted.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.peek() == Some(&'\\') => {
                chars.next();
                out.push_str("\\\\\\\\");
            }
            '"' => out.push_str("\\\\\""),
            '\u{8}' => out.push_str("\\\\b"),
            '\u{c}' => out.push_str("\\\\f"),
            '\n' => out.push_str("\\\\n"),
            '\r' => out.push_str("\\\\r"),
            '\t' => out.push_str("\\\\t"),
            other => out.push(other),
        }
    }
    out
}

/// Only the control characters of [`escape_json`].
fn escape_controls(quoted: &str) -> String {
    [('\u{8}', "\\\\b"), ('\u{c}', "\\\\f"), ('\n', "\\\\n"), ('\r', "\\\\r"), ('\t', "\\\\t")]
        .iter()
        .fold(quoted.to_owned(), |text, (from, to)| text.replace(*from, to))
}

/// Keeps the escapes of a JSON text through [`append`].
fn keep_json_escapes(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    keep_short_escapes(text.replace("\\\"", "\\\\\"").replace("\\\\$", "\\$"))
}

/// Keeps the escapes of a text that is parsed as JSON and then written as XML.
fn keep_xml_escapes(text: &str) -> String {
    if !text.contains(['\\', '$']) {
        return text.to_owned();
    }
    keep_short_escapes(text.replace("\\\"", "\\\\\"").replace('$', "\\$"))
}

fn keep_short_escapes(mut text: String) -> String {
    for short in ["b", "f", "n", "r", "t"] {
        text = text.replace(&format!("\\{short}"), &format!("\\\\{short}"));
    }
    text
}

/// `& < > " '` as entities; characters that XML 1.0 forbids are dropped.
pub(super) fn escape_xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' => {
                // Writing to a String cannot fail.
                let _ = write!(out, "&#{};", c as u32);
            }
            '\t' | '\n' | '\r' => out.push(c),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {}
            other => out.push(other),
        }
    }
    out
}

/// Does MI take the text for XML? It ends with `>` and a start tag can be read; what follows the
/// start tag is not looked at.
pub(super) fn is_xml(text: &str) -> bool {
    let text = text.trim();
    if text.len() < 4 || !text.ends_with('>') || !text.starts_with('<') {
        return false;
    }
    parse(text).is_ok() || has_start_tag(text)
}

fn has_start_tag(text: &str) -> bool {
    let mut quote = None;
    for (at, c) in text.char_indices().skip(1) {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), close) if open == close => quote = None,
            (None, '<') => return false,
            (None, '>') => {
                let tag = text.get(1..at).unwrap_or_default();
                let name: String = tag.chars().take_while(|c| !c.is_whitespace() && *c != '/').collect();
                return parse(&format!("<{}></{name}>", tag.trim_end_matches('/'))).is_ok();
            }
            _ => {}
        }
    }
    false
}

/// Starts with `{` or `[`.
pub(super) fn looks_like_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}

/// The quoted replacement of `$n`.
pub(super) fn argument(
    value: &Evaluated,
    media: Media,
    escape_xml_chars: bool,
    message: &Message,
) -> Result<String, Fault> {
    match (media, value.kind) {
        (Media::Json, Kind::Xml) => Ok(xml_to_json(&value.text)),
        (Media::Xml, Kind::Json) => json_to_xml(&value.text),
        (Media::Json, Kind::Json) if escape_xml_chars => Ok(escape_controls(&value.text)),
        (Media::Json, Kind::Text) if value.literal || !looks_like_json(&value.text) => {
            let escaped = escape_json(&value.text);
            Ok(if wants_quotes(&value.text, message) { format!("\"{escaped}\"") } else { escaped })
        }
        _ => Ok(value.text.clone()),
    }
}

/// `QUOTE_STRING_IN_PAYLOAD_FACTORY_JSON`: strings get quotes unless they look like another type.
fn wants_quotes(text: &str, message: &Message) -> bool {
    let on = message.property("QUOTE_STRING_IN_PAYLOAD_FACTORY_JSON");
    if !on.is_some_and(|v| v.text().eq_ignore_ascii_case("true")) {
        return false;
    }
    let text = text.trim();
    !matches!(text, "true" | "false" | "null") && !json::is_number(text)
}

/// XML as JSON; what cannot be converted is taken as text.
fn xml_to_json(quoted: &str) -> String {
    match convert::xml_text_to_json(&format!("<jsonObject>{quoted}</jsonObject>")) {
        Ok(json) => keep_json_escapes(&json),
        Err(_) => escape_json(quoted),
    }
}

fn json_to_xml(text: &str) -> Result<String, Fault> {
    convert::json_text_to_xml(&keep_xml_escapes(text)).map_err(|_| {
        Fault::new(
            "Error converting JSON to XML, please check your JSON Path expressions return valid JSON: ",
        )
    })
}

/// The quoted replacement of `"${...}"`, without the quotes around it.
pub(super) fn quoted(value: &Value, media: Media) -> Result<String, Fault> {
    match value {
        Value::Json(json) if json.is_container() => {
            let text = quote(&gson::text(json, Nulls::Dropped)).replace('"', "\\\"").replace('\\', "\\\\");
            if media == Media::Xml { json_to_xml(&text).map(|xml| keep_xml_escapes(&xml)) } else { Ok(text) }
        }
        Value::Json(json) => Ok(primitive(json, media)),
        other => {
            let text = java_text(other);
            Ok(match media {
                Media::Xml => escape_xml(&text),
                Media::Json if is_xml(&text) => escape_json(&quote(&text)),
                Media::Json => keep_json_escapes(&text),
                _ => text.into_owned(),
            })
        }
    }
}

/// The quoted replacement of `${...}`.
pub(super) fn bare(value: &Value, media: Media) -> Result<String, Fault> {
    match value {
        Value::Json(json) if json.is_container() => {
            if media != Media::Xml {
                return Ok(quote(&gson::text(json, Nulls::Dropped)));
            }
            let xml = convert::json_text_to_xml(&json.to_string()).map_err(|_| {
                Fault::new("Error converting JSON to XML, please check your expressions return valid JSON: ")
            })?;
            Ok(quote(&keep_xml_escapes(&xml)))
        }
        Value::Json(json) => Ok(primitive(json, media)),
        other => {
            let text = java_text(other);
            match media {
                Media::Json if is_xml(&text) => Ok(xml_to_json(&text)),
                Media::Xml if !is_xml(&text) => Ok(quote(&escape_xml(&text))),
                _ => Ok(quote(&text)),
            }
        }
    }
}

/// The text of a value that is no JSON; a node list is printed as Java prints lists.
fn java_text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Nodes(items) => {
            let texts: Vec<String> = items.iter().map(XmlItem::text).collect();
            Cow::Owned(format!("[{}]", texts.join(", ")))
        }
        other => other.text(),
    }
}

fn primitive(json: &Json, media: Media) -> String {
    let text = match json {
        Json::String(text) => Cow::Borrowed(&**text),
        other => Cow::Owned(other.to_string()),
    };
    let escaped = escape_json(&quote(&text));
    if media == Media::Xml { escape_xml(&escaped) } else { escaped }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn appended(text: &str) -> String {
        let mut out = String::new();
        append(&mut out, text, [None; 4]).unwrap();
        out
    }

    #[test]
    fn quoting_and_appending_is_neutral() {
        for text in ["a", "a\\b", "$1 \\$", "\\\\"] {
            assert_eq!(appended(&quote(text)), text);
        }
        assert!(append(&mut String::new(), "$x", [None; 4]).is_err());
        assert!(append(&mut String::new(), "a\\", [None; 4]).is_err());
    }

    #[test]
    fn json_strings_are_escaped_once() {
        assert_eq!(appended(&escape_json(&quote("a\"b\\c\nd"))), r#"a\"b\\c\nd"#);
        assert_eq!(appended(&keep_json_escapes(r#"{"a":"x\"y\n"}"#)), r#"{"a":"x\"y\n"}"#);
    }

    #[test]
    fn xml_is_known_by_its_start_tag() {
        for text in ["<a/>", " <a>x</a> ", "<b>bold</b> and <i>x</i>", "<a x='>'>t</b>"] {
            assert!(is_xml(text), "{text}");
        }
        for text in ["", "a>", "<a", "1 < 2 >", "<>>>", "text <b>x</b>"] {
            assert!(!is_xml(text), "{text}");
        }
    }

    #[test]
    fn escaping_for_xml() {
        assert_eq!(escape_xml("a&<>\"'\u{1}b"), "a&amp;&lt;&gt;&quot;&apos;b");
    }
}
