//! SOAP at the door: answers take the SOAP version of the client, faults for REST clients lose theirs.

use crate::message::{Content, Envelope, Message, Payload, Soap};
use artifacts::xml::{Document, Name, NodeId, parse};

/// Must the answer be read to be given the client's SOAP version?
pub(super) fn needs_conversion(message: &Message, client: Option<Soap>) -> bool {
    let header = message.headers.get("Content-Type");
    let header = header.as_deref().unwrap_or_default().trim_start();
    match client {
        None => false,
        _ if message.rest => true,
        Some(Soap::V11) => header.starts_with("application/soap+xml"),
        Some(Soap::V12) => header.starts_with("text/xml"),
    }
}

/// Gives a built answer the client's SOAP version and its media type.
pub(super) fn convert(message: &mut Message, client: Option<Soap>) {
    let Some(version) = client.filter(|_| needs_conversion(message, client)) else { return };
    let Some(content) = message.payload.content() else { return };
    let envelope = content.envelope();
    let converted =
        if envelope.version() == version { envelope.clone() } else { envelope.converted(version) };
    message.payload = Payload::xml(converted);
    let media = match version {
        Soap::V11 => "text/xml",
        Soap::V12 => "application/soap+xml",
    };
    message.axis2.set("messageType", media);
    message.axis2.set("ContentType", media);
    message.rest = false;
}

/// A SOAP fault becomes `<Exception>` with its detail, or else its reason. `false` when there is none.
pub(super) fn fault_to_pox(message: &mut Message) -> bool {
    let Some(Content::Xml(envelope)) = message.payload.content() else { return false };
    let Some(fault) = envelope.payload().filter(|_| envelope.has_fault()) else { return false };
    let document = envelope.document();
    let mut out = Envelope::new(envelope.version());
    let body = out.body();
    let tree = out.document_mut();
    let exception = tree.add_element(body, Name::plain("Exception"));
    let detail = child(document, fault, &["detail", "Detail"]);
    let detail = detail.map(|node| document.own_text(node)).filter(|text| !text.is_empty());
    match detail {
        Some(text) => match parse(&text) {
            Ok(inner) => {
                let copy = tree.import(&inner, inner.root_element().unwrap_or(Document::ROOT));
                tree.append(exception, copy);
            }
            Err(_) => tree.add_text(exception, &text),
        },
        None => {
            let reason = child(document, fault, &["faultstring", "Reason"]);
            let text = reason.map(|node| document.string_value(node)).unwrap_or_default();
            tree.add_text(exception, &text);
        }
    }
    message.payload = Payload::xml(out);
    true
}

fn child(document: &Document, parent: NodeId, names: &[&str]) -> Option<NodeId> {
    document.child_elements(parent).find(|node| names.contains(&document.local_name(*node)))
}
