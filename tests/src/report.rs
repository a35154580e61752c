//! Verdicts, the closing line `N passed, N failed, N skipped`, the JSON report, and lists of what
//! is known not to pass.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

/// How one case, tuple or file ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Passed,
    /// With what was expected and found.
    Failed(String),
    /// With what is missing to run it.
    Skipped(String),
}

/// One line of a run.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub name: String,
    pub verdict: Verdict,
    pub seconds: f64,
}

impl Outcome {
    /// The line printed while the run goes on.
    pub fn line(&self) -> String {
        match &self.verdict {
            Verdict::Passed => format!("PASS    {}", self.name),
            Verdict::Failed(why) => format!("FAIL    {}: {why}", self.name),
            Verdict::Skipped(why) => format!("SKIP    {}: {why}", self.name),
        }
    }
}

/// What is known not to pass: name and reason, one per line, separated by white space; `#` starts
/// a comment.
#[derive(Debug, Default)]
pub struct Known {
    pub reasons: BTreeMap<String, String>,
}

impl Known {
    /// Reads a list. `Err` names a line without a reason or a name that stands twice.
    pub fn read(path: &Path) -> Result<Known, String> {
        let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        Known::parse(&text).map_err(|why| format!("{}: {why}", path.display()))
    }

    fn parse(text: &str) -> Result<Known, String> {
        let mut reasons = BTreeMap::new();
        for line in text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')) {
            let (name, reason) =
                line.split_once(char::is_whitespace).ok_or(format!("{line}: reason is missing"))?;
            if reasons.insert(name.to_owned(), reason.trim().to_owned()).is_some() {
                return Err(format!("{name} stands twice"));
            }
        }
        Ok(Known { reasons })
    }

    /// The list after a run: what passed or is gone is taken off, new failures are added with what
    /// was seen; other reasons stay. Names that `covered` refuses were not run and stay too.
    pub fn updated(&self, outcomes: &[Outcome], covered: impl Fn(&str) -> bool) -> Known {
        let mut reasons: BTreeMap<String, String> =
            self.reasons.iter().filter(|(n, _)| !covered(n)).map(|(n, r)| (n.clone(), r.clone())).collect();
        for outcome in outcomes {
            if let Verdict::Failed(why) = &outcome.verdict {
                let reason = self.reasons.get(&outcome.name).cloned().unwrap_or_else(|| steady(why));
                reasons.insert(outcome.name.clone(), reason);
            }
        }
        Known { reasons }
    }

    /// The list as text, in order of names.
    pub fn text(&self) -> String {
        let mut out = String::from(
            "# What is known not to pass: name, reason. A name that passes must leave the list, unless its\n# reason begins with unsteady.\n",
        );
        for (name, reason) in &self.reasons {
            out.push_str(&format!("{name}  {reason}\n"));
        }
        out
    }

    /// Did this case end otherwise than the list says?
    pub fn is_surprised_by(&self, outcome: &Outcome) -> bool {
        let listed = self.reasons.get(&outcome.name);
        match outcome.verdict {
            Verdict::Passed => listed.is_some_and(|reason| !reason.starts_with("unsteady")),
            Verdict::Failed(_) => listed.is_none(),
            Verdict::Skipped(_) => false,
        }
    }

    /// Judges a run by the list: what is listed and fails is skipped with its reason, what is
    /// listed and passes, or does not exist, fails.
    pub fn apply(&self, outcomes: Vec<Outcome>) -> Vec<Outcome> {
        let mut missing = self.reasons.clone();
        let mut out = Vec::new();
        for mut outcome in outcomes {
            if let Some(reason) = missing.remove(&outcome.name) {
                outcome.verdict = match outcome.verdict {
                    // Depends on time more than on the server: may do either.
                    Verdict::Passed if reason.starts_with("unsteady") => Verdict::Passed,
                    Verdict::Passed => {
                        Verdict::Failed("passes now: take it off the list of known failures".into())
                    }
                    Verdict::Failed(_) => Verdict::Skipped(format!("known: {reason}")),
                    skipped => skipped,
                };
            }
            out.push(outcome);
        }
        out.extend(missing.into_keys().map(|name| Outcome {
            name,
            verdict: Verdict::Failed("is on the list of known failures, but does not exist".into()),
            seconds: 0.0,
        }));
        out
    }
}

/// A failure without what changes from run to run: ports, temporary folders, whole bodies.
fn steady(why: &str) -> String {
    let why = why.split("; body ").next().unwrap_or_default().split("\n    log: ").next().unwrap_or_default();
    let mut out: Vec<&str> = Vec::new();
    for word in why.split_whitespace() {
        let moving = word.contains("127.0.0.1") || word.contains("/case-");
        out.push(if moving { "..." } else { word });
    }
    out.join(" ").chars().take(120).collect()
}

/// Counts over a run.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
}

impl Totals {
    /// Counts outcomes by verdict.
    pub fn of(outcomes: &[Outcome]) -> Totals {
        let mut t = Totals::default();
        for outcome in outcomes {
            match outcome.verdict {
                Verdict::Passed => t.passed += 1,
                Verdict::Failed(_) => t.failed += 1,
                Verdict::Skipped(_) => t.skipped += 1,
            }
        }
        t
    }
}

impl std::fmt::Display for Totals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// The report file: totals and one object per outcome.
pub fn as_json(outcomes: &[Outcome]) -> Value {
    let totals = Totals::of(outcomes);
    let one = |o: &Outcome| {
        let (result, why) = match &o.verdict {
            Verdict::Passed => ("passed", ""),
            Verdict::Failed(why) => ("failed", why.as_str()),
            Verdict::Skipped(why) => ("skipped", why.as_str()),
        };
        json!({"name": o.name, "result": result, "why": why, "seconds": (o.seconds * 100.0).round() / 100.0})
    };
    json!({
        "passed": totals.passed,
        "failed": totals.failed,
        "skipped": totals.skipped,
        "cases": outcomes.iter().map(one).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(name: &str, verdict: Verdict) -> Outcome {
        Outcome { name: name.into(), verdict, seconds: 0.0 }
    }

    fn verdicts(known: &str, outcomes: Vec<Outcome>) -> Vec<(String, Verdict)> {
        Known::parse(known).unwrap().apply(outcomes).into_iter().map(|o| (o.name, o.verdict)).collect()
    }

    #[test]
    fn a_listed_failure_is_skipped_with_its_reason() {
        let out = verdicts("a  not yet\n# c\n", vec![outcome("a", Verdict::Failed("x".into()))]);
        assert_eq!(out, [("a".into(), Verdict::Skipped("known: not yet".into()))]);
    }

    #[test]
    fn a_listed_success_and_a_listed_stranger_fail() {
        let out = verdicts("a why\nb why", vec![outcome("a", Verdict::Passed)]);
        assert!(out.iter().all(|(_, v)| matches!(v, Verdict::Failed(_))), "{out:?}");
        assert_eq!(out.len(), 2);
    }

    #[test]
    fn an_unlisted_failure_stays_one() {
        let out = verdicts("", vec![outcome("a", Verdict::Failed("x".into()))]);
        assert_eq!(out, [("a".into(), Verdict::Failed("x".into()))]);
    }

    #[test]
    fn an_updated_list_keeps_reasons_and_what_was_not_run() {
        let known = Known::parse("a old\nb gone\nz other").unwrap();
        let run = [outcome("a", Verdict::Failed("new".into())), outcome("c", Verdict::Failed("x  y".into()))];
        let text = known.updated(&run, |n| n != "z").text();
        let names = text.lines().filter(|line| !line.starts_with('#'));
        assert_eq!(names.collect::<Vec<_>>(), ["a  old", "c  x y", "z  other"]);
        assert!(Known::parse(&text).is_ok());
    }

    #[test]
    fn reasons_do_not_change_from_run_to_run() {
        assert_eq!(steady("step 2: /tmp/case-x1/a.xml does not\n exist"), "step 2: ... does not exist");
        assert_eq!(steady("status 202, expected 200; body <a>"), "status 202, expected 200");
    }

    #[test]
    fn lists_need_reasons_and_no_doubles() {
        assert!(Known::parse("name").is_err());
        assert!(Known::parse("a x\na y").is_err());
    }

    #[test]
    fn totals_and_report() {
        let outcomes = [outcome("a", Verdict::Passed), outcome("b", Verdict::Skipped("s".into()))];
        assert_eq!(Totals::of(&outcomes).to_string(), "1 passed, 0 failed, 1 skipped");
        assert_eq!(as_json(&outcomes)["cases"][1]["why"], "s");
    }
}
