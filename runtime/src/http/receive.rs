//! Request to message: the headers are moved, the body stays unread.

use crate::message::{Correlation, Headers, Message, Payload, Wire, WireBody};
use crate::message::{addressing, media_type_parameter};
use http::{HeaderName, HeaderValue, Method, header};
use http_body::Body as _;
use hyper::body::Incoming;
use std::net::SocketAddr;
use std::sync::Arc;

/// Where a request came in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Socket {
    pub(super) peer: SocketAddr,
    pub(super) local: SocketAddr,
    pub(super) secure: bool,
}

/// Makes the message of a request, as MI's server worker does: default content types by method,
/// `NO_ENTITY_BODY` for methods without entity, REST unless the media type is SOAP's.
pub(super) fn message(
    request: http::Request<Incoming>,
    socket: &Socket,
    correlation: Option<&HeaderName>,
) -> Message {
    let (mut parts, incoming) = request.into_parts();
    let correlation = correlation.map(|name| Correlation::of_request(name, &mut parts.headers));
    let target: Arc<str> = match parts.uri.path_and_query() {
        Some(path) if parts.uri.authority().is_none() => path.as_str().into(),
        _ => parts.uri.to_string().into(),
    };
    let bodiless = matches!(parts.method, Method::GET | Method::HEAD | Method::DELETE | Method::OPTIONS);
    // What such a request carries is never looked at, well-formed or not: MI's request factory gives
    // these methods no body.
    let ignored = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
    let empty = ignored || incoming.is_end_stream();
    let content_type = parts.headers.get(header::CONTENT_TYPE).cloned();
    let content_type = content_type.or_else(|| default_content_type(&parts.method));
    let has_action = parts.headers.contains_key("soapaction");
    let rest = content_type.as_ref().is_none_or(|value| !is_soap(value.as_bytes(), has_action));
    let mut message = Message::new();
    message.addressing.to = Some(target.clone()).filter(addressing::may_be_called);
    message.addressing.action =
        parts.headers.get("soapaction").and_then(action).or_else(|| action_parameter(content_type.as_ref()?));
    message.rest = rest || bodiless;
    message.headers = Headers::from_map(parts.headers);
    message.payload = Payload::Unread(if empty { WireBody::Empty } else { WireBody::Incoming(incoming) });
    message.wire = Arc::new(Wire {
        method: parts.method,
        target,
        peer: Some(socket.peer),
        local: Some(socket.local),
        secure: socket.secure,
        correlation,
        content_type,
        no_entity: bodiless && empty,
        ..Wire::default()
    });
    message
}

fn default_content_type(method: &Method) -> Option<HeaderValue> {
    match *method {
        Method::POST | Method::PUT | Method::PATCH => {
            Some(HeaderValue::from_static("application/octet-stream"))
        }
        Method::GET | Method::DELETE => Some(HeaderValue::from_static("application/x-www-form-urlencoded")),
        _ => None,
    }
}

/// text/xml is SOAP only with a SOAPAction header.
fn is_soap(content_type: &[u8], has_action: bool) -> bool {
    let starts = |prefix: &[u8]| {
        content_type.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    (has_action && starts(b"text/xml")) || starts(b"application/soap+xml")
}

/// The action parameter of a SOAP 1.2 Content-Type.
fn action_parameter(content_type: &HeaderValue) -> Option<Arc<str>> {
    let text = content_type.to_str().ok()?;
    text.contains("action").then(|| media_type_parameter(text, "action").map(Arc::from))?
}

/// SOAPAction without its quotes.
fn action(value: &HeaderValue) -> Option<Arc<str>> {
    let text = value.to_str().ok()?.trim();
    Some(text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(text).into())
}
