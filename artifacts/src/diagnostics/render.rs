//! Diagnostics as text for people and as JSON for tools.

use super::{Diagnostic, Diagnostics, Severity};
use serde_json::{Value, json};
use std::fmt::{self, Write as _};

impl Severity {
    /// `error` or `warning`.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

impl fmt::Display for Diagnostic {
    /// `path:line:column: error[A0102]: message`, the source line, a mark below it, the hint.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.source.location(self.span.start);
        let (path, word) = (&self.source.path, self.severity.word());
        writeln!(f, "{path}:{}:{}: {word}[{}]: {}", at.line, at.column, self.code, self.message)?;
        let line = self.source.line(at.line);
        if !line.trim().is_empty() {
            let shown: String = line.chars().take(160).map(|c| if c == '\t' { ' ' } else { c }).collect();
            let width = self.mark_width(at.line, at.column);
            writeln!(f, "    {shown}")?;
            writeln!(f, "    {}{}", " ".repeat(at.column as usize - 1), "^".repeat(width))?;
        }
        if let Some(hint) = &self.hint {
            writeln!(f, "    hint: {hint}")?;
        }
        Ok(())
    }
}

impl Diagnostic {
    fn mark_width(&self, line: u32, column: u32) -> usize {
        let end = self.source.location(self.span.end);
        let rest = self.source.line(line).chars().count().saturating_sub(column as usize - 1);
        let wanted = if end.line == line { end.column.saturating_sub(column) as usize } else { rest };
        wanted.clamp(1, rest.clamp(1, 60))
    }

    /// One JSON object: `severity, code, file, line, column, end_line, end_column, message, hint`.
    pub fn to_json(&self) -> Value {
        let (start, end) = (self.source.location(self.span.start), self.source.location(self.span.end));
        json!({
            "severity": self.severity.word(), "code": self.code.0, "file": self.source.path,
            "line": start.line, "column": start.column, "end_line": end.line, "end_column": end.column,
            "message": self.message, "hint": self.hint,
        })
    }
}

impl Diagnostics {
    /// All findings as text, one after the other.
    pub fn render(&self) -> String {
        self.iter().fold(String::new(), |mut text, diagnostic| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{diagnostic}");
            text
        })
    }

    /// A JSON array of [`Diagnostic::to_json`].
    pub fn to_json(&self) -> Value {
        Value::Array(self.iter().map(Diagnostic::to_json).collect())
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnostics::{Code, Diagnostics};
    use crate::source::{Source, Span};

    #[test]
    fn shows_the_place() {
        let source = Source::new("api/a.xml", "<api>\n  <resorce/>\n</api>");
        let mut list = Diagnostics::new();
        list.error(Code::MISSING_CHILD, (&source, Span::new(8, 18)), "expected a <resource>")
            .with_hint("did you mean <resource>?");
        assert_eq!(
            list.render(),
            "api/a.xml:2:3: error[A0104]: expected a <resource>\n      <resorce/>\n      ^^^^^^^^^^\n    hint: did you mean <resource>?\n"
        );
    }
}
