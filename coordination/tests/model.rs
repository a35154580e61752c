//! A complete search of the protocol for two nodes and two tasks.
//!
//! The states are made by the real step functions. In every state anything may happen next: time
//! passes (also while a node stands still, which is a freeze), a node wakes, a statement is applied
//! and answered, applied with its answer lost, not applied at all, or applied arbitrarily later; the
//! database loses its last commit. Times are whole seconds and faults are few, so that the search
//! ends; the simulation covers what lies between.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use coordination::clock::Timestamp;
use coordination::lease::{Epoch, Key};
use coordination::member::{End, MemberId};
use coordination::placement::Placement;
use coordination::protocol::{Input, Op, Output, Protocol, Reply, Setup};
use coordination::store::StoreError;
use coordination::store::memory::Table;
use coordination::timing::Timing;
use stateright::{Checker, Model, Property};

const SECOND: Duration = Duration::from_secs(1);

fn timing() -> Timing {
    Timing {
        heartbeat: SECOND,
        lease: 3 * SECOND,
        fence: 2 * SECOND,
        statement: SECOND / 2,
        stop: SECOND,
        claim_delay: 2 * SECOND,
        retry: SECOND,
        rebalance_after: 100 * SECOND,
        rebalance_pace: SECOND,
        drift_permille: 0,
        slack: Duration::ZERO,
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Run {
    member: MemberId,
    epoch: Epoch,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Node {
    protocol: Protocol,
    /// Statements on their way, with the time they were sent.
    sent: Vec<(Op, Duration)>,
    /// The first of them is a renewal that was applied; its answer is on the way back.
    answer: Option<Reply>,
    runs: BTreeMap<Key, Run>,
    trust: BTreeMap<MemberId, Duration>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    now: Duration,
    table: Table,
    before: Option<Box<Table>>,
    nodes: Vec<Node>,
    /// Statements nobody waits for any more, which the database may still apply.
    late: Vec<Op>,
    highest: BTreeMap<Key, Epoch>,
    faults: u8,
    broken: Option<&'static str>,
    fenced: bool,
    taken: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Step {
    Second,
    Apply(usize),
    Wake(usize),
    Answer(usize, usize),
    LoseReply(usize, usize),
    NotApplied(usize, usize),
    Later(usize, usize),
    ApplyLate(usize),
    Forget,
}

struct Cluster {
    horizon: u64,
    faults: u8,
    /// Trust is counted from the answer instead of from the start: the search must notice.
    flawed: bool,
}

impl World {
    fn perform(&mut self, n: usize, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Do(op) => self.nodes[n].sent.push((op, self.now)),
                Output::Trust { member, until } => {
                    self.nodes[n].trust.insert(member, until);
                }
                Output::Start(lease) => {
                    let run = Run { member: lease.member, epoch: lease.epoch };
                    self.nodes[n].runs.insert(lease.key, run);
                }
                Output::Stop { key, epoch, why } => {
                    self.fenced |= why.is_revoked();
                    self.nodes[n].runs.remove(&key);
                    let more = self.nodes[n].protocol.step(self.now, Input::Stopped { key, epoch });
                    self.perform(n, more);
                }
                Output::Note(_) | Output::Left => {}
            }
        }
    }

    fn input(&mut self, n: usize, input: Input) {
        let outputs = self.nodes[n].protocol.step(self.now, input);
        self.perform(n, outputs);
    }

    fn active(&self, n: usize, key: &Key) -> bool {
        let run = self.nodes[n].runs.get(key);
        let trust = run.and_then(|r| self.nodes[n].trust.get(&r.member));
        trust.is_some_and(|trust| self.now < *trust + timing().stop)
    }

    fn exclusive(&self) -> bool {
        let keys = self.table.leases.keys();
        keys.into_iter().all(|key| !(self.active(0, key) && self.active(1, key)))
    }

    fn breaks(&mut self, what: &'static str) {
        self.broken = self.broken.or(Some(what));
    }

    fn apply(&mut self, op: &Op) -> Reply {
        let database = Timestamp(self.now.as_secs() as i64);
        let before = self.table.clone();
        let done = match op {
            Op::Observe => return Reply::View(Arc::new(self.table.observe(database))),
            Op::Create(keys) => {
                self.table.create(keys);
                return Reply::Done(true);
            }
            Op::Join(info) => self.table.join(info),
            Op::Renew { member, offer } => self.table.renew(*member, offer.as_deref()),
            Op::End { member, how } => {
                let done = self.table.end(*member, *how);
                if done && matches!(how, End::Expire { .. }) {
                    let trusts = self.nodes.iter().filter_map(|n| n.trust.get(member));
                    if trusts.into_iter().any(|t| self.now < *t + timing().stop) {
                        self.breaks("I5: expired while trusted");
                    }
                }
                done
            }
            Op::Claim(claim) => {
                let done = self.table.claim(claim, database);
                if done {
                    let old = &before.leases[&claim.key];
                    let new = self.table.leases[&claim.key].epoch;
                    let live = |id| before.members.get(&id).is_some_and(|m| m.ended.is_none());
                    if old.owner.is_some_and(live) {
                        self.breaks("I3: taken from a live owner");
                    }
                    let top = self.highest.insert(claim.key.clone(), new).unwrap_or_default();
                    // Time stands still in a model: an epoch whose grant was forgotten in this very
                    // second may be given again; a clock that moves excludes it.
                    if new < top {
                        self.breaks("I1: an epoch went down");
                    }
                    self.taken |= old.owner.is_some();
                }
                done
            }
            Op::Release(release) => self.table.release(release),
            Op::Raise(raise) => self.table.raise(raise, database),
        };
        if done {
            self.before = Some(Box::new(before));
        }
        Reply::Done(done)
    }
}

impl Model for Cluster {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        let keys: BTreeMap<Key, Arc<str>> =
            ["t0", "t1"].into_iter().map(|k| (Key::new(k), Arc::from("d"))).collect();
        let node = |n: u128| Node {
            protocol: Protocol::new(Setup {
                node: format!("n{n}").into(),
                weight: 1,
                version: "m".into(),
                timing: timing(),
                placement: Placement::default(),
                identity: (n + 1) << 64,
            }),
            sent: Vec::new(),
            answer: None,
            runs: BTreeMap::new(),
            trust: BTreeMap::new(),
        };
        let mut world = World {
            now: 10 * SECOND,
            table: Table::default(),
            before: None,
            nodes: vec![node(0), node(1)],
            late: Vec::new(),
            highest: BTreeMap::new(),
            faults: self.faults,
            broken: None,
            fenced: false,
            taken: false,
        };
        // The way to a running cluster is the same in every history: both have joined, and every
        // answer came at once.
        for n in 0..2 {
            world.input(n, Input::Declare(keys.clone()));
        }
        for _ in 0..6 {
            for n in 0..2 {
                while let Some((op, sent)) = world.nodes[n].sent.pop() {
                    let result = Ok(world.apply(&op));
                    world.input(n, Input::Answer { op, sent, result });
                }
                world.input(n, Input::Wake);
            }
        }
        assert!(world.nodes.iter().any(|n| !n.runs.is_empty()), "somebody runs something");
        world.before = None;
        vec![world]
    }

    fn actions(&self, w: &World, actions: &mut Vec<Step>) {
        if w.broken.is_some() {
            return;
        }
        if w.now < 10 * SECOND + Duration::from_secs(self.horizon) {
            actions.push(Step::Second);
        }
        for (n, node) in w.nodes.iter().enumerate() {
            if node.protocol.wake_at().is_some_and(|at| at <= w.now) {
                actions.push(Step::Wake(n));
            }
            // Answers come in the order of the statements: those of one node touch different rows.
            for i in 0..node.sent.len().min(1) {
                actions.push(Step::Answer(n, i));
                if node.answer.is_some() {
                    continue;
                }
                if matches!(node.sent[i].0, Op::Renew { .. }) {
                    actions.push(Step::Apply(n));
                }
                if w.faults > 0 {
                    actions.push(Step::NotApplied(n, i));
                    if node.sent[i].0 != Op::Observe {
                        actions.push(Step::LoseReply(n, i));
                        actions.push(Step::Later(n, i));
                    }
                }
            }
        }
        actions.extend((0..w.late.len()).map(Step::ApplyLate));
        if w.faults > 0 && w.before.is_some() {
            actions.push(Step::Forget);
        }
    }

    fn next_state(&self, w: &World, step: Step) -> Option<World> {
        let mut w = w.clone();
        let unknown = || Err(StoreError::Unknown("lost".into()));
        match step {
            Step::Second => w.now += SECOND,
            Step::Wake(n) => w.input(n, Input::Wake),
            Step::Answer(n, i) => {
                let (op, mut sent) = w.nodes[n].sent.remove(i);
                if self.flawed {
                    sent = w.now;
                }
                let result = match w.nodes[n].answer.take() {
                    Some(reply) => Ok(reply),
                    None => Ok(w.apply(&op)),
                };
                w.input(n, Input::Answer { op, sent, result });
            }
            Step::Apply(n) => {
                let op = w.nodes[n].sent[0].0.clone();
                w.nodes[n].answer = Some(w.apply(&op));
            }
            Step::LoseReply(n, i) => {
                let (op, sent) = w.nodes[n].sent.remove(i);
                w.apply(&op);
                w.faults -= 1;
                w.input(n, Input::Answer { op, sent, result: unknown() });
            }
            Step::NotApplied(n, i) => {
                let (op, sent) = w.nodes[n].sent.remove(i);
                w.faults -= 1;
                w.input(n, Input::Answer { op, sent, result: unknown() });
            }
            Step::Later(n, i) => {
                let (op, sent) = w.nodes[n].sent.remove(i);
                w.late.push(op.clone());
                w.faults -= 1;
                w.input(n, Input::Answer { op, sent, result: unknown() });
            }
            Step::ApplyLate(i) => {
                let op = w.late.remove(i);
                w.apply(&op);
            }
            Step::Forget => {
                // A database that restarts breaks every connection: what was on its way is unknown.
                if let Some(before) = w.before.take() {
                    w.table = *before;
                }
                w.faults -= 1;
                for n in 0..2 {
                    let pending = std::mem::take(&mut w.nodes[n].sent);
                    w.nodes[n].answer = None;
                    w.input(n, Input::Trouble);
                    for (op, sent) in pending {
                        let result = Err(StoreError::Broken("restart".into()));
                        w.input(n, Input::Answer { op, sent, result });
                    }
                }
            }
        }
        if !w.exclusive() {
            w.breaks("I4: active on two nodes");
        }
        Some(w)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("the invariants hold", |_, w: &World| w.broken.is_none()),
            Property::sometimes("a node fences itself", |_, w: &World| w.fenced),
            Property::sometimes("a task is taken over", |_, w: &World| w.taken),
        ]
    }
}

/// Searches all states and says how many there were.
fn search(cluster: Cluster) -> impl Checker<Cluster> {
    let begun = std::time::Instant::now();
    let checker = cluster.checker().threads(2).spawn_bfs().join();
    let (states, depth) = (checker.unique_state_count(), checker.max_depth());
    println!("model: {states} states, depth {depth}, {:?}", begun.elapsed());
    checker
}

#[test]
fn every_history_without_faults_keeps_the_invariants() {
    search(Cluster { horizon: 4, faults: 0, flawed: false }).assert_properties();
}

#[test]
fn every_history_with_one_fault_keeps_the_invariants() {
    search(Cluster { horizon: 3, faults: 1, flawed: false }).assert_properties();
}

#[test]
fn the_search_finds_trust_from_the_reply() {
    let checker = search(Cluster { horizon: 4, faults: 0, flawed: true });
    let path = checker.discovery("the invariants hold").expect("the flaw is found");
    println!("found: {:?} after {:?}", path.last_state().broken, path.clone().into_actions());
}
