//! How a caller watches a long act and stops it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};

/// What an act is doing at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Members are unpacked, hashed and staged.
    Reading,
    /// Live files are listed, and hashed where nothing is known of them.
    Scanning,
    /// Files are packed.
    Packing,
    /// The staged tree is made durable.
    Syncing,
    /// Full text is made of files and index records.
    Indexing,
    /// Vectors are made of texts.
    Embedding,
}

/// Receives the progress of an act. Called from the acting thread; must be quick.
pub trait Progress: Send + Sync {
    /// A phase begins. A total that is not known is 0.
    fn begin(&self, phase: Phase, files: u64, bytes: u64);
    /// So much more of the phase is done.
    fn advance(&self, files: u64, bytes: u64);
}

/// Watches and stops an act. The default does neither.
#[derive(Clone, Default)]
pub struct Control {
    /// Who is told of progress.
    pub progress: Option<Arc<dyn Progress>>,
    /// Once true, the act aborts at its next step before the exchange; after it, it is finished first.
    pub interrupt: Option<Arc<AtomicBool>>,
}

impl Control {
    pub(crate) fn begin(&self, phase: Phase, files: u64, bytes: u64) {
        if let Some(progress) = &self.progress {
            progress.begin(phase, files, bytes);
        }
    }

    pub(crate) fn advance(&self, files: u64, bytes: u64) {
        if let Some(progress) = &self.progress {
            progress.advance(files, bytes);
        }
    }

    /// Fails with [`Error::Interrupted`] once the caller has asked for it.
    pub(crate) fn ensure_not_interrupted(&self) -> Result<()> {
        match &self.interrupt {
            Some(interrupt) if interrupt.load(Ordering::Relaxed) => Err(Error::Interrupted),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control")
            .field("interrupt", &self.interrupt)
            .finish_non_exhaustive()
    }
}
