//! Drift: what differs from what the journal expects, before it is put away.

use crate::db::DatabaseContext as _;
use crate::entry_path::EntryPath;
use crate::error::{Error, Result};
use crate::staging::Staging;

use super::composition::Composition;

/// Most drifted paths that an error lists; the count is exact.
const DRIFT_LISTED: usize = 1_000;

/// What differs from what the journal expects.
#[derive(Clone, Debug, Default)]
pub(crate) struct Drift {
    pub(crate) paths: Vec<String>,
    pub(crate) total: u64,
}

impl Drift {
    pub(crate) fn add(&mut self, path: String) {
        self.total += 1;
        if self.paths.len() < DRIFT_LISTED {
            self.paths.push(path);
        }
    }

    pub(crate) fn to_error(&self) -> Error {
        Error::Drift {
            paths: self.paths.clone(),
            total: self.total,
        }
    }

    pub(super) fn add_external_changes(&mut self, staging: &Staging) -> Result<()> {
        staging.for_each_external_change(&mut |row| {
            let path: String = row.get(0).context("read the plan")?;
            self.add(format!("viking://{path}"));
            Ok(())
        })
    }

    /// Adds the files that are not what they should be in slots whose digest says that something is
    /// not; the slot alone where that is only a mode. `changed` are indexes of moves.
    pub(super) fn add_slots(
        &mut self,
        staging: &Staging,
        composition: &Composition,
        changed: &[usize],
    ) -> Result<()> {
        for &at in changed {
            let Some(moved) = composition.moves.get(at) else {
                continue;
            };
            let before = self.total;
            let later = composition.moves.get(at + 1..).unwrap_or_default();
            // Over what a later commit changed, the journal does not tell what was below.
            if composition.later.is_empty() {
                staging.for_each_correction(&mut |row| {
                    let path: String = row.get(0).context("read the plan")?;
                    let file = EntryPath::parse(&path).unwrap_or_default();
                    let is_in = |place: &EntryPath| file.is_at_or_below(place);
                    if is_in(&moved.path) && !later.iter().any(|later| is_in(&later.path)) {
                        self.add(format!("slot {}: {path}", moved.done.slot));
                    }
                    Ok(())
                })?;
            }
            if self.total == before {
                self.add(format!("slot {}", moved.done.slot));
            }
        }
        Ok(())
    }
}
