//! Which definition of an activation counts when nodes have different ones.
//!
//! In a rolling update old and new processes offer the same activation for a while. The newest one
//! wins: while a member with it is live, only such members take the activation, and a count that it
//! started never starts anew for an older one. Age is that of the process's artifacts, see
//! [`Declaration::since`]. A member knows the newest from the declarations it has ever seen, and from
//! the rows themselves, where the last counted definition stands with its age.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::{Note, Output, Protocol};
use crate::clock::millis;
use crate::lease::{Definition, Key, LeaseRow, View};
use crate::member::{Declaration, MemberId};
use crate::placement;

/// What a member has found out about definitions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Definitions {
    /// Age of our own artifacts; zero until the database was read once.
    since: i64,
    /// When we got them, by our own clock.
    got_at: Option<Duration>,
    /// What this process last had under each key, also of what it has no longer.
    own: BTreeMap<Key, Arc<str>>,
    newest: BTreeMap<Key, Newest>,
    /// The highest age ever seen.
    top: i64,
    /// Keys whose definitions differ between the members of the last view, with the one that counts.
    differing: BTreeMap<Key, Arc<str>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Newest {
    age: (i64, MemberId),
    fingerprint: Arc<str>,
}

impl Definitions {
    pub(super) fn since(&self) -> i64 {
        self.since
    }

    pub(super) fn differing(&self) -> &BTreeMap<Key, Arc<str>> {
        &self.differing
    }

    fn note(&mut self, key: &Key, age: (i64, MemberId), fingerprint: &Arc<str>) {
        self.top = self.top.max(age.0);
        if self.newest.get(key).is_none_or(|known| known.age <= age) {
            self.newest.insert(key.clone(), Newest { age, fingerprint: fingerprint.clone() });
        }
    }

    fn note_all(&mut self, member: MemberId, declared: &Declaration) {
        for (key, fingerprint) in &declared.keys {
            self.note(key, (declared.since, member), fingerprint);
        }
    }

    fn is_newest(&self, key: &Key, fingerprint: &Arc<str>) -> bool {
        self.newest.get(key).is_none_or(|known| known.fingerprint == *fingerprint)
    }
}

impl Protocol {
    /// Our own artifacts have changed. A changed definition makes them new.
    pub(super) fn defined(&mut self, now: Duration, keys: &BTreeMap<Key, Arc<str>>) {
        let own = &self.definitions.own;
        let changed = keys.iter().any(|(key, def)| own.get(key).is_some_and(|old| old != def));
        if changed || self.definitions.got_at.is_none() {
            self.definitions.got_at = Some(now);
        }
        if changed && self.definitions.since > 0 {
            let passed = millis(now.saturating_sub(self.view_at));
            let database = self.view.as_ref().map_or(0, |view| view.database.0 + passed);
            self.definitions.since = database.max(self.definitions.top + 1);
        }
        self.definitions.own.extend(keys.iter().map(|(key, def)| (key.clone(), def.clone())));
        for (key, def) in keys {
            self.definitions.note(key, (self.definitions.since, self.me), def);
        }
    }

    /// Takes in what others have declared, and what the rows were counted for.
    pub(super) fn learn(&mut self, now: Duration, view: &View, out: &mut Vec<Output>) {
        let seen = |v: &View| v.members.iter().map(|m| (m.id, m.declared.version)).collect::<Vec<_>>();
        if self.view.as_ref().is_none_or(|old| seen(old) != seen(view)) {
            for m in view.members.iter().filter(|m| m.id != self.me) {
                self.definitions.note_all(m.id, &m.declared);
            }
            let differing = placement::differing(&self.setup.placement, &view.members);
            let fresh: Vec<Key> =
                differing.keys().filter(|k| !self.definitions.differing.contains_key(*k)).cloned().collect();
            if !fresh.is_empty() {
                out.push(Output::Note(Note::DefinitionsDiffer { keys: fresh.into() }));
            } else if differing.is_empty() && !self.definitions.differing.is_empty() {
                out.push(Output::Note(Note::DefinitionsAgree));
            }
            self.definitions.differing = differing;
        }
        for (key, row) in &view.leases {
            let known = self.definitions.newest.get(key).map_or(0, |known| known.age.0);
            if row.def.since > known {
                self.definitions.note(key, (row.def.since, MemberId(0)), &row.def.fingerprint);
            }
        }
        if self.definitions.since == 0 {
            self.definitions.since = self.first_age(now, view);
            let version = self.offer.version + 1;
            let declared = Declaration { version, since: self.definitions.since, ..(*self.offer).clone() };
            self.definitions.note_all(self.me, &declared);
            self.offer = Arc::new(declared);
        }
    }

    /// The database's time when we got our artifacts. If that is just now, they are newer than all
    /// others, wherever that clock was set meanwhile; after a long wait for the database the others
    /// may have got newer ones.
    fn first_age(&self, now: Duration, view: &View) -> i64 {
        let ago = self.definitions.got_at.map_or(Duration::ZERO, |at| now.saturating_sub(at));
        let at = (view.database.0 - millis(ago)).max(1);
        if ago < self.setup.timing.lease { at.max(self.definitions.top + 1) } else { at }
    }

    /// What a claim of ours says about a row's count: our definition if the row has another and ours
    /// is the newest; otherwise nothing.
    pub(super) fn counting(&self, key: &Key, row: &LeaseRow) -> Option<Definition> {
        self.definition(key).filter(|def| def.fingerprint != row.def.fingerprint)
    }

    /// Our definition of an activation, unless a newer one is known.
    #[must_use]
    pub fn definition(&self, key: &Key) -> Option<Definition> {
        let own = self.offer.keys.get(key).filter(|def| self.definitions.is_newest(key, def))?;
        Some(Definition { since: self.definitions.since, fingerprint: own.clone() })
    }

    /// Activations of which we have an older definition than the newest that is known.
    #[must_use]
    pub fn outdated(&self) -> BTreeSet<Key> {
        let old = self.offer.keys.iter().filter(|(key, def)| !self.definitions.is_newest(key, def));
        old.map(|(key, _)| key.clone()).collect()
    }

    /// Age of our own artifacts, see [`Declaration::since`].
    #[must_use]
    pub fn since(&self) -> i64 {
        self.definitions.since
    }

    /// Activations whose definitions differ between the members of the last view.
    pub fn differing(&self) -> impl Iterator<Item = &Key> {
        self.definitions.differing.keys()
    }
}
