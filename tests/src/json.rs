//! JSON values as the case files mean them: equality by value, paths, and the text forms
//! that expectations compare with.
//!
//! Numbers and booleans become text the way the reference runner writes them (`True`, `1e+20`),
//! because recorded expectations carry that form.

use serde_json::Value;

/// Equal as JSON: numbers by value, member order ignored, array order counts.
pub fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => match (x.as_i64(), y.as_i64()) {
            (Some(x), Some(y)) => x == y,
            _ => x.as_f64() == y.as_f64(),
        },
        (Value::Object(x), Value::Object(y)) => {
            x.len() == y.len() && x.iter().all(|(k, v)| y.get(k).is_some_and(|w| equal(v, w)))
        }
        (Value::Array(x), Value::Array(y)) => x.len() == y.len() && x.iter().zip(y).all(|(v, w)| equal(v, w)),
        _ => a == b,
    }
}

/// As [`equal`], with the order of arrays ignored at every level.
pub fn equal_unordered(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(x), Value::Object(y)) => {
            x.len() == y.len() && x.iter().all(|(k, v)| y.get(k).is_some_and(|w| equal_unordered(v, w)))
        }
        (Value::Array(x), Value::Array(y)) => {
            let mut rest: Vec<&Value> = y.iter().collect();
            x.len() == y.len()
                && x.iter().all(|v| {
                    rest.iter().position(|w| equal_unordered(v, w)).map(|i| rest.remove(i)).is_some()
                })
        }
        _ => equal(a, b),
    }
}

/// The value at a path such as `a.b[0].c`; `None` when a step does not exist.
pub fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    let mut here = value;
    for part in path.split(['.', '[']).filter(|p| !p.is_empty()) {
        let (name, indexed) = match part.strip_suffix(']') {
            Some(n) => (n, true),
            None => (part, false),
        };
        here = match here {
            Value::Array(items) => items.get(name.parse::<usize>().ok()?)?,
            Value::Object(members) if !indexed => members.get(name)?,
            _ => return None,
        };
    }
    Some(here)
}

/// Text of a scalar as the reference runner prints it; other values become JSON text.
pub fn text(v: &Value) -> String {
    match v {
        Value::String(s) => s.clone(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::Null => "None".into(),
        Value::Number(n) => match n.as_f64() {
            Some(f) if n.is_f64() => float_text(f),
            _ => n.to_string(),
        },
        other => dumps(other),
    }
}

/// What `as_string` compares with: as [`text`], booleans in JSON spelling.
pub fn text_json_bool(v: &Value) -> String {
    match v {
        Value::Bool(b) => b.to_string(),
        other => text(other),
    }
}

/// Shortest digits that read back as `f`, with an exponent below 1e-4 and from 1e16 on.
fn float_text(f: f64) -> String {
    let size = f.abs();
    if f == 0.0 || (1e-4..1e16).contains(&size) {
        return format!("{f:?}");
    }
    let short = format!("{f:e}");
    let Some((digits, exponent)) = short.split_once('e') else { return short };
    let (sign, number) = match exponent.strip_prefix('-') {
        Some(n) => ('-', n),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{number:0>2}")
}

/// JSON text with a blank after `,` and `:` and everything outside ASCII escaped: the bytes that
/// mock backends have always sent, so recorded bodies and lengths stay right.
pub fn dumps(v: &Value) -> String {
    let mut out = String::new();
    write(v, &mut out);
    out
}

fn write(v: &Value, out: &mut String) {
    match v {
        Value::Null => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Number(_) => out.push_str(&text(v)),
        Value::String(s) => write_string(s, out),
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (i, (name, value)) in members.iter().enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                write_string(name, out);
                out.push_str(": ");
                write(value, out);
            }
            out.push('}');
        }
    }
}

fn write_string(s: &str, out: &mut String) {
    out.push('"');
    for c in s.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    out.push('"');
}

/// Whether a key is given and says yes: absent, `false`, `0`, empty text and empty lists say no.
pub fn truthy(v: Option<&Value>) -> bool {
    match v {
        None | Some(Value::Null) => false,
        Some(Value::Bool(b)) => *b,
        Some(Value::Number(n)) => n.as_f64() != Some(0.0),
        Some(Value::String(s)) => !s.is_empty(),
        Some(Value::Array(a)) => !a.is_empty(),
        Some(Value::Object(o)) => !o.is_empty(),
    }
}

/// A single value stands for a list of one.
pub fn list(v: Option<&Value>) -> Vec<&Value> {
    match v {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items.iter().collect(),
        Some(one) => vec![one],
    }
}

/// Members of an object, none for anything else.
pub fn members(v: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    v.and_then(Value::as_object).into_iter().flatten()
}

/// A number of seconds or another amount; `default` when it is absent or no number.
pub fn number(v: Option<&Value>, default: f64) -> f64 {
    v.and_then(Value::as_f64).unwrap_or(default)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_compare_by_value_and_members_without_order() {
        assert!(equal(&json!({"a": 1, "b": [2.0]}), &json!({"b": [2], "a": 1.0})));
        assert!(!equal(&json!(true), &json!(1)));
        assert!(!equal(&json!([1, 2]), &json!([2, 1])));
        assert!(equal_unordered(&json!([1, [2, 3]]), &json!([[3, 2], 1])));
        assert!(!equal_unordered(&json!([1, 1]), &json!([1, 2])));
    }

    #[test]
    fn paths_walk_members_and_indexes() {
        let v = json!({"a": {"b": [{"c": 7}]}, "0": "zero"});
        assert_eq!(at(&v, "a.b[0].c"), Some(&json!(7)));
        assert_eq!(at(&v, "a.b.0.c"), Some(&json!(7)));
        assert_eq!(at(&v, "0"), Some(&json!("zero")));
        assert_eq!(at(&v, "a.b[1]"), None);
        assert_eq!(at(&v, "a.x"), None);
    }

    #[test]
    fn text_forms_follow_the_reference() {
        assert_eq!(text(&json!(1.0)), "1.0");
        assert_eq!(text(&json!(1e20)), "1e+20");
        assert_eq!(text(&json!(1.5e-7)), "1.5e-07");
        assert_eq!(text(&json!(true)), "True");
        assert_eq!(text_json_bool(&json!(true)), "true");
        assert_eq!(dumps(&json!({"a": [1, "é\n"]})), "{\"a\": [1, \"\\u00e9\\n\"]}");
    }
}
