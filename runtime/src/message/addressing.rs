//! WS-Addressing header blocks: read when a SOAP message is built, taken out or written before it is sent.

use super::{Message, Payload};
use artifacts::xml::{Document, Name, NodeId};
use std::sync::Arc;

/// The final version of WS-Addressing.
pub const FINAL: &str = "http://www.w3.org/2005/08/addressing";
/// The submission of 2004.
pub const SUBMISSION: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing";

fn is_addressing(ns: &str) -> bool {
    ns == FINAL || ns == SUBMISSION
}

/// Takes addresses, action and message id from the header blocks of a built message.
pub fn read(message: &mut Message) {
    let Payload::Built(super::Content::Xml(envelope)) = &message.payload else { return };
    let Some(header) = envelope.header() else { return };
    let document = envelope.document().clone();
    let text = |node: NodeId| -> Option<Arc<str>> {
        let text = document.string_value(node).trim().to_owned();
        (!text.is_empty()).then(|| text.into())
    };
    let address = |node: NodeId| document.child_named(node, "Address").and_then(text);
    for block in document.child_elements(header).filter(|n| is_addressing(document.namespace(*n))) {
        let addressing = &mut message.addressing;
        match document.local_name(block) {
            "To" => addressing.to = text(block).or(addressing.to.take()),
            "Action" => addressing.action = text(block).or(addressing.action.take()),
            "ReplyTo" => addressing.reply_to = address(block),
            "FaultTo" => addressing.fault_to = address(block),
            "From" => addressing.from = address(block),
            "RelatesTo" => addressing.relates_to = text(block),
            "MessageID" => {
                if let Some(id) = text(block) {
                    message.set_id(id);
                }
            }
            _ => {}
        }
    }
}

/// Takes processed header blocks out before the message goes on, unless default-scope
/// `PRESERVE_WS_ADDRESSING` is `true`.
pub fn strip(message: &mut Message) {
    let keep = message.property("PRESERVE_WS_ADDRESSING").is_some_and(|value| value.is_true());
    let Payload::Built(super::Content::Xml(envelope)) = &mut message.payload else { return };
    let Some(header) = envelope.header().filter(|_| !keep) else { return };
    let document = envelope.document();
    let blocks: Vec<NodeId> =
        document.child_elements(header).filter(|n| is_addressing(document.namespace(*n))).collect();
    if !blocks.is_empty() {
        let document = envelope.document_mut();
        blocks.into_iter().for_each(|block| document.detach(block));
    }
}

/// Writes header blocks for `enableAddressing`: To, ReplyTo, MessageID and Action.
pub fn write(message: &mut Message, to: &str, submission: bool) {
    let (ns, anonymous) = if submission {
        (SUBMISSION, "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous")
    } else {
        (FINAL, "http://www.w3.org/2005/08/addressing/anonymous")
    };
    let (id, action) = (message.id().clone(), message.addressing.action.clone());
    let reply_to = message.addressing.reply_to.clone().unwrap_or_else(|| anonymous.into());
    let envelope = message.payload.envelope_mut();
    let header = envelope.header_mut();
    let document = envelope.document_mut();
    let block = |document: &mut Document, local: &str, text: &str| {
        let node = document.add_element(header, Name::new(ns, "wsa", local));
        document.add_text(node, text);
    };
    block(document, "To", to);
    let reply = document.add_element(header, Name::new(ns, "wsa", "ReplyTo"));
    let address = document.add_element(reply, Name::new(ns, "wsa", "Address"));
    document.add_text(address, &reply_to);
    block(document, "MessageID", &id);
    if let Some(action) = action {
        block(document, "Action", &action);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Envelope;
    use artifacts::xml::parse;

    fn soap(header: &str) -> Message {
        let text = format!(
            "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Header>{header}</s:Header><s:Body/></s:Envelope>"
        );
        let mut message = Message::new();
        message.payload = Payload::xml(Envelope::from_document(parse(&text).unwrap()).unwrap());
        message
    }

    #[test]
    fn reads_and_strips() {
        let mut message = soap(
            "<w:To xmlns:w='http://www.w3.org/2005/08/addressing'>http://h/x</w:To><w:Action xmlns:w='http://www.w3.org/2005/08/addressing'>urn:a</w:Action><o/>",
        );
        read(&mut message);
        assert_eq!(message.addressing.to.as_deref(), Some("http://h/x"));
        assert_eq!(message.addressing.action.as_deref(), Some("urn:a"));
        strip(&mut message);
        let xml = message.payload.envelope().document().to_xml();
        assert!(!xml.contains("urn:a") && xml.contains("<o/>") || xml.contains("<o />"));
    }

    #[test]
    fn writes_for_the_endpoint() {
        let mut message = soap("");
        message.addressing.action = Some("urn:a".into());
        write(&mut message, "http://h/x", false);
        read(&mut message);
        assert_eq!(message.addressing.to.as_deref(), Some("http://h/x"));
    }
}
