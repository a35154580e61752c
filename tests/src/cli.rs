//! The command line of `conformance`: what to run, with which options, and the lines it prints.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use crate::cases::{self, Layout, Options, StartCommand};
use crate::report::{Known, Outcome, Totals, as_json};
use crate::{corpus, expressions};

/// What `--help` prints.
pub const HELP: &str = "\
Runs behaviour cases, expression tuples and artifact corpora against this build.

  conformance cases DIR|FILE        each case on a fresh server process
  conformance lint DIR|FILE         only looks at the case files
  conformance expressions FILE      tuples of input, expression and result, in process
  conformance corpus DIR            artifacts with a verdict, in process; reads every manifest.csv below DIR

  --report FILE, --json FILE        write a JSON report
  --known FILE                      what is known not to pass: name and reason per line
  --update-known                    rewrite that list from this run
  --filter GLOB[,GLOB]              only names that fit
  --verbose                         more about each failure
for cases:
  --without A,B                     skip cases that require these features
  --tag TAG                         only cases with this tag
  --jobs N                          cases at once (default: number of cores)
  --server CMD                      start this instead; {dir}, {port}, {offset}, {work} are filled in
  --root DIR                        folder that file: paths are relative to (default: above the cases)
  --repos DIR                       checkouts (owner+name) for artifacts given by repository and path
  --layout project|synapse-configs  where artifacts are put (default: project)
  --start-timeout SECONDS           default 60
  --keep                            keep the work folders
The last line is 'N passed, N failed, N skipped'; the exit code is 0 only if nothing failed.";

/// A command line that was understood.
#[derive(Debug, Default)]
pub struct Arguments {
    pub what: String,
    pub path: PathBuf,
    options: Vec<(String, String)>,
}

const FLAGS: [&str; 3] = ["--verbose", "--keep", "--update-known"];
const VALUED: [&str; 12] = [
    "--report",
    "--json",
    "--known",
    "--filter",
    "--without",
    "--tag",
    "--jobs",
    "--server",
    "--root",
    "--repos",
    "--layout",
    "--start-timeout",
];

impl Arguments {
    /// Reads arguments, the program's name not included. `Err` is a sentence for the user.
    pub fn read(mut words: impl Iterator<Item = String>) -> Result<Arguments, String> {
        let (mut named, mut options) = (Vec::new(), Vec::new());
        while let Some(word) = words.next() {
            let (key, attached) = match word.split_once('=') {
                Some((k, v)) if k.starts_with("--") => (k.to_owned(), Some(v.to_owned())),
                _ => (word, None),
            };
            if FLAGS.contains(&key.as_str()) {
                options.push((key, String::new()));
            } else if VALUED.contains(&key.as_str()) {
                let value = attached.or_else(|| words.next()).ok_or(format!("{key} needs a value"))?;
                options.push((key, value));
            } else if key.starts_with("--") {
                return Err(format!("unknown option {key}"));
            } else {
                named.push(key);
            }
        }
        match <[String; 2]>::try_from(named) {
            Ok([what, path]) => Ok(Arguments { what, path: path.into(), options }),
            Err(named) => Err(format!("expected a command and one path, found {}", named.join(" "))),
        }
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.options.iter().rev().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    fn list(&self, key: &str) -> Vec<String> {
        let parts = self.get(key).unwrap_or_default().split(',').map(str::trim);
        parts.filter(|p| !p.is_empty()).map(str::to_owned).collect()
    }

    /// Whether a flag stands on the command line.
    pub fn has(&self, flag: &str) -> bool {
        self.get(flag).is_some()
    }

    /// Globs of `--filter`; everything when it is not given.
    pub fn filter(&self) -> Vec<String> {
        let globs = self.list("--filter");
        if globs.is_empty() { vec!["*".into()] } else { globs }
    }

    /// The options of a run of cases.
    pub fn case_options(&self) -> Result<Options, String> {
        let server = match self.get("--server") {
            Some(template) => StartCommand::template(template),
            None => StartCommand::ganglion(&server_binary()?),
        };
        let mut options = Options::new(server);
        options.filter = self.filter();
        options.without = self.list("--without");
        options.tag = self.get("--tag").map(str::to_owned);
        options.root = self.get("--root").map(PathBuf::from);
        options.repos = self.get("--repos").map(PathBuf::from);
        options.verbose = self.has("--verbose");
        options.keep = self.has("--keep");
        if let Some(name) = self.get("--layout") {
            options.layout = Layout::named(name).ok_or(format!("unknown layout {name}"))?;
        }
        if let Some(jobs) = self.get("--jobs") {
            options.jobs = jobs.parse().map_err(|_| format!("--jobs: {jobs} is no number"))?;
        }
        if let Some(wait) = self.get("--start-timeout") {
            let seconds = wait.parse().map_err(|_| format!("--start-timeout: {wait} is no number"))?;
            options.start_timeout = Duration::from_secs_f64(seconds);
        }
        Ok(options)
    }

    /// Cases that surprise the list of known failures are run once more, one at a time: on a busy machine
    /// many servers at once make a slow answer look like none.
    fn second_look(
        &self,
        files: &[PathBuf],
        mut options: cases::Options,
        mut outcomes: Vec<Outcome>,
        say: impl Fn(&str) + Sync,
    ) -> Result<Vec<Outcome>, String> {
        let Some(path) = self.get("--known").map(Path::new).filter(|path| path.exists()) else {
            return Ok(outcomes);
        };
        let known = Known::read(path)?;
        let odd = |name: &str| outcomes.iter().any(|o| o.name == name && known.is_surprised_by(o));
        let again: Vec<PathBuf> = files.iter().filter(|f| odd(&cases::name_of(f))).cloned().collect();
        if again.is_empty() {
            return Ok(outcomes);
        }
        say(&format!("{} of them once more, one at a time", again.len()));
        options.jobs = 1;
        for second in cases::run_all(&again, &options, |o: &Outcome| say(&o.line())) {
            if let Some(first) = outcomes.iter_mut().find(|o| o.name == second.name) {
                *first = second;
            }
        }
        Ok(outcomes)
    }

    /// Judges a run by the list of known failures; with `--update-known` the list is rewritten first.
    fn judge(&self, path: &Path, outcomes: &[Outcome], say: impl Fn(&str)) -> Result<Vec<Outcome>, String> {
        let covered = |name: &str| self.filter().iter().any(|g| crate::pattern::glob_matches(g, name));
        let mut known = if path.exists() { Known::read(path)? } else { Known::default() };
        if self.has("--update-known") {
            known = known.updated(outcomes, covered);
            std::fs::write(path, known.text()).map_err(|e| format!("{}: {e}", path.display()))?;
        }
        known.reasons.retain(|name, _| covered(name));
        let judged = known.apply(outcomes.to_vec());
        for o in
            judged.iter().filter(|o| !outcomes.iter().any(|b| b.name == o.name && b.verdict == o.verdict))
        {
            if matches!(o.verdict, crate::report::Verdict::Failed(_)) {
                say(&o.line());
            }
        }
        Ok(judged)
    }

    /// Applies the list of known failures, writes the report, and gives the totals.
    pub fn conclude(&self, outcomes: Vec<Outcome>, say: impl Fn(&str)) -> Result<Totals, String> {
        let outcomes = match self.get("--known") {
            None => outcomes,
            Some(path) => self.judge(Path::new(path), &outcomes, say)?,
        };
        for path in [self.get("--report"), self.get("--json")].into_iter().flatten() {
            let text = format!("{:#}\n", as_json(&outcomes));
            std::fs::write(path, text).map_err(|e| format!("{path}: {e}"))?;
        }
        Ok(Totals::of(&outcomes))
    }
}

/// The server beside this program, found once per process. Under `cargo run` it is brought up to date first, because cargo
/// builds only the program it was asked for.
pub fn server_binary() -> Result<PathBuf, String> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    FOUND.get_or_init(find_server).clone()
}

fn find_server() -> Result<PathBuf, String> {
    let here = std::env::current_exe().map_err(|e| format!("where am I: {e}"))?;
    let dir = here.parent().map(Path::to_owned).unwrap_or_default();
    let dir = if dir.ends_with("deps") { dir.parent().map(Path::to_owned).unwrap_or_default() } else { dir };
    let binary = dir.join("ganglion");
    if let Some(cargo) = std::env::var_os("CARGO") {
        let mut build = std::process::Command::new(cargo);
        build.args(["build", "--quiet", "--package", "ganglion", "--bin", "ganglion"]);
        if dir.ends_with("release") {
            build.arg("--release");
        }
        let status = build.current_dir(env!("CARGO_MANIFEST_DIR")).status();
        if !status.is_ok_and(|s| s.success()) {
            return Err("the server cannot be built: cargo build --package ganglion".into());
        }
    }
    match binary.exists() {
        true => Ok(binary),
        false => {
            Err(format!("{} does not exist: build it, or name a server with --server", binary.display()))
        }
    }
}

/// Runs a whole command line and gives the exit code. `say` prints one line.
pub fn run(arguments: &Arguments, say: impl Fn(&str) + Sync) -> Result<i32, String> {
    let print = |o: &Outcome| say(&o.line());
    let outcomes = match arguments.what.as_str() {
        "cases" => {
            let files = cases::files(&arguments.path)?;
            let options = arguments.case_options()?;
            let outcomes = cases::run_all(&files, &options, print);
            arguments.second_look(&files, options, outcomes, &say)?
        }
        "expressions" => expressions::run(&arguments.path, &arguments.filter(), print)?,
        "corpus" => {
            let run = corpus::run(&arguments.path, &arguments.filter(), print)?;
            run.table.iter().for_each(|line| say(line));
            run.outcomes
        }
        "lint" => return lint(&arguments.path, say),
        other => return Err(format!("unknown command {other}")),
    };
    let totals = arguments.conclude(outcomes, &say)?;
    say(&totals.to_string());
    Ok(i32::from(totals.failed > 0))
}

fn lint(path: &Path, say: impl Fn(&str)) -> Result<i32, String> {
    let files = cases::files(path)?;
    let mut bad = 0;
    for file in &files {
        let problems = cases::lint(file);
        problems.iter().for_each(|p| say(&format!("{}: {p}", cases::name_of(file))));
        bad += usize::from(!problems.is_empty());
    }
    say(&format!("{} passed, {bad} failed, 0 skipped", files.len() - bad));
    Ok(i32::from(bad > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Arguments, String> {
        Arguments::read(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_may_stand_anywhere() {
        let a = read("cases --jobs 3 DIR --filter=a*,b --server x --keep").unwrap();
        assert_eq!((a.what.as_str(), a.path.as_path()), ("cases", Path::new("DIR")));
        let o = a.case_options().unwrap();
        assert_eq!((o.jobs, o.filter, o.keep, o.verbose), (3, vec!["a*".into(), "b".into()], true, false));
    }

    #[test]
    fn wrong_use_is_told() {
        for line in ["", "cases", "cases a b", "cases a --nope", "cases a --jobs"] {
            assert!(read(line).is_err(), "{line}");
        }
        assert!(read("cases a --server x --jobs many").unwrap().case_options().is_err());
        assert!(read("cases a --server x --layout odd").unwrap().case_options().is_err());
    }
}
