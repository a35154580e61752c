//! Threads that serve connections, each with a runtime of its own.
//!
//! A connection stays on the thread it was given to: its reads, its flow, the backend connection it uses
//! and its writes run there, without a queue that other threads look into. New connections go to the
//! thread that has the fewest.

use std::cell::Cell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

thread_local!(static SHARD: Cell<usize> = const { Cell::new(0) });

/// Number of the current thread among the workers, from 1; 0 for all other threads. What is kept per
/// worker (idle backend connections) is kept under it.
pub(super) fn shard() -> usize {
    SHARD.get()
}

/// The threads. Dropping the last handle stops them; what still runs on them is dropped.
#[derive(Debug)]
pub struct Workers {
    workers: Vec<Worker>,
}

#[derive(Debug)]
struct Worker {
    handle: Handle,
    load: Arc<AtomicUsize>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Counts a connection as load of its worker until it is dropped.
#[derive(Debug)]
pub(super) struct Assigned(Arc<AtomicUsize>);

impl Drop for Assigned {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Workers {
    /// Starts `count` threads (at least one).
    pub fn start(count: usize) -> io::Result<Arc<Self>> {
        let workers = (1..=count.max(1)).map(Worker::start).collect::<io::Result<Vec<_>>>()?;
        Ok(Arc::new(Self { workers }))
    }

    /// The worker with the fewest connections, with one more from now on.
    pub(super) fn assign(&self) -> Option<(&Handle, Assigned)> {
        let worker = self.workers.iter().min_by_key(|worker| worker.load.load(Ordering::Relaxed))?;
        worker.load.fetch_add(1, Ordering::Relaxed);
        Some((&worker.handle, Assigned(worker.load.clone())))
    }
}

impl Worker {
    fn start(number: usize) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new().name(format!("http-{number}")).spawn(move || {
            SHARD.set(number);
            // Ends when the sender is dropped, too.
            let _stopped = runtime.block_on(stopped);
            // A blocking call that never ends must not keep the process.
            runtime.shutdown_background();
        })?;
        Ok(Self { handle, load: Arc::default(), stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.stop.take());
        let Some(thread) = self.thread.take() else { return };
        // The last handle may be dropped by a task of the worker itself, which cannot wait for itself.
        if thread.thread().id() != std::thread::current().id() && thread.join().is_err() {
            tracing::error!("internal error: an HTTP worker thread panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_go_where_there_are_fewest() {
        let workers = Workers::start(2).unwrap();
        let (_, one) = workers.assign().unwrap();
        let (_, two) = workers.assign().unwrap();
        assert!(!Arc::ptr_eq(&one.0, &two.0));
        drop(one);
        let (_, three) = workers.assign().unwrap();
        assert_eq!((two.0.load(Ordering::Relaxed), three.0.load(Ordering::Relaxed)), (1, 1));
    }

    #[test]
    fn each_worker_has_its_shard() {
        let workers = Workers::start(1).unwrap();
        let (handle, _assigned) = workers.assign().unwrap();
        let (sender, receiver) = std::sync::mpsc::channel();
        handle.spawn(async move { sender.send(shard()).unwrap() });
        assert_eq!((receiver.recv().unwrap(), shard()), (1, 0));
    }
}
