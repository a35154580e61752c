//! The `check` command: every diagnostic of artifacts, without serving them.

use crate::activation::Processor;
use crate::cli::{CheckArgs, ReportFormat};
use crate::compile::Compiler;
use crate::deploy::{self, CheckConfigs, ConfigValues};
use crate::settings::{Environment, Settings};
use crate::stores::StoreSpec;
use artifacts::diagnostics::{Code, Diagnostics, Severity};
use artifacts::kinds::{self, Artifact, Kind};
use artifacts::set::{ArtifactSet, Faulty};
use artifacts::source::SourceRef;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// What a check found.
#[derive(Debug)]
pub struct Report {
    /// Everything that was found, in the order of the files.
    pub diagnostics: Diagnostics,
    /// What MI would leave out.
    pub faulty: Vec<Faulty>,
    /// Number of artifacts that would be deployed.
    pub artifacts: usize,
}

/// Compiles the mediators of one artifact: what MI refuses in them is an error.
pub fn inspect(artifact: &Artifact) -> Diagnostics {
    let mut compiler = Compiler::default();
    for flow in artifact.flows() {
        compiler.block(flow.element.get());
    }
    compiler.diagnostics
}

/// The findings about one file as a deployer of `kind` would judge it; without a kind the root
/// element decides. References to other artifacts are not looked at.
pub fn check_file(kind: Option<Kind>, source: &SourceRef) -> Diagnostics {
    let (artifacts, mut diagnostics) = kinds::read(source, kind);
    for artifact in &artifacts {
        diagnostics.extend(inspect(artifact));
    }
    diagnostics
}

/// Checks everything at `paths` as a deployment. Placeholders without a value stay as written: they
/// say nothing about the server the artifacts are meant for.
pub fn check_paths(paths: &[PathBuf], environment: Environment) -> Report {
    let home = deploy::home_of(paths);
    let (settings, mut diagnostics) = Settings::load(&home, None, environment);
    let values = ConfigValues::load(&home, &settings.environment);
    let (set, registry) = deploy::deploy_with(paths, &settings, &CheckConfigs(&values), &inspect);
    let unresolved = artifacts::references::unresolved(&set, &|key| registry.contains(key));
    let idle = idle(&set);
    let artifacts = set.len();
    diagnostics.extend(set.diagnostics);
    diagnostics.extend(unresolved);
    diagnostics.extend(idle);
    Report { diagnostics, faulty: set.faulty, artifacts }
}

/// Warnings about message stores and processors that MI runs and this build does not. A processor
/// whose store is not deployed is found with the other references.
fn idle(set: &ArtifactSet) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    let mut stores = HashMap::new();
    for artifact in set.of_kind(Kind::MessageStore) {
        let Artifact::MessageStore(store) = artifact else { continue };
        let spec = StoreSpec::of(store);
        if !spec.is_available() {
            let class = spec.class.as_deref().unwrap_or_default();
            let message = format!(
                "message stores of class {class} are not available yet: storing in '{}' is a fault",
                spec.name
            );
            diagnostics.warning(Code::UNSUPPORTED, store.element.get().place_of("class"), message);
        }
        stores.insert(spec.name.clone(), Arc::new(spec));
    }
    for artifact in set.of_kind(Kind::MessageProcessor) {
        let Artifact::MessageProcessor(processor) = artifact else { continue };
        if !stores.contains_key(processor.message_store.key.as_str()) {
            continue;
        }
        if let Err(why) = Processor::of(processor, &stores) {
            let message = format!("the message processor '{}' does not run: {why}", processor.name);
            diagnostics.warning(Code::UNSUPPORTED, processor.element.get().place(), message);
        }
    }
    diagnostics
}

impl Report {
    /// Would MI refuse something?
    pub fn is_refused(&self) -> bool {
        self.diagnostics.has_errors() || !self.faulty.is_empty()
    }

    fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count()
    }

    /// For people: each finding with its source line, then a summary.
    pub fn to_text(&self) -> String {
        let mut text = self.diagnostics.render();
        for faulty in &self.faulty {
            let what = if faulty.is_application { "application" } else { "file" };
            text.push_str(&format!("MI would leave out the {what} {} ({})\n", faulty.name, faulty.path));
        }
        let (errors, warnings) = (self.count(Severity::Error), self.count(Severity::Warning));
        let verdict = if self.is_refused() { "refused" } else { "accepted" };
        text.push_str(&format!(
            "{verdict}: {}, {}, {}\n",
            counted(self.artifacts, "artifact"),
            counted(errors, "error"),
            counted(warnings, "warning")
        ));
        text
    }

    /// For tools: `accepted`, counts, `faulty` and `diagnostics`.
    pub fn to_json(&self) -> Value {
        let faulty = |f: &Faulty| json!({"name": f.name, "path": f.path, "application": f.is_application});
        json!({
            "accepted": !self.is_refused(),
            "artifacts": self.artifacts,
            "errors": self.count(Severity::Error),
            "warnings": self.count(Severity::Warning),
            "faulty": self.faulty.iter().map(faulty).collect::<Vec<_>>(),
            "diagnostics": self.diagnostics.to_json(),
        })
    }
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Runs the command: 0 when MI would deploy all of it, 1 when something would be refused.
#[allow(clippy::print_stdout)] // The report is the output of the command.
pub fn command(args: &CheckArgs) -> ExitCode {
    let report = check_paths(&args.paths, Environment::of_process());
    match args.format {
        ReportFormat::Human => print!("{}", report.to_text()),
        ReportFormat::Json => println!("{:#}", report.to_json()),
    }
    if report.is_refused() { ExitCode::from(1) } else { ExitCode::SUCCESS }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NS: &str = "http://ws.apache.org/ns/synapse";

    fn check(files: &[(&str, String)]) -> Report {
        let home = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(home.path().join(name), text).unwrap();
        }
        check_paths(&[home.path().to_path_buf()], Environment::default())
    }

    #[test]
    fn good_artifacts_are_accepted() {
        let report = check(&[("s.xml", format!("<sequence name='s' xmlns='{NS}'><drop/></sequence>"))]);
        assert!(!report.is_refused(), "{}", report.to_text());
        assert!(report.to_text().ends_with("accepted: 1 artifact, 0 errors, 0 warnings\n"));
    }

    #[test]
    fn an_unknown_mediator_is_refused() {
        let report = check(&[("s.xml", format!("<sequence name='s' xmlns='{NS}'><dorp/></sequence>"))]);
        assert!(report.is_refused());
        let json = report.to_json();
        assert_eq!(json["diagnostics"][0]["code"], "A0105");
        assert_eq!(json["diagnostics"][0]["line"], 1);
        assert!(json["faulty"][0]["path"].as_str().is_some_and(|path| path.ends_with("s.xml")));
    }

    #[test]
    fn placeholders_without_a_value_are_no_error() {
        let text = format!("<endpoint name='e' xmlns='{NS}'><address uri='$SYSTEM:NOWHERE_SET'/></endpoint>");
        assert!(!check(&[("e.xml", text)]).is_refused());
    }

    #[test]
    fn unresolved_references_are_warnings() {
        let text = format!("<sequence name='s' xmlns='{NS}' onError='gone'><drop/></sequence>");
        let report = check(&[("s.xml", text)]);
        assert!(!report.is_refused());
        assert!(report.to_text().contains("warning[A0301]"), "{}", report.to_text());
    }

    /// The last warning about a sampling processor whose store has these attributes.
    fn warning_of_processor(store: &str) -> Option<String> {
        const SAMPLING: &str = "org.apache.synapse.message.processor.impl.sampler.SamplingProcessor";
        let processor = format!(
            "<messageProcessor name='p' class='{SAMPLING}' messageStore='s' xmlns='{NS}'>\
             <parameter name='sequence'>q</parameter></messageProcessor>"
        );
        let store = format!("<messageStore {store} xmlns='{NS}'/>");
        let sequence = format!("<sequence name='q' xmlns='{NS}'><drop/></sequence>");
        let report = check(&[("p.xml", processor), ("q.xml", sequence), ("s.xml", store)]);
        assert!(!report.is_refused(), "{}", report.to_text());
        report.diagnostics.iter().last().map(|diagnostic| diagnostic.message.clone())
    }

    #[test]
    fn a_processor_that_does_not_run_is_told() {
        assert_eq!(warning_of_processor("name='s'"), None);
        let missing = warning_of_processor("name='other'").unwrap();
        assert_eq!(
            missing,
            "the message-store 's' is not in this deployment: the message processor does not run"
        );
        let class = "org.apache.synapse.message.store.impl.jdbc.JDBCMessageStore";
        let unavailable = warning_of_processor(&format!("name='s' class='{class}'")).unwrap();
        let expected = format!("the message store 's' is of class {class}, which is not available yet");
        assert_eq!(unavailable, format!("the message processor 'p' does not run: {expected}"));
    }
}
