//! WS-Addressing header blocks: read when a SOAP message is built, taken out or written before it is sent.

use super::{Message, Payload};
use crate::errors::Fault;
use artifacts::xml::{Document, Name, NodeId};
use std::sync::Arc;

/// The final version of WS-Addressing.
pub const FINAL: &str = "http://www.w3.org/2005/08/addressing";
/// The submission of 2004.
pub const SUBMISSION: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing";

/// Where the other end of the connection is meant, as the submission says it.
const SUBMISSION_ANONYMOUS: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous";
/// Nobody waits for a reply.
const NONE: &str = "http://www.w3.org/2005/08/addressing/none";

/// Header blocks of one version.
fn blocks(document: &Document, header: NodeId, ns: &str) -> Vec<NodeId> {
    document.child_elements(header).filter(|node| document.namespace(*node) == ns).collect()
}

/// Takes addresses, action and message id from the header blocks of a built message. Blocks of the
/// submission count only where there are none of the final version.
pub fn read(message: &mut Message) {
    let Payload::Built(super::Content::Xml(envelope)) = &message.payload else { return };
    let Some(header) = envelope.header() else { return };
    let document = envelope.document().clone();
    let versions = [(FINAL, super::ANONYMOUS), (SUBMISSION, NONE)];
    let found = versions.map(|(ns, no_reply)| (blocks(&document, header, ns), no_reply));
    let Some((blocks, no_reply)) = found.into_iter().find(|(blocks, _)| !blocks.is_empty()) else { return };
    let text = |node: NodeId| -> Option<Arc<str>> {
        let text = document.string_value(node).trim().to_owned();
        (!text.is_empty()).then(|| text.into())
    };
    let address = |node: NodeId| document.child_named(node, "Address").and_then(text);
    for block in blocks {
        let addressing = &mut message.addressing;
        match document.local_name(block) {
            "To" => addressing.to = text(block).filter(may_be_called).or(addressing.to.take()),
            "Action" => addressing.action = text(block).or(addressing.action.take()),
            "ReplyTo" => addressing.reply_to = address(block),
            "FaultTo" => addressing.fault_to = address(block).filter(may_be_called),
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
    message.addressing.reply_to.get_or_insert_with(|| no_reply.into());
}

/// A client names the peers of its message. It must not name files or the inside of this process, where
/// a flow that sends to the message's `To` would write or go.
pub fn may_be_called(address: &Arc<str>) -> bool {
    let scheme = address.split(':').next().unwrap_or_default();
    !["vfs", "local"].iter().any(|inside| scheme.trim().eq_ignore_ascii_case(inside))
}

/// Does default-scope `PRESERVE_WS_ADDRESSING` keep the header blocks that came?
pub fn is_preserved(message: &Message) -> bool {
    message.property("PRESERVE_WS_ADDRESSING").is_some_and(|value| value.is_true())
}

/// Takes the header blocks out before the message goes on, unless they are preserved. Where both
/// versions stand side by side, MI takes out those of the submission only.
pub fn strip(message: &mut Message) {
    let Payload::Built(super::Content::Xml(envelope)) = &message.payload else { return };
    let Some(header) = envelope.header() else { return };
    let versions = [SUBMISSION, FINAL].map(|ns| blocks(envelope.document(), header, ns));
    let found = versions.into_iter().find(|blocks| !blocks.is_empty());
    let Some(blocks) = found.filter(|_| !is_preserved(message)) else { return };
    let document = message.payload.envelope_mut().document_mut();
    blocks.into_iter().for_each(|block| document.detach(block));
}

/// Writes the header blocks of an outgoing message for `enableAddressing`: `To`, `MessageID` and
/// `Action`, in the submission `ReplyTo` as well. A block that is there already stays as it is.
///
/// Fault: no action is known, and none stands in the header.
pub fn write(message: &mut Message, to: &str, submission: bool) -> Result<(), Fault> {
    let ns = if submission { SUBMISSION } else { FINAL };
    // Nobody but the receiver of a preserved header knows the message by its id.
    let id = if is_preserved(message) { message.id().clone() } else { Message::new().id().clone() };
    let action = message.addressing.action.clone().filter(|action| !action.is_empty());
    let envelope = message.payload.envelope_mut();
    let header = envelope.header_mut();
    let document = envelope.document_mut();
    if document.lookup_prefix(header, "wsa").is_none() {
        document.declare(header, "wsa", ns);
    }
    let present: Vec<String> =
        blocks(document, header, ns).iter().map(|block| document.local_name(*block).to_owned()).collect();
    let is_missing = |local: &str| !present.iter().any(|name| name == local);
    let add = |document: &mut Document, parent: NodeId, local: &str, text: &str| {
        let node = document.add_element(parent, Name::new(ns, "wsa", local));
        document.add_text(node, text);
    };
    if is_missing("To") && (submission || to != super::ANONYMOUS) {
        add(document, header, "To", to);
    }
    if is_missing("ReplyTo") && submission {
        let reply = document.add_element(header, Name::new(ns, "wsa", "ReplyTo"));
        add(document, reply, "Address", SUBMISSION_ANONYMOUS);
    }
    if is_missing("MessageID") {
        add(document, header, "MessageID", &id);
    }
    match action {
        Some(action) if is_missing("Action") => add(document, header, "Action", &action),
        None if is_missing("Action") => {
            let text = "Unexpected error during sending message out. Unable to determine wsa:Action for \
                        outbound message";
            return Err(Fault::new(text));
        }
        _ => {}
    }
    Ok(())
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
    fn a_client_names_no_files_and_no_services_inside() {
        for to in ["vfs:file:///etc/x", "VFS:/x", " local://services/S"] {
            let mut message = soap(&format!("<w:To xmlns:w='{FINAL}'>{to}</w:To>"));
            message.addressing.to = Some("/services/P".into());
            read(&mut message);
            assert_eq!(message.addressing.to.as_deref(), Some("/services/P"), "{to}");
        }
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

    fn header(message: &Message) -> String {
        let envelope = message.payload.envelope();
        envelope.document().node_to_xml(envelope.header().unwrap())
    }

    #[test]
    fn writes_for_the_endpoint() {
        let mut message = soap("");
        message.addressing.action = Some("urn:a".into());
        let before = message.id().clone();
        write(&mut message, "http://h/x", false).unwrap();
        let text = header(&message);
        assert!(text.contains("<wsa:To>http://h/x</wsa:To>"), "{text}");
        assert!(text.contains("<wsa:Action>urn:a</wsa:Action>"), "{text}");
        assert!(text.contains("<wsa:MessageID>urn:uuid:") && !text.contains(&*before), "{text}");
        assert!(!text.contains("ReplyTo"), "{text}");
        let mut message = soap("");
        message.addressing.action = Some("urn:a".into());
        write(&mut message, "http://h/x", true).unwrap();
        assert!(header(&message).contains(&format!("<wsa:Address>{SUBMISSION_ANONYMOUS}</wsa:Address>")));
    }

    #[test]
    fn a_block_that_is_there_stays() {
        let action = "<w:Action xmlns:w='http://www.w3.org/2005/08/addressing'>urn:there</w:Action>";
        let mut message = soap(action);
        message.properties.set("PRESERVE_WS_ADDRESSING", "true");
        strip(&mut message);
        write(&mut message, "http://h/x", false).unwrap();
        let text = header(&message);
        assert!(text.contains("urn:there") && text.contains("<wsa:To>"), "{text}");
        assert!(text.contains(&**message.id()), "{text}");
    }

    #[test]
    fn an_action_is_needed() {
        let fault = write(&mut soap(""), "http://h/x", false).unwrap_err();
        assert!(fault.message.ends_with("Unable to determine wsa:Action for outbound message"));
    }

    #[test]
    fn one_version_counts() {
        let old = "<o:To xmlns:o='http://schemas.xmlsoap.org/ws/2004/08/addressing'>http://old</o:To>";
        let new = "<n:To xmlns:n='http://www.w3.org/2005/08/addressing'>http://new</n:To>";
        let mut message = soap(&format!("{new}{old}"));
        read(&mut message);
        assert_eq!(message.addressing.to.as_deref(), Some("http://new"));
        assert_eq!(message.addressing.reply_to.as_deref(), Some(super::super::ANONYMOUS));
        let mut message = soap(old);
        read(&mut message);
        assert_eq!(message.addressing.to.as_deref(), Some("http://old"));
        assert_eq!(message.addressing.reply_to.as_deref(), Some(NONE));
    }
}
