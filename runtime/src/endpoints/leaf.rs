//! One address: readiness, the request, the wait, and what a failure means.

use super::address::{Address, append_postfix};
use super::suspension::{Health, Policy, State};
use super::verdict::{BlockingAnswer, fails_on_soap_fault};
use super::{Mode, Sent, local, vfs};
use crate::errors::{Fault, codes};
use crate::eval::Dynamic;
use crate::flow::{Answer, Context};
use crate::http::{InResponse, SendError, backend};
use crate::message::addressing;
use crate::message::{ANONYMOUS, Headers, Message, Payload, Soap, Value, WireBody, media_type_parameter};
use artifacts::kinds::endpoint::{Format, RetryConfig, TimeoutAction};
use base64::Engine as _;
use http::Method;
use std::pin::pin;
use std::time::{Duration, Instant};

/// Which element the leaf came from; decides texts and codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeafKind {
    Address,
    Default,
    Http,
    Wsdl,
    /// What a `send` or `call` without an endpoint uses. No endpoint of MI's stands behind it: it is
    /// never suspended and has no say in what a failure is.
    Implicit,
}

/// Settings of a leaf.
#[derive(Debug, Default)]
pub(super) struct Settings {
    pub(super) format: Format,
    pub(super) encoding: Option<String>,
    /// WS-Addressing header blocks are written; `true`: as the submission of 2004.
    pub(super) addressing: Option<bool>,
    /// Milliseconds.
    pub(super) timeout: Option<Dynamic>,
    pub(super) timeout_action: Option<TimeoutAction>,
    pub(super) policy: Policy,
    pub(super) retry: Option<RetryConfig>,
    pub(super) basic_auth: Option<(Dynamic, Dynamic)>,
}

/// An endpoint with one address.
#[derive(Debug)]
pub struct Leaf {
    kind: LeafKind,
    address: Address,
    method: Option<Method>,
    settings: Settings,
    health: Health,
}

impl Leaf {
    pub(super) fn new(
        kind: LeafKind,
        address: Address,
        method: Option<&str>,
        mut settings: Settings,
    ) -> Self {
        let health = Health::new(std::mem::take(&mut settings.policy));
        let method = method.and_then(|m| Method::from_bytes(m.as_bytes()).ok());
        Self { kind, address, method, settings, health }
    }

    /// Ready by its state?
    pub fn is_ready(&self) -> bool {
        self.kind == LeafKind::Implicit || self.health.is_ready(Instant::now())
    }

    fn note_fault(&self, code: i32) {
        if self.kind != LeafKind::Implicit {
            self.health.on_fault(code, Instant::now());
        }
    }

    /// Its state, for operators.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// May a parent group try another child after this code?
    pub(super) fn retry_allowed(&self, code: i32) -> bool {
        match &self.settings.retry {
            Some(retry) if !retry.enabled.is_empty() => retry.enabled.contains(&code),
            Some(retry) => !retry.disabled.contains(&code),
            None => true,
        }
    }

    pub(super) async fn send(
        &self,
        name: &str,
        message: &mut Message,
        cx: &mut Context,
        mode: Mode,
    ) -> Result<Sent, Fault> {
        self.learn_address(message, cx).await?;
        if !self.is_ready() {
            return Err(self.not_ready(name));
        }
        if self.settings.format != Format::LeaveAsIs || self.settings.basic_auth.is_some() {
            self.prepare(message, cx).await?;
        }
        let method = self.method_of(message);
        let url = self.url(message, mode)?;
        self.address(&url, message, cx, mode).await?;
        if vfs::is_vfs(&url) {
            // Boxed, as what is called inside the process: the way over HTTP stays small.
            return Box::pin(self.write_file(message, cx, &url, mode)).await;
        }
        if mode == Mode::Blocking {
            // The blocking sender always formats what it sends, and names the charset.
            crate::flow::build_payload(message, cx).await?;
            message.headers.remove("Content-Type");
        }
        if mode != Mode::Blocking && is_one_way(message) {
            return self.send_one_way(message, cx, &url, method).await;
        }
        if mode != Mode::Blocking {
            cx.exchange.expect_reply();
            if message.axis2_flag("FORCE_SC_ACCEPTED") {
                cx.exchange.answer(Answer::Accepted);
            }
        }
        self.exchange(message, cx, &url, method, mode).await
    }

    async fn exchange(
        &self,
        message: &mut Message,
        cx: &mut Context,
        url: &str,
        method: Method,
        mode: Mode,
    ) -> Result<Sent, Fault> {
        let kept = Kept::of(message);
        let (limit, configured) = self.time_limit(message, cx)?;
        let sent = match local::path_of(url) {
            Some(path) => {
                let call = local::Call::start(&path, url, method, message, cx);
                let call = call.map_err(|fault| in_mode(fault, mode))?;
                tokio::time::timeout(limit, Box::pin(call.answer())).await.map(Ok)
            }
            None => {
                let request = backend::request(&cx.services.client, message, method, url)?;
                let mut timeouts = cx.services.timeouts;
                if limit <= timeouts.response {
                    // Of two limits that begin together the longer one never strikes.
                    timeouts.response = Duration::MAX;
                }
                // Pinned here: it is large, and a timer would move it.
                let sending = pin!(cx.services.client.send(request, &timeouts));
                tokio::time::timeout(limit, sending).await
            }
        };
        match sent {
            Ok(Ok(response)) if mode == Mode::Blocking => {
                self.accept_blocking(message, response, kept, cx).await
            }
            Ok(Ok(response)) => self.accept(message, response, mode, cx).await,
            Ok(Err(failed)) => {
                kept.restore(message, failed.body);
                Err(self.failed(failed.error, mode))
            }
            Err(_elapsed) => {
                kept.restore_without_body(message);
                self.timed_out(configured, mode)
            }
        }
    }

    /// What goes to the message's `To` is built first, as in MI: the address may stand in its header.
    async fn learn_address(&self, message: &mut Message, cx: &Context) -> Result<(), Fault> {
        match self.kind {
            LeafKind::Address | LeafKind::Http | LeafKind::Wsdl => Ok(()),
            _ if message.addressing.to.as_deref() == Some(ANONYMOUS) => {
                let text = format!("'To' header was set to {ANONYMOUS}");
                Err(Fault::endpoint(codes::ENDPOINT_NOT_READY, text))
            }
            // Only SOAP has such a header; anything else may pass unread.
            LeafKind::Default | LeafKind::Implicit if message.rest => Ok(()),
            LeafKind::Default | LeafKind::Implicit => crate::flow::build_payload(message, cx).await,
        }
    }

    /// WS-Addressing: processed header blocks leave, those that the endpoint asks for are written. The
    /// blocking sender writes them only beside preserved ones.
    async fn address(&self, url: &str, message: &mut Message, cx: &Context, mode: Mode) -> Result<(), Fault> {
        if message.rest {
            return Ok(());
        }
        let Some(submission) = self.settings.addressing else {
            addressing::strip(message);
            return Ok(());
        };
        crate::flow::build_payload(message, cx).await?;
        addressing::strip(message);
        if mode != Mode::Blocking || addressing::is_preserved(message) {
            addressing::write(message, url, submission)?;
        }
        Ok(())
    }

    async fn accept(
        &self,
        message: &mut Message,
        response: InResponse,
        mode: Mode,
        cx: &Context,
    ) -> Result<Sent, Fault> {
        backend::accept(message, response);
        if self.kind != LeafKind::Implicit && fails_on_soap_fault(message) {
            // What cannot be built is no SOAP fault either.
            crate::flow::build_payload(message, cx).await.ok();
            if message.payload.envelope().has_fault() {
                message.response = true;
                self.note_fault(codes::SOAP_FAULT);
                return Err(Fault::answer());
            }
        }
        self.health.on_success();
        message.addressing.to = Some(ANONYMOUS.into());
        if mode == Mode::Send {
            message.response = true;
        }
        Ok(Sent::Response)
    }

    async fn accept_blocking(
        &self,
        message: &mut Message,
        response: InResponse,
        kept: Kept,
        cx: &Context,
    ) -> Result<Sent, Fault> {
        let status = response.status;
        message.axis2.set("HTTP_SC", status.as_str());
        let kind = BlockingAnswer::of(message, status);
        if kind == BlockingAnswer::Refused {
            let reason = response.reason.as_deref().or(status.canonical_reason()).unwrap_or_default();
            let text = format!("Transport error: {} Error: {reason}", status.as_str());
            kept.restore(message, None);
            return Err(self.blocking_fault(message, i32::from(status.as_u16()), text));
        }
        message.headers = kept.headers;
        backend::accept_blocking(message, response);
        crate::flow::build_payload(message, cx).await?;
        let reason = message.payload.envelope().fault_reason();
        if fails_on_soap_fault(message) && (kind == BlockingAnswer::Marked || reason.is_some()) {
            let text = reason.unwrap_or_else(|| format!("the backend answered {status}"));
            return Err(self.blocking_fault(message, codes::BLOCKING_SENDER, text));
        }
        self.health.on_success();
        Ok(Sent::Response)
    }

    fn blocking_fault(&self, message: &mut Message, code: i32, text: String) -> Fault {
        self.note_fault(code);
        message.properties.set("blocking.sender.error", Value::Boolean(true));
        Fault::endpoint(code, text)
    }

    fn failed(&self, error: SendError, mode: Mode) -> Fault {
        self.note_fault(error.code());
        if mode == Mode::Blocking {
            return Fault::endpoint(codes::BLOCKING_SENDER, error.text).detail(error.detail);
        }
        Fault::from(error)
    }

    fn timed_out(&self, configured: bool, mode: Mode) -> Result<Sent, Fault> {
        let fault = || Fault::endpoint(codes::CONNECTION_TIMEOUT, "Send timeout");
        match self.settings.timeout_action {
            Some(TimeoutAction::Fault) => {
                self.note_fault(codes::CONNECTION_TIMEOUT);
                Err(fault())
            }
            Some(TimeoutAction::Discard) => {
                self.note_fault(codes::CONNECTION_TIMEOUT);
                Ok(Sent::Nothing)
            }
            None if mode == Mode::Blocking => Err(fault()),
            None => {
                let which = if configured { "ENDPOINT_TIMEOUT" } else { "GLOBAL_TIMEOUT" };
                tracing::warn!(
                    "{which}: no response came in time and no responseAction is set; the request is given up"
                );
                Ok(Sent::Nothing)
            }
        }
    }

    /// A copy leaves, the message stays; nobody waits for the response.
    async fn send_one_way(
        &self,
        message: &mut Message,
        cx: &mut Context,
        url: &str,
        method: Method,
    ) -> Result<Sent, Fault> {
        crate::flow::build_payload(message, cx).await?;
        cx.exchange.expect_reply();
        let mut copy = message.fork();
        if let Some(path) = local::path_of(url) {
            local::run_one_way(&path, url, method, &mut copy, cx).await?;
            return Ok(Sent::OneWay);
        }
        let request = backend::request(&cx.services.client, &mut copy, method, url)?;
        let (client, timeouts) = (cx.services.client.clone(), cx.services.timeouts);
        let fence = cx.fence.clone();
        tokio::spawn(async move {
            if let Err(failed) = client.send(request, &timeouts).await {
                tracing::warn!("one-way message was not delivered: {}", failed.error);
            }
            // Kept until now: the right is not given back while the message is on its way.
            drop(fence);
        });
        Ok(Sent::OneWay)
    }

    /// The message is a file when this has ended. Neither the endpoint's timeout nor a response counts.
    async fn write_file(
        &self,
        message: &mut Message,
        cx: &Context,
        address: &str,
        mode: Mode,
    ) -> Result<Sent, Fault> {
        if mode != Mode::Blocking {
            cx.exchange.expect_reply();
        }
        match vfs::write(message, cx, address, &vfs::Defaults::default()).await {
            Ok(()) => {
                self.health.on_success();
                Ok(Sent::OneWay)
            }
            Err(fault) => {
                self.note_fault(fault.number());
                Err(in_mode(fault, mode))
            }
        }
    }

    fn not_ready(&self, name: &str) -> Fault {
        let (kind, code) = match self.kind {
            LeafKind::Address => ("Address", codes::ENDPOINT_NOT_READY),
            LeafKind::Default | LeafKind::Implicit => ("Default", codes::ENDPOINT_NOT_READY),
            LeafKind::Http => ("HTTP", codes::ENDPOINT_NOT_READY),
            LeafKind::Wsdl => ("WSDL", codes::WSDL_NOT_READY),
        };
        let state = match self.health.state() {
            State::Active => State::Suspended,
            other => other,
        };
        let text = format!("Currently, {kind} endpoint : [ Name : {name} ] [ State : {} ]", state.name());
        Fault::endpoint(code, text)
    }

    fn method_of(&self, message: &Message) -> Method {
        if let Some(method) = &self.method {
            return method.clone();
        }
        match self.settings.format {
            Format::Get => return Method::GET,
            Format::Soap11 | Format::Soap12 | Format::Pox => return Method::POST,
            Format::LeaveAsIs | Format::Rest => {}
        }
        match message.http_method() {
            Some(method) if message.rest || self.kind == LeafKind::Http => method,
            Some(method) if method == Method::GET || method == Method::DELETE => method,
            _ => Method::POST,
        }
    }

    fn url(&self, message: &mut Message, mode: Mode) -> Result<String, Fault> {
        // The blocking sender appends the postfix in any case.
        if self.method.is_some() && mode != Mode::Blocking {
            message.axis2.remove("REST_URL_POSTFIX");
        }
        let base = self.address.url(message);
        let base =
            base.ok_or_else(|| Fault::with_code(codes::CALL, "the message has no address to be sent to"))?;
        let soap = matches!(self.settings.format, Format::Soap11 | Format::Soap12);
        let postfix = message
            .axis2("REST_URL_POSTFIX")
            .filter(|_| !soap && (message.rest || self.settings.format == Format::Rest));
        let url = match postfix {
            Some(postfix) if !postfix.text().is_empty() && !matches!(self.address, Address::Member(_)) => {
                let text = postfix.text();
                // The client's query must not say how files are written.
                let text = if vfs::is_vfs(&base) { crate::router::path_of(&text) } else { &text };
                append_postfix(&base, text)
            }
            _ => base.into_owned(),
        };
        Ok(if url.contains(' ') { url.replace(' ', "%20") } else { url })
    }

    /// How long to wait, and whether the endpoint itself says so.
    fn time_limit(&self, message: &Message, cx: &Context) -> Result<(Duration, bool), Fault> {
        if let Some(timeout) = &self.settings.timeout {
            let text = timeout.text(message, cx)?.unwrap_or_else(|| "".into());
            if let Ok(ms) = text.trim().parse::<u64>()
                && ms > 0
            {
                return Ok((Duration::from_millis(ms), true));
            }
        }
        Ok((cx.services.global_timeout, false))
    }

    /// `format`, `encoding` and credentials.
    async fn prepare(&self, message: &mut Message, cx: &mut Context) -> Result<(), Fault> {
        if let Some((user, password)) = &self.settings.basic_auth {
            let (user, password) = (user.text(message, cx)?, password.text(message, cx)?);
            let pair = format!("{}:{}", user.as_deref().unwrap_or(""), password.as_deref().unwrap_or(""));
            let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
            message.headers.set("Authorization", &format!("Basic {encoded}"));
        }
        if let Some(encoding) = &self.settings.encoding {
            message.axis2.set("CHARACTER_SET_ENCODING", encoding.as_str());
        }
        if self.settings.format == Format::LeaveAsIs || self.settings.format == Format::Rest {
            message.rest |= self.settings.format == Format::Rest;
            return Ok(());
        }
        crate::flow::build_payload(message, cx).await?;
        self.reshape(message);
        Ok(())
    }

    fn reshape(&self, message: &mut Message) {
        match self.settings.format {
            Format::Pox => {
                message.rest = true;
                message.set_message_type("application/xml");
            }
            Format::Get => {
                message.rest = true;
                message.axis2.set("messageType", "application/x-www-form-urlencoded");
            }
            Format::Soap11 => reshape_soap(message, Soap::V11, "text/xml"),
            Format::Soap12 => reshape_soap(message, Soap::V12, "application/soap+xml"),
            Format::LeaveAsIs | Format::Rest => {}
        }
    }
}

/// The code of a failure that is none of HTTP: a blocking call has one of its own.
fn in_mode(fault: Fault, mode: Mode) -> Fault {
    if mode != Mode::Blocking {
        return fault;
    }
    Fault::endpoint(codes::BLOCKING_SENDER, fault.message).detail(fault.detail)
}

/// The envelope in the wanted version. MI drops `messageType` and rewrites the header: its charset stays,
/// the action of SOAP 1.2 joins it.
fn reshape_soap(message: &mut Message, version: Soap, media: &str) {
    let envelope = message.payload.envelope();
    message.payload = Payload::xml(match envelope.version() == version {
        true => envelope,
        false => envelope.converted(version),
    });
    message.rest = false;
    message.axis2.remove("messageType");
    let before = message.headers.get("Content-Type").map(std::borrow::Cow::into_owned);
    let mut content_type = media.to_owned();
    if let (Some(action), Some(_), Soap::V12) = (&message.addressing.action, &before, version) {
        content_type.push_str(&format!(";action=\"{action}\""));
    }
    if let Some(charset) = before.as_deref().and_then(|text| media_type_parameter(text, "charset")) {
        content_type.push_str(&format!("; charset={charset}"));
    }
    message.headers.set("Content-Type", &content_type);
}

/// What the fault sequence sees again when sending failed.
struct Kept {
    payload: Option<Payload>,
    headers: Headers,
}

impl Kept {
    fn of(message: &Message) -> Self {
        let payload = (!message.payload.is_unread()).then(|| message.payload.share());
        Self { payload, headers: message.headers.clone() }
    }

    /// A body that was streamed comes back only when nothing of it was sent.
    fn restore(self, message: &mut Message, unsent: Option<WireBody>) {
        message.payload = self.payload.or(unsent.map(Payload::Unread)).unwrap_or_default();
        message.headers = self.headers;
    }

    /// After a timeout MI shows an empty body.
    fn restore_without_body(self, message: &mut Message) {
        message.payload = Payload::default();
        message.headers = self.headers;
    }
}

fn is_one_way(message: &Message) -> bool {
    message.properties.get("OUT_ONLY").is_some_and(|v| v.text() == "true")
}
