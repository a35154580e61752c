//! The narrow way to a database: send a text with arguments, get a count or rows.

use std::borrow::Cow;

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
    /// The script that makes the tables, with the name of its file; statements end with a semicolon
    /// and can be repeated.
    fn schema() -> (&'static str, &'static str);
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

/// What went wrong with a statement: unknown outcome, certainly not done, hopeless.
pub(crate) fn sort_error(error: &sqlx::Error) -> StoreError {
    let text = error.to_string();
    let sqlx::Error::Database(answer) = error else { return StoreError::Broken(text) };
    let code = code(answer.as_ref());
    match code.as_ref() {
        // The server is going down, has lost the session, or has become a standby: not ours any more.
        "1290" | "1792" | "1836" | "1927" | "25006" | "40003" => StoreError::Broken(text),
        _ if answer.code().is_some_and(|c| c.starts_with("08") || c.starts_with("57P0")) => {
            StoreError::Broken(text)
        }
        // A table or column is missing, or the right to use it.
        "1044" | "1054" | "1142" | "1143" | "1146" | "3F000" | "42501" | "42703" | "42P01" => {
            StoreError::Setup(text)
        }
        _ if text.contains("no such table") || text.contains("no such column") => StoreError::Setup(text),
        _ => StoreError::Refused(text),
    }
}

/// The same for a connection that could not be opened: nothing was sent yet. A login that is refused
/// or a database that does not exist stays so.
pub(crate) fn sort_opening_error(error: &sqlx::Error) -> StoreError {
    let text = error.to_string();
    match error {
        sqlx::Error::Configuration(_) | sqlx::Error::Tls(_) => StoreError::Setup(text),
        sqlx::Error::Database(answer) => match answer.code().unwrap_or_default().get(..2) {
            Some("28" | "3D" | "42") => StoreError::Setup(text),
            _ => StoreError::Unknown(text),
        },
        _ => StoreError::Unknown(text),
    }
}

/// A statement that cannot be prepared yet (a table is missing) will say so when it is used.
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(crate) fn only_broken<T>(prepared: Result<T, sqlx::Error>) -> Result<(), sqlx::Error> {
    match prepared {
        Ok(_) | Err(sqlx::Error::Database(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The SQLSTATE, or MySQL's own number, which says more.
fn code(answer: &dyn sqlx::error::DatabaseError) -> Cow<'_, str> {
    #[cfg(feature = "mysql")]
    if let Some(answer) = answer.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        return answer.number().to_string().into();
    }
    answer.code().unwrap_or_default()
}

/// A text with its arguments `$1`, `$2`, ... written into it, for poolers that give each statement to
/// another session, where nothing can be prepared.
pub(crate) fn spelled_out(sql: &str, args: &[Arg<'_>]) -> String {
    let mut out = String::with_capacity(sql.len() + 40 * args.len());
    let mut parts = sql.split('$');
    out.push_str(parts.next().unwrap_or(""));
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = part.split_at(digits);
        let arg = number.parse::<usize>().ok().and_then(|n| args.get(n.checked_sub(1)?));
        match arg {
            Some(Arg::Int(n)) => out.push_str(&format!("CAST({n} AS BIGINT)")),
            Some(Arg::Text(text)) => {
                out.push_str(&format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''")));
            }
            Some(Arg::NoText) | None => out.push_str("NULL"),
        }
        out.push_str(rest);
    }
    out
}

/// Writes an engine over native sqlx connections: two lanes, so that a heartbeat never queues behind
/// the work, and one connection held ready beside the one in use.
macro_rules! native_engine {
    ($Engine:ident, $Db:ty, $Dialer:ty) => {
        /// Sends statements through sqlx.
        #[derive(Debug)]
        pub(crate) struct $Engine {
            name: String,
            control: Connections<$Dialer>,
            work: Connections<$Dialer>,
            /// Arguments are written into the text, and nothing is prepared.
            spelled_out: bool,
        }

        impl $Engine {
            fn open(name: String, dialer: $Dialer, texts: [Vec<&'static str>; 2], work: usize) -> Self {
                let (dialer, server) = (std::sync::Arc::new(dialer), std::sync::Arc::<Server>::default());
                let [warm_control, warm_work] = texts;
                let lane =
                    |warm, keep, size| Connections::new(dialer.clone(), server.clone(), warm, keep, size);
                Self {
                    name,
                    control: lane(warm_control, 2, 2),
                    work: lane(warm_work, 1, work),
                    spelled_out: false,
                }
            }

            async fn lend(&self, lane: Lane) -> Result<Lent<$Dialer>, StoreError> {
                if lane == Lane::Work {
                    return self.work.lend().await;
                }
                let lent = self.control.lend().await?;
                if self.control.met_a_restart() {
                    lent.give_back();
                    return Err(StoreError::Broken(
                        "the database server was started anew or replaced".into(),
                    ));
                }
                Ok(lent)
            }

            /// Gives the connection back when the server has answered. A broken one says something
            /// about those of the other lane too.
            fn failed(&self, lane: Lane, lent: Lent<$Dialer>, error: &sqlx::Error) -> StoreError {
                let error = sort_error(error);
                if !error.is_unknown() {
                    lent.give_back();
                    return error;
                }
                drop(lent);
                match (lane, error) {
                    (Lane::Control, error) => {
                        self.work.doubt();
                        error
                    }
                    // Whether the server was started anew is for the control lane to say.
                    (Lane::Work, error) => {
                        self.control.doubt();
                        StoreError::Unknown(error.to_string())
                    }
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
                let Some(conn) = lent.conn() else { return Ok(0) };
                let done = if self.spelled_out {
                    sqlx::raw_sql(sqlx::AssertSqlSafe(spelled_out(sql, args))).execute(&mut *conn).await
                } else {
                    bind(sql, args).execute(&mut *conn).await
                };
                match done {
                    Ok(done) => {
                        lent.give_back();
                        Ok(done.rows_affected())
                    }
                    Err(sqlx::Error::Database(e)) if e.is_unique_violation() => {
                        lent.give_back();
                        Ok(0)
                    }
                    Err(e) => Err(self.failed(lane, lent, &e)),
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
                let Some(conn) = lent.conn() else { return Ok(Vec::new()) };
                let rows = if self.spelled_out {
                    sqlx::raw_sql(sqlx::AssertSqlSafe(spelled_out(sql, args))).fetch_all(&mut *conn).await
                } else {
                    bind(sql, args).fetch_all(&mut *conn).await
                };
                let rows = match rows {
                    Ok(rows) => rows,
                    Err(e) => return Err(self.failed(lane, lent, &e)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_spelled_out() {
        let args = [Arg::Int(-3), Arg::Text(r"it's \ $1"), Arg::NoText];
        assert_eq!(
            spelled_out("a = $2 AND b < $1 - $3 OR $2", &args),
            r"a = E'it''s \\ $1' AND b < CAST(-3 AS BIGINT) - NULL OR E'it''s \\ $1'"
        );
    }
}
