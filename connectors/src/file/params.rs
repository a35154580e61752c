//! What an artifact may say about a file source.

use crate::Parameters;
use crate::contract::ConnectorError;
use regex::Regex;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What happens to a file afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// It is deleted.
    Delete,
    /// It goes to a folder.
    Move(PathBuf),
}

/// Order of the files of one poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// As the file system lists them.
    None,
    /// By name.
    Name,
    /// By size.
    Size,
    /// By the time of the last change.
    Modified,
}

/// Parameters of a file source, with MI's defaults.
#[derive(Debug, Clone)]
pub struct FileParams {
    /// Pause between polls.
    pub interval: Duration,
    /// Folder or single file.
    pub path: PathBuf,
    /// The path ended in `/*`: sub-folders are looked into as well.
    pub recurse: bool,
    /// Full match on the base name.
    pub pattern: Option<Regex>,
    /// `ContentType`.
    pub content_type: Option<String>,
    /// After mediation.
    pub after_process: Action,
    /// After a fault that nobody handled.
    pub after_failure: Action,
    /// SimpleDateFormat text put before the name of a moved file.
    pub timestamp: Option<String>,
    /// Missing target folders are made.
    pub create_folder: bool,
    /// Lock files are used. Default true.
    pub locking: bool,
    /// Stale locks are removed: `Some(None)` at once, `Some(Some(age))` when older.
    pub release_locks: Option<Option<Duration>>,
    /// Only locks of this machine are removed. Default true.
    pub release_own_only: bool,
    /// Larger files stay where they are.
    pub size_limit: Option<u64>,
    /// Files handed over per poll and folder.
    pub per_poll: Option<usize>,
    /// Pause between files; switches `per_poll` off.
    pub pause: Option<Duration>,
    /// Order.
    pub sort: Sort,
    /// Ascending. Default true.
    pub ascending: bool,
}

impl FileParams {
    /// Reads the parameters. Relative paths start at `home`.
    pub fn read(parameters: Parameters<'_>, home: &Path) -> Result<Self, ConnectorError> {
        let vfs = |name: &str| {
            let value = parameters(&format!("transport.vfs.{name}"))?;
            Some(value.trim().to_owned()).filter(|text| !text.is_empty())
        };
        let flag =
            |name: &str, default: bool| vfs(name).map_or(default, |text| text.eq_ignore_ascii_case("true"));
        let uri = vfs("FileURI").ok_or(ConnectorError::Missing("transport.vfs.FileURI"))?;
        let (uri, recurse) = match uri.strip_suffix("/*").or_else(|| uri.strip_suffix("\\*")) {
            Some(folder) => (folder.to_owned(), true),
            None => (uri, false),
        };
        let action = |action: &str, target: &str| {
            let moves = vfs(action).as_deref() == Some("MOVE");
            match vfs(target).filter(|_| moves) {
                Some(target) => local_path("transport.vfs.MoveAfterProcess", &target, home).map(Action::Move),
                None => Ok(Action::Delete),
            }
        };
        let millis = |name: &'static str| number(name, vfs(name)).map(|n| n.map(Duration::from_millis));
        let release =
            if flag("AutoLockRelease", false) { Some(millis("AutoLockReleaseInterval")?) } else { None };
        Ok(Self {
            interval: interval(parameters)?,
            path: local_path("transport.vfs.FileURI", &uri, home)?,
            recurse,
            pattern: pattern(vfs("FileNamePattern"))?,
            content_type: vfs("ContentType"),
            after_process: action("ActionAfterProcess", "MoveAfterProcess")?,
            after_failure: action("ActionAfterFailure", "MoveAfterFailure")?,
            timestamp: vfs("MoveTimestampFormat"),
            create_folder: flag("CreateFolder", false),
            locking: vfs("Locking").as_deref() != Some("disable"),
            release_locks: release,
            release_own_only: flag("LockReleaseSameNode", true),
            size_limit: vfs("FileSizeLimit").and_then(|text| text.parse().ok()),
            per_poll: number("FileProcessCount", vfs("FileProcessCount"))?.map(|n| n as usize),
            pause: millis("FileProcessInterval")?.filter(|pause| !pause.is_zero()),
            sort: match vfs("FileSortAttribute").as_deref() {
                Some("Name") => Sort::Name,
                Some("Size") => Sort::Size,
                Some("Lastmodifiedtimestamp") => Sort::Modified,
                _ => Sort::None,
            },
            ascending: vfs("FileSortAscending").as_deref() != Some("false"),
        })
    }
}

fn interval(parameters: Parameters<'_>) -> Result<Duration, ConnectorError> {
    let text = parameters("interval").ok_or(ConnectorError::Missing("interval"))?;
    let ms = number("interval", Some(text.trim().to_owned()))?;
    // An interval of zero would spin.
    Ok(Duration::from_millis(ms.unwrap_or(1_000).max(1)))
}

fn number(name: &'static str, text: Option<String>) -> Result<Option<u64>, ConnectorError> {
    let Some(text) = text else { return Ok(None) };
    match text.parse() {
        Ok(number) => Ok(Some(number)),
        Err(_) => Err(ConnectorError::Parameter { name, expected: "a whole number", found: text }),
    }
}

fn pattern(text: Option<String>) -> Result<Option<Regex>, ConnectorError> {
    let Some(text) = text else { return Ok(None) };
    match Regex::new(&format!("^(?:{text})$")) {
        Ok(regex) => Ok(Some(regex)),
        Err(_) => {
            let (name, expected) = ("transport.vfs.FileNamePattern", "a regular expression");
            Err(ConnectorError::Parameter { name, expected, found: text })
        }
    }
}

/// A `file:` URI or plain path; other schemes belong to other connectors.
fn local_path(name: &'static str, uri: &str, home: &Path) -> Result<PathBuf, ConnectorError> {
    let uri = uri.split('?').next().unwrap_or(uri);
    let path = match uri.strip_prefix("vfs:").unwrap_or(uri) {
        text if text.starts_with("file:") => {
            let rest = text.trim_start_matches("file:");
            // file:///x and file:/x are the same path.
            if rest.starts_with("//") { rest.trim_start_matches("//").to_owned() } else { rest.to_owned() }
        }
        text if text.contains("://") => {
            return Err(ConnectorError::Unsupported(format!(
                "'{text}' in {name}: only local files are read"
            )));
        }
        text => text.to_owned(),
    };
    let path = PathBuf::from(percent_decoded(&path));
    Ok(if path.is_absolute() { path } else { home.join(path) })
}

fn percent_decoded(text: &str) -> String {
    artifacts::uri_template::percent_decode(text)
}
