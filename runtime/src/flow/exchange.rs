//! The one place where the answer to a caller is put, by whichever branch of a flow gets there first.

use crate::message::Message;
use futures_util::task::AtomicWaker;
use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::Notify;

/// What the caller gets.
#[derive(Debug)]
pub enum Answer {
    /// This message.
    Reply(Box<Message>),
    /// 202 without a body, before the flow ends (`FORCE_SC_ACCEPTED`).
    Accepted,
}

#[derive(Default)]
struct State {
    answer: Option<Answer>,
    closed: bool,
    held: Vec<Box<dyn Any + Send>>,
}

/// The reply slot of one request.
#[derive(Default)]
pub struct Exchange {
    state: Mutex<State>,
    expects_reply: AtomicBool,
    waker: AtomicWaker,
    branches: AtomicUsize,
    settled: Notify,
}

/// A branch that runs beside the request's flow.
#[derive(Debug)]
pub struct RunningBranch(Arc<Exchange>);

impl Drop for RunningBranch {
    fn drop(&mut self) {
        self.0.branches.fetch_sub(1, Ordering::AcqRel);
        self.0.settled.notify_waiters();
    }
}

/// How long the end of a request's flow waits for its branches to send something. MI does not wait,
/// but its threads have usually sent by the time the request's thread ends.
const SETTLE: Duration = Duration::from_millis(200);

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Exchange(answered: {}, holds: {})", self.is_answered(), self.lock().held.len())
    }
}

impl Exchange {
    /// Puts the answer. `false` when the caller already has one; it is dropped then.
    pub fn answer(&self, answer: Answer) -> bool {
        let held = {
            let mut state = self.lock();
            if state.closed {
                return false;
            }
            state.closed = true;
            state.answer = Some(answer);
            std::mem::take(&mut state.held)
        };
        drop(held);
        self.waker.wake();
        true
    }

    /// Keeps something until the caller has an answer or can get none any more: a place that the
    /// request takes up.
    pub fn hold(&self, guard: impl Any + Send) {
        let mut state = self.lock();
        if !state.closed {
            state.held.push(Box::new(guard));
        }
    }

    /// Takes the answer, if there is one.
    pub fn take(&self) -> Option<Answer> {
        self.lock().answer.take()
    }

    /// Spares a wake-up to a task that will call [`Self::poll_answer`] again before it rests.
    pub fn forget_waker(&self) {
        drop(self.waker.take());
    }

    /// The answer, taken, or a wake-up when it comes. One task at a time may wait.
    pub fn poll_answer(&self, cx: &mut Context<'_>) -> Poll<Answer> {
        if let Some(answer) = self.take() {
            return Poll::Ready(answer);
        }
        self.waker.register(cx.waker());
        // It may have come between the look and the registration.
        self.take().map_or(Poll::Pending, Poll::Ready)
    }

    /// Waits until an answer is there, and takes it. Cancel safe; one task at a time may wait.
    pub async fn wait(&self) -> Answer {
        std::future::poll_fn(|cx| self.poll_answer(cx)).await
    }

    /// An answer was given already?
    pub fn is_answered(&self) -> bool {
        self.lock().closed
    }

    /// Some branch will answer later: the flow's end gives no automatic 202 (`RESPONSE_WRITTEN=SKIP`).
    pub fn expect_reply(&self) {
        self.expects_reply.store(true, Ordering::Release);
        self.settled.notify_waiters();
    }

    /// Counts a branch until the guard is dropped.
    pub fn branch(self: &Arc<Self>) -> RunningBranch {
        self.branches.fetch_add(1, Ordering::AcqRel);
        RunningBranch(self.clone())
    }

    /// Waits, for a moment at most, until a branch expects a reply or none runs any more: the end of
    /// the request's flow means 202 only then.
    pub async fn branches_settled(&self) {
        let settled = async {
            loop {
                let notified = self.settled.notified();
                if self.branches.load(Ordering::Acquire) == 0 || self.expects_reply() || self.is_answered() {
                    return;
                }
                notified.await;
            }
        };
        // Time is up: 202 is what MI would have answered long ago.
        tokio::time::timeout(SETTLE, settled).await.ok();
    }

    /// Waits until there is an answer, or no branch that could give one. Cancel safe.
    pub async fn finished(&self) {
        loop {
            let notified = self.settled.notified();
            if self.branches.load(Ordering::Acquire) == 0 || self.is_answered() {
                return;
            }
            notified.await;
        }
    }

    /// Waits until no branch runs. Cancel safe.
    pub async fn idle(&self) {
        loop {
            let notified = self.settled.notified();
            if self.branches.load(Ordering::Acquire) == 0 {
                return;
            }
            notified.await;
        }
    }

    /// Was [`Self::expect_reply`] called?
    pub fn expects_reply(&self) -> bool {
        self.expects_reply.load(Ordering::Acquire)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // A poisoned slot still holds a plain value; nothing in it can be half done.
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
