//! Processes: started on one core, measured from `/proc`, ended with this value.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// A process group of ours.
#[derive(Debug)]
pub struct Process {
    child: Child,
}

/// Memory of a process tree, in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Memory {
    pub rss: u64,
    pub pss: u64,
}

impl Process {
    /// Starts a command with its output in a file, on one core when `core` says which.
    pub fn start(
        program: &Path,
        arguments: &[String],
        dir: &Path,
        core: Option<usize>,
    ) -> io::Result<Process> {
        let log = fs::File::create(dir.join("output.log"))?;
        let mut command = match core {
            Some(core) => {
                let mut command = Command::new("taskset");
                command.arg("-c").arg(core.to_string()).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.args(arguments).current_dir(dir).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.process_group(0).spawn()?;
        Ok(Process { child })
    }

    /// CPU time of all threads of the tree so far.
    pub fn cpu(&self) -> Duration {
        let nanos = tree(self.child.id()).into_iter().map(|pid| cpu_of(&format!("/proc/{pid}/task"))).sum();
        Duration::from_nanos(nanos)
    }

    /// Memory of the tree now.
    pub fn memory(&self) -> Memory {
        let mut out = Memory::default();
        for pid in tree(self.child.id()) {
            let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
            let field = |name: &str| {
                let line = text.lines().find(|l| l.starts_with(name));
                line.and_then(|l| l.split_whitespace().nth(1))
                    .and_then(|n| n.parse::<u64>().ok())
                    .unwrap_or(0)
                    * 1024
            };
            out.rss += field("Rss:");
            out.pss += field("Pss:");
        }
        out
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

/// A process and everything below it.
fn tree(pid: u32) -> Vec<u32> {
    let mut out = vec![pid];
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    for task in tasks {
        let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        out.extend(children.split_whitespace().filter_map(|c| c.parse().ok()).flat_map(tree));
    }
    out
}

/// Nanoseconds on a CPU, of every thread in a task folder.
fn cpu_of(tasks: &str) -> u64 {
    let threads = fs::read_dir(tasks).into_iter().flatten().flatten();
    let time = |path: &Path| fs::read_to_string(path).ok()?.split_whitespace().next()?.parse::<u64>().ok();
    threads.filter_map(|t| time(&t.path().join("schedstat"))).sum()
}

/// Load average over one minute; 0 where the system does not tell.
pub fn load_average() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or_default()
}

/// CPU time of this process so far.
pub fn own_cpu() -> Duration {
    Duration::from_nanos(cpu_of("/proc/self/task"))
}

impl Drop for Process {
    fn drop(&mut self) {
        let group = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        for signal in [Signal::TERM, Signal::KILL] {
            // A group that has ended already is what we want.
            group.map(|g| kill_process_group(g, signal).ok());
            let end = Instant::now() + Duration::from_secs(5);
            while Instant::now() < end {
                if !self.is_alive() {
                    return;
                }
                sleep(Duration::from_millis(5));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_measured_and_ended() {
        let dir = tempfile::tempdir().unwrap();
        let busy = ["-c".to_owned(), "while :; do :; done".to_owned()];
        let mut p = Process::start(Path::new("sh"), &busy, dir.path(), None).unwrap();
        sleep(Duration::from_millis(150));
        assert!(p.cpu() > Duration::from_millis(20), "{:?}", p.cpu());
        assert!(p.memory().rss > 100_000);
        let pid = p.child.id();
        assert!(p.is_alive());
        drop(p);
        assert!(!Path::new(&format!("/proc/{pid}/stat")).exists());
    }
}
