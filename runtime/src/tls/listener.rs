//! The configuration of the TLS listener: its certificate, and whether clients need one.

use super::sender::certified;
use super::store::{StoreError, Stores};
use super::trust::{ClientJudge, Trust};
use super::{TlsError, provider, versions};
use crate::settings::{ListenerTls, VerifyClient};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::Ticketer;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use std::sync::Arc;

/// Reads the key store and, when clients are asked for certificates, the trust store. Without a key
/// store file a certificate is made that lives as long as the process, so that the port answers.
pub fn listener(settings: &ListenerTls, stores: &mut Stores) -> Result<Arc<ServerConfig>, TlsError> {
    let certified = match certified(&settings.keystore, stores)? {
        Some(certified) => certified,
        None => {
            tracing::warn!(
                "there is no key store '{}'; HTTPS shows a certificate made just now, which no client trusts",
                settings.keystore.location
            );
            Arc::new(self_signed(&settings.hostname)?)
        }
    };
    let builder = ServerConfig::builder_with_provider(suites(settings)?)
        .with_protocol_versions(&versions(settings.protocols))?
        .with_client_cert_verifier(clients(settings, stores)?);
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    // Sessions are resumed from what clients keep; the server keeps nothing.
    config.ticketer = Ticketer::new()?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(Arc::new(config))
}

fn clients(settings: &ListenerTls, stores: &mut Stores) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    if settings.verify_client == VerifyClient::No {
        return Ok(WebPkiClientVerifier::no_client_auth());
    }
    let file = &settings.truststore;
    let store = stores
        .open(file)?
        .ok_or_else(|| TlsError::NoTrust { names: settings.names, location: file.location.clone() })?;
    let required = settings.verify_client == VerifyClient::Require;
    let judge = ClientJudge::new(Trust::of_store(store.trusted()), required);
    Ok(Arc::new(judge.ok_or_else(|| file.fails(StoreError::NoCertificate))?))
}

/// The provider with the listed cipher suites only.
fn suites(settings: &ListenerTls) -> Result<Arc<CryptoProvider>, TlsError> {
    let names = &settings.ciphers;
    if names.is_empty() {
        return Ok(provider());
    }
    let mut provider = CryptoProvider::clone(&provider());
    // Java and rustls name them alike, but for the version that rustls writes into those of TLS 1.3.
    let name =
        |suite: &rustls::SupportedCipherSuite| format!("{:?}", suite.suite()).replace("TLS13_", "TLS_");
    provider.cipher_suites.retain(|suite| names.iter().any(|listed| listed.trim() == name(suite)));
    if provider.cipher_suites.is_empty() {
        return Err(TlsError::Ciphers { setting: settings.names.ciphers, found: names.join(",") });
    }
    Ok(Arc::new(provider))
}

fn self_signed(hostname: &str) -> Result<CertifiedKey, TlsError> {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    if hostname.is_ascii() && !names.iter().any(|name| name == hostname) {
        names.insert(0, hostname.to_owned());
    }
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, hostname);
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    let secret = PrivatePkcs8KeyDer::from(key.serialize_der());
    Ok(CertifiedKey::from_der(vec![certificate.der().clone()], secret.into(), &provider())?)
}
