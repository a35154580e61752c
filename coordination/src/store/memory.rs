//! The store without a database: the reference for all others.
//!
//! [`Table`] holds the rules as plain functions, so that the simulation and the model check can use
//! them without a runtime. [`Memory`] is the same table behind a lock, for one process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::ready;

use super::{Answer, FireStore, LeaseStore, MemberStore, Store};
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::fire::FireClaim;
use crate::lease::{Claim, Definition, Epoch, Key, LeaseRow, Raise, Release, View};
use crate::member::{Declaration, End, MemberId, MemberInfo, MemberRow};

/// A member with its state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StoredMember {
    /// As others see it while it lives.
    pub row: MemberRow,
    /// `None` while it lives.
    pub ended: Option<End>,
}

/// All rows of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Table {
    /// All members, ended ones too: an identity is never revived.
    pub members: BTreeMap<MemberId, StoredMember>,
    /// Activations that have a row.
    pub leases: BTreeMap<Key, LeaseRow>,
}

impl Table {
    fn is_live(&self, id: MemberId) -> bool {
        self.members.get(&id).is_some_and(|m| m.ended.is_none())
    }

    /// See [`MemberStore::join`].
    pub fn join(&mut self, info: &MemberInfo) -> bool {
        if let Some(known) = self.members.get(&info.id) {
            return known.ended.is_none();
        }
        if self.members.values().any(|m| m.ended.is_none() && m.row.node == info.node) {
            return false;
        }
        let row = MemberRow {
            id: info.id,
            node: info.node.clone(),
            seq: 0,
            lease: info.lease,
            weight: info.weight,
            declared: Arc::default(),
            proven_dead: false,
        };
        self.members.insert(info.id, StoredMember { row, ended: None });
        true
    }

    /// See [`MemberStore::renew`].
    pub fn renew(&mut self, me: MemberId, offer: Option<&Declaration>) -> bool {
        let Some(member) = self.members.get_mut(&me).filter(|m| m.ended.is_none()) else {
            return false;
        };
        member.row.seq += 1;
        if let Some(offer) = offer {
            member.row.declared = Arc::new(offer.clone());
        }
        true
    }

    /// See [`MemberStore::end`].
    pub fn end(&mut self, id: MemberId, how: End) -> bool {
        let Some(member) = self.members.get_mut(&id).filter(|m| m.ended.is_none()) else {
            return false;
        };
        if matches!(how, End::Expire { seq, .. } if seq != member.row.seq) {
            return false;
        }
        member.ended = Some(how);
        true
    }

    /// See [`LeaseStore::observe`]; `database` is the database's clock.
    #[must_use]
    pub fn observe(&self, database: Timestamp) -> View {
        let live = self.members.values().filter(|m| m.ended.is_none()).map(|m| m.row.clone());
        View { database, members: live.collect(), leases: self.leases.clone() }
    }

    /// See [`LeaseStore::create`].
    pub fn create(&mut self, keys: &[Key]) {
        for key in keys {
            self.lease(key);
        }
    }

    fn lease(&mut self, key: &Key) -> &mut LeaseRow {
        self.leases.entry(key.clone()).or_insert_with(|| LeaseRow {
            owner: None,
            epoch: Epoch(0),
            wanted: None,
            paused: false,
            runs: 0,
            def: Definition::default(),
            last_fire: None,
        })
    }

    /// See [`LeaseStore::claim`]; `database` is the database's clock.
    pub fn claim(&mut self, claim: &Claim, database: Timestamp) -> bool {
        let free = claim.seen_owner.is_none_or(|owner| !self.is_live(owner));
        let claimant_lives = self.is_live(claim.member);
        let Some(row) = self.leases.get_mut(&claim.key) else { return false };
        let as_seen = row.owner == claim.seen_owner && row.epoch == claim.seen_epoch;
        if !(free && claimant_lives && as_seen) || row.paused {
            return false;
        }
        row.count_for(claim.def.as_ref());
        row.owner = Some(claim.member);
        row.epoch = row.epoch.next(claim.floor, database);
        row.wanted = None;
        true
    }

    /// See [`LeaseStore::release`].
    pub fn release(&mut self, release: &Release) -> bool {
        let Some(row) = self.leases.get_mut(&release.key) else { return false };
        if row.owner != Some(release.member) || row.epoch != release.epoch {
            return false;
        }
        row.owner = None;
        row.wanted = release.wanted;
        true
    }

    /// See [`LeaseStore::raise`]; `database` is the database's clock.
    pub fn raise(&mut self, raise: &Raise, database: Timestamp) -> bool {
        let row = self.leases.get_mut(&raise.key).filter(|row| row.epoch == raise.seen_epoch);
        let Some(row) = row else { return false };
        row.epoch = row.epoch.next(raise.floor, database);
        true
    }

    /// See [`FireStore::fire`].
    pub fn fire(&mut self, claim: &FireClaim) -> bool {
        let Some(row) = self.leases.get_mut(&claim.key) else { return false };
        if claim.check(row).is_err() {
            return false;
        }
        row.count_for(claim.def.as_ref());
        row.last_fire = Some(claim.fire_key);
        row.runs += 1;
        true
    }

    /// See [`FireStore::pause`].
    pub fn pause(&mut self, key: &Key, paused: bool) {
        self.lease(key).paused = paused;
    }
}

/// The in-memory store. Clones share their rows, so several nodes of a test can use one.
#[derive(Clone, Debug)]
pub struct Memory {
    groups: Arc<Mutex<BTreeMap<String, Table>>>,
    group: String,
    clock: Arc<dyn Clock>,
}

impl Default for Memory {
    fn default() -> Self {
        Self::new(Arc::new(SystemClock))
    }
}

impl Memory {
    /// An empty store whose "database clock" is the given clock's wall time.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { groups: Arc::default(), group: "default".into(), clock }
    }

    /// The same rows seen by another group.
    #[must_use]
    pub fn group(&self, name: &str) -> Self {
        Self { group: name.into(), ..self.clone() }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Table, Timestamp) -> T) -> Answer<'static, T>
    where
        T: Send + 'static,
    {
        let mut groups: MutexGuard<'_, _> = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let table = groups.entry(self.group.clone()).or_default();
        Box::pin(ready(Ok(act(table, self.clock.now()))))
    }
}

impl MemberStore for Memory {
    fn join<'a>(&'a self, info: &'a MemberInfo) -> Answer<'a, bool> {
        self.with(|t, _| t.join(info))
    }

    fn renew<'a>(&'a self, me: MemberId, offer: Option<&'a Declaration>) -> Answer<'a, bool> {
        self.with(|t, _| t.renew(me, offer))
    }

    fn end(&self, member: MemberId, how: End) -> Answer<'_, bool> {
        self.with(|t, _| t.end(member, how))
    }
}

impl LeaseStore for Memory {
    fn observe(&self) -> Answer<'_, View> {
        self.with(|t, now| t.observe(now))
    }

    fn create<'a>(&'a self, keys: &'a [Key]) -> Answer<'a, ()> {
        self.with(|t, _| t.create(keys))
    }

    fn claim<'a>(&'a self, claim: &'a Claim) -> Answer<'a, bool> {
        self.with(|t, now| t.claim(claim, now))
    }

    fn release<'a>(&'a self, release: &'a Release) -> Answer<'a, bool> {
        self.with(|t, _| t.release(release))
    }

    fn raise<'a>(&'a self, raise: &'a Raise) -> Answer<'a, bool> {
        self.with(|t, now| t.raise(raise, now))
    }
}

impl FireStore for Memory {
    fn fire<'a>(&'a self, claim: &'a FireClaim) -> Answer<'a, bool> {
        self.with(|t, _| t.fire(claim))
    }

    fn read<'a>(&'a self, key: &'a Key) -> Answer<'a, Option<LeaseRow>> {
        self.with(|t, _| t.leases.get(key).cloned())
    }

    fn pause<'a>(&'a self, key: &'a Key, paused: bool) -> Answer<'a, ()> {
        self.with(|t, _| t.pause(key, paused))
    }
}

impl Store for Memory {
    fn name(&self) -> &str {
        "memory"
    }
}
