//! From the record of one fault to its row in the report.

use std::time::Duration;

use super::claims::{Claim, Gap};
use super::home::FILES;
use super::record::{Event, Record};
use super::rules::{self, Finite, Suspect, Violation};

/// What is known beside the record.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// When the fault struck, on the sink's clock.
    pub struck: Duration,
    /// Processes that were killed, frozen or cut off.
    pub suspects: Vec<Suspect>,
    /// The finite tasks that were deployed.
    pub finite: Vec<Finite>,
    /// What was promised.
    pub claims: Vec<Claim>,
    /// Names of the files that were put there.
    pub fed: Vec<String>,
}

/// The numbers of one fault.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judged {
    /// The longest gap, and its bound.
    pub gap: Option<Gap>,
    /// Effects of older owners that were accepted after a newer one had started.
    pub overlaps: usize,
    /// What a sink without a fence would have seen.
    pub open_overlaps: usize,
    /// Effects that the fence refused.
    pub refused: usize,
    /// Starts of fires that had started before.
    pub double_starts: usize,
    /// Files that ran more than once.
    pub files_again: usize,
    /// Changes of owners since the fault struck.
    pub moves: usize,
    /// Starts in all.
    pub starts: usize,
    /// What broke a rule or a promise.
    pub violations: Vec<Violation>,
}

/// Applies every rule and every claim.
pub fn judge(record: &Record, known: &Known) -> Judged {
    let overlaps = rules::overlaps(record);
    let double = rules::double_starts(record, FILES);
    let (files_again, files) = rules::files(record, FILES, &known.fed, &known.suspects);
    let mut judged = Judged {
        overlaps: overlaps.len(),
        open_overlaps: rules::open_overlaps(record),
        refused: rules::refused(record),
        double_starts: double.len(),
        files_again,
        moves: record.moves(known.struck),
        starts: record.starts().count(),
        ..Judged::default()
    };
    let mut found = [
        rules::stale_starts(record),
        rules::sinking_epochs(record),
        rules::unexplained_refusals(record, &known.suspects),
        double,
        overlaps,
        rules::unexplained_overlaps(record, &known.suspects),
        rules::shared_epochs(record),
        files,
    ]
    .concat();
    found.extend(known.finite.iter().flat_map(|task| rules::finite(record, task)));
    for claim in &known.claims {
        let (gap, broken) = claim.judge(record);
        found.extend(broken);
        // The gap nearest to its bound is the one to tell.
        let share = |g: &Gap| g.longest.as_secs_f64() / g.bound.as_secs_f64();
        judged.gap = [judged.gap, gap].into_iter().flatten().max_by(|a, b| share(a).total_cmp(&share(b)));
    }
    judged.violations = found;
    judged
}

/// Events of the violation's task around it, so that a reader can judge for himself.
pub fn around<'a>(record: &'a Record, violation: &Violation) -> Vec<&'a Event> {
    let near = |e: &&Event| {
        e.at.abs_diff(violation.at) < Duration::from_secs(4)
            && (violation.task.is_empty() || e.task == violation.task)
    };
    record.events.iter().filter(near).take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::record;
    use super::*;

    #[test]
    fn every_rule_and_claim_is_asked() {
        let ms = Duration::from_millis;
        let r = record(&[
            "start a 2 n1 1 @0",
            "start a 3 n2 2 @50",
            "effect a 2 n1 1 @60",
            "refused a 2 n1 1 @70",
            "start a 2 n1 2 @80",
            "effect a 3 n2 2 @90",
            "effect a 2 n1 2 @100",
            "start a 3 n3 4 @110",
        ]);
        let known = Known {
            finite: vec![Finite { task: "a".into(), count: 1, may_lose: 0 }],
            claims: vec![Claim::NoMoves { from: ms(10), to: ms(99) }],
            fed: vec!["f1".into()],
            ..Known::default()
        };
        let judged = judge(&r, &known);
        for rule in ["C1", "C2", "C3", "C4", "C7", "C11", "I9", "moves"] {
            assert!(judged.violations.iter().any(|v| v.rule == rule), "{rule}: {:?}", judged.violations);
        }
        assert_eq!((judged.refused, judged.double_starts), (1, 1));
        assert!(judged.overlaps > 0 && judged.open_overlaps >= judged.overlaps);
    }

    #[test]
    fn the_gap_nearest_to_its_bound_is_told() {
        let ms = Duration::from_millis;
        let r = record(&["start a 1 n1 1 @0", "start a 2 n2 2 @500"]);
        let claim = |bound| Claim::Return { tasks: vec!["a".into()], since: ms(100), bound: ms(bound) };
        let known = Known { claims: vec![claim(4000), claim(500), claim(1000)], ..Known::default() };
        assert_eq!(judge(&r, &known).gap, Some(Gap { longest: ms(400), bound: ms(500) }));
    }

    #[test]
    fn events_around_a_violation_are_those_of_its_task() {
        let r = record(&["start a 1 n1 1 @0", "start b 1 n1 1 @1", "start a 1 n1 9 @9000"]);
        let at = |task: &str| Violation::new("C1", task, Duration::from_millis(5), String::new());
        assert_eq!(around(&r, &at("a")).len(), 1);
        assert_eq!(around(&r, &at("")).len(), 2);
    }
}
