//! Java's regular expressions on top of the `regex` crate: the few spellings that differ are
//! translated; what `regex` cannot do (lookaround, back references) is refused with a clear message.

use regex::Regex;

/// A compiled Java pattern.
#[derive(Debug, Clone)]
pub struct JavaRegex {
    source: String,
    whole: Regex,
    part: Regex,
}

impl JavaRegex {
    /// Compiles a pattern as `java.util.regex.Pattern` does without flags.
    pub fn compile(text: &str) -> Result<Self, String> {
        Self::with_flags(text, "")
    }

    /// As [`Self::compile`] with inline flags (`i`, `s`, `m`, `x`).
    pub fn with_flags(text: &str, flags: &str) -> Result<Self, String> {
        let flags = if flags.is_empty() { String::new() } else { format!("(?{flags})") };
        let short = |error: regex::Error| {
            error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
        };
        let part = Regex::new(&format!("{flags}{text}")).map_err(short)?;
        let whole = Regex::new(&format!("{flags}^(?:{text})$")).map_err(short)?;
        Ok(Self { source: text.to_owned(), whole, part })
    }

    /// The pattern as written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// `Matcher.matches()`: the whole text.
    pub fn matches(&self, text: &str) -> bool {
        self.whole.is_match(text)
    }

    /// `Matcher.find()`: some part of the text.
    pub fn finds(&self, text: &str) -> bool {
        self.part.is_match(text)
    }

    /// Groups of a full match: index 0 is the whole text; groups that took no part are `None`.
    pub fn groups<'t>(&self, text: &'t str) -> Option<Vec<Option<&'t str>>> {
        let captures = self.whole.captures(text)?;
        Some(captures.iter().map(|group| group.map(|m| m.as_str())).collect())
    }

    /// `String.replaceAll` with Java's replacement syntax (`$1`, `\$`).
    pub fn replace_all(&self, text: &str, replacement: &str) -> String {
        self.part.replace_all(text, replacement).into_owned()
    }

    /// The text cut at its matches: `Ok` has the groups of a match, `Err` the text between two.
    pub fn pieces<'t>(&self, text: &'t str) -> Vec<Result<Vec<Option<&'t str>>, &'t str>> {
        let mut pieces = Vec::new();
        let mut from = 0;
        for captures in self.part.captures_iter(text) {
            let Some(whole) = captures.get(0).filter(|m| !m.is_empty()) else { continue };
            if whole.start() > from {
                pieces.push(Err(&text[from..whole.start()]));
            }
            pieces.push(Ok(captures.iter().map(|group| group.map(|m| m.as_str())).collect()));
            from = whole.end();
        }
        if from < text.len() {
            pieces.push(Err(&text[from..]));
        }
        pieces
    }

    /// `String.split(regex)`: trailing empty pieces are dropped.
    pub fn split<'t>(&self, text: &'t str) -> Vec<&'t str> {
        let mut pieces: Vec<&str> = self.part.split(text).collect();
        while pieces.len() > 1 && pieces.last().is_some_and(|p| p.is_empty()) {
            pieces.pop();
        }
        pieces
    }
}
