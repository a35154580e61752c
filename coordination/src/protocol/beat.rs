//! The beat: join, renew, observe; trust and its end; the end of members.

use std::sync::Arc;
use std::time::Duration;

use super::{Flight, Loss, Note, Op, Output, Protocol, Reply, Stage, Stop};
use crate::lease::View;
use crate::member::{Declaration, End, MemberId, MemberInfo};
use crate::store::StoreError;

impl Protocol {
    /// After a gap of our own (a freeze, an outage) nobody else's silence means anything.
    pub(super) fn check_gap(&mut self, now: Duration) {
        if now.saturating_sub(self.view_at) > self.setup.timing.fence {
            self.watches.restart();
        }
    }

    pub(super) fn has_trusting_runs(&self) -> bool {
        self.runs.values().any(|run| !run.stop.is_some_and(Stop::is_revoked))
    }

    /// Self-fencing: whatever the database says later, trust ends on our own clock.
    pub(super) fn check_trust(&mut self, now: Duration, out: &mut Vec<Output>) {
        if now >= self.trust && self.has_trusting_runs() {
            let activations = self.runs.len();
            self.revoke_all(Stop::Revoked(Loss::Fenced), out);
            out.push(Output::Note(Note::Fenced { activations }));
        }
    }

    pub(super) fn revoke_all(&mut self, why: Stop, out: &mut Vec<Output>) {
        for (key, run) in &mut self.runs {
            if !run.stop.is_some_and(Stop::is_revoked) {
                run.stop = Some(why);
                out.push(Output::Stop { key: key.clone(), epoch: run.epoch, why });
            }
        }
    }

    pub(super) fn beat_soon(&mut self, now: Duration) {
        let at = if self.busy.is_empty() { now } else { now + self.setup.timing.claim_delay / 2 };
        self.next_beat = self.next_beat.min(at);
    }

    /// A statement failed. Its outcome may be unknown; nothing is concluded from that.
    pub(super) fn failed(&mut self, now: Duration, error: &StoreError, out: &mut Vec<Output>) {
        if matches!(error, StoreError::Broken(_)) {
            self.watches.restart();
        }
        if self.trouble_since.is_none() {
            self.trouble_since = Some(now);
            out.push(Output::Note(Note::DatabaseSilent { reason: error.to_string().into() }));
        }
    }

    // ---- joining -------------------------------------------------------------------------------

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
            Err(_) => self.next_beat = now + self.setup.timing.retry,
        }
    }

    fn become_member(&mut self, now: Duration, out: &mut Vec<Output>) {
        self.stage = Stage::Member;
        self.reported_holder = None;
        self.next_beat = now;
        self.stable_since = now;
        out.push(Output::Note(Note::Joined(self.me)));
    }

    /// Somebody has our node name: watch it like any other member until it is gone.
    fn while_blocked(&mut self, now: Duration, view: &View, out: &mut Vec<Output>) {
        self.watches.see(now, &view.members, self.me);
        self.view_at = now;
        self.learn(now, view, out);
        let Some(holder) = view.members.iter().find(|m| m.node == self.setup.node) else {
            // Nobody has the name, yet we were refused: perhaps because a join of ours was applied
            // late and has been expired since. An ended identity never comes back.
            self.fresh_identity();
            self.stage = Stage::Joining { blocked: false };
            self.next_beat = now;
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
            let deadline = self.watches.next_deadline(self.setup.timing.drift_permille, &self.ending);
            let beat = now + self.setup.timing.heartbeat;
            self.next_beat = deadline.map_or(beat, |d| d.clamp(now, beat));
        }
    }

    // ---- renewing and observing ----------------------------------------------------------------

    pub(super) fn start_beat(&mut self, now: Duration, out: &mut Vec<Output>) {
        if self.flight != Flight::None || now < self.next_beat {
            return;
        }
        self.flight = Flight::Renew;
        let pause = if self.hurry { self.setup.timing.claim_delay / 2 } else { self.setup.timing.heartbeat };
        self.next_beat = now + pause;
        let offer = (self.confirmed != Some(self.offer.version)).then(|| self.offer.clone());
        out.push(Output::Do(Op::Renew { member: self.me, offer }));
    }

    pub(super) fn on_renew(
        &mut self,
        now: Duration,
        sent: Duration,
        result: &Result<Reply, StoreError>,
        out: &mut Vec<Output>,
    ) {
        if self.flight != Flight::Renew || self.stage != Stage::Member {
            return;
        }
        self.flight = Flight::None;
        match result {
            Ok(Reply::Done(true)) => {
                self.flight = Flight::Observe { renewed: sent };
                self.touched_next.clear();
                out.push(Output::Do(Op::Observe));
            }
            Ok(_) => self.expelled(now, out),
            Err(_) => self.next_beat = now + self.setup.timing.retry,
        }
    }

    pub(super) fn on_observe(&mut self, now: Duration, reply: Option<Reply>, out: &mut Vec<Output>) {
        let Flight::Observe { renewed } = self.flight else { return };
        self.flight = Flight::None;
        let Some(Reply::View(view)) = reply else {
            self.next_beat = now + self.setup.timing.retry;
            return;
        };
        match self.stage {
            Stage::Joining { .. } => self.while_blocked(now, &view, out),
            Stage::Member => self.adopt(now, renewed, view, out),
            Stage::Leaving | Stage::Left => {}
        }
    }

    /// A complete beat: the renewal was confirmed and the view was read after it. Only now is trust
    /// extended, counted from *before* the renewal was sent, so a slow database cannot stretch it.
    fn adopt(&mut self, now: Duration, renewed: Duration, view: Arc<View>, out: &mut Vec<Output>) {
        let Some(mine) = view.member(self.me) else {
            self.expelled(now, out);
            return;
        };
        // From the row, not from the answer: a database may forget even what it confirmed.
        self.confirmed = Some(mine.declared.version);
        if let Some(since) = self.trouble_since.take() {
            out.push(Output::Note(Note::DatabaseBack { after: now.saturating_sub(since) }));
        }
        let until = renewed + self.setup.timing.fence;
        if until > self.trust {
            self.trust = until;
            out.push(Output::Trust { member: self.me, until });
        }
        self.watches.see(now, &view.members, self.me);
        self.compare_members(now, &view, out);
        self.learn(now, &view, out);
        self.view = Some(view);
        self.touched = self.touched_next.clone();
        self.view_at = now;
        self.reconcile(now, out);
    }

    fn compare_members(&mut self, now: Duration, view: &View, out: &mut Vec<Output>) {
        let old: &[_] = self.view.as_ref().map_or(&[], |v| &v.members);
        let mut changed = self.view.is_none();
        for m in view.members.iter().filter(|m| m.id != self.me) {
            match old.iter().find(|o| o.id == m.id) {
                None => {
                    changed = true;
                    out.push(Output::Note(Note::MemberSeen { id: m.id, node: m.node.clone() }));
                }
                Some(o) => changed |= o.declared.version != m.declared.version,
            }
        }
        for o in old.iter().filter(|o| o.id != self.me && view.member(o.id).is_none()) {
            changed = true;
            out.push(Output::Note(Note::MemberGone { id: o.id, node: o.node.clone() }));
        }
        if changed {
            self.stable_since = now;
        }
    }

    /// Others ended us. Everything stops; the process joins again under a new identity.
    fn expelled(&mut self, now: Duration, out: &mut Vec<Output>) {
        out.push(Output::Note(Note::Expelled(self.me)));
        self.revoke_all(Stop::Revoked(Loss::Expelled), out);
        self.fresh_identity();
        self.stage = Stage::Joining { blocked: false };
        self.flight = Flight::None;
        self.next_beat = now;
        self.trust = Duration::ZERO;
        self.confirmed = None;
        self.view = None;
        self.watches.restart();
        self.ending.clear();
        self.forget_work();
    }

    fn fresh_identity(&mut self) {
        self.me = MemberId(self.me.0.wrapping_add(1));
    }

    // ---- ending members ------------------------------------------------------------------------

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
            out.push(Output::Note(Note::Expired(member)));
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

    // ---- leaving -------------------------------------------------------------------------------

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
