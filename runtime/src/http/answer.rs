//! Answer to response: status, headers, framing, body.

use super::OutBody;
use crate::flow::Answer;
use crate::message::{Message, Value, formatters};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Version, header};

/// What the response must know of its request.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) version: Version,
}

/// Turns an answer into the response.
pub(super) fn response(answer: Answer, asked: &Asked) -> Response<OutBody> {
    match answer {
        Answer::Accepted => accepted(),
        Answer::Reply(message) => reply(*message, asked),
    }
}

/// 202 without body and headers: what a flow that ends without an answer gives.
pub(super) fn accepted() -> Response<OutBody> {
    status_only(StatusCode::ACCEPTED)
}

/// A status without a body.
pub(super) fn status_only(status: StatusCode) -> Response<OutBody> {
    let mut response = Response::new(OutBody::empty());
    *response.status_mut() = status;
    response
}

fn reply(mut message: Message, asked: &Asked) -> Response<OutBody> {
    let status = status(&message);
    let by_length = message.axis2_flag("DISABLE_CHUNKING");
    let formatted = match formatters::format(&mut message) {
        Ok(formatted) => formatted,
        Err(fault) => {
            tracing::error!("the answer cannot be written: {fault}");
            return status_only(StatusCode::INTERNAL_SERVER_ERROR);
        }
    };
    let mut headers = message.headers.into_map();
    drop_hop_by_hop(&mut headers);
    if let Some(value) = formatted.content_type.and_then(|text| HeaderValue::try_from(text).ok()) {
        headers.insert(header::CONTENT_TYPE, value);
    }
    let bodiless = asked.method == Method::HEAD || matches!(status.as_u16(), 204 | 205 | 304);
    let body = match (bodiless, by_length) {
        (true, _) => OutBody::empty(),
        (false, true) => OutBody::by_length(formatted.body),
        (false, false) => OutBody::chunked(formatted.body),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

fn status(message: &Message) -> StatusCode {
    let code = match message.axis2("HTTP_SC") {
        Some(Value::Integer(code)) => u16::try_from(code).ok(),
        Some(other) => other.text().trim().parse().ok(),
        None => None,
    };
    code.and_then(|code| StatusCode::from_u16(code).ok()).unwrap_or(StatusCode::OK)
}

fn drop_hop_by_hop(headers: &mut HeaderMap) {
    for name in [
        header::TRANSFER_ENCODING,
        header::CONTENT_LENGTH,
        header::CONNECTION,
        header::USER_AGENT,
        header::TE,
    ] {
        headers.remove(name);
    }
    headers.remove("keep-alive");
}
