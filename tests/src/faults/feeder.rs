//! Puts files into the folder of the file source while a fault is tried.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Between two files.
const PAUSE: Duration = Duration::from_millis(400);

/// A thread that makes files; it ends when this is dropped or finished.
#[derive(Debug)]
pub struct Feeder {
    stop: Sender<()>,
    thread: JoinHandle<Vec<String>>,
}

impl Feeder {
    /// Begins. `aside` is a folder on the same file system where files are made ready.
    pub fn start(folder: &Path, aside: &Path) -> std::io::Result<Feeder> {
        std::fs::create_dir_all(folder)?;
        let (stop, stopped) = channel();
        let (folder, aside) = (folder.to_owned(), aside.to_owned());
        let thread = std::thread::spawn(move || feed(&folder, &aside, &stopped));
        Ok(Feeder { stop, thread })
    }

    /// The names of all files that were put there.
    pub fn finish(self) -> Vec<String> {
        self.stop.send(()).ok();
        self.thread.join().unwrap_or_default()
    }
}

fn feed(folder: &Path, aside: &Path, stopped: &Receiver<()>) -> Vec<String> {
    let mut names = Vec::new();
    while stopped.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
        let name = format!("f{}", names.len());
        let ready: PathBuf = aside.join(&name);
        // Renamed when it is complete: a source never sees a part of a file.
        if std::fs::write(&ready, "text").is_ok() && std::fs::rename(&ready, folder.join(&name)).is_ok() {
            names.push(name);
        }
    }
    names
}
