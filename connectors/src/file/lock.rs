//! Lock files: `<random>:<host>:<ip>:<epoch ms>`, as MI writes them, so that both can share a folder.

use super::params::FileParams;
use jiff::Timestamp;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A lock that this process holds; [`Lock::release`] removes it.
#[derive(Debug)]
pub(super) struct Lock(PathBuf);

/// Path of the lock of a file.
pub(super) fn lock_path(file: &Path) -> PathBuf {
    beside(file, "lock")
}

/// Path of the marker of a file whose action failed.
pub(super) fn fail_path(file: &Path) -> PathBuf {
    beside(file, "fail")
}

fn beside(file: &Path, extension: &str) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_os_string();
    name.push(".");
    name.push(extension);
    file.with_file_name(name)
}

impl Lock {
    /// Takes the lock of a file; `None` when somebody has it. A stale lock is removed when the
    /// parameters say so, and the file waits for the next poll, as in MI.
    pub(super) fn take(file: &Path, params: &FileParams) -> Option<Self> {
        let path = lock_path(file);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut lock) => {
                let text = content();
                let written = lock.write_all(text.as_bytes()).is_ok();
                // Not every file system creates exclusively: what is read back decides.
                let ours = written && fs::read_to_string(&path).is_ok_and(|read| read == text);
                ours.then_some(Self(path))
            }
            Err(_) => {
                release_stale(&path, params);
                None
            }
        }
    }

    pub(super) fn release(self) {
        if let Err(error) = fs::remove_file(&self.0) {
            tracing::warn!("the lock {} cannot be removed: {error}", self.0.display());
        }
    }
}

fn content() -> String {
    let now = Timestamp::now().as_millisecond();
    let random = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), now) >> 1;
    format!("{random}:{}:127.0.0.1:{now}", host())
}

fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.trim().is_empty() { "localhost".to_owned() } else { name.trim().to_owned() }
}

fn release_stale(path: &Path, params: &FileParams) {
    let Some(limit) = params.release_locks else { return };
    let Ok(text) = fs::read_to_string(path) else { return };
    let parts: Vec<&str> = text.split(':').collect();
    let [_, owner, _, since] = parts.as_slice() else { return };
    if params.release_own_only && *owner != host() {
        return;
    }
    let age = since.trim().parse::<i64>().map(|since| Timestamp::now().as_millisecond() - since).unwrap_or(0);
    let old = limit.is_none_or(|limit| age >= i64::try_from(limit.as_millis()).unwrap_or(i64::MAX));
    if old && fs::remove_file(path).is_ok() {
        let age = Duration::from_millis(u64::try_from(age).unwrap_or(0));
        tracing::info!("the stale lock {} ({} s old) is removed", path.display(), age.as_secs());
    }
}
