//! An exchange between two services of this process: what a wire would carry, without one.
//!
//! The request takes the way to a backend up to the socket, and from there the way from a listener;
//! the answer takes the two other translations back. A body nobody looked into is not copied.

use super::answer::{self, Asked, Settings};
use super::{Client, HeaderRules, InResponse, OutRequest, backend};
use crate::errors::Fault;
use crate::flow::Answer;
use crate::message::{Headers, Message, Payload, Wire, WireBody};
use http::{HeaderValue, Method, header};
use http_body::Body as _;
use std::sync::Arc;

/// Makes the message that the service at `path` gets, and what the answer must know of it. `to`: the
/// address that was called. Payload and headers leave the caller's message; its properties stay behind,
/// as with a wire in between. SOAP stays SOAP without an action header, too.
///
/// Faults: as those of [`backend::request`].
pub fn request(
    client: &Client,
    message: &mut Message,
    method: Method,
    path: &str,
    to: &str,
) -> Result<(Message, Asked), Fault> {
    // The host is the one thing that no service of this process needs to know.
    let request = backend::request(client, message, method, &format!("http://localhost{path}"))?;
    let OutRequest { method, mut headers, body, .. } = request;
    headers.remove(header::HOST);
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::TRANSFER_ENCODING);
    let body = body.into_inner();
    let mut called = Message::new();
    called.addressing.to = Some(to.into());
    called.addressing.action = message.addressing.action.clone();
    called.rest = message.rest;
    called.wire = Arc::new(Wire {
        target: path.into(),
        peer: message.wire.peer,
        local: message.wire.local,
        correlation: message.wire.correlation.clone(),
        secure: message.wire.secure,
        content_type: headers.get(header::CONTENT_TYPE).cloned(),
        no_entity: body.is_end_stream() && matches!(method, Method::GET | Method::HEAD | Method::DELETE),
        method,
        ..Wire::default()
    });
    called.headers = Headers::from_map(headers);
    called.payload = Payload::Unread(body);
    let asked = Asked::of(&called);
    Ok((called, asked))
}

/// The answer as the caller's response. `body_limit` bounds a body that must be read for it, in bytes.
pub async fn response(answer: Answer, asked: &Asked, body_limit: usize) -> InResponse {
    let settings = Settings { rules: &HeaderRules::default(), body_limit };
    let (mut parts, body) = answer::response(answer, asked, &settings).await.into_parts();
    let body = body.into_inner();
    if !body.is_end_stream() && !parts.headers.contains_key(header::CONTENT_TYPE) {
        // On a wire the framing shows that there is a body.
        parts.headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    InResponse::of(parts, body, asked.method == Method::HEAD)
}

/// The answer that a service gives whose flow ended without one.
pub fn accepted() -> InResponse {
    let (parts, _) = answer::accepted().into_parts();
    InResponse::of(parts, WireBody::Empty, false)
}
