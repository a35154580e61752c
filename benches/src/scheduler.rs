//! The scheduler under load: how late runs start, and how many a database lets through.
//!
//! Artifacts give intervals in whole seconds; a tenth of that is needed here, so the runtime's parts
//! are put together in this process: the same engine, activations and HTTP workers as the server's,
//! on the same number of threads. The load generator runs beside them and takes its share of the
//! machine, as clients on the same machine would.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use coordination::clock::SystemClock;
use coordination::store::address::Address;
use coordination::{Config, Coordinator, Handle};
use runtime::activation::schedule::Schedule;
use runtime::activation::{ActivationSet, Activations, Lateness, ScheduledTask};
use runtime::engine::{Door, Engine};
use runtime::http::{Listener, ListenerOptions, Running, Workers};
use runtime::program::Program;
use runtime::services::Services;
use runtime::{check, compile, deploy, settings::Settings};

use crate::load::{self, Load, Mode};

const NAMESPACE: &str = "http://ws.apache.org/ns/synapse";

/// Share of the highest request rate that runs beside the scheduler in the second part.
const LOAD: f64 = 0.7;

/// What to measure.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Tasks.
    pub tasks: usize,
    /// Milliseconds between the runs of one task.
    pub every_ms: i64,
    /// Length of the idle part; the others last a third of it, at least 2 s.
    pub time: Duration,
    /// Connections of the load generator.
    pub connections: usize,
    /// A coordination database for the last part.
    pub database: Option<String>,
}

/// Starts during one part.
#[derive(Debug, Clone)]
pub struct Part {
    /// What went on beside it.
    pub name: String,
    /// Runs started, per second.
    pub per_second: f64,
    /// Runs that were due, per second.
    pub due: f64,
    /// Upper bounds in milliseconds for half, 99 and 99.9 of 100 starts; `None`: above 10 s.
    pub late_ms: [Option<f64>; 3],
}

/// Measures all parts; `say` is told each as a line.
pub fn measure(plan: &Plan, say: &impl Fn(&str)) -> Result<Vec<Part>, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|e| e.to_string())?;
    let mut parts = Vec::new();
    let mut tell = |part: Part| {
        say(&part.line());
        parts.push(part);
    };
    say(&format!("{} tasks, each every {} ms", plan.tasks, plan.every_ms));
    let short = (plan.time / 3).max(Duration::from_secs(2));
    let alone = Node::start(&runtime, plan.tasks, plan.every_ms, None)?;
    alone.drift(plan, &mut tell);
    let highest = alone.requests(plan.connections, Mode::Closed, Duration::from_secs(2))?;
    let rate = LOAD * highest;
    let beside = format!("beside {rate:.0} requests/s, {:.0} % of the highest rate", LOAD * 100.0);
    let part =
        alone.part(beside, plan, || alone.requests(plan.connections, Mode::Open(rate), short).map(drop))?;
    tell(part);
    drop(alone);
    let Some(database) = &plan.database else { return Ok(parts) };
    for tasks in [plan.tasks / 5, plan.tasks].into_iter().filter(|tasks| *tasks > 0) {
        let node = Node::start(&runtime, tasks, plan.every_ms, Some(database))?;
        let of = Plan { tasks, ..plan.clone() };
        let name = format!("{} fires/s wanted, each claimed in {}", of.due(), node.database());
        let part = node.part(name, &of, || {
            std::thread::sleep(short);
            Ok(())
        })?;
        tell(part);
    }
    Ok(parts)
}

impl Plan {
    fn due(&self) -> f64 {
        self.tasks as f64 * 1000.0 / self.every_ms.max(1) as f64
    }
}

impl Part {
    fn line(&self) -> String {
        let ms = |late: Option<f64>| late.map_or("> 10000".to_owned(), |ms| format!("<= {ms}"));
        let [half, most, all] = self.late_ms.map(ms);
        format!(
            "{:>8.0} fires/s of {:.0}   late p50 {half} ms, p99 {most} ms, p99.9 {all} ms   {}",
            self.per_second, self.due, self.name
        )
    }
}

/// A server without its settings.
struct Node<'r> {
    runtime: &'r tokio::runtime::Runtime,
    activations: Activations,
    lateness: Arc<Lateness>,
    listener: Running,
}

impl<'r> Node<'r> {
    fn start(
        runtime: &'r tokio::runtime::Runtime,
        tasks: usize,
        every_ms: i64,
        database: Option<&str>,
    ) -> Result<Self, String> {
        let (program, wanted) = deployment(tasks, every_ms)?;
        let engine = Engine::new(Arc::new(program), Arc::new(Services::default()));
        let _context = runtime.enter();
        let activations = Activations::new(engine.clone(), handle(database)?);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let workers = Workers::start(cores).map_err(|e| e.to_string())?;
        let options = ListenerOptions { workers: Some(workers), ..ListenerOptions::default() };
        let listener = runtime
            .block_on(Listener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), options))
            .and_then(|listener| listener.start(Arc::new(Door::new(engine.clone(), "default"))))
            .map_err(|e| e.to_string())?;
        activations.apply(&wanted);
        let node = Self { runtime, lateness: activations.lateness(), activations, listener };
        node.wait_for_all(tasks)?;
        Ok(node)
    }

    /// Everything runs here before anything counts.
    fn wait_for_all(&self, tasks: usize) -> Result<(), String> {
        let until = Instant::now() + Duration::from_secs(60);
        while started(&self.lateness.counts()) < tasks as u64 {
            if Instant::now() > until {
                return Err("the tasks do not start within a minute".into());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// The idle part, and after it the first against the last tenth: a schedule that drifts is late
    /// more and more.
    fn drift(&self, plan: &Plan, tell: &mut impl FnMut(Part)) {
        let tenths: Vec<Vec<u64>> = std::iter::once(self.now())
            .chain((0..10).map(|_| {
                std::thread::sleep(plan.time / 10);
                self.now()
            }))
            .collect();
        let of = |name: &str, from: usize, to: usize| {
            let length = plan.time * u32::try_from(to - from).unwrap_or(1) / 10;
            let (Some(before), Some(after)) = (tenths.get(from), tenths.get(to)) else { return None };
            Some(part(name.to_owned(), plan.due(), length, before, after))
        };
        let parts = [of("idle", 0, 10), of("its first tenth", 0, 1), of("its last tenth", 9, 10)];
        parts.into_iter().flatten().for_each(tell);
    }

    fn now(&self) -> Vec<u64> {
        self.lateness.counts().into_iter().map(|(_, count)| count).collect()
    }

    fn part(
        &self,
        name: String,
        plan: &Plan,
        during: impl FnOnce() -> Result<(), String>,
    ) -> Result<Part, String> {
        let (before, begun) = (self.now(), Instant::now());
        during()?;
        Ok(part(name, plan.due(), begun.elapsed(), &before, &self.now()))
    }

    /// Requests per second that were served.
    fn requests(&self, connections: usize, mode: Mode, time: Duration) -> Result<f64, String> {
        let load = Load {
            port: self.listener.local_addr().port(),
            request: b"GET /ready HTTP/1.1\r\nHost: h\r\n\r\n".to_vec(),
            expected: b"{\"ready\":true}".to_vec(),
            connections,
            mode,
            time,
        };
        let measured = load::run(&load).map_err(|e| e.to_string())?;
        match measured.wrong + measured.broken {
            0 => Ok(measured.requests as f64 / measured.seconds),
            bad => Err(format!("{bad} wrong or broken replies beside the scheduler")),
        }
    }

    fn database(&self) -> String {
        self.activations.coordinator().status().store.to_string()
    }
}

impl Drop for Node<'_> {
    fn drop(&mut self) {
        self.runtime.block_on(self.activations.shutdown(Duration::from_secs(5)));
        self.runtime.block_on(self.listener.drain(Duration::from_secs(1)));
    }
}

fn handle(database: Option<&str>) -> Result<Handle, String> {
    let Some(url) = database else { return Ok(Coordinator::off("bench", Arc::new(SystemClock))) };
    let group = format!("bench-{}-{:?}", std::process::id(), Instant::now());
    let store = Address::parse(url, None, None).and_then(|address| address.open(&group, 4));
    let config = Config { group: group.as_str().into(), ..Config::new("bench") };
    Coordinator::start(config, store.map_err(|e| e.to_string())?, Arc::new(SystemClock))
        .map_err(|problems| problems.join("; "))
}

/// One API, and tasks that run a sequence of one property.
fn deployment(tasks: usize, every_ms: i64) -> Result<(Program, ActivationSet), String> {
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    let write = |name: &str, text: String| {
        std::fs::write(dir.path().join(name), text.replacen('>', &format!(" xmlns=\"{NAMESPACE}\">"), 1))
            .map_err(|e| e.to_string())
    };
    write(
        "api.xml",
        "<api name=\"Ready\" context=\"/ready\"><resource methods=\"GET\"><inSequence><payloadFactory \
         media-type=\"json\"><format>{\"ready\":true}</format></payloadFactory><respond/></inSequence></resource></api>"
            .into(),
    )?;
    write("sequence.xml", "<sequence name=\"Run\"><property name=\"ran\" value=\"yes\"/></sequence>".into())?;
    write(
        "task.xml",
        "<task name=\"Run\" class=\"org.apache.synapse.startup.tasks.MessageInjector\"><trigger interval=\"1\"/>\
         <property name=\"injectTo\" value=\"sequence\"/><property name=\"sequenceName\" value=\"Run\"/>\
         <property name=\"sequential\" value=\"true\"/>\
         <property name=\"message\"><run xmlns=\"\"/></property></task>"
            .into(),
    )?;
    let paths = [dir.path().to_path_buf()];
    let deployment = deploy::deploy(&paths, &Settings::default(), &check::inspect);
    let artifacts: Vec<_> = deployment.set.iter().map(|deployed| deployed.artifact.clone()).collect();
    let (program, found) = compile::compile(&artifacts, &compile::Options::default());
    let mut wanted = ActivationSet::of(&artifacts, &program, "localhost", &deployment.home);
    let model = wanted.tasks.first().cloned();
    let model = model.ok_or_else(|| format!("the bench's artifacts: {}", found.render()))?;
    let one = |number: usize| ScheduledTask {
        name: format!("run-{number}").into(),
        definition: model.definition.clone(),
        schedule: Schedule::Interval { every_ms, count: None },
        injector: model.injector.clone(),
        pinned: false,
    };
    wanted.tasks = (0..tasks).map(|number| Arc::new(one(number))).collect();
    Ok((program, wanted))
}

fn started(counts: &[(Option<Duration>, u64)]) -> u64 {
    counts.iter().map(|(_, count)| count).sum()
}

fn part(name: String, due: f64, length: Duration, before: &[u64], after: &[u64]) -> Part {
    let bounds: Vec<Option<Duration>> = Lateness::default().counts().into_iter().map(|(b, _)| b).collect();
    let counts: Vec<u64> = after.iter().zip(before).map(|(a, b)| a - b).collect();
    let total: u64 = counts.iter().sum();
    let bound = |share: f64| {
        let wanted = (total as f64 * share).ceil() as u64;
        let mut seen = 0;
        let at = counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        let bound = at.and_then(|at| bounds.get(at).copied().flatten());
        bound.map(|bound| bound.as_secs_f64() * 1e3)
    };
    let per_second = total as f64 / length.as_secs_f64();
    Part { name, per_second, due, late_ms: [bound(0.5), bound(0.99), bound(0.999)] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_upper_bounds() {
        let mut after = vec![0; Lateness::default().counts().len()];
        (after[0], after[3]) = (98, 2);
        let none = vec![0; after.len()];
        let part = part(String::new(), 100.0, Duration::from_secs(2), &none, &after);
        assert_eq!((part.per_second, part.late_ms), (50.0, [Some(0.25), Some(1.5), Some(1.5)]));
    }

    #[test]
    fn the_tasks_run_and_requests_are_served() {
        let plan =
            Plan { tasks: 5, every_ms: 50, time: Duration::from_millis(300), connections: 2, database: None };
        let parts = measure(&plan, &|_| {}).unwrap();
        assert_eq!(parts.len(), 4);
        assert!(parts[0].per_second > 10.0, "{parts:?}");
    }
}
