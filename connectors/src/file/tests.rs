//! Real folders, through the contract.

mod actions;
mod locks;
mod outbox;
mod polls;
mod proxies;

use super::{Dialect, FileInbound, FileParams};
use crate::contract::{BoxFuture, Deliver, Delivery, Gate, Inbound, InboundContext, Outcome, Owner};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinHandle;

/// Longer than anything takes.
const SOON: Duration = Duration::from_secs(30);

/// Takes deliveries and remembers them; `fail` in the content fails them.
struct Sink {
    seen: Mutex<Vec<Delivery>>,
    arrived: Notify,
    /// Deliveries that may end.
    may_end: Semaphore,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
    /// Done to the first delivery.
    first: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Sink {
    /// Deliveries end at once.
    fn open() -> Arc<Self> {
        let sink = Self::held();
        sink.may_end.add_permits(Semaphore::MAX_PERMITS / 2);
        sink
    }

    /// Deliveries end when a permit is added to `may_end`.
    fn held() -> Arc<Self> {
        Arc::new(Self {
            seen: Mutex::default(),
            arrived: Notify::new(),
            may_end: Semaphore::new(0),
            at_once: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
            first: Mutex::new(None),
        })
    }

    fn payloads(&self) -> Vec<String> {
        let text = |d: &Delivery| String::from_utf8_lossy(&d.payload).into_owned();
        self.seen.lock().unwrap().iter().map(text).collect()
    }

    async fn until(&self, count: usize) {
        let all = async {
            while self.seen.lock().unwrap().len() < count {
                self.arrived.notified().await;
            }
        };
        assert!(tokio::time::timeout(SOON, all).await.is_ok(), "only {:?} came", self.payloads());
    }
}

impl Deliver for Sink {
    fn deliver(&self, delivery: Delivery) -> BoxFuture<'_, Outcome> {
        Box::pin(async move {
            let failed = delivery.payload.starts_with(b"fail");
            let now = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
            self.most_at_once.fetch_max(now, Ordering::SeqCst);
            self.seen.lock().unwrap().push(delivery);
            let first = self.first.lock().unwrap().take();
            if let Some(first) = first {
                first();
            }
            self.arrived.notify_one();
            self.may_end.acquire().await.unwrap().forget();
            self.at_once.fetch_sub(1, Ordering::SeqCst);
            if failed { Outcome::Failed("told to".to_owned()) } else { Outcome::Done }
        })
    }
}

/// A lease that a test gives and takes.
struct Switch {
    is_lost: AtomicBool,
    stop: watch::Sender<bool>,
}

impl Switch {
    fn on() -> Arc<Self> {
        Arc::new(Self { is_lost: AtomicBool::new(false), stop: watch::Sender::new(false) })
    }
}

impl Gate for Switch {
    fn holds(&self) -> bool {
        !self.is_lost.load(Ordering::SeqCst)
    }

    fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    fn ended(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.stop.subscribe().wait_for(|stop| *stop).await.unwrap();
        })
    }
}

/// A source at work.
struct Running {
    sink: Arc<Sink>,
    gate: Arc<Switch>,
    task: JoinHandle<()>,
}

fn context(sink: &Arc<Sink>, gate: &Arc<Switch>, epoch: i64) -> InboundContext {
    let owner = Owner { group: "g".into(), lease: "inbound/files".into(), node: "me".into(), epoch };
    InboundContext { to: sink.clone(), gate: gate.clone(), name: "files".into(), owner }
}

/// Starts a source on node `me` of group `g`, under the lease `inbound/files`.
fn start(params: FileParams, sink: &Arc<Sink>, epoch: i64) -> Running {
    let gate = Switch::on();
    let cx = context(sink, &gate, epoch);
    // A lock without content is given up at once.
    let source = FileInbound::with_patience(params, Duration::ZERO);
    Running { sink: sink.clone(), gate, task: tokio::spawn(async move { source.run(cx).await }) }
}

impl Running {
    /// Waits for so many deliveries, stops politely, and gives their contents.
    async fn stop_after(self, count: usize) -> Vec<String> {
        self.sink.until(count).await;
        self.stop().await
    }

    async fn stop(self) -> Vec<String> {
        self.gate.stop.send_replace(true);
        tokio::time::timeout(SOON, self.task).await.unwrap().unwrap();
        self.sink.payloads()
    }
}

/// Waits until something is so.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + SOON;
    while !is_so() {
        assert!(Instant::now() < end, "{what} did not happen");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn read(folder: &Path, more: &[(&str, &str)], dialect: Dialect) -> FileParams {
    let lookup = |name: &str| {
        let given = more.iter().find(|(n, _)| name == *n || name == format!("transport.vfs.{n}"));
        match (name, given) {
            (_, Some((_, value))) => Some((*value).to_owned()),
            ("interval", None) => Some("5".to_owned()),
            ("transport.vfs.FileURI", None) => Some(format!("file://{}/in", folder.display())),
            _ => None,
        }
    };
    std::fs::create_dir_all(folder.join("in")).unwrap();
    FileParams::read(&lookup, folder, dialect).unwrap()
}

/// Parameters of the built-in endpoint on the folder `in`.
pub(super) fn params(folder: &Path, more: &[(&str, &str)]) -> FileParams {
    read(folder, more, Dialect::BuiltIn)
}

/// Parameters of the class.
fn class_params(folder: &Path, more: &[(&str, &str)]) -> FileParams {
    read(folder, more, Dialect::Class)
}

fn put(folder: &Path, name: &str, text: &str) {
    let path = folder.join("in").join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// Names below `in`, sorted.
fn left(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder.join("in")).unwrap().flatten();
    let mut names: Vec<String> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
