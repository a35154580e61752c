//! Several processes in one group on one database, each behind its own proxy, with one sink.
//! What is promised of a fault is in `promises`.

mod promises;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::runtime::Handle;

use super::claims::{Claim, Gap};
use super::database::{Databases, Kind};
use super::feeder::Feeder;
use super::home::{self, Artifact, FILES};
use super::node::{Node, Start};
use super::profile::Profile;
use super::proxy::{Proxy, Toxic};
use super::rules::{Finite, Suspect};
use super::sink::{HOLD, Sink};

/// What all faults share.
#[derive(Debug)]
pub struct World {
    /// Where the proxies run.
    pub runtime: Handle,
    /// The server.
    pub binary: PathBuf,
    /// The database servers of this suite.
    pub databases: std::sync::Arc<Databases>,
}

/// The place of one node: it survives the processes that run there.
#[derive(Debug)]
pub struct Slot {
    /// Name of the node: `n1`.
    pub name: String,
    /// Between it and the database.
    pub proxy: Proxy,
    /// What the next process that starts here has.
    pub artifacts: Vec<Artifact>,
    /// Variables that this process gets beside ours.
    pub environment: Vec<(String, String)>,
    /// The process that runs here.
    pub node: Option<Node>,
    /// Processes that have been started here.
    starts: usize,
    /// Another slot's node id, to try what must not be.
    pub node_id: Option<String>,
}

/// A cluster, and what is promised of the fault that is tried on it.
#[derive(Debug)]
pub struct Cluster<'a> {
    /// What all faults share.
    pub world: &'a World,
    /// The database it is tried on.
    pub kind: Kind,
    /// The time settings of its nodes.
    pub profile: Profile,
    /// Where all runs report. Its clock is the one all times here are of.
    pub sink: Sink,
    /// Its nodes, running or not.
    pub slots: Vec<Slot>,
    /// The group its nodes take part in.
    pub group: String,
    /// Homes and logs of its processes.
    dir: PathBuf,
    feeder: Option<Feeder>,
    /// When the fault struck: moves are counted from here.
    pub struck: Duration,
    /// Processes that were killed, frozen or cut off.
    pub suspects: Vec<Suspect>,
    /// The finite tasks that are deployed.
    pub finite: Vec<Finite>,
    /// What is promised.
    pub claims: Vec<Claim>,
    /// Remarks for the report.
    pub notes: Vec<String>,
    /// Gaps of repeated trials.
    pub samples: Vec<Gap>,
}

impl<'a> Cluster<'a> {
    /// No node yet. `dir` takes homes and logs.
    pub fn new(
        world: &'a World,
        kind: Kind,
        profile: Profile,
        dir: &Path,
        group: String,
    ) -> Result<Cluster<'a>, String> {
        if dir.exists() {
            std::fs::remove_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        }
        std::fs::create_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        // Homes stand in file: addresses, so they must be absolute.
        let dir = dir.canonicalize().map_err(|e| e.to_string())?;
        let sink = Sink::start(HOLD).map_err(|e| e.to_string())?;
        Ok(Cluster {
            world,
            kind,
            profile,
            sink,
            slots: Vec::new(),
            group,
            dir,
            feeder: None,
            struck: Duration::ZERO,
            suspects: Vec::new(),
            finite: Vec::new(),
            claims: Vec::new(),
            notes: Vec::new(),
            samples: Vec::new(),
        })
    }

    /// Six interval tasks, two cron tasks, a finite one, and a file source that is fed from now on.
    pub fn mix(&mut self) -> Result<Vec<Artifact>, String> {
        let folder = self.dir.join("in");
        self.feeder = Some(Feeder::start(&folder, &self.dir).map_err(|e| e.to_string())?);
        let mut all: Vec<Artifact> = (1..=6).map(|n| Artifact::each_second(&format!("t{n}"))).collect();
        all.extend((1..=2).map(|n| Artifact::Cron { name: format!("cron{n}") }));
        all.push(Artifact::Interval { name: "finite".into(), seconds: 1, count: Some(12) });
        self.finite.push(Finite { task: "finite".into(), count: 12, may_lose: 0 });
        all.push(Artifact::Files { folder });
        Ok(all)
    }

    /// A node with these artifacts, not started.
    pub fn slot(&mut self, name: &str, artifacts: &[Artifact]) -> Result<usize, String> {
        let upstream = self.world.databases.port(self.kind);
        let proxy = Proxy::start(&self.world.runtime, upstream).map_err(|e| e.to_string())?;
        self.slots.push(Slot {
            name: name.to_owned(),
            proxy,
            artifacts: artifacts.to_vec(),
            environment: Vec::new(),
            node: None,
            starts: 0,
            node_id: None,
        });
        Ok(self.slots.len() - 1)
    }

    /// Starts a process in a slot, with a home of its own.
    pub fn start(&mut self, at: usize) -> Result<(), String> {
        let (dir, sink, kind) = (self.dir.clone(), self.sink.port(), self.kind);
        let (group, profile) = (self.group.clone(), self.profile.name);
        let slot = self.slots.get_mut(at).ok_or("no such node")?;
        let process = format!("{}.{}", slot.name, slot.starts);
        slot.starts += 1;
        let home = dir.join(&process);
        home::write(&home, &process, sink, &slot.artifacts).map_err(|e| format!("{process}: {e}"))?;
        let url = Databases::url(kind, slot.proxy.port());
        let node = slot.node_id.as_deref().unwrap_or(&slot.name);
        let settings = home::Settings { url: &url, group: &group, node, profile };
        let config = dir.join(format!("{process}.toml"));
        std::fs::write(&config, settings.toml()).map_err(|e| format!("{process}: {e}"))?;
        let log = dir.join(format!("{process}.log"));
        let binary = &self.world.binary;
        let start = Start { binary, home: &home, config: &config, log, environment: &slot.environment };
        slot.node = Some(Node::start(&process, start).map_err(|e| format!("{process}: {e}"))?);
        Ok(())
    }

    /// The usual cluster: this many nodes with the whole mix, work spread evenly.
    pub fn start_mix(&mut self, size: usize) -> Result<(), String> {
        let artifacts = self.mix()?;
        for n in 1..=size {
            let at = self.slot(&format!("n{n}"), &artifacts)?;
            self.start(at)?;
        }
        self.balanced()
    }

    /// The running process of a slot.
    pub fn node(&self, at: usize) -> Result<&Node, String> {
        self.slots.get(at).and_then(|s| s.node.as_ref()).ok_or_else(|| "the node does not run".into())
    }

    /// The same, to signal it.
    pub fn node_mut(&mut self, at: usize) -> Result<&mut Node, String> {
        self.slots.get_mut(at).and_then(|s| s.node.as_mut()).ok_or_else(|| "the node does not run".into())
    }

    /// Its name in the record.
    pub fn process(&self, at: usize) -> Result<String, String> {
        self.node(at).map(|n| n.process.clone())
    }

    /// All running processes.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.slots.iter().filter_map(|s| s.node.as_ref())
    }

    /// Switches the proxies of these slots.
    pub fn toxic(&self, at: &[usize], toxic: Toxic) {
        at.iter().filter_map(|n| self.slots.get(*n)).for_each(|s| s.proxy.set(toxic));
    }

    /// All slots.
    pub fn all(&self) -> Vec<usize> {
        (0..self.slots.len()).collect()
    }

    /// The time on the sink's clock.
    pub fn now(&self) -> Duration {
        self.sink.now()
    }

    /// Lets time pass: the only thing to wait for is that nothing happens, or that a fault lasts.
    pub fn wait_out(&self, length: Duration) {
        sleep(length);
    }

    /// Waits until something is so. The error names it.
    pub fn until(
        &self,
        limit: Duration,
        what: &str,
        mut is_so: impl FnMut(&Self) -> bool,
    ) -> Result<(), String> {
        let end = Instant::now() + limit;
        while !is_so(self) {
            if Instant::now() >= end {
                return Err(format!("{what}: not within {limit:.1?}"));
            }
            sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Waits until all nodes agree that all work is spread evenly over all of them, and it runs.
    pub fn balanced(&self) -> Result<(), String> {
        let nodes = self.nodes().count();
        self.until(Duration::from_secs(60), "work spread evenly over all nodes", |c| {
            c.nodes().all(|node| node.status().is_some_and(|status| is_balanced(&status, nodes)))
        })?;
        self.running()
    }

    /// Waits until each steady task has started once more.
    pub fn running(&self) -> Result<(), String> {
        self.running_except("")
    }

    /// The same, but one task may have ended.
    pub fn running_except(&self, ended: &str) -> Result<(), String> {
        let begun = self.now();
        self.until(self.profile.bound * 2, "every task runs", |c| {
            let owners = c
                .sink
                .look(|r| r.starts().filter(|e| e.at >= begun).map(|e| e.task.clone()).collect::<Vec<_>>());
            c.steady().iter().all(|task| task == ended || owners.contains(task))
        })
    }

    /// A path beside the homes.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The home of the process that runs in a slot.
    pub fn home(&self, at: usize) -> Result<PathBuf, String> {
        Ok(self.dir.join(self.process(at)?))
    }

    /// Tasks that start each second, wherever they are deployed.
    pub fn steady(&self) -> Vec<String> {
        let all = self.slots.iter().flat_map(|s| &s.artifacts).filter(|a| a.is_steady());
        let mut names: Vec<String> = all.map(|a| a.name().to_owned()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// What must be taken over in time: steady tasks, and the file source, which always has files.
    pub fn gated(&self) -> Vec<String> {
        let mut names = self.steady();
        names.extend(self.feeder.is_some().then(|| FILES.to_owned()));
        names
    }

    /// How many tasks each process had last.
    pub fn loads(&self) -> BTreeMap<String, usize> {
        let now = self.now();
        let mut loads = BTreeMap::new();
        for owner in self.sink.look(|r| r.owners(now)).into_values() {
            *loads.entry(owner).or_default() += 1;
        }
        loads
    }

    /// The node with the most work.
    pub fn busiest(&self) -> Result<usize, String> {
        let loads = self.loads();
        let load = |at: &usize| self.process(*at).ok().and_then(|p| loads.get(&p).copied()).unwrap_or(0);
        self.all().into_iter().max_by_key(load).ok_or_else(|| "no node".into())
    }

    /// Waits until each running node sees this many members.
    pub fn joined(&self, members: usize) -> Result<(), String> {
        let sees = |n: &Node| {
            n.status().is_some_and(|s| {
                s["phase"] == "member" && s["members"].as_array().is_some_and(|m| m.len() == members)
            })
        };
        let limit = self.profile.bound * 2;
        self.until(limit, &format!("{members} members everywhere"), |c| c.nodes().all(sees))
    }

    /// Stops feeding, waits for the last file, and gives the names of all.
    pub fn finish_feeding(&mut self) -> Vec<String> {
        let Some(feeder) = self.feeder.take() else { return Vec::new() };
        let names = feeder.finish();
        let count = names.len();
        let done = |c: &Self| {
            c.sink.look(|r| {
                let runs = r.runs();
                let ended = runs.iter().filter(|run| run.task == FILES && run.end.is_some());
                ended.map(|run| run.fire.clone()).collect::<std::collections::BTreeSet<_>>().len()
            })
        };
        // One after the other, each with a run and a poll. One that never comes is found by the rules.
        let work = Duration::from_millis(400) * u32::try_from(count).unwrap_or(u32::MAX);
        self.until(self.profile.bound * 2 + work, "all files are done", |c| done(c) >= count).ok();
        names
    }

    /// The last lines of every log in its folder.
    pub fn tails(&self, lines: usize) -> String {
        let mut out = String::new();
        let entries = std::fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let mut logs: Vec<PathBuf> = entries.map(|e| e.path()).collect();
        logs.retain(|p| p.extension().is_some_and(|e| e == "log"));
        logs.sort();
        for log in logs {
            let text =
                std::fs::read(&log).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default();
            let all: Vec<&str> = text.lines().collect();
            out.push_str(&format!("--- {}\n", log.display()));
            all.iter().skip(all.len().saturating_sub(lines)).for_each(|l| {
                out.push_str(l);
                out.push('\n');
            });
        }
        out
    }

    /// Removes homes and logs.
    pub fn clean(self) {
        let dir = self.dir.clone();
        drop(self);
        // What cannot be removed is in the way of nobody.
        std::fs::remove_dir_all(dir).ok();
    }
}

/// All members are there, everything has an owner, and loads differ by one at most.
fn is_balanced(status: &Value, nodes: usize) -> bool {
    let members = status["members"].as_array().map_or(0, Vec::len);
    let Some(activations) = status["activations"].as_array() else { return false };
    let mut loads: BTreeMap<&str, usize> = BTreeMap::new();
    for activation in activations {
        let Some(node) = activation["node"].as_str() else { return false };
        *loads.entry(node).or_default() += 1;
    }
    let least = if loads.len() < nodes { 0 } else { loads.values().copied().min().unwrap_or(0) };
    let most = loads.values().copied().max().unwrap_or(0);
    members == nodes && !activations.is_empty() && most - least <= 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn balance_is_seen() {
        let status = |nodes: &[Option<&str>], members: usize| {
            let all: Vec<_> = nodes.iter().map(|n| json!({"activation": "x", "node": n})).collect();
            json!({"members": vec![json!({}); members], "activations": all})
        };
        assert!(is_balanced(&status(&[Some("a"), Some("b"), Some("a")], 2), 2));
        assert!(!is_balanced(&status(&[Some("a"), Some("b")], 1), 2), "one member is missing");
        assert!(!is_balanced(&status(&[Some("a"), None], 2), 2), "one has no owner");
        assert!(!is_balanced(&status(&[Some("a"), Some("a")], 2), 2), "one node has nothing");
        assert!(!is_balanced(&status(&[], 2), 2));
    }
}
