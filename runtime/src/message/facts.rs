//! What the transport and the dispatcher know about a message. MI copies these facts into property
//! maps for every request; here they are looked up when somebody asks.

use super::correlation::Correlation;
use super::headers::header_text;
use super::value::Value;
use http::{HeaderValue, Method, StatusCode};
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

/// Facts of one arrival: a request at a listener, or a response of a backend.
#[derive(Debug)]
pub struct Wire {
    /// Request method.
    pub method: Method,
    /// Request target as received: path and query, or absolute form.
    pub target: Arc<str>,
    /// Peer address.
    pub peer: Option<SocketAddr>,
    /// Address of the listener that took the request.
    pub local: Option<SocketAddr>,
    /// Correlation header and id of the exchange.
    pub correlation: Option<Correlation>,
    /// Came over TLS.
    pub secure: bool,
    /// The Content-Type header at arrival.
    pub content_type: Option<HeaderValue>,
    /// The request had no body.
    pub no_entity: bool,
    /// Status, for responses.
    pub status: Option<StatusCode>,
    /// Reason phrase, for responses that had one of their own.
    pub reason: Option<String>,
    /// Is this a response of a backend?
    pub response: bool,
}

/// What the dispatcher decided.
#[derive(Debug)]
pub struct Dispatch {
    /// `http` or `https`, `vfs`, ...; axis2 `TRANSPORT_IN_NAME` and default `TRANSPORT_IN_NAME`.
    pub transport: &'static str,
    /// Which artifact took the message.
    pub entry: EntryName,
    /// Path and query as received.
    pub target: Arc<str>,
    /// Where in the target that begins which follows the service name, or context and version.
    /// `None`: no artifact that has such a part took it.
    pub rest: Option<usize>,
    /// The API as the client sees it.
    pub api: Arc<ApiFacts>,
    /// Mapping text of the resource.
    pub pattern: Arc<str>,
    /// Method of the request.
    pub method: Method,
    /// The client's Host header.
    pub host: Option<HeaderValue>,
    /// The client's Origin header.
    pub origin: Option<HeaderValue>,
    /// Name and namespace of the operation, of services with a WSDL.
    pub operation: Option<(String, String)>,
}

/// Context and version of an API.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct ApiFacts {
    /// Context without trailing slash, version filled in; empty for the root.
    pub context: String,
    /// Version, empty without.
    pub version: String,
    /// `url`, `context` or empty.
    pub version_strategy: &'static str,
}

impl Default for Dispatch {
    fn default() -> Self {
        static NOTHING: LazyLock<(Arc<str>, Arc<ApiFacts>)> = LazyLock::new(|| ("".into(), Arc::default()));
        let (text, api) = &*NOTHING;
        Self {
            transport: "",
            entry: EntryName::Main,
            target: text.clone(),
            rest: None,
            api: api.clone(),
            pattern: text.clone(),
            method: Method::default(),
            host: None,
            origin: None,
            operation: None,
        }
    }
}

impl Default for Wire {
    fn default() -> Self {
        static NOWHERE: LazyLock<Arc<str>> = LazyLock::new(|| "".into());
        Self {
            method: Method::default(),
            target: NOWHERE.clone(),
            peer: None,
            local: None,
            correlation: None,
            secure: false,
            content_type: None,
            no_entity: false,
            status: None,
            reason: None,
            response: false,
        }
    }
}

/// The artifact a message entered through: prefix of log lines, routing of responses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum EntryName {
    /// `main`, or a test.
    #[default]
    Main,
    /// An API, by its full name (`name` or `name:vX`).
    Api(Arc<str>),
    /// A proxy service.
    Proxy(Arc<str>),
    /// An inbound endpoint.
    Inbound(Arc<str>),
    /// A scheduled task.
    Task(Arc<str>),
}

impl Wire {
    /// An axis2-scope fact.
    pub fn property(&self, name: &str) -> Option<Value> {
        Some(match name {
            "HTTP_METHOD" if !self.response => self.method.as_str().into(),
            "TransportInURL" | "TRANSPORT_IN_URL" if !self.response && !self.target.is_empty() => {
                Value::String(self.target.clone())
            }
            "REMOTE_ADDR" if !self.response => self.peer?.ip().to_string().into(),
            "REMOTE_HOST" if !self.response => host_name(self.peer?.ip()).into(),
            "ContentType" | "CONTENT_TYPE" => header_text(self.content_type.as_ref()?).into_owned().into(),
            "messageType" | "MESSAGE_TYPE" if self.is_form() => "application/xml".into(),
            "messageType" | "MESSAGE_TYPE" => {
                let text = header_text(self.content_type.as_ref()?);
                let end = text.find(';').unwrap_or(text.len());
                text.get(..end)?.trim().to_owned().into()
            }
            "CHARACTER_SET_ENCODING" => {
                let text = header_text(self.content_type.as_ref()?);
                super::media_type_parameter(&text, "charset")?.to_owned().into()
            }
            "NO_ENTITY_BODY" if self.no_entity => Value::Boolean(true),
            "HTTP_SC" | "ORIGINAL_STATUS_CODE" => Value::Integer(i32::from(self.status?.as_u16())),
            "HTTP_SC_DESC" | "HTTP_REASON_PHRASE" => match &self.reason {
                Some(reason) => reason.as_str().into(),
                None => self.status?.canonical_reason()?.into(),
            },
            "FAULT_MESSAGE" if self.status.is_some_and(|s| s.as_u16() >= 400) => "TRUE".into(),
            _ => return None,
        })
    }

    /// A request whose type is a form, as every GET without a type has it. What is made of it goes out as XML
    /// under the name of a form, unless a mediator says otherwise: MI's server worker sets `messageType` so.
    pub fn is_form(&self) -> bool {
        let form = |value: &HeaderValue| {
            super::media_type(&header_text(value)) == "application/x-www-form-urlencoded"
        };
        !self.response && self.content_type.as_ref().is_some_and(form)
    }
}

fn host_name(ip: std::net::IpAddr) -> String {
    if ip.is_loopback() { "localhost".to_owned() } else { ip.to_string() }
}

impl Dispatch {
    /// Path after context and version, or after the service name, with query.
    pub fn rest(&self) -> Option<&str> {
        self.target.get(self.rest?..)
    }

    /// Path after context and version as it is shown: the root of an API is a slash, and is sent on as
    /// nothing.
    fn sub_path(&self) -> &str {
        self.rest().filter(|rest| !rest.is_empty()).unwrap_or("/")
    }

    /// A default-scope fact.
    pub fn property(&self, name: &str) -> Option<Value> {
        match (&self.entry, name) {
            (EntryName::Proxy(proxy), "proxy.name") => return Some(Value::String(proxy.clone())),
            (EntryName::Inbound(inbound), "inbound.endpoint.name") => {
                return Some(Value::String(inbound.clone()));
            }
            (_, "TRANSPORT_IN_NAME") if !self.transport.is_empty() => return Some(self.transport.into()),
            _ => {}
        }
        let EntryName::Api(api) = &self.entry else { return None };
        Some(match name {
            "SYNAPSE_REST_API" => Value::String(api.clone()),
            "REST_API_CONTEXT" => self.api.context.as_str().into(),
            "REST_FULL_REQUEST_PATH" => Value::String(self.target.clone()),
            "REST_SUB_REQUEST_PATH" => self.sub_path().into(),
            "REST_METHOD" => self.method.as_str().into(),
            "REST_URL_PREFIX" => {
                let host = self.host.as_ref().map(header_text).unwrap_or_default();
                format!("{}://{host}", self.transport).into()
            }
            "REST_URL_PATTERN" | "rest.url.pattern" => Value::String(self.pattern.clone()),
            // A resource without a mapping has no resource path.
            "RESOURCE_PATH" if self.pattern.is_empty() => return None,
            "RESOURCE_PATH" => self.sub_path().into(),
            "SYNAPSE_REST_API_VERSION" => self.api.version.as_str().into(),
            "SYNAPSE_REST_API_VERSION_STRATEGY" => self.api.version_strategy.into(),
            _ => return None,
        })
    }

    /// An axis2-scope fact.
    pub fn axis2_property(&self, name: &str) -> Option<Value> {
        match name {
            "REST_URL_POSTFIX" => self.rest().map(Value::from),
            "TRANSPORT_IN_NAME" if !self.transport.is_empty() => Some(self.transport.into()),
            _ => None,
        }
    }
}
