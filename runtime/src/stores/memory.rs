//! The in-memory store: keeps messages with everything they carry, loses them with the process.

use super::{MessageStore, Outcome, Receipt, StoreError};
use crate::flow::BoxFuture;
use crate::message::Message;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Most messages one store holds. MI has no limit and runs out of memory instead.
const LIMIT: usize = 100_000;

/// A bounded queue of messages.
#[derive(Debug)]
pub struct MemoryStore {
    name: String,
    limit: usize,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    next: u64,
    messages: VecDeque<(u64, Message)>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new(name: &str) -> Self {
        Self::with_limit(name, LIMIT)
    }

    /// An empty store that holds at most `limit` messages.
    pub fn with_limit(name: &str, limit: usize) -> Self {
        Self { name: name.to_owned(), limit, queue: Mutex::default() }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Queue) -> T) -> T {
        // The queue is whole after every change, so a panic elsewhere leaves it usable.
        work(&mut self.queue.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A copy that keeps the message id.
fn copy(message: &Message) -> Message {
    let mut copy = message.fork();
    copy.set_id(message.id().clone());
    copy
}

impl MessageStore for MemoryStore {
    fn put(&self, message: Message) -> BoxFuture<'_, Result<(), StoreError>> {
        let result = self.with(|queue| {
            if queue.messages.len() >= self.limit {
                return Err(StoreError::Full { name: self.name.clone(), limit: self.limit });
            }
            queue.messages.push_back((queue.next, message));
            queue.next += 1;
            Ok(())
        });
        Box::pin(std::future::ready(result))
    }

    fn peek(&self) -> BoxFuture<'_, Result<Option<(Receipt, Message)>, StoreError>> {
        let head = self.with(|queue| queue.messages.front().map(|(number, m)| (Receipt(*number), copy(m))));
        Box::pin(std::future::ready(Ok(head)))
    }

    fn settle(&self, receipt: Receipt, outcome: Outcome) -> BoxFuture<'_, Result<(), StoreError>> {
        if outcome == Outcome::Done {
            self.with(|queue| queue.messages.retain(|(number, _)| *number != receipt.0));
        }
        Box::pin(std::future::ready(Ok(())))
    }

    fn len(&self) -> BoxFuture<'_, Result<Option<usize>, StoreError>> {
        Box::pin(std::future::ready(Ok(Some(self.with(|queue| queue.messages.len())))))
    }
}
