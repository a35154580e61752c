//! The correlation id: one per exchange, on a header that travels to backends and back to clients.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use std::cell::Cell;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};

/// Header and id of an exchange.
#[derive(Debug, Clone)]
pub struct Correlation {
    /// Name of the header (MI's `correlation_header_name`, default `activityid`).
    pub header: HeaderName,
    /// The client's value, or a UUID made here.
    pub id: HeaderValue,
}

impl Correlation {
    /// Takes the id of a request, or gives it one.
    pub(crate) fn of_request(header: &HeaderName, headers: &mut HeaderMap) -> Self {
        if let Some(id) = headers.get(header) {
            return Self { header: header.clone(), id: id.clone() };
        }
        let id = generate();
        headers.insert(header.clone(), id.clone());
        Self { header: header.clone(), id }
    }

    /// Puts the id on what is sent, unless a mediator did.
    pub(crate) fn apply(&self, headers: &mut HeaderMap) {
        if !headers.contains_key(&self.header) {
            headers.insert(self.header.clone(), self.id.clone());
        }
    }
}

/// A version 4 UUID. It names an exchange and guards nothing, so a fast generator per thread, seeded by
/// the system's randomness, is enough.
fn generate() -> HeaderValue {
    let random = (u128::from(next()) << 64) | u128::from(next());
    let id = uuid::Builder::from_random_bytes(random.to_be_bytes()).into_uuid();
    let text = id.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()).to_owned();
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("-"))
}

/// `SplitMix64`.
fn next() -> u64 {
    thread_local!(static STATE: Cell<u64> = Cell::new(RandomState::new().build_hasher().finish()));
    let state = STATE.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
    STATE.set(state);
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuids_and_differ() {
        let (one, two) = (generate(), generate());
        assert_ne!(one, two);
        let parsed = uuid::Uuid::parse_str(one.to_str().unwrap()).unwrap();
        assert_eq!(parsed.get_version_num(), 4);
        assert_eq!(parsed.get_variant(), uuid::Variant::RFC4122);
    }

    #[test]
    fn the_clients_id_is_kept() {
        let name = HeaderName::from_static("activityid");
        let mut headers = HeaderMap::new();
        let made = Correlation::of_request(&name, &mut headers);
        assert_eq!(headers[&name], made.id);
        headers.insert(name.clone(), HeaderValue::from_static("mine"));
        assert_eq!(Correlation::of_request(&name, &mut headers).id, "mine");
        made.apply(&mut headers);
        assert_eq!(headers[&name], "mine");
    }
}
