//! The WSDL that a proxy service publishes: the operations that requests are dispatched to, and the
//! document for `?wsdl`.
//!
//! A document in a file or behind a URL is not read: such a service takes every operation.

use super::{Program, Resource};
use artifacts::xml::{ElementRef, XmlElement, parse};
use std::sync::{Arc, OnceLock};

/// The WSDL of a proxy service.
#[derive(Debug)]
pub struct Wsdl {
    source: WsdlSource,
    /// `disableOperationValidation`: requests for other operations are taken as well.
    pub lenient: bool,
    contract: OnceLock<Option<Contract>>,
}

/// Where it stands.
#[derive(Debug)]
pub enum WsdlSource {
    /// In the artifact.
    Inline(XmlElement),
    /// A local entry or registry resource.
    Key(Arc<str>),
}

/// What a WSDL 1.1 document says of its service.
#[derive(Debug)]
pub struct Contract {
    document: XmlElement,
    operations: Vec<Arc<Operation>>,
}

/// An operation of a service.
#[derive(Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its name.
    pub name: String,
    /// Target namespace of the document.
    pub namespace: String,
    /// Everything a request may call it by: SOAP actions, WS-Addressing actions, names of its messages.
    aliases: Vec<String>,
}

impl Wsdl {
    /// A document that is read when it is first asked for.
    pub fn new(source: WsdlSource, lenient: bool) -> Self {
        Self { source, lenient, contract: OnceLock::new() }
    }

    /// What it says; `None` when there is no such document, or it is no WSDL 1.1.
    pub fn contract(&self, program: &Program) -> Option<&Contract> {
        let read = || match &self.source {
            WsdlSource::Inline(element) => Contract::read(element.clone()),
            WsdlSource::Key(key) => match program.resource(key)? {
                Resource::Xml(element) => Contract::read(element),
                other => {
                    let document = parse(&other.text()).ok()?;
                    let root = document.root_element()?;
                    Contract::read(XmlElement::new(Arc::new(document), root))
                }
            },
        };
        self.contract.get_or_init(read).as_ref()
    }
}

impl Contract {
    fn read(document: XmlElement) -> Option<Self> {
        let root = document.get();
        if root.local() != "definitions" {
            return None;
        }
        let namespace = root.attr("targetNamespace").unwrap_or_default();
        let mut operations: Vec<Operation> = Vec::new();
        for port in children(root, "portType") {
            for element in children(port, "operation") {
                operations.extend(operation(element, port.attr("name").unwrap_or_default(), namespace));
            }
        }
        for binding in children(root, "binding") {
            for element in children(binding, "operation") {
                let action = children(element, "operation").find_map(|soap| soap.attr("soapAction"));
                let known = operations.iter_mut().find(|o| Some(o.name.as_str()) == element.attr("name"));
                if let (Some(action), Some(operation)) = (action.filter(|a| !a.is_empty()), known) {
                    operation.aliases.push(action.to_owned());
                }
            }
        }
        let operations = operations.into_iter().map(Arc::new).collect();
        Some(Self { document, operations })
    }

    /// The operation of a request by its action, else by the first segment behind the service's name. The
    /// body is not looked at, as it is not read yet.
    pub fn operation(&self, action: Option<&str>, rest: &str) -> Option<&Arc<Operation>> {
        let segment = rest.trim_start_matches('/').split(['/', '?']).next();
        [action, segment]
            .into_iter()
            .flatten()
            .filter(|name| !name.is_empty())
            .find_map(|name| self.find(name))
    }

    /// An alias that two operations have in common leads to neither.
    fn find(&self, name: &str) -> Option<&Arc<Operation>> {
        let mut found =
            self.operations.iter().filter(|operation| operation.aliases.iter().any(|a| a == name));
        match (found.next(), found.next()) {
            (Some(operation), None) => Some(operation),
            (Some(_), Some(_)) => None,
            (None, _) => self.operations.iter().find(|operation| operation.name == name),
        }
    }

    /// The document to publish: its addresses are those of the proxy service.
    pub fn published(&self, address: &str) -> String {
        let mut document = self.document.get().to_document();
        let places: Vec<_> = document
            .descendants(artifacts::xml::Document::ROOT)
            .filter(|node| document.is_element(*node) && document.local_name(*node) == "address")
            .filter(|node| document.attribute(*node, "location").is_some())
            .collect();
        for place in places {
            document.set_attribute(place, "location", address);
        }
        document.to_xml()
    }
}

/// Children by local name: the prefixes of WSDL and of its extensions do not matter.
fn children<'a>(element: ElementRef<'a>, local: &'a str) -> impl Iterator<Item = ElementRef<'a>> {
    element.children().filter(move |child| child.local() == local)
}

fn operation(element: ElementRef<'_>, port: &str, namespace: &str) -> Option<Operation> {
    let name = element.attr("name")?;
    let mut aliases = Vec::new();
    for message in element.children().filter(|child| matches!(child.local(), "input" | "output")) {
        let reference = message.attr("message").unwrap_or_default();
        let message_name = reference.rsplit(':').next().unwrap_or_default();
        if !message_name.is_empty() && message_name != name {
            aliases.push(message_name.to_owned());
        }
    }
    if let Some(input) = children(element, "input").next() {
        let action = input.attributes().iter().find(|a| &*a.name.local == "Action" && !a.name.ns.is_empty());
        aliases.push(match action {
            Some(action) => action.value.to_string(),
            None => default_action(input.attr("name"), element, port, namespace),
        });
    }
    Some(Operation { name: name.to_owned(), namespace: namespace.to_owned(), aliases })
}

/// The action that WS-Addressing gives an input without one.
fn default_action(input: Option<&str>, operation: ElementRef<'_>, port: &str, namespace: &str) -> String {
    let separator = if namespace.starts_with("urn:") { ':' } else { '/' };
    let name = operation.attr("name").unwrap_or_default();
    let two_way = children(operation, "output").next().is_some();
    let input = match input {
        Some(input) => input.to_owned(),
        None if two_way => format!("{name}Request"),
        None => name.to_owned(),
    };
    let namespace = namespace.trim_end_matches(separator);
    format!("{namespace}{separator}{port}{separator}{input}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALC: &str = r#"<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:t="urn:c" targetNamespace="urn:c">
      <w:portType name="P"><w:operation name="add"><w:input message="t:addIn"/><w:output message="t:out"/></w:operation>
        <w:operation name="sub"><w:input message="t:subIn"/><w:output message="t:out"/></w:operation></w:portType>
      <w:binding name="B" type="t:P"><w:operation name="add"><s:operation soapAction="urn:add"/></w:operation>
        <w:operation name="sub"><s:operation soapAction=""/></w:operation></w:binding>
      <w:service name="S"><w:port name="Q" binding="t:B"><s:address location="http://elsewhere/"/></w:port></w:service>
    </w:definitions>"#;

    fn contract(text: &str) -> Option<Contract> {
        let document = parse(text).unwrap();
        let root = document.root_element().unwrap();
        Contract::read(XmlElement::new(Arc::new(document), root))
    }

    #[test]
    fn operations_are_found_by_action_and_then_by_path() {
        let contract = contract(CALC).unwrap();
        let name = |action, rest| contract.operation(action, rest).map(|o| o.name.as_str());
        for (action, rest, wanted) in [
            (Some("urn:add"), "", Some("add")),
            (Some("add"), "/sub", Some("add")),
            (Some("urn:c:P:subRequest"), "", Some("sub")),
            (Some("subIn"), "", Some("sub")),
            (Some("out"), "", None),
            (Some("urn:none"), "/sub/x?y=1", Some("sub")),
            (Some(""), "", None),
            (None, "?q=add", None),
        ] {
            assert_eq!(name(action, rest), wanted, "{action:?} {rest}");
        }
    }

    #[test]
    fn the_published_document_names_this_service() {
        let text = contract(CALC).unwrap().published("http://here/services/C");
        assert!(
            text.contains("location=\"http://here/services/C\"") && !text.contains("elsewhere"),
            "{text}"
        );
        assert!(contract("<description/>").is_none());
    }
}
