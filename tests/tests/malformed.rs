//! Ten thousand malformed requests against a running server: it stays alive, and serves a good
//! request afterwards.

// This whole file is a test, helpers included.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use harness::cases::Running;
use harness::damage::{Dice, damage};
use harness::wire::{self, Request};

const REQUESTS: u64 = 10_000;

const API: &str = r#"<api xmlns="http://ws.apache.org/ns/synapse" name="Echo" context="/echo">
  <resource methods="POST GET" uri-template="/{id}">
    <inSequence>
      <property name="seen" expression="//a"/>
      <payloadFactory media-type="json"><format>{"id": "$1"}</format><args><arg expression="$ctx:uri.var.id"/></args></payloadFactory>
      <respond/>
    </inSequence>
  </resource>
</api>"#;

/// Requests to start the damage from.
const GOOD: [&str; 6] = [
    "GET /echo/1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "POST /echo/1 HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\nConnection: close\r\n\r\n{\"a\": [1]}",
    "POST /echo/1 HTTP/1.1\r\nHost: a\r\nContent-Type: text/xml\r\nContent-Length: 12\r\nConnection: close\r\n\r\n<a><b>1</b></a>",
    "POST /echo/1 HTTP/1.1\r\nHost: a\r\nContent-Type: application/xml\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n4\r\n<a/>\r\n0\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "POST /services/none HTTP/1.0\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 30\r\n\r\n--x\r\nContent-Disposition: x\r\n\r\n",
];

#[test]
fn malformed_requests_leave_the_server_alive() {
    let project = tempfile::tempdir().unwrap();
    let apis = project.path().join("src/main/wso2mi/artifacts/apis");
    std::fs::create_dir_all(&apis).unwrap();
    std::fs::write(apis.join("Echo.xml"), API).unwrap();
    let mut server = start(project.path());
    good(server.port);
    std::thread::scope(|scope| {
        for part in 0..8 {
            let port = server.port;
            scope.spawn(move || (part..REQUESTS).step_by(8).for_each(|seed| bad(port, seed)));
        }
    });
    assert!(server.is_alive(), "the server ended; log: {}", server.log());
    good(server.port);
    assert!(!server.log().contains("panicked"), "a panic: {}", server.log());
}

fn start(project: &Path) -> Running {
    let binary = harness::binary::server().unwrap();
    Running::start(&binary, project).unwrap()
}

/// Sends damage, reads whatever comes for a moment, goes away. Nothing that happens to this
/// connection matters.
fn bad(port: u16, seed: u64) {
    let mut dice = Dice::new(seed);
    let text = damage(GOOD[dice.below(GOOD.len())].as_bytes(), &mut dice);
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return };
    stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    let cut = dice.below(text.len() + 1);
    stream.write_all(&text[..cut]).ok();
    stream.write_all(&text[cut..]).ok();
    if dice.below(3) > 0 {
        stream.shutdown(Shutdown::Write).ok();
        std::io::BufRead::fill_buf(&mut std::io::BufReader::new(&stream)).ok();
    }
}

fn good(port: u16) {
    let stream = wire::connect("127.0.0.1", port, Duration::from_secs(10)).unwrap();
    let request = Request {
        method: "POST".into(),
        target: "/echo/7".into(),
        headers: vec![("Content-Type".into(), "application/xml".into())],
        body: Some(b"<a>1</a>".to_vec()),
        ..Request::default()
    };
    let answer = wire::exchange(stream, &request.bytes("h"), "POST", Instant::now()).unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (200, "{\"id\": \"7\"}"));
}
