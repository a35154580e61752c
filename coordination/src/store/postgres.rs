//! PostgreSQL (9.6 and later; also what speaks its protocol and has its upsert).

use std::sync::LazyLock;
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgListener, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _, SqlSafeStr as _};
use tokio::time::timeout;

use super::address::Limits;
use super::sql::connections::{Connections, Dial, Dialled, Lent, Server};
use super::sql::engine::{Arg, Engine, Lane, Value, native_engine, only_broken, sort_error, spelled_out};
use super::sql::{Dialect, SqlStore, Statements};
use super::{Answer, StoreError};
use crate::clock::millis;

native_engine!(Native, sqlx::Postgres, Dialer);

/// What each session is told. A hung statement must not hold its row for long after its client has
/// given up, one commit must be there for the next, and what was confirmed must stay, whatever the
/// role's own defaults say.
fn demands(limit: Duration) -> String {
    let limit = millis(limit);
    format!(
        "SET statement_timeout = {limit}; SET lock_timeout = {limit}; \
         SET default_transaction_isolation = 'read committed'; \
         SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'; "
    )
}

/// The server's start and role.
const STATE: &str = "SELECT CAST(extract(epoch FROM pg_postmaster_start_time()) * 1000 AS BIGINT), \
    CAST(pg_is_in_recovery() AS INT)";

/// The way to the server.
#[derive(Debug)]
pub(crate) struct Dialer {
    hosts: Vec<PgConnectOptions>,
    session: String,
    /// A pooler gives each transaction to another session: nothing can be demanded, prepared or heard.
    pooled: bool,
}

impl Dial for Dialer {
    type Host = PgConnectOptions;
    type Conn = PgConnection;

    fn hosts(&self) -> &[PgConnectOptions] {
        &self.hosts
    }

    fn connect<'a>(
        &'a self,
        host: &'a PgConnectOptions,
        warm: &'a [&'static str],
    ) -> BoxFuture<'a, Result<Dialled<PgConnection>, sqlx::Error>> {
        Box::pin(async move {
            let mut conn = PgConnection::connect_with(host).await?;
            let told = sqlx::raw_sql(AssertSqlSafe(self.session.as_str())).fetch_all(&mut conn).await?;
            for text in warm.iter().filter(|_| !self.pooled) {
                only_broken((&mut conn).prepare(text.into_sql_str()).await)?;
            }
            let told = told.last().ok_or(sqlx::Error::RowNotFound)?;
            let (started, standby) = (told.try_get(0)?, told.try_get::<i32, _>(1)?);
            Ok(Dialled { conn, started, writable: standby == 0 })
        })
    }

    fn ping<'a>(&'a self, conn: &'a mut PgConnection) -> BoxFuture<'a, bool> {
        Box::pin(async { conn.ping().await.is_ok() })
    }
}

static STATEMENTS: LazyLock<Statements> = LazyLock::new(|| {
    Statements::of(&Dialect {
        now: "CAST(floor(extract(epoch from clock_timestamp()) * 1000) AS BIGINT)",
        tables: "SELECT COUNT(to_regclass(t)) FROM \
                 (VALUES ('ganglion_meta'), ('ganglion_member'), ('ganglion_lease')) AS known (t)",
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
    hosts: Vec<PgConnectOptions>,
    /// Connected when somebody first listens. Behind a pooler that shares sessions nobody listens,
    /// which costs at most a heartbeat per hand-over.
    ear: tokio::sync::Mutex<Option<PgListener>>,
}

/// An ear that heard nothing for this long is asked whether it still can.
const QUIET: Duration = Duration::from_secs(30);

/// Longest wait for that answer, and for a new ear.
const EAR_LIMIT: Duration = Duration::from_secs(5);

impl Postgres {
    /// Waits for one announcement to this group. A connection that was cut without a word is deaf
    /// for ever, so the ear is given up as soon as the lane of the heartbeats is doubted.
    async fn hear(&self, group: &str) -> Result<(), sqlx::Error> {
        let mut ear = self.ear.lock().await;
        let mut doubts = self.native.control.doubts();
        let mut listener = match ear.take() {
            Some(listener) => listener,
            None => self.listen().await?,
        };
        loop {
            tokio::select! {
                heard = timeout(QUIET, listener.try_recv()) => match heard.map_or(Ok(None), |h| h.map(Some)) {
                    Ok(Some(Some(said))) if said.payload() == group => break,
                    Ok(Some(Some(_))) => {}
                    Ok(Some(None)) => return Err(sqlx::Error::PoolClosed),
                    Err(error) => return Err(error),
                    Ok(None) => {
                        let answer = timeout(EAR_LIMIT, listener.execute("SELECT 1")).await;
                        answer.map_err(|_| sqlx::Error::PoolTimedOut)??;
                    }
                },
                _ = doubts.changed() => return Err(sqlx::Error::PoolTimedOut),
            }
        }
        *ear = Some(listener);
        Ok(())
    }

    /// On the first host that allows it; a standby does not.
    async fn listen(&self) -> Result<PgListener, sqlx::Error> {
        let mut failure = sqlx::Error::PoolClosed;
        for host in &self.hosts {
            let pool = PgPoolOptions::new()
                .max_connections(1)
                .acquire_timeout(EAR_LIMIT)
                .idle_timeout(None)
                .max_lifetime(None)
                .connect_lazy_with(host.clone());
            let listening = async {
                let mut listener = PgListener::connect_with(&pool).await?;
                listener.eager_reconnect(false);
                listener.listen("ganglion").await?;
                Ok(listener)
            };
            match timeout(EAR_LIMIT, listening).await {
                Ok(Ok(listener)) => return Ok(listener),
                Ok(Err(error)) => failure = error,
                Err(_) => failure = sqlx::Error::PoolTimedOut,
            }
        }
        Err(failure)
    }
}

impl Engine for Postgres {
    fn name(&self) -> &str {
        &self.native.name
    }

    fn changed<'a>(&'a self, group: &'a str) -> BoxFuture<'a, ()> {
        if self.native.spelled_out {
            return Box::pin(std::future::pending());
        }
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

    fn schema() -> (&'static str, &'static str) {
        ("postgres.sql", include_str!("../schema/postgres.sql"))
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

/// A store of one group. Connects with the first statement, to the first of the hosts that takes
/// writes. Besides the connections for work, two carry the heartbeats, and one listens. `pooled`: a
/// pooler stands between, which gives each transaction to another session.
pub(crate) fn open(
    hosts: Vec<PgConnectOptions>,
    group: &str,
    limits: &Limits,
    pooled: bool,
) -> SqlStore<impl Engine> {
    SqlStore::new(engine(hosts, limits, pooled), group, limits.work)
}

fn engine(hosts: Vec<PgConnectOptions>, limits: &Limits, pooled: bool) -> Postgres {
    let names: Vec<String> = hosts.iter().map(|o| format!("{}:{}", o.get_host(), o.get_port())).collect();
    let demands = if pooled { String::new() } else { demands(limits.server()) };
    let dialer = Dialer { hosts: hosts.clone(), session: format!("{demands}{STATE}"), pooled };
    let name = format!("postgresql {}", names.join(","));
    let mut native = Native::open(name, dialer, STATEMENTS.warm(), limits.work);
    native.spelled_out = pooled;
    Postgres { native, hosts, ear: tokio::sync::Mutex::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::LeaseStore as _;

    #[tokio::test]
    async fn commits_stay_and_are_seen_whatever_the_role_prefers() {
        #[allow(clippy::disallowed_methods)]
        let Ok(url) = std::env::var("GANGLION_TEST_POSTGRES") else { return };
        let lax = [("synchronous_commit", "off"), ("default_transaction_isolation", "serializable")];
        let options: PgConnectOptions = url.parse().unwrap();
        let engine = engine(vec![options.options(lax)], &Limits::default(), false);
        for (question, answer) in
            [("SHOW synchronous_commit", "on"), ("SHOW transaction_isolation", "read committed")]
        {
            for lane in [Lane::Control, Lane::Work] {
                let rows = engine.fetch(lane, question, &[], "s").await.unwrap();
                assert_eq!(rows[0][0].text(), answer, "{question}");
            }
        }
    }

    #[tokio::test]
    async fn behind_a_pooler_nothing_is_prepared() {
        #[allow(clippy::disallowed_methods)]
        let Ok(url) = std::env::var("GANGLION_TEST_POSTGRES") else { return };
        for (pooled, prepared) in [(true, false), (false, true)] {
            let engine = engine(vec![url.parse().unwrap()], &Limits::default(), pooled);
            let store = SqlStore::new(engine, &format!("pool-{}", uuid::Uuid::new_v4().simple()), 1);
            let key = crate::lease::Key::new("a \\ quoted 'key'");
            store.create(std::slice::from_ref(&key)).await.unwrap();
            assert!(store.observe().await.unwrap().leases.contains_key(&key));
            for lane in [Lane::Control, Lane::Work] {
                let rows =
                    store.engine().fetch(lane, "SELECT COUNT(*) FROM pg_prepared_statements", &[], "i");
                assert_eq!(rows.await.unwrap()[0][0].int() > 0, prepared, "{lane:?}");
            }
        }
    }
}
