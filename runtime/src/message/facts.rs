//! What the transport and the dispatcher know about a message. MI copies these facts into property
//! maps for every request; here they are looked up when somebody asks.

use super::correlation::Correlation;
use super::headers::header_text;
use super::value::Value;
use http::{HeaderValue, Method, StatusCode};
use std::net::SocketAddr;
use std::sync::Arc;

/// Facts of one arrival: a request at a listener, or a response of a backend.
#[derive(Debug, Default)]
pub struct Wire {
    /// Request method.
    pub method: Method,
    /// Request target as received: path and query, or absolute form.
    pub target: String,
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
#[derive(Debug, Default)]
pub struct Dispatch {
    /// `http` or `https`, `vfs`, ...; axis2 `TRANSPORT_IN_NAME` and default `TRANSPORT_IN_NAME`.
    pub transport: &'static str,
    /// Which artifact took the message.
    pub entry: EntryName,
    /// Path and query as received.
    pub full_path: String,
    /// Path after context and version, with query.
    pub sub_path: String,
    /// API context with the version filled in.
    pub context: String,
    /// API version, empty without.
    pub version: String,
    /// `url`, `context` or empty.
    pub version_strategy: &'static str,
    /// Mapping text of the resource.
    pub pattern: String,
    /// `http://host:port` as the client wrote it.
    pub url_prefix: String,
    /// Method of the request.
    pub method: String,
    /// The client's Origin header.
    pub origin: Option<HeaderValue>,
    /// What follows the backend address of REST calls (axis2 `REST_URL_POSTFIX`).
    pub rest_postfix: Option<String>,
    /// Name and namespace of the operation, of services with a WSDL.
    pub operation: Option<(String, String)>,
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
                self.target.as_str().into()
            }
            "REMOTE_ADDR" if !self.response => self.peer?.ip().to_string().into(),
            "REMOTE_HOST" if !self.response => host_name(self.peer?.ip()).into(),
            "ContentType" | "CONTENT_TYPE" => header_text(self.content_type.as_ref()?).into_owned().into(),
            "messageType" | "MESSAGE_TYPE" if self.is_bare_form() => "application/xml".into(),
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

    /// A request without a body whose type is a form, as every GET without a type has it. MI writes what
    /// its flow makes as XML, under the name of a form.
    pub fn is_bare_form(&self) -> bool {
        let form = |value: &HeaderValue| {
            super::media_type(&header_text(value)) == "application/x-www-form-urlencoded"
        };
        self.no_entity && !self.response && self.content_type.as_ref().is_some_and(form)
    }
}

fn host_name(ip: std::net::IpAddr) -> String {
    if ip.is_loopback() { "localhost".to_owned() } else { ip.to_string() }
}

impl Dispatch {
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
            "REST_API_CONTEXT" => self.context.as_str().into(),
            "REST_FULL_REQUEST_PATH" => self.full_path.as_str().into(),
            "REST_SUB_REQUEST_PATH" => self.sub_path.as_str().into(),
            "REST_METHOD" => self.method.as_str().into(),
            "REST_URL_PREFIX" => self.url_prefix.as_str().into(),
            "REST_URL_PATTERN" | "rest.url.pattern" => self.pattern.as_str().into(),
            // A resource without a mapping has no resource path.
            "RESOURCE_PATH" if self.pattern.is_empty() => return None,
            "RESOURCE_PATH" => self.sub_path.as_str().into(),
            "SYNAPSE_REST_API_VERSION" => self.version.as_str().into(),
            "SYNAPSE_REST_API_VERSION_STRATEGY" => self.version_strategy.into(),
            _ => return None,
        })
    }

    /// An axis2-scope fact.
    pub fn axis2_property(&self, name: &str) -> Option<Value> {
        match name {
            "REST_URL_POSTFIX" => self.rest_postfix.as_deref().map(Value::from),
            "TRANSPORT_IN_NAME" if !self.transport.is_empty() => Some(self.transport.into()),
            _ => None,
        }
    }
}
