//! The poll loop.

use super::action::settle;
use super::lock::{Lock, fail_path};
use super::params::{FileParams, Sort};
use crate::contract::{BoxFuture, Delivery, Header, Inbound, InboundContext, Outcome};
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Deepest sub-folder that is looked into.
const MAX_DEPTH: usize = 32;
/// Largest file that is read into memory.
const MAX_FILE: u64 = 512 * 1024 * 1024;

/// A file source.
#[derive(Debug)]
pub struct FileInbound {
    params: FileParams,
}

/// A file that a poll found.
struct Found {
    path: PathBuf,
    meta: Metadata,
    /// Sub-folder below the watched one, when it recurses.
    relative: Option<PathBuf>,
}

impl Inbound for FileInbound {
    fn run(&self, cx: InboundContext) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let mut tick = tokio::time::interval(self.params.interval);
            tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    _ = tick.tick() => {}
                    () = cx.gate.ended() => return,
                }
                self.poll(&cx).await;
            }
        })
    }
}

impl FileInbound {
    /// A source with these parameters.
    pub fn new(params: FileParams) -> Self {
        Self { params }
    }

    /// Hands over what is there now.
    async fn poll(&self, cx: &InboundContext) {
        let found = if self.params.path.is_file() {
            self.single()
        } else {
            let mut found = Vec::new();
            self.list(&self.params.path, 0, &mut found, &cx.name);
            found
        };
        let mut taken: Vec<(Option<PathBuf>, usize)> = Vec::new();
        for file in found {
            if !cx.gate.holds() || cx.gate.is_stopping() {
                return;
            }
            if self.is_full(&taken, &file) {
                continue;
            }
            if self.process(&file, cx).await {
                count(&mut taken, &file);
                if let Some(pause) = self.params.pause {
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }

    fn single(&self) -> Vec<Found> {
        let meta = fs::metadata(&self.params.path);
        meta.map(|meta| vec![Found { path: self.params.path.clone(), meta, relative: None }])
            .unwrap_or_default()
    }

    fn is_full(&self, taken: &[(Option<PathBuf>, usize)], file: &Found) -> bool {
        let Some(limit) = self.params.per_poll.filter(|_| self.params.pause.is_none()) else { return false };
        taken.iter().any(|(folder, count)| *folder == file.relative && *count >= limit)
    }

    fn list(&self, folder: &Path, depth: usize, found: &mut Vec<Found>, name: &str) {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                tracing::warn!("inbound endpoint '{name}': {} cannot be listed: {error}", folder.display());
                return;
            }
        };
        let relative = folder.strip_prefix(&self.params.path).ok().filter(|_| self.params.recurse);
        let mut here = Vec::new();
        let mut folders = Vec::new();
        for entry in entries.flatten() {
            let path = entry.path();
            match fs::metadata(&path) {
                Ok(meta) if meta.is_dir() => folders.push(path),
                Ok(meta) if self.is_wanted(&path) => {
                    here.push(Found { path, meta, relative: relative.map(Path::to_path_buf) });
                }
                // Not wanted, or gone since it was listed.
                Ok(_) | Err(_) => {}
            }
        }
        self.sort(&mut here);
        found.extend(here);
        if self.params.recurse && depth < MAX_DEPTH {
            folders.sort();
            folders.iter().for_each(|folder| self.list(folder, depth + 1, found, name));
        }
    }

    fn is_wanted(&self, path: &Path) -> bool {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return false };
        let ours = name.ends_with(".lock") || name.ends_with(".fail");
        !ours && self.params.pattern.as_ref().is_none_or(|pattern| pattern.is_match(name))
    }

    fn sort(&self, files: &mut [Found]) {
        match self.params.sort {
            Sort::None => return,
            Sort::Name => files.sort_by(|a, b| a.path.file_name().cmp(&b.path.file_name())),
            Sort::Size => files.sort_by_key(|file| file.meta.len()),
            Sort::Modified => files.sort_by_key(|file| file.meta.modified().ok()),
        }
        if !self.params.ascending {
            files.reverse();
        }
    }

    /// One file: lock, read, mediate, settle, unlock. `true` when it was handed over.
    async fn process(&self, file: &Found, cx: &InboundContext) -> bool {
        if fail_path(&file.path).exists() {
            // Processed before, but it could not be removed: only that is tried again.
            settle(&file.path, &self.params.after_process, file.relative.as_deref(), &self.params);
            return false;
        }
        if self.params.size_limit.is_some_and(|limit| file.meta.len() > limit) {
            return false;
        }
        if file.meta.len() > MAX_FILE {
            tracing::error!(
                "inbound endpoint '{}': {} is larger than {MAX_FILE} bytes and stays",
                cx.name,
                file.path.display()
            );
            return false;
        }
        let lock = match self.params.locking {
            true => match Lock::take(&file.path, &self.params) {
                Some(lock) => Some(lock),
                None => return false,
            },
            false => None,
        };
        let handed_over = self.hand_over(file, cx).await;
        if let Some(lock) = lock {
            lock.release();
        }
        handed_over
    }

    async fn hand_over(&self, file: &Found, cx: &InboundContext) -> bool {
        // Gone since it was listed: another node was faster.
        let Ok(bytes) = tokio::fs::read(&file.path).await else { return false };
        let outcome = cx.to.deliver(self.delivery(file, bytes)).await;
        // After a fence the file belongs to somebody else: leave it where it is.
        if !cx.gate.holds() {
            tracing::warn!(
                "inbound endpoint '{}': {} is not settled, the lease is gone",
                cx.name,
                file.path.display()
            );
            return false;
        }
        let action = match outcome {
            Outcome::Done => &self.params.after_process,
            Outcome::Failed(problem) => {
                tracing::error!("inbound endpoint '{}': {} failed: {problem}", cx.name, file.path.display());
                &self.params.after_failure
            }
            Outcome::Rejected => return false,
        };
        settle(&file.path, action, file.relative.as_deref(), &self.params);
        true
    }

    fn delivery(&self, file: &Found, bytes: Vec<u8>) -> Delivery {
        let text = |path: &Path| Header::Text(path.to_string_lossy().into_owned());
        let name = file.path.file_name().map(Path::new).unwrap_or(&file.path);
        let modified = file.meta.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok());
        let mut headers = vec![
            ("FILE_PATH", text(&file.path)),
            ("FILE_NAME", text(name)),
            ("FILE_URI", Header::Text(format!("file://{}", file.path.display()))),
            ("FILE_LENGTH", Header::Number(i64::try_from(bytes.len()).unwrap_or(i64::MAX))),
            (
                "LAST_MODIFIED",
                Header::Number(modified.map_or(0, |t| i64::try_from(t.as_millis()).unwrap_or(0))),
            ),
        ];
        if let Some(relative) = &file.relative {
            headers.push(("RELATIVE_PATH", text(relative)));
        }
        Delivery { payload: bytes.into(), content_type: self.content_type(&file.path), headers }
    }

    fn content_type(&self, path: &Path) -> Option<String> {
        let by_extension = || match path.extension().and_then(|e| e.to_str()) {
            Some("xml") => Some("text/xml".to_owned()),
            Some("txt") => Some("text/plain".to_owned()),
            _ => None,
        };
        self.params.content_type.clone().or_else(by_extension)
    }
}

fn count(taken: &mut Vec<(Option<PathBuf>, usize)>, file: &Found) {
    match taken.iter_mut().find(|(folder, _)| *folder == file.relative) {
        Some((_, count)) => *count += 1,
        None => taken.push((file.relative.clone(), 1)),
    }
}
