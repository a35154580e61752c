//! The right under which a flow acts.

use std::fmt;
use std::sync::Arc;

/// Asked before each step of a flow that runs on one node only. Requests of clients need none.
pub trait Fence: Send + Sync {
    /// Whether the flow may go on in this instant.
    fn holds(&self) -> bool;
    /// The same for what is kept for later, such as a group of messages that waits for more: it may
    /// not go on without the right either, but it does not keep the right from being given back.
    fn for_keeping(self: Arc<Self>) -> Arc<dyn Fence>;
}

impl fmt::Debug for dyn Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fence(holds: {})", self.holds())
    }
}
