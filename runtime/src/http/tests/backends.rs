//! What backends of all kinds do to a call, and what the client sees of it.

use super::*;

const POST: &[u8] =
    b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nabc";

async fn through(backend: SocketAddr) -> String {
    let running = listen(ListenerOptions::default(), pass(backend)).await;
    talk(running.local_addr(), POST).await.to_ascii_lowercase()
}

#[tokio::test]
async fn an_answer_passes_through() {
    let address = backend(
        b"HTTP/1.1 201 Made It\r\nServer: s\r\nContent-Type: text/x\r\nLocation: http://o/p\r\n\
          Content-Length: 2\r\nX-A: 1\r\nX-A: 2\r\n\r\nok",
    )
    .await;
    let answer = through(address).await;
    assert!(answer.starts_with("http/1.1 201 made it\r\n"), "{answer}");
    assert!(answer.contains("server: s\r\n") && answer.contains("content-type: text/x\r\n"), "{answer}");
    assert!(answer.contains("x-a: 1\r\n") && answer.contains("x-a: 2\r\n"), "{answer}");
    assert!(answer.contains("location: http://o/p") && answer.contains("2\r\nok\r\n0\r\n"), "{answer}");
}

#[tokio::test]
async fn failures_have_their_codes() {
    let refused = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert!(through(refused).await.contains("x-code: 101503"));
    assert!(through(backend(b"").await).await.contains("x-code: 101508"));
    assert!(through(backend(b"HELLO THERE\r\n\r\n").await).await.contains("x-code: 101509"));
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    assert!(through(silent.local_addr().unwrap()).await.contains("x-code: 101507"));
}

#[tokio::test]
async fn the_answer_of_a_backend_that_breaks_off_ends_there() {
    let address = backend(b"HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nContent-Length: 100\r\n\r\nabc").await;
    let running = listen(ListenerOptions::default(), pass(address)).await;
    let answer = talk(running.local_addr(), POST).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("0\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn workers_serve_as_well() {
    let workers = Workers::start(2).unwrap();
    let options = ListenerOptions { workers: Some(workers.clone()), ..ListenerOptions::default() };
    let echo = listen(options.clone(), echo).await;
    let running = listen(options, pass(echo.local_addr())).await;
    for _ in 0..4 {
        assert!(talk(running.local_addr(), POST).await.contains("abc"));
    }
    assert!(running.drain(Duration::from_secs(2)).await);
}

#[tokio::test]
async fn connections_are_used_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let count = tokio::spawn(async move {
        let mut connections = 0;
        while let Ok(Ok((mut stream, _))) =
            tokio::time::timeout(Duration::from_millis(400), listener.accept()).await
        {
            connections += 1;
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {
                    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
                }
            });
        }
        connections
    });
    let client = Client::default();
    for _ in 0..5 {
        let mut message = Message::new();
        let url = format!("http://{address}/x");
        let request = backend::request(&client, &mut message, http::Method::GET, &url).unwrap();
        let response = client.send(request, &Timeouts::default()).await.unwrap();
        assert_eq!(response.body.read(10).await.unwrap().as_ref(), b"ok");
    }
    assert_eq!(count.await.unwrap(), 1);
}

#[tokio::test]
async fn a_stale_connection_is_replaced() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = [0; 4096];
            let _request = stream.read(&mut buffer).await;
            // Promises to keep the connection, and closes it.
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
        }
    });
    let client = Client::default();
    for _ in 0..3 {
        let url = format!("http://{address}/x");
        let request = backend::request(&client, &mut Message::new(), http::Method::POST, &url);
        let response = client.send(request.unwrap(), &Timeouts::default()).await.unwrap();
        assert_eq!(response.body.read(10).await.unwrap().as_ref(), b"ok");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn large_bodies_stream_both_ways() {
    let listener = listen(ListenerOptions::default(), echo).await;
    let running = listen(ListenerOptions::default(), pass(listener.local_addr())).await;
    let body = "x".repeat(3_000_000);
    let request = format!(
        "POST / HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(running.local_addr()).await.unwrap();
    let (mut reader, mut writer) = stream.split();
    let mut out = Vec::new();
    let mut buffer = vec![0; 65_536];
    let write = async { writer.write_all(request.as_bytes()).await.unwrap() };
    let read = async {
        while !out.ends_with(b"0\r\n\r\n") {
            let count = reader.read(&mut buffer).await.unwrap();
            assert!(count > 0, "the answer ended early");
            out.extend_from_slice(&buffer[..count]);
        }
    };
    tokio::join!(write, read);
    let body_at = out.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    assert_eq!(out[body_at..].iter().filter(|byte| **byte == b'x').count(), 3_000_000);
}

#[tokio::test]
async fn requests_are_framed_as_asked() {
    for (properties, expected, unexpected) in [
        (&[][..], "transfer-encoding: chunked", "content-length"),
        (&["DISABLE_CHUNKING"][..], "content-length: 3", "transfer-encoding"),
        (&["FORCE_HTTP_1.0"][..], " http/1.0\r\n", "transfer-encoding"),
        (&["NO_KEEPALIVE"][..], "connection: close", "keep-alive"),
        (&["FULL_URI"][..], "post http://127.0.0.1:", "post /back"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let text = read(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
            text.to_ascii_lowercase()
        });
        let mut message = Message::new();
        message.payload = crate::message::Payload::Unread(crate::message::WireBody::Full("abc".into()));
        for property in properties {
            message.axis2.set(property, "true");
        }
        let (client, url) = (Client::default(), format!("http://{address}/back"));
        let request = backend::request(&client, &mut message, http::Method::POST, &url);
        client.send(request.unwrap(), &Timeouts::default()).await.unwrap();
        let seen = seen.await.unwrap();
        assert!(seen.contains(expected) && !seen.contains(unexpected), "{properties:?}: {seen}");
        assert!(seen.contains("user-agent: synapse-pt-httpcomponents-nio"), "{seen}");
    }
}
