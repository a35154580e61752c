//! The rules of proxy services.

use super::*;
use crate::contract::ConnectorError;
use crate::file::{Action, Due};

/// Parameters of a proxy service on the folder `in` that takes every name.
fn proxy_params(folder: &Path, more: &[(&str, &str)]) -> FileParams {
    let usual = [("transport.PollInterval", "5ms"), ("ContentType", "text/plain"), ("FileNamePattern", ".*")];
    // The first of a name counts.
    read(folder, &[more, &usual].concat(), Dialect::Proxy)
}

#[test]
fn intervals() {
    let folder = tempfile::tempdir().unwrap();
    let interval = |text: &str| proxy_params(folder.path(), &[("transport.PollInterval", text)]).interval;
    assert_eq!(interval("2"), Duration::from_secs(2));
    assert_eq!(interval("250ms"), Duration::from_millis(250));
    assert_eq!(interval("0"), Duration::from_millis(1));
    for text in ["", "soon", "1.5", "-1"] {
        assert_eq!(interval(text), Duration::from_secs(300), "{text}");
    }
}

#[tokio::test]
async fn the_first_poll_comes_after_an_interval() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "a", "a");
    let sink = Sink::open();
    let begun = Instant::now();
    let params = proxy_params(folder.path(), &[("transport.PollInterval", "100ms")]);
    start(params, &sink, 0).stop_after(1).await;
    assert!(begun.elapsed() >= Duration::from_millis(99));
}

#[tokio::test]
async fn without_a_pattern_no_file_of_a_folder_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a", "b.txt"] {
        put(folder.path(), name, name);
    }
    let sink = Sink::open();
    let none = start(proxy_params(folder.path(), &[("FileNamePattern", "")]), &sink, 0);
    let one = start(proxy_params(folder.path(), &[("FileNamePattern", r".*\.txt")]), &sink, 0);
    assert_eq!(one.stop_after(1).await, ["b.txt"]);
    none.stop().await;
    assert_eq!(left(folder.path()), ["a"]);
    // A single file needs none.
    let file = format!("vfs:file://{}/in/a", folder.path().display());
    let params = proxy_params(folder.path(), &[("FileNamePattern", ""), ("FileURI", &file)]);
    assert_eq!(start(params, &Sink::open(), 0).stop_after(1).await, ["a"]);
}

#[tokio::test]
async fn a_failure_moves_without_a_date() {
    let folder = tempfile::tempdir().unwrap();
    let (done, bad) =
        (format!("{}/done-", folder.path().display()), format!("{}/bad", folder.path().display()));
    let more = [
        ("ActionAfterProcess", "MOVE"),
        ("MoveAfterProcess", done.as_str()),
        ("ActionAfterFailure", "MOVE"),
        ("MoveAfterFailure", bad.as_str()),
        ("SubFolderTimestampFormat", "yyyy"),
        ("CreateFolder", "true"),
    ];
    put(folder.path(), "no", "fail");
    put(folder.path(), "ok", "ok");
    start(proxy_params(folder.path(), &more), &Sink::open(), 0).stop_after(2).await;
    assert!(folder.path().join("bad/no").is_file());
    assert!(folder.path().join(format!("done-{}/ok", jiff::Zoned::now().year())).is_file());
}

#[test]
fn words_and_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let action = |word: &str| {
        let more = [("ActionAfterProcess", word), ("MoveAfterProcess", "/x")];
        proxy_params(folder.path(), &more).action(Due::Process).clone()
    };
    assert!(matches!(action("MOVE"), Action::Move(_)));
    assert_eq!(action("NONE"), Action::Keep);
    for word in ["", "DELETE", "MOVEDD", "none", "move"] {
        assert_eq!(action(word), Action::Delete, "{word}");
    }
    let locking = |word: &str| proxy_params(folder.path(), &[("Locking", word)]).locking;
    assert!(locking("") && locking("enable") && locking("DISABLE") && !locking("disable"));
    let params = proxy_params(folder.path(), &[("sequential", "false"), ("FileURI", "/in/*")]);
    assert!(params.at_once == 1 && params.keep_modified && params.quiet.is_none());
    // An asterisk is a name like any other.
    assert!(!params.recurse && params.path == Path::new("/in/*"));
}

#[test]
fn what_must_be_said() {
    let missing = |wanted: &str| {
        let lookup = |name: &str| (name != wanted).then(|| "/x".to_owned());
        match FileParams::read(&lookup, Path::new("/"), Dialect::Proxy) {
            Err(ConnectorError::Missing(name)) => assert_eq!(name, wanted),
            other => panic!("{other:?}"),
        }
    };
    missing("transport.vfs.FileURI");
    missing("transport.vfs.ContentType");
}
