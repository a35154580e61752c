//! Message processors: what empties a message store.

use super::flow::{Reference, reference};
use crate::diagnostics::Code;
use crate::read::Reader;
use crate::xml::XmlElement;

/// A message processor.
#[derive(Debug, Clone)]
pub struct MessageProcessor {
    /// Name.
    pub name: String,
    /// Which kind.
    pub kind: ProcessorKind,
    /// Java class as written.
    pub class: String,
    /// The store it empties.
    pub message_store: Reference,
    /// Where a forwarding processor sends.
    pub target_endpoint: Option<Reference>,
    /// Parameters in order, as written.
    pub parameters: Vec<(String, String)>,
    /// Free text.
    pub description: Option<String>,
    /// `statistics="enable"`.
    pub statistics: bool,
    /// `trace="enable"`.
    pub trace: bool,
    /// The `<messageProcessor>` element.
    pub element: XmlElement,
}

/// Kinds of message processors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessorKind {
    /// Sends to an endpoint until it is delivered.
    Forwarding,
    /// Hands messages to a sequence.
    Sampling,
    /// Moves messages to another store.
    FailoverForwarding,
    /// A class of the user's; accepted by MI when the class is there.
    Custom,
}

impl MessageProcessor {
    /// The text of a parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().rev().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }
}

const CLASSES: &[(&str, ProcessorKind)] = &[
    (
        "org.apache.synapse.message.processor.impl.forwarder.ScheduledMessageForwardingProcessor",
        ProcessorKind::Forwarding,
    ),
    ("org.apache.synapse.message.processor.impl.sampler.SamplingProcessor", ProcessorKind::Sampling),
    (
        "org.apache.synapse.message.processor.impl.failover.FailoverScheduledMessageForwardingProcessor",
        ProcessorKind::FailoverForwarding,
    ),
    (
        "org.apache.synapse.message.processors.forward.ScheduledMessageForwardingProcessor",
        ProcessorKind::Forwarding,
    ),
    ("org.apache.synapse.message.processors.sampler.SamplingProcessor", ProcessorKind::Sampling),
];

pub(super) fn read(element: &XmlElement, reader: &mut Reader<'_>) -> Option<MessageProcessor> {
    let this = element.get();
    reader
        .known_attributes(this, &["name", "class", "messageStore", "targetEndpoint", "statistics", "trace"]);
    reader.known_children(this, &["parameter", "description"]);
    let name = reader.required(this, "name");
    reader.registry_key(this, "name");
    let class = reader.required(this, "class");
    let kind = class.as_deref().and_then(|class| kind(element, class, reader));
    let store = reader.present(this, "messageStore");
    let parameters = parameters(element, reader);
    let store = Reference { key: store?, span: this.place_of("messageStore").1 };
    Some(MessageProcessor {
        name: name?,
        kind: kind?,
        class: class?,
        message_store: store,
        target_endpoint: reference(element, "targetEndpoint"),
        parameters,
        description: element.child("description").map(|child| child.get().text()),
        statistics: reader.enabled(this, "statistics"),
        trace: reader.enabled(this, "trace"),
        element: element.clone(),
    })
}

fn kind(element: &XmlElement, class: &str, reader: &mut Reader<'_>) -> Option<ProcessorKind> {
    if let Some((_, kind)) = CLASSES.iter().find(|(known, _)| *known == class) {
        return Some(*kind);
    }
    // A class of the user's has a package; what has none, or is a misspelt known one, cannot be loaded.
    let known = CLASSES.iter().any(|(known, _)| known.eq_ignore_ascii_case(class));
    if class.contains('.') && !known {
        let message = format!("'{class}' is no message processor of MI; its class is not run yet");
        reader.warn(Code::UNSUPPORTED, element.get().place_of("class"), message);
        return Some(ProcessorKind::Custom);
    }
    let place = element.get().place_of("class");
    reader.unknown_word(class, place, "message processor", CLASSES.iter().map(|(class, _)| *class));
    None
}

fn parameters(element: &XmlElement, reader: &mut Reader<'_>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for child in element.children_named("parameter") {
        let this = child.get();
        let text = this.text();
        let Some(name) = reader.present(this, "name") else { continue };
        let what = format!("the parameter '{name}'");
        match &*name {
            "interval" => _ = reader.long(&text, this.place(), &what),
            "member.count" => _ = reader.int(&text, this.place(), &what),
            _ => {}
        }
        found.push((name, text));
    }
    found
}
