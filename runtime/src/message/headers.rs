//! Transport headers: the map that came from the wire, plus typed values that are never sent.

use super::value::Value;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use std::borrow::Cow;

/// Transport headers of a message; names compare without case.
#[derive(Debug, Clone, Default)]
pub struct Headers {
    map: HeaderMap,
    /// What flows read instead of the wire form: values that are no text (`type="INTEGER"`), those whose
    /// name no wire can carry, and texts beyond Latin-1, such as names of files.
    typed: Vec<(String, Value)>,
}

impl Headers {
    /// Takes over what came from the wire.
    pub fn from_map(map: HeaderMap) -> Self {
        Self { map, typed: Vec::new() }
    }

    /// The wire form.
    pub fn map(&self) -> &HeaderMap {
        &self.map
    }

    /// The wire form to change.
    pub fn map_mut(&mut self) -> &mut HeaderMap {
        &mut self.map
    }

    /// Gives the wire form away.
    pub fn into_map(self) -> HeaderMap {
        self.map
    }

    /// The value as text. Of a repeated header the first one counts, as in MI's map.
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        if let Some((_, value)) = self.typed.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)) {
            return Some(value.text());
        }
        self.map.get(name).map(header_text)
    }

    /// The value with its type.
    pub fn value(&self, name: &str) -> Option<Value> {
        if let Some((_, value)) = self.typed.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)) {
            return Some(value.clone());
        }
        self.map.get(name).map(|v| Value::string(&*header_text(v)))
    }

    /// Is there such a header?
    pub fn contains(&self, name: &str) -> bool {
        self.map.contains_key(name) || self.typed.iter().any(|(n, _)| n.eq_ignore_ascii_case(name))
    }

    /// Sets a text header, replacing all values of that name.
    pub fn set(&mut self, name: &str, value: &str) {
        self.typed.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        match (HeaderName::from_bytes(name.as_bytes()), header_value(value)) {
            (Ok(name), Some(header)) => {
                if value.chars().any(|c| u32::from(c) > 0xFF) {
                    self.typed.push((name.as_str().to_owned(), Value::from(value)));
                }
                self.map.insert(name, header);
            }
            _ => self.typed.push((name.to_owned(), Value::from(value))),
        }
    }

    /// Sets a header from a typed value: text is sent, anything else only kept.
    pub fn set_value(&mut self, name: &str, value: Value) {
        if let Value::String(text) = &value {
            self.set(name, text);
        } else {
            self.remove(name);
            self.typed.push((name.to_owned(), value));
        }
    }

    /// Removes all values of a name.
    pub fn remove(&mut self, name: &str) {
        self.map.remove(name);
        self.typed.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        self.map.clear();
        self.typed.clear();
    }

    /// Name and value of every header, in map order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        let is_typed = |name: &str| self.typed.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
        let sent = self.map.iter().filter(move |(name, _)| !is_typed(name.as_str()));
        let sent = sent.map(|(name, value)| (name.as_str(), header_text(value)));
        sent.chain(self.typed.iter().map(|(name, value)| (name.as_str(), value.text())))
    }
}

/// Header bytes as text, in Latin-1 as MI reads them: whatever bytes came in go out again.
pub fn header_text(value: &HeaderValue) -> Cow<'_, str> {
    match value.to_str() {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(value.as_bytes().iter().map(|b| char::from(*b)).collect()),
    }
}

/// Text as a header value in Latin-1; line breaks, which no header can carry, become blanks, other
/// characters that Latin-1 has not become `?`.
pub fn header_value(text: &str) -> Option<HeaderValue> {
    if text.is_ascii()
        && let Ok(value) = HeaderValue::from_str(text)
    {
        return Some(value);
    }
    let latin1 = |c: char| match u8::try_from(u32::from(c)) {
        Ok(_) if c.is_control() => b' ',
        Ok(byte) => byte,
        Err(_) => b'?',
    };
    let clean: Vec<u8> = text.trim().chars().map(latin1).collect();
    HeaderValue::from_bytes(&clean).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_values_are_kept_but_not_sent() {
        let mut headers = Headers::default();
        headers.set_value("X-N", Value::Integer(3));
        headers.set("X-T", "a\nb");
        assert_eq!(headers.get("x-n").unwrap(), "3");
        assert_eq!(headers.get("X-t").unwrap(), "a b");
        assert!(!headers.map().contains_key("x-n"));
        headers.set("X-F", "\u{65e5}.txt");
        assert_eq!(headers.get("x-f").unwrap(), "\u{65e5}.txt");
        assert_eq!(headers.map()["x-f"], "?.txt");
        assert_eq!(headers.iter().filter(|(name, _)| *name == "x-f").count(), 1);
        headers.set("X-F", "b");
        assert_eq!(headers.get("x-f").unwrap(), "b");
        headers.set("not a name", "x");
        assert_eq!(headers.get("not a name").unwrap(), "x");
    }
}
