//! Tries faults, several at once where they do not disturb each other.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::catalogue::Fault;
use super::claims::Gap;
use super::cluster::{Cluster, World};
use super::database::Kind;
use super::profile::Profile;
use super::verdict::{self, Judged, Known};
use crate::cases::Stop;

/// One fault on one database in one profile.
#[derive(Debug, Clone, Copy)]
pub struct Try {
    /// The fault.
    pub fault: Fault,
    /// The database.
    pub kind: Kind,
    /// The time settings.
    pub profile: Profile,
}

/// How it ended.
#[derive(Debug)]
pub struct Outcome {
    /// Name of the fault.
    pub fault: &'static str,
    /// The database.
    pub kind: Kind,
    /// Name of the time settings.
    pub profile: &'static str,
    /// What the rules and promises say about the record.
    pub judged: Judged,
    /// It could not be tried to its end.
    pub broken: Option<Stop>,
    /// When the fault struck, after the start of the cluster.
    pub struck: Duration,
    /// Gaps of repeated trials.
    pub samples: Vec<Gap>,
    /// Remarks for the report.
    pub notes: Vec<String>,
    /// From the first process to the verdict.
    pub took: Duration,
    /// Violations with their events, and the ends of the logs. Empty when all is well.
    pub evidence: String,
}

impl Outcome {
    /// It was tried to its end, and nothing was broken.
    pub fn is_good(&self) -> bool {
        self.broken.is_none() && self.judged.violations.is_empty()
    }

    /// Something that it needs is not there.
    pub fn is_skipped(&self) -> bool {
        matches!(self.broken, Some(Stop::Skip(_)))
    }
}

/// How many lines of each log a failure shows.
const TAIL: usize = 25;

/// Tries all: first those that can share the machine, `jobs` at once, then the others one by one.
pub fn all(
    world: &World,
    tries: &[Try],
    jobs: usize,
    folder: &Path,
    tell: &(dyn Fn(&Outcome) + Sync),
) -> Vec<Outcome> {
    let (alone, shared): (Vec<Try>, Vec<Try>) = tries.iter().partition(|t| t.fault.is_alone);
    let mut outcomes = together(world, shared, jobs, folder, tell);
    outcomes.extend(together(world, alone, 1, folder, tell));
    // As they were asked for, not as they ended.
    let place = |o: &Outcome| {
        tries.iter().position(|t| (t.fault.name, t.kind, t.profile.name) == (o.fault, o.kind, o.profile))
    };
    outcomes.sort_by_key(place);
    outcomes
}

fn together(
    world: &World,
    tries: Vec<Try>,
    jobs: usize,
    folder: &Path,
    tell: &(dyn Fn(&Outcome) + Sync),
) -> Vec<Outcome> {
    let queue = Mutex::new(tries.into_iter());
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(next) = next else { return };
                    let outcome = one(world, next, folder);
                    tell(&outcome);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push(outcome);
                }
            });
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn one(world: &World, attempt: Try, folder: &Path) -> Outcome {
    let Try { fault, kind, profile } = attempt;
    let name = format!("{}-{}-{}", fault.name, kind.word(), profile.name);
    let dir: PathBuf = folder.join(&name);
    let begun = Instant::now();
    let mut outcome = Outcome {
        fault: fault.name,
        kind,
        profile: profile.name,
        judged: Judged::default(),
        broken: None,
        struck: Duration::ZERO,
        samples: Vec::new(),
        notes: Vec::new(),
        took: Duration::ZERO,
        evidence: String::new(),
    };
    // The name of the process makes it fresh: groups of earlier runs stay in a database that is kept.
    let group = format!("{name}-{}", std::process::id());
    match Cluster::new(world, kind, profile, &dir, group) {
        Ok(mut cluster) => {
            outcome.broken = (fault.run)(&mut cluster).err();
            conclude(cluster, &mut outcome);
        }
        Err(why) => outcome.broken = Some(Stop::Fail(why)),
    }
    outcome.took = begun.elapsed();
    outcome
}

fn conclude(mut cluster: Cluster<'_>, outcome: &mut Outcome) {
    let fed = cluster.finish_feeding();
    let record = cluster.sink.record();
    let known = Known {
        struck: cluster.struck,
        suspects: std::mem::take(&mut cluster.suspects),
        finite: std::mem::take(&mut cluster.finite),
        claims: std::mem::take(&mut cluster.claims),
        fed,
    };
    outcome.judged = verdict::judge(&record, &known);
    outcome.notes = std::mem::take(&mut cluster.notes);
    outcome.samples = std::mem::take(&mut cluster.samples);
    outcome.struck = known.struck;
    if outcome.is_good() || outcome.is_skipped() {
        cluster.clean();
        return;
    }
    let mut text = String::new();
    text.push_str(&format!("the fault struck at {:.3} s\n", known.struck.as_secs_f64()));
    for violation in &outcome.judged.violations {
        text.push_str(&format!(
            "{} {} at {:.3} s: {}\n",
            violation.rule,
            violation.task,
            violation.at.as_secs_f64(),
            violation.what
        ));
        for event in verdict::around(&record, violation) {
            text.push_str(&format!("    {}\n", event.line()));
        }
    }
    text.push_str(&cluster.tails(TAIL));
    outcome.evidence = text;
}
