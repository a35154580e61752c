//! Activations and the right to run them.
//!
//! A lease is a pair in one row: an owner that is a live member, and the epoch of that ownership.
//! The row says who holds it; a member's own clock can only make it let go sooner.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::member::{MemberId, MemberRow};

/// Longest key in characters: it must fit an index of every supported database in full Unicode.
pub const MAX_KEY: usize = 191;

/// Name of one thing that runs on some node, the same on all nodes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<str>);

impl Key {
    /// Takes the name as it is. Control characters become blanks, blanks at the end are left out (a
    /// database may take two keys that differ only there for the same), and a name longer than
    /// [`MAX_KEY`] is cut and gets a hash of the whole, so that two long names stay different.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut clean: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        clean.truncate(clean.trim_end().len());
        if clean.chars().count() <= MAX_KEY {
            return Self(clean.into());
        }
        let head: String = clean.chars().take(MAX_KEY - 17).collect();
        Self(format!("{head}~{:016x}", hash(&[clean.as_bytes()])).into())
    }

    /// The key of one slot of an activation that may run several times in the group.
    #[must_use]
    pub fn slot(&self, index: u32) -> Self {
        Self::new(&format!("{}#{index}", self.0))
    }

    /// The name as it is stored, at most [`MAX_KEY`] characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The activation a slot belongs to; `None` when this is not a slot.
    #[must_use]
    pub fn base(&self) -> Option<&str> {
        let (base, index) = self.0.rsplit_once('#')?;
        (!index.is_empty() && index.bytes().all(|b| b.is_ascii_digit())).then_some(base)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The fingerprint of a definition: the same in every version and on every platform, so that a
/// program update does not look like a changed definition.
#[must_use]
pub fn fingerprint(parts: &[&str]) -> Arc<str> {
    let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
    format!("{:016x}", hash(&parts)).into()
}

/// FNV-1a with a final mix: stable across versions and platforms, which placement relies on.
pub(crate) fn hash(parts: &[&[u8]]) -> u64 {
    let mut h = 0xcbf2_9ce4_8422_2325_u64;
    for part in parts {
        for byte in *part {
            h = (h ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        h = (h ^ 0xff).wrapping_mul(0x0100_0000_01b3);
    }
    h ^= h >> 33;
    h = h.wrapping_mul(0xff51_afd7_ed55_8ccd);
    h ^= h >> 33;
    h = h.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    h ^ (h >> 33)
}

/// Longest fingerprint of a definition in characters.
const MAX_FINGERPRINT: usize = 40;

/// The form in which a definition's fingerprint is compared and stored: without blanks, and with a
/// hash in place of the end of a long one.
#[must_use]
pub fn storable(text: &str) -> Arc<str> {
    let plain = |c: char| if c.is_whitespace() || c.is_control() { '_' } else { c };
    let clean: String = text.chars().map(plain).collect();
    if clean.chars().count() <= MAX_FINGERPRINT {
        return clean.into();
    }
    let head: String = clean.chars().take(MAX_FINGERPRINT - 17).collect();
    format!("{head}~{:016x}", hash(&[clean.as_bytes()])).into()
}

/// What an activation was when its runs were counted last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Definition {
    /// Age of the artifacts it came with, see [`crate::member::Declaration::since`].
    pub since: i64,
    /// As [`storable`] makes it.
    pub fingerprint: Arc<str>,
}

impl Definition {
    /// The form in which it is stored, at most 61 characters.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{}:{}", self.since, self.fingerprint)
    }

    /// Reads what [`Definition::to_text`] wrote. Anything else is a fingerprint of unknown age.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        let parts = text.split_once(':').and_then(|(since, rest)| Some((since.parse().ok()?, rest)));
        let (since, rest) = parts.unwrap_or((0, text));
        Self { since, fingerprint: rest.into() }
    }
}

/// Number of an ownership term of one activation. Grows with every change of owner and never
/// repeats, so a receiver that remembers the highest it has seen can refuse a late writer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub i64);

impl Epoch {
    /// The epoch of the next owner: above this one, above `floor` (the highest the claimant ever
    /// saw), and not below the database's clock. The last part keeps epochs growing when a restored
    /// database has forgotten the latest grants.
    #[must_use]
    pub fn next(self, floor: Epoch, database: Timestamp) -> Self {
        Self((self.0 + 1).max(floor.0 + 1).max(database.0))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// On how many nodes an activation runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Policy {
    /// One owner in the group. Default for tasks, processors and polling inbound endpoints.
    Exclusive,
    /// `n` leases, `key#0` to `key#(n-1)`, spread over the nodes.
    Slots(u32),
    /// No gate: pinned tasks, listening inbound endpoints.
    EveryNode,
    /// No gate: the broker divides the work (consumer groups, competing consumers).
    Shared,
}

impl Policy {
    /// The rows this activation needs; none when there is no gate.
    #[must_use]
    pub fn keys(self, key: &Key) -> Vec<Key> {
        match self {
            Self::Exclusive => vec![key.clone()],
            Self::Slots(n) => (0..n).map(|i| key.slot(i)).collect(),
            Self::EveryNode | Self::Shared => Vec::new(),
        }
    }
}

/// One activation as read from the database.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LeaseRow {
    /// The owner, also after it has ended and until somebody else claims; `None`: nobody had it yet, or it
    /// was released.
    pub owner: Option<MemberId>,
    /// Number of the term; stays when the owner has let go.
    pub epoch: Epoch,
    /// Whom the last owner wished to follow it.
    pub wanted: Option<MemberId>,
    /// Switched off by an operator for the whole group; nobody runs it.
    pub paused: bool,
    /// Fires claimed since the definition last changed.
    pub runs: i64,
    /// The definition these were counted for.
    pub def: Definition,
    /// The highest fire key claimed so far, in milliseconds since 1970 UTC.
    pub last_fire: Option<i64>,
}

/// Everything a member reads in one beat.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct View {
    /// The database's clock when it answered.
    pub database: Timestamp,
    /// Live members only, in order of identity.
    pub members: Vec<MemberRow>,
    /// All activations of the group that have a row.
    pub leases: BTreeMap<Key, LeaseRow>,
}

impl LeaseRow {
    /// The count that a claim for this definition goes on from; `None` goes on with the row's.
    #[must_use]
    pub fn runs_of(&self, def: Option<&Definition>) -> i64 {
        if def.is_none_or(|def| *def == self.def) { self.runs } else { 0 }
    }

    /// Puts a definition in the row, whose count starts anew if it is another one.
    pub fn count_for(&mut self, def: Option<&Definition>) {
        self.runs = self.runs_of(def);
        self.def = def.unwrap_or(&self.def).clone();
    }
}

impl View {
    /// The row of a live member.
    #[must_use]
    pub fn member(&self, id: MemberId) -> Option<&MemberRow> {
        self.members.iter().find(|m| m.id == id)
    }

    /// The owner of an activation if it is a live member.
    #[must_use]
    pub fn owner(&self, key: &Key) -> Option<&MemberRow> {
        self.leases.get(key).and_then(|row| row.owner).and_then(|id| self.member(id))
    }
}

/// A wish to become the owner: succeeds only if the row still is what the claimant saw, the seen
/// owner is not live, the claimant is, and nobody has paused the activation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Claim {
    /// The activation.
    pub key: Key,
    /// The claimant.
    pub member: MemberId,
    /// The owner in the row the claimant has seen.
    pub seen_owner: Option<MemberId>,
    /// The epoch in that row.
    pub seen_epoch: Epoch,
    /// The new epoch must be above this: the highest the claimant ever saw for the key.
    pub floor: Epoch,
    /// The definition to count for from now on; another one than the row's starts the run count
    /// anew. `None`: the row's.
    pub def: Option<Definition>,
}

/// Lifts an epoch that went back, see [`Epoch`]: whoever acted under the forgotten one has told
/// receivers a higher number. The owner stays and begins a new term. Done only while the row still
/// has the epoch that was seen; safe to repeat.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Raise {
    /// The activation.
    pub key: Key,
    /// The epoch that is too low.
    pub seen_epoch: Epoch,
    /// The new epoch must be above this: the highest the caller ever saw for the key.
    pub floor: Epoch,
}

/// The end of exactly one term. Safe to repeat.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Release {
    /// The activation.
    pub key: Key,
    /// The owner that lets go.
    pub member: MemberId,
    /// The term it ends.
    pub epoch: Epoch,
    /// Who is to follow, when it is known; others wait a heartbeat longer for it.
    pub wanted: Option<MemberId>,
}

/// A term that has begun on this node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The activation, for slots the slot.
    pub key: Key,
    /// The member of this process that owns it.
    pub member: MemberId,
    /// Number of the term: the fencing token.
    pub epoch: Epoch,
    /// Runs that were claimed for the definition `def` by all owners so far.
    pub runs: i64,
    /// The definition these were counted for.
    pub def: Definition,
    /// The highest fire key claimed so far, in milliseconds since 1970 UTC.
    pub last_fire: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_keys_fit_and_stay_different() {
        let a = Key::new(&format!("{}a", "x".repeat(300)));
        let b = Key::new(&format!("{}b", "x".repeat(300)));
        assert_ne!(a, b);
        assert_eq!(a.as_str().chars().count(), MAX_KEY);
    }

    #[test]
    fn fingerprints_stay_as_they_are() {
        assert_eq!(&*fingerprint(&["<task/>"]), "fcaeb14f27becebc");
        assert_ne!(fingerprint(&["a", "b"]), fingerprint(&["ab"]));
    }

    #[test]
    fn a_definition_survives_its_text_form() {
        let def = Definition { since: 1_700_000_000_000, fingerprint: "ab:12".into() };
        assert_eq!(Definition::from_text(&def.to_text()), def);
        assert_eq!(Definition::from_text("ab12"), Definition { since: 0, fingerprint: "ab12".into() });
    }

    #[test]
    fn long_fingerprints_fit_and_stay_different() {
        let (a, b) = (format!("{} a", "x".repeat(60)), format!("{} b", "x".repeat(60)));
        assert_ne!(storable(&a), storable(&b));
        assert_eq!(storable(&a).chars().count(), MAX_FINGERPRINT);
        assert_eq!(&*storable("a b"), "a_b");
    }

    #[test]
    fn a_slot_knows_its_activation() {
        assert_eq!(Key::new("mp").slot(2).base(), Some("mp"));
        assert_eq!(Key::new("mp").base(), None);
        assert_eq!(Key::new("mp#x").base(), None);
    }

    #[test]
    fn the_next_epoch_is_above_everything_known() {
        assert_eq!(Epoch(5).next(Epoch(9), Timestamp(3)), Epoch(10));
        assert_eq!(Epoch(5).next(Epoch(0), Timestamp(3)), Epoch(6));
        assert_eq!(Epoch(5).next(Epoch(0), Timestamp(30)), Epoch(30));
    }

    #[test]
    fn only_gated_policies_need_rows() {
        let key = Key::new("k");
        assert_eq!(Policy::Exclusive.keys(&key), std::slice::from_ref(&key));
        assert_eq!(Policy::Slots(2).keys(&key), [key.slot(0), key.slot(1)]);
        assert!(Policy::EveryNode.keys(&key).is_empty() && Policy::Shared.keys(&key).is_empty());
    }
}
