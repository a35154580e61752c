//! One attempt to move a message into another store: failover forwarding.

use super::deliver::{Attempt, Courier};
use super::run_sequence;
use crate::activation::fence::Held;
use crate::engine::Engine;
use crate::errors::Fault;
use crate::flow::BoxFuture;
use crate::message::Message;
use std::sync::Arc;

/// Puts messages into a store.
pub(super) struct Relocate {
    engine: Arc<Engine>,
    target: Arc<str>,
    fault: Option<Arc<str>>,
}

impl Relocate {
    pub(super) fn new(engine: Arc<Engine>, target: Arc<str>, fault: Option<Arc<str>>) -> Self {
        Self { engine, target, fault }
    }
}

impl Courier for Relocate {
    fn attempt<'a>(&'a self, message: &'a mut Message, held: &'a Arc<Held>) -> BoxFuture<'a, Attempt> {
        Box::pin(async move {
            let program = self.engine.program();
            let Some(spec) = program.stores.get(&self.target) else {
                // MI removes the message all the same; keeping it is the safe side.
                return Attempt::Hopeless(format!("the message store '{}' is not deployed", self.target));
            };
            let mut copy = message.fork();
            copy.set_id(message.id().clone());
            let put = match self.engine.services().stores.open(spec) {
                Ok(store) => store.put(copy).await,
                Err(error) => Err(error),
            };
            let Err(error) = put else { return Attempt::Delivered };
            tracing::warn!("{error}");
            Fault::new(error.to_string()).publish(message);
            if let Some(name) = &self.fault {
                let mut faulty = message.fork();
                if run_sequence(&self.engine, held, name, &mut faulty).await.is_none() {
                    tracing::error!("the fault sequence '{name}' is not deployed");
                }
                message.properties = faulty.properties;
                message.variables = faulty.variables;
            }
            Attempt::Failed
        })
    }
}
