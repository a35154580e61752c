//! Endpoints: where messages are sent. Named artifacts, and `<endpoint>` elements inside mediators.
//!
//! ```xml
//! <endpoint name="orders">
//!   <http uri-template="http://host/orders/{uri.var.id}" method="get">
//!     <timeout><duration>2000</duration><responseAction>fault</responseAction></timeout>
//!   </http>
//! </endpoint>
//! ```

mod auth;
mod definition;
mod group;
mod http;

pub use auth::{Authentication, Grant, OAuth, OAuthProxy};
pub use definition::{
    Addressing, Definition, Duration, Format, MarkForSuspension, Optimize, RetryConfig, Security,
    SuspendOnFailure, Timeout, TimeoutAction,
};
pub(crate) use definition::{codes_text, duration_text, float_text, int_text, long_text};
pub use group::{Failover, LoadBalance, Member, RecipientList, Recipients, Session, SessionKind};
pub use http::HttpEndpoint;

use super::expression::{self, Expression};
use super::flow::Reference;
use crate::config::ConfigSource;
use crate::diagnostics::{Code, Diagnostics};
use crate::read::Reader;
use crate::values;
use crate::xml::{ElementRef, XmlElement};

/// An endpoint, named or in place.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Name; always there for a deployed endpoint, often absent in place.
    pub name: Option<String>,
    /// Sequence that handles faults of sending.
    pub on_error: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Properties set on the message before it is sent.
    pub properties: Vec<EndpointProperty>,
    /// What it is.
    pub kind: EndpointKind,
    /// The `<endpoint>` element.
    pub element: XmlElement,
}

/// The kinds in the order in which MI looks for them.
#[derive(Debug, Clone)]
pub enum EndpointKind {
    /// `key`: another endpoint, looked up when used.
    Indirect(Reference),
    /// `key-expression`: the key is computed for each message.
    Resolving(Expression),
    /// `template`: an endpoint template with parameters filled in.
    Template(TemplateInstance),
    /// `<address uri>`.
    Address(AddressEndpoint),
    /// `<wsdl uri service port>`.
    Wsdl(WsdlEndpoint),
    /// `<default>`: sends to the message's `To`.
    Default(Definition),
    /// `<loadbalance>`, with or without `<session>`.
    LoadBalance(LoadBalance),
    /// `<failover>`.
    Failover(Failover),
    /// `<recipientlist>`.
    RecipientList(RecipientList),
    /// `<http uri-template method>`.
    Http(HttpEndpoint),
    /// `<class name>`, `<dynamicLoadbalance>`, `<serviceDynamicLoadbalance>`: accepted, not run here.
    Foreign(String),
}

/// A property of an endpoint.
#[derive(Debug, Clone)]
pub struct EndpointProperty {
    /// Name.
    pub name: String,
    /// `default` when absent; else `axis2`, `transport` or `axis2-client`.
    pub scope: String,
    /// Its value.
    pub value: PropertyValue,
}

/// What an endpoint property is set to.
#[derive(Debug, Clone)]
pub enum PropertyValue {
    /// `value`.
    Text(String),
    /// `expression`.
    Expression(Expression),
    /// A child element.
    Xml(XmlElement),
}

/// A fixed address.
#[derive(Debug, Clone)]
pub struct AddressEndpoint {
    /// Address; may hold `${prop}` references that are replaced per message.
    pub uri: String,
    /// Quality of service.
    pub definition: Definition,
}

/// An address read from a WSDL document.
#[derive(Debug, Clone)]
pub struct WsdlEndpoint {
    /// Where the document is, when it is not inline.
    pub uri: Option<String>,
    /// Service in the document.
    pub service: String,
    /// Port of the service.
    pub port: String,
    /// Inline `wsdl:definitions`.
    pub document: Option<XmlElement>,
    /// Quality of service.
    pub definition: Definition,
}

/// An instance of an endpoint template.
#[derive(Debug, Clone)]
pub struct TemplateInstance {
    /// The template.
    pub template: Reference,
    /// Value of `$uri`.
    pub uri: Option<String>,
    /// Values of further parameters, in order.
    pub parameters: Vec<(String, String)>,
}

/// Reads an `<endpoint>` inside a mediator. Placeholders stay as written.
pub fn read(element: ElementRef<'_>, diagnostics: &mut Diagnostics) -> Option<Endpoint> {
    read_element(&element.to_element(), &mut Reader::new(diagnostics))
}

/// Like [`read`], with values for placeholders.
pub fn read_with(
    element: ElementRef<'_>,
    configs: &dyn ConfigSource,
    diagnostics: &mut Diagnostics,
) -> Option<Endpoint> {
    read_element(&element.to_element(), &mut Reader::with(diagnostics, configs))
}

/// Reads a deployed endpoint: as in place, and it must have a name.
pub(crate) fn read_named(element: &XmlElement, reader: &mut Reader<'_>) -> Option<Endpoint> {
    let name = reader.required(element.get(), "name");
    let endpoint = read_element(element, reader);
    name.and(endpoint)
}

/// Reads any `<endpoint>`. `None` means it was refused and why was reported.
pub fn read_element(element: &XmlElement, reader: &mut Reader<'_>) -> Option<Endpoint> {
    let mark = reader.diagnostics.len();
    let kind = read_kind(element, reader);
    let properties = match kind {
        Some(EndpointKind::Template(_)) => Vec::new(),
        _ => properties(element, reader),
    };
    let this = element.get();
    known_parts(this, reader);
    if reader.diagnostics.has_errors_since(mark) {
        return None;
    }
    let text = |attribute: &str| this.attr(attribute).map(str::to_owned);
    Some(Endpoint {
        name: text("name").filter(|name| !name.is_empty()),
        on_error: text("onError"),
        description: element.child("description").map(|d| d.get().text()),
        properties,
        kind: kind?,
        element: element.clone(),
    })
}

const ATTRIBUTES: &[&str] =
    &["name", "key", "key-expression", "template", "uri", "onError", "trace", "statistics"];
const CHILDREN: &[&str] = &[
    "address",
    "wsdl",
    "default",
    "loadbalance",
    "session",
    "dynamicLoadbalance",
    "serviceDynamicLoadbalance",
    "failover",
    "recipientlist",
    "http",
    "class",
    "property",
    "description",
    "parameter",
];

fn known_parts(element: ElementRef<'_>, reader: &mut Reader<'_>) {
    reader.known_attributes(element, ATTRIBUTES);
    reader.known_children(element, CHILDREN);
}

fn read_kind(element: &XmlElement, reader: &mut Reader<'_>) -> Option<EndpointKind> {
    let this = element.get();
    if let Some(key) = this.attribute("key") {
        if key.value.is_empty() {
            reader.required(this, "key");
            return None;
        }
        reader.registry_key(this, "key");
        return Some(EndpointKind::Indirect(Reference { key: key.value.to_string(), span: key.span }));
    }
    if this.attribute("key-expression").is_some() {
        return expression::attribute(reader, element, "key-expression").map(EndpointKind::Resolving);
    }
    if this.attribute("template").is_some() {
        return template_instance(element, reader).map(EndpointKind::Template);
    }
    for (name, read) in KINDS {
        if let Some(child) = element.child(name) {
            return read(element, &child, reader);
        }
    }
    no_kind(element, reader);
    None
}

type KindReader = fn(&XmlElement, &XmlElement, &mut Reader<'_>) -> Option<EndpointKind>;

/// Child elements in the order in which MI looks for them.
const KINDS: &[(&str, KindReader)] = &[
    ("address", |_, child, reader| address(child, reader).map(EndpointKind::Address)),
    ("wsdl", |_, child, reader| wsdl(child, reader).map(EndpointKind::Wsdl)),
    ("default", |_, child, reader| Some(EndpointKind::Default(definition::read(child, reader)))),
    ("loadbalance", |parent, child, reader| {
        group::load_balance(parent, child, reader).map(EndpointKind::LoadBalance)
    }),
    ("dynamicLoadbalance", |_, child, reader| foreign(child, reader)),
    ("serviceDynamicLoadbalance", |_, child, reader| foreign(child, reader)),
    ("failover", |_, child, reader| group::failover(child, reader).map(EndpointKind::Failover)),
    ("recipientlist", |_, child, reader| group::recipients(child, reader).map(EndpointKind::RecipientList)),
    ("http", |_, child, reader| http::read(child, reader).map(EndpointKind::Http)),
    ("class", |_, child, reader| foreign(child, reader)),
];

fn no_kind(element: &XmlElement, reader: &mut Reader<'_>) {
    let names: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
    let expected = names.iter().map(|name| format!("<{name}>")).collect::<Vec<_>>().join(", ");
    let this = element.get();
    let found = this.children().find_map(|child| {
        let same = names.contains(&child.local()) && !child.is_synapse();
        let near = crate::diagnostics::nearest(child.local(), names.iter().copied());
        same.then(|| format!("<{}> is not in the Synapse namespace", child.local()))
            .or_else(|| near.map(|near| format!("<{}> found; did you mean <{near}>?", child.local())))
    });
    let message = format!("<endpoint> needs 'key', 'key-expression', 'template' or one of {expected}");
    let diagnostic = reader.error(Code::MISSING_CHILD, this.place(), message);
    if let Some(found) = found {
        diagnostic.with_hint(found);
    }
}

fn foreign(child: &XmlElement, reader: &mut Reader<'_>) -> Option<EndpointKind> {
    let name = child.get().local();
    let message = format!("<{name}> endpoints are not run yet");
    reader.warn(Code::UNSUPPORTED, child.get().place(), message);
    Some(EndpointKind::Foreign(name.to_owned()))
}

fn address(child: &XmlElement, reader: &mut Reader<'_>) -> Option<AddressEndpoint> {
    let definition = definition::read(child, reader);
    let uri = reader.present(child.get(), "uri")?;
    let uri = reader.resolve(&uri, child.get().place_of("uri")).trim().to_owned();
    Some(AddressEndpoint { uri, definition })
}

fn wsdl(child: &XmlElement, reader: &mut Reader<'_>) -> Option<WsdlEndpoint> {
    let this = child.get();
    let definition = definition::read(child, reader);
    let service = reader.required(this, "service");
    let port = reader.required(this, "port");
    let uri = reader.resolved(this, "uri").map(|uri| uri.trim().to_owned());
    if let Some(uri) = &uri
        && !readable_url(uri)
    {
        let message = format!("expected the URL of a WSDL document; found '{uri}'");
        reader.error(Code::BAD_VALUE, this.place_of("uri"), message);
    }
    let document = this.children().find(|c| c.local() == "definitions" && !c.is_synapse());
    let place = this.place();
    let (service, port) = (service?, port?);
    let service = reader.resolve(&service, place);
    let port = reader.resolve(&port, place);
    Some(WsdlEndpoint { uri, service, port, document: document.map(|d| child.at(d.id)), definition })
}

/// A scheme that Java opens, with something behind it.
fn readable_url(uri: &str) -> bool {
    let rest = uri.split_once(':').map_or("", |(_, rest)| rest).trim_start_matches('/');
    values::is_java_url(uri) && !rest.is_empty() && !uri.starts_with("mailto")
}

fn template_instance(element: &XmlElement, reader: &mut Reader<'_>) -> Option<TemplateInstance> {
    let this = element.get();
    let template = reader.required(this, "template");
    let uri = reader.resolved(this, "uri");
    let mut parameters = Vec::new();
    for parameter in element.children_named("parameter") {
        let name = reader.present(parameter.get(), "name");
        let value = reader.present(parameter.get(), "value");
        if let (Some(name), Some(value)) = (name, value) {
            parameters.push((name, reader.resolve(&value, parameter.get().place_of("value"))));
        }
    }
    let at = this.place_of("template");
    let key = reader.resolve(&template?, at);
    Some(TemplateInstance { template: Reference { key, span: at.1 }, uri, parameters })
}

fn properties(element: &XmlElement, reader: &mut Reader<'_>) -> Vec<EndpointProperty> {
    let children = element.children_named("property");
    children.iter().filter_map(|child| property(child, reader)).collect()
}

fn property(child: &XmlElement, reader: &mut Reader<'_>) -> Option<EndpointProperty> {
    let this = child.get();
    let name = reader.required(this, "name").filter(|name| !name.trim().is_empty());
    let value = property_value(child, reader);
    let scope = this.attr("scope").unwrap_or("default");
    let scopes = ["axis2", "transport", "default", "axis2-client"];
    if !scopes.contains(&scope) {
        reader.unknown_word(
            scope,
            this.place_of("scope"),
            "scope of an endpoint property",
            scopes.into_iter(),
        );
        return None;
    }
    Some(EndpointProperty { name: name?, scope: scope.to_owned(), value: value? })
}

fn property_value(child: &XmlElement, reader: &mut Reader<'_>) -> Option<PropertyValue> {
    let this = child.get();
    if this.attribute("value").is_some() {
        return reader.required(this, "value").map(PropertyValue::Text);
    }
    if this.attribute("expression").is_some() {
        reader.required(this, "expression")?;
        return expression::attribute(reader, child, "expression").map(PropertyValue::Expression);
    }
    let Some(first) = this.first() else {
        let message = "<property> needs 'value', 'expression' or a child element";
        reader.error(Code::MISSING_ATTRIBUTE, this.place(), message);
        return None;
    };
    Some(PropertyValue::Xml(child.at(first.id)))
}

#[cfg(test)]
mod tests;
