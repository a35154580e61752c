//! One node, whose statements a test answers one by one.

mod joining;

use super::*;
use crate::clock::Timestamp;
use crate::store::memory::Table;

const S: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

/// One node and a database, with statements answered one by one.
struct Rig {
    node: Protocol,
    table: Table,
    now: Duration,
    pending: VecDeque<Op>,
    started: Vec<Lease>,
    stopped: Vec<(Key, Stop)>,
    notes: Vec<Note>,
    looks: usize,
}

fn key() -> Key {
    Key::new("t")
}

fn offer() -> BTreeMap<Key, Arc<str>> {
    BTreeMap::from([(key(), Arc::from("d"))])
}

impl Rig {
    fn new() -> Self {
        let node = Protocol::new(Setup {
            node: "a".into(),
            weight: 1,
            version: "v".into(),
            timing: Timing::default(),
            placement: Placement::default(),
            identity: 100,
        });
        let (table, pending) = (Table::default(), VecDeque::new());
        let (started, stopped, notes) = (Vec::new(), Vec::new(), Vec::new());
        Self { node, table, now: 10 * S, pending, started, stopped, notes, looks: 0 }
    }

    /// A member that runs its task.
    fn running() -> Self {
        let mut rig = Self::new();
        rig.give(Input::Declare(offer()));
        rig.settle();
        assert_eq!(rig.started.len(), 1);
        rig
    }

    fn give(&mut self, input: Input) {
        for output in self.node.step(self.now, input) {
            match output {
                Output::Do(op) => self.pending.push_back(op),
                Output::Start(lease) => self.started.push(lease),
                Output::Stop { key, why, .. } => self.stopped.push((key, why)),
                Output::Note(note) => self.notes.push(note),
                Output::Trust { .. } | Output::Left => {}
            }
        }
    }

    fn apply(&mut self, op: &Op) -> Reply {
        let database = Timestamp(1_000_000 + i64::try_from(self.now.as_millis()).unwrap());
        Reply::Done(match op {
            Op::Observe => return Reply::View(Arc::new(self.table.observe(database))),
            Op::Join(info) => self.table.join(info),
            Op::Renew { member, offer } => self.table.renew(*member, offer.as_deref()),
            Op::End { member, how } => self.table.end(*member, *how),
            Op::Create(keys) => {
                self.table.create(keys);
                true
            }
            Op::Claim(claim) => self.table.claim(claim, database),
            Op::Release(release) => self.table.release(release),
            Op::Raise(raise) => self.table.raise(raise, database),
        })
    }

    fn next(&mut self) -> Op {
        self.pending.pop_front().expect("a statement is on its way")
    }

    fn answer(&mut self, op: Op, sent: Duration) {
        self.looks += usize::from(op == Op::Observe);
        let result = Ok(self.apply(&op));
        self.give(Input::Answer { op, sent, result });
    }

    fn lose(&mut self, op: Op) {
        let result = Err(StoreError::Unknown("lost".into()));
        self.give(Input::Answer { op, sent: self.now, result });
    }

    /// Answers everything at once, waking the node whenever it is due.
    fn settle(&mut self) {
        for _ in 0..100 {
            if let Some(op) = self.pending.pop_front() {
                self.answer(op, self.now);
            } else if self.node.wake_at().is_some_and(|at| at <= self.now) {
                self.give(Input::Wake);
            } else {
                return;
            }
        }
        panic!("never at rest: {:?}", self.pending);
    }

    /// Lets time pass in small steps with a healthy database.
    fn pass(&mut self, length: Duration) {
        let end = self.now + length;
        while self.now < end {
            self.now += 10 * MS;
            self.settle();
        }
    }

    fn row(&self) -> &crate::lease::LeaseRow {
        &self.table.leases[&key()]
    }

    fn stranger(&mut self, id: u128, node: &str) -> MemberId {
        let info =
            MemberInfo { id: MemberId(id), node: node.into(), lease: 5 * S, weight: 1, version: "v".into() };
        assert!(self.table.join(&info));
        info.id
    }
}

#[test]
fn trust_counts_from_before_the_renewal_was_sent() {
    let mut rig = Rig::running();
    rig.now += S;
    rig.give(Input::Wake);
    let sent = rig.now;
    let renewal = rig.next();
    rig.now += 700 * MS;
    rig.answer(renewal, sent);
    assert!(rig.node.trust() < sent + rig.node.setup.timing.fence, "a renewal alone is not enough");
    let view = rig.next();
    rig.answer(view, rig.now);
    assert_eq!(rig.node.trust(), sent + rig.node.setup.timing.fence);
}

#[test]
fn the_fence_comes_by_time_alone() {
    let mut rig = Rig::running();
    rig.now = rig.node.trust() - MS;
    rig.give(Input::Wake);
    assert!(rig.stopped.is_empty());
    rig.now += MS;
    rig.give(Input::Wake);
    assert_eq!(rig.stopped, [(key(), Stop::Revoked(Loss::Fenced))]);
}

#[test]
fn a_term_starts_from_a_view_and_not_from_the_answer_to_a_claim() {
    let mut rig = Rig::new();
    rig.give(Input::Declare(offer()));
    while !matches!(rig.pending.front(), Some(Op::Claim(_))) {
        match rig.pending.pop_front() {
            Some(op) => rig.answer(op, rig.now),
            None => rig.give(Input::Wake),
        }
    }
    let claim = rig.next();
    rig.answer(claim, rig.now);
    assert!(rig.row().owner.is_some() && rig.started.is_empty());
    rig.settle();
    assert_eq!(rig.started.len(), 1);
}

#[test]
fn a_claim_with_a_lost_reply_still_starts() {
    let mut rig = Rig::new();
    rig.give(Input::Declare(offer()));
    while !matches!(rig.pending.front(), Some(Op::Claim(_))) {
        match rig.pending.pop_front() {
            Some(op) => rig.answer(op, rig.now),
            None => rig.give(Input::Wake),
        }
    }
    let claim = rig.next();
    rig.apply(&claim);
    rig.lose(claim);
    rig.settle();
    assert_eq!(rig.started.len(), 1);
}

#[test]
fn a_term_whose_release_may_come_late_never_resumes() {
    let mut rig = Rig::running();
    let first = rig.row().epoch;
    rig.give(Input::Declare(BTreeMap::new()));
    rig.give(Input::Stopped { key: key(), epoch: first });
    let mut late = None;
    while late.is_none() {
        match rig.pending.pop_front() {
            Some(op @ Op::Release(_)) => late = Some(op),
            Some(op) => rig.answer(op, rig.now),
            None => rig.give(Input::Wake),
        }
    }
    let late = late.unwrap();
    rig.lose(late.clone());
    rig.give(Input::Declare(offer()));
    rig.pass(2 * S);
    assert_eq!(rig.started.len(), 2);
    assert!(rig.row().epoch > first, "a new term, not the old one");
    rig.apply(&late);
    assert!(rig.row().owner.is_some(), "the late release does no harm");
}

#[test]
fn an_offer_that_the_database_forgot_is_sent_again() {
    let mut rig = Rig::running();
    let me = rig.node.me();
    rig.table.members.get_mut(&me).unwrap().row.declared = Arc::default();
    rig.pass(2 * S);
    assert!(rig.table.members[&me].row.declared.offers(&key()));
}

#[test]
fn an_expelled_node_stops_and_joins_as_somebody_new() {
    let mut rig = Rig::running();
    let (first, epoch) = (rig.node.me(), rig.row().epoch);
    assert!(rig.table.end(first, End::Expire { seq: rig.table.members[&first].row.seq, by: MemberId(7) }));
    rig.now += S;
    rig.settle();
    assert_eq!(rig.stopped, [(key(), Stop::Revoked(Loss::Expelled))]);
    assert!(rig.started.len() == 1, "not again before the old run has ended here");
    rig.give(Input::Stopped { key: key(), epoch });
    rig.pass(S);
    assert!(rig.node.me() != first && rig.started.len() == 2);
    assert!(rig.row().epoch > epoch);
}

#[test]
fn a_silent_member_is_ended_after_its_whole_lease_and_its_work_is_taken() {
    let mut rig = Rig::new();
    let other = rig.stranger(7, "b");
    rig.table.renew(other, Some(&Declaration { version: 1, keys: offer(), ..Declaration::default() }));
    rig.table.create(&[key()]);
    let claim = Claim {
        key: key(),
        member: other,
        seen_owner: None,
        seen_epoch: Epoch(0),
        floor: Epoch(0),
        def: None,
    };
    assert!(rig.table.claim(&claim, Timestamp(5)));
    rig.give(Input::Declare(offer()));
    rig.pass(5 * S);
    assert!(rig.started.is_empty() && rig.table.members[&other].ended.is_none());
    rig.pass(100 * MS);
    assert!(rig.table.members[&other].ended.is_some());
    assert_eq!(rig.started.len(), 1);
}

#[test]
fn a_member_that_renews_slowly_is_left_alone() {
    let mut rig = Rig::running();
    let other = rig.stranger(7, "b");
    for _ in 0..5 {
        rig.pass(4900 * MS);
        assert!(rig.table.renew(other, None), "it lives");
    }
}

#[test]
fn our_own_outage_is_not_the_silence_of_others() {
    let mut rig = Rig::running();
    let other = rig.stranger(7, "b");
    rig.pass(2 * S);
    rig.now += 60 * S;
    rig.give(Input::Wake);
    rig.settle();
    rig.pass(4 * S);
    assert!(rig.table.members[&other].ended.is_none());
}

#[test]
fn an_epoch_that_went_back_is_raised_before_anything_runs() {
    let mut rig = Rig::running();
    let first = rig.row().epoch;
    rig.table.leases.get_mut(&key()).unwrap().epoch = Epoch(3);
    rig.now += S;
    rig.settle();
    assert_eq!(rig.stopped, [(key(), Stop::Revoked(Loss::Taken))]);
    assert!(rig.notes.iter().any(|n| matches!(n, Note::EpochsWentBack { .. })));
    rig.give(Input::Stopped { key: key(), epoch: first });
    rig.pass(S);
    assert!(rig.started.len() == 2 && rig.row().epoch > first);
}

#[test]
fn an_epoch_that_went_back_under_another_live_owner_is_raised() {
    let mut rig = Rig::running();
    let first = rig.row().epoch;
    let other = rig.stranger(7, "b");
    // The database forgets our term; what it remembers is an older one of somebody else.
    let row = rig.table.leases.get_mut(&key()).unwrap();
    (row.owner, row.epoch) = (Some(other), Epoch(3));
    rig.give(Input::Stopped { key: key(), epoch: first });
    rig.now += S;
    rig.give(Input::Wake);
    let raise = loop {
        match rig.next() {
            op @ Op::Raise(_) => break op,
            op => rig.answer(op, rig.now),
        }
    };
    // It is tried until it is done, and told once.
    rig.lose(raise);
    rig.pass(2 * S);
    assert!(rig.row().epoch > first && rig.row().owner == Some(other));
    let notes = rig.notes.iter().filter(|n| matches!(n, Note::EpochsWentBack { .. })).count();
    assert_eq!(notes, 1);
}

#[test]
fn a_refused_claim_is_no_outage() {
    let mut rig = Rig::new();
    rig.give(Input::Declare(offer()));
    let claim = loop {
        match rig.pending.pop_front() {
            Some(op @ Op::Claim(_)) => break op,
            Some(op) => rig.answer(op, rig.now),
            None => rig.give(Input::Wake),
        }
    };
    let result = Err(StoreError::Refused("deadlock".into()));
    rig.give(Input::Answer { op: claim, sent: rig.now, result });
    rig.pass(S);
    assert_eq!(rig.started.len(), 1);
    let outage = |n: &Note| matches!(n, Note::DatabaseSilent { .. } | Note::DatabaseBack { .. });
    assert!(!rig.notes.iter().any(outage), "{:?}", rig.notes);
}

#[test]
fn only_who_lost_its_work_has_rejoined() {
    let mut rig = Rig::running();
    let back = |rig: &Rig| {
        let of = |n: &Note| if let Note::DatabaseBack { rejoined, .. } = n { Some(*rejoined) } else { None };
        rig.notes.iter().filter_map(of).collect::<Vec<_>>()
    };
    rig.now += S;
    rig.give(Input::Wake);
    let renewal = rig.next();
    rig.lose(renewal);
    rig.pass(S);
    assert_eq!(back(&rig), [false]);
    rig.now += 4 * S;
    rig.give(Input::Wake);
    rig.settle();
    assert_eq!(rig.stopped, [(key(), Stop::Revoked(Loss::Fenced))]);
    assert_eq!(back(&rig), [false, true]);
}

#[test]
fn nothing_is_claimed_before_the_row_shows_the_offer() {
    let mut rig = Rig::new();
    rig.table.create(&[key()]);
    rig.give(Input::Wake);
    rig.settle();
    rig.give(Input::Declare(offer()));
    rig.give(Input::Wake);
    let first = rig.next();
    assert!(matches!(first, Op::Renew { offer: Some(_), .. }), "{first:?}");
    assert!(rig.pending.is_empty());
}

#[test]
fn a_drain_asks_then_leaves() {
    let mut rig = Rig::running();
    let me = rig.node.me();
    let epoch = rig.row().epoch;
    rig.give(Input::Drain);
    assert_eq!(rig.stopped, [(key(), Stop::Draining)]);
    rig.pass(2 * S);
    assert!(rig.table.members[&me].ended.is_none(), "the run goes on");
    rig.give(Input::Stopped { key: key(), epoch });
    rig.settle();
    assert_eq!(rig.table.members[&me].ended, Some(End::Leave));
}
