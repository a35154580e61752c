//! Java's regular expressions on top of the `regex` crate: the few spellings that differ are
//! translated. Lookaround, back references and possessive quantifiers are run by `fancy-regex`, which
//! backtracks as Java does.

use fancy_regex::Regex as Backtracking;
use regex::Regex;

/// A compiled Java pattern.
#[derive(Debug, Clone)]
pub struct JavaRegex {
    source: String,
    whole: Engine,
    part: Engine,
}

/// Linear time where possible.
#[derive(Debug, Clone)]
enum Engine {
    Linear(Regex),
    Backtracking(Box<Backtracking>),
}

/// Byte ranges of a match and its groups; index 0 is the match.
type Groups = Vec<Option<(usize, usize)>>;

impl JavaRegex {
    /// Compiles a pattern as `java.util.regex.Pattern` does without flags. The error says what is wrong.
    pub fn compile(text: &str) -> Result<Self, String> {
        Self::with_flags(text, "")
    }

    /// As [`Self::compile`] with inline flags (`i`, `s`, `m`, `x`).
    pub fn with_flags(text: &str, flags: &str) -> Result<Self, String> {
        let flags = if flags.is_empty() { String::new() } else { format!("(?{flags})") };
        let body = translate(text);
        // In the mode with comments a line end closes a comment and means nothing else.
        let end = if flags.contains('x') || text.contains("(?x") { "\n)" } else { ")" };
        Ok(Self {
            source: text.to_owned(),
            part: Engine::compile(&format!("{flags}{body}"))?,
            whole: Engine::compile(&format!("{flags}\\A(?:{body}{end}\\z"))?,
        })
    }

    /// The pattern as written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// `Matcher.matches()`: the whole text.
    pub fn matches(&self, text: &str) -> bool {
        self.whole.find_at(text, 0).is_some()
    }

    /// `Matcher.find()`: some part of the text.
    pub fn finds(&self, text: &str) -> bool {
        self.part.find_at(text, 0).is_some()
    }

    /// The first match, as a byte range.
    pub fn find(&self, text: &str) -> Option<std::ops::Range<usize>> {
        self.part.find_at(text, 0).map(|(start, end)| start..end)
    }

    /// Groups of a full match: index 0 is the whole text; groups that took no part are `None`.
    pub fn groups<'t>(&self, text: &'t str) -> Option<Vec<Option<&'t str>>> {
        let groups = self.whole.groups_at(text, 0)?;
        Some(groups.into_iter().map(|group| group.and_then(|(start, end)| text.get(start..end))).collect())
    }

    /// `String.replaceAll` with Java's replacement syntax (`$1`, `${name}` is not known, `\$`). `$` without
    /// a group and a group that does not exist leave the text as it is, where Java throws.
    pub fn replace_all(&self, text: &str, replacement: &str) -> String {
        self.replace(text, replacement, usize::MAX)
    }

    /// `String.replaceFirst`, as [`Self::replace_all`].
    pub fn replace_first(&self, text: &str, replacement: &str) -> String {
        self.replace(text, replacement, 1)
    }

    fn replace(&self, text: &str, replacement: &str, limit: usize) -> String {
        let mut out = String::with_capacity(text.len());
        let (mut copied, mut at) = (0, 0);
        for _ in 0..limit {
            let Some(groups) = self.part.groups_at(text, at) else { break };
            let Some((start, end)) = groups.first().copied().flatten() else { break };
            out.push_str(&text[copied..start]);
            if expand(text, &groups, replacement, &mut out).is_none() {
                return text.to_owned();
            }
            copied = end;
            at = if end > start { end } else { next_char(text, end) };
            if at > text.len() {
                break;
            }
        }
        out.push_str(&text[copied..]);
        out
    }

    /// The text cut at its matches: `Ok` has the groups of a match, `Err` the text between two.
    pub fn pieces<'t>(&self, text: &'t str) -> Vec<Result<Vec<Option<&'t str>>, &'t str>> {
        let (mut pieces, mut from, mut at) = (Vec::new(), 0, 0);
        while let Some(groups) = self.part.groups_at(text, at) {
            let Some((start, end)) = groups.first().copied().flatten() else { break };
            if start == end {
                at = next_char(text, end);
                continue;
            }
            if start > from {
                pieces.push(Err(&text[from..start]));
            }
            let group = |(start, end): (usize, usize)| text.get(start..end);
            pieces.push(Ok(groups.into_iter().map(|range| range.and_then(group)).collect()));
            (from, at) = (end, end);
        }
        if from < text.len() {
            pieces.push(Err(&text[from..]));
        }
        pieces
    }

    /// `String.split(regex)`: trailing empty pieces are dropped, an empty match at the start gives none.
    pub fn split<'t>(&self, text: &'t str) -> Vec<&'t str> {
        let (mut pieces, mut from, mut at) = (Vec::new(), 0, 0);
        while let Some((start, end)) = self.part.find_at(text, at) {
            at = if end > start { end } else { next_char(text, end) };
            if end == 0 || (start == end && start >= text.len()) {
                if at > text.len() {
                    break;
                }
                continue;
            }
            pieces.push(&text[from..start]);
            from = end;
            if at > text.len() {
                break;
            }
        }
        if pieces.is_empty() {
            return vec![text];
        }
        pieces.push(&text[from..]);
        while pieces.last().is_some_and(|piece| piece.is_empty()) {
            pieces.pop();
        }
        pieces
    }
}

fn next_char(text: &str, at: usize) -> usize {
    at + text.get(at..).and_then(|t| t.chars().next()).map_or(1, char::len_utf8)
}

impl Engine {
    fn compile(pattern: &str) -> Result<Self, String> {
        let error = match Regex::new(pattern) {
            Ok(regex) => return Ok(Engine::Linear(regex)),
            Err(error) => error,
        };
        match Backtracking::new(pattern) {
            Ok(regex) if backtracks(pattern) => Ok(Engine::Backtracking(Box::new(regex))),
            _ => {
                let text = error.to_string();
                Err(text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned())
            }
        }
    }

    fn find_at(&self, text: &str, at: usize) -> Option<(usize, usize)> {
        if at > text.len() {
            return None;
        }
        match self {
            Engine::Linear(regex) => regex.find_at(text, at).map(|m| (m.start(), m.end())),
            // Too much backtracking counts as no match.
            Engine::Backtracking(regex) => {
                regex.find_from_pos(text, at).ok().flatten().map(|m| (m.start(), m.end()))
            }
        }
    }

    fn groups_at(&self, text: &str, at: usize) -> Option<Groups> {
        if at > text.len() {
            return None;
        }
        match self {
            Engine::Linear(regex) => {
                let captures = regex.captures_at(text, at)?;
                Some(captures.iter().map(|group| group.map(|m| (m.start(), m.end()))).collect())
            }
            Engine::Backtracking(regex) => {
                let captures = regex.captures_from_pos(text, at).ok().flatten()?;
                Some(captures.iter().map(|group| group.map(|m| (m.start(), m.end()))).collect())
            }
        }
    }
}

/// Does a pattern use what only a backtracking engine has?
fn backtracks(pattern: &str) -> bool {
    let looks = ["(?=", "(?!", "(?<=", "(?<!", "(?>", "\\k<", "++", "*+", "?+", "}+"];
    let refers = |(at, _): (usize, &str)| pattern[at + 1..].starts_with(|c: char| ('1'..='9').contains(&c));
    looks.iter().any(|look| pattern.contains(look)) || pattern.match_indices('\\').any(refers)
}

/// Appends a replacement; `None` for a group that does not exist.
fn expand(text: &str, groups: &Groups, replacement: &str, out: &mut String) -> Option<()> {
    let mut chars = replacement.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.push(chars.next()?),
            '$' => {
                let mut number = chars.next()?.to_digit(10)? as usize;
                // More digits belong to it as long as such a group exists.
                while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
                    let longer = number * 10 + digit as usize;
                    if longer >= groups.len() {
                        break;
                    }
                    number = longer;
                    chars.next();
                }
                let group = *groups.get(number)?;
                out.push_str(group.map_or("", |(start, end)| &text[start..end]));
            }
            other => out.push(other),
        }
    }
    Some(())
}

/// Java spellings that mean something else or nothing here.
fn translate(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut classes: usize = 0;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        match c {
            '\\' => rest = escape(after, &mut out),
            '[' => {
                classes += 1;
                out.push('[');
                rest = after;
                if let Some(negated) = rest.strip_prefix('^') {
                    out.push('^');
                    rest = negated;
                }
                if let Some(closing) = rest.strip_prefix(']') {
                    out.push_str("\\]");
                    rest = closing;
                }
            }
            ']' if classes > 0 => {
                classes -= 1;
                out.push(']');
                rest = after;
            }
            // In a class these are no operators in Java.
            '~' | '-' if classes > 0 && after.starts_with(c) => {
                out.push('\\');
                out.push(c);
                rest = after;
            }
            other => {
                out.push(other);
                rest = after;
            }
        }
    }
    out
}

/// Translates what follows a backslash and gives the text behind it.
fn escape<'t>(after: &'t str, out: &mut String) -> &'t str {
    let Some(c) = after.chars().next() else {
        out.push('\\');
        return after;
    };
    let rest = &after[c.len_utf8()..];
    match c {
        'Q' => {
            let (quoted, rest) = rest.split_once("\\E").unwrap_or((rest, ""));
            out.push_str(&regex::escape(quoted));
            return rest;
        }
        // Java's classes know ASCII only.
        'd' => out.push_str("[0-9]"),
        'D' => out.push_str("[^0-9]"),
        'w' => out.push_str("[0-9A-Za-z_]"),
        'W' => out.push_str("[^0-9A-Za-z_]"),
        's' => out.push_str("[\\x20\\t\\n\\x0B\\f\\r]"),
        'S' => out.push_str("[^\\x20\\t\\n\\x0B\\f\\r]"),
        'h' => out.push_str("[\\x20\\t\\xA0]"),
        'R' => out.push_str("(?:\\r\\n|[\\n\\x0B\\f\\r\\x85])"),
        'Z' => out.push_str("(?:\\n?\\z)"),
        'e' => out.push_str("\\x1B"),
        'u' if rest.get(..4).is_some_and(|h| h.bytes().all(|b| b.is_ascii_hexdigit())) => {
            out.push_str(&format!("\\x{{{}}}", &rest[..4]));
            return &rest[4..];
        }
        'p' | 'P' => return property(c, rest, out),
        other => {
            out.push('\\');
            out.push(other);
        }
    }
    rest
}

/// `\p{Alpha}` and its like are POSIX classes in Java.
fn property<'t>(letter: char, rest: &'t str, out: &mut String) -> &'t str {
    let class = rest.strip_prefix('{').and_then(|t| t.split_once('}'));
    let posix = class.and_then(|(name, _)| {
        Some(match name {
            "Lower" => "lower",
            "Upper" => "upper",
            "ASCII" => "ascii",
            "Alpha" => "alpha",
            "Digit" => "digit",
            "Alnum" => "alnum",
            "Punct" => "punct",
            "Graph" => "graph",
            "Print" => "print",
            "Blank" => "blank",
            "Cntrl" => "cntrl",
            "XDigit" => "xdigit",
            "Space" => "space",
            _ => return None,
        })
    });
    match (posix, class) {
        (Some(posix), Some((_, rest))) => {
            let not = if letter == 'P' { "^" } else { "" };
            out.push_str(&format!("[[:{not}{posix}:]]"));
            rest
        }
        (None, Some((name, rest))) => {
            let name = name.strip_prefix("Is").or_else(|| name.strip_prefix("java")).unwrap_or(name);
            let name = name.strip_prefix("Case").unwrap_or(name);
            out.push_str(&format!("\\{letter}{{{name}}}"));
            rest
        }
        _ => {
            out.push('\\');
            out.push(letter);
            rest
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        JavaRegex::compile(pattern).unwrap().matches(text)
    }

    #[test]
    fn full_matches() {
        for (pattern, text) in [
            ("a|ab", "ab"),
            ("\\d+", "007"),
            ("[a-z&&[^b]]+", "ac"),
            ("(?i)ann.*", "ANN x"),
            ("(?s)a.b", "a\nb"),
            ("\\Qa.b\\E+", "a.bb"),
            ("\\p{Alpha}+", "abc"),
            ("(?!no).*", "yes"),
            ("(a)\\1", "aa"),
            ("a++b", "aab"),
            ("[]a]+", "]a"),
            ("\\u0041", "A"),
            ("[\\w.-]+", "a.b-c"),
            ("\\p{IsAlphabetic}+", "é"),
            ("(?x) a # c", "a"),
        ] {
            assert!(matches(pattern, text), "{pattern}");
        }
        for (pattern, text) in
            [("a.b", "a\nb"), ("0", "007"), ("\\w+", "é"), ("(?!no).*", "no"), ("a", "a\n"), ("\\d", "٣")]
        {
            assert!(!matches(pattern, text), "{pattern}");
        }
        for pattern in ["[", "(", "*", "a{2"] {
            assert!(JavaRegex::compile(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn splits() {
        let split = |pattern: &str, text: &str| -> Vec<String> {
            JavaRegex::compile(pattern).unwrap().split(text).into_iter().map(str::to_owned).collect()
        };
        assert_eq!(split(",", "a,b,,"), ["a", "b"]);
        assert_eq!(split(",", ",a"), ["", "a"]);
        assert_eq!(split(",", ""), [""]);
        assert_eq!(split("", "abc"), ["a", "b", "c"]);
        assert_eq!(split(".", "a.b"), [""; 0]);
        assert_eq!(split("(?=b)", "abab"), ["a", "ba", "b"]);
        assert_eq!(split("x*", "axb"), ["a", "", "b"]);
    }

    #[test]
    fn replaces() {
        let regex = JavaRegex::compile("(a)(b)?").unwrap();
        assert_eq!(regex.replace_all("abxa", "[$1$2\\$]"), "[ab$]x[a$]");
        assert_eq!(regex.replace_first("aba", "-"), "-a");
        assert_eq!(regex.replace_all("a", "$9"), "a");
        assert_eq!(JavaRegex::compile("").unwrap().replace_all("ab", "-"), "-a-b-");
        assert_eq!(regex.groups("a"), Some(vec![Some("a"), Some("a"), None]));
    }
}
