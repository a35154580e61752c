//! PostgreSQL (9.5 and later; also what speaks its protocol and has its upsert).

use std::sync::LazyLock;

use sqlx::postgres::PgConnectOptions;

use super::sql::engine::{Arg, Engine, Lane, Value, native_engine, sort_error};
use super::sql::{Dialect, SqlStore, Statements};
use super::{Answer, StoreError};

native_engine!(Postgres, sqlx::Postgres);

/// A hung statement must not hold its row for ever after its client has given up.
const SESSION: &[&str] = &["SET statement_timeout = 10000", "SET lock_timeout = 5000"];

static STATEMENTS: LazyLock<Statements> = LazyLock::new(|| {
    Statements::of(&Dialect {
        now: "CAST(floor(extract(epoch from clock_timestamp()) * 1000) AS BIGINT)",
        greatest: "GREATEST",
        bigint: "BIGINT",
        or_ignore: ("INSERT", "ON CONFLICT DO NOTHING"),
        or_ignore_key: ("INSERT", "ON CONFLICT DO NOTHING"),
        or_pause: "ON CONFLICT (grp, activation) DO UPDATE SET paused = EXCLUDED.paused",
        numbered: true,
    })
});

impl Engine for Postgres {
    fn name(&self) -> &str {
        &self.name
    }

    fn statements() -> &'static Statements {
        &STATEMENTS
    }

    fn schema() -> &'static str {
        include_str!("../schema/postgres.sql")
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
pub(crate) fn open(options: PgConnectOptions, group: &str, work: u32) -> SqlStore<impl Engine> {
    let name = format!("postgresql {}:{}", options.get_host(), options.get_port());
    SqlStore::new(Postgres::open(name, options, SESSION, work), group)
}
