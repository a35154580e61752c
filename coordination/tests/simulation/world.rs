//! A cluster in one thread: nodes that run the real protocol, a database that misbehaves, and time
//! that belongs to the test.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use coordination::clock::Timestamp;
use coordination::fire::FireClaim;
use coordination::lease::{Claim, Definition, Epoch, Key, Lease};
use coordination::member::{End, MemberId};
use coordination::placement::Placement;
use coordination::protocol::{Input, Note, Op, Output, Protocol, Reply, Setup};
use coordination::store::StoreError;
use coordination::store::memory::Table;
use coordination::timing::Timing;

use crate::oracle::Oracle;
use crate::rng::Rng;

pub const MS: u64 = 1000;
pub const SECOND: u64 = 1_000_000;

/// Ways to break the protocol on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    None,
    /// Epochs stay at one and are not compared.
    NoEpoch,
    /// Trust counts from the answer to a renewal instead of from its start.
    TrustFromReply,
    /// Nodes measure time with a clock that can be set.
    WallClock,
}

#[derive(Debug)]
struct Run {
    member: MemberId,
    epoch: Epoch,
    /// The definition the row counts for.
    counted: Definition,
    trust: Duration,
    asked: bool,
    revoked: bool,
}

#[derive(Debug)]
pub struct Node {
    pub name: Arc<str>,
    pub process: Option<Protocol>,
    /// Counts process starts; events for an older one are void.
    life: u64,
    ppm: i64,
    offset: u64,
    wall_step: i64,
    frozen_until: u64,
    pub cut_requests: bool,
    pub cut_replies: bool,
    broken_connection: bool,
    /// Way to the database and way back.
    latency: (u64, u64),
    way_back: (u64, u64),
    runs: BTreeMap<Key, Run>,
    trust: BTreeMap<MemberId, Duration>,
    pub keys: BTreeMap<Key, Arc<str>>,
    /// The definition of all activations in this process.
    pub def: Arc<str>,
    wake: u64,
}

#[derive(Clone, Debug)]
enum Call {
    Step(Op),
    Fire(FireClaim),
}

#[derive(Debug)]
enum Event {
    Wake { node: usize, life: u64, stamp: u64 },
    Apply { id: u64, mute: bool },
    Answer { id: u64, result: Result<Reply, StoreError> },
    Act { node: usize, life: u64, key: Key, epoch: Epoch },
    Effect { node: usize, life: u64, key: Key, epoch: Epoch, member: MemberId },
    Arrive { key: Key, epoch: Epoch, member: MemberId },
    Ended { node: usize, life: u64, key: Key, epoch: Epoch },
}

#[derive(Debug)]
struct Pending {
    node: usize,
    life: u64,
    sent: Duration,
    call: Call,
}

#[derive(Debug)]
pub struct World {
    pub rng: Rng,
    pub now: u64,
    pub table: Table,
    before_last: Option<(Table, Call)>,
    pub database_down: bool,
    pub nodes: Vec<Node>,
    pub oracle: Oracle,
    pub flaw: Flaw,
    /// The next so many attempts to end a silent member get no answer.
    pub mute_expiries: u32,
    /// Only the faults the test asks for.
    pub quiet: bool,
    pub timing: Timing,
    /// The definition that a process has which starts now.
    pub deployed: Arc<str>,
    pub limits: BTreeMap<Key, i64>,
    heap: BinaryHeap<Reverse<(u64, u64)>>,
    events: BTreeMap<u64, Event>,
    next_id: u64,
    pending: BTreeMap<u64, Pending>,
    pub starts: u64,
    pub last_start: u64,
    pub fires: BTreeMap<Key, u64>,
    pub log: VecDeque<String>,
}

impl World {
    pub fn new(seed: u64, flaw: Flaw, timing: Timing) -> Self {
        Self {
            rng: Rng::new(seed),
            now: 0,
            table: Table::default(),
            before_last: None,
            database_down: false,
            nodes: Vec::new(),
            oracle: Oracle::default(),
            flaw,
            mute_expiries: 0,
            quiet: false,
            timing,
            deployed: Arc::from("d1"),
            limits: BTreeMap::new(),
            heap: BinaryHeap::new(),
            events: BTreeMap::new(),
            next_id: 0,
            pending: BTreeMap::new(),
            starts: 0,
            last_start: 0,
            fires: BTreeMap::new(),
            log: VecDeque::new(),
        }
    }

    fn say(&mut self, line: impl FnOnce() -> String) {
        if self.log.len() == 400 {
            self.log.pop_front();
        }
        let line = format!("{:9.3} {}", self.now as f64 / 1e6, line());
        self.log.push_back(line);
    }

    fn at(&mut self, time: u64, event: Event) {
        self.next_id += 1;
        self.heap.push(Reverse((time.max(self.now), self.next_id)));
        self.events.insert(self.next_id, event);
    }

    // ---- nodes ---------------------------------------------------------------------------------

    pub fn add_node(&mut self, name: &str, keys: &[Key]) -> usize {
        let ppm = self.rng.range(0, 8000) as i64 - 4000;
        let offset = self.rng.range(10 * SECOND, 1000 * SECOND);
        self.nodes.push(Node {
            name: name.into(),
            process: None,
            life: 0,
            ppm,
            offset,
            wall_step: 0,
            frozen_until: 0,
            cut_requests: false,
            cut_replies: false,
            broken_connection: false,
            latency: (200, 5 * MS),
            way_back: (200, 5 * MS),
            runs: BTreeMap::new(),
            trust: BTreeMap::new(),
            keys: keys.iter().map(|k| (k.clone(), self.deployed.clone())).collect(),
            def: self.deployed.clone(),
            wake: 0,
        });
        self.nodes.len() - 1
    }

    pub fn start(&mut self, n: usize) {
        if self.nodes[n].process.is_some() {
            return;
        }
        let identity = (u128::from(self.rng.next()) << 64) | (u128::from(self.rng.next()) << 8);
        let node = &mut self.nodes[n];
        node.life += 1;
        node.def = self.deployed.clone();
        node.keys.values_mut().for_each(|def| *def = self.deployed.clone());
        node.runs.clear();
        node.trust.clear();
        node.frozen_until = 0;
        node.process = Some(Protocol::new(Setup {
            node: node.name.clone(),
            weight: 1,
            version: "test".into(),
            timing: self.timing.clone(),
            placement: Placement::default(),
            identity,
        }));
        let keys = node.keys.clone();
        self.say(|| format!("node {n} starts"));
        self.step(n, Input::Declare(keys));
    }

    pub fn crash(&mut self, n: usize) {
        self.say(|| format!("node {n} dies"));
        self.nodes[n].process = None;
        self.nodes[n].life += 1;
        self.nodes[n].runs.clear();
    }

    pub fn freeze(&mut self, n: usize, length: u64) {
        self.say(|| format!("node {n} freezes for {} ms", length / MS));
        self.nodes[n].frozen_until = self.now + length;
    }

    pub fn input(&mut self, n: usize, input: Input) {
        if self.nodes[n].process.is_some() && self.nodes[n].frozen_until <= self.now {
            self.say(|| format!("node {n} gets {input:?}"));
            self.step(n, input);
        }
    }

    pub fn step_wall(&mut self, n: usize, by: i64) {
        self.nodes[n].wall_step += by;
    }

    pub fn set_latency(&mut self, n: usize, way_there: (u64, u64), way_back: (u64, u64)) {
        self.nodes[n].latency = way_there;
        self.nodes[n].way_back = way_back;
    }

    pub fn clock(&self, n: usize) -> Duration {
        let node = &self.nodes[n];
        let run = self.now as i64 + self.now as i64 * node.ppm / 1_000_000;
        let wall = if self.flaw == Flaw::WallClock { node.wall_step } else { 0 };
        Duration::from_micros((node.offset as i64 + run + wall).max(0) as u64)
    }

    /// True time at which a node's clock will show `local`.
    fn when(&self, n: usize, local: Duration) -> u64 {
        let left = local.saturating_sub(self.clock(n)).as_micros() as u64;
        self.now + left + left * 5 / 1000 + 1
    }

    fn step(&mut self, n: usize, input: Input) {
        let local = self.clock(n);
        let Some(process) = self.nodes[n].process.as_mut() else { return };
        let outputs = process.step(local, input);
        for output in outputs {
            self.perform(n, output);
        }
        let Some(wake) = self.nodes[n].process.as_ref().and_then(Protocol::wake_at) else { return };
        let (life, at) = (self.nodes[n].life, self.when(n, wake));
        self.nodes[n].wake += 1;
        let stamp = self.nodes[n].wake;
        self.at(at, Event::Wake { node: n, life, stamp });
    }

    fn perform(&mut self, n: usize, output: Output) {
        match output {
            Output::Do(op) => {
                if let Op::Claim(claim) = &op {
                    self.check_definition(n, claim);
                }
                self.call(n, Call::Step(op));
            }
            Output::Trust { member, until } => {
                self.nodes[n].trust.insert(member, until);
                for run in self.nodes[n].runs.values_mut().filter(|r| r.member == member) {
                    run.trust = until;
                }
                self.check_exclusion(n);
            }
            Output::Start(lease) => self.begin(n, &lease),
            Output::Stop { key, epoch, why } => {
                self.say(|| format!("node {n} stops {key} epoch {epoch}: {}", why.word()));
                if let Some(run) = self.nodes[n].runs.get_mut(&key) {
                    run.asked = true;
                    run.revoked |= why.is_revoked();
                }
                let limit = self.timing.stop.as_micros() as u64 * 95 / 100;
                let pause = self.rng.range(0, if why.is_revoked() { limit } else { 3 * SECOND });
                let life = self.nodes[n].life;
                self.at(self.now + pause, Event::Ended { node: n, life, key, epoch });
            }
            Output::Note(note) => {
                if !matches!(note, Note::MemberSeen { .. }) {
                    self.say(|| format!("node {n}: {note:?}"));
                }
            }
            Output::Left => {
                self.say(|| format!("node {n} has left"));
                self.crash(n);
            }
        }
    }

    fn begin(&mut self, n: usize, lease: &Lease) {
        self.say(|| format!("node {n} runs {} epoch {}", lease.key, lease.epoch));
        self.starts += 1;
        self.last_start = self.now;
        let trust = self.nodes[n].trust.get(&lease.member).copied().unwrap_or_default();
        let (member, epoch, counted) = (lease.member, lease.epoch, lease.def.clone());
        let run = Run { member, epoch, counted, trust, asked: false, revoked: false };
        let old = self.nodes[n].runs.insert(lease.key.clone(), run);
        self.oracle.require(old.is_none(), || format!("{} started twice on one node", lease.key));
        self.check_exclusion(n);
        let (life, pause) = (self.nodes[n].life, self.rng.range(0, 300 * MS));
        let (key, epoch) = (lease.key.clone(), lease.epoch);
        self.at(self.now + pause, Event::Act { node: n, life, key, epoch });
    }

    /// I4: no activation is active on two nodes.
    fn check_exclusion(&mut self, n: usize) {
        let stop = self.timing.stop;
        let active = |run: &Run, clock: Duration| clock < run.trust + stop;
        let clock = self.clock(n);
        let mut found = Vec::new();
        for (key, mine) in self.nodes[n].runs.iter().filter(|(_, r)| active(r, clock)) {
            for m in (0..self.nodes.len()).filter(|m| *m != n) {
                let other = self.nodes[m].runs.get(key);
                if other.is_some_and(|r| active(r, self.clock(m))) {
                    found.push(format!("I4: {key} active on {n} (epoch {}) and on {m}", mine.epoch));
                }
            }
        }
        self.oracle.violations.append(&mut found);
    }

    /// I8: by its own view, a claimant has the newest definition that a live member offers.
    fn check_definition(&mut self, n: usize, claim: &Claim) {
        let Some(view) = self.nodes[n].process.as_ref().and_then(Protocol::view) else { return };
        let offers = view.members.iter().filter(|m| m.declared.offers(&claim.key));
        let newest = offers.max_by_key(|m| (m.declared.since, m.id)).map(|m| &m.declared.keys[&claim.key]);
        let own = view.member(claim.member).and_then(|m| m.declared.keys.get(&claim.key));
        let current = own.is_some() && own == newest;
        let what = format!("I8: {} claimed with {own:?} by {n}, the newest is {newest:?}", claim.key);
        self.oracle.require(current, || what);
    }

    // ---- the way to the database ---------------------------------------------------------------

    fn call(&mut self, n: usize, call: Call) {
        self.next_id += 1;
        let id = self.next_id;
        let (sent, life) = (self.clock(n), self.nodes[n].life);
        self.pending.insert(id, Pending { node: n, life, sent, call });
        let q = self.timing.statement.as_micros() as u64;
        let silent = || Err(StoreError::Unknown("timeout".into()));
        self.at(self.now + q, Event::Answer { id, result: silent() });
        if std::mem::take(&mut self.nodes[n].broken_connection) {
            self.at(self.now + 100, Event::Answer { id, result: Err(StoreError::Broken("broken".into())) });
            return;
        }
        let expiry = matches!(self.pending[&id].call, Call::Step(Op::End { how: End::Expire { .. }, .. }));
        let mute = expiry && self.mute_expiries > 0;
        self.mute_expiries -= u32::from(mute);
        if mute && self.rng.chance(500) {
            return; // it is lost on its way; otherwise its answer is
        }
        let (low, high) = self.nodes[n].latency;
        // Now and then a statement hangs somewhere and is applied long after anybody waits for it.
        let hangs = !self.quiet && self.rng.chance(2);
        let delay = if hangs { self.rng.range(0, 12 * SECOND) } else { self.rng.range(low, high) };
        if !self.nodes[n].cut_requests {
            self.at(self.now + delay, Event::Apply { id, mute });
        }
    }

    fn apply(&mut self, id: u64, mute: bool) {
        // The answer may have timed out already; the statement is applied all the same.
        let Some(p) = self.pending.get(&id) else { return };
        let (n, call) = (p.node, p.call.clone());
        if self.database_down {
            let error = Err(StoreError::Broken("connection refused".into()));
            self.at(self.now + MS, Event::Answer { id, result: error });
            return;
        }
        if !self.quiet && self.rng.chance(2) {
            self.at(self.now + MS, Event::Answer { id, result: Err(StoreError::Refused("deadlock".into())) });
            return;
        }
        let reply = self.commit(n, &call);
        let (low, high) = self.nodes[n].way_back;
        let delay = self.rng.range(low, high);
        if !mute && !self.nodes[n].cut_replies && (self.quiet || !self.rng.chance(3)) {
            self.at(self.now + delay, Event::Answer { id, result: Ok(reply) });
        }
    }

    fn database_time(&self) -> Timestamp {
        Timestamp((self.now / MS) as i64 + 1_000_000)
    }

    fn commit(&mut self, n: usize, call: &Call) -> Reply {
        let before = self.table.clone();
        let time = self.database_time();
        let done = match call {
            Call::Step(Op::Observe) => return Reply::View(Arc::new(self.table.observe(time))),
            Call::Step(Op::Create(keys)) => {
                self.table.create(keys);
                return Reply::Done(true);
            }
            Call::Step(Op::Join(info)) => self.table.join(info),
            Call::Step(Op::Renew { member, offer }) => self.table.renew(*member, offer.as_deref()),
            Call::Step(Op::End { member, how }) => self.table.end(*member, *how),
            Call::Step(Op::Claim(claim)) => {
                let mut claim = claim.clone();
                let no_epoch = self.flaw == Flaw::NoEpoch;
                if no_epoch && let Some(lease) = self.table.leases.get(&claim.key) {
                    claim.seen_epoch = lease.epoch;
                }
                let done = self.table.claim(&claim, time);
                if done
                    && no_epoch
                    && let Some(lease) = self.table.leases.get_mut(&claim.key)
                {
                    lease.epoch = Epoch(1);
                }
                done
            }
            Call::Step(Op::Release(release)) => self.table.release(release),
            Call::Step(Op::Raise(raise)) => self.table.raise(raise, time),
            Call::Fire(fire) => self.table.fire(fire),
        };
        if done {
            self.check_commit(n, &before, call);
            self.before_last = Some((before, call.clone()));
        }
        Reply::Done(done)
    }

    fn check_commit(&mut self, n: usize, before: &Table, call: &Call) {
        match call {
            Call::Step(Op::Claim(claim)) => {
                self.say(|| format!("node {n} claimed {} from {:?}", claim.key, claim.seen_owner));
                if self.flaw == Flaw::NoEpoch {
                    let violations = self.oracle.violations.len();
                    self.oracle.claimed(before, &self.table, claim);
                    // Equal epochs are the flaw itself; what counts is whether harm is noticed.
                    self.oracle.violations.truncate(violations);
                } else {
                    self.oracle.claimed(before, &self.table, claim);
                }
            }
            Call::Step(Op::Raise(raise)) => {
                self.say(|| format!("node {n} raised {}", raise.key));
                self.oracle.raised(&self.table, &raise.key);
            }
            Call::Step(Op::Renew { member, .. }) => {
                let lived = before.members.get(member).is_some_and(|m| m.ended.is_none());
                self.oracle.require(lived, || format!("I2: {member:?} renewed after its end"));
            }
            Call::Step(Op::End { member, how: End::Expire { .. } }) => self.check_expiry(*member),
            Call::Fire(fire) => {
                let limit = self.limits.get(&fire.key).copied();
                *self.fires.entry(fire.key.clone()).or_default() += 1;
                self.oracle.fired(before, &self.table, fire, limit);
            }
            Call::Step(_) => {}
        }
    }

    /// I5: whoever is expired has been silent for good.
    fn check_expiry(&mut self, member: MemberId) {
        self.say(|| format!("member {member:?} is expired"));
        for n in 0..self.nodes.len() {
            let Some(trust) = self.nodes[n].trust.get(&member) else { continue };
            let over = self.clock(n) >= *trust + self.timing.stop;
            let alive = self.nodes[n].process.is_some();
            self.oracle.require(over || !alive, || format!("I5: {member:?} on {n} expired while trusted"));
        }
    }

    /// Stops the database: what is on its way gets no answer, connections break, and if `forget`
    /// the last commit is lost although it may have been acknowledged.
    pub fn database_stops(&mut self, forget: bool) {
        self.database_down = true;
        for node in &mut self.nodes {
            node.broken_connection = true;
        }
        if forget && let Some((table, call)) = self.before_last.take() {
            self.say(|| format!("the database forgets {call:?}"));
            self.table = table;
            if let Call::Fire(fire) = &call {
                self.oracle.forget_fire(&fire.key, fire.fire_key);
            }
        }
        let ids: Vec<u64> = self.pending.keys().copied().collect();
        for id in ids {
            self.at(self.now + MS, Event::Answer { id, result: Err(StoreError::Broken("reset".into())) });
        }
        self.say(|| "the database stops".into());
    }

    pub fn database_starts(&mut self) {
        self.database_down = false;
        self.say(|| "the database is back".into());
    }

    pub fn pause(&mut self, key: &Key, paused: bool) {
        if !self.database_down {
            self.say(|| format!("{key} paused: {paused}"));
            self.table.pause(key, paused);
            self.before_last = None;
        }
    }

    // ---- running -------------------------------------------------------------------------------

    pub fn run_until(&mut self, end: u64) {
        while let Some(Reverse((time, id))) = self.heap.peek().copied() {
            if time > end || !self.oracle.violations.is_empty() {
                break;
            }
            self.heap.pop();
            self.now = time;
            if let Some(event) = self.events.remove(&id) {
                self.happen(event);
            }
        }
        self.now = self.now.max(end);
    }

    /// Whether a node can take part now; if it is frozen the event comes back when it thaws.
    fn ready(&mut self, n: usize, life: u64, event: Event) -> Option<Event> {
        let node = &self.nodes[n];
        if node.life != life || node.process.is_none() {
            return None;
        }
        if node.frozen_until > self.now {
            let thaw = node.frozen_until;
            self.at(thaw, event);
            return None;
        }
        Some(event)
    }

    fn happen(&mut self, event: Event) {
        let target = match &event {
            Event::Wake { node, life, .. }
            | Event::Act { node, life, .. }
            | Event::Effect { node, life, .. }
            | Event::Ended { node, life, .. } => Some((*node, *life)),
            Event::Answer { id, .. } => match self.pending.get(id) {
                Some(p) => Some((p.node, p.life)),
                None => return,
            },
            Event::Apply { .. } | Event::Arrive { .. } => None,
        };
        let event = match target {
            Some((n, life)) => match self.ready(n, life, event) {
                Some(event) => event,
                None => return,
            },
            None => event,
        };
        match event {
            Event::Wake { node, stamp, .. } => {
                if self.nodes[node].wake == stamp {
                    self.step(node, Input::Wake);
                }
            }
            Event::Apply { id, mute } => self.apply(id, mute),
            Event::Answer { id, result } => self.answer(id, result),
            Event::Act { node, key, epoch, .. } => self.act(node, key, epoch),
            Event::Effect { node, key, epoch, member, .. } => self.effect(node, key, epoch, member),
            Event::Arrive { key, epoch, member } => self.oracle.effect(&key, member, epoch),
            Event::Ended { node, key, epoch, .. } => {
                if self.nodes[node].runs.get(&key).is_some_and(|r| r.epoch == epoch) {
                    self.nodes[node].runs.remove(&key);
                    self.step(node, Input::Stopped { key, epoch });
                }
            }
        }
    }

    fn answer(&mut self, id: u64, result: Result<Reply, StoreError>) {
        // A request that hangs is still applied later, so only its owner forgets it.
        let hung = matches!(&result, Err(StoreError::Unknown(why)) if why == "timeout");
        let Some(p) = self.pending.get(&id) else { return };
        let (n, sent, call) = (p.node, p.sent, p.call.clone());
        if hung {
            let p = self.pending.get_mut(&id);
            if let Some(p) = p {
                p.life = u64::MAX; // nobody listens any more
            }
        } else {
            self.pending.remove(&id);
        }
        match call {
            Call::Step(op) => {
                let late = self.flaw == Flaw::TrustFromReply && matches!(op, Op::Renew { .. });
                let sent = if late { self.clock(n) } else { sent };
                self.step(n, Input::Answer { op, sent, result });
            }
            Call::Fire(fire) => self.fire_answer(n, &fire, &result),
        }
    }

    // ---- what the runtime does -----------------------------------------------------------------

    fn holds(&self, n: usize, key: &Key, epoch: Epoch) -> bool {
        let run = self.nodes[n].runs.get(key).filter(|r| r.epoch == epoch && !r.revoked);
        run.is_some_and(|r| self.clock(n) < r.trust)
    }

    fn act(&mut self, n: usize, key: Key, epoch: Epoch) {
        let Some(run) = self.nodes[n].runs.get(&key).filter(|r| r.epoch == epoch && !r.asked) else { return };
        let member = run.member;
        let own = self.nodes[n].process.as_ref().and_then(|p| p.definition(&key));
        let def = own.filter(|def| def.fingerprint != run.counted.fingerprint);
        let (life, pause) = (self.nodes[n].life, self.rng.range(600 * MS, 900 * MS));
        self.at(self.now + pause, Event::Act { node: n, life, key: key.clone(), epoch });
        if self.holds(n, &key, epoch) {
            let fire_key = (self.now / (250 * MS)) as i64;
            let limit = self.limits.get(&key).copied();
            self.call(n, Call::Fire(FireClaim { key, member, epoch, fire_key, limit, def }));
        }
    }

    fn fire_answer(&mut self, n: usize, fire: &FireClaim, result: &Result<Reply, StoreError>) {
        if matches!(result, Err(StoreError::Broken(_))) {
            self.step(n, Input::Trouble);
        }
        // An unknown outcome is read again; here the test simply skips the run.
        if *result == Ok(Reply::Done(true))
            && let Some(run) = self.nodes[n].runs.get_mut(&fire.key).filter(|r| r.epoch == fire.epoch)
        {
            run.counted = fire.def.as_ref().unwrap_or(&run.counted).clone();
        }
        if *result != Ok(Reply::Done(true)) || !self.holds(n, &fire.key, fire.epoch) {
            return;
        }
        self.oracle.started(&fire.key, fire.epoch, fire.fire_key);
        let (life, work) = (self.nodes[n].life, self.rng.range(0, 400 * MS));
        let event =
            Event::Effect { node: n, life, key: fire.key.clone(), epoch: fire.epoch, member: fire.member };
        self.at(self.now + work, event);
    }

    fn effect(&mut self, n: usize, key: Key, epoch: Epoch, member: MemberId) {
        // Most effects ask the guard first; some stand for a freeze between asking and acting.
        if self.rng.chance(300) || self.holds(n, &key, epoch) {
            let way = self.rng.range(0, 30 * MS);
            self.at(self.now + way, Event::Arrive { key, epoch, member });
        }
    }

    /// Who runs a key under a valid trust window, by true knowledge.
    pub fn runner(&self, key: &Key) -> Option<usize> {
        (0..self.nodes.len()).find(|n| {
            self.nodes[*n].process.is_some()
                && self.nodes[*n].runs.get(key).is_some_and(|r| !r.revoked && self.clock(*n) < r.trust)
        })
    }
}
