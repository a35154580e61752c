//! The report: Markdown, for a file and for the screen.

use std::time::Duration;

use super::run::Outcome;
use crate::cases::Stop;

fn seconds(length: Duration) -> String {
    format!("{:.2} s", length.as_secs_f64())
}

/// One line while a run goes on.
pub fn line(outcome: &Outcome) -> String {
    let what = match (&outcome.broken, outcome.judged.violations.first()) {
        (Some(Stop::Skip(why)), _) => return format!("SKIP    {}: {why}", name(outcome)),
        (Some(Stop::Fail(why)), _) => format!("FAIL    {}: {why}", name(outcome)),
        (None, Some(v)) => format!("FAIL    {}: {} {}: {}", name(outcome), v.rule, v.task, v.what),
        (None, None) => format!("PASS    {}", name(outcome)),
    };
    let gap = outcome.judged.gap.map(|g| format!(", gap {} of {}", seconds(g.longest), seconds(g.bound)));
    let (took, struck) = (outcome.took.as_secs_f64(), outcome.struck.as_secs_f64());
    format!("{what} ({took:.0} s, fault after {struck:.0} s{})", gap.unwrap_or_default())
}

fn name(outcome: &Outcome) -> String {
    format!("{} {} {}", outcome.fault, outcome.kind.word(), outcome.profile)
}

/// The table of faults; repeated trials have one of their own.
pub fn faults(outcomes: &[Outcome]) -> String {
    let mut out = String::from(
        "| fault | database | profile | longest gap | bound | overlaps (fenced sink) | overlaps (open sink) | \
         late effects refused | double starts | files again | moves | starts | verdict |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for outcome in outcomes.iter().filter(|o| o.samples.is_empty()) {
        let judged = &outcome.judged;
        let (gap, bound) = match judged.gap {
            Some(gap) => (seconds(gap.longest), seconds(gap.bound)),
            None => ("-".to_owned(), "-".to_owned()),
        };
        out.push_str(&format!(
            "| {} | {} | {} | {gap} | {bound} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
            outcome.fault,
            outcome.kind.name(),
            outcome.profile,
            judged.overlaps,
            judged.open_overlaps,
            judged.refused,
            judged.double_starts,
            judged.files_again,
            judged.moves,
            judged.starts,
            verdict(outcome),
        ));
    }
    out
}

fn verdict(outcome: &Outcome) -> &'static str {
    if outcome.is_skipped() {
        "left out"
    } else if outcome.is_good() {
        "good"
    } else {
        "BAD"
    }
}

/// The value below which this share of sorted values lies.
fn percentile(sorted: &[Duration], share: usize) -> Duration {
    let rank = (sorted.len() * share).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

/// The table of repeated trials; empty without any.
pub fn trials(outcomes: &[Outcome]) -> String {
    let mut out = String::new();
    for outcome in outcomes.iter().filter(|o| !o.samples.is_empty()) {
        let mut gaps: Vec<Duration> = outcome.samples.iter().map(|g| g.longest).collect();
        gaps.sort();
        let bound = outcome.samples.first().map_or(Duration::ZERO, |g| g.bound);
        out.push_str(&format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
            outcome.fault,
            outcome.kind.name(),
            outcome.profile,
            gaps.len(),
            seconds(percentile(&gaps, 50)),
            seconds(percentile(&gaps, 99)),
            seconds(percentile(&gaps, 100)),
            seconds(bound),
            outcome.judged.overlaps,
            outcome.judged.open_overlaps,
            outcome.judged.double_starts,
            verdict(outcome),
        ));
    }
    if out.is_empty() {
        return out;
    }
    let head = "\n| trials | database | profile | number | p50 | p99 | max | bound | overlaps (fenced sink) | \
                overlaps (open sink) | double starts | verdict |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n";
    head.to_owned() + &out
}

/// Remarks of the faults, one line each.
pub fn notes(outcomes: &[Outcome]) -> String {
    let lines = outcomes.iter().flat_map(|o| o.notes.iter().map(move |n| format!("- {}: {n}\n", name(o))));
    lines.collect()
}

/// What this was measured on.
pub fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("Measured on a machine with {cores} cores.\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let values: Vec<Duration> = (1..=30).map(Duration::from_secs).collect();
        let at = |share| percentile(&values, share).as_secs();
        assert_eq!((at(50), at(99), at(100)), (15, 30, 30));
        assert_eq!(percentile(&values[..1], 50).as_secs(), 1);
    }
}
