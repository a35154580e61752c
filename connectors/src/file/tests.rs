use super::action::formatted;
use super::{Action, FileInbound, FileParams};
use crate::contract::{BoxFuture, Deliver, Delivery, Gate, Header, Inbound, InboundContext, Outcome};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// Takes deliveries and remembers them; `fail` in the content fails them.
#[derive(Default)]
struct Sink {
    seen: Mutex<Vec<Delivery>>,
    arrived: Notify,
}

impl Deliver for Sink {
    fn deliver(&self, delivery: Delivery) -> BoxFuture<'_, Outcome> {
        let failed = delivery.payload.starts_with(b"fail");
        self.seen.lock().unwrap().push(delivery);
        self.arrived.notify_one();
        Box::pin(std::future::ready(if failed {
            Outcome::Failed("told to".to_owned())
        } else {
            Outcome::Done
        }))
    }
}

#[derive(Default)]
struct Switch {
    off: AtomicBool,
    ended: Notify,
}

impl Gate for Switch {
    fn holds(&self) -> bool {
        !self.off.load(Ordering::SeqCst)
    }

    fn is_stopping(&self) -> bool {
        false
    }

    fn ended(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.ended.notified())
    }
}

fn params(folder: &Path, more: &[(&str, &str)]) -> FileParams {
    let lookup = |name: &str| match name {
        "interval" => Some("5".to_owned()),
        "transport.vfs.FileURI" => Some(format!("file://{}/in", folder.display())),
        _ => more.iter().find(|(n, _)| name == format!("transport.vfs.{n}")).map(|(_, v)| (*v).to_owned()),
    };
    std::fs::create_dir_all(folder.join("in")).unwrap();
    FileParams::read(&lookup, folder).unwrap()
}

async fn take(params: FileParams, count: usize) -> Vec<Delivery> {
    let (sink, gate) = (Arc::new(Sink::default()), Arc::new(Switch::default()));
    let cx = InboundContext { to: sink.clone(), gate: gate.clone(), name: "test".into() };
    let running = tokio::spawn(async move { FileInbound::new(params).run(cx).await });
    while sink.seen.lock().unwrap().len() < count {
        sink.arrived.notified().await;
    }
    gate.ended.notify_one();
    running.await.unwrap();
    let seen = sink.seen.lock().unwrap();
    seen.clone()
}

#[tokio::test]
async fn hands_over_in_order_and_deletes() {
    let folder = tempfile::tempdir().unwrap();
    let params = params(folder.path(), &[("FileNamePattern", r".*\.xml"), ("FileSortAttribute", "Name")]);
    for name in ["b.xml", "a.xml", "c.txt"] {
        std::fs::write(folder.path().join("in").join(name), name).unwrap();
    }
    let seen = take(params, 2).await;
    let names: Vec<_> = seen.iter().map(|d| d.payload.clone()).collect();
    assert_eq!(names, ["a.xml", "b.xml"]);
    assert_eq!(seen[0].content_type.as_deref(), Some("text/xml"));
    assert!(seen[0].headers.contains(&("FILE_LENGTH", Header::Number(5))));
    let left: Vec<_> =
        std::fs::read_dir(folder.path().join("in")).unwrap().flatten().map(|e| e.file_name()).collect();
    assert_eq!(left, ["c.txt"]);
}

#[tokio::test]
async fn moves_by_outcome() {
    let folder = tempfile::tempdir().unwrap();
    let done = folder.path().join("done").display().to_string();
    let bad = folder.path().join("bad").display().to_string();
    let params = params(
        folder.path(),
        &[
            ("ActionAfterProcess", "MOVE"),
            ("MoveAfterProcess", &done),
            ("ActionAfterFailure", "MOVE"),
            ("MoveAfterFailure", &bad),
            ("CreateFolder", "true"),
        ],
    );
    std::fs::write(folder.path().join("in/ok"), "ok").unwrap();
    std::fs::write(folder.path().join("in/no"), "fail").unwrap();
    take(params, 2).await;
    assert!(folder.path().join("done/ok").is_file() && folder.path().join("bad/no").is_file());
}

#[tokio::test]
async fn a_locked_file_waits() {
    let folder = tempfile::tempdir().unwrap();
    let params = params(folder.path(), &[("FileSortAttribute", "Name")]);
    std::fs::write(folder.path().join("in/a"), "a").unwrap();
    std::fs::write(folder.path().join("in/a.lock"), "1:other:10.0.0.1:0").unwrap();
    std::fs::write(folder.path().join("in/b"), "b").unwrap();
    let seen = take(params, 1).await;
    assert_eq!(&seen[0].payload[..], b"b");
    assert!(folder.path().join("in/a").is_file());
}

#[test]
fn parameters_and_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let p = params(folder.path(), &[("ActionAfterProcess", "NONE")]);
    assert_eq!((p.after_process, p.locking, p.ascending), (Action::Delete, true, true));
    let missing = FileParams::read(&|name| (name == "interval").then(|| "1".to_owned()), folder.path());
    assert!(missing.unwrap_err().to_string().contains("FileURI"));
    let remote = |name: &str| Some(if name == "interval" { "1" } else { "sftp://h/x" }.to_owned());
    assert!(FileParams::read(&remote, folder.path()).is_err());
}

#[test]
fn timestamps() {
    let at: jiff::Zoned = "2026-03-04T05:06:07[UTC]".parse().unwrap();
    assert_eq!(formatted("yyyyMMdd'T'HHmmss_", &at), "20260304T050607_");
}
