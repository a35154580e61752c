//! The protocol as a pure function: what was observed goes in, what to do comes out.
//!
//! [`Protocol::step`] takes the uptime and one [`Input`]; it never waits, reads no clock and talks to
//! nobody. The driver performs the [`Output`]s against a real store; the simulation and the model
//! check perform the same outputs against a table they can freeze, delay and break.
//!
//! Membership is in `join`, `beat` and `ending`, with what is known of the silence of others in
//! `watch`; what a view means for activations is in `work`, and which definition of one counts in
//! `definitions`.

mod beat;
mod definitions;
mod ending;
mod join;
mod note;
mod watch;
mod work;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

pub use note::{Loss, Note, Stop};

use crate::lease::{Claim, Epoch, Key, Lease, Raise, Release, View};
use crate::member::{Declaration, End, MemberId, MemberInfo};
use crate::placement::Placement;
use crate::store::StoreError;
use crate::timing::Timing;
use definitions::Definitions;
use watch::Watches;

/// Settings of one node that do not change while it runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Setup {
    /// Name of the node.
    pub node: Arc<str>,
    /// Share of the work relative to other members; 1 is normal.
    pub weight: u32,
    /// Version of the program, for people.
    pub version: Arc<str>,
    /// All lengths of time.
    pub timing: Timing,
    /// How work is spread; equal on all nodes.
    pub placement: Placement,
    /// A random number for this process start; identities of its members are counted up from it.
    pub identity: u128,
}

/// One statement for the store.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    Join(MemberInfo),
    Renew { member: MemberId, offer: Option<Arc<Declaration>> },
    Observe,
    End { member: MemberId, how: End },
    Create(Vec<Key>),
    Claim(Claim),
    Release(Release),
    Raise(Raise),
}

/// What a store answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reply {
    Done(bool),
    View(Arc<View>),
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// Time has passed: [`Protocol::wake_at`] was reached, or the start.
    Wake,
    /// The end of an [`Output::Do`]. `sent` is the uptime taken *before* the statement was sent.
    Answer { op: Op, sent: Duration, result: Result<Reply, StoreError> },
    /// From now on this node can run exactly these activations.
    Declare(BTreeMap<Key, Arc<str>>),
    /// A term has ended on this node: nothing runs under it any more.
    Stopped { key: Key, epoch: Epoch },
    /// Somebody changed a row on purpose: look soon.
    Nudge,
    /// A statement outside the protocol (a fire) found its connection broken.
    Trouble,
    /// Hand everything over and leave.
    Drain,
    /// The drain took too long: what still runs must fall silent now.
    Abandon,
}

/// What to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    Do(Op),
    /// Guards of this member hold until this uptime, and not longer.
    Trust {
        member: MemberId,
        until: Duration,
    },
    Start(Lease),
    /// End a term; answer with [`Input::Stopped`] when it has ended.
    Stop {
        key: Key,
        epoch: Epoch,
        why: Stop,
    },
    Note(Note),
    /// The member has ended; nothing more will come.
    Left,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    /// Not (or no longer) a member. `blocked`: another live member has our node name.
    Joining {
        blocked: bool,
    },
    Member,
    Leaving,
    Left,
}

/// The statement of the beat that is on its way; at most one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Flight {
    None,
    Join,
    Renew,
    /// Started by the renewal sent at this time; zero outside membership.
    Observe {
        renewed: Duration,
    },
    End,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Run {
    member: MemberId,
    epoch: Epoch,
    stop: Option<Stop>,
}

/// The database fails the beat.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Trouble {
    /// Uptime of the first failure.
    pub since: Duration,
    /// What it said last.
    pub reason: Arc<str>,
    /// Repeating does not help: somebody must mend the address, the rights or the tables.
    pub hopeless: bool,
}

/// One node's part of the protocol.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Protocol {
    setup: Setup,
    stage: Stage,
    me: MemberId,
    draining: bool,
    /// What we offer, and the version of it that stands in our row.
    offer: Arc<Declaration>,
    confirmed: Option<i64>,
    flight: Flight,
    next_beat: Duration,
    /// End of the trust window: nothing acts at or after it.
    trust: Duration,
    view: Option<Arc<View>>,
    /// When the answer with the last view came.
    view_at: Duration,
    watches: Watches,
    definitions: Definitions,
    trouble: Option<Trouble>,
    /// We were fenced or ended by others since the last complete beat.
    lost: bool,
    /// Failures in a row while trying to join.
    join_failures: u32,
    reported_holder: Option<(MemberId, bool)>,
    left_once: bool,
    runs: BTreeMap<Key, Run>,
    /// Keys with a claim or release on its way.
    busy: BTreeSet<Key>,
    /// Keys whose claim or release was answered after `view` was asked for, and after the view that
    /// is on its way was: a view older than an answer says nothing about that key.
    touched: BTreeSet<Key>,
    touched_next: BTreeSet<Key>,
    /// Silent members we are ending, and when to try again: never while a statement is on its way.
    ending: BTreeMap<MemberId, Duration>,
    creating: bool,
    queue: VecDeque<Op>,
    /// Terms we asked to end. Their release may be applied at any later time, so they never resume.
    released: BTreeMap<Key, Epoch>,
    /// Whom we wish to follow us, for keys we are handing over.
    successor: BTreeMap<Key, MemberId>,
    /// Keys whose run ended by itself here; others should try first.
    declined: BTreeMap<Key, Duration>,
    highest: BTreeMap<Key, Epoch>,
    /// Keys whose epoch is below the highest, as far as they were reported.
    went_back: BTreeSet<Key>,
    free_since: BTreeMap<Key, Duration>,
    /// Earliest time at which waiting for a better candidate is over.
    rank_wake: Option<Duration>,
    stable_since: Duration,
    next_move: Duration,
    hurry: bool,
}

impl Protocol {
    /// A node that has not joined yet. Give it [`Input::Wake`] to begin.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let me = MemberId(setup.identity);
        Self {
            setup,
            stage: Stage::Joining { blocked: false },
            me,
            draining: false,
            offer: Arc::default(),
            confirmed: None,
            flight: Flight::None,
            next_beat: Duration::ZERO,
            trust: Duration::ZERO,
            view: None,
            view_at: Duration::ZERO,
            watches: Watches::default(),
            definitions: Definitions::default(),
            trouble: None,
            lost: false,
            join_failures: 0,
            reported_holder: None,
            left_once: false,
            runs: BTreeMap::new(),
            busy: BTreeSet::new(),
            touched: BTreeSet::new(),
            touched_next: BTreeSet::new(),
            ending: BTreeMap::new(),
            creating: false,
            queue: VecDeque::new(),
            released: BTreeMap::new(),
            successor: BTreeMap::new(),
            declined: BTreeMap::new(),
            highest: BTreeMap::new(),
            went_back: BTreeSet::new(),
            free_since: BTreeMap::new(),
            rank_wake: None,
            stable_since: Duration::ZERO,
            next_move: Duration::ZERO,
            hurry: false,
        }
    }

    /// The identity under which this process acts, or tries to join.
    #[must_use]
    pub fn me(&self) -> MemberId {
        self.me
    }

    /// Whether this process is a member at present.
    #[must_use]
    pub fn is_member(&self) -> bool {
        self.stage == Stage::Member
    }

    /// The name under which this process takes part.
    #[must_use]
    pub fn node(&self) -> &str {
        &self.setup.node
    }

    /// End of the trust window.
    #[must_use]
    pub fn trust(&self) -> Duration {
        self.trust
    }

    /// The last view, if there is one.
    #[must_use]
    pub fn view(&self) -> Option<&Arc<View>> {
        self.view.as_ref()
    }

    /// How the database fails the beat, if it does.
    #[must_use]
    pub fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    /// The live member that has our node name while we wait for it, and whether its counter moves.
    #[must_use]
    pub fn blocked_by(&self) -> Option<(MemberId, bool)> {
        self.reported_holder
    }

    /// Terms under way on this node: key, epoch, and whether it was asked to end.
    pub fn runs(&self) -> impl Iterator<Item = (&Key, Epoch, Option<Stop>)> {
        self.runs.iter().map(|(key, run)| (key, run.epoch, run.stop))
    }

    /// Takes one input at the given uptime and says what to do.
    pub fn step(&mut self, now: Duration, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        self.check_gap(now);
        self.check_trust(now, &mut out);
        match input {
            Input::Wake => {}
            Input::Answer { op, sent, result } => self.answered(now, sent, op, result, &mut out),
            Input::Declare(keys) => self.declare(now, keys, &mut out),
            Input::Stopped { key, epoch } => self.stopped(now, &key, epoch),
            Input::Nudge => self.beat_soon(now),
            Input::Trouble => self.watches.restart(),
            Input::Drain => self.drain(now, &mut out),
            Input::Abandon => self.revoke_all(Stop::Revoked(Loss::Deadline), &mut out),
        }
        self.advance(now, &mut out);
        out
    }

    fn answered(
        &mut self,
        now: Duration,
        sent: Duration,
        op: Op,
        result: Result<Reply, StoreError>,
        out: &mut Vec<Output>,
    ) {
        if let Err(error) = &result {
            self.failed(error);
        }
        let done = matches!(result, Ok(Reply::Done(true)));
        match op {
            Op::Join(info) if info.id == self.me => self.on_join(now, &result, out),
            Op::Renew { member, .. } if member == self.me => self.on_renew(now, sent, &result, out),
            Op::Observe => self.on_observe(now, result, out),
            Op::End { member, .. } if member == self.me => self.on_leave(result.is_ok(), out),
            Op::End { member, how } => self.on_end(now, member, how, &result, out),
            Op::Create(_) => {
                self.creating = false;
                self.beat_soon(now);
            }
            Op::Claim(claim) if claim.member == self.me => {
                if done {
                    out.push(Output::Note(Note::Claimed { key: claim.key.clone(), from: claim.seen_owner }));
                }
                self.settled(now, claim.key);
            }
            Op::Release(release) if release.member == self.me => self.settled(now, release.key),
            Op::Raise(raise) => self.settled(now, raise.key),
            // Answers to a former identity of this process decide nothing.
            Op::Join(_) | Op::Renew { .. } | Op::Claim(_) | Op::Release(_) => {}
        }
    }

    /// What is due by time alone.
    fn advance(&mut self, now: Duration, out: &mut Vec<Output>) {
        match self.stage {
            Stage::Joining { .. } => self.try_join(now, out),
            Stage::Member => {
                if self.draining && self.runs.is_empty() && self.busy.is_empty() {
                    self.leave(out);
                    return;
                }
                self.start_beat(now, out);
                self.expire_silent(now, out);
                if self.rank_wake.is_some_and(|at| now >= at) {
                    self.reconcile(now, out);
                }
                self.pump(out);
            }
            Stage::Leaving | Stage::Left => {}
        }
    }

    /// When [`Input::Wake`] is wanted next; `None` when only other inputs can change anything.
    #[must_use]
    pub fn wake_at(&self) -> Option<Duration> {
        let mut at = None;
        let mut consider = |t: Duration| at = Some(at.map_or(t, |a: Duration| a.min(t)));
        if matches!(self.stage, Stage::Leaving | Stage::Left) {
            return None;
        }
        if self.flight == Flight::None {
            consider(self.next_beat);
        }
        if self.has_trusting_runs() {
            consider(self.trust);
        }
        if self.stage == Stage::Member {
            self.rank_wake.map(&mut consider);
            let drift = self.setup.timing.drift_permille;
            self.watches.next_deadline(drift, &self.ending).map(&mut consider);
            self.ending.values().filter(|at| **at < Duration::MAX).min().copied().map(&mut consider);
        }
        at
    }
}

#[cfg(test)]
mod tests;
