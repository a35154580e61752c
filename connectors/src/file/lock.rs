//! Lock files: `<file>.lock`, so that nodes, and MI's too, can share a folder.
//!
//! ```text
//! 4711000000000000000:host:10.0.0.7:1767225600000     MI's line: random, host, address, milliseconds
//! ganglion 12 held                                    epoch of the lease; held: with an OS lock
//! node-a                                              node, group and lease
//! default
//! inbound/orders
//! ```
//!
//! A lock must not outlive its writer, or nobody ever reads its file again. So it is removed
//!
//! - when it is dropped, also by a delivery that is dropped in the middle,
//! - by whoever holds the lease, when an earlier epoch of the same lease wrote it,
//! - by the same node, when its writer is dead: as long as a writer lives it keeps an OS lock (flock) on
//!   the file, which ends with the process whatever happens. A flow that writes a file has no lease: it
//!   leaves group and lease empty and names the machine, and whoever runs there may look,
//! - by age, when `AutoLockRelease` says so, as in MI.
//!
//! Who removes a lock compares the content first: a writer that was away for long does not take its
//! successor's.

use super::params::FileParams;
use crate::contract::Owner;
use jiff::Timestamp;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::ToSocketAddrs as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A lock is shorter than this.
const MAX_LOCK: u64 = 4096;

/// Who writes locks.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    epoch: i64,
    node: String,
    group: String,
    lease: String,
}

/// A lock that this process holds. Dropping it removes it, off the async threads.
#[derive(Debug)]
pub(super) struct Lock(Option<Held>);

/// Removes its lock file when it is dropped.
#[derive(Debug)]
struct Held {
    path: PathBuf,
    text: String,
    /// Keeps the OS lock.
    file: Option<File>,
}

/// Why there is no lock.
#[derive(Debug)]
pub(super) enum NoLock {
    /// Somebody has it; the content of the lock file.
    Busy(String),
    /// A living process of this node has it.
    Alive,
    /// It has just been removed, by its owner or because it was too old: the file waits for the next
    /// poll, as in MI.
    Released,
    /// It cannot be written.
    Failed(io::Error),
}

/// What was read from a lock file.
#[derive(Debug, PartialEq, Eq)]
struct Found<'t> {
    /// Host, address, milliseconds since 1970.
    line: Option<(&'t str, &'t str, i64)>,
    /// Epoch, whether an OS lock is kept, node, group, lease.
    ours: Option<(i64, bool, &'t str, &'t str, &'t str)>,
}

/// The path of a file with one more extension.
pub(super) fn beside(file: &Path, extension: &str) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_os_string();
    name.push(".");
    name.push(extension);
    file.with_file_name(name)
}

pub(super) fn lock_path(file: &Path) -> PathBuf {
    beside(file, "lock")
}

impl Writer {
    pub(super) fn new(owner: &Owner) -> Self {
        // MI splits at colons, and a line ends a field of ours.
        let plain = |text: &str| -> String {
            text.chars().map(|c| if c == ':' || c.is_control() { '_' } else { c }).collect()
        };
        Self {
            epoch: owner.epoch,
            node: plain(&owner.node),
            group: plain(&owner.group),
            lease: plain(&owner.lease),
        }
    }

    /// For files that a flow writes: there is no lease, and the machine's name stands for the node's.
    pub(super) fn of_machine() -> Self {
        let (group, lease) = (String::new(), String::new());
        Self { epoch: 0, node: machine().0.clone(), group, lease }
    }

    fn text(&self, is_held: bool) -> String {
        let now = Timestamp::now().as_millisecond();
        let random = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), now) >> 1;
        let (host, address) = machine();
        let held = if is_held { "held" } else { "free" };
        let Self { epoch, node, group, lease } = self;
        format!("{random}:{host}:{address}:{now}\nganglion {epoch} {held}\n{node}\n{group}\n{lease}\n")
    }

    /// Takes the lock of a file. A lock whose writer cannot act any more is replaced.
    ///
    /// `params` say when a lock is too old; without them none is.
    pub(super) fn take(&self, file: &Path, params: Option<&FileParams>) -> Result<Lock, NoLock> {
        let path = lock_path(file);
        match self.create(&path) {
            Err(NoLock::Busy(_)) => {}
            result => return result,
        }
        let text = match read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(NoLock::Released),
            Err(error) => return Err(NoLock::Failed(error)),
        };
        match self.remove_stale(&path, &text) {
            Stale::Removed => self.create(&path),
            Stale::Alive => Err(NoLock::Alive),
            Stale::No if params.is_some_and(|params| is_too_old(&text, params)) => {
                remove_if(&path, &text);
                Err(NoLock::Released)
            }
            Stale::No => Err(NoLock::Busy(text)),
        }
    }

    fn create(&self, path: &Path) -> Result<Lock, NoLock> {
        let mut file = match OpenOptions::new().read(true).write(true).create_new(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                return Err(NoLock::Busy(String::new()));
            }
            Err(error) => return Err(NoLock::Failed(error)),
        };
        // Before the first byte: whoever reads a content finds the OS lock taken.
        let is_held = file.try_lock().is_ok();
        let text = self.text(is_held);
        let written = file.write_all(text.as_bytes());
        let held = Held { path: path.to_owned(), text, file: Some(file) };
        if let Err(error) = written {
            // The content is not ours in full, so dropping it removes nothing.
            drop(fs::remove_file(path));
            return Err(NoLock::Failed(error));
        }
        // Not every file system creates exclusively: what is read back decides.
        match read(path) {
            Ok(read) if read == held.text => Ok(Lock(Some(held))),
            Ok(read) => Err(NoLock::Busy(read)),
            Err(error) => Err(NoLock::Failed(error)),
        }
    }

    fn remove_stale(&self, path: &Path, text: &str) -> Stale {
        let Some((epoch, is_held, node, group, lease)) = Found::parse(text).ours else { return Stale::No };
        let same_group = group == self.group;
        if same_group && lease == self.lease && 0 < epoch && epoch < self.epoch {
            tracing::info!("the lock {} of epoch {epoch}, node '{node}', is removed", path.display());
            remove_if(path, text);
            return Stale::Removed;
        }
        let is_of_node = same_group && node == self.node;
        let is_of_machine = group.is_empty() && node == machine().0;
        if !is_held || !(is_of_node || is_of_machine) {
            return Stale::No;
        }
        // For writing: NFS gives exclusive locks on no other files.
        let Ok(file) = OpenOptions::new().read(true).write(true).open(path) else { return Stale::No };
        match file.try_lock() {
            Ok(()) => {
                tracing::info!("the lock {} of an earlier process is removed", path.display());
                remove_if(path, text);
                Stale::Removed
            }
            Err(fs::TryLockError::WouldBlock) => Stale::Alive,
            // No OS locks here: nothing tells whether the writer lives.
            Err(fs::TryLockError::Error(_)) => Stale::No,
        }
    }

    /// Removes a lock of ours whose file and writer are gone.
    pub(super) fn remove_orphan(&self, file: &Path) {
        let path = lock_path(file);
        let gone = fs::symlink_metadata(file).is_err_and(|e| e.kind() == ErrorKind::NotFound);
        if gone && let Ok(text) = read(&path) {
            self.remove_stale(&path, &text);
        }
    }
}

enum Stale {
    Removed,
    Alive,
    No,
}

impl Lock {
    /// Removes the lock now; for threads that may block.
    pub(super) fn release(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let Some(held) = self.0.take() else { return };
        // A runtime that ends drops the closure, and with it the lock, here.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || drop(held))),
            Err(_) => drop(held),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Closed first: NFS keeps a deleted file that is open under another name in the folder.
        drop(self.file.take());
        remove_if(&self.path, &self.text);
    }
}

/// Removes a lock file that still has this content.
fn remove_if(path: &Path, text: &str) {
    match read(path) {
        Ok(found) if found == text => {
            if let Err(error) = fs::remove_file(path) {
                tracing::warn!("the lock {} cannot be removed: {error}", path.display());
            }
        }
        Ok(_) => tracing::info!("the lock {} has a new owner and stays", path.display()),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => tracing::warn!("the lock {} cannot be read: {error}", path.display()),
    }
}

/// Removes a lock without content, which says nothing about its writer.
pub(super) fn remove_blank(file: &Path) {
    let path = lock_path(file);
    if let Ok(text) = read(&path)
        && is_blank(&text)
    {
        tracing::warn!("the lock {} is empty and is removed", path.display());
        remove_if(&path, &text);
    }
}

/// A process that died between making its lock and writing it leaves nothing, or zeros.
pub(super) fn is_blank(text: &str) -> bool {
    text.trim_matches(|c: char| c == '\0' || c.is_whitespace()).is_empty()
}

fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_LOCK).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

impl<'t> Found<'t> {
    fn parse(text: &'t str) -> Self {
        let mut lines = text.lines();
        let line = lines.next().and_then(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            let [_, host, address, since] = fields.as_slice() else { return None };
            // MI goes on with age zero when the time cannot be read.
            let since = since.trim_matches(['\0', ' ']).parse().unwrap_or(i64::MAX);
            Some((*host, *address, since))
        });
        let mut ours = || {
            let mut words = lines.next()?.strip_prefix("ganglion ")?.split(' ');
            let (epoch, held) = (words.next()?.parse().ok()?, words.next()? == "held");
            Some((epoch, held, lines.next()?, lines.next()?, lines.next()?))
        };
        Self { line, ours: ours() }
    }
}

fn is_too_old(text: &str, params: &FileParams) -> bool {
    let Some(limit) = params.release_locks else { return false };
    let Some((host, address, since)) = Found::parse(text).line else { return false };
    let (own_host, own_address) = machine();
    if params.release_own_only && (host, address) != (own_host.as_str(), own_address.as_str()) {
        return false;
    }
    let age = Timestamp::now().as_millisecond().saturating_sub(since).max(0);
    limit.is_none_or(|limit| i128::from(age) >= i128::try_from(limit.as_millis()).unwrap_or(i128::MAX))
}

/// Host name and address of this machine, as MI writes them.
fn machine() -> &'static (String, String) {
    static MACHINE: OnceLock<(String, String)> = OnceLock::new();
    MACHINE.get_or_init(|| {
        let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let name = if name.trim().is_empty() { "localhost" } else { name.trim() }.to_owned();
        // Java asks for the address of the host name, and takes IPv4 first.
        let addresses = (name.as_str(), 0).to_socket_addrs();
        let mut ips = addresses.into_iter().flatten().map(|address| address.ip());
        let ip = ips.find(std::net::IpAddr::is_ipv4);
        (name, ip.map_or_else(|| "127.0.0.1".to_owned(), |ip| ip.to_string()))
    })
}
