//! Text to tokens. As in the original lexer a character that starts no token is dropped, and after a
//! lone `=`, `&` or `|` the following character is dropped with it.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `in`, `nin`, `subsetof`, `anyof`, `noneof`, `size`, `empty`, `=~`
    PathWord,
    /// `length()` and its like, with the parentheses.
    PathFunction,
    Vars,
    Payload,
    Headers,
    Configs,
    Params,
    Props,
    And,
    Or,
    Not,
    DoubleDot,
    /// `* + - / % == != > < >= <=`
    Operator,
    /// `( ) [ ] . , : ? @`
    Mark,
    /// A quote that closes nothing.
    Quote,
    Bool,
    Number,
    ParamScope,
    PropScope,
    Function,
    /// `property`
    Secondary,
    Text,
    Null,
    Id,
}

/// A token with its place.
#[derive(Debug, Clone)]
pub(super) struct Token<'t> {
    pub(super) kind: Kind,
    pub(super) text: &'t str,
    pub(super) offset: usize,
}

const PATH_FUNCTIONS: [&str; 10] =
    ["length", "size", "min", "max", "avg", "sum", "stddev", "keys", "first", "last"];

const FUNCTIONS: [&str; 41] = [
    "length",
    "toUpper",
    "toLower",
    "subString",
    "startsWith",
    "endsWith",
    "contains",
    "trim",
    "replace",
    "split",
    "indexOf",
    "now",
    "formatDateTime",
    "charAt",
    "abs",
    "ceil",
    "floor",
    "sqrt",
    "log",
    "pow",
    "base64encode",
    "base64decode",
    "urlEncode",
    "urlDecode",
    "isString",
    "isNumber",
    "isArray",
    "isObject",
    "string",
    "float",
    "boolean",
    "integer",
    "round",
    "exists",
    "xpath",
    "wso2-vault",
    "hashicorp-vault",
    "not",
    "registry",
    "object",
    "array",
];

/// Splits a text into tokens.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        if matches!(first, ' ' | '\t' | '\n' | '\r') {
            at += 1;
            continue;
        }
        match token(&text[at..], first) {
            Some((kind, length)) => {
                found.push(Token { kind, text: &text[at..at + length], offset: at });
                at += length;
            }
            None => {
                at += first.len_utf8();
                if matches!(first, '=' | '&' | '|') {
                    at += text[at..].chars().next().map_or(0, char::len_utf8);
                }
            }
        }
    }
    found
}

fn token(rest: &str, first: char) -> Option<(Kind, usize)> {
    let pair = rest.get(..2).unwrap_or_default();
    Some(match first {
        'a'..='z' | 'A'..='Z' | '_' => word(rest),
        '0'..='9' => (Kind::Number, number(rest)),
        '-' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => (Kind::Number, 1 + number(&rest[1..])),
        '"' | '\'' => match string(rest) {
            Some(length) => (Kind::Text, length),
            None => (Kind::Quote, 1),
        },
        '$' => (Kind::Payload, 1),
        '.' if pair == ".." => (Kind::DoubleDot, 2),
        '=' if pair == "=~" => (Kind::PathWord, 2),
        '=' | '!' | '<' | '>' if matches!(pair, "==" | "!=" | "<=" | ">=") => (Kind::Operator, 2),
        '!' => (Kind::Not, 1),
        '&' if pair == "&&" => (Kind::And, 2),
        '|' if pair == "||" => (Kind::Or, 2),
        '*' | '+' | '-' | '/' | '%' | '<' | '>' => (Kind::Operator, 1),
        '(' | ')' | '[' | ']' | '.' | ',' | ':' | '?' | '@' => (Kind::Mark, 1),
        _ => return None,
    })
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

fn number(text: &str) -> usize {
    let whole = digits(text);
    match text[whole..].strip_prefix('.').map(digits) {
        Some(fraction) if fraction > 0 => whole + 1 + fraction,
        _ => whole,
    }
}

fn word(rest: &str) -> (Kind, usize) {
    let length = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')).count();
    let text = &rest[..length];
    if rest[length..].starts_with("()") && PATH_FUNCTIONS.contains(&text) {
        return (Kind::PathFunction, length + 2);
    }
    let kind = match text {
        "in" | "nin" | "subsetof" | "anyof" | "noneof" | "size" | "empty" => Kind::PathWord,
        "vars" => Kind::Vars,
        "payload" => Kind::Payload,
        "headers" => Kind::Headers,
        "configs" => Kind::Configs,
        "params" => Kind::Params,
        "props" | "properties" => Kind::Props,
        "and" => Kind::And,
        "or" => Kind::Or,
        "true" | "false" => Kind::Bool,
        "queryParams" | "pathParams" | "functionParams" => Kind::ParamScope,
        "axis2" | "synapse" => Kind::PropScope,
        "property" => Kind::Secondary,
        "null" => Kind::Null,
        _ if FUNCTIONS.contains(&text) => Kind::Function,
        _ => Kind::Id,
    };
    (kind, length)
}

/// Length of a quoted text with valid escapes, `None` when it is not closed.
fn string(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let quote = *bytes.first()?;
    let mut at = 1;
    loop {
        match *bytes.get(at)? {
            b'\\' => at += escape(&bytes[at..])?,
            byte if byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
}

fn escape(bytes: &[u8]) -> Option<usize> {
    let octal = |index: usize| bytes.get(index).is_some_and(|b| (b'0'..=b'7').contains(b));
    match bytes.get(1)? {
        b'b' | b't' | b'n' | b'f' | b'r' | b'"' | b'\'' | b'\\' | b'/' => Some(2),
        b'u' if bytes.len() >= 6 && bytes[2..6].iter().all(u8::is_ascii_hexdigit) => Some(6),
        _ if octal(1) && octal(2) => Some(3),
        _ => None,
    }
}
