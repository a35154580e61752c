//! Java properties texts: `config.properties`, `.metadata` files, `file.properties`.

/// Pairs of a properties text, in order. Comments (`#`, `!`), line continuations and the escapes
/// `\n \t \r \uXXXX` are understood; `=`, `:` or blanks stand between key and value.
pub fn properties(text: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut line = String::new();
    for raw in text.lines() {
        let part = raw.trim_start();
        if line.is_empty() && (part.starts_with('#') || part.starts_with('!')) {
            continue;
        }
        let slashes = part.chars().rev().take_while(|c| *c == '\\').count();
        if slashes % 2 == 1 {
            line.push_str(part.strip_suffix('\\').unwrap_or(part));
            continue;
        }
        line.push_str(part);
        pairs.extend(pair(&line));
        line.clear();
    }
    pairs.extend(pair(&line));
    pairs
}

fn pair(line: &str) -> Option<(String, String)> {
    if line.is_empty() {
        return None;
    }
    let mut escaped = false;
    let mut end = line.len();
    for (at, c) in line.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '=' | ':' | ' ' | '\t' => {
                end = at;
                break;
            }
            _ => {}
        }
    }
    let (key, rest) = line.split_at(end);
    let rest = rest.trim_start();
    let value = rest.strip_prefix(['=', ':']).unwrap_or(rest).trim_start();
    Some((unescape(key), unescape(value)))
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('u') => {
                let hex: String = chars.by_ref().take(4).collect();
                out.extend(u32::from_str_radix(&hex, 16).ok().and_then(char::from_u32));
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}

/// Text of a file without trailing line ends, as MI reads text resources.
pub fn trimmed_text(text: &str) -> &str {
    text.trim_end_matches(['\n', '\r'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn java_properties() {
        let text = "# note\na=1\nb : two words\nc\nd\\=e = x\\\n  y\nf=\\u0041\\tz\n! more\n";
        let pairs = properties(text);
        let shown: Vec<String> = pairs.iter().map(|(k, v)| format!("{k}|{v}")).collect();
        assert_eq!(shown, ["a|1", "b|two words", "c|", "d=e|xy", "f|A\tz"]);
    }
}
