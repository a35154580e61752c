//! Bounds and marks of the work that messages fork.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many branches run beside their parents at once. MI's pool has 100 threads, but a thread is
/// free again while a call waits for its backend, which a branch here is not.
const WIDTH: usize = 1024;

/// How many completed groups are remembered to drop their late messages.
const REMEMBERED: usize = 10_000;

/// Process-wide bounds and marks of forked work.
#[derive(Debug)]
pub struct Branches {
    slots: Arc<Semaphore>,
    next_fork: AtomicI64,
    completed: Mutex<Completed>,
}

#[derive(Debug, Default)]
struct Completed {
    order: VecDeque<i64>,
    marks: HashSet<i64>,
}

impl Default for Branches {
    fn default() -> Self {
        Self {
            slots: Arc::new(Semaphore::new(WIDTH)),
            next_fork: AtomicI64::new(1),
            completed: Mutex::default(),
        }
    }
}

impl Branches {
    /// A place for a branch beside its parent; `None` when all are taken.
    pub(crate) fn slot(&self) -> Option<OwnedSemaphorePermit> {
        self.slots.clone().try_acquire_owned().ok()
    }

    /// A number for one execution of a forking mediator; its branches carry it, so that an aggregate
    /// knows messages of a fork whose results were already put together.
    pub fn new_fork(&self) -> i64 {
        self.next_fork.fetch_add(1, Ordering::Relaxed)
    }

    /// The results of this fork were put together.
    pub fn complete(&self, fork: i64) {
        let mut completed = self.completed.lock().unwrap_or_else(PoisonError::into_inner);
        if completed.marks.insert(fork) {
            completed.order.push_back(fork);
        }
        if completed.order.len() > REMEMBERED
            && let Some(oldest) = completed.order.pop_front()
        {
            completed.marks.remove(&oldest);
        }
    }

    /// Were its results put together?
    pub fn is_complete(&self, fork: i64) -> bool {
        self.completed.lock().unwrap_or_else(PoisonError::into_inner).marks.contains(&fork)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completed_forks_are_forgotten_in_order() {
        let branches = Branches::default();
        let first = branches.new_fork();
        branches.complete(first);
        assert!(branches.is_complete(first) && !branches.is_complete(first + 1));
        for fork in 0..REMEMBERED as i64 {
            branches.complete(1_000_000 + fork);
        }
        assert!(!branches.is_complete(first));
    }
}
