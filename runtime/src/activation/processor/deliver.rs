//! Delivering with attempts: the message leaves its store when it is delivered, or is given up in the
//! way that the processor asks for.

use super::switch::Term;
use super::taken::Taken;
use super::{Job, run_sequence};
use crate::activation::fence::Held;
use crate::engine::Engine;
use crate::flow::BoxFuture;
use crate::message::Message;
use futures_util::FutureExt as _;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

/// How often, and what then.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    /// `max.delivery.attempts`; `None`: for ever.
    pub(super) attempts: Option<u32>,
    /// `client.retry.interval`: between two attempts.
    pub(super) retry: Duration,
    /// `max.delivery.drop`: what cannot be delivered is removed. Wins over the next.
    pub(super) drop: bool,
    /// `message.processor.failMessagesStore`: where it goes otherwise.
    pub(super) fail_store: Option<Arc<str>>,
    /// `message.processor.fault.sequence`: run at each failed attempt.
    pub(super) fault: Option<Arc<str>>,
    /// `message.processor.deactivate.sequence`: run when the processor switches itself off.
    pub(super) deactivate: Option<Arc<str>>,
}

/// What one attempt led to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    /// The message is where it belongs.
    Delivered,
    /// It may work the next time.
    Failed,
    /// It will not work until somebody changes something: the reason.
    Hopeless(String),
}

/// Makes attempts.
pub(super) trait Courier: Send + Sync {
    /// One attempt. The message stays as it is, but for properties and variables, which the attempt
    /// and its fault sequence may change for the next one.
    fn attempt<'a>(&'a self, message: &'a mut Message, held: &'a Arc<Held>) -> BoxFuture<'a, Attempt>;
}

/// The job of a forwarding processor.
pub(super) struct Delivering {
    engine: Arc<Engine>,
    processor: Arc<str>,
    delivery: Delivery,
    courier: Box<dyn Courier>,
}

impl Job for Delivering {
    fn handle<'a>(&'a self, mut taken: Taken, term: &'a Term) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if self.deliver(&mut taken, term).await
                && let Err(error) = taken.remove().await
            {
                let name = &self.processor;
                tracing::error!("message processor '{name}': a message will be delivered again: {error}");
            }
            taken.give_back().await;
        })
    }
}

impl Delivering {
    pub(super) fn new(
        engine: Arc<Engine>,
        processor: Arc<str>,
        delivery: Delivery,
        courier: Box<dyn Courier>,
    ) -> Self {
        Self { engine, processor, delivery, courier }
    }

    /// `true` when the message has left: delivered, dropped, or put aside.
    async fn deliver(&self, taken: &mut Taken, term: &Term) -> bool {
        let mut attempts = 0;
        while !term.is_over() {
            let attempt = async { self.courier.attempt(&mut taken.message, term.held()).await };
            match AssertUnwindSafe(attempt).catch_unwind().await {
                Ok(Attempt::Delivered) => return true,
                Ok(Attempt::Failed) => {}
                Ok(Attempt::Hopeless(why)) => return self.give_up(taken, term, &why).await,
                Err(_panic) => return self.give_up(taken, term, "an internal error").await,
            }
            attempts += 1;
            if self.delivery.attempts.is_some_and(|most| attempts >= most) {
                return self.exhausted(taken, term, attempts).await;
            }
            term.pause(self.delivery.retry).await;
        }
        false
    }

    async fn exhausted(&self, taken: &mut Taken, term: &Term, attempts: u32) -> bool {
        let (name, id) = (&self.processor, taken.message.id().clone());
        if self.delivery.drop {
            tracing::warn!("message processor '{name}': {id} is dropped after {attempts} attempts");
            return true;
        }
        let program = self.engine.program();
        let aside = self.delivery.fail_store.as_ref().and_then(|store| program.stores.get(store));
        let Some(aside) = aside else {
            return self.give_up(taken, term, &format!("{attempts} attempts failed")).await;
        };
        let put = match self.engine.services().stores.open(aside) {
            Ok(store) => store.put(taken.message.fork()).await,
            Err(error) => Err(error),
        };
        match put {
            Ok(()) => {
                tracing::warn!(
                    "message processor '{name}': after {attempts} attempts {id} is put into '{}'",
                    aside.name
                );
                true
            }
            Err(error) => self.give_up(taken, term, &error.to_string()).await,
        }
    }

    /// The message stays first in its store, and the processor switches itself off.
    async fn give_up(&self, taken: &mut Taken, term: &Term, why: &str) -> bool {
        // First off, then back: no other slot is to take it.
        term.switch_off(why);
        taken.give_back().await;
        if let Some(name) = self.delivery.deactivate.as_ref().filter(|_| !term.is_ending())
            && run_sequence(&self.engine, term.held(), name, &mut taken.message).await.is_none()
        {
            tracing::error!("message processor '{}': the sequence '{name}' is not deployed", self.processor);
        }
        false
    }
}
