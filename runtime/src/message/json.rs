//! JSON as messages carry it: numbers keep their text, objects keep order and duplicate keys.
//!
//! The reader is as lenient as Gson's (the reader MI uses): single quotes, unquoted words, comments.
//! Untouched payloads never come here; their bytes are forwarded as they are.

use std::fmt::{self, Write as _};
use std::sync::Arc;

/// Deepest nesting accepted; bounds what a hostile text costs.
const MAX_DEPTH: usize = 1_000;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number in the text form it was written in (`1.10` stays `1.10`).
    Number(Arc<str>),
    /// A string, unescaped.
    String(Arc<str>),
    /// An array.
    Array(Vec<Json>),
    /// Members in order of appearance; a key may stand more than once.
    Object(Vec<(Arc<str>, Json)>),
}

/// Why a text is no JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} at offset {offset}")]
pub struct JsonError {
    /// What was expected and what was found.
    pub message: String,
    /// Byte offset.
    pub offset: usize,
}

impl Json {
    /// A string value.
    pub fn string(text: impl Into<Arc<str>>) -> Self {
        Json::String(text.into())
    }

    /// A number from anything that prints as one.
    pub fn number(value: impl fmt::Display) -> Self {
        Json::Number(value.to_string().into())
    }

    /// Reads a whole text (leniently, as Gson does); trailing characters are an error.
    pub fn parse(text: &str) -> Result<Json, JsonError> {
        let mut reader = Reader { text, at: 0, depth: 0 };
        reader.blanks()?;
        let value = reader.value()?;
        reader.blanks()?;
        if reader.at < text.len() {
            return Err(reader.expected("the end of the JSON text"));
        }
        Ok(value)
    }

    /// First member with this key.
    pub fn get(&self, key: &str) -> Option<&Json> {
        match self {
            Json::Object(members) => members.iter().find(|(k, _)| &**k == key).map(|(_, v)| v),
            _ => None,
        }
    }

    /// First member with this key, to change.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Json> {
        match self {
            Json::Object(members) => members.iter_mut().find(|(k, _)| &**k == key).map(|(_, v)| v),
            _ => None,
        }
    }

    /// Sets a member: replaces the first of that key or appends.
    pub fn set(&mut self, key: &str, value: Json) {
        if let Json::Object(members) = self {
            match members.iter_mut().find(|(k, _)| &**k == key) {
                Some(member) => member.1 = value,
                None => members.push((key.into(), value)),
            }
        }
    }

    /// The text of a string value.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Json::String(text) => Some(text),
            _ => None,
        }
    }

    /// Is it an object or array?
    pub fn is_container(&self) -> bool {
        matches!(self, Json::Array(_) | Json::Object(_))
    }

    /// Compact text; strings escaped as Gson does without HTML escaping.
    pub fn write(&self, out: &mut String) {
        match self {
            Json::Null => out.push_str("null"),
            Json::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Json::Number(text) => out.push_str(text),
            Json::String(text) => write_string(text, out),
            Json::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Json::Object(members) => {
                out.push('{');
                for (index, (key, value)) in members.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    write_string(key, out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.write(&mut text);
        f.write_str(&text)
    }
}

/// Writes a quoted, escaped JSON string.
pub fn write_string(text: &str, out: &mut String) {
    out.push('"');
    escape_string(text, out);
    out.push('"');
}

/// Escapes the inside of a JSON string.
pub fn escape_string(text: &str, out: &mut String) {
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let short = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            8 => "\\b",
            12 => "\\f",
            0..=31 => "",
            _ => continue,
        };
        out.push_str(&text[from..at]);
        if short.is_empty() {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{byte:04x}");
        } else {
            out.push_str(short);
        }
        from = at + 1;
    }
    out.push_str(&text[from..]);
}

/// Is the text a JSON number by the grammar (`-0.5e3`, no leading zeros or plus)?
pub fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match digits.find(['e', 'E']) {
        Some(at) => (&digits[..at], Some(&digits[at + 1..])),
        None => (digits, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let all = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    all(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(all)
        && exponent.is_none_or(|e| all(e.strip_prefix(['+', '-']).unwrap_or(e)))
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn expected(&self, what: &str) -> JsonError {
        let found = match self.text.get(self.at..).and_then(|t| t.chars().next()) {
            Some(c) => format!("'{c}'"),
            None => "the end of the text".to_owned(),
        };
        JsonError { message: format!("expected {what}, found {found}"), offset: self.at }
    }

    fn blanks(&mut self) -> Result<(), JsonError> {
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
                b'/' => self.comment()?,
                b'#' => self.skip_line(),
                _ => break,
            }
        }
        Ok(())
    }

    fn comment(&mut self) -> Result<(), JsonError> {
        let rest = &self.text[self.at..];
        if rest.starts_with("//") {
            self.skip_line();
            return Ok(());
        }
        match rest.strip_prefix("/*").and_then(|inner| inner.find("*/")) {
            Some(end) => {
                self.at += end + 4;
                Ok(())
            }
            None => Err(self.expected("a value")),
        }
    }

    fn skip_line(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.find('\n').unwrap_or(rest.len());
    }

    fn value(&mut self) -> Result<Json, JsonError> {
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(quote @ (b'"' | b'\'')) => Ok(Json::String(self.string(quote)?.into())),
            Some(_) => self.word(),
            None => Err(self.expected("a JSON value")),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Json, JsonError>) -> Result<Json, JsonError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(JsonError {
                message: format!("nested deeper than {MAX_DEPTH} levels"),
                offset: self.at,
            });
        }
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn object(&mut self) -> Result<Json, JsonError> {
        self.at += 1;
        let mut members = Vec::new();
        self.blanks()?;
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Json::Object(members));
        }
        loop {
            self.blanks()?;
            let key: Arc<str> = match self.peek() {
                Some(quote @ (b'"' | b'\'')) => self.string(quote)?.into(),
                Some(_) => match self.unquoted().map(Arc::<str>::from) {
                    Some(word) if !word.is_empty() => word,
                    _ => return Err(self.expected("a member name")),
                },
                None => return Err(self.expected("a member name or '}'")),
            };
            self.blanks()?;
            match self.peek() {
                Some(b':') => self.at += 1,
                Some(b'=') => self.at += 1 + usize::from(self.text[self.at..].starts_with("=>")),
                _ => return Err(self.expected("':'")),
            }
            self.blanks()?;
            members.push((key, self.value()?));
            self.blanks()?;
            match self.peek() {
                Some(b',' | b';') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Json::Object(members));
                }
                _ => return Err(self.expected("',' or '}'")),
            }
        }
    }

    fn array(&mut self) -> Result<Json, JsonError> {
        self.at += 1;
        let mut items = Vec::new();
        self.blanks()?;
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Json::Array(items));
        }
        loop {
            self.blanks()?;
            // Gson reads a missing element as null.
            let missing = matches!(self.peek(), Some(b',' | b';' | b']'));
            items.push(if missing { Json::Null } else { self.value()? });
            self.blanks()?;
            match self.peek() {
                Some(b',' | b';') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Json::Array(items));
                }
                _ => return Err(self.expected("',' or ']'")),
            }
        }
    }

    fn string(&mut self, quote: u8) -> Result<String, JsonError> {
        let open = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = &self.text[self.at..];
            let Some(stop) = rest.bytes().position(|b| b == quote || b == b'\\') else {
                let message = "the string is never closed".to_owned();
                return Err(JsonError { message, offset: open });
            };
            text.push_str(&rest[..stop]);
            self.at += stop + 1;
            if rest.as_bytes()[stop] == quote {
                return Ok(text);
            }
            text.push(self.escape()?);
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let byte = self.peek().ok_or_else(|| self.expected("an escaped character"))?;
        self.at += 1;
        Ok(match byte {
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'u' => return self.unicode(),
            b'"' | b'\'' | b'\\' | b'/' | b'\n' => byte as char,
            _ => {
                self.at -= 1;
                return Err(self.expected("one of the escapes \" \\ / b f n r t u"));
            }
        })
    }

    fn unicode(&mut self) -> Result<char, JsonError> {
        let high = self.hex4()?;
        if !(0xd800..0xdc00).contains(&high) {
            return Ok(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        if self.text[self.at..].starts_with("\\u") {
            let back = self.at;
            self.at += 2;
            let low = self.hex4()?;
            if (0xdc00..0xe000).contains(&low) {
                let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = back;
        }
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn hex4(&mut self) -> Result<u32, JsonError> {
        let digits = self.text.get(self.at..self.at + 4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let value = digits.and_then(|d| u32::from_str_radix(d, 16).ok());
        let value = value.ok_or_else(|| self.expected("four hexadecimal digits"))?;
        self.at += 4;
        Ok(value)
    }

    fn unquoted(&mut self) -> Option<&str> {
        let rest = self.text.get(self.at..)?;
        let stops = |c: char| {
            matches!(c, '{' | '}' | '[' | ']' | ':' | ',' | ';' | '=' | '/' | '\\' | '#') || c.is_whitespace()
        };
        let end = rest.find(stops).unwrap_or(rest.len());
        self.at += end;
        Some(&rest[..end])
    }

    fn word(&mut self) -> Result<Json, JsonError> {
        let at = self.at;
        let word = self.unquoted().unwrap_or_default().to_owned();
        Ok(match word.as_str() {
            "" => {
                self.at = at;
                return Err(self.expected("a JSON value"));
            }
            "null" => Json::Null,
            "true" => Json::Bool(true),
            "false" => Json::Bool(false),
            number if is_number(number) => Json::Number(number.into()),
            // Gson takes a bare word as a string.
            other => Json::String(other.into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_text() {
        for text in [
            r#"{"a":1.10,"b":[1e5,-0,"x\n"],"a":null}"#,
            "[]",
            "{}",
            r#""é\u0001""#,
            "true",
            "12345678901234567890",
        ] {
            assert_eq!(Json::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn lenient_like_gson() {
        assert_eq!(
            Json::parse("{a:'b', // c\n 'd':[1,,2]}").unwrap().to_string(),
            r#"{"a":"b","d":[1,null,2]}"#
        );
        assert_eq!(Json::parse(r#""\ud83d\ude00""#).unwrap(), Json::string("😀"));
    }

    #[test]
    fn refuses() {
        for text in ["", "{", "[1", "{\"a\"}", "{\"a\":}", "\"x", "[1] 2", "{\"a\":1,}x"] {
            assert!(Json::parse(text).is_err(), "{text}");
        }
        assert!(Json::parse(&"[".repeat(100_000)).is_err());
    }

    #[test]
    fn numbers() {
        assert!(is_number("-1.5E+3") && is_number("0") && is_number("0.1"));
        assert!(
            !is_number("01") && !is_number("+1") && !is_number("1.") && !is_number("") && !is_number("-")
        );
    }
}
