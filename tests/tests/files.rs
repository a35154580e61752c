//! File sources of real processes that are killed: nothing is lost, and no lock is left behind.
//!
//! The sink is a mock backend that keeps some answers back, so that exactly one file is in flight when a
//! process is killed: that one is repeated, and no other.

// This whole file is a test, helpers included.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use harness::faults::home::Settings;
use harness::faults::node::{Node, Start};
use harness::mock::{Backend, Received};
use harness::wire::values;
use serde_json::json;

/// Longer than everything takes, takeovers included.
const LONG: Duration = Duration::from_secs(120);

/// What runs, by the name of the node.
type Nodes = BTreeMap<String, Node>;

/// A folder of files, a sink, and the places of nodes.
struct World {
    dir: tempfile::TempDir,
    sink: Backend,
    fed: usize,
    /// Attributes and parameters of the inbound endpoint beyond the usual.
    attributes: &'static str,
    parameters: String,
    /// A proxy service polls the folder instead of an inbound endpoint.
    is_proxy: bool,
}

impl World {
    /// The sink keeps the answers with these numbers back, counted from one.
    fn new(held: &[usize]) -> World {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["in", "made"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
        }
        let mut sink = Backend::start("sink").unwrap();
        let (quick, slow) = (json!({"status": 200, "json": {}}), json!({"status": 200, "delay_ms": 60_000}));
        let mut routes = Vec::new();
        let mut from = 1;
        for number in held {
            routes.push(json!({"times": number - from, "respond": quick}));
            routes.push(json!({"times": 1, "respond": slow}));
            from = number + 1;
        }
        sink.set(json!({"routes": routes, "default": quick})).unwrap();
        World { dir, sink, fed: 0, attributes: "", parameters: String::new(), is_proxy: false }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Drops so many more files. Each appears whole, as careful writers do it.
    fn feed(&mut self, count: usize) {
        for _ in 0..count {
            let name = format!("f{:03}.txt", self.fed);
            let made = self.path("made").join(&name);
            fs::write(&made, format!("content of {name}")).unwrap();
            fs::rename(made, self.path("in").join(&name)).unwrap();
            self.fed += 1;
        }
    }

    /// Starts a node whose file source posts each file to the sink, below the name of the node.
    /// `coordination`: in one group with the others.
    fn start(&self, node: &str, process: &str, coordination: bool) -> Node {
        let home = self.path(node);
        let folders = ["sequences", "inbound-endpoints", "proxy-services"].map(|folder| home.join(folder));
        folders.iter().for_each(|folder| fs::create_dir_all(folder).unwrap());
        let xmlns = "http://ws.apache.org/ns/synapse";
        let sequence = format!(
            r#"<sequence xmlns="{xmlns}" name="ToSink">
  <property name="uri.var.name" expression="get-property('transport', 'FILE_NAME')"/>
  <property name="X-Charset" expression="get-property('CHARACTER_SET_ENCODING')" scope="transport"/>
  <call><endpoint><http method="post" uri-template="http://127.0.0.1:{}/{node}/{{uri.var.name}}"/></endpoint></call>
</sequence>
"#,
            self.sink.port
        );
        fs::write(folders[0].join("ToSink.xml"), sequence).unwrap();
        let inbound = format!(
            r#"<inboundEndpoint xmlns="{xmlns}" name="files" protocol="file" sequence="ToSink" suspend="false"{}>
  <parameters>
    <parameter name="interval">20</parameter>
    <parameter name="transport.vfs.FileURI">file://{}</parameter>
    <parameter name="transport.vfs.FileSortAttribute">Name</parameter>
{}
  </parameters>
</inboundEndpoint>
"#,
            self.attributes,
            self.path("in").display(),
            self.parameters
        );
        let proxy = format!(
            r#"<proxy xmlns="{xmlns}" name="files" transports="vfs">
  <target inSequence="ToSink"/>
  <parameter name="transport.PollInterval">20ms</parameter>
  <parameter name="transport.vfs.FileURI">file://{}</parameter>
  <parameter name="transport.vfs.FileNamePattern">f.*\.txt</parameter>
  <parameter name="transport.vfs.ContentType">text/plain</parameter>
  <parameter name="transport.vfs.FileSortAttribute">Name</parameter>
</proxy>
"#,
            self.path("in").display()
        );
        let (folder, source) = if self.is_proxy { (&folders[2], proxy) } else { (&folders[1], inbound) };
        fs::write(folder.join("files.xml"), source).unwrap();
        let config = self.path(&format!("{node}.toml"));
        let url = format!("sqlite:{}", self.path("coordination.db").display());
        let toml = Settings { url: &url, group: "files", node, profile: "fast" }.toml();
        let toml = if coordination { toml } else { format!("{toml}enabled = \"false\"\n") };
        fs::write(&config, toml).unwrap();
        let log = self.path(&format!("{process}.log"));
        let binary = harness::binary::server().unwrap();
        let start = Start { binary: &binary, home: &home, config: &config, log, environment: &[] };
        Node::start(process, start).unwrap()
    }

    /// Waits until the sink has so many requests.
    fn until(&self, count: usize, nodes: &Nodes) {
        let end = Instant::now() + LONG;
        while self.sink.requests().len() < count {
            assert!(Instant::now() < end, "{} of {count} came; {}", self.sink.requests().len(), logs(nodes));
            sleep(Duration::from_millis(1));
        }
    }

    /// Waits until the folder is empty: no file, no lock, no marker.
    fn until_empty(&self, nodes: &Nodes) {
        let end = Instant::now() + LONG;
        let left = || names(&self.path("in"));
        while !left().is_empty() {
            assert!(Instant::now() < end, "{:?} is left; {}", left(), logs(nodes));
            sleep(Duration::from_millis(5));
        }
    }

    /// The node whose request came last.
    fn owner(&self) -> String {
        let last = self.sink.requests().pop().unwrap();
        last.path().split('/').nth(1).unwrap().to_owned()
    }

    /// How often each file came. Its content came with it.
    fn came(&self) -> BTreeMap<String, usize> {
        let mut came = BTreeMap::new();
        for request in self.sink.requests() {
            let name = request.path().split('/').nth(2).unwrap().to_owned();
            assert_eq!(String::from_utf8(request.body).unwrap(), format!("content of {name}"));
            *came.entry(name).or_default() += 1;
        }
        came
    }

    /// Each file came, and so many came a second time.
    fn assert_complete(&self, twice: usize) {
        let came = self.came();
        assert_eq!(came.len(), self.fed, "files are lost");
        let repeated: Vec<_> = came.iter().filter(|(_, count)| **count > 1).collect();
        assert!(repeated.len() == twice && repeated.iter().all(|(_, count)| **count == 2), "{repeated:?}");
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn logs(nodes: &Nodes) -> String {
    nodes.values().map(|node| format!("{}:\n{}", node.process, node.log())).collect()
}

/// 200 files, two nodes, and the owner is killed twice: the second time the new process of the first
/// takes over.
#[test]
fn two_nodes_and_kill_9() {
    let held = [60, 130];
    let mut world = World::new(&held);
    world.feed(50);
    let mut nodes = BTreeMap::from(["n0", "n1"].map(|name| (name.to_owned(), world.start(name, name, true))));
    for number in held {
        world.feed(50);
        world.until(number, &nodes);
        let owner = world.owner();
        nodes.get_mut(&owner).unwrap().kill();
        world.feed(25);
        // The other one has it before this one is back.
        world.until(number + 1, &nodes);
        assert_ne!(world.owner(), owner);
        let again = world.start(&owner, &format!("{owner}.{number}"), true);
        nodes.insert(owner, again);
    }
    world.until_empty(&nodes);
    assert_eq!(world.fed, 200);
    world.assert_complete(2);
}

/// The same of a proxy service: one node polls, and the other takes over with one file twice.
#[test]
fn two_nodes_of_a_proxy_service() {
    let mut world = World::new(&[20]);
    world.is_proxy = true;
    world.feed(40);
    let mut nodes = BTreeMap::from(["n0", "n1"].map(|name| (name.to_owned(), world.start(name, name, true))));
    world.until(20, &nodes);
    let owner = world.owner();
    assert!(world.sink.requests().iter().all(|request| request.path().starts_with(&format!("/{owner}/"))));
    nodes.get_mut(&owner).unwrap().kill();
    world.until_empty(&nodes);
    assert_ne!(world.owner(), owner);
    world.assert_complete(1);
}

/// Coordination off: the process that comes back knows the lock of the one that was killed.
#[test]
fn one_node_without_coordination() {
    let mut world = World::new(&[10]);
    world.feed(40);
    let only = |node| BTreeMap::from([("n0".to_owned(), node)]);
    let mut nodes = only(world.start("n0", "first", false));
    world.until(10, &nodes);
    nodes.get_mut("n0").unwrap().kill();
    assert_eq!(names(&world.path("in")).iter().filter(|name| name.ends_with(".lock")).count(), 1);
    let mut nodes = only(world.start("n0", "second", false));
    world.until(20, &nodes);
    // A polite end finishes what is in flight, and leaves the rest alone.
    let node = nodes.get_mut("n0").unwrap();
    node.terminate();
    assert!(node.wait(LONG).is_some_and(|status| status.success()), "{}", node.log());
    assert!(names(&world.path("in")).iter().all(|name| name.ends_with(".txt")));
    let nodes = only(world.start("n0", "third", false));
    world.until_empty(&nodes);
    world.assert_complete(1);
}

/// What `Build` parses and cannot is a failure that no fault handler sees; the charset of `ContentType`
/// becomes a property.
#[test]
fn a_file_that_is_parsed_first() {
    let mut world = World::new(&[]);
    let bad = world.path("bad");
    fs::create_dir(&bad).unwrap();
    world.attributes = " onError=\"ToSink\"";
    world.parameters = [
        ("Build", "true"),
        ("ContentType", "application/xml; charset=ISO-8859-1"),
        ("ActionAfterFailure", "MOVE"),
        ("MoveAfterFailure", bad.to_str().unwrap()),
    ]
    .map(|(name, value)| format!("<parameter name=\"transport.vfs.{name}\">{value}</parameter>\n"))
    .concat();
    fs::write(world.path("in").join("a.xml"), "<a>").unwrap();
    fs::write(world.path("in").join("b.xml"), b"<b>\xe4</b>").unwrap();
    let nodes = BTreeMap::from([("n0".to_owned(), world.start("n0", "n0", false))]);
    world.until_empty(&nodes);
    assert_eq!(names(&bad), ["a.xml"]);
    let requests = world.sink.requests();
    assert_eq!(requests.iter().map(Received::path).collect::<Vec<_>>(), ["/n0/b.xml"]);
    assert_eq!(values(&requests[0].headers, "X-Charset"), ["ISO-8859-1"]);
    assert_eq!(requests[0].body, b"<b>\xe4</b>");
    let types = values(&requests[0].headers, "Content-Type");
    assert!(types[0].to_ascii_uppercase().contains("ISO-8859-1"), "{types:?}");
}
