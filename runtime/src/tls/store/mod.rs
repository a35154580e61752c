//! Key stores and trust stores: PKCS#12, JKS and PEM, told by their bytes. Names and types say nothing:
//! MI's own `.jks` files are PKCS#12.

mod der;
mod jks;
mod pkcs12;

use super::TlsError;
use super::certificate::Certificate;
use crate::settings::StoreFile;
use artifacts::xml::ElementRef;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a store cannot be used. Reads on from its name.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file is there and cannot be read.
    #[error("cannot be read: {0}")]
    Read(#[from] io::Error),
    /// Its check sum is not that of this password.
    #[error("cannot be opened: its password is wrong, or it is damaged")]
    Password,
    /// None of the formats.
    #[error("is neither PKCS#12 nor JKS nor PEM")]
    Format,
    /// One of the formats, in a form that is not read.
    #[error("is {0}; 'keytool -importkeystore -deststoretype PKCS12' makes a copy that can be read")]
    Unsupported(&'static str),
    /// One of the formats, but not in order.
    #[error("is damaged: {0}")]
    Damaged(String),
    /// A key store without a key.
    #[error("has no private key")]
    NoKey,
    /// Its key does not open.
    #[error("has the private key '{0}', which its key password does not open")]
    KeyPassword(String),
    /// The key is none that can sign, or not the certificate's.
    #[error("has the private key '{0}', which cannot be used: {1}")]
    Key(String, rustls::Error),
    /// A trust store without certificates.
    #[error("has no trusted certificate")]
    NoCertificate,
}

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct Store {
    /// Private keys with their certificates, in order of the file.
    pub(super) keys: Vec<KeyEntry>,
    /// Certificates that are trusted.
    pub(super) certificates: Vec<CertificateDer<'static>>,
}

/// A private key and its certificates, its own first.
#[derive(Debug)]
pub(super) struct KeyEntry {
    /// Name in the store; empty in PEM.
    pub(super) alias: String,
    /// `None` when the key password does not open it.
    pub(super) key: Option<PrivateKeyDer<'static>>,
    /// Never empty.
    pub(super) chain: Vec<CertificateDer<'static>>,
}

impl KeyEntry {
    /// The key as the library takes it; `None` when it is not open.
    pub(super) fn usable(&self) -> Option<PrivateKeyDer<'static>> {
        let public = self.chain.first().and_then(|der| Certificate::read(der)).map(|found| found.public_key);
        Some(der::completed(self.key.as_ref()?, &public.unwrap_or_default()))
    }
}

impl Store {
    /// Reads the bytes of a file.
    pub(super) fn read(bytes: &[u8], password: &str, key_password: &str) -> Result<Self, StoreError> {
        match bytes {
            [0xfe, 0xed, 0xfe, 0xed, ..] => jks::read(bytes, password, key_password),
            [0xce, 0xce, 0xce, 0xce, ..] => Err(StoreError::Unsupported("a JCEKS store")),
            // An ASN.1 sequence.
            [0x30, ..] => pkcs12::read(bytes, password),
            _ if bytes.windows(11).any(|window| window == b"-----BEGIN ") => pem(bytes),
            _ => Err(StoreError::Format),
        }
    }

    /// The entry of an alias, or the first: MI's transports do not ask for the alias of
    /// `[keystore.primary]` either.
    pub(super) fn key(&self, alias: Option<&str>) -> Result<&KeyEntry, StoreError> {
        let named = alias.and_then(|alias| self.keys.iter().find(|e| e.alias.eq_ignore_ascii_case(alias)));
        named.or_else(|| self.keys.first()).ok_or(StoreError::NoKey)
    }

    /// What a trust store makes trusted: its certificates and, as in Java, those of its keys.
    pub(super) fn trusted(&self) -> Vec<CertificateDer<'static>> {
        let own = self.keys.iter().filter_map(|entry| entry.chain.first());
        self.certificates.iter().chain(own).cloned().collect()
    }
}

fn pem(bytes: &[u8]) -> Result<Store, StoreError> {
    let damaged = |error: rustls::pki_types::pem::Error| StoreError::Damaged(error.to_string());
    let chain: Vec<_> = CertificateDer::pem_slice_iter(bytes).collect::<Result<_, _>>().map_err(damaged)?;
    let key = match PrivateKeyDer::from_pem_slice(bytes) {
        Ok(key) => Some(key),
        Err(rustls::pki_types::pem::Error::NoItemsFound) => None,
        Err(error) => return Err(damaged(error)),
    };
    if bytes.windows(19).any(|window| window == b"ENCRYPTED PRIVATE K") {
        return Err(StoreError::Unsupported("PEM with an encrypted key"));
    }
    let keys = match key {
        Some(_) if chain.is_empty() => return Err(StoreError::Damaged("its key has no certificate".into())),
        Some(key) => vec![KeyEntry { alias: String::new(), key: Some(key), chain: chain.clone() }],
        None => Vec::new(),
    };
    Ok(Store { keys, certificates: chain })
}

/// Opens the files of the settings, each once: both sides usually share them.
#[derive(Debug)]
pub struct Stores {
    home: PathBuf,
    opened: HashMap<(PathBuf, String, String), Arc<Store>>,
}

impl Stores {
    /// Locations are relative to `home`.
    pub fn below(home: &Path) -> Self {
        Self { home: home.to_owned(), opened: HashMap::new() }
    }

    /// The text of a file.
    pub(super) fn text(&self, location: &str) -> io::Result<String> {
        std::fs::read_to_string(self.home.join(location))
    }

    /// The store of a file; `None` when there is no such file, which is a warning when the settings
    /// name it.
    pub(super) fn open(&mut self, file: &StoreFile) -> Result<Option<Arc<Store>>, TlsError> {
        let path = self.home.join(&file.location);
        let key = (path, file.password.clone(), file.key_password.clone());
        if let Some(store) = self.opened.get(&key) {
            return Ok(Some(store.clone()));
        }
        let bytes = match std::fs::read(&key.0) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(file.fails(error.into())),
        };
        let store = Store::read(&bytes, &file.password, &file.key_password);
        let store = Arc::new(store.map_err(|error| file.fails(error))?);
        warn_of_end(file, &store);
        self.opened.insert(key, store.clone());
        Ok(Some(store))
    }
}

/// An expired certificate is no reason not to start: peers may believe it all the same.
fn warn_of_end(file: &StoreFile, store: &Store) {
    let now = UnixTime::now().as_secs();
    let own = store.keys.iter().filter_map(|entry| Certificate::read(entry.chain.first()?));
    for expired in own.filter(|certificate| certificate.is_expired(now)) {
        let (subject, end) = (&expired.subject, &expired.not_after.1);
        tracing::warn!("the certificate of '{subject}' in '{}' has expired: {end}", file.location);
    }
}

/// A `<KeyStore>` or `<TrustStore>` element.
pub(super) fn of_element(element: ElementRef<'_>, named_by: String) -> StoreFile {
    let text = |name: &str| element.child_any_ns(name).map(|child| child.text().trim().to_owned());
    let password = text("Password").unwrap_or_default();
    StoreFile {
        location: text("Location").unwrap_or_default(),
        key_password: text("KeyPassword").unwrap_or_else(|| password.clone()),
        password,
        alias: text("KeyAlias"),
        named_by: Some(named_by),
    }
}

impl StoreFile {
    /// The error of this file.
    pub(super) fn fails(&self, cause: StoreError) -> TlsError {
        let named = self.named_by.as_ref().map(|key| format!(" ({key})")).unwrap_or_default();
        TlsError::Store { location: self.location.clone(), named, cause: Box::new(cause) }
    }
}
