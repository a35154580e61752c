//! Markers: `<file>.fail` beside a file that was mediated and could not be deleted or moved.
//!
//! MI writes the time in milliseconds and looks only whether the marker is there. Ours says in a
//! second line which action is due and for which content, so that a file that failed is never treated
//! as processed, and a new file of the same name is not taken for the old one.

use super::lock::beside;
use super::params::{Action, Due, FileParams};
use jiff::Timestamp;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// Tells one content of a file from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Print {
    /// Bytes.
    length: u64,
    /// Nanoseconds since 1970.
    modified: u128,
}

impl Print {
    pub(super) fn of(meta: &Metadata) -> Self {
        let modified = meta.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Self { length: meta.len(), modified: modified.unwrap_or_default().as_nanos() }
    }
}

/// What is due for a file that was mediated before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marker {
    /// `None`: MI wrote it and does not say.
    note: Option<(Due, Print)>,
    /// Milliseconds since 1970.
    since: i64,
}

/// Path of the marker of a file.
pub(super) fn marker_path(file: &Path) -> PathBuf {
    beside(file, "fail")
}

impl Marker {
    /// A marker that begins now.
    pub(super) fn new(due: Due, print: Print) -> Self {
        Self { note: Some((due, print)), since: Timestamp::now().as_millisecond() }
    }

    /// The marker beside a file.
    pub(super) fn beside(file: &Path) -> Option<Self> {
        fs::read_to_string(marker_path(file)).ok().map(|text| Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        let mut lines = text.lines();
        let since = lines.next().and_then(|line| line.trim().parse().ok()).unwrap_or_default();
        let note = lines.next().and_then(|line| {
            let mut words = line.split(' ');
            let due = match words.next()? {
                "failed" => Due::Failure,
                "processed" => Due::Process,
                _ => return None,
            };
            let print = Print { length: words.next()?.parse().ok()?, modified: words.next()?.parse().ok()? };
            Some((due, print))
        });
        Self { note, since }
    }

    fn text(&self) -> String {
        let Some((due, print)) = self.note else { return self.since.to_string() };
        let due = if due == Due::Failure { "failed" } else { "processed" };
        format!("{}\n{due} {} {}\n", self.since, print.length, print.modified)
    }

    pub(super) fn write(&self, file: &Path) -> std::io::Result<()> {
        fs::write(marker_path(file), self.text())
    }

    /// Removes the marker of a file, if there is one.
    pub(super) fn remove(file: &Path) {
        // A marker that stays is found again by the next look.
        drop(fs::remove_file(marker_path(file)));
    }

    /// Removes a marker of ours whose file is gone: it would be taken for the next file of that name.
    pub(super) fn remove_orphan(file: &Path) {
        let gone = fs::symlink_metadata(file).is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound);
        if gone && Self::beside(file).is_some_and(|marker| marker.note.is_some()) {
            Self::remove(file);
        }
    }

    /// Whether the file is still the one that was mediated.
    pub(super) fn fits(&self, print: Print) -> bool {
        self.note.is_none_or(|(_, noted)| noted == print)
    }

    /// The action that is due. When the marker does not say, the one that keeps the content.
    pub(super) fn due(&self, params: &FileParams) -> Due {
        match self.note {
            Some((due, _)) => due,
            None if params.after_process == Action::Delete => Due::Failure,
            None => Due::Process,
        }
    }

    /// How long the file waits for its action.
    pub(super) fn age(&self) -> Duration {
        let age = Timestamp::now().as_millisecond().saturating_sub(self.since);
        Duration::from_millis(u64::try_from(age).unwrap_or_default())
    }
}
