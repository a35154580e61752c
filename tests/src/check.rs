//! Expectations against messages: status, headers, body as text, JSON and XML, SOAP faults.
//!
//! Every check returns `Err` with a sentence that says what was expected and what was found.

use serde_json::Value;

use crate::json::{self, list, members, truthy};
use crate::pattern;
use crate::wire::{self, Message};
use crate::xml::{self, Id, ROOT, SOAP11, SOAP12, Tree};

/// `Err` holds the reason.
pub type Checked = Result<(), String>;

/// Text cut for a report.
pub fn short(s: &str) -> String {
    match s.char_indices().nth(400) {
        Some((end, _)) => format!("{}...({})", s.get(..end).unwrap_or_default(), s.chars().count()),
        None => s.to_owned(),
    }
}

fn ensure(ok: bool, why: impl FnOnce() -> String) -> Checked {
    if ok { Ok(()) } else { Err(why()) }
}

/// Text against the conditions of one map (`equals`, `contains`, `matches`, ...).
pub fn text(v: &str, want: &Value) -> Checked {
    for (key, w) in members(Some(want)) {
        let one = json::text(w);
        let expected = || format!("expected {:?}, got {:?}", short(&one), short(v));
        match key.as_str() {
            "equals" => ensure(v == one, expected)?,
            "equals_trim" => ensure(v.trim() == one.trim(), expected)?,
            "equals_ignore_case" => {
                ensure(v.trim().to_lowercase() == one.trim().to_lowercase(), expected)?;
            }
            "contains" | "contains_all" => {
                for t in list(Some(w)).into_iter().map(json::text) {
                    ensure(v.contains(&t), || format!("{t:?} not in {:?}", short(v)))?;
                }
            }
            "not_contains" => {
                for t in list(Some(w)).into_iter().map(json::text) {
                    ensure(!v.contains(&t), || format!("{t:?} in {:?}", short(v)))?;
                }
            }
            "matches" => {
                ensure(pattern::search(&one, v)?, || format!("no match for {one:?} in {:?}", short(v)))?;
            }
            "empty" => {
                let what = if truthy(Some(w)) { "an empty" } else { "a non-empty" };
                ensure(v.trim().is_empty() == truthy(Some(w)), || {
                    format!("expected {what} body, got {:?}", short(v))
                })?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether the values of one header satisfy plain text or a map of conditions.
pub fn header_fits(values: &[&str], want: &Value) -> bool {
    if !want.is_object() {
        return values.contains(&json::text(want).as_str());
    }
    if truthy(want.get("absent")) {
        return values.is_empty();
    }
    if truthy(want.get("present")) {
        return !values.is_empty();
    }
    values.iter().any(|v| text(v, want).is_ok())
}

/// All header conditions of a map.
pub fn headers(got: &wire::Headers, want: Option<&Value>) -> Checked {
    for (name, w) in members(want) {
        let values = wire::values(got, name);
        ensure(header_fits(&values, w), || format!("header {name}: {values:?} does not satisfy {w}"))?;
    }
    Ok(())
}

fn status_fits(got: u16, want: &Value) -> bool {
    list(Some(want)).into_iter().map(json::text).any(|w| match w.strip_suffix("xx") {
        Some(class) => class == (got / 100).to_string(),
        None => w.parse() == Ok(got),
    })
}

/// The body of a message read at most once per form.
struct Body<'a> {
    message: &'a Message,
    text: String,
}

impl Body<'_> {
    fn json(&self) -> Result<Value, String> {
        serde_json::from_str(&self.text).map_err(|e| format!("body is not JSON ({e}): {}", short(&self.text)))
    }

    fn xml(&self) -> Result<Tree, String> {
        Tree::from_bytes(&self.message.body)
            .map_err(|e| format!("body is not well-formed XML ({e}): {}", short(&self.text)))
    }
}

/// A whole answer against an `expect` map.
pub fn message(msg: &Message, expect: &Value) -> Checked {
    let text = msg.text();
    if let Some(want) = expect.get("status") {
        ensure(status_fits(msg.status, want), || {
            format!("status {}, expected {want}; body {}", msg.status, short(&text))
        })?;
    }
    if let Some(want) = expect.get("http_version").map(json::text) {
        ensure(msg.version == want, || format!("answered with {}, expected {want}", msg.version))?;
    }
    headers(&msg.headers, expect.get("headers"))?;
    content(msg, expect)?;
    let elapsed = expect.get("elapsed_ms");
    let bound = |name| elapsed.and_then(|e| e.get(name)).and_then(Value::as_f64);
    let took = msg.elapsed_ms as f64;
    if let Some(min) = bound("min") {
        ensure(took >= min, || format!("answered after {took} ms, expected at least {min}"))?;
    }
    if let Some(max) = bound("max") {
        ensure(took <= max, || format!("answered after {took} ms, expected at most {max}"))?;
    }
    Ok(())
}

/// The body conditions of an `expect` map, also those of a request that a backend received.
pub fn content(msg: &Message, expect: &Value) -> Checked {
    let body = Body { message: msg, text: msg.text() };
    if let Some(want) = expect.get("body") {
        text(&body.text, want).map_err(|why| format!("body: {why}"))?;
    }
    json_content(&body, expect)?;
    if let Some(want) = expect.get("xml") {
        let want = json::text(want);
        ensure(body.xml()?.same(ROOT, &Tree::from_text(&want)?, ROOT), || {
            format!("xml differs: expected {}, got {}", short(&want), short(&body.text))
        })?;
    }
    if let Some(want) = expect.get("soap_body") {
        soap_body(&body, &json::text(want))?;
    }
    if let Some(want) = expect.get("soap_fault") {
        soap_fault(&body, want)?;
    }
    let finds = list(expect.get("xml_find"));
    if !finds.is_empty() {
        let tree = body.xml()?;
        for spec in finds {
            xml_find(&tree, spec, &body.text)?;
        }
    }
    Ok(())
}

fn json_content(body: &Body<'_>, expect: &Value) -> Checked {
    if let Some(want) = expect.get("json") {
        ensure(json::equal(&body.json()?, want), || {
            format!("json differs: expected {}, got {}", short(&want.to_string()), short(&body.text))
        })?;
    }
    if let Some(want) = expect.get("json_unordered") {
        ensure(json::equal_unordered(&body.json()?, want), || {
            let want = short(&want.to_string());
            format!("json differs (order ignored): expected {want}, got {}", short(&body.text))
        })?;
    }
    for spec in list(expect.get("json_at")) {
        json_at(&body.json()?, spec, &body.text)?;
    }
    Ok(())
}

fn json_at(root: &Value, spec: &Value, shown: &str) -> Checked {
    let path = spec.get("path").map(json::text).unwrap_or_default();
    let Some(found) = json::at(root, &path) else {
        let absent = truthy(spec.get("absent"));
        return ensure(absent, || format!("json path {path} not found in {}", short(shown)));
    };
    ensure(!truthy(spec.get("absent")), || format!("json path {path} should be absent"))?;
    if let Some(want) = spec.get("equals") {
        ensure(json::equal(found, want), || format!("json path {path} is {found}, expected {want}"))?;
    }
    if let Some(want) = spec.get("as_string").map(json::text) {
        let got = json::text_json_bool(found);
        ensure(got == want, || format!("json path {path} is {got:?}, expected {want:?}"))?;
    }
    Ok(())
}

fn soap_body(body: &Body<'_>, want: &str) -> Checked {
    let tree = body.xml()?;
    let first = tree.child(ROOT, "Body").and_then(|b| tree.node(b).children.first().copied());
    let Some(first) = first else {
        return Err(format!("no SOAP body content in {}", short(&body.text)));
    };
    ensure(tree.same(first, &Tree::from_text(want)?, ROOT), || {
        format!("SOAP body differs: expected {}, got {}", short(want), short(&body.text))
    })
}

fn xml_find(tree: &Tree, spec: &Value, shown: &str) -> Checked {
    let path = spec.get("path").map(json::text).unwrap_or_default();
    let found = xml::find_all(tree, &path)?;
    let n = found.len() as u64;
    let bound = |key: &str| spec.get(key).and_then(Value::as_u64);
    let counted = |ok: bool, what: &str, want: u64| {
        ensure(ok, || format!("xml_find {path}: {n} found, expected {what}{want}; body {}", short(shown)))
    };
    if let Some(want) = bound("count") {
        counted(n == want, "", want)?;
    }
    if let Some(want) = bound("count_min") {
        counted(n >= want, "at least ", want)?;
    }
    if let Some(want) = bound("count_max") {
        counted(n <= want, "at most ", want)?;
    }
    if truthy(spec.get("absent")) {
        counted(n == 0, "", 0)?;
    }
    if truthy(spec.get("exists")) {
        counted(n > 0, "at least ", 1)?;
    }
    for key in ["text", "text_contains", "text_matches"] {
        let Some(want) = spec.get(key).map(json::text) else { continue };
        ensure(n > 0, || {
            format!("xml_find {path}: nothing found, expected {key} {want:?}; body {}", short(shown))
        })?;
        for id in &found {
            let value = tree.inner_text(*id);
            let ok = match key {
                "text" => value.trim() == want.trim(),
                "text_contains" => value.contains(&want),
                _ => pattern::full(&want, value.trim())?,
            };
            ensure(ok, || format!("xml_find {path}: {key} {want:?}, got {:?}", short(&value)))?;
        }
    }
    Ok(())
}

fn soap_fault(body: &Body<'_>, want: &Value) -> Checked {
    let tree = body.xml()?;
    let root = tree.node(ROOT);
    let space = xml::namespace(&root.tag);
    let envelope = xml::local(&root.tag) == "Envelope" && (space == SOAP11 || space == SOAP12);
    ensure(envelope, || format!("not a SOAP envelope: {}", short(&body.text)))?;
    let version = if space == SOAP12 { "1.2" } else { "1.1" };
    let fault_tag = format!("{{{space}}}Fault");
    let Some(fault) = tree.descend(ROOT).into_iter().find(|id| tree.node(*id).tag == fault_tag) else {
        return Err(format!("no SOAP fault in {}", short(&body.text)));
    };
    let part = |name: &str| {
        tree.descend(fault).into_iter().skip(1).find(|id| xml::local(&tree.node(*id).tag) == name)
    };
    let said = |id: Option<Id>| id.map(|id| tree.inner_text(id).trim().to_owned()).unwrap_or_default();
    let (code, reason, role, node) = match version {
        "1.1" => {
            (said(part("faultcode")), said(part("faultstring")), said(part("faultactor")), String::new())
        }
        _ => (said(part("Value")), said(part("Text")), said(part("Role")), said(part("Node"))),
    };
    let code = code.rsplit(':').next().unwrap_or_default().to_owned();
    let detail = said(part("detail").or_else(|| part("Detail")));
    let whole = said(Some(fault));
    for (key, w) in members(Some(want)) {
        let w = json::text(w);
        let equal = |got: &str| ensure(got == w, || format!("fault {key} {got:?}, expected {w:?}"));
        let has =
            |got: &str| ensure(got.contains(&w), || format!("fault {key}: {w:?} not in {:?}", short(got)));
        match key.as_str() {
            "version" => equal(version)?,
            "code" => equal(&code)?,
            "reason" => equal(&reason)?,
            "role" => equal(&role)?,
            "node" => equal(&node)?,
            "reason_contains" => has(&reason)?,
            "contains" => has(&whole)?,
            "detail_contains" => has(&detail)?,
            "reason_matches" => ensure(pattern::search(&w, &reason)?, || {
                format!("fault reason {reason:?} does not match {w:?}")
            })?,
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn got(status: u16, content_type: &str, body: &str) -> Message {
        Message {
            status,
            version: "HTTP/1.1".into(),
            headers: vec![("Content-Type".into(), content_type.into())],
            body: body.as_bytes().to_vec(),
            elapsed_ms: 20,
        }
    }

    #[test]
    fn statuses_are_numbers_classes_or_lists() {
        let m = got(202, "text/plain", "");
        for want in [json!(202), json!("2xx"), json!([404, "2xx"]), json!("202")] {
            assert!(message(&m, &json!({ "status": want })).is_ok(), "{want}");
        }
        assert!(message(&m, &json!({"status": 200})).is_err());
    }

    #[test]
    fn text_conditions() {
        for (want, ok) in [
            (json!({"equals": "ab"}), true),
            (json!({"equals": "ab "}), false),
            (json!({"equals_trim": " ab "}), true),
            (json!({"equals_ignore_case": "AB"}), true),
            (json!({"contains": ["a", "b"]}), true),
            (json!({"contains": ["a", "c"]}), false),
            (json!({"not_contains": "c"}), true),
            (json!({"matches": "^a.$"}), true),
            (json!({"empty": true}), false),
            (json!({"empty": false}), true),
        ] {
            assert_eq!(text("ab", &want).is_ok(), ok, "{want}");
        }
    }

    #[test]
    fn header_conditions() {
        let h = vec![("X-A".to_owned(), "one".to_owned()), ("x-a".to_owned(), "two".to_owned())];
        assert!(headers(&h, Some(&json!({"X-A": "two", "X-B": {"absent": true}}))).is_ok());
        assert!(headers(&h, Some(&json!({"X-A": {"contains": "ne"}}))).is_ok());
        assert!(headers(&h, Some(&json!({"X-A": {"absent": true}}))).is_err());
        assert!(headers(&h, Some(&json!({"X-B": {"contains": ""}}))).is_err());
    }

    #[test]
    fn bodies_as_json_and_xml() {
        let m = got(200, "application/json", r#"{"a":[1,true],"b":null}"#);
        assert!(message(&m, &json!({"json": {"b": null, "a": [1.0, true]}})).is_ok());
        assert!(message(&m, &json!({"json_unordered": {"b": null, "a": [true, 1]}})).is_ok());
        assert!(message(&m, &json!({"json_at": [{"path": "a[1]", "as_string": "true"}]})).is_ok());
        assert!(message(&m, &json!({"json_at": [{"path": "c", "absent": true}]})).is_ok());
        assert!(message(&m, &json!({"json_at": [{"path": "a", "absent": true}]})).is_err());
        assert!(message(&m, &json!({"xml": "<a/>"})).is_err());
        let m = got(200, "text/xml", "<a xmlns='u'><b>1</b><b>12</b></a>");
        assert!(message(&m, &json!({"xml": "<p:a xmlns:p='u'><p:b>1</p:b><p:b> 12</p:b></p:a>"})).is_ok());
        let find = |spec: Value| message(&m, &json!({ "xml_find": [spec] })).is_ok();
        assert!(find(json!({"path": ".//{u}b", "count": 2, "text_contains": "1"})));
        assert!(find(json!({"path": ".//{u}b", "text_matches": "1|12"})));
        assert!(!find(json!({"path": ".//{u}b", "text": "1"})));
        assert!(!find(json!({"path": ".//c", "exists": true})));
    }

    #[test]
    fn soap_parts() {
        let fault = "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body><s:Fault>\
                     <faultcode>s:Client</faultcode><faultstring>no such thing</faultstring><detail>why</detail>\
                     </s:Fault></s:Body></s:Envelope>";
        let m = got(500, "text/xml", fault);
        let is = |want: Value| message(&m, &json!({ "soap_fault": want })).is_ok();
        assert!(is(json!({})));
        assert!(is(
            json!({"version": "1.1", "code": "Client", "reason": "no such thing", "detail_contains": "h"})
        ));
        assert!(is(json!({"reason_matches": "^no", "contains": "Client"})));
        assert!(!is(json!({"code": "Server"})));
        let plain = fault.replace("s:Fault", "r");
        assert!(message(&got(200, "text/xml", &plain), &json!({"soap_fault": {}})).is_err());
        assert!(message(&m, &json!({"soap_body": "<r/>"})).is_err());
    }

    #[test]
    fn elapsed_time_has_bounds() {
        let m = got(200, "", "");
        assert!(message(&m, &json!({"elapsed_ms": {"min": 10, "max": 30}})).is_ok());
        assert!(message(&m, &json!({"elapsed_ms": {"min": 21}})).is_err());
        assert!(message(&m, &json!({"elapsed_ms": {"max": 19}})).is_err());
    }
}
