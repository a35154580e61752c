//! Whose certificates are believed, on both sides.
//!
//! As in Java, a certificate that lies in the trust store itself is believed as it is, whatever it says
//! about its purpose or its end: that is how self-signed certificates are exchanged, MI's own among
//! them. All others need a chain to an authority that lies there: who has the key of another certificate
//! stands for that one only. The peer proves in either case that it has the key.

use super::certificate::Certificate;
use super::names::Names;
use crate::settings::HostNames;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, verify_server_cert_signed_by_trust_anchor};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};
use std::sync::Arc;

/// Certificates that are believed, and those among them whose signatures on others are.
#[derive(Debug, Clone)]
pub(super) struct Trust {
    /// Believe everybody?
    all: bool,
    believed: Vec<CertificateDer<'static>>,
    /// Authorities, whose signatures count.
    roots: Arc<RootCertStore>,
}

impl Trust {
    /// Of a trust store. Certificates that are not an authority's (basicConstraints with CA, or X.509 v1)
    /// are believed for themselves only.
    pub(super) fn of_store(certificates: Vec<CertificateDer<'static>>) -> Self {
        let mut roots = RootCertStore::empty();
        // The library takes any certificate for an authority's that is given to it as a root.
        let is_ca = |der: &&CertificateDer<'_>| Certificate::read(der).is_some_and(|found| found.is_ca);
        roots.add_parsable_certificates(certificates.iter().filter(is_ca).cloned());
        Self { all: false, believed: certificates, roots: Arc::new(roots) }
    }

    /// The roots of the system.
    pub(super) fn of_system() -> Self {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!("certificates of the system: {error}");
        }
        if found.certs.is_empty() {
            tracing::warn!(
                "the system has no root certificates: no https backend is trusted until [truststore] names some"
            );
        }
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(found.certs);
        Self { all: false, believed: Vec::new(), roots: Arc::new(roots) }
    }

    /// Of whoever wants no validation.
    pub(super) fn in_all() -> Self {
        Self { all: true, believed: Vec::new(), roots: Arc::new(RootCertStore::empty()) }
    }

    fn believes(&self, certificate: &CertificateDer<'_>) -> bool {
        self.all || self.believed.iter().any(|known| known.as_ref() == certificate.as_ref())
    }
}

/// Judges backends.
#[derive(Debug)]
pub(super) struct BackendJudge {
    pub(super) trust: Trust,
    pub(super) host_names: HostNames,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for BackendJudge {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if !self.trust.believes(end_entity) {
            let parsed = ParsedCertificate::try_from(end_entity)?;
            let (roots, algorithms) = (&self.trust.roots, self.algorithms.all);
            verify_server_cert_signed_by_trust_anchor(&parsed, roots, intermediates, now, algorithms)?;
        }
        if self.host_names != HostNames::AllowAll {
            let names = Certificate::read(end_entity).map(|certificate| certificate.names);
            check_name(server_name, &names.unwrap_or_default(), self.host_names)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn check_name(asked: &ServerName<'_>, names: &Names, rule: HostNames) -> Result<(), Error> {
    if names.fit(&asked.to_str(), rule) {
        return Ok(());
    }
    let (expected, presented) = (asked.to_owned(), names.shown());
    Err(Error::InvalidCertificate(CertificateError::NotValidForNameContext { expected, presented }))
}

/// Judges clients.
#[derive(Debug)]
pub(super) struct ClientJudge {
    trust: Trust,
    /// Judges chains; `None` when the trust store has no authority.
    chains: Option<Arc<dyn ClientCertVerifier>>,
    /// Names of all that is trusted, for clients to choose a certificate by.
    hints: Vec<DistinguishedName>,
    required: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientJudge {
    /// `None` when the trust store has no certificate that can be understood.
    pub(super) fn new(trust: Trust, required: bool) -> Option<Self> {
        let mut all = RootCertStore::empty();
        all.add_parsable_certificates(trust.believed.iter().cloned());
        if all.is_empty() {
            return None;
        }
        let provider = super::provider();
        let algorithms = provider.signature_verification_algorithms;
        // Without revocation lists it fails for want of roots only.
        let chains = WebPkiClientVerifier::builder_with_provider(trust.roots.clone(), provider).build().ok();
        Some(Self { chains, hints: all.subjects(), trust, required, algorithms })
    }
}

impl ClientCertVerifier for ClientJudge {
    fn client_auth_mandatory(&self) -> bool {
        self.required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if self.trust.believes(end_entity) {
            return Ok(ClientCertVerified::assertion());
        }
        let Some(chains) = &self.chains else { return Err(CertificateError::UnknownIssuer.into()) };
        chains.verify_client_cert(end_entity, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Shows a backend the client certificate if one of the issuers it names has signed it; to a backend
/// that names none it is shown always. A certificate that the backend cannot trust would end the
/// connection even where none is required.
#[derive(Debug)]
pub(super) struct Identity {
    certified: Arc<CertifiedKey>,
    issuers: Vec<Vec<u8>>,
}

impl Identity {
    pub(super) fn new(certified: Arc<CertifiedKey>) -> Self {
        let read = |der: &CertificateDer<'_>| Certificate::read(der).map(|found| found.issuer);
        let issuers = certified.cert.iter().filter_map(read).collect();
        Self { certified, issuers }
    }
}

impl ResolvesClientCert for Identity {
    fn resolve(
        &self,
        root_hint_subjects: &[&[u8]],
        _sigschemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        let fits = |hint: &&[u8]| self.issuers.iter().any(|issuer| issuer == hint);
        let wanted = root_hint_subjects.is_empty() || root_hint_subjects.iter().any(fits);
        wanted.then(|| self.certified.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}
