//! One server process: started in the case's folder, ended with everything it started.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::Stop;
use crate::check::short;
use crate::wire::{self, Request};

/// How to start the server: a command line in which `{dir}`, `{port}`, `{offset}` and `{work}`
/// are filled in.
#[derive(Debug, Clone)]
pub struct StartCommand {
    pub words: Vec<String>,
    /// Whether the server answers `/healthz` at 9191 plus its offset.
    pub has_health: bool,
}

impl StartCommand {
    /// The usual command for a `ganglion` binary.
    pub fn ganglion(binary: &Path) -> StartCommand {
        let binary = binary.to_string_lossy().into_owned();
        let rest = ["run", "{dir}", "--http-port", "{port}", "--port-offset", "{offset}"];
        let words = std::iter::once(binary).chain(rest.map(str::to_owned)).collect();
        StartCommand { words, has_health: true }
    }

    /// A template given by the user; words may stand in quotes.
    pub fn template(text: &str) -> StartCommand {
        StartCommand { words: split_words(text), has_health: text.contains("{offset}") }
    }
}

/// Words of a command line: blanks separate, quotes and backslashes protect.
fn split_words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut begun) = (Vec::new(), String::new(), None, false);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(q), c) if q == c => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                begun = true;
            }
            (None | Some('"'), '\\') => {
                word.extend(chars.next());
                begun = true;
            }
            (None, c) if c.is_whitespace() => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            (_, c) => {
                word.push(c);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    words
}

/// Where a server runs.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) dir: PathBuf,
    pub(super) work: PathBuf,
    pub(super) port: u16,
    pub(super) offset: u16,
}

/// A running server and its log.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts the server and waits until it answers.
    pub(super) fn start(command: &StartCommand, place: &Place, wait: Duration) -> Result<Server, Stop> {
        let log = place.work.join("server.log");
        let out = File::create(&log)?;
        let fill = |word: &String| {
            word.replace("{dir}", &place.dir.to_string_lossy())
                .replace("{work}", &place.work.to_string_lossy())
                .replace("{port}", &place.port.to_string())
                .replace("{offset}", &place.offset.to_string())
        };
        let words: Vec<String> = command.words.iter().map(fill).collect();
        let (program, arguments) =
            words.split_first().ok_or_else(|| Stop::Fail("empty server command".into()))?;
        let child = Command::new(program)
            .args(arguments)
            .current_dir(&place.dir)
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .process_group(0)
            .spawn()
            .map_err(|e| Stop::Fail(format!("runner: cannot start {program}: {e}")))?;
        let mut server = Server { child, log };
        server.ready(command, place, wait)?;
        Ok(server)
    }

    fn ready(&mut self, command: &StartCommand, place: &Place, wait: Duration) -> Result<(), Stop> {
        let start = Instant::now();
        let mut listens = false;
        while start.elapsed() < wait {
            if let Some(status) = self.child.try_wait()? {
                let tail = self.tail();
                return Err(Stop::Fail(format!(
                    "server ended with {status} while starting; log tail: {tail}"
                )));
            }
            listens = listens || TcpStream::connect(("127.0.0.1", place.port)).is_ok();
            // A server that answers on its HTTP port but has no health port is ready all the same.
            let late = start.elapsed() > Duration::from_secs(2);
            if listens && (!command.has_health || late || is_healthy(9191 + place.offset)) {
                return Ok(());
            }
            sleep(Duration::from_millis(2));
        }
        Err(Stop::Fail(format!("server did not become ready; log tail: {}", self.tail())))
    }

    /// Everything the server has written so far.
    pub(super) fn log(&self) -> String {
        std::fs::read(&self.log).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default()
    }

    /// The last 1,500 bytes of the log.
    pub(super) fn tail(&self) -> String {
        let read = || -> std::io::Result<Vec<u8>> {
            let mut file = File::open(&self.log)?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(1500)))?;
            let mut out = Vec::new();
            file.read_to_end(&mut out)?;
            Ok(out)
        };
        read().map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default()
    }
}

/// A `ganglion` server over a folder of artifacts, for tests that are no cases. It ends when this is
/// dropped.
#[derive(Debug)]
pub struct Running {
    server: Server,
    pub port: u16,
    pub offset: u16,
    /// Holds the log.
    _work: tempfile::TempDir,
}

impl Running {
    /// Starts the binary on free ports and waits until it serves. `Err` is a sentence.
    pub fn start(binary: &Path, project: &Path) -> Result<Running, String> {
        let work = tempfile::tempdir().map_err(|e| e.to_string())?;
        let (port, offset) = (super::ports::free_port(), super::free_offset());
        let place = Place { dir: project.to_owned(), work: work.path().to_owned(), port, offset };
        match Server::start(&StartCommand::ganglion(binary), &place, Duration::from_secs(30)) {
            Ok(server) => Ok(Running { server, port, offset, _work: work }),
            Err(Stop::Fail(why) | Stop::Skip(why)) => Err(why),
        }
    }

    /// Whether the process still runs.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.server.child.try_wait(), Ok(None))
    }

    /// Process id, for its figures in `/proc`.
    pub fn pid(&self) -> u32 {
        self.server.child.id()
    }

    /// Everything the server has written so far.
    pub fn log(&self) -> String {
        self.server.log()
    }
}

/// Any answer counts: a server with a refused application is ready, and says what is wrong.
fn is_healthy(port: u16) -> bool {
    let ask = || {
        let stream = wire::connect("127.0.0.1", port, Duration::from_secs(2)).ok()?;
        let request = Request { method: "GET".into(), target: "/healthz".into(), ..Request::default() };
        wire::exchange(stream, &request.bytes("127.0.0.1"), "GET", Instant::now()).ok()
    };
    ask().is_some()
}

impl Drop for Server {
    fn drop(&mut self) {
        let group = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let signal = |signal| {
            // A group that is already gone is what we want.
            group.map(|g| kill_process_group(g, signal).ok());
        };
        signal(Signal::TERM);
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            sleep(Duration::from_millis(2));
        }
        signal(Signal::KILL);
        self.child.wait().ok();
    }
}

/// The log tail cut for a report line.
pub(super) fn shown(tail: &str) -> String {
    format!("\n    log: {}", short(tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_words() {
        assert_eq!(split_words("a 'b c' \"d \\\" e\" f\\ g ''"), ["a", "b c", "d \" e", "f g", ""]);
    }

    #[test]
    fn a_server_that_ends_at_once_fails_with_its_log() {
        let work = tempfile::tempdir().unwrap();
        let place = Place { dir: work.path().into(), work: work.path().into(), port: 1, offset: 0 };
        let command = StartCommand::template("sh -c 'echo cannot do it; exit 3'");
        let Err(Stop::Fail(why)) = Server::start(&command, &place, Duration::from_secs(5)) else { panic!() };
        assert!(why.contains("cannot do it") && why.contains('3'), "{why}");
    }

    #[test]
    fn a_server_that_never_listens_is_given_up() {
        let work = tempfile::tempdir().unwrap();
        let port = super::super::ports::free_port();
        let place = Place { dir: work.path().into(), work: work.path().into(), port, offset: 0 };
        let command = StartCommand::template("sleep 30");
        let start = Instant::now();
        let Err(Stop::Fail(why)) = Server::start(&command, &place, Duration::from_millis(100)) else {
            panic!()
        };
        assert!(why.contains("did not become ready"), "{why}");
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}
