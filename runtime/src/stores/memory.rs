//! The in-memory store: keeps messages with everything they carry, loses them with the process.

use super::{MessageStore, Outcome, Receipt, StoreError};
use crate::message::Message;
use futures_util::future::BoxFuture;
use std::collections::{HashSet, VecDeque};
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
    held: HashSet<u64>,
}

impl Queue {
    fn hold(&mut self) -> Option<(Receipt, Message)> {
        let (number, message) = self.messages.iter().find(|(number, _)| !self.held.contains(number))?;
        self.held.insert(*number);
        Some((Receipt(*number), copy(message)))
    }

    fn settle(&mut self, number: u64, outcome: Outcome) {
        self.held.remove(&number);
        if outcome == Outcome::Done
            && let Some(at) = self.messages.iter().position(|(known, _)| *known == number)
        {
            self.messages.remove(at);
        }
    }
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
        let head = self.with(Queue::hold);
        Box::pin(std::future::ready(Ok(head)))
    }

    fn settle(&self, receipt: Receipt, outcome: Outcome) -> BoxFuture<'_, Result<(), StoreError>> {
        self.with(|queue| queue.settle(receipt.0, outcome));
        Box::pin(std::future::ready(Ok(())))
    }

    fn len(&self) -> BoxFuture<'_, Result<Option<usize>, StoreError>> {
        Box::pin(std::future::ready(Ok(Some(self.with(|queue| queue.messages.len())))))
    }
}
