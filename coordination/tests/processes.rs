//! Real processes, real signals, a real database: kill -9, a freeze of three leases, SIGTERM.
//!
//! The nodes are `examples/node.rs`. This process is the sink: it notes with its own clock when each
//! line arrives, and judges by that. SQLite always runs; PostgreSQL and MariaDB as in `stores.rs`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// The fast profile's lease length, see `Timing::fast`.
const LEASE: Duration = Duration::from_millis(2500);

struct Line {
    at: Instant,
    node: usize,
    text: String,
}

struct Cluster {
    address: String,
    group: String,
    nodes: Vec<Option<Child>>,
    lines: Receiver<Line>,
    sender: Sender<Line>,
    /// Fires as they arrived: when, from which node, under which epoch.
    fires: Vec<(Instant, usize, i64)>,
}

/// A whole `cargo test` has built the example; `--test processes` alone has not, or an older one. The
/// packages that are selected decide with which features dependencies are compiled: with those of
/// `cargo test --workspace` nothing is compiled a second time.
fn program() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let find = || {
        let me = std::env::current_exe().unwrap();
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "-q", "--workspace", "--example", "node"]);
        // What names this package would make build scripts that look at it run anew (ring's does).
        let names = std::env::vars_os().map(|(name, _)| name);
        names.filter(|n| n.to_string_lossy().starts_with("CARGO_PKG_")).for_each(|n| _ = cargo.env_remove(n));
        cargo.env_remove("CARGO_MANIFEST_DIR").env_remove("CARGO_MANIFEST_PATH");
        assert!(cargo.status().unwrap().success());
        me.parent().and_then(|deps| deps.parent()).unwrap().join("examples/node")
    };
    BUILT.get_or_init(find).clone()
}

impl Cluster {
    fn start(address: &str, size: usize) -> Self {
        let (sender, lines) = channel();
        let group = format!("p-{}", uuid::Uuid::new_v4().simple());
        let (nodes, fires) = (Vec::new(), Vec::new());
        let mut cluster = Self { address: address.into(), group, nodes, lines, sender, fires };
        (0..size).for_each(|_| cluster.add());
        cluster
    }

    fn add(&mut self) {
        let node = self.nodes.len();
        let mut child = Command::new(program())
            .args([&self.address, &self.group, &format!("n{node}")])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (out, sender) = (child.stdout.take().unwrap(), self.sender.clone());
        std::thread::spawn(move || {
            for text in BufReader::new(out).lines().map_while(Result::ok) {
                if sender.send(Line { at: Instant::now(), node, text }).is_err() {
                    return;
                }
            }
        });
        self.nodes.push(Some(child));
    }

    fn signal(&self, node: usize, name: &str) {
        let pid = self.nodes[node].as_ref().unwrap().id().to_string();
        // The shell's own: a small system has no program of this name.
        let kill = format!("kill {name} {pid}");
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Takes in lines until one fits, and gives it.
    fn wait(&mut self, limit: Duration, what: &str, fits: impl Fn(&Line) -> bool) -> Line {
        let until = Instant::now() + limit;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else { panic!("no {what} within {limit:?}") };
            if let Some(epoch) = line.text.strip_prefix("fire ") {
                self.fires.push((line.at, line.node, epoch.parse().unwrap()));
            }
            if fits(&line) {
                return line;
            }
        }
    }

    fn owner(&mut self) -> usize {
        self.wait(Duration::from_secs(20), "fire", |l| l.text.starts_with("fire")).node
    }

    fn first_fire_elsewhere(&mut self, than: usize, limit: Duration) -> Instant {
        self.wait(limit, "fire elsewhere", |l| l.node != than && l.text.starts_with("fire")).at
    }

    /// Takes in what arrives during this time.
    fn listen(&mut self, length: Duration) {
        let until = Instant::now() + length;
        while let Ok(line) = self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            if let Some(epoch) = line.text.strip_prefix("fire ") {
                self.fires.push((line.at, line.node, epoch.parse().unwrap()));
            }
        }
    }

    /// No start under an older epoch arrives after one under a newer.
    fn assert_ordered(&self) {
        let epochs: Vec<i64> = self.fires.iter().map(|(_, _, epoch)| *epoch).collect();
        assert!(epochs.is_sorted(), "{epochs:?}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for child in self.nodes.iter_mut().flatten() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

fn kill_nine(address: &str) -> Duration {
    let mut cluster = Cluster::start(address, 3);
    let owner = cluster.owner();
    cluster.listen(Duration::from_millis(2700));
    let killed = Instant::now();
    let mut child = cluster.nodes[owner].take().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let gap = cluster.first_fire_elsewhere(owner, Duration::from_secs(10)) - killed;
    cluster.listen(Duration::from_secs(1));
    cluster.assert_ordered();
    gap
}

/// Stops the owner for three leases. Another takes over; after the thaw the old one starts nothing.
fn freeze(address: &str) -> Duration {
    let mut cluster = Cluster::start(address, 2);
    let owner = cluster.owner();
    cluster.listen(Duration::from_millis(2700));
    cluster.signal(owner, "-STOP");
    let frozen = Instant::now();
    let gap = cluster.first_fire_elsewhere(owner, Duration::from_secs(10)) - frozen;
    cluster.listen((3 * LEASE).saturating_sub(frozen.elapsed()));
    cluster.signal(owner, "-CONT");
    cluster.listen(Duration::from_secs(3));
    cluster.assert_ordered();
    let last = cluster.fires.last().unwrap();
    assert!(last.1 != owner && last.0.elapsed() < Duration::from_secs(1), "the new owner goes on");
    gap
}

fn terminate(address: &str) -> Duration {
    let mut cluster = Cluster::start(address, 3);
    let owner = cluster.owner();
    cluster.listen(Duration::from_millis(2700));
    cluster.signal(owner, "-TERM");
    let stopped = cluster.wait(Duration::from_secs(5), "stop", |l| l.text.starts_with("stop")).at;
    let gap = cluster.first_fire_elsewhere(owner, Duration::from_secs(5)) - stopped;
    let status = cluster.nodes[owner].as_mut().unwrap().wait().unwrap();
    assert!(status.success(), "it left in good order");
    cluster.assert_ordered();
    gap
}

/// One cluster at a time: what is judged here is time, and other clusters would take the processor.
static ALONE: Mutex<()> = Mutex::new(());

fn all_faults(name: &str, address: &str, crash_limit: Duration) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let killed = kill_nine(address);
    println!("{name}: kill -9 to first fire elsewhere {killed:?}");
    assert!(killed <= crash_limit, "{killed:?}");
    let frozen = freeze(address);
    println!("{name}: SIGSTOP to first fire elsewhere {frozen:?}, none under the old epoch after SIGCONT");
    assert!(frozen <= Duration::from_millis(3500), "{frozen:?}");
    let ended = terminate(address);
    println!("{name}: SIGTERM, end of the run to first fire elsewhere {ended:?}");
    assert!(ended <= Duration::from_millis(1200), "{ended:?}");
}

#[test]
fn sqlite_survives_kill_freeze_and_term() {
    let dir = tempfile::tempdir().unwrap();
    let address = format!("sqlite:{}", dir.path().join("c.db").display());
    // The file lock proves the death: no lease has to run out.
    all_faults("sqlite", &address, Duration::from_millis(1500));
}

fn server(name: &str, variable: &str) {
    #[allow(clippy::disallowed_methods)]
    match std::env::var(variable) {
        Ok(address) => all_faults(name, &address, Duration::from_millis(3500)),
        Err(_) => println!("LEFT OUT: {variable} is not set, no faults were tried on {name}"),
    }
}

#[test]
fn postgres_survives_kill_freeze_and_term() {
    server("postgres", "GANGLION_TEST_POSTGRES");
}

#[test]
fn mariadb_survives_kill_freeze_and_term() {
    server("mariadb", "GANGLION_TEST_MARIADB");
}
