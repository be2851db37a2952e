//! Drift: what differs from what the journal expects, before it is put away.

use rusqlite::types::Value;

use crate::error::Result;
use crate::staging::Staging;

/// Most drifted paths that an error lists; the count is exact.
const DRIFT_LISTED: usize = 1_000;

/// What differs from what the journal expects.
#[derive(Default)]
pub(super) struct Drift {
    pub(super) paths: Vec<String>,
    pub(super) total: u64,
}

impl Drift {
    pub(super) fn add(&mut self, path: String) {
        self.total += 1;
        if self.paths.len() < DRIFT_LISTED {
            self.paths.push(path);
        }
    }

    pub(super) fn add_external_changes(&mut self, staging: &Staging) -> Result<()> {
        staging.for_each_external_change(&mut |columns| {
            if let Some(Value::Text(path)) = columns.first() {
                self.add(format!("viking://{path}"));
            }
            Ok(())
        })
    }
}
