//! From the address in the settings to a store.
//!
//! Understands what users of MI have in their `[[datasource]]` (JDBC URLs, also with `&amp;`)
//! and the plain forms: `jdbc:postgresql:`, `jdbc:mysql:`, `jdbc:mariadb:`, `jdbc:sqlite:`,
//! `postgres:`, `postgresql:`, `mysql:`, `mariadb:`, `sqlite:`. Reading an address opens nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Store, StoreError};
use crate::member::{MAX_GROUP, problem_of_name};

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Postgres,
    MySql,
    Sqlite,
}

/// An address that was understood. Shown without the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// Which database.
    pub kind: Kind,
    /// Hosts and ports; the first that takes writes is used. Empty for SQLite.
    pub hosts: Vec<(String, u16)>,
    /// Database name, or the path of the SQLite file.
    pub database: String,
    /// Who connects; `None` leaves it to the driver.
    pub user: Option<String>,
    /// Its password; never shown.
    pub password: Option<String>,
    /// The part after `?`, keys in lower case.
    pub options: BTreeMap<String, String>,
    /// How long callers will wait for one statement, in this crate `Timing::statement`. Default
    /// 800 ms. The server gives a statement up somewhat later, after 2 s at least; waiting for
    /// SQLite's lock ends somewhat sooner.
    pub statement_limit: Duration,
}

/// How much a store asks of its server.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Connections for claims and fires.
    pub(crate) work: usize,
    /// How long callers wait for a statement.
    pub(crate) statement: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { work: 4, statement: Duration::from_millis(800) }
    }
}

impl Limits {
    /// When the server gives a statement up by itself: somewhat later than the caller does.
    pub(crate) fn server(&self) -> Duration {
        (self.statement * 5 / 4).max(Duration::from_secs(2))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            Kind::Sqlite => return write!(f, "sqlite:{}", self.database),
            Kind::Postgres => "postgresql",
            Kind::MySql => "mysql",
        };
        let hosts: Vec<String> = self.hosts.iter().map(|(host, port)| format!("{host}:{port}")).collect();
        write!(f, "{scheme}://{}/{}", hosts.join(","), self.database)
    }
}

impl Address {
    /// Reads an address. `user` and `password` of the settings win over those in the address.
    ///
    /// # Errors
    /// [`StoreError::Setup`] saying what was expected.
    pub fn parse(url: &str, user: Option<&str>, password: Option<&str>) -> Result<Self, StoreError> {
        let url = url.trim().replace("&amp;", "&");
        let plain = url.strip_prefix("jdbc:").unwrap_or(&url);
        let Some((scheme, rest)) = plain.split_once(':') else { return Err(unknown(&url)) };
        // jdbc:mysql:loadbalance://..., jdbc:mariadb:replication://...
        let rest = match rest.split_once("://") {
            Some((mode, rest)) if !mode.is_empty() && mode.chars().all(char::is_alphanumeric) => rest,
            _ => rest.strip_prefix("//").unwrap_or(rest),
        };
        let mut address = match scheme.to_ascii_lowercase().as_str() {
            "sqlite" => return Self::file(rest, &url),
            "postgres" | "postgresql" => Self::server(Kind::Postgres, 5432, rest)?,
            "mysql" | "mariadb" => Self::server(Kind::MySql, 3306, rest)?,
            _ => return Err(unknown(&url)),
        };
        let named = |name: &str, address: &Self| address.options.get(name).cloned();
        address.user = user.map(str::to_owned).or(address.user.take()).or_else(|| named("user", &address));
        address.password =
            password.map(str::to_owned).or(address.password.take()).or_else(|| named("password", &address));
        if address.database.is_empty() {
            return Err(StoreError::Setup(format!("the address {address} names no database")));
        }
        Ok(address)
    }

    fn file(rest: &str, url: &str) -> Result<Self, StoreError> {
        let (path, _options) = rest.split_once('?').unwrap_or((rest, ""));
        let path = path.strip_prefix("file:").unwrap_or(path);
        if path.is_empty() || path.contains(":memory:") {
            let why = format!("{url} names no file; coordination needs one that all processes share");
            return Err(StoreError::Setup(why));
        }
        Ok(Self::of(Kind::Sqlite, path.to_owned()))
    }

    fn of(kind: Kind, database: String) -> Self {
        Self {
            kind,
            hosts: Vec::new(),
            database,
            user: None,
            password: None,
            options: BTreeMap::new(),
            statement_limit: Duration::from_millis(800),
        }
    }

    fn server(kind: Kind, port: u16, rest: &str) -> Result<Self, StoreError> {
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        if place.contains('(') {
            return Err(StoreError::Setup(
                "the address has hosts in parentheses, which are not understood; write them as \
                 jdbc:mysql://host:port,host:port/database"
                    .into(),
            ));
        }
        let (authority, database) = place.split_once('/').unwrap_or_else(|| {
            // jdbc:postgresql:name means a database on this machine
            if place.contains([':', ',', '.']) { (place, "") } else { ("", place) }
        });
        let mut address = Self::of(kind, decode(database));
        let hosts = match authority.rsplit_once('@') {
            Some((who, hosts)) => {
                let (user, password) = who.split_once(':').map_or((who, None), |(u, p)| (u, Some(p)));
                address.user = Some(decode(user));
                address.password = password.map(decode);
                hosts
            }
            None => authority,
        };
        address.hosts =
            hosts.split(',').map(|one| host_and_port(one.trim(), port)).collect::<Result<_, _>>()?;
        for pair in query.split('&').filter(|p| !p.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            address.options.insert(decode(name).to_ascii_lowercase(), decode(value));
        }
        Ok(address)
    }

    fn option(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|n| self.options.get(*n)).map(String::as_str)
    }

    /// How the connection is to be encrypted, in PostgreSQL's words.
    #[must_use]
    pub fn tls(&self) -> &'static str {
        let said = |names| self.option(names).map(str::to_ascii_lowercase);
        match said(&["sslmode", "ssl-mode"]).as_deref() {
            Some("disable" | "disabled") => return "disable",
            Some("allow" | "prefer" | "preferred") => return "prefer",
            Some("require" | "required" | "trust") => return "require",
            Some("verify-ca" | "verify_ca") => return "verify-ca",
            Some("verify-full" | "verify_identity") => return "verify-full",
            _ => {}
        }
        match said(&["ssl", "usessl", "requiressl"]).as_deref() {
            Some("true" | "") => "require",
            Some("false") => "disable",
            _ => "prefer",
        }
    }

    /// Makes the store of one group. Nothing is connected yet; the first statement does that.
    /// `work` is the number of connections for claims and fires (at least 1); two more carry the
    /// heartbeats, and PostgreSQL has one that listens. Must be called inside a Tokio runtime.
    ///
    /// # Errors
    /// [`StoreError::Setup`] when this program was built without that database or without the
    /// encryption that the address demands, when the group's name does not fit, or when an option has a value that cannot be used.
    pub fn open(&self, group: &str, work: u32) -> Result<Arc<dyn Store>, StoreError> {
        if let Some(problem) = problem_of_name("group", group, MAX_GROUP) {
            return Err(StoreError::Setup(problem));
        }
        let demands = matches!(self.tls(), "require" | "verify-ca" | "verify-full");
        if demands && self.kind != Kind::Sqlite && !cfg!(feature = "tls") {
            return Err(StoreError::Setup(format!(
                "{self} asks for an encrypted connection, but this program was built without the feature `tls` of \
                 its coordination library"
            )));
        }
        let limits = Limits {
            work: usize::try_from(work.max(1)).unwrap_or(usize::MAX),
            statement: self.statement_limit,
        };
        match self.kind {
            Kind::Postgres => self.open_postgres(group, &limits),
            Kind::MySql => self.open_mysql(group, &limits),
            Kind::Sqlite => self.open_sqlite(group, &limits),
        }
    }

    #[cfg(feature = "postgres")]
    fn open_postgres(&self, group: &str, limits: &Limits) -> Result<Arc<dyn Store>, StoreError> {
        use sqlx::postgres::PgConnectOptions;
        let mode = self.tls().parse().map_err(|e: sqlx::Error| StoreError::Setup(e.to_string()))?;
        let mut options = PgConnectOptions::new_without_pgpass()
            .database(&self.database)
            .application_name("ganglion coordination")
            .ssl_mode(mode);
        if let Some(user) = &self.user {
            options = options.username(user);
        }
        if let Some(password) = &self.password {
            options = options.password(password);
        }
        if let Some(schema) = self.option(&["currentschema", "search_path"]) {
            options = options.options([("search_path", schema)]);
        }
        if let Some(file) = self.option(&["sslrootcert"]) {
            options = options.ssl_root_cert(file);
        }
        let hosts = self.hosts.iter().map(|(host, port)| options.clone().host(host).port(*port));
        // What users of JDBC write for a pooler that shares sessions.
        let pooled = self.option(&["preparethreshold"]) == Some("0");
        Ok(Arc::new(super::postgres::open(hosts.collect(), group, limits, pooled)))
    }

    #[cfg(not(feature = "postgres"))]
    fn open_postgres(&self, _group: &str, _limits: &Limits) -> Result<Arc<dyn Store>, StoreError> {
        Err(StoreError::Setup("this program was built without PostgreSQL".into()))
    }

    #[cfg(feature = "mysql")]
    fn open_mysql(&self, group: &str, limits: &Limits) -> Result<Arc<dyn Store>, StoreError> {
        use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
        let mode = match self.tls() {
            "disable" => MySqlSslMode::Disabled,
            "require" => MySqlSslMode::Required,
            "verify-ca" => MySqlSslMode::VerifyCa,
            "verify-full" => MySqlSslMode::VerifyIdentity,
            _ => MySqlSslMode::Preferred,
        };
        let mut options = MySqlConnectOptions::new().database(&self.database).ssl_mode(mode);
        if let Some(user) = &self.user {
            options = options.username(user);
        }
        if let Some(password) = &self.password {
            options = options.password(password);
        }
        if let Some(file) = self.option(&["ssl-ca", "sslrootcert", "serversslcert"]) {
            options = options.ssl_ca(file);
        }
        let hosts = self.hosts.iter().map(|(host, port)| options.clone().host(host).port(*port));
        Ok(Arc::new(super::mysql::open(hosts.collect(), group, limits)))
    }

    #[cfg(not(feature = "mysql"))]
    fn open_mysql(&self, _group: &str, _limits: &Limits) -> Result<Arc<dyn Store>, StoreError> {
        Err(StoreError::Setup("this program was built without MySQL and MariaDB".into()))
    }

    #[cfg(feature = "sqlite")]
    fn open_sqlite(&self, group: &str, limits: &Limits) -> Result<Arc<dyn Store>, StoreError> {
        Ok(Arc::new(super::sqlite::open(std::path::Path::new(&self.database), group, limits)))
    }

    #[cfg(not(feature = "sqlite"))]
    fn open_sqlite(&self, _group: &str, _limits: &Limits) -> Result<Arc<dyn Store>, StoreError> {
        Err(StoreError::Setup("this program was built without SQLite".into()))
    }
}

fn unknown(url: &str) -> StoreError {
    let scheme: String = url.chars().take_while(|c| *c != '/' && *c != '@').collect();
    StoreError::Setup(format!(
        "the address begins with `{scheme}`; expected jdbc:postgresql:, jdbc:mysql:, jdbc:mariadb: or sqlite:. \
         Coordination needs one of these databases; name it in `url` of [coordination], or switch coordination off \
         there with `enabled = false`"
    ))
}

fn host_and_port(text: &str, default: u16) -> Result<(String, u16), StoreError> {
    if text.is_empty() {
        return Ok(("localhost".into(), default));
    }
    let wrong = |port: &str| StoreError::Setup(format!("`{port}` is not a port number, in `{text}`"));
    // [::1]:5432
    if let Some((host, after)) = text.strip_prefix('[').and_then(|t| t.split_once(']')) {
        let port = after.strip_prefix(':').map_or(Ok(default), |p| p.parse().map_err(|_| wrong(p)))?;
        return Ok((host.to_owned(), port));
    }
    match text.rsplit_once(':') {
        Some((host, port)) => Ok((host.to_owned(), port.parse().map_err(|_| wrong(port))?)),
        None => Ok((text.to_owned(), default)),
    }
}

/// Percent-decoding; what is not a valid escape stays as it is.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let pair = bytes.get(at + 1..at + 3).and_then(|p| std::str::from_utf8(p).ok());
        let code = pair.filter(|_| *byte == b'%').and_then(|p| u8::from_str_radix(p, 16).ok());
        out.push(code.unwrap_or(*byte));
        at += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests;
