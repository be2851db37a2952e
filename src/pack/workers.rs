//! Threads that pack, and the buffers that go to them and come back.
//!
//! The acting thread gives work away, with the buffers that it needs, and takes what became of it in
//! the order in which it gave it away; it alone writes. What is under way is bounded by the buffers:
//! where there are none left, it takes what was finished before it gives more away.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use super::deflater::Deflater;
use super::level::Level;
use crate::error::{Error, Result};
use crate::fault::Inheritance;
use crate::jobs::Jobs;

/// Most threads that pack: each has compressors of up to 1 MiB, and an export stays below 64 MiB.
const MOST_THREADS: usize = 8;
/// Bytes of all buffers together, however many threads there are.
const BUFFER_BYTES_MAX: usize = 12 << 20;
/// Bytes of the smallest buffer; larger ones are doubles of it.
const BUFFER_BYTES_MIN: usize = 64 << 10;

type Task = Box<dyn FnOnce(&mut Deflater) + Send>;

/// How hard a pack is compressed, and by how many threads.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Effort {
    pub(crate) level: Level,
    pub(crate) jobs: Jobs,
}

impl Effort {
    /// Returns that of the default level with so many threads.
    pub(crate) fn of(jobs: Jobs) -> Self {
        Self {
            jobs,
            ..Self::default()
        }
    }
}

/// The threads. They start with the work, and end with this, which waits for what they are at.
pub(crate) struct Workers {
    effort: Effort,
    threads: Vec<JoinHandle<()>>,
    tasks: Option<Sender<Task>>,
    queue: Arc<Mutex<Receiver<Task>>>,
    is_stopped: Arc<AtomicBool>,
    /// For work that no thread is needed for, or can be had for.
    here: Deflater,
}

/// Work that was given away.
#[derive(Debug)]
pub(crate) struct Pending<T>(Receiver<T>);

impl<T> Pending<T> {
    /// Waits for what became of it.
    pub(crate) fn wait(self) -> Result<T> {
        self.0.recv().map_err(|_| {
            let source = io::Error::other("the thread that packed it ended early");
            Error::io("pack", "a part of the tree", source)
        })
    }
}

impl Workers {
    pub(super) fn new(effort: Effort) -> Self {
        let (tasks, queue) = mpsc::channel();
        Self {
            effort,
            threads: Vec::new(),
            tasks: Some(tasks),
            queue: Arc::new(Mutex::new(queue)),
            is_stopped: Arc::default(),
            here: Deflater::new(effort.level),
        }
    }

    /// Returns the compressors of the acting thread.
    pub(super) const fn here(&mut self) -> &mut Deflater {
        &mut self.here
    }

    /// Gives work away.
    pub(crate) fn give<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Deflater) -> T + Send + 'static,
    ) -> Pending<T> {
        let (done, pending): (SyncSender<T>, _) = mpsc::sync_channel(1);
        // Whoever gave it away and no longer waits needs no answer.
        let task: Task = Box::new(move |deflater| drop(done.send(work(deflater))));
        if self.threads.len() < self.effort.jobs.get().min(MOST_THREADS) {
            self.start();
        }
        match &self.tasks {
            // The receiver lives as long as this.
            Some(tasks) if !self.threads.is_empty() => drop(tasks.send(task)),
            _ => task(&mut self.here),
        }
        Pending(pending)
    }

    /// Starts one more thread; with none at all the acting thread does the work.
    fn start(&mut self) {
        let (queue, is_stopped) = (self.queue.clone(), self.is_stopped.clone());
        let mut deflater = Deflater::new(self.effort.level);
        let inheritance = Inheritance::of_this_thread();
        let started = thread::Builder::new()
            .name("ovpack-pack".to_owned())
            .spawn(move || {
                inheritance.take_over();
                while let Some(task) = next(&queue) {
                    if is_stopped.load(Ordering::Relaxed) {
                        continue;
                    }
                    // Who waits for it is told by its sender's end; later work is still done.
                    drop(catch_unwind(AssertUnwindSafe(|| task(&mut deflater))));
                }
            });
        if let Ok(thread) = started {
            self.threads.push(thread);
        }
    }
}

/// Waits for the next task; `None` once there will be no more.
fn next(queue: &Mutex<Receiver<Task>>) -> Option<Task> {
    queue.lock().ok()?.recv().ok()
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.is_stopped.store(true, Ordering::Relaxed);
        self.tasks = None;
        for thread in self.threads.drain(..) {
            thread.join().unwrap_or_default();
        }
    }
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers")
            .field("effort", &self.effort)
            .finish_non_exhaustive()
    }
}

/// All buffers of a pack in the making. They are made and dropped by one thread, so that no other
/// thread's heap grows by them.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    free: Vec<Box<[u8]>>,
    /// Of the free ones and those that were taken.
    made_bytes: usize,
}

impl Buffers {
    /// Takes a buffer of at least `bytes`; `None` where some must be given back before.
    pub(crate) fn take(&mut self, bytes: usize) -> Option<Box<[u8]>> {
        let bytes = rounded(bytes);
        if let Some(found) = self.free.iter().position(|free| free.len() == bytes) {
            return Some(self.free.swap_remove(found));
        }
        while self.made_bytes.saturating_add(bytes) > BUFFER_BYTES_MAX {
            self.made_bytes = self.made_bytes.saturating_sub(self.free.pop()?.len());
        }
        Some(self.make(bytes))
    }

    /// Takes a buffer whether or not there is room for it: for who has nothing under way that could be
    /// waited for, and takes a few at most.
    pub(crate) fn take_anyway(&mut self, bytes: usize) -> Box<[u8]> {
        match self.take(bytes) {
            Some(buffer) => buffer,
            None => self.make(rounded(bytes)),
        }
    }

    fn make(&mut self, bytes: usize) -> Box<[u8]> {
        self.made_bytes = self.made_bytes.saturating_add(bytes);
        vec![0; bytes].into_boxed_slice()
    }

    /// Gives a buffer back.
    pub(crate) fn give(&mut self, buffer: Box<[u8]>) {
        if self.made_bytes > BUFFER_BYTES_MAX {
            self.made_bytes = self.made_bytes.saturating_sub(buffer.len());
        } else {
            self.free.push(buffer);
        }
    }
}

fn rounded(bytes: usize) -> usize {
    bytes.max(BUFFER_BYTES_MIN).next_power_of_two()
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;

    fn workers(jobs: usize) -> Workers {
        let jobs = Jobs::new(NonZeroUsize::new(jobs).expect("not 0"));
        Workers::new(Effort {
            jobs,
            ..Effort::default()
        })
    }

    #[test]
    fn what_is_given_away_comes_back_in_order() {
        for jobs in [1, 3] {
            let mut workers = workers(jobs);
            let pending: Vec<_> = (0..100)
                .map(|number| workers.give(move |_| number))
                .collect();
            let done: Vec<_> = pending.into_iter().map(Pending::wait).collect();
            let done: Vec<_> = done.into_iter().map(|done| done.expect("done")).collect();
            assert_eq!(done, (0..100).collect::<Vec<_>>());
        }
    }

    #[test]
    fn work_that_panics_is_an_error_and_the_next_is_done() {
        let mut workers = workers(1);
        let bad = workers.give(|_| -> u8 { panic!("expected in this test") });
        let good = workers.give(|_| 1);
        assert!(bad.wait().is_err());
        assert_eq!(good.wait().expect("done"), 1);
    }

    #[test]
    fn the_bytes_of_all_buffers_are_bounded() {
        let mut buffers = Buffers::default();
        let mut taken: Vec<_> = std::iter::from_fn(|| buffers.take(1 << 20)).collect();
        assert_eq!(taken.len(), BUFFER_BYTES_MAX >> 20);
        let more = buffers.take_anyway(1);
        buffers.give(more);
        assert_eq!(buffers.made_bytes, BUFFER_BYTES_MAX);
        assert!(buffers.take(1).is_none());
        for buffer in taken.drain(..5) {
            buffers.give(buffer);
        }
        assert!(
            buffers
                .take((4 << 20) - 1)
                .is_some_and(|buffer| buffer.len() == 4 << 20)
        );
        assert!(buffers.take((1 << 20) + 1).is_none());
        assert!(buffers.made_bytes <= BUFFER_BYTES_MAX);
    }
}
