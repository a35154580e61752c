//! PostgreSQL (9.5 and later; also what speaks its protocol and has its upsert).

use std::sync::LazyLock;
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::postgres::{PgConnectOptions, PgListener};

use super::sql::engine::{Arg, Engine, Lane, Value, native_engine, sort_error};
use super::sql::{Dialect, SqlStore, Statements};
use super::{Answer, StoreError};

native_engine!(Native, sqlx::Postgres);

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
        announce: ("WITH freed AS (", " RETURNING grp) SELECT pg_notify('ganglion', grp) FROM freed"),
        numbered: true,
    })
});

/// The native engine and an ear for announcements.
#[derive(Debug)]
pub(crate) struct Postgres {
    native: Native,
    /// Connected when somebody first listens. Behind a pooler that shares sessions it hears nothing,
    /// which costs at most a heartbeat per hand-over.
    ear: tokio::sync::Mutex<Option<PgListener>>,
}

impl Postgres {
    /// Waits for one announcement to this group.
    async fn hear(&self, group: &str) -> Result<(), sqlx::Error> {
        let mut ear = self.ear.lock().await;
        let mut listener = match ear.take() {
            Some(listener) => listener,
            None => {
                let mut listener = PgListener::connect_with(&self.native.control).await?;
                listener.listen("ganglion").await?;
                listener
            }
        };
        while listener.recv().await?.payload() != group {}
        *ear = Some(listener);
        Ok(())
    }
}

impl Engine for Postgres {
    fn name(&self) -> &str {
        &self.native.name
    }

    fn changed<'a>(&'a self, group: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            while let Err(error) = self.hear(group).await {
                tracing::debug!(%error, "cannot listen for announcements at the moment");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        })
    }

    fn statements() -> &'static Statements {
        &STATEMENTS
    }

    fn schema() -> &'static str {
        include_str!("../schema/postgres.sql")
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
}

/// A store of one group. Connects with the first statement. `work` connections carry claims and
/// fires, two more the heartbeats.
pub(crate) fn open(options: PgConnectOptions, group: &str, work: u32) -> SqlStore<impl Engine> {
    let name = format!("postgresql {}:{}", options.get_host(), options.get_port());
    let native = Native::open(name, options, SESSION, work);
    SqlStore::new(Postgres { native, ear: tokio::sync::Mutex::default() }, group, work)
}
