//! The end of members: of others that are silent, and of ourselves.

use std::sync::Arc;
use std::time::Duration;

use super::Flight;
use super::{Note, Op, Output, Protocol, Reply, Stage, Stop};
use crate::member::{Declaration, End, MemberId};
use crate::store::StoreError;

impl Protocol {
    /// Ends members that were silent for their whole lease, or that are proven dead. The
    /// compare-and-set on the counter refuses if they have renewed meanwhile.
    pub(super) fn expire_silent(&mut self, now: Duration, out: &mut Vec<Output>) {
        let mut over = self.watches.silent(now, self.setup.timing.drift_permille);
        if let Some(view) = &self.view {
            let dead = view.members.iter().filter(|m| m.proven_dead && m.id != self.me);
            over.extend(dead.map(|m| (m.id, m.seq)));
        }
        // A silence that is over, or that is watched anew, ends the attempts, too.
        self.ending.retain(|id, at| *at > now || over.iter().any(|(member, _)| member == id));
        for (member, seq) in over {
            if self.ending.get(&member).is_none_or(|at| now >= *at) {
                self.ending.insert(member, Duration::MAX);
                out.push(Output::Do(Op::End { member, how: End::Expire { seq, by: self.me } }));
            }
        }
    }

    pub(super) fn on_end(
        &mut self,
        now: Duration,
        member: MemberId,
        how: End,
        result: &Result<Reply, StoreError>,
        out: &mut Vec<Output>,
    ) {
        if matches!(how, End::Expire { by, .. } if by != self.me) {
            return;
        }
        if matches!(result, Ok(Reply::Done(true))) {
            let seen = self.view.as_ref().and_then(|view| view.member(member));
            let node = seen.map_or(&self.setup.node, |m| &m.node).clone();
            out.push(Output::Note(Note::Expired { id: member, node }));
        }
        let again = now + self.setup.timing.retry;
        if let Stage::Joining { .. } = self.stage {
            self.flight = Flight::None;
            self.next_beat = if result.is_ok() { now } else { again };
            self.stage = Stage::Joining { blocked: false };
            return;
        }
        if result.is_err() {
            // Applied or not, the same compare-and-set does no harm, and a lease is long to wait.
            self.ending.insert(member, again);
            return;
        }
        self.next_beat = now;
        self.ending.remove(&member);
        // Ended, or alive after all: the next view tells, and this silence is used up.
        self.watches.forget(member);
    }

    pub(super) fn drain(&mut self, now: Duration, out: &mut Vec<Output>) {
        if self.draining {
            return;
        }
        self.draining = true;
        let version = self.offer.version + 1;
        self.offer = Arc::new(Declaration { version, draining: true, ..(*self.offer).clone() });
        for (key, run) in &mut self.runs {
            if run.stop.is_none() {
                run.stop = Some(Stop::Draining);
                out.push(Output::Stop { key: key.clone(), epoch: run.epoch, why: Stop::Draining });
            }
        }
        self.beat_soon(now);
    }

    pub(super) fn leave(&mut self, out: &mut Vec<Output>) {
        self.stage = Stage::Leaving;
        self.trust = Duration::ZERO;
        out.push(Output::Do(Op::End { member: self.me, how: End::Leave }));
    }

    /// One more try when the database did not answer; after that the lease simply runs out.
    pub(super) fn on_leave(&mut self, answered: bool, out: &mut Vec<Output>) {
        if self.stage != Stage::Leaving {
            return;
        }
        if !answered && !self.left_once {
            self.left_once = true;
            out.push(Output::Do(Op::End { member: self.me, how: End::Leave }));
            return;
        }
        self.stage = Stage::Left;
        out.push(Output::Left);
    }
}
