//! Formatters: what each media type writes, and the Content-Type that goes with it.

use super::*;
use crate::message::{Envelope, Message, Payload, Soap, Wire};
use bytes::Bytes;
use http::HeaderValue;
use std::sync::Arc;

fn built(content_type: &str, body: &str) -> Message {
    let mut message = Message::new();
    message.rest = !content_type.contains("soap");
    let value = HeaderValue::from_str(content_type).unwrap();
    message.headers.map_mut().insert("content-type", value.clone());
    message.wire = Arc::new(Wire { content_type: Some(value), ..Wire::default() });
    crate::message::builders::build_message(&mut message, Bytes::from(body.to_owned()), 1 << 20).unwrap();
    message
}

fn text(message: &mut Message) -> Result<String, String> {
    match format(message).map_err(|fault| fault.message)? {
        WireBody::Empty => Ok(String::new()),
        WireBody::Full(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_message_type_selects_the_form() {
    let json = r#"{"a":"x y","b":[1,2]}"#;
    for (media, expected) in [
        ("application/json", json),
        ("application/xml", "<jsonObject><a>x y</a><b>1</b><b>2</b></jsonObject>"),
        ("text/xml", "<jsonObject><a>x y</a><b>1</b><b>2</b></jsonObject>"),
        ("application/vnd.any", "<jsonObject><a>x y</a><b>1</b><b>2</b></jsonObject>"),
        ("text/plain", ""),
        ("application/x-www-form-urlencoded", "a=x%20y&b=1&b=2"),
    ] {
        let mut message = built("application/json", json);
        message.set_message_type(media);
        assert_eq!(text(&mut message).unwrap(), expected, "{media}");
    }
}

#[test]
fn soap_has_a_declaration_and_no_empty_header() {
    let mut message = built("application/xml", "<q>1</q>");
    message.set_message_type("application/soap+xml");
    let expected = "<?xml version='1.0' encoding='UTF-8'?>\
        <soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\">\
        <soapenv:Body><q>1</q></soapenv:Body></soapenv:Envelope>";
    assert_eq!(text(&mut message).unwrap(), expected);
}

#[test]
fn text_and_bytes_come_back_as_they_went_in() {
    let body = "a=b+c%25&d=<";
    for content_type in ["text/plain", "application/octet-stream"] {
        assert_eq!(text(&mut built(content_type, body)).unwrap(), body, "{content_type}");
    }
    // A form that was read is XML from then on, unless somebody asks for a form.
    let form = "application/x-www-form-urlencoded";
    let mut xml = built(form, body);
    assert_eq!(for_answer(&xml).unwrap(), "application/x-www-form-urlencoded; charset=UTF-8");
    assert_eq!(text(&mut xml).unwrap(), "<xformValues><a>b+c%</a><d>&lt;</d></xformValues>");
    let mut again = built(form, body);
    again.set_message_type(form);
    assert_eq!(text(&mut again).unwrap(), body);
    let mut binary = built("application/octet-stream", "a");
    binary.set_message_type("application/xml");
    assert!(text(&mut binary).unwrap().contains(">YQ==<"));
}

#[test]
fn what_has_no_form_is_a_fault() {
    let mut malformed = built("application/json", "{\"a\":1,}");
    malformed.set_message_type("application/xml");
    assert!(text(&mut malformed).is_err());
    let mut empty = built("application/xml", "");
    empty.set_message_type("application/json");
    assert_eq!(text(&mut empty).unwrap_err(), "Payload could not be written as JSON.");
    assert_eq!(text(&mut built("application/json", "")).unwrap(), "");
}

#[test]
fn answers_carry_the_charset_and_requests_do_not() {
    let message = built("application/json", "{}");
    assert_eq!(for_answer(&message).unwrap(), "application/json; charset=UTF-8");
    assert_eq!(for_request(&message).unwrap(), "application/json");
    let message = built("application/json; charset=utf-8", "{}");
    assert_eq!(for_answer(&message).unwrap(), "application/json; charset=utf-8");
    let mut message = built("application/json", "{}");
    message.axis2.set("setCharacterEncoding", "false");
    message.axis2.set("ContentType", "application/problem+json");
    assert_eq!(for_answer(&message).unwrap(), "application/problem+json");
    assert_eq!(for_request(&message).unwrap(), "application/problem+json");
}

#[test]
fn unread_bodies_keep_their_type() {
    let mut message = built("application/json", "{}");
    message.payload = Payload::Unread(WireBody::Full(Bytes::from_static(b"{}")));
    assert_eq!(for_answer(&message).unwrap(), "application/json");
    message.headers.set("Content-Type", "application/other");
    assert_eq!(for_answer(&message).unwrap(), "application/json");
}

#[test]
fn the_charset_property_encodes() {
    let mut message = built("application/xml", "<a>é</a>");
    message.axis2.set("CHARACTER_SET_ENCODING", "ISO-8859-1");
    assert_eq!(for_answer(&message).unwrap(), "application/xml; charset=ISO-8859-1");
    let WireBody::Full(bytes) = format(&mut message).unwrap() else { panic!() };
    assert_eq!(bytes.as_ref(), b"<a>\xe9</a>");
}

#[test]
fn a_converted_envelope_keeps_blocks_and_payload() {
    let mut envelope = Envelope::with_text(Soap::V11, "x");
    let header = envelope.header_mut();
    envelope.document_mut().add_element(header, artifacts::xml::Name::plain("h"));
    let other = envelope.converted(Soap::V12);
    let document = other.document();
    assert_eq!(other.version(), Soap::V12);
    assert!(document.child_named(other.header().unwrap(), "h").is_some());
    assert!(document.is_named(other.payload().unwrap(), crate::message::envelope::PAYLOAD_NS, "text"));
}
