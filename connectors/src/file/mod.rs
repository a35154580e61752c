//! Files of this machine: `protocol="file"`, MI's class `VFSConsumer`, and the transport `vfs` with its
//! listener for proxy services and its sender (`outbox.rs`).
//!
//! Each poll lists the folder, and hands over one file after the other: lock (`<file>.lock`), read,
//! mediate, then delete or move, then unlock. A file whose delete or move failed gets a marker
//! (`<file>.fail`) and is not mediated again; the action is retried.
//!
//! At least once: a file is repeated when the process dies, or loses its lease, between mediation and
//! the action; with the default `sequential=true` at most one file for each such event. A file that
//! changes while it is mediated is mediated again. Nothing is lost to a crash: whoever takes over removes
//! the lock of the dead (`lock.rs` says when).
//!
//! Follows MI's built-in file inbound: `ActionAfterProcess` other than the exact word `MOVE` deletes,
//! and so does `NONE`. Where MI loses files this source does not follow: with `sequential=false` up to
//! 20 files are mediated at the same time, and each is settled by its own outcome; a failed file whose
//! action is retried is never treated as processed. `Streaming` has no effect, files are read whole.
//! The class has what its parameters are meant to do, not what MI makes of them.
//!
//! File work is done on blocking threads (`work.rs`), in order for each file; the loop is in `inbound.rs`.

mod action;
mod inbound;
mod lock;
mod look;
mod marker;
mod outbox;
mod params;
mod place;
#[cfg(test)]
mod tests;
mod work;

pub use inbound::FileInbound;
pub use outbox::{OutFile, Outbox};
pub use params::{Action, Dialect, Due, FileParams, Sort, Target};

use crate::Parameters;
use crate::contract::{ConnectorError, Inbound};
use place::local_path;
use std::path::Path;
use std::sync::Arc;

/// Reads the parameters of an inbound endpoint, or of a proxy service by the name of its transport.
/// Relative paths start at `home`.
pub(crate) fn open(
    name: &str,
    parameters: Parameters<'_>,
    home: &Path,
) -> Result<Arc<dyn Inbound>, ConnectorError> {
    let dialect = match name {
        "file" => Dialect::BuiltIn,
        "vfs" => Dialect::Proxy,
        _ => Dialect::Class,
    };
    let params = FileParams::read(parameters, home, dialect)?;
    Ok(Arc::new(FileInbound::new(params)))
}
