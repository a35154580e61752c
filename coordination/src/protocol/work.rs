//! From a view to work: start what is ours, stop what is not, claim what is free, level the load.
//!
//! A term starts only from a *view* that names us as the owner, never from the answer to a claim.
//! The row says who holds a lease; the answer is only a reason to look again. Since the renewal of
//! the same beat was committed after the claim, a database that loses its last commit cannot take
//! back a grant somebody already acts on, and an unknown outcome needs no special care.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Loss, Note, Op, Output, Protocol, Run, Stage, Stop};
use crate::lease::{Claim, Epoch, Key, Lease, LeaseRow, Raise, Release, View};
use crate::member::{Declaration, MemberId};
use crate::placement::{Board, Node};

/// Claims, releases and creations on their way at the same time.
const IN_FLIGHT: usize = 16;
/// Rows made by one statement.
const CREATE_BATCH: usize = 100;

impl Protocol {
    pub(super) fn forget_work(&mut self) {
        self.busy.clear();
        self.touched.clear();
        self.touched_next.clear();
        self.queue.clear();
        self.released.clear();
        self.successor.clear();
        self.free_since.clear();
        self.creating = false;
        self.rank_wake = None;
        self.hurry = false;
    }

    pub(super) fn declare(&mut self, now: Duration, keys: BTreeMap<Key, Arc<str>>, out: &mut Vec<Output>) {
        if self.offer.keys == keys {
            return;
        }
        self.defined(now, &keys);
        let (version, since) = (self.offer.version + 1, self.definitions.since());
        self.offer = Arc::new(Declaration { version, draining: self.draining, since, keys });
        let offer = self.offer.clone();
        for (key, run) in &mut self.runs {
            if run.stop.is_none() && !offer.keys.contains_key(key) {
                ask(key, run, Stop::Undeployed, out);
            }
        }
        self.beat_soon(now);
    }

    pub(super) fn stopped(&mut self, now: Duration, key: &Key, epoch: Epoch) {
        let Some(run) = self.runs.get(key).filter(|run| run.epoch == epoch).cloned() else { return };
        self.runs.remove(key);
        if run.member != self.me || self.stage != Stage::Member {
            return;
        }
        match run.stop {
            // The row may still be ours, and the same term may go on once trust is back.
            Some(Stop::Revoked(_)) => self.beat_soon(now),
            Some(Stop::Moved(to)) => {
                self.successor.insert(key.clone(), to);
                self.release(key, epoch);
            }
            Some(_) => self.release(key, epoch),
            None => {
                self.declined.insert(key.clone(), now + self.setup.timing.lease);
                self.release(key, epoch);
            }
        }
    }

    fn release(&mut self, key: &Key, epoch: Epoch) {
        self.released.insert(key.clone(), epoch);
        let wanted = self.successor.get(key).copied();
        self.queue.push_front(Op::Release(Release { key: key.clone(), member: self.me, epoch, wanted }));
    }

    /// A claim or release was answered, or was not: the next view tells the truth.
    pub(super) fn settled(&mut self, now: Duration, key: Key) {
        self.busy.remove(&key);
        self.touched.insert(key.clone());
        self.touched_next.insert(key);
        self.beat_soon(now);
    }

    /// Sends queued statements, not too many at once and one per key.
    pub(super) fn pump(&mut self, out: &mut Vec<Output>) {
        while self.busy.len() < IN_FLIGHT {
            let Some(op) = self.queue.pop_front() else { return };
            match &op {
                Op::Claim(Claim { key, .. })
                | Op::Release(Release { key, .. })
                | Op::Raise(Raise { key, .. })
                    if !self.busy.insert(key.clone()) =>
                {
                    continue;
                }
                Op::Create(_) => self.creating = true,
                _ => {}
            }
            out.push(Output::Do(op));
        }
    }

    pub(super) fn reconcile(&mut self, now: Duration, out: &mut Vec<Output>) {
        let Some(view) = self.view.clone() else { return };
        self.queue.clear();
        self.rank_wake = None;
        self.hurry = false;
        self.declined.retain(|_, until| *until > now);
        self.check_epochs(&view, out);
        self.create_missing(&view);
        self.settle_runs(now, &view, out);
        if !self.draining {
            self.place(now, &view, out);
        }
        if self.hurry {
            self.next_beat = self.next_beat.min(now + self.setup.timing.claim_delay / 2);
        }
    }

    fn check_epochs(&mut self, view: &View, out: &mut Vec<Output>) {
        let mut lost: Vec<Key> = Vec::new();
        let mut first = (Epoch::default(), Epoch::default());
        for (key, row) in &view.leases {
            let highest = self.highest.entry(key.clone()).or_default();
            if row.epoch >= *highest {
                *highest = row.epoch;
                self.went_back.remove(key);
                continue;
            }
            let (floor, seen_epoch) = (*highest, row.epoch);
            if self.went_back.insert(key.clone()) {
                first = if lost.is_empty() { (floor, seen_epoch) } else { first };
                lost.push(key.clone());
            }
            // A claim raises the epoch of a free row, and our own row is given back first. Another
            // live owner does not know, and receivers that saw the higher epoch would refuse it.
            let others = row.owner.filter(|id| *id != self.me && view.member(*id).is_some());
            if others.is_some() && !self.is_uncertain(key) {
                self.queue.push_back(Op::Raise(Raise { key: key.clone(), seen_epoch, floor }));
            }
        }
        if !lost.is_empty() {
            let (from, to) = first;
            out.push(Output::Note(Note::EpochsWentBack { keys: lost.into(), from, to }));
        }
    }

    fn create_missing(&mut self, view: &View) {
        if self.creating {
            return;
        }
        let missing: Vec<Key> =
            self.offer.keys.keys().filter(|k| !view.leases.contains_key(*k)).cloned().collect();
        for batch in missing.chunks(CREATE_BATCH) {
            self.queue.push_back(Op::Create(batch.to_vec()));
        }
    }

    /// The row is newer than what this view shows, or soon will be.
    fn is_uncertain(&self, key: &Key) -> bool {
        self.busy.contains(key) || self.touched.contains(key)
    }

    fn settle_runs(&mut self, now: Duration, view: &View, out: &mut Vec<Output>) {
        for (key, run) in &mut self.runs {
            let row = view.leases.get(key);
            let ours = row.is_some_and(|r| r.owner == Some(run.member) && r.epoch == run.epoch);
            if !ours {
                if !run.stop.is_some_and(Stop::is_revoked) {
                    ask(key, run, Stop::Revoked(Loss::Taken), out);
                }
            } else if run.stop.is_none() && row.is_some_and(|r| r.paused) {
                ask(key, run, Stop::Paused, out);
            }
        }
        for (key, row) in &view.leases {
            if row.owner == Some(self.me) && !self.runs.contains_key(key) && !self.is_uncertain(key) {
                self.settle_own(now, key, row, out);
            }
        }
    }

    /// Our row, nothing running: start it, or give it back.
    fn settle_own(&mut self, now: Duration, key: &Key, row: &LeaseRow, out: &mut Vec<Output>) {
        let forgotten = self.highest.get(key).is_some_and(|highest| *highest > row.epoch);
        let over = self.released.get(key) == Some(&row.epoch);
        let unwanted = row.paused || self.draining || self.declined.contains_key(key);
        if forgotten || over || unwanted || !self.offer.keys.contains_key(key) {
            self.release(key, row.epoch);
            return;
        }
        if now >= self.trust {
            return;
        }
        self.successor.remove(key);
        self.runs.insert(key.clone(), Run { member: self.me, epoch: row.epoch, stop: None });
        out.push(Output::Start(Lease {
            key: key.clone(),
            member: self.me,
            epoch: row.epoch,
            runs: row.runs,
            def: row.def.clone(),
            last_fire: row.last_fire,
        }));
    }

    /// Claims what is free and ours to take, then looks at balance.
    fn place(&mut self, now: Duration, view: &View, out: &mut Vec<Output>) {
        let nodes = self.nodes(now, view);
        let rule = self.setup.placement.clone();
        let differing = self.definitions.differing().clone();
        let mut board = Board::new(&rule, &nodes, &differing);
        let mut owners = BTreeMap::new();
        let mut free: Vec<(&Key, &LeaseRow)> = Vec::new();
        for (key, row) in &view.leases {
            match row.owner.filter(|id| view.member(*id).is_some()) {
                Some(owner) => {
                    board.put(key, owner);
                    owners.insert(key.clone(), owner);
                }
                None if self.busy.contains(key) => board.put(key, self.me),
                None if !row.paused => free.push((key, row)),
                None => {}
            }
        }
        let is_free =
            |key: &Key| view.owner(key).is_none() && view.leases.get(key).is_some_and(|r| !r.paused);
        self.free_since.retain(|key, _| is_free(key));
        let mut any_free = !self.busy.is_empty();
        for (key, row) in free {
            any_free |= self.consider(now, view, &mut board, key, row);
        }
        let late = |m: &crate::member::MemberRow| self.watches.is_quiet(m.id, now, 8);
        let leaving =
            |m: &crate::member::MemberRow| m.declared.draining && owners.values().any(|o| *o == m.id);
        self.hurry |= view.members.iter().any(|m| m.id != self.me && (late(m) || leaving(m)));
        if !any_free && now >= self.stable_since + self.setup.timing.rebalance_after {
            self.rebalance(now, board, &owners, out);
        }
    }

    fn nodes(&self, now: Duration, view: &View) -> Vec<Node> {
        let to_node = |m: &crate::member::MemberRow| Node {
            id: m.id,
            name: m.node.clone(),
            weight: m.weight,
            fit: !m.proven_dead && !self.watches.is_quiet(m.id, now, 7),
            offers: m.declared.clone(),
        };
        view.members.iter().map(to_node).collect()
    }

    /// One free activation: the best candidate takes it now, the others only if that one does not.
    /// `false`: no member is able to take it, so nobody needs to wait for that.
    fn consider(
        &mut self,
        now: Duration,
        view: &View,
        board: &mut Board<'_>,
        key: &Key,
        row: &LeaseRow,
    ) -> bool {
        let mut order = board.order(key);
        if order.is_empty() {
            return false;
        }
        if self.declined.contains_key(key) {
            order.retain(|id| *id != self.me);
        }
        let wanted = row.wanted.and_then(|w| order.iter().position(|id| *id == w));
        if let Some(at) = wanted {
            let first = order.remove(at);
            order.insert(0, first);
        }
        if let Some(first) = order.first() {
            board.put(key, *first);
        }
        // A definition the database does not know of yet must not be claimed.
        let confirmed = view.member(self.me).is_some_and(|m| m.declared.offers(key));
        let rank = order.iter().position(|id| *id == self.me);
        let Some(rank) = rank.filter(|_| confirmed && self.offer.keys.contains_key(key)) else { return true };
        self.hurry = true;
        let since = *self.free_since.entry(key.clone()).or_insert(now);
        let grace = if wanted.is_some() && rank > 0 { self.setup.timing.heartbeat } else { Duration::ZERO };
        let rank = u32::try_from(rank).unwrap_or(u32::MAX);
        let due = since + grace + self.setup.timing.claim_delay.saturating_mul(rank);
        if now < due {
            self.rank_wake = Some(self.rank_wake.map_or(due, |at| at.min(due)));
        } else if !self.is_uncertain(key) {
            self.queue.push_back(Op::Claim(Claim {
                key: key.clone(),
                member: self.me,
                seen_owner: row.owner,
                seen_epoch: row.epoch,
                floor: self.highest.get(key).copied().unwrap_or_default(),
                def: self.counting(key, row),
            }));
        }
        true
    }

    /// Hands over what others should have, a few at a time; each node moves only its own.
    fn rebalance(
        &mut self,
        now: Duration,
        board: Board<'_>,
        owners: &BTreeMap<Key, MemberId>,
        out: &mut Vec<Output>,
    ) {
        if self.runs.values().any(|run| matches!(run.stop, Some(Stop::Moved(_)))) {
            return;
        }
        let share = (owners.values().filter(|o| **o == self.me).count() / 10).max(1);
        let members = self.view.as_ref().map_or(1, |v| v.members.len());
        let moves = board.moves(owners, share.saturating_mul(members));
        self.hurry |= moves.iter().any(|m| m.to == self.me);
        if now < self.next_move {
            return;
        }
        for m in moves.iter().filter(|m| m.from == self.me).take(share) {
            if let Some(run) = self.runs.get_mut(&m.key).filter(|run| run.stop.is_none()) {
                ask(&m.key, run, Stop::Moved(m.to), out);
                self.next_move = now + self.setup.timing.rebalance_pace;
            }
        }
    }
}

fn ask(key: &Key, run: &mut Run, why: Stop, out: &mut Vec<Output>) {
    run.stop = Some(why);
    out.push(Output::Stop { key: key.clone(), epoch: run.epoch, why });
}
