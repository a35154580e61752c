//! Listener and client over real sockets: raw clients, raw backends, and flows made of closures.

mod backends;
mod clients;
mod tls;

use super::*;
use crate::flow::{Answer, BoxFuture, Exchange};
use crate::message::{Message, Value};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A flow as a closure.
struct Flow<F>(F);

impl<F> Serve for Flow<F>
where
    F: Fn(Message, Arc<Exchange>) -> BoxFuture<'static, ()> + Send + Sync + 'static,
{
    fn serve(&self, message: Message, exchange: Arc<Exchange>) -> BoxFuture<'static, ()> {
        (self.0)(message, exchange)
    }
}

async fn listen<F>(options: ListenerOptions, flow: F) -> Running
where
    F: Fn(Message, Arc<Exchange>) -> BoxFuture<'static, ()> + Send + Sync + 'static,
{
    let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0)), options).await.unwrap();
    listener.start(Arc::new(Flow(flow))).unwrap()
}

/// Answers with the request itself, as `<respond/>` does.
fn echo(message: Message, exchange: Arc<Exchange>) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        exchange.answer(Answer::Reply(Box::new(message)));
    })
}

/// Calls a backend and answers with its response.
fn pass(address: SocketAddr) -> impl Fn(Message, Arc<Exchange>) -> BoxFuture<'static, ()> {
    pass_to(Client::default(), format!("http://{address}/back"), Duration::from_millis(300))
}

fn pass_to(
    client: Client,
    url: String,
    limit: Duration,
) -> impl Fn(Message, Arc<Exchange>) -> BoxFuture<'static, ()> {
    move |mut message, exchange| {
        let (client, url) = (client.clone(), url.clone());
        Box::pin(async move {
            exchange.expect_reply();
            let method = message.wire.method.clone();
            let request = backend::request(&client, &mut message, method, &url).unwrap();
            let timeouts = Timeouts { response: limit, ..Timeouts::default() };
            match client.send(request, &timeouts).await {
                Ok(response) => backend::accept(&mut message, response),
                Err(failed) => {
                    message.headers.set("X-Code", &failed.error.code().to_string());
                    message.axis2.set("HTTP_SC", Value::Integer(503));
                    message.axis2.set("NO_ENTITY_BODY", Value::Boolean(true));
                }
            }
            exchange.answer(Answer::Reply(Box::new(message)));
        })
    }
}

/// Sends bytes and reads until the peer closes or half a second of silence.
async fn talk(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    read(&mut stream).await
}

async fn read(stream: &mut TcpStream) -> String {
    let mut out = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(Ok(count)) = tokio::time::timeout(Duration::from_millis(500), stream.read(&mut buffer)).await
    {
        if count == 0 {
            break;
        }
        out.extend_from_slice(&buffer[..count]);
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// A backend that reads one request per connection and sends fixed bytes, then closes.
async fn backend(answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = [0; 4096];
            let _request = stream.read(&mut buffer).await;
            let _sent = stream.write_all(answer).await;
        }
    });
    address
}
