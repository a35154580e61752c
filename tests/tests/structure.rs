//! The shape of the code: which crate may depend on which, and which module of the runtime may
//! name which. A new arrow is a decision: it is written here and in `ARCHITECTURE.md`, or it is a
//! mistake that this test finds.

// This whole file is a test, helpers included.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Crate edges inside the workspace. There are no others.
const CRATES: [(&str, &str); 7] = [
    ("ganglion-connectors", "ganglion-artifacts"),
    ("ganglion", "ganglion-artifacts"),
    ("ganglion", "ganglion-connectors"),
    ("ganglion", "ganglion-coordination"),
    ("ganglion-tests", "ganglion"),
    ("ganglion-benches", "ganglion"),
    // The scheduler is measured with and without a database.
    ("ganglion-benches", "ganglion-coordination"),
];

/// What each module of the runtime names, and nothing beside it. Modules that are not in the list name
/// none.
const MODULES: &[(&str, &[&str])] = &[
    ("message", &["errors"]),
    ("errors", &["message"]),
    ("eval", &["errors", "flow", "message", "program"]),
    ("xslt", &["eval"]),
    ("freemarker", &["eval", "message"]),
    ("services", &["deploy", "http", "stores"]),
    ("stores", &["message"]),
    // The program holds steps; the flow runs them.
    ("program", &["deploy", "endpoints", "flow", "router", "stores"]),
    ("flow", &["errors", "eval", "message", "program", "services"]),
    ("endpoints", &["compile", "errors", "eval", "flow", "http", "message", "router"]),
    (
        "mediators",
        &[
            "compile",
            "endpoints",
            "errors",
            "eval",
            "flow",
            "freemarker",
            "message",
            "program",
            "services",
            "stores",
            "xslt",
        ],
    ),
    ("compile", &["endpoints", "eval", "flow", "mediators", "program", "router", "stores"]),
    ("router", &["message", "program"]),
    ("tls", &["settings"]),
    ("http", &["errors", "flow", "message", "tls"]),
    ("engine", &["flow", "http", "message", "program", "router", "services"]),
    ("deploy", &["settings"]),
    ("activation", &["endpoints", "engine", "errors", "flow", "message", "program", "stores"]),
    ("check", &["activation", "cli", "compile", "deploy", "settings", "stores"]),
    ("cli", &["logging"]),
    (
        "server",
        &[
            "activation",
            "check",
            "cli",
            "compile",
            "deploy",
            "engine",
            "eval",
            "flow",
            "http",
            "logging",
            "message",
            "program",
            "router",
            "services",
            "settings",
            "tls",
        ],
    ),
];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

#[test]
fn crates_depend_on_each_other_as_drawn() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let out = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(workspace())
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let metadata: Value = serde_json::from_slice(&out.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let mut edges = BTreeSet::new();
    for package in packages {
        for dependency in package["dependencies"].as_array().unwrap() {
            if !dependency["path"].is_null() {
                edges.insert((package["name"].as_str().unwrap(), dependency["name"].as_str().unwrap()));
            }
        }
    }
    let strangers: Vec<_> = edges.iter().filter(|e| !CRATES.contains(e)).collect();
    assert!(strangers.is_empty(), "crate edges that are not drawn: {strangers:?}");
    assert!(
        edges.contains(&("ganglion", "ganglion-artifacts")),
        "the metadata was not understood: {edges:?}"
    );
}

#[test]
fn runtime_modules_name_each_other_as_drawn() {
    let edges = module_edges(&workspace().join("runtime/src"));
    let drawn: BTreeSet<(&str, &str)> =
        MODULES.iter().flat_map(|(from, list)| list.iter().map(|to| (*from, *to))).collect();
    let found: BTreeSet<(&str, &str)> = edges.keys().map(|(from, to)| (&**from, &**to)).collect();
    let strangers: Vec<String> = edges
        .iter()
        .filter(|((from, to), _)| !drawn.contains(&(from, to)))
        .map(|((from, to), places)| format!("{from} -> {to} in {places:?}"))
        .collect();
    assert!(strangers.is_empty(), "module arrows that are not drawn:\n{}", strangers.join("\n"));
    let gone: Vec<_> = drawn.difference(&found).collect();
    assert!(gone.is_empty(), "module arrows that are drawn and not there any more: {gone:?}");
}

type Edges = BTreeMap<(String, String), BTreeSet<String>>;

/// Names of the form `crate::module` by module and file, tests left out.
fn module_edges(root: &Path) -> Edges {
    let mut edges = Edges::new();
    for file in rust_files(root) {
        let relative = file.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        let from = relative.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
        if ["lib", "main"].contains(&from.as_str()) {
            continue;
        }
        for to in named(&code_of(&std::fs::read_to_string(&file).unwrap())) {
            if to != from {
                edges.entry((from.clone(), to)).or_default().insert(relative.clone());
            }
        }
    }
    edges
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for path in std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()) {
        if path.is_dir() {
            if !path.ends_with("tests") {
                out.extend(rust_files(&path));
            }
        } else if path.extension().is_some_and(|e| e == "rs")
            && !path.ends_with("tests.rs")
            && !path.ends_with("testing.rs")
        {
            out.push(path);
        }
    }
    out
}

/// The text before the test module, comments left out.
fn code_of(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    code.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Modules behind `crate::`, also inside braces.
fn named(code: &str) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let word = |t: &str| t.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        match rest.strip_prefix('{') {
            None => {
                out.insert(word(rest));
            }
            Some(group) => {
                let mut depth = 0;
                let mut start = true;
                for (i, c) in group.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        c if start && depth == 0 && !c.is_whitespace() => {
                            out.insert(word(&group[i..]));
                            start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    out.retain(|name| !name.is_empty() && name.chars().all(|c| !c.is_uppercase()));
    out
}

#[test]
fn imports_are_read_in_every_form() {
    let code = code_of(
        "use crate::a::B;\n// crate::x\nuse crate::{c::{D, E}, f, G};\nlet y = crate::h::i();\n#[cfg(test)]\nmod tests { use crate::z; }",
    );
    assert_eq!(named(&code).into_iter().collect::<Vec<_>>(), ["a", "c", "f", "h"]);
}

#[test]
fn every_module_says_what_it_is() {
    let mut silent = Vec::new();
    for member in ["artifacts", "connectors", "coordination", "runtime", "benches", "tests"] {
        for file in rust_files(&workspace().join(member).join("src")) {
            if !std::fs::read_to_string(&file).unwrap().starts_with("//!") {
                silent.push(file);
            }
        }
    }
    assert!(silent.is_empty(), "files that do not start with //!: {silent:?}");
}
