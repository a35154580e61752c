//! Joining: the first time, after others have ended us, and while another process has our node name.

use std::time::Duration;

use super::{Flight, Note, Op, Output, Protocol, Reply, Stage};
use crate::lease::{View, hash};
use crate::member::{End, MemberId, MemberInfo};
use crate::store::StoreError;

/// Between two attempts to join a database that fails.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

impl Protocol {
    pub(super) fn try_join(&mut self, now: Duration, out: &mut Vec<Output>) {
        if self.draining {
            self.stage = Stage::Left;
            out.push(Output::Left);
            return;
        }
        if self.flight != Flight::None || now < self.next_beat {
            return;
        }
        if self.stage == (Stage::Joining { blocked: true }) {
            self.flight = Flight::Observe { renewed: Duration::ZERO };
            out.push(Output::Do(Op::Observe));
            return;
        }
        self.flight = Flight::Join;
        out.push(Output::Do(Op::Join(MemberInfo {
            id: self.me,
            node: self.setup.node.clone(),
            lease: self.setup.timing.lease,
            weight: self.setup.weight,
            version: self.setup.version.clone(),
        })));
    }

    pub(super) fn on_join(
        &mut self,
        now: Duration,
        result: &Result<Reply, StoreError>,
        out: &mut Vec<Output>,
    ) {
        self.flight = Flight::None;
        match result {
            Ok(Reply::Done(true)) => self.become_member(now, out),
            Ok(_) => {
                self.stage = Stage::Joining { blocked: true };
                self.next_beat = now;
            }
            // Perhaps we are in, perhaps not: the same identity is tried again, which is safe.
            Err(error) => {
                self.beat_failed(now, error, out);
                self.next_beat = now + self.join_pause();
            }
        }
    }

    fn become_member(&mut self, now: Duration, out: &mut Vec<Output>) {
        self.stage = Stage::Member;
        self.reported_holder = None;
        self.join_failures = 0;
        self.next_beat = now;
        self.stable_since = now;
        out.push(Output::Note(Note::Joined(self.me)));
    }

    /// Somebody has our node name: watch it like any other member until it is gone.
    pub(super) fn while_blocked(&mut self, now: Duration, view: &View, out: &mut Vec<Output>) {
        self.watches.see(now, &view.members, self.me);
        self.view_at = now;
        self.join_failures = 0;
        self.answers(now, false, out);
        self.learn(now, view, out);
        let Some(holder) = view.members.iter().find(|m| m.node == self.setup.node) else {
            // Nobody has the name, yet we were refused: perhaps because a join of ours was applied
            // late and has been expired since. An ended identity never comes back.
            self.fresh_identity();
            self.reported_holder = None;
            self.stage = Stage::Joining { blocked: false };
            self.next_beat = now + self.setup.timing.retry;
            return;
        };
        if holder.id == self.me {
            self.become_member(now, out);
            return;
        }
        let moving = self.watches.has_moved(holder.id);
        if self.reported_holder.is_none_or(|(id, moved)| id != holder.id || (moving && !moved)) {
            self.reported_holder = Some((holder.id, moving));
            out.push(Output::Note(Note::NodeTaken { holder: holder.id, moving }));
        }
        let silent = self.watches.silent(now, self.setup.timing.drift_permille);
        if holder.proven_dead || silent.iter().any(|(id, _)| *id == holder.id) {
            self.flight = Flight::End;
            let how = End::Expire { seq: holder.seq, by: self.me };
            out.push(Output::Do(Op::End { member: holder.id, how }));
        } else {
            // Somebody else may end the holder, or it may leave: look often. Its own silence counts,
            // nobody else's, since nobody else is ended from here.
            let timing = &self.setup.timing;
            let look = now + timing.claim_delay;
            let deadline = self.watches.deadline(holder.id, timing.drift_permille);
            self.next_beat = deadline.map_or(look, |d| d.min(look)).max(now + timing.retry);
        }
    }

    /// Joining is not urgent enough to storm a database that fails: each pause is twice as long as the
    /// one before, up to [`LONGEST_PAUSE`], and nodes do not keep step.
    pub(super) fn join_pause(&mut self) -> Duration {
        let n = self.join_failures.min(16);
        self.join_failures += 1;
        let retry = self.setup.timing.retry;
        let pause = retry.saturating_mul(1 << n).min(LONGEST_PAUSE).max(retry);
        let dice = hash(&[&self.me.0.to_le_bytes(), &n.to_le_bytes()]) % 1000;
        pause - pause.saturating_mul(u32::try_from(dice).unwrap_or(0)) / 2000
    }

    /// The identity under which this process joins next.
    pub(super) fn fresh_identity(&mut self) {
        self.me = MemberId(self.me.0.wrapping_add(1));
    }
}
