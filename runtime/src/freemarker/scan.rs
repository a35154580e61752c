//! Tags, interpolations and comments in the raw text, and the white space that goes with lines of tags.

/// A piece of a template that is no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// `<#name ...>`, `</#name>`, `<@name ...>`, `</@name>`
    Tag,
    /// `${...}`
    Interpolation,
    /// `<#-- ... -->`
    Comment,
}

/// A mark with its range.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) mark: Mark,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The next mark from `at` on. An unfinished one reaches to the end.
pub(super) fn next(text: &str, at: usize) -> Option<Found> {
    let (start, mark) = begin(text, at)?;
    let inside = text.get(start..).unwrap_or("");
    let length = match mark {
        Mark::Comment => inside.find("-->").map(|end| end + 3),
        Mark::Tag => closing(inside, 2, '>'),
        Mark::Interpolation => closing(inside, 2, '}'),
    };
    Some(Found { mark, start, end: start + length.unwrap_or(inside.len()) })
}

/// The next beginning of a mark.
fn begin(text: &str, mut at: usize) -> Option<(usize, Mark)> {
    // Comments first: they begin like tags.
    const STARTS: [(&str, Mark); 6] = [
        ("<#--", Mark::Comment),
        ("<#", Mark::Tag),
        ("</#", Mark::Tag),
        ("<@", Mark::Tag),
        ("</@", Mark::Tag),
        ("${", Mark::Interpolation),
    ];
    loop {
        let start = at + text.get(at..)?.find(['<', '$'])?;
        let here = text.get(start..)?;
        if let Some((_, mark)) = STARTS.iter().find(|(open, _)| here.starts_with(open)) {
            return Some((start, *mark));
        }
        at = start + 1;
    }
}

/// Length up to and with the closing character, quotes and brackets respected.
fn closing(text: &str, from: usize, close: char) -> Option<usize> {
    let mut depth = 0usize;
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices().skip_while(|(at, _)| *at < from) {
        if let Some(open) = quote {
            if escaped {
                escaped = false;
            } else if c == '\\' {
                escaped = true;
            } else if c == open {
                quote = None;
            }
            continue;
        }
        match c {
            c if c == close && depth == 0 => return Some(at + 1),
            '"' | '\'' => quote = Some(c),
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// Ranges of white space that vanish: lines that hold only tags and comments lose their blanks and
/// their line end.
pub(super) fn stripped(text: &str) -> Vec<(usize, usize)> {
    let marks = all(text);
    let mut dropped = Vec::new();
    let mut start = 0;
    let mut first = 0;
    while start < text.len() {
        let end = text[start..].find('\n').map_or(text.len(), |at| start + at + 1);
        while marks.get(first).is_some_and(|m| m.end <= start) {
            first += 1;
        }
        let here = marks[first..].iter().take_while(|m| m.start < end);
        let inside: Vec<Found> = here.copied().collect();
        if !inside.is_empty() && inside.iter().all(|m| m.mark != Mark::Interpolation) {
            let gaps = gaps(&inside, start, end);
            if gaps.iter().all(|(from, to)| text[*from..*to].chars().all(char::is_whitespace)) {
                dropped.extend(gaps);
            }
        }
        start = end;
    }
    dropped
}

/// Parts of a line between the marks.
fn gaps(marks: &[Found], start: usize, end: usize) -> Vec<(usize, usize)> {
    let mut gaps = Vec::new();
    let mut at = start;
    for mark in marks {
        if mark.start > at {
            gaps.push((at, mark.start));
        }
        at = at.max(mark.end);
    }
    if at < end {
        gaps.push((at, end));
    }
    gaps
}

fn all(text: &str) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let mut at = 0;
    while let Some(mark) = next(text, at) {
        found.push(mark);
        at = mark.end.max(mark.start + 1);
        if text[mark.start..mark.end].starts_with("<#noparse") {
            at = text[at..].find("</#noparse").map_or(text.len(), |end| at + end);
        }
    }
    found
}
