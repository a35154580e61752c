//! Sources of messages, one folder per technology, behind the small traits of [`contract`].
//!
//! A source is given a gate (may it act now?) and somebody to deliver to. It fetches, hands a
//! [`contract::Delivery`] over, waits for the outcome, and only then settles: deletes or moves the file,
//! acknowledges the message. What is poisoned is settled as failed and never stops the source.
//!
//! This crate knows nothing of mediation: a delivery is bytes, headers and a content type. So is what goes
//! the other way: the folder of a technology has its sender, too (`file::Outbox`).

pub mod contract;

use artifacts::kinds::InboundEndpoint;
use artifacts::kinds::inbound_endpoint::InboundSource;
use contract::{ConnectorError, Inbound};
use std::path::Path;
use std::sync::Arc;

/// Looks a parameter of an artifact up; its value is already resolved.
pub type Parameters<'p> = &'p dyn Fn(&str) -> Option<String>;

type Open = fn(&str, Parameters<'_>, &Path) -> Result<Arc<dyn Inbound>, ConnectorError>;

/// One technology.
struct Technology {
    /// Protocol names and Java classes under which inbound endpoints ask for it.
    names: &'static [&'static str],
    /// Transports under which proxy services ask for it.
    transports: &'static [&'static str],
    /// Reads the parameters, by the name that asked; opens nothing.
    open: Open,
}

macro_rules! technologies {
    ($($module:ident if $feature:literal: $($name:literal),* ; $($transport:literal),* ;)*) => {
        $(#[cfg(feature = $feature)] pub mod $module;)*
        const ALL: &[Technology] = &[
            $(#[cfg(feature = $feature)] Technology {
                names: &[$($name),*],
                transports: &[$($transport),*],
                open: $module::open,
            },)*
        ];
    };
}

technologies! {
    file if "file": "file", "org.wso2.carbon.inbound.vfs.VFSConsumer"; "vfs";
}

/// The source that an inbound endpoint asks for. `None`: this build has none of that protocol or class.
///
/// # Errors
/// A parameter is missing or has a value that cannot be used.
pub fn open(
    endpoint: &InboundEndpoint,
    parameters: Parameters<'_>,
    home: &Path,
) -> Option<Result<Arc<dyn Inbound>, ConnectorError>> {
    let name = match &endpoint.source {
        InboundSource::Protocol(name) | InboundSource::Class(name) => name.as_str(),
    };
    let technology = ALL.iter().find(|technology| technology.names.contains(&name))?;
    Some((technology.open)(name, parameters, home))
}

/// The source behind a transport of a proxy service, by the service's parameters. `None`: this build
/// has none of that name.
///
/// # Errors
/// A parameter is missing or has a value that cannot be used.
pub fn listen(
    transport: &str,
    parameters: Parameters<'_>,
    home: &Path,
) -> Option<Result<Arc<dyn Inbound>, ConnectorError>> {
    let technology = ALL.iter().find(|technology| technology.transports.contains(&transport))?;
    Some((technology.open)(transport, parameters, home))
}
