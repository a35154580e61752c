//! The example projects, served and asked as their readers would do.

// This whole file is a test, helpers included.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::time::{Duration, Instant};

use harness::cases::Running;
use harness::check;
use harness::wire::{self, Message, Request};
use serde_json::{Value, json};

fn serve(project: &str) -> Running {
    let binary = harness::binary::server().unwrap();
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(project);
    Running::start(&binary, &dir).unwrap()
}

fn ask(server: &Running, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Message {
    let stream = wire::connect("127.0.0.1", server.port, Duration::from_secs(15)).unwrap();
    let request = Request {
        method: method.into(),
        target: target.into(),
        headers: headers.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        body: (!body.is_empty()).then(|| body.as_bytes().to_vec()),
        ..Request::default()
    };
    wire::exchange(stream, &request.bytes(&format!("127.0.0.1:{}", server.port)), method, Instant::now())
        .unwrap_or_else(|e| panic!("{method} {target}: {e:?}; log: {}", server.log()))
}

fn fits(server: &Running, message: &Message, expect: &Value) {
    if let Err(why) = check::message(message, expect) {
        panic!("{why}; log: {}", server.log());
    }
}

const JSON: (&str, &str) = ("Content-Type", "application/json");

#[test]
fn hello_greets() {
    let server = serve("hello");
    let m = ask(&server, "GET", "/hello", &[], "");
    fits(&server, &m, &json!({"status": 200, "json": {"hello": "world"}}));
    let m = ask(&server, "GET", "/hello/Ada?word=hi", &[], "");
    fits(&server, &m, &json!({"status": 200, "json": {"hi": "Ada"}}));
    let m = ask(&server, "GET", "/hello/Ada", &[], "");
    fits(&server, &m, &json!({"status": 200, "json": {"hello": "Ada"}}));
    assert!(server.log().contains("greeting Ada"), "{}", server.log());
}

#[test]
fn orders_are_booked_or_refused() {
    let server = serve("orders");
    let order = |sku: &str, quantity: u32| {
        ask(&server, "POST", "/orders", &[JSON], &json!({"sku": sku, "quantity": quantity}).to_string())
    };
    let booked = json!({"sku": "chair", "quantity": 2, "total": 99.0, "shipping": "SHIP-chair-2"});
    fits(&server, &order("chair", 2), &json!({"status": 201, "json": booked}));
    let short = json!({"error": "OUT_OF_STOCK", "message": "not enough of table"});
    fits(&server, &order("table", 2), &json!({"status": 409, "json": short}));
    fits(
        &server,
        &order("lamp", 1),
        &json!({"status": 404, "json_at": [{"path": "error", "equals": "UNKNOWN_ARTICLE"}]}),
    );
}

#[test]
fn quotes_collect_the_prices_of_all_lines() {
    let server = serve("orders");
    let lines = json!({"lines": [{"sku": "chair", "quantity": 2}, {"sku": "table", "quantity": 1}]});
    let m = ask(&server, "POST", "/orders/quote", &[JSON], &lines.to_string());
    let want = json!([{"sku": "chair", "sum": 99.0}, {"sku": "table", "sum": 180.25}]);
    fits(&server, &m, &json!({"status": 200, "json_unordered": want}));
}

#[test]
fn transform_changes_shapes_and_tells_bad_bodies() {
    let server = serve("transform");
    let xml = ("Content-Type", "application/xml");
    let m = ask(&server, "POST", "/transform/to-json", &[xml], "<c><name>Eva</name><n>3</n></c>");
    fits(&server, &m, &json!({"status": 200, "json": {"c": {"name": "Eva", "n": 3}}}));
    let body = json!({"first": "Eva", "last": "Mol", "since": 2019}).to_string();
    let m = ask(&server, "POST", "/transform/to-xml", &[JSON], &body);
    let want = "<customer xmlns='http://example.org/crm'><name>Eva Mol</name><since>2019</since></customer>";
    fits(&server, &m, &json!({"status": 200, "xml": want}));
    let body = json!({"people": [{"first": "a", "last": "b"}, {"first": "c", "last": "d"}]}).to_string();
    let m = ask(&server, "POST", "/transform/names", &[JSON], &body);
    fits(&server, &m, &json!({"status": 200, "json": {"names": ["b", "d"], "first": "a"}}));
    let m = ask(&server, "POST", "/transform/stamp", &[JSON, ("X-User", "me")], "{\"k\": [1]}");
    fits(&server, &m, &json!({"status": 200, "json": {"by": "me", "body": {"k": [1]}}}));
    // A body that breaks later is met by whoever looks that far, as in MI.
    let m = ask(&server, "POST", "/transform/to-json", &[xml], "no XML");
    fits(
        &server,
        &m,
        &json!({"status": 400, "json_at": [{"path": "error", "equals": "the body cannot be read"}]}),
    );
}
