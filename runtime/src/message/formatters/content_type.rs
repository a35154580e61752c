//! The Content-Type of what is sent, by MI's rules for answers and for requests to backends.

use super::{Formatter, form, select};
use crate::message::{Content, Message, Payload, Soap, media_type};

/// Charset of the output: axis2 `CHARACTER_SET_ENCODING`, else UTF-8.
pub fn charset(message: &Message) -> String {
    let known = message.axis2_text("CHARACTER_SET_ENCODING").filter(|name| !name.trim().is_empty());
    known.unwrap_or_else(|| "UTF-8".to_owned())
}

/// Content-Type of an answer. `None` leaves the header as it is.
///
/// Unread bodies: the `ContentType` property as it is. Built ones: the property with `; charset=`, unless
/// it has one or axis2 `setCharacterEncoding` is the text `false`; without the property what the formatter says.
pub fn for_answer(message: &Message) -> Option<String> {
    let property = message.axis2_text("ContentType");
    if message.payload.is_unread() {
        return property.filter(|value| !value.is_empty());
    }
    match property {
        Some(value) if !is_multipart(&value) => Some(with_charset(message, value)),
        _ => Some(of_formatter(message)),
    }
}

/// Content-Type of a request: the `ContentType` property, else `messageType`, when the message has a
/// Content-Type header at all; otherwise what the formatter says for a built body.
pub fn for_request(message: &Message) -> Option<String> {
    let came = message.wire.content_type.as_ref();
    if came.is_some()
        && message.headers.map().get(http::header::CONTENT_TYPE) == came
        && message.payload.is_unread()
        && message.axis2.entry("ContentType").is_none()
        && message.axis2.entry("messageType").is_none()
    {
        // Nobody changed the type of a body that passes through: the header says it.
        return None;
    }
    let header = message.headers.get("Content-Type");
    if let Some(header) = &header {
        if is_multipart(header) {
            return (!message.payload.is_unread()).then(|| of_formatter(message));
        }
        // Endpoints with a SOAP format have written the header themselves.
        let media = message.axis2_text("messageType")?;
        let property = message.axis2_text("ContentType").unwrap_or(media);
        return Some(property).filter(|value| !value.is_empty());
    }
    let has_body = !message.payload.is_unread() && !message.axis2_flag("NO_ENTITY_BODY");
    has_body.then(|| of_formatter(message))
}

fn is_multipart(content_type: &str) -> bool {
    content_type.contains("multipart/form-data") || content_type.contains("multipart/related")
}

fn with_charset(message: &Message, mut value: String) -> String {
    let off = message.axis2("setCharacterEncoding").is_some_and(|v| v.as_str() == Some("false"));
    if !off && !value.contains("charset") {
        value.push_str("; charset=");
        value.push_str(&charset(message));
    }
    value
}

/// What the formatter itself would name.
fn of_formatter(message: &Message) -> String {
    let formatter = select(message);
    if let Formatter::Multipart = formatter {
        return multipart(message);
    }
    let property = message.axis2_text("ContentType").or_else(|| message.axis2_text("messageType"));
    let media = match formatter {
        Formatter::Soap => match soap_version(message) {
            Soap::V11 => "text/xml".to_owned(),
            Soap::V12 => "application/soap+xml".to_owned(),
        },
        Formatter::Form => "application/x-www-form-urlencoded".to_owned(),
        _ => property.filter(|value| !value.is_empty()).unwrap_or_else(|| "application/xml".to_owned()),
    };
    with_charset(message, media)
}

fn soap_version(message: &Message) -> Soap {
    match &message.payload {
        Payload::Built(Content::Xml(envelope)) => envelope.version(),
        _ => Soap::V11,
    }
}

/// The boundary that came, when the body goes out as it came; else our own.
fn multipart(message: &Message) -> String {
    let untouched =
        message.payload.content().is_some_and(|c| matches!(c, Content::Xml(e) if e.source().is_some()));
    let came = message.headers.get("Content-Type").filter(|value| is_multipart(value));
    match came {
        Some(value) if untouched => value.into_owned(),
        _ => {
            let media = message.axis2_text("messageType").map(|t| media_type(&t));
            format!("{}; boundary={}", media.as_deref().unwrap_or("multipart/form-data"), form::BOUNDARY)
        }
    }
}
