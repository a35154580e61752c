//! Certificates and stores for tests, made in memory.

use super::{Sender, Stores, listener};
use crate::settings::{HostNames, ListenerTls, SenderTls, Settings, StoreFile, VerifyClient};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use std::sync::Arc;

/// Whoever signs certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let (params, key) = (params(&[], name, true), KeyPair::generate().unwrap());
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// Whoever signs with the key of a certificate that allows it not, and that certificate with its key
    /// as PEM.
    pub(crate) fn of_leaf(names: &[&str]) -> (Self, String) {
        let (params, key) = (params(names, "leaf", false), KeyPair::generate().unwrap());
        let certificate = params.self_signed(&key).unwrap().der().clone();
        let keys = pem("PRIVATE KEY", &key.serialize_der()) + &pem("CERTIFICATE", &certificate);
        (Self { issuer: Issuer::new(params, key), certificate }, keys)
    }

    /// A certificate of these hosts and addresses with its key, as PEM.
    pub(crate) fn sign(&self, names: &[&str]) -> String {
        self.sign_params(&params(names, "leaf", false))
    }

    /// One whose time is over.
    pub(crate) fn sign_expired(&self, names: &[&str]) -> String {
        let mut params = params(names, "leaf", false);
        params.not_after = rcgen::date_time_ymd(2001, 2, 3);
        self.sign_params(&params)
    }

    fn sign_params(&self, params: &CertificateParams) -> String {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        pem("PRIVATE KEY", &key.serialize_der()) + &pem("CERTIFICATE", certificate.der())
    }

    /// Its own certificate as PEM.
    pub(crate) fn pem(&self) -> String {
        pem("CERTIFICATE", &self.certificate)
    }
}

/// A certificate with its key that signs itself, and others too, as `openssl req -x509` makes it.
pub(crate) fn self_signed(names: &[&str]) -> String {
    let key = KeyPair::generate().unwrap();
    let certificate = params(names, "itself", true).self_signed(&key).unwrap();
    pem("PRIVATE KEY", &key.serialize_der()) + &pem("CERTIFICATE", certificate.der())
}

fn params(names: &[&str], common: &str, authority: bool) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, common);
    if authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    params
}

fn pem(kind: &str, der: &[u8]) -> String {
    format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", STANDARD.encode(der))
}

/// A folder with stores, and the two sides with them.
pub(crate) struct Home(pub(crate) tempfile::TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Writes a file, and names it as the settings would.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> StoreFile {
        std::fs::write(self.0.path().join(name), content).unwrap();
        self.named(name)
    }

    /// A file that need not be there.
    pub(crate) fn named(&self, name: &str) -> StoreFile {
        StoreFile {
            location: name.to_owned(),
            password: "storepass".to_owned(),
            key_password: "keypass".to_owned(),
            alias: None,
            named_by: Some("keystore.primary.file_name".to_owned()),
        }
    }

    pub(crate) fn stores(&self) -> Stores {
        Stores::below(self.0.path())
    }

    /// A listener with a certificate that asks for certificates of clients when there is a trust store.
    pub(crate) fn listener(&self, keys: &str, trusted: Option<&str>) -> Arc<ServerConfig> {
        let settings = ListenerTls {
            keystore: self.file("listener.pem", keys),
            truststore: self.file("clients.pem", trusted.unwrap_or_default()),
            verify_client: trusted.map_or(VerifyClient::No, |_| VerifyClient::Require),
            ..Settings::default().http.listener_tls
        };
        listener(&settings, &mut self.stores()).unwrap()
    }

    /// Calls that trust these certificates and show one of their own, when there is one.
    pub(crate) fn sender(&self, trusted: &str, keys: Option<&str>, host_names: HostNames) -> Arc<Sender> {
        let settings = self.calls(trusted, keys, host_names);
        Arc::new(Sender::read(&settings, &mut self.stores()).unwrap())
    }

    /// The settings of such calls.
    pub(crate) fn calls(&self, trusted: &str, keys: Option<&str>, host_names: HostNames) -> SenderTls {
        SenderTls {
            keystore: keys.map_or_else(|| self.named("none"), |keys| self.file("sender.pem", keys)),
            truststore: self.file("backends.pem", trusted),
            host_names,
            ..Settings::default().http.sender_tls
        }
    }
}
