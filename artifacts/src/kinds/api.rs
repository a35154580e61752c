//! APIs: a context, and resources that take methods and paths.
//!
//! ```xml
//! <api name="Orders" context="/orders" version="1.0.0" version-type="url">
//!   <resource methods="GET POST" uri-template="/{id}"><inSequence/></resource>
//! </api>
//! ```

use super::flow::{FlowRef, flow_ref};
use crate::diagnostics::Code;
use crate::read::Reader;
use crate::uri_template::UriTemplate;
use crate::values;
use crate::xml::{ElementRef, XmlElement};

/// An API.
#[derive(Debug, Clone)]
pub struct Api {
    /// Name as written; [`Api::full_name`] has the version.
    pub name: String,
    /// Context as written: begins with `/`; a trailing `/` is gone, so `/` is the empty text.
    /// With [`VersionStrategy::Context`], `{version}` in it is already filled in.
    pub context: String,
    /// Version and where it stands.
    pub version: VersionStrategy,
    /// Must equal the host of the `Host` header.
    pub hostname: Option<String>,
    /// Must equal the port of the `Host` header.
    pub port: Option<i32>,
    /// Only this transport.
    pub transport: Option<Protocol>,
    /// Listeners: names of inbound endpoints, `default` for the main ones; empty means `default`.
    pub binds_to: Vec<String>,
    /// Registry key of the published API definition.
    pub publish_swagger: Option<String>,
    /// Requests and answers are checked against it.
    pub validate_schema: bool,
    /// Handlers in order.
    pub handlers: Vec<Handler>,
    /// Resources in order, at least one.
    pub resources: Vec<Resource>,
    /// `statistics="enable"`.
    pub statistics: bool,
    /// `trace="enable"`.
    pub trace: bool,
    /// The `<api>` element.
    pub element: XmlElement,
}

/// Version of an API and where it stands in the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionStrategy {
    /// No version.
    None,
    /// The segment after the context.
    Url(String),
    /// Inside the context.
    Context(String),
}

/// A transport of the HTTP family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Plain.
    Http,
    /// TLS.
    Https,
}

/// A handler of an API or inbound endpoint.
#[derive(Debug, Clone)]
pub struct Handler {
    /// Java class.
    pub class: String,
    /// Properties by name; XML values as text.
    pub properties: Vec<(String, String)>,
    /// The `<handler>` element.
    pub element: XmlElement,
}

/// A resource of an API.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Accepted methods; empty means all.
    pub methods: Vec<Method>,
    /// Which paths.
    pub mapping: Mapping,
    /// Only this transport.
    pub protocol: Option<Protocol>,
    /// Must equal the whole `Content-Type` header.
    pub content_type: Option<String>,
    /// Regular expression for the whole `User-Agent` header.
    pub user_agent: Option<String>,
    /// Listeners, as for the API; empty means those of the API.
    pub binds_to: Vec<String>,
    /// Requests; absent: dropped.
    pub in_sequence: Option<FlowRef>,
    /// Answers; absent: sent back.
    pub out_sequence: Option<FlowRef>,
    /// Faults; absent: the default fault sequence.
    pub fault_sequence: Option<FlowRef>,
    /// The `<resource>` element.
    pub element: XmlElement,
}

/// A method that a resource may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Method {
    Get,
    Post,
    Put,
    Delete,
    Options,
    Head,
    Patch,
}

/// Which paths a resource takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mapping {
    /// Servlet-like: exact, `/prefix/*` or `*.ext`.
    UrlMapping(String),
    /// A template with variables.
    UriTemplate(UriTemplate),
    /// What no other resource takes.
    Default,
}

impl Api {
    /// The name under which it is registered: `name` or `name:v<version>`.
    pub fn full_name(&self) -> String {
        match &self.version {
            VersionStrategy::None => self.name.clone(),
            VersionStrategy::Url(version) | VersionStrategy::Context(version) => {
                format!("{}:v{version}", self.name)
            }
        }
    }
}

impl Method {
    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        METHODS.iter().find(|(_, method)| *method == self).map_or("", |(name, _)| name)
    }
}

impl Mapping {
    /// The text of the mapping, absent for the default resource.
    pub fn text(&self) -> Option<&str> {
        match self {
            Mapping::UrlMapping(text) => Some(text),
            Mapping::UriTemplate(template) => Some(template.text()),
            Mapping::Default => None,
        }
    }
}

const METHODS: &[(&str, Method)] = &[
    ("GET", Method::Get),
    ("POST", Method::Post),
    ("PUT", Method::Put),
    ("DELETE", Method::Delete),
    ("OPTIONS", Method::Options),
    ("HEAD", Method::Head),
    ("PATCH", Method::Patch),
];

const PROTOCOLS: &[(&str, Protocol)] = &[("http", Protocol::Http), ("https", Protocol::Https)];

pub(super) fn read(element: &XmlElement, reader: &mut Reader<'_>) -> Option<Api> {
    let this = element.get();
    reader.known_attributes(this, ATTRIBUTES);
    reader.known_children(this, &["resource", "handlers", "description"]);
    let name = reader.required(this, "name");
    let context = context(this, reader);
    let version = version(this, reader);
    let port = this.attr("port").filter(|text| !text.is_empty());
    let port = port.and_then(|text| reader.int(text, this.place_of("port"), "'port'"));
    let resources = resources(element, reader);
    let handlers = handlers(element, reader);
    let transport = protocol(this, "transports", reader);
    let text = |attribute: &str| this.attr(attribute).filter(|text| !text.is_empty()).map(str::to_owned);
    let version = version?;
    let context = match &version {
        VersionStrategy::Context(version) => context?.replace("{version}", version),
        _ => context?,
    };
    Some(Api {
        name: name?,
        context,
        version,
        hostname: text("hostname"),
        port,
        transport,
        binds_to: binds_to(this),
        publish_swagger: text("publishSwagger"),
        validate_schema: this.attr("validateSchema").is_some_and(values::java_bool),
        handlers,
        resources,
        statistics: reader.enabled(this, "statistics"),
        trace: reader.enabled(this, "trace"),
        element: element.clone(),
    })
}

const ATTRIBUTES: &[&str] = &[
    "name",
    "context",
    "version",
    "version-type",
    "version-param",
    "hostname",
    "port",
    "transports",
    "binds-to",
    "publishSwagger",
    "validateSchema",
    "statistics",
    "trace",
];

fn context(this: ElementRef<'_>, reader: &mut Reader<'_>) -> Option<String> {
    let context = reader.required(this, "context")?;
    if !context.starts_with('/') {
        let message = format!("'context' of an API must begin with '/'; found '{context}'");
        reader.error(Code::BAD_VALUE, this.place_of("context"), message);
        return None;
    }
    Some(context.strip_suffix('/').unwrap_or(&context).to_owned())
}

fn version(this: ElementRef<'_>, reader: &mut Reader<'_>) -> Option<VersionStrategy> {
    let version = this.attr("version").unwrap_or("").to_owned();
    let kind = this.attr("version-type").unwrap_or("");
    if !version.is_empty() && kind.is_empty() {
        let message = "an API with 'version' needs 'version-type'";
        reader
            .error(Code::MISSING_ATTRIBUTE, this.place_of("version"), message)
            .with_hint("version-type=\"url\" or version-type=\"context\"");
        return None;
    }
    match kind.trim() {
        "" => Some(VersionStrategy::None),
        "url" if version.is_empty() => Some(VersionStrategy::None),
        "url" => Some(VersionStrategy::Url(version)),
        "context" => {
            if !this.attr("context").unwrap_or("").contains("{version}") {
                let message = "version-type=\"context\" without '{version}' in 'context': the version is not in the path";
                reader.warn(Code::CONFLICT, this.place_of("version-type"), message);
            }
            Some(VersionStrategy::Context(version))
        }
        _ => {
            reader.unknown_word(
                kind,
                this.place_of("version-type"),
                "version-type",
                ["url", "context"].into_iter(),
            );
            None
        }
    }
}

fn protocol(this: ElementRef<'_>, attribute: &str, reader: &mut Reader<'_>) -> Option<Protocol> {
    let text = this.attr(attribute).filter(|text| !text.is_empty())?;
    reader.word(text, this.place_of(attribute), &format!("'{attribute}'"), PROTOCOLS)
}

fn binds_to(this: ElementRef<'_>) -> Vec<String> {
    this.attr("binds-to").map(values::words).unwrap_or_default()
}

fn resources(element: &XmlElement, reader: &mut Reader<'_>) -> Vec<Resource> {
    let children = element.children_named("resource");
    if children.is_empty() {
        let message = "an API needs at least one <resource>";
        let near = crate::diagnostics::nearest("resource", element.get().children().map(ElementRef::local));
        let near = near.map(str::to_owned);
        let diagnostic = reader.error(Code::MISSING_CHILD, element.get().place(), message);
        if let Some(near) = near {
            diagnostic.with_hint(format!("<{near}> is not read as a resource"));
        }
    }
    let resources: Vec<Resource> = children.iter().filter_map(|child| resource(child, reader)).collect();
    for (index, later) in resources.iter().enumerate() {
        if let Some(first) = resources.iter().take(index).find(|first| collide(first, later)) {
            let at = element.get().source().location(first.element.get().span().start);
            let what =
                later.mapping.text().map_or("without a mapping".to_owned(), |text| format!("for '{text}'"));
            let message = format!("two resources {what} take the same method");
            reader
                .error(Code::DUPLICATE, later.element.get().place(), message)
                .with_hint(format!("the first one is in line {}", at.line));
        }
    }
    resources
}

/// MI refuses equal mappings with a common method, and any second resource without a mapping.
fn collide(first: &Resource, later: &Resource) -> bool {
    match (first.mapping.text(), later.mapping.text()) {
        (None, None) => true,
        (Some(a), Some(b)) => a == b && later.methods.iter().any(|method| first.methods.contains(method)),
        _ => false,
    }
}

fn resource(element: &XmlElement, reader: &mut Reader<'_>) -> Option<Resource> {
    let this = element.get();
    reader.known_attributes(
        this,
        &[
            "methods",
            "uri-template",
            "url-mapping",
            "binds-to",
            "protocol",
            "content-type",
            "user-agent",
            "inSequence",
            "outSequence",
            "faultSequence",
        ],
    );
    reader.known_children(this, &["inSequence", "outSequence", "faultSequence", "description"]);
    let methods = methods(this, reader);
    let mapping = mapping(this, reader);
    let protocol = protocol(this, "protocol", reader);
    let text = |attribute: &str| this.attr(attribute).filter(|text| !text.is_empty()).map(str::to_owned);
    Some(Resource {
        methods: methods?,
        mapping: mapping?,
        protocol,
        content_type: text("content-type"),
        user_agent: text("user-agent"),
        binds_to: binds_to(this),
        in_sequence: flow_ref(reader, element, "inSequence"),
        out_sequence: flow_ref(reader, element, "outSequence"),
        fault_sequence: flow_ref(reader, element, "faultSequence"),
        element: element.clone(),
    })
}

fn methods(this: ElementRef<'_>, reader: &mut Reader<'_>) -> Option<Vec<Method>> {
    let Some(text) = this.attr("methods").filter(|text| !text.is_empty()) else { return Some(Vec::new()) };
    let mut methods = Vec::new();
    for word in text.trim().split(' ') {
        let method =
            reader.word(word, this.place_of("methods"), "method (single blanks between them)", METHODS)?;
        if !methods.contains(&method) {
            methods.push(method);
        }
    }
    Some(methods)
}

fn mapping(this: ElementRef<'_>, reader: &mut Reader<'_>) -> Option<Mapping> {
    let text = |attribute: &str| this.attr(attribute).filter(|text| !text.is_empty());
    if let Some(mapping) = text("url-mapping") {
        if text("uri-template").is_some() {
            let message = "'uri-template' is ignored beside 'url-mapping'";
            reader.warn(Code::CONFLICT, this.place_of("uri-template"), message);
        }
        return Some(Mapping::UrlMapping(mapping.to_owned()));
    }
    let Some(template) = text("uri-template") else { return Some(Mapping::Default) };
    match UriTemplate::parse(template) {
        Ok(template) => Some(Mapping::UriTemplate(template)),
        Err(message) => {
            let message = format!("'uri-template' cannot be parsed: {message}");
            reader.error(Code::BAD_VALUE, this.place_of("uri-template"), message);
            None
        }
    }
}

/// The one handler that is run: cross-origin headers for one API.
pub const CORS_HANDLER: &str = "org.wso2.micro.integrator.security.handler.CORSRequestHandler";

/// `<handlers>` of an API.
fn handlers(element: &XmlElement, reader: &mut Reader<'_>) -> Vec<Handler> {
    let list = element.child("handlers").map(|list| list.children_named("handler")).unwrap_or_default();
    list.iter().filter_map(|child| handler(child, reader)).collect()
}

fn handler(child: &XmlElement, reader: &mut Reader<'_>) -> Option<Handler> {
    let class = reader.required(child.get(), "class")?;
    let mut properties = Vec::new();
    for property in child.children_named("property") {
        let Some(name) = reader.required(property.get(), "name") else { continue };
        let value = property.get().attr("value").map(str::to_owned);
        match value.or_else(|| property.get().first().map(ElementRef::to_xml)) {
            Some(value) => properties.push((name, value)),
            None => {
                reader.required(property.get(), "value");
            }
        }
    }
    if class != CORS_HANDLER {
        let message = format!("the handler {class} cannot be run yet: requests are refused with status 500");
        reader.warn(Code::UNSUPPORTED, child.get().place_of("class"), message);
    }
    Some(Handler { class, properties, element: child.clone() })
}
