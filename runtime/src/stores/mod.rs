//! Message stores: queues that the `store` mediator fills and message processors drain.
//!
//! A deployment only says which stores there are ([`StoreSpec`]); the queues themselves live as long as
//! the process, so that a redeployment loses nothing. First in, first out.

mod memory;
#[cfg(test)]
mod tests;

pub use memory::MemoryStore;

use crate::message::Message;
use artifacts::kinds;
use artifacts::kinds::message_store::StoreValue;
use futures_util::future::BoxFuture;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Names the message that was peeked; only valid for the store that gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt(pub u64);

/// What became of a peeked message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is removed.
    Done,
    /// It stays where it is, for whoever comes next.
    Retry,
}

/// Why a store could not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It holds as many messages as it may.
    #[error("the message store '{name}' is full: it holds {limit} messages")]
    Full {
        /// Its name.
        name: String,
        /// Most messages it may hold.
        limit: usize,
    },
    /// No implementation for the class of the artifact.
    #[error("the message store '{name}' is of class {class}, which is not available")]
    Unavailable {
        /// Its name.
        name: String,
        /// The class as written.
        class: String,
    },
    /// The system behind it failed.
    #[error("the message store '{name}' failed: {reason}")]
    Failed {
        /// Its name.
        name: String,
        /// What the system said.
        reason: String,
    },
}

/// A queue of messages.
#[allow(clippy::len_without_is_empty)] // Nobody asks; the length itself may be unknown.
pub trait MessageStore: Send + Sync + fmt::Debug {
    /// Appends a message. When it returns, the message is as safe as the store can make it.
    fn put(&self, message: Message) -> BoxFuture<'_, Result<(), StoreError>>;

    /// A copy of the oldest message that nobody holds. It stays in the store, and is held until it is
    /// settled: several consumers get different messages (MI hands them the same one, and each removes
    /// whatever is first then).
    fn peek(&self) -> BoxFuture<'_, Result<Option<(Receipt, Message)>, StoreError>>;

    /// Settles a peeked message. Settling one that is gone already does nothing.
    fn settle(&self, receipt: Receipt, outcome: Outcome) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Messages in it, `None` when the system behind it cannot tell.
    fn len(&self) -> BoxFuture<'_, Result<Option<usize>, StoreError>>;
}

/// What an artifact says about a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSpec {
    /// Its name.
    pub name: Arc<str>,
    /// Java class; `None` is the in-memory store.
    pub class: Option<Arc<str>>,
    /// Parameters with a text, in order.
    pub parameters: Vec<(Arc<str>, Arc<str>)>,
}

impl StoreSpec {
    /// What a message store artifact says.
    pub fn of(store: &kinds::MessageStore) -> Self {
        let parameters = store.parameters.iter().filter_map(|parameter| match &parameter.value {
            StoreValue::Text(text) => Some((parameter.name.as_str().into(), text.as_str().into())),
            StoreValue::Expression(_) | StoreValue::Key(_) => None,
        });
        Self {
            name: store.name.as_str().into(),
            class: store.class.as_deref().map(Into::into),
            parameters: parameters.collect(),
        }
    }

    /// The text of a parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().rev().find(|(n, _)| &**n == name).map(|(_, text)| &**text)
    }

    /// Store that takes what this one cannot (`store.failover.message.store.name`), when guaranteed
    /// delivery is asked for.
    pub fn failover(&self) -> Option<&str> {
        let guaranteed = self.parameter("store.producer.guaranteed.delivery.enable");
        guaranteed.filter(|text| text.eq_ignore_ascii_case("true"))?;
        self.parameter("store.failover.message.store.name")
    }

    /// Has this build an implementation for its class?
    pub fn is_available(&self) -> bool {
        const CLASSES: [&str; 2] = [
            "org.apache.synapse.message.store.impl.memory.InMemoryStore",
            "org.apache.synapse.message.store.InMemoryMessageStore",
        ];
        self.class.as_deref().is_none_or(|class| CLASSES.contains(&class.trim()))
    }
}

/// The open stores of the process, by name.
#[derive(Debug, Default)]
pub struct Stores {
    open: Mutex<HashMap<Arc<str>, Arc<dyn MessageStore>>>,
}

impl Stores {
    /// The store of a specification; opened when it is first asked for.
    pub fn open(&self, spec: &StoreSpec) -> Result<Arc<dyn MessageStore>, StoreError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = open.get(&spec.name) {
            return Ok(store.clone());
        }
        if !spec.is_available() {
            let class = spec.class.as_deref().unwrap_or_default().to_owned();
            return Err(StoreError::Unavailable { name: spec.name.to_string(), class });
        }
        let store: Arc<dyn MessageStore> = Arc::new(MemoryStore::new(&spec.name));
        open.insert(spec.name.clone(), store.clone());
        Ok(store)
    }
}
