//! Expression tuples: input, expression and expected result, asked in process.
//!
//! The file format has a dozen kinds; each is asked through the smallest part of the runtime that
//! gives the answer. Everything that touches the runtime is in `subject.rs`.

mod judge;
mod subject;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Instant;

use serde_json::{Map, Value};

use crate::json;
use crate::pattern::glob_matches;
use crate::report::{Outcome, Verdict};

/// One tuple with its named documents and variable sets filled in.
#[derive(Debug, Clone, Default)]
struct Tuple {
    kind: String,
    /// The whole case, for keys that only one kind uses.
    case: Value,
    payload: Option<Document>,
    variables: Map<String, Value>,
}

/// A payload: its type (`json`, `xml`, `soap-envelope`, `text`) and text.
#[derive(Debug, Clone)]
struct Document {
    kind: String,
    text: String,
}

impl Tuple {
    fn said(&self, key: &str) -> String {
        self.case.get(key).map(json::text).unwrap_or_default()
    }

    /// A map of texts such as `headers` or `namespaces`; null members are left out.
    fn texts(&self, path: &str) -> Vec<(String, String)> {
        let members = json::members(json::at(&self.case, path));
        members.filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), json::text_json_bool(v))).collect()
    }
}

/// Runs the tuples of a file whose ids fit a glob; `seen` is told each outcome that is no success.
pub fn run(path: &Path, filter: &[String], seen: impl Fn(&Outcome)) -> Result<Vec<Outcome>, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let file: Value = serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut out = Vec::new();
    for case in json::list(file.get("cases")) {
        let name = case.get("id").map(json::text).unwrap_or_default();
        if !filter.iter().any(|g| glob_matches(g, &name)) {
            continue;
        }
        let start = Instant::now();
        let tuple = tuple(&file, case);
        // A panic is a failure of this tuple and of no other.
        let verdict = match catch_unwind(AssertUnwindSafe(|| judge::judge(&tuple))) {
            Ok(Ok(())) => Verdict::Passed,
            Ok(Err(why)) => Verdict::Failed(why),
            Err(_) => Verdict::Failed("it panicked".into()),
        };
        let outcome = Outcome { name, verdict, seconds: start.elapsed().as_secs_f64() };
        if outcome.verdict != Verdict::Passed {
            seen(&outcome);
        }
        out.push(outcome);
    }
    Ok(out)
}

fn tuple(file: &Value, case: &Value) -> Tuple {
    let named = |group: &str, v: Option<&Value>| match v {
        Some(Value::String(name)) => file.get(group).and_then(|g| g.get(name)).cloned(),
        other => other.cloned(),
    };
    let document = |d: Value| Document {
        kind: d.get("type").map(json::text).unwrap_or_default(),
        text: d.get("text").map(json::text).unwrap_or_default(),
    };
    let variables = named("variable_sets", case.get("variables"));
    Tuple {
        kind: case.get("kind").map(json::text).unwrap_or_default(),
        case: case.clone(),
        payload: named("documents", case.get("payload")).map(document),
        variables: variables.and_then(|v| v.as_object().cloned()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_are_filled_in() {
        let file = json!({"documents": {"d": {"type": "json", "text": "1"}},
                          "variable_sets": {"s": {"a": {"type": "integer", "value": 1}}}});
        let t = tuple(&file, &json!({"kind": "expression", "payload": "d", "variables": "s"}));
        assert_eq!(t.payload.map(|d| (d.kind, d.text)), Some(("json".into(), "1".into())));
        assert!(t.variables.contains_key("a"));
        let t = tuple(
            &file,
            &json!({"payload": {"type": "text", "text": "x"}, "headers": {"h": "v", "n": null}}),
        );
        assert_eq!(t.payload.as_ref().map(|d| d.text.as_str()), Some("x"));
        assert_eq!(t.texts("headers"), [("h".to_owned(), "v".to_owned())]);
    }
}
