//! YAML as case files mean it. They are written for YAML 1.1, where `1e3` and `1.0E7` are text (a
//! number needs a dot and a signed exponent); the reader at hand is younger and makes numbers of
//! them. So a file is read twice: once as values, then again along these values to get the text of
//! each number back.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Reads one document.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    let value: Value = serde_yaml_ng::from_str(text).map_err(|e| e.to_string())?;
    Along(&value).deserialize(serde_yaml_ng::Deserializer::from_str(text)).map_err(|e| e.to_string())
}

/// Reads again along what the first reading found.
struct Along<'v>(&'v Value);

impl<'de> DeserializeSeed<'de> for Along<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        match self.0 {
            Value::Object(_) => from.deserialize_map(self),
            Value::Array(_) => from.deserialize_seq(self),
            Value::Number(n) if n.is_f64() => {
                let text = from.deserialize_str(Text)?;
                Ok(if is_float(&text) { self.0.clone() } else { Value::String(text) })
            }
            other => {
                from.deserialize_ignored_any(IgnoredAny)?;
                Ok(other.clone())
            }
        }
    }
}

impl<'de> Visitor<'de> for Along<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the same document as before")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut out = Map::new();
        while let Some(key) = from.next_key::<String>()? {
            let before = self.0.get(&key).ok_or_else(|| A::Error::custom(format!("{key} is new")))?;
            let value = from.next_value_seed(Along(before))?;
            out.insert(key, value);
        }
        Ok(Value::Object(out))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut out = Vec::new();
        for before in self.0.as_array().into_iter().flatten() {
            out.extend(from.next_element_seed(Along(before))?);
        }
        Ok(Value::Array(out))
    }
}

struct Text;

impl Visitor<'_> for Text {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }
}

/// Whether YAML 1.1 sees a floating point number.
fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let named = [".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"].contains(&unsigned);
    let (number, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((n, e)) => (n, Some(e)),
        None => (unsigned, None),
    };
    let digits = |t: &str| t.chars().all(|c| c.is_ascii_digit() || c == '_');
    let signed = |e: &str| e.strip_prefix(['+', '-']).is_some_and(|d| !d.is_empty() && digits(d));
    let dotted = number
        .split_once('.')
        .is_some_and(|(a, b)| digits(a) && digits(b) && !(a.is_empty() && b.is_empty()));
    named || (dotted && exponent.is_none_or(signed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_those_of_yaml_1_1() {
        let v =
            parse("a: [1, 1.5, 1e3, 1.0E7, 1.0e+7, -.5]\nb: {c: '1e3', d: yes it is}\nf: &x [1e5]\ng: *x\n")
                .unwrap();
        let want = json!({"a": [1, 1.5, "1e3", "1.0E7", 1.0e7, -0.5], "b": {"c": "1e3", "d": "yes it is"},
                          "f": ["1e5"], "g": ["1e5"]});
        assert_eq!(v, want);
    }

    #[test]
    fn broken_files_are_told() {
        assert!(parse("a: [").is_err());
    }
}
