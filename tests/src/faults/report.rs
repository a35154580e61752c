//! The report: Markdown, for a file and for the screen.

use std::time::Duration;

use super::run::Outcome;

fn seconds(length: Duration) -> String {
    format!("{:.2} s", length.as_secs_f64())
}

/// One line while a run goes on.
pub fn line(outcome: &Outcome) -> String {
    let what = match (&outcome.broken, outcome.judged.violations.first()) {
        (Some(why), _) => format!("FAIL    {}: {why}", name(outcome)),
        (None, Some(v)) => format!("FAIL    {}: {} {}: {}", name(outcome), v.rule, v.task, v.what),
        (None, None) => format!("PASS    {}", name(outcome)),
    };
    let gap = outcome.judged.gap.map(|g| format!(", gap {} of {}", seconds(g.longest), seconds(g.bound)));
    format!("{what} ({:.0} s{})", outcome.took.as_secs_f64(), gap.unwrap_or_default())
}

fn name(outcome: &Outcome) -> String {
    format!("{} {} {}", outcome.fault, outcome.kind.word(), outcome.profile)
}

/// The table of faults.
pub fn faults(outcomes: &[Outcome]) -> String {
    let mut out = String::from(
        "| fault | database | profile | longest gap | bound | overlaps (fenced sink) | overlaps (open sink) | \
         late effects refused | double starts | files again | moves | starts | verdict |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for outcome in outcomes {
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
            if outcome.is_good() { "good" } else { "BAD" },
        ));
    }
    out
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
