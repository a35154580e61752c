//! The command line of `conformance`: what to run, with which options, and the lines it prints.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cases::{self, Layout, Options, StartCommand};
use crate::command_line::CommandLine;
use crate::report::{Known, Outcome, Totals, as_json};
use crate::{binary, corpus, expressions};

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
#[derive(Debug)]
pub struct Arguments {
    what: String,
    path: PathBuf,
    options: CommandLine,
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
    pub fn read(arguments: impl Iterator<Item = String>) -> Result<Arguments, String> {
        let options = CommandLine::read(arguments, &FLAGS, &VALUED)?;
        match &*options.words {
            [what, path] => Ok(Arguments { what: what.clone(), path: path.into(), options }),
            words => Err(format!("expected a command and one path, found {}", words.join(" "))),
        }
    }

    /// Globs of `--filter`; everything when it is not given.
    pub fn filter(&self) -> Vec<String> {
        let globs = self.options.list("--filter");
        if globs.is_empty() { vec!["*".into()] } else { globs }
    }

    /// The options of a run of cases.
    pub fn case_options(&self) -> Result<Options, String> {
        let server = match self.options.get("--server") {
            Some(template) => StartCommand::template(template),
            None => StartCommand::ganglion(&binary::server()?),
        };
        let mut options = Options::new(server);
        options.filter = self.filter();
        options.without = self.options.list("--without");
        options.tag = self.options.get("--tag").map(str::to_owned);
        options.root = self.options.get("--root").map(PathBuf::from);
        options.repos = self.options.get("--repos").map(PathBuf::from);
        options.verbose = self.options.has("--verbose");
        options.keep = self.options.has("--keep");
        if let Some(name) = self.options.get("--layout") {
            options.layout = Layout::named(name).ok_or(format!("unknown layout {name}"))?;
        }
        if let Some(jobs) = self.options.number("--jobs")? {
            options.jobs = jobs;
        }
        if let Some(seconds) = self.options.number("--start-timeout")? {
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
        let Some(path) = self.options.get("--known").map(Path::new).filter(|path| path.exists()) else {
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
        if self.options.has("--update-known") {
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
        let outcomes = match self.options.get("--known") {
            None => outcomes,
            Some(path) => self.judge(Path::new(path), &outcomes, say)?,
        };
        for path in [self.options.get("--report"), self.options.get("--json")].into_iter().flatten() {
            let text = format!("{:#}\n", as_json(&outcomes));
            std::fs::write(path, text).map_err(|e| format!("{path}: {e}"))?;
        }
        Ok(Totals::of(&outcomes))
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
