//! `${...}` placeholders of case files. Every other `${...}` is left alone, since expressions of
//! the server look the same.

use serde_json::Value;

/// Where placeholders get their values.
pub(super) trait Values {
    /// The value behind a key such as `backend.stock.url`; `None` leaves the text as it is.
    fn value(&self, key: &str) -> Option<String>;
}

/// Replaces the placeholders of a text.
pub(super) fn substitute(text: &str, values: &impl Values) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, from) = rest.split_at_checked(start).unwrap_or((rest, ""));
        out.push_str(before);
        let key = from.get(2..).and_then(|f| f.split_once('}')).map(|(key, _)| key);
        match key.and_then(|k| value(k, values).map(|v| (k.len() + 3, v))) {
            Some((length, value)) => {
                out.push_str(&value);
                rest = from.get(length..).unwrap_or_default();
            }
            None => {
                out.push_str("${");
                rest = from.get(2..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
    out
}

fn value(key: &str, values: &impl Values) -> Option<String> {
    if let Some(repeat) = key.strip_prefix("repeat:") {
        let (text, n) = repeat.split_once(':')?;
        return Some(text.repeat(n.parse().ok()?));
    }
    values.value(key)
}

/// Replaces the placeholders in every text of a value.
pub(super) fn deep(v: &Value, values: &impl Values) -> Value {
    match v {
        Value::String(s) => Value::String(substitute(s, values)),
        Value::Array(items) => Value::Array(items.iter().map(|i| deep(i, values)).collect()),
        Value::Object(m) => Value::Object(m.iter().map(|(k, v)| (k.clone(), deep(v, values))).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Two;
    impl Values for Two {
        fn value(&self, key: &str) -> Option<String> {
            (key == "tmp").then(|| "/t".to_owned())
        }
    }

    #[test]
    fn known_keys_are_replaced_and_others_stay() {
        assert_eq!(substitute("a${tmp}b${payload.x}${tmp}", &Two), "a/tb${payload.x}/t");
        assert_eq!(substitute("${repeat:ab:3}|${repeat:x:y}", &Two), "ababab|${repeat:x:y}");
        assert_eq!(substitute("${${tmp}}", &Two), "${/t}");
        assert_eq!(substitute("open ${tmp", &Two), "open ${tmp");
        assert_eq!(substitute("é${tmp}é", &Two), "é/té");
    }
}
