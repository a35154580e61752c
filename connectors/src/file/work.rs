//! What is done with files, on threads that may block: take, settle, remember.

use super::action::apply;
use super::lock::{self, Lock, NoLock, Writer};
use super::look::{Found, Seen};
use super::marker::{Marker, Print, marker_path};
use super::params::{Action, Due, FileParams};
use crate::contract::{Gate, InboundContext};
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// Largest file that is read into memory.
const MAX_FILE: u64 = 512 * 1024 * 1024;

/// A source as long as its artifact is deployed.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) params: FileParams,
    /// How long an empty lock may stand: its writer needs a moment.
    pub(super) patience: Duration,
    pub(super) memory: Mutex<Memory>,
}

/// What outlives a poll. Bounded by the files of the folder.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// What was last said about a file or folder, so that it is said once.
    said: HashMap<PathBuf, String>,
    /// Since when a file has an empty lock.
    blank: HashMap<PathBuf, Instant>,
    /// Files whose marker could not be written.
    stuck: HashMap<PathBuf, Marker>,
}

/// The file work of one term.
#[derive(Clone)]
pub(super) struct Desk {
    source: Arc<Source>,
    writer: Writer,
    gate: Arc<dyn Gate>,
    name: Arc<str>,
}

/// A file that is to be mediated.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) found: Found,
    pub(super) bytes: Vec<u8>,
    /// The content that was read.
    print: Print,
    lock: Option<Lock>,
}

impl Desk {
    pub(super) fn new(source: &Arc<Source>, cx: &InboundContext) -> Self {
        Self {
            source: source.clone(),
            writer: Writer::new(&cx.owner),
            gate: cx.gate.clone(),
            name: cx.name.clone(),
        }
    }

    pub(super) fn params(&self) -> &FileParams {
        &self.source.params
    }

    pub(super) fn writer(&self) -> &Writer {
        &self.writer
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // Plain maps: usable after a panic elsewhere.
        self.source.memory.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Warns about a file or folder, once until something else is to be said about it.
    pub(super) fn say(&self, path: &Path, text: &str) {
        let mut memory = self.memory();
        if memory.said.get(path).is_none_or(|said| said != text) {
            tracing::warn!("{}: {text}", self.name);
            memory.said.insert(path.to_owned(), text.to_owned());
        }
    }

    /// Drops what is known about files that are gone.
    pub(super) fn forget_all_but(&self, seen: &Seen) {
        let files = seen.found.iter().map(|file| &file.path);
        let there: HashSet<&Path> = files.chain(&seen.troubled).map(PathBuf::as_path).collect();
        let mut memory = self.memory();
        memory.said.retain(|path, _| there.contains(path.as_path()));
        memory.blank.retain(|path, _| there.contains(path.as_path()));
        memory.stuck.retain(|path, _| there.contains(path.as_path()));
    }

    /// Locks and reads a file. `None`: it is not to be mediated now.
    pub(super) fn take(&self, found: Found) -> Option<Taken> {
        if !self.gate.holds() {
            return None;
        }
        if found.meta.len() > MAX_FILE {
            let text = format!("{} is larger than {MAX_FILE} bytes and stays", found.path.display());
            self.say(&found.path, &text);
            return None;
        }
        let lock = if self.params().locking { Some(self.lock(&found.path)?) } else { None };
        if self.is_mediated(&found) {
            return None;
        }
        match read(&found.path) {
            Ok((bytes, print)) => Some(Taken { found, bytes, print, lock }),
            // Gone since it was listed: another node was faster.
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => {
                self.say(&found.path, &format!("{} cannot be read: {error}", found.path.display()));
                None
            }
        }
    }

    fn lock(&self, file: &Path) -> Option<Lock> {
        let refused = match self.writer.take(file, Some(self.params())) {
            Ok(lock) => {
                self.memory().blank.remove(file);
                return Some(lock);
            }
            Err(refused) => refused,
        };
        match refused {
            NoLock::Alive | NoLock::Released => {}
            NoLock::Busy(text) if lock::is_blank(&text) => self.wait_for_content(file),
            NoLock::Busy(text) => {
                let owner = text.split_whitespace().collect::<Vec<_>>().join(" ");
                self.say(file, &format!("{} is skipped, it is locked by {owner}", file.display()));
            }
            NoLock::Failed(error) => {
                self.say(file, &format!("{} is skipped, it cannot be locked: {error}", file.display()));
            }
        }
        None
    }

    fn wait_for_content(&self, file: &Path) {
        let since = *self.memory().blank.entry(file.to_owned()).or_insert_with(Instant::now);
        if since.elapsed() >= self.source.patience {
            lock::remove_blank(file);
            self.memory().blank.remove(file);
        }
    }

    /// Whether the file was mediated before and could not be removed: only that is tried again.
    fn is_mediated(&self, found: &Found) -> bool {
        let file = &found.path;
        let stuck = self.memory().stuck.get(file).copied();
        let Some(marker) = Marker::beside(file).or(stuck) else { return false };
        if !marker.fits(Print::of(&found.meta)) {
            tracing::info!("{}: {} is not the file its marker was written for", self.name, file.display());
            self.unmark(file);
            return false;
        }
        let action = self.params().action(marker.due(self.params()));
        let done = apply(file, action, &found.relative, self.params());
        match self.or_elsewhere(found, action, &marker, done) {
            Ok(()) => self.unmark(file),
            Err(error) => self.say(file, &stays(file, &error)),
        }
        true
    }

    /// What cannot be moved for long goes to the folder for such files, if there is one.
    fn or_elsewhere(
        &self,
        found: &Found,
        action: &Action,
        marker: &Marker,
        done: io::Result<()>,
    ) -> io::Result<()> {
        match (&self.params().after_failed_move, action) {
            (Some((target, wait)), Action::Move(_)) if done.is_err() && marker.age() >= *wait => {
                apply(&found.path, &Action::Move(target.clone()), &found.relative, self.params())
            }
            _ => done,
        }
    }

    fn unmark(&self, file: &Path) {
        Marker::remove(file);
        self.memory().stuck.remove(file);
    }

    /// Deletes or moves what was mediated, and unlocks it. `true`: done, or the marker says that it is
    /// due.
    pub(super) fn settle(&self, taken: Taken, due: Due) -> bool {
        let Taken { found, print, lock, .. } = taken;
        let is_settled = self.is_settled(&found, print, due);
        if let Some(lock) = lock {
            lock.release();
        }
        is_settled
    }

    fn is_settled(&self, found: &Found, print: Print, due: Due) -> bool {
        let file = &found.path;
        // After a fence the file belongs to somebody else: leave it where it is.
        if !self.gate.holds() {
            tracing::warn!("{}: {} is not settled, the lease is gone", self.name, file.display());
            return false;
        }
        // What was written meanwhile was not mediated.
        if std::fs::metadata(file).is_ok_and(|now| Print::of(&now) != print) {
            tracing::warn!(
                "{}: {} was changed while it was mediated, and is handed over again",
                self.name,
                file.display()
            );
            return false;
        }
        match apply(file, self.params().action(due), &found.relative, self.params()) {
            Ok(()) => drop(self.memory().said.remove(file)),
            Err(error) => self.mark(file, due, print, &error),
        }
        true
    }

    fn mark(&self, file: &Path, due: Due, print: Print, error: &io::Error) {
        self.say(file, &stays(file, error));
        let marker = Marker::new(due, print);
        if let Err(error) = marker.write(file) {
            let marker_file = marker_path(file);
            tracing::error!("the marker {} cannot be written: {error}", marker_file.display());
            self.memory().stuck.insert(file.to_owned(), marker);
        }
    }
}

fn stays(file: &Path, error: &io::Error) -> String {
    format!(
        "{} was mediated but cannot be deleted or moved: {error}; it is not mediated again",
        file.display()
    )
}

/// The content, and what tells it from another.
fn read(path: &Path) -> io::Result<(Vec<u8>, Print)> {
    let mut file = File::open(path)?;
    // Before the content: what is written while it is read shows later.
    let print = Print::of(&file.metadata()?);
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok((bytes, print))
}
