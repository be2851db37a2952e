//! Decisions about slots: by a prune, a pin or an unpin. They are rows of its `prepared` event, and
//! what they change of the slots is in the same `SQLite` transaction: durable before a tree is deleted.

use rusqlite::{Connection, Row, params};
use serde_json::json;

use super::slots::mark_as_pruned;
use super::{EventKind, Journal, chain, from_column, index, to_column};
use crate::db::{self, DatabaseContext as _};
use crate::error::Result;
use crate::id::{SlotId, TransactionId};

/// A slot that some commit holds.
#[derive(Clone, Debug)]
pub(crate) struct RetainedSlot {
    pub(crate) id: SlotId,
    /// The last commit that exchanged it.
    pub(crate) holder: TransactionId,
    /// When that was, in milliseconds since 1970-01-01 UTC.
    pub(crate) held_since_ms: i64,
    /// The unit's path below the live root.
    pub(crate) path: String,
    pub(crate) bytes: u64,
    /// Whether it holds a tree; a unit that was created leaves nothing behind.
    pub(crate) has_tree: bool,
    pub(crate) is_pinned: bool,
}

/// A unit that some commit moved, as far as a later rollback is concerned.
#[derive(Clone, Debug)]
pub(crate) struct MovedUnit {
    pub(crate) tx: TransactionId,
    pub(crate) slot: SlotId,
    /// What was moved, below the live root.
    pub(crate) path: String,
    /// The least that a rollback moves back.
    pub(crate) least: String,
}

/// What is decided about a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SlotChange {
    Kept,
    Freed,
    Pinned,
    Unpinned,
}

impl SlotChange {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Freed => "freed",
            Self::Pinned => "pinned",
            Self::Unpinned => "unpinned",
        }
    }

    /// Returns the statement that changes the slot's row.
    const fn update(self) -> Option<&'static str> {
        match self {
            Self::Kept => None,
            Self::Freed => Some(
                "UPDATE slot SET state = 'pruning' WHERE id = ?1 AND state = 'held' AND pinned = 0",
            ),
            Self::Pinned => Some("UPDATE slot SET pinned = 1 WHERE id = ?1 AND state = 'held'"),
            Self::Unpinned => Some("UPDATE slot SET pinned = 0 WHERE id = ?1"),
        }
    }
}

/// A decision about a slot, as the journal keeps it.
#[derive(Clone, Debug)]
pub(crate) struct SlotDecisionRow {
    pub(crate) slot: SlotId,
    pub(crate) change: SlotChange,
    pub(crate) reason: String,
    pub(crate) bytes: u64,
}

impl Journal {
    /// Returns the slots that commits hold and that are not being pruned, by holder.
    pub(crate) fn retained_slots(&self) -> Result<Vec<RetainedSlot>> {
        let query = "SELECT slot.id, slot.holder, committed_tx.at_ms, unit.path, slot.bytes, slot.holds = 'tree', slot.pinned
                     FROM slot
                     JOIN tx_unit AS unit ON unit.tx = slot.holder AND unit.slot = slot.id
                     JOIN committed_tx ON committed_tx.tx = slot.holder
                     WHERE slot.state = 'held' ORDER BY slot.holder, slot.id";
        collect(&self.connection, query, params![], |row| {
            Ok(RetainedSlot {
                id: SlotId(row.get(0)?),
                holder: TransactionId(row.get(1)?),
                held_since_ms: row.get(2)?,
                path: row.get(3)?,
                bytes: from_column(row.get(4)?),
                has_tree: row.get(5)?,
                is_pinned: row.get(6)?,
            })
        })
    }

    /// Returns the units that `from` and the commits after it moved, oldest first.
    ///
    /// A created unit may go back as the root alone, where the directories above it came to hold
    /// something else.
    pub(crate) fn moved_units(&self, from: TransactionId) -> Result<Vec<MovedUnit>> {
        let query = "SELECT unit.tx, unit.slot, unit.path, unit.action, substr(tx.uri, length('viking://') + 1)
                     FROM tx_unit AS unit
                     JOIN tx ON tx.id = unit.tx
                     JOIN committed_tx ON committed_tx.tx = unit.tx
                     WHERE unit.tx >= ?1 ORDER BY unit.tx, unit.ordinal";
        collect(&self.connection, query, params![from.0], |row| {
            let (path, action): (String, String) = (row.get(2)?, row.get(3)?);
            let root: String = row.get(4)?;
            let is_below = path.is_empty()
                || root
                    .strip_prefix(&path)
                    .is_some_and(|rest| rest.starts_with('/'));
            let least = if action == "create" && is_below {
                root
            } else {
                path.clone()
            };
            Ok(MovedUnit {
                tx: TransactionId(row.get(0)?),
                slot: SlotId(row.get(1)?),
                path,
                least,
            })
        })
    }

    /// Records decisions about slots, and marks the slots so; durable when this returns.
    pub(crate) fn decide(
        &mut self,
        id: TransactionId,
        decisions: &[SlotDecisionRow],
    ) -> Result<()> {
        let action = "record what is decided about slots";
        db::write(&mut self.connection, action, |sql| {
            for decision in decisions {
                let row = params![
                    id.0,
                    decision.slot.0,
                    decision.change.as_str(),
                    decision.reason,
                    to_column(decision.bytes)
                ];
                sql.execute(
                    "INSERT INTO tx_slot (tx, slot, decision, reason, bytes) VALUES (?1, ?2, ?3, ?4, ?5)",
                    row,
                )
                .context(action)?;
                if let Some(update) = decision.change.update() {
                    sql.execute(update, [decision.slot.0]).context(action)?;
                }
            }
            let rows = chain::Rows::Prepared;
            chain::append(sql, id, EventKind::Prepared, &json!({}), rows)
        })
    }

    /// Returns the slots that a prune decided to free and that may still be on the disk.
    pub(crate) fn slots_to_free(&self, id: TransactionId) -> Result<Vec<SlotId>> {
        let query = "SELECT slot.id FROM tx_slot JOIN slot ON slot.id = tx_slot.slot
                     WHERE tx_slot.tx = ?1 AND decision = 'freed' AND state = 'pruning' ORDER BY slot.id";
        collect(&self.connection, query, params![id.0], |row| {
            row.get(0).map(SlotId)
        })
    }

    /// Records that what was decided about slots is done, and that `freed` are gone from the disk;
    /// durable when this returns. The live tree was not moved, so the generation stays.
    pub(crate) fn complete_decision(&mut self, id: TransactionId, freed: &[SlotId]) -> Result<()> {
        db::write(&mut self.connection, "record that slots are gone", |sql| {
            mark_as_pruned(sql, freed)?;
            if !freed.is_empty() {
                index::forget_records(sql)?;
            }
            let rows = chain::Rows::AsPrepared;
            chain::append(sql, id, EventKind::Committed, &json!({}), rows)
        })
    }

    /// Returns what a transaction decided about slots, by slot.
    pub(crate) fn slot_decisions(
        &self,
        id: TransactionId,
    ) -> Result<Vec<(SlotId, String, String, u64)>> {
        let query = "SELECT slot, decision, reason, bytes FROM tx_slot WHERE tx = ?1 ORDER BY slot";
        collect(&self.connection, query, params![id.0], |row| {
            Ok((
                SlotId(row.get(0)?),
                row.get(1)?,
                row.get(2)?,
                from_column(row.get(3)?),
            ))
        })
    }
}

fn collect<T>(
    connection: &Connection,
    query: &str,
    parameters: &[&dyn rusqlite::ToSql],
    from_row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>> {
    let mut statement = connection
        .prepare_cached(query)
        .context("read slots' rows")?;
    let rows = statement
        .query_map(parameters, from_row)
        .context("read slots' rows")?;
    rows.collect::<rusqlite::Result<_>>()
        .context("read slots' rows")
}
