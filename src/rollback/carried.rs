//! Slots that hold more than what the undoing of their transaction brings back.
//!
//! A rollback of several that moves an outer unit alone carries the content of the inner ones, which
//! it leaves out, into the outer one's slot. Undoing that rollback brings all of it back, as it must.
//! Undoing anything else by that slot would bring back the inner ones too, which nobody asked for.

use std::collections::BTreeSet;

use crate::entry_path::EntryPath;
use crate::error::Result;
use crate::id::TransactionId;
use crate::journal::Journal;

use super::composition::{Commits, Move};

/// Returns the rollbacks that carried something into a slot of these moves, and that are not what is
/// undone by it.
pub(super) fn carriers(
    journal: &Journal,
    commits: &Commits,
    moves: &[Move],
) -> Result<BTreeSet<TransactionId>> {
    let mut carriers = BTreeSet::new();
    for moved in moves {
        let Some(holder) = journal.holder_of(moved.done.slot)? else {
            continue;
        };
        if holder != moved.of && has_carried(journal, commits, holder, moved)? {
            carriers.insert(holder);
        }
    }
    Ok(carriers)
}

/// Whether a rollback left out, for the sake of this unit, one that lies below it.
fn has_carried(
    journal: &Journal,
    commits: &Commits,
    holder: TransactionId,
    moved: &Move,
) -> Result<bool> {
    let own: BTreeSet<_> = journal
        .units(holder)?
        .into_iter()
        .map(|unit| unit.slot)
        .collect();
    let commit = commits.iter().find(|(id, _)| *id == holder);
    for undone in commit.map_or(&[][..], |(_, undone)| undone.as_slice()) {
        for unit in journal.units(*undone)? {
            let path = EntryPath::parse(&unit.path).unwrap_or_default();
            if !own.contains(&unit.slot) && path.is_at_or_below(&moved.path) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
