//! Work that this process starts by itself: scheduled tasks, sources of messages, message processors.
//! Each runs only while its guard holds; with coordination off it always does.

mod compile;
mod fence;
mod inbound;
mod injector;
mod lateness;
mod processor;
pub mod schedule;
mod task;
#[cfg(test)]
mod tests;

pub use fence::Held;
pub use inbound::InboundSource;
pub use injector::Injector;
pub use lateness::Lateness;
pub use processor::Processor;
pub use task::ScheduledTask;

use crate::engine::Engine;
use crate::flow::BoxFuture;
use crate::program::Program;
use coordination::clock::SystemClock;
use coordination::lease::{Key, Policy};
use coordination::{Activation, Coordinator, Guard, Handle, Registration};
use inbound::InboundRunner;
use processor::{ProcessorRunner, Switches};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use task::TaskRunner;
use tokio::task::JoinHandle;

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
    offers: Mutex<Vec<JoinHandle<()>>>,
    lateness: Arc<Lateness>,
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
            switches: Switches::default(),
        }
    }

    /// Offers what the program has. What the program before had and this one has not is withdrawn;
    /// what both have goes on without changing its owner.
    pub fn apply(&self, program: &Program) {
        let mut started = Vec::new();
        for task in &program.tasks {
            let handle = if task.pinned { &self.alone } else { &self.handle };
            let activation = Activation {
                key: Key::new(&format!("task/{}", task.name)),
                policy: Policy::Exclusive,
                definition: task.definition.clone(),
            };
            let runner = TaskRunner {
                task: task.clone(),
                engine: self.engine.clone(),
                handle: handle.clone(),
                lateness: self.lateness.clone(),
            };
            started.push(offer(handle, &activation, runner));
        }
        for source in &program.inbounds {
            let activation = Activation {
                key: Key::new(&format!("inbound/{}", source.name)),
                policy: source.policy,
                definition: source.definition.clone(),
            };
            let runner = InboundRunner {
                source: source.clone(),
                engine: self.engine.clone(),
                handle: self.handle.clone(),
            };
            started.push(offer(&self.handle, &activation, runner));
        }
        started.extend(program.processors.iter().map(|processor| self.offer_processor(processor)));
        self.switches.keep_only(&program.processors.iter().map(|p| p.name.clone()).collect());
        // Plain handles: usable after a panic elsewhere.
        let mut offers = self.offers.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        for old in std::mem::replace(&mut *offers, started) {
            // Its registration was replaced, or is withdrawn by the end of the loop.
            old.abort();
        }
    }

    fn offer_processor(&self, processor: &Arc<Processor>) -> JoinHandle<()> {
        let activation = Activation {
            key: Key::new(&format!("processor/{}", processor.name)),
            policy: Policy::Slots(processor.slots),
            definition: processor.definition.clone(),
        };
        let runner = ProcessorRunner {
            processor: processor.clone(),
            engine: self.engine.clone(),
            handle: self.handle.clone(),
            switch: self.switches.of(&processor.name, processor.active),
        };
        offer(&self.handle, &activation, runner)
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

fn offer(handle: &Handle, activation: &Activation, work: impl Activated + 'static) -> JoinHandle<()> {
    tokio::spawn(run(handle.register(activation), work))
}

/// Works under every guard that comes, each in a task of its own: slots run at the same time, and
/// their number bounds the tasks. When this future is dropped, the registration goes with it; what
/// runs is told by its guard and finishes politely.
async fn run(mut registration: Registration, work: impl Activated + 'static) {
    let work = Arc::new(work);
    while let Some(guard) = registration.next().await {
        let work = work.clone();
        tokio::spawn(async move { work.run(guard).await });
    }
}

/// Waits until the group's clock shows an instant.
async fn wait_until(handle: &Handle, at_ms: i64) {
    let at = Duration::from_millis(u64::try_from(at_ms).unwrap_or(0));
    loop {
        let left = at.saturating_sub(handle.time());
        if left.is_zero() {
            return;
        }
        // In pieces: the group's clock is corrected from time to time.
        tokio::time::sleep(left.min(Duration::from_secs(10))).await;
    }
}
