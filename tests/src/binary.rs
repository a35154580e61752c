//! The server program that tests start.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The server that was built beside this program. `Err` says why there is none.
///
/// Cargo builds only what it was asked for, so under `cargo test` and `cargo run` the server is brought up
/// to date first, once per process.
pub fn server() -> Result<PathBuf, String> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    FOUND.get_or_init(find).clone()
}

fn find() -> Result<PathBuf, String> {
    let here = std::env::current_exe().map_err(|e| format!("where am I: {e}"))?;
    let folder = here.parent().unwrap_or(Path::new(""));
    let is_test = folder.ends_with("deps");
    let folder = if is_test { folder.parent().unwrap_or(folder) } else { folder };
    if let Some(cargo) = std::env::var_os("CARGO") {
        build(Command::new(cargo), folder, is_test)?;
    }
    let binary = folder.join("ganglion");
    match binary.exists() {
        true => Ok(binary),
        false => {
            Err(format!("{} does not exist: build it, or name a server with --server", binary.display()))
        }
    }
}

/// The selected packages decide with which features dependencies are compiled, and those that only tests
/// need count as soon as a test or an example is selected. So the selection is that of `cargo run`, or of
/// `cargo test --workspace`, which has built the examples before: with another one everything below the
/// server would be compiled a second time.
fn build(mut cargo: Command, folder: &Path, is_test: bool) -> Result<(), String> {
    cargo.args(["build", "--quiet", "--workspace", "--bin", "ganglion"]);
    if is_test {
        cargo.arg("--examples");
    }
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    forget_package(&mut cargo);
    let status = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status();
    match status.is_ok_and(|s| s.success()) {
        true => Ok(()),
        false => Err("the server cannot be built: cargo build --package ganglion".into()),
    }
}

/// Cargo tells a program that it runs which package it is of. Inherited by another cargo, that makes build
/// scripts which look at it (ring's does) run anew, and all that stands on them is compiled again.
fn forget_package(cargo: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
}
