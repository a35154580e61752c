//! The rules that hold in every run, whatever the fault. Pure functions over the record.
//!
//! | rule | says |
//! |---|---|
//! | C1 | after the first event of an epoch nothing starts under an older one |
//! | C2 | accepted effects have epochs that never sink; refused ones come from suspects, one in flight each |
//! | C3 | one fire starts at most once |
//! | C4 | no effect of an older owner is accepted once a newer one has started; only a suspect's run may still be under way |
//! | C7 | an epoch belongs to one process |
//! | I9 | a finite task makes its runs, not one more; what was claimed without an answer may be lost |
//! | C11 | a file is processed, and once unless its first run was in flight on a suspect |
//!
//! C5 and C6 depend on the fault: see [`super::claims`].

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::record::{Phase, Record, Run};

/// What broke a rule, and when, so that the events around it can be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The rule's name: `C1`.
    pub rule: &'static str,
    /// Empty: not of one task.
    pub task: String,
    /// When, on the sink's clock.
    pub at: Duration,
    /// What was seen, as a sentence.
    pub what: String,
}

impl Violation {
    /// A rule was broken.
    pub fn new(rule: &'static str, task: &str, at: Duration, what: String) -> Violation {
        Violation { rule, task: task.to_owned(), at, what }
    }
}

/// A process that was killed, frozen or cut off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspect {
    /// Its name in the record: `n1.0`.
    pub process: String,
    /// When it was done, on the sink's clock.
    pub since: Duration,
}

/// A finite task, and how many of its runs may have been claimed and not started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finite {
    /// Its name.
    pub task: String,
    /// The runs it has.
    pub count: i64,
    /// Runs that may have been claimed and not started.
    pub may_lose: i64,
}

/// C1.
pub fn stale_starts(record: &Record) -> Vec<Violation> {
    let mut newest: BTreeMap<&str, i64> = BTreeMap::new();
    let mut found = Vec::new();
    for event in &record.events {
        let newest = newest.entry(&event.task).or_insert(event.epoch);
        if event.phase == Phase::Start && event.epoch < *newest {
            let what = format!("{} started under epoch {} after epoch {newest}", event.process, event.epoch);
            found.push(Violation::new("C1", &event.task, event.at, what));
        }
        *newest = event.epoch.max(*newest);
    }
    found
}

/// C2, first half: the sink's own fence, judged from its record.
pub fn sinking_epochs(record: &Record) -> Vec<Violation> {
    let mut newest: BTreeMap<&str, i64> = BTreeMap::new();
    let mut found = Vec::new();
    for event in record.events.iter().filter(|e| e.phase == Phase::Effect && e.accepted) {
        let newest = newest.entry(&event.task).or_insert(event.epoch);
        if event.epoch < *newest {
            let what = format!("an effect of epoch {} was accepted after one of {newest}", event.epoch);
            found.push(Violation::new("C2", &event.task, event.at, what));
        }
        *newest = event.epoch.max(*newest);
    }
    found
}

/// How many effects were refused.
pub fn refused(record: &Record) -> usize {
    record.events.iter().filter(|e| !e.accepted).count()
}

/// C2, second half.
pub fn unexplained_refusals(record: &Record, suspects: &[Suspect]) -> Vec<Violation> {
    let mut in_flight = BTreeSet::new();
    let mut found = Vec::new();
    for event in record.events.iter().filter(|e| !e.accepted) {
        let is_suspect = suspects.iter().any(|s| s.process == event.process && s.since <= event.at);
        let what = if !is_suspect {
            format!("{} sent a late effect, but nothing was done to it", event.process)
        } else if !in_flight.insert((&event.task, &event.process)) {
            format!("{} sent a second late effect", event.process)
        } else {
            continue;
        };
        found.push(Violation::new("C2", &event.task, event.at, what));
    }
    found
}

/// C3. Files are judged by [`files`].
pub fn double_starts(record: &Record, file_task: &str) -> Vec<Violation> {
    let mut seen: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    let mut found = Vec::new();
    for event in record.starts().filter(|e| e.task != file_task) {
        if let Some(first) = seen.insert((&event.task, &event.fire), &event.process) {
            let what = format!("fire {} started on {first} and on {}", event.fire, event.process);
            found.push(Violation::new("C3", &event.task, event.at, what));
        }
    }
    found
}

fn are_at_once(older: &Run, newer: &Run) -> bool {
    older.task == newer.task && older.process != newer.process && newer.start <= older.last
}

/// Pairs of runs of one task on two processes at once; the first of a pair started first.
fn pairs(runs: &[Run]) -> Vec<(&Run, &Run)> {
    let mut found = Vec::new();
    for (at, newer) in runs.iter().enumerate() {
        // Runs are short: whatever can overlap started shortly before, except what was frozen.
        found.extend(runs[..at].iter().filter(|older| are_at_once(older, newer)).map(|older| (older, newer)));
    }
    found
}

/// What a sink without a fence would have seen: two processes at work on one task at once.
pub fn open_overlaps(record: &Record) -> usize {
    pairs(&record.runs()).len()
}

/// C4: effects of an older owner that were accepted although a newer one ran.
pub fn overlaps(record: &Record) -> Vec<Violation> {
    let runs = record.runs();
    let accepted = |(older, newer): &(&Run, &Run)| older.effect.is_some_and(|at| at >= newer.start);
    pairs(&runs).into_iter().filter(accepted).map(|(older, newer)| overlap(older, newer)).collect()
}

/// C4: runs that were still under way on a process to which nothing was done.
pub fn unexplained_overlaps(record: &Record, suspects: &[Suspect]) -> Vec<Violation> {
    let runs = record.runs();
    let explained = |(older, newer): &(&Run, &Run)| {
        suspects.iter().any(|s| s.process == older.process && s.since <= newer.start)
    };
    let found = pairs(&runs).into_iter().filter(|pair| !explained(pair));
    found.map(|(older, newer)| overlap(older, newer)).collect()
}

fn overlap(older: &Run, newer: &Run) -> Violation {
    let what = format!(
        "{} (epoch {}, fire {}) was at work while {} (epoch {}, fire {}) ran",
        older.process, older.epoch, older.fire, newer.process, newer.epoch, newer.fire
    );
    Violation::new("C4", &newer.task, newer.start, what)
}

/// C7.
pub fn shared_epochs(record: &Record) -> Vec<Violation> {
    let mut holders: BTreeMap<(&str, i64), &str> = BTreeMap::new();
    let mut found = Vec::new();
    for event in &record.events {
        let holder = *holders.entry((&event.task, event.epoch)).or_insert(&event.process);
        if holder != event.process {
            let what = format!("epoch {} was used by {holder} and by {}", event.epoch, event.process);
            found.push(Violation::new("C7", &event.task, event.at, what));
        }
    }
    found
}

/// A finite task that starts nothing for so long has ended; it is due every second.
const STANDS_STILL: Duration = Duration::from_secs(3);

/// I9.
pub fn finite(record: &Record, task: &Finite) -> Vec<Violation> {
    let starts: Vec<_> = record.starts().filter(|e| e.task == task.task).collect();
    let runs: BTreeSet<i64> = starts.iter().map(|e| e.run).collect();
    let at = starts.last().map_or(Duration::ZERO, |e| e.at);
    let made = i64::try_from(starts.len()).unwrap_or(i64::MAX);
    let distinct = i64::try_from(runs.len()).unwrap_or(i64::MAX);
    if made > task.count || distinct < made {
        let what = format!("{made} starts with {distinct} numbers, but it has {} runs", task.count);
        return vec![Violation::new("I9", &task.task, at, what)];
    }
    let numbers = runs.first().zip(runs.last()).map_or(0, |(first, last)| last - first + 1);
    let lost = numbers - distinct;
    if lost > task.may_lose {
        let what = format!("{lost} runs were claimed and never started");
        return vec![Violation::new("I9", &task.task, at, what)];
    }
    // It makes them one after the other: only when it stands still are some missing.
    let ended = record.events.last().map_or(Duration::ZERO, |e| e.at);
    if made < task.count - task.may_lose && at + STANDS_STILL < ended {
        let what = format!("only {made} of {} runs started", task.count);
        return vec![Violation::new("I9", &task.task, at, what)];
    }
    Vec::new()
}

/// C11, and how many files ran again.
pub fn files(
    record: &Record,
    file_task: &str,
    fed: &[String],
    suspects: &[Suspect],
) -> (usize, Vec<Violation>) {
    let runs: Vec<Run> = record.runs().into_iter().filter(|r| r.task == file_task).collect();
    let (mut again, mut found) = (0, Vec::new());
    for (at, run) in runs.iter().enumerate() {
        let Some(before) = runs[..at].iter().rev().find(|r| r.fire == run.fire) else { continue };
        again += 1;
        // Between the end of its flow and the end of the process the file may not have been moved.
        let moved = Duration::from_millis(500);
        let excused = suspects
            .iter()
            .any(|s| s.process == before.process && before.end.is_none_or(|end| end + moved >= s.since));
        if !excused {
            let what = format!("{} ran on {} and again on {}", run.fire, before.process, run.process);
            found.push(Violation::new("C11", file_task, run.start, what));
        }
    }
    let done: BTreeSet<&str> = runs.iter().filter(|r| r.end.is_some()).map(|r| r.fire.as_str()).collect();
    let at = runs.last().map_or(Duration::ZERO, |r| r.last);
    let lost: Vec<&str> = fed.iter().map(String::as_str).filter(|f| !done.contains(f)).collect();
    if !lost.is_empty() {
        found.push(Violation::new("C11", file_task, at, format!("never processed: {}", lost.join(", "))));
    }
    (again, found)
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::{event, record};
    use super::*;

    fn suspect(process: &str, since: u64) -> Suspect {
        Suspect { process: process.into(), since: Duration::from_millis(since) }
    }

    fn rules_of(found: &[Violation]) -> Vec<&str> {
        found.iter().map(|v| v.rule).collect()
    }

    /// A hand-over in good order, which every rule must accept.
    fn good() -> Record {
        record(&[
            "start a 1 n1 10 @0",
            "effect a 1 n1 10 @60",
            "end a 1 n1 10 @160",
            "start a 2 n2 11 @1000",
            "effect a 2 n2 11 @1060",
            "end a 2 n2 11 @1160",
        ])
    }

    #[test]
    fn a_good_record_breaks_no_rule() {
        let r = good();
        let all = [
            stale_starts(&r),
            sinking_epochs(&r),
            unexplained_refusals(&r, &[]),
            double_starts(&r, "files"),
            overlaps(&r),
            shared_epochs(&r),
        ];
        assert!(all.concat().is_empty(), "{all:?}");
        assert_eq!((refused(&r), open_overlaps(&r)), (0, 0));
    }

    #[test]
    fn c1_finds_a_start_under_an_old_epoch() {
        let mut r = good();
        r.events.extend(record(&["start a 1 n1 12 @1200"]).events);
        assert_eq!(rules_of(&stale_starts(&r)), ["C1"]);
    }

    #[test]
    fn c2_finds_an_old_effect_that_was_accepted() {
        let mut r = good();
        r.events.extend(record(&["effect a 1 n1 10 @1200"]).events);
        assert_eq!(rules_of(&sinking_epochs(&r)), ["C2"]);
    }

    #[test]
    fn c2_excuses_one_refused_effect_of_a_suspect_only() {
        let mut r = good();
        r.events.extend(record(&["refused a 1 n1 10 @1200"]).events);
        assert_eq!(rules_of(&unexplained_refusals(&r, &[])), ["C2"]);
        assert_eq!(rules_of(&unexplained_refusals(&r, &[suspect("n1", 1300)])), ["C2"], "later");
        assert!(unexplained_refusals(&r, &[suspect("n1", 100)]).is_empty());
        r.events.extend(record(&["refused a 1 n1 9 @1300"]).events);
        assert_eq!(rules_of(&unexplained_refusals(&r, &[suspect("n1", 100)])), ["C2"]);
        assert_eq!(refused(&r), 2);
    }

    #[test]
    fn c3_finds_a_fire_that_started_twice() {
        let mut r = good();
        r.events.extend(record(&["start a 3 n3 11 @2000"]).events);
        assert_eq!(rules_of(&double_starts(&r, "files")), ["C3"]);
        assert!(double_starts(&r, "a").is_empty(), "files have a rule of their own");
    }

    #[test]
    fn c4_finds_effects_accepted_during_a_newer_run() {
        let r = record(&[
            "start a 1 n1 10 @0",
            "start a 2 n2 11 @50",
            "effect a 1 n1 10 @60",
            "effect a 2 n2 11 @110",
        ]);
        assert_eq!(rules_of(&overlaps(&r)), ["C4"]);
        assert_eq!(open_overlaps(&r), 1);
    }

    #[test]
    fn a_refused_effect_is_an_overlap_only_without_a_fence() {
        let r = record(&["start a 1 n1 10 @0", "start a 2 n2 11 @50", "refused a 1 n1 10 @60"]);
        assert!(overlaps(&r).is_empty());
        assert_eq!(open_overlaps(&r), 1);
        assert_eq!(rules_of(&unexplained_overlaps(&r, &[])), ["C4"]);
        assert_eq!(rules_of(&unexplained_overlaps(&r, &[suspect("n1", 55)])), ["C4"], "later");
        assert!(unexplained_overlaps(&r, &[suspect("n1", 5)]).is_empty());
    }

    #[test]
    fn c7_finds_an_epoch_with_two_owners() {
        let mut r = good();
        r.events.extend(record(&["start a 2 n3 12 @2000"]).events);
        assert_eq!(rules_of(&shared_epochs(&r)), ["C7"]);
    }

    #[test]
    fn i9_counts_runs() {
        let task = |count, may_lose| Finite { task: "a".into(), count, may_lose };
        assert!(finite(&good(), &task(2, 0)).is_empty());
        assert_eq!(rules_of(&finite(&good(), &task(1, 0))), ["I9"], "one too many");
        assert!(finite(&good(), &task(3, 0)).is_empty(), "it is still at work");
        let mut over = good();
        over.events.push(event("start b 1 n1 1 @9000"));
        assert_eq!(rules_of(&finite(&over, &task(3, 0))), ["I9"], "one is missing");
        assert!(finite(&over, &task(3, 1)).is_empty());
        let gap = record(&["start a 1 n1 10 @0", "start a 1 n1 13 @9"]);
        assert_eq!(rules_of(&finite(&gap, &task(9, 1))), ["I9"], "two were claimed and never started");
        assert!(finite(&gap, &task(9, 2)).is_empty());
        let twice = record(&["start a 1 n1 10 @0", "start a 2 n2 10 @9"]);
        assert_eq!(rules_of(&finite(&twice, &task(5, 5))), ["I9"], "one number twice");
    }

    #[test]
    fn c11_finds_lost_and_repeated_files() {
        let fed = ["f1".to_owned(), "f2".to_owned()];
        let r = record(&["start files 1 n1 f1 @0", "end files 1 n1 f1 @9", "start files 1 n1 f2 @10"]);
        let (again, found) = files(&r, "files", &fed, &[]);
        assert_eq!((again, rules_of(&found)), (0, vec!["C11"]), "f2 has no end");
        let mut twice = r;
        twice.events.extend(record(&["start files 2 n2 f2 @20", "end files 2 n2 f2 @30"]).events);
        assert_eq!(rules_of(&files(&twice, "files", &fed, &[]).1), ["C11"], "f2 ran twice");
        assert_eq!(files(&twice, "files", &fed, &[suspect("n1", 15)]), (1, Vec::new()));
        twice.events.extend(record(&["start files 2 n2 f1 @900", "end files 2 n2 f1 @910"]).events);
        let found = files(&twice, "files", &fed, &[suspect("n1", 600)]).1;
        assert_eq!(rules_of(&found), ["C11"], "f1 had ended long before");
    }
}
