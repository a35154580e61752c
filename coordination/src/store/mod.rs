//! Where members and leases are kept.
//!
//! Every call is one statement: one read, or a compare-and-set on one row. `false` means "the row is
//! no longer what you saw" and is a normal result. An error for which [`StoreError::is_unknown`] holds means the
//! statement may or may not have been applied; callers read again before they decide.

pub mod address;
pub mod memory;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(any(feature = "postgres", feature = "mysql", feature = "sqlite"))]
mod sql;
#[cfg(feature = "sqlite")]
mod sqlite;

use futures_util::future::BoxFuture;

use crate::fire::FireClaim;
use crate::lease::{Claim, Key, LeaseRow, Raise, Release, View};
use crate::member::{Declaration, End, MemberId, MemberInfo};

/// What a store could not do.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum StoreError {
    /// No answer in time. Whatever was asked may still happen, even later.
    #[error("the coordination database did not answer: {0}")]
    Unknown(String),
    /// The connection broke. Whatever was asked may have happened; and perhaps the database was
    /// restarted, so that what it had confirmed last is no longer certain either.
    #[error("the connection to the coordination database broke: {0}")]
    Broken(String),
    /// The database answered that it did not do it (a deadlock, a missing right). Nothing happened.
    #[error("the coordination database refused a statement: {0}")]
    Refused(String),
    /// The address, the credentials or the schema are wrong; repeating does not help.
    #[error("coordination is not set up: {0}")]
    Setup(String),
}

impl StoreError {
    /// Whether the statement may have been applied although it failed.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_) | Self::Broken(_))
    }
}

/// Result of a store call.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// One row per process start, kept alive by a counter.
pub trait MemberStore: Send + Sync {
    /// Adds the row of a starting process. `false`: another live member has this node name.
    /// Repeating the join of a live member gives `true`; an ended identity is never revived.
    fn join<'a>(&'a self, info: &'a MemberInfo) -> Answer<'a, bool>;
    /// Moves the counter of a live member, and stores what it offers when that has changed.
    /// `false`: somebody ended us. Stop at once, then join anew.
    fn renew<'a>(&'a self, me: MemberId, offer: Option<&'a Declaration>) -> Answer<'a, bool>;
    /// Ends a live member. `false`: its counter moved, or it has ended already.
    fn end(&self, member: MemberId, how: End) -> Answer<'_, bool>;
}

/// Who owns which activation. The epoch grows with every change of owner and never repeats.
/// Five methods: a row must exist before it can be compared and set, and a database may forget.
pub trait LeaseStore: Send + Sync {
    /// Reads all live members and all activations of the group in one consistent snapshot.
    fn observe(&self) -> Answer<'_, View>;
    /// Adds rows without an owner for keys that have none. Rows that exist are left alone.
    fn create<'a>(&'a self, keys: &'a [Key]) -> Answer<'a, ()>;
    /// Makes an owner. `false`: the row is no longer what the claim saw.
    fn claim<'a>(&'a self, claim: &'a Claim) -> Answer<'a, bool>;
    /// Ends exactly this term. `false`: it had ended before.
    fn release<'a>(&'a self, release: &'a Release) -> Answer<'a, bool>;
    /// Lifts an epoch that went back. `false`: the row is no longer what was seen.
    fn raise<'a>(&'a self, raise: &'a Raise) -> Answer<'a, bool>;
}

/// Starts of single runs, and the switch that forbids them.
pub trait FireStore: Send + Sync {
    /// Writes the claim of one scheduled start under the rules of [`FireClaim::check`].
    fn fire<'a>(&'a self, claim: &'a FireClaim) -> Answer<'a, bool>;
    /// Reads one row, to settle an unknown outcome or to say why a fire was refused.
    fn read<'a>(&'a self, key: &'a Key) -> Answer<'a, Option<LeaseRow>>;
    /// Switches an activation off or on for the whole group; the row is made if it is missing.
    fn pause<'a>(&'a self, key: &'a Key, paused: bool) -> Answer<'a, ()>;
}

/// A complete store of one group.
pub trait Store: MemberStore + LeaseStore + FireStore {
    /// How the log names it; no credentials.
    fn name(&self) -> &str;
    /// Fires it takes at the same time. More are not sent: they wait for their turn before the store,
    /// where waiting is no unknown outcome.
    fn width(&self) -> usize {
        16
    }
    /// Waits until some node says that activations have become free. Only an accelerator: a store
    /// that cannot tell waits for ever, and nobody may rely on a message arriving.
    fn changed(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::pending())
    }
}
