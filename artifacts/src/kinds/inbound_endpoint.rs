//! Inbound endpoints: where messages come from.

use super::flow::{Reference, reference};
use crate::diagnostics::Code;
use crate::read::Reader;
use crate::values;
use crate::xml::{ElementRef, XmlElement};

/// An inbound endpoint.
#[derive(Debug, Clone)]
pub struct InboundEndpoint {
    /// Name.
    pub name: String,
    /// Protocol or class.
    pub source: InboundSource,
    /// Sequence that gets the messages.
    pub sequence: Option<Reference>,
    /// Sequence for faults.
    pub on_error: Option<Reference>,
    /// Deployed but not started.
    pub suspend: bool,
    /// Parameters in order.
    pub parameters: Vec<Parameter>,
    /// Handler classes.
    pub handlers: Vec<String>,
    /// `statistics="enable"`.
    pub statistics: bool,
    /// `trace="enable"`.
    pub trace: bool,
    /// The `<inboundEndpoint>` element.
    pub element: XmlElement,
}

/// What an inbound endpoint listens to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InboundSource {
    /// One of MI's protocols.
    Protocol(String),
    /// A Java class.
    Class(String),
}

/// A parameter; its value comes from text, XML or a registry key.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Name, case sensitive.
    pub name: String,
    /// Text, or XML as text; empty when it comes from [`Parameter::key`].
    pub value: String,
    /// Registry resource or local entry that holds the value.
    pub key: Option<Reference>,
    /// The `<parameter>` element.
    pub element: XmlElement,
}

impl InboundEndpoint {
    /// The text of a parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().rev().find(|p| p.name == name).map(|p| &*p.value)
    }
}

const PROTOCOLS: &[&str] = &[
    "jms", "file", "http", "https", "hl7", "kafka", "mqtt", "rabbitmq", "ws", "wss", "grpc", "httpws",
    "httpswss",
];
const ATTRIBUTES: &[&str] =
    &["name", "protocol", "class", "sequence", "onError", "suspend", "statistics", "trace"];

pub(super) fn read(element: &XmlElement, reader: &mut Reader<'_>) -> Option<InboundEndpoint> {
    let this = element.get();
    reader.known_attributes(this, ATTRIBUTES);
    reader.known_children(this, &["parameters", "handlers", "description"]);
    let name = reader.present(this, "name");
    reader.registry_key(this, "name");
    let source = source(this, reader);
    let parameters = parameters(element, reader);
    let handlers = element.child("handlers").map(|list| list.children_named("handler")).unwrap_or_default();
    let handlers = handlers.iter().filter_map(|h| h.get().attr("class")).filter(|class| !class.is_empty());
    let endpoint = InboundEndpoint {
        name: name?,
        source: source?,
        sequence: reference(element, "sequence"),
        on_error: reference(element, "onError"),
        suspend: this.attr("suspend").is_some_and(values::java_bool),
        parameters,
        handlers: handlers.map(str::to_owned).collect(),
        statistics: reader.enabled(this, "statistics"),
        trace: reader.enabled(this, "trace"),
        element: element.clone(),
    };
    check_numbers(&endpoint, reader);
    Some(endpoint)
}

fn source(this: ElementRef<'_>, reader: &mut Reader<'_>) -> Option<InboundSource> {
    match (this.attr("protocol"), this.attr("class")) {
        (Some(protocol), _) => {
            if PROTOCOLS.contains(&protocol) {
                return Some(InboundSource::Protocol(protocol.to_owned()));
            }
            reader.unknown_word(protocol, this.place_of("protocol"), "protocol", PROTOCOLS.iter().copied());
            None
        }
        (None, Some(class)) if !class.is_empty() => Some(InboundSource::Class(class.to_owned())),
        _ => {
            let message = "an inbound endpoint needs 'protocol' or 'class'";
            reader.error(Code::MISSING_ATTRIBUTE, this.place(), message);
            None
        }
    }
}

fn parameters(element: &XmlElement, reader: &mut Reader<'_>) -> Vec<Parameter> {
    let list = element.child("parameters").map(|list| list.children_named("parameter")).unwrap_or_default();
    let mut parameters = Vec::new();
    for child in list {
        let this = child.get();
        let key = reference(&child, "key");
        let value = match (&key, this.first()) {
            (Some(_), _) => String::new(),
            (None, Some(xml)) => xml.to_xml(),
            (None, None) => reader.resolve(&this.text(), this.place()),
        };
        let Some(name) = this.attr("name") else {
            reader.warn(Code::MISSING_ATTRIBUTE, this.place(), "<parameter> without 'name' is ignored");
            continue;
        };
        parameters.push(Parameter { name: name.to_owned(), value, key, element: child.clone() });
    }
    parameters
}

/// A parameter that MI reads as a number when it deploys.
struct Number {
    protocol: &'static str,
    name: &'static str,
    required: bool,
    range: Option<(i64, i64)>,
}

const NUMBERS: &[Number] = &[
    Number { protocol: "http", name: "inbound.http.port", required: true, range: Some((0, 65_535)) },
    Number { protocol: "https", name: "inbound.http.port", required: true, range: Some((0, 65_535)) },
    Number { protocol: "ws", name: "inbound.ws.port", required: true, range: Some((0, 65_535)) },
    Number { protocol: "wss", name: "inbound.ws.port", required: true, range: Some((0, 65_535)) },
    Number { protocol: "file", name: "interval", required: true, range: None },
    Number { protocol: "jms", name: "interval", required: false, range: None },
    Number { protocol: "kafka", name: "interval", required: false, range: None },
    Number { protocol: "jms", name: "transport.jms.CacheLevel", required: false, range: None },
    Number { protocol: "rabbitmq", name: "rabbitmq.server.port", required: false, range: None },
];

fn check_numbers(endpoint: &InboundEndpoint, reader: &mut Reader<'_>) {
    let InboundSource::Protocol(protocol) = &endpoint.source else { return };
    for number in NUMBERS.iter().filter(|number| number.protocol == protocol) {
        let found = endpoint.parameters.iter().rev().find(|p| p.name == number.name);
        match found {
            // A suspended endpoint opens no port, so its range is not looked at.
            Some(parameter) if parameter.key.is_none() => {
                let range = number.range.filter(|_| !endpoint.suspend);
                check_number(number, range, parameter, reader);
            }
            None if number.required => {
                let message = format!(
                    "an inbound endpoint of protocol '{protocol}' needs the parameter '{}'",
                    number.name
                );
                reader.error(Code::MISSING_CHILD, endpoint.element.get().place(), message);
            }
            _ => {}
        }
    }
    broadcast_level(endpoint, reader);
}

fn check_number(number: &Number, range: Option<(i64, i64)>, parameter: &Parameter, reader: &mut Reader<'_>) {
    let place = parameter.element.get().place();
    let what = format!("the parameter '{}'", number.name);
    if crate::config::placeholder(&parameter.value).is_some() {
        return;
    }
    let value = match number.name {
        "interval" => {
            let value = values::java_long(&parameter.value);
            if value.is_none() {
                let message = format!("Invalid numeric value for interval: found '{}'", parameter.value);
                reader.error(Code::BAD_VALUE, place, message);
            }
            value
        }
        _ => reader.int(&parameter.value, place, &what).map(i64::from),
    };
    if let (Some(value), Some((low, high))) = (value, range)
        && !(low..=high).contains(&value)
    {
        let message = format!("{what} must be between {low} and {high}; found {value}");
        reader.error(Code::BAD_VALUE, place, message);
    }
}

/// MI compares the first digit only, so odd numbers pass.
fn broadcast_level(endpoint: &InboundEndpoint, reader: &mut Reader<'_>) {
    let name = "ws.client.side.broadcast.level";
    let Some(parameter) = endpoint.parameters.iter().rev().find(|p| p.name == name) else { return };
    let looks = |c: char| c.is_ascii_digit() || c == '.';
    if parameter.value.is_empty() || !parameter.value.chars().all(looks) {
        let message = format!("the parameter '{name}' must be 0, 1 or 2; found '{}'", parameter.value);
        reader.error(Code::BAD_VALUE, parameter.element.get().place(), message);
    }
}
