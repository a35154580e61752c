//! The beat: renew, then observe; the trust that follows from it, and its end.

use std::sync::Arc;
use std::time::Duration;

use super::{Flight, Loss, Note, Op, Output, Protocol, Reply, Stage, Stop, Trouble};
use crate::lease::View;
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
    pub(super) fn beat_failed(&mut self, now: Duration, error: &StoreError, out: &mut Vec<Output>) {
        let hopeless = matches!(error, StoreError::Setup(_));
        let reason: Arc<str> = error.to_string().into();
        let before = self.trouble.take();
        if before.as_ref().is_none_or(|was| hopeless && !was.hopeless) {
            out.push(Output::Note(Note::DatabaseSilent { reason: reason.clone(), hopeless }));
        }
        self.trouble = Some(Trouble { since: before.map_or(now, |was| was.since), reason, hopeless });
    }

    /// A view was read: the database answers.
    pub(super) fn answers(&mut self, now: Duration, rejoined: bool, out: &mut Vec<Output>) {
        let since = self.trouble.take().map(|trouble| trouble.since);
        if since.is_some() || rejoined {
            let after = since.map_or(Duration::ZERO, |since| now.saturating_sub(since));
            out.push(Output::Note(Note::DatabaseBack { after, rejoined }));
        }
    }

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
}
