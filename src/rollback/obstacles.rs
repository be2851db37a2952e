//! What stands in the way of a rollback: the first thing ends one, a rehearsal collects all.

use crate::error::{Error, Result};

/// Errors met on the way.
#[derive(Debug)]
pub(crate) struct Obstacles {
    /// Those met so far, where they are collected.
    collected: Option<Vec<Error>>,
}

impl Obstacles {
    /// The first obstacle is the end.
    pub(crate) const fn ending() -> Self {
        Self { collected: None }
    }

    /// All obstacles are collected.
    pub(crate) const fn collecting() -> Self {
        Self {
            collected: Some(Vec::new()),
        }
    }

    /// Meets one: returns it as the error that it is, or keeps it.
    pub(crate) fn meet(&mut self, error: Error) -> Result<()> {
        match &mut self.collected {
            Some(collected) => {
                collected.push(error);
                Ok(())
            }
            None => Err(error),
        }
    }

    /// Returns those that were collected, in the order in which they were met.
    pub(crate) fn into_collected(self) -> Vec<Error> {
        self.collected.unwrap_or_default()
    }
}
