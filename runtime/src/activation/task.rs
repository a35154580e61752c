//! A scheduled task: waits for its lease, then for its instants; claims each and runs it.

use super::alarm::Alarm;
use super::fence::{Held, while_held};
use super::injector::Injector;
use super::lateness::Lateness;
use super::schedule::{Due, MISFIRE_MS, Schedule};
use super::{Activated, left};
use crate::engine::Engine;
use crate::flow::BoxFuture;
use coordination::{Guard, Handle};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Flows of one task that may overlap when it does not wait for them (MI's pool size).
const OVERLAPPING: usize = 20;

/// A scheduled task of a deployment.
#[derive(Debug)]
pub struct ScheduledTask {
    /// Its name.
    pub name: Arc<str>,
    /// Changes when the artifact does; a finite count starts anew then.
    pub definition: Arc<str>,
    /// When it runs.
    pub schedule: Schedule,
    /// What it does.
    pub injector: Arc<Injector>,
    /// Runs on every node that it is pinned to, without coordination.
    pub pinned: bool,
}

/// A task at work on this node.
pub(super) struct TaskRunner {
    pub(super) task: Arc<ScheduledTask>,
    pub(super) engine: Arc<Engine>,
    pub(super) handle: Handle,
    pub(super) lateness: Arc<Lateness>,
    pub(super) alarm: Arc<Alarm>,
}

/// A claimed fire.
struct Fire {
    /// The instant it was scheduled for, in milliseconds since 1970.
    due_ms: i64,
    /// Its identity: that instant, or more when the clock was set back.
    key: i64,
    /// Which run of the task it is, from 1.
    run: i64,
}

impl Activated for TaskRunner {
    fn run(&self, guard: Guard) -> BoxFuture<'_, ()> {
        Box::pin(self.fire_until_ended(guard))
    }
}

impl TaskRunner {
    async fn fire_until_ended(&self, guard: Guard) {
        let held = Held::of(guard.clone());
        let slots = Arc::new(Semaphore::new(OVERLAPPING));
        let mut last = guard.last_fire();
        let mut highest = last;
        let mut takeover = true;
        while let Some(due) = self.task.schedule.next(last, self.handle.now().0, takeover) {
            takeover = false;
            self.report(&due, last);
            tokio::select! {
                () = self.wait_for(due.at_ms) => {}
                _why = guard.ended() => return,
            }
            last = Some(due.at_ms);
            // The identity of a fire is its instant, and grows even when the clock was set back.
            let key = highest.map_or(due.at_ms, |highest| due.at_ms.max(highest + 1));
            highest = Some(key);
            match guard.claim_fire(key, self.task.schedule.limit()).await {
                Ok(fired) => {
                    self.start(&held, &Fire { due_ms: due.at_ms, key, run: fired.run }, &slots).await
                }
                Err(coordination::fire::Refusal::Exhausted) => break,
                Err(why) => tracing::info!("task '{}': a fire did not start: {why}", self.task.name),
            }
            if guard.stop().is_some() {
                return;
            }
        }
        tracing::info!("task '{}' has made all its runs", self.task.name);
        // The lease is kept: given up, it would only move to a node that finds the count used up, too.
        guard.ended().await;
    }

    async fn wait_for(&self, at_ms: i64) {
        while let Some(left) = left(&self.handle, at_ms) {
            self.alarm.sleep(left).await;
        }
    }

    fn report(&self, due: &Due, last: Option<i64>) {
        let name = &self.task.name;
        match due.missed {
            0 => {}
            missed if self.task.schedule.limit().is_some() => {
                tracing::warn!("task '{name}': {missed} fires were missed; its runs are still owed");
            }
            missed => tracing::warn!("task '{name}': {missed} fires were missed and are not made up for"),
        }
        let ahead = last.map_or(0, |last| last - self.handle.now().0);
        if ahead > MISFIRE_MS {
            tracing::error!(
                "task '{name}': its last fire lies {} s ahead, the clock was set back; it runs next in {} s",
                ahead / 1000,
                (due.at_ms - self.handle.now().0).max(0) / 1000
            );
        }
    }

    /// Begins the flow of a fire. Comes back when the next may be waited for: at once, or when the flow of
    /// a sequential task has ended.
    async fn start(&self, held: &Arc<Held>, fire: &Fire, slots: &Arc<Semaphore>) {
        let due = Duration::from_millis(u64::try_from(fire.due_ms).unwrap_or(0));
        self.lateness.note(self.handle.time().saturating_sub(due));
        let (injector, engine, held) = (self.task.injector.clone(), self.engine.clone(), held.clone());
        let name = self.task.name.clone();
        let (key, run) = (fire.key, fire.run);
        let flow = async move {
            if !while_held(held.guard(), injector.run(&engine, &held, key, run)).await {
                tracing::warn!("task '{name}': run {run} was abandoned, its lease is gone");
            }
        };
        if self.task.injector.sequential {
            flow.await;
            return;
        }
        // With all slots taken the task waits: back-pressure instead of an unbounded queue.
        let Ok(permit) = slots.clone().acquire_owned().await else { return };
        tokio::spawn(async move {
            flow.await;
            drop(permit);
        });
    }
}
