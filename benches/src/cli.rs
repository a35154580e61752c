//! The command line: `cargo run --release -p ganglion-benches -- [WHAT] [OPTIONS]`.

use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;

use crate::life::{self, Life};
use crate::load::Mode;
use crate::suite::{self, Plan};
use crate::target::{self, Cores};
use crate::{echo, report, scenarios, scheduler};

/// What `--help` prints.
pub const HELP: &str = "\
Measures Ganglion against nginx as a reverse proxy in the same run.

  cargo run --release -p ganglion-benches -- [load|life|all|scheduler] [options]

  load   throughput, CPU per request and latency of each scenario, both targets in turn
  life   start to first served request with 20 artifacts, resident memory idle
  all    both (default)
  scheduler   how late the runs of many tasks start: idle, beside HTTP load, and claimed in a database

  --scenario NAME[,NAME]   only these (default: all)
  --seconds N              length of one run (default 2); the scheduler idles five times as long
  --repetitions N          runs per target and scenario (default 8)
  --connections N          default 50
  --body BYTES             default 1024
  --rate N                 open mode: N requests a second on schedule, for latencies (default: closed)
  --starts N               default 21
  --rest SECONDS           before memory is taken (default 10)
  --tasks N                of the scheduler, default 1000
  --every MS               their interval, default 100
  --database URL           claims its runs there; default: that part is left out
  --quick                  a smoke run: 0.5 s, 2 repetitions, 3 starts, 1 s rest
  --json FILE, --markdown FILE
  --server PATH            default: the binary beside this program, built when cargo runs it
  --nginx PATH             default: nginx
Exit code 1 when a reply was wrong or a target does not work, 2 for wrong use.";

#[derive(Debug)]
struct Options {
    what: String,
    scenarios: Vec<String>,
    plan: Plan,
    starts: usize,
    rest: f64,
    json: Option<PathBuf>,
    markdown: Option<PathBuf>,
    server: Option<PathBuf>,
    nginx: PathBuf,
    tasks: usize,
    every_ms: i64,
    database: Option<String>,
}

impl Options {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
        let plan = Plan { seconds: 2.0, repetitions: 8, connections: 50, body: 1024, mode: Mode::Closed };
        let mut o = Options {
            what: "all".into(),
            scenarios: Vec::new(),
            plan,
            starts: 21,
            rest: 10.0,
            json: None,
            markdown: None,
            server: None,
            nginx: "nginx".into(),
            tasks: 1000,
            every_ms: 100,
            database: None,
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} needs a value"));
            match word.as_str() {
                "load" | "life" | "all" | "scheduler" => o.what = word,
                "--scenario" => o.scenarios = value()?.split(',').map(str::to_owned).collect(),
                "--seconds" => o.plan.seconds = number(&value()?)?,
                "--repetitions" => o.plan.repetitions = number(&value()?)?,
                "--connections" => o.plan.connections = number(&value()?)?,
                "--body" => o.plan.body = number(&value()?)?,
                "--rate" => o.plan.mode = Mode::Open(number(&value()?)?),
                "--starts" => o.starts = number(&value()?)?,
                "--rest" => o.rest = number(&value()?)?,
                "--json" => o.json = Some(value()?.into()),
                "--markdown" => o.markdown = Some(value()?.into()),
                "--server" => o.server = Some(value()?.into()),
                "--tasks" => o.tasks = number(&value()?)?,
                "--every" => o.every_ms = number(&value()?)?,
                "--database" => o.database = Some(value()?),
                "--nginx" => o.nginx = value()?.into(),
                "--quick" => {
                    (o.plan.seconds, o.plan.repetitions) = (0.5, 2);
                    (o.starts, o.rest) = (3, 1.0);
                }
                other => return Err(format!("unknown argument {other}")),
            }
        }
        Ok(o)
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text} is no number"))
}

/// Runs a command line and gives the exit code; `say` prints a line.
pub fn run(mut words: impl Iterator<Item = String>, say: impl Fn(&str)) -> Result<i32, String> {
    let first = words.next();
    if first.as_deref() == Some("echo") {
        let port: u16 = number(&words.next().unwrap_or_default())?;
        let listener = TcpListener::bind(("127.0.0.1", port)).map_err(|e| e.to_string())?;
        return echo::serve(&listener).map(|()| 0).map_err(|e| e.to_string());
    }
    let options = Options::read(first.into_iter().chain(words))?;
    if options.what == "scheduler" {
        let plan = scheduler::Plan {
            tasks: options.tasks,
            every_ms: options.every_ms,
            time: Duration::from_secs_f64(options.plan.seconds * 5.0),
            connections: options.plan.connections,
            database: options.database,
        };
        return scheduler::measure(&plan, &say).map(|_| 0);
    }
    let binary = match &options.server {
        Some(path) => path.clone(),
        None => target::server_binary()?,
    };
    let rows = if options.what == "life" { Vec::new() } else { load(&options, &binary, &say)? };
    let life: Option<Life> = match options.what.as_str() {
        "load" => None,
        _ => Some(life::measure(&binary, options.starts, Duration::from_secs_f64(options.rest))?),
    };
    let text = report::as_markdown(&options.plan, &rows, life.as_ref());
    say(&text);
    let write = |path: &Option<PathBuf>, text: String| match path {
        Some(path) => std::fs::write(path, text).map_err(|e| format!("{}: {e}", path.display())),
        None => Ok(()),
    };
    write(&options.json, format!("{:#}\n", report::as_json(&options.plan, &rows, life.as_ref())))?;
    write(&options.markdown, text)?;
    let errors: u64 = rows.iter().map(|r| r.errors).sum();
    if errors > 0 {
        say(&format!("{errors} wrong or broken replies: these figures count for nothing"));
    }
    Ok(i32::from(errors > 0))
}

fn load(options: &Options, binary: &std::path::Path, say: &impl Fn(&str)) -> Result<Vec<suite::Row>, String> {
    let wanted = |name: &str| options.scenarios.is_empty() || options.scenarios.iter().any(|s| s == name);
    let chosen: Vec<_> = scenarios::all().into_iter().filter(|s| wanted(s.name)).collect();
    if chosen.is_empty() {
        let names: Vec<_> = scenarios::all().iter().map(|s| s.name).collect();
        return Err(format!("no such scenario; there are {}", names.join(", ")));
    }
    let cores = Cores::of_machine();
    let backend = target::backend(cores).map_err(|e| e.to_string())?;
    let write =
        |artifacts: &std::path::Path| chosen.iter().try_for_each(|s| s.write(artifacts, backend.port));
    let targets = [
        target::nginx(&options.nginx, cores, backend.port).map_err(|e| e.to_string())?,
        target::ganglion(binary, cores, write).map_err(|e| e.to_string())?,
    ];
    suite::run(&options.plan, &chosen, &targets, &backend, |row| {
        say(&format!(
            "{:<16} {:<9} {:9.0}/s  {:6.2} µs CPU  p99 {:.2} ms  {} errors",
            row.scenario, row.target, row.per_second, row.cpu_us, row.latency_ms[2], row.errors
        ));
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        let o = Options::read(
            "load --scenario a,b --rate 100 --quick --connections 7".split(' ').map(str::to_owned),
        );
        let o = o.unwrap();
        assert_eq!((o.what.as_str(), o.scenarios.len(), o.plan.connections, o.starts), ("load", 2, 7, 3));
        assert_eq!(o.plan.mode, Mode::Open(100.0));
        assert!(Options::read(["--seconds".to_owned()].into_iter()).is_err());
        assert!(Options::read(["--bogus".to_owned()].into_iter()).is_err());
    }
}
