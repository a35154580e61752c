//! Golden files: `golden/<kind>/<case>.xml` in, the artifacts as a tree and the findings out in
//! `<case>.txt` beside it. `GOLDEN=write cargo test -p ganglion-artifacts --test golden` rewrites them.

// This whole file is a test, helpers included.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use artifacts::kinds::{self, Kind};
use artifacts::source::Source;
use std::fs;
use std::path::{Path, PathBuf};

fn cases(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(cases(&path));
        } else if path.extension().is_some_and(|end| end == "xml") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn outcome(root: &Path, path: &Path) -> String {
    let name = path.strip_prefix(root).unwrap().display().to_string();
    let folder = name.split('/').next().unwrap();
    let kind = Kind::of_word(folder).filter(|kind| *kind != Kind::Definitions);
    let source = Source::new(name.clone(), fs::read_to_string(path).unwrap());
    let (artifacts, diagnostics) = kinds::read(&source, kind);
    let mut text = String::new();
    for artifact in &artifacts {
        text.push_str(&format!("{artifact:#?}\n"));
    }
    text.push_str("---\n");
    text.push_str(&diagnostics.render());
    text
}

#[test]
fn artifacts_read_as_expected() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let write = std::env::var("GOLDEN").is_ok_and(|mode| mode == "write");
    let mut different = Vec::new();
    let cases = cases(&root);
    assert!(cases.len() > 20, "the golden folder is not where it should be");
    for case in cases {
        let expected = case.with_extension("txt");
        let found = outcome(&root, &case);
        if write {
            fs::write(&expected, found).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != found {
            different.push(format!("{}:\n{found}", case.display()));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}
