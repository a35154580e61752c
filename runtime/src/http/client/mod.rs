//! The pooled HTTP/1.1 client, plain or over TLS. Requests and answers stream; who reads an answer drives its connection.

mod error;
mod link;
mod pool;

pub use error::{CONNECTING, SENDING, SendError, State, Unanswered};
pub use pool::{Origin, PoolLimits};

use super::stream::Stream;
use super::target::TargetError;
use super::{HeaderRules, OutBody, Target};
use crate::message::WireBody;
use crate::tls::Sender;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, Version, header};
use http_body_util::combinators::UnsyncBoxBody;
use link::{Failed, Link, Relay};
use pool::Pool;
use rustls::pki_types::ServerName;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// A request as it goes out; [`super::backend::request`] makes one from a message.
#[derive(Debug)]
pub struct OutRequest {
    /// Where to, from [`Client::origin`] of the client that sends it.
    pub origin: Arc<Origin>,
    /// Method.
    pub method: Method,
    /// Request target: path and query, or the absolute form.
    pub uri: Uri,
    /// HTTP/1.1, or 1.0 when that is forced.
    pub version: Version,
    /// Keep the connection afterwards?
    pub keep_alive: bool,
    /// Header fields of the message and `Host`; what does not pass through is dropped on the way out.
    pub headers: HeaderMap,
    /// Body with its framing.
    pub body: OutBody,
}

/// An answer; [`super::backend::accept`] makes it the message.
#[derive(Debug)]
pub struct InResponse {
    /// Status.
    pub status: StatusCode,
    /// Reason phrase, when it is not the usual one.
    pub reason: Option<String>,
    /// Header fields.
    pub headers: HeaderMap,
    /// Unread body.
    pub body: WireBody,
    /// Does the method and status allow a body?
    pub no_entity: bool,
}

/// How long a backend may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// Until the connection stands, the handshake of TLS included. Default 15 s.
    pub connect: Duration,
    /// From then to the head of the answer (MI's `socket_timeout`). Default 180 s. [`Duration::MAX`] is
    /// for callers that stop waiting by themselves, and saves a timer.
    pub response: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(15), response: Duration::from_secs(180) }
    }
}

/// Settings of a client.
#[derive(Debug, Clone, Default)]
pub struct ClientOptions {
    /// What keeps the pool small.
    pub pool: PoolLimits,
    /// Which headers pass through.
    pub rules: HeaderRules,
    /// TLS of `https` backends. The default trusts the system's roots.
    pub tls: Arc<Sender>,
}

/// The client. Cheap to clone; clones share the pool.
#[derive(Clone, Default)]
pub struct Client {
    pool: Arc<Pool>,
    rules: Arc<HeaderRules>,
    tls: Arc<Sender>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}

impl Client {
    /// A client with a pool of its own.
    pub fn new(options: ClientOptions) -> Self {
        Self { pool: Arc::new(Pool::new(options.pool)), rules: Arc::new(options.rules), tls: options.tls }
    }

    /// Where a URL leads, and its path with query (`/` when there is none). User information and fragment
    /// are dropped. `profile` says as which client of an SSL profile; connections of different ones are
    /// kept apart.
    ///
    /// # Errors
    /// It is no absolute `http` or `https` URL with a usable host and port.
    pub fn origin<'u>(
        &self,
        url: &'u str,
        profile: Option<&str>,
    ) -> Result<(Arc<Origin>, &'u str), TargetError> {
        self.pool.origin(url, profile)
    }

    /// Sends a request and waits for the head of the answer. Dropping the future closes the connection.
    ///
    /// A request that met a connection which the backend had just closed, and of which nothing was sent,
    /// goes out again on another one. The error gives back a body of which nothing was sent.
    pub async fn send(&self, request: OutRequest, timeouts: &Timeouts) -> Result<InResponse, Unanswered> {
        let OutRequest { origin, method, uri, version, keep_alive, mut headers, body } = request;
        self.rules.clean_request(&mut headers);
        let connection = if keep_alive { "Keep-Alive" } else { "Close" };
        headers.insert(header::CONNECTION, HeaderValue::from_static(connection));
        let head = method == Method::HEAD;
        let mut request = http::Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.version_mut() = version;
        *request.headers_mut() = headers;
        loop {
            let link = match origin.take() {
                Some(link) => link,
                None => match connect(&origin, &self.tls, timeouts.connect).await {
                    Ok(link) => link,
                    Err(error) => return Err(Unanswered { error, body: Some(body_of(request)) }),
                },
            };
            let reused = link.reused;
            // Pinned here: it is large, and would be moved once more for each way to wait for it.
            let exchange = pin!(link.exchange(request));
            let result = match timeouts.response {
                Duration::MAX => exchange.await,
                limit => match timeout(limit, exchange).await {
                    Ok(result) => result,
                    Err(_elapsed) => {
                        let error = SendError::timeout(State::RequestDone, &origin.target);
                        return Err(Unanswered { error, body: None });
                    }
                },
            };
            match result {
                Ok(response) => return Ok(in_response(response, head)),
                Err(Failed { unsent: Some(again), .. }) if reused => request = *again,
                Err(failed) => {
                    let body = failed.unsent.map(|request| body_of(*request));
                    return Err(Unanswered { error: failed.error, body });
                }
            }
        }
    }
}

fn body_of(request: http::Request<OutBody>) -> WireBody {
    request.into_body().into_inner()
}

async fn connect(origin: &Arc<Origin>, tls: &Sender, limit: Duration) -> Result<Box<Link>, SendError> {
    let target = &origin.target;
    let stream = timeout(limit, stream(target, tls))
        .await
        .map_err(|_elapsed| SendError::connect_timeout(target))??;
    Link::open(stream, origin.clone()).await
}

async fn stream(target: &Target, tls: &Sender) -> Result<Stream, SendError> {
    let failed = |error| SendError::connect(target, &error);
    let stream = TcpStream::connect((target.host.as_str(), target.port)).await.map_err(failed)?;
    // Without it small requests wait for the acknowledgement of the one before.
    stream.set_nodelay(true).map_err(failed)?;
    if !target.secure {
        return Ok(Stream::Plain(stream));
    }
    // Boxed: its state is large, and most connections are plain.
    Box::pin(secured(stream, target, tls)).await
}

/// The handshake, with the host's name for servers that have several certificates (SNI).
async fn secured(stream: TcpStream, target: &Target, tls: &Sender) -> Result<Stream, SendError> {
    let name = ServerName::try_from(target.host.clone())
        .map_err(|_invalid| SendError::handshake(target, "the host is no name of DNS"))?;
    let config = tls.config(&target.host, target.port, target.client.as_deref());
    let config = config.map_err(|error| SendError::handshake(target, error))?;
    let stream = TlsConnector::from(config).connect(name, stream).await;
    stream.map(Stream::tls).map_err(|error| SendError::handshake(target, error))
}

fn in_response(response: http::Response<Relay>, head: bool) -> InResponse {
    let (parts, body) = response.into_parts();
    let body = match http_body::Body::is_end_stream(&body) {
        true => WireBody::Empty,
        false => WireBody::Stream(UnsyncBoxBody::new(body)),
    };
    InResponse::of(parts, body, head)
}

impl InResponse {
    /// An answer from its parts. `head`: the request was a HEAD.
    pub(super) fn of(parts: http::response::Parts, body: WireBody, head: bool) -> Self {
        let reason = parts.extensions.get::<hyper::ext::ReasonPhrase>();
        Self {
            status: parts.status,
            reason: reason.map(|r| String::from_utf8_lossy(r.as_bytes()).into_owned()),
            headers: parts.headers,
            body,
            no_entity: head || matches!(parts.status.as_u16(), 204 | 304),
        }
    }
}
