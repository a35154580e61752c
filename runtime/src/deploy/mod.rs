//! Paths to a set of artifacts: folders are walked, archives unpacked, applications ordered.
//!
//! Nothing here trusts its input: damaged archives, escaping names and bombs are findings, and what
//! cannot be read leaves the rest alone. The first path is the working home.

mod archive;
mod configs;
mod files;
mod registry;

pub use archive::{Limits, unpack};
pub use configs::{CheckConfigs, ConfigValues};
pub use registry::{Entry, Registry, canonical_key};

use crate::settings::Settings;
use artifacts::bundle::{self, Application, File, Folder, LooseFile, Resource, ServerRoles};
use artifacts::config::ConfigSource;
use artifacts::diagnostics::{Code, Diagnostics};
use artifacts::set::{ArtifactSet, Inspect};
use artifacts::source::{Source, Span};
use std::path::{Path, PathBuf};

/// What was found at the paths.
#[derive(Debug)]
pub struct Deployment {
    /// Artifacts, findings, and what was left out.
    pub set: ArtifactSet,
    /// Registry resources by key.
    pub registry: Registry,
    /// Working home: relative files start here.
    pub home: PathBuf,
    /// Values for placeholders and `${configs.key}` expressions.
    pub configs: ConfigValues,
}

/// The working home for these paths: the first folder, or the folder of the first file.
pub fn home_of(paths: &[PathBuf]) -> PathBuf {
    match paths.first() {
        Some(path) if path.is_dir() => path.clone(),
        Some(path) => {
            path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_path_buf()
        }
        None => PathBuf::from("."),
    }
}

/// Reads everything at `paths`. `inspect` looks inside artifacts: what it refuses is left out too.
pub fn deploy(paths: &[PathBuf], settings: &Settings, inspect: Inspect<'_>) -> Deployment {
    let home = home_of(paths);
    let configs = ConfigValues::load(&home, &settings.environment);
    let (mut set, registry) = deploy_with(paths, settings, &configs, inspect);
    set.load_entries(&|url| load_entry(&home, url));
    Deployment { set, registry, home, configs }
}

/// The content of a `file:` URL, relative to the home. Other schemes would make a start wait for the
/// network and are not loaded.
fn load_entry(home: &Path, url: &str) -> Result<Vec<u8>, String> {
    let Some(path) = url.strip_prefix("file:") else {
        return Err(format!("only file: URLs are loaded, not '{url}'"));
    };
    let path = path.strip_prefix("//").unwrap_or(path);
    files::read_limited(&home.join(path)).map_err(|problem| format!("'{path}' {problem}"))
}

/// Like [`deploy`], with values for placeholders from elsewhere.
pub fn deploy_with(
    paths: &[PathBuf],
    settings: &Settings,
    configs: &dyn ConfigSource,
    inspect: Inspect<'_>,
) -> (ArtifactSet, Registry) {
    let mut found = Found { roles: ServerRoles(settings.server.roles.clone()), ..Found::default() };
    for path in paths {
        found.open(path);
    }
    let mut set = ArtifactSet::default();
    set.expose_versioned_services = settings.mediation.expose_versioned_services;
    set.diagnostics.extend(found.diagnostics);
    for resource in found.resources {
        set.resources.insert(resource.key.clone(), resource);
    }
    set.libraries.extend(found.libraries);
    for loose in &found.loose {
        set.add_loose(loose, configs, inspect);
    }
    let mut order = Diagnostics::new();
    let (archives, projects): (Vec<_>, Vec<_>) =
        found.applications.into_iter().partition(|(app, _)| app.path.ends_with(".car"));
    let (archives, mut findings): (Vec<Application>, Vec<(String, Diagnostics)>) = archives
        .into_iter()
        .map(|(app, list)| {
            let path = app.path.clone();
            (app, (path, list))
        })
        .unzip();
    for app in bundle::deployment_order(archives, &mut order) {
        let at = findings.iter().position(|(path, _)| *path == app.path);
        let list = at.map(|at| findings.swap_remove(at).1).unwrap_or_default();
        set.add_application(app, list, configs, inspect);
    }
    set.diagnostics.extend(order);
    for (app, list) in projects {
        set.add_application(app, list, configs, inspect);
    }
    for (name, path, list) in found.faulty {
        set.add_faulty_application(&name, &path, list);
    }
    let registry = Registry::new(std::mem::take(&mut set.resources), found.roots);
    (set, registry)
}

/// What the paths hold, before anything is read as an artifact.
#[derive(Default)]
struct Found {
    roles: ServerRoles,
    loose: Vec<LooseFile>,
    applications: Vec<(Application, Diagnostics)>,
    faulty: Vec<(String, String, Diagnostics)>,
    resources: Vec<Resource>,
    libraries: Vec<File>,
    /// `registry` folders on disk.
    roots: Vec<PathBuf>,
    diagnostics: Diagnostics,
}

impl Found {
    fn open(&mut self, path: &Path) {
        let shown = path.display().to_string();
        if path.is_dir() {
            self.open_folder(path, &shown);
            return;
        }
        let bytes = match files::read_limited(path) {
            Ok(bytes) => bytes,
            Err(problem) => return self.unreadable(&shown, &problem),
        };
        let file = File::new(shown.clone(), bytes);
        if file.has_extension("car") || file.has_extension("zip") {
            self.open_archive(&file, 0);
        } else if file.has_extension("xml") {
            self.loose.push(LooseFile { kind: None, source: file.source("") });
        } else {
            self.unreadable(&shown, "expected a folder, a .car archive or an .xml file");
        }
    }

    fn unreadable(&mut self, path: &str, problem: &str) {
        let source = Source::new(path, "");
        self.diagnostics.error(Code::UNREADABLE, (&source, Span::default()), problem);
    }

    fn open_folder(&mut self, path: &Path, shown: &str) {
        let files = files::walk(path, &mut self.diagnostics);
        let Folder { loose, applications, archives, libraries, resources, .. } =
            bundle::open_folder(shown, &files, &mut self.diagnostics);
        self.loose.extend(loose);
        self.applications.extend(applications.into_iter().map(|app| (app, Diagnostics::new())));
        self.libraries.extend(libraries);
        self.resources.extend(resources);
        let root = path.join("registry");
        if root.is_dir() {
            self.roots.push(root);
        }
        for archive in &archives {
            self.open_archive(archive, 0);
        }
    }

    fn open_archive(&mut self, file: &File, depth: usize) {
        let mut findings = Diagnostics::new();
        let members = archive::unpack(&file.path, &file.bytes, &Limits::default(), &mut findings);
        let app =
            members.and_then(|members| bundle::application(&file.path, &members, &self.roles, &mut findings));
        let Some(mut app) = app else {
            let name = file.name().trim_end_matches(".car").to_owned();
            self.faulty.push((name, file.path.clone(), findings));
            return;
        };
        // Archives inside a fat archive are deployed first, as applications of their own.
        for inner in std::mem::take(&mut app.embedded) {
            if depth < 2 {
                let path = format!("{}!/{}", file.path, inner.path);
                self.open_archive(&File { path, bytes: inner.bytes }, depth + 1);
            }
        }
        self.applications.push((app, findings));
    }
}

#[cfg(test)]
mod tests;
