//! The little of DER that key stores need: elements in and out, and elliptic keys as Java writes them.

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;
/// The public key in an elliptic private key.
const PUBLIC: u8 = 0xa1;
/// Object identifier of elliptic keys, with tag and length.
const ELLIPTIC: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];

/// Tag and content of an element, and what follows it.
pub(super) fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = bytes.split_first_chunk::<2>()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |sum, byte| (sum << 8) | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// The content of an element that must have this tag, and what follows it.
fn expect(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    element(bytes).filter(|(found, ..)| *found == tag).map(|(_, content, rest)| (content, rest))
}

fn write(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = content.len().to_be_bytes();
    let digits = length.iter().position(|digit| *digit != 0).and_then(|at| length.get(at..)).unwrap_or(&[0]);
    let mut out = vec![tag];
    if content.len() > 0x7f {
        // At most eight digits.
        out.push(0x80 | digits.len() as u8);
    }
    out.extend_from_slice(digits);
    out.extend(content);
    out
}

/// A private key as *ring* takes it: elliptic keys with their public half, which Java leaves out.
/// Others are as they were.
pub(super) fn completed(key: &PrivateKeyDer<'_>, public: &[u8]) -> PrivateKeyDer<'static> {
    match key {
        PrivateKeyDer::Pkcs8(inner) => match with_public(inner.secret_pkcs8_der(), public) {
            Some(whole) => PrivatePkcs8KeyDer::from(whole).into(),
            None => key.clone_key(),
        },
        _ => key.clone_key(),
    }
}

fn with_public(pkcs8: &[u8], public: &[u8]) -> Option<Vec<u8>> {
    let (info, _) = expect(pkcs8, SEQUENCE)?;
    let (version, rest) = expect(info, INTEGER)?;
    let (algorithm, rest) = expect(rest, SEQUENCE)?;
    let (wrapped, _) = expect(rest, OCTET_STRING)?;
    let (inner, _) = expect(wrapped, SEQUENCE)?;
    let (inner_version, rest) = expect(inner, INTEGER)?;
    let (secret, mut rest) = expect(rest, OCTET_STRING)?;
    while let Some((tag, _, next)) = element(rest) {
        if tag == PUBLIC {
            return None;
        }
        rest = next;
    }
    if !algorithm.starts_with(ELLIPTIC) {
        return None;
    }
    // A bit string says first how many bits of its last byte are unused.
    let public = write(PUBLIC, &[&write(BIT_STRING, &[&[0], public])]);
    let inner =
        write(SEQUENCE, &[&write(INTEGER, &[inner_version]), &write(OCTET_STRING, &[secret]), &public]);
    let (version, algorithm) = (write(INTEGER, &[version]), write(SEQUENCE, &[algorithm]));
    Some(write(SEQUENCE, &[&version, &algorithm, &write(OCTET_STRING, &[&inner])]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_of_all_lengths_are_written_and_read() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0x1_0000] {
            let content = vec![7; length];
            let written = [write(OCTET_STRING, &[&content]), vec![1, 2]].concat();
            assert_eq!(element(&written), Some((OCTET_STRING, &content[..], &[1, 2][..])));
        }
        for broken in [&[][..], &[4], &[4, 2, 0], &[4, 0x80, 0, 0], &[4, 0x82, 1]] {
            assert_eq!(element(broken), None);
        }
    }
}
