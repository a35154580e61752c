//! Messages to files.

use super::*;
use crate::contract::ConnectorError;
use crate::file::{OutFile, Outbox};
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

fn outbox(folder: &Path, address: &str) -> Outbox {
    Outbox::read(&format!("file://{}/{address}", folder.display()), Path::new("/"), true).unwrap()
}

fn text(text: &'static str, name: Option<&str>) -> OutFile {
    OutFile { bytes: text.into(), name: name.map(str::to_owned), ..OutFile::default() }
}

/// Names below a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().flatten();
    let mut names: Vec<String> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_folder_gets_files_by_name() {
    let dir = tempfile::tempdir().unwrap();
    for slash in ["", "/"] {
        fs::create_dir_all(dir.path().join("out")).unwrap();
        let out = outbox(dir.path(), &format!("out{slash}"));
        out.write(text("1", None)).await.unwrap();
        out.write(text("2", Some("a@b c.txt"))).await.unwrap();
        out.write(text("3", Some("sub/x"))).await.unwrap();
        // Overwritten, and shorter.
        out.write(text("", Some("sub/x"))).await.unwrap();
        assert_eq!(names(&dir.path().join("out")), ["a@b c.txt", "response.xml", "sub"]);
        assert_eq!(fs::read_to_string(dir.path().join("out/response.xml")).unwrap(), "1");
        assert_eq!(fs::read_to_string(dir.path().join("out/sub/x")).unwrap(), "");
        fs::remove_dir_all(dir.path().join("out")).unwrap();
    }
}

#[tokio::test]
async fn any_other_address_is_the_file() {
    let dir = tempfile::tempdir().unwrap();
    outbox(dir.path(), "not/there/out.xml").write(text("1", Some("unused"))).await.unwrap();
    assert_eq!(fs::read_to_string(dir.path().join("not/there/out.xml")).unwrap(), "1");
    assert_eq!(names(&dir.path().join("not/there")), ["out.xml"]);
    // Only an option, or the message, says that it is a folder.
    outbox(dir.path(), "a?transport.vfs.CreateFolder=true").write(text("2", Some("x"))).await.unwrap();
    assert_eq!(fs::read_to_string(dir.path().join("a/x")).unwrap(), "2");
    let file = OutFile { create_folder: true, ..text("3", None) };
    outbox(dir.path(), "b/").write(file).await.unwrap();
    assert_eq!(fs::read_to_string(dir.path().join("b/response.xml")).unwrap(), "3");
}

#[tokio::test]
async fn options() {
    let dir = tempfile::tempdir().unwrap();
    let append = outbox(dir.path(), "log?other=x&transport.vfs.Append=true");
    append.write(text("1\n", None)).await.unwrap();
    append.write(text("2\n", None)).await.unwrap();
    assert_eq!(fs::read_to_string(dir.path().join("log")).unwrap(), "1\n2\n");
    let dated = "day-?transport.vfs.SubFolderTimestampFormat=yyyy'/x'&transport.vfs.CreateFolder=TRUE";
    outbox(dir.path(), dated).write(text("1", None)).await.unwrap();
    let year = jiff::Zoned::now().year();
    assert!(dir.path().join(format!("day-{year}/x/response.xml")).is_file());
    let file = |name| OutFile { modified: Some(1_600_000_000_000), ..text("1", Some(name)) };
    outbox(dir.path(), "").write(file("old")).await.unwrap();
    outbox(dir.path(), "?transport.vfs.UpdateLastModified=false").write(file("new")).await.unwrap();
    let modified = |name| fs::metadata(dir.path().join(name)).unwrap().modified().unwrap();
    assert_eq!(modified("old"), UNIX_EPOCH + Duration::from_secs(1_600_000_000));
    assert!(modified("new") > SystemTime::now() - Duration::from_secs(3600));
}

#[tokio::test]
async fn a_lock_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let lock = dir.path().join("x.lock");
    fs::write(&lock, "1:elsewhere:10.0.0.1:1700000000000").unwrap();
    let at_once = outbox(dir.path(), "x?transport.vfs.MaxRetryCount=0").write(text("1", None)).await;
    assert!(matches!(at_once, Err(ConnectorError::Locked(path)) if path == dir.path().join("x")));
    outbox(dir.path(), "x?transport.vfs.Locking=disable").write(text("2", None)).await.unwrap();
    assert_eq!(fs::read_to_string(dir.path().join("x")).unwrap(), "2");
    let patient = outbox(dir.path(), "x");
    let writing = tokio::spawn(async move { patient.write(text("3", None)).await });
    // Others write meanwhile.
    outbox(dir.path(), "y").write(text("4", None)).await.unwrap();
    assert_eq!(fs::read_to_string(dir.path().join("x")).unwrap(), "2");
    fs::remove_file(&lock).unwrap();
    tokio::time::timeout(SOON, writing).await.unwrap().unwrap().unwrap();
    assert_eq!(fs::read_to_string(dir.path().join("x")).unwrap(), "3");
    assert_eq!(names(dir.path()), ["x", "y"]);
}

#[tokio::test]
async fn a_lock_without_content_is_removed_when_it_is_old() {
    let dir = tempfile::tempdir().unwrap();
    let lock = dir.path().join("a.lock");
    fs::write(&lock, "").unwrap();
    let out = outbox(dir.path(), "a?transport.vfs.MaxRetryCount=0");
    assert!(matches!(out.write(text("1", None)).await, Err(ConnectorError::Locked(_))));
    let old = SystemTime::now() - std::time::Duration::from_secs(60);
    fs::File::options().write(true).open(&lock).unwrap().set_modified(old).unwrap();
    let out = outbox(dir.path(), "a?transport.vfs.MaxRetryCount=1&transport.vfs.ReconnectTimeout=60");
    out.write(text("1", None)).await.unwrap();
    assert_eq!(names(dir.path()), ["a"]);
}

#[tokio::test]
async fn writers_of_one_file_take_turns() {
    let dir = tempfile::tempdir().unwrap();
    let append = outbox(dir.path(), "log?transport.vfs.Append=true");
    let lines = (0..20).map(|_| append.write(text("line\n", None)));
    let all = futures_util::future::try_join_all(lines);
    tokio::time::timeout(SOON, all).await.unwrap().unwrap();
    assert_eq!(fs::read_to_string(dir.path().join("log")).unwrap(), "line\n".repeat(20));
    assert_eq!(names(dir.path()), ["log"]);
}

#[tokio::test]
async fn what_cannot_be_written() {
    let dir = tempfile::tempdir().unwrap();
    let error = Outbox::read("vfs:ftpd:///x", Path::new("/"), true).unwrap_err();
    assert_eq!(error.to_string(), "the scheme 'ftpd:' is not supported");
    for name in ["../x", "a/../../x", "/etc/x", ".", "a.xml.lock", "sub/a.fail"] {
        let error = outbox(dir.path(), "").write(text("1", Some(name))).await.unwrap_err();
        assert!(error.to_string().contains("inside the folder"), "{error}");
    }
    for address in ["vfs:file:///out/../etc/x", "vfs:file:///out/a/%2e%2e/%2e%2e/etc/x", "file:///out/..%2Fx"]
    {
        let error = Outbox::read(address, Path::new("/"), true).unwrap_err();
        assert!(error.to_string().contains("without '..'"), "{error}");
    }
    fs::write(dir.path().join("file"), "1").unwrap();
    let error = outbox(dir.path(), "file/below").write(text("1", None)).await.unwrap_err();
    assert!(matches!(error, ConnectorError::File { .. }), "{error}");
    assert_eq!(names(dir.path()), ["file"]);
}
