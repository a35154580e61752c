use crate::mediators::parts::testing::{body, run, verdicts, xml};
use crate::message::Message;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

#[test]
fn grammar() {
    verdicts(
        &[
            "<callout/>",
            "<callout serviceURL='u' initAxis2ClientOptions='TRUE'><source xpath='//a'/><target key='k'/></callout>",
            "<callout><source type='envelope'/></callout>",
            "<callout><enableSec policy='p'/></callout>",
        ],
        &[
            "<callout initAxis2ClientOptions='1'/>",
            "<callout><source/></callout>",
            "<callout><target/></callout>",
            "<callout><source xpath=''/></callout>",
            "<callout><enableSec/></callout>",
        ],
    );
}

/// A backend for one request: answers `<answer/>` and gives back what it read.
async fn backend() -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    let request = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut read = Vec::new();
        while !read.ends_with(b"0\r\n\r\n") {
            assert!(stream.read_buf(&mut read).await.unwrap() > 0, "the request ended early");
        }
        let head = "HTTP/1.1 201 Created\r\nX-Back: 1\r\nContent-Type: application/xml\r\nContent-Length: 9";
        stream.write_all(format!("{head}\r\n\r\n<answer/>").as_bytes()).await.unwrap();
        String::from_utf8(read).unwrap()
    });
    (url, request)
}

fn rest(text: &str) -> Message {
    let mut message = xml(text);
    message.rest = true;
    message.axis2.set("HTTP_METHOD", "POST");
    message
}

#[tokio::test]
async fn a_part_goes_out_and_the_answer_takes_the_place_of_a_part() {
    let (url, request) = backend().await;
    let mut message = rest("<all><ask/><put/></all>");
    message.headers.set("X-Ask", "1");
    run(
        &format!(
            "<callout serviceURL='{url}' action='urn:a'><source xpath='//ask'/><target xpath='//put'/></callout>"
        ),
        &mut message,
    )
    .await;
    let request = request.await.unwrap();
    assert!(request.contains("<ask />") && !request.contains("<all>"), "{request}");
    assert!(request.contains("x-ask: 1") && request.contains("soapaction: urn:a"), "{request}");
    assert_eq!(body(&message), "<all><ask /><answer /></all>");
    assert_eq!(message.axis2_text("HTTP_SC").as_deref(), Some("201"));
    assert!(message.headers.contains("X-Ask") && !message.headers.contains("X-Back"));
    assert!(message.addressing.action.is_none());
}

#[tokio::test]
async fn properties_hold_question_and_answer() {
    let (url, request) = backend().await;
    let mut message = rest("<all/>");
    run(
        &format!(
            "<property name='q'><ask/></property>\
             <callout serviceURL='{url}'><source key='q'/><target key='answer'/></callout>"
        ),
        &mut message,
    )
    .await;
    assert!(request.await.unwrap().contains("<ask"));
    assert_eq!(body(&message), "<all />");
    assert_eq!(message.property("answer").unwrap().text(), "<answer />");
}

#[tokio::test]
async fn without_parts_whole_bodies_are_exchanged() {
    let (url, request) = backend().await;
    let mut message = rest("<all/>");
    message.properties.set("BLOCKING_SENDER_PRESERVE_REQ_HEADERS", "false");
    run(&format!("<callout serviceURL='{url}'/>"), &mut message).await;
    assert!(request.await.unwrap().contains("<all />"));
    assert_eq!(body(&message), "<answer />");
    assert_eq!(message.headers.get("X-Back").as_deref(), Some("1"));
}

#[tokio::test]
async fn what_selects_nothing_is_a_fault() {
    for part in ["<source xpath='//none'/>", "<source key='none'/>"] {
        let mut message = rest("<all/>");
        run(&format!("<callout serviceURL='http://127.0.0.1:1/'>{part}</callout>"), &mut message).await;
        assert!(message.property("ERROR_MESSAGE").is_some(), "{part}");
    }
}
