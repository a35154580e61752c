//! Patterns that case files use: regular expressions and shell globs.

use std::path::{Path, PathBuf};

use fancy_regex::Regex;

/// Whether the pattern occurs anywhere in the text. `Err` explains a pattern that cannot be read.
pub fn search(pattern: &str, text: &str) -> Result<bool, String> {
    let re = Regex::new(&pattern.replace(r"\Z", r"\z")).map_err(|e| format!("pattern {pattern:?}: {e}"))?;
    re.is_match(text).map_err(|e| format!("pattern {pattern:?}: {e}"))
}

/// Whether the pattern covers the whole text.
pub fn full(pattern: &str, text: &str) -> Result<bool, String> {
    search(&format!(r"\A(?:{pattern})\z"), text)
}

/// Shell glob over one name: `*`, `?`, `[abc]`, `[!abc]`, `[a-c]`.
pub fn glob_matches(glob: &str, name: &str) -> bool {
    let glob: Vec<char> = glob.chars().collect();
    let name: Vec<char> = name.chars().collect();
    matches_from(&glob, &name)
}

fn matches_from(glob: &[char], name: &[char]) -> bool {
    match glob.split_first() {
        None => name.is_empty(),
        Some(('*', rest)) => (0..=name.len()).any(|i| matches_from(rest, name.get(i..).unwrap_or(&[]))),
        Some(('?', rest)) => name.split_first().is_some_and(|(_, tail)| matches_from(rest, tail)),
        Some(('[', rest)) => match class(rest) {
            Some((set, negated, after)) => name.split_first().is_some_and(|(c, tail)| {
                set.iter().any(|(a, b)| (a..=b).contains(&c)) != negated && matches_from(after, tail)
            }),
            None => name.split_first().is_some_and(|(c, tail)| *c == '[' && matches_from(rest, tail)),
        },
        Some((c, rest)) => name.split_first().is_some_and(|(d, tail)| c == d && matches_from(rest, tail)),
    }
}

type Class<'a> = (Vec<(char, char)>, bool, &'a [char]);

/// The set behind an opening bracket: ranges, whether it is negated, and what follows.
fn class(rest: &[char]) -> Option<Class<'_>> {
    let negated = rest.first() == Some(&'!');
    let body = if negated { rest.get(1..)? } else { rest };
    let end = body.iter().skip(1).position(|c| *c == ']')? + 1;
    let inner = body.get(..end)?;
    let mut set = Vec::new();
    let mut i = 0;
    while let Some(a) = inner.get(i) {
        match (inner.get(i + 1), inner.get(i + 2)) {
            (Some('-'), Some(b)) => {
                set.push((*a, *b));
                i += 3;
            }
            _ => {
                set.push((*a, *a));
                i += 1;
            }
        }
    }
    Some((set, negated, body.get(end + 1..)?))
}

/// Existing paths that fit a glob, sorted. A wildcard stays inside one folder level and does not
/// match a leading dot.
pub fn glob_paths(glob: &str) -> Vec<PathBuf> {
    let start = if glob.starts_with('/') { PathBuf::from("/") } else { PathBuf::from(".") };
    let mut found = vec![start];
    for part in glob.split('/').filter(|p| !p.is_empty()) {
        found = found.iter().flat_map(|dir| step(dir, part)).collect();
    }
    found.sort();
    found
}

fn step(dir: &Path, part: &str) -> Vec<PathBuf> {
    if !part.contains(['*', '?', '[']) {
        let path = dir.join(part);
        return if path.exists() { vec![path] } else { Vec::new() };
    }
    let names = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.file_name());
    names
        .filter_map(|n| n.into_string().ok())
        .filter(|n| (!n.starts_with('.') || part.starts_with('.')) && glob_matches(part, n))
        .map(|n| dir.join(n))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_cover_whole_names() {
        assert!(glob_matches("api-*", "api-get"));
        assert!(!glob_matches("api-*", "an-api-get"));
        assert!(glob_matches("a?c[0-9]", "abc7"));
        assert!(glob_matches("[!x]y", "ay"));
        assert!(!glob_matches("[!x]y", "xy"));
    }

    #[test]
    fn search_and_full_differ() {
        assert_eq!(search("b+", "abbc"), Ok(true));
        assert_eq!(full("b+", "abbc"), Ok(false));
        assert_eq!(full("a|ab+c", "abbc"), Ok(true));
        assert_eq!(search("a(?!b)", "ab"), Ok(false));
        assert!(search("(", "").is_err());
    }

    #[test]
    fn glob_paths_lists_files() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("in")).unwrap();
        std::fs::write(dir.path().join("in/a.xml"), "").unwrap();
        std::fs::write(dir.path().join("in/.b.xml"), "").unwrap();
        let found = glob_paths(&format!("{}/*/*.xml", dir.path().display()));
        assert_eq!(found, [dir.path().join("in/a.xml")]);
    }
}
