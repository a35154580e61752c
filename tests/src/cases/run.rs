//! Runs cases: several at once, each with its own folder, backends and server process.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::layout::{KINDS, Layout};
use super::placeholders::{self, Values};
use super::ports;
use super::server::{Place, Server, StartCommand, shown};
use super::{Stop, name_of};
use crate::json::{self, list, members, truthy};
use crate::mock::Backend;
use crate::pattern::glob_matches;
use crate::report::{Outcome, Verdict};

/// How a run is done.
#[derive(Debug, Clone)]
pub struct Options {
    pub server: StartCommand,
    pub layout: Layout,
    /// Folder that `file:` paths are relative to; `None` looks beside and above the case file.
    pub root: Option<PathBuf>,
    /// Checkouts named `owner+name` for artifacts given by repository and path.
    pub repos: Option<PathBuf>,
    /// Globs on case names; a case runs when one fits.
    pub filter: Vec<String>,
    pub tag: Option<String>,
    /// Features named by `requires` that the server leaves out: those cases are skipped.
    pub without: Vec<String>,
    pub jobs: usize,
    pub start_timeout: Duration,
    /// Adds the end of the server's log to every failure.
    pub verbose: bool,
    /// Keeps the work folders.
    pub keep: bool,
}

impl Options {
    /// The defaults of the command line for a server.
    pub fn new(server: StartCommand) -> Options {
        Options {
            server,
            layout: Layout::default(),
            root: None,
            repos: None,
            filter: vec!["*".into()],
            tag: None,
            without: Vec::new(),
            jobs: std::thread::available_parallelism().map_or(2, usize::from),
            start_timeout: Duration::from_secs(60),
            verbose: false,
            keep: false,
        }
    }
}

/// Runs case files and tells `seen` each outcome as it comes; the result is in file order.
pub fn run_all(files: &[PathBuf], options: &Options, seen: impl Fn(&Outcome) + Sync) -> Vec<Outcome> {
    let wanted = |f: &&PathBuf| options.filter.iter().any(|g| glob_matches(g, &name_of(f)));
    let files: Vec<&PathBuf> = files.iter().filter(wanted).collect();
    let next = AtomicUsize::new(0);
    let done = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.clamp(1, 36) {
            scope.spawn(|| {
                while let Some((i, file)) = claim(&next, &files) {
                    if let Some(outcome) = run_file(file, options) {
                        seen(&outcome);
                        done.lock().unwrap_or_else(PoisonError::into_inner).insert(i, outcome);
                    }
                }
            });
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
}

fn claim<'a>(next: &AtomicUsize, files: &[&'a PathBuf]) -> Option<(usize, &'a PathBuf)> {
    let i = next.fetch_add(1, Ordering::Relaxed);
    files.get(i).map(|f| (i, *f))
}

/// Runs one file; `None` when it does not carry the wanted tag.
fn run_file(file: &Path, options: &Options) -> Option<Outcome> {
    let start = Instant::now();
    let case = match read(file) {
        Ok(case) => case,
        Err(why) => return Some(outcome(file, start, Err(Stop::Fail(format!("runner: {why}"))))),
    };
    let tags: Vec<String> = list(case.get("tags")).into_iter().map(json::text).collect();
    if options.tag.as_ref().is_some_and(|t| !tags.contains(t)) {
        return None;
    }
    let run = AssertUnwindSafe(|| run_case(case, file, options));
    // A case that trips the runner itself must not end the run.
    let result = catch_unwind(run).unwrap_or_else(|_| Err(Stop::Fail("runner: it panicked".into())));
    Some(outcome(file, start, result))
}

/// A case file as a value.
pub(super) fn read(file: &Path) -> Result<Value, String> {
    let text = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    super::yaml::parse(&text).map_err(|e| format!("{}: {e}", file.display()))
}

fn outcome(file: &Path, start: Instant, result: Result<(), Stop>) -> Outcome {
    let verdict = match result {
        Ok(()) => Verdict::Passed,
        Err(Stop::Fail(why)) => Verdict::Failed(why),
        Err(Stop::Skip(why)) => Verdict::Skipped(why),
    };
    Outcome { name: name_of(file), verdict, seconds: start.elapsed().as_secs_f64() }
}

fn run_case(case: Value, file: &Path, options: &Options) -> Result<(), Stop> {
    let missing: Vec<String> = list(case.get("requires")).into_iter().map(json::text).collect();
    let missing: Vec<&String> = missing.iter().filter(|r| options.without.contains(r)).collect();
    if let Some(first) = missing.first() {
        return Err(Stop::Skip(format!("needs {first}")));
    }
    let mut run = CaseRun::new(case, file, options)?;
    let result = run.start().and_then(|()| run.steps());
    let tail = run.server.as_ref().filter(|_| options.verbose).map(|s| shown(&s.tail())).unwrap_or_default();
    run.end();
    match result {
        Err(Stop::Fail(why)) => Err(Stop::Fail(why + &tail)),
        other => other,
    }
}

/// One case while it runs.
pub(super) struct CaseRun<'a> {
    pub(super) case: Value,
    file: &'a Path,
    options: &'a Options,
    pub(super) backends: BTreeMap<String, Backend>,
    /// Named ports, chosen when they are first asked for.
    ports: RefCell<HashMap<String, u16>>,
    pub(super) vars: HashMap<String, String>,
    pub(super) server: Option<Server>,
    port: u16,
    /// Added to the ports of the server that have no option of their own.
    offset: u16,
    pub(super) work: PathBuf,
    /// The connection of the last raw request.
    pub(super) kept: Option<TcpStream>,
}

impl Values for CaseRun<'_> {
    fn value(&self, key: &str) -> Option<String> {
        let (group, rest) = key.split_once('.').unwrap_or((key, ""));
        match group {
            "tmp" if rest.is_empty() => Some(self.work.join("tmp").to_string_lossy().into_owned()),
            "backend" => {
                let (name, part) = rest.split_once('.')?;
                address(self.backends.get(name)?.port, part)
            }
            "server" if rest == "https_port" => Some((8243 + self.offset).to_string()),
            "server" => address(self.port, rest),
            "port" if !rest.is_empty() && !rest.contains('.') => Some(self.named_port(rest).to_string()),
            "var" if !rest.is_empty() && !rest.contains('.') => {
                Some(self.vars.get(rest).cloned().unwrap_or_default())
            }
            _ => None,
        }
    }
}

fn address(port: u16, part: &str) -> Option<String> {
    match part {
        "url" => Some(format!("http://127.0.0.1:{port}")),
        "authority" => Some(format!("127.0.0.1:{port}")),
        "host" => Some("127.0.0.1".into()),
        "port" => Some(port.to_string()),
        _ => None,
    }
}

impl<'a> CaseRun<'a> {
    pub(super) fn new(case: Value, file: &'a Path, options: &'a Options) -> Result<CaseRun<'a>, Stop> {
        let work = tempfile::Builder::new().prefix("case-").tempdir()?.keep();
        std::fs::create_dir(work.join("tmp"))?;
        Ok(CaseRun {
            case,
            file,
            options,
            backends: BTreeMap::new(),
            ports: RefCell::default(),
            vars: HashMap::new(),
            server: None,
            port: ports::free_port(),
            offset: ports::free_offset(),
            work,
            kept: None,
        })
    }

    fn named_port(&self, name: &str) -> u16 {
        *self.ports.borrow_mut().entry(name.to_owned()).or_insert_with(ports::free_port)
    }

    pub(super) fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(super) fn deep(&self, v: Option<&Value>) -> Value {
        v.map_or(Value::Null, |v| placeholders::deep(v, self))
    }

    fn start(&mut self) -> Result<(), Stop> {
        for dir in list(self.case.get("dirs")) {
            std::fs::create_dir_all(placeholders::substitute(&json::text(dir), self))?;
        }
        let specs: Vec<(String, Value)> =
            members(self.case.get("backends")).map(|(k, v)| (k.clone(), v.clone())).collect();
        for (name, _) in &specs {
            self.backends.insert(name.clone(), Backend::start(name)?);
        }
        for (name, spec) in &specs {
            let spec = self.deep(Some(spec));
            if let Some(backend) = self.backends.get_mut(name) {
                backend.set(spec)?;
            }
        }
        let dir = self.work.join("project");
        std::fs::create_dir(&dir)?;
        self.lay_out(&dir)?;
        let place = Place { dir, work: self.work.clone(), port: self.port, offset: self.offset };
        self.server = Some(Server::start(&self.options.server, &place, self.options.start_timeout)?);
        Ok(())
    }

    fn steps(&mut self) -> Result<(), Stop> {
        for (i, step) in list(self.case.get("steps")).into_iter().cloned().enumerate().collect::<Vec<_>>() {
            self.step(&step).map_err(|stop| match stop {
                Stop::Fail(why) => Stop::Fail(format!("step {}: {why}", i + 1)),
                skip => skip,
            })?;
        }
        Ok(())
    }

    fn end(mut self) {
        drop(self.server.take());
        self.backends.clear();
        if !self.options.keep {
            // A folder that cannot be removed is only litter.
            std::fs::remove_dir_all(&self.work).ok();
        }
    }

    /// Writes artifacts, registry content, files and the server's configuration below `base`.
    pub(super) fn lay_out(&self, base: &Path) -> Result<(), Stop> {
        let layout = self.options.layout;
        for a in list(self.case.get("artifacts")) {
            let data = self.content(a)?;
            let kind = a.get("kind").map(json::text).unwrap_or_default();
            if kind == "definitions" {
                let parts = layout.definitions(&String::from_utf8_lossy(&data))?;
                parts.into_iter().try_for_each(|(path, text)| put(base, &path, text.as_bytes()))?;
                continue;
            }
            if !KINDS.contains(&kind.as_str()) {
                return Err(Stop::Skip(format!("unknown artifact kind {kind}")));
            }
            let mut name = file_name(a);
            if ![".xml", ".dbs"].iter().any(|e| name.ends_with(e)) {
                name.push_str(".xml");
            }
            put(base, &layout.artifact(&kind, &name), &data)?;
        }
        for r in list(self.case.get("resources")) {
            let key = r.get("registry").map(json::text).unwrap_or_default();
            let path =
                layout.registry(&key).ok_or_else(|| Stop::Fail(format!("unknown registry key {key}")))?;
            put(base, &path, &self.content(r)?)?;
        }
        for f in list(self.case.get("files")) {
            put(base, &f.get("at").map(json::text).unwrap_or_default(), &self.content(f)?)?;
        }
        if truthy(self.case.get("server_config")) {
            let text = self.case.get("server_config").map(json::text).unwrap_or_default();
            put(base, "conf/deployment.toml", placeholders::substitute(&text, self).as_bytes())?;
        }
        Ok(())
    }

    /// The bytes of an artifact, resource or file, with placeholders replaced in UTF-8 text.
    pub(super) fn content(&self, a: &Value) -> Result<Vec<u8>, Stop> {
        if let Some(text) = a.get("content").map(json::text) {
            return Ok(placeholders::substitute(&text, self).into_bytes());
        }
        let path = self.source(a)?;
        let data =
            std::fs::read(&path).map_err(|_| Stop::Skip(format!("missing file {}", path.display())))?;
        let mut text = match String::from_utf8(data) {
            Ok(text) => text,
            Err(e) => return Ok(e.into_bytes()),
        };
        for r in list(a.get("rewrite")) {
            let part = |key| r.get(key).map(json::text).unwrap_or_default();
            text = text.replace(&part("find"), &part("replace"));
        }
        Ok(placeholders::substitute(&text, self).into_bytes())
    }

    fn source(&self, a: &Value) -> Result<PathBuf, Stop> {
        if let Some(file) = a.get("file").map(json::text) {
            return Ok(match &self.options.root {
                Some(root) => root.join(file),
                None => beside(self.file, &file),
            });
        }
        let repo = a.get("repo").map(json::text).unwrap_or_default();
        let path = a.get("path").map(json::text).unwrap_or_default();
        let Some(repos) = &self.options.repos else {
            return Err(Stop::Skip(format!("needs a checkout of {repo} (--repos)")));
        };
        let flat = repos.join(repo.replace('/', "+")).join(&path);
        Ok(if flat.exists() { flat } else { repos.join(repo).join(path) })
    }
}

/// The file below the nearest folder above the case file that holds it; the usual place is the
/// parent of the case folder.
fn beside(case: &Path, file: &str) -> PathBuf {
    let usual = case.parent().and_then(Path::parent).unwrap_or(Path::new("")).join(file);
    if usual.exists() {
        return usual;
    }
    case.ancestors().skip(1).take(4).map(|dir| dir.join(file)).find(|p| p.exists()).unwrap_or(usual)
}

pub(super) fn file_name(a: &Value) -> String {
    if let Some(name) = a.get("name").map(json::text) {
        return name;
    }
    let path = a.get("file").or_else(|| a.get("path")).map(json::text).unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

fn put(base: &Path, relative: &str, data: &[u8]) -> Result<(), Stop> {
    let path = base.join(relative);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    Ok(std::fs::write(path, data)?)
}
