use super::*;
use artifacts::kinds::{Artifact, Kind};
use std::io::{Cursor, Write};
use zip::write::{SimpleFileOptions, ZipWriter};

const NS: &str = "http://ws.apache.org/ns/synapse";

fn nothing(_: &Artifact) -> Diagnostics {
    Diagnostics::new()
}

fn zipped(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn car(name: &str, sequence: &str) -> Vec<u8> {
    let root = format!(
        "<artifacts><artifact name='{name}' version='1.0.0' type='carbon/application'>\
         <dependency artifact='S' version='1.0.0' include='true' serverRole='EnterpriseIntegrator'/></artifact></artifacts>"
    );
    let artifact =
        "<artifact name='S' version='1.0.0' type='synapse/sequence'><file>S-1.0.0.xml</file></artifact>";
    zipped(&[
        ("artifacts.xml", root.as_bytes()),
        ("S_1.0.0/artifact.xml", artifact.as_bytes()),
        ("S_1.0.0/S-1.0.0.xml", sequence.as_bytes()),
    ])
}

fn sequence(name: &str) -> String {
    format!("<sequence name='{name}' xmlns='{NS}'/>")
}

fn put(home: &Path, path: &str, bytes: &[u8]) {
    let path = home.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn run(paths: &[PathBuf]) -> Deployment {
    deploy(paths, &Settings::default(), &nothing)
}

#[test]
fn a_server_with_applications() {
    let home = tempfile::tempdir().unwrap();
    let base = "repository/deployment/server";
    put(home.path(), &format!("{base}/carbonapps/good.car"), &car("good", &sequence("a")));
    put(home.path(), &format!("{base}/carbonapps/bad.car"), &car("bad", "<sequence"));
    put(home.path(), &format!("{base}/synapse-configs/default/sequences/l.xml"), sequence("l").as_bytes());
    put(home.path(), "registry/config/p.txt", b"hello\n");
    let found = run(&[home.path().to_path_buf()]);
    assert!(found.set.get(Kind::Sequence, "a").is_some() && found.set.get(Kind::Sequence, "l").is_some());
    assert_eq!(found.set.faulty_applications().collect::<Vec<_>>(), ["bad"]);
    assert!(matches!(found.registry.lookup("conf:/p.txt"), Some(Entry::Text(text)) if text == "hello"));
    assert!(found.set.diagnostics.render().contains("bad.car!/S_1.0.0/S-1.0.0.xml:1:1"));
}

#[test]
fn a_project_an_archive_and_a_file() {
    let home = tempfile::tempdir().unwrap();
    put(home.path(), "p/src/main/wso2mi/artifacts/sequences/s.xml", sequence("p").as_bytes());
    put(home.path(), "c.car", &car("c", &sequence("c")));
    put(home.path(), "f.xml", sequence("f").as_bytes());
    put(home.path(), "readme.txt", b"");
    let paths = ["p", "c.car", "f.xml", "readme.txt", "none"].map(|name| home.path().join(name));
    let found = run(&paths);
    assert_eq!(found.set.len(), 3);
    assert_eq!(found.home, home.path().join("p"));
    assert_eq!(found.set.diagnostics.iter().filter(|d| d.code == Code::UNREADABLE).count(), 2);
}

/// A ConfigMap's volume: every file can be reached in three ways.
#[test]
fn a_volume_of_kubernetes_is_read_once() {
    use std::os::unix::fs::symlink;
    let home = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        put(home.path(), &format!("..2026_01_01_00_00_00.1/{name}.xml"), sequence(name).as_bytes());
        symlink(format!("..data/{name}.xml"), home.path().join(format!("{name}.xml"))).unwrap();
    }
    symlink("..2026_01_01_00_00_00.1", home.path().join("..data")).unwrap();
    let found = run(&[home.path().to_path_buf()]);
    assert_eq!(found.set.len(), 2);
    assert!(found.set.diagnostics.is_empty(), "{}", found.set.diagnostics.render());
}

#[test]
fn a_fat_archive_brings_its_own() {
    let inner = car("inner", &sequence("i"));
    let root = "<artifacts><artifact name='outer' version='1.0.0' type='carbon/application'/></artifacts>";
    let home = tempfile::tempdir().unwrap();
    put(home.path(), "o.car", &zipped(&[("artifacts.xml", root.as_bytes()), ("dependencies/i.car", &inner)]));
    let found = run(&[home.path().join("o.car")]);
    assert!(found.set.get(Kind::Sequence, "i").is_some(), "{}", found.set.diagnostics.render());
    assert_eq!(found.set.applications.len(), 2);
}

#[test]
fn local_entries_are_loaded_from_files() {
    use artifacts::kinds::local_entry::EntryValue;
    let home = tempfile::tempdir().unwrap();
    put(home.path(), "data/x.xslt", b"<x/>");
    put(home.path(), "data/t.txt", b"text\n");
    for (name, path) in [("a", "data/x.xslt"), ("b", "data/t.txt"), ("c", "data/none")] {
        let entry = format!("<localEntry key='{name}' src='file:{path}' xmlns='{NS}'/>");
        put(home.path(), &format!("{name}.xml"), entry.as_bytes());
    }
    let found = run(&[home.path().to_path_buf()]);
    let value = |key: &str| match found.set.get(Kind::LocalEntry, key) {
        Some(Artifact::LocalEntry(entry)) => entry.value.clone(),
        other => panic!("{other:?}"),
    };
    assert!(matches!(value("a"), EntryValue::Xml(_)));
    assert!(matches!(value("b"), EntryValue::Text(text) if text == "text"));
    assert!(found.set.diagnostics.render().contains("'c' cannot be loaded"));
}

fn refused(bytes: &[u8], limits: Limits) -> String {
    let mut diagnostics = Diagnostics::new();
    assert!(unpack("x.car", bytes, &limits, &mut diagnostics).is_none());
    diagnostics.render()
}

#[test]
fn unsafe_archives_are_refused() {
    let good = zipped(&[("a/b.txt", b"x")]);
    assert!(refused(good.get(..good.len() - 10).unwrap(), Limits::default()).contains("damaged"));
    assert!(refused(b"not a zip", Limits::default()).contains("damaged"));
    for name in ["../a.txt", "/etc/a", "a/../../b", "c:\\x"] {
        assert!(refused(&zipped(&[(name, b"x")]), Limits::default()).contains("leave its folder"), "{name}");
    }
    let bomb = zipped(&[("a", &vec![0; 8 * 1024 * 1024])]);
    assert!(refused(&bomb, Limits { ratio: 100, ..Limits::default() }).contains("unpacks to more than"));
    let many = zipped(&[("a", &[1; 600]), ("b", &[2; 600])]);
    assert!(refused(&many, Limits { total: 1000, ..Limits::default() }).contains("unpacks to more than"));
}

#[test]
fn truncation_at_every_place_is_survived() {
    let whole = car("x", &sequence("s"));
    for end in (0..whole.len()).step_by(7) {
        let mut diagnostics = Diagnostics::new();
        let files = unpack("x.car", &whole[..end], &Limits::default(), &mut diagnostics);
        assert!(files.is_some() || diagnostics.has_errors());
    }
}

#[test]
fn placeholders_come_from_the_environment() {
    let home = tempfile::tempdir().unwrap();
    put(home.path(), "conf/file.properties", b"port = 81\n");
    let endpoint = |name: &str, uri: &str| {
        format!("<endpoint name='{name}' xmlns='{NS}'><address uri='{uri}'/></endpoint>")
    };
    put(home.path(), "e1.xml", endpoint("a", "$SYSTEM:HOST").as_bytes());
    put(home.path(), "e2.xml", endpoint("b", "$FILE:port").as_bytes());
    put(home.path(), "e3.xml", endpoint("c", "${configs.nope}").as_bytes());
    let inline = format!(
        "<sequence name='s' xmlns='{NS}'><send><endpoint><address uri='$SYSTEM:HOST'/></endpoint></send></sequence>"
    );
    put(home.path(), "s.xml", inline.as_bytes());
    let environment = crate::settings::Environment::of([("HOST", "http://h")]);
    let (settings, _) = Settings::load(home.path(), None, environment);
    let found = deploy(&[home.path().to_path_buf()], &settings, &nothing);
    assert_eq!(found.set.len(), 3);
    let sequence = found.set.get(Kind::Sequence, "s").unwrap();
    assert!(sequence.element().get().to_xml().contains("uri=\"http://h\""));
    assert!(found.set.diagnostics.render().contains("'${configs.nope}' has no value"));
    assert_eq!(found.configs.config("port"), Some("81"));
}
