//! The configuration of calls to backends.

use super::store::{StoreError, Stores};
use super::trust::{BackendJudge, Identity, Trust};
use super::{TlsError, provider, versions};
use crate::settings::{HostNames, Protocols, SenderTls, StoreFile};
use rustls::ClientConfig;
use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;
use std::sync::{Arc, OnceLock};

/// Makes the configuration that all connections to `https` backends share, sessions to resume included.
///
/// The default trusts the system's roots and shows no certificate.
#[derive(Debug, Default)]
pub struct Sender {
    identity: Option<Arc<Identity>>,
    /// `None`: the system's roots, which are read when the first connection needs them.
    trust: Option<Trust>,
    host_names: HostNames,
    protocols: Protocols,
    config: OnceLock<Arc<ClientConfig>>,
}

impl Sender {
    /// Reads key store and trust store, where there are such files.
    pub fn read(settings: &SenderTls, stores: &mut Stores) -> Result<Self, TlsError> {
        let identity = certified(&settings.keystore, stores)?.map(|found| Arc::new(Identity::new(found)));
        Ok(Self {
            identity,
            trust: trust(&settings.truststore, stores)?,
            host_names: settings.host_names,
            protocols: settings.protocols,
            config: OnceLock::new(),
        })
    }

    /// The configuration. The first call may read the system's roots, which takes some milliseconds.
    pub fn config(&self) -> Result<Arc<ClientConfig>, rustls::Error> {
        if let Some(config) = self.config.get() {
            return Ok(config.clone());
        }
        let made = self.make()?;
        // Whoever was first; all of them are alike.
        Ok(self.config.get_or_init(|| made).clone())
    }

    fn make(&self) -> Result<Arc<ClientConfig>, rustls::Error> {
        let provider = provider();
        let judge = BackendJudge {
            trust: self.trust.clone().unwrap_or_else(Trust::of_system),
            host_names: self.host_names,
            algorithms: provider.signature_verification_algorithms,
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions(self.protocols))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(judge));
        let config = match &self.identity {
            Some(identity) => {
                let identity: Arc<dyn ResolvesClientCert> = identity.clone();
                builder.with_client_cert_resolver(identity)
            }
            None => builder.with_no_client_auth(),
        };
        Ok(Arc::new(config))
    }
}

fn trust(file: &StoreFile, stores: &mut Stores) -> Result<Option<Trust>, TlsError> {
    let Some(store) = stores.open(file)? else {
        if let Some(key) = &file.named_by {
            tracing::warn!(
                "there is no trust store '{}' ({key}); https backends need a certificate that the system trusts",
                file.location
            );
        }
        return Ok(None);
    };
    let trusted = store.trusted();
    if trusted.is_empty() {
        return Err(file.fails(StoreError::NoCertificate));
    }
    Ok(Some(Trust::of_store(trusted)))
}

/// Key and certificates of a key store; `None` when there is no such file.
pub(super) fn certified(
    file: &StoreFile,
    stores: &mut Stores,
) -> Result<Option<Arc<CertifiedKey>>, TlsError> {
    let Some(store) = stores.open(file)? else { return Ok(None) };
    let entry = store.key(file.alias.as_deref()).map_err(|error| file.fails(error))?;
    let closed = || file.fails(StoreError::KeyPassword(entry.alias.clone()));
    let key = entry.usable().ok_or_else(closed)?;
    let certified = CertifiedKey::from_der(entry.chain.clone(), key, &provider())
        .map_err(|error| file.fails(StoreError::Key(entry.alias.clone(), error)))?;
    Ok(Some(Arc::new(certified)))
}
