//! Where the runs of all nodes report: an HTTP server with one clock and a fence.
//!
//! `GET /PROCESS/PHASE/TASK/EPOCH/FIRE/RUN` records one event. An *effect* whose epoch is below the
//! highest that was ever seen for its task is refused with 409, as a receiver that can compare
//! would do. Answers are held for a moment, so that runs are in flight when a fault strikes.

use std::collections::HashMap;
use std::io::{BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::record::{Event, Phase, Record};
use crate::wire::{self, Broken};

/// How long answers wait: on a start, on an effect, on an end.
pub type Hold = [Duration; 3];

/// Runs that take about a sixth of a second.
pub const HOLD: Hold = [Duration::from_millis(60), Duration::from_millis(100), Duration::ZERO];

#[derive(Debug)]
struct Shared {
    start: Instant,
    state: Mutex<State>,
    hold: Hold,
    stopping: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    record: Record,
    /// Highest epoch of each task.
    highest: HashMap<String, i64>,
}

/// A running sink.
#[derive(Debug)]
pub struct Sink {
    port: u16,
    shared: Arc<Shared>,
}

impl Sink {
    /// Listens on a free port of 127.0.0.1. Its clock starts now.
    pub fn start(hold: Hold) -> std::io::Result<Sink> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        let (state, stopping) = (Mutex::default(), AtomicBool::new(false));
        let shared = Arc::new(Shared { start: Instant::now(), state, hold, stopping });
        let accepting = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if accepting.stopping.load(Ordering::SeqCst) {
                    return;
                }
                let shared = accepting.clone();
                // A broken connection is the node's business: its run ends there.
                std::thread::spawn(move || serve(&stream, &shared).ok());
            }
        });
        Ok(Sink { port, shared })
    }

    /// Where the nodes report.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The sink's clock.
    pub fn now(&self) -> Duration {
        self.shared.start.elapsed()
    }

    /// A copy of what it has seen.
    pub fn record(&self) -> Record {
        self.shared.state().record.clone()
    }

    /// Asks something of the record without copying it.
    pub fn look<T>(&self, question: impl FnOnce(&Record) -> T) -> T {
        question(&self.shared.state().record)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts, so that it sees the end.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records an event. `None` when the address is not one.
    fn take(&self, target: &str) -> Option<(Phase, bool)> {
        let mut parts = target.trim_start_matches('/').split('/');
        let mut next = || parts.next().filter(|p| !p.is_empty());
        let (process, phase, task) = (next()?, Phase::of(next()?)?, next()?);
        let (epoch, fire, run) = (next()?.parse().ok()?, next()?, next()?.parse().ok()?);
        let mut state = self.state();
        let highest = state.highest.entry(task.to_owned()).or_insert(epoch);
        let accepted = phase != Phase::Effect || epoch >= *highest;
        *highest = epoch.max(*highest);
        state.record.events.push(Event {
            // Inside the lock: arrivals are in the order of their times.
            at: self.start.elapsed(),
            phase,
            task: task.to_owned(),
            epoch,
            process: process.to_owned(),
            fire: fire.to_owned(),
            run,
            accepted,
        });
        Some((phase, accepted))
    }
}

fn serve(stream: &TcpStream, shared: &Shared) -> Result<(), Broken> {
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    while let Some(line) = wire::line(&mut reader)? {
        let headers = wire::headers(&mut reader)?;
        let length = wire::values(&headers, "Content-Length").first().and_then(|v| v.trim().parse().ok());
        wire::sized(&mut reader, length.unwrap_or(0))?;
        let line = wire::latin1(&line);
        let target = line.split_ascii_whitespace().nth(1).unwrap_or_default();
        let status = match shared.take(target) {
            Some((phase, accepted)) => {
                std::thread::sleep(shared.hold[phase as usize]);
                if accepted { "200 OK" } else { "409 Conflict" }
            }
            None => "400 Bad Request",
        };
        write!(writer, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(sink: &Sink, target: &str) -> u16 {
        let stream = wire::connect("127.0.0.1", sink.port(), Duration::from_secs(10)).unwrap();
        let request = wire::Request { method: "GET".into(), target: target.into(), ..Default::default() };
        wire::exchange(stream, &request.bytes("sink"), "GET", Instant::now()).unwrap().status
    }

    #[test]
    fn old_effects_are_refused_and_recorded() {
        let sink = Sink::start([Duration::ZERO; 3]).unwrap();
        assert_eq!(send(&sink, "/n1/effect/a/3/1/1"), 200);
        assert_eq!(send(&sink, "/n2/start/a/4/2/2"), 200);
        assert_eq!(send(&sink, "/n1/effect/a/3/2/1"), 409);
        assert_eq!(send(&sink, "/n1/end/a/3/2/1"), 200);
        assert_eq!(send(&sink, "/n1/effect/b/1/1/1"), 200);
        let record = sink.record();
        let accepted: Vec<bool> = record.events.iter().map(|e| e.accepted).collect();
        assert_eq!(accepted, [true, true, false, true, true]);
        assert!(record.events.is_sorted_by_key(|e| e.at));
    }

    #[test]
    fn other_requests_are_no_events() {
        let sink = Sink::start([Duration::ZERO; 3]).unwrap();
        for target in ["/", "/n1/begin/a/1/1/1", "/n1/start/a/x/1/1", "/n1/start/a/1/1"] {
            assert_eq!(send(&sink, target), 400, "{target}");
        }
        assert!(sink.record().events.is_empty());
    }
}
