//! Artifact corpora: what Micro Integrator's deployers said about each file, against what we say.
//!
//! Every `manifest.csv` below a folder is read. Files are asked in process, each as an artifact of
//! its kind, as `ganglion check` would; a panic counts as failure.

mod csv;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::pattern::glob_matches;
use crate::report::{Outcome, Verdict};

/// What a deployer says about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    Accepted,
    /// With the reason.
    Refused(String),
}

/// One file of a manifest.
#[derive(Debug)]
struct Entry {
    /// Manifest folder and file, such as `parse/api/x.xml`.
    name: String,
    path: PathBuf,
    kind: String,
    /// `None`: the original could not be asked; the file must only not break us.
    expected: Option<Word>,
    /// Folder of the manifest: `parse`, `mutants`, `not-well-formed`.
    group: String,
}

/// Agreement of one group or kind.
#[derive(Debug, Default, Clone, Copy)]
struct Agreement {
    agreed: usize,
    of: usize,
}

impl std::fmt::Display for Agreement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let percent = if self.of == 0 { 100.0 } else { self.agreed as f64 * 100.0 / self.of as f64 };
        write!(f, "{percent:6.2} %  {:5} of {:5}", self.agreed, self.of)
    }
}

/// A run: one outcome per file, and the table of agreement by group and kind.
#[derive(Debug, Default)]
pub struct Run {
    pub outcomes: Vec<Outcome>,
    pub table: Vec<String>,
}

/// Asks every file of every manifest below `dir` whose name fits a glob; `seen` is told what does
/// not agree.
pub fn run(dir: &Path, filter: &[String], seen: impl Fn(&Outcome)) -> Result<Run, String> {
    let manifests = manifests(dir);
    if manifests.is_empty() {
        return Err(format!("no manifest.csv below {}", dir.display()));
    }
    let mut run = Run::default();
    let mut counts: BTreeMap<(String, String), Agreement> = BTreeMap::new();
    for manifest in manifests {
        for entry in
            entries(&manifest)?.into_iter().filter(|e| filter.iter().any(|g| glob_matches(g, &e.name)))
        {
            let start = Instant::now();
            let verdict = judge(&entry);
            for kind in [entry.kind.as_str(), ""] {
                let count = counts.entry((entry.group.clone(), kind.to_owned())).or_default();
                count.of += usize::from(!matches!(verdict, Verdict::Skipped(_)));
                count.agreed += usize::from(verdict == Verdict::Passed);
            }
            let outcome = Outcome { name: entry.name, verdict, seconds: start.elapsed().as_secs_f64() };
            if matches!(outcome.verdict, Verdict::Failed(_)) {
                seen(&outcome);
            }
            run.outcomes.push(outcome);
        }
    }
    for ((group, kind), count) in counts {
        let label = if kind.is_empty() { format!("{group}: all") } else { format!("{group}: {kind}") };
        run.table.push(format!("{label:<36} {count}"));
    }
    Ok(run)
}

/// Paths of all manifests, sorted.
fn manifests(dir: &Path) -> Vec<PathBuf> {
    let (mut out, mut open) = (Vec::new(), vec![dir.to_owned()]);
    while let Some(dir) = open.pop() {
        for path in std::fs::read_dir(&dir).into_iter().flatten().flatten().map(|e| e.path()) {
            if path.is_dir() {
                open.push(path);
            } else if path.file_name().is_some_and(|n| n == "manifest.csv") {
                out.push(path);
            }
        }
    }
    out.sort();
    out
}

fn entries(manifest: &Path) -> Result<Vec<Entry>, String> {
    let text = std::fs::read_to_string(manifest).map_err(|e| format!("{}: {e}", manifest.display()))?;
    let folder = manifest.parent().map(Path::to_owned).unwrap_or_default();
    let group = folder.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let rows = csv::rows(&text).into_iter().map(|row| {
        let field = |name: &str| row.get(name).cloned().unwrap_or_default();
        let file = field("file");
        let expected = match field("verdict").as_str() {
            "accepted" => Some(Word::Accepted),
            "refused" => Some(Word::Refused(field("reason"))),
            // A manifest without verdicts lists files with the error of an XML parser.
            "" if row.contains_key("error") => Some(Word::Refused(field("error"))),
            _ => None,
        };
        Entry {
            name: format!("{group}/{file}"),
            path: folder.join(&file),
            kind: field("kind"),
            expected,
            group: group.clone(),
        }
    });
    Ok(rows.collect())
}

fn judge(entry: &Entry) -> Verdict {
    let bytes = match std::fs::read(&entry.path) {
        Ok(bytes) => bytes,
        Err(e) => return Verdict::Failed(format!("{}: {e}", entry.path.display())),
    };
    let asked = catch_unwind(AssertUnwindSafe(|| ask(&entry.kind, &entry.name, &bytes)));
    match (asked, &entry.expected) {
        (Err(_), _) => Verdict::Failed("it panicked".into()),
        (Ok(_), None) => Verdict::Skipped("the original gave no verdict".into()),
        (Ok(Word::Accepted), Some(Word::Accepted)) | (Ok(Word::Refused(_)), Some(Word::Refused(_))) => {
            Verdict::Passed
        }
        (Ok(Word::Accepted), Some(Word::Refused(why))) => {
            Verdict::Failed(format!("accepted, but refused by MI: {why}"))
        }
        (Ok(Word::Refused(why)), _) => Verdict::Failed(format!("refused, but accepted by MI: {why}")),
    }
}

/// Asks the runtime about one file as an artifact of its kind (`api`, `proxy`, ...; another word lets
/// the root element decide).
pub fn ask(kind: &str, name: &str, bytes: &[u8]) -> Word {
    let text = String::from_utf8_lossy(bytes);
    let source = runtime::artifacts::source::Source::new(name, text);
    let found = runtime::check::check_file(runtime::artifacts::kinds::Kind::of_word(kind), &source);
    let error = found.iter().find(|d| d.severity == runtime::artifacts::diagnostics::Severity::Error);
    error.map_or(Word::Accepted, |d| Word::Refused(d.message.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corpus(rows: &str, files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("own");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("manifest.csv"), rows).unwrap();
        for (name, text) in files {
            std::fs::write(folder.join(name), text).unwrap();
        }
        dir
    }

    #[test]
    fn verdicts_are_compared() {
        let dir = corpus(
            "file,kind,verdict,reason\na.xml,sequence,accepted,\nb.xml,sequence,refused,why\n\
             c.xml,sequence,not judged,\nd.xml,sequence,refused,x\ne.xml,sequence,accepted,\n",
            &[
                ("a.xml", "<sequence xmlns=\"http://ws.apache.org/ns/synapse\" name=\"a\"/>"),
                ("b.xml", "<sequence"),
                ("c.xml", "<sequence"),
                ("d.xml", "<sequence xmlns=\"http://ws.apache.org/ns/synapse\" name=\"d\"/>"),
            ],
        );
        let run = run(dir.path(), &["*".into()], |_| {}).unwrap();
        let letters: String = run
            .outcomes
            .iter()
            .map(|o| match o.verdict {
                Verdict::Passed => 'p',
                Verdict::Failed(_) => 'f',
                Verdict::Skipped(_) => 's',
            })
            .collect();
        assert_eq!(letters, "ppsff");
        assert!(
            run.table.iter().any(|l| l.starts_with("own: all") && l.contains("50.00 %")),
            "{:?}",
            run.table
        );
    }

    #[test]
    fn a_manifest_of_errors_asks_for_refusals() {
        let dir = corpus("file,kind,error\na.xml,api,mismatched tag\n", &[("a.xml", "<api></b>")]);
        let run = run(dir.path(), &["*".into()], |_| {}).unwrap();
        assert!(run.outcomes.iter().all(|o| o.verdict == Verdict::Passed));
    }

    #[test]
    fn a_folder_without_manifest_is_wrong_use() {
        assert!(run(tempfile::tempdir().unwrap().path(), &["*".into()], |_| {}).is_err());
    }
}
