//! The command line of `faults`: which faults, on what, and the lines it prints.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::catalogue::{FAULTS, Fault, Form};
use super::cluster::World;
use super::database::{Databases, Kind};
use super::node;
use super::profile::{self, Profile};
use super::report;
use super::run::{self, Outcome, Try};
use crate::command_line::CommandLine;

/// What `--help` prints.
pub const HELP: &str = "\
Tries faults on real server processes that share a real database.

  faults short            what matters most; about four minutes
  faults long             everything; some twenty minutes
  faults only NAME...     these
  faults list             their names

  --database pg|maria     only on this one (default: both)
  --profile NAME          default or fast (default: fast for short and only, default for long)
  --jobs N                faults at once (default: 3); some are tried alone
  --report FILE           where the tables go (default: target/faults.md)
  --services FILE         the script that starts databases (default: tests/services.sh)
The last line is 'N passed, N failed, N skipped'; the exit code is 0 only if nothing failed.
Logs of a fault that failed are kept in target/faults.";

/// A command line that was understood.
#[derive(Debug)]
pub struct Arguments {
    what: String,
    names: Vec<String>,
    kinds: Vec<Kind>,
    profile: Option<Profile>,
    jobs: usize,
    report: PathBuf,
    services: PathBuf,
}

impl Arguments {
    /// Reads arguments, the program's name not included. `Err` is a sentence for the user.
    pub fn read(arguments: impl Iterator<Item = String>) -> Result<Arguments, String> {
        let valued = ["--database", "--profile", "--jobs", "--report", "--services"];
        let mut line = CommandLine::read(arguments, &[], &valued)?;
        let names = line.words.split_off(line.words.len().min(1));
        let kinds = match line.get("--database") {
            None => Kind::ALL.to_vec(),
            Some(word) => {
                let kind = Kind::ALL.into_iter().find(|k| k.word() == word);
                vec![kind.ok_or(format!("--database: pg or maria, not {word}"))?]
            }
        };
        let profile =
            |name: &str| Profile::named(name).ok_or(format!("--profile: default or fast, not {name}"));
        let read = Arguments {
            names,
            kinds,
            profile: line.get("--profile").map(profile).transpose()?,
            jobs: line.number("--jobs")?.unwrap_or(3),
            report: line.get("--report").unwrap_or("target/faults.md").into(),
            services: line.get("--services").unwrap_or("tests/services.sh").into(),
            what: line.words.pop().unwrap_or_default(),
        };
        read.check()?;
        Ok(read)
    }

    fn check(&self) -> Result<(), String> {
        if !["short", "long", "only", "list"].contains(&self.what.as_str()) {
            return Err(format!("short, long, only or list, not '{}'", self.what));
        }
        if (self.what == "only") == self.names.is_empty() {
            return Err("names stand behind 'only', and only there".into());
        }
        let known: BTreeSet<&str> = FAULTS.iter().map(|f| f.name).collect();
        match self.names.iter().find(|n| !known.contains(n.as_str())) {
            Some(name) => Err(format!("there is no fault '{name}', see 'faults list'")),
            None => Ok(()),
        }
    }

    fn chosen(&self) -> Vec<Fault> {
        let is_chosen = |f: &&Fault| match self.what.as_str() {
            "only" => self.names.iter().any(|n| n == f.name),
            "short" => f.form == Form::Always,
            _ => true,
        };
        FAULTS.iter().filter(is_chosen).copied().collect()
    }

    fn tries(&self) -> Vec<Try> {
        let usual = if self.what == "long" { profile::DEFAULT } else { profile::FAST };
        let mut tries = Vec::new();
        for fault in self.chosen() {
            let profiles = match self.profile {
                Some(profile) => vec![profile],
                None if fault.form == Form::Trials => vec![profile::DEFAULT, profile::FAST],
                None => vec![usual],
            };
            for profile in profiles {
                tries.extend(self.kinds.iter().map(|&kind| Try { fault, kind, profile }));
            }
        }
        tries
    }
}

/// Runs; each line goes to `tell`. The exit code.
pub fn run(arguments: &Arguments, tell: impl Fn(&str) + Sync) -> Result<i32, String> {
    if arguments.what == "list" {
        for fault in FAULTS {
            let form = if fault.form == Form::Always { "" } else { "  (long form)" };
            tell(&format!("{:<24}{}{form}", fault.name, fault.about));
        }
        return Ok(0);
    }
    let binary = crate::binary::server()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| format!("no threads for the proxies: {e}"))?;
    let (there, missing): (Vec<Kind>, Vec<Kind>) = arguments.kinds.iter().partition(|k| k.is_installed());
    for kind in &missing {
        tell(&format!(
            "LEFT OUT: {} is not installed (tests/services.sh install {})",
            kind.name(),
            kind.word()
        ));
    }
    let (tries, left_out): (Vec<Try>, Vec<Try>) =
        arguments.tries().into_iter().partition(|t| there.contains(&t.kind));
    if tries.is_empty() {
        tell(&format!("0 passed, 0 failed, {} skipped", left_out.len()));
        return Ok(0);
    }
    let databases = Arc::new(Databases::start(&arguments.services, &there)?);
    runtime.spawn(end_on_signal(databases.clone()));
    let world = World { runtime: runtime.handle().clone(), binary, databases };
    let folder = PathBuf::from("target/faults");
    let told = |outcome: &Outcome| {
        tell(&report::line(outcome));
        if !outcome.evidence.is_empty() {
            tell(&outcome.evidence);
        }
    };
    let outcomes = run::all(&world, &tries, arguments.jobs, &folder, &told);
    finish(arguments, &outcomes, left_out.len(), tell)
}

/// A signal ends this program, and what it has started.
async fn end_on_signal(databases: Arc<Databases>) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    node::kill_all();
    databases.end();
    std::process::exit(130);
}

fn finish(
    arguments: &Arguments,
    outcomes: &[Outcome],
    left_out: usize,
    tell: impl Fn(&str),
) -> Result<i32, String> {
    let text = format!(
        "# Faults\n\n{}\n{}{}\n{}",
        report::machine(),
        report::faults(outcomes),
        report::trials(outcomes),
        report::notes(outcomes)
    );
    if let Some(folder) = arguments.report.parent() {
        std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    std::fs::write(&arguments.report, &text).map_err(|e| format!("{}: {e}", arguments.report.display()))?;
    tell(&text);
    let passed = outcomes.iter().filter(|o| o.is_good()).count();
    let skipped = outcomes.iter().filter(|o| o.is_skipped()).count();
    let failed = outcomes.len() - passed - skipped;
    tell(&format!("{passed} passed, {failed} failed, {} skipped", skipped + left_out));
    Ok(i32::from(failed > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Arguments, String> {
        Arguments::read(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn lines_are_read() {
        let read_well = read("only kill --database maria --profile default --jobs 1").unwrap();
        let tries = read_well.tries();
        assert_eq!(tries.len(), 1);
        assert_eq!((tries[0].kind, tries[0].profile), (Kind::MariaDb, profile::DEFAULT));
        let trials = FAULTS.iter().filter(|f| f.form == Form::Trials).count();
        assert_eq!(read("long").unwrap().tries().len(), 2 * (FAULTS.len() + trials));
        assert!(read("short").unwrap().tries().iter().all(|t| t.profile == profile::FAST));
    }

    #[test]
    fn mistakes_are_told() {
        for line in ["", "all", "only", "short kill", "only nothing", "short --jobs x", "short --fast"] {
            assert!(read(line).is_err(), "{line}");
        }
    }

    #[test]
    fn names_are_unique() {
        let names: BTreeSet<&str> = FAULTS.iter().map(|f| f.name).collect();
        assert_eq!(names.len(), FAULTS.len());
    }
}
