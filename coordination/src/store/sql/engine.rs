//! The narrow way to a database: send a text with arguments, get a count or rows.

use futures_util::future::BoxFuture;

use crate::member::MemberId;
use crate::store::{Answer, StoreError};

use super::Statements;

/// An argument of a statement.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Arg<'a> {
    Int(i64),
    Text(&'a str),
    NoText,
}

/// A column of a row.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Int(Option<i64>),
    Text(String),
}

impl Value {
    pub(crate) fn int(&self) -> i64 {
        self.maybe_int().unwrap_or(0)
    }

    pub(crate) fn maybe_int(&self) -> Option<i64> {
        match self {
            Self::Int(n) => *n,
            Self::Text(_) => None,
        }
    }

    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Int(_) => "",
        }
    }
}

/// Heartbeats must never queue behind the work they protect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Members and views.
    Control,
    /// Claims, releases and fires.
    Work,
}

/// One kind of database. Implemented by [`crate::store::sql::engine::native_engine`].
pub(crate) trait Engine: Send + Sync + std::fmt::Debug + 'static {
    fn name(&self) -> &str;
    fn statements() -> &'static Statements;
    /// The script that makes the tables; statements end with a semicolon and can be repeated.
    fn schema() -> &'static str;
    /// Sends a statement and gives the number of rows it changed. A violated key counts as zero.
    fn execute<'a>(&'a self, lane: Lane, sql: &'static str, args: &'a [Arg<'a>]) -> Answer<'a, u64>;
    /// Sends a query. `shape` has one letter per column: `i` for integers, `s` for text.
    fn fetch<'a>(
        &'a self,
        lane: Lane,
        sql: &'static str,
        args: &'a [Arg<'a>],
        shape: &'static str,
    ) -> Answer<'a, Vec<Vec<Value>>>;
    /// Takes whatever later proves that this member's process is gone, before its row exists.
    fn before_join(&self, _group: &str, _id: MemberId) -> Result<(), StoreError> {
        Ok(())
    }
    /// Whether the process behind a live member is certainly gone.
    fn is_proven_dead(&self, _group: &str, _id: MemberId) -> bool {
        false
    }
    /// Waits until another node announces a change in this group, if the database can tell.
    fn changed<'a>(&'a self, _group: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(std::future::pending())
    }
    /// The member has ended.
    fn after_end(&self, _group: &str, _id: MemberId) {}
}

/// What went wrong, in the three kinds that matter: unknown outcome, certainly not done, hopeless.
pub(crate) fn sort_error(error: &sqlx::Error) -> StoreError {
    let text = error.to_string();
    match error {
        sqlx::Error::Database(e) if ends_session(e.code().as_deref().unwrap_or("")) => {
            StoreError::Broken(text)
        }
        sqlx::Error::Database(_) => StoreError::Refused(text),
        sqlx::Error::Configuration(_) => StoreError::Setup(text),
        sqlx::Error::PoolTimedOut => StoreError::Unknown(text),
        _ => StoreError::Broken(text),
    }
}

/// PostgreSQL classes 08 (connection) and 57P0x (shutdown); MySQL shutdown and lost sessions.
fn ends_session(code: &str) -> bool {
    code.starts_with("08") || code.starts_with("57P0") || code == "40003"
}

/// Writes an engine over a native sqlx pool: two pools (one per [`Lane`]), connections that were
/// left in the middle of something are thrown away, and after a failure so is every older one.
macro_rules! native_engine {
    ($Engine:ident, $Db:ty) => {
        /// Sends statements through sqlx.
        #[derive(Debug)]
        pub(crate) struct $Engine {
            name: String,
            control: sqlx::Pool<$Db>,
            work: sqlx::Pool<$Db>,
            broken: std::sync::Arc<std::sync::Mutex<Option<std::time::Instant>>>,
        }

        impl $Engine {
            fn open(
                name: String,
                options: <<$Db as sqlx::Database>::Connection as sqlx::Connection>::Options,
                session: &'static [&'static str],
                work: u32,
            ) -> Self {
                let broken: std::sync::Arc<std::sync::Mutex<Option<std::time::Instant>>> =
                    std::sync::Arc::default();
                let pool = |size| {
                    let broken = broken.clone();
                    sqlx::pool::PoolOptions::<$Db>::new()
                        .max_connections(size)
                        .test_before_acquire(false)
                        .acquire_timeout(std::time::Duration::from_secs(5))
                        .before_acquire(move |_, meta| {
                            let broken = *broken.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                            let fresh = broken.is_none_or(|at| meta.age < at.elapsed());
                            Box::pin(std::future::ready(Ok(fresh)))
                        })
                        .after_connect(move |conn, _| {
                            Box::pin(async move {
                                for text in session {
                                    sqlx::raw_sql(*text).execute(&mut *conn).await?;
                                }
                                Ok(())
                            })
                        })
                        .connect_lazy_with(options.clone())
                };
                let (control, work) = (pool(3), pool(work));
                Self { name, control, work, broken }
            }

            async fn lend(&self, lane: Lane) -> Result<Lent<'_>, StoreError> {
                let pool = if lane == Lane::Control { &self.control } else { &self.work };
                let conn = pool.acquire().await.map_err(|e| self.failed(&e))?;
                Ok(Lent { conn: Some(conn), owner: self })
            }

            fn failed(&self, error: &sqlx::Error) -> StoreError {
                let error = sort_error(error);
                if error.is_unknown() {
                    self.distrust();
                }
                error
            }

            /// Every connection opened before now may be dead: none is used again.
            fn distrust(&self) {
                let mut broken = self.broken.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                *broken = Some(std::time::Instant::now());
            }
        }

        /// A connection in use. Unless it is given back it is closed, also when the caller stops
        /// waiting: its answer could otherwise be taken for that of the next statement's wait.
        struct Lent<'a> {
            conn: Option<sqlx::pool::PoolConnection<$Db>>,
            owner: &'a $Engine,
        }

        impl Lent<'_> {
            fn give_back(mut self) {
                self.conn = None;
            }
        }

        impl Drop for Lent<'_> {
            fn drop(&mut self) {
                if let Some(conn) = self.conn.take() {
                    drop(conn.detach());
                    self.owner.distrust();
                }
            }
        }

        fn bind<'q>(
            sql: &'static str,
            args: &'q [Arg<'q>],
        ) -> sqlx::query::Query<'q, $Db, <$Db as sqlx::Database>::Arguments> {
            let mut query = sqlx::query(sql);
            for arg in args {
                query = match arg {
                    Arg::Int(n) => query.bind(*n),
                    Arg::Text(text) => query.bind(*text),
                    Arg::NoText => query.bind(None::<String>),
                };
            }
            query
        }

        impl $Engine {
            async fn run(&self, lane: Lane, sql: &'static str, args: &[Arg<'_>]) -> Result<u64, StoreError> {
                let mut lent = self.lend(lane).await?;
                let Some(conn) = lent.conn.as_mut() else { return Ok(0) };
                match bind(sql, args).execute(&mut **conn).await {
                    Ok(done) => {
                        lent.give_back();
                        Ok(done.rows_affected())
                    }
                    Err(sqlx::Error::Database(e)) if e.is_unique_violation() => {
                        lent.give_back();
                        Ok(0)
                    }
                    Err(e) => {
                        let error = sort_error(&e);
                        if !error.is_unknown() {
                            lent.give_back();
                        }
                        Err(error)
                    }
                }
            }

            async fn query(
                &self,
                lane: Lane,
                sql: &'static str,
                args: &[Arg<'_>],
                shape: &'static str,
            ) -> Result<Vec<Vec<Value>>, StoreError> {
                use sqlx::Row as _;
                let mut lent = self.lend(lane).await?;
                let Some(conn) = lent.conn.as_mut() else { return Ok(Vec::new()) };
                let rows = match bind(sql, args).fetch_all(&mut **conn).await {
                    Ok(rows) => rows,
                    Err(e) => {
                        let error = sort_error(&e);
                        if !error.is_unknown() {
                            lent.give_back();
                        }
                        return Err(error);
                    }
                };
                lent.give_back();
                let read = |row: &<$Db as sqlx::Database>::Row| {
                    let column = |(i, kind)| match kind {
                        'i' => row.try_get_unchecked::<Option<i64>, _>(i).map(Value::Int),
                        _ => row.try_get_unchecked::<String, _>(i).map(Value::Text),
                    };
                    shape.chars().enumerate().map(column).collect::<Result<Vec<_>, _>>()
                };
                rows.iter().map(read).collect::<Result<Vec<_>, _>>().map_err(|e| sort_error(&e))
            }
        }
    };
}

pub(crate) use native_engine;
