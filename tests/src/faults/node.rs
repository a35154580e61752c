//! One server process of a cluster.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::wire::{self, Request};

/// Port of the probes, of the state and of the metrics, at offset 0.
const INTERNAL: u16 = 9191;

/// How a process is started.
#[derive(Debug)]
pub struct Start<'a> {
    /// The server.
    pub binary: &'a Path,
    /// Folder of its artifacts.
    pub home: &'a Path,
    /// Its `deployment.toml`.
    pub config: &'a Path,
    /// The file that gets what it writes.
    pub log: PathBuf,
    /// Variables that it gets beside ours.
    pub environment: &'a [(String, String)],
}

/// Processes that were started and not waited for.
static RUNNING: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

fn running() -> MutexGuard<'static, BTreeSet<u32>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Kills every process of this suite, because it ends.
pub fn kill_all() {
    running().iter().for_each(|id| send(*id, Signal::KILL));
}

fn send(id: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        // A process that is gone is found out by whoever waits for it.
        kill_process(pid, signal).ok();
    }
}

/// A process; killed when this is dropped.
#[derive(Debug)]
pub struct Node {
    /// Its name in the record: node and number of its starts, `n1.0`.
    pub process: String,
    child: Child,
    offset: u16,
    log: PathBuf,
}

impl Node {
    /// Starts a process. It is not ready yet.
    pub fn start(process: &str, start: Start<'_>) -> io::Result<Node> {
        let offset = crate::cases::free_offset();
        let out = File::create(&start.log)?;
        let child = Command::new(start.binary)
            .arg("run")
            .arg(start.home)
            .arg("--config")
            .arg(start.config)
            .args(["--port-offset", &offset.to_string()])
            .envs(start.environment.iter().map(|(k, v)| (k, v)))
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()?;
        running().insert(child.id());
        Ok(Node { process: process.to_owned(), child, offset, log: start.log })
    }

    fn signal(&self, signal: Signal) {
        send(self.child.id(), signal);
    }

    /// SIGSTOP.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// SIGTERM; does not wait.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// kill -9; returns when it is gone.
    pub fn kill(&mut self) {
        // Before it is waited for: afterwards the id may be another's.
        running().remove(&self.child.id());
        // One that was waited for is not there any more.
        self.child.kill().ok();
        self.child.wait().ok();
    }

    /// Waits for the end of the process. `None`: it still runs.
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + limit;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => {
                    running().remove(&self.child.id());
                    return Some(status);
                }
                _ if Instant::now() >= until => return None,
                _ => sleep(Duration::from_millis(5)),
            }
        }
    }

    /// Its view of the group. `None`: it does not answer (yet).
    pub fn status(&self) -> Option<Value> {
        serde_json::from_str(&self.ask("/coordination")?).ok()
    }

    /// A metric without labels.
    pub fn metric(&self, name: &str) -> Option<f64> {
        let text = self.ask("/metric-service/metrics")?;
        let line = text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned))?;
        line.trim().parse().ok()
    }

    fn ask(&self, target: &str) -> Option<String> {
        let stream = wire::connect("127.0.0.1", INTERNAL + self.offset, Duration::from_secs(2)).ok()?;
        let request = Request { method: "GET".into(), target: target.into(), ..Request::default() };
        let answer = wire::exchange(stream, &request.bytes("node"), "GET", Instant::now()).ok()?;
        (answer.status == 200).then(|| answer.text())
    }

    /// Everything it has written.
    pub fn log(&self) -> String {
        std::fs::read(&self.log).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}
