//! Locks: who may remove them, and who may not.

use super::*;
use crate::file::lock::{NoLock, Writer};
use crate::file::work::{Desk, Memory, Source};
use std::fs::File;

fn lock_text(node: &str, epoch: i64, lease: &str) -> String {
    format!("1:elsewhere:10.0.0.1:1700000000000\nganglion {epoch} held\n{node}\ng\n{lease}\n")
}

/// A source at `epoch` that finds a lock on `a`, and `b` without one. What came.
async fn with_lock(text: &str, epoch: i64, more: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let more = [&[("FileSortAttribute", "Name")], more].concat();
    put(folder.path(), "a", "a");
    put(folder.path(), "a.lock", text);
    put(folder.path(), "b", "b");
    let sink = Sink::open();
    let running = start(params(folder.path(), &more), &sink, epoch);
    until("b", || sink.payloads().contains(&"b".to_owned())).await;
    // Two more polls: whoever waits for the next one has it.
    put(folder.path(), "c", "c");
    until("c", || sink.payloads().contains(&"c".to_owned())).await;
    put(folder.path(), "d", "d");
    until("d", || sink.payloads().contains(&"d".to_owned())).await;
    let seen = running.stop().await;
    (seen, left(folder.path()))
}

const SKIPPED: [&str; 3] = ["b", "c", "d"];
const LOCKED: [&str; 2] = ["a", "a.lock"];

#[tokio::test]
async fn a_dropped_delivery_leaves_no_lock() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "a", "a");
    let sink = Sink::held();
    let running = start(params(folder.path(), &[]), &sink, 7);
    sink.until(1).await;
    let lock = std::fs::read_to_string(folder.path().join("in/a.lock")).unwrap();
    let lines: Vec<&str> = lock.lines().collect();
    assert_eq!(lines[0].split(':').count(), 4, "{lock}");
    assert_eq!(lines[1..], ["ganglion 7 held", "me", "g", "inbound/files"]);
    // As a fence does it.
    running.task.abort();
    until("the release", || left(folder.path()) == ["a"]).await;
    sink.may_end.add_permits(1);
    assert_eq!(start(params(folder.path(), &[]), &sink, 8).stop_after(2).await, ["a", "a"]);
    assert!(left(folder.path()).is_empty());
}

#[tokio::test]
async fn the_lock_of_an_earlier_epoch_is_removed() {
    let (seen, left) = with_lock(&lock_text("other", 3, "inbound/files"), 4, &[]).await;
    assert_eq!((seen, left), (["a", "b", "c", "d"].map(str::to_owned).to_vec(), vec![]));
}

#[tokio::test]
async fn locks_of_others_stay() {
    let texts = [
        lock_text("other", 5, "inbound/files"),
        lock_text("other", 4, "inbound/files"),
        lock_text("other", 3, "inbound/another"),
        lock_text("other", 0, "inbound/files"),
        lock_text("other", 3, "inbound/files").replace("\ng\n", "\nh\n"),
        lock_text("me", 3, "inbound/another").replace("held", "free"),
        "1:other:10.0.0.1:1700000000000".to_owned(),
        "who knows".to_owned(),
    ];
    for text in texts {
        let (seen, left) = with_lock(&text, 4, &[]).await;
        assert_eq!((seen, left), (SKIPPED.map(str::to_owned).to_vec(), LOCKED.map(str::to_owned).to_vec()));
    }
}

#[tokio::test]
async fn the_lock_of_an_own_earlier_process_is_removed() {
    for (epoch, lease) in [(0, "inbound/files"), (4, "inbound/files"), (9, "inbound/another")] {
        let (seen, _) = with_lock(&lock_text("me", epoch, lease), 0, &[]).await;
        assert_eq!(seen, ["a", "b", "c", "d"]);
    }
}

#[tokio::test]
async fn the_lock_of_a_flow_of_this_machine_that_died_is_removed() {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let text = |host: &str| format!("1:x:10.0.0.1:1700000000000\nganglion 0 held\n{host}\n\n\n");
    let (seen, _) = with_lock(&text(host.trim()), 4, &[]).await;
    assert_eq!(seen, ["a", "b", "c", "d"]);
    let (seen, _) = with_lock(&text("elsewhere"), 4, &[]).await;
    assert_eq!(seen, SKIPPED);
}

#[tokio::test]
async fn an_empty_lock_is_given_up() {
    for text in ["", "\0\0\0\0"] {
        let (mut seen, left) = with_lock(text, 4, &[]).await;
        seen.sort();
        assert_eq!((seen, left), (["a", "b", "c", "d"].map(str::to_owned).to_vec(), vec![]));
    }
}

#[tokio::test]
async fn old_locks_are_removed_as_mi_does() {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let folder = tempfile::tempdir().unwrap();
    // What this machine writes has its own name and address.
    put(folder.path(), "x", "");
    let writer = Writer::new(&context(&Sink::open(), &Switch::on(), 0).owner);
    let lock = writer.take(&folder.path().join("in/x"), None).unwrap();
    let text = std::fs::read_to_string(folder.path().join("in/x.lock")).unwrap();
    lock.release();
    assert_eq!(left(folder.path()), ["x"]);
    let fields: Vec<&str> = text.lines().next().unwrap().split(':').collect();
    assert_eq!(fields[1], host.trim());
    let own = format!("1:{}:{}:1700000000000", fields[1], fields[2]);
    let other_address = format!("1:{}:10.9.8.7:1700000000000", fields[1]);
    let young = format!("1:{}:{}:{}", fields[1], fields[2], jiff::Timestamp::now().as_millisecond());
    let on = ("AutoLockRelease", "true");
    let any_node = ("LockReleaseSameNode", "false");
    let cases: [(&str, &[(&str, &str)], bool); 9] = [
        (&own, &[on], true),
        (&own, &[("AutoLockRelease", "false")], false),
        (&own, &[on, ("AutoLockReleaseInterval", "60000")], true),
        (&young, &[on, ("AutoLockReleaseInterval", "600000")], false),
        (&young, &[on], true),
        (&other_address, &[on], false),
        ("1:other:10.0.0.1:1700000000000", &[on], false),
        ("1:other:10.0.0.1:1700000000000", &[on, any_node], true),
        ("1:other:1700000000000", &[on, any_node], false),
    ];
    for (text, more, released) in cases {
        let (seen, _) = with_lock(text, 0, more).await;
        assert_eq!(seen.contains(&"a".to_owned()), released, "{text} {more:?}");
    }
}

#[test]
fn a_living_writer_keeps_its_lock() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "a", "a");
    let (file, params) = (folder.path().join("in/a"), params(folder.path(), &[]));
    let writer = |epoch| Writer::new(&context(&Sink::open(), &Switch::on(), epoch).owner);
    let first = writer(0).take(&file, Some(&params)).unwrap();
    // Two sources of one node on one folder, with coordination off.
    assert!(matches!(writer(0).take(&file, Some(&params)), Err(NoLock::Alive)));
    // A later epoch does not wait for the dead hand of an earlier one, living or not.
    let first_epoch = {
        first.release();
        writer(1).take(&file, Some(&params)).unwrap()
    };
    let second = writer(2).take(&file, Some(&params)).unwrap();
    let text = std::fs::read_to_string(folder.path().join("in/a.lock")).unwrap();
    // The first comes back late: the lock is not its own any more.
    first_epoch.release();
    assert_eq!(std::fs::read_to_string(folder.path().join("in/a.lock")).unwrap(), text);
    second.release();
    assert_eq!(left(folder.path()), ["a"]);
}

#[tokio::test]
async fn what_the_dead_left_without_a_file_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "x.lock", &lock_text("me", 3, "inbound/files"));
    put(folder.path(), "y.lock", "1:other:10.0.0.1:1700000000000");
    put(folder.path(), "z.fail", "1700000000000\nprocessed 1 1\n");
    put(folder.path(), "mi.fail", "1700000000000");
    put(folder.path(), "b", "b");
    let sink = Sink::open();
    let running = start(params(folder.path(), &[]), &sink, 4);
    until("the removal", || left(folder.path()) == ["mi.fail", "y.lock"]).await;
    assert_eq!(running.stop().await, ["b"]);
}

/// Collects what is logged on this thread.
struct Lines(Arc<Mutex<Vec<String>>>);

struct Text(String);

impl tracing::field::Visit for Text {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

impl tracing::Subscriber for Lines {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn a_skipped_file_is_logged_once() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "a", "a");
    put(folder.path(), "a.lock", "1:other:10.0.0.1:1700000000000");
    let source = Arc::new(Source {
        params: params(folder.path(), &[]),
        patience: Duration::ZERO,
        memory: Mutex::new(Memory::default()),
    });
    let desk = Desk::new(&source, &context(&Sink::open(), &Switch::on(), 4));
    let lines = Arc::new(Mutex::default());
    let poll = || desk.look().into_iter().filter_map(|file| desk.take(file)).count();
    tracing::subscriber::with_default(Lines(lines.clone()), || {
        assert_eq!((poll(), poll(), poll()), (0, 0, 0));
        let said: Vec<String> = std::mem::take(&mut *lines.lock().unwrap());
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains("in/a is skipped, it is locked by 1:other:10.0.0.1:17"), "{said:?}");
        // Another lock is another story.
        put(folder.path(), "a.lock", "2:other:10.0.0.1:1700000000000");
        poll();
        assert_eq!(lines.lock().unwrap().len(), 1);
        std::fs::remove_file(folder.path().join("in/a.lock")).unwrap();
        assert_eq!(poll(), 1);
    });
}

#[tokio::test]
async fn without_locking_no_lock_is_written_or_read() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "a", "a");
    put(folder.path(), "a.lock", "1:other:10.0.0.1:1700000000000");
    let sink = Sink::held();
    let running = start(params(folder.path(), &[("Locking", "DISABLE")]), &sink, 0);
    sink.until(1).await;
    assert_eq!(std::fs::read_to_string(folder.path().join("in/a.lock")).unwrap().lines().count(), 1);
    sink.may_end.add_permits(1);
    running.stop().await;
    assert_eq!(left(folder.path()), ["a.lock"]);
}

#[tokio::test]
async fn a_lock_that_changed_hands_stays() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "a", "a");
    let sink = Sink::open();
    let lock = folder.path().join("in/a.lock");
    let theirs = lock.clone();
    *sink.first.lock().unwrap() = Some(Box::new(move || {
        std::fs::remove_file(&theirs).unwrap();
        std::fs::write(&theirs, "1:other:10.0.0.1:1700000000000").unwrap();
        File::open(&theirs).unwrap();
    }));
    start(params(folder.path(), &[]), &sink, 4).stop_after(1).await;
    assert_eq!(left(folder.path()), ["a.lock"]);
}
