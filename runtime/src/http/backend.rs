//! The two translations at a backend: message to request, response to message.

use super::{InResponse, OutBody, OutRequest, Target};
use crate::errors::{Fault, codes};
use crate::message::{Headers, Message, Payload, Properties, Wire, formatters};
use http::{HeaderMap, HeaderValue, Method, Uri, Version, header};
use std::sync::Arc;

/// Makes the request that carries a message to `url`. The payload and the headers leave the message;
/// call [`accept`] with the answer, or restore what the fault path needs from a [`Message::fork`].
pub fn request(message: &mut Message, method: Method, url: &str) -> Result<OutRequest, Fault> {
    let (target, path) =
        Target::parse(url).map_err(|error| Fault::endpoint(codes::CONNECTION_FAILED, error.to_string()))?;
    let uri = Uri::try_from(path).map_err(|error| {
        Fault::endpoint(codes::CONNECTION_FAILED, format!("'{url}' is no valid URL: {error}"))
    })?;
    let by_length = message.axis2_flag("DISABLE_CHUNKING") || message.axis2_flag("FORCE_HTTP_1.0");
    let formatted = formatters::format(message)?;
    let mut headers = std::mem::take(&mut message.headers).into_map();
    clean(&mut headers);
    if let Ok(host) = HeaderValue::try_from(target.authority()) {
        headers.insert(header::HOST, host);
    }
    let body = if by_length { OutBody::by_length(formatted.body) } else { OutBody::chunked(formatted.body) };
    Ok(OutRequest { target, method, uri, version: Version::HTTP_11, headers, body })
}

/// Makes the message the response: payload, headers and axis2 scope are the backend's; properties,
/// variables, dispatch facts and the id of the exchange stay.
pub fn accept(message: &mut Message, response: InResponse) {
    let content_type = response.headers.get(header::CONTENT_TYPE).cloned();
    message.payload = Payload::Unread(response.body);
    message.headers = Headers::from_map(response.headers);
    message.axis2 = Properties::default();
    message.wire = Arc::new(Wire {
        content_type,
        no_entity: response.no_entity,
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
    let content_type = response.headers.get(header::CONTENT_TYPE).cloned();
    message.payload = Payload::Unread(response.body);
    if preserve.is_some_and(|value| value.text() == "false") {
        message.headers = Headers::from_map(response.headers);
    }
    for name in ["messageType", "ContentType", "NO_ENTITY_BODY"] {
        message.axis2.forget(name);
    }
    message.wire = Arc::new(Wire {
        content_type,
        status: Some(response.status),
        reason: response.reason,
        response: true,
        ..Wire::default()
    });
}

fn clean(headers: &mut HeaderMap) {
    for name in [header::TRANSFER_ENCODING, header::CONTENT_LENGTH, header::CONNECTION, header::DATE] {
        headers.remove(name);
    }
    headers.remove("keep-alive");
    headers.insert(header::USER_AGENT, HeaderValue::from_static("Synapse-PT-HttpComponents-NIO"));
}
