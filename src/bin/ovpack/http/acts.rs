//! Acts of the store, off the async threads: one writes, some read, and each is stopped where its
//! client goes away.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use ovpack::Control;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::refusal::{Refusal, Result};

/// Acts at once that read files: each of them uses all processors and some memory by itself.
const SCANS: usize = 4;
/// Acts at once that ask the journal.
const QUESTIONS: usize = 16;
/// How long a reading act waits until it may begin.
const QUEUE_MAX: Duration = Duration::from_mins(5);

/// How much an act that reads takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Weight {
    /// It asks the journal.
    Question,
    /// It reads files.
    Scan,
}

/// Runs acts.
#[derive(Debug)]
pub(crate) struct Acts {
    questions: Arc<Semaphore>,
    scans: Arc<Semaphore>,
    writes: Arc<Semaphore>,
    running: Mutex<Vec<Weak<AtomicBool>>>,
    is_ending: AtomicBool,
}

impl Default for Acts {
    fn default() -> Self {
        Self {
            questions: Arc::new(Semaphore::new(QUESTIONS)),
            scans: Arc::new(Semaphore::new(SCANS)),
            writes: Arc::new(Semaphore::new(1)),
            running: Mutex::default(),
            is_ending: AtomicBool::new(false),
        }
    }
}

/// Stops its act when it is dropped: the act is done by then, or nobody waits for it any more. One
/// that has exchanged trees is finished all the same.
struct StopWhenDropped(Arc<AtomicBool>);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Acts {
    /// Runs an act that reads.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        weight: Weight,
        act: impl FnOnce(Control) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permits = match weight {
            Weight::Question => &self.questions,
            Weight::Scan => &self.scans,
        };
        let permit = timeout(QUEUE_MAX, Arc::clone(permits).acquire_owned())
            .await
            .map_err(|_| Refusal::overloaded("too many acts are waited for"))?;
        self.run(permit, act).await
    }

    /// Runs an act that writes, once no other one of this server does; it is told how much of `wait`
    /// is left for writers of other processes.
    ///
    /// # Errors
    /// [`Refusal::busy`] where that takes longer than `wait`.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        wait: Duration,
        act: impl FnOnce(Control, Duration) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let begun = Instant::now();
        let permit = timeout(wait, Arc::clone(&self.writes).acquire_owned())
            .await
            .map_err(|_| Refusal::busy())?;
        let left = wait.saturating_sub(begun.elapsed());
        self.run(permit, move |control| act(control, left)).await
    }

    async fn run<T: Send + 'static>(
        &self,
        permit: Result<OwnedSemaphorePermit, tokio::sync::AcquireError>,
        act: impl FnOnce(Control) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = permit.map_err(|closed| Refusal::internal(closed.to_string()))?;
        let interrupt = Arc::new(AtomicBool::new(false));
        self.watch(&interrupt);
        if self.is_ending.load(Ordering::SeqCst) {
            return Err(Refusal::overloaded("the server is ending"));
        }
        let control = Control {
            progress: None,
            interrupt: Some(Arc::clone(&interrupt)),
        };
        let _stop = StopWhenDropped(interrupt);
        let span = tracing::Span::current();
        let done = spawn_blocking(move || {
            let _entered = span.entered();
            let done = act(control);
            // Held as long as the act runs, whether or not somebody waits for it.
            drop(permit);
            done
        });
        done.await
            .unwrap_or_else(|panic| Err(Refusal::internal(panic.to_string())))
    }

    fn watch(&self, interrupt: &Arc<AtomicBool>) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|act| act.strong_count() > 0);
        running.push(Arc::downgrade(interrupt));
    }

    /// Asks all acts to stop, and lets no other begin.
    pub(crate) fn stop_all(&self) {
        self.is_ending.store(true, Ordering::SeqCst);
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        for act in running.iter().filter_map(Weak::upgrade) {
            act.store(true, Ordering::Relaxed);
        }
    }

    /// Returns how many acts run.
    pub(crate) fn running(&self) -> usize {
        let of = |permits: &Semaphore, all: usize| all.saturating_sub(permits.available_permits());
        of(&self.questions, QUESTIONS)
            .saturating_add(of(&self.scans, SCANS))
            .saturating_add(of(&self.writes, 1))
    }
}
