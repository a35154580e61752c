//! The object that is asked.
//!
//! A [`Guard`] stands for one term of one activation on this node. Whoever works under it asks
//! [`Guard::holds`] before every step that touches the world, and lets it go when told to end.
//! Dropping the last clone is the sign that nothing runs under the term any more.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::fire::{FireClaim, Refusal};
use crate::lease::{Definition, Epoch, Key, Lease, LeaseRow};
use crate::member::MemberId;
use crate::protocol::Stop;
use crate::shared::{Shared, lock};
use crate::store::{Store, StoreError};

/// The trust window of one member, shared by all its guards.
#[derive(Debug, Default)]
pub(crate) struct Trust(AtomicU64);

impl Trust {
    pub(crate) fn forever() -> Self {
        Self(AtomicU64::new(u64::MAX))
    }

    pub(crate) fn extend(&self, until: Duration) {
        let until = u64::try_from(until.as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_max(until, Ordering::AcqRel);
    }

    pub(crate) fn lasts(&self, now: Duration) -> bool {
        now.as_nanos() < u128::from(self.0.load(Ordering::Acquire))
    }

    /// What is left of it.
    pub(crate) fn left(&self, now: Duration) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Acquire)).saturating_sub(now)
    }
}

/// Runs, and the definition they were counted for.
#[derive(Clone, Debug)]
struct Count {
    runs: i64,
    def: Definition,
}

/// One term under way on this node.
#[derive(Debug)]
pub(crate) struct Term {
    pub(crate) lease: Lease,
    /// Fingerprint of what runs under this term.
    definition: Arc<str>,
    trust: Arc<Trust>,
    clock: Arc<dyn Clock>,
    revoked: AtomicBool,
    stop: watch::Sender<Option<Stop>>,
    count: Mutex<Count>,
    last_fire: AtomicI64,
    shared: Arc<Shared>,
    /// A newer registration of the same activation waits for this term's run to end.
    pub(crate) superseded: AtomicBool,
    /// Every guard of it is gone.
    pub(crate) over: AtomicBool,
}

impl Term {
    pub(crate) fn begin(
        lease: Lease,
        definition: Arc<str>,
        trust: Arc<Trust>,
        shared: Arc<Shared>,
    ) -> Arc<Self> {
        Arc::new(Self {
            trust,
            clock: shared.clock.clone(),
            revoked: AtomicBool::new(false),
            stop: watch::Sender::new(None),
            count: Mutex::new(Count { runs: lease.runs, def: lease.def.clone() }),
            last_fire: AtomicI64::new(lease.last_fire.unwrap_or(i64::MIN)),
            lease,
            definition,
            shared,
            superseded: AtomicBool::new(false),
            over: AtomicBool::new(false),
        })
    }

    pub(crate) fn end(&self, why: Stop) {
        if why.is_revoked() {
            self.revoked.store(true, Ordering::Release);
        }
        // A revocation replaces a request; a request never replaces a revocation.
        self.stop.send_if_modified(|now| {
            let news = now.is_none_or(|was| !was.is_revoked() && why.is_revoked());
            if news {
                *now = Some(why);
            }
            news
        });
    }

    /// The same lease as it stands now, for a successor on this node.
    pub(crate) fn current(&self) -> Lease {
        let last = self.last_fire.load(Ordering::Acquire);
        let Count { runs, def } = lock(&self.count).clone();
        Lease { runs, def, last_fire: (last != i64::MIN).then_some(last), ..self.lease.clone() }
    }

    /// Our definition, if the count must start anew for it: the row has another one, and no newer one
    /// is known.
    fn new_count(&self) -> Option<Definition> {
        let other = lock(&self.count).def.fingerprint != self.definition;
        let since = if other { self.shared.newest_since(&self.lease.key) } else { None };
        since.map(|since| Definition { since, fingerprint: self.definition.clone() })
    }

    /// A claim was written; says which run that is.
    fn counted(&self, def: Option<Definition>) -> i64 {
        let mut count = lock(&self.count);
        if let Some(def) = def {
            *count = Count { runs: 0, def };
        }
        count.runs += 1;
        count.runs
    }

    /// Epoch zero is never granted by a database.
    fn is_gated(&self) -> bool {
        self.lease.epoch != Epoch(0)
    }

    fn holds(&self) -> bool {
        !self.revoked.load(Ordering::Acquire) && self.trust.lasts(self.clock.uptime())
    }
}

/// The right to run one activation on this node for one term.
#[derive(Clone, Debug)]
pub struct Guard(Arc<Hold>);

/// Announces the end of the term when the last guard is gone.
#[derive(Debug)]
struct Hold(Arc<Term>);

impl Drop for Hold {
    fn drop(&mut self) {
        let (shared, key) = (&self.0.shared, &self.0.lease.key);
        if self.0.is_gated() {
            shared.ended(key, self.0.lease.epoch);
        } else {
            self.0.over.store(true, Ordering::Release);
            shared.ungated.ended(shared, key, self.0.superseded.load(Ordering::Acquire));
        }
    }
}

/// A claimed start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fired {
    /// Which run this is, counted from one over all owners since the definition last changed.
    pub run: i64,
}

impl Guard {
    pub(crate) fn new(term: Arc<Term>) -> Self {
        Self(Arc::new(Hold(term)))
    }

    fn term(&self) -> &Term {
        &self.0.0
    }

    /// Whether this node may act for the activation in this instant. Cheap: two atomic loads and a
    /// clock. Ask before every fetch, every acknowledgement and every start; it becomes `false` by
    /// the passing of time alone, also right after a freeze.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.term().holds()
    }

    /// The fencing token: pass it on to whatever can compare it. Zero when coordination is off.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.term().lease.epoch
    }

    /// The activation's key; for slots the key of the slot.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.term().lease.key
    }

    /// The member that holds the lease.
    #[must_use]
    pub fn member(&self) -> MemberId {
        self.term().lease.member
    }

    /// Runs claimed so far by all owners since the definition last changed.
    #[must_use]
    pub fn runs(&self) -> i64 {
        let term = self.term();
        if term.new_count().is_some() { 0 } else { lock(&term.count).runs }
    }

    /// The highest fire key claimed so far, by this or an earlier owner: a new owner continues the
    /// phase of an interval from here.
    #[must_use]
    pub fn last_fire(&self) -> Option<i64> {
        self.term().current().last_fire
    }

    /// Why the term is to end, if it is. A request leaves [`Guard::holds`] true so that work in
    /// flight can be finished and acknowledged; a revocation does not.
    #[must_use]
    pub fn stop(&self) -> Option<Stop> {
        *self.term().stop.borrow()
    }

    /// Waits until the term is to end. After a request, finish what is in flight, start nothing, and
    /// drop the guard; after a revocation fall silent within the stop time (1 s by default).
    /// Cancel safe.
    pub async fn ended(&self) -> Stop {
        let mut stop = self.term().stop.subscribe();
        loop {
            if let Some(why) = *stop.borrow_and_update() {
                return why;
            }
            if stop.changed().await.is_err() {
                return Stop::Draining;
            }
        }
    }

    /// Waits until the right to act is gone at once, ignoring polite requests. Cancel safe.
    pub async fn revoked(&self) -> Stop {
        let mut stop = self.term().stop.subscribe();
        loop {
            if let Some(why) = stop.borrow_and_update().filter(|why| why.is_revoked()) {
                return why;
            }
            if stop.changed().await.is_err() {
                return Stop::Draining;
            }
        }
    }

    /// Claims one scheduled start; only after `Ok` may the run begin. `fire_key` is the scheduled
    /// instant in milliseconds since 1970 UTC and must grow from claim to claim. `limit` is the
    /// activation's finite count. Not cancel safe: a dropped claim may have been written, and the
    /// instant is then skipped.
    ///
    /// # Errors
    /// The reason not to start. These are normal results; an unreachable database is
    /// [`Refusal::Unconfirmed`].
    pub async fn claim_fire(&self, fire_key: i64, limit: Option<i64>) -> Result<Fired, Refusal> {
        let term = self.term();
        let def = term.new_count();
        let result = if self.stop().is_some() || !term.holds() {
            Err(Refusal::NotOwner)
        } else if term.last_fire.fetch_max(fire_key, Ordering::AcqRel) >= fire_key {
            Err(Refusal::AlreadyFired)
        } else {
            self.write_fire(fire_key, limit, def.clone()).await
        };
        match result {
            Ok(()) if term.holds() => {
                term.shared.counters.fires.fetch_add(1, Ordering::Relaxed);
                Ok(Fired { run: term.counted(def) })
            }
            // Claimed, but the time to start has passed: skipping it is the safe side.
            Ok(()) => Err(self.refuse(Refusal::NotOwner)),
            Err(why) => Err(self.refuse(why)),
        }
    }

    fn refuse(&self, why: Refusal) -> Refusal {
        self.term().shared.counters.refused(why);
        why
    }

    async fn write_fire(
        &self,
        fire_key: i64,
        limit: Option<i64>,
        def: Option<Definition>,
    ) -> Result<(), Refusal> {
        let term = self.term();
        let claim = FireClaim {
            key: term.lease.key.clone(),
            member: term.lease.member,
            epoch: term.lease.epoch,
            fire_key,
            limit,
            def,
        };
        match &term.shared.store {
            Some(store) if term.is_gated() => self.write_to(store.as_ref(), &claim).await,
            _ => term.shared.ungated.fire(&claim),
        }
    }

    /// Writes the claim, and reads again whenever the outcome is unknown, as long as trust lasts.
    async fn write_to(&self, store: &dyn Store, claim: &FireClaim) -> Result<(), Refusal> {
        let shared = &self.term().shared;
        let limit = shared.timing.statement;
        let _turn = shared.turns.acquire().await;
        let mut unknown = false;
        while self.holds() {
            let refused = match within(limit, store.fire(claim)).await {
                Ok(true) => return Ok(()),
                Ok(false) => true,
                Err(error) => {
                    unknown |= error.is_unknown();
                    shared.trouble(&error);
                    false
                }
            };
            match within(limit, store.read(&claim.key)).await {
                Ok(row) => {
                    let verdict = judge(claim, row.as_ref(), unknown);
                    if refused || verdict != Err(None) {
                        return verdict.map_err(|why| why.unwrap_or(Refusal::AlreadyFired));
                    }
                }
                Err(error) => shared.trouble(&error),
            }
            tokio::time::sleep(shared.timing.retry).await;
        }
        Err(if unknown { Refusal::Unconfirmed } else { Refusal::NotOwner })
    }
}

/// What a row says about a claim: written (`Ok`), impossible, or (`Err(None)`) still to be tried.
fn judge(claim: &FireClaim, row: Option<&LeaseRow>, unknown: bool) -> Result<(), Option<Refusal>> {
    let Some(row) = row else { return Err(Some(Refusal::NotOwner)) };
    if unknown && claim.is_written(row) {
        return Ok(());
    }
    match claim.check(row) {
        Ok(()) => Err(None),
        Err(why) => Err(Some(why)),
    }
}

/// A store call with a deadline; silence is an unknown outcome.
pub(crate) async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(limit, call).await {
        Ok(result) => result,
        Err(_) => Err(StoreError::Unknown(format!("no answer within {limit:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trust_only_grows_and_ends_sharply() {
        let trust = Trust::default();
        trust.extend(Duration::from_secs(5));
        trust.extend(Duration::from_secs(3));
        assert!(trust.lasts(Duration::from_millis(4999)));
        assert!(!trust.lasts(Duration::from_secs(5)));
    }

    #[test]
    fn an_unknown_claim_is_settled_by_the_row() {
        let claim = FireClaim {
            key: Key::new("t"),
            member: MemberId(1),
            epoch: Epoch(2),
            fire_key: 5,
            limit: None,
            def: None,
        };
        let row = LeaseRow {
            owner: Some(MemberId(1)),
            epoch: Epoch(2),
            wanted: None,
            paused: false,
            runs: 1,
            def: Definition::default(),
            last_fire: Some(5),
        };
        assert_eq!(judge(&claim, Some(&row), true), Ok(()));
        assert_eq!(judge(&claim, Some(&row), false), Err(Some(Refusal::AlreadyFired)));
        assert_eq!(judge(&claim, Some(&LeaseRow { last_fire: Some(4), ..row }), true), Err(None));
        assert_eq!(judge(&claim, None, true), Err(Some(Refusal::NotOwner)));
    }
}
