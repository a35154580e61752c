//! Proxy services: a name under `/services/`, and a target that takes the messages.

use super::endpoint::{self, Endpoint};
use super::flow::{FlowRef, Reference, flow_ref, reference};
use crate::diagnostics::Code;
use crate::read::Reader;
use crate::values;
use crate::xml::{ElementRef, XmlElement};

/// A proxy service.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// Name, may hold `/`.
    pub name: String,
    /// Transports; empty: all.
    pub transports: Vec<String>,
    /// Started when deployed.
    pub start_on_load: bool,
    /// Server names it runs on; absent: all.
    pub pinned_servers: Option<Vec<String>>,
    /// Axis2 service group.
    pub service_group: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Requests.
    pub in_sequence: Option<FlowRef>,
    /// Answers; absent: sent back.
    pub out_sequence: Option<FlowRef>,
    /// Faults; absent: the default fault sequence.
    pub fault_sequence: Option<FlowRef>,
    /// Where requests go after the in-sequence.
    pub endpoint: Option<TargetEndpoint>,
    /// Published WSDL.
    pub wsdl: Option<PublishWsdl>,
    /// Policies.
    pub policies: Vec<Policy>,
    /// Service parameters in order; XML values as text.
    pub parameters: Vec<(String, String)>,
    /// `<enableAddressing>`.
    pub addressing: bool,
    /// `<enableSec>`.
    pub security: bool,
    /// `statistics="enable"`.
    pub statistics: bool,
    /// `trace="enable"`.
    pub trace: bool,
    /// The `<proxy>` element.
    pub element: XmlElement,
}

/// The endpoint of a proxy.
#[derive(Debug, Clone)]
pub enum TargetEndpoint {
    /// By key.
    Named(Reference),
    /// In place.
    Inline(Box<Endpoint>),
}

/// `<publishWSDL>`.
#[derive(Debug, Clone)]
pub struct PublishWsdl {
    /// Where the document comes from.
    pub from: WsdlSource,
    /// Imported documents: location and registry key.
    pub resources: Vec<(String, String)>,
    /// `preservePolicy`, as written.
    pub preserve_policy: Option<String>,
    /// The `<publishWSDL>` element.
    pub element: XmlElement,
}

/// Where a published WSDL comes from.
#[derive(Debug, Clone)]
pub enum WsdlSource {
    /// The `?wsdl` of an endpoint.
    Endpoint(String),
    /// A registry resource or local entry.
    Key(Reference),
    /// A URL.
    Uri(String),
    /// Written in place.
    Inline(XmlElement),
    /// Nothing usable was given; MI deploys without a WSDL.
    Nothing,
}

/// A policy of a proxy.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Registry key.
    pub key: Reference,
    /// `in`, `out` or both.
    pub kind: Option<String>,
    /// Operation it is for: namespace and name.
    pub operation: Option<(String, String)>,
}

impl Proxy {
    /// A service parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().rev().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }
}

const ATTRIBUTES: &[&str] =
    &["name", "transports", "startOnLoad", "pinnedServers", "serviceGroup", "statistics", "trace"];
const CHILDREN: &[&str] = &[
    "target",
    "publishWSDL",
    "policy",
    "parameter",
    "enableAddressing",
    "enableSec",
    "enableRM",
    "description",
];

pub(super) fn read(element: &XmlElement, reader: &mut Reader<'_>) -> Option<Proxy> {
    let this = element.get();
    reader.known_attributes(this, ATTRIBUTES);
    reader.known_children(this, CHILDREN);
    let name = reader.required(this, "name");
    let target = target(element, reader);
    let wsdl = element.child("publishWSDL").map(|child| publish_wsdl(&child, reader));
    let policies = element.children_named("policy");
    let policies = policies.iter().filter_map(|child| policy(child, reader)).collect();
    let parameters = parameters(element, reader);
    let pinned_servers = reader.resolved(this, "pinnedServers").map(|text| values::words(&text));
    let transports = this.attr("transports").filter(|text| *text != "all").map(values::words);
    let [in_sequence, out_sequence, fault_sequence] = target.flows;
    Some(Proxy {
        name: name?,
        transports: transports.unwrap_or_default(),
        start_on_load: this.attr("startOnLoad").is_none_or(values::java_bool),
        pinned_servers,
        service_group: this.attr("serviceGroup").map(str::to_owned),
        description: element.child("description").map(|child| child.get().text().trim().to_owned()),
        in_sequence,
        out_sequence,
        fault_sequence,
        endpoint: target.endpoint,
        wsdl,
        policies,
        parameters,
        addressing: element.child("enableAddressing").is_some(),
        security: element.child("enableSec").is_some(),
        statistics: reader.enabled(this, "statistics"),
        trace: reader.enabled(this, "trace"),
        element: element.clone(),
    })
}

#[derive(Default)]
struct Target {
    flows: [Option<FlowRef>; 3],
    endpoint: Option<TargetEndpoint>,
}

fn target(element: &XmlElement, reader: &mut Reader<'_>) -> Target {
    let Some(child) = element.child("target") else {
        let message = "a proxy service needs a <target>";
        reader.error(Code::MISSING_CHILD, element.get().place(), message);
        return Target::default();
    };
    let this = child.get();
    reader.known_attributes(this, &["inSequence", "outSequence", "faultSequence", "endpoint"]);
    reader.known_children(this, &["inSequence", "outSequence", "faultSequence", "endpoint", "description"]);
    let said = |name: &str| this.attr(name).is_some() || child.child(name).is_some();
    if !said("inSequence") && !said("endpoint") {
        let message = "<target> needs an inSequence or an endpoint, as attribute or child";
        let near = this.children().map(ElementRef::local);
        let near = crate::diagnostics::nearest("inSequence", near).map(str::to_owned);
        let diagnostic = reader.error(Code::MISSING_CHILD, this.place(), message);
        if let Some(near) = near {
            diagnostic.with_hint(format!("<{near}> is not read"));
        }
    }
    let flows = ["inSequence", "outSequence", "faultSequence"].map(|name| match this.attr(name) {
        // An empty attribute still hides the child element, as in MI.
        Some("") => None,
        _ => flow_ref(reader, &child, name),
    });
    let endpoint = match (this.attr("endpoint"), child.child("endpoint")) {
        (Some(_), _) => reference(&child, "endpoint").map(TargetEndpoint::Named),
        (None, Some(endpoint)) => {
            endpoint::read_element(&endpoint, reader).map(|found| TargetEndpoint::Inline(Box::new(found)))
        }
        (None, None) => None,
    };
    Target { flows, endpoint }
}

fn publish_wsdl(child: &XmlElement, reader: &mut Reader<'_>) -> PublishWsdl {
    let this = child.get();
    reader.known_attributes(this, &["uri", "key", "endpoint", "preservePolicy"]);
    let from = if let Some(endpoint) = reader.resolved(this, "endpoint") {
        WsdlSource::Endpoint(endpoint)
    } else if let Some(key) = reader.resolved(this, "key") {
        WsdlSource::Key(Reference { key, span: this.place_of("key").1 })
    } else if let Some(uri) = reader.resolved(this, "uri") {
        check_wsdl_uri(this, &uri, reader);
        WsdlSource::Uri(uri)
    } else {
        let inline =
            this.children().find(|c| matches!(c.local(), "definitions" | "description") && !c.is_synapse());
        inline.map_or(WsdlSource::Nothing, |found| WsdlSource::Inline(child.at(found.id)))
    };
    let mut resources = Vec::new();
    for resource in child.children_named("resource") {
        let location = reader.present(resource.get(), "location");
        if let (Some(location), Some(key)) = (location, reader.present(resource.get(), "key")) {
            resources.push((location, key));
        }
    }
    let preserve_policy = this.attr("preservePolicy").map(str::to_owned);
    PublishWsdl { from, resources, preserve_policy, element: child.clone() }
}

/// MI reads the document when it deploys, so what cannot be an address cannot be deployed.
fn check_wsdl_uri(this: ElementRef<'_>, uri: &str, reader: &mut Reader<'_>) {
    let readable = values::is_java_url(uri) && !uri.starts_with("mailto");
    if !readable || !values::is_java_uri(uri) {
        let message = format!("expected the URL of a WSDL document; found '{uri}'");
        reader.error(Code::BAD_VALUE, this.place_of("uri"), message);
    }
}

fn policy(child: &XmlElement, reader: &mut Reader<'_>) -> Option<Policy> {
    let this = child.get();
    let key = reader.required(this, "key");
    let kind = this.attr("type");
    if let Some(kind) = kind {
        reader.word(kind, this.place_of("type"), "policy type", &[("in", ()), ("out", ())])?;
    }
    let operation = this
        .attr("operationName")
        .map(|name| (this.attr("operationNamespace").unwrap_or("").to_owned(), name.to_owned()));
    let key = Reference { key: key?, span: this.place_of("key").1 };
    Some(Policy { key, kind: kind.map(str::to_owned), operation })
}

fn parameters(element: &XmlElement, reader: &mut Reader<'_>) -> Vec<(String, String)> {
    let mut parameters = Vec::new();
    for child in element.children_named("parameter") {
        let this = child.get();
        let Some(name) = reader.present(this, "name") else { continue };
        let value = match this.first() {
            Some(xml) => xml.to_xml(),
            None => reader.resolve(this.text().trim(), this.place()),
        };
        parameters.push((name, value));
    }
    parameters
}
