//! The backend: a single-threaded echo server. It answers 200 with the body and content type of the
//! request, on connections that stay open, and costs less CPU than what it measures.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use crate::poll::Poll;
use crate::wire::{self, Read};

struct Connection {
    stream: TcpStream,
    input: Vec<u8>,
    output: Vec<u8>,
    sent: usize,
}

const LISTENER: u64 = u64::MAX;

/// Serves until the process ends.
pub fn serve(listener: &TcpListener) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let mut poll = Poll::new()?;
    poll.add(listener, LISTENER)?;
    let mut connections: Vec<Option<Connection>> = Vec::new();
    let mut numbers = Vec::new();
    loop {
        poll.wait(None, &mut numbers)?;
        for number in &numbers {
            if *number == LISTENER {
                accept(listener, &poll, &mut connections)?;
                continue;
            }
            let Some(slot) = usize::try_from(*number).ok().and_then(|n| connections.get_mut(n)) else {
                continue;
            };
            if slot.as_mut().is_some_and(|c| c.turn().is_err()) {
                *slot = None;
            }
        }
    }
}

fn accept(listener: &TcpListener, poll: &Poll, connections: &mut Vec<Option<Connection>>) -> io::Result<()> {
    loop {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            // A peer that has gone again is not our concern.
            Err(_) => continue,
        };
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let free = connections.iter().position(Option::is_none).unwrap_or(connections.len());
        poll.add(&stream, free as u64)?;
        let connection = Some(Connection {
            stream,
            input: Vec::with_capacity(4096),
            output: Vec::with_capacity(4096),
            sent: 0,
        });
        match connections.get_mut(free) {
            Some(slot) => *slot = connection,
            None => connections.push(connection),
        }
    }
}

impl Connection {
    /// Does what can be done now; `Err` when the connection is over.
    fn turn(&mut self) -> io::Result<()> {
        loop {
            self.flush()?;
            let before = self.input.len();
            let end = fill(&mut self.stream, &mut self.input)?;
            self.answer()?;
            self.flush()?;
            if self.input.len() == before || end {
                return if end { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) };
            }
        }
    }

    fn answer(&mut self) -> io::Result<()> {
        loop {
            let length = match wire::read(&self.input) {
                Read::Partial => return Ok(()),
                Read::Bad => return Err(io::ErrorKind::InvalidData.into()),
                Read::Whole(message) => {
                    self.output.extend_from_slice(b"HTTP/1.1 200 OK\r\nContent-Type: ");
                    self.output.extend_from_slice(
                        wire::header(message.head, b"content-type").unwrap_or(b"text/plain"),
                    );
                    write!(self.output, "\r\nContent-Length: {}\r\n\r\n", message.body.len())?;
                    self.output.extend_from_slice(&message.body);
                    message.length
                }
            };
            self.input.drain(..length);
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        send(&mut self.stream, &self.output, &mut self.sent)?;
        if self.sent == self.output.len() {
            self.output.clear();
            self.sent = 0;
        }
        Ok(())
    }
}

/// Reads what is there; `true` at the end of the stream.
pub(crate) fn fill(stream: &mut TcpStream, into: &mut Vec<u8>) -> io::Result<bool> {
    let mut buffer = [0; 64 * 1024];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(true),
            Ok(n) => {
                into.extend_from_slice(buffer.get(..n).unwrap_or_default());
                if n < buffer.len() {
                    return Ok(false);
                }
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// Writes what fits from `sent` on.
pub(crate) fn send(stream: &mut TcpStream, data: &[u8], sent: &mut usize) -> io::Result<()> {
    while let Some(rest) = data.get(*sent..).filter(|r| !r.is_empty()) {
        match stream.write(rest) {
            Ok(n) => *sent += n,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}
