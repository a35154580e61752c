//! Values as Java and Synapse read them: numbers, booleans, lists, registry keys, addresses.

/// `Integer.parseInt`: optional sign and digits, nothing else, 32 bits.
pub fn java_int(text: &str) -> Option<i32> {
    digits(text)?.parse().ok()
}

/// `Long.parseLong`: optional sign and digits, nothing else, 64 bits.
pub fn java_long(text: &str) -> Option<i64> {
    digits(text)?.parse().ok()
}

fn digits(text: &str) -> Option<&str> {
    let body = text.strip_prefix(['+', '-']).unwrap_or(text);
    (!body.is_empty() && body.bytes().all(|b| b.is_ascii_digit())).then_some(text)
}

/// `Float.parseFloat`: blanks around, decimal or exponent form, a trailing `f`, `F`, `d` or `D`, `NaN`, `Infinity`.
pub fn java_float(text: &str) -> Option<f64> {
    let text = text.trim();
    let body = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(body, "NaN" | "Infinity") {
        return text.replace("Infinity", "inf").parse().ok();
    }
    let number = text.strip_suffix(['f', 'F', 'd', 'D']).unwrap_or(text);
    let plain = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
    number.chars().all(plain).then(|| number.parse().ok()).flatten()
}

/// `Boolean.parseBoolean`: `true` in any case, everything else is false.
pub fn java_bool(text: &str) -> bool {
    text.eq_ignore_ascii_case("true")
}

/// Axis2's `isTrueExplicitly`: `true`, `yes` or `1` in any case.
pub fn axis_true(text: &str) -> bool {
    ["true", "yes", "1"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Axis2's `isFalseExplicitly`: `false`, `no` or `0` in any case.
pub fn axis_false(text: &str) -> bool {
    ["false", "no", "0"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Words separated by blanks and commas.
pub fn words(text: &str) -> Vec<String> {
    text.split([' ', ',']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Error codes separated by blanks and commas; `Err` is the first word that is no number.
pub fn codes(text: &str) -> Result<Vec<i32>, String> {
    words(text.trim()).into_iter().map(|word| java_int(&word).ok_or(word)).collect()
}

/// Can the text be part of a registry path? MI makes a `file:` URI of it, so characters that a URI
/// does not allow (blanks, braces, brackets, quotes, `|`, `\`, `^`, `` ` ``) are refused.
pub fn is_registry_key(key: &str) -> bool {
    let forbidden = |c: char| {
        c.is_ascii_control()
            || c.is_whitespace()
            || matches!(c, '{' | '}' | '[' | ']' | '<' | '>' | '"' | '|' | '\\' | '^' | '`')
    };
    !key.chars().any(forbidden) && percent_is_escape(key)
}

fn percent_is_escape(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes
        .iter()
        .enumerate()
        .filter(|(_, b)| **b == b'%')
        .all(|(at, _)| bytes.get(at + 1..at + 3).is_some_and(|pair| pair.iter().all(u8::is_ascii_hexdigit)))
}

/// Would `new java.net.URL(text)` accept it? A known scheme and a colon; `http` may even lack a host.
pub fn is_java_url(text: &str) -> bool {
    let Some((scheme, _)) = text.trim().split_once(':') else { return false };
    ["http", "https", "file", "ftp", "jar", "mailto"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
}

/// Would `new java.net.URI(text)` accept it? Only what artifacts get wrong is checked.
pub fn is_java_uri(text: &str) -> bool {
    if text.is_empty() {
        return true;
    }
    let legal =
        |c: char| !c.is_whitespace() && !matches!(c, '{' | '}' | '<' | '>' | '"' | '|' | '\\' | '^' | '`');
    text.chars().all(legal) && percent_is_escape(text) && !text.ends_with("://") && !text.ends_with(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_java_reads_them() {
        assert_eq!(java_int("-5"), Some(-5));
        assert_eq!(java_int("+7"), Some(7));
        for bad in ["", " 7 ", "1.5", "10s", "99999999999999999999", "-", "٣x"] {
            assert_eq!(java_int(bad), None, "{bad}");
        }
        assert_eq!(java_long("3000000000"), Some(3_000_000_000));
        assert_eq!(java_float(" 1.5f "), Some(1.5));
        assert_eq!(java_float("99999999999999999999"), Some(1e20));
        assert_eq!(java_float("10s"), None);
        assert_eq!(java_float(""), None);
    }

    #[test]
    fn lists_of_codes() {
        assert_eq!(codes("101504, 101505,-1").unwrap(), [101_504, 101_505, -1]);
        assert_eq!(codes(" ").unwrap(), Vec::<i32>::new());
        assert_eq!(codes("1.5").unwrap_err(), "1.5");
    }

    #[test]
    fn registry_keys() {
        for good in ["gov:/a/b.xml", "a.b", "é", "a%20b", "resources:xslt/a.xslt"] {
            assert!(is_registry_key(good), "{good}");
        }
        for bad in ["with space", "{x", "{//a[}", "a%2"] {
            assert!(!is_registry_key(bad), "{bad}");
        }
    }

    #[test]
    fn uris_and_urls() {
        assert!(is_java_url("file:repository/x.xsl") && !is_java_url("http//x") && !is_java_url(""));
        assert!(is_java_uri("http://h/p") && is_java_uri("file:a.wsdl") && is_java_uri(""));
        assert!(!is_java_uri("http://a b/") && !is_java_uri("http://"));
    }
}
