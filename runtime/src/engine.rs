//! From a message at a listener to the flow that takes it.

use crate::flow::{self, Answer, BoxFuture, Context, Entry, Exchange, Fence, Handler, Leave};
use crate::http::Serve;
use crate::message::headers::header_text;
use crate::message::{Dispatch, Headers, Message, Payload, Soap, Value, Wire, WireBody, facts::EntryName};
use crate::message::{media_type, soap_fault};
use crate::program::{Operation, Program, ProxyProgram};
use crate::router::{ApiRoute, Request, Route};
use crate::services::Services;
use arc_swap::ArcSwap;
use artifacts::uri_template::percent_decode;
use http::Method;
use std::sync::Arc;

/// Sequences that replace the runtime's own 404 and 405 of an API.
const MISMATCH_HANDLER: &str = "_resource_mismatch_handler_";
const METHOD_HANDLER: &str = "_method_not_allowed_handler_";

/// The current program and the services it runs with.
#[derive(Debug)]
pub struct Engine {
    program: ArcSwap<Program>,
    services: Arc<Services>,
}

impl Engine {
    /// An engine with its first program.
    pub fn new(program: Arc<Program>, services: Arc<Services>) -> Arc<Self> {
        Arc::new(Self { program: ArcSwap::new(program), services })
    }

    /// Replaces the program; running messages finish on the old one.
    pub fn swap(&self, program: Arc<Program>) {
        self.program.store(program);
    }

    /// The current program.
    pub fn program(&self) -> Arc<Program> {
        self.program.load_full()
    }

    /// The services.
    pub fn services(&self) -> &Arc<Services> {
        &self.services
    }

    /// A flow context on the current program.
    pub fn context(&self) -> Context {
        Context::new(self.program(), self.services.clone())
    }

    /// A flow context for a message that came in earlier: responses go the way of its entry.
    pub fn context_of(&self, message: &Message) -> Context {
        let mut cx = self.context();
        let (router, dispatch) = (&cx.program.router, &message.dispatch);
        let entry = match &dispatch.entry {
            EntryName::Proxy(name) => router.proxy(name).cloned().map(Entry::Proxy),
            EntryName::Api(name) => {
                let api = router.apis().iter().find(|api| api.program.name == *name);
                api.and_then(|api| {
                    let resource = api.resources.iter().position(|resource| {
                        resource.pattern == dispatch.pattern
                            && resource.methods.iter().any(|m| m == dispatch.method.as_str())
                    });
                    Some(Entry::Api(api.program.clone(), resource?))
                })
            }
            EntryName::Main | EntryName::Inbound(_) | EntryName::Task(_) => None,
        };
        cx.entry = entry.unwrap_or_default();
        cx
    }
}

/// Where work that this process starts by itself hands its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InjectTo {
    /// A sequence by name.
    Sequence(Arc<str>),
    /// The in-sequence of a proxy.
    Proxy(Arc<str>),
    /// API dispatch by the path of `To`, else the main sequence.
    Main,
}

impl Engine {
    /// Runs a message through its flow to the end, under a right if one is given. The error says why
    /// there is no such flow.
    pub async fn inject(
        &self,
        mut message: Message,
        to: &InjectTo,
        fence: Option<Arc<dyn Fence>>,
    ) -> Result<flow::End, String> {
        let mut cx = self.context();
        cx.fence = fence;
        match to {
            InjectTo::Sequence(name) => {
                let sequence =
                    cx.sequence(name).ok_or_else(|| format!("the sequence '{name}' is not deployed"))?;
                cx.push_block(sequence.block.clone(), Leave::Continue);
            }
            InjectTo::Proxy(name) => {
                let proxy = cx.program.router.proxy(name).cloned();
                let proxy = proxy.ok_or_else(|| format!("the proxy service '{name}' is not deployed"))?;
                cx.enter_proxy(&mut message, &proxy, "", transport(false));
            }
            InjectTo::Main => enter_main(&mut cx, &mut message),
        }
        Ok(flow::run(&mut cx, &mut message).await)
    }
}

fn enter_main(cx: &mut Context, message: &mut Message) {
    let program = cx.program.clone();
    let to = message.addressing.to.clone().unwrap_or_else(|| "".into());
    let target: Arc<str> = match to.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/").into(),
        None => to,
    };
    let request = Request {
        method: "POST",
        target: &target,
        host: None,
        content_type: None,
        user_agent: None,
        secure: false,
        listener: "default",
    };
    if let Route::Resource { api, resource, variables, sub_path } = program.router.route(&request) {
        describe_api(message, api, resource, sub_path, &request, &target);
        set_variables(message, &variables, &target);
        enter_resource(cx, api, resource);
        return;
    }
    cx.push_block(program.main.block.clone(), Leave::Continue);
}

/// An HTTP listener of the engine: the main ones are called `default`.
#[derive(Debug)]
pub struct Door {
    engine: Arc<Engine>,
    listener: Arc<str>,
}

impl Door {
    /// The entry for a listener.
    pub fn new(engine: Arc<Engine>, listener: &str) -> Self {
        Self { engine, listener: listener.into() }
    }
}

impl Serve for Door {
    fn serve(&self, mut message: Message, exchange: Arc<Exchange>) -> BoxFuture<'static, ()> {
        let mut cx = self.engine.context();
        cx.exchange = exchange;
        let listener = self.listener.clone();
        Box::pin(async move {
            if dispatch(&mut cx, &mut message, &listener) {
                flow::run_request(&mut cx, &mut message).await;
            }
        })
    }
}

/// Finds who takes the message and prepares its flow. `false` when the answer is given already.
fn dispatch(cx: &mut Context, message: &mut Message, listener: &str) -> bool {
    let program = cx.program.clone();
    let wire = message.wire.clone();
    let host = message.headers.map().get(http::header::HOST).cloned();
    let host = host.as_ref().map(header_text);
    let agent = message.headers.map().get(http::header::USER_AGENT).cloned();
    let agent = agent.as_ref().map(header_text);
    let content_type = wire.content_type.as_ref().map(header_text);
    let path = crate::router::path_and_query(&wire.target);
    let target = if *path == *wire.target { wire.target.clone() } else { path.into() };
    let request = Request {
        method: wire.method.as_str(),
        target: &target,
        host: host.as_deref(),
        content_type: content_type.as_deref().filter(|_| !wire.no_entity),
        user_agent: agent.as_deref(),
        secure: wire.secure,
        listener,
    };
    match program.router.route(&request) {
        Route::Resource { api, resource, variables, sub_path } => {
            describe_api(message, api, resource, sub_path, &request, &target);
            if let Some(class) = &api.program.foreign_handler {
                tracing::error!(
                    "a request to '{}' is refused: its handler {class} cannot be run",
                    api.program.name
                );
                answer_status(cx, message, 500);
                return false;
            }
            set_variables(message, &variables, request.target);
            enter_resource(cx, api, resource);
            true
        }
        Route::Mismatch { api, sub_path, status } => {
            describe_api(message, api, usize::MAX, sub_path, &request, &target);
            mismatch(cx, message, status)
        }
        Route::Options { api, resource } => {
            describe_api(message, api, resource, "", &request, &target);
            answer_options(cx, message, api, resource);
            false
        }
        Route::Proxy { proxy, rest } => {
            let wrong_side = proxy.secure_only.is_some_and(|secure| secure != request.secure);
            let closed = !proxy.started || !proxy.over_http || wrong_side;
            if closed {
                answer_inactive(cx, message, &proxy.name);
                return false;
            }
            let operation = match operation(cx, message, proxy, rest, &request) {
                Dispatched::Any => None,
                Dispatched::To(operation) => Some(operation),
                Dispatched::Answered => return false,
            };
            cx.enter_proxy(message, proxy, rest, transport(request.secure));
            if let (Some(operation), Some(dispatch)) = (operation, Arc::get_mut(&mut message.dispatch)) {
                dispatch.operation = Some((operation.name.clone(), operation.namespace.clone()));
            }
            true
        }
        Route::ServiceList => {
            answer_status(cx, message, 403);
            false
        }
        Route::Main if listener != "default" => enter_inbound(cx, message, listener),
        Route::Main => {
            message.dispatch =
                Arc::new(Dispatch { transport: transport(request.secure), ..Dispatch::default() });
            cx.push_block(program.main.block.clone(), Leave::Continue);
            true
        }
    }
}

/// What no API of an HTTP inbound endpoint takes: the main listener's artifacts for paths that the
/// pattern lets through, else its sequence. `true` when a flow is to run.
fn enter_inbound(cx: &mut Context, message: &mut Message, listener: &str) -> bool {
    let program = cx.program.clone();
    let Some(inbound) = program.http_inbound(listener) else { return dispatch(cx, message, "default") };
    let path = crate::router::path_of(crate::router::path_and_query(&message.wire.target));
    let passes = inbound.pattern.as_ref().is_some_and(|pattern| pattern.is_match(path));
    let sequence = cx.sequence(&inbound.sequence).filter(|_| !inbound.sequence.is_empty());
    let Some(sequence) = sequence.filter(|_| !passes) else { return dispatch(cx, message, "default") };
    message.dispatch = Arc::new(Dispatch {
        transport: transport(message.wire.secure),
        entry: EntryName::Inbound(inbound.name.clone()),
        ..Dispatch::default()
    });
    message.properties.set("isInbound", Value::Boolean(true));
    if let Some(name) = &inbound.on_error {
        cx.push_handler(Handler::Named(name.clone()));
    }
    cx.push_block(sequence.block.clone(), Leave::Continue);
    true
}

fn transport(secure: bool) -> &'static str {
    if secure { "https" } else { "http" }
}

fn describe_api(
    message: &mut Message,
    api: &ApiRoute,
    resource: usize,
    sub_path: &str,
    request: &Request<'_>,
    target: &Arc<str>,
) {
    let headers = message.headers.map();
    let mut dispatch = Dispatch {
        transport: transport(request.secure),
        entry: EntryName::Api(api.program.name.clone()),
        target: target.clone(),
        rest: target.len().checked_sub(sub_path.len()),
        api: api.facts.clone(),
        method: Method::from_bytes(request.method.as_bytes()).unwrap_or_default(),
        host: headers.get(http::header::HOST).cloned(),
        origin: headers.get(http::header::ORIGIN).cloned(),
        ..Dispatch::default()
    };
    if let Some(resource) = api.resources.get(resource) {
        dispatch.pattern = resource.pattern.clone();
    }
    message.dispatch = Arc::new(dispatch);
}

fn set_variables(message: &mut Message, variables: &[(String, String)], target: &str) {
    for (name, value) in variables {
        message.properties.set(&format!("uri.var.{name}"), value.as_str());
    }
    let Some((_, query)) = target.split_once('?') else { return };
    let mut last: Option<String> = None;
    for item in query.split('&').filter(|item| !item.is_empty()) {
        match (item.split_once('='), &last) {
            (Some((name, value)), _) => {
                let name = format!("query.param.{name}");
                message.properties.set(&name, percent_decode(&value.replace('+', " ")));
                last = Some(name);
            }
            // An item without '=' belongs to the value before it.
            (None, Some(name)) => {
                let value = message.properties.get(name).map(|v| v.text().into_owned()).unwrap_or_default();
                message.properties.set(name, format!("{value}&{item}"));
            }
            (None, None) => {}
        }
    }
}

fn enter_resource(cx: &mut Context, api: &ApiRoute, resource: usize) {
    let program = api.program.clone();
    let Some(found) = program.resources.get(resource) else { return };
    cx.push_handler(found.fault.clone());
    let block = found.in_flow.as_ref().and_then(|flow| flow.block(&cx.program));
    if let Some(block) = block {
        cx.push_block(block, Leave::Continue);
    }
    cx.entry = Entry::Api(program, resource);
}

/// No resource fits: the deployment's own sequence, or a bare status. `true` when a flow is to run.
fn mismatch(cx: &mut Context, message: &mut Message, status: u16) -> bool {
    let handler = match status {
        404 => cx.sequence(MISMATCH_HANDLER),
        405 => cx.sequence(METHOD_HANDLER),
        _ => None,
    };
    match handler {
        Some(sequence) => {
            cx.push_handler(Handler::Default);
            cx.push_block(sequence.block.clone(), Leave::Continue);
            true
        }
        None => {
            message.headers = Headers::default();
            answer_status(cx, message, status);
            false
        }
    }
}

fn answer_options(cx: &mut Context, message: &mut Message, api: &ApiRoute, resource: usize) {
    let Some(found) = api.program.resources.get(resource) else { return };
    message.headers.map_mut().insert(http::header::ALLOW, found.allow.clone());
    if let Some(cors) = &api.program.cors {
        cors.apply(message, &found.allow);
        return answer_status(cx, message, 200);
    }
    let cors = &cx.program.router.cors;
    cors.apply(message, &found.allow);
    let origin_allowed = !cors.enabled || !cors.allow_origin(message.dispatch.origin.as_ref()).is_empty();
    answer_status(cx, message, if origin_allowed { 200 } else { 403 });
}

/// Which operation of a service a request is for.
enum Dispatched {
    /// The service has no WSDL that is known here, or takes what its WSDL does not have.
    Any,
    To(Arc<Operation>),
    /// None, or a request for the WSDL itself: the answer is given.
    Answered,
}

fn operation(
    cx: &mut Context,
    message: &mut Message,
    proxy: &ProxyProgram,
    rest: &str,
    request: &Request<'_>,
) -> Dispatched {
    let program = cx.program.clone();
    let Some(wsdl) = &proxy.wsdl else { return Dispatched::Any };
    let Some(contract) = wsdl.contract(&program) else { return Dispatched::Any };
    if request.method == "GET" && rest.starts_with("?wsdl") && !rest.starts_with("?wsdl2") {
        let host = request.host.unwrap_or("localhost");
        let service = request.target.split('?').next().unwrap_or_default();
        let address = format!("{}://{host}{service}", transport(request.secure));
        answer_document(cx, message, &contract.published(&address));
        return Dispatched::Answered;
    }
    match contract.operation(message.addressing.action.as_deref(), rest) {
        Some(operation) => Dispatched::To(operation.clone()),
        None if wsdl.lenient => Dispatched::Any,
        None => {
            let action = message.addressing.action.as_deref().unwrap_or("null");
            let text = format!(
                "The endpoint reference (EPR) for the Operation not found is {} and the WSA Action = {action}. \
                 If this EPR was previously reachable, please contact the server administrator.",
                request.target
            );
            answer_fault(cx, message, "Client", &text);
            Dispatched::Answered
        }
    }
}

/// Answers with a WSDL document.
fn answer_document(cx: &mut Context, message: &mut Message, text: &str) {
    message.headers = Headers::default();
    message.payload = Payload::Unread(WireBody::Full(text.to_owned().into()));
    message.wire = Arc::new(Wire { response: true, ..Wire::default() });
    message.axis2.set("ContentType", "text/xml; charset=UTF-8");
    message.response = true;
    cx.exchange.answer(Answer::Reply(Box::new(std::mem::take(message))));
}

/// What a service that is not active, or not on this transport, answers.
fn answer_inactive(cx: &mut Context, message: &mut Message, service: &str) {
    let text = format!("The service cannot be found for the endpoint reference (EPR) /services/{service}");
    answer_fault(cx, message, "Server", &text);
}

/// Answers with a fault in the SOAP version of the request and status 500; a REST client gets its reason in
/// the media type it sent.
fn answer_fault(cx: &mut Context, message: &mut Message, code: &str, reason: &str) {
    const ACTION: &str = "http://www.w3.org/2005/08/addressing/soap/fault";
    let content_type = message.wire.content_type.as_ref().map(header_text);
    let soap12 = content_type.is_some_and(|text| media_type(&text) == "application/soap+xml");
    let version = if soap12 && !message.rest { Soap::V12 } else { Soap::V11 };
    message.payload = Payload::xml(soap_fault::refusal(version, code, reason));
    message.response = true;
    message.axis2.remove("NO_ENTITY_BODY");
    if message.rest && message.wire.no_entity {
        message.axis2.set("messageType", "application/xml");
        message.axis2.set("ContentType", "application/xml");
    } else if version == Soap::V12 {
        let media = "application/soap+xml";
        message.axis2.set("messageType", media);
        message.axis2.set("ContentType", format!("{media}; charset=UTF-8; action=\"{ACTION}\""));
    }
    message.axis2.set("HTTP_SC", Value::Integer(500));
    cx.exchange.answer(Answer::Reply(Box::new(std::mem::take(message))));
}

/// Answers with a status and no body; the headers are those of the message.
fn answer_status(cx: &mut Context, message: &mut Message, status: u16) {
    message.payload = Payload::default();
    message.response = true;
    message.axis2.set("HTTP_SC", Value::Integer(i32::from(status)));
    message.axis2.set("NO_ENTITY_BODY", Value::Boolean(true));
    cx.exchange.answer(Answer::Reply(Box::new(std::mem::take(message))));
}
