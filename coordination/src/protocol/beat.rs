//! The beat: join, renew, observe; trust and its end; the end of members.

use std::sync::Arc;
use std::time::Duration;

use super::{Flight, Loss, Note, Op, Output, Protocol, Reply, Stage, Stop, Trouble};
use crate::lease::{View, hash};
use crate::member::{Declaration, End, MemberId, MemberInfo};
use crate::store::StoreError;

/// Between two attempts to join a database that fails.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

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
            self.lost = true;
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
    pub(super) fn failed(&mut self, error: &StoreError) {
        if matches!(error, StoreError::Broken(_)) {
            self.watches.restart();
        }
    }

    /// A statement of the beat itself failed: only that endangers trust. A refused claim does not.
    fn beat_failed(&mut self, now: Duration, error: &StoreError, out: &mut Vec<Output>) {
        let hopeless = matches!(error, StoreError::Setup(_));
        let reason: Arc<str> = error.to_string().into();
        let before = self.trouble.take();
        if before.as_ref().is_none_or(|was| hopeless && !was.hopeless) {
            out.push(Output::Note(Note::DatabaseSilent { reason: reason.clone(), hopeless }));
        }
        self.trouble = Some(Trouble { since: before.map_or(now, |was| was.since), reason, hopeless });
    }

    /// A view was read: the database answers.
    fn answers(&mut self, now: Duration, rejoined: bool, out: &mut Vec<Output>) {
        let since = self.trouble.take().map(|trouble| trouble.since);
        if since.is_some() || rejoined {
            let after = since.map_or(Duration::ZERO, |since| now.saturating_sub(since));
            out.push(Output::Note(Note::DatabaseBack { after, rejoined }));
        }
    }

    /// Joining is not urgent enough to storm a database that fails: each pause is twice as long as the
    /// one before, up to [`LONGEST_PAUSE`], and nodes do not keep step.
    fn join_pause(&mut self) -> Duration {
        let n = self.join_failures.min(16);
        self.join_failures += 1;
        let retry = self.setup.timing.retry;
        let pause = retry.saturating_mul(1 << n).min(LONGEST_PAUSE).max(retry);
        let dice = hash(&[&self.me.0.to_le_bytes(), &n.to_le_bytes()]) % 1000;
        pause - pause.saturating_mul(u32::try_from(dice).unwrap_or(0)) / 2000
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
    fn while_blocked(&mut self, now: Duration, view: &View, out: &mut Vec<Output>) {
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
            Err(error) => {
                self.beat_failed(now, error, out);
                self.next_beat = now + self.setup.timing.retry;
            }
        }
    }

    pub(super) fn on_observe(
        &mut self,
        now: Duration,
        result: Result<Reply, StoreError>,
        out: &mut Vec<Output>,
    ) {
        let Flight::Observe { renewed } = self.flight else { return };
        self.flight = Flight::None;
        let view = match result {
            Ok(Reply::View(view)) => view,
            Ok(Reply::Done(_)) => return,
            Err(error) => {
                self.beat_failed(now, &error, out);
                let member = self.stage == Stage::Member;
                let pause = if member { self.setup.timing.retry } else { self.join_pause() };
                self.next_beat = now + pause;
                return;
            }
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
        let lapsed = self.trust > Duration::ZERO && now >= self.trust;
        let rejoined = std::mem::take(&mut self.lost) || lapsed;
        self.answers(now, rejoined, out);
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
        self.lost = true;
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
