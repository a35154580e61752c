//! A TCP proxy between one node and the database, with faults that are switched while it runs.
//!
//! It listens on a port of its own on 127.0.0.1. What it does with connections and bytes is one
//! [`Toxic`]; a new one counts at once, for open connections, too.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::mock::Held;

/// What happens to bytes of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Pass,
    /// Each byte arrives this much later.
    Delay(Duration),
    /// Nothing arrives now; what was sent meanwhile arrives when this ends, as after a partition.
    Hold,
    /// What is sent is lost. A connection that lost something is closed when this ends: its stream
    /// has a hole.
    Lose,
}

/// What a proxy does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Toxic {
    /// Connections are closed, new ones refused.
    pub cut: bool,
    /// From the node to the database.
    pub requests: Way,
    /// From the database to the node.
    pub replies: Way,
}

impl Toxic {
    /// Everything passes.
    pub const NONE: Toxic = Toxic { cut: false, requests: Way::Pass, replies: Way::Pass };
    /// Connections are closed and refused.
    pub const CUT: Toxic = Toxic { cut: true, ..Toxic::NONE };
    /// A partition without a reset: connections are accepted and stay open, nothing is forwarded.
    pub const BLACK_HOLE: Toxic = Toxic { cut: false, requests: Way::Hold, replies: Way::Hold };
    /// Statements are carried out, their answers lost.
    pub const LOSE_REPLIES: Toxic = Toxic { replies: Way::Lose, ..Toxic::NONE };
    /// Statements never arrive.
    pub const LOSE_REQUESTS: Toxic = Toxic { requests: Way::Lose, ..Toxic::NONE };

    /// A round trip takes this much longer.
    pub fn latency(round_trip: Duration) -> Toxic {
        let half = Way::Delay(round_trip / 2);
        Toxic { cut: false, requests: half, replies: half }
    }
}

/// A running proxy; it ends when this is dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    toxic: watch::Sender<Toxic>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free port and forwards to `upstream` on 127.0.0.1.
    pub fn start(runtime: &Handle, upstream: u16) -> io::Result<Proxy> {
        let held = Held::any()?;
        let port = held.port();
        let listener = held.listen()?;
        let (toxic, changes) = watch::channel(Toxic::NONE);
        let task = runtime.spawn(async move {
            // It ends with its proxy, or when the port is lost, which the nodes then notice.
            accept(listener, port, upstream, changes).await.ok();
        });
        Ok(Proxy { port, toxic, task })
    }

    /// Where the node connects to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Switches.
    pub fn set(&self, toxic: Toxic) {
        self.toxic.send_replace(toxic);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        // Ends the connections, which wait for it.
        self.set(Toxic::CUT);
    }
}

async fn accept(
    mut listener: std::net::TcpListener,
    port: u16,
    upstream: u16,
    mut toxic: watch::Receiver<Toxic>,
) -> io::Result<()> {
    loop {
        accept_until_cut(listener, upstream, &toxic).await?;
        // The port stays ours, but connecting to it is refused.
        let held = Held::exactly(port)?;
        if toxic.wait_for(|t| !t.cut).await.is_err() {
            return Ok(());
        }
        listener = held.listen()?;
    }
}

async fn accept_until_cut(
    listener: std::net::TcpListener,
    upstream: u16,
    toxic: &watch::Receiver<Toxic>,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let mut cut = toxic.clone();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                tokio::spawn(carry(accepted?.0, upstream, toxic.clone()));
            }
            _ = cut.wait_for(|t| t.cut) => return Ok(()),
        }
    }
}

/// One connection: both directions, until one breaks, both have ended, or the proxy cuts.
async fn carry(client: TcpStream, upstream: u16, mut toxic: watch::Receiver<Toxic>) {
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, upstream)).await else { return };
    // Without it the answers would only be slower.
    client.set_nodelay(true).ok();
    server.set_nodelay(true).ok();
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let requests = one_way(from_client, to_server, toxic.clone(), |t| t.requests);
    let replies = one_way(from_server, to_client, toxic.clone(), |t| t.replies);
    tokio::select! {
        _ = async { tokio::try_join!(requests, replies) } => {}
        _ = toxic.wait_for(|t| t.cut) => {}
    }
}

/// Chunks with the time they were read; an empty one is the end.
type Chunk = (Instant, Vec<u8>);

async fn one_way(
    from: OwnedReadHalf,
    to: OwnedWriteHalf,
    toxic: watch::Receiver<Toxic>,
    pick: fn(&Toxic) -> Way,
) -> io::Result<()> {
    let (sender, queue) = mpsc::channel(256);
    tokio::try_join!(read(from, sender), write(to, queue, toxic, pick)).map(drop)
}

async fn read(mut from: OwnedReadHalf, queue: mpsc::Sender<Chunk>) -> io::Result<()> {
    loop {
        let mut bytes = vec![0; 16 * 1024];
        let count = from.read(&mut bytes).await?;
        bytes.truncate(count);
        if queue.send((Instant::now(), bytes)).await.is_err() || count == 0 {
            return Ok(());
        }
    }
}

async fn write(
    mut to: OwnedWriteHalf,
    mut queue: mpsc::Receiver<Chunk>,
    mut toxic: watch::Receiver<Toxic>,
    pick: fn(&Toxic) -> Way,
) -> io::Result<()> {
    while let Some((read_at, bytes)) = queue.recv().await {
        pass_gate(read_at, &mut toxic, pick).await?;
        if bytes.is_empty() {
            return to.shutdown().await;
        }
        to.write_all(&bytes).await?;
    }
    Ok(())
}

/// Waits until a chunk may go on. An error: it is lost, and with it the connection.
async fn pass_gate(
    read_at: Instant,
    toxic: &mut watch::Receiver<Toxic>,
    pick: fn(&Toxic) -> Way,
) -> io::Result<()> {
    loop {
        let now = pick(&toxic.borrow_and_update());
        match now {
            Way::Pass => return Ok(()),
            Way::Delay(length) => tokio::select! {
                () = tokio::time::sleep_until(read_at + length) => return Ok(()),
                changed = toxic.changed() => changed.map_err(io::Error::other)?,
            },
            Way::Hold => toxic.changed().await.map_err(io::Error::other)?,
            Way::Lose => {
                toxic.wait_for(|t| pick(t) != Way::Lose).await.map_err(io::Error::other)?;
                return Err(io::ErrorKind::ConnectionReset.into());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{ErrorKind, Read, Write};
    use std::net;

    const SHORT: Duration = Duration::from_millis(150);

    /// An echo server, a proxy before it, and a connection through both.
    struct Rig {
        runtime: tokio::runtime::Runtime,
        upstream: u16,
        /// What the server has read, as it came.
        seen: std::sync::mpsc::Receiver<Vec<u8>>,
    }

    impl Rig {
        fn new() -> Rig {
            let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
            let upstream = listener.local_addr().unwrap().port();
            let (sender, seen) = std::sync::mpsc::channel();
            std::thread::spawn(move || {
                for stream in listener.incoming() {
                    let (mut stream, sender) = (stream.unwrap(), sender.clone());
                    std::thread::spawn(move || {
                        let mut bytes = [0; 64];
                        while let Ok(n @ 1..) = stream.read(&mut bytes) {
                            sender.send(bytes[..n].to_vec()).ok();
                            stream.write_all(&bytes[..n]).ok();
                        }
                    });
                }
            });
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            Rig { runtime, upstream, seen }
        }

        fn proxy(&self) -> Proxy {
            Proxy::start(self.runtime.handle(), self.upstream).unwrap()
        }
    }

    fn connect(proxy: &Proxy) -> net::TcpStream {
        let stream = net::TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream
    }

    fn echo(stream: &mut net::TcpStream, text: &[u8]) -> io::Result<Duration> {
        let start = std::time::Instant::now();
        stream.write_all(text)?;
        let mut back = vec![0; text.len()];
        stream.read_exact(&mut back)?;
        assert_eq!(back, text);
        Ok(start.elapsed())
    }

    /// Nothing arrives for a while: the only thing here that can be seen by waiting alone.
    fn assert_nothing(stream: &mut net::TcpStream) {
        stream.set_read_timeout(Some(SHORT)).unwrap();
        let kind = stream.read(&mut [0]).unwrap_err().kind();
        assert!(matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut), "{kind:?}");
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    }

    fn await_refusal(proxy: &Proxy) {
        while net::TcpStream::connect(("127.0.0.1", proxy.port())).is_ok() {}
    }

    #[test]
    fn bytes_pass() {
        let rig = Rig::new();
        let proxy = rig.proxy();
        echo(&mut connect(&proxy), b"hello").unwrap();
    }

    #[test]
    fn a_cut_closes_and_refuses_until_it_is_restored() {
        let rig = Rig::new();
        let proxy = rig.proxy();
        let mut stream = connect(&proxy);
        echo(&mut stream, b"a").unwrap();
        proxy.set(Toxic::CUT);
        assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)), "closed");
        await_refusal(&proxy);
        proxy.set(Toxic::NONE);
        let mut again = loop {
            if let Ok(stream) = net::TcpStream::connect(("127.0.0.1", proxy.port())) {
                break stream;
            }
        };
        echo(&mut again, b"b").unwrap();
    }

    #[test]
    fn a_black_hole_keeps_what_is_sent_until_it_ends() {
        let rig = Rig::new();
        let proxy = rig.proxy();
        let mut stream = connect(&proxy);
        echo(&mut stream, b"a").unwrap();
        rig.seen.recv().unwrap();
        proxy.set(Toxic::BLACK_HOLE);
        stream.write_all(b"late").unwrap();
        assert_nothing(&mut stream);
        assert!(rig.seen.try_recv().is_err(), "the server has seen nothing");
        connect(&proxy);
        proxy.set(Toxic::NONE);
        let mut back = [0; 4];
        stream.read_exact(&mut back).unwrap();
        assert_eq!(&back, b"late");
    }

    #[test]
    fn lost_replies_were_answers_to_requests_that_arrived() {
        let rig = Rig::new();
        let proxy = rig.proxy();
        let mut stream = connect(&proxy);
        proxy.set(Toxic::LOSE_REPLIES);
        stream.write_all(b"x").unwrap();
        assert_eq!(rig.seen.recv().unwrap(), b"x");
        assert_nothing(&mut stream);
        proxy.set(Toxic::NONE);
        assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)), "a stream with a hole is closed");
    }

    #[test]
    fn lost_requests_never_arrive() {
        let rig = Rig::new();
        let proxy = rig.proxy();
        let mut stream = connect(&proxy);
        proxy.set(Toxic::LOSE_REQUESTS);
        stream.write_all(b"x").unwrap();
        assert_nothing(&mut stream);
        proxy.set(Toxic::NONE);
        assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)));
        echo(&mut connect(&proxy), b"y").unwrap();
        assert_eq!(rig.seen.recv().unwrap(), b"y");
    }

    #[test]
    fn latency_is_the_sum_of_both_ways() {
        let rig = Rig::new();
        let proxy = rig.proxy();
        let mut stream = connect(&proxy);
        proxy.set(Toxic::latency(SHORT));
        let slow = echo(&mut stream, b"x").unwrap();
        assert!(slow >= SHORT && slow < SHORT * 20, "{slow:?}");
        let one_way = Toxic { replies: Way::Delay(SHORT), ..Toxic::NONE };
        proxy.set(one_way);
        assert!(echo(&mut stream, b"x").unwrap() >= SHORT);
        proxy.set(Toxic::NONE);
        assert!(echo(&mut stream, b"x").unwrap() < SHORT);
    }

    #[test]
    fn the_end_of_a_stream_is_passed_on() {
        let rig = Rig::new();
        let proxy = rig.proxy();
        let mut stream = connect(&proxy);
        echo(&mut stream, b"x").unwrap();
        stream.shutdown(net::Shutdown::Write).unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap(), 0, "the server closed in turn");
    }
}
