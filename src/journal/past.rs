//! The past, asked of change rows: what a transaction changed, and the tree as of a transaction.
//!
//! As in [`super::state`], what is at a path is the new side of the row with the highest change set
//! in effect; here in effect as of a transaction.

use std::ops::ControlFlow;

use rusqlite::{Row, named_params};

use super::state::end_of;
use super::{Journal, from_column};
use crate::db::DatabaseContext as _;
use crate::digest::Digest;
use crate::entry_path::EntryKind;
use crate::error::Result;
use crate::id::{SlotId, TransactionId};
use crate::plan::{Change, Version, change_from_row};

const CHANGES: &str = include_str!("../../schema/history/changes.sql");
const EXTERNAL_CHANGES: &str = include_str!("../../schema/history/external_changes.sql");
const TREE_AT: &str = include_str!("../../schema/history/tree_at.sql");

/// The changes of files, summed up by the directory that holds them, which ends in `/`: what is left
/// of a path when all that is not a slash is taken off its end.
const DIRECTORIES: [&str; 3] = [
    "SELECT rtrim(path, replace(path, '/', '')), count(*) FILTER (WHERE change = 'added'),
       count(*) FILTER (WHERE change = 'replaced'), count(*) FILTER (WHERE change = 'removed'),
       CAST(total(new_bytes) AS INTEGER), CAST(total(old_bytes) AS INTEGER) FROM (",
    CHANGES,
    ") WHERE 'file' IN (old_kind, new_kind) GROUP BY 1 ORDER BY 1",
];

/// How many files directly in a directory met which change, and their bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DirectoryCounts {
    pub(crate) added: u64,
    pub(crate) replaced: u64,
    pub(crate) removed: u64,
    pub(crate) bytes_after: u64,
    pub(crate) bytes_before: u64,
}

/// Is called for one row after the other, until it breaks.
pub(crate) type Each<'a, T> = &'a mut dyn FnMut(T) -> Result<ControlFlow<()>>;

/// One path as it was.
#[derive(Clone, Debug)]
pub(crate) struct PastEntry {
    pub(crate) path: String,
    /// What it was; `None` where it was not there.
    pub(crate) version: Option<Version>,
    /// The change set that says so.
    pub(crate) change_set: i64,
}

/// A unit that a commit moved, and its slot.
#[derive(Clone, Debug)]
pub(crate) struct SlotUnit {
    pub(crate) tx: TransactionId,
    pub(crate) path: String,
    pub(crate) slot: SlotId,
    /// Whether this commit was the last one to exchange the slot, and it holds a tree.
    pub(crate) is_held: bool,
    pub(crate) is_pruned: bool,
}

impl Journal {
    /// Calls `visit` for each path that was changed from outside before a transaction saw it, then
    /// for each that the transaction itself changed; by path.
    pub(crate) fn for_each_change(
        &self,
        tx: TransactionId,
        path: &str,
        visit: Each<'_, Change>,
    ) -> Result<ControlFlow<()>> {
        if self
            .visit_changes(EXTERNAL_CHANGES, tx, path, visit)?
            .is_break()
        {
            return Ok(ControlFlow::Break(()));
        }
        self.for_each_own_change(tx, path, visit)
    }

    /// The same for what the transaction itself changed.
    pub(crate) fn for_each_own_change(
        &self,
        tx: TransactionId,
        path: &str,
        visit: Each<'_, Change>,
    ) -> Result<ControlFlow<()>> {
        self.visit_changes(CHANGES, tx, path, visit)
    }

    /// The same for what was changed from outside before the transaction saw it.
    pub(crate) fn for_each_external_change(
        &self,
        tx: TransactionId,
        path: &str,
        visit: Each<'_, Change>,
    ) -> Result<ControlFlow<()>> {
        self.visit_changes(EXTERNAL_CHANGES, tx, path, visit)
    }

    fn visit_changes(
        &self,
        query: &str,
        tx: TransactionId,
        path: &str,
        visit: Each<'_, Change>,
    ) -> Result<ControlFlow<()>> {
        let mut statement = self
            .connection
            .prepare_cached(query)
            .context("read the journal's changes")?;
        let mut rows = statement
            .query(named_params! {":tx": tx.0, ":path": path, ":end": end_of(path, true)})
            .context("read the journal's changes")?;
        while let Some(row) = rows.next().context("read the journal's changes")? {
            let change = change_from_row(row).context("read the journal's changes")?;
            if visit(change)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Calls `visit` for each directory in which a transaction changed files, by path.
    pub(crate) fn for_each_changed_directory(
        &self,
        tx: TransactionId,
        visit: &mut dyn FnMut(&str, DirectoryCounts),
    ) -> Result<()> {
        let mut statement = self
            .connection
            .prepare(&DIRECTORIES.concat())
            .context("read the journal's changes")?;
        let mut rows = statement
            .query(named_params! {":tx": tx.0, ":path": "", ":end": end_of("", true)})
            .context("read the journal's changes")?;
        while let Some(row) = rows.next().context("read the journal's changes")? {
            let (path, counts) = directory_from_row(row).context("read the journal's changes")?;
            visit(&path, counts);
        }
        Ok(())
    }

    /// Calls `visit` for each path at and below `path` that was changed up to a transaction, as of
    /// right after that; by path.
    pub(crate) fn for_each_entry_at(
        &self,
        at: TransactionId,
        path: &str,
        visit: Each<'_, PastEntry>,
    ) -> Result<()> {
        let mut statement = self
            .connection
            .prepare_cached(TREE_AT)
            .context("read the tree of the past")?;
        let mut rows = statement
            .query(named_params! {":at": at.0, ":path": path, ":end": end_of(path, true)})
            .context("read the tree of the past")?;
        while let Some(row) = rows.next().context("read the tree of the past")? {
            let entry = entry_from_row(row).context("read the tree of the past")?;
            if visit(entry)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Returns one path as of right after a transaction; `None` where nothing up to then tells of it.
    pub(crate) fn entry_at(&self, at: TransactionId, path: &str) -> Result<Option<PastEntry>> {
        let mut found = None;
        self.for_each_entry_at(at, path, &mut |entry| {
            // A path sorts before all that lies below it.
            found = Some(entry).filter(|entry| entry.path == path);
            Ok(ControlFlow::Break(()))
        })?;
        Ok(found)
    }

    /// Returns the newest change set in effect that has a row at or below `path`.
    pub(crate) fn last_change_set(&self, path: &str) -> Result<Option<i64>> {
        let query = "SELECT max(change_set) FROM tx_change
                     WHERE path >= :path AND path < :end AND (:path = '' OR path = :path OR substr(path, length(:path) + 1, 1) = '/')
                     AND change_set IN (SELECT id FROM change_set_in_effect)";
        self.connection
            .query_row(
                query,
                named_params! {":path": path, ":end": end_of(path, true)},
                |row| row.get(0),
            )
            .context("read the journal's changes")
    }

    /// Returns the units that commits have moved, oldest first.
    pub(crate) fn slot_units(&self) -> Result<Vec<SlotUnit>> {
        let query = "SELECT tx_unit.tx, path, slot, holder = tx_unit.tx AND holds = 'tree' AND state = 'held', state = 'pruned'
                     FROM tx_unit JOIN committed_tx ON committed_tx.tx = tx_unit.tx JOIN slot ON slot.id = slot
                     ORDER BY tx_unit.tx, ordinal";
        let mut statement = self.connection.prepare(query).context("read slots' rows")?;
        let units = statement
            .query_map([], |row| {
                Ok(SlotUnit {
                    tx: TransactionId(row.get(0)?),
                    path: row.get(1)?,
                    slot: SlotId(row.get(2)?),
                    is_held: row.get::<_, Option<bool>>(3)?.unwrap_or(false),
                    is_pruned: row.get(4)?,
                })
            })
            .context("read slots' rows")?;
        units
            .collect::<rusqlite::Result<_>>()
            .context("read slots' rows")
    }

    /// Returns the transaction that decided to free a slot, where the journal names one.
    pub(crate) fn freed_by(&self, slot: SlotId) -> Result<Option<TransactionId>> {
        let query = "SELECT max(tx_slot.tx) FROM tx_slot WHERE slot = ?1 AND decision = 'freed'";
        self.connection
            .query_row(query, [slot.0], |row| row.get::<_, Option<i64>>(0))
            .context("read slots' rows")
            .map(|tx| tx.map(TransactionId))
    }
}

fn directory_from_row(row: &Row<'_>) -> rusqlite::Result<(String, DirectoryCounts)> {
    let count = |column: usize| row.get::<_, i64>(column).map(from_column);
    let counts = DirectoryCounts {
        added: count(1)?,
        replaced: count(2)?,
        removed: count(3)?,
        bytes_after: count(4)?,
        bytes_before: count(5)?,
    };
    Ok((row.get(0)?, counts))
}

fn entry_from_row(row: &Row<'_>) -> rusqlite::Result<PastEntry> {
    let kind: Option<String> = row.get(1)?;
    let kind = kind.as_deref().and_then(EntryKind::from_name);
    let size = row.get::<_, Option<i64>>(2)?.map_or(0, from_column);
    let sha256: Option<Digest> = row.get(3)?;
    Ok(PastEntry {
        path: row.get(0)?,
        version: kind.map(|kind| Version { kind, size, sha256 }),
        change_set: row.get(4)?,
    })
}
