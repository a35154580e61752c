//! Work stops when the right to do it is gone.

use coordination::Guard;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

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
    use coordination::clock::{ManualClock, Timestamp};
    use coordination::store::memory::Memory;
    use coordination::{Activation, Config, Coordinator};
    use std::sync::Arc;
    use std::time::Duration;
    use tokio::sync::Notify;

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

    #[tokio::test]
    async fn work_that_ends_in_time_ends_by_itself() {
        let clock = Arc::new(ManualClock::new(Timestamp(1)));
        let node = Coordinator::off("a", clock);
        let guard = node.register(&Activation::exclusive("t", "")).next().await.unwrap();
        assert!(while_held(&guard, async {}).await);
    }
}
