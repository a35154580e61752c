//! Branches of one message: run beside their parent, or one after the other as MI's threads would.

use super::context::Context;
use super::executor::{End, run};
use crate::message::Message;
use std::future::Future;
use std::pin::Pin;
use tokio::sync::oneshot;

/// A branch that ran to its end.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub end: End,
    /// A fault was handled on the way.
    pub faulted: bool,
    /// Its message.
    pub message: Message,
}

impl Finished {
    /// Did the list run to its end without a fault (MI: true)?
    pub fn completed(&self) -> bool {
        self.end == End::Completed && !self.faulted
    }
}

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

fn work<T, F, R>(mut branch: Context, mut message: Message, then: F) -> Work<T>
where
    F: FnOnce(Finished) -> R + Send + 'static,
    R: Future<Output = T> + Send,
{
    Box::pin(async move {
        let end = run(&mut branch, &mut message).await;
        let faulted = branch.faulted;
        drop(branch);
        then(Finished { end, faulted, message }).await
    })
}

/// Runs a branch beside its parent, then `then` with what came out. When all slots are taken it runs
/// here instead: the parent waits, memory does not grow, and nothing can wait in a circle.
pub async fn parallel<F, R>(branch: Context, message: Message, then: F)
where
    F: FnOnce(Finished) -> R + Send + 'static,
    R: Future<Output = ()> + Send,
{
    let slot = branch.services.branches.slot();
    let running = branch.exchange.branch();
    let work = work(branch, message, then);
    match slot {
        Some(slot) => {
            tokio::spawn(async move {
                work.await;
                drop((slot, running));
            });
        }
        None => work.await,
    }
}

/// Runs a branch and waits for it, then for `then`. A branch that starts to wait for a backend goes on
/// by itself while the parent continues, as in MI where the call gives its thread back: `None` then.
pub async fn sequential<T, F, R>(mut branch: Context, message: Message, then: F) -> Option<T>
where
    T: Send + 'static,
    F: FnOnce(Finished) -> R + Send + 'static,
    R: Future<Output = T> + Send,
{
    let (slots, exchange) = (branch.services.clone(), branch.exchange.clone());
    let (waiter, gave_way) = oneshot::channel();
    branch.waiter = Some(waiter);
    let mut work = work(branch, message, then);
    tokio::select! {
        biased;
        done = &mut work => return Some(done),
        Ok(()) = gave_way => {}
    }
    match slots.branches.slot() {
        Some(slot) => {
            let running = exchange.branch();
            tokio::spawn(async move {
                work.await;
                drop((slot, running));
            });
            None
        }
        None => Some(work.await),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::Fault;
    use crate::flow::{AsyncMediator, Block, BoxFuture, Collect, Leave, Mediator, Next, Slot, Step};
    use crate::program::Program;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    struct Backend;
    impl AsyncMediator for Backend {
        fn mediate<'a>(
            &'a self,
            _message: &'a mut Message,
            cx: &'a mut Context,
        ) -> BoxFuture<'a, Result<Next, Fault>> {
            Box::pin(async move {
                cx.give_way();
                tokio::time::sleep(Duration::from_millis(20)).await;
                cx.resumed = true;
                Ok(Next::Continue)
            })
        }
    }

    struct Count(Arc<AtomicUsize>);
    impl Mediator for Count {
        fn mediate(&self, _message: &mut Message, _cx: &mut Context) -> Result<Next, Fault> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Ok(Next::Continue)
        }
    }

    struct Fail;
    impl Mediator for Fail {
        fn mediate(&self, _message: &mut Message, _cx: &mut Context) -> Result<Next, Fault> {
            Err(Fault::new("no"))
        }
    }

    fn block(steps: Vec<Step>) -> Arc<Block> {
        Arc::new(Block { steps, on_error: None })
    }

    fn parent() -> (Context, Arc<AtomicUsize>) {
        let mut cx = Context::new(Arc::new(Program::default()), Arc::default());
        let after = Arc::new(AtomicUsize::new(0));
        cx.push_block(block(vec![Step::now(Count(after.clone()))]), Leave::Continue);
        (cx, after)
    }

    #[tokio::test]
    async fn a_branch_goes_on_behind_only_after_a_call() {
        let (cx, after) = parent();
        let (_, own) = parent();
        let quiet = cx.branch(&block(vec![Step::now(Count(own.clone()))]));
        assert!(sequential(quiet, Message::new(), async |f| f.completed()).await.unwrap());
        assert_eq!((own.load(Ordering::SeqCst), after.load(Ordering::SeqCst)), (1, 0));
        let calling = cx.branch(&block(vec![Step::wait(Backend)]));
        let (tx, rx) = oneshot::channel();
        let detached = sequential(calling, Message::new(), async move |f| tx.send(f.end).ok()).await;
        assert!(detached.is_none());
        assert_eq!(rx.await.unwrap(), End::Completed);
        assert_eq!(after.load(Ordering::SeqCst), 1);
    }

    #[derive(Default)]
    struct Basket(Mutex<Vec<usize>>);
    impl Collect for Basket {
        fn collect<'a>(
            &'a self,
            index: usize,
            _message: &'a mut Message,
            _cx: &'a mut Context,
        ) -> BoxFuture<'a, Result<(), Fault>> {
            self.0.lock().unwrap().push(index);
            Box::pin(async { Ok(()) })
        }
    }

    #[tokio::test]
    async fn collected_branches_have_nothing_behind_them() {
        let (cx, after) = parent();
        let basket = Arc::new(Basket::default());
        let slot = |index| Slot { to: basket.clone(), index };
        let calling = cx.collected(&block(vec![Step::wait(Backend)]), slot(0));
        let (tx, rx) = oneshot::channel();
        parallel(calling, Message::new(), async move |f| {
            tx.send(f.end).ok();
        })
        .await;
        assert_eq!(rx.await.unwrap(), End::Stopped);
        let failing = cx.collected(&block(vec![Step::now(Fail)]), slot(1));
        assert!(sequential(failing, Message::new(), async |f| f.faulted).await.unwrap());
        assert_eq!(after.load(Ordering::SeqCst), 0);
        assert_eq!(*basket.0.lock().unwrap(), [0]);
    }

    #[tokio::test]
    async fn a_fault_shows_in_what_came_out() {
        let (cx, after) = parent();
        let mut branch = cx.branch(&block(vec![Step::now(Fail)]));
        branch.target = true;
        let finished = sequential(branch, Message::new(), async |f| f).await.unwrap();
        assert!(finished.faulted && !finished.completed());
        assert!(finished.message.property("ERROR_ON_TARGET_EXECUTION").is_some());
        assert_eq!(after.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn without_a_slot_the_parent_runs_the_branch() {
        let (cx, _) = parent();
        let all: Vec<_> = std::iter::from_fn(|| cx.services.branches.slot()).collect();
        let (_, own) = parent();
        let branch = cx.branch(&block(vec![Step::now(Count(own.clone()))]));
        parallel(branch, Message::new(), async |_| {}).await;
        assert_eq!(own.load(Ordering::SeqCst), 1);
        drop(all);
    }
}
