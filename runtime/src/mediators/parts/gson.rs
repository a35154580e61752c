//! JSON as Gson keeps and prints it, where MI's results pass through it.

use crate::message::{Json, json};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// Which of Gson's writers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nulls {
    /// Members that are null are written.
    Kept,
    /// They are left out (the default of a `Gson` object).
    Dropped,
}

/// The text that `Gson.toJson` gives: `< > & = '` as `\u003c` and so on.
pub(crate) fn text(value: &Json, nulls: Nulls) -> String {
    let mut out = String::new();
    write(value, nulls, &mut out);
    out
}

fn write(value: &Json, nulls: Nulls, out: &mut String) {
    match value {
        Json::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(item, nulls, out);
            }
            out.push(']');
        }
        Json::Object(members) => {
            out.push('{');
            let mut first = true;
            for (key, value) in members {
                if nulls == Nulls::Dropped && *value == Json::Null {
                    continue;
                }
                if !first {
                    out.push(',');
                }
                first = false;
                write_string(key, out);
                out.push(':');
                write(value, nulls, out);
            }
            out.push('}');
        }
        Json::String(text) => write_string(text, out),
        other => other.write(out),
    }
}

fn write_string(text: &str, out: &mut String) {
    let mut plain = String::new();
    json::write_string(text, &mut plain);
    for c in plain.chars() {
        match c {
            '<' | '>' | '&' | '=' | '\'' | '\u{2028}' | '\u{2029}' => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            other => out.push(other),
        }
    }
}

/// The tree without doubled members: the last value counts, at the place of the first.
pub(crate) fn without_doubles(value: Json) -> Json {
    match value {
        Json::Array(items) => Json::Array(items.into_iter().map(without_doubles).collect()),
        Json::Object(members) => {
            let mut places: HashMap<Arc<str>, usize> = HashMap::with_capacity(members.len());
            let mut kept: Vec<(Arc<str>, Json)> = Vec::with_capacity(members.len());
            for (key, value) in members {
                let value = without_doubles(value);
                match places.get(&key).and_then(|at| kept.get_mut(*at)) {
                    Some(member) => member.1 = value,
                    None => {
                        places.insert(key.clone(), kept.len());
                        kept.push((key, value));
                    }
                }
            }
            Json::Object(kept)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_escaped_and_nulls_go_when_asked() {
        let json = Json::parse(r#"{"a":null,"b":[null,"<x>='"]}"#).unwrap();
        assert_eq!(text(&json, Nulls::Dropped), r#"{"b":[null,"\u003cx\u003e\u003d\u0027"]}"#);
        assert!(text(&json, Nulls::Kept).starts_with(r#"{"a":null,"#));
    }

    #[test]
    fn doubled_members() {
        let json = Json::parse(r#"{"z":1,"a":{"b":1,"b":2},"z":3}"#).unwrap();
        assert_eq!(without_doubles(json).to_string(), r#"{"z":3,"a":{"b":2}}"#);
    }
}
