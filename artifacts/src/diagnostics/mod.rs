//! Findings about artifacts: what is wrong, where, what was expected, and how to mend it.
//!
//! Parsing and compiling push into one [`Diagnostics`] list and go on; nothing stops at the first
//! problem. An error is what MI would refuse to deploy; everything else is a warning.

mod codes;
mod render;

pub use codes::{ALL, Code};

use crate::source::{SourceRef, Span};

/// Would MI deploy the artifact?
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// MI deploys it; the reader should still know.
    Warning,
    /// MI refuses the artifact.
    Error,
}

/// One finding.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// Stable code, such as `A0102`.
    pub code: Code,
    /// Whether deployment is refused.
    pub severity: Severity,
    /// Where the text came from.
    pub source: SourceRef,
    /// Range in that text.
    pub span: Span,
    /// What was expected and what was found, one sentence.
    pub message: String,
    /// How to mend it, when that can be said.
    pub hint: Option<String>,
}

/// All findings so far, in the order they were met.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
}

impl Diagnostic {
    /// Adds advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl Diagnostics {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records an error and gives it back for a hint.
    pub fn error(
        &mut self,
        code: Code,
        at: (&SourceRef, Span),
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.add(code, Severity::Error, at, message.into())
    }

    /// Records a warning and gives it back for a hint.
    pub fn warning(
        &mut self,
        code: Code,
        at: (&SourceRef, Span),
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.add(code, Severity::Warning, at, message.into())
    }

    fn add(
        &mut self,
        code: Code,
        severity: Severity,
        at: (&SourceRef, Span),
        message: String,
    ) -> &mut Diagnostic {
        let index = self.list.len();
        self.list.push(Diagnostic { code, severity, source: at.0.clone(), span: at.1, message, hint: None });
        &mut self.list[index]
    }

    /// Adds an already built finding.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.list.push(diagnostic);
    }

    /// Takes over all findings of another list.
    pub fn extend(&mut self, other: Diagnostics) {
        self.list.extend(other.list);
    }

    /// The findings in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// Number of findings.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// No finding at all.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Some finding refuses deployment.
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|d| d.severity == Severity::Error)
    }

    /// Errors recorded after the list had `mark` entries: "did this part go wrong?".
    pub fn has_errors_since(&self, mark: usize) -> bool {
        self.list.iter().skip(mark).any(|d| d.severity == Severity::Error)
    }
}

impl Diagnostic {
    /// Adds advice in place.
    pub fn with_hint(&mut self, hint: impl Into<String>) -> &mut Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The closest of `candidates` to `word`, for "did you mean". At most a third of the letters differ.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (edit_distance(&word.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let cost = usize::from(a[i - 1] != b[j - 1]);
                let plain = (rows[i - 1][j - 1] + cost).min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                if swapped { plain.min(rows[i - 2][j - 2] + 1) } else { plain }
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_word() {
        assert_eq!(nearest("respnd", ["respond", "send", "drop"]), Some("respond"));
        assert_eq!(nearest("nmae", ["name", "context"]), Some("name"));
        assert_eq!(nearest("quux", ["respond", "send"]), None);
    }
}
