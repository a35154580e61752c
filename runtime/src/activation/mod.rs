//! Work that this process starts by itself: scheduled tasks, sources of messages (inbound endpoints and
//! transports of proxy services), message processors.
//! Each runs only while its guard holds; with coordination off it always does.

mod alarm;
mod compile;
mod fence;
mod inbound;
mod injector;
mod lateness;
mod listener;
mod processor;
pub mod schedule;
mod set;
mod task;
#[cfg(test)]
mod tests;

pub use fence::Held;
pub use inbound::InboundSource;
pub use injector::Injector;
pub use lateness::Lateness;
pub use processor::Processor;
pub use set::ActivationSet;
pub use task::ScheduledTask;

use crate::engine::Engine;
use crate::flow::BoxFuture;
use alarm::Alarm;
use coordination::clock::SystemClock;
use coordination::lease::{Key, Policy};
use coordination::{Activation, Coordinator, Guard, Handle, Registration};
use futures_util::FutureExt as _;
use inbound::InboundRunner;
use processor::{ProcessorRunner, Switches};
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use task::TaskRunner;
use tokio::task::JoinHandle;

/// Pause before work that ended by itself is taken up again.
const AGAIN: Duration = Duration::from_secs(10);

/// Something that runs on this node while a guard says so.
trait Activated: Send + Sync {
    /// Works until the guard has ended, finishes what is in flight, and returns.
    fn run(&self, guard: Guard) -> BoxFuture<'_, ()>;
}

/// Everything this process has offered to run.
pub struct Activations {
    engine: Arc<Engine>,
    handle: Handle,
    /// For pinned work: never coordinated.
    alone: Handle,
    offers: Mutex<BTreeMap<Key, Offer>>,
    lateness: Arc<Lateness>,
    alarm: Arc<Alarm>,
    switches: Switches,
}

impl std::fmt::Debug for Activations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Activations")
    }
}

impl Activations {
    /// Nothing runs yet.
    pub fn new(engine: Arc<Engine>, handle: Handle) -> Self {
        let alone = Coordinator::off(&handle.config().node, Arc::new(SystemClock));
        Self {
            engine,
            handle,
            alone,
            offers: Mutex::default(),
            lateness: Arc::default(),
            alarm: Arc::default(),
            switches: Switches::default(),
        }
    }

    /// Offers what a deployment wants to run. What the deployment before had and this one has not is withdrawn.
    /// What has changed goes on with its new definition without changing its owner, as soon as its
    /// run has ended; what has not is left alone.
    pub fn apply(&self, set: &ActivationSet) {
        // Plain handles: usable after a panic elsewhere.
        let mut offers = self.offers.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut before = std::mem::take(&mut *offers);
        let mut keep = |handle: &Handle, activation: Activation, work: &dyn Fn() -> Arc<dyn Activated>| {
            let old = before.remove(&activation.key);
            let pinned = !handle.is_same(&self.handle);
            let key = activation.key.clone();
            let offer = match old {
                Some(old) if old.is_still(&activation, pinned) => old,
                old => {
                    let running = tokio::spawn(run(handle.register(&activation), work()));
                    // Only now: its registration has been replaced, its lease stays.
                    drop(old);
                    Offer { policy: activation.policy, definition: activation.definition, pinned, running }
                }
            };
            offers.insert(key, offer);
        };
        for task in &set.tasks {
            let handle = if task.pinned { &self.alone } else { &self.handle };
            let activation = Activation {
                key: Key::new(&format!("task/{}", task.name)),
                policy: Policy::Exclusive,
                definition: task.definition.clone(),
            };
            keep(handle, activation, &|| self.task_runner(task, handle));
        }
        for source in &set.inbounds {
            let activation = Activation {
                key: source.key(),
                policy: source.policy,
                definition: source.definition.clone(),
            };
            keep(&self.handle, activation, &|| self.inbound_runner(source));
        }
        for processor in &set.processors {
            let activation = Activation {
                key: Key::new(&format!("processor/{}", processor.name)),
                policy: Policy::Slots(processor.slots),
                definition: processor.definition.clone(),
            };
            keep(&self.handle, activation, &|| self.processor_runner(processor));
        }
        self.switches.keep_only(&set.processors.iter().map(|p| p.name.clone()).collect());
    }

    fn task_runner(&self, task: &Arc<ScheduledTask>, handle: &Handle) -> Arc<dyn Activated> {
        Arc::new(TaskRunner {
            task: task.clone(),
            engine: self.engine.clone(),
            handle: handle.clone(),
            lateness: self.lateness.clone(),
            alarm: self.alarm.clone(),
        })
    }

    fn inbound_runner(&self, source: &Arc<InboundSource>) -> Arc<dyn Activated> {
        Arc::new(InboundRunner {
            source: source.clone(),
            engine: self.engine.clone(),
            handle: self.handle.clone(),
        })
    }

    fn processor_runner(&self, processor: &Arc<Processor>) -> Arc<dyn Activated> {
        Arc::new(ProcessorRunner {
            processor: processor.clone(),
            engine: self.engine.clone(),
            handle: self.handle.clone(),
            switch: self.switches.of(&processor.name, processor.active),
        })
    }

    /// How late scheduled runs start.
    pub fn lateness(&self) -> Arc<Lateness> {
        self.lateness.clone()
    }

    /// The coordinator's surface: status, metrics.
    pub fn coordinator(&self) -> &Handle {
        &self.handle
    }

    /// Hands everything over; runs in flight get `grace` to finish.
    pub async fn shutdown(&self, grace: Duration) {
        tokio::join!(self.handle.shutdown(grace), self.alone.shutdown(grace));
    }
}

/// A registration, and the task that works under its guards.
struct Offer {
    policy: Policy,
    definition: Arc<str>,
    pinned: bool,
    running: JoinHandle<()>,
}

impl Offer {
    fn is_still(&self, activation: &Activation, pinned: bool) -> bool {
        (self.policy, &self.definition, self.pinned) == (activation.policy, &activation.definition, pinned)
            && !self.running.is_finished()
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// Works under every guard that comes, each in a task of its own: slots run at the same time, and
/// their number bounds the tasks. When this future is dropped, the registration goes with it; what
/// runs is told by its guard and finishes politely.
async fn run(mut registration: Registration, work: Arc<dyn Activated>) {
    while let Some(guard) = registration.next().await {
        let work = work.clone();
        tokio::spawn(term(guard, work));
    }
}

/// One term. Work that ends by itself, which it should not, gives its lease to another node; without
/// coordination nobody else is there, and it is taken up again after a pause.
async fn term(guard: Guard, work: Arc<dyn Activated>) {
    loop {
        let ended = AssertUnwindSafe(work.run(guard.clone())).catch_unwind().await;
        if guard.stop().is_some() {
            return;
        }
        let how = if ended.is_ok() { "ended by itself" } else { "ended in an internal error" };
        tracing::error!("'{}' {how}", guard.key());
        if guard.epoch().0 != 0 {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(AGAIN) => {}
            _why = guard.ended() => return,
        }
    }
}

/// Waits until the group's clock shows an instant, a millisecond or two more.
async fn wait_until(handle: &Handle, at_ms: i64) {
    while let Some(left) = left(handle, at_ms) {
        tokio::time::sleep(left).await;
    }
}

/// The next piece of a wait for an instant of the group's clock; `None` when it is there. In pieces,
/// since that clock is corrected from time to time.
fn left(handle: &Handle, at_ms: i64) -> Option<Duration> {
    let at = Duration::from_millis(u64::try_from(at_ms).unwrap_or(0));
    let left = at.saturating_sub(handle.time()).min(Duration::from_secs(10));
    (!left.is_zero()).then_some(left)
}
