//! A waker that tells wake-ups from inside a poll from those from outside.
//!
//! The halves of a connection (driver, answer, body; towards a client also the flow) live in one task and
//! wake each other through channels. Passed on, each such wake-up would send the whole task through the
//! scheduler again; here it only says that the halves have more to do right now.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

#[derive(Debug, Default)]
struct Shared {
    task: AtomicWaker,
    polling: AtomicBool,
    again: AtomicBool,
}

impl Wake for Shared {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // First the mark, then the question: whoever ends a poll asks in the other order, so that one of
        // the two sees the other.
        self.again.store(true, Ordering::SeqCst);
        if !self.polling.load(Ordering::SeqCst) {
            self.task.wake();
        }
    }
}

/// The waker of one connection.
#[derive(Debug)]
pub(super) struct Inner {
    shared: Arc<Shared>,
    waker: Waker,
}

impl Inner {
    pub(super) fn new() -> Self {
        let shared = Arc::<Shared>::default();
        Self { waker: Waker::from(shared.clone()), shared }
    }

    /// Polls for the task of `cx` until the poll is ready, or pending without having woken itself.
    pub(super) fn poll<T>(
        &self,
        cx: &mut Context<'_>,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        self.shared.task.register(cx.waker());
        self.shared.polling.store(true, Ordering::SeqCst);
        let mut inner = Context::from_waker(&self.waker);
        let mut rounds = 0;
        let result = loop {
            // Read, not only written: what was done before a wake-up is visible to the poll after it.
            self.shared.again.swap(false, Ordering::SeqCst);
            let result = poll(&mut inner);
            rounds += 1;
            // A bound, so that a half that always wakes itself yields to other tasks.
            if result.is_ready() || rounds == 8 || !self.shared.again.load(Ordering::SeqCst) {
                break result;
            }
        };
        self.shared.polling.store(false, Ordering::SeqCst);
        if result.is_pending() && self.shared.again.load(Ordering::SeqCst) {
            cx.waker().wake_by_ref();
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn only_wake_ups_from_outside_reach_the_task() {
        let count = Arc::<Count>::default();
        let task = Waker::from(count.clone());
        let inner = Inner::new();
        let (mut rounds, mut kept) = (0, None);
        let result = inner.poll(&mut Context::from_waker(&task), |cx| {
            rounds += 1;
            kept = Some(cx.waker().clone());
            if rounds < 3 {
                cx.waker().wake_by_ref();
            }
            Poll::<()>::Pending
        });
        assert!(result.is_pending());
        assert_eq!((rounds, count.0.load(Ordering::SeqCst)), (3, 0));
        kept.unwrap().wake();
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_poll_that_never_rests_yields() {
        let count = Arc::<Count>::default();
        let task = Waker::from(count.clone());
        let result = Inner::new().poll(&mut Context::from_waker(&task), |cx| {
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        });
        assert!(result.is_pending());
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
    }
}
