//! Runs the steps of the protocol against a clock and a store.
//!
//! One task owns the protocol. Statements run beside it, each with its deadline; guards and handles
//! leave messages in an inbox. Nothing here decides about a lease: that is the protocol's business,
//! and the guards fence themselves even if this task stands still.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{Notify, Semaphore, mpsc, watch};

use crate::clock::{Clock, Timestamp, millis};
use crate::guard::{Guard, Term, Trust, within};
use crate::lease::{Epoch, Key, Lease, View};
use crate::member::MemberId;
use crate::metrics::Counters;
use crate::protocol::{Input, Note, Op, Output, Protocol, Reply, Stop, Trouble};
use crate::status::{Phase, Tracker};
use crate::store::{Store, StoreError};
use crate::timing::Timing;
use crate::ungated::Ungated;

/// How often an outage is reported while it lasts.
const REMIND: Duration = Duration::from_secs(30);

/// More activations than this in one step get one line together.
const FEW: usize = 10;

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
struct Inbox {
    stopped: Vec<(Key, Epoch)>,
    superseded: Vec<Key>,
    declare: bool,
    nudge: bool,
    trouble: bool,
    drain: bool,
    abandon: bool,
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
    inbox: Mutex<Inbox>,
    wake: Notify,
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
    fn set_time(&self, database: Timestamp, sent: Duration, arrived: Duration) {
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
    fn reached(&self, instant: i64) {
        let ahead = instant.saturating_sub(self.now().0);
        if (1..60_000).contains(&ahead) {
            self.offset.fetch_add(ahead, Ordering::AcqRel);
        }
    }
}

struct Done {
    op: Op,
    sent: Duration,
    result: Result<Reply, StoreError>,
}

/// The task that owns the protocol.
pub(crate) struct Driver {
    shared: Arc<Shared>,
    store: Arc<dyn Store>,
    protocol: Protocol,
    statements: FuturesUnordered<BoxFuture<'static, Done>>,
    trust: BTreeMap<MemberId, Arc<Trust>>,
    terms: BTreeMap<Key, Arc<Term>>,
    draining: bool,
    last_view: Option<Arc<View>>,
    reminded: Duration,
    nudged: bool,
    last_nudge: Duration,
    listening: Option<tokio::task::JoinHandle<()>>,
}

impl Driver {
    pub(crate) fn new(shared: Arc<Shared>, store: Arc<dyn Store>, protocol: Protocol) -> Self {
        Self {
            shared,
            store,
            protocol,
            statements: FuturesUnordered::new(),
            trust: BTreeMap::new(),
            terms: BTreeMap::new(),
            draining: false,
            last_view: None,
            reminded: Duration::ZERO,
            nudged: false,
            last_nudge: Duration::ZERO,
            listening: None,
        }
    }

    /// Announcements of other nodes shorten the time to the next look. They are taken in as fast as
    /// they come, or a burst would be worked off long after it has become meaningless.
    async fn listen(shared: Arc<Shared>, store: Arc<dyn Store>) {
        loop {
            store.changed().await;
            shared.nudge();
        }
    }

    pub(crate) async fn run(mut self) {
        self.listening = Some(tokio::spawn(Self::listen(self.shared.clone(), self.store.clone())));
        self.step(Input::Wake);
        while !*self.shared.left.borrow() {
            let sleep = tokio::time::sleep(self.pause());
            tokio::select! {
                () = sleep => self.step(Input::Wake),
                () = self.shared.wake.notified() => {}
                Some(done) = self.statements.next(), if !self.statements.is_empty() => self.answered(done),
            }
            self.read_inbox();
            self.publish();
            self.remind();
        }
        lock(&self.shared.registered).clear();
    }

    /// How long nothing is due. Timers may stand still while the machine sleeps, so never long.
    fn pause(&self) -> Duration {
        let wake = self.protocol.wake_at();
        let left = wake.map_or(Duration::MAX, |at| at.saturating_sub(self.shared.clock.uptime()));
        let left = left.min(self.shared.timing.heartbeat);
        if self.nudged { left.min(self.nudge_due().saturating_sub(self.shared.clock.uptime())) } else { left }
    }

    /// Nudges come in bursts, and one look answers them all.
    fn nudge_due(&self) -> Duration {
        self.last_nudge + self.shared.timing.claim_delay / 2
    }

    fn step(&mut self, input: Input) {
        let outputs = self.protocol.step(self.shared.clock.uptime(), input);
        // Before anybody gets a guard: the status must not lag behind what it explains.
        self.publish();
        announce(&outputs);
        for output in outputs {
            self.perform(output);
        }
    }

    fn answered(&mut self, done: Done) {
        let now = self.shared.clock.uptime();
        match (&done.op, &done.result) {
            (_, Err(_)) => {
                self.shared.counters.database_errors.fetch_add(1, Ordering::Relaxed);
            }
            (Op::Renew { .. }, Ok(_)) => self.shared.counters.renewed(now.saturating_sub(done.sent)),
            (Op::Observe, Ok(Reply::View(view))) => self.shared.set_time(view.database, done.sent, now),
            _ => {}
        }
        self.step(Input::Answer { op: done.op, sent: done.sent, result: done.result });
    }

    fn read_inbox(&mut self) {
        let inbox = std::mem::take(&mut *lock(&self.shared.inbox));
        if inbox.declare {
            let registered = lock(&self.shared.registered);
            let keys = registered.iter().map(|(k, r)| (k.clone(), r.definition.clone())).collect();
            drop(registered);
            self.step(Input::Declare(keys));
            self.publish_definitions();
        }
        for term in inbox.superseded.iter().filter_map(|key| self.terms.get(key)) {
            term.superseded.store(true, Ordering::Release);
            term.end(Stop::Undeployed);
        }
        for (key, epoch) in inbox.stopped {
            self.stopped(key, epoch);
        }
        if inbox.trouble {
            self.step(Input::Trouble);
        }
        self.nudged |= inbox.nudge;
        let now = self.shared.clock.uptime();
        if self.nudged && now >= self.nudge_due() {
            self.nudged = false;
            self.last_nudge = now;
            self.step(Input::Nudge);
        }
        if inbox.drain {
            self.draining = true;
            self.step(Input::Drain);
        }
        if inbox.abandon {
            self.step(Input::Abandon);
        }
    }

    /// A run has ended here. If a newer registration waits, the same term goes on with that one.
    fn stopped(&mut self, key: Key, epoch: Epoch) {
        let Some(term) = self.terms.get(&key).filter(|t| t.lease.epoch == epoch).cloned() else { return };
        self.terms.remove(&key);
        let ours = self.protocol.runs().any(|(k, e, stop)| *k == key && e == epoch && stop.is_none());
        if term.superseded.load(Ordering::Acquire) && ours {
            self.begin(term.current());
        } else {
            self.step(Input::Stopped { key, epoch });
        }
    }

    fn perform(&mut self, output: Output) {
        match output {
            Output::Do(op) => self.send(op),
            Output::Trust { member, until } => self.trust_of(member).extend(until),
            Output::Start(lease) => self.begin(lease),
            Output::Stop { key, epoch, why } => {
                if let Some(term) = self.terms.get(&key).filter(|t| t.lease.epoch == epoch) {
                    term.end(why);
                }
            }
            Output::Note(note) => self.note(&note),
            Output::Left => {
                tracing::info!("left the cluster");
                self.shared.left.send_replace(true);
            }
        }
    }

    fn trust_of(&mut self, member: MemberId) -> Arc<Trust> {
        self.trust.entry(member).or_default().clone()
    }

    /// Hands a guard to whoever registered the key. If nobody listens the guard is dropped at once,
    /// which gives the activation up.
    fn begin(&mut self, lease: Lease) {
        let key = lease.key.clone();
        if let Some(last) = lease.last_fire {
            self.shared.reached(last);
        }
        let trust = self.trust_of(lease.member);
        let registered =
            lock(&self.shared.registered).get(&key).map(|r| (r.definition.clone(), r.guards.clone()));
        let (definition, guards) = registered.unzip();
        let term = Term::begin(lease, definition.unwrap_or_default(), trust, self.shared.clone());
        self.terms.insert(key.clone(), term.clone());
        let guard = Guard::new(term);
        if let Some(Err(error)) = guards.map(|guards| guards.try_send(guard)) {
            tracing::debug!(activation = %key, %error, "nobody took the activation");
        }
    }

    fn send(&mut self, op: Op) {
        let (store, clock) = (self.store.clone(), self.shared.clock.clone());
        let limit = self.shared.timing.statement;
        self.shared.counters.statements.fetch_add(1, Ordering::Relaxed);
        let sent = clock.uptime();
        self.statements.push(Box::pin(async move {
            let result = within(limit, perform(store.as_ref(), &op)).await;
            Done { op, sent, result }
        }));
    }

    /// An outage stays loud, and so does a node id that is used twice: one line every half minute.
    fn remind(&mut self) {
        let now = self.shared.clock.uptime();
        let trouble = self.protocol.trouble();
        let twin = self.protocol.blocked_by().filter(|(_, moving)| *moving);
        if trouble.is_none() && twin.is_none() {
            self.reminded = now;
        }
        if now.saturating_sub(self.reminded) < REMIND {
            return;
        }
        self.reminded = now;
        if let Some(Trouble { since, reason, hopeless }) = trouble {
            let seconds = now.saturating_sub(*since).as_secs();
            if *hopeless {
                tracing::error!(seconds, "coordinated work does not run until this is mended: {reason}");
            } else {
                tracing::error!(
                    seconds,
                    %reason,
                    "the coordination database still does not answer; coordinated work is stopped"
                );
            }
        }
        if let Some((holder, _)) = twin {
            self.say_duplicate(holder);
        }
    }

    fn say_duplicate(&self, holder: MemberId) {
        let node = self.protocol.node();
        tracing::error!(
            member = %holder,
            "[{node}] is a duplicate node: another live process uses our node id; waiting until it ends"
        );
    }

    fn publish(&mut self) {
        let view = self.protocol.view();
        if let Some(view) = view.filter(|v| !self.last_view.as_ref().is_some_and(|l| Arc::ptr_eq(l, v))) {
            lock(&self.shared.tracker).see(view);
            self.last_view = Some(view.clone());
            self.publish_definitions();
        }
        let phase = match (*self.shared.left.borrow(), self.draining, self.protocol.is_member()) {
            (true, _, _) => Phase::Left,
            (_, true, _) => Phase::Draining,
            (_, _, true) => Phase::Member,
            _ => Phase::Joining,
        };
        let member = self.protocol.me();
        let trust = self.trust_of(member);
        self.trust.retain(|id, _| *id == member);
        let mut seen = lock(&self.shared.seen);
        seen.phase = phase;
        seen.member = member;
        seen.trust = trust;
        seen.trouble = self.protocol.trouble().cloned();
        if let Some(view) = &self.last_view {
            seen.view = view.clone();
        }
    }

    fn publish_definitions(&self) {
        let (outdated, differing) = (self.protocol.outdated(), self.protocol.differing().cloned().collect());
        let mut seen = lock(&self.shared.seen);
        (seen.since, seen.outdated, seen.differing) = (self.protocol.since(), outdated, differing);
    }

    /// One line per change; the wording keeps the peer's lines where it has one, so that existing
    /// alert rules still match.
    fn note(&mut self, note: &Note) {
        let counters = &self.shared.counters;
        let add = |n: &std::sync::atomic::AtomicU64| n.fetch_add(1, Ordering::Relaxed);
        match note {
            Note::Joined(id) => {
                lock(&self.shared.seen).duplicate_node = None;
                tracing::info!(member = %id, "Successfully joined the cluster with id [{id}]");
            }
            Note::NodeTaken { holder, moving } => {
                lock(&self.shared.seen).duplicate_node = Some(*moving);
                if *moving {
                    self.say_duplicate(*holder);
                } else {
                    tracing::warn!(member = %holder, "our node id is still held by an earlier process; waiting until it ends");
                }
            }
            Note::MemberSeen { id, node } => {
                tracing::info!(member = %id, %node, "Member added [{node}]");
            }
            Note::MemberGone { id, node } => {
                tracing::info!(member = %id, %node, "Member removed [{node}]");
            }
            Note::Expired { id, node } => {
                add(&counters.expired);
                tracing::warn!(member = %id, "ended a silent member [{node}]");
            }
            Note::Expelled(id) => {
                add(&counters.expelled);
                tracing::error!(member = %id, "this node was silent for too long and was ended by others; joining anew");
            }
            Note::DatabaseSilent { reason, hopeless: true } => {
                tracing::error!("coordinated work does not run until this is mended: {reason}");
            }
            Note::DatabaseSilent { reason, hopeless: false } => {
                tracing::warn!(%reason, "the coordination database does not answer");
            }
            Note::DatabaseBack { after, rejoined: false } => {
                tracing::info!(after_ms = millis(*after), "the coordination database answers again");
            }
            Note::DatabaseBack { after, rejoined: true } => {
                tracing::info!(after_ms = millis(*after), "Re-joined the cluster successfully.");
            }
            Note::Fenced { activations } => {
                add(&counters.fenced);
                tracing::error!(
                    activations,
                    "Lost connection to the cluster. Coordinated work is stopped until the database answers; HTTP traffic goes on"
                );
            }
            Note::EpochsWentBack { keys, from, to } => {
                let first = keys.first().map_or("", Key::as_str);
                tracing::error!(
                    activations = keys.len(), first, %from, %to,
                    "epochs went back: the coordination database was restored or lost commits; they are raised again"
                );
            }
            Note::DefinitionsDiffer { keys } => {
                let names: Vec<&str> = keys.iter().take(5).map(Key::as_str).collect();
                tracing::warn!(
                    activations = keys.len(),
                    "nodes have different definitions of {}{}; only nodes with the newest take them",
                    names.join(", "),
                    if keys.len() > names.len() { " and others" } else { "" }
                );
            }
            Note::DefinitionsAgree => tracing::info!("all nodes have the same definitions again"),
            Note::Claimed { from: Some(_), .. } => {
                add(&counters.takeovers);
            }
            Note::Claimed { from: None, .. } => {
                add(&counters.claims);
            }
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(listening) = &self.listening {
            listening.abort();
        }
        // Whatever ends the task, no guard may outlive it for longer than its trust.
        for term in self.terms.values() {
            term.end(Stop::Revoked(crate::protocol::Loss::Deadline));
        }
        self.shared.left.send_replace(true);
    }
}

/// One line per activation that starts or stops, or one for all of them when they are many.
fn announce(outputs: &[Output]) {
    let starts: Vec<&Lease> = outputs
        .iter()
        .filter_map(|o| if let Output::Start(lease) = o { Some(lease) } else { None })
        .collect();
    if starts.len() > FEW {
        tracing::info!("{} activations start on this node", starts.len());
    }
    for lease in &starts {
        let (activation, epoch) = (&lease.key, lease.epoch);
        if starts.len() > FEW {
            tracing::debug!(%activation, %epoch, "activation starts on this node");
        } else {
            tracing::info!(%activation, %epoch, "activation starts on this node");
        }
    }
    let mut stops: BTreeMap<&str, Vec<(&Key, Epoch)>> = BTreeMap::new();
    for output in outputs {
        if let Output::Stop { key, epoch, why } = output {
            stops.entry(why.word()).or_default().push((key, *epoch));
        }
    }
    for (reason, stopped) in stops {
        if stopped.len() > FEW {
            tracing::info!(reason, "{} activations stop on this node", stopped.len());
        }
        for (activation, epoch) in &stopped {
            if stopped.len() > FEW {
                tracing::debug!(%activation, %epoch, reason, "activation stops on this node");
            } else {
                tracing::info!(%activation, %epoch, reason, "activation stops on this node");
            }
        }
    }
}

async fn perform(store: &dyn Store, op: &Op) -> Result<Reply, StoreError> {
    let done = match op {
        Op::Join(info) => store.join(info).await?,
        Op::Renew { member, offer } => store.renew(*member, offer.as_deref()).await?,
        Op::Observe => return Ok(Reply::View(Arc::new(store.observe().await?))),
        Op::End { member, how } => store.end(*member, *how).await?,
        Op::Create(keys) => {
            store.create(keys).await?;
            true
        }
        Op::Claim(claim) => store.claim(claim).await?,
        Op::Release(release) => store.release(release).await?,
        Op::Raise(raise) => store.raise(raise).await?,
    };
    Ok(Reply::Done(done))
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

    /// Counts the lines at each level.
    #[derive(Debug, Default)]
    struct Lines([AtomicI64; 2]);

    impl tracing::Subscriber for Lines {
        fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
            tracing::span::Id::from_u64(1)
        }
        fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
        fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
        fn event(&self, event: &tracing::Event<'_>) {
            let info = *event.metadata().level() == tracing::Level::INFO;
            self.0[usize::from(info)].fetch_add(1, Ordering::Relaxed);
        }
        fn enter(&self, _: &tracing::span::Id) {}
        fn exit(&self, _: &tracing::span::Id) {}
    }

    #[test]
    fn many_activations_get_one_line() {
        let stop =
            |n: i64| Output::Stop { key: Key::new(&n.to_string()), epoch: Epoch(n), why: Stop::Draining };
        let lines = |n: i64| {
            let lines = Arc::new(Lines::default());
            let outputs: Vec<Output> = (0..n).map(stop).collect();
            tracing::subscriber::with_default(lines.clone(), || announce(&outputs));
            lines.0.each_ref().map(|count| count.load(Ordering::Relaxed))
        };
        assert_eq!(lines(10), [0, 10]);
        assert_eq!(lines(11), [11, 1]);
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
