//! Deletes or moves a file.

use super::params::{Action, FileParams, Target};
use jiff::Zoned;
use std::fs::{self, File, FileTimes};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Does an action. `relative`: sub-folder of the file below the watched folder. A file that is gone
/// needs none.
pub(super) fn apply(file: &Path, action: &Action, relative: &Path, params: &FileParams) -> io::Result<()> {
    let done = match action {
        Action::Keep => Ok(()),
        Action::Delete => fs::remove_file(file),
        Action::Move(target) => move_to(file, target, relative, params),
    };
    match done {
        Err(_) if is_gone(file) => Ok(()),
        done => done,
    }
}

pub(super) fn is_gone(file: &Path) -> bool {
    fs::symlink_metadata(file).is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

fn move_to(file: &Path, target: &Target, relative: &Path, params: &FileParams) -> io::Result<()> {
    let now = Zoned::now();
    let mut folder = target.folder.clone().into_os_string();
    if let Some(format) = params.sub_folder.as_ref().filter(|_| target.dated) {
        // No slash in between: the artifact's pattern or folder brings it.
        folder.push(format.print(&now));
    }
    let folder = if target.keep_structure { Path::new(&folder).join(relative) } else { folder.into() };
    if target.create {
        fs::create_dir_all(&folder)?;
    }
    let mut name = params.prefix.as_ref().map(|format| format.print(&now)).unwrap_or_default();
    name.push_str(&file.file_name().unwrap_or_default().to_string_lossy());
    match fs::rename(file, folder.join(&name)) {
        Err(error) if error.kind() == ErrorKind::CrossesDevices => copy(file, &folder, &name, params),
        done => done,
    }
}

/// Moves to another file system. Whoever watches the target sees the whole file or none, and the source
/// goes only when the copy is on the disk.
fn copy(file: &Path, folder: &Path, name: &str, params: &FileParams) -> io::Result<()> {
    // MI and we leave names that end so alone.
    let part = folder.join(format!("{name}.part.lock"));
    let modified = fs::metadata(file)?.modified();
    let copied = fs::copy(file, &part).and_then(|_| {
        let copy = File::options().write(true).open(&part)?;
        if let Ok(modified) = modified
            && params.keep_modified
        {
            copy.set_times(FileTimes::new().set_modified(modified))?;
        }
        copy.sync_all()?;
        fs::rename(&part, folder.join(name))
    });
    if copied.is_err() {
        // Half a copy would only be litter.
        drop(fs::remove_file(&part));
    }
    copied?;
    fs::remove_file(file)
}

#[cfg(test)]
mod tests {
    use super::super::tests::params;
    use super::*;

    /// What a move to another file system does, on one.
    #[test]
    fn a_copy_is_whole_and_keeps_its_time() {
        let dir = tempfile::tempdir().unwrap();
        let params = params(dir.path(), &[]);
        let file = dir.path().join("in/a");
        fs::write(&file, "text").unwrap();
        let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
        File::options().write(true).open(&file).unwrap().set_modified(old).unwrap();
        let target = dir.path().join("out");
        assert!(copy(&file, &target, "b", &params).is_err() && file.is_file());
        fs::create_dir(&target).unwrap();
        copy(&file, &target, "b", &params).unwrap();
        assert_eq!(fs::read_to_string(target.join("b")).unwrap(), "text");
        assert_eq!(fs::metadata(target.join("b")).unwrap().modified().unwrap(), old);
        assert!(is_gone(&file));
        assert_eq!(fs::read_dir(&target).unwrap().count(), 1);
    }
}
