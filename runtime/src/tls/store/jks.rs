//! Java's old format: a list of entries and, behind it, a digest of password and list. Keys are
//! encrypted with a cipher of its own, which is a chain of SHA-1 digests.

use super::der::element;
use super::{KeyEntry, Store, StoreError};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha1::{Digest as _, Sha1};

/// Length of a SHA-1 digest.
const DIGEST: usize = 20;

/// Reads a store whose magic number has been seen.
pub(super) fn read(bytes: &[u8], password: &str, key_password: &str) -> Result<Store, StoreError> {
    let (list, digest) = bytes.split_last_chunk::<DIGEST>().ok_or_else(short)?;
    let mut sum = Sha1::new_with_prefix(utf16(password));
    // The words that Java's authors chose.
    sum.update(b"Mighty Aphrodite");
    sum.update(list);
    if sum.finalize().as_slice() != digest {
        return Err(StoreError::Password);
    }
    let mut cursor = Cursor(list.get(4..).unwrap_or_default());
    let version = cursor.number()?;
    if !(1..=2).contains(&version) {
        return Err(StoreError::Unsupported("a JKS store of an unknown version"));
    }
    let mut store = Store::default();
    for _ in 0..cursor.number()? {
        let tag = cursor.number()?;
        let alias = cursor.text()?;
        let _created = cursor.take(8)?;
        match tag {
            1 => {
                let sealed = cursor.block()?.to_vec();
                let count = cursor.number()?;
                let chain = (0..count).map(|_| cursor.certificate(version)).collect::<Result<Vec<_>, _>>()?;
                // Keys may have a password of their own, or that of the store.
                let key = open(&sealed, key_password).or_else(|| open(&sealed, password));
                store.keys.push(KeyEntry { alias, key, chain });
            }
            2 => store.certificates.push(cursor.certificate(version)?),
            other => return Err(StoreError::Damaged(format!("it has an entry of the unknown kind {other}"))),
        }
    }
    store.keys.retain(|entry| !entry.chain.is_empty());
    Ok(store)
}

fn short() -> StoreError {
    StoreError::Damaged("it ends early".into())
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

/// What is left of the list.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], StoreError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(short)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u32, StoreError> {
        let (taken, rest) = self.0.split_first_chunk::<4>().ok_or_else(short)?;
        self.0 = rest;
        Ok(u32::from_be_bytes(*taken))
    }

    /// Bytes behind their length.
    fn block(&mut self) -> Result<&'a [u8], StoreError> {
        let length = usize::try_from(self.number()?).map_err(|_| short())?;
        self.take(length)
    }

    fn text(&mut self) -> Result<String, StoreError> {
        let length = self.take(2)?.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        Ok(String::from_utf8_lossy(self.take(length)?).into_owned())
    }

    fn certificate(&mut self, version: u32) -> Result<CertificateDer<'static>, StoreError> {
        if version == 2 {
            let _kind = self.text()?;
        }
        Ok(CertificateDer::from(self.block()?.to_vec()))
    }
}

/// Decrypts a key; `None` when the password is another.
fn open(sealed: &[u8], password: &str) -> Option<PrivateKeyDer<'static>> {
    // EncryptedPrivateKeyInfo: a sequence of the algorithm, which is always the same, and the bytes.
    let (_, info, _) = element(sealed)?;
    let (_, _, rest) = element(info)?;
    let (_, bytes, _) = element(rest)?;
    let (salt, rest) = bytes.split_first_chunk::<DIGEST>()?;
    let (cipher, check) = rest.split_last_chunk::<DIGEST>()?;
    let password = utf16(password);
    let digest = |bytes: &[u8]| -> [u8; DIGEST] {
        let mut sum = Sha1::new_with_prefix(&password);
        sum.update(bytes);
        sum.finalize().into()
    };
    let mut pad = *salt;
    let mut plain = Vec::with_capacity(cipher.len());
    for block in cipher.chunks(DIGEST) {
        pad = digest(&pad);
        plain.extend(block.iter().zip(pad).map(|(byte, mask)| byte ^ mask));
    }
    (digest(&plain) == *check).then(|| PrivatePkcs8KeyDer::from(plain).into())
}
