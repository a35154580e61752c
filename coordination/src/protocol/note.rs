//! What is worth a line in the log, and why a term ends.

use std::sync::Arc;
use std::time::Duration;

use crate::lease::{Epoch, Key};
use crate::member::MemberId;

/// Why a term ends at once: the right to act is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Loss {
    /// No renewal was confirmed within the trust window.
    Fenced,
    /// The row names another owner or another epoch.
    Taken,
    /// Others have ended this member.
    Expelled,
    /// The drain ran out of time.
    Deadline,
}

/// Why a term ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stop {
    /// Fall silent now: acknowledge nothing, start nothing.
    Revoked(Loss),
    /// This node no longer has the artifact.
    Undeployed,
    /// Switched off for the whole group.
    Paused,
    /// Moved to another member for balance.
    Moved(MemberId),
    /// The node is shutting down.
    Draining,
}

impl Stop {
    /// `true`: guards no longer hold. `false`: finish what is in flight, start nothing new.
    #[must_use]
    pub fn is_revoked(self) -> bool {
        matches!(self, Self::Revoked(_))
    }

    /// One word for logs and metrics.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Revoked(Loss::Fenced) => "fenced",
            Self::Revoked(Loss::Taken) => "taken",
            Self::Revoked(Loss::Expelled) => "expelled",
            Self::Revoked(Loss::Deadline) => "deadline",
            Self::Undeployed => "undeployed",
            Self::Paused => "paused",
            Self::Moved(_) => "moved",
            Self::Draining => "draining",
        }
    }
}

/// A change that people may want to know of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Note {
    Joined(MemberId),
    /// Another live member has our node name. `moving`: it certainly lives, so a node id is used twice.
    NodeTaken {
        holder: MemberId,
        moving: bool,
    },
    MemberSeen {
        id: MemberId,
        node: Arc<str>,
    },
    MemberGone {
        id: MemberId,
        node: Arc<str>,
    },
    /// We ended a silent member.
    Expired {
        id: MemberId,
        node: Arc<str>,
    },
    Expelled(MemberId),
    /// A statement of the beat failed. `hopeless`: repeating does not help.
    DatabaseSilent {
        reason: Arc<str>,
        hopeless: bool,
    },
    /// `rejoined`: meanwhile we had stopped our work, or were ended by others.
    DatabaseBack {
        after: Duration,
        rejoined: bool,
    },
    Fenced {
        activations: usize,
    },
    /// Epochs are lower than seen before: the database was restored or lost commits. Told once per key
    /// until the epoch is above again; the numbers are the first key's.
    EpochsWentBack {
        keys: Arc<[Key]>,
        from: Epoch,
        to: Epoch,
    },
    /// Members have different definitions of these; the newest counts. Told once per key.
    DefinitionsDiffer {
        keys: Arc<[Key]>,
    },
    /// They no longer do.
    DefinitionsAgree,
    Claimed {
        key: Key,
        from: Option<MemberId>,
    },
}
