//! SOAP faults: those that Axis2 answers with, and the way from one version to the other, where codes,
//! reason, role and detail change place and name.

use super::envelope::{Envelope, Soap};
use artifacts::xml::{Document, Name, NodeId};
use std::sync::atomic::{AtomicU64, Ordering};

/// Names of the parts of a fault: code, reason, role, detail.
const V11: [&str; 4] = ["faultcode", "faultstring", "faultactor", "detail"];
const V12: [&str; 4] = ["Code", "Reason", "Role", "Detail"];

/// Codes that have another name in the other version.
const CODES: [(&str, &str); 2] = [("Client", "Sender"), ("Server", "Receiver")];

/// Rewrites the fault in `envelope` (already of the new version) from the one in `from`. Nothing
/// happens when there is none.
pub(super) fn convert(from: &Envelope, envelope: &mut Envelope) {
    let Some(fault) = from.payload().filter(|_| from.has_fault()) else { return };
    let version = envelope.version();
    let document = from.document();
    let names = if version == Soap::V12 { V11 } else { V12 };
    let [code, reason, role, detail] = names.map(|name| document.child_named(fault, name));
    let body = envelope.body();
    let tree = envelope.document_mut();
    tree.clear(body);
    let mut writer = Writer { tree, version };
    let fault = writer.element(body, "Fault");
    let code = code.map(|node| document.string_value(node)).unwrap_or_default();
    let reason = reason.map(|node| document.string_value(node)).unwrap_or_default();
    let role = role.map(|node| document.string_value(node));
    let code = other_code(code.trim(), version);
    if version == Soap::V12 {
        let parent = writer.element(fault, "Code");
        writer.text(parent, "Value", &code);
        let parent = writer.element(fault, "Reason");
        let text = writer.text(parent, "Text", reason.trim());
        let name = Name::new("http://www.w3.org/XML/1998/namespace", "xml", "lang");
        writer.tree.set_attribute_name(text, name, "en");
        if let Some(role) = role {
            writer.text(fault, "Role", &role);
        }
    } else {
        writer.plain(fault, "faultcode", &code);
        writer.plain(fault, "faultstring", reason.trim());
        if let Some(role) = role {
            writer.plain(fault, "faultactor", &role);
        }
    }
    if let Some(detail) = detail {
        let target = match version {
            Soap::V12 => writer.element(fault, "Detail"),
            Soap::V11 => writer.plain(fault, "detail", ""),
        };
        for child in document.children(detail) {
            let copy = writer.tree.import(document, child);
            writer.tree.append(target, copy);
        }
    }
}

/// The fault that Axis2 answers a request with that no service takes. Its code is qualified with a prefix
/// that Axis2 makes up anew for each fault, and is not translated for SOAP 1.2.
pub fn refusal(version: Soap, code: &str, reason: &str) -> Envelope {
    static FAULTS: AtomicU64 = AtomicU64::new(0);
    let prefix = format!("axis2ns{}", FAULTS.fetch_add(1, Ordering::Relaxed) + 1);
    let code = format!("{prefix}:{code}");
    let mut envelope = Envelope::new(version);
    let body = envelope.body();
    let mut writer = Writer { tree: envelope.document_mut(), version };
    let fault = writer.element(body, "Fault");
    writer.tree.declare(fault, &prefix, version.namespace());
    match version {
        Soap::V11 => {
            writer.plain(fault, "faultcode", &code);
            writer.plain(fault, "faultstring", reason);
            writer.plain(fault, "detail", "");
        }
        Soap::V12 => {
            let parent = writer.element(fault, "Code");
            writer.text(parent, "Value", &code);
            let parent = writer.element(fault, "Reason");
            let text = writer.text(parent, "Text", reason);
            let name = Name::new("http://www.w3.org/XML/1998/namespace", "xml", "lang");
            writer.tree.set_attribute_name(text, name, "en-US");
            writer.element(fault, "Detail");
        }
    }
    envelope
}

/// `soapenv:Client` is `soapenv:Sender` in 1.2, and back.
fn other_code(code: &str, version: Soap) -> String {
    let local = code.rsplit_once(':').map_or(code, |(_, local)| local);
    let known = CODES.iter().find_map(|(v11, v12)| match version {
        Soap::V12 if local == *v11 => Some(*v12),
        Soap::V11 if local == *v12 => Some(*v11),
        _ => None,
    });
    format!("soapenv:{}", known.unwrap_or(local))
}

struct Writer<'d> {
    tree: &'d mut Document,
    version: Soap,
}

impl Writer<'_> {
    fn element(&mut self, parent: NodeId, local: &str) -> NodeId {
        self.tree.add_element(parent, Name::new(self.version.namespace(), "soapenv", local))
    }

    fn text(&mut self, parent: NodeId, local: &str, text: &str) -> NodeId {
        let element = self.element(parent, local);
        self.tree.add_text(element, text);
        element
    }

    fn plain(&mut self, parent: NodeId, local: &str, text: &str) -> NodeId {
        let element = self.tree.add_element(parent, Name::plain(local));
        if !text.is_empty() {
            self.tree.add_text(element, text);
        }
        element
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use artifacts::xml::parse;

    const FAULT: &str = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><s:Fault>\
        <faultcode>s:Client</faultcode><faultstring>bad</faultstring><detail><d>1</d></detail>\
        </s:Fault></s:Body></s:Envelope>";

    #[test]
    fn a_fault_goes_to_the_other_version_and_back() {
        let v11 = Envelope::from_document(parse(FAULT).unwrap()).unwrap();
        let v12 = v11.converted(Soap::V12);
        assert!(v12.has_fault());
        let text = v12.document().node_to_xml(v12.payload().unwrap());
        assert!(text.contains("<soapenv:Value>soapenv:Sender</soapenv:Value>"), "{text}");
        assert!(text.contains("xml:lang=\"en\">bad</soapenv:Text>"), "{text}");
        assert!(text.contains("<soapenv:Detail><d>1</d></soapenv:Detail>"), "{text}");
        let back = v12.converted(Soap::V11);
        let text = back.document().node_to_xml(back.payload().unwrap());
        assert!(
            text.contains("<faultcode>soapenv:Client</faultcode><faultstring>bad</faultstring>"),
            "{text}"
        );
        assert!(text.contains("<detail><d>1</d></detail>"), "{text}");
    }

    #[test]
    fn refusals_have_the_form_of_their_version() {
        let text = |version| {
            let envelope = refusal(version, "Client", "why");
            envelope.document().node_to_xml(envelope.payload().unwrap())
        };
        let v11 = text(Soap::V11);
        assert!(v11.contains(":Client</faultcode><faultstring>why</faultstring><detail />"), "{v11}");
        let v12 = text(Soap::V12);
        assert!(v12.contains(":Client</soapenv:Value>") && v12.contains("xml:lang=\"en-US\">why<"), "{v12}");
        assert!(v12.contains("<soapenv:Detail />"), "{v12}");
    }
}
