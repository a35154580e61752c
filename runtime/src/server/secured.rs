//! TLS of the process: key stores are read once, at start.

use crate::settings::Settings;
use crate::tls::{self, Sender, Stores, TlsError};
use rustls::ServerConfig;
use std::path::Path;
use std::sync::Arc;

/// The configurations of both sides.
pub(super) struct Secured {
    /// For the listener; `None` when `secured_enable` is off.
    pub(super) listener: Option<Arc<ServerConfig>>,
    /// For calls to backends.
    pub(super) sender: Arc<Sender>,
}

impl Secured {
    /// Fails when a key store is there and cannot be used: nobody wants a server that shows another
    /// certificate, or trusts other backends, than it was told to.
    pub(super) fn read(settings: &Settings, home: &Path) -> Result<Self, TlsError> {
        let (http, mut stores) = (&settings.http, Stores::below(home));
        let listener = match http.secured_listener.enabled {
            true => Some(tls::listener(&http.listener_tls, &mut stores)?),
            false => None,
        };
        Ok(Self { listener, sender: Arc::new(Sender::read(&http.sender_tls, &mut stores)?) })
    }
}
