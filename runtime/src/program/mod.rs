//! What a deployment compiles to. Immutable: a redeployment compiles a new one and swaps the pointer.

mod registry;
mod wsdl;

pub use registry::{DeployedRegistry, NoRegistry, NothingOnDemand, OnDemand, Registry};
pub use wsdl::{Contract, Operation, Wsdl, WsdlSource};

use crate::endpoints::Endpoint;
use crate::flow::{Block, Handler};
use crate::router::{ApiCors, Router};
use crate::stores::StoreSpec;
use artifacts::xml::XmlElement;
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A named list of steps.
#[derive(Debug, Default)]
pub struct Sequence {
    /// Its name.
    pub name: Arc<str>,
    /// Its steps and its `onError`.
    pub block: Arc<Block>,
}

/// A list that an artifact points to: written in place, or by name.
#[derive(Debug, Clone)]
pub enum FlowTarget {
    /// In place.
    Inline(Arc<Block>),
    /// A sequence looked up when it is needed.
    Named(Arc<str>),
}

/// A sequence template.
#[derive(Debug)]
pub struct Template {
    /// Its name.
    pub name: Arc<str>,
    /// Declared parameters.
    pub parameters: Vec<TemplateParameter>,
    /// Its steps and its `onError`.
    pub block: Arc<Block>,
}

/// A declared template parameter.
#[derive(Debug, Clone)]
pub struct TemplateParameter {
    /// Its name.
    pub name: Arc<str>,
    /// Must be given a value or have a default.
    pub mandatory: bool,
    /// Used when the call does not name it.
    pub default: Option<Arc<str>>,
}

/// A resource of an API.
#[derive(Debug)]
pub struct ResourceProgram {
    /// For requests; absent: the request is dropped.
    pub in_flow: Option<FlowTarget>,
    /// For responses to `send`; absent: sent back as they are.
    pub out_flow: Option<FlowTarget>,
    /// For faults.
    pub fault: Handler,
    /// Methods for `Allow` and the cross-origin headers.
    pub allow: http::HeaderValue,
}

/// An API.
#[derive(Debug)]
pub struct ApiProgram {
    /// Full name: `name` or `name:vX`.
    pub name: Arc<str>,
    /// Its resources, in order of declaration.
    pub resources: Vec<ResourceProgram>,
    /// Cross-origin headers of its own, in the place of the global ones.
    pub cors: Option<ApiCors>,
    /// A handler that this build cannot run. It may be the one that keeps strangers out, so nobody is
    /// let in.
    pub foreign_handler: Option<Arc<str>>,
}

/// A proxy service.
#[derive(Debug)]
pub struct ProxyProgram {
    /// Its name.
    pub name: Arc<str>,
    /// For requests: the in-sequence, then the target endpoint.
    pub in_block: Arc<Block>,
    /// For responses; absent: sent back as they are.
    pub out_flow: Option<FlowTarget>,
    /// For faults.
    pub fault: Handler,
    /// `startOnLoad`; an inactive service answers with a fault.
    pub started: bool,
    /// HTTP is among its transports. Services of this process reach it in any case.
    pub over_http: bool,
    /// `Some(true)`: over HTTPS only; `Some(false)`: over plain HTTP only.
    pub secure_only: Option<bool>,
    /// Its WSDL: requests must be for one of its operations.
    pub wsdl: Option<Wsdl>,
}

/// An HTTP or HTTPS inbound endpoint: a listener of its own.
#[derive(Debug)]
pub struct HttpInbound {
    /// Its name; APIs bind to it.
    pub name: Arc<str>,
    /// Its port, before an offset.
    pub port: u16,
    /// Its parameters, those of TLS among them; `None` for plain HTTP.
    pub tls: Option<BTreeMap<String, String>>,
    /// Takes what no API that is bound to it takes; empty: the main sequence.
    pub sequence: Arc<str>,
    /// Its fault sequence.
    pub on_error: Option<Arc<str>>,
    /// Paths that go on to the services and APIs of the main listener (`dispatch.filter.pattern`).
    pub pattern: Option<regex::Regex>,
}

/// A local entry or registry resource.
#[derive(Debug, Clone)]
pub enum Resource {
    /// Text.
    Text(Arc<str>),
    /// XML.
    Xml(XmlElement),
    /// Anything else.
    Binary(Bytes),
}

/// Everything a deployment compiled to.
#[derive(Debug)]
pub struct Program {
    /// Sequences by name.
    pub sequences: HashMap<Arc<str>, Arc<Sequence>>,
    /// Sequence templates by name.
    pub templates: HashMap<Arc<str>, Arc<Template>>,
    /// Endpoints by name.
    pub endpoints: HashMap<Arc<str>, Arc<Endpoint>>,
    /// Local entries by key.
    pub local_entries: HashMap<Arc<str>, Resource>,
    /// Message stores by name.
    pub stores: HashMap<Arc<str>, Arc<StoreSpec>>,
    /// The registry.
    pub registry: Arc<dyn Registry>,
    /// Sequences and endpoints of the registry.
    pub on_demand: Box<dyn OnDemand>,
    /// HTTP inbound endpoints.
    pub http_inbounds: Vec<Arc<HttpInbound>>,
    /// Who takes which request.
    pub router: Router,
    /// The `main` sequence.
    pub main: Arc<Sequence>,
    /// The `fault` sequence.
    pub default_fault: Arc<Sequence>,
    /// What `send` and `call` without an endpoint use: the message's `To`.
    pub implicit_endpoint: Arc<Endpoint>,
}

impl Default for Program {
    fn default() -> Self {
        Self {
            sequences: HashMap::new(),
            templates: HashMap::new(),
            endpoints: HashMap::new(),
            local_entries: HashMap::new(),
            stores: HashMap::new(),
            registry: Arc::new(NoRegistry),
            on_demand: Box::new(NothingOnDemand),
            http_inbounds: Vec::new(),
            router: Router::default(),
            main: Arc::default(),
            default_fault: Arc::default(),
            implicit_endpoint: Arc::new(Endpoint::implicit()),
        }
    }
}

impl Program {
    /// A sequence by name, local entry or registry key.
    pub fn sequence(&self, name: &str) -> Option<Arc<Sequence>> {
        let own = self.sequences.get(name).cloned();
        own.or_else(|| self.on_demand.sequence(name, &*self.registry))
    }

    /// An endpoint by name, local entry or registry key.
    pub fn endpoint(&self, name: &str) -> Option<Arc<Endpoint>> {
        let own = self.endpoints.get(name).cloned();
        own.or_else(|| self.on_demand.endpoint(name, &*self.registry))
    }

    /// An HTTP inbound endpoint by name.
    pub fn http_inbound(&self, name: &str) -> Option<&Arc<HttpInbound>> {
        self.http_inbounds.iter().find(|inbound| &*inbound.name == name)
    }

    /// A local entry, else a registry resource.
    pub fn resource(&self, key: &str) -> Option<Resource> {
        self.local_entries.get(key).cloned().or_else(|| self.registry.resource(key))
    }
}

impl FlowTarget {
    /// The list, `None` when a named sequence is not deployed.
    pub fn block(&self, program: &Program) -> Option<Arc<Block>> {
        match self {
            FlowTarget::Inline(block) => Some(block.clone()),
            FlowTarget::Named(name) => program.sequence(name).map(|s| s.block.clone()),
        }
    }
}

impl Resource {
    /// Its text: XML serialised, binary as base64.
    pub fn text(&self) -> Arc<str> {
        use base64::Engine as _;
        match self {
            Resource::Text(text) => text.clone(),
            Resource::Xml(element) => element.get().to_xml().into(),
            Resource::Binary(bytes) => base64::engine::general_purpose::STANDARD.encode(bytes).into(),
        }
    }
}
