//! Redo: which rollback is rolled back, so that what it took away comes back.

use crate::error::{Error, Result};
use crate::id::TransactionId;
use crate::journal::Journal;
use crate::journal::undo::{Acts, undone};
use crate::layout::Layout;

use super::composition::compose;

/// Returns the rollback that a redo rolls back: `asked`, or else the newest one in effect that
/// nothing lies over.
///
/// # Errors
/// [`Error::NothingToRedo`]; [`Error::LaterTransactions`] where something lies over each.
pub(crate) fn to_redo(
    layout: &Layout,
    journal: &Journal,
    asked: Option<TransactionId>,
) -> Result<TransactionId> {
    let commits = journal.committed()?;
    let acts = Acts::after(&commits);
    let last = commits.last().map(|(id, _)| *id);
    if let Some(tx) = asked {
        journal.transaction(tx)?;
        return if acts.is_brought_back_by_undoing(tx) {
            Ok(tx)
        } else {
            Err(Error::NothingToRedo { tx: asked, last })
        };
    }
    let undone = undone(&commits);
    let candidates = commits
        .iter()
        .rev()
        .map(|(id, _)| *id)
        .filter(|id| acts.is_brought_back_by_undoing(*id) && !undone.contains_key(id));
    let mut buried = None;
    for tx in candidates {
        let later = compose(layout, journal, tx, false)?.later;
        if later.is_empty() {
            return Ok(tx);
        }
        buried = buried.or(Some(Error::LaterTransactions { tx, later }));
    }
    Err(buried.unwrap_or(Error::NothingToRedo { tx: None, last }))
}
