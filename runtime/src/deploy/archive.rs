//! Archives to files: truncated, escaping and exploding ones are findings.

use artifacts::bundle::File;
use artifacts::diagnostics::{Code, Diagnostics};
use artifacts::source::{Source, Span};
use std::io::{Cursor, Read};
use zip::ZipArchive;

/// What an archive may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of all members together.
    pub total: u64,
    /// Members.
    pub members: usize,
    /// Unpacked size by packed size of one member; small members are not asked.
    pub ratio: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { total: 512 * 1024 * 1024, members: 20_000, ratio: 1_000 }
    }
}

/// Members below this size are not suspected of being bombs.
const SMALL: u64 = 1024 * 1024;

/// Unpacks an archive. `None`: it cannot be trusted, and why was reported.
pub fn unpack(path: &str, bytes: &[u8], limits: &Limits, diagnostics: &mut Diagnostics) -> Option<Vec<File>> {
    match members(bytes, limits) {
        Ok(files) => Some(files),
        Err(problem) => {
            let source = Source::new(path, "");
            diagnostics.error(Code::ARCHIVE, (&source, Span::default()), problem);
            None
        }
    }
}

fn members(bytes: &[u8], limits: &Limits) -> Result<Vec<File>, String> {
    let damaged = |error: &dyn std::fmt::Display| format!("the archive is damaged: {error}");
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| damaged(&error))?;
    if archive.len() > limits.members {
        return Err(format!(
            "the archive has {} members; at most {} are read",
            archive.len(),
            limits.members
        ));
    }
    let mut files = Vec::new();
    let mut left = limits.total;
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).map_err(|error| damaged(&error))?;
        if member.is_dir() {
            continue;
        }
        let name = member.name().map_err(|error| damaged(&error))?.into_owned();
        let Some(path) = safe_path(&name) else {
            return Err(format!("the archive has a member '{name}' that would leave its folder"));
        };
        let allowed = member.compressed_size().saturating_mul(limits.ratio).max(SMALL).min(left);
        let mut content = Vec::new();
        let read = member.by_ref().take(allowed + 1).read_to_end(&mut content);
        read.map_err(|error| format!("the member '{path}' is damaged: {error}"))?;
        if content.len() as u64 > allowed {
            return Err(format!("the member '{path}' unpacks to more than {allowed} bytes"));
        }
        left -= content.len() as u64;
        files.push(File::new(path, content));
    }
    Ok(files)
}

/// The name of a member with `/` between parts; `None` when it is absolute or goes up.
fn safe_path(name: &str) -> Option<String> {
    let name = name.replace('\\', "/");
    if name.starts_with('/') || name.contains('\0') || name.get(1..2) == Some(":") {
        return None;
    }
    let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    (!parts.is_empty() && !parts.contains(&"..")).then(|| parts.join("/"))
}
