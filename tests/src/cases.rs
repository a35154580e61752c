//! Behaviour cases: one YAML file each, run on a fresh server process.

mod layout;
mod lint;
mod placeholders;
mod ports;
mod run;
mod server;
mod steps;
mod yaml;

pub use layout::Layout;
pub use lint::lint;
pub use ports::free_offset;
pub(crate) use ports::free_port;
pub use run::{Options, run_all};
pub use server::{Running, StartCommand};

use std::path::{Path, PathBuf};

/// Why a case did not pass.
#[derive(Debug, PartialEq, Eq)]
pub enum Stop {
    /// An expectation was not met, with both sides named.
    Fail(String),
    /// Something the case needs is not there.
    Skip(String),
}

impl From<String> for Stop {
    fn from(why: String) -> Self {
        Stop::Fail(why)
    }
}

impl From<std::io::Error> for Stop {
    fn from(e: std::io::Error) -> Self {
        Stop::Fail(format!("runner: {e}"))
    }
}

/// The case files of a folder in name order, or the one file that was named.
pub fn files(path: &Path) -> Result<Vec<PathBuf>, String> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let yaml = |p: &PathBuf| p.extension().is_some_and(|e| e == "yaml" || e == "yml");
    let mut out: Vec<PathBuf> = entries.flatten().map(|e| e.path()).filter(yaml).collect();
    out.sort();
    Ok(out)
}

/// The name of a case is the name of its file.
pub fn name_of(path: &Path) -> String {
    path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default()
}
