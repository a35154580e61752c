//! Messages to files: what stands behind `vfs:` addresses.
//!
//! ```text
//! vfs:file:///out?transport.vfs.Append=true&transport.vfs.Locking=disable
//! ```
//!
//! The address of a folder gets a file of the message's own name, or `response.xml`. Any other address
//! is the file itself; folders on the way to it are made. The options have the names of parameters of
//! proxy services and are not URL-decoded, as with MI. While a file is written, `<file>.lock` keeps its
//! readers and other writers away; a new file is seen whole or not at all. A file that is there is
//! written in place, so that it keeps its owner and mode.
//!
//! A writer that meets a lock looks again, many times a second, until `MaxRetryCount` pauses of
//! `ReconnectTimeout` seconds are over. MI looks only once for each pause.

use super::local_path;
use super::lock::{Lock, NoLock, Writer, beside, is_blank, lock_path, remove_blank};
use super::params::{Dialect, Reader};
use crate::contract::ConnectorError;
use artifacts::dates::SimpleDateFormat;
use bytes::Bytes;
use std::fs::{self, File, FileTimes, OpenOptions};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Write as _};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Name of a file whose message has none.
const DEFAULT_NAME: &str = "response.xml";

/// A lock without content counts as left behind when it is older than this.
const BLANK_AGE: Duration = Duration::from_secs(10);

/// Pause between two looks at a lock.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Where messages are written, and how: an address with its options.
#[derive(Debug, Clone)]
pub struct Outbox {
    path: PathBuf,
    /// `Append`. Default false.
    append: bool,
    /// `CreateFolder`: the address is a folder. Default false.
    create_folder: bool,
    /// `Locking`.
    locking: bool,
    /// `UpdateLastModified`: a file gets the time of its message. Default true.
    keep_modified: bool,
    /// How long a lock is waited for: `MaxRetryCount` times `ReconnectTimeout`, 90 s when neither is
    /// given.
    patience: Duration,
}

/// What is written.
#[derive(Debug, Clone, Default)]
pub struct OutFile {
    /// Its content.
    pub bytes: Bytes,
    /// Its name in a folder, below it at will. Default `response.xml`.
    pub name: Option<String>,
    /// The time of its last change, in milliseconds since 1970. Default: now.
    pub modified: Option<u64>,
    /// The address is a folder and is made when it is missing, whatever its options say.
    pub create_folder: bool,
}

/// Why an attempt wrote nothing.
enum Refused {
    /// Somebody has the lock.
    Locked(PathBuf),
    Failed(ConnectorError),
}

impl Outbox {
    /// Reads an address; a date in it is that of this moment. Relative paths start at `home`. `locking`
    /// counts when the address says nothing about it.
    ///
    /// # Errors
    /// The address is not that of a local file.
    pub fn read(address: &str, home: &Path, locking: bool) -> Result<Self, ConnectorError> {
        let (uri, query) = address.split_once('?').unwrap_or((address, ""));
        let option = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
        };
        let read = Reader { parameters: &option, home, dialect: Dialect::Proxy };
        let mut uri = uri.to_owned();
        if let Some(text) = read.vfs("SubFolderTimestampFormat") {
            match SimpleDateFormat::parse(&text) {
                // No slash in between: the address or the pattern brings it.
                Ok(format) => uri.push_str(&format.print(&jiff::Zoned::now())),
                Err(problem) => {
                    tracing::warn!("SubFolderTimestampFormat '{text}' has no effect: {problem}");
                }
            }
        }
        let retries = u32::try_from(read.number("MaxRetryCount").unwrap_or(3)).unwrap_or(u32::MAX);
        let pause = Duration::from_secs(read.number("ReconnectTimeout").unwrap_or(30));
        let path = local_path(&uri, home).map_err(ConnectorError::Unsupported)?;
        // An address may end with what a client asked for.
        if path.components().any(|part| part == Component::ParentDir) {
            return Err(ConnectorError::Parameter {
                name: "address",
                expected: "a path without '..'",
                found: path.display().to_string(),
            });
        }
        Ok(Self {
            // Without a slash at the end: what is not there is a file, as with MI.
            path: path.components().collect(),
            append: read.flag("Append", false),
            create_folder: read.flag("CreateFolder", false),
            locking: if read.vfs("Locking").is_some() { read.locking() } else { locking },
            keep_modified: read.flag("UpdateLastModified", true),
            patience: pause.saturating_mul(retries),
        })
    }

    /// Writes a file. Cancel safe: what has begun is finished.
    ///
    /// # Errors
    /// It is locked for too long, its name leads out of the folder, or the file system refuses.
    pub async fn write(&self, file: OutFile) -> Result<(), ConnectorError> {
        let until = Instant::now().checked_add(self.patience);
        let work = Arc::new((self.clone(), file));
        loop {
            let work = work.clone();
            let done = tokio::task::spawn_blocking(move || work.0.attempt(&work.1)).await;
            match done {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(Refused::Failed(error))) => return Err(error),
                Ok(Err(Refused::Locked(path))) if until.is_some_and(|until| until <= Instant::now()) => {
                    return Err(ConnectorError::Locked(path));
                }
                Ok(Err(Refused::Locked(_))) => tokio::time::sleep(LOOK_AGAIN).await,
                Err(error) => return Err(failed(&self.path, io::Error::other(error))),
            }
        }
    }

    fn attempt(&self, file: &OutFile) -> Result<(), Refused> {
        let path = self.path_of(file).map_err(Refused::Failed)?;
        let lock = if self.locking { Some(lock(&path)?) } else { None };
        let written = self.put(&path, file);
        if let Some(lock) = lock {
            lock.release();
        }
        written.map_err(|error| Refused::Failed(failed(&path, error)))
    }

    /// The path to write; the folders that it needs are made.
    fn path_of(&self, file: &OutFile) -> Result<PathBuf, ConnectorError> {
        let made = |folder: &Path| fs::create_dir_all(folder).map_err(|error| failed(folder, error));
        if self.create_folder || file.create_folder {
            made(&self.path)?;
        }
        let path = match fs::metadata(&self.path) {
            Ok(meta) if meta.is_dir() => self.path.join(file.name()?),
            Ok(meta) if !meta.is_file() => {
                return Err(failed(&self.path, io::Error::other("neither a file nor a folder")));
            }
            _ => self.path.clone(),
        };
        path.parent().map_or(Ok(()), made)?;
        Ok(path)
    }

    fn put(&self, path: &Path, file: &OutFile) -> io::Result<()> {
        if self.append || path.exists() {
            let mut options = OpenOptions::new();
            options.create(true).write(true).append(self.append).truncate(!self.append);
            return self.fill(&options.open(path)?, file);
        }
        // MI and we leave names that end so alone. The number is random: another node may write the same
        // file, and process ids of containers are alike.
        let random = RandomState::new().hash_one(path);
        let part = beside(path, &format!("{random:016x}.part.lock"));
        let written = File::create_new(&part)
            .and_then(|new| self.fill(&new, file))
            .and_then(|()| fs::rename(&part, path));
        if written.is_err() {
            // Half a file would only be litter.
            drop(fs::remove_file(&part));
        }
        written
    }

    fn fill(&self, mut to: &File, file: &OutFile) -> io::Result<()> {
        to.write_all(&file.bytes)?;
        let time = file.modified.filter(|_| self.keep_modified).map(Duration::from_millis);
        if let Some(time) = time.and_then(|time| SystemTime::checked_add(&UNIX_EPOCH, time)) {
            to.set_times(FileTimes::new().set_modified(time))?;
        }
        // What it was made from may be deleted next.
        to.sync_all()
    }
}

impl OutFile {
    /// Its name in a folder. One that leads out of it comes from a client's header as easily as from
    /// the artifact, and is refused.
    fn name(&self) -> Result<&Path, ConnectorError> {
        let name = self.name.as_deref().map(str::trim).filter(|name| !name.is_empty());
        let name = Path::new(name.unwrap_or(DEFAULT_NAME));
        let inside = name.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        // Readers take files that end so for locks and markers.
        let is_taken = name.extension().is_some_and(|end| end == "lock" || end == "fail");
        if inside && !is_taken && name.file_name().is_some() {
            return Ok(name);
        }
        Err(ConnectorError::Parameter {
            name: "transport.vfs.ReplyFileName",
            expected: "a name inside the folder that ends in neither .lock nor .fail",
            found: name.display().to_string(),
        })
    }
}

fn lock(path: &Path) -> Result<Lock, Refused> {
    Writer::of_machine().take(path, None).map_err(|refused| match refused {
        NoLock::Failed(error) => Refused::Failed(failed(path, error)),
        NoLock::Busy(text) => {
            // Its writer died before the first byte; a living one needs a moment only.
            if is_blank(&text) && is_older(path, BLANK_AGE) {
                remove_blank(path);
            }
            Refused::Locked(path.to_owned())
        }
        NoLock::Alive | NoLock::Released => Refused::Locked(path.to_owned()),
    })
}

fn is_older(file: &Path, age: Duration) -> bool {
    let changed = fs::metadata(lock_path(file)).and_then(|meta| meta.modified());
    changed.is_ok_and(|changed| changed.elapsed().is_ok_and(|elapsed| elapsed > age))
}

fn failed(path: &Path, error: io::Error) -> ConnectorError {
    ConnectorError::File { path: path.to_owned(), error }
}
