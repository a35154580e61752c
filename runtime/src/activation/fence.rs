//! Work stops when the right to do it is gone.

use crate::flow::Fence;
use coordination::Guard;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::task::Poll;

/// A guard as the right of flows and their branches. Whoever works under the guard makes one for the
/// whole term; the guard is given back when that and every flow is gone.
#[derive(Debug)]
pub struct Held(Guard);

impl Held {
    pub(super) fn of(guard: Guard) -> Arc<Self> {
        Arc::new(Self(guard))
    }

    pub(super) fn guard(&self) -> &Guard {
        &self.0
    }
}

impl Fence for Held {
    fn holds(&self) -> bool {
        self.0.holds()
    }

    fn for_keeping(self: Arc<Self>) -> Arc<dyn Fence> {
        Arc::new(Kept(Arc::downgrade(&self)))
    }
}

/// Holds while the term goes on, and does not prolong it.
struct Kept(Weak<Held>);

impl Fence for Kept {
    fn holds(&self) -> bool {
        self.0.upgrade().is_some_and(|held| held.holds())
    }

    fn for_keeping(self: Arc<Self>) -> Arc<dyn Fence> {
        self
    }
}

/// Runs work as long as the guard holds; `false`: the right went away and the work was dropped where
/// it was. The guard is asked before every step, so a process that was frozen past its lease does not
/// touch the outside world again, whatever its work was waiting for. Polite requests to end are the
/// work's own business.
pub(super) async fn while_held(guard: &Guard, work: impl Future<Output = ()>) -> bool {
    let (mut work, mut revoked) = (pin!(work), pin!(guard.revoked()));
    poll_fn(|cx| {
        if !guard.holds() || revoked.as_mut().poll(cx).is_ready() {
            return Poll::Ready(false);
        }
        work.as_mut().poll(cx).map(|()| true)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::Fault;
    use crate::flow::{self, AsyncMediator, Block, BoxFuture, Context, End, Next, Step};
    use crate::message::Message;
    use crate::program::Program;
    use coordination::clock::{ManualClock, Timestamp};
    use coordination::store::memory::Memory;
    use coordination::{Activation, Config, Coordinator};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;
    use tokio::sync::{Notify, oneshot};

    #[tokio::test]
    async fn after_a_freeze_the_work_takes_no_further_step() {
        let clock = Arc::new(ManualClock::new(Timestamp(1)));
        let node = Coordinator::start(Config::new("a"), Arc::new(Memory::default()), clock.clone()).unwrap();
        let mut offer = node.register(&Activation::exclusive("t", ""));
        let guard = offer.next().await.unwrap();
        let (go, stepped) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let work = {
            let (go, stepped) = (go.clone(), stepped.clone());
            async move {
                go.notified().await;
                stepped.notify_one();
                go.notified().await;
                unreachable!("a step after the freeze");
            }
        };
        let held = guard.clone();
        let run = tokio::spawn(async move { while_held(&held, work).await });
        go.notify_one();
        stepped.notified().await;
        // The process stands still for an hour; what its work waited for has come in the meantime.
        clock.advance(Duration::from_secs(3600));
        go.notify_one();
        assert!(!run.await.unwrap());
    }

    /// A branch that was forked by a run lives on beside it: the term is not over before it is, and
    /// without the right it takes no further step. What is kept for later keeps nothing.
    #[tokio::test]
    async fn branches_act_under_the_guard_of_their_run() {
        struct Stand(Arc<Notify>, Arc<AtomicUsize>);
        impl AsyncMediator for Stand {
            fn mediate<'a>(
                &'a self,
                _message: &'a mut Message,
                _cx: &'a mut Context,
            ) -> BoxFuture<'a, Result<Next, Fault>> {
                Box::pin(async {
                    self.1.fetch_add(1, Ordering::SeqCst);
                    self.0.notified().await;
                    Ok(Next::Continue)
                })
            }
        }
        let clock = Arc::new(ManualClock::new(Timestamp(1)));
        let node = Coordinator::start(Config::new("a"), Arc::new(Memory::default()), clock.clone()).unwrap();
        let held = Held::of(node.register(&Activation::exclusive("t", "")).next().await.unwrap());
        let (go, steps) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
        let stand = || Step::wait(Stand(go.clone(), steps.clone()));
        let block = Arc::new(Block { steps: vec![stand(), stand()], on_error: None });
        let mut run = Context::new(Arc::new(Program::default()), Arc::default());
        run.fence = Some(held.clone());
        let (done, ended) = oneshot::channel();
        let branch = run.branch(&block);
        flow::parallel(branch, Message::new(), async move |finished| {
            done.send(finished.end).ok();
        })
        .await;
        let kept = run.kept_continuation();
        drop(run);
        assert_eq!(Arc::strong_count(&held), 2, "ours and the branch's");
        assert!(kept.fence.as_ref().is_some_and(|fence| fence.holds()));
        while steps.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        clock.advance(Duration::from_secs(3600));
        go.notify_one();
        assert_eq!(ended.await.unwrap(), End::Abandoned);
        assert_eq!(steps.load(Ordering::SeqCst), 1);
        drop(held);
        assert!(!kept.fence.as_ref().is_some_and(|fence| fence.holds()));
    }

    #[tokio::test]
    async fn work_that_ends_in_time_ends_by_itself() {
        let clock = Arc::new(ManualClock::new(Timestamp(1)));
        let node = Coordinator::off("a", clock);
        let guard = node.register(&Activation::exclusive("t", "")).next().await.unwrap();
        assert!(while_held(&guard, async {}).await);
    }
}
