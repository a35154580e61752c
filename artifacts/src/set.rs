//! All artifacts of a deployment by kind and name, with what was refused and why.
//!
//! An archive is taken whole or not at all; a loose file, or a file of a project folder, that is refused
//! leaves the rest alone.

use crate::bundle::{Application, ConfigEntry, File, Item, LooseFile, Resource};
use crate::config::ConfigSource;
use crate::diagnostics::{Code, Diagnostics};
use crate::kinds::api::VersionStrategy;
use crate::kinds::local_entry::EntryValue;
use crate::kinds::{self, Api, Artifact, Judged, Kind, Versioning};
use crate::source::{Source, Span};
use std::collections::HashMap;
use std::sync::Arc;

/// A deployed artifact.
#[derive(Debug, Clone)]
pub struct Deployed {
    /// The artifact.
    pub artifact: Artifact,
    /// Application it belongs to; absent for loose files.
    pub application: Option<Arc<str>>,
}

/// An application or file that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faulty {
    /// Name of the application, or path of the file.
    pub name: String,
    /// Archive, folder or file.
    pub path: String,
    /// A whole application: `/healthz` speaks of these.
    pub is_application: bool,
}

/// All artifacts of a deployment.
#[derive(Debug, Clone, Default)]
pub struct ArtifactSet {
    artifacts: Vec<Deployed>,
    names: HashMap<(Space, String), usize>,
    /// Registry content by key; later applications replace it.
    pub resources: HashMap<String, Resource>,
    /// Operation packages, still packed.
    pub libraries: Vec<File>,
    /// Configurable values of all applications.
    pub configs: Vec<ConfigEntry>,
    /// Applications that were taken: name and version.
    pub applications: Vec<(String, String)>,
    /// Versions go into names of APIs and proxies too, when an application asks for versions.
    pub expose_versioned_services: bool,
    /// What was left out.
    pub faulty: Vec<Faulty>,
    /// Findings about everything, also about what was taken.
    pub diagnostics: Diagnostics,
}

/// Kinds that share their names: MI keeps sequences, endpoints, templates and entries in one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Space {
    Local,
    Of(Kind),
}

fn space(kind: Kind) -> Space {
    match kind {
        Kind::Sequence | Kind::Endpoint | Kind::Template | Kind::LocalEntry => Space::Local,
        other => Space::Of(other),
    }
}

/// Looks inside an artifact beyond its envelope: the runtime compiles its mediators.
pub type Inspect<'i> = &'i dyn Fn(&Artifact) -> Diagnostics;

impl ArtifactSet {
    /// Artifacts in the order of deployment.
    pub fn iter(&self) -> impl Iterator<Item = &Deployed> {
        self.artifacts.iter()
    }

    /// Number of artifacts.
    pub fn len(&self) -> usize {
        self.artifacts.len()
    }

    /// Nothing at all.
    pub fn is_empty(&self) -> bool {
        self.artifacts.is_empty()
    }

    /// An artifact by kind and name.
    pub fn get(&self, kind: Kind, name: &str) -> Option<&Artifact> {
        let at = self.names.get(&(space(kind), name.to_owned()))?;
        let artifact = &self.artifacts.get(*at)?.artifact;
        (artifact.kind() == kind).then_some(artifact)
    }

    /// Artifacts of one kind.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Artifact> {
        self.artifacts.iter().map(|deployed| &deployed.artifact).filter(move |a| a.kind() == kind)
    }

    /// Is there a sequence, endpoint, template or entry of this name?
    pub fn has_local(&self, name: &str) -> bool {
        self.names.contains_key(&(Space::Local, name.to_owned()))
    }

    /// Names of applications that were left out.
    pub fn faulty_applications(&self) -> impl Iterator<Item = &str> {
        self.faulty.iter().filter(|faulty| faulty.is_application).map(|faulty| &*faulty.name)
    }

    /// Deploys a loose file.
    pub fn add_loose(&mut self, file: &LooseFile, configs: &dyn ConfigSource, inspect: Inspect<'_>) {
        let (artifacts, mut findings) = kinds::read_judged(&file.source, file.kind, configs, None);
        let mut taken = Vec::new();
        for Judged { artifact, is_refused } in artifacts {
            let mark = findings.len();
            findings.extend(inspect(&artifact));
            self.check_new(&artifact, &taken, None, &mut findings);
            // A whole configuration loses only the parts that are refused.
            if !is_refused && !findings.has_errors_since(mark) {
                taken.push(artifact);
            }
        }
        if findings.has_errors() {
            let path = file.source.path.clone();
            self.faulty.push(Faulty { name: path.clone(), path, is_application: false });
        }
        self.diagnostics.extend(findings);
        for artifact in taken {
            self.insert(artifact, None);
        }
    }

    /// Deploys an application: an archive whole or not at all, a folder file by file. `found` are findings from opening it.
    pub fn add_application(
        &mut self,
        app: Application,
        found: Diagnostics,
        configs: &dyn ConfigSource,
        inspect: Inspect<'_>,
    ) {
        let mut findings = found;
        let name: Arc<str> = app.name.as_str().into();
        self.check_identity(&app, &mut findings);
        let mut taken: Vec<Artifact> = Vec::new();
        let mut others = Vec::new();
        let versioning = Versioning::of(app.descriptor.as_ref(), self.expose_versioned_services);
        for item in app.items {
            let Item::Artifact { kind, source } = item else {
                others.push(item);
                continue;
            };
            let (artifacts, list) = kinds::read_judged(&source, Some(kind), configs, versioning.as_ref());
            findings.extend(list);
            for Judged { artifact, is_refused } in artifacts {
                let mark = findings.len();
                findings.extend(inspect(&artifact));
                let free = self.check_new(&artifact, &taken, Some(&name), &mut findings);
                if free && !is_refused && !findings.has_errors_since(mark) {
                    taken.push(artifact);
                }
            }
        }
        let failed = findings.has_errors();
        self.diagnostics.extend(findings);
        if failed {
            self.faulty.push(Faulty { name: app.name.clone(), path: app.path.clone(), is_application: true });
            if !app.is_folder {
                return;
            }
        }
        for other in others {
            match other {
                Item::Resource(mut resource) => {
                    if let Some(versioning) = &versioning {
                        versioning.rename_resource(&mut resource);
                    }
                    self.resources.insert(resource.key.clone(), resource);
                }
                Item::Config(entries) => self.configs.extend(entries),
                Item::Library(file) => self.libraries.push(file),
                Item::Other { kind, name } => {
                    let source = Source::new(app.path.clone(), "");
                    let message = format!("'{name}' of the kind '{kind}' is not run by this version");
                    self.diagnostics.warning(Code::UNSUPPORTED, (&source, Span::default()), message);
                }
                Item::Artifact { .. } => {}
            }
        }
        for artifact in taken {
            self.insert(artifact, Some(name.clone()));
        }
        self.applications.push((app.name, app.version));
    }

    /// Fills in local entries with `src`. What cannot be loaded is reported and left as it is: MI refuses
    /// the entry, and whoever uses it finds nothing.
    pub fn load_entries(&mut self, load: &dyn Fn(&str) -> Result<Vec<u8>, String>) {
        for deployed in &mut self.artifacts {
            let Artifact::LocalEntry(entry) = &mut deployed.artifact else { continue };
            let EntryValue::Source(url) = &entry.value else { continue };
            match load(url) {
                Ok(bytes) => entry.value = EntryValue::of_content(url, &bytes),
                Err(problem) => {
                    let message = format!("the local entry '{}' cannot be loaded: {problem}", entry.key);
                    self.diagnostics.warning(Code::UNREADABLE, entry.element.get().place_of("src"), message);
                }
            }
        }
    }

    /// Records an application that could not even be opened.
    pub fn add_faulty_application(&mut self, name: &str, path: &str, found: Diagnostics) {
        self.diagnostics.extend(found);
        self.faulty.push(Faulty { name: name.to_owned(), path: path.to_owned(), is_application: true });
    }

    fn check_identity(&self, app: &Application, findings: &mut Diagnostics) {
        let known = |(name, version): &(String, String)| *name == app.name && *version == app.version;
        if self.applications.iter().any(known) {
            let source = Source::new(app.path.clone(), "");
            let message =
                format!("an application '{}' version '{}' is deployed already", app.name, app.version);
            findings.error(Code::DUPLICATE, (&source, Span::default()), message);
        }
    }

    /// May the artifact be added? `false` without an error: something deployed wins over it silently.
    fn check_new(
        &self,
        artifact: &Artifact,
        beside: &[Artifact],
        application: Option<&Arc<str>>,
        findings: &mut Diagnostics,
    ) -> bool {
        if matches!(artifact.kind(), Kind::Other | Kind::Registry) {
            return true;
        }
        let name = artifact.name();
        let key = (space(artifact.kind()), name.clone());
        let deployed = self.names.get(&key).and_then(|at| self.artifacts.get(*at));
        let place = artifact.element().get().place_of("name");
        let replaces_default = artifact.kind() == Kind::Sequence && matches!(&*name, "main" | "fault");
        if let Some(found) = deployed
            && found.application.is_none()
            && application.is_some()
        {
            let message = format!(
                "the {} '{name}' of the application is left out: a loose file defines it",
                artifact.kind()
            );
            findings.warning(Code::DUPLICATE, place, message);
            return false;
        }
        let same = |other: &&Artifact| space(other.kind()) == key.0 && other.name() == name;
        let first = deployed.map(|found| &found.artifact).or_else(|| beside.iter().find(same));
        if let Some(first) = first
            && !replaces_default
        {
            let message = format!("the {} '{name}' is defined twice", artifact.kind());
            let hint = format!("the first one is {}", whereabouts(first));
            findings.error(Code::DUPLICATE, place, message).with_hint(hint);
            return true;
        }
        self.check_context(artifact, beside, findings);
        true
    }

    /// Two APIs with the same context and version cannot both be reached.
    fn check_context(&self, artifact: &Artifact, beside: &[Artifact], findings: &mut Diagnostics) {
        let Artifact::Api(api) = artifact else { return };
        let deployed = self.artifacts.iter().map(|deployed| &deployed.artifact).chain(beside);
        let mut others = deployed.filter_map(|other| match other {
            Artifact::Api(other) if same_address(api, other) => Some(other),
            _ => None,
        });
        if let Some(other) = others.next() {
            let message =
                format!("the APIs '{}' and '{}' have the same context", other.full_name(), api.full_name());
            let place = api.element.get().place_of("context");
            let hint = format!("the first one is {}", whereabouts(&Artifact::Api(other.clone())));
            findings.error(Code::DUPLICATE, place, message).with_hint(hint);
        }
    }

    fn insert(&mut self, artifact: Artifact, application: Option<Arc<str>>) {
        let key = (space(artifact.kind()), artifact.name());
        let deployed = Deployed { artifact, application };
        match self.names.get(&key) {
            Some(at) if !matches!(key.0, Space::Of(Kind::Other | Kind::Registry)) => {
                if let Some(slot) = self.artifacts.get_mut(*at) {
                    *slot = deployed;
                }
            }
            _ => {
                self.names.insert(key, self.artifacts.len());
                self.artifacts.push(deployed);
            }
        }
    }
}

fn same_address(one: &Api, other: &Api) -> bool {
    let version = |api: &Api| match &api.version {
        VersionStrategy::None | VersionStrategy::Context(_) => String::new(),
        VersionStrategy::Url(version) => version.clone(),
    };
    one.context == other.context
        && version(one) == version(other)
        && one.hostname == other.hostname
        && one.port == other.port
        && one.binds_to == other.binds_to
}

fn whereabouts(artifact: &Artifact) -> String {
    let element = artifact.element().get();
    let at = element.source().location(element.span().start);
    format!("{}:{}:{}", element.source().path, at.line, at.column)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::{Descriptor, LooseFile};
    use crate::config::NoConfigs;
    use crate::xml::SYNAPSE;

    fn nothing(_: &Artifact) -> Diagnostics {
        Diagnostics::new()
    }

    fn sequence(name: &str) -> String {
        format!("<sequence name='{name}' xmlns='{SYNAPSE}'/>")
    }

    fn loose(path: &str, text: &str) -> LooseFile {
        LooseFile { kind: None, source: Source::new(path, text) }
    }

    fn app(name: &str, texts: &[&str]) -> Application {
        let item = |(at, text): (usize, &&str)| Item::Artifact {
            kind: Kind::Sequence,
            source: Source::new(format!("{name}/{at}.xml"), *text),
        };
        Application {
            name: name.into(),
            version: "1".into(),
            path: format!("{name}.car"),
            items: texts.iter().enumerate().map(item).collect(),
            ..Application::default()
        }
    }

    #[test]
    fn a_bad_loose_file_is_left_out_alone() {
        let mut set = ArtifactSet::default();
        set.add_loose(&loose("a.xml", &sequence("a")), &NoConfigs, &nothing);
        set.add_loose(&loose("b.xml", "<sequence"), &NoConfigs, &nothing);
        set.add_loose(&loose("a2.xml", &sequence("a")), &NoConfigs, &nothing);
        assert_eq!(set.len(), 1);
        assert_eq!(set.faulty.len(), 2);
        assert!(set.diagnostics.render().contains("the first one is a.xml:1:1"));
        assert!(set.get(Kind::Sequence, "a").is_some() && set.get(Kind::Endpoint, "a").is_none());
    }

    #[test]
    fn what_reads_with_an_error_is_left_out() {
        let mut set = ArtifactSet::default();
        let api = format!("<api name='a' context='/a' port='x' xmlns='{SYNAPSE}'><resource/></api>");
        set.add_loose(&loose("a.xml", &api), &NoConfigs, &nothing);
        let both = format!("<definitions xmlns='{SYNAPSE}'>{api}<sequence name='s'/></definitions>");
        set.add_loose(&loose("d.xml", &both), &NoConfigs, &nothing);
        assert_eq!(set.iter().map(|d| d.artifact.name()).collect::<Vec<_>>(), ["s"]);
        assert_eq!(set.faulty.len(), 2);
    }

    #[test]
    fn a_bad_artifact_takes_its_application_out() {
        let mut set = ArtifactSet::default();
        set.add_application(app("good", &[&sequence("a")]), Diagnostics::new(), &NoConfigs, &nothing);
        set.add_application(app("bad", &[&sequence("b"), "<x/>"]), Diagnostics::new(), &NoConfigs, &nothing);
        let refuse = |artifact: &Artifact| {
            let mut found = Diagnostics::new();
            found.error(Code::UNKNOWN_MEDIATOR, artifact.element().get().place(), "no");
            found
        };
        set.add_application(app("worse", &[&sequence("c")]), Diagnostics::new(), &NoConfigs, &refuse);
        assert_eq!(set.len(), 1);
        assert_eq!(set.faulty_applications().collect::<Vec<_>>(), ["bad", "worse"]);
    }

    #[test]
    fn a_project_keeps_its_good_artifacts() {
        let mut set = ArtifactSet::default();
        let project = Application {
            is_folder: true,
            ..app("p", &[&sequence("a"), "<x/>", &sequence("a"), &sequence("b")])
        };
        set.add_application(project, Diagnostics::new(), &NoConfigs, &nothing);
        assert_eq!(set.len(), 2);
        assert_eq!(set.faulty_applications().collect::<Vec<_>>(), ["p"]);
    }

    #[test]
    fn a_loose_file_wins_over_an_application() {
        let mut set = ArtifactSet::default();
        set.add_loose(&loose("a.xml", &sequence("a")), &NoConfigs, &nothing);
        set.add_application(
            app("x", &[&sequence("a"), &sequence("b")]),
            Diagnostics::new(),
            &NoConfigs,
            &nothing,
        );
        assert_eq!((set.len(), set.faulty.len()), (2, 0));
        set.add_application(app("y", &[&sequence("b")]), Diagnostics::new(), &NoConfigs, &nothing);
        assert_eq!(set.faulty.len(), 1);
    }

    #[test]
    fn versions_of_an_application_stand_side_by_side() {
        let mut set = ArtifactSet::default();
        for version in ["1", "2"] {
            let descriptor =
                Descriptor { id: format!("g__a__{version}"), versioned: true, ..Descriptor::default() };
            let app = Application {
                version: version.into(),
                descriptor: Some(descriptor),
                ..app("a", &[&sequence("s")])
            };
            set.add_application(app, Diagnostics::new(), &NoConfigs, &nothing);
        }
        assert!(set.faulty.is_empty(), "{}", set.diagnostics.render());
        let names: Vec<String> = set.iter().map(|d| d.artifact.name()).collect();
        assert_eq!(names, ["g__a__1__s", "g__a__2__s"]);
    }

    #[test]
    fn an_application_replaces_main() {
        let mut set = ArtifactSet::default();
        set.add_application(app("x", &[&sequence("main")]), Diagnostics::new(), &NoConfigs, &nothing);
        set.add_application(app("y", &[&sequence("main")]), Diagnostics::new(), &NoConfigs, &nothing);
        assert_eq!((set.len(), set.faulty.len()), (1, 0));
        assert_eq!(set.iter().next().and_then(|d| d.application.clone()).as_deref(), Some("y"));
    }

    #[test]
    fn apis_need_their_own_context() {
        let api = |name: &str| format!("<api name='{name}' context='/c' xmlns='{SYNAPSE}'><resource/></api>");
        let mut set = ArtifactSet::default();
        set.add_loose(&loose("a.xml", &api("a")), &NoConfigs, &nothing);
        set.add_loose(&loose("b.xml", &api("b")), &NoConfigs, &nothing);
        assert_eq!(set.len(), 1);
        assert_eq!(set.diagnostics.iter().next().map(|d| d.span), Some(Span { start: 23, end: 25 }));
    }
}
