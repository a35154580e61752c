//! Answer to response: status, headers, framing, body, by the rules of MI's pass-through sender.

use super::OutBody;
use super::rules::{HeaderRules, SERVER};
use super::soap;
use crate::flow::Answer;
use crate::message::facts::EntryName;
use crate::message::{Message, Soap, Value, WireBody, builders, formatters};
use http::{HeaderValue, Method, Response, StatusCode, Version, header};
use std::hash::{DefaultHasher, Hasher as _};

/// What the response must know of its request.
#[derive(Debug, Clone)]
pub struct Asked {
    pub(super) method: Method,
    /// SOAP version that the client speaks, `None` for REST.
    pub(super) soap: Option<Soap>,
    /// A GET, HEAD or DELETE that announced a body: the connection is not used again.
    pub(super) odd_body: bool,
    /// `If-None-Match`.
    pub(super) none_match: Option<HeaderValue>,
}

impl Asked {
    /// What a request asks for, before its flow runs.
    pub(super) fn of(message: &Message) -> Self {
        let headers = message.headers.map();
        let method = message.wire.method.clone();
        let announced =
            headers.contains_key(header::CONTENT_LENGTH) || headers.contains_key(header::TRANSFER_ENCODING);
        let soap12 = message
            .wire
            .content_type
            .as_ref()
            .is_some_and(|value| value.as_bytes().starts_with(b"application/soap+xml"));
        Self {
            odd_body: announced && matches!(method, Method::GET | Method::HEAD | Method::DELETE),
            soap: (!message.rest).then_some(if soap12 { Soap::V12 } else { Soap::V11 }),
            none_match: headers.get(header::IF_NONE_MATCH).cloned(),
            method,
        }
    }
}

/// What the listener says about answers.
pub(super) struct Settings<'a> {
    pub(super) rules: &'a HeaderRules,
    /// Bounds a body that must be read for its answer.
    pub(super) body_limit: usize,
}

/// Turns an answer into the response.
pub(super) async fn response(answer: Answer, asked: &Asked, settings: &Settings<'_>) -> Response<OutBody> {
    let mut response = match answer {
        Answer::Accepted => accepted(),
        Answer::Reply(message) => reply(*message, asked, settings).await,
    };
    if asked.odd_body {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// 202 without body: what a flow that ends without an answer gives.
pub(super) fn accepted() -> Response<OutBody> {
    status_only(StatusCode::ACCEPTED)
}

/// A status without a body.
pub(super) fn status_only(status: StatusCode) -> Response<OutBody> {
    let mut response = Response::new(OutBody::empty());
    *response.status_mut() = status;
    response.headers_mut().insert(header::SERVER, SERVER);
    response
}

/// 413 for a body over the limit; the rest of it is not read.
pub(super) fn too_large() -> Response<OutBody> {
    let mut response = status_only(StatusCode::PAYLOAD_TOO_LARGE);
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

async fn reply(mut message: Message, asked: &Asked, settings: &Settings<'_>) -> Response<OutBody> {
    let rules = settings.rules;
    if message.axis2.is_empty() && message.payload.is_unread() && !message.fault && asked.soap.is_none() {
        // Nothing that could change status or form was set: the common pass-through.
        let status = message.wire.status.unwrap_or(StatusCode::OK);
        return write(message, status, asked, Framing::Chunked, rules);
    }
    let framing = Framing::of(&message);
    let etag = message.axis2.get("HTTP_ETAG").is_some_and(|value| value.as_bool() == Some(true));
    if framing != Framing::Chunked || etag || soap::needs_conversion(&message, asked.soap) {
        build(&mut message, settings.body_limit).await;
    }
    if message.rest && soap::fault_to_pox(&mut message) {
        message.fault = true;
    }
    soap::convert(&mut message, asked.soap);
    let status = status(&message);
    if etag && add_etag(&mut message, asked) {
        return write(message, StatusCode::NOT_MODIFIED, asked, framing, rules);
    }
    write(message, status, asked, framing, rules)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Chunked,
    Length,
    Http10,
}

impl Framing {
    fn of(message: &Message) -> Self {
        if message.axis2.get("FORCE_HTTP_1.0").is_some_and(|value| value.as_str() == Some("true")) {
            Framing::Http10
        } else if message.axis2.get("DISABLE_CHUNKING").is_some_and(Value::is_true) {
            Framing::Length
        } else {
            Framing::Chunked
        }
    }
}

/// Reads an unread body; what cannot be understood is sent as an empty one.
async fn build(message: &mut Message, limit: usize) {
    let Some(body) = message.payload.take_unread() else { return };
    let built = match body.read(limit).await {
        Ok(bytes) => builders::build_message(message, bytes, limit).map_err(|fault| fault.to_string()),
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = built {
        tracing::error!("the body of the answer cannot be read: {error}");
    }
}

fn status(message: &Message) -> StatusCode {
    if message.axis2.get("ERROR_CODE").is_some() {
        return StatusCode::BAD_GATEWAY;
    }
    if message.axis2_flag("SC_ACCEPTED") {
        return StatusCode::ACCEPTED;
    }
    let given = match message.axis2("HTTP_SC") {
        Some(Value::Integer(code)) => u16::try_from(code).ok(),
        Some(other) => {
            let code = other.text().trim().parse().ok();
            if code.is_none() {
                tracing::warn!("the HTTP_SC value '{}' is no status code; it is ignored", other.text());
            }
            code
        }
        None => None,
    };
    if let Some(status) = given.and_then(|code| StatusCode::from_u16(code).ok()) {
        return status;
    }
    let fault = message.fault || message.payload.content().is_some_and(|c| c.envelope().has_fault());
    if fault && !message.axis2_flag("FAULTS_AS_HTTP_200") {
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    StatusCode::OK
}

fn write(
    mut message: Message,
    status: StatusCode,
    asked: &Asked,
    framing: Framing,
    rules: &HeaderRules,
) -> Response<OutBody> {
    let no_entity = message.axis2_flag("NO_ENTITY_BODY");
    let content_type = content_type(&message, no_entity);
    let reason = reason(&message, status);
    let failed = message.axis2.get("ERROR_CODE").is_some();
    let close = failed || message.axis2.get("NO_KEEPALIVE").is_some_and(|v| v.as_str() == Some("true"));
    let bodiless = no_entity || asked.method == Method::HEAD || matches!(status.as_u16(), 204 | 205 | 304);
    let relayed = message.wire.response && message.payload.is_unread();
    let body = if bodiless {
        WireBody::Empty
    } else {
        formatters::format(&mut message).unwrap_or_else(|fault| {
            tracing::error!("the answer is sent without a body: {fault}");
            WireBody::Empty
        })
    };
    let correlation = match (&message.dispatch.entry, &message.wire.correlation) {
        (EntryName::Api(_), Some(correlation)) => Some(correlation.clone()),
        _ => None,
    };
    let mut headers = message.headers.into_map();
    let length = headers.remove(header::CONTENT_LENGTH);
    rules.clean(&mut headers);
    match content_type {
        ContentType::AsItIs => {}
        ContentType::Gone => drop(headers.remove(header::CONTENT_TYPE)),
        ContentType::Set(value) => drop(headers.insert(header::CONTENT_TYPE, value)),
    }
    if let Some(correlation) = correlation {
        correlation.apply(&mut headers);
    }
    headers.entry(header::SERVER).or_insert(SERVER);
    if close {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if let (true, Some(length)) = (asked.method == Method::HEAD, length) {
        headers.insert(header::CONTENT_LENGTH, length);
    }
    let body = match framing {
        Framing::Chunked if relayed => OutBody::relayed(body),
        Framing::Chunked => OutBody::chunked(body),
        Framing::Length | Framing::Http10 => OutBody::by_length(body),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    if framing == Framing::Http10 {
        *response.version_mut() = Version::HTTP_10;
    }
    if let Some(reason) = reason {
        response.extensions_mut().insert(reason);
    }
    response
}

enum ContentType {
    AsItIs,
    Gone,
    Set(HeaderValue),
}

fn content_type(message: &Message, no_entity: bool) -> ContentType {
    let unread = message.payload.is_unread();
    if no_entity && message.axis2_flag("DISABLE_CHUNKING") {
        return ContentType::Gone;
    }
    // Without an entity there is nothing whose type could differ from what the header says.
    if (unread && message.wire.no_entity) || (!unread && no_entity) {
        return ContentType::AsItIs;
    }
    if unread && message.axis2.entry("ContentType").is_none() {
        return message.wire.content_type.clone().map_or(ContentType::AsItIs, ContentType::Set);
    }
    let text = formatters::for_answer(message);
    text.and_then(|text| HeaderValue::try_from(text).ok()).map_or(ContentType::AsItIs, ContentType::Set)
}

/// The reason phrase, when it is not the usual one: what the flow set, or what the backend sent with
/// this status.
fn reason(message: &Message, status: StatusCode) -> Option<hyper::ext::ReasonPhrase> {
    let set = message.axis2.get("HTTP_SC_DESC").map(|value| value.text().into_owned());
    let text = match set {
        Some(text) => text,
        None => message.wire.reason.clone().filter(|_| message.wire.status == Some(status))?,
    };
    (status.canonical_reason() != Some(text.as_str())).then(|| text.into_bytes().try_into().ok()).flatten()
}

/// Sets an ETag over the body. `true` when the client has it already.
fn add_etag(message: &mut Message, asked: &Asked) -> bool {
    let Ok(WireBody::Full(bytes)) = formatters::format(&mut message.fork()) else { return false };
    let mut hasher = DefaultHasher::new();
    hasher.write(&bytes);
    let tag = format!("\"{:016x}\"", hasher.finish());
    message.headers.set("ETag", &tag);
    let known = asked.none_match.as_ref().and_then(|value| value.to_str().ok());
    known.is_some_and(|list| list.split(',').any(|one| one.trim() == tag || one.trim() == "*"))
}
