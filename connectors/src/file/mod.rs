//! Files in a folder of this machine: `protocol="file"`.
//!
//! Each poll lists the folder, and hands over one file after the other: lock (`<file>.lock`), read,
//! mediate, then delete or move, then unlock. A file whose delete or move failed gets a marker
//! (`<file>.fail`) and is not mediated again; the action is retried.
//!
//! Follows MI's built-in file inbound: `ActionAfterProcess` other than the exact word `MOVE` deletes,
//! and so does `NONE`. At least once: a crash between mediation and the action repeats the file.

mod action;
mod inbound;
mod lock;
mod params;
#[cfg(test)]
mod tests;

pub use inbound::FileInbound;
pub use params::{Action, FileParams, Sort};

use crate::Parameters;
use crate::contract::{ConnectorError, Inbound};
use std::path::Path;
use std::sync::Arc;

/// Reads the parameters of an inbound endpoint. Relative paths start at `home`.
pub(crate) fn open(parameters: Parameters<'_>, home: &Path) -> Result<Arc<dyn Inbound>, ConnectorError> {
    Ok(Arc::new(FileInbound::new(FileParams::read(parameters, home)?)))
}
