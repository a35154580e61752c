//! What happens to a file afterwards, also when that fails.

use super::*;
use crate::file::{Action, Due};
use std::fs;

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

#[tokio::test]
async fn moves_by_outcome() {
    let folder = tempfile::tempdir().unwrap();
    let (done, bad) = (path(folder.path(), "done"), path(folder.path(), "bad"));
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
    put(folder.path(), "ok", "ok");
    put(folder.path(), "no", "fail");
    // What is there is overwritten.
    fs::create_dir(&done).unwrap();
    fs::write(folder.path().join("done/ok"), "old").unwrap();
    start(params, &Sink::open(), 0).stop_after(2).await;
    assert_eq!(fs::read_to_string(folder.path().join("done/ok")).unwrap(), "ok");
    assert_eq!(fs::read_to_string(folder.path().join("bad/no")).unwrap(), "fail");
    assert!(left(folder.path()).is_empty());
}

#[tokio::test]
async fn a_file_that_failed_is_never_deleted_as_processed() {
    let folder = tempfile::tempdir().unwrap();
    // The folder is missing, so the move fails; processed files are deleted.
    let bad = path(folder.path(), "bad");
    let more = [("ActionAfterFailure", "MOVE"), ("MoveAfterFailure", bad.as_str())];
    put(folder.path(), "no", "fail");
    let sink = Sink::open();
    let running = start(params(folder.path(), &more), &sink, 0);
    until("the marker", || left(folder.path()) == ["no", "no.fail"]).await;
    let marker = fs::read_to_string(folder.path().join("in/no.fail")).unwrap();
    let first = marker.lines().next().unwrap();
    assert!(first.parse::<i64>().is_ok() && marker.contains("\nfailed 4 "), "{marker}");
    running.stop().await;
    // Another process goes on with it.
    let running = start(params(folder.path(), &more), &sink, 0);
    put(folder.path(), "ok", "ok");
    sink.until(2).await;
    fs::create_dir(&bad).unwrap();
    until("the move", || folder.path().join("bad/no").is_file()).await;
    assert_eq!(running.stop().await, ["fail", "ok"]);
    assert!(left(folder.path()).is_empty());
}

#[tokio::test]
async fn a_marker_that_mi_wrote_keeps_what_it_may() {
    let folder = tempfile::tempdir().unwrap();
    let bad = path(folder.path(), "bad");
    let more = [
        ("ActionAfterFailure", "MOVE"),
        ("MoveAfterFailure", bad.as_str()),
        ("CreateFolder", "true"),
        ("FileSortAttribute", "Name"),
    ];
    put(folder.path(), "a", "mediated by MI");
    put(folder.path(), "a.fail", "1700000000000");
    put(folder.path(), "b", "b");
    assert_eq!(start(params(folder.path(), &more), &Sink::open(), 0).stop_after(1).await, ["b"]);
    assert!(folder.path().join("bad/a").is_file() && left(folder.path()).is_empty());
}

#[tokio::test]
async fn a_new_file_is_not_taken_for_the_one_with_the_marker() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "a", "new");
    put(folder.path(), "a.fail", "1700000000000\nprocessed 7 1700000000000000000\n");
    assert_eq!(start(params(folder.path(), &[]), &Sink::open(), 0).stop_after(1).await, ["new"]);
    assert!(left(folder.path()).is_empty());
}

#[tokio::test]
async fn without_a_marker_the_source_remembers() {
    let folder = tempfile::tempdir().unwrap();
    let done = path(folder.path(), "done");
    let more = [("ActionAfterProcess", "MOVE"), ("MoveAfterProcess", done.as_str())];
    put(folder.path(), "a", "a");
    // No file can be written where a folder is.
    fs::create_dir(folder.path().join("in/a.fail")).unwrap();
    let sink = Sink::open();
    let running = start(params(folder.path(), &more), &sink, 0);
    sink.until(1).await;
    for name in ["b", "c"] {
        put(folder.path(), name, name);
        until("another poll", || sink.payloads().contains(&name.to_owned())).await;
    }
    fs::create_dir(&done).unwrap();
    until("the move", || folder.path().join("done/a").is_file()).await;
    assert_eq!(running.stop().await, ["a", "b", "c"]);
}

#[tokio::test]
async fn what_is_written_while_a_file_is_mediated_is_not_lost() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "a", "first half");
    let sink = Sink::open();
    let file = folder.path().join("in/a");
    *sink.first.lock().unwrap() = Some(Box::new(move || fs::write(file, "first half, second half").unwrap()));
    let seen = start(params(folder.path(), &[]), &sink, 0).stop_after(2).await;
    assert_eq!(seen, ["first half", "first half, second half"]);
    assert!(left(folder.path()).is_empty());
}

#[tokio::test]
async fn a_flow_may_remove_its_file() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "a", "a");
    let sink = Sink::open();
    let file = folder.path().join("in/a");
    *sink.first.lock().unwrap() = Some(Box::new(move || fs::remove_file(file).unwrap()));
    assert_eq!(start(params(folder.path(), &[]), &sink, 0).stop_after(1).await, ["a"]);
    assert!(left(folder.path()).is_empty());
}

#[tokio::test]
async fn without_the_lease_nothing_is_settled() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "a", "a");
    let sink = Sink::held();
    let running = start(params(folder.path(), &[]), &sink, 0);
    sink.until(1).await;
    running.gate.is_lost.store(true, Ordering::SeqCst);
    sink.may_end.add_permits(1);
    running.stop().await;
    assert_eq!(left(folder.path()), ["a"]);
}

#[tokio::test]
async fn names_and_folders_get_their_timestamps() {
    let folder = tempfile::tempdir().unwrap();
    let done = path(folder.path(), "done-?vfs.passive=true");
    let more = [
        ("ActionAfterProcess", "MOVE"),
        ("MoveAfterProcess", done.as_str()),
        ("MoveTimestampFormat", "yyyy'_'"),
        ("SubFolderTimestampFormat", "yyyy"),
        ("CreateFolder", "true"),
    ];
    put(folder.path(), "a", "a");
    start(params(folder.path(), &more), &Sink::open(), 0).stop_after(1).await;
    let year = jiff::Zoned::now().year();
    assert!(folder.path().join(format!("done-{year}/{year}_a")).is_file());
}

#[tokio::test]
async fn a_star_keeps_the_sub_folders() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (format!("file://{}/in/*?x=y", folder.path().display()), path(folder.path(), "done/*"));
    let more =
        [("FileURI", from.as_str()), ("ActionAfterProcess", "MOVE"), ("MoveAfterProcess", to.as_str())];
    let params = params(folder.path(), &more);
    fs::create_dir_all(folder.path().join("in/sub/deep")).unwrap();
    put(folder.path(), "sub/deep/a", "a");
    put(folder.path(), "b", "b");
    let sink = Sink::open();
    start(params, &sink, 0).stop_after(2).await;
    assert!(folder.path().join("done/sub/deep/a").is_file() && folder.path().join("done/b").is_file());
    let relative = |d: &Delivery| d.headers.iter().find(|(name, _)| *name == "RELATIVE_PATH").cloned();
    let seen = sink.seen.lock().unwrap();
    let relatives: Vec<_> = seen.iter().filter_map(relative).map(|(_, value)| value).collect();
    let text = |text: &str| crate::contract::Header::Text(text.to_owned());
    assert_eq!(relatives, [text(""), text("/sub/deep")]);
}

#[test]
fn words_of_the_two_kinds() {
    let folder = tempfile::tempdir().unwrap();
    let action = |word: &str, dialect: Dialect| {
        let more = [("ActionAfterProcess", word), ("MoveAfterProcess", "/x")];
        super::read(folder.path(), &more, dialect).action(Due::Process).clone()
    };
    for word in ["NONE", "move", "DELETE", "whatever"] {
        assert_eq!(action(word, Dialect::BuiltIn), Action::Delete, "{word}");
    }
    assert!(matches!(action("MOVE", Dialect::BuiltIn), Action::Move(_)));
    assert!(matches!(action("move", Dialect::Class), Action::Move(_)));
    assert_eq!(action("None", Dialect::Class), Action::Keep);
    assert_eq!(action("delete", Dialect::Class), Action::Delete);
    // A word without a folder.
    let params = params(folder.path(), &[("ActionAfterFailure", "MOVE")]);
    assert_eq!(params.after_failure, Action::Delete);
}

#[tokio::test]
async fn the_class_keeps_files_and_has_a_last_resort() {
    let folder = tempfile::tempdir().unwrap();
    let quick = ("CheckSizeInterval", "0");
    put(folder.path(), "a", "a");
    let keep = class_params(folder.path(), &[quick, ("ActionAfterProcess", "NONE")]);
    assert_eq!(start(keep, &Sink::open(), 0).stop_after(2).await[..2], ["a", "a"]);
    assert_eq!(left(folder.path()), ["a"]);
    let (nowhere, last) = (path(folder.path(), "nowhere"), path(folder.path(), "last"));
    fs::create_dir(&last).unwrap();
    let more = [
        quick,
        ("ActionAfterProcess", "MOVE"),
        ("MoveAfterProcess", nowhere.as_str()),
        ("MoveAfterFailedMove", last.as_str()),
        ("FailedRecordNextRetryDuration", "1"),
    ];
    let running = start(class_params(folder.path(), &more), &Sink::open(), 0);
    until("the last resort", || folder.path().join("last/a").is_file()).await;
    assert_eq!(running.stop().await, ["a"]);
    assert!(left(folder.path()).is_empty());
}
