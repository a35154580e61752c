//! Building the fault.

use super::{Detail, FaultCode, MakeFault, Text, Version};
use crate::errors::Fault;
use crate::flow::{Context, Mediator, Next};
use crate::message::{Message, Payload, Soap, XmlItem, envelope::Envelope};
use artifacts::xml::{Document, Name, NodeId, XML_NS};

impl Mediator for MakeFault {
    fn mediate(&self, message: &mut Message, cx: &mut Context) -> Result<Next, Fault> {
        match self.version {
            Version::Pox => self.make_pox(message, cx)?,
            Version::Soap(soap) => self.make_soap(soap, message, cx)?,
        }
        if self.response {
            message.response = true;
            message.addressing.to = message.addressing.reply_to.clone();
        }
        Ok(Next::Continue)
    }
}

impl MakeFault {
    /// `<Exception>` with the detail, else the reason, as the only payload.
    fn make_pox(&self, message: &mut Message, cx: &Context) -> Result<(), Fault> {
        let text = match (&self.detail, &self.reason) {
            (Some(Detail::Text(text)), _) => text.to_string(),
            (Some(Detail::Expr(expr)), _) => expr.text(message, cx)?.unwrap_or_default(),
            (_, Some(reason)) => reason.text(message, cx)?,
            _ => String::new(),
        };
        let envelope = message.payload.envelope_mut();
        let body = envelope.body();
        if let Some(old) = envelope.payload() {
            envelope.document_mut().detach(old);
        }
        let document = envelope.document_mut();
        let element = document.add_element(body, Name::plain("Exception"));
        document.set_text(element, &text);
        message.fault = true;
        Ok(())
    }

    fn make_soap(&self, soap: Soap, message: &mut Message, cx: &Context) -> Result<(), Fault> {
        let mut envelope = Envelope::new(soap);
        let (header, body) = (envelope.header_mut(), envelope.body());
        let document = envelope.document_mut();
        let builder = Builder { soap, fault: document.add_element(body, soap_name(soap, "Fault")) };
        builder.code(document, &self.code(soap, message, cx)?);
        let reason = self.reason.as_ref().map(|r| r.text(message, cx)).transpose()?;
        builder.reason(document, &reason.unwrap_or_default());
        if let Some(node) = &self.node {
            builder.leaf(document, "Node", node);
        }
        if let Some(role) = &self.role {
            builder.leaf(document, if soap == Soap::V11 { "faultactor" } else { "Role" }, role);
        }
        if let Some(detail) = &self.detail {
            let element = builder.element(document, if soap == Soap::V11 { "detail" } else { "Detail" });
            detail.write(document, element, message, cx)?;
        }
        let old = message.payload.envelope();
        if let Some(blocks) = old.header() {
            for block in old.document().child_elements(blocks) {
                let copy = document.import(old.document(), block);
                document.append(header, copy);
            }
        }
        message.payload = Payload::xml(envelope);
        // Axiom's body remembers that it held a fault, also when its content is replaced.
        message.fault = true;
        let addressing = &mut message.addressing;
        addressing.to = addressing.fault_to.clone().or_else(|| addressing.reply_to.clone());
        Ok(())
    }

    fn code(&self, soap: Soap, message: &Message, cx: &Context) -> Result<Name, Fault> {
        match &self.code {
            Some(FaultCode::Name(name)) => Ok(name.clone()),
            Some(FaultCode::Expr(expr)) => {
                let local = expr.text(message, cx)?.unwrap_or_default();
                Ok(Name::new(soap.namespace(), "soapenv", &local))
            }
            None => Err(Fault::new("a fault needs a code")),
        }
    }
}

impl Text {
    fn text(&self, message: &Message, cx: &Context) -> Result<String, Fault> {
        match self {
            Text::Value(text) => Ok(text.to_string()),
            Text::Expr(expr) => Ok(expr.text(message, cx)?.unwrap_or_default()),
        }
    }
}

impl Detail {
    fn write(
        &self,
        document: &mut Document,
        element: NodeId,
        message: &Message,
        cx: &Context,
    ) -> Result<(), Fault> {
        match self {
            Detail::Text(text) => document.set_text(element, text),
            Detail::Elements(elements) => {
                for other in elements {
                    let copy = document.import(other, other.root_element().unwrap_or(Document::ROOT));
                    document.append(element, copy);
                }
            }
            Detail::Expr(expr) => {
                let mut found = false;
                for item in expr.select(message, cx)?.items(message) {
                    if let XmlItem::Element(node) = item {
                        let copy = document.import(node.document(), node.id());
                        document.append(element, copy);
                        found = true;
                    }
                }
                if !found {
                    document.set_text(element, &expr.text(message, cx)?.unwrap_or_default());
                }
            }
        }
        Ok(())
    }
}

fn soap_name(soap: Soap, local: &str) -> Name {
    Name::new(soap.namespace(), "soapenv", local)
}

/// Writes the parts of a `Fault` element in the form of its SOAP version.
struct Builder {
    soap: Soap,
    fault: NodeId,
}

impl Builder {
    fn element(&self, document: &mut Document, local: &str) -> NodeId {
        let name = match self.soap {
            Soap::V11 => Name::plain(local),
            Soap::V12 => soap_name(self.soap, local),
        };
        document.add_element(self.fault, name)
    }

    fn leaf(&self, document: &mut Document, local: &str, text: &str) {
        let element = self.element(document, local);
        document.set_text(element, text);
    }

    fn code(&self, document: &mut Document, code: &Name) {
        let holder = match self.soap {
            Soap::V11 => self.element(document, "faultcode"),
            Soap::V12 => {
                let element = self.element(document, "Code");
                document.add_element(element, soap_name(self.soap, "Value"))
            }
        };
        let prefix = if code.prefix.is_empty() { "soapenv" } else { &code.prefix };
        if document.lookup_prefix(holder, prefix).as_deref() != Some(&*code.ns) {
            document.declare(holder, prefix, &code.ns);
        }
        document.set_text(holder, &format!("{prefix}:{}", code.local));
    }

    fn reason(&self, document: &mut Document, reason: &str) {
        match self.soap {
            Soap::V11 => self.leaf(document, "faultstring", reason),
            Soap::V12 => {
                let element = self.element(document, "Reason");
                let text = document.add_element(element, soap_name(self.soap, "Text"));
                document.set_attribute_name(text, Name::new(XML_NS, "xml", "lang"), "en");
                document.set_text(text, reason);
            }
        }
    }
}
