//! Runs the steps of the protocol against a clock and a store.
//!
//! One task owns the protocol. Statements run beside it, each with its deadline; guards and handles
//! leave messages in an inbox. Nothing here decides about a lease: that is the protocol's business,
//! and the guards fence themselves even if this task stands still.

mod cluster;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::guard::{Guard, Term, Trust, within};
use crate::lease::{Epoch, Key, Lease, View};
use crate::member::MemberId;
use crate::protocol::{Input, Loss, Op, Output, Protocol, Reply, Stop};
use crate::shared::{Shared, lock};
use crate::status::Phase;
use crate::store::{Store, StoreError};
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};

/// A statement that was answered, or was not in time.
struct Done {
    op: Op,
    /// Uptime before it was sent.
    sent: Duration,
    result: Result<Reply, StoreError>,
}

/// The task that owns the protocol.
pub(crate) struct Driver {
    shared: Arc<Shared>,
    store: Arc<dyn Store>,
    protocol: Protocol,
    /// On their way.
    statements: FuturesUnordered<BoxFuture<'static, Done>>,
    /// Of our present member; guards keep that of a former one.
    trust: BTreeMap<MemberId, Arc<Trust>>,
    /// Under way on this node.
    terms: BTreeMap<Key, Arc<Term>>,
    draining: bool,
    /// The view that status readers have.
    last_view: Option<Arc<View>>,
    /// Uptime of the last reminder of trouble, or of the last time without any.
    reminded: Duration,
    /// Somebody wants us to look soon.
    nudged: bool,
    /// Uptime of the last look because of a nudge.
    last_nudge: Duration,
    /// The task that hears announcements of other nodes.
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
        cluster::announce(&outputs);
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
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(listening) = &self.listening {
            listening.abort();
        }
        // Whatever ends the task, no guard may outlive it for longer than its trust.
        for term in self.terms.values() {
            term.end(Stop::Revoked(Loss::Deadline));
        }
        self.shared.left.send_replace(true);
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
