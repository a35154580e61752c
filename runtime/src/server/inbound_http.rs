//! HTTP inbound endpoints: listeners of their own, opened and closed as deployments come and go.

use super::open;
use crate::engine::{Door, Engine};
use crate::http::{ListenerOptions, Running};
use crate::program::Program;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// Listeners of inbound endpoints, by name and port.
pub(super) struct InboundListeners {
    engine: Arc<Engine>,
    options: ListenerOptions,
    /// Added to the ports when `[mediation] inbound.port_offset_enable` says so.
    offset: i32,
    running: Mutex<HashMap<(Arc<str>, u16), Running>>,
}

impl InboundListeners {
    pub(super) fn new(engine: Arc<Engine>, options: ListenerOptions, offset: i32) -> Self {
        Self { engine, options, offset, running: Mutex::default() }
    }

    /// Opens what the program has and is not open, closes what it has no more. A port that cannot be
    /// opened is logged; the rest serves.
    pub(super) async fn apply(&self, program: &Program, grace: Duration) {
        let port = |port: u16| u16::try_from(i32::from(port) + self.offset).unwrap_or(port);
        let wanted: Vec<_> = program.http_inbounds.iter().map(|i| (i.name.clone(), port(i.port))).collect();
        // An async lock: opening waits, and nobody else needs the map meanwhile.
        let mut running = self.running.lock().await;
        let gone: Vec<_> = running.keys().filter(|key| !wanted.contains(key)).cloned().collect();
        for key in gone {
            if let Some(listener) = running.remove(&key) {
                tokio::spawn(async move { listener.drain(grace).await });
            }
        }
        for (name, port) in wanted {
            if running.contains_key(&(name.clone(), port)) {
                continue;
            }
            let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
            let door = Arc::new(Door::new(self.engine.clone(), &name));
            match open(address, self.options.clone(), door).await {
                Ok(listener) => {
                    tracing::info!("inbound endpoint '{name}' listens on port {port}");
                    running.insert((name, port), listener);
                }
                Err(error) => tracing::error!("inbound endpoint '{name}': {error}"),
            }
        }
    }

    /// Lets requests in flight finish. `false` when the deadline passed before they did.
    pub(super) async fn drain(&self, limit: Duration) -> bool {
        let running = std::mem::take(&mut *self.running.lock().await);
        let drained = futures_util::future::join_all(running.values().map(|l| l.drain(limit))).await;
        !drained.contains(&false)
    }
}
