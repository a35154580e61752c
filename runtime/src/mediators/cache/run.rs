//! Looking up requests and keeping responses.

use super::entries::{Cached, Caches, Shared};
use super::{HashedHeaders, Settings};
use crate::errors::Fault;
use crate::flow::{Context, Enter, Leave, Mediator, Next};
use crate::message::{Content, Headers, Message, Payload, Value};
use crate::program::FlowTarget;
use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};
use tokio::time::Instant;

/// Property that leads a response back to its request: `finder:key`.
const REQUEST: &str = "CachableResponse";

#[derive(Debug)]
pub(super) struct Finder {
    pub(super) shared: Arc<Shared>,
    pub(super) number: OnceLock<u64>,
    pub(super) on_hit: Option<FlowTarget>,
}

#[derive(Debug)]
pub(super) struct Collector;

impl Mediator for Finder {
    fn mediate(&self, message: &mut Message, cx: &mut Context) -> Result<Next, Fault> {
        if message.response {
            return Err(Fault::new("Response messages cannot be handled in a non collector cache"));
        }
        let settings = &self.shared.settings;
        let key: Arc<str> = key(settings, message).into();
        let number = self.number.get_or_init(|| cx.services.kept.of::<Caches>().register(&self.shared));
        message.properties.set("requestHash", &*key);
        message.properties.set(REQUEST, format!("{number}:{key}"));
        let method = message.axis2_text("HTTP_METHOD").unwrap_or_default();
        let Some(cached) = self.shared.entries.find(&key, &method) else { return Ok(Next::Continue) };
        if settings.cache_control && is_stale(&cached, message) {
            return Ok(Next::Continue);
        }
        give(&cached, settings, message);
        match &self.on_hit {
            None => {
                message.addressing.to = None;
                Ok(Next::Reply)
            }
            Some(target) => match target.block(&cx.program) {
                Some(block) => Ok(Next::Enter(Enter { block, leave: Leave::Stop })),
                None => Err(missing(target)),
            },
        }
    }
}

fn missing(target: &FlowTarget) -> Fault {
    let name = if let FlowTarget::Named(name) = target { &**name } else { "" };
    Fault::new(format!("Sequence named '{name}' does not exist"))
}

impl Mediator for Collector {
    fn mediate(&self, message: &mut Message, cx: &mut Context) -> Result<Next, Fault> {
        if !message.response {
            return Err(Fault::new("Request messages cannot be handled in a collector cache"));
        }
        let request = message.property(REQUEST).map(|value| value.text().into_owned());
        let found = request.as_deref().and_then(|text| text.split_once(':'));
        let finder = found.and_then(|(number, _)| cx.services.kept.of::<Caches>().get(number.parse().ok()?));
        let (Some(finder), Some((_, key))) = (finder, found) else {
            tracing::warn!("a response without a request that was looked up cannot be cached");
            return Ok(Next::Continue);
        };
        collect(&finder, key, message);
        Ok(Next::Continue)
    }
}

fn collect(finder: &Shared, key: &str, message: &mut Message) {
    let settings = &finder.settings;
    let Some((method, cached)) = finder.entries.waiting(key) else { return };
    let status = message.axis2_text("HTTP_SC").map(|status| status.trim().to_owned());
    if settings.cache_control && cache_control(&message.headers).contains("no-store") {
        return finder.entries.store(key, None);
    }
    if status.as_deref() == Some("304") {
        if let Some(cached) = cached {
            give(&cached, settings, message);
        }
        return;
    }
    let code_fits = match (&status, &settings.codes) {
        (Some(status), Some(codes)) => codes.matches(status),
        _ => true,
    };
    let method_fits = settings.methods.iter().any(|m| m == "*" || *m == method);
    if !code_fits || !method_fits {
        return finder.entries.store(key, None);
    }
    let Some(content) = message.payload.content() else { return };
    if settings.max_size.is_some_and(|limit| size(content) > limit) {
        tracing::debug!("the response is larger than the cache takes");
        return;
    }
    let cached = Cached {
        content: content.clone(),
        headers: message.headers.clone(),
        message_type: message.axis2("messageType"),
        reason: message.axis2("HTTP_SC_DESC"),
        status,
        fetched: Instant::now(),
    };
    finder.entries.store(key, Some(cached));
}

/// The message becomes the cached response.
fn give(cached: &Cached, settings: &Settings, message: &mut Message) {
    message.response = true;
    message.payload = Payload::Built(cached.content.clone());
    message.headers = cached.headers.clone();
    if let Some(status) = cached.status.as_deref().and_then(|status| status.parse().ok()) {
        message.axis2.set("HTTP_SC", Value::Integer(status));
    }
    if let Some(reason) = &cached.reason {
        message.axis2.set("HTTP_SC_DESC", reason.clone());
    }
    if settings.age_header {
        message.headers.set("Age", &cached.fetched.elapsed().as_secs().to_string());
    }
    message.axis2.remove("NO_ENTITY_BODY");
    match cached.headers.value("Content-Type") {
        Some(content_type) => message.axis2.set("ContentType", content_type),
        None => message.axis2.remove("ContentType"),
    }
    if let Some(message_type) = &cached.message_type {
        message.axis2.set("messageType", message_type.clone());
    }
}

/// Older than its `max-age`, or to be confirmed by its ETag: then the request goes on, with
/// `If-None-Match` as its only header.
fn is_stale(cached: &Cached, message: &mut Message) -> bool {
    let control = cache_control(&cached.headers);
    let directives = || control.split(',').map(str::trim);
    let max_age =
        directives().filter(|d| d.contains("max-age")).find_map(|d| d.split_once('=')?.1.trim().parse().ok());
    if max_age.is_some_and(|seconds: u64| cached.fetched.elapsed().as_secs() > seconds) {
        return true;
    }
    let tag = cached.headers.get("ETag").filter(|tag| !tag.is_empty());
    match tag.filter(|_| directives().any(|d| d.eq_ignore_ascii_case("no-cache"))) {
        Some(tag) => {
            message.headers.clear();
            message.headers.set("If-None-Match", &tag);
            true
        }
        None => false,
    }
}

fn cache_control(headers: &Headers) -> String {
    headers.get("Cache-Control").map(|value| value.into_owned()).unwrap_or_default()
}

fn size(content: &Content) -> usize {
    match content {
        Content::Json(json) => json.text().len(),
        Content::Binary(binary) => binary.bytes.len(),
        Content::Xml(envelope) => envelope.document().to_xml().len(),
    }
}

/// What makes two requests the same: address and headers, and the body unless it is a REST request
/// without one.
fn key(settings: &Settings, message: &Message) -> String {
    let mut key = String::new();
    let method = message.axis2_text("HTTP_METHOD").unwrap_or_default();
    let is_get = message.rest && matches!(method.as_str(), "GET" | "DELETE" | "HEAD");
    if !settings.body_only {
        key.push_str(message.addressing.to.as_deref().unwrap_or(""));
        for (name, value) in hashed_headers(settings, message) {
            // Writing to a String cannot fail.
            write!(key, "\n{name}:{value}").unwrap_or_default();
        }
    }
    if !is_get || settings.body_only {
        key.push_str("\n\n");
        if let Some(content) = message.payload.content() {
            push_body(content, &mut key);
        }
    }
    key
}

fn push_body(content: &Content, key: &mut String) {
    match content {
        Content::Json(json) => key.push_str(json.text()),
        other => {
            let envelope = other.envelope();
            key.push_str(&envelope.document().node_to_xml(envelope.body()));
        }
    }
}

/// Names in lower case, sorted. `Date`, `User-Agent` and the correlation header never count.
fn hashed_headers(settings: &Settings, message: &Message) -> Vec<(String, String)> {
    let is_named = |names: &[String], name: &str| names.iter().any(|n| n.eq_ignore_ascii_case(name));
    let counts = |name: &str| match &settings.headers {
        HashedHeaders::Only(names) => is_named(names, name),
        HashedHeaders::AllBut(names) => !is_named(names, name),
        HashedHeaders::All => true,
        HashedHeaders::None => false,
    };
    let always_out = |name: &str| {
        ["date", "user-agent", "activityid", "correlation_id"]
            .iter()
            .any(|out| name.eq_ignore_ascii_case(out))
    };
    let headers = message.headers.iter().filter(|(name, _)| counts(name) && !always_out(name));
    let mut headers: Vec<(String, String)> =
        headers.map(|(name, value)| (name.to_ascii_lowercase(), value.into_owned())).collect();
    headers.sort();
    headers
}
