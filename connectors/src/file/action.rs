//! Delete or move a file when it was mediated.

use super::lock::fail_path;
use super::params::{Action, FileParams};
use jiff::Zoned;
use std::fs;
use std::path::{Path, PathBuf};

/// Does the action; when it fails, a marker keeps the file from being mediated again.
pub(super) fn settle(file: &Path, action: &Action, relative: Option<&Path>, params: &FileParams) {
    let done = match action {
        Action::Delete => fs::remove_file(file),
        Action::Move(target) => move_to(file, target, relative, params),
    };
    let marker = fail_path(file);
    match done {
        Ok(()) => {
            if marker.exists() {
                // A marker without its file would only be litter.
                drop(fs::remove_file(&marker));
            }
        }
        Err(error) => {
            tracing::error!(
                "{} was processed but cannot be removed: {error}; it is not processed again",
                file.display()
            );
            let now = jiff::Timestamp::now().as_millisecond().to_string();
            if let Err(error) = fs::write(&marker, now) {
                tracing::error!("the marker {} cannot be written: {error}", marker.display());
            }
        }
    }
}

fn move_to(file: &Path, target: &Path, relative: Option<&Path>, params: &FileParams) -> std::io::Result<()> {
    let (folder, keep_structure) = match target.file_name() {
        Some(name) if name == "*" => (target.parent().unwrap_or(target).to_path_buf(), true),
        _ => (target.to_path_buf(), false),
    };
    let folder = match relative.filter(|_| keep_structure) {
        Some(relative) => folder.join(relative),
        None => folder,
    };
    if params.create_folder || keep_structure {
        fs::create_dir_all(&folder)?;
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let stamp =
        params.timestamp.as_deref().map(|format| formatted(format, &Zoned::now())).unwrap_or_default();
    let destination: PathBuf = folder.join(format!("{stamp}{name}"));
    // A rename cannot cross file systems; a copy can.
    fs::rename(file, &destination).or_else(|_| {
        fs::copy(file, &destination)?;
        fs::remove_file(file)
    })
}

/// The numeric letters of Java's SimpleDateFormat; quoted text and everything else is copied.
pub(super) fn formatted(format: &str, at: &Zoned) -> String {
    let mut out = String::new();
    let mut letters = format.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == '\'' {
            let quoted: String = letters.by_ref().take_while(|c| *c != '\'').collect();
            out.push_str(if quoted.is_empty() { "'" } else { &quoted });
            continue;
        }
        let mut width = 1;
        while letters.next_if_eq(&letter).is_some() {
            width += 1;
        }
        let value = match letter {
            'y' if width == 2 => i64::from(at.year()) % 100,
            'y' => i64::from(at.year()),
            'M' => i64::from(at.month()),
            'd' => i64::from(at.day()),
            'H' => i64::from(at.hour()),
            'm' => i64::from(at.minute()),
            's' => i64::from(at.second()),
            'S' => i64::from(at.millisecond()),
            _ => {
                out.extend(std::iter::repeat_n(letter, width));
                continue;
            }
        };
        out.push_str(&format!("{value:0width$}"));
    }
    out
}
