//! HTTP and HTTPS inbound endpoints: listeners of their own, opened and closed as deployments come and go.

use super::{ServeError, open};
use crate::engine::{Door, Engine};
use crate::http::{ListenerOptions, Running};
use crate::program::{HttpInbound, Program};
use crate::settings::ListenerTls;
use crate::tls::{self, Stores};
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// What a listener is made of: name of the endpoint, port, parameters of TLS.
type Key = (Arc<str>, u16, Option<BTreeMap<String, String>>);

/// Listeners of inbound endpoints.
pub(super) struct InboundListeners {
    engine: Arc<Engine>,
    options: ListenerOptions,
    /// Added to the ports when `[mediation] inbound.port_offset_enable` says so.
    offset: i32,
    /// For what the parameters of an endpoint do not say about TLS.
    tls: ListenerTls,
    home: PathBuf,
    running: Mutex<HashMap<Key, Running>>,
}

impl InboundListeners {
    pub(super) fn new(
        engine: Arc<Engine>,
        options: ListenerOptions,
        offset: i32,
        tls: ListenerTls,
        home: PathBuf,
    ) -> Self {
        Self { engine, options, offset, tls, home, running: Mutex::default() }
    }

    fn key(&self, inbound: &HttpInbound) -> Key {
        let port = u16::try_from(i32::from(inbound.port) + self.offset).unwrap_or(inbound.port);
        (inbound.name.clone(), port, inbound.tls.clone())
    }

    /// Opens what the program has and is not open, closes what it has no more. A port that cannot be
    /// opened is logged; the rest serves.
    pub(super) async fn apply(&self, program: &Program, grace: Duration) {
        let wanted: Vec<Key> = program.http_inbounds.iter().map(|inbound| self.key(inbound)).collect();
        // An async lock: opening waits, and nobody else needs the map meanwhile.
        let mut running = self.running.lock().await;
        let gone: Vec<Key> = running.keys().filter(|key| !wanted.contains(key)).cloned().collect();
        for listener in gone.iter().filter_map(|key| running.remove(key)) {
            tokio::spawn(async move { listener.drain(grace).await });
        }
        for key in wanted.into_iter().filter(|key| !running.contains_key(key)).collect::<Vec<_>>() {
            let (name, port, _) = &key;
            let leaving = gone.iter().any(|(_, other, _)| other == port);
            match self.open(&key, leaving).await {
                Ok(listener) => {
                    tracing::info!("inbound endpoint '{name}' listens on port {port}");
                    running.insert(key, listener);
                }
                Err(error) => tracing::error!("inbound endpoint '{name}': {error}"),
            }
        }
    }

    /// `leaving`: another listener is just giving the port up.
    async fn open(&self, (name, port, parameters): &Key, leaving: bool) -> Result<Running, ServeError> {
        let tls = match parameters {
            Some(parameters) => {
                let settings = tls::inbound(name, parameters, &self.tls)?;
                Some(tls::listener(&settings, &mut Stores::below(&self.home))?)
            }
            None => None,
        };
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), *port);
        let options = ListenerOptions { tls, ..self.options.clone() };
        let door = Arc::new(Door::new(self.engine.clone(), name));
        let mut patience = if leaving { 50 } else { 0 };
        loop {
            match open(address, options.clone(), door.clone()).await {
                Err(ServeError::Listen { cause, .. })
                    if patience > 0 && cause.kind() == io::ErrorKind::AddrInUse =>
                {
                    patience -= 1;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                other => return other,
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
