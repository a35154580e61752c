//! What lives as long as the process and is shared by every program: limits, the working home, clients.

use std::path::PathBuf;

/// Sizes that bound what one message can cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Largest body that is read into memory, in bytes. Default 256 MiB.
    pub body_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { body_bytes: 256 * 1024 * 1024 }
    }
}

/// Process-wide services.
#[derive(Debug, Default)]
pub struct Services {
    /// Limits.
    pub limits: Limits,
    /// Working home: relative files and `file:` resources start here.
    pub home: PathBuf,
}
