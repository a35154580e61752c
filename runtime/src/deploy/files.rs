//! Folders to files, without what no layout looks at.

use artifacts::bundle::File;
use artifacts::diagnostics::{Code, Diagnostics};
use artifacts::source::{Source, Span};
use std::io::Read;
use std::path::Path;

/// Largest single file.
const FILE_LIMIT: u64 = 256 * 1024 * 1024;
/// Deepest folder; also what ends a circle of links.
const DEPTH_LIMIT: usize = 24;
/// Most files.
const COUNT_LIMIT: usize = 50_000;

/// A Kubernetes volume holds its files three times: `..2026_01_01_00_00_00.1/file`, through the link
/// `..data` to that folder, and as the link `file` into `..data`. Only the last is meant for readers.
const VERSIONED: &str = "..";

const SKIPPED: &[&str] = &["target", "node_modules", ".git", ".mvn", ".vscode", ".idea", "tmp", "wso2"];

/// Reads a file of limited size.
pub(super) fn read_limited(path: &Path) -> Result<Vec<u8>, String> {
    let file = std::fs::File::open(path).map_err(|error| format!("cannot be read: {error}"))?;
    let mut bytes = Vec::new();
    let read = file.take(FILE_LIMIT + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 > FILE_LIMIT {
        return Err(format!("is larger than {} MiB", FILE_LIMIT / 1024 / 1024));
    }
    Ok(bytes)
}

/// Every file below `root` that a layout may want, with its path relative to `root`.
pub(super) fn walk(root: &Path, diagnostics: &mut Diagnostics) -> Vec<File> {
    let mut files = Vec::new();
    let mut open = vec![(root.to_path_buf(), String::new(), 0)];
    while let Some((folder, prefix, depth)) = open.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                unreadable(&folder, &format!("cannot be read: {error}"), diagnostics);
                continue;
            }
        };
        for entry in entries.flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            if name.starts_with(VERSIONED) {
                continue;
            }
            let path = format!("{prefix}{name}");
            let full = entry.path();
            if full.is_dir() {
                if depth < DEPTH_LIMIT && !SKIPPED.contains(&&*name) {
                    open.push((full, format!("{path}/"), depth + 1));
                }
            } else if wanted(&path) && full.is_file() {
                if files.len() >= COUNT_LIMIT {
                    unreadable(root, &format!("holds more than {COUNT_LIMIT} files"), diagnostics);
                    return files;
                }
                match read_limited(&full) {
                    Ok(bytes) => files.push(File::new(path, bytes)),
                    Err(problem) => unreadable(&full, &problem, diagnostics),
                }
            }
        }
    }
    files
}

fn unreadable(path: &Path, problem: &str, diagnostics: &mut Diagnostics) {
    let source = Source::new(path.display().to_string(), "");
    diagnostics.error(Code::UNREADABLE, (&source, Span::default()), problem);
}

/// Inside the layouts everything, outside only what may be an artifact.
fn wanted(path: &str) -> bool {
    let inside = path.contains("src/main/wso2mi/")
        || path.starts_with("registry/")
        || path.starts_with("repository/deployment/server/");
    let artifact = path
        .rsplit_once('.')
        .is_some_and(|(_, end)| end.eq_ignore_ascii_case("xml") || end.eq_ignore_ascii_case("car"));
    // A project's copy of registry content lies in its resources.
    inside || artifact
}
