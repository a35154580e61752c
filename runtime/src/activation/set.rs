//! What a deployment wants this process to run by itself.

use super::{InboundSource, Processor, ScheduledTask};
use crate::program::Program;
use artifacts::kinds::Artifact;
use std::path::Path;
use std::sync::Arc;

/// The activations of a deployment.
#[derive(Debug, Default)]
pub struct ActivationSet {
    /// Scheduled tasks.
    pub tasks: Vec<Arc<ScheduledTask>>,
    /// Sources of messages: inbound endpoints, and transports of proxy services.
    pub inbounds: Vec<Arc<InboundSource>>,
    /// Message processors.
    pub processors: Vec<Arc<Processor>>,
}

impl ActivationSet {
    /// Reads it from the artifacts; what does not run is logged and left out. `program` was compiled from
    /// the same artifacts and has their stores, local entries and services. `server` is the name that pinned tasks
    /// know this server by; relative paths of sources start at `home`.
    pub fn of(artifacts: &[Artifact], program: &Program, server: &str, home: &Path) -> Self {
        let mut set = Self::default();
        let lookup = |key: &str| program.local_entries.get(key).map(|entry| entry.text().to_string());
        for artifact in artifacts {
            match artifact {
                Artifact::Task(task) => set.tasks.extend(ScheduledTask::of(task, server)),
                // A listener for HTTP belongs to the program.
                Artifact::InboundEndpoint(endpoint) if program.http_inbound(&endpoint.name).is_none() => {
                    set.inbounds.extend(InboundSource::of(endpoint, home, &lookup));
                }
                // One that does not run here, or was not started, does not listen either.
                Artifact::Proxy(proxy) if program.router.proxy(&proxy.name).is_some_and(|p| p.started) => {
                    set.inbounds.extend(InboundSource::of_proxy(proxy, home));
                }
                Artifact::MessageProcessor(processor) => match Processor::of(processor, &program.stores) {
                    Ok(processor) => set.processors.push(processor),
                    Err(why) => tracing::error!("message processor '{}' does not run: {why}", processor.name),
                },
                _ => {}
            }
        }
        set
    }
}
