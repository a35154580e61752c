//! Paths to a program: read, inspect, compile, and say what was left out.

use crate::activation::ActivationSet;
use crate::check;
use crate::compile::{self, Options};
use crate::deploy;
use crate::program::{DeployedRegistry, Program};
use crate::router::Cors;
use crate::settings::{Settings, host_name};
use artifacts::diagnostics::{Diagnostics, Severity};
use std::path::PathBuf;
use std::sync::Arc;

/// A program and what was said on the way to it.
#[derive(Debug)]
pub(super) struct Deployed {
    pub(super) program: Arc<Program>,
    /// What this process runs by itself.
    pub(super) activations: ActivationSet,
    pub(super) diagnostics: Diagnostics,
    /// Names of applications that were left out.
    pub(super) faulty: Vec<String>,
    pub(super) artifacts: usize,
}

/// Reads and compiles everything at the paths. Never fails: what is bad is left out and reported.
pub(super) fn deploy(paths: &[PathBuf], settings: &Settings) -> Deployed {
    let deployment = deploy::deploy(paths, settings, &check::inspect);
    let set = &deployment.set;
    let artifacts: Vec<_> = set.iter().map(|deployed| deployed.artifact.clone()).collect();
    let (mut program, compiled) = compile::compile(&artifacts, &options(settings));
    let mut diagnostics = set.diagnostics.clone();
    // What refuses an artifact was found by the inspection; compiling it again only repeats warnings.
    let errors = compiled.iter().filter(|d| d.severity == Severity::Error);
    errors.for_each(|diagnostic| diagnostics.push(diagnostic.clone()));
    let faulty = set.faulty_applications().map(str::to_owned).collect();
    program.registry = Arc::new(DeployedRegistry::new(deployment.registry));
    // Without a name a task takes the host's.
    let name = server_name(settings).unwrap_or_else(host_name);
    let activations = ActivationSet::of(&artifacts, &program, &name, &deployment.home);
    Deployed { program: Arc::new(program), activations, diagnostics, faulty, artifacts: artifacts.len() }
}

fn server_name(settings: &Settings) -> Option<String> {
    settings.environment.property("SynapseServerName").map(str::to_owned)
}

fn options(settings: &Settings) -> Options {
    let property = |name: &str| settings.synapse_property(name).map(str::trim).unwrap_or_default();
    let origins = property("synapse.rest.CORSConfig.Access-Control-Allow-Origin");
    let headers = property("synapse.rest.CORSConfig.Access-Control-Allow-Headers");
    Options {
        service_path: settings.server.service_path.clone(),
        cors: Cors {
            enabled: settings.synapse_flag("synapse.rest.CORSConfig.enabled", true),
            origins: origins.split(',').map(|o| o.trim().to_owned()).filter(|o| !o.is_empty()).collect(),
            headers: http::HeaderValue::from_str(headers)
                .unwrap_or_else(|_| http::HeaderValue::from_static("")),
        },
        server_name: server_name(settings),
    }
}
