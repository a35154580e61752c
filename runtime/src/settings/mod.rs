//! `deployment.toml` and the environment to typed settings. The only reader of the environment.
//!
//! Keys that are not read here are harmless, as in MI; sections that belong to somebody else (such as
//! `[coordination]`) are handed on as they are. Numbers may be written as text.

mod environment;
mod flat;
mod sections;
mod tls;

pub use environment::{Environment, host_name};
pub use flat::{Flat, text_of};
pub use sections::{
    ClusterConfig, DataSource, HttpListener, HttpTransport, ManagementApi, Mediation, PORT_OFFSET, Server,
    TaskHandling, User,
};
pub use tls::{
    HostNames, ListenerNames, ListenerTls, ProfilesFile, Protocols, SenderTls, StoreFile, VerifyClient,
};

use artifacts::diagnostics::{Code, Diagnostics};
use artifacts::source::{Source, SourceRef, Span};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Everything the server can be told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `[server]`.
    pub server: Server,
    /// `[transport.http]`.
    pub http: HttpTransport,
    /// `[mediation]`.
    pub mediation: Mediation,
    /// `[[datasource]]`.
    pub datasources: Vec<DataSource>,
    /// `[cluster_config]`.
    pub cluster: ClusterConfig,
    /// `[task_handling]` and `[[task_resolver]]`.
    pub task_handling: TaskHandling,
    /// `[management_api]` and `[internal_apis]`.
    pub management_api: ManagementApi,
    /// `[synapse_properties]` and the properties that `[mediation]` keys stand for, by property name.
    pub synapse_properties: BTreeMap<String, String>,
    /// `[passthru_properties]`.
    pub passthru_properties: BTreeMap<String, String>,
    /// `[coordination]`: our own section, keys as written.
    pub coordination: BTreeMap<String, String>,
    /// Every key, for sections that are not typed here.
    pub raw: Flat,
    /// The process around us.
    pub environment: Environment,
}

impl Default for Settings {
    fn default() -> Self {
        Self::of(
            Flat::default(),
            Environment::default(),
            &Source::new("deployment.toml", ""),
            &mut Diagnostics::new(),
        )
    }
}

/// Where a home keeps its settings, in the order in which they are looked for.
const PLACES: [&str; 2] = ["conf/deployment.toml", "deployment/deployment.toml"];

impl Settings {
    /// Reads `config`, or the file of the home. Without a file the defaults hold. Errors in the
    /// diagnostics mean that the server should not start.
    pub fn load(home: &Path, config: Option<&Path>, environment: Environment) -> (Self, Diagnostics) {
        let mut diagnostics = Diagnostics::new();
        let found = PLACES.iter().map(|place| home.join(place)).find(|path| path.is_file());
        let path: Option<PathBuf> = config.map(Path::to_path_buf).or(found);
        let Some(path) = path else {
            let source = Source::new("deployment.toml", "");
            return (Self::of(Flat::default(), environment, &source, &mut diagnostics), diagnostics);
        };
        let shown = path.display().to_string();
        let source = match std::fs::read(&path) {
            Ok(bytes) => Source::new(shown, String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) => {
                let source = Source::new(shown, "");
                let message = format!("cannot be read: {error}");
                diagnostics.error(Code::UNREADABLE, (&source, Span::default()), message);
                source
            }
        };
        (Self::read(&source, environment, &mut diagnostics), diagnostics)
    }

    /// Reads a text.
    pub fn read(source: &SourceRef, environment: Environment, diagnostics: &mut Diagnostics) -> Self {
        let flat = Flat::read(source, &environment, diagnostics);
        Self::of(flat, environment, source, diagnostics)
    }

    fn of(raw: Flat, environment: Environment, source: &SourceRef, diagnostics: &mut Diagnostics) -> Self {
        let mut keys = sections::Keys::new(&raw, source, diagnostics);
        let mut server = Server::read(&mut keys);
        if let Some(offset) = environment.property("portOffset").and_then(|text| text.trim().parse().ok()) {
            server.offset = offset;
        }
        if let Some(roles) = environment.property("serverRoles") {
            server.roles = roles.split(',').map(|role| role.trim().to_owned()).collect();
        }
        let mut cluster = ClusterConfig::read(&mut keys);
        let node = environment.property("nodeId").or(environment.variable("nodeId")).map(str::to_owned);
        cluster.node_id = node.or(cluster.node_id);
        let http = HttpTransport::read(&mut keys, &server.hostname, &environment);
        Self {
            server,
            http,
            mediation: Mediation::read(&mut keys),
            datasources: sections::datasources(&raw),
            cluster,
            task_handling: TaskHandling::read(&mut keys, &raw),
            management_api: ManagementApi::read(&mut keys),
            synapse_properties: sections::synapse_properties(&raw),
            passthru_properties: raw.below("passthru_properties"),
            coordination: raw.below("coordination"),
            environment,
            raw,
        }
    }

    /// A system property, or else the environment variable of that name: where MI looks for
    /// `nodeId`, `heartBeatInterval` and their like.
    pub fn of_process(&self, name: &str) -> Option<&str> {
        let value = self.environment.property(name).or(self.environment.variable(name));
        value.map(str::trim).filter(|text| !text.is_empty())
    }

    /// A synapse property by its property name.
    pub fn synapse_property(&self, name: &str) -> Option<&str> {
        self.synapse_properties.get(name).map(String::as_str)
    }

    /// A synapse property that is `true` or `false`, with the default for anything else.
    pub fn synapse_flag(&self, name: &str, default: bool) -> bool {
        match self.synapse_property(name).map(str::trim) {
            Some(text) if text.eq_ignore_ascii_case("true") => true,
            Some(text) if text.eq_ignore_ascii_case("false") => false,
            _ => default,
        }
    }

    /// A port with the offset added.
    pub fn port(&self, base: u16) -> u16 {
        let port = i32::from(base).saturating_add(self.server.offset);
        u16::try_from(port).unwrap_or(base)
    }

    /// A data source by id.
    pub fn datasource(&self, id: &str) -> Option<&DataSource> {
        self.datasources.iter().find(|datasource| datasource.id == id)
    }
}

#[cfg(test)]
mod tests;
