//! Hot deployment: looks at the paths every few seconds and swaps the program when something changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Deepest folder that is looked into, and most files that are remembered.
const MAX_DEPTH: usize = 16;
const MAX_FILES: usize = 100_000;

/// What the files at the paths looked like: changes when one is added, removed or written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Snapshot(BTreeMap<PathBuf, (u64, Option<SystemTime>)>);

impl Snapshot {
    /// Looks at everything below the paths.
    pub(super) fn take(paths: &[PathBuf]) -> Self {
        let mut snapshot = Self::default();
        for path in paths {
            snapshot.look(path, 0);
        }
        snapshot
    }

    fn look(&mut self, path: &Path, depth: usize) {
        let Ok(meta) = std::fs::metadata(path) else { return };
        if meta.is_file() {
            if self.0.len() < MAX_FILES && is_artifact(path) {
                self.0.insert(path.to_path_buf(), (meta.len(), meta.modified().ok()));
            }
            return;
        }
        if depth >= MAX_DEPTH {
            return;
        }
        let Ok(entries) = std::fs::read_dir(path) else { return };
        for entry in entries.flatten() {
            self.look(&entry.path(), depth + 1);
        }
    }
}

/// Files that a deployment may read; logs and build output that change all the time are not among them.
fn is_artifact(path: &Path) -> bool {
    let hidden = path.components().any(|part| {
        part.as_os_str().to_str().is_some_and(|n| n.starts_with('.') && n.len() > 1 && n != "..")
    });
    let known = path.extension().and_then(|e| e.to_str()).is_some_and(|e| {
        matches!(
            e,
            "xml"
                | "car"
                | "zip"
                | "dbs"
                | "json"
                | "xslt"
                | "xsl"
                | "xsd"
                | "js"
                | "properties"
                | "txt"
                | "yaml"
                | "wsdl"
        )
    });
    known && !hidden
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_additions_changes_and_removals() {
        let folder = std::env::temp_dir().join(format!("ganglion-watch-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let paths = [folder.clone()];
        let empty = Snapshot::take(&paths);
        std::fs::write(folder.join("a.xml"), "<a/>").unwrap();
        let one = Snapshot::take(&paths);
        assert_ne!(empty, one);
        std::fs::write(folder.join("a.log"), "x").unwrap();
        assert_eq!(one, Snapshot::take(&paths));
        std::fs::write(folder.join("a.xml"), "<longer/>").unwrap();
        assert_ne!(one, Snapshot::take(&paths));
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(empty, Snapshot::take(&paths));
    }
}
