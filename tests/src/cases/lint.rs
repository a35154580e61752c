//! Looks at case files without running them: unknown keys, unknown backends, XML that cannot be
//! read. A misspelt key would otherwise be an expectation that nobody checks.

use std::path::Path;

use serde_json::Value;

use super::layout::{KINDS, split_definitions, well_formed};
use super::name_of;
use super::run::read;
use crate::json::{self, list, members};

/// Every key a case file may use, by place.
const KEYS: [(&str, &str); 16] = [
    (
        "case",
        "name title source tags confidence notes requires server_config artifacts resources files dirs backends steps",
    ),
    ("artifact", "file repo path rewrite content name kind registry at"),
    (
        "step",
        "request expect repeat save sleep_ms set_backend expect_backend expect_log put_file expect_file",
    ),
    ("request", "method path url headers body soap timeout_s chunked http_version raw hang_up"),
    ("soap", "version action body header"),
    (
        "expect",
        "status http_version headers body json json_unordered json_at xml soap_body soap_fault xml_find elapsed_ms \
         connection",
    ),
    ("fault", "version code reason role node contains reason_contains reason_matches detail_contains"),
    ("find", "path count count_min count_max absent exists text text_contains text_matches"),
    ("at", "path equals as_string absent"),
    ("text", "equals equals_trim equals_ignore_case contains contains_all not_contains matches empty"),
    ("expect_backend", "backend count min max within_s which request"),
    (
        "backend_request",
        "method path path_matches target http_version headers body json json_at xml soap_body xml_find",
    ),
    ("expect_log", "contains not_contains in_order count within_s"),
    ("backend", "builtin server_name status routes default down"),
    ("route", "method path path_matches when times respond"),
    ("respond", "status headers body json delay_ms close chunked echo raw slow_ms"),
];

/// Problems of one case file, none when it can be run.
pub fn lint(file: &Path) -> Vec<String> {
    match read(file) {
        Ok(case) => {
            let mut lint = Lint::default();
            if case.get("name").map(json::text) != Some(name_of(file)) {
                lint.say("name differs from the file name");
            }
            lint.case(&case);
            lint.problems
        }
        Err(why) => vec![why],
    }
}

#[derive(Default)]
struct Lint {
    problems: Vec<String>,
}

impl Lint {
    fn say(&mut self, why: impl Into<String>) {
        self.problems.push(why.into());
    }

    fn known(&mut self, what: &str, v: Option<&Value>, at: &str) {
        let keys = KEYS.iter().find(|(k, _)| *k == what).map_or("", |(_, keys)| keys);
        for (key, _) in members(v) {
            if !keys.split_ascii_whitespace().any(|k| k == key) {
                self.say(format!("{at}: unknown key {key:?}"));
            }
        }
    }

    fn xml(&mut self, text: &str, at: &str) {
        if let Err(why) = well_formed(text.as_bytes()) {
            self.say(format!("{at}: {why}"));
        }
    }

    fn case(&mut self, case: &Value) {
        self.known("case", Some(case), "case");
        for group in ["artifacts", "resources", "files"] {
            for a in list(case.get(group)) {
                self.known("artifact", Some(a), group);
                if group == "artifacts" {
                    self.artifact(a);
                }
            }
        }
        for (name, spec) in members(case.get("backends")) {
            self.known("backend", Some(spec), &format!("backend {name}"));
            for route in list(spec.get("routes")) {
                self.known("route", Some(route), "route");
                self.known("respond", route.get("respond"), "respond");
            }
            self.known("respond", spec.get("default"), "respond");
        }
        let steps = list(case.get("steps"));
        if steps.is_empty() {
            self.say("no steps");
        }
        for (i, step) in steps.into_iter().enumerate() {
            self.step(case, step, &format!("step {}", i + 1));
        }
    }

    fn artifact(&mut self, a: &Value) {
        let kind = a.get("kind").map(json::text).unwrap_or_default();
        if kind != "definitions" && !KINDS.contains(&kind.as_str()) {
            self.say(format!("unknown kind {kind:?}"));
        }
        if let Some(text) = a.get("content").map(json::text) {
            let name = super::run::file_name(a);
            self.xml(&text, &name);
            if kind == "definitions"
                && let Err(why) = split_definitions(&text)
            {
                self.say(format!("{name}: {why}"));
            }
        }
    }

    fn step(&mut self, case: &Value, step: &Value, at: &str) {
        self.known("step", Some(step), at);
        let request = step.get("request");
        self.known("request", request, at);
        if let Some(soap) = request.and_then(|r| r.get("soap")) {
            self.known("soap", Some(soap), at);
            let part = |key: &str| soap.get(key).map(json::text).unwrap_or_default();
            self.xml(&format!("<e>{}{}</e>", part("header"), part("body")), at);
        }
        self.known("expect_log", step.get("expect_log"), at);
        if let Some(expect) = step.get("expect") {
            self.known("expect", Some(expect), at);
            self.expect(expect, at);
        }
        if let Some(e) = step.get("expect_backend") {
            self.known("expect_backend", Some(e), at);
            let name = e.get("backend").map(json::text).unwrap_or_default();
            if case.get("backends").and_then(|b| b.get(&name)).is_none() {
                self.say(format!("{at}: no backend {name:?}"));
            }
            if let Some(request) = e.get("request") {
                self.known("backend_request", Some(request), at);
                self.expect(request, at);
            }
        }
    }

    fn expect(&mut self, e: &Value, at: &str) {
        list(e.get("xml_find")).into_iter().for_each(|f| self.known("find", Some(f), at));
        list(e.get("json_at")).into_iter().for_each(|f| self.known("at", Some(f), at));
        self.known("fault", e.get("soap_fault"), at);
        self.known("text", e.get("body"), at);
        for key in ["xml", "soap_body"] {
            if let Some(text) = e.get(key).map(json::text) {
                self.xml(&text, &format!("{at}: {key}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("c.yaml");
        std::fs::write(&file, text).unwrap();
        lint(&file)
    }

    #[test]
    fn a_good_case_has_no_problems() {
        let text = "name: c\nbackends: {be: {builtin: echo}}\nsteps:\n- request: {method: GET, path: /}\n  \
                    expect: {status: 200, body: {equals: x}}\n- expect_backend: {backend: be, count: 0}\n";
        assert_eq!(problems(text), Vec::<String>::new());
    }

    #[test]
    fn misspelt_keys_strangers_and_bad_xml_are_told() {
        let text = "name: d\nartifacts:\n- {name: a.xml, kind: apis, content: '<a>'}\nsteps:\n\
                    - request: {methid: GET}\n  expect: {statuz: 1, body: {equal: x}, xml: '<'}\n\
                    - expect_backend: {backend: be}\n";
        let found = problems(text).join("\n");
        for part in [
            "file name",
            "\"apis\"",
            "a.xml",
            "methid",
            "statuz",
            "\"equal\"",
            "step 1: xml",
            "backend \"be\"",
        ] {
            assert!(found.contains(part), "{part} in {found}");
        }
    }
}
