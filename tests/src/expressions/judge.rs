//! Compares what the runtime says with what a tuple expects.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::Tuple;
use super::subject::{self, Got};
use crate::check::short;
use crate::json::{self, truthy};
use crate::mock::civil;
use crate::xml::{ROOT, Tree};

/// `Err` holds what was expected and what came.
pub(super) fn judge(tuple: &Tuple) -> Result<(), String> {
    let expect = tuple.case.get("expect").cloned().unwrap_or_default();
    let got = subject::ask(tuple);
    if truthy(expect.get("error")) {
        return refused(tuple, &expect, &got);
    }
    if truthy(expect.get("fault")) {
        return if matches!(got, Got::Fault(_)) {
            Ok(())
        } else {
            Err(format!("expected a fault, got {got}"))
        };
    }
    if truthy(expect.get("valid")) {
        return if matches!(got, Got::Refused(_)) {
            Err(format!("expected it to be read, got {got}"))
        } else {
            Ok(())
        };
    }
    if let Got::Unsupported(why) = &got {
        return Err(why.clone());
    }
    let mut checked = false;
    for (key, want) in json::members(Some(&expect)) {
        checked = true;
        one(tuple, key, want, &got)?;
    }
    if checked { Ok(()) } else { Err("the tuple expects nothing".into()) }
}

fn refused(tuple: &Tuple, expect: &Value, got: &Got) -> Result<(), String> {
    let message = expect.get("message").map(json::text);
    match got {
        Got::Refused(_) => Ok(()),
        // A variable's value is converted when it is set, so what is refused may be a fault.
        Got::Fault(why) if tuple.kind == "variable" => match message {
            Some(want) if *why != want => Err(format!("expected {want:?}, got {why:?}")),
            _ => Ok(()),
        },
        other => Err(format!("expected it to be refused, got {other}")),
    }
}

fn one(tuple: &Tuple, key: &str, want: &Value, got: &Got) -> Result<(), String> {
    let wrong = || Err(format!("expected {key} {}, got {got}", short(&want.to_string())));
    let ok = match key {
        "text" => text_fits(tuple, &json::text(want), got),
        "null" => *got == Got::Null,
        "number" => got.text().and_then(|t| t.parse::<f64>().ok()) == want.as_f64(),
        "boolean" => got.text().as_deref() == Some(if truthy(Some(want)) { "true" } else { "false" }),
        "node_count" => subject::node_count(tuple) == want.as_u64(),
        "xml" | "internal_xml" | "xml_text" => return xml_fits(key, tuple, &json::text(want), got),
        "json" => got
            .text()
            .and_then(|t| serde_json::from_str(&t).ok())
            .is_some_and(|v: Value| json::equal(&v, want)),
        "json_text" => got.text().as_deref() == Some(json::text(want).as_str()),
        "match" => got.text().is_some() == truthy(Some(want)),
        "values" => match got {
            Got::Matched(values) => json::members(Some(want))
                .all(|(k, w)| values.iter().any(|(n, v)| n == k && *v == json::text(w))),
            _ => false,
        },
        "undefined" => got.text().is_none_or(|t| t.is_empty()),
        "variable" => variable_fits(want, got),
        "current_time_in_pattern" => return time_fits(&json::text(want), got),
        "message" => true,
        _ => return Err(format!("expectation {key} is not known")),
    };
    if ok { Ok(()) } else { wrong() }
}

/// JSON and XML are compared as such, everything else as text.
fn variable_fits(want: &Value, got: &Got) -> bool {
    let (kind, value) = (want.get("type").map(json::text).unwrap_or_default(), want.get("value"));
    let Got::Typed(got_kind, text) = got else { return false };
    let same = match kind.as_str() {
        "json" => serde_json::from_str(text).is_ok_and(|v: Value| value.is_some_and(|w| json::equal(&v, w))),
        "xml" => match (Tree::from_text(text), Tree::from_text(&plain(value))) {
            (Ok(a), Ok(b)) => a.same(ROOT, &b, ROOT),
            _ => false,
        },
        _ => false,
    };
    *got_kind == kind && (same || *text == plain(value))
}

fn plain(v: Option<&Value>) -> String {
    v.map(|v| if v.is_string() { json::text(v) } else { v.to_string() }).unwrap_or_default()
}

fn text_fits(tuple: &Tuple, want: &str, got: &Got) -> bool {
    let recorded = tuple.said("id").starts_with("recorded.");
    match got {
        // Tests of the original see an empty text where the server logs an error and goes on.
        Got::Fault(_) => want.is_empty() && !recorded,
        Got::Null => want.is_empty() && (tuple.kind != "xpath" || !recorded),
        other => other.text().is_some_and(|t| t == with_date(want)),
    }
}

/// Tuples may hold the date of the run.
fn with_date(want: &str) -> String {
    const MARK: &str = "{current date in yyyy.MM.dd}";
    if !want.contains(MARK) {
        return want.to_owned();
    }
    want.replace(MARK, &java_date("yyyy.MM.dd", SystemTime::now()))
}

fn xml_fits(key: &str, tuple: &Tuple, want: &str, got: &Got) -> Result<(), String> {
    let text = match key {
        "internal_xml" => subject::internal_xml(tuple),
        _ => got.text(),
    };
    let Some(text) = text else { return Err(format!("expected {key} {}, got {got}", short(want))) };
    let wrong = |why: &str| format!("expected {key} {}, got {} {why}", short(want), short(&text));
    let same = match (Tree::from_text(&wrapped(&text)), Tree::from_text(&wrapped(&with_date(want)))) {
        (Ok(a), Ok(b)) => a.same(ROOT, &b, ROOT),
        (Err(why), _) | (_, Err(why)) => return Err(wrong(&why)),
    };
    let instructions = |t: &str| t.matches("<?xml-multiple").count();
    let same = same && (key != "xml_text" || instructions(&text) == instructions(want));
    if same { Ok(()) } else { Err(wrong("")) }
}

/// Expected XML may be several elements beside each other, with instructions in front.
fn wrapped(text: &str) -> String {
    let body = text.trim_start();
    let body = match body.strip_prefix("<?xml ") {
        Some(rest) => rest.split_once("?>").map_or(body, |(_, after)| after),
        None => body,
    };
    format!("<w>{}</w>", marked(body))
}

/// Array instructions as elements, so that their position counts.
fn marked(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<?xml-multiple") {
        out.push_str(before);
        let (name, tail) = after.split_once("?>").unwrap_or((after, ""));
        out.push_str(&format!("<multiple of=\"{}\"/>", name.trim()));
        rest = tail;
    }
    out + rest
}

/// The time zone of the server is its own business: any whole quarter of an hour is right.
fn time_fits(pattern: &str, got: &Got) -> Result<(), String> {
    let now = SystemTime::now();
    let text = got.text().unwrap_or_default();
    for quarter in 0..=104u64 {
        for minute in [0, 60] {
            let shifted = now + Duration::from_secs(quarter * 900) - Duration::from_secs(12 * 3600 + minute);
            if java_date(pattern, shifted) == text {
                return Ok(());
            }
        }
    }
    Err(format!("expected the time in {pattern}, got {got}"))
}

/// The few letters of Java date patterns that tuples use.
fn java_date(pattern: &str, at: SystemTime) -> String {
    let c = civil(at);
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = months.iter().position(|m| *m == c.month).unwrap_or_default() + 1;
    pattern
        .replace("yyyy", &format!("{:04}", c.year))
        .replace("MM", &format!("{month:02}"))
        .replace("dd", &format!("{:02}", c.day))
        .replace("HH", &format!("{:02}", c.hour))
        .replace("mm", &format!("{:02}", c.minute))
        .replace("ss", &format!("{:02}", c.second))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tuple(id: &str, kind: &str) -> Tuple {
        Tuple { kind: kind.into(), case: json!({ "id": id }), ..Tuple::default() }
    }

    #[test]
    fn texts_are_exact_and_null_is_empty_outside_xpath() {
        let t = tuple("recorded.x#1", "expression");
        assert!(text_fits(&t, "a", &Got::Text("a".into())) && !text_fits(&t, "a", &Got::Text("a ".into())));
        assert!(text_fits(&t, "", &Got::Null));
        assert!(!text_fits(&tuple("recorded.x#1", "xpath"), "", &Got::Null));
        assert!(!text_fits(&t, "", &Got::Fault("x".into())));
        assert!(text_fits(&tuple("Test.a#1", "expression"), "", &Got::Fault("x".into())));
    }

    #[test]
    fn xml_counts_the_place_of_array_instructions() {
        let t = tuple("a", "json-to-xml");
        let fits = |got: &str, want: &str| xml_fits("xml_text", &t, want, &Got::Text(got.into())).is_ok();
        assert!(fits("<j><?xml-multiple a?><a/><b/></j>", "<j><?xml-multiple  a?><a></a><b/></j>"));
        assert!(!fits("<j><a/><?xml-multiple a?><b/></j>", "<j><?xml-multiple a?><a/><b/></j>"));
    }

    #[test]
    fn dates_follow_java_patterns() {
        assert_eq!(java_date("dd-MM-yyyy HH:mm:ss", SystemTime::UNIX_EPOCH), "01-01-1970 00:00:00");
        let now = java_date("HH:mm", SystemTime::now());
        assert!(time_fits("HH:mm", &Got::Text(now)).is_ok());
        assert!(time_fits("HH:mm", &Got::Text("later".into())).is_err());
    }
}
