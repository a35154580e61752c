//! TLS of the process: key stores are read once, at start.

use crate::settings::{ProfilesFile, SenderTls, Settings};
use crate::tls::{self, Sender, Stores, TlsError};
use rustls::ServerConfig;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

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

/// Reads the SSL profiles again whenever their file has changed, for as long as the process lives. A
/// file that cannot be used leaves everything as it was.
pub(super) async fn follow(sender: Arc<Sender>, settings: SenderTls, file: ProfilesFile, home: PathBuf) {
    let path = home.join(&file.location);
    let mut known = changed(&path).await;
    let mut tick = tokio::time::interval(file.every.max(Duration::from_secs(1)));
    tick.tick().await;
    loop {
        tick.tick().await;
        let now = changed(&path).await;
        if now == known {
            continue;
        }
        known = now;
        let (sender, settings, home) = (sender.clone(), settings.clone(), home.clone());
        let read = move || sender.reload(&settings, &mut Stores::below(&home));
        match tokio::task::spawn_blocking(read).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!("the changed SSL profiles are not taken over: {error}"),
            Err(error) => tracing::error!("internal error while SSL profiles were read: {error}"),
        }
    }
}

async fn changed(path: &Path) -> Option<SystemTime> {
    tokio::fs::metadata(path).await.ok()?.modified().ok()
}
