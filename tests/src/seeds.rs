//! Artifacts to start from: those of the project's own cases, and a shared corpus where one stands
//! beside the clone.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::json::{self, list};

/// An artifact: its kind (`api`, `proxy`, ...) and text.
#[derive(Debug, Clone)]
pub struct Seed {
    pub kind: String,
    pub text: Vec<u8>,
}

/// The folder of shared material: `GANGLION_SHARED`, or `../shared` beside the clone. `None` for
/// every user who has only the clone.
pub fn shared() -> Option<PathBuf> {
    let named = std::env::var_os("GANGLION_SHARED").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    named.or(Some(beside)).filter(|p| p.is_dir())
}

/// Artifacts of the project's own cases.
pub fn own() -> Vec<Seed> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let files = crate::cases::files(&dir).unwrap_or_default();
    let cases = files.iter().filter_map(|f| std::fs::read_to_string(f).ok());
    let values = cases.filter_map(|text| serde_yaml_ng::from_str::<Value>(&text).ok());
    values
        .flat_map(|case| list(case.get("artifacts")).into_iter().filter_map(seed).collect::<Vec<_>>())
        .collect()
}

fn seed(artifact: &Value) -> Option<Seed> {
    let kind = match artifact.get("kind").map(json::text)?.as_str() {
        "proxy-services" => "proxy",
        "local-entries" => "local-entry",
        other => other.strip_suffix('s').unwrap_or(other),
    }
    .to_owned();
    Some(Seed { kind, text: artifact.get("content").map(json::text)?.into_bytes() })
}

/// Artifacts of the shared corpus, every `step`th, none without it.
pub fn corpus(step: usize) -> Vec<Seed> {
    let Some(dir) = shared().map(|s| s.join("corpus/parse")) else { return Vec::new() };
    let mut out = Vec::new();
    let mut folders: Vec<PathBuf> = std::fs::read_dir(&dir)
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.is_dir())
        .collect();
    folders.sort();
    for folder in folders {
        let kind = folder.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
        files.sort();
        for file in files.iter().step_by(step.max(1)) {
            out.extend(std::fs::read(file).ok().map(|text| Seed { kind: kind.clone(), text }));
        }
    }
    out
}
