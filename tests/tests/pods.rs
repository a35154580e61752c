//! The pods of `docker/kubernetes/3-coordination.yaml`, started as processes of this machine: the same
//! arguments, environment and ConfigMap volumes. What differs is given: names, ports, the Secret, and
//! the database (`GANGLION_TEST_POSTGRES` names a PostgreSQL; else an SQLite file).

// This whole file is a test, helpers included.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use harness::cases::free_offset;
use harness::pods::{Given, Manifests, list, write_volume};
use harness::wire::{self, Request};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Until a deployment is ready, work is spread, or a change is deployed (15 s between two looks).
const PATIENCE: Duration = Duration::from_secs(60);

fn manifest(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docker/kubernetes").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Replaces exactly what the manifest holds; a manifest that no longer holds it is an error.
fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "the manifest does not hold {from}");
    text.replace(from, to)
}

struct Running {
    name: String,
    process: Child,
    offset: u16,
    root: PathBuf,
    mounts: BTreeMap<String, PathBuf>,
    grace: Duration,
}

impl Running {
    /// Starts the pod `name` of the only Deployment and waits until it is ready, as its probe asks.
    fn start(manifests: &Manifests, name: &str, secret: &str, root: &Path) -> Running {
        let deployment = manifests.of("Deployment").next().unwrap();
        let root = root.join(name);
        let pod = manifests.pod(deployment, &Given { pod: name, secret }, &root).unwrap();
        let offset = free_offset();
        let log = File::create(root.join("log")).unwrap();
        let process = Command::new(harness::binary::server().unwrap())
            .args(&pod.args)
            .args(["--port-offset", &offset.to_string()])
            .env_clear()
            .envs(&pod.env)
            .current_dir(&root)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let seconds =
            deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"].as_u64().unwrap();
        let grace = Duration::from_secs(seconds);
        let mut running = Running { name: name.to_owned(), process, offset, root, mounts: pod.mounts, grace };
        running.wait("ready", |pod| pod.get(9191, "/healthz").filter(|answer| answer["status"] == "ready"));
        running
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.root.join("log")).unwrap_or_default()
    }

    /// The JSON at a path of the listener whose port without offset is `base`.
    fn get(&self, base: u16, path: &str) -> Option<Value> {
        let port = base + self.offset;
        let stream = wire::connect("127.0.0.1", port, Duration::from_secs(5)).ok()?;
        let request = Request { method: "GET".into(), target: path.into(), ..Request::default() };
        let bytes = request.bytes(&format!("127.0.0.1:{port}"));
        let answer = wire::exchange(stream, &bytes, "GET", Instant::now()).ok()?;
        serde_json::from_slice(&answer.body).ok()
    }

    fn wait<T>(&mut self, what: &str, mut event: impl FnMut(&Running) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(found) = event(self) {
                return found;
            }
            let ended = self.process.try_wait().unwrap();
            assert!(ended.is_none(), "{} ended with {ended:?}: {}", self.name, self.log());
            sleep(Duration::from_millis(20));
        }
        let state = self.get(9191, "/coordination");
        panic!("{}: not {what} after {PATIENCE:?}; {state:?}; log: {}", self.name, self.log());
    }

    /// As Kubernetes ends a pod: SIGTERM, and an end in the grace period.
    fn terminate(mut self) -> Duration {
        let asked = Instant::now();
        kill_process(Pid::from_child(&self.process), Signal::TERM).unwrap();
        while asked.elapsed() < self.grace {
            if let Some(status) = self.process.try_wait().unwrap() {
                assert!(status.success(), "{} ended with {status}: {}", self.name, self.log());
                return asked.elapsed();
            }
            sleep(Duration::from_millis(5));
        }
        panic!("{} did not end within {:?}: {}", self.name, self.grace, self.log());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// What `/coordination` says: the members' nodes, and the owner and number of runs of each activation.
struct View {
    members: BTreeSet<String>,
    work: BTreeMap<String, (String, u64)>,
}

impl View {
    fn of(pod: &Running) -> Option<View> {
        let state = pod.get(9191, "/coordination")?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let work = list(&state["activations"]).iter().map(|row| {
            (text(&row["activation"]), (text(&row["node"]), row["runs"].as_u64().unwrap_or_default()))
        });
        let members = list(&state["members"]).iter().map(|member| text(&member["node"]));
        Some(View { members: members.collect(), work: work.collect() })
    }

    fn owners(&self) -> BTreeSet<String> {
        self.work.values().map(|(node, _)| node.clone()).collect()
    }
}

/// The manifest with a database that is here: its text, and what the Secret holds.
fn with_database(text: &str, root: &Path) -> (String, String) {
    let url = "jdbc:postgresql://database:5432/ganglion";
    #[allow(clippy::disallowed_methods)]
    let Ok(server) = std::env::var("GANGLION_TEST_POSTGRES") else {
        println!("GANGLION_TEST_POSTGRES is not set: the pods share an SQLite file");
        let file = format!("sqlite:{}", root.join("group.db").display());
        return (replaced(text, url, &file), "none".to_owned());
    };
    let (who, place) = server.trim_start_matches("postgres://").split_once('@').unwrap();
    let (user, password) = who.split_once(':').unwrap();
    let text = replaced(text, url, &format!("jdbc:postgresql://{place}"));
    let text = replaced(&text, "username = \"ganglion\"", &format!("username = \"{user}\""));
    // Others may use this database at the same time.
    let group =
        format!("[coordination]\n    group = \"pods-{}\"\n\n    [cluster_config]", std::process::id());
    (replaced(&text, "[cluster_config]", &group), password.to_owned())
}

#[test]
fn three_pods_share_the_work_and_hand_it_over() {
    let root = tempfile::tempdir().unwrap();
    let (text, secret) = with_database(&manifest("3-coordination.yaml"), root.path());
    let manifests = Manifests::parse(&text).unwrap();
    let replicas = manifests.of("Deployment").next().unwrap()["spec"]["replicas"].as_u64().unwrap();
    let names: Vec<String> = (0..replicas).map(|n| format!("orders-6c5d8f-{n}")).collect();
    let mut pods: Vec<Running> =
        names.iter().map(|name| Running::start(&manifests, name, &secret, root.path())).collect();
    let all: BTreeSet<String> = names.iter().cloned().collect();
    for pod in &mut pods {
        // Three tasks on three pods: each runs one.
        let spread = |view: &View| view.members == all && view.work.len() == 3 && view.owners() == all;
        pod.wait("sharing the work of three", |pod| View::of(pod).filter(spread));
        assert_eq!(pod.get(8280, "/hello").unwrap()["hello"], "world");
        assert!(!pod.log().contains("problems were found"), "{}", pod.log());
    }
    let before = View::of(&pods[0]).unwrap();
    let leaving = pods.remove(1);
    let gone = leaving.name.clone();
    let moved: Vec<&String> =
        before.work.iter().filter(|(_, (node, _))| *node == gone).map(|(key, _)| key).collect();
    let took = leaving.terminate();
    let ended = Instant::now();
    let left: BTreeSet<String> = all.iter().filter(|name| **name != gone).cloned().collect();
    for pod in &mut pods {
        let handed = |view: &View| view.members == left && view.work.len() == 3 && view.owners() == left;
        pod.wait("the heir of the work", |pod| View::of(pod).filter(handed));
    }
    let handed = ended.elapsed();
    let first = &mut pods[0];
    first.wait("running what was moved", |pod| {
        let view = View::of(pod)?;
        moved.iter().all(|key| view.work[*key].1 > before.work[*key].1).then_some(())
    });
    println!("{moved:?} left {gone}: it ended in {took:?}, all is owned again after {handed:?}");
}

#[test]
fn a_changed_config_map_is_deployed_once() {
    let root = tempfile::tempdir().unwrap();
    let text = replaced(&manifest("1-single.yaml"), "hot_deployment = false", "hot_deployment = true");
    let manifests = Manifests::parse(&text).unwrap();
    let mut pod = Running::start(&manifests, "orders-0", "none", root.path());
    assert_eq!(pod.get(8280, "/hello").unwrap()["hello"], "world");
    let changed = Manifests::parse(&replaced(&text, "\"world\"", "\"moon\"")).unwrap();
    let data = changed.config_map("orders-artifacts").unwrap();
    write_volume(&pod.mounts["/artifacts"], "2", &data).unwrap();
    pod.wait("serving the changed artifacts", |pod| {
        pod.get(8280, "/hello").filter(|answer| answer["hello"] == "moon")
    });
    let log = pod.log();
    assert_eq!(log.matches("artifacts changed").count(), 1, "{log}");
    assert_eq!(log.matches("3 artifacts deployed").count(), 2, "{log}");
    pod.terminate();
}
