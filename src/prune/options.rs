//! What a prune keeps.

use std::time::Duration;

use crate::control::Control;
use crate::error::{Error, Result};

/// What a prune keeps, beside what is pinned; at least one of the first three must be given.
///
/// `keep_last` and `keep_within` protect, either of them. Without `max_bytes` everything else is
/// freed; with it the oldest of everything else are freed until what is kept fits. What the next
/// rollback of any root needs is freed only where `keep_last` is 0.
#[derive(Clone, Debug, Default)]
pub struct PruneOptions {
    /// Keep the trees of so many commits, the newest that hold one.
    pub keep_last: Option<u64>,
    /// Keep the trees of commits that are younger.
    pub keep_within: Option<Duration>,
    /// Free the oldest trees, until the rest holds at most so many bytes.
    pub max_bytes: Option<u64>,
    /// Rehearse: decide, change nothing.
    pub dry_run: bool,
    /// Stops the act before anything is deleted.
    pub control: Control,
}

impl PruneOptions {
    /// A prune that is told of nothing to keep would delete everything; nobody means that by leaving
    /// options out.
    pub(super) fn ensure_something_is_kept(&self) -> Result<()> {
        let is_told =
            self.keep_last.is_some() || self.keep_within.is_some() || self.max_bytes.is_some();
        if is_told {
            return Ok(());
        }
        Err(Error::InvalidArgument {
            argument: "what a prune keeps",
            value: "nothing".to_owned(),
            expected: "at least one of keep_last, keep_within and max_bytes",
        })
    }
}
