//! What an operator wants to see: members, owners, epochs, and what moved lately and why.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::lease::{Epoch, Key, View};
use crate::member::MemberId;

/// Moves kept for the status.
pub const MOVES_KEPT: usize = 200;

/// In which part of its life a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// No database: everything runs here, ungated.
    Off,
    /// Not a member yet, or expelled and joining again.
    Joining,
    Member,
    Draining,
    Left,
}

impl Phase {
    /// One word for status pages.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Joining => "joining",
            Self::Member => "member",
            Self::Draining => "draining",
            Self::Left => "left",
        }
    }
}

/// One change of owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// Database time of the view that showed it.
    pub at: Timestamp,
    /// The activation, for slots the slot.
    pub key: Key,
    /// Name of the node that had it; `None` for nobody.
    pub from: Option<Arc<str>>,
    /// Name of the node that has it now; `None` for nobody.
    pub to: Option<Arc<str>>,
    /// Epoch of the term that began, or of the one that ended when nobody has it now.
    pub epoch: Epoch,
    /// `start`, `takeover`, `handed-over`, `released`.
    pub reason: &'static str,
}

/// A snapshot of the group as this node sees it.
#[derive(Clone, Debug)]
pub struct Status {
    /// In which part of its life this node is.
    pub phase: Phase,
    /// Name of the group.
    pub group: Arc<str>,
    /// Name of this node.
    pub node: Arc<str>,
    /// Identity of this process start in the group.
    pub member: MemberId,
    /// What the store calls itself; no credentials.
    pub store: Arc<str>,
    /// How long this node may still act if no renewal is confirmed any more.
    pub trust_left: Duration,
    /// How long the database has not been answering; `None` while it does.
    pub database_silent: Option<Duration>,
    /// What it said last, while it fails.
    pub database_error: Option<Arc<str>>,
    /// Another live process has our node name; `true` when it certainly lives.
    pub duplicate_node: Option<bool>,
    /// All members and activations, as read last.
    pub view: Arc<View>,
    /// Activations whose definitions differ between live nodes: a rolling update, or a forgotten node.
    pub differing: Vec<Key>,
    /// Newest last.
    pub moves: Vec<Move>,
}

/// One line of the table of activations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ownership {
    /// The activation, for slots the slot.
    pub key: Key,
    /// Name of the owning node; `None` when nobody runs it.
    pub node: Option<Arc<str>>,
    /// Number of the present or last term.
    pub epoch: Epoch,
    /// Switched off by an operator for the whole group.
    pub paused: bool,
    /// Runs since the definition last changed.
    pub runs: i64,
    /// The last scheduled instant that was started, in milliseconds since 1970 UTC.
    pub last_fire: Option<i64>,
}

impl Status {
    /// All activations of the group with their owners.
    #[must_use]
    pub fn owners(&self) -> Vec<Ownership> {
        let row = |(key, row): (&Key, &crate::lease::LeaseRow)| Ownership {
            key: key.clone(),
            node: self.view.owner(key).map(|m| m.node.clone()),
            epoch: row.epoch,
            paused: row.paused,
            runs: row.runs,
            last_fire: row.last_fire,
        };
        self.view.leases.iter().map(row).collect()
    }

    /// Activations this node owns.
    #[must_use]
    pub fn owned(&self) -> usize {
        self.view.leases.values().filter(|row| row.owner == Some(self.member)).count()
    }
}

/// Remembers names and the last view, and finds what moved.
#[derive(Debug, Default)]
pub(crate) struct Tracker {
    names: BTreeMap<MemberId, Arc<str>>,
    last: Arc<View>,
    /// Last owner of a key, kept while nobody has it.
    before: BTreeMap<Key, MemberId>,
    pub(crate) moves: VecDeque<Move>,
}

impl Tracker {
    /// The name of a member, also of one that has ended.
    pub(crate) fn name(&self, id: MemberId) -> Option<Arc<str>> {
        self.names.get(&id).cloned()
    }

    /// Takes in a view and appends the moves it shows.
    pub(crate) fn see(&mut self, view: &Arc<View>) {
        for m in &view.members {
            self.names.insert(m.id, m.node.clone());
        }
        let mut found = Vec::new();
        for (key, row) in &view.leases {
            let old = self.last.leases.get(key);
            if old.is_some_and(|o| o.owner == row.owner && o.epoch == row.epoch) {
                continue;
            }
            let was = old.and_then(|o| o.owner).or_else(|| self.before.get(key).copied());
            let reason = match (was, row.owner) {
                (_, None) if old.is_none() => continue,
                (_, None) => "released",
                (None, Some(_)) => "start",
                (Some(was), Some(_)) if view.member(was).is_some() => "handed-over",
                (Some(_), Some(_)) => "takeover",
            };
            found.push(Move {
                at: view.database,
                key: key.clone(),
                from: was.and_then(|id| self.name(id)),
                to: row.owner.and_then(|id| self.name(id)),
                epoch: row.epoch,
                reason,
            });
            if let Some(was) = was.filter(|_| row.owner.is_none()) {
                self.before.insert(key.clone(), was);
            } else {
                self.before.remove(key);
            }
        }
        self.moves.extend(found);
        while self.moves.len() > MOVES_KEPT {
            self.moves.pop_front();
        }
        self.last = view.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::LeaseRow;
    use crate::member::MemberRow;

    fn view(members: &[u128], owner: Option<u128>, epoch: i64) -> Arc<View> {
        let member = |id: &u128| MemberRow {
            id: MemberId(*id),
            node: format!("n{id}").into(),
            seq: 0,
            lease: Duration::ZERO,
            weight: 1,
            declared: Arc::default(),
            proven_dead: false,
        };
        let row = LeaseRow {
            owner: owner.map(MemberId),
            epoch: Epoch(epoch),
            wanted: None,
            paused: false,
            runs: 0,
            def: crate::lease::Definition::default(),
            last_fire: None,
        };
        Arc::new(View {
            database: Timestamp(1),
            members: members.iter().map(member).collect(),
            leases: BTreeMap::from([(Key::new("t"), row)]),
        })
    }

    #[test]
    fn each_change_of_owner_has_a_reason() {
        let mut t = Tracker::default();
        t.see(&view(&[1, 2], Some(1), 1));
        t.see(&view(&[2], Some(2), 2));
        t.see(&view(&[2, 3], None, 2));
        t.see(&view(&[2, 3], Some(3), 3));
        t.see(&view(&[2, 3], Some(3), 3));
        let seen: Vec<_> = t.moves.iter().map(|m| (m.reason, m.to.as_deref())).collect();
        assert_eq!(
            seen,
            [
                ("start", Some("n1")),
                ("takeover", Some("n2")),
                ("released", None),
                ("handed-over", Some("n3"))
            ]
        );
        assert_eq!(t.moves[1].from.as_deref(), Some("n1"));
    }
}
