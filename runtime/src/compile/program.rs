//! The artifacts of a deployment to one program.

use super::Compiler;
use super::on_demand::RegistryArtifacts;
use crate::endpoints::Endpoint;
use crate::flow::{Block, Handler, Step};
use crate::mediators::proxy::{EnterFlow, Target};
use crate::program::{
    ApiProgram, FlowTarget, HttpInbound, Program, ProxyProgram, Resource, ResourceProgram, Sequence,
    Template, TemplateParameter, Wsdl, WsdlSource,
};
use crate::router::{
    ApiCors, ApiFacts, ApiRoute, Cors, Mapping, ResourceRoute, Router, UrlMapping, VersionStrategy,
};
use crate::stores::StoreSpec;
use artifacts::diagnostics::Diagnostics;
use artifacts::kinds::api::{self, Protocol};
use artifacts::kinds::inbound_endpoint::InboundSource;
use artifacts::kinds::local_entry::EntryValue;
use artifacts::kinds::proxy::{self, TargetEndpoint};
use artifacts::kinds::template::TemplateBody;
use artifacts::kinds::{self, Artifact, Flow, FlowRef};
use artifacts::source::Source;
use artifacts::xml::ElementRef;
use std::collections::HashMap;
use std::sync::Arc;

/// Settings that a program is compiled with.
#[derive(Debug, Clone)]
pub struct Options {
    /// URL prefix of proxies.
    pub service_path: String,
    /// Cross-origin headers.
    pub cors: Cors,
    /// This server's name, for `pinnedServers` of proxies; they take `localhost` without one, as in MI.
    pub server_name: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { service_path: "services".to_owned(), cors: Cors::default(), server_name: None }
    }
}

/// What MI ships as `main`: an empty 404 for whatever no artifact claims.
const DEFAULT_MAIN: &str = r#"<sequence xmlns="http://ws.apache.org/ns/synapse" name="main"><in>
<log level="custom"><property name="main sequence executed for call to non-existent" expression="get-property('To')"/></log>
<property name="NO_ENTITY_BODY" scope="axis2" type="BOOLEAN" value="true"/>
<property name="HTTP_SC" scope="axis2" value="404"/><respond/></in></sequence>"#;

/// What MI ships as `fault`: logs and sends nothing.
const DEFAULT_FAULT: &str = r#"<sequence xmlns="http://ws.apache.org/ns/synapse" name="fault">
<log level="full"><property name="MESSAGE" value="Executing default 'fault' sequence"/>
<property name="ERROR_CODE" expression="get-property('ERROR_CODE')"/>
<property name="ERROR_MESSAGE" expression="get-property('ERROR_MESSAGE')"/></log><drop/></sequence>"#;

/// Compiles artifacts. Everything that could be understood is in the program; what could not is in the
/// diagnostics. Of two artifacts with the same kind and name the first stays.
pub fn compile(artifacts: &[Artifact], options: &Options) -> (Program, Diagnostics) {
    let mut compiler = Compiler::default();
    compiler.collect(artifacts);
    let on_demand = Box::new(RegistryArtifacts::default());
    let mut program = Program { on_demand, ..Program::default() };
    let (mut apis, mut proxies) = (Vec::new(), Vec::new());
    for artifact in artifacts {
        match artifact {
            Artifact::Api(api) => apis.push(compiler.api(api)),
            Artifact::Proxy(proxy) => proxies.extend(compiler.proxy(proxy, options)),
            Artifact::Sequence(sequence) => {
                let compiled = compiler.sequence(sequence);
                program.sequences.entry(compiled.name.clone()).or_insert(compiled);
            }
            Artifact::Endpoint(endpoint) => {
                let name: Arc<str> = endpoint.name.as_deref().unwrap_or_default().into();
                let compiled = compiler.endpoint(endpoint);
                program.endpoints.entry(name).or_insert(compiled);
            }
            Artifact::Template(template) => compiler.template(template, &mut program),
            Artifact::LocalEntry(entry) => {
                if let Some(resource) = resource_of(&entry.value) {
                    compiler.entry_as_artifact(&entry.key, &resource, &mut program);
                    program.local_entries.insert(entry.key.as_str().into(), resource);
                }
            }
            Artifact::MessageStore(store) => {
                let spec = StoreSpec::of(store);
                program.stores.entry(spec.name.clone()).or_insert_with(|| Arc::new(spec));
            }
            Artifact::InboundEndpoint(endpoint) if !endpoint.suspend => {
                program.http_inbounds.extend(http_inbound(endpoint));
            }
            _ => {}
        }
    }
    program.main = compiler.built_in(&program.sequences, "main", DEFAULT_MAIN);
    program.default_fault = compiler.built_in(&program.sequences, "fault", DEFAULT_FAULT);
    program.router = Router::new(apis, proxies, &options.service_path, options.cors.clone());
    (program, compiler.diagnostics)
}

fn resource_of(value: &EntryValue) -> Option<Resource> {
    match value {
        EntryValue::Text(text) => Some(Resource::Text(text.as_str().into())),
        EntryValue::Xml(element) => Some(Resource::Xml(element.clone())),
        EntryValue::Connection(connection) => Some(Resource::Xml(connection.element.clone())),
        // Loaded when the deployment was read; nothing was there.
        EntryValue::Source(_) => None,
    }
}

impl Compiler {
    fn collect(&mut self, artifacts: &[Artifact]) {
        for artifact in artifacts {
            match artifact {
                Artifact::Template(template) => {
                    if let TemplateBody::Endpoint(element) = &template.body {
                        self.endpoint_templates.insert(template.name.clone(), element.clone());
                    }
                }
                Artifact::Sequence(sequence) => {
                    self.sequences.insert(sequence.name.as_str().into());
                }
                Artifact::LocalEntry(entry) => {
                    self.sequences.insert(entry.key.as_str().into());
                }
                _ => {}
            }
        }
    }

    fn built_in(
        &mut self,
        sequences: &HashMap<Arc<str>, Arc<Sequence>>,
        name: &str,
        text: &str,
    ) -> Arc<Sequence> {
        if let Some(own) = sequences.get(name) {
            return own.clone();
        }
        let source = Source::new(format!("built-in {name}.xml"), text);
        let (found, _) = kinds::read(&source, Some(kinds::Kind::Sequence));
        match found.first() {
            Some(Artifact::Sequence(sequence)) => self.sequence(sequence),
            _ => Arc::default(),
        }
    }

    /// Compiles a sequence artifact.
    pub fn sequence(&mut self, sequence: &kinds::Sequence) -> Arc<Sequence> {
        Arc::new(Sequence { name: sequence.name.as_str().into(), block: self.flow(&sequence.flow) })
    }

    fn flow(&mut self, flow: &Flow) -> Arc<Block> {
        let block = self.block(flow.element.get());
        match (&flow.on_error, block.on_error.is_some()) {
            (Some(name), false) => match Arc::try_unwrap(block) {
                Ok(block) => Arc::new(Block { on_error: Some(name.as_str().into()), ..block }),
                Err(shared) => shared,
            },
            _ => block,
        }
    }

    fn flow_target(&mut self, flow: Option<&FlowRef>) -> Option<FlowTarget> {
        Some(match flow? {
            FlowRef::Inline(flow) => FlowTarget::Inline(self.flow(flow)),
            FlowRef::Named(reference) => FlowTarget::Named(reference.key.as_str().into()),
        })
    }

    fn template(&mut self, template: &kinds::Template, program: &mut Program) {
        let TemplateBody::Sequence(flow) = &template.body else { return };
        let parameter = |p: &kinds::template::TemplateParameter| TemplateParameter {
            name: p.name.as_str().into(),
            mandatory: p.mandatory,
            default: p.default.as_deref().map(Into::into),
        };
        let block = self.block(flow.element.get());
        let on_error = template.on_error.as_deref().map(Into::into).or_else(|| block.on_error.clone());
        let block = match Arc::try_unwrap(block) {
            Ok(block) => Arc::new(Block { on_error, ..block }),
            Err(shared) => shared,
        };
        let name: Arc<str> = template.name.as_str().into();
        let parameters = template.parameters.iter().map(parameter).collect();
        let compiled = Arc::new(Template { name: name.clone(), parameters, block });
        program.templates.entry(name).or_insert(compiled);
    }

    /// A local entry that holds a sequence or an endpoint can be used under its key.
    fn entry_as_artifact(&mut self, key: &str, resource: &Resource, program: &mut Program) {
        let Resource::Xml(element) = resource else { return };
        let element = element.get();
        match element.local() {
            "sequence" if element.is_synapse() => {
                let block = self.block(element);
                let sequence = Arc::new(Sequence { name: key.into(), block });
                program.sequences.entry(key.into()).or_insert(sequence);
            }
            "endpoint" if element.is_synapse() => {
                if let Some(endpoint) = self.endpoint_element(element) {
                    program.endpoints.entry(key.into()).or_insert(endpoint);
                }
            }
            _ => {}
        }
    }

    fn api(&mut self, api: &kinds::Api) -> ApiRoute {
        let mut routes = Vec::new();
        let mut resources = Vec::new();
        for resource in &api.resources {
            let route = resource_route(resource);
            let allow = crate::router::method_list(&route.methods);
            routes.push(route);
            let fault = self.flow_target(resource.fault_sequence.as_ref());
            resources.push(ResourceProgram {
                in_flow: self.flow_target(resource.in_sequence.as_ref()),
                out_flow: self.flow_target(resource.out_sequence.as_ref()),
                fault: Handler::of(fault.as_ref()),
                allow: http::HeaderValue::try_from(allow)
                    .unwrap_or_else(|_| http::HeaderValue::from_static("")),
            });
        }
        let cors = api.handlers.iter().find(|handler| handler.class == api::CORS_HANDLER);
        let cors = cors.map(|handler| ApiCors::of(&handler.properties));
        let foreign = api.handlers.iter().find(|handler| handler.class != api::CORS_HANDLER);
        let foreign_handler = foreign.map(|handler| handler.class.as_str().into());
        let (strategy, version) = match &api.version {
            api::VersionStrategy::None => (VersionStrategy::None, String::new()),
            api::VersionStrategy::Url(version) => (VersionStrategy::Url, version.clone()),
            api::VersionStrategy::Context(version) => (VersionStrategy::Context, version.clone()),
        };
        ApiRoute {
            program: Arc::new(ApiProgram { name: api.full_name().into(), resources, cors, foreign_handler }),
            facts: Arc::new(ApiFacts {
                context: api.context.clone(),
                version,
                version_strategy: strategy.name(),
            }),
            strategy,
            hostname: api.hostname.clone(),
            port: api.port.and_then(|port| u16::try_from(port).ok()),
            secure_only: api.transport.map(|p| p == Protocol::Https),
            binds_to: if api.binds_to.is_empty() { vec!["default".to_owned()] } else { api.binds_to.clone() },
            resources: routes,
        }
    }

    fn proxy(&mut self, proxy: &kinds::Proxy, options: &Options) -> Option<Arc<ProxyProgram>> {
        let server = options.server_name.as_deref().unwrap_or("localhost");
        let pinned_elsewhere =
            proxy.pinned_servers.as_ref().is_some_and(|p| !p.iter().any(|name| name == server));
        let in_flow = self.flow_target(proxy.in_sequence.as_ref());
        let endpoint = proxy.endpoint.as_ref().map(|endpoint| match endpoint {
            TargetEndpoint::Named(reference) => Target::Named(reference.key.as_str().into()),
            TargetEndpoint::Inline(endpoint) => Target::Inline(self.endpoint(endpoint)),
        });
        let mut steps = Vec::new();
        steps.extend(in_flow.map(|flow| named_step(Step::now(EnterFlow(flow)), "inSequence")));
        steps.extend(endpoint.map(|target| named_step(Step::wait(target), "endpoint")));
        let fault = self.flow_target(proxy.fault_sequence.as_ref());
        // Compiled all the same, so that its mistakes are reported.
        if pinned_elsewhere || inbound_only(proxy) {
            return None;
        }
        if proxy.in_sequence.is_none() && proxy.endpoint.is_none() {
            tracing::error!(
                "the proxy service '{}' has neither inSequence nor endpoint and is not started",
                proxy.name
            );
            return None;
        }
        Some(Arc::new(ProxyProgram {
            name: proxy.name.as_str().into(),
            in_block: Arc::new(Block { steps, on_error: None }),
            out_flow: self.flow_target(proxy.out_sequence.as_ref()),
            fault: Handler::of(fault.as_ref()),
            started: proxy.start_on_load,
            over_http: over(proxy, "http") || over(proxy, "https"),
            secure_only: secure_only(&proxy.transports),
            wsdl: wsdl(proxy),
        }))
    }

    /// Compiles an `<endpoint>` element inside a mediator.
    pub fn endpoint_element(&mut self, element: ElementRef<'_>) -> Option<Arc<Endpoint>> {
        let endpoint = kinds::endpoint::read(element, &mut self.diagnostics)?;
        Some(self.endpoint(&endpoint))
    }
}

/// Of a proxy that lists one of the two HTTP transports; none or both leave it open.
fn secure_only(transports: &[String]) -> Option<bool> {
    let has = |name: &str| transports.iter().any(|transport| transport == name);
    let (plain, secure) = (has("http"), has("https"));
    (plain != secure).then_some(secure)
}

/// The WSDL of a proxy, where it stands in the deployment.
fn wsdl(proxy: &kinds::Proxy) -> Option<Wsdl> {
    let source = match &proxy.wsdl.as_ref()?.from {
        proxy::WsdlSource::Inline(element) => WsdlSource::Inline(element.clone()),
        proxy::WsdlSource::Key(reference) => WsdlSource::Key(reference.key.as_str().into()),
        proxy::WsdlSource::Endpoint(_) | proxy::WsdlSource::Uri(_) | proxy::WsdlSource::Nothing => {
            return None;
        }
    };
    let lenient = proxy.parameter("disableOperationValidation");
    Some(Wsdl::new(source, lenient.is_some_and(|text| text.trim().eq_ignore_ascii_case("true"))))
}

/// Only inbound endpoints may hand messages to it.
fn inbound_only(proxy: &kinds::Proxy) -> bool {
    proxy.parameters.iter().any(|(name, value)| name == "inbound.only" && value.trim() == "true")
}

/// A proxy without a list of transports has all.
fn over(proxy: &kinds::Proxy, transport: &str) -> bool {
    proxy.transports.is_empty() || proxy.transports.iter().any(|listed| listed == transport)
}

/// An inbound endpoint that is a listener for HTTP; `None` for every other kind.
fn http_inbound(endpoint: &kinds::InboundEndpoint) -> Option<Arc<HttpInbound>> {
    let InboundSource::Protocol(protocol) = &endpoint.source else { return None };
    let tls = match protocol.as_str() {
        "http" => None,
        "https" => Some(endpoint.parameters.iter().map(|p| (p.name.clone(), p.value.to_string())).collect()),
        _ => return None,
    };
    let port = endpoint.parameter("inbound.http.port")?;
    let pattern =
        endpoint.parameter("dispatch.filter.pattern").map(str::trim).filter(|text| !text.is_empty());
    let key = |reference: &kinds::Reference| reference.key.as_str().into();
    Some(Arc::new(HttpInbound {
        name: endpoint.name.as_str().into(),
        port: port.trim().parse().ok()?,
        tls,
        sequence: endpoint.sequence.as_ref().map(key).unwrap_or_default(),
        on_error: endpoint.on_error.as_ref().map(key),
        pattern: pattern.and_then(|text| regex::Regex::new(&format!("^(?:{text})$")).ok()),
    }))
}

fn named_step(mut step: Step, name: &str) -> Step {
    step.name = name.into();
    step
}

fn resource_route(resource: &api::Resource) -> ResourceRoute {
    let mapping = match &resource.mapping {
        api::Mapping::UrlMapping(text) => Mapping::Url(UrlMapping::parse(text)),
        api::Mapping::UriTemplate(template) => Mapping::Template(template.clone()),
        api::Mapping::Default => Mapping::Default,
    };
    let agent =
        resource.user_agent.as_ref().and_then(|text| regex::Regex::new(&format!("^(?:{text})$")).ok());
    ResourceRoute {
        methods: resource.methods.iter().map(|m| m.as_str().to_owned()).collect(),
        pattern: resource.mapping.text().unwrap_or_default().into(),
        mapping,
        secure_only: resource.protocol.map(|p| p == Protocol::Https),
        content_type: resource.content_type.clone(),
        user_agent: agent,
        binds_to: resource.binds_to.clone(),
    }
}
