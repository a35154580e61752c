//! The databases of this suite: servers of its own, which it may restart, through `tests/services.sh`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Postgres,
    MariaDb,
}

impl Kind {
    /// Both.
    pub const ALL: [Kind; 2] = [Kind::Postgres, Kind::MariaDb];

    /// As `services.sh` and the option `--database` call it.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Postgres => "pg",
            Kind::MariaDb => "maria",
        }
    }

    /// Whether its server is on this machine.
    pub fn is_installed(self) -> bool {
        match self {
            Kind::Postgres => {
                let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
                versions.into_iter().any(|version| version.path().join("bin/postgres").exists())
            }
            Kind::MariaDb => {
                ["/usr/sbin", "/usr/bin"].iter().any(|bin| Path::new(bin).join("mariadbd").exists())
            }
        }
    }

    /// As people call it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Postgres => "PostgreSQL",
            Kind::MariaDb => "MariaDB",
        }
    }
}

/// Database servers with a folder and ports of their own. They end when this is dropped.
#[derive(Debug)]
pub struct Databases {
    script: PathBuf,
    state: PathBuf,
    ports: [u16; 2],
    kinds: Vec<Kind>,
}

impl Databases {
    /// Starts servers. The error says which of them did not start, and what it said.
    pub fn start(script: &Path, kinds: &[Kind]) -> Result<Databases, String> {
        let state = std::env::temp_dir().join(format!("ganglion-faults-{}", std::process::id()));
        let ports = [crate::cases::free_port(), crate::cases::free_port()];
        // Made before anything starts: what has been started is stopped also when the next one fails.
        let databases = Databases { script: script.to_owned(), state, ports, kinds: kinds.to_vec() };
        for kind in kinds {
            databases.call("start", *kind)?;
        }
        Ok(databases)
    }

    /// Where a server listens.
    pub fn port(&self, kind: Kind) -> u16 {
        self.ports[kind as usize]
    }

    /// The address of a server behind a port.
    pub fn url(kind: Kind, port: u16) -> String {
        match kind {
            Kind::Postgres => format!("postgres://postgres:secret@127.0.0.1:{port}/postgres"),
            Kind::MariaDb => format!("mysql://app:secret@127.0.0.1:{port}/app"),
        }
    }

    /// Stops a server in good order; its data are kept.
    pub fn stop(&self, kind: Kind) -> Result<(), String> {
        self.call("stop", kind)
    }

    /// Starts a server again; returns when it answers.
    pub fn resume(&self, kind: Kind) -> Result<(), String> {
        self.call("start", kind)
    }

    /// Stops all servers and removes their data.
    pub fn end(&self) {
        for kind in &self.kinds {
            // Also of a server that never started: then there is nothing to stop.
            self.stop(*kind).ok();
        }
        std::fs::remove_dir_all(&self.state).ok();
    }

    fn call(&self, action: &str, kind: Kind) -> Result<(), String> {
        let mut command = Command::new("bash");
        command.arg(&self.script).args([action, kind.word()]).env("GANGLION_SERVICES", &self.state);
        command.env("GANGLION_PG_PORT", self.port(Kind::Postgres).to_string());
        command.env("GANGLION_MARIA_PORT", self.port(Kind::MariaDb).to_string());
        // The servers inherit what the script has; a pipe would stay open as long as they run.
        let log = std::env::temp_dir().join(format!("ganglion-faults-{}.log", std::process::id()));
        let out = std::fs::File::create(&log).map_err(|e| format!("{}: {e}", log.display()))?;
        let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(out).status();
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        std::fs::remove_file(&log).ok();
        match status {
            Ok(status) if status.success() => Ok(()),
            _ => Err(format!("cannot {action} {}: {}", kind.name(), said.trim())),
        }
    }
}

impl Drop for Databases {
    fn drop(&mut self) {
        self.end();
    }
}
