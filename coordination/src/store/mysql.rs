//! MySQL 8 and MariaDB 10.5 or later.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _, SqlSafeStr as _};

use super::address::Limits;
use super::sql::connections::{Connections, Dial, Dialled, Lent, Server};
use super::sql::engine::{Arg, Engine, Lane, Value, native_engine, only_broken, sort_error, spelled_out};
use super::sql::{Dialect, SqlStore, Statements};
use super::{Answer, StoreError};
use crate::clock::millis;

native_engine!(MySql, sqlx::MySql, Dialer);

/// What each session is told, and the question after the server's state. Read committed: the default
/// level would let a statement see an old snapshot and lock gaps. A hung statement must not hold its
/// row for long after its client has given up; MariaDB and MySQL have different words for that.
fn session(limit: Duration) -> String {
    let (limit, seconds) = (millis(limit), limit.as_secs_f64().ceil());
    format!(
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; \
         SET SESSION innodb_lock_wait_timeout = {seconds} /*M! , max_statement_time = {seconds} */ \
         /*!50708 , max_execution_time = {limit} */; \
         SELECT CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED), \
         CAST(@@global.read_only AS CHAR) NOT IN ('0', 'OFF') OR @@global.innodb_read_only, \
         CAST(@@global.innodb_flush_log_at_trx_commit AS SIGNED); \
         SHOW GLOBAL STATUS LIKE 'Uptime'"
    )
}

/// The way to the server.
#[derive(Debug)]
pub(crate) struct Dialer {
    hosts: Vec<MySqlConnectOptions>,
    session: String,
    warned: AtomicBool,
}

impl Dialer {
    /// A start is claimed at most once only while the database keeps what it confirmed.
    fn judge(&self, flush: i64) {
        if flush != 1 && !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "the coordination database has innodb_flush_log_at_trx_commit = {flush}: a crash of its machine may \
                 lose the last second, and a scheduled start claimed in it may be claimed again; 1 is safe"
            );
        }
    }
}

impl Dial for Dialer {
    type Host = MySqlConnectOptions;
    type Conn = MySqlConnection;

    fn hosts(&self) -> &[MySqlConnectOptions] {
        &self.hosts
    }

    fn connect<'a>(
        &'a self,
        host: &'a MySqlConnectOptions,
        warm: &'a [&'static str],
    ) -> BoxFuture<'a, Result<Dialled<MySqlConnection>, sqlx::Error>> {
        Box::pin(async move {
            let mut conn = MySqlConnection::connect_with(host).await?;
            let told = sqlx::raw_sql(AssertSqlSafe(self.session.as_str())).fetch_all(&mut conn).await?;
            for text in warm {
                only_broken((&mut conn).prepare(text.into_sql_str()).await)?;
            }
            let [state, uptime] = told.as_slice() else { return Err(sqlx::Error::RowNotFound) };
            let (now, read_only) = (state.try_get::<i64, _>(0)?, state.try_get::<i64, _>(1)? != 0);
            self.judge(state.try_get(2)?);
            let seconds: i64 = uptime.try_get::<String, _>(1)?.parse().unwrap_or(0);
            Ok(Dialled { conn, started: Some(now - seconds * 1000), writable: !read_only })
        })
    }

    fn ping<'a>(&'a self, conn: &'a mut MySqlConnection) -> BoxFuture<'a, bool> {
        Box::pin(async { conn.ping().await.is_ok() })
    }
}

static STATEMENTS: LazyLock<Statements> = LazyLock::new(|| {
    Statements::of(&Dialect {
        // The driver sets the session's time zone to UTC.
        now: "CAST(FLOOR(UNIX_TIMESTAMP(NOW(3)) * 1000) AS SIGNED)",
        tables: "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() \
                 AND table_name IN ('ganglion_meta', 'ganglion_member', 'ganglion_lease')",
        greatest: "GREATEST",
        bigint: "SIGNED",
        // A plain insert: the violated key is told from other errors, which IGNORE would hide.
        or_ignore: ("INSERT", ""),
        or_ignore_key: ("INSERT IGNORE", ""),
        or_pause: "ON DUPLICATE KEY UPDATE paused = VALUES(paused)",
        announce: ("", ""),
        numbered: false,
    })
});

impl Engine for MySql {
    fn name(&self) -> &str {
        &self.name
    }

    fn statements() -> &'static Statements {
        &STATEMENTS
    }

    fn schema() -> (&'static str, &'static str) {
        ("mysql.sql", include_str!("../schema/mysql.sql"))
    }

    fn execute<'a>(&'a self, lane: Lane, sql: &'static str, args: &'a [Arg<'a>]) -> Answer<'a, u64> {
        Box::pin(self.run(lane, sql, args))
    }

    fn fetch<'a>(
        &'a self,
        lane: Lane,
        sql: &'static str,
        args: &'a [Arg<'a>],
        shape: &'static str,
    ) -> Answer<'a, Vec<Vec<Value>>> {
        Box::pin(self.query(lane, sql, args, shape))
    }
}

/// A store of one group. Connects with the first statement, to the first of the hosts that takes
/// writes. Besides the connections for work, two carry the heartbeats.
pub(crate) fn open(hosts: Vec<MySqlConnectOptions>, group: &str, limits: &Limits) -> SqlStore<impl Engine> {
    let names: Vec<String> = hosts.iter().map(|o| format!("{}:{}", o.get_host(), o.get_port())).collect();
    let dialer = Dialer { hosts, session: session(limits.server()), warned: AtomicBool::new(false) };
    let name = format!("mysql {}", names.join(","));
    SqlStore::new(MySql::open(name, dialer, STATEMENTS.warm(), limits.work), group, limits.work)
}
