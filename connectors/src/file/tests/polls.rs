//! What a poll hands over, in which order, and how.

use super::*;
use crate::contract::Header;
use crate::file::Sort;
use std::fs::{self, File};
use std::time::SystemTime;

#[tokio::test]
async fn hands_over_in_order_and_deletes() {
    let folder = tempfile::tempdir().unwrap();
    let params = params(folder.path(), &[("FileNamePattern", r".*\.xml"), ("FileSortAttribute", "Name")]);
    for name in ["b.xml", "a.xml", "c.txt", "d.xml.old"] {
        put(folder.path(), name, name);
    }
    let sink = Sink::open();
    assert_eq!(start(params, &sink, 0).stop_after(2).await, ["a.xml", "b.xml"]);
    assert_eq!(left(folder.path()), ["c.txt", "d.xml.old"]);
}

#[tokio::test]
async fn headers_and_content_types() {
    let folder = tempfile::tempdir().unwrap();
    let modified = SystemTime::UNIX_EPOCH + Duration::from_millis(1_600_000_000_123);
    for name in ["a 1%.XML", "b.txt", "c.csv"] {
        put(folder.path(), name, "12345");
        let file = File::options().write(true).open(folder.path().join("in").join(name)).unwrap();
        file.set_modified(modified).unwrap();
    }
    let sink = Sink::open();
    let order = ("FileSortAttribute", "Name");
    start(params(folder.path(), &[order]), &sink, 0).stop_after(3).await;
    let seen = std::mem::take(&mut *sink.seen.lock().unwrap());
    let types: Vec<_> = seen.iter().map(|d| d.content_type.as_deref()).collect();
    assert_eq!(types, [Some("text/xml"), Some("text/plain"), None]);
    let path = folder.path().join("in/a 1%.XML").display().to_string();
    let uri = format!("file://{}/in/a%201%25.XML", folder.path().display());
    let text = |text: &str| Header::Text(text.to_owned());
    assert_eq!(
        seen[0].headers,
        [
            ("FILE_PATH", text(&path)),
            ("FILE_NAME", text("a 1%.XML")),
            ("FILE_URI", text(&uri)),
            ("FILE_LENGTH", Header::Number(5)),
            ("LAST_MODIFIED", Header::Number(1_600_000_000_123)),
        ]
    );
    assert!(!seen[0].parse_first);

    put(folder.path(), "c", "text");
    let more = [("ContentType", "text/plain; charset=UTF-16"), ("Build", "true"), ("Streaming", "true")];
    start(params(folder.path(), &more), &sink, 0).stop_after(1).await;
    let seen = std::mem::take(&mut *sink.seen.lock().unwrap());
    assert_eq!(seen[0].content_type.as_deref(), Some("text/plain; charset=UTF-16"));
    assert!(seen[0].parse_first);

    put(folder.path(), "d", "text");
    let more = [("CheckSizeInterval", "0"), ("ReplyFileURI", "file:///r"), ("ReplyFileName", "n")];
    start(class_params(folder.path(), &more), &sink, 0).stop_after(1).await;
    let seen = sink.seen.lock().unwrap();
    let reply = [
        ("transport.vfs.ReplyFileURI", text("file:///r")),
        ("transport.vfs.ReplyFileName", text("n")),
        ("transport.vfs.Append", text("false")),
    ];
    assert_eq!(seen[0].headers[5..], reply);
}

#[tokio::test]
async fn sorts() {
    let order = |more: &'static [(&'static str, &'static str)]| async move {
        let folder = tempfile::tempdir().unwrap();
        for (name, text, age) in [("b", "333", 1), ("a", "22", 3), ("c", "1", 2)] {
            put(folder.path(), name, text);
            let at = SystemTime::now() - Duration::from_secs(age * 86_400 * 30);
            let file = File::options().write(true).open(folder.path().join("in").join(name)).unwrap();
            file.set_modified(at).unwrap();
        }
        start(params(folder.path(), more), &Sink::open(), 0).stop_after(3).await
    };
    assert_eq!(order(&[("FileSortAttribute", "Name")]).await, ["22", "333", "1"]);
    assert_eq!(order(&[("FileSortAttribute", "Size")]).await, ["1", "22", "333"]);
    let down = order(&[("FileSortAttribute", "Size"), ("FileSortAscending", "FALSE")]).await;
    assert_eq!(down, ["333", "22", "1"]);
    assert_eq!(order(&[("FileSortAttribute", "Lastmodifiedtimestamp")]).await, ["22", "1", "333"]);
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(params(folder.path(), &[("FileSortAttribute", "name")]).sort, Sort::None);
}

#[tokio::test]
async fn one_after_the_other_unless_told_otherwise() {
    for (sequential, most) in [("true", 1), ("yes", 3), ("false", 3)] {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a", "b", "c"] {
            put(folder.path(), name, name);
        }
        let sink = Sink::held();
        let running = start(params(folder.path(), &[("sequential", sequential)]), &sink, 0);
        sink.until(most).await;
        sink.may_end.add_permits(3);
        running.stop_after(3).await;
        assert_eq!(sink.most_at_once.load(Ordering::SeqCst), most, "{sequential}");
        assert!(left(folder.path()).is_empty());
    }
}

#[tokio::test]
async fn a_poll_takes_so_many_of_each_folder() {
    let folder = tempfile::tempdir().unwrap();
    let uri = format!("{}/in/*", folder.path().display());
    // The second poll is far away.
    let more = [("FileURI", uri.as_str()), ("FileProcessCount", "2"), ("interval", "3600000")];
    let mut params = params(folder.path(), &more);
    fs::create_dir(folder.path().join("in/sub")).unwrap();
    for name in ["a", "b", "c", "sub/d", "sub/e", "sub/f"] {
        put(folder.path(), name, name);
    }
    let sink = Sink::open();
    assert_eq!(start(params.clone(), &sink, 0).stop_after(4).await.len(), 4);
    assert_eq!(left(folder.path()).len(), 2);
    // A pause switches it off.
    params.pause = Some(Duration::from_millis(1));
    start(params, &sink, 0).stop_after(6).await;
    assert_eq!(left(folder.path()), ["sub"]);
}

#[tokio::test]
async fn a_pause_between_files_ends_with_the_source() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "a", "a");
    put(folder.path(), "b", "b");
    let params = params(folder.path(), &[("FileProcessInterval", "3600000")]);
    assert_eq!(start(params, &Sink::open(), 0).stop_after(1).await.len(), 1);
    assert_eq!(left(folder.path()).len(), 1);
}

#[tokio::test]
async fn what_is_too_large_or_too_young_waits() {
    let cases: [(&[(&str, &str)], Dialect, bool); 9] = [
        (&[("FileSizeLimit", "4")], Dialect::BuiltIn, false),
        (&[("FileSizeLimit", "5")], Dialect::BuiltIn, true),
        (&[("FileSizeLimit", "5e0")], Dialect::BuiltIn, true),
        (&[("FileSizeLimit", "-1")], Dialect::BuiltIn, true),
        (&[("FileSizeLimit", "many")], Dialect::BuiltIn, true),
        (&[("waitTimeBeforeRead", "3600000")], Dialect::BuiltIn, false),
        (&[("MinimumAge", "3600")], Dialect::BuiltIn, true),
        (&[("MinimumAge", "3600"), ("CheckSizeInterval", "0")], Dialect::Class, false),
        // The file is a day old then.
        (&[("MaximumAge", "3600"), ("CheckSizeInterval", "0")], Dialect::Class, false),
    ];
    for (more, dialect, comes) in cases {
        let folder = tempfile::tempdir().unwrap();
        // Something that always comes, after the other.
        put(folder.path(), "a", "12345");
        put(folder.path(), "z", "z");
        let old = if more.iter().any(|(name, _)| *name == "MaximumAge") { "a" } else { "z" };
        let file = File::options().write(true).open(folder.path().join("in").join(old)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(86_400)).unwrap();
        let sink = Sink::open();
        let more = [more, &[("FileSortAttribute", "Name")]].concat();
        let running = start(super::read(folder.path(), &more, dialect), &sink, 0);
        until("z", || sink.payloads().contains(&"z".to_owned())).await;
        assert_eq!(running.stop().await.contains(&"12345".to_owned()), comes, "{more:?}");
    }
}

#[tokio::test]
async fn the_class_waits_until_a_file_is_quiet() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(class_params(folder.path(), &[]).quiet, Some(Duration::from_secs(1)));
    let more = [("CheckSizeInterval", "50"), ("CheckSizeIgnoreEmpty", "true")];
    let params = class_params(folder.path(), &more);
    assert!(!params.locking && !params.release_own_only);
    put(folder.path(), "empty", "");
    put(folder.path(), "a", "a");
    assert_eq!(start(params, &Sink::open(), 0).stop_after(1).await, ["a"]);
    assert_eq!(left(folder.path()), ["empty"]);
}

#[tokio::test]
async fn a_single_file_needs_no_pattern() {
    let folder = tempfile::tempdir().unwrap();
    let uri = format!("file:{}/in/a", folder.path().display());
    let more = [("FileURI", uri.as_str()), ("FileNamePattern", "other")];
    let sink = Sink::open();
    let running = start(params(folder.path(), &more), &sink, 0);
    put(folder.path(), "b", "b");
    put(folder.path(), "a", "a");
    assert_eq!(running.stop_after(1).await, ["a"]);
    assert_eq!(left(folder.path()), ["b"]);
}

#[tokio::test]
async fn java_patterns() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "a.xml", "a");
    put(folder.path(), "b.xml.tmp", "b");
    let params = params(folder.path(), &[("FileNamePattern", r"(?!.*\.tmp$).*")]);
    assert_eq!(start(params, &Sink::open(), 0).stop_after(1).await, ["a"]);
    assert_eq!(left(folder.path()), ["b.xml.tmp"]);
}

/// Reading a pipe hangs as long as somebody may write.
#[tokio::test]
async fn a_file_system_that_hangs_holds_up_nothing_else() {
    use std::os::unix::fs::OpenOptionsExt as _;
    const O_NONBLOCK: i32 = 0o4000;
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "a", "a");
    let lock = folder.path().join("in/a.lock");
    assert!(std::process::Command::new("mkfifo").arg(&lock).status().unwrap().success());
    let sink = Sink::open();
    let source = Arc::new(FileInbound::new(params(folder.path(), &[])));
    let run = || {
        let (gate, source) = (Switch::on(), source.clone());
        let cx = context(&sink, &gate, 4);
        Running { sink: sink.clone(), gate, task: tokio::spawn(async move { source.run(cx).await }) }
    };
    let first = run();
    // Succeeds as soon as the source reads; from then on it hangs.
    let hang = Mutex::new(None);
    until("the source hangs", || {
        let writer = File::options().write(true).custom_flags(O_NONBLOCK).open(&lock).ok();
        *hang.lock().unwrap() = writer;
        hang.lock().unwrap().is_some()
    })
    .await;
    // This thread serves on, and the source can be stopped, started and stopped.
    assert!(first.stop().await.is_empty());
    assert!(run().stop().await.is_empty());
    fs::remove_file(&lock).unwrap();
    let second = run();
    drop(hang);
    assert_eq!(second.stop_after(1).await, ["a"]);
    assert!(left(folder.path()).is_empty());
}

#[tokio::test]
async fn names_need_not_be_text() {
    use std::os::unix::ffi::OsStrExt as _;
    let folder = tempfile::tempdir().unwrap();
    let params = params(folder.path(), &[]);
    fs::write(folder.path().join("in").join(std::ffi::OsStr::from_bytes(b"\xff.txt")), "a").unwrap();
    assert_eq!(start(params, &Sink::open(), 0).stop_after(1).await, ["a"]);
    assert!(left(folder.path()).is_empty());
}

#[test]
fn parameters_and_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let p = params(folder.path(), &[]);
    assert!(p.locking && p.ascending && p.release_own_only && p.keep_modified);
    assert_eq!((p.at_once, p.release_locks, p.size_limit, p.per_poll), (1, None, None, None));
    assert_eq!((p.pause, p.min_age, p.max_age, p.quiet), (None, None, None, None));
    // What cannot be read has no effect, as in MI.
    let odd = [("FileProcessCount", "x"), ("FileProcessInterval", "y"), ("AutoLockReleaseInterval", "z")];
    let p = params(folder.path(), &[&odd[..], &[("AutoLockRelease", "TRUE")]].concat());
    assert_eq!((p.per_poll, p.pause, p.release_locks), (None, None, Some(None)));

    let refused = |more: &[(&str, &str)]| {
        let lookup = |name: &str| {
            let given = more.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
            given.or_else(|| match name {
                "interval" => Some("1".to_owned()),
                "transport.vfs.FileURI" => Some("/x".to_owned()),
                _ => None,
            })
        };
        FileParams::read(&lookup, folder.path(), Dialect::BuiltIn).map(|_| ()).unwrap_err().to_string()
    };
    for (name, value, word) in [
        ("transport.vfs.FileURI", " ", "FileURI"),
        ("transport.vfs.FileURI", "sftp://h/x", "sftp"),
        ("interval", "", "interval"),
        ("interval", "often", "often"),
        ("cronExpression", "0 * * * * ?", "cronExpression"),
        ("transport.vfs.FileNamePattern", "(", "regular"),
        ("transport.vfs.MoveTimestampFormat", "yyyyTHH", "SimpleDateFormat"),
    ] {
        assert!(refused(&[(name, value)]).contains(word), "{name} {value}");
    }
}
