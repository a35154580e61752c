//! Threads that run scripts. An engine cannot move between threads and a script may wait, so scripts
//! stay off the threads that serve requests.

use super::engine::{Call, Engine};
use super::host::Host;
use crate::message::Value;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

/// Most scripts at a time, as `synapse.script.mediator.pool.size` of MI.
const THREADS: usize = 15;
/// Scripts that may wait for a thread.
const WAITING: usize = 1_000;
/// QuickJS recurses on this stack.
const STACK_BYTES: usize = 4 * 1024 * 1024;

/// What a script gave back: its value, or what went wrong.
pub(super) type ScriptResult = Result<Option<Value>, String>;

struct Job {
    call: Call,
    host: Host,
    reply: oneshot::Sender<(Host, ScriptResult)>,
}

/// A pool that starts its threads when they are needed.
#[derive(Debug, Default)]
pub(super) struct ScriptPool {
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    jobs: Option<(SyncSender<Job>, Arc<Mutex<Receiver<Job>>>)>,
    threads: usize,
    busy: Arc<std::sync::atomic::AtomicUsize>,
}

impl ScriptPool {
    /// Runs a script to its end. The error says why it could not even start.
    pub(super) async fn run(&self, call: Call, host: Host) -> Result<(Host, ScriptResult), String> {
        let (reply, answer) = oneshot::channel();
        self.submit(Job { call, host, reply })?;
        answer.await.map_err(|_| "the script thread died".to_owned())
    }

    fn submit(&self, job: Job) -> Result<(), String> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let (sender, receiver) = queue.jobs.get_or_insert_with(|| {
            let (sender, receiver) = sync_channel(WAITING);
            (sender, Arc::new(Mutex::new(receiver)))
        });
        let (sender, receiver) = (sender.clone(), receiver.clone());
        let busy = queue.busy.clone();
        // Counted when it is put in, so that two quick jobs do not wait for one thread.
        let running = busy.fetch_add(1, std::sync::atomic::Ordering::AcqRel) + 1;
        if running > queue.threads && queue.threads < THREADS {
            spawn(receiver, busy.clone(), queue.threads)?;
            queue.threads += 1;
        }
        drop(queue);
        sender.try_send(job).map_err(|error| {
            busy.fetch_sub(1, std::sync::atomic::Ordering::AcqRel);
            match error {
                TrySendError::Full(_) => format!("{WAITING} scripts are waiting already"),
                TrySendError::Disconnected(_) => "the script threads have ended".to_owned(),
            }
        })
    }
}

fn spawn(
    jobs: Arc<Mutex<Receiver<Job>>>,
    busy: Arc<std::sync::atomic::AtomicUsize>,
    number: usize,
) -> Result<(), String> {
    let builder = std::thread::Builder::new().name(format!("script-{number}")).stack_size(STACK_BYTES);
    let thread = builder.spawn(move || {
        let mut engine = Engine::default();
        loop {
            let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(job) = job else { return };
            let outcome = engine.run(&job.call, job.host);
            busy.fetch_sub(1, std::sync::atomic::Ordering::AcqRel);
            // Nobody waits any more when the request was given up.
            drop(job.reply.send(outcome));
        }
    });
    thread.map(drop).map_err(|error| format!("a script thread cannot be started: {error}"))
}
