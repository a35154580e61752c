//! The configurations of calls to backends.

use super::profiles::Profiles;
use super::store::{StoreError, Stores};
use super::trust::{BackendJudge, Identity, Trust};
use super::{TlsError, provider, versions};
use crate::settings::{HostNames, Protocols, SenderTls, StoreFile};
use arc_swap::ArcSwap;
use rustls::ClientConfig;
use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;
use std::sync::{Arc, OnceLock};

/// Gives connections to `https` backends their configurations: one for all of them, and others for those
/// that SSL profiles name.
///
/// The default trusts the system's roots and shows no certificate.
#[derive(Debug, Default)]
pub struct Sender {
    usual: Contract,
    profiles: ArcSwap<Profiles>,
}

impl Sender {
    /// Reads key store, trust store and SSL profiles, where there are such files.
    pub fn read(settings: &SenderTls, stores: &mut Stores) -> Result<Self, TlsError> {
        let usual = Contract {
            identity: certified(&settings.keystore, stores)?.map(|found| Arc::new(Identity::new(found))),
            trust: trust(&settings.truststore, stores)?,
            host_names: settings.host_names,
            protocols: settings.protocols,
            config: OnceLock::new(),
        };
        Ok(Self { usual, profiles: ArcSwap::from_pointee(Profiles::read(settings, stores)?) })
    }

    /// Reads the SSL profiles again. Connections that stand stay as they are; after an error all does.
    pub fn reload(&self, settings: &SenderTls, stores: &mut Stores) -> Result<(), TlsError> {
        self.profiles.store(Arc::new(Profiles::read(settings, stores)?));
        Ok(())
    }

    /// The configuration for a backend, and for the client of an SSL profile that the message names. The
    /// first call may read the system's roots, which takes some milliseconds.
    pub fn config(
        &self,
        host: &str,
        port: u16,
        client: Option<&str>,
    ) -> Result<Arc<ClientConfig>, rustls::Error> {
        let profiles = self.profiles.load();
        profiles.find(host, port, client).unwrap_or(&self.usual).config()
    }
}

/// What connections of a kind have in common, sessions to resume included.
#[derive(Debug, Default)]
pub(super) struct Contract {
    /// What is shown to backends that ask.
    pub(super) identity: Option<Arc<Identity>>,
    /// `None`: the system's roots, which are read when the first connection needs them.
    pub(super) trust: Option<Trust>,
    pub(super) host_names: HostNames,
    pub(super) protocols: Protocols,
    pub(super) config: OnceLock<Arc<ClientConfig>>,
}

impl Contract {
    fn config(&self) -> Result<Arc<ClientConfig>, rustls::Error> {
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
    let found = trusted(file, stores)?;
    if let (None, Some(key)) = (&found, &file.named_by) {
        tracing::warn!(
            "there is no trust store '{}' ({key}); https backends need a certificate that the system trusts",
            file.location
        );
    }
    Ok(found)
}

/// The certificates of a trust store; `None` when there is no such file.
pub(super) fn trusted(file: &StoreFile, stores: &mut Stores) -> Result<Option<Trust>, TlsError> {
    let Some(store) = stores.open(file)? else { return Ok(None) };
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
