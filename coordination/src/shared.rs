//! What the driver, the handles and the guards have in common: the inbox of the driver, what status
//! readers see of it, and the group's time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, mpsc, watch};

use crate::clock::{Clock, Timestamp, millis};
use crate::guard::{Guard, Trust};
use crate::lease::{Epoch, Key, View};
use crate::member::MemberId;
use crate::metrics::Counters;
use crate::protocol::Trouble;
use crate::status::{Phase, Tracker};
use crate::store::{Store, StoreError};
use crate::timing::Timing;
use crate::ungated::Ungated;

/// A database clock that goes back by more than this was wrong before.
const SET_RIGHT: Duration = Duration::from_secs(300);

/// Who wants to be told of terms of one key.
#[derive(Debug)]
pub(crate) struct Registered {
    pub(crate) number: u64,
    pub(crate) definition: Arc<str>,
    pub(crate) guards: mpsc::Sender<Guard>,
}

#[derive(Debug, Default)]
pub(crate) struct Inbox {
    pub(crate) stopped: Vec<(Key, Epoch)>,
    pub(crate) superseded: Vec<Key>,
    pub(crate) declare: bool,
    pub(crate) nudge: bool,
    pub(crate) trouble: bool,
    pub(crate) drain: bool,
    pub(crate) abandon: bool,
}

/// What status readers see of the driver.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) phase: Phase,
    pub(crate) member: MemberId,
    pub(crate) trust: Arc<Trust>,
    pub(crate) trouble: Option<Trouble>,
    pub(crate) duplicate_node: Option<bool>,
    pub(crate) view: Arc<View>,
    /// Age of our artifacts, see [`crate::member::Declaration::since`].
    pub(crate) since: i64,
    /// Activations of which others had a newer definition than we have.
    pub(crate) outdated: BTreeSet<Key>,
    /// Activations whose definitions differ between live members.
    pub(crate) differing: Vec<Key>,
}

/// What the driver, the handles and the guards have in common.
pub(crate) struct Shared {
    pub(crate) clock: Arc<dyn Clock>,
    /// `None` when coordination is off.
    pub(crate) store: Option<Arc<dyn Store>>,
    pub(crate) timing: Timing,
    pub(crate) counters: Counters,
    pub(crate) registered: Mutex<BTreeMap<Key, Registered>>,
    pub(crate) seen: Mutex<Seen>,
    pub(crate) tracker: Mutex<Tracker>,
    pub(crate) inbox: Mutex<Inbox>,
    pub(crate) wake: Notify,
    pub(crate) left: watch::Sender<bool>,
    /// Database time minus uptime in milliseconds, once known.
    offset: AtomicI64,
    offset_known: AtomicBool,
    /// The same as the database last told it, and when that was.
    database_offset: AtomicI64,
    time_set: AtomicI64,
    pub(crate) ungated: Ungated,
    /// Fires wait here for their turn, not in the store: there, waiting would look like silence.
    pub(crate) turns: Semaphore,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn new(clock: Arc<dyn Clock>, store: Option<Arc<dyn Store>>, timing: Timing) -> Arc<Self> {
        let phase = if store.is_some() { Phase::Joining } else { Phase::Off };
        let seen = Seen {
            phase,
            member: MemberId(0),
            trust: Arc::default(),
            trouble: None,
            duplicate_node: None,
            view: Arc::default(),
            since: 0,
            outdated: BTreeSet::new(),
            differing: Vec::new(),
        };
        let turns = Semaphore::new(store.as_ref().map_or(1, |store| store.width().max(1)));
        Arc::new(Self {
            clock,
            store,
            turns,
            timing,
            counters: Counters::default(),
            registered: Mutex::default(),
            seen: Mutex::new(seen),
            tracker: Mutex::default(),
            inbox: Mutex::default(),
            wake: Notify::new(),
            left: watch::Sender::new(false),
            offset: AtomicI64::new(0),
            offset_known: AtomicBool::new(false),
            database_offset: AtomicI64::new(0),
            time_set: AtomicI64::new(0),
            ungated: Ungated::default(),
        })
    }

    fn tell(&self, message: impl FnOnce(&mut Inbox)) {
        message(&mut lock(&self.inbox));
        self.wake.notify_one();
    }

    /// The last guard of a term is gone.
    pub(crate) fn ended(&self, key: &Key, epoch: Epoch) {
        self.tell(|inbox| inbox.stopped.push((key.clone(), epoch)));
    }

    /// Newer registrations wait for the runs of these keys to end.
    pub(crate) fn supersede(&self, keys: &[Key]) {
        self.tell(|inbox| inbox.superseded.extend_from_slice(keys));
    }

    pub(crate) fn declare(&self) {
        self.tell(|inbox| inbox.declare = true);
    }

    pub(crate) fn nudge(&self) {
        self.tell(|inbox| inbox.nudge = true);
    }

    pub(crate) fn drain(&self) {
        self.tell(|inbox| inbox.drain = true);
    }

    pub(crate) fn abandon(&self) {
        self.tell(|inbox| inbox.abandon = true);
    }

    /// A fire or a status change found the database in trouble.
    pub(crate) fn trouble(&self, error: &StoreError) {
        self.counters.database_errors.fetch_add(1, Ordering::Relaxed);
        if matches!(error, StoreError::Broken(_)) {
            self.tell(|inbox| inbox.trouble = true);
        }
    }

    /// Age of our definition of this activation; `None` if a newer one is known.
    pub(crate) fn newest_since(&self, key: &Key) -> Option<i64> {
        let seen = lock(&self.seen);
        (!seen.outdated.contains(key)).then_some(seen.since)
    }

    /// The group's time since 1970: the database's clock as last seen, carried on by our uptime.
    pub(crate) fn time(&self) -> Duration {
        if !self.offset_known.load(Ordering::Acquire) {
            return self.clock.wall();
        }
        let offset = self.offset.load(Ordering::Acquire);
        let (by, uptime) = (Duration::from_millis(offset.unsigned_abs()), self.clock.uptime());
        if offset < 0 { uptime.saturating_sub(by) } else { uptime + by }
    }

    /// The same in whole milliseconds.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp(millis(self.time()))
    }

    /// Takes the database's clock from a view that was read between the two uptimes. Forward it is
    /// followed at once; backward only by a tenth of the time that passes, so that the group's time
    /// does not stand still or go back: work planned by it would wait for as long as the step. A step
    /// of more than [`SET_RIGHT`] is followed at once: worn off, it would be wrong ten times as long.
    pub(crate) fn set_time(&self, database: Timestamp, sent: Duration, arrived: Duration) {
        let way = arrived.saturating_sub(sent);
        let fresh = database.0 - millis(sent + way / 2);
        let before = self.time_set.swap(millis(arrived), Ordering::AcqRel);
        if !self.offset_known.swap(true, Ordering::AcqRel) {
            self.offset.store(fresh, Ordering::Release);
            self.database_offset.store(fresh, Ordering::Release);
            return;
        }
        let uncertain = millis(way / 2) + 2;
        let step = fresh - self.database_offset.swap(fresh, Ordering::AcqRel);
        if step.abs() > 500 + uncertain {
            self.counters.clock_steps.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(milliseconds = step, "the coordination database's clock has jumped");
        }
        let off = fresh - self.offset.load(Ordering::Acquire);
        if off > uncertain || off < -millis(SET_RIGHT) {
            self.offset.fetch_add(off, Ordering::AcqRel);
        } else if off < -uncertain {
            let passed = (millis(arrived) - before).max(0);
            self.offset.fetch_sub((-off).min(passed / 10), Ordering::AcqRel);
        }
    }

    /// An earlier owner has claimed this instant: by its time it has been reached, so by ours, too.
    /// Further ahead than a minute it is not believed.
    pub(crate) fn reached(&self, instant: i64) {
        let ahead = instant.saturating_sub(self.now().0);
        if (1..60_000).contains(&ahead) {
            self.offset.fetch_add(ahead, Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    const S: Duration = Duration::from_secs(1);

    fn shared() -> (Arc<ManualClock>, Arc<Shared>) {
        let clock = Arc::new(ManualClock::new(Timestamp(5)));
        clock.advance(100 * S);
        (clock.clone(), Shared::new(clock, None, Timing::default()))
    }

    /// A second passes, then a view is read at once.
    fn beat(clock: &ManualClock, shared: &Shared, database: i64) {
        clock.advance(S);
        shared.set_time(Timestamp(database), clock.uptime(), clock.uptime());
    }

    #[test]
    fn the_groups_time_is_the_databases() {
        let (clock, shared) = shared();
        beat(&clock, &shared, 1_000_000);
        clock.step_wall(Timestamp(0));
        clock.advance(S);
        assert_eq!(shared.now(), Timestamp(1_001_000));
    }

    #[test]
    fn a_step_forward_is_followed_and_one_back_is_worn_off() {
        let (clock, shared) = shared();
        beat(&clock, &shared, 1_000_000);
        beat(&clock, &shared, 1_201_000);
        assert_eq!(shared.now(), Timestamp(1_201_000));
        beat(&clock, &shared, 1_002_000);
        assert_eq!(shared.now(), Timestamp(1_201_900), "nine tenths of a second, not minutes back");
        for second in 1..=3000 {
            let before = shared.now();
            beat(&clock, &shared, 1_002_000 + second * 1000);
            assert!(shared.now() > before);
        }
        assert_eq!(shared.now(), Timestamp(4_002_000));
        beat(&clock, &shared, 8_003_000);
        beat(&clock, &shared, 4_004_000);
        assert_eq!(shared.now(), Timestamp(4_004_000), "an hour too much was a mistake");
        assert_eq!(shared.counters.clock_steps.load(Ordering::Relaxed), 4);
    }

    #[test]
    fn a_claimed_instant_has_been_reached() {
        let (clock, shared) = shared();
        beat(&clock, &shared, 1_000_000);
        shared.reached(1_050_000);
        assert_eq!(shared.now(), Timestamp(1_050_000));
        shared.reached(1_500_000);
        assert_eq!(shared.now(), Timestamp(1_050_000), "a clock was wrong there");
    }
}
