//! What is promised of one fault: gaps, silence, return, and that nothing moves. Pure, like
//! [`super::rules`]; C5 and C6 are here.

use std::collections::BTreeMap;
use std::time::Duration;

use super::record::{Phase, Record};
use super::rules::Violation;

/// A promise about a part of the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// C5: each of these tasks that `victims` had at `since` starts elsewhere within `bound`.
    Takeover { tasks: Vec<String>, victims: Vec<String>, since: Duration, bound: Duration },
    /// C5 of a stop in good order: counted from the end of the task's last run on `victim`.
    HandOver { tasks: Vec<String>, victim: String, since: Duration, bound: Duration },
    /// Nothing starts on this process (none given: on any) between two instants.
    Silent { process: Option<String>, from: Duration, to: Duration },
    /// Each of these tasks starts within `bound` from `since` on.
    Return { tasks: Vec<String>, since: Duration, bound: Duration },
    /// The owner of no task changes.
    NoMoves { from: Duration, to: Duration },
    /// At most this many changes of owners.
    Moves { from: Duration, to: Duration, most: usize },
    /// C6: each task starts at least `least` times, and its owner changes at most once.
    Settled { tasks: Vec<String>, from: Duration, to: Duration, least: usize },
    /// This task starts only on nodes whose name begins so.
    OnlyOn { task: String, nodes: Vec<String> },
    /// This task does not start after an instant.
    Gone { task: String, after: Duration },
    /// Something that was asked of the nodes; `false` breaks it.
    Fact { rule: &'static str, at: Duration, holds: bool, what: String },
}

/// The longest gap of a claim, with its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The longest time without a start.
    pub longest: Duration,
    /// The time that was promised.
    pub bound: Duration,
}

impl Claim {
    /// What the record says about it.
    pub fn judge(&self, record: &Record) -> (Option<Gap>, Vec<Violation>) {
        match self {
            Claim::Takeover { tasks, victims, since, bound } => {
                let owned = record.owners(*since);
                let lost =
                    owned.into_iter().filter(|(task, owner)| tasks.contains(task) && victims.contains(owner));
                let bases: BTreeMap<String, Duration> = lost.map(|(task, _)| (task, *since)).collect();
                gaps(record, &bases, *bound, |process| !victims.iter().any(|v| v == process))
            }
            Claim::HandOver { tasks, victim, since, bound } => {
                let mut bases = ends_of_runs(record, victim, *since);
                bases.retain(|task, _| tasks.contains(task));
                gaps(record, &bases, *bound, |process| process != victim)
            }
            Claim::Return { tasks, since, bound } => {
                let bases = tasks.iter().map(|task| (task.clone(), *since)).collect();
                gaps(record, &bases, *bound, |_| true)
            }
            Claim::Silent { process, from, to } => (None, noise(record, process.as_deref(), *from, *to)),
            Claim::NoMoves { from, to } => (None, moves(record, *from, *to, 0)),
            Claim::Moves { from, to, most } => (None, moves(record, *from, *to, *most)),
            Claim::Settled { tasks, from, to, least } => (None, unsettled(record, tasks, *from, *to, *least)),
            Claim::OnlyOn { task, nodes } => {
                let strays = record.starts().filter(|e| {
                    e.task == *task && !nodes.iter().any(|n| e.process.split('.').next() == Some(n.as_str()))
                });
                let what = |process: &str| format!("started on {process}, which does not have it");
                (None, strays.map(|e| Violation::new("I8", task, e.at, what(&e.process))).collect())
            }
            Claim::Gone { task, after } => {
                let late = record.starts().find(|e| e.task == *task && e.at > *after);
                let what = "started although no node has it any more".to_owned();
                (None, late.map(|e| Violation::new("I8", task, e.at, what)).into_iter().collect())
            }
            Claim::Fact { rule, at, holds, what } => {
                let broken = (!holds).then(|| Violation::new(rule, "", *at, what.clone()));
                (None, broken.into_iter().collect())
            }
        }
    }
}

/// From each task's base to its first start on a process that `counts`.
fn gaps(
    record: &Record,
    bases: &BTreeMap<String, Duration>,
    bound: Duration,
    counts: impl Fn(&str) -> bool,
) -> (Option<Gap>, Vec<Violation>) {
    let (mut longest, mut found) = (Duration::ZERO, Vec::new());
    for (task, base) in bases {
        let first = record.starts().find(|e| e.task == *task && e.at >= *base && counts(&e.process));
        let gap = first.map_or(Duration::MAX, |e| e.at - *base);
        if gap > bound {
            let what = match first {
                Some(e) => format!("{} started it after {gap:.3?}, the bound is {bound:.1?}", e.process),
                None => "nobody started it again".to_owned(),
            };
            found.push(Violation::new("C5", task, *base, what));
        }
        if first.is_some() {
            longest = longest.max(gap);
        }
    }
    ((!bases.is_empty()).then_some(Gap { longest, bound }), found)
}

/// Of each task that `victim` had: the end of its last run there, at least `since`.
fn ends_of_runs(record: &Record, victim: &str, since: Duration) -> BTreeMap<String, Duration> {
    let owned = record.owners(since).into_iter().filter(|(_, owner)| owner == victim);
    let base = |task: &str| {
        let mine = record.events.iter().rev().filter(|e| e.task == task && e.process == victim);
        let end = mine.filter(|e| e.phase == Phase::End).map(|e| e.at).next();
        end.unwrap_or(since).max(since)
    };
    owned.map(|(task, _)| (task.clone(), base(&task))).collect()
}

fn noise(record: &Record, process: Option<&str>, from: Duration, to: Duration) -> Vec<Violation> {
    let mut loud = record.starts().filter(|e| e.at > from && e.at < to);
    let first = loud.find(|e| process.is_none_or(|p| p == e.process));
    let what = |process: &str| format!("{process} started it at a time when it had to be silent");
    first.map(|e| Violation::new("C5", &e.task, e.at, what(&e.process))).into_iter().collect()
}

fn moves(record: &Record, from: Duration, to: Duration, most: usize) -> Vec<Violation> {
    let mut owners = record.owners(from);
    let mut made = Vec::new();
    for event in record.starts().filter(|e| e.at >= from && e.at <= to) {
        let before = owners.insert(event.task.clone(), event.process.clone());
        if let Some(before) = before.filter(|before| *before != event.process) {
            made.push((event, before));
        }
    }
    if made.len() <= most {
        return Vec::new();
    }
    let what = |before: &str, now: &str| {
        format!("moved from {before} to {now}: {} moves in all, {most} are promised", made.len())
    };
    made.iter()
        .take(1)
        .map(|(event, before)| Violation::new("moves", &event.task, event.at, what(before, &event.process)))
        .collect()
}

fn unsettled(
    record: &Record,
    tasks: &[String],
    from: Duration,
    to: Duration,
    least: usize,
) -> Vec<Violation> {
    let mut found = Vec::new();
    for task in tasks {
        let starts: Vec<_> =
            record.starts().filter(|e| e.task == *task && e.at >= from && e.at <= to).collect();
        let changes = starts.windows(2).filter(|pair| pair[0].process != pair[1].process).count();
        let length = to.saturating_sub(from);
        if starts.len() < least {
            let what =
                format!("started {} times within {length:.1?}, at least {least} are due", starts.len());
            found.push(Violation::new("C6", task, from, what));
        } else if changes > 1 {
            let what = format!("changed its owner {changes} times within {length:.1?}");
            found.push(Violation::new("C6", task, from, what));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::record;
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    /// n1 has `a` until 100; n2 takes over at 900 and runs it every 100 ms.
    fn takeover() -> Record {
        record(&[
            "start a 1 n1.0 1 @0",
            "end a 1 n1.0 1 @100",
            "start a 2 n2.0 2 @900",
            "start a 2 n2.0 3 @1000",
            "start a 2 n2.0 4 @1100",
        ])
    }

    fn broken(claim: &Claim) -> Vec<&'static str> {
        claim.judge(&takeover()).1.iter().map(|v| v.rule).collect()
    }

    #[test]
    fn takeover_is_counted_from_the_fault() {
        let claim = |bound| Claim::Takeover {
            tasks: vec!["a".into()],
            victims: vec!["n1.0".into()],
            since: ms(50),
            bound: ms(bound),
        };
        let gap = Some(Gap { longest: ms(850), bound: ms(850) });
        assert_eq!(claim(850).judge(&takeover()), (gap, vec![]));
        assert_eq!(broken(&claim(849)), ["C5"]);
        let (tasks, victims) = (vec!["a".into()], vec!["n2.0".into()]);
        let nobody = Claim::Takeover { tasks, victims, since: ms(1200), bound: ms(9000) };
        assert_eq!(broken(&nobody), ["C5"], "nobody started it again");
    }

    #[test]
    fn a_hand_over_is_counted_from_the_last_end() {
        let claim = |bound| Claim::HandOver {
            tasks: vec!["a".into()],
            victim: "n1.0".into(),
            since: ms(50),
            bound: ms(bound),
        };
        assert!(broken(&claim(800)).is_empty());
        assert_eq!(broken(&claim(799)), ["C5"]);
    }

    #[test]
    fn silence_is_broken_by_a_start() {
        let claim = |process: Option<&str>| Claim::Silent {
            process: process.map(str::to_owned),
            from: ms(500),
            to: ms(950),
        };
        assert!(broken(&claim(Some("n1.0"))).is_empty());
        assert_eq!(broken(&claim(Some("n2.0"))), ["C5"]);
        assert_eq!(broken(&claim(None)), ["C5"]);
    }

    #[test]
    fn tasks_return_within_the_bound() {
        let claim = |bound| Claim::Return { tasks: vec!["a".into()], since: ms(100), bound: ms(bound) };
        assert!(broken(&claim(800)).is_empty());
        assert_eq!(broken(&claim(700)), ["C5"]);
    }

    #[test]
    fn moves_are_counted() {
        assert_eq!(broken(&Claim::NoMoves { from: ms(50), to: ms(2000) }), ["moves"]);
        assert!(broken(&Claim::NoMoves { from: ms(950), to: ms(2000) }).is_empty());
        assert!(broken(&Claim::Moves { from: ms(50), to: ms(2000), most: 1 }).is_empty());
    }

    #[test]
    fn settled_means_the_rate_and_one_owner() {
        let claim =
            |from, least| Claim::Settled { tasks: vec!["a".into()], from: ms(from), to: ms(1200), least };
        assert!(broken(&claim(850, 3)).is_empty());
        assert_eq!(broken(&claim(850, 4)), ["C6"]);
        let back_and_forth = record(&["start a 1 n1.0 1 @0", "start a 2 n2.0 2 @10", "start a 3 n1.0 3 @20"]);
        assert_eq!(claim(0, 3).judge(&back_and_forth).1[0].rule, "C6");
    }

    #[test]
    fn artifacts_stay_where_they_are_deployed() {
        let claim = |nodes: &[&str]| Claim::OnlyOn {
            task: "a".into(),
            nodes: nodes.iter().map(|n| (*n).to_owned()).collect(),
        };
        assert!(broken(&claim(&["n1", "n2"])).is_empty());
        assert_eq!(broken(&claim(&["n2"])), ["I8"]);
        assert!(broken(&Claim::Gone { task: "a".into(), after: ms(1100) }).is_empty());
        assert_eq!(broken(&Claim::Gone { task: "a".into(), after: ms(1050) }), ["I8"]);
    }

    #[test]
    fn facts_are_taken_as_they_are() {
        let fact = |holds| Claim::Fact { rule: "C13", at: ms(0), holds, what: "said no".into() };
        assert!(broken(&fact(true)).is_empty());
        assert_eq!(broken(&fact(false)), ["C13"]);
    }
}
