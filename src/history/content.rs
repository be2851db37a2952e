//! A file's bytes as of a transaction, where a tree still holds them.

use std::io::Write;
use std::ops::ControlFlow;

use super::ensure_committed;
use crate::entry_path::{EntryKind, EntryPath};
use crate::error::{Error, Result};
use crate::held::HeldTrees;
use crate::id::TransactionId;
use crate::journal::Journal;
use crate::journal::transactions::Filter;
use crate::plan::Version;
use crate::uri::Uri;

/// Writes a file's bytes as of right after a transaction; returns their number.
pub(crate) fn read_at(
    journal: &Journal,
    trees: &mut HeldTrees,
    at: TransactionId,
    uri: &Uri,
    out: &mut dyn Write,
) -> Result<u64> {
    let version = version_at(journal, at, uri)?;
    if version.kind != EntryKind::File {
        return Err(Error::WrongEntryKind {
            uri: uri.clone(),
            expected: "file",
        });
    }
    if let Some(sha256) = version.sha256
        && let Some(bytes) = trees.copy(at, uri.path(), version.size, &sha256, out)?
    {
        return Ok(bytes);
    }
    Err(not_held(uri, at, why_not_held(journal, at, uri.path())?))
}

/// Returns what was at a URI right after a transaction.
pub(crate) fn version_at(journal: &Journal, at: TransactionId, uri: &Uri) -> Result<Version> {
    ensure_committed(journal, at)?;
    let entry = journal.entry_at(at, uri.path())?;
    let why = match entry.map(|entry| entry.version) {
        Some(Some(version)) => return Ok(version),
        Some(None) => "it was not there then",
        None => "the journal has nothing of it at that time",
    };
    Err(not_held(uri, at, why.to_owned()))
}

fn not_held(uri: &Uri, tx: TransactionId, why: String) -> Error {
    Error::ContentNotHeld {
        uri: uri.clone(),
        tx,
        why,
    }
}

/// Says where content went that no tree holds: to the slot of the first later commit that moved
/// the path, unless it was changed from outside before that.
fn why_not_held(journal: &Journal, at: TransactionId, path: &EntryPath) -> Result<String> {
    let units = journal.slot_units()?;
    let moved = units.iter().find(|unit| {
        let unit_path = EntryPath::parse(&unit.path).unwrap_or_default();
        unit.tx > at && path.is_at_or_below(&unit_path)
    });
    if let Some(seen_by) = first_external_change(journal, at, path)?
        && moved.is_none_or(|moved| seen_by <= moved.tx)
    {
        return Ok(format!("it was changed outside of ovpack before {seen_by}"));
    }
    let Some(moved) = moved else {
        return Ok("no commit moved it since, and the live file is another one".to_owned());
    };
    if !moved.is_pruned {
        return Ok(format!(
            "slot {} of {} does not hold it any more",
            moved.slot, moved.tx
        ));
    }
    let by = journal.freed_by(moved.slot)?;
    let by = by.map(|tx| format!(" by {tx}")).unwrap_or_default();
    Ok(format!(
        "slot {} of {}, which held it, was pruned{by}",
        moved.slot, moved.tx
    ))
}

/// Returns the first commit after `at` that found the path changed from outside.
fn first_external_change(
    journal: &Journal,
    at: TransactionId,
    path: &EntryPath,
) -> Result<Option<TransactionId>> {
    let filter = Filter {
        path: Some(path),
        is_external_too: true,
        outcome: Some("committed"),
        ..Filter::default()
    };
    let mut later = journal.transactions(&filter)?;
    later.retain(|row| row.id > at);
    for row in later.iter().rev() {
        let mut break_at_first = |_| Ok(ControlFlow::Break(()));
        let seen = journal.for_each_external_change(row.id, path, &mut break_at_first)?;
        if seen.is_break() {
            return Ok(Some(row.id));
        }
    }
    Ok(None)
}
