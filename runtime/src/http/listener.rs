//! The HTTP/1.1 listener, plain or over TLS: accepts connections, bounds them, and drains them at the end.

use super::connection;
use super::pulse::Pulse;
use super::receive::Socket;
use super::stream::Stream;
use super::waker::Inner;
use super::workers::Assigned;
use super::{HeaderRules, Workers};
use crate::flow::{BoxFuture, Exchange};
use crate::message::Message;
use http::HeaderName;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use std::future::{Future as _, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

/// Runs the flow of one request. The answer goes into the exchange, before or at the end of the future.
///
/// When the future ends without an answer the client gets 202, or, when the exchange expects a reply,
/// what comes within the socket timeout. When the client goes away the future is run to its end
/// in the background.
pub trait Serve: Send + Sync + 'static {
    /// Starts the flow.
    fn serve(&self, message: Message, exchange: Arc<Exchange>) -> BoxFuture<'static, ()>;
}

/// Settings of one listener.
#[derive(Debug, Clone)]
pub struct ListenerOptions {
    /// How long a client waits for an expected answer before its connection is closed, and how long an
    /// idle connection is kept (MI's `socket_timeout`). Default 180 s.
    pub socket_timeout: Duration,
    /// Open connections at a time; more are closed at once. Default unlimited (`None`).
    pub max_open_connections: Option<usize>,
    /// Speaks TLS with it. Default plain (`None`).
    pub tls: Option<Arc<ServerConfig>>,
    /// Keep connections open between requests. Default true.
    pub keep_alive: bool,
    /// Threads that serve the connections; `None` serves them on the runtime that accepts.
    pub workers: Option<Arc<Workers>>,
    /// Header of the correlation id; `None` makes no ids. Default `activityid`.
    pub correlation: Option<HeaderName>,
    /// Which headers pass through.
    pub rules: HeaderRules,
    /// Largest body of an answer that is read into memory where its framing asks for it. Default 256 MiB.
    pub body_limit: usize,
    /// Largest request body; a larger one gets 413 and the connection is closed (MI's message size
    /// validation). Default unlimited (`None`).
    pub max_message_bytes: Option<usize>,
}

impl Default for ListenerOptions {
    fn default() -> Self {
        Self {
            socket_timeout: Duration::from_secs(180),
            max_open_connections: None,
            tls: None,
            keep_alive: true,
            workers: None,
            correlation: Some(HeaderName::from_static("activityid")),
            rules: HeaderRules::default(),
            body_limit: 256 * 1024 * 1024,
            max_message_bytes: None,
        }
    }
}

/// A bound socket that does not accept yet.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    options: ListenerOptions,
}

/// What all connections of a listener share.
pub(super) struct Shared {
    pub(super) serve: Arc<dyn Serve>,
    pub(super) options: ListenerOptions,
    pub(super) tasks: TaskTracker,
}

/// A listener at work. Dropping it does not stop it; [`Running::drain`] does.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    tasks: TaskTracker,
}

impl Listener {
    /// Binds the address. Fails when the port is in use.
    pub async fn bind(address: SocketAddr, options: ListenerOptions) -> io::Result<Self> {
        Ok(Self { socket: TcpListener::bind(address).await?, options })
    }

    /// The bound address, for port 0.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Starts accepting on the current runtime.
    pub fn start(self, serve: Arc<dyn Serve>) -> io::Result<Running> {
        let (stop, stopped) = watch::channel(false);
        let tasks = TaskTracker::new();
        let address = self.socket.local_addr()?;
        let shared = Arc::new(Shared { serve, options: self.options, tasks: tasks.clone() });
        tasks.spawn(accept(self.socket, shared, stopped));
        Ok(Running { address, stop, tasks })
    }
}

impl Running {
    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting, closes idle connections, and lets requests in flight finish, flows in the
    /// background included. `false` when the deadline passed before they did.
    pub async fn drain(&self, deadline: Duration) -> bool {
        self.stop.send_replace(true);
        self.tasks.close();
        tokio::time::timeout(deadline, self.tasks.wait()).await.is_ok()
    }
}

async fn accept(socket: TcpListener, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let slots = shared.options.max_open_connections.map(|max| Arc::new(Semaphore::new(max)));
    let stop = stopped.clone();
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            _ = stopped.wait_for(|stop| *stop) => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors or a connection that is gone already: others may be fine.
                tracing::warn!("a connection could not be accepted: {error}");
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
        };
        let permit = match &slots {
            Some(slots) => match slots.clone().try_acquire_owned() {
                Ok(permit) => Some(permit),
                Err(_full) => continue,
            },
            None => None,
        };
        start(stream, peer, shared.clone(), stop.clone(), permit);
    }
}

/// Gives a connection to a worker, or serves it here.
fn start(
    stream: TcpStream,
    peer: SocketAddr,
    shared: Arc<Shared>,
    stop: watch::Receiver<bool>,
    permit: Option<OwnedSemaphorePermit>,
) {
    let tasks = shared.tasks.clone();
    let workers = shared.options.workers.clone();
    let Some((worker, assigned)) = workers.as_ref().and_then(|workers| workers.assign()) else {
        tasks.spawn(serve_connection(stream, peer, shared, stop, permit));
        return;
    };
    // The socket leaves this runtime's reactor and joins the worker's.
    let Ok(stream) = stream.into_std() else { return };
    tasks.spawn_on(
        async move {
            let _assigned: Assigned = assigned;
            if let Ok(stream) = TcpStream::from_std(stream) {
                serve_connection(stream, peer, shared, stop, permit).await;
            }
        },
        worker,
    );
}

async fn serve_connection(
    stream: TcpStream,
    peer: SocketAddr,
    shared: Arc<Shared>,
    mut stopped: watch::Receiver<bool>,
    _permit: Option<OwnedSemaphorePermit>,
) {
    let (Ok(local), Ok(())) = (stream.local_addr(), stream.set_nodelay(true)) else { return };
    let limit = shared.options.socket_timeout;
    let socket = Socket { peer, local, secure: shared.options.tls.is_some() };
    let stream = match &shared.options.tls {
        None => Stream::Plain(stream),
        // Boxed: its state is large, and is not needed any more when requests come.
        Some(config) => match Box::pin(handshake(stream, config.clone(), limit, &mut stopped)).await {
            Ok(stream) => stream,
            Err(error) => {
                tracing::debug!(%peer, "no TLS connection: {error}");
                return;
            }
        },
    };
    let mut builder = http1::Builder::new();
    builder.keep_alive(shared.options.keep_alive);
    let pulse = Arc::<Pulse>::default();
    let idle = pulse.clone();
    let service =
        service_fn(move |request| connection::serve(shared.clone(), socket, pulse.clone(), request));
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let waker = Inner::new();
    let mut served = poll_fn(|cx| waker.poll(cx, |cx| connection.as_mut().poll(cx)));
    let ended = tokio::select! {
        result = &mut served => Some(result),
        () = stop_sign(&mut stopped) => None,
        () = idle.idle(limit) => return,
    };
    let result = match ended {
        Some(result) => result,
        None => {
            drop(served);
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%peer, "connection ended: {error}");
    }
}

/// Ends with an error when the client cannot agree, is too slow, or the listener stops.
async fn handshake(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    limit: Duration,
    stopped: &mut watch::Receiver<bool>,
) -> io::Result<Stream> {
    let accepted = tokio::time::timeout(limit, TlsAcceptor::from(config).accept(stream));
    tokio::select! {
        accepted = accepted => Ok(Stream::tls(accepted.map_err(|_elapsed| io::ErrorKind::TimedOut)??)),
        () = stop_sign(stopped) => Err(io::ErrorKind::Interrupted.into()),
    }
}

/// Waits until the listener stops, or is gone.
async fn stop_sign(stopped: &mut watch::Receiver<bool>) {
    let _gone = stopped.wait_for(|stop| *stop).await.is_err();
}
