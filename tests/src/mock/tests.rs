use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::*;
use crate::check;
use crate::wire::{self, Broken, Request};

fn backend(spec: Value) -> Backend {
    let mut b = Backend::start("be").unwrap();
    b.set(spec).unwrap();
    b
}

fn ask(
    b: &Backend,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<Message, Broken> {
    let stream = wire::connect("127.0.0.1", b.port, Duration::from_secs(5))?;
    let request = Request {
        method: method.into(),
        target: target.into(),
        headers: headers.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        body: (!body.is_empty()).then(|| body.as_bytes().to_vec()),
        ..Request::default()
    };
    wire::exchange(stream, &request.bytes("h"), method, Instant::now())
}

#[test]
fn routes_are_tried_in_order_and_used_up() {
    let b = backend(json!({
        "routes": [
            {"method": "get", "path": "/a", "times": 1, "respond": {"status": 201, "body": "first"}},
            {"path_matches": "/a.*", "when": {"headers": {"X": "1"}}, "respond": {"json": {"k": [1]}}},
            {"when": {"body_contains": "hey", "target_contains": "?q"}, "respond": {"echo": true, "chunked": true}},
        ],
        "default": {"status": 418, "headers": {"A": ["1", "2"]}},
    }));
    assert_eq!(ask(&b, "GET", "/a", &[], "").unwrap().status, 201);
    let second = ask(&b, "GET", "/a", &[("X", "1")], "").unwrap();
    assert_eq!(second.body, b"{\"k\": [1]}");
    assert_eq!(wire::values(&second.headers, "content-type"), ["application/json"]);
    let third = ask(&b, "PUT", "/z?q=1", &[("Content-Type", "a/b")], "hey you").unwrap();
    assert_eq!(
        (third.body.as_slice(), wire::values(&third.headers, "content-type")),
        (&b"hey you"[..], vec!["a/b"])
    );
    let last = ask(&b, "GET", "/a", &[], "").unwrap();
    assert_eq!((last.status, wire::values(&last.headers, "A")), (418, vec!["1", "2"]));
    let seen = b.requests();
    assert_eq!(seen.len(), 4);
    assert_eq!((seen[2].path(), seen[2].target.as_str()), ("/z", "/z?q=1"));
}

#[test]
fn raw_and_closing_answers() {
    let b = backend(json!({"routes": [
        {"path": "/raw", "respond": {"raw": "HTTP/1.1 299 Odd\r\nContent-Length: 1\r\n\r\nx"}},
        {"path": "/close", "respond": {"close": true}},
    ]}));
    assert_eq!(ask(&b, "GET", "/raw", &[], "").unwrap().status, 299);
    assert!(matches!(ask(&b, "GET", "/close", &[], ""), Err(Broken::Closed(_))));
    assert_eq!(ask(&b, "GET", "/else", &[], "").unwrap().status, 404);
}

#[test]
fn a_backend_that_is_down_refuses_and_comes_back_on_its_port() {
    let mut b = backend(json!({"builtin": "echo", "down": true}));
    let port = b.port;
    assert!(matches!(ask(&b, "POST", "/", &[], "x"), Err(Broken::Closed(_))));
    b.up().unwrap();
    assert_eq!(ask(&b, "POST", "/", &[], "x").unwrap().body, b"x");
    b.down().unwrap();
    assert!(matches!(ask(&b, "POST", "/", &[], "x"), Err(Broken::Closed(_))));
    b.up().unwrap();
    assert_eq!((ask(&b, "POST", "/", &[], "y").unwrap().body.as_slice(), b.port), (&b"y"[..], port));
}

#[test]
fn a_process_started_meanwhile_does_not_keep_the_port_open() {
    let mut b = backend(json!({"builtin": "echo"}));
    let mut child = std::process::Command::new("sleep").arg("30").spawn().unwrap();
    b.down().unwrap();
    assert!(matches!(ask(&b, "POST", "/", &[], "x"), Err(Broken::Closed(_))));
    child.kill().unwrap();
    child.wait().unwrap();
}

const QUOTE: &str = "<ns:getQuote xmlns:ns='http://services.samples'><ns:request><ns:symbol>SYM</ns:symbol>\
                     </ns:request></ns:getQuote>";

fn soap(version: &str, inner: &str) -> String {
    let space = if version == "1.2" { xml_space::SOAP12 } else { xml_space::SOAP11 };
    format!("<s:Envelope xmlns:s='{space}'><s:Body>{inner}</s:Body></s:Envelope>")
}

use crate::xml as xml_space;

#[test]
fn stock_quotes_answer_in_the_form_of_the_request() {
    let b = backend(json!({"builtin": "stockquote"}));
    let path = "/services/SimpleStockQuoteService";
    let m = ask(&b, "POST", path, &[("SOAPAction", "\"urn:getQuote\"")], &soap("1.1", QUOTE)).unwrap();
    let name = json!({"xml_find": [{"path": ".//{http://services.samples/xsd}name", "text": "SYM Company"}]});
    check::message(&m, &name).unwrap();
    let m = ask(&b, "POST", path, &[], QUOTE).unwrap();
    check::message(&m, &name).unwrap();
    assert_eq!(wire::values(&m.headers, "Content-Type"), ["application/xml; charset=UTF-8"]);
    let order = "<placeOrder/>";
    assert_eq!(ask(&b, "POST", path, &[], order).unwrap().status, 202);
    let m = ask(&b, "POST", path, &[], &soap("1.2", &QUOTE.replace("SYM", "ERR"))).unwrap();
    let want = json!({"version": "1.2", "code": "Receiver", "reason": "Invalid stock symbol : ERR"});
    check::message(&m, &json!({"status": 500, "soap_fault": want})).unwrap();
    let m = ask(&b, "POST", "/services/SimpleStockQuoteService1", &[], QUOTE).unwrap();
    check::message(&m, &json!({"soap_fault": {"version": "1.1", "code": "Client"}})).unwrap();
    let full = QUOTE.replace("getQuote", "getFullQuote");
    let days = json!({"xml_find": [{"path": ".//{*}tradeHistory", "count": 365}]});
    check::message(&ask(&b, "POST", path, &[], &full).unwrap(), &days).unwrap();
}

#[test]
fn the_load_service_names_its_server() {
    let b = backend(json!({"builtin": "lbservice", "server_name": "one"}));
    let m = ask(&b, "POST", "/", &[], &soap("1.1", "<p:sampleOperation xmlns:p='u'/>")).unwrap();
    let want = "<sampleOperation xmlns='u'>Response from server: one</sampleOperation>";
    check::message(&m, &json!({ "soap_body": want })).unwrap();
    let sleep = soap("1.1", "<p:sleepOperation xmlns:p='u'><p:load>150</p:load></p:sleepOperation>");
    let m = ask(&b, "POST", "/", &[], &sleep).unwrap();
    check::message(&m, &json!({"elapsed_ms": {"min": 150}, "body": {"contains": "server: one"}})).unwrap();
}

#[test]
fn dates_are_civil() {
    let s = samples::civil(std::time::UNIX_EPOCH + Duration::from_secs(951_782_400));
    assert_eq!((s.weekday, s.day, s.month, s.year), ("Tue", 29, "Feb", 2000));
    let s = samples::civil(std::time::UNIX_EPOCH);
    assert_eq!((s.weekday, s.day, s.month, s.year, s.hour), ("Thu", 1, "Jan", 1970, 0));
}
