//! What a poll finds: the files of the folder that are wanted now, in order.

use super::marker::Marker;
use super::params::{FileParams, Sort};
use super::work::Desk;
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Deepest sub-folder that is looked into.
const MAX_DEPTH: usize = 32;

/// A file that a poll found.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) meta: Metadata,
    /// Sub-folder below the watched one.
    pub(super) relative: PathBuf,
}

/// What a poll saw.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) found: Vec<Found>,
    /// Folders that cannot be read.
    pub(super) troubled: Vec<PathBuf>,
}

/// Lock or marker, told by the end of the name.
enum Companion {
    Lock,
    Marker,
}

/// One folder as it was read.
#[derive(Default)]
struct Listing {
    names: HashSet<OsString>,
    wanted: Vec<Found>,
    folders: Vec<PathBuf>,
    companions: Vec<(PathBuf, Companion)>,
}

impl Desk {
    /// The files that are there now. Locks and markers that a dead process left without a file go.
    pub(super) fn look(&self) -> Vec<Found> {
        let path = &self.params().path;
        let mut seen = Seen::default();
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => self.list(path, 0, &mut seen),
            // MI does not apply the pattern to a single file.
            Ok(meta) => {
                let file = Found { path: path.clone(), meta, relative: PathBuf::new() };
                seen.found.extend(is_allowed(&file.meta, self.params()).then_some(file));
            }
            Err(error) => {
                self.say(path, &format!("{} cannot be read: {error}", path.display()));
                seen.troubled.push(path.clone());
            }
        }
        self.forget_all_but(&seen);
        seen.found
    }

    /// The files that did not change since they were found.
    pub(super) fn unchanged(found: Vec<Found>) -> Vec<Found> {
        let is_same = |file: &Found| {
            fs::metadata(&file.path).is_ok_and(|now| {
                now.len() == file.meta.len() && now.modified().ok() == file.meta.modified().ok()
            })
        };
        found.into_iter().filter(is_same).collect()
    }

    fn list(&self, folder: &Path, depth: usize, seen: &mut Seen) {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                self.say(folder, &format!("{} cannot be listed: {error}", folder.display()));
                return seen.troubled.push(folder.to_owned());
            }
        };
        let mut listing = Listing::default();
        for entry in entries.flatten() {
            listing.add(entry.path(), self.params());
        }
        for (file, companion) in &listing.companions {
            match companion {
                _ if file.file_name().is_some_and(|name| listing.names.contains(name)) => {}
                Companion::Lock => self.writer().remove_orphan(file),
                Companion::Marker => Marker::remove_orphan(file),
            }
        }
        sort(&mut listing.wanted, self.params());
        seen.found.append(&mut listing.wanted);
        if self.params().recurse && depth < MAX_DEPTH {
            listing.folders.sort();
            listing.folders.iter().for_each(|folder| self.list(folder, depth + 1, seen));
        }
    }
}

impl Listing {
    fn add(&mut self, path: PathBuf, params: &FileParams) {
        let Some(name) = path.file_name().map(OsStr::to_owned) else { return };
        // Names need not be UTF-8; what cannot be shown is matched as a replacement character.
        let text = name.to_string_lossy();
        let beside = |end: &str| text.ends_with(end).then(|| path.with_extension(""));
        if let Some(file) = beside(".lock") {
            return self.companions.push((file, Companion::Lock));
        }
        if let Some(file) = beside(".fail") {
            return self.companions.push((file, Companion::Marker));
        }
        // Not there: gone since it was listed.
        let Ok(meta) = fs::metadata(&path) else { return };
        if meta.is_dir() {
            return self.folders.push(path);
        }
        if is_wanted(&text, &meta, params) {
            let folder = path.parent().and_then(|folder| folder.strip_prefix(&params.path).ok());
            let relative = folder.unwrap_or(Path::new("")).to_owned();
            self.wanted.push(Found { path, meta, relative });
        }
        self.names.insert(name);
    }
}

fn is_wanted(name: &str, meta: &Metadata, params: &FileParams) -> bool {
    // A pattern that backtracks without end matches nothing.
    params.pattern.as_ref().is_none_or(|pattern| pattern.is_match(name).unwrap_or(false))
        && is_allowed(meta, params)
}

fn is_allowed(meta: &Metadata, params: &FileParams) -> bool {
    let is_too_large = params.size_limit.is_some_and(|limit| meta.len() > limit);
    // A pipe or a socket is not a message.
    if !meta.is_file() || is_too_large || (params.skip_empty && meta.len() == 0) {
        return false;
    }
    if params.min_age.is_none() && params.max_age.is_none() {
        return true;
    }
    let modified = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    // A file from the future is new.
    let age = SystemTime::now().duration_since(modified).unwrap_or_default();
    params.min_age.is_none_or(|least| age > least) && params.max_age.is_none_or(|most| age < most)
}

fn sort(files: &mut [Found], params: &FileParams) {
    match params.sort {
        Sort::None => return,
        Sort::Name => files.sort_by(|a, b| a.path.file_name().cmp(&b.path.file_name())),
        Sort::Size => files.sort_by_key(|file| file.meta.len()),
        Sort::Modified => files.sort_by_key(|file| file.meta.modified().ok()),
    }
    if !params.ascending {
        files.reverse();
    }
}
