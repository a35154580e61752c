//! MySQL 8 and MariaDB 10.5 or later.

use std::sync::LazyLock;

use sqlx::mysql::MySqlConnectOptions;

use super::sql::engine::{Arg, Engine, Lane, Value, native_engine, sort_error};
use super::sql::{Dialect, SqlStore, Statements};
use super::{Answer, StoreError};

native_engine!(MySql, sqlx::MySql);

/// Read committed: the default level would let a statement see an old snapshot and lock gaps.
const SESSION: &[&str] =
    &["SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", "SET SESSION innodb_lock_wait_timeout = 5"];

static STATEMENTS: LazyLock<Statements> = LazyLock::new(|| {
    Statements::of(&Dialect {
        // The driver sets the session's time zone to UTC.
        now: "CAST(FLOOR(UNIX_TIMESTAMP(NOW(3)) * 1000) AS SIGNED)",
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

    fn schema() -> &'static str {
        include_str!("../schema/mysql.sql")
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

/// A store of one group. Connects with the first statement. `work` connections carry claims and
/// fires, two more the heartbeats.
pub(crate) fn open(options: MySqlConnectOptions, group: &str, work: u32) -> SqlStore<impl Engine> {
    let name = format!("mysql {}:{}", options.get_host(), options.get_port());
    SqlStore::new(MySql::open(name, options, SESSION, work), group, work)
}
