//! Builders: what each media type becomes, and what cannot be understood.

use super::*;
use crate::message::{Headers, Wire, WireBody};
use http::{HeaderMap, HeaderValue, StatusCode};
use std::sync::Arc;

fn message(content_type: Option<&str>, method: Method) -> Message {
    let mut message = Message::new();
    message.rest = true;
    message.wire = Arc::new(Wire {
        method,
        target: "/x?q=1".into(),
        content_type: content_type.map(|t| HeaderValue::from_str(t).unwrap()),
        ..Wire::default()
    });
    message.payload = Payload::Unread(WireBody::Empty);
    message
}

fn post(content_type: &str) -> Message {
    message(Some(content_type), Method::POST)
}

fn built(message: &mut Message, body: &[u8]) -> Result<String, i32> {
    build_message(message, Bytes::copy_from_slice(body), 1 << 20).map_err(|fault| fault.number())?;
    let content = message.payload.content().unwrap();
    let envelope = content.envelope();
    Ok(envelope.payload().map(|node| envelope.document().node_to_xml(node)).unwrap_or_default())
}

#[test]
fn media_types_select_builders() {
    for (content_type, body, xml) in [
        ("application/xml", "<a>1</a>", "<a>1</a>"),
        ("text/xml; charset=UTF-8", "<a/>", "<a />"),
        ("application/json", r#"{"a":1}"#, "<jsonObject><a>1</a></jsonObject>"),
        ("application/vnd.any", "<a>1</a>", "<a>1</a>"),
        ("text/plain", "a<b", r#"<text xmlns="http://ws.apache.org/commons/ns/payload">a&lt;b</text>"#),
        (
            "application/x-www-form-urlencoded",
            "a=%31&2b=+&a=3",
            "<xformValues><q>1</q><a>1</a><a>3</a><_JsonReader_PD_2b>+</_JsonReader_PD_2b></xformValues>",
        ),
    ] {
        assert_eq!(built(&mut post(content_type), body.as_bytes()).unwrap(), xml, "{content_type}");
    }
    let binary = built(&mut post("application/pdf"), b"a").unwrap();
    assert!(binary.contains(">YQ==<"), "{binary}");
}

#[test]
fn soap_bodies_keep_their_envelope() {
    let mut message = post("application/soap+xml");
    message.rest = false;
    let text =
        r#"<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body><q/></e:Body></e:Envelope>"#;
    assert_eq!(built(&mut message, text.as_bytes()).unwrap(), "<q />");
    assert_eq!(message.payload.envelope().version(), Soap::V12);
}

#[test]
fn a_rest_answer_in_text_xml_is_no_envelope() {
    let text = r#"<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><q>1</q></e:Body></e:Envelope>"#;
    let mut message = post("text/xml");
    message.wire = Arc::new(Wire {
        content_type: Some(HeaderValue::from_static("text/xml")),
        status: Some(StatusCode::OK),
        response: true,
        ..Wire::default()
    });
    assert_eq!(built(&mut message, text.as_bytes()).unwrap(), text);
}

#[test]
fn errors_have_the_codes_of_the_parser_that_fails() {
    for (content_type, body, code) in [
        ("application/xml", "<a><b></a>", 0),
        ("application/xml", "no xml", 601_000),
        ("text/html", "<p>a<br>b", 601_000),
        ("application/vnd.any", "", 601_000),
        ("application/json", "no json", 0),
        ("application/json", "?", 0),
        ("application/json", "1e5", 0),
        ("multipart/form-data", "x", 601_000),
    ] {
        assert_eq!(built(&mut post(content_type), body.as_bytes()), Err(code), "{content_type} {body}");
    }
    let mut get = message(Some("application/json"), Method::GET);
    assert_eq!(built(&mut get, b"?").unwrap(), "");
}

#[test]
fn json_is_kept_byte_for_byte_and_not_parsed() {
    for body in ["{\"a\":1,}", "\u{feff}{\"a\": 1.0}", "  ", "", "-1.50", "\"x\""] {
        let mut message = post("application/json");
        built(&mut message, body.as_bytes()).unwrap();
        assert_eq!(&**message.payload.as_json().unwrap().text(), body);
    }
}

#[test]
fn empty_bodies_without_an_entity_say_so() {
    let mut octets = post("application/octet-stream");
    built(&mut octets, b"").unwrap();
    assert!(octets.axis2_flag("NO_ENTITY_BODY"));
    let mut delete = message(Some("application/json"), Method::DELETE);
    built(&mut delete, b"  ").unwrap();
    assert!(delete.axis2_flag("NO_ENTITY_BODY"));
    let mut json = post("application/json");
    built(&mut json, b"").unwrap();
    assert!(!json.axis2_flag("NO_ENTITY_BODY"));
}

#[test]
fn charsets_are_decoded() {
    let utf16: Vec<u8> = "<a>é</a>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let with_mark = [&[0xff, 0xfe][..], &utf16[..]].concat();
    assert_eq!(built(&mut post("application/xml"), &with_mark).unwrap(), "<a>é</a>");
    assert_eq!(built(&mut post("application/xml; charset=utf-16le"), &utf16).unwrap(), "<a>é</a>");
    assert_eq!(built(&mut post("application/xml; charset=ISO-8859-1"), b"<a>\xe9</a>").unwrap(), "<a>é</a>");
    let declared = b"<?xml version='1.0' encoding='iso-8859-1'?><a>\xe9</a>";
    assert_eq!(built(&mut post("application/xml"), declared).unwrap(), "<a>é</a>");
    assert_eq!(built(&mut post("application/xml"), b"\xef\xbb\xbf<a>1</a>").unwrap(), "<a>1</a>");
    assert_eq!(built(&mut post("application/xml"), b"<a>\xe9</a>"), Err(601_000));
}

#[test]
fn charsets_are_encoded_as_java_does() {
    assert_eq!(charset::encode("é€".into(), "ISO-8859-1").as_ref(), b"\xe9\x80");
    assert_eq!(charset::encode("aб".into(), "US-ASCII").as_ref(), b"a?");
    assert_eq!(charset::encode("a".into(), "UTF-16").as_ref(), [0xfe, 0xff, 0, b'a']);
    assert_eq!(charset::encode("é".into(), "nonsense").as_ref(), "é".as_bytes());
}

#[test]
fn gzip_bodies_are_inflated_with_a_cap() {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(format!("<a>{}</a>", "x".repeat(5000)).as_bytes()).unwrap();
    let zipped = encoder.finish().unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("content-encoding", HeaderValue::from_static("gzip"));
    let gzip = || {
        let mut message = post("application/xml");
        message.headers = Headers::from_map(headers.clone());
        message
    };
    assert_eq!(built(&mut gzip(), &zipped).unwrap().len(), 5007);
    assert_eq!(built(&mut gzip(), b"no gzip"), Err(601_000));
    let bomb = build_message(&mut gzip(), Bytes::from(zipped), 1000);
    assert!(bomb.unwrap_err().detail.contains("larger than 1000"));
    assert_eq!(built(&mut gzip(), b"").unwrap(), "");
}

#[test]
fn multipart_parts_become_elements() {
    let body = "--b\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\nv 1\r\n\
                --b\r\nContent-Disposition: form-data; name=\"u\"; filename=\"x.bin\"\r\n\
                Content-Type: application/octet-stream\r\n\r\nab\r\n--b--\r\n";
    let mut message = post("multipart/form-data; boundary=b");
    assert_eq!(built(&mut message, body.as_bytes()).unwrap(), "<mediate><f>v 1</f><u>YWI=</u></mediate>");
    assert_eq!(built(&mut post("multipart/form-data; boundary=b"), b"--b\r\nno end"), Err(601_000));
}
