//! How guards become work.

use super::*;
use tokio::sync::{Barrier, Notify, mpsc};
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(10);

fn handle() -> Handle {
    Coordinator::off("n", Arc::new(SystemClock))
}

fn slots(count: u32) -> Activation {
    Activation { key: Key::new("processor/p"), policy: Policy::Slots(count), definition: "".into() }
}

/// Comes back only when as many terms run as the barrier wants.
struct Meet(Arc<Barrier>, mpsc::Sender<Key>);

impl Activated for Meet {
    fn run(&self, guard: Guard) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.0.wait().await;
            self.1.send(guard.key().clone()).await.ok();
            guard.ended().await;
        })
    }
}

#[tokio::test]
async fn all_slots_run_at_the_same_time() {
    let (met, mut keys) = mpsc::channel(3);
    let running = tokio::spawn(run(handle().register(&slots(3)), Meet(Arc::new(Barrier::new(3)), met)));
    let mut seen = Vec::new();
    while seen.len() < 3 {
        seen.push(timeout(SOON, keys.recv()).await.unwrap().unwrap());
    }
    seen.sort();
    assert_eq!(seen, (0..3).map(|i| Key::new("processor/p").slot(i)).collect::<Vec<_>>());
    running.abort();
}

/// Tells when it starts and when it is asked to end; finishes when it is allowed to.
struct Slow {
    name: &'static str,
    told: mpsc::Sender<String>,
    finish: Arc<Notify>,
}

impl Activated for Slow {
    fn run(&self, guard: Guard) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.told.send(format!("{} starts", self.name)).await.ok();
            guard.ended().await;
            self.told.send(format!("{} is asked", self.name)).await.ok();
            self.finish.notified().await;
            self.told.send(format!("{} has finished", self.name)).await.ok();
        })
    }
}

#[tokio::test]
async fn a_replaced_registration_finishes_its_run_before_the_next_begins() {
    let handle = handle();
    let (told, mut news) = mpsc::channel(10);
    let finish = Arc::new(Notify::new());
    let work = |name| Slow { name, told: told.clone(), finish: finish.clone() };
    let old = tokio::spawn(run(handle.register(&slots(1)), work("old")));
    assert_eq!(timeout(SOON, news.recv()).await.unwrap().unwrap(), "old starts");
    let new = tokio::spawn(run(handle.register(&slots(1)), work("new")));
    old.abort();
    assert_eq!(timeout(SOON, news.recv()).await.unwrap().unwrap(), "old is asked");
    assert!(news.try_recv().is_err());
    finish.notify_one();
    for expected in ["old has finished", "new starts"] {
        assert_eq!(timeout(SOON, news.recv()).await.unwrap().unwrap(), expected);
    }
    new.abort();
    finish.notify_one();
    assert_eq!(timeout(SOON, news.recv()).await.unwrap().unwrap(), "new is asked");
}
