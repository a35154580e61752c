//! A message that a slot has taken from its store.

use crate::activation::fence::Held;
use crate::message::{Message, Value};
use crate::stores::{MessageStore, Outcome, Receipt, StoreError};
use std::sync::Arc;

/// Held in its store until it is settled; dropped unsettled, it goes back.
#[derive(Debug)]
pub(super) struct Taken {
    /// A copy of what is in the store.
    pub(super) message: Message,
    store: Arc<dyn MessageStore>,
    receipt: Option<Receipt>,
}

impl Taken {
    /// The first message that nobody holds.
    pub(super) async fn take(store: Arc<dyn MessageStore>) -> Result<Option<Self>, StoreError> {
        let found = store.peek().await?;
        Ok(found.map(|(receipt, message)| Self { message, store, receipt: Some(receipt) }))
    }

    /// Marks it for receivers that can compare: an older owner's effects carry a smaller epoch.
    pub(super) fn under(mut self, held: &Held) -> Self {
        self.message.properties.set("coordination.epoch", Value::Long(held.guard().epoch().0));
        self
    }

    /// Removes it from the store.
    pub(super) async fn remove(&mut self) -> Result<(), StoreError> {
        if let Some(receipt) = self.receipt {
            self.store.settle(receipt, Outcome::Done).await?;
            self.receipt = None;
        }
        Ok(())
    }

    /// Gives it back: it is first in the store again.
    pub(super) async fn give_back(&mut self) {
        if let Some(receipt) = self.receipt.take()
            && let Err(error) = self.store.settle(receipt, Outcome::Retry).await
        {
            tracing::warn!("a message could not be given back to its store: {error}");
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        // Only after work that was abandoned or panicked, and settling may have to wait for a server.
        let Some(receipt) = self.receipt.take() else { return };
        let store = self.store.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { store.settle(receipt, Outcome::Retry).await });
        }
    }
}
