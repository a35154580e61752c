//! A window over the characters of a path, with the look-around questions that Jayway's parser asks.

use crate::expr::SyntaxError;

/// Position and window; `end` is one past the last character of the window.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'t> {
    pub(super) chars: &'t [char],
    pub(super) at: usize,
    pub(super) end: usize,
}

pub(super) fn fail<T>(at: usize, message: impl Into<String>) -> Result<T, SyntaxError> {
    Err(SyntaxError::new(at, message))
}

impl<'t> Cursor<'t> {
    pub(super) fn new(chars: &'t [char]) -> Self {
        Self { chars, at: 0, end: chars.len() }
    }

    /// The character at an index; beyond the text is an error as it is there.
    pub(super) fn char_at(&self, index: usize) -> Result<char, SyntaxError> {
        match self.chars.get(index) {
            Some(c) => Ok(*c),
            None => fail(self.chars.len(), "expected more characters, found the end of the path"),
        }
    }

    pub(super) fn current(&self) -> Result<char, SyntaxError> {
        self.char_at(self.at)
    }

    pub(super) fn in_bounds(&self, index: usize) -> bool {
        index < self.end
    }

    /// At the last character or beyond: what stands there is not looked at any more.
    pub(super) fn is_tail(&self) -> bool {
        self.at + 1 >= self.end
    }

    pub(super) fn text(&self, from: usize, to: usize) -> String {
        self.chars.get(from..to.min(self.chars.len())).unwrap_or_default().iter().collect()
    }

    pub(super) fn skip_blanks(&mut self) {
        while self.at + 1 < self.end && self.chars[self.at] == ' ' {
            self.at += 1;
        }
    }

    pub(super) fn trim(&mut self) {
        self.skip_blanks();
        while self.at + 1 < self.end && self.chars[self.end - 1] == ' ' {
            self.end -= 1;
        }
    }

    fn after_blanks(&self, from: usize) -> usize {
        let mut index = from + 1;
        while index < self.end && self.chars[index] == ' ' {
            index += 1;
        }
        index
    }

    /// The next character after blanks, `' '` at the end.
    pub(super) fn next_significant(&self, from: usize) -> char {
        let index = self.after_blanks(from);
        if index < self.end { self.chars[index] } else { ' ' }
    }

    /// Index of `wanted` when it is the next character after blanks.
    pub(super) fn index_of_next_significant(
        &self,
        from: usize,
        wanted: char,
    ) -> Result<Option<usize>, SyntaxError> {
        let index = self.after_blanks(from);
        Ok((self.char_at(index)? == wanted).then_some(index))
    }

    pub(super) fn next_index_of(&self, from: usize, wanted: char) -> Option<usize> {
        (from..self.end).find(|i| self.chars[*i] == wanted)
    }

    /// Next `wanted` after `from` that no backslash escapes.
    pub(super) fn next_unescaped(&self, from: usize, wanted: char) -> Option<usize> {
        let mut escaped = false;
        for index in from + 1..self.end {
            match self.chars[index] {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                c if c == wanted => return Some(index),
                _ => {}
            }
        }
        None
    }

    /// Index of the bracket that closes the one at `from`.
    pub(super) fn matching_close(
        &self,
        from: usize,
        (open, close): (char, char),
        skip_patterns: bool,
    ) -> Result<Option<usize>, SyntaxError> {
        if self.char_at(from)? != open {
            return fail(from, format!("expected '{open}'"));
        }
        let mut opened = 1;
        let mut index = from + 1;
        while self.in_bounds(index) {
            let quote = self.chars[index];
            if quote == '\'' || quote == '"' {
                index = match self.next_unescaped(index, quote) {
                    Some(closing) => closing + 1,
                    None => return fail(index, format!("expected a closing {quote}")),
                };
            }
            if skip_patterns && self.char_at(index)? == '/' {
                index = match self.next_unescaped(index, '/') {
                    Some(closing) => closing + 1,
                    None => return fail(index, "expected a closing /"),
                };
            }
            let c = self.char_at(index)?;
            if c == open {
                opened += 1;
            }
            if c == close {
                opened -= 1;
                if opened == 0 {
                    return Ok(Some(index));
                }
            }
            index += 1;
        }
        Ok(None)
    }

    /// The last character before `from` that is no blank.
    pub(super) fn previous_significant(&self, from: usize) -> Option<usize> {
        (0..from.min(self.end)).rev().find(|i| self.chars[*i] != ' ')
    }
}

/// Removes backslash escapes (`\n`, `\u0041`, any other character stands for itself).
pub(super) fn unescape(text: &str) -> Result<String, SyntaxError> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('r') => out.push('\r'),
            Some('f') => out.push('\u{c}'),
            Some('t') => out.push('\t'),
            Some('n') => out.push('\n'),
            Some('b') => out.push('\u{8}'),
            Some('u') => {
                let digits: String = chars.by_ref().take(4).collect();
                match u32::from_str_radix(&digits, 16) {
                    Ok(code) => out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)),
                    Err(_) => return fail(0, format!("expected four hexadecimal digits, found '{digits}'")),
                }
            }
            Some(other) => out.push(other),
            None => out.push('\\'),
        }
    }
    Ok(out)
}
