//! PKCS#12, as `keytool`, OpenSSL and MI write it.

use super::{KeyEntry, Store, StoreError};
use p12_keystore::error::Error;
use p12_keystore::{KeyStore, KeyStoreEntry};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

/// Reads a store. The password opens the file and its keys alike.
pub(super) fn read(bytes: &[u8], password: &str) -> Result<Store, StoreError> {
    let found = KeyStore::from_pkcs12(bytes, password).map_err(refused)?;
    let mut store = Store::default();
    for (alias, entry) in found.entries() {
        match entry {
            KeyStoreEntry::PrivateKeyChain(chain) => store.keys.push(KeyEntry {
                alias: alias.clone(),
                key: Some(PrivatePkcs8KeyDer::from(chain.key().to_vec()).into()),
                chain: chain.chain().iter().map(|one| CertificateDer::from(one.as_der().to_vec())).collect(),
            }),
            KeyStoreEntry::Certificate(one) => {
                store.certificates.push(CertificateDer::from(one.as_der().to_vec()));
            }
            KeyStoreEntry::Secret(_) => {}
        }
    }
    store.keys.retain(|entry| !entry.chain.is_empty());
    Ok(store)
}

fn refused(error: Error) -> StoreError {
    match error {
        Error::MacError(_) | Error::Pkcs5Error(_) | Error::UnpadError => StoreError::Password,
        Error::UnsupportedEncryptionScheme | Error::UnsupportedMacAlgorithm => {
            StoreError::Unsupported("PKCS#12 with an encryption that is not read")
        }
        other => StoreError::Damaged(other.to_string()),
    }
}
