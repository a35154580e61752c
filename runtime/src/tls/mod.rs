//! TLS 1.2 and 1.3 of both sides, with rustls: key stores in, one configuration for each side out.
//!
//! [`Stores`] opens the files that the settings name (PKCS#12, JKS or PEM, told by their bytes),
//! [`listener()`] and [`Sender`] make the configurations, `trust` judges certificates as MI does.
//! All is read once, at start; only the system's roots wait for the first call that needs them, and SSL
//! profiles are read again when they change.

mod certificate;
mod inbound;
mod listener;
mod names;
mod profiles;
mod sender;
mod store;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod trust;

pub use inbound::inbound;
pub use listener::listener;
pub use sender::Sender;
pub use store::{StoreError, Stores};

use crate::settings::{ListenerNames, Protocols};
use rustls::SupportedProtocolVersion;
use rustls::crypto::CryptoProvider;
use std::sync::{Arc, LazyLock};

/// Why TLS cannot be set up. Names the key of `deployment.toml`, the parameter or the file.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A key store or trust store cannot be used.
    #[error("the store '{location}'{named} {cause}")]
    Store {
        /// The file.
        location: String,
        /// The setting that names it, in parentheses; empty for MI's default.
        named: String,
        /// What is wrong with it.
        cause: Box<StoreError>,
    },
    /// Clients are to be verified, and there is nothing to hold them against.
    #[error("{} needs a trust store, and '{location}' is not there; set {}", .names.verify_client, .names.truststore)]
    NoTrust {
        /// The settings.
        names: ListenerNames,
        /// The file.
        location: String,
    },
    /// None of the cipher suites is known.
    #[error(
        "{setting} has no cipher suite that can be spoken, found '{found}'; suites of TLS 1.3, and of \
         TLS 1.2 with ECDHE and GCM or CHACHA20, can"
    )]
    Ciphers {
        /// The setting.
        setting: &'static str,
        /// Its value.
        found: String,
    },
    /// The SSL profiles of backends cannot be read.
    #[error(
        "the SSL profiles '{location}' (transport.http.sender.ssl_profile.file_path) cannot be read: {cause}"
    )]
    Profiles {
        /// Their file.
        location: String,
        /// What is wrong with it.
        cause: String,
    },
    /// A parameter of an HTTPS inbound endpoint.
    #[error("the parameter {key} cannot be '{found}'")]
    Parameter {
        /// Its name.
        key: &'static str,
        /// Its value.
        found: String,
    },
    /// A parameter of an HTTPS inbound endpoint that should say where a store is.
    #[error("the parameter {key} needs {needs}, found {found}")]
    StoreParameter {
        /// Its name.
        key: &'static str,
        /// What it has to look like.
        needs: &'static str,
        /// What it looks like. Never its XML, which has passwords.
        found: String,
    },
    /// The library refuses.
    #[error("TLS cannot be set up: {0}")]
    Refused(#[from] rustls::Error),
    /// No certificate could be made for a listener without key store.
    #[error("no certificate can be made: {0}")]
    SelfSigned(#[from] rcgen::Error),
}

/// The one provider of cryptography, *ring*.
fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> =
        LazyLock::new(|| Arc::new(rustls::crypto::ring::default_provider()));
    PROVIDER.clone()
}

fn versions(protocols: Protocols) -> Vec<&'static SupportedProtocolVersion> {
    let tls13 = protocols.tls13.then_some(&rustls::version::TLS13);
    tls13.into_iter().chain(protocols.tls12.then_some(&rustls::version::TLS12)).collect()
}
