//! Activations without a gate: coordination is off, or the policy says every node.
//!
//! They use the same guards and registrations, so the runtime has one way of working. The process is
//! the whole group: guards hold for ever, and counts of scheduled starts live in memory.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::fire::{FireClaim, Refusal};
use crate::guard::{Guard, Term, Trust};
use crate::lease::{Definition, Epoch, Key, Lease};
use crate::member::MemberId;
use crate::protocol::{Loss, Stop};
use crate::shared::{Shared, lock};

/// Runs and the last fire of one definition.
#[derive(Debug)]
struct Count {
    definition: Arc<str>,
    runs: i64,
    last_fire: Option<i64>,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    definition: Arc<str>,
    guards: mpsc::Sender<Guard>,
    term: Weak<Term>,
}

impl Entry {
    fn is_idle(&self) -> bool {
        self.term.upgrade().is_none_or(|term| term.over.load(Ordering::Acquire))
    }
}

/// What runs here without asking anybody.
#[derive(Debug, Default)]
pub(crate) struct Ungated {
    entries: Mutex<BTreeMap<Key, Entry>>,
    counts: Mutex<BTreeMap<Key, Count>>,
    /// Terms that have begun, also those whose offer was withdrawn since; swept when one begins.
    terms: Mutex<Vec<Weak<Term>>>,
    /// How many of them have guards.
    live: watch::Sender<usize>,
}

impl Ungated {
    /// Registers a key. A run under an older registration is asked to end first.
    pub(crate) fn register(
        &self,
        shared: &Arc<Shared>,
        key: &Key,
        definition: &Arc<str>,
        number: u64,
        guards: &mpsc::Sender<Guard>,
    ) {
        let entry =
            Entry { number, definition: definition.clone(), guards: guards.clone(), term: Weak::new() };
        let old = lock(&self.entries).insert(key.clone(), entry);
        if let Some(running) = old.and_then(|old| old.term.upgrade()) {
            if let Some(entry) = lock(&self.entries).get_mut(key) {
                entry.term = Arc::downgrade(&running);
            }
            running.superseded.store(true, Ordering::Release);
            running.end(Stop::Undeployed);
        }
        // Also when the older run has ended just now, before it was marked.
        self.begin_if_idle(shared, key);
    }

    fn begin_if_idle(&self, shared: &Arc<Shared>, key: &Key) {
        let mut entries = lock(&self.entries);
        let Some(entry) = entries.get_mut(key).filter(|e| e.is_idle()) else { return };
        let (runs, last_fire) = self.count(key, &entry.definition);
        let def = Definition { since: 0, fingerprint: entry.definition.clone() };
        let lease = Lease { key: key.clone(), member: MemberId(0), epoch: Epoch(0), runs, def, last_fire };
        let trust = Arc::new(Trust::forever());
        let term = Term::begin(lease, entry.definition.clone(), trust, shared.clone());
        entry.term = Arc::downgrade(&term);
        let guards = entry.guards.clone();
        drop(entries);
        self.live.send_modify(|live| *live += 1);
        let mut terms = lock(&self.terms);
        terms.retain(|term| term.strong_count() > 0);
        terms.push(Arc::downgrade(&term));
        drop(terms);
        if guards.try_send(Guard::new(term)).is_err() {
            tracing::debug!(activation = %key, "nobody took the activation");
        }
    }

    fn count(&self, key: &Key, definition: &Arc<str>) -> (i64, Option<i64>) {
        match lock(&self.counts).get(key) {
            Some(count) if count.definition == *definition => (count.runs, count.last_fire),
            Some(count) => (0, count.last_fire),
            None => (0, None),
        }
    }

    /// The last guard of a key is gone.
    pub(crate) fn ended(&self, shared: &Arc<Shared>, key: &Key, superseded: bool) {
        self.live.send_modify(|live| *live = live.saturating_sub(1));
        if superseded {
            self.begin_if_idle(shared, key);
        }
    }

    pub(crate) fn unregister(&self, keys: &[Key], number: u64) {
        let mut entries = lock(&self.entries);
        let mut gone = Vec::new();
        entries.retain(|key, e| {
            let goes = e.number == number && keys.contains(key);
            if goes {
                gone.extend(e.term.upgrade());
            }
            !goes
        });
        drop(entries);
        for term in gone {
            term.end(Stop::Undeployed);
        }
    }

    /// Withdraws all offers, asks everything to end, and waits; what still runs after `grace` is
    /// revoked and gets `stop` to fall silent.
    pub(crate) async fn shutdown(&self, grace: Duration, stop: Duration) {
        lock(&self.entries).clear();
        let terms = std::mem::take(&mut *lock(&self.terms));
        let mut live = self.live.subscribe();
        for (why, limit) in [(Stop::Draining, grace), (Stop::Revoked(Loss::Deadline), stop)] {
            for term in terms.iter().filter_map(Weak::upgrade) {
                term.end(why);
            }
            if tokio::time::timeout(limit, live.wait_for(|live| *live == 0)).await.is_ok() {
                return;
            }
        }
        tracing::warn!("work of this node did not stop in time");
    }

    /// The rules of a fire when nobody else is there.
    pub(crate) fn fire(&self, claim: &FireClaim) -> Result<(), Refusal> {
        let definition = lock(&self.entries).get(&claim.key).map(|e| e.definition.clone());
        let mut counts = lock(&self.counts);
        let count = counts.entry(claim.key.clone()).or_insert_with(|| Count {
            definition: definition.clone().unwrap_or_default(),
            runs: 0,
            last_fire: None,
        });
        if let Some(definition) = definition.filter(|d| *d != count.definition) {
            count.definition = definition;
            count.runs = 0;
        }
        if count.last_fire.is_some_and(|last| last >= claim.fire_key) {
            return Err(Refusal::AlreadyFired);
        }
        if claim.limit.is_some_and(|limit| count.runs >= limit) {
            return Err(Refusal::Exhausted);
        }
        count.runs += 1;
        count.last_fire = Some(claim.fire_key);
        Ok(())
    }
}
