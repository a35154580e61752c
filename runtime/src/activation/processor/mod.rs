//! Message processors: what empties message stores.
//!
//! A processor has `member.count` slots; each slot runs on one node, and all of them here when
//! coordination is off. A slot takes messages at its pace and hands each to its job: `forward` sends to
//! an endpoint and removes what was delivered, `relocate` does the same into another store, `sample`
//! removes first and hands over to a sequence. A message that cannot be delivered stays first in its
//! store, and the processor switches itself off ([`Switch`]); the process goes on.
//!
//! Stores in memory belong to one process: with coordination, the node that has the slot empties its
//! own store, and what other nodes have stored waits there until the slot comes to them. So it is in MI.

mod compile;
mod deliver;
mod forward;
mod pace;
mod relocate;
mod sample;
mod switch;
mod taken;
#[cfg(test)]
mod tests;

pub(super) use switch::{Switch, Switches};

use super::Activated;
use super::fence::{Held, while_held};
use crate::engine::Engine;
use crate::flow::{self, Answer, BoxFuture, End, Leave};
use crate::message::Message;
use crate::stores::StoreSpec;
use coordination::{Guard, Handle};
use deliver::Delivery;
use pace::{Pace, Quota, Trigger};
use std::sync::Arc;
use std::time::Duration;
use switch::Term;
use taken::Taken;
use tokio::time::Instant;

/// A message processor of a deployment.
#[derive(Debug)]
pub struct Processor {
    /// Its name.
    pub name: Arc<str>,
    /// Changes when the artifact does.
    pub definition: Arc<str>,
    /// `member.count`: jobs that work at the same time, at least one.
    pub slots: u32,
    /// `is.active`: whether it works when it is deployed for the first time.
    pub active: bool,
    store: Arc<StoreSpec>,
    trigger: Trigger,
    quota: Quota,
    /// Between two messages of one tick.
    pause: Duration,
    connection: Connection,
    work: Work,
}

/// What to do about a store that does not answer.
#[derive(Debug)]
struct Connection {
    /// `max.store.connection.attempts`; `None`: for ever.
    attempts: Option<u32>,
    /// `store.connection.retry.interval`.
    retry: Duration,
}

/// What is done with the messages.
#[derive(Debug)]
enum Work {
    /// Sent to an endpoint.
    Forward(Delivery, forward::Route),
    /// Put into the message store of this name.
    Relocate(Delivery, Arc<str>),
    /// Handed to the sequence of this name.
    Sample(Arc<str>),
}

/// What a slot does with a message.
trait Job: Send + Sync {
    /// Comes back when the next message may be taken. What happens to the message is up to the job.
    fn handle<'a>(&'a self, taken: Taken, term: &'a Term) -> BoxFuture<'a, ()>;
}

/// A processor at work on this node.
pub(super) struct ProcessorRunner {
    pub(super) processor: Arc<Processor>,
    pub(super) engine: Arc<Engine>,
    pub(super) handle: Handle,
    pub(super) switch: Arc<Switch>,
}

impl Activated for ProcessorRunner {
    fn run(&self, guard: Guard) -> BoxFuture<'_, ()> {
        let term = Term::new(guard.clone(), self.switch.clone());
        Box::pin(async move {
            if !while_held(&guard, self.work_until_ended(&term)).await {
                let name = &self.processor.name;
                tracing::warn!("message processor '{name}' stops at once, its lease is gone");
            }
        })
    }
}

impl ProcessorRunner {
    async fn work_until_ended(&self, term: &Term) {
        while term.wait_until_on().await {
            let job = self.job();
            let mut pace = Pace::new(&self.processor.trigger);
            let mut failures = 0;
            while pace.next(&self.handle, term).await {
                self.tick(&*job, term, &mut failures).await;
            }
        }
    }

    /// A new job for each time the processor is switched on: it starts without memory.
    fn job(&self) -> Box<dyn Job> {
        let (engine, name) = (self.engine.clone(), self.processor.name.clone());
        match &self.processor.work {
            Work::Forward(delivery, route) => {
                let courier = forward::Forward::new(engine.clone(), name.clone(), route.clone());
                Box::new(deliver::Delivering::new(engine, name, delivery.clone(), Box::new(courier)))
            }
            Work::Relocate(delivery, target) => {
                let courier = relocate::Relocate::new(engine.clone(), target.clone(), delivery.fault.clone());
                Box::new(deliver::Delivering::new(engine, name, delivery.clone(), Box::new(courier)))
            }
            Work::Sample(sequence) => Box::new(sample::Sample::new(engine, name, sequence.clone())),
        }
    }

    /// Takes messages until the quota is used up, the store is empty or the term is over. `failures` counts
    /// how often in a row the store did not answer.
    async fn tick(&self, job: &dyn Job, term: &Term, failures: &mut u32) {
        let began = Instant::now();
        let mut handled = 0;
        while let Some(taken) = self.take(term, failures).await {
            job.handle(taken, term).await;
            handled += 1;
            let goes_on = self.processor.quota.goes_on(handled, began.elapsed() + self.processor.pause);
            if !goes_on || !term.pause(self.processor.pause).await {
                return;
            }
        }
    }

    /// The next message. `None` when there is none, or the store did not answer; after too many of
    /// these failures the processor switches itself off.
    async fn take(&self, term: &Term, failures: &mut u32) -> Option<Taken> {
        if term.is_over() {
            return None;
        }
        let error = match self.engine.services().stores.open(&self.processor.store) {
            Ok(store) => match Taken::take(store).await {
                Ok(taken) => {
                    *failures = 0;
                    return taken.map(|taken| taken.under(term.held()));
                }
                Err(error) => error,
            },
            Err(error) => error,
        };
        *failures += 1;
        let name = &self.processor.name;
        tracing::error!("message processor '{name}': {error}");
        if self.processor.connection.attempts.is_some_and(|most| *failures >= most) {
            term.switch_off(&format!("{failures} attempts to reach its store failed"));
        }
        term.pause(self.processor.connection.retry).await;
        None
    }
}

/// Runs a message through a sequence to its end; `None` when it is not deployed. A fault that the
/// sequence does not handle itself ends it.
async fn run_sequence(engine: &Engine, held: &Arc<Held>, name: &str, message: &mut Message) -> Option<End> {
    let mut cx = engine.context_of(message);
    cx.fence = Some(held.clone());
    cx.truncate_handlers(0);
    let sequence = cx.sequence(name)?;
    cx.push_block(sequence.block.clone(), Leave::Continue);
    let end = flow::run(&mut cx, message).await;
    // Nobody waits for an answer; the message goes on from where it was given.
    if let Some(Answer::Reply(reply)) = cx.exchange.take() {
        *message = *reply;
    }
    Some(end)
}
