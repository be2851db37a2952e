//! Progress bars on a terminal, for work that takes more than a second.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use ovpack::{Phase, Progress};

use crate::human::Count;

/// Work that is done sooner is not worth a bar that flickers.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often a bar moves while no bytes do.
const TICK: Duration = Duration::from_millis(120);

/// The bar of the phase that runs.
#[derive(Debug)]
pub(crate) struct Bars {
    begun: Instant,
    shown: Mutex<Option<Shown>>,
}

/// One phase, with its bar once it has one.
struct Shown {
    phase: Phase,
    bytes: u64,
    total_bytes: u64,
    files: u64,
    bar: Option<ProgressBar>,
}

impl Bars {
    /// Makes bars that appear a second after `begun`.
    pub(crate) const fn new(begun: Instant) -> Self {
        Self {
            begun,
            shown: Mutex::new(None),
        }
    }

    /// Takes the bar away, so that a line can be printed.
    pub(crate) fn clear(&self) {
        if let Some(bar) = self.shown().take().and_then(|shown| shown.bar) {
            bar.finish_and_clear();
        }
    }

    /// A panic elsewhere leaves counters that are at worst a little behind.
    fn shown(&self) -> MutexGuard<'_, Option<Shown>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Bars {
    fn begin(&self, phase: Phase, _files: u64, bytes: u64) {
        self.clear();
        let mut shown = Shown {
            phase,
            bytes: 0,
            total_bytes: bytes,
            files: 0,
            bar: None,
        };
        shown.draw(self.begun);
        *self.shown() = Some(shown);
    }

    fn advance(&self, files: u64, bytes: u64) {
        if let Some(shown) = self.shown().as_mut() {
            shown.files = shown.files.saturating_add(files);
            shown.bytes = shown.bytes.saturating_add(bytes);
            shown.draw(self.begun);
        }
    }
}

impl Shown {
    fn draw(&mut self, begun: Instant) {
        if self.bar.is_none() && begun.elapsed() >= PATIENCE {
            let bar = new_bar(self.phase, self.total_bytes)
                .with_position(self.bytes)
                .with_message(Count(self.files, "file").to_string());
            bar.enable_steady_tick(TICK);
            self.bar = Some(bar);
        }
        if let Some(bar) = &self.bar {
            bar.set_position(self.bytes);
            // A position is drawn with the next tick, a message at once, so only a new one is set.
            let message = Count(self.files, "file").to_string();
            if bar.message() != message {
                bar.set_message(message);
            }
        }
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shown")
            .field("phase", &self.phase)
            .finish_non_exhaustive()
    }
}

fn new_bar(phase: Phase, total_bytes: u64) -> ProgressBar {
    let (bar, template) = match (phase, total_bytes) {
        (Phase::Indexing | Phase::Embedding, _) => {
            (ProgressBar::new_spinner(), "{spinner} {prefix}, {msg}")
        }
        (Phase::Syncing, _) => (ProgressBar::new_spinner(), "{spinner} {prefix}"),
        (_, 0) => (
            ProgressBar::new_spinner(),
            "{spinner} {prefix} {decimal_bytes}, {msg}",
        ),
        (_, total) => (
            ProgressBar::new(total),
            "{prefix} [{bar:30}] {decimal_bytes} of {decimal_total_bytes}, {msg}",
        ),
    };
    let bar = match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style.progress_chars("=> ")),
        Err(_) => bar,
    };
    bar.with_prefix(match phase {
        Phase::Reading => "reading",
        Phase::Scanning => "scanning",
        Phase::Packing => "packing",
        Phase::Syncing => "making it durable",
        Phase::Indexing => "indexing",
        Phase::Embedding => "making vectors",
    })
}
