//! A scheduled task: waits for its lease, then for its instants; claims each and runs it.

use super::fence::{Held, while_held};
use super::injector::Injector;
use super::lateness::Lateness;
use super::schedule::Schedule;
use super::{Activated, wait_until};
use crate::engine::Engine;
use crate::flow::BoxFuture;
use coordination::{Guard, Handle};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Flows of one task that may overlap when it does not wait for them (MI's pool size).
const OVERLAPPING: usize = 20;

/// A task of the program.
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
        let mut takeover = true;
        while let Some(due) = self.task.schedule.next(last, self.handle.now().0, takeover) {
            takeover = false;
            if due.missed > 0 {
                tracing::warn!(
                    "task '{}': {} fires were missed and are not made up for",
                    self.task.name,
                    due.missed
                );
            }
            tokio::select! {
                () = wait_until(&self.handle, due.at_ms) => {}
                _why = guard.ended() => return,
            }
            last = Some(due.at_ms);
            match guard.claim_fire(due.at_ms, self.task.schedule.limit()).await {
                Ok(fired) => self.start(&held, due.at_ms, fired.run, &slots).await,
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

    async fn start(&self, held: &Arc<Held>, fire_ms: i64, run: i64, slots: &Arc<Semaphore>) {
        let due = Duration::from_millis(u64::try_from(fire_ms).unwrap_or(0));
        self.lateness.note(self.handle.time().saturating_sub(due));
        let (injector, engine, held) = (self.task.injector.clone(), self.engine.clone(), held.clone());
        let name = self.task.name.clone();
        let flow = async move {
            if !while_held(held.guard(), injector.run(&engine, &held, fire_ms, run)).await {
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
