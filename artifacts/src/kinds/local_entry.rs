//! Local entries: named text or XML, and connections.

use super::endpoint::{codes_text, duration_text, float_text, int_text, long_text};
use crate::bundle::{decode, trimmed_text};
use crate::diagnostics::Code;
use crate::read::Reader;
use crate::source::Source;
use crate::values;
use crate::xml::{self, ElementRef, XmlElement};
use std::sync::Arc;

/// A local entry.
#[derive(Debug, Clone)]
pub struct LocalEntry {
    /// Key.
    pub key: String,
    /// What it holds.
    pub value: EntryValue,
    /// Free text.
    pub description: Option<String>,
    /// The `<localEntry>` element.
    pub element: XmlElement,
}

/// What a local entry holds.
#[derive(Debug, Clone)]
pub enum EntryValue {
    /// Trimmed text.
    Text(String),
    /// An element.
    Xml(XmlElement),
    /// Loaded from a URL when deployed.
    Source(String),
    /// A connection of an operation package: `<http.init>`, `<email.init>`, ...
    Connection(Connection),
}

/// A connection.
#[derive(Debug, Clone)]
pub struct Connection {
    /// The package, `http` for `<http.init>`.
    pub library: String,
    /// The `<*.init>` element with its parameters.
    pub element: XmlElement,
}

impl Connection {
    /// Trimmed text of a parameter; empty ones count as absent.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let child = self.element.get().child_any_ns(name)?;
        Some(child.text().trim().to_owned()).filter(|text| !text.is_empty())
    }
}

impl EntryValue {
    /// Loaded content: XML when it parses, else text without the line end at its end.
    pub fn of_content(path: &str, bytes: &[u8]) -> Self {
        let source = Source::new(path, decode(bytes));
        match xml::parse_source(&source) {
            Ok(document) => match document.root_element() {
                Some(root) => EntryValue::Xml(XmlElement::new(Arc::new(document), root)),
                None => EntryValue::Text(String::new()),
            },
            Err(_) => EntryValue::Text(trimmed_text(&source.text).to_owned()),
        }
    }
}

pub(super) fn read(element: &XmlElement, reader: &mut Reader<'_>) -> Option<LocalEntry> {
    let this = element.get();
    reader.known_attributes(this, &["key", "src"]);
    let key = reader.required(this, "key");
    let value = match this.attr("src") {
        Some(src) if values::is_java_url(src) => EntryValue::Source(src.trim().to_owned()),
        Some(src) => {
            let message = format!("'src' of <localEntry> must be a URL; found '{src}'");
            reader.error(Code::BAD_VALUE, this.place_of("src"), message);
            return None;
        }
        None => content(element, reader),
    };
    Some(LocalEntry {
        key: key?,
        value,
        description: element.child("description").map(|child| child.get().text()),
        element: element.clone(),
    })
}

fn content(element: &XmlElement, reader: &mut Reader<'_>) -> EntryValue {
    let this = element.get();
    let is_description = |child: &ElementRef<'_>| child.local() == "description" && child.is_synapse();
    let Some(first) = this.children().find(|child| !is_description(child)) else {
        return EntryValue::Text(this.text().trim().to_owned());
    };
    let child = element.at(first.id);
    match first.local().strip_suffix(".init") {
        Some(library) => {
            let connection = Connection { library: library.to_owned(), element: child };
            if library == "http" {
                check_http(&connection, reader);
            }
            EntryValue::Connection(connection)
        }
        None => EntryValue::Xml(child),
    }
}

/// The children of `http.init` become an HTTP endpoint when MI deploys, so their numbers are read then.
fn check_http(connection: &Connection, reader: &mut Reader<'_>) {
    for child in connection.element.get().children() {
        if child.text().trim().is_empty() || super::expression_in_braces(&child.text()) {
            continue;
        }
        let element = connection.element.at(child.id);
        match child.local() {
            "retryCount" | "retryDelay" | "suspendInitialDuration" => _ = int_text(&element, reader),
            "suspendMaximumDuration" => _ = long_text(&element, reader),
            "suspendProgressionFactor" => _ = float_text(&element, reader),
            "retryErrorCodes" | "suspendErrorCodes" => _ = codes_text(&element, reader),
            "timeoutDuration" => _ = duration_text(&element, reader),
            "timeoutAction" => timeout_action(child, reader),
            _ => {}
        }
    }
}

fn timeout_action(child: ElementRef<'_>, reader: &mut Reader<'_>) {
    let text = child.text();
    let known = ["never", "discard", "fault"];
    if !known.iter().any(|word| word.eq_ignore_ascii_case(text.trim())) {
        reader.unknown_word(text.trim(), child.place(), "timeout action", known.into_iter());
    }
}
