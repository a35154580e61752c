//! Mock backends: scripted routes and the built-in sample services, on 127.0.0.1 (and ::1 where
//! the machine has it). Every request is recorded.
//!
//! A backend owns its port from the start: while it is down the port is bound but not listening,
//! so connections are refused and nobody else can take it.

mod answer;
mod connection;
mod port;
mod samples;

pub(crate) use port::Held;
pub(crate) use samples::civil;

use std::collections::HashMap;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use serde_json::Value;

use crate::wire::{Headers, Message};

/// A request that a backend received.
#[derive(Debug, Clone, Default)]
pub struct Received {
    pub method: String,
    pub target: String,
    pub version: String,
    pub headers: Headers,
    pub body: Vec<u8>,
}

impl Received {
    /// The path without query and without scheme and authority.
    pub fn path(&self) -> &str {
        let path = self.target.split('?').next().unwrap_or_default();
        match path.split_once("://") {
            Some((_, rest)) => rest.find('/').and_then(|i| rest.get(i..)).unwrap_or("/"),
            None => path,
        }
    }

    /// The request seen as a message, for body and header checks.
    pub fn message(&self) -> Message {
        Message {
            version: self.version.clone(),
            headers: self.headers.clone(),
            body: self.body.clone(),
            ..Message::default()
        }
    }
}

/// What the connections of one backend share.
#[derive(Debug, Default)]
struct Shared {
    spec: Mutex<Value>,
    requests: Mutex<Vec<Received>>,
    /// How often each route has answered.
    used: Mutex<HashMap<usize, u64>>,
    /// Steady numbers of the stock quote service.
    counter: Mutex<u64>,
    open: Mutex<Vec<TcpStream>>,
    stopping: AtomicBool,
}

fn locked<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One mock backend.
#[derive(Debug)]
pub struct Backend {
    pub name: String,
    pub port: u16,
    shared: Arc<Shared>,
    /// Bound and silent while the backend is down.
    held: Option<port::Held>,
    up: bool,
}

impl Backend {
    /// Takes a port and listens on it; [`Backend::set`] says later how to answer.
    pub fn start(name: &str) -> std::io::Result<Backend> {
        let held = port::Held::any()?;
        let port = held.port();
        let shared = Arc::new(Shared::default());
        let mut backend = Backend { name: name.to_owned(), port, shared, held: Some(held), up: false };
        backend.up()?;
        Ok(backend)
    }

    /// Gives the backend its script, the map below its name in the case.
    pub fn set(&mut self, mut spec: Value) -> std::io::Result<()> {
        if let Some(members) = spec.as_object_mut().filter(|m| m.contains_key("builtin")) {
            members.entry("server_name").or_insert_with(|| Value::String(self.name.clone()));
        }
        let down = crate::json::truthy(spec.get("down"));
        *locked(&self.shared.spec) = spec;
        if down { self.down() } else { Ok(()) }
    }

    /// Everything received so far.
    pub fn requests(&self) -> Vec<Received> {
        locked(&self.shared.requests).clone()
    }

    /// Opens the port; nothing happens when it is open.
    pub fn up(&mut self) -> std::io::Result<()> {
        if self.up {
            return Ok(());
        }
        self.shared.stopping.store(false, Ordering::SeqCst);
        let listener = match self.held.take() {
            Some(held) => held.listen()?,
            None => TcpListener::bind(("127.0.0.1", self.port))?,
        };
        self.serve(listener);
        if let Ok(second) = TcpListener::bind(("::1", self.port)) {
            self.serve(second);
        }
        self.up = true;
        Ok(())
    }

    fn serve(&self, listener: TcpListener) {
        let shared = Arc::clone(&self.shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if shared.stopping.load(Ordering::SeqCst) {
                    return;
                }
                if let Ok(copy) = stream.try_clone() {
                    locked(&shared.open).push(copy);
                }
                let shared = Arc::clone(&shared);
                thread::spawn(move || connection::serve(&stream, &shared));
            }
        });
    }

    /// Closes the port and every connection; the port stays reserved.
    pub fn down(&mut self) -> std::io::Result<()> {
        if !self.up {
            return Ok(());
        }
        self.up = false;
        self.shared.stopping.store(true, Ordering::SeqCst);
        // One connection per listener wakes it, so that it sees the flag and drops its socket.
        for host in ["127.0.0.1", "::1"] {
            let Ok(ip) = host.parse() else { continue };
            drop(TcpStream::connect(SocketAddr::new(ip, self.port)));
        }
        for stream in locked(&self.shared.open).drain(..) {
            // Already gone is as good as closed.
            stream.shutdown(Shutdown::Both).ok();
        }
        self.held = Some(port::Held::exactly(self.port)?);
        Ok(())
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        // Nothing can be done about a socket that does not close, and nothing needs to be.
        self.down().ok();
    }
}

#[cfg(test)]
mod tests;
