//! What clients of all kinds get.

use super::*;

const GET: &[u8] = b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n";

#[tokio::test]
async fn an_echo_keeps_headers_and_is_chunked() {
    let running = listen(ListenerOptions::default(), echo).await;
    let request = b"POST /x HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nUser-Agent: u\r\nContent-Type: text/plain\r\n\
                    Content-Length: 3\r\n\r\nabcdef";
    let answer = talk(running.local_addr(), request).await.to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 200 ok\r\n"), "{answer}");
    assert!(answer.contains("x-a: 1") && answer.contains("content-type: text/plain\r\n"), "{answer}");
    assert!(
        answer.contains("transfer-encoding: chunked") && answer.contains("3\r\nabc\r\n0\r\n"),
        "{answer}"
    );
    assert!(!answer.contains("user-agent") && answer.contains("activityid: "), "{answer}");
    assert!(answer.contains("server: wso2-passthrough-http") && answer.contains("date: "), "{answer}");
}

#[tokio::test]
async fn methods_and_malformed_requests_get_their_status() {
    let running = listen(ListenerOptions::default(), echo).await;
    for (request, status) in [
        ("FOO / HTTP/1.1\r\nHost: h\r\n\r\n", "501"),
        ("get / HTTP/1.1\r\nHost: h\r\n\r\n", "200"),
        ("GET / HTTP/1.1\r\n\r\n", "200"),
        ("GET / HTTP/9.9\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nbad header\r\n\r\n", "400"),
        ("\u{1}\u{2}\r\n\r\n", "400"),
        ("POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "400"),
    ] {
        let answer = talk(running.local_addr(), request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request:?}: {answer:?}");
    }
    let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(600_000));
    let answer = talk(running.local_addr(), long.as_bytes()).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer:?}");
    assert!(talk(running.local_addr(), GET).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn damaged_requests_leave_the_listener_alive() {
    let running = listen(ListenerOptions::default(), echo).await;
    let mut seed = 7u64;
    for _ in 0..300 {
        let mut bytes =
            b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
                .to_vec();
        for _ in 0..3 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = (seed >> 33) as usize % bytes.len();
            bytes[at] = (seed >> 20) as u8;
        }
        let mut stream = TcpStream::connect(running.local_addr()).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
    }
    assert!(talk(running.local_addr(), GET).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let running = listen(ListenerOptions::default(), echo).await;
    let two = b"GET /1 HTTP/1.1\r\nX-N: one\r\n\r\nGET /2 HTTP/1.1\r\nX-N: two\r\nConnection: close\r\n\r\n";
    let answer = talk(running.local_addr(), two).await;
    let (one, rest) = answer.split_once("x-n: one").unwrap();
    assert!(one.starts_with("HTTP/1.1 200") && rest.contains("x-n: two"), "{answer}");
    assert!(rest.to_ascii_lowercase().contains("connection: close"), "{answer}");
}

#[tokio::test]
async fn expectations_are_met_when_the_body_is_read() {
    let running = listen(ListenerOptions::default(), echo).await;
    let head =
        b"POST /x HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
    let mut stream = TcpStream::connect(running.local_addr()).await.unwrap();
    stream.write_all(head).await.unwrap();
    let mut buffer = [0; 64];
    let count = stream.read(&mut buffer).await.unwrap();
    assert!(buffer[..count].starts_with(b"HTTP/1.1 100 Continue"));
    stream.write_all(b"abc").await.unwrap();
    assert!(read(&mut stream).await.contains("abc"));
}

#[tokio::test]
async fn no_answer_gives_202_or_a_closed_connection() {
    let accepted = listen(ListenerOptions::default(), |_, _| Box::pin(async {})).await;
    let answer = talk(accepted.local_addr(), GET).await;
    assert!(answer.starts_with("HTTP/1.1 202 Accepted"), "{answer}");
    let options =
        ListenerOptions { socket_timeout: Duration::from_millis(100), ..ListenerOptions::default() };
    let silent = listen(options, |_, exchange| {
        exchange.expect_reply();
        Box::pin(async {})
    })
    .await;
    assert_eq!(talk(silent.local_addr(), GET).await, "");
}

#[tokio::test]
async fn an_early_answer_is_sent_while_the_flow_goes_on() {
    let (sender, mut done) = tokio::sync::mpsc::channel(1);
    let running = listen(ListenerOptions::default(), move |_, exchange| {
        let sender = sender.clone();
        Box::pin(async move {
            exchange.answer(Answer::Accepted);
            tokio::time::sleep(Duration::from_millis(50)).await;
            sender.send(()).await.unwrap();
        })
    })
    .await;
    assert!(talk(running.local_addr(), GET).await.starts_with("HTTP/1.1 202"));
    done.recv().await.unwrap();
}

#[tokio::test]
async fn a_client_that_leaves_does_not_stop_its_flow() {
    let (started, mut has_started) = tokio::sync::mpsc::channel(1);
    let (sender, mut done) = tokio::sync::mpsc::channel(1);
    let running = listen(ListenerOptions::default(), move |_, _| {
        let (started, sender) = (started.clone(), sender.clone());
        Box::pin(async move {
            started.send(()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
            sender.send(()).await.unwrap();
        })
    })
    .await;
    let mut stream = TcpStream::connect(running.local_addr()).await.unwrap();
    stream.write_all(GET).await.unwrap();
    has_started.recv().await.unwrap();
    drop(stream);
    done.recv().await.unwrap();
}

#[tokio::test]
async fn a_panic_costs_one_request() {
    let running = listen(ListenerOptions::default(), |message, exchange| {
        assert!(&*message.wire.target != "/boom", "on purpose");
        echo(message, exchange)
    })
    .await;
    let boom = talk(running.local_addr(), b"GET /boom HTTP/1.1\r\n\r\n").await;
    assert!(boom.is_empty() || boom.starts_with("HTTP/1.1 500"), "{boom}");
    assert!(talk(running.local_addr(), GET).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn oversized_bodies_get_413_and_a_closed_connection() {
    let options = ListenerOptions { max_message_bytes: Some(5), ..ListenerOptions::default() };
    let running = listen(options, echo).await;
    for request in [
        "POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\nabcdef",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n0\r\n\r\n",
    ] {
        let answer = talk(running.local_addr(), request.as_bytes()).await.to_ascii_lowercase();
        assert!(answer.starts_with("http/1.1 413 ") && answer.contains("connection: close"), "{answer}");
    }
    let fits = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n";
    assert!(talk(running.local_addr(), fits).await.contains("abcde"));
}

#[tokio::test]
async fn connections_over_the_limit_are_closed() {
    let options = ListenerOptions { max_open_connections: Some(1), ..ListenerOptions::default() };
    let running = listen(options, echo).await;
    let mut first = TcpStream::connect(running.local_addr()).await.unwrap();
    first.write_all(GET).await.unwrap();
    assert!(read(&mut first).await.starts_with("HTTP/1.1 200"));
    let mut second = TcpStream::connect(running.local_addr()).await.unwrap();
    let _refused = second.write_all(GET).await;
    assert_eq!(read(&mut second).await, "");
    drop(first);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(talk(running.local_addr(), GET).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn draining_finishes_what_is_in_flight() {
    let running = listen(ListenerOptions::default(), |message, exchange| {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            exchange.answer(Answer::Reply(Box::new(message)));
        })
    })
    .await;
    let address = running.local_addr();
    let idle = TcpStream::connect(address).await.unwrap();
    let busy = tokio::spawn(async move { talk(address, GET).await });
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert!(running.drain(Duration::from_secs(2)).await);
    assert!(busy.await.unwrap().starts_with("HTTP/1.1 200"));
    assert!(TcpStream::connect(address).await.is_err());
    drop(idle);
}

#[tokio::test]
async fn a_drain_that_takes_too_long_is_given_up() {
    let running = listen(ListenerOptions::default(), |_, _| Box::pin(std::future::pending())).await;
    let mut stream = TcpStream::connect(running.local_addr()).await.unwrap();
    stream.write_all(GET).await.unwrap();
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert!(!running.drain(Duration::from_millis(50)).await);
}

#[tokio::test]
async fn heads_and_old_clients_get_no_framing_they_cannot_use() {
    let running = listen(ListenerOptions::default(), |mut message, exchange| {
        message.payload = crate::message::Payload::Unread(crate::message::WireBody::Full("abc".into()));
        message.axis2.set("NO_ENTITY_BODY", Value::Boolean(false));
        echo(message, exchange)
    })
    .await;
    let head = talk(running.local_addr(), b"HEAD / HTTP/1.1\r\n\r\n").await.to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200") && head.ends_with("\r\n\r\n"), "{head}");
    assert!(!head.contains("content-length") && !head.contains("transfer-encoding"), "{head}");
    let old = talk(running.local_addr(), b"GET / HTTP/1.0\r\n\r\n").await.to_ascii_lowercase();
    assert!(old.ends_with("\r\n\r\nabc") && !old.contains("transfer-encoding"), "{old}");
    assert!(!old.contains("content-length"), "{old}");
}

#[tokio::test]
async fn the_status_follows_the_properties() {
    for (name, value, status) in [
        ("HTTP_SC", Value::from("404"), "404"),
        ("HTTP_SC", Value::Integer(418), "418"),
        ("HTTP_SC", Value::from("x"), "200"),
        ("SC_ACCEPTED", Value::from("true"), "202"),
        ("ERROR_CODE", Value::Integer(101_504), "502"),
    ] {
        let running = listen(ListenerOptions::default(), move |mut message, exchange| {
            message.axis2.set(name, value.clone());
            echo(message, exchange)
        })
        .await;
        let answer = talk(running.local_addr(), GET).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{name}: {answer}");
    }
}

#[tokio::test]
async fn etags_spare_the_body() {
    let running = listen(ListenerOptions::default(), |mut message, exchange| {
        message.axis2.set("HTTP_ETAG", Value::Boolean(true));
        echo(message, exchange)
    })
    .await;
    let post = "POST / HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n";
    let first = talk(running.local_addr(), format!("{post}\r\na").as_bytes()).await;
    let tag = first.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().to_owned();
    let again = format!("{post}If-None-Match: {tag}\r\n\r\na");
    assert!(talk(running.local_addr(), again.as_bytes()).await.starts_with("HTTP/1.1 304"));
}

#[tokio::test]
async fn a_soap_client_gets_its_version_back() {
    use crate::message::{Envelope, Payload, Soap};
    let running = listen(ListenerOptions::default(), |mut message, exchange| {
        message.payload = Payload::xml(Envelope::with_text(Soap::V12, "x"));
        message.set_message_type("application/soap+xml");
        echo(message, exchange)
    })
    .await;
    let request =
        b"POST / HTTP/1.1\r\nSOAPAction: \"a\"\r\nContent-Type: text/xml\r\nContent-Length: 1\r\n\r\n ";
    let answer = talk(running.local_addr(), request).await;
    assert!(answer.contains("content-type: text/xml; charset=UTF-8"), "{answer}");
    assert!(answer.contains("http://schemas.xmlsoap.org/soap/envelope/"), "{answer}");
}
