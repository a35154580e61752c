//! What must always be true, checked from outside with perfect knowledge.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use coordination::fire::FireClaim;
use coordination::lease::{Claim, Epoch, Key};
use coordination::member::MemberId;
use coordination::store::memory::Table;

/// True order of ownership, as no node can know it.
#[derive(Debug, Default)]
pub struct Oracle {
    /// Every grant ever made: key, member, epoch, and its number in true order.
    terms: BTreeMap<(Key, MemberId, Epoch), u64>,
    granted: BTreeMap<Key, Vec<Epoch>>,
    next_term: u64,
    /// Claimed instants, each with the definition it was counted for.
    fires: BTreeMap<Key, Vec<(i64, Arc<str>)>>,
    started: BTreeSet<(Key, i64)>,
    highest_start: BTreeMap<Key, Epoch>,
    highest_at_sink: BTreeMap<Key, Epoch>,
    accepted: BTreeMap<Key, u64>,
    pub refused_effects: u64,
    pub violations: Vec<String>,
}

impl Oracle {
    pub fn require(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.violations.push(what());
        }
    }

    /// A claim that was applied. `before` is the table as it was.
    pub fn claimed(&mut self, before: &Table, after: &Table, claim: &Claim) {
        let key = &claim.key;
        let (old, new) = (&before.leases[key], &after.leases[key]);
        let live = |id| before.members.get(&id).is_some_and(|m| m.ended.is_none());
        self.require(old.owner.is_none_or(|id| !live(id)), || format!("I3: {key} taken from a live owner"));
        self.require(!old.paused, || format!("I11: {key} claimed while paused"));
        let offers = before.members.get(&claim.member).is_some_and(|m| m.row.declared.keys.contains_key(key));
        self.require(offers, || format!("I8: {key} claimed by {:?} without the artifact", claim.member));
        self.granted(key, claim.member, new.epoch);
    }

    fn granted(&mut self, key: &Key, member: MemberId, epoch: Epoch) {
        let top = self.granted.get(key).and_then(|g| g.iter().max()).copied().unwrap_or_default();
        self.require(epoch > top, || format!("I1: {key} epoch {epoch} after {top}"));
        self.granted.entry(key.clone()).or_default().push(epoch);
        self.next_term += 1;
        self.terms.insert((key.clone(), member, epoch), self.next_term);
    }

    /// An epoch that went back was raised: a new term of the same owner.
    pub fn raised(&mut self, after: &Table, key: &Key) {
        let row = &after.leases[key];
        if let Some(owner) = row.owner {
            self.granted(key, owner, row.epoch);
        }
    }

    /// A fire claim that was applied between these two states.
    pub fn fired(&mut self, before: &Table, after: &Table, claim: &FireClaim, limit: Option<i64>) {
        let key = &claim.key;
        self.require(!before.leases[key].paused, || format!("I11: {key} fired while paused"));
        let list = self.fires.entry(key.clone()).or_default();
        let growing = list.last().is_none_or(|(last, _)| *last < claim.fire_key);
        let def = after.leases[key].def.fingerprint.clone();
        list.push((claim.fire_key, def.clone()));
        let count = list.iter().filter(|(_, counted)| *counted == def).count() as i64;
        self.require(growing, || format!("I7: {key} fire {} claimed again or out of order", claim.fire_key));
        let within = limit.is_none_or(|limit| count <= limit);
        self.require(within, || format!("I9: {key} ran {count} times of {limit:?} as {def}"));
    }

    /// The database lost the last commit although it was acknowledged.
    pub fn forget_fire(&mut self, key: &Key, fire_key: i64) {
        if let Some(list) = self.fires.get_mut(key) {
            list.retain(|(k, _)| *k != fire_key);
        }
        self.started.remove(&(key.clone(), fire_key));
    }

    /// A run begins: the guard was asked in this very instant.
    pub fn started(&mut self, key: &Key, epoch: Epoch, fire_key: i64) {
        let top = *self.highest_start.get(key).unwrap_or(&Epoch(0));
        self.require(epoch >= top, || format!("C1: {key} started under epoch {epoch} after {top}"));
        self.highest_start.insert(key.clone(), epoch.max(top));
        let fresh = self.started.insert((key.clone(), fire_key));
        self.require(fresh, || format!("C3: {key} fire {fire_key} started twice"));
    }

    /// An effect arrives at a sink that refuses epochs lower than the highest it has seen.
    pub fn effect(&mut self, key: &Key, member: MemberId, epoch: Epoch) {
        let top = *self.highest_at_sink.get(key).unwrap_or(&Epoch(0));
        if epoch < top {
            self.refused_effects += 1;
            return;
        }
        self.highest_at_sink.insert(key.clone(), epoch);
        let term = self.terms.get(&(key.clone(), member, epoch)).copied();
        self.require(term.is_some(), || format!("{key}: effect under epoch {epoch}, never granted"));
        let last = self.accepted.entry(key.clone()).or_default();
        let (was, is) = (*last, term.unwrap_or(0));
        *last = is.max(was);
        self.require(is >= was, || format!("I6: {key} effect of term {is} accepted after term {was}"));
    }
}
