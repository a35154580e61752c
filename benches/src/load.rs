//! The load generator: one thread, one epoll set, request bytes rendered once.
//!
//! Closed: each of N connections sends its next request when the reply is there. Open: requests are
//! due at fixed moments, and the time of a request counts from the moment it was due, not from the
//! moment a connection was free; so a server that stalls cannot hide what it made others wait.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::echo::{fill, send};
use crate::histogram::Histogram;
use crate::poll::Poll;
use crate::wire::{self, Read};

/// How requests arrive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mode {
    Closed,
    /// Requests per second.
    Open(f64),
}

/// One run of the generator.
#[derive(Debug, Clone)]
pub struct Load {
    pub port: u16,
    /// The bytes of the request.
    pub request: Vec<u8>,
    /// The body that every reply must have.
    pub expected: Vec<u8>,
    pub connections: usize,
    pub mode: Mode,
    pub time: Duration,
}

/// What a run gave.
#[derive(Debug, Default)]
pub struct Measured {
    /// Verified replies.
    pub requests: u64,
    /// Replies with another status or body: one is enough to make the run worthless.
    pub wrong: u64,
    /// Connections that broke.
    pub broken: u64,
    pub seconds: f64,
    pub latency: Histogram,
}

struct Connection {
    stream: TcpStream,
    sent: usize,
    input: Vec<u8>,
    /// When the request under way was due or sent; `None` while idle.
    since: Option<Instant>,
}

/// Runs the load.
pub fn run(load: &Load) -> io::Result<Measured> {
    let mut generator = Generator::new(load)?;
    let start = Instant::now();
    let result = match load.mode {
        Mode::Closed => generator.closed(start),
        Mode::Open(rate) => generator.open(start, rate),
    };
    generator.measured.seconds = start.elapsed().as_secs_f64();
    result.map(|()| generator.measured)
}

struct Generator<'l> {
    load: &'l Load,
    poll: Poll,
    connections: Vec<Connection>,
    measured: Measured,
}

impl<'l> Generator<'l> {
    fn new(load: &'l Load) -> io::Result<Generator<'l>> {
        let poll = Poll::new()?;
        let mut connections = Vec::with_capacity(load.connections);
        for i in 0..load.connections {
            let connection = connect(load.port)?;
            poll.add(&connection.stream, i as u64)?;
            connections.push(connection);
        }
        Ok(Generator { load, poll, connections, measured: Measured::default() })
    }

    fn closed(&mut self, start: Instant) -> io::Result<()> {
        for i in 0..self.connections.len() {
            self.begin(i, Instant::now())?;
        }
        let mut numbers = Vec::with_capacity(256);
        while start.elapsed() < self.load.time {
            self.poll.wait(Some(Duration::from_millis(100)), &mut numbers)?;
            for i in numbers.iter().filter_map(|n| usize::try_from(*n).ok()) {
                if self.turn(i)? {
                    self.begin(i, Instant::now())?;
                }
            }
        }
        Ok(())
    }

    fn open(&mut self, start: Instant, rate: f64) -> io::Result<()> {
        let gap = Duration::from_secs_f64(1.0 / rate.max(0.001));
        let (mut due, mut numbers) = (start, Vec::with_capacity(256));
        let mut idle: Vec<usize> = (0..self.connections.len()).collect();
        while start.elapsed() < self.load.time {
            while Instant::now() >= due {
                let Some(i) = idle.pop() else { break };
                self.begin(i, due)?;
                due += gap;
            }
            let left = due.saturating_duration_since(Instant::now());
            // With every connection busy only a reply can help; else sleep until shortly before.
            let wait =
                if idle.is_empty() { Duration::from_millis(1) } else { left.min(Duration::from_millis(1)) };
            let wait =
                if wait < Duration::from_micros(60) && !idle.is_empty() { Duration::ZERO } else { wait };
            self.poll.wait(Some(wait), &mut numbers)?;
            for i in numbers.iter().filter_map(|n| usize::try_from(*n).ok()) {
                if self.turn(i)? {
                    idle.push(i);
                }
            }
        }
        Ok(())
    }

    /// Starts the next request of a connection.
    fn begin(&mut self, i: usize, since: Instant) -> io::Result<()> {
        let Some(connection) = self.connections.get_mut(i) else { return Ok(()) };
        connection.sent = 0;
        connection.since = Some(since);
        if send(&mut connection.stream, &self.load.request, &mut connection.sent).is_err() {
            self.replace(i)?;
        }
        Ok(())
    }

    /// Goes on with a connection; `true` when it is idle now.
    fn turn(&mut self, i: usize) -> io::Result<bool> {
        let Some(connection) = self.connections.get_mut(i) else { return Ok(false) };
        let Some(since) = connection.since else {
            // An idle connection that becomes readable was closed by the server.
            let ended = fill(&mut connection.stream, &mut connection.input).unwrap_or(true);
            if ended {
                self.replace(i)?;
            }
            return Ok(false);
        };
        let written = send(&mut connection.stream, &self.load.request, &mut connection.sent);
        let ended = written.and_then(|()| fill(&mut connection.stream, &mut connection.input));
        match wire::read(&connection.input) {
            Read::Whole(message) => {
                let right = wire::status(message.head) == Some(200)
                    && message.body.len() == self.load.expected.len()
                    && (!self.measured.requests.is_multiple_of(64) || *message.body == *self.load.expected);
                let length = message.length;
                connection.input.drain(..length);
                connection.since = None;
                self.measured.requests += u64::from(right);
                self.measured.wrong += u64::from(!right);
                let took = since.elapsed().as_nanos();
                self.measured.latency.add(u64::try_from(took).unwrap_or(u64::MAX));
                if ended.unwrap_or(true) {
                    self.replace(i)?;
                }
                Ok(true)
            }
            Read::Partial if ended.as_ref().is_ok_and(|e| !e) => Ok(false),
            _ => {
                self.measured.broken += 1;
                self.replace(i)?;
                Ok(true)
            }
        }
    }

    fn replace(&mut self, i: usize) -> io::Result<()> {
        let connection = connect(self.load.port)?;
        self.poll.add(&connection.stream, i as u64)?;
        if let Some(slot) = self.connections.get_mut(i) {
            *slot = connection;
        }
        Ok(())
    }
}

fn connect(port: u16) -> io::Result<Connection> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    Ok(Connection { stream, sent: 0, input: Vec::with_capacity(4096), since: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn backend() -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || crate::echo::serve(&listener));
        port
    }

    fn load(port: u16, body: &str, mode: Mode) -> Load {
        let request = format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        Load {
            port,
            request: request.into_bytes(),
            expected: body.as_bytes().to_vec(),
            connections: 4,
            mode,
            time: Duration::from_millis(200),
        }
    }

    #[test]
    fn a_closed_run_counts_verified_replies() {
        let m = run(&load(backend(), "hello", Mode::Closed)).unwrap();
        assert!(m.requests > 100, "{}", m.requests);
        assert_eq!((m.wrong, m.broken), (0, 0));
        assert!(m.latency.quantile(0.5) > 0);
    }

    #[test]
    fn large_bodies_go_round() {
        let m = run(&load(backend(), &"x".repeat(300_000), Mode::Closed)).unwrap();
        assert!(m.requests > 0 && m.wrong == 0 && m.broken == 0, "{m:?}");
    }

    #[test]
    fn an_open_run_keeps_its_rate() {
        let m = run(&load(backend(), "hello", Mode::Open(500.0))).unwrap();
        assert!((80..=102).contains(&m.requests), "{}", m.requests);
    }

    #[test]
    fn wrong_replies_are_counted() {
        let mut l = load(backend(), "hello", Mode::Closed);
        l.expected = b"other".to_vec();
        let m = run(&l).unwrap();
        assert!(m.wrong > 0);
    }
}
