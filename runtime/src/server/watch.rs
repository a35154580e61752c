//! Hot deployment: looks at the paths every few seconds and swaps the program when something changed.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Deepest folder that is looked into, and most files that are remembered.
const MAX_DEPTH: usize = 16;
const MAX_FILES: usize = 100_000;

/// How often the paths are looked at: MI's 15 s, unless `DeploymentUpdateInterval` in the home's
/// `conf/carbon.xml` says how many seconds, as MI's tooling writes it.
pub(super) fn interval(home: &Path) -> Duration {
    let text = std::fs::read_to_string(home.join("conf/carbon.xml")).unwrap_or_default();
    let value = text.split_once("<DeploymentUpdateInterval>").and_then(|(_, rest)| rest.split_once('<'));
    let seconds = value.and_then(|(value, _)| value.trim().parse().ok()).filter(|seconds| *seconds > 0);
    Duration::from_secs(seconds.unwrap_or(15))
}

/// What the files at the paths looked like: changes when one is added, removed or written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Snapshot(BTreeMap<PathBuf, Look>);

/// The inode tells a file from the one that was moved to its place; two may have the same length, and
/// the same time too where a tool sets it, or when they were written within one tick of the clock.
#[derive(Debug, PartialEq, Eq)]
struct Look {
    length: u64,
    modified: Option<SystemTime>,
    inode: u64,
}

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
                let look = Look { length: meta.len(), modified: meta.modified().ok(), inode: meta.ino() };
                self.0.insert(path.to_path_buf(), look);
            }
            return;
        }
        if depth >= MAX_DEPTH {
            return;
        }
        let Ok(entries) = std::fs::read_dir(path) else { return };
        for entry in entries.flatten() {
            // Hidden below the path, that is: the path itself may lie in a hidden folder.
            if !entry.file_name().as_encoded_bytes().starts_with(b".") {
                self.look(&entry.path(), depth + 1);
            }
        }
    }
}

/// Files that a deployment may read; logs and build output that change all the time are not among them.
fn is_artifact(path: &Path) -> bool {
    path.extension().and_then(|e| e.to_str()).is_some_and(|e| {
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
    })
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

    /// A ConfigMap's volume: all files change at once when the link `..data` does.
    #[test]
    fn sees_a_volume_whose_link_is_renamed() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::Builder::new().prefix(".hidden-").tempdir().unwrap();
        let root = folder.path();
        for version in ["..1", "..2"] {
            std::fs::create_dir(root.join(version)).unwrap();
            std::fs::write(root.join(version).join("a.xml"), format!("<a>{version}</a>")).unwrap();
        }
        symlink("..1", root.join("..data")).unwrap();
        symlink("..data/a.xml", root.join("a.xml")).unwrap();
        let paths = [root.to_path_buf()];
        let one = Snapshot::take(&paths);
        assert_eq!(one.0.keys().collect::<Vec<_>>(), [&root.join("a.xml")]);
        symlink("..2", root.join("..new")).unwrap();
        std::fs::rename(root.join("..new"), root.join("..data")).unwrap();
        assert_ne!(one, Snapshot::take(&paths));
    }

    #[test]
    fn the_interval_is_mis_unless_its_file_says_otherwise() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(interval(home.path()), Duration::from_secs(15));
        std::fs::create_dir(home.path().join("conf")).unwrap();
        let write = |seconds: &str| {
            let text = format!(
                "<Server><Axis2Config><DeploymentUpdateInterval>{seconds}</DeploymentUpdateInterval></Axis2Config></Server>"
            );
            std::fs::write(home.path().join("conf/carbon.xml"), text).unwrap();
        };
        write("1");
        assert_eq!(interval(home.path()), Duration::from_secs(1));
        write("0");
        assert_eq!(interval(home.path()), Duration::from_secs(15));
    }
}
