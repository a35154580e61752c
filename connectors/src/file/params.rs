//! What an artifact may say about a file source.
//!
//! As in MI a number or a word that cannot be read does not stop the source: a line says so, and the
//! default counts.

use super::local_path;
use crate::Parameters;
use crate::contract::ConnectorError;
use artifacts::dates::SimpleDateFormat;
use fancy_regex::Regex;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

/// Files mediated at the same time with `sequential=false`: MI's `inbound.threads.core`.
const AT_ONCE: usize = 20;

/// `transport.PollInterval` when nothing is said.
const POLL_INTERVAL: Duration = Duration::from_secs(300);

/// Whose rules count: MI has three readers of the same parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Inbound endpoints with `protocol="file"`.
    BuiltIn,
    /// Inbound endpoints with the class `VFSConsumer`.
    Class,
    /// Proxy services with the transport `vfs`.
    Proxy,
}

/// What happens to a file afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// It stays, and is mediated again by the next poll. The built-in endpoint has no such action.
    Keep,
    /// It is deleted.
    Delete,
    /// It goes to a folder.
    Move(Target),
}

/// Where files are moved to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The folder.
    pub folder: PathBuf,
    /// The URI ended in `/*`: the sub-folders of the source are kept.
    pub keep_structure: bool,
    /// `SubFolderTimestampFormat` counts.
    pub dated: bool,
    /// It is made when it is missing.
    pub create: bool,
}

/// Which of the two actions a file is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// It was mediated.
    Process,
    /// Its fault had no handler.
    Failure,
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

/// Parameters of a file source, with the defaults of MI's `protocol="file"`; where the class
/// `VFSConsumer` or a proxy service has another default it is named.
#[derive(Debug, Clone)]
pub struct FileParams {
    /// Time from poll to poll. Of a proxy service 5 minutes when nothing is said.
    pub interval: Duration,
    /// The first poll comes after an interval, too: so it is with a proxy service.
    pub waits_first: bool,
    /// Files that are mediated at the same time. Default 1.
    pub at_once: usize,
    /// Folder or single file.
    pub path: PathBuf,
    /// The path ended in `/*`: sub-folders are looked into as well.
    pub recurse: bool,
    /// `FileNamePattern`: matches the whole base name. Without one all files of a folder are taken, but
    /// none for a proxy service.
    pub pattern: Option<Regex>,
    /// `ContentType`. A proxy service must say it.
    pub content_type: Option<String>,
    /// `Build`: the content is parsed before the flow starts.
    pub parse_first: bool,
    /// Reply headers of the class.
    pub reply: Vec<(&'static str, String)>,
    /// After mediation.
    pub after_process: Action,
    /// After a fault that nobody handled.
    pub after_failure: Action,
    /// `MoveAfterFailedMove`, not of the built-in endpoint: where a file goes that could not be moved for
    /// so long.
    pub after_failed_move: Option<(Target, Duration)>,
    /// Text put before the name of a moved file.
    pub prefix: Option<SimpleDateFormat>,
    /// Text put behind the path of the target folder.
    pub sub_folder: Option<SimpleDateFormat>,
    /// `UpdateLastModified`: a moved file keeps the time of its last change on another file system too.
    /// Default true, of the class false.
    pub keep_modified: bool,
    /// Lock files are used. Default true, of the class false.
    pub locking: bool,
    /// Stale locks are removed: `Some(None)` at once, `Some(Some(age))` when older.
    pub release_locks: Option<Option<Duration>>,
    /// Only locks of this machine are removed by age. Default true, of the class false.
    pub release_own_only: bool,
    /// Larger files stay where they are. Bytes.
    pub size_limit: Option<u64>,
    /// Files handed over per poll and folder.
    pub per_poll: Option<usize>,
    /// Pause between files; switches `per_poll` off.
    pub pause: Option<Duration>,
    /// Younger files wait: `MinimumAge`, of the built-in endpoint `waitTimeBeforeRead`.
    pub min_age: Option<Duration>,
    /// Older files stay where they are: `MaximumAge`, not of the built-in endpoint.
    pub max_age: Option<Duration>,
    /// `CheckSizeInterval`, not of the built-in endpoint: a file that changes within that time waits.
    /// The class waits a second when nothing is said.
    pub quiet: Option<Duration>,
    /// `CheckSizeIgnoreEmpty`, not of the built-in endpoint: empty files wait.
    pub skip_empty: bool,
    /// Order.
    pub sort: Sort,
    /// Ascending. Default true.
    pub ascending: bool,
}

impl FileParams {
    /// Reads the parameters. Relative paths start at `home`.
    ///
    /// # Errors
    /// What must be said is missing or of no use, or a pattern that Java refuses.
    pub fn read(parameters: Parameters<'_>, home: &Path, dialect: Dialect) -> Result<Self, ConnectorError> {
        let read = Reader { parameters, home, dialect };
        let (is_class, is_proxy) = (dialect == Dialect::Class, dialect == Dialect::Proxy);
        let (path, recurse) =
            read.folder("FileURI")?.ok_or(ConnectorError::Missing("transport.vfs.FileURI"))?;
        let is_sequential = is_proxy || read.full("sequential").is_none_or(|text| is_true(&text));
        Ok(Self {
            interval: if is_proxy { poll_interval(&read) } else { interval(&read)? },
            waits_first: is_proxy,
            at_once: if is_sequential { 1 } else { AT_ONCE },
            path,
            recurse,
            pattern: read.pattern()?,
            content_type: read.content_type()?,
            parse_first: read.flag("Build", false),
            reply: read.reply(),
            after_process: read.action("ActionAfterProcess", "MoveAfterProcess")?,
            after_failure: read.action("ActionAfterFailure", "MoveAfterFailure")?,
            after_failed_move: read.after_failed_move()?,
            prefix: read.date("MoveTimestampFormat")?,
            sub_folder: read.date("SubFolderTimestampFormat")?,
            keep_modified: read.flag("UpdateLastModified", !is_class),
            locking: read.locking(),
            release_locks: read
                .flag("AutoLockRelease", false)
                .then(|| read.number("AutoLockReleaseInterval").map(millis)),
            release_own_only: read.flag("LockReleaseSameNode", !is_class),
            size_limit: read.size_limit(),
            per_poll: read.number("FileProcessCount").and_then(|n| usize::try_from(n).ok()),
            pause: read.number("FileProcessInterval").map(millis).filter(|pause| !pause.is_zero()),
            min_age: match dialect {
                Dialect::BuiltIn => read.millis("waitTimeBeforeRead"),
                Dialect::Class | Dialect::Proxy => read.seconds("MinimumAge"),
            },
            max_age: read.not_built_in(|| read.seconds("MaximumAge")),
            quiet: read.not_built_in(|| {
                let ms = read.number("CheckSizeInterval").unwrap_or(if is_class { 1_000 } else { 0 });
                Some(millis(ms)).filter(|quiet| !quiet.is_zero())
            }),
            skip_empty: dialect != Dialect::BuiltIn && read.flag("CheckSizeIgnoreEmpty", false),
            sort: match read.vfs("FileSortAttribute").as_deref() {
                Some("Name") => Sort::Name,
                Some("Size") => Sort::Size,
                Some("Lastmodifiedtimestamp") => Sort::Modified,
                _ => Sort::None,
            },
            ascending: read.vfs("FileSortAscending").is_none_or(|text| !text.eq_ignore_ascii_case("false")),
        })
    }

    /// The action for a file.
    pub fn action(&self, due: Due) -> &Action {
        match due {
            Due::Process => &self.after_process,
            Due::Failure => &self.after_failure,
        }
    }
}

/// Reads single parameters.
pub(super) struct Reader<'p> {
    pub(super) parameters: Parameters<'p>,
    pub(super) home: &'p Path,
    pub(super) dialect: Dialect,
}

impl Reader<'_> {
    /// A parameter by its whole name; blank is absent.
    fn full(&self, name: &str) -> Option<String> {
        let value = (self.parameters)(name)?;
        Some(value.trim().to_owned()).filter(|text| !text.is_empty())
    }

    pub(super) fn vfs(&self, name: &str) -> Option<String> {
        self.full(&format!("transport.vfs.{name}"))
    }

    /// A parameter that the built-in endpoint has not.
    fn not_built_in<T>(&self, read: impl FnOnce() -> Option<T>) -> Option<T> {
        if self.dialect == Dialect::BuiltIn { None } else { read() }
    }

    pub(super) fn flag(&self, name: &str, default: bool) -> bool {
        self.vfs(name).map_or(default, |text| is_true(&text))
    }

    fn parsed<T: FromStr>(&self, name: &str) -> Option<T> {
        let text = self.vfs(name)?;
        let number = text.parse().ok();
        if number.is_none() {
            tracing::warn!(
                "the parameter 'transport.vfs.{name}' has no effect: expected a number, found '{text}'"
            );
        }
        number
    }

    /// Negative numbers are zero.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.parsed::<i64>(name).map(|number| u64::try_from(number).unwrap_or_default())
    }

    fn millis(&self, name: &str) -> Option<Duration> {
        self.number(name).map(millis).filter(|time| !time.is_zero())
    }

    fn seconds(&self, name: &str) -> Option<Duration> {
        self.number(name).map(Duration::from_secs).filter(|time| !time.is_zero())
    }

    /// MI reads a Java double; a negative one is no limit.
    fn size_limit(&self) -> Option<u64> {
        let limit: f64 = self.parsed("FileSizeLimit")?;
        // Saturates: a larger limit than there are bytes is none.
        (limit >= 0.0).then_some(limit as u64)
    }

    fn pattern(&self) -> Result<Option<Regex>, ConnectorError> {
        let text = match self.vfs("FileNamePattern") {
            Some(text) => text,
            // Fits no name.
            None if self.dialect == Dialect::Proxy => "(?!)".to_owned(),
            None => return Ok(None),
        };
        Regex::new(&format!(r"\A(?:{text})\z")).map(Some).map_err(|_| ConnectorError::Parameter {
            name: "transport.vfs.FileNamePattern",
            expected: "a regular expression",
            found: text,
        })
    }

    fn content_type(&self) -> Result<Option<String>, ConnectorError> {
        match self.vfs("ContentType") {
            None if self.dialect == Dialect::Proxy => {
                Err(ConnectorError::Missing("transport.vfs.ContentType"))
            }
            found => Ok(found),
        }
    }

    /// Whether lock files are used.
    pub(super) fn locking(&self) -> bool {
        let text = self.vfs("Locking");
        match self.dialect {
            Dialect::BuiltIn => !text.is_some_and(|text| text.eq_ignore_ascii_case("disable")),
            Dialect::Class => text.is_some_and(|text| text.eq_ignore_ascii_case("enable")),
            Dialect::Proxy => text.as_deref() != Some("disable"),
        }
    }

    fn date(&self, name: &'static str) -> Result<Option<SimpleDateFormat>, ConnectorError> {
        let Some(text) = self.vfs(name) else { return Ok(None) };
        let expected = "a pattern of SimpleDateFormat";
        let format = SimpleDateFormat::parse(&text);
        format.map(Some).map_err(|_| ConnectorError::Parameter { name, expected, found: text })
    }

    fn reply(&self) -> Vec<(&'static str, String)> {
        if self.dialect != Dialect::Class {
            return Vec::new();
        }
        let names = ["transport.vfs.ReplyFileURI", "transport.vfs.ReplyFileName"];
        let mut reply: Vec<_> = names.into_iter().filter_map(|name| Some((name, self.full(name)?))).collect();
        reply.push(("transport.vfs.Append", "false".to_owned()));
        reply
    }

    /// The built-in endpoint knows the exact word `MOVE`, a proxy service that and `NONE`; whatever else
    /// stands there deletes.
    fn action(&self, action: &str, target: &'static str) -> Result<Action, ConnectorError> {
        let word = self.vfs(action).unwrap_or_default();
        let is_class = self.dialect == Dialect::Class;
        let is = |wanted: &str| word == wanted || (is_class && word.eq_ignore_ascii_case(wanted));
        if is("MOVE") {
            if let Some((folder, keep_structure)) = self.folder(target)? {
                let create = keep_structure || self.flag("CreateFolder", false);
                // With a proxy service only what was processed goes to folders by date.
                let dated = self.dialect != Dialect::Proxy || action == "ActionAfterProcess";
                return Ok(Action::Move(Target { folder, keep_structure, dated, create }));
            }
            tracing::error!(
                "{action} is MOVE but transport.vfs.{target} is missing: files are deleted, as MI does"
            );
        } else if self.dialect != Dialect::BuiltIn && is("NONE") {
            return Ok(Action::Keep);
        } else if !word.is_empty() && !is("DELETE") {
            tracing::warn!("{action} '{word}': files are deleted, as MI does; expected MOVE or DELETE");
        }
        Ok(Action::Delete)
    }

    fn after_failed_move(&self) -> Result<Option<(Target, Duration)>, ConnectorError> {
        let (wait, is_made) = match self.dialect {
            Dialect::BuiltIn => return Ok(None),
            Dialect::Class => (30_000, self.flag("CreateFolder", false)),
            Dialect::Proxy => (3_000, true),
        };
        let wait = millis(self.number("FailedRecordNextRetryDuration").unwrap_or(wait));
        let target = self.folder("MoveAfterFailedMove")?;
        Ok(target.map(|(folder, keep_structure)| {
            let dated = self.dialect == Dialect::Class;
            (Target { folder, keep_structure, dated, create: keep_structure || is_made }, wait)
        }))
    }

    /// A local folder, and whether the URI ended in `/*`, before any options.
    fn folder(&self, name: &'static str) -> Result<Option<(PathBuf, bool)>, ConnectorError> {
        let Some(uri) = self.vfs(name) else { return Ok(None) };
        let path = uri.split('?').next().unwrap_or_default();
        let star = path.strip_suffix("/*").or_else(|| path.strip_suffix("\\*"));
        let (path, has_star) = match star.filter(|_| self.dialect != Dialect::Proxy) {
            Some(folder) => (folder, true),
            None => (path, false),
        };
        Ok(Some((self.local(name, path)?, has_star)))
    }

    fn local(&self, name: &str, uri: &str) -> Result<PathBuf, ConnectorError> {
        local_path(uri, self.home)
            .map_err(|problem| ConnectorError::Unsupported(format!("{problem} in transport.vfs.{name}")))
    }
}

/// As `Boolean.parseBoolean` reads it.
fn is_true(text: &str) -> bool {
    text.eq_ignore_ascii_case("true")
}

fn millis(number: u64) -> Duration {
    Duration::from_millis(number)
}

fn interval(read: &Reader<'_>) -> Result<Duration, ConnectorError> {
    if read.full("cronExpression").is_some() {
        return Err(ConnectorError::Unsupported("'cronExpression' instead of 'interval'".to_owned()));
    }
    let text = read.full("interval").ok_or(ConnectorError::Missing("interval"))?;
    match text.parse() {
        // An interval of zero would spin.
        Ok(ms) => Ok(millis(std::cmp::max(ms, 1))),
        Err(_) => {
            let expected = "a whole number of milliseconds";
            Err(ConnectorError::Parameter { name: "interval", expected, found: text })
        }
    }
}

/// `transport.PollInterval` of a proxy service: seconds, or milliseconds with `ms` behind the number.
fn poll_interval(read: &Reader<'_>) -> Duration {
    let Some(text) = read.full("transport.PollInterval") else { return POLL_INTERVAL };
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 1),
        None => (text.as_str(), 1_000),
    };
    match number.parse::<u64>() {
        // An interval of zero would spin.
        Ok(number) => millis(number.saturating_mul(unit).max(1)),
        Err(_) => {
            tracing::error!(
                "the parameter 'transport.PollInterval' has no effect: expected a whole number of seconds, \
                 or of milliseconds as in '500ms'; found '{text}'"
            );
            POLL_INTERVAL
        }
    }
}
