//! Runs the steps of the protocol against a clock and a store.
//!
//! One task owns the protocol. Statements run beside it, each with its deadline; guards and handles
//! leave messages in an inbox. Nothing here decides about a lease: that is the protocol's business,
//! and the guards fence themselves even if this task stands still.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::clock::millis;
use crate::guard::{Guard, Term, Trust, within};
use crate::lease::{Epoch, Key, Lease, View};
use crate::member::MemberId;
use crate::protocol::{Input, Note, Op, Output, Protocol, Reply, Stop, Trouble};
use crate::shared::{Shared, lock};
use crate::status::Phase;
use crate::store::{Store, StoreError};
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};

/// How often an outage is reported while it lasts.
const REMIND: Duration = Duration::from_secs(30);

/// More activations than this in one step get one line together.
const FEW: usize = 10;

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

    /// One line per change; the wording keeps MI's lines where it has one, so that existing alert
    /// rules still match.
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
    use std::sync::atomic::AtomicI64;

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
}
