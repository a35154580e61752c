//! The unit of mediation: payload, headers, properties by scope, variables, addressing.
//!
//! A payload stays the bytes of the wire until a step looks inside ([`Payload::Unread`]); the executor
//! reads and builds it right before the first step that does. Cloning a message shares its payload.

pub mod addressing;
pub mod builders;
pub mod convert;
mod correlation;
pub mod envelope;
pub mod facts;
pub mod formatters;
pub mod headers;
pub mod json;
pub mod payload;
pub mod properties;
pub mod soap_fault;
pub mod value;
pub mod wire;

pub use correlation::Correlation;
pub use envelope::{Envelope, Soap};
pub use facts::{Dispatch, Wire};
pub use headers::Headers;
pub use json::Json;
pub use payload::{Content, JsonBody, Payload};
pub use properties::Properties;
pub use value::{Value, XmlItem};
pub use wire::WireBody;

use http::Method;
use std::sync::{Arc, LazyLock, OnceLock};

/// `To` of a message that came from a backend: the other end of the client's connection.
pub const ANONYMOUS: &str = "http://www.w3.org/2005/08/addressing/anonymous";

/// WS-Addressing fields and their HTTP counterparts.
#[derive(Debug, Clone, Default)]
pub struct Addressing {
    /// Target address; the request target for messages from HTTP.
    pub to: Option<Arc<str>>,
    /// Sender.
    pub from: Option<Arc<str>>,
    /// Where replies go.
    pub reply_to: Option<Arc<str>>,
    /// Where faults go.
    pub fault_to: Option<Arc<str>>,
    /// Action, also from and to the SOAPAction header.
    pub action: Option<Arc<str>>,
    /// Message this one answers.
    pub relates_to: Option<Arc<str>>,
}

/// Where a property lives; see the table of scopes in MI's documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The Synapse context: survives a call.
    Default,
    /// The Axis2 context: replaced by each backend response.
    Axis2,
    /// Axis2 client options.
    Axis2Client,
    /// Transport headers.
    Transport,
    /// Shared by request and response of one exchange.
    Operation,
    /// Registry resources.
    Registry,
    /// Process-wide properties.
    System,
    /// Only recorded in traces.
    Trace,
    /// Analytics metadata.
    Analytics,
}

/// One message on its way through a flow.
#[derive(Debug)]
pub struct Message {
    /// What it carries.
    pub payload: Payload,
    /// Transport headers.
    pub headers: Headers,
    /// Default-scope properties.
    pub properties: Properties,
    /// Axis2-scope properties.
    pub axis2: Properties,
    /// Axis2-client-scope properties.
    pub axis2_client: Properties,
    /// Operation-scope properties.
    pub operation: Properties,
    /// Variables (`${vars.x}`).
    pub variables: Properties,
    /// Addresses.
    pub addressing: Addressing,
    /// Is it a response (`<out>` matches)?
    pub response: bool,
    /// REST or POX rather than SOAP (`doingREST`).
    pub rest: bool,
    /// The context processes a fault (`makefault` with `pox`).
    pub fault: bool,
    /// What the transport told when this message arrived; replaced by each backend response.
    pub wire: Arc<Wire>,
    /// What dispatch found out; survives calls.
    pub dispatch: Arc<Dispatch>,
    id: OnceLock<Arc<str>>,
}

impl Default for Message {
    /// An empty message with an empty envelope. Often made only to take another one's place.
    fn default() -> Self {
        static NO_FACTS: LazyLock<(Arc<Wire>, Arc<Dispatch>)> = LazyLock::new(Default::default);
        let (wire, dispatch) = &*NO_FACTS;
        Self {
            payload: Payload::default(),
            headers: Headers::default(),
            properties: Properties::default(),
            axis2: Properties::default(),
            axis2_client: Properties::default(),
            operation: Properties::default(),
            variables: Properties::default(),
            addressing: Addressing::default(),
            response: false,
            rest: false,
            fault: false,
            wire: wire.clone(),
            dispatch: dispatch.clone(),
            id: OnceLock::new(),
        }
    }
}

impl Message {
    /// An empty message with an empty envelope.
    pub fn new() -> Self {
        Self::default()
    }

    /// `urn:uuid:...`, made when first asked for.
    pub fn id(&self) -> &Arc<str> {
        self.id.get_or_init(|| format!("urn:uuid:{}", uuid::Uuid::new_v4()).into())
    }

    /// Sets the message id.
    pub fn set_id(&mut self, id: impl Into<Arc<str>>) {
        self.id = OnceLock::from(id.into());
    }

    /// A default-scope property, what dispatch knows included. No local entries: see `eval`.
    pub fn property(&self, name: &str) -> Option<Value> {
        match self.properties.entry(name) {
            Some(value) => value.cloned(),
            None => self.dispatch.property(name),
        }
    }

    /// An axis2-scope property: the message's own, else that of the client options, else that of the
    /// operation, else what the transport told.
    pub fn axis2(&self, name: &str) -> Option<Value> {
        if let Some(value) = self.axis2.entry(name) {
            return value.cloned();
        }
        let wider = self.axis2_client.get(name).or_else(|| self.operation.get(name)).cloned();
        wider.or_else(|| self.wire.property(name)).or_else(|| self.dispatch.axis2_property(name))
    }

    /// An axis2-scope property as text.
    pub fn axis2_text(&self, name: &str) -> Option<String> {
        self.axis2(name).map(|value| value.text().into_owned())
    }

    /// Is the axis2 property a Boolean `true` or the text `true`?
    pub fn axis2_flag(&self, name: &str) -> bool {
        self.axis2(name).is_some_and(|value| value.is_true())
    }

    /// Axis2 `HTTP_METHOD`: what a mediator set, else the method of the request that came.
    pub fn http_method(&self) -> Option<Method> {
        const NAME: &str = "HTTP_METHOD";
        let set = match self.axis2.entry(NAME) {
            Some(entry) => return entry.and_then(method),
            None => self.axis2_client.get(NAME).or_else(|| self.operation.get(NAME)),
        };
        match set {
            Some(value) => method(value),
            None => (!self.wire.response).then(|| self.wire.method.clone()),
        }
    }

    /// Media type that selects the formatter: axis2 `messageType`, lower case, without parameters.
    pub fn message_type(&self) -> Option<String> {
        self.axis2_text("messageType").map(|t| media_type(&t))
    }

    /// What the property mediator does for `messageType`: formatter, ContentType and header at once.
    pub fn set_message_type(&mut self, media_type: &str) {
        self.axis2.set("messageType", media_type);
        self.axis2.set("ContentType", media_type);
        self.headers.set("Content-Type", media_type);
    }

    /// The same message once more: as [`Message::fork`], with its id.
    pub fn twin(&self) -> Self {
        Self { id: self.id.clone(), ..self.fork() }
    }

    /// A copy for another branch: shares the payload (reading it must have happened before), keeps
    /// everything else, gets an id of its own.
    pub fn fork(&self) -> Self {
        Self {
            payload: self.payload.share(),
            headers: self.headers.clone(),
            properties: self.properties.clone(),
            axis2: self.axis2.clone(),
            axis2_client: self.axis2_client.clone(),
            operation: self.operation.clone(),
            variables: self.variables.clone(),
            addressing: self.addressing.clone(),
            response: self.response,
            rest: self.rest,
            fault: self.fault,
            wire: self.wire.clone(),
            dispatch: self.dispatch.clone(),
            id: OnceLock::new(),
        }
    }
}

fn method(value: &Value) -> Option<Method> {
    Method::from_bytes(value.text().to_ascii_uppercase().as_bytes()).ok()
}

/// Media type of a Content-Type value: before `;`, trimmed, lower case.
pub fn media_type(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}

/// A parameter of a Content-Type value, quotes removed.
pub fn media_type_parameter<'a>(content_type: &'a str, name: &str) -> Option<&'a str> {
    content_type.split(';').skip(1).find_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
    })
}
