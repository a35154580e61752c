//! Files and places in them: the one meaning of "line 3, column 7" in the project.

use std::fmt;
use std::sync::{Arc, OnceLock};

/// A piece of text that was read from somewhere, with the name a user knows it by.
pub struct Source {
    /// Path as the user would write it, relative to the working home where possible.
    pub path: String,
    /// Whole text; offsets in [`Span`] are byte offsets into it.
    pub text: String,
    lines: OnceLock<Vec<u32>>,
}

/// Sources are shared by every artifact and diagnostic that points into them.
pub type SourceRef = Arc<Source>;

/// A byte range in a [`Source`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// A place for people: both counted from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Location {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({}, {} bytes)", self.path, self.text.len())
    }
}

impl Source {
    /// Wraps a text. Nothing is computed until a location is asked for.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> SourceRef {
        Arc::new(Self { path: path.into(), text: text.into(), lines: OnceLock::new() })
    }

    /// Line and column of a byte offset; offsets past the end mean the end.
    pub fn location(&self, offset: u32) -> Location {
        let lines = self.line_starts();
        let offset = offset.min(self.text.len() as u32);
        let line = lines.partition_point(|start| *start <= offset).max(1);
        let start = lines.get(line - 1).copied().unwrap_or(0);
        let before = self.text.get(start as usize..offset as usize).unwrap_or("");
        Location { line: line as u32, column: before.chars().count() as u32 + 1 }
    }

    /// Text of a line (counted from 1) without its line end.
    pub fn line(&self, line: u32) -> &str {
        let lines = self.line_starts();
        let Some(start) = lines.get(line.saturating_sub(1) as usize) else { return "" };
        let end = lines.get(line as usize).map_or(self.text.len(), |e| *e as usize);
        self.text.get(*start as usize..end).unwrap_or("").trim_end_matches(['\n', '\r'])
    }

    fn line_starts(&self) -> &[u32] {
        self.lines.get_or_init(|| {
            let ends = self.text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i as u32 + 1);
            std::iter::once(0).chain(ends).collect()
        })
    }
}

impl Span {
    /// A range from two offsets.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_count_characters() {
        let source = Source::new("a.xml", "one\nzwölf x\n");
        assert_eq!(source.location(0), Location { line: 1, column: 1 });
        assert_eq!(source.location(4), Location { line: 2, column: 1 });
        let x = source.text.find('x').unwrap() as u32;
        assert_eq!(source.location(x), Location { line: 2, column: 7 });
        assert_eq!(source.line(2), "zwölf x");
        assert_eq!(source.location(99).line, 3);
    }
}
