//! Reads artifact files below folders until `deploy` takes over.

use artifacts::diagnostics::Diagnostics;
use artifacts::kinds::{self, Artifact, Kind};
use artifacts::source::Source;
use std::path::Path;

/// Every artifact below the paths, with findings.
pub(super) fn load(paths: &[std::path::PathBuf]) -> (Vec<Artifact>, Diagnostics) {
    let (mut all, mut found) = (Vec::new(), Diagnostics::new());
    for path in paths {
        walk(path, &mut all, &mut found);
    }
    (all, found)
}

fn walk(path: &Path, all: &mut Vec<Artifact>, found: &mut Diagnostics) {
    if path.is_dir() {
        let Ok(entries) = std::fs::read_dir(path) else { return };
        let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            walk(&path, all, found);
        }
        return;
    }
    let folder = path.parent().and_then(|p| p.file_name()).and_then(|n| n.to_str()).unwrap_or_default();
    let Some(kind) = Kind::of_folder(folder).filter(|_| path.extension().is_some_and(|e| e == "xml")) else {
        return;
    };
    let Ok(bytes) = std::fs::read(path) else { return };
    let source = Source::new(path.display().to_string(), String::from_utf8_lossy(&bytes));
    let (artifacts, diagnostics) = kinds::read(&source, Some(kind));
    all.extend(artifacts);
    found.extend(diagnostics);
}
