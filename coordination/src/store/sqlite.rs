//! SQLite, for several processes on one machine.
//!
//! Besides its row, each member holds an exclusive lock on a file beside the database. The operating
//! system releases it when the process ends, however it ends, and not before; so whoever gets the
//! lock has proof of death and need not wait for silence. The file's name carries the boot identity
//! of the machine: a member on another machine (a shared file system) is never judged this way.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};

use super::address::Limits;
use super::sql::connections::{Connections, Dial, Dialled, Lent, Server};
use super::sql::engine::{Arg, Engine, Lane, Value, native_engine, sort_error, spelled_out};
use super::sql::{Dialect, SqlStore, Statements};
use super::{Answer, StoreError};
use crate::lease::hash;
use crate::member::MemberId;

native_engine!(Native, sqlx::Sqlite, Dialer);

/// The way to the file.
#[derive(Debug)]
pub(crate) struct Dialer([SqliteConnectOptions; 1]);

impl Dial for Dialer {
    type Host = SqliteConnectOptions;
    type Conn = SqliteConnection;

    fn hosts(&self) -> &[SqliteConnectOptions] {
        &self.0
    }

    fn connect<'a>(
        &'a self,
        host: &'a SqliteConnectOptions,
        _warm: &'a [&'static str],
    ) -> BoxFuture<'a, Result<Dialled<SqliteConnection>, sqlx::Error>> {
        Box::pin(async move {
            loop {
                match SqliteConnection::connect_with(host).await {
                    Ok(conn) => return Ok(Dialled { conn, started: None, writable: true }),
                    Err(error) if is_busy(&error) => tokio::time::sleep(BUSY_PAUSE).await,
                    Err(error) => return Err(error),
                }
            }
        })
    }

    fn ping<'a>(&'a self, conn: &'a mut SqliteConnection) -> BoxFuture<'a, bool> {
        Box::pin(async { conn.ping().await.is_ok() })
    }
}

/// Pause before an opening is tried again that met another one.
const BUSY_PAUSE: Duration = Duration::from_millis(5);

/// Whether another connection is in the way. A fresh file is switched to its journal by the first
/// connection, and SQLite turns others away at that moment whatever their `busy_timeout` says; the
/// limit of an opening ends the attempts. The low byte of SQLite's code is the plain one.
fn is_busy(error: &sqlx::Error) -> bool {
    const SQLITE_BUSY: i32 = 5;
    let code = error.as_database_error().and_then(|e| e.code()?.parse::<i32>().ok());
    code.is_some_and(|code| code & 0xff == SQLITE_BUSY)
}

static STATEMENTS: LazyLock<Statements> = LazyLock::new(|| {
    Statements::of(&Dialect {
        now: "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
        tables: "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' \
                 AND name IN ('ganglion_meta', 'ganglion_member', 'ganglion_lease')",
        greatest: "MAX",
        bigint: "INTEGER",
        or_ignore: ("INSERT", "ON CONFLICT DO NOTHING"),
        or_ignore_key: ("INSERT", "ON CONFLICT DO NOTHING"),
        or_pause: "ON CONFLICT (grp, activation) DO UPDATE SET paused = excluded.paused",
        announce: ("", ""),
        numbered: false,
    })
});

/// The database file and the locks of our own members.
#[derive(Debug)]
pub(crate) struct Sqlite {
    native: Native,
    locks: PathBuf,
    boot: String,
    held: Mutex<HashMap<MemberId, File>>,
}

impl Sqlite {
    fn lock_file(&self, group: &str, id: MemberId) -> PathBuf {
        let group = hash(&[group.as_bytes()]);
        self.locks.join(format!("{id}.{group:016x}.{}", self.boot))
    }
}

impl Engine for Sqlite {
    fn name(&self) -> &str {
        &self.native.name
    }

    fn statements() -> &'static Statements {
        &STATEMENTS
    }

    fn schema() -> (&'static str, &'static str) {
        ("sqlite.sql", include_str!("../schema/sqlite.sql"))
    }

    fn execute<'a>(&'a self, lane: Lane, sql: &'static str, args: &'a [Arg<'a>]) -> Answer<'a, u64> {
        Box::pin(self.native.run(lane, sql, args))
    }

    fn fetch<'a>(
        &'a self,
        lane: Lane,
        sql: &'static str,
        args: &'a [Arg<'a>],
        shape: &'static str,
    ) -> Answer<'a, Vec<Vec<Value>>> {
        Box::pin(self.native.query(lane, sql, args, shape))
    }

    fn before_join(&self, group: &str, id: MemberId) -> Result<(), StoreError> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.contains_key(&id) {
            return Ok(());
        }
        let path = self.lock_file(group, id);
        let locked = std::fs::create_dir_all(&self.locks)
            .and_then(|()| OpenOptions::new().create(true).truncate(false).write(true).open(&path))
            .and_then(|file| file.try_lock().map(|()| file).map_err(std::io::Error::from));
        match locked {
            Ok(file) => {
                held.insert(id, file);
                Ok(())
            }
            Err(error) => Err(StoreError::Setup(format!("cannot lock {}: {error}", path.display()))),
        }
    }

    fn is_proven_dead(&self, group: &str, id: MemberId) -> bool {
        if self.held.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&id) {
            return false;
        }
        // No such file: the member lives on another machine, or files cannot be trusted here.
        let Ok(file) = OpenOptions::new().write(true).open(self.lock_file(group, id)) else { return false };
        match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => false,
        }
    }

    fn after_end(&self, group: &str, id: MemberId) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        if let Err(error) = std::fs::remove_file(self.lock_file(group, id)) {
            tracing::debug!(member = %id, %error, "the lock file of an ended member stays");
        }
    }
}

/// Distinguishes machines and their restarts; without it no lock proves anything to anybody else.
fn boot_identity() -> String {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let id: String = id.chars().filter(char::is_ascii_alphanumeric).collect();
    if id.is_empty() { format!("process-{}", std::process::id()) } else { id }
}

/// One writes at a time: more connections would only wait for each other.
const WRITERS: usize = 2;

/// A store of one group in a file, which is made if it is missing. Its folder must exist.
/// A writer waits for another one a little less long than its caller does, so that the caller is told.
pub(crate) fn open(path: &Path, group: &str, limits: &Limits) -> SqlStore<impl Engine> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(limits.statement * 3 / 4);
    let mut locks = path.as_os_str().to_owned();
    locks.push(".locks");
    let engine = Sqlite {
        native: Native::open(
            format!("sqlite {}", path.display()),
            Dialer([options]),
            [vec![], vec![]],
            WRITERS,
        ),
        locks: locks.into(),
        boot: boot_identity(),
        held: Mutex::default(),
    };
    SqlStore::new(engine, group, WRITERS)
}
