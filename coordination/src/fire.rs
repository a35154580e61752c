//! Claims of scheduled starts.
//!
//! A fire is claimed in the activation's row before it starts: the row remembers the highest fire
//! key and the number of runs, so an instant is started at most once and a finite count survives any
//! number of owners. This holds whatever the clocks do; it needs only the database's word.

use std::fmt;

use crate::lease::{Definition, Epoch, Key, LeaseRow};
use crate::member::MemberId;

/// A wish to start one scheduled instant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FireClaim {
    /// The activation, for slots the slot.
    pub key: Key,
    /// The owner that wishes it.
    pub member: MemberId,
    /// The owner's term; under another one the claim is refused.
    pub epoch: Epoch,
    /// Identity of the start: its scheduled instant in milliseconds since 1970 UTC. Must grow.
    pub fire_key: i64,
    /// The activation may run this often in all; `None` without end.
    pub limit: Option<i64>,
    /// The definition to count for; another one than the row's starts the run count anew with this
    /// run. `None`: the row's.
    pub def: Option<Definition>,
}

/// Why a fire must not start. Normal results, not errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Another member or another epoch owns the activation now, or this process lost its trust.
    NotOwner,
    /// This instant or a later one has been claimed already.
    AlreadyFired,
    /// The finite count is used up.
    Exhausted,
    /// Switched off for the whole group.
    Paused,
    /// The database did not say whether the claim was written; starting would risk a second run.
    Unconfirmed,
}

impl Refusal {
    /// One word for logs and metrics.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::NotOwner => "not-owner",
            Self::AlreadyFired => "already-fired",
            Self::Exhausted => "exhausted",
            Self::Paused => "paused",
            Self::Unconfirmed => "unconfirmed",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FireClaim {
    /// Whether the claim may be written over this row. Stores say the same in SQL.
    ///
    /// # Errors
    /// The first reason that forbids it.
    pub fn check(&self, row: &LeaseRow) -> Result<(), Refusal> {
        if row.owner != Some(self.member) || row.epoch != self.epoch {
            return Err(Refusal::NotOwner);
        }
        if row.paused {
            return Err(Refusal::Paused);
        }
        if row.last_fire.is_some_and(|last| last >= self.fire_key) {
            return Err(Refusal::AlreadyFired);
        }
        if self.limit.is_some_and(|limit| row.runs_of(self.def.as_ref()) >= limit) {
            return Err(Refusal::Exhausted);
        }
        Ok(())
    }

    /// Whether this row shows that the claim was written. Only meaningful when an attempt had an
    /// unknown outcome: nobody else writes fires under our member and epoch.
    #[must_use]
    pub fn is_written(&self, row: &LeaseRow) -> bool {
        row.owner == Some(self.member) && row.epoch == self.epoch && row.last_fire == Some(self.fire_key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> LeaseRow {
        LeaseRow {
            owner: Some(MemberId(1)),
            epoch: Epoch(7),
            wanted: None,
            paused: false,
            runs: 2,
            def: Definition::default(),
            last_fire: Some(100),
        }
    }

    fn claim(fire_key: i64) -> FireClaim {
        FireClaim {
            key: Key::new("t"),
            member: MemberId(1),
            epoch: Epoch(7),
            fire_key,
            limit: Some(3),
            def: None,
        }
    }

    #[test]
    fn a_later_instant_of_the_owner_is_allowed() {
        assert_eq!(claim(101).check(&row()), Ok(()));
    }

    #[test]
    fn each_reason_refuses() {
        assert_eq!(claim(100).check(&row()), Err(Refusal::AlreadyFired));
        assert_eq!(claim(101).check(&LeaseRow { runs: 3, ..row() }), Err(Refusal::Exhausted));
        assert_eq!(claim(101).check(&LeaseRow { paused: true, ..row() }), Err(Refusal::Paused));
        assert_eq!(claim(101).check(&LeaseRow { epoch: Epoch(8), ..row() }), Err(Refusal::NotOwner));
        assert_eq!(claim(101).check(&LeaseRow { owner: None, ..row() }), Err(Refusal::NotOwner));
    }

    #[test]
    fn another_definition_counts_anew() {
        let used_up = LeaseRow { runs: 3, ..row() };
        let def = Definition { since: 1, fingerprint: "d2".into() };
        let other = FireClaim { def: Some(def.clone()), ..claim(101) };
        assert_eq!(other.check(&used_up), Ok(()));
        assert_eq!(other.check(&LeaseRow { def, ..used_up }), Err(Refusal::Exhausted));
    }

    #[test]
    fn a_written_claim_is_recognised_by_the_row() {
        assert!(claim(100).is_written(&row()));
        assert!(!claim(101).is_written(&row()));
        assert!(!claim(100).is_written(&LeaseRow { epoch: Epoch(8), ..row() }));
    }
}
