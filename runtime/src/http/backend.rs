//! The two translations at a backend: message to request, response to message, by the rules of MI's
//! target request and client worker.

use super::{Client, InResponse, Origin, OutBody, OutRequest, Target};
use crate::errors::{Fault, codes};
use crate::message::{Content, Headers, Message, Payload, Properties, Soap, Value, Wire, WireBody};
use crate::message::{formatters, media_type};
use formatters::Formatter;
use http::{HeaderName, HeaderValue, Method, Uri, Version, header};
use std::sync::Arc;

const SOAP_ACTION: HeaderName = HeaderName::from_static("soapaction");

/// Makes the request that carries a message to `url` through `client`. The payload and the headers leave
/// the message; keep a share of both for the fault path before.
///
/// Faults: the URL cannot be called (101503), or the payload has no form in the media type (0).
pub fn request(
    client: &Client,
    message: &mut Message,
    method: Method,
    url: &str,
) -> Result<OutRequest, Fault> {
    let unusable = |text: String| Fault::endpoint(codes::CONNECTION_FAILED, text);
    let profile = match url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https")) {
        true => message.axis2_text("ssl.profile.client.identifier"),
        false => None,
    };
    let origin = |url| client.origin(url, profile.as_deref()).map_err(|error| unusable(error.to_string()));
    let with_query = query_of_form(message, &method).map(|query| append_query(url, &query));
    let url = with_query.as_deref().unwrap_or(url);
    let (origin, path) = origin(url)?;
    let absolute = flag(message, "POST_TO_URI") || text_is_true(message, "FULL_URI");
    let uri = if absolute { uri(url) } else { uri(path) };
    let uri = uri.map_err(|error| unusable(format!("'{url}' is no valid URL: {error}")))?;
    let http10 = text_is_true(message, "FORCE_HTTP_1.0");
    let by_length =
        http10 || text_is_true(message, "DISABLE_CHUNKING") || flag(message, "FORCE_HTTP_CONTENT_LENGTH");
    let content_type = if method == Method::GET { None } else { formatters::for_request(message) };
    let action = soap_action(message);
    let body = body(message, &method)?;
    let mut headers = std::mem::take(&mut message.headers).into_map();
    headers.remove(header::CONNECTION);
    if let Some(value) = content_type.and_then(|text| HeaderValue::try_from(text).ok()) {
        headers.insert(header::CONTENT_TYPE, value);
    }
    if let Some(value) = action {
        headers.insert(SOAP_ACTION, value);
    }
    if let Some(correlation) = &message.wire.correlation {
        correlation.apply(&mut headers);
    }
    headers.insert(header::HOST, host(message, &origin)?);
    let body = if by_length { OutBody::by_length(body) } else { OutBody::chunked(body) };
    let version = if http10 { Version::HTTP_10 } else { Version::HTTP_11 };
    let keep_alive = !text_is_true(message, "NO_KEEPALIVE");
    Ok(OutRequest { origin, method, uri, version, keep_alive, headers, body })
}

/// A GET with a form formatter carries the payload in its URL: `/element?child=value`.
fn query_of_form(message: &Message, method: &Method) -> Option<String> {
    if *method != Method::GET {
        return None;
    }
    let Some(Content::Xml(envelope)) = message.payload.content() else { return None };
    let payload = envelope.payload()?;
    if message.message_type()?.as_str() != "application/x-www-form-urlencoded" {
        return None;
    }
    let document = envelope.document();
    let mut query = String::new();
    for child in document.child_elements(payload) {
        query.push(if query.is_empty() { '?' } else { '&' });
        query.push_str(document.local_name(child));
        query.push('=');
        query.push_str(&formatters::encode_value(&document.own_text(child)));
    }
    Some(format!("/{}{query}", document.local_name(payload)))
}

fn append_query(url: &str, query: &str) -> String {
    match url.split_once('?') {
        Some((base, old)) => {
            let (path, new) = query.split_once('?').unwrap_or((query, ""));
            format!("{}{path}?{old}&{new}", base.trim_end_matches('/'))
        }
        None => format!("{}{query}", url.trim_end_matches('/')),
    }
}

/// Nothing for GET, HEAD, a DELETE without payload, and where `NO_ENTITY_BODY` says so while the body
/// has no element.
fn body(message: &mut Message, method: &Method) -> Result<WireBody, Fault> {
    let no_entity = message.axis2_flag("NO_ENTITY_BODY");
    let has_element = match message.payload.content() {
        Some(Content::Xml(envelope)) => envelope.payload().is_some(),
        Some(Content::Json(json)) => !json.is_blank(),
        Some(Content::Binary(_)) => true,
        None => false,
    };
    let none = *method == Method::GET
        || *method == Method::HEAD
        || (no_entity && !has_element)
        || (flag(message, "FORCE_POST_PUT_NOBODY") && (*method == Method::POST || *method == Method::PUT));
    if none {
        message.payload = Payload::default();
        return Ok(WireBody::Empty);
    }
    formatters::format(message)
}

/// Target of the request line; what a URL may not carry is percent-encoded instead of refused. Braces stay,
/// as MI sends a template that it does not fill in as it is written.
fn uri(text: &str) -> Result<Uri, http::uri::InvalidUri> {
    if text == "/" {
        return Ok(Uri::default());
    }
    let text = if text.starts_with('?') { format!("/{text}") } else { text.to_owned() };
    let refused =
        |b: u8| b <= b' ' || matches!(b, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'|') || b >= 0x7f;
    if !text.bytes().any(refused) {
        return Uri::try_from(text);
    }
    let mut clean = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        if refused(byte) {
            clean.push_str(&format!("%{byte:02X}"));
        } else {
            clean.push(char::from(byte));
        }
    }
    Uri::try_from(clean)
}

fn host(message: &Message, origin: &Origin) -> Result<HeaderValue, Fault> {
    let value = match message.axis2.get("REQUEST_HOST_HEADER") {
        Some(given) => HeaderValue::try_from(given.text().as_ref()).ok(),
        None => origin.host.clone(),
    };
    let unusable = || format!("'{}' has no valid host name", origin.target);
    value.ok_or_else(|| Fault::endpoint(codes::CONNECTION_FAILED, unusable()))
}

/// The action of a SOAP 1.1 message: quoted when an envelope is sent, bare for XML. JSON keeps the
/// header it has.
fn soap_action(message: &Message) -> Option<HeaderValue> {
    let action = message.addressing.action.as_deref().filter(|action| !action.is_empty())?;
    let version = match message.payload.content() {
        Some(Content::Xml(envelope)) => envelope.version(),
        Some(Content::Json(_)) | None => Soap::V11,
        Some(Content::Binary(_)) => Soap::V12,
    };
    if version == Soap::V12 {
        return None;
    }
    let text = match formatters::select(message) {
        Formatter::Json => return None,
        Formatter::Soap if !action.starts_with('"') => format!("\"{action}\""),
        _ => action.to_owned(),
    };
    HeaderValue::try_from(text).ok()
}

/// A switch that takes a Boolean or a text, and that only mediators set.
fn flag(message: &Message, name: &str) -> bool {
    message.axis2.get(name).is_some_and(Value::is_true)
}

/// A switch that only the text `true` turns on.
fn text_is_true(message: &Message, name: &str) -> bool {
    message.axis2.get(name).is_some_and(|value| value.as_str() == Some("true"))
}

/// Makes the message the response: payload, headers and axis2 scope are the backend's; properties,
/// variables, dispatch facts and the id of the exchange stay.
pub fn accept(message: &mut Message, mut response: InResponse) {
    let entity = Entity::of(&response);
    let inherited = if entity.content_type.is_none() { inherited_type(message) } else { None };
    rewrite_location(message, &mut response);
    message.axis2 = Properties::default();
    message.fault = false;
    if response.status == 202 {
        message.axis2.set("SC_ACCEPTED", Value::Boolean(true));
    }
    if let Some(media) = inherited {
        message.axis2.set("messageType", media);
    }
    message.payload = Payload::Unread(if entity.none { WireBody::Empty } else { response.body });
    message.headers = Headers::from_map(response.headers);
    message.fault = false;
    message.wire = Arc::new(Wire {
        local: message.wire.local,
        correlation: message.wire.correlation.clone(),
        secure: message.wire.secure,
        content_type: entity.content_type,
        no_entity: entity.none,
        status: Some(response.status),
        reason: response.reason,
        response: true,
        ..Wire::default()
    });
}

/// Takes the answer of a blocking call: payload and types are the backend's; the request's headers stay
/// unless default-scope `BLOCKING_SENDER_PRESERVE_REQ_HEADERS` is the text `false`.
pub fn accept_blocking(message: &mut Message, response: InResponse) {
    let preserve = message.property("BLOCKING_SENDER_PRESERVE_REQ_HEADERS");
    // Here a length of 0 counts, whatever the type says.
    let entity = match response.headers.get(header::CONTENT_LENGTH) {
        Some(length) if length == "0" => Entity { content_type: None, none: true },
        _ => Entity::of(&response),
    };
    message.payload = Payload::Unread(if entity.none { WireBody::Empty } else { response.body });
    if preserve.is_some_and(|value| value.text() == "false") {
        message.headers = Headers::from_map(response.headers);
    }
    for name in ["messageType", "ContentType", "NO_ENTITY_BODY"] {
        message.axis2.forget(name);
    }
    message.wire = Arc::new(Wire {
        local: message.wire.local,
        correlation: message.wire.correlation.clone(),
        content_type: entity.content_type,
        no_entity: entity.none,
        status: Some(response.status),
        reason: response.reason,
        response: true,
        ..Wire::default()
    });
}

/// What a response carries: a type that is not named is octets, unless there is no body to name.
struct Entity {
    content_type: Option<HeaderValue>,
    none: bool,
}

impl Entity {
    fn of(response: &InResponse) -> Self {
        if response.no_entity {
            return Self { content_type: None, none: true };
        }
        if let Some(value) = response.headers.get(header::CONTENT_TYPE) {
            return Self { content_type: Some(value.clone()), none: false };
        }
        let length = response.headers.get(header::CONTENT_LENGTH);
        let framed = length.is_some() || response.headers.contains_key(header::TRANSFER_ENCODING);
        if !framed || length.is_some_and(|length| length == "0") {
            return Self { content_type: None, none: true };
        }
        Self { content_type: Some(HeaderValue::from_static("application/octet-stream")), none: false }
    }
}

/// A response without a type has the request's, unless that was a form.
fn inherited_type(message: &Message) -> Option<String> {
    if message.wire.is_form() && message.axis2.entry("messageType").is_none() {
        return None;
    }
    let media = media_type(&message.axis2_text("messageType")?);
    (media != "application/x-www-form-urlencoded").then_some(media)
}

/// `Location` leads to this server, except in redirects and after 201.
fn rewrite_location(message: &Message, response: &mut InResponse) {
    let Some(location) = response.headers.get(header::LOCATION) else { return };
    if matches!(response.status.as_u16(), 301 | 302 | 303 | 307 | 201) {
        return;
    }
    let path = location.to_str().ok().map(|text| match Target::parse(text) {
        Ok((_, path)) => path.to_owned(),
        Err(_) => text.to_owned(),
    });
    let rewritten = path.zip(message.wire.local).and_then(|(path, local)| {
        let scheme = if message.wire.secure { "https" } else { "http" };
        HeaderValue::try_from(format!("{scheme}://{local}/{}", path.strip_prefix('/').unwrap_or(&path))).ok()
    });
    match rewritten {
        Some(value) => drop(response.headers.insert(header::LOCATION, value)),
        None => drop(response.headers.remove(header::LOCATION)),
    }
}
