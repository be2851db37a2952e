//! The crew: workers who unpack, hash and write, and the acting thread that cuts their work and turns
//! what they tell into rows.
//!
//! ```text
//! acting thread: rows -> runs =====> workers: read, unpack, CRC-32, SHA-256, write
//!        ^                 bounded      |
//!        +----- what was observed <=====+
//! ```
//!
//! With one job, or where no thread can be had, the acting thread does the work itself. What is
//! written and found is the same; of several errors that of the first run in the order of the runs is
//! the one that is told: all runs before it were begun before it, and are finished.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::run::{Job, Run};
use super::{ByteSink, Destination};
use crate::control::Control;
use crate::digest::{Digest, Hasher};
use crate::error::{Error, Result};
use crate::fault::Inheritance;
use crate::finding::Finding;
use crate::fsops::Stat;
use crate::jobs::Jobs;
use crate::pack::reader::{Observed, PackReader};
use crate::pack::unpacker::{Unpacker, WHOLE_BYTES_MAX};

/// What all workers together hold of members that are unpacked at once, three times over.
const WHOLE_BUDGET_BYTES: usize = 2 * WHOLE_BYTES_MAX;
/// Most workers: each has a stack, and memory of its own that the allocator keeps for it; an import stays
/// below 64 MiB.
const MOST_WORKERS: usize = 16;
/// Bytes of a large file after which a worker tells how far it is.
const PROGRESS_BYTES: u64 = 1 << 20;
/// A worker's stack: no recursion, and all buffers are on the heap.
const STACK_BYTES: usize = 512 << 10;
/// Runs that wait for a worker, and what waits to be told, for each of them.
const WAITING: usize = 2;

/// What was read of a file.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) job: Job,
    /// What its bytes are, or what is wrong with them.
    pub(super) observed: Result<Observed, Finding>,
    /// What the written file is; `None` where it was not written.
    pub(super) written: Option<Stat>,
}

/// What a worker tells.
#[derive(Debug)]
enum Told {
    /// So many bytes of a large file are read.
    Progress(u64),
    /// A run is done, or was stopped by an error, with bytes that were not told of yet.
    Run {
        ordinal: u64,
        bytes: u64,
        done: Result<Vec<Read>>,
    },
    /// The digest of the pack as a file.
    Pack(Result<Digest>),
}

/// What a worker is to do.
#[derive(Debug)]
enum Task {
    Run(Run),
    /// Hash the pack as a file, beside those who unpack it.
    Pack,
}

/// What all workers share.
#[derive(Clone, Copy)]
pub(super) struct Crew<'c> {
    pub(super) reader: &'c PackReader,
    pub(super) destination: &'c dyn Destination,
    pub(super) control: &'c Control,
    pub(super) jobs: Jobs,
}

/// Gives all runs to who does them.
pub(super) type EachRun<'r> = &'r mut dyn FnMut(&mut dyn FnMut(Run) -> Result<()>) -> Result<()>;
/// Takes what was read, in any order.
pub(super) type OnRead<'r> = &'r mut dyn FnMut(Read) -> Result<()>;

impl Crew<'_> {
    /// Reads all files once; returns the digest of the pack as a file.
    pub(super) fn read(&self, runs: EachRun<'_>, on_read: OnRead<'_>) -> Result<Digest> {
        let workers = self.workers();
        if workers == 1 {
            return self.read_alone(runs, on_read);
        }
        let (tasks, waiting) = mpsc::sync_channel(WAITING * workers);
        let (teller, told) = mpsc::sync_channel(WAITING * workers);
        let waiting = Mutex::new(waiting);
        let stop = AtomicU64::new(u64::MAX);
        let inheritance = Inheritance::of_this_thread();
        let (crew, waiting, stop, inheritance) = (self, &waiting, &stop, &inheritance);
        thread::scope(|scope| {
            let spawned = (0..workers).map_while(|_| {
                let teller = teller.clone();
                let work = move || {
                    inheritance.take_over();
                    crew.work(waiting, &teller, stop);
                };
                let thread = thread::Builder::new().stack_size(STACK_BYTES);
                thread.spawn_scoped(scope, work).ok()
            });
            // The count is what spawns them.
            if spawned.count() == 0 {
                return self.read_alone(runs, on_read);
            }
            drop(teller);
            let acting = Acting {
                told,
                control: self.control,
                on_read,
                first_error: None,
                pack: None,
            };
            acting.run(tasks, runs, stop)
        })
    }

    fn workers(&self) -> usize {
        self.jobs.get().min(MOST_WORKERS)
    }

    /// The acting thread does everything.
    fn read_alone(&self, runs: EachRun<'_>, on_read: OnRead<'_>) -> Result<Digest> {
        let mut worker = Worker::new(self, WHOLE_BYTES_MAX);
        let control = self.control;
        runs(&mut |run| {
            let each = &mut |read: Read| {
                control.advance(1, 0);
                on_read(read)
            };
            worker.run(run, &|| false, &mut |bytes| control.advance(0, bytes), each)
        })?;
        self.pack_digest(&|| false)
    }

    /// Does what comes until nothing more comes, or nobody listens.
    fn work(&self, waiting: &Mutex<Receiver<Task>>, teller: &SyncSender<Told>, stop: &AtomicU64) {
        let share = NonZeroUsize::new(self.workers()).unwrap_or(NonZeroUsize::MIN);
        let mut worker = Worker::new(self, WHOLE_BUDGET_BYTES / share);
        loop {
            let task = waiting
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .recv();
            let told = match task {
                Err(_) => return,
                Ok(Task::Pack) => {
                    Told::Pack(self.pack_digest(&|| stop.load(Ordering::Relaxed) != u64::MAX))
                }
                Ok(Task::Run(run)) => {
                    let ordinal = run.ordinal;
                    let mut done = Vec::with_capacity(run.jobs.len());
                    let mut untold = 0;
                    let ran = worker.run(
                        run,
                        &|| stop.load(Ordering::Relaxed) < ordinal,
                        &mut |bytes| {
                            untold += bytes;
                            if untold >= PROGRESS_BYTES {
                                // Who does not listen any more ends the work below.
                                teller.send(Told::Progress(untold)).unwrap_or(());
                                untold = 0;
                            }
                        },
                        &mut |read| {
                            done.push(read);
                            Ok(())
                        },
                    );
                    if ran.is_err() {
                        stop.fetch_min(ordinal, Ordering::Relaxed);
                    }
                    Told::Run {
                        ordinal,
                        bytes: untold,
                        done: ran.map(|()| done),
                    }
                }
            };
            if teller.send(told).is_err() {
                return;
            }
        }
    }

    fn pack_digest(&self, is_stopped: &dyn Fn() -> bool) -> Result<Digest> {
        let mut hasher = Hasher::default();
        self.reader.each_piece(&mut |bytes| {
            self.control.ensure_not_interrupted()?;
            if is_stopped() {
                return Err(Error::Interrupted);
            }
            hasher.update(bytes);
            Ok(())
        })?;
        Ok(hasher.finish())
    }
}

/// The acting thread while others work.
struct Acting<'a> {
    told: Receiver<Told>,
    control: &'a Control,
    on_read: OnRead<'a>,
    /// The error of the first run that has one; one of this thread itself goes before all.
    first_error: Option<(u64, Error)>,
    pack: Option<Result<Digest>>,
}

impl Acting<'_> {
    fn run(
        mut self,
        tasks: SyncSender<Task>,
        runs: EachRun<'_>,
        stop: &AtomicU64,
    ) -> Result<Digest> {
        let given = self
            .give(&tasks, Task::Pack)
            .and_then(|()| runs(&mut |run| self.give(&tasks, Task::Run(run))));
        // Without it the workers would wait for more.
        drop(tasks);
        let listened = given.and_then(|()| self.listen_to_the_end());
        if let Err(error) = listened {
            if self.first_error.is_none() {
                // Nothing that still runs is of use.
                stop.store(0, Ordering::Relaxed);
                return Err(error);
            }
            // What was given before the first error is finished, as one of it may have an earlier one.
            while let Ok(told) = self.told.recv() {
                self.note_error(told);
            }
        }
        match (self.first_error, self.pack) {
            (Some((_, error)), _) => Err(error),
            (None, Some(pack)) => pack,
            (None, None) => Err(Error::Interrupted),
        }
    }

    /// Hands out a task; as long as nobody has room for it, listens.
    fn give(&mut self, tasks: &SyncSender<Task>, task: Task) -> Result<()> {
        let mut task = task;
        loop {
            match tasks.try_send(task) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Full(unsent)) => task = unsent,
                // A worker panicked; the scope hands that on.
                Err(TrySendError::Disconnected(_)) => return Err(Error::Interrupted),
            }
            match self.told.recv() {
                Ok(told) => self.hear(told)?,
                Err(_) => return Err(Error::Interrupted),
            }
        }
    }

    fn listen_to_the_end(&mut self) -> Result<()> {
        while let Ok(told) = self.told.recv() {
            self.hear(told)?;
        }
        Ok(())
    }

    fn hear(&mut self, told: Told) -> Result<()> {
        match told {
            Told::Progress(bytes) => self.control.advance(0, bytes),
            Told::Run {
                bytes,
                done: Ok(reads),
                ..
            } => {
                self.control.advance(reads.len() as u64, bytes);
                reads.into_iter().try_for_each(&mut *self.on_read)?;
            }
            told @ (Told::Run { .. } | Told::Pack(_)) => {
                self.note_error(told);
                if self.first_error.is_some() {
                    return Err(Error::Interrupted);
                }
            }
        }
        Ok(())
    }

    fn note_error(&mut self, told: Told) {
        match told {
            Told::Run {
                ordinal,
                done: Err(error),
                ..
            } => {
                let is_first = self
                    .first_error
                    .as_ref()
                    .is_none_or(|(first, _)| ordinal < *first);
                if is_first {
                    self.first_error = Some((ordinal, error));
                }
            }
            Told::Pack(pack) => self.pack = Some(pack),
            Told::Run { .. } | Told::Progress(_) => {}
        }
    }
}

/// One who works, with memory and directories of its own.
struct Worker<'c> {
    reader: &'c PackReader,
    control: &'c Control,
    unpacker: Unpacker,
    sink: Box<dyn ByteSink + 'c>,
}

impl<'c> Worker<'c> {
    fn new(crew: &'c Crew<'_>, whole_bytes_max: usize) -> Self {
        Self {
            reader: crew.reader,
            control: crew.control,
            unpacker: Unpacker::new(whole_bytes_max),
            sink: crew.destination.sink(),
        }
    }

    /// Does a run; an error ends it.
    fn run(
        &mut self,
        run: Run,
        is_stopped: &dyn Fn() -> bool,
        progress: &mut dyn FnMut(u64),
        on_read: &mut dyn FnMut(Read) -> Result<()>,
    ) -> Result<()> {
        let (control, sink) = (self.control, self.sink.as_mut());
        let locations = run.jobs.iter().map(|job| &job.location);
        self.unpacker.look_ahead(self.reader, locations)?;
        for job in run.jobs {
            if job.is_taken {
                sink.begin(&job.path)?;
            }
            let observed =
                self.unpacker
                    .read(self.reader, &job.path, &job.location, &mut |bytes| {
                        control.ensure_not_interrupted()?;
                        if is_stopped() {
                            return Err(Error::Interrupted);
                        }
                        progress(bytes.len() as u64);
                        if job.is_taken {
                            sink.write(bytes)?;
                        }
                        Ok(())
                    })?;
            let written = match &observed {
                Ok(_) if job.is_taken => sink.end()?,
                _ => None,
            };
            on_read(Read {
                job,
                observed,
                written,
            })?;
        }
        Ok(())
    }
}
