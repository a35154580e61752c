//! Handing messages to a sequence: each is removed first, so it runs at most once.

use super::switch::Term;
use super::taken::Taken;
use super::{Job, run_sequence};
use crate::activation::fence::while_held;
use crate::engine::Engine;
use crate::flow::BoxFuture;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Flows of one slot that may overlap (MI's pool size).
const OVERLAPPING: usize = 20;

/// The job of a sampling processor.
pub(super) struct Sample {
    engine: Arc<Engine>,
    processor: Arc<str>,
    sequence: Arc<str>,
    running: Arc<Semaphore>,
}

impl Sample {
    pub(super) fn new(engine: Arc<Engine>, processor: Arc<str>, sequence: Arc<str>) -> Self {
        Self { engine, processor, sequence, running: Arc::new(Semaphore::new(OVERLAPPING)) }
    }
}

impl Job for Sample {
    fn handle<'a>(&'a self, mut taken: Taken, term: &'a Term) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            // With all places taken the message waits in its store.
            let permit = tokio::select! {
                permit = self.running.clone().acquire_owned() => permit,
                () = term.over() => return taken.give_back().await,
            };
            if self.engine.program().sequence(&self.sequence).is_none() {
                // MI removes the message all the same; keeping it is the safe side.
                let (name, sequence) = (&self.processor, &self.sequence);
                tracing::error!("message processor '{name}': the sequence '{sequence}' is not deployed");
                return taken.give_back().await;
            }
            if let Err(error) = taken.remove().await {
                tracing::error!("message processor '{}': {error}", self.processor);
                return;
            }
            let (engine, sequence) = (self.engine.clone(), self.sequence.clone());
            let processor = self.processor.clone();
            // The term lasts until the flow has ended.
            let held = term.held().clone();
            tokio::spawn(async move {
                let _permit = permit;
                let flow = async {
                    // How it ends does not matter: MI has given the message away, too.
                    run_sequence(&engine, &held, &sequence, &mut taken.message).await;
                };
                if !while_held(held.guard(), flow).await {
                    tracing::warn!(
                        "message processor '{processor}': a flow was abandoned, its lease is gone"
                    );
                }
            });
        })
    }
}
