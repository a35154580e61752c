//! The poll loop: looks, hands over, settles. File work is done by the [`Desk`] on blocking threads.

use super::look::Found;
use super::params::{Due, FileParams};
use super::work::{Desk, Source, Taken};
use crate::contract::{BoxFuture, Delivery, Header, Inbound, InboundContext, Outcome};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Longest time between making a lock and writing it that is not a crash.
const PATIENCE: Duration = Duration::from_secs(10);

/// A file source.
#[derive(Debug)]
pub struct FileInbound {
    source: Arc<Source>,
    /// File work under way, also of a run that was dropped in the middle: a file system that hangs
    /// costs no more threads than this, and a new run waits for what the old one began.
    hands: Arc<Semaphore>,
}

impl Inbound for FileInbound {
    fn run(&self, cx: InboundContext) -> BoxFuture<'_, ()> {
        let term =
            Term { desk: Desk::new(&self.source, &cx), params: &self.source.params, hands: &self.hands, cx };
        Box::pin(async move {
            let interval = term.params.interval;
            let first = if term.params.waits_first { interval } else { Duration::ZERO };
            let mut tick = tokio::time::interval_at(Instant::now() + first, interval);
            tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            while term.unless_ended(tick.tick()).await.is_some() {
                term.poll().await;
            }
        })
    }
}

impl FileInbound {
    /// A source with these parameters.
    pub fn new(params: FileParams) -> Self {
        Self::with_patience(params, PATIENCE)
    }

    pub(super) fn with_patience(params: FileParams, patience: Duration) -> Self {
        let hands = Arc::new(Semaphore::new(params.at_once));
        Self { source: Arc::new(Source { params, patience, memory: Mutex::default() }), hands }
    }
}

/// One run of the source, under one lease.
struct Term<'s> {
    cx: InboundContext,
    desk: Desk,
    params: &'s FileParams,
    hands: &'s Arc<Semaphore>,
}

/// Files of each folder that this poll handed over, or is about to.
#[derive(Default)]
struct Tally(HashMap<PathBuf, usize>);

impl Term<'_> {
    /// Hands over what is there now, and returns when all of it is settled.
    async fn poll(&self) {
        let Some(found) = self.look().await else { return };
        let mut tally = Tally::default();
        let mut running = FuturesUnordered::new();
        for file in found {
            while running.len() >= self.params.at_once
                && let Some(finished) = running.next().await
            {
                if tally.end(&finished) {
                    self.pause().await;
                }
            }
            if !self.cx.gate.holds() || self.cx.gate.is_stopping() {
                break;
            }
            if tally.begin(&file.relative, self.params) {
                running.push(self.process(file));
            }
        }
        while running.next().await.is_some() {}
    }

    async fn look(&self) -> Option<Vec<Found>> {
        let found = self.unless_ended(self.work(Desk::look)).await??;
        match self.params.quiet {
            Some(quiet) if !found.is_empty() => {
                self.unless_ended(tokio::time::sleep(quiet)).await?;
                self.work(move |_| Desk::unchanged(found)).await
            }
            _ => Some(found),
        }
    }

    async fn pause(&self) {
        if let Some(pause) = self.params.pause {
            // An end in between is seen by the caller.
            let _: Option<()> = self.unless_ended(tokio::time::sleep(pause)).await;
        }
    }

    /// One file: lock, read, mediate, settle, unlock. Its folder, and whether it was handed over.
    async fn process(&self, file: Found) -> (PathBuf, bool) {
        let folder = file.relative.clone();
        (folder, self.hand_over(file).await.unwrap_or(false))
    }

    async fn hand_over(&self, file: Found) -> Option<bool> {
        let mut taken: Taken = self.unless_ended(self.work(move |desk| desk.take(file))).await???;
        let bytes = std::mem::take(&mut taken.bytes);
        let due = match self.cx.to.deliver(self.delivery(&taken.found, bytes)).await {
            Outcome::Done => Due::Process,
            Outcome::Failed(problem) => {
                let (name, file) = (&self.cx.name, taken.found.path.display());
                tracing::error!("{name}: {file} failed: {problem}");
                Due::Failure
            }
            // Dropping it unlocks it.
            Outcome::Rejected => return Some(false),
        };
        self.work(move |desk| desk.settle(taken, due)).await
    }

    /// Does file work on a blocking thread, as soon as a hand is free. `None`: it panicked. What was
    /// begun goes on when this is dropped.
    async fn work<T: Send + 'static>(&self, work: impl FnOnce(&Desk) -> T + Send + 'static) -> Option<T> {
        let hand = self.hands.clone().acquire_owned().await.ok()?;
        let desk = self.desk.clone();
        let done = tokio::task::spawn_blocking(move || {
            let done = work(&desk);
            drop(hand);
            done
        });
        match done.await {
            Ok(done) => Some(done),
            Err(error) => {
                tracing::error!("{}: file work ended: {error}", self.cx.name);
                None
            }
        }
    }

    /// `None` when the source is to stop: what waits is dropped.
    async fn unless_ended<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.cx.gate.ended() => None,
            done = work => Some(done),
        }
    }

    fn delivery(&self, file: &Found, bytes: Vec<u8>) -> Delivery {
        let text = |path: &Path| Header::Text(path.to_string_lossy().into_owned());
        let name = file.path.file_name().map(Path::new).unwrap_or(&file.path);
        let modified = file.meta.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok());
        let number = |number: u128| Header::Number(i64::try_from(number).unwrap_or(i64::MAX));
        let mut headers = vec![
            ("FILE_PATH", text(&file.path)),
            ("FILE_NAME", text(name)),
            ("FILE_URI", Header::Text(uri(&file.path))),
            ("FILE_LENGTH", number(bytes.len() as u128)),
            ("LAST_MODIFIED", number(modified.unwrap_or_default().as_millis())),
        ];
        if self.params.recurse {
            // Empty for the watched folder itself, as in MI.
            let below = if file.relative.as_os_str().is_empty() { "" } else { "/" };
            let relative = format!("{below}{}", file.relative.display());
            headers.push(("RELATIVE_PATH", Header::Text(relative)));
        }
        headers.extend(self.params.reply.iter().map(|(name, text)| (*name, Header::Text(text.clone()))));
        Delivery {
            payload: bytes.into(),
            content_type: self.params.content_type.clone().or_else(|| by_extension(&file.path)),
            headers,
            parse_first: self.params.parse_first,
        }
    }
}

impl Tally {
    /// Whether one more file of a folder may be handed over.
    fn begin(&mut self, folder: &Path, params: &FileParams) -> bool {
        let Some(limit) = params.per_poll.filter(|_| params.pause.is_none()) else { return true };
        let count = self.0.entry(folder.to_owned()).or_default();
        // MI counts after the first file: zero is one.
        let may = *count < limit.max(1);
        *count += usize::from(may);
        may
    }

    /// A file that was not handed over does not count. `true` when it was.
    fn end(&mut self, (folder, was_handed_over): &(PathBuf, bool)) -> bool {
        if !was_handed_over && let Some(count) = self.0.get_mut(folder) {
            *count = count.saturating_sub(1);
        }
        *was_handed_over
    }
}

fn by_extension(path: &Path) -> Option<String> {
    let extension = path.extension()?.to_string_lossy().to_ascii_lowercase();
    let types = [("xml", "text/xml"), ("txt", "text/plain")];
    types.into_iter().find(|(end, _)| extension.ends_with(end)).map(|(_, found)| found.to_owned())
}

/// As commons-vfs writes URIs of local files.
fn uri(path: &Path) -> String {
    let mut uri = "file://".to_owned();
    for letter in path.to_string_lossy().chars() {
        match letter {
            '%' | ' ' | '#' | '?' => uri.push_str(&format!("%{:02x}", u32::from(letter))),
            letter => uri.push(letter),
        }
    }
    uri
}
