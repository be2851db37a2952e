//! Rows of slots: what each holds, and who may delete it.

use rusqlite::{Row, Transaction, params};

use super::{Journal, from_column, optional};
use crate::db::{self, DatabaseContext as _};
use crate::digest::Digest;
use crate::error::Result;
use crate::id::{SlotId, TransactionId};

/// A slot's row.
#[derive(Clone, Debug)]
pub(crate) struct SlotRow {
    /// `held`, `pruning` or `pruned`.
    pub(crate) state: String,
    /// Whether no prune may free it.
    pub(crate) is_pinned: bool,
    pub(crate) bytes: u64,
    /// Whether it holds a tree; a unit that was created leaves nothing behind.
    pub(crate) has_tree: bool,
    pub(crate) tree_digest: Option<Digest>,
}

const COLUMNS: &str = "SELECT state, holds = 'tree', tree_digest, pinned, bytes FROM slot";

impl SlotRow {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            state: row.get(0)?,
            has_tree: row.get(1)?,
            tree_digest: row.get(2)?,
            is_pinned: row.get(3)?,
            bytes: from_column(row.get(4)?),
        })
    }
}

impl Journal {
    /// Records slots that a transaction is about to make; durable when this returns. Their ids are
    /// higher than any recorded before, and higher than `above`: a directory that an older journal
    /// left behind is nobody's to overwrite.
    pub(crate) fn make_slots(
        &mut self,
        tx: TransactionId,
        count: usize,
        above: i64,
    ) -> Result<Vec<SlotId>> {
        db::write(&mut self.connection, "record a slot", |sql| {
            let query = "SELECT max(?1, coalesce(max(id), 0)) FROM slot";
            let last: i64 = sql
                .query_row(query, [above], |row| row.get(0))
                .context("record a slot")?;
            let mut insert = sql
                .prepare("INSERT INTO slot (id, made_by, holds, state) VALUES (?1, ?2, 'nothing', 'held')")
                .context("record a slot")?;
            let ids = (1..).take(count).map(|step| last.saturating_add(step));
            ids.map(|id| {
                insert
                    .execute([id, tx.0])
                    .map(|_| SlotId(id))
                    .context("record a slot")
            })
            .collect()
        })
    }

    /// Returns a slot's row.
    pub(crate) fn slot(&self, id: SlotId) -> Result<Option<SlotRow>> {
        let query = [COLUMNS, "WHERE id = ?1"].join(" ");
        optional(self.connection.query_row(&query, [id.0], SlotRow::from_row))
            .context("read a slot's row")
    }

    /// Returns the transaction that made a slot.
    pub(crate) fn maker_of(&self, slot: SlotId) -> Result<Option<TransactionId>> {
        let query = "SELECT made_by FROM slot WHERE id = ?1";
        let maker = self.connection.query_row(query, [slot.0], |row| row.get(0));
        let maker = optional(maker).context("read a slot's row")?;
        Ok(maker.map(TransactionId))
    }

    /// Returns the last commit that exchanged a slot.
    pub(crate) fn holder_of(&self, slot: SlotId) -> Result<Option<TransactionId>> {
        let query = "SELECT holder FROM slot WHERE id = ?1";
        let holder = self
            .connection
            .query_row(query, [slot.0], |row| row.get::<_, Option<i64>>(0));
        let holder = optional(holder).context("read a slot's row")?;
        Ok(holder.flatten().map(TransactionId))
    }

    /// Returns the slots that a transaction made and that are not pruned.
    pub(crate) fn slots_made_by(&self, tx: TransactionId) -> Result<Vec<SlotId>> {
        let mut statement = self
            .connection
            .prepare("SELECT id FROM slot WHERE made_by = ?1 AND state <> 'pruned' ORDER BY id")
            .context("read slots' rows")?;
        let ids = statement
            .query_map([tx.0], |row| row.get(0).map(SlotId))
            .context("read slots' rows")?;
        ids.collect::<rusqlite::Result<_>>()
            .context("read slots' rows")
    }

    /// Returns how many slots hold a tree, their bytes, and how many of those are pinned.
    pub(crate) fn held_slots(&self) -> Result<(u64, u64, u64)> {
        let query = "SELECT count(*), coalesce(sum(bytes), 0), coalesce(sum(bytes) FILTER (WHERE pinned = 1), 0)
                     FROM slot WHERE state <> 'pruned' AND holds = 'tree'";
        let sums = self.connection.query_row(query, [], |row| {
            Ok((
                from_column(row.get(0)?),
                from_column(row.get(1)?),
                from_column(row.get(2)?),
            ))
        });
        sums.context("read slots' rows")
    }

    /// Records that slots are gone from the disk; durable when this returns.
    pub(crate) fn mark_pruned(&mut self, slots: &[SlotId]) -> Result<()> {
        if slots.is_empty() {
            return Ok(());
        }
        db::write(&mut self.connection, "record that slots are gone", |sql| {
            mark_as_pruned(sql, slots)
        })
    }
}

/// Marks slots as gone from the disk.
pub(super) fn mark_as_pruned(sql: &Transaction<'_>, slots: &[SlotId]) -> Result<()> {
    for slot in slots {
        sql.execute(
            "UPDATE slot SET state = 'pruned', holds = 'nothing', inode = NULL, tree_digest = NULL, bytes = 0 WHERE id = ?1",
            [slot.0],
        )
        .context("record that slots are gone")?;
    }
    Ok(())
}

/// Once its exchange is committed, a unit's slot holds what the live tree held before.
pub(super) fn take_over_by_commit(sql: &Transaction<'_>, id: TransactionId) -> Result<()> {
    sql.execute(
        "UPDATE slot SET holder = ?1, holds = CASE unit.action WHEN 'create' THEN 'nothing' ELSE 'tree' END,
           inode = unit.old_inode, tree_digest = unit.old_digest, bytes = unit.old_bytes
         FROM tx_unit AS unit WHERE unit.tx = ?1 AND unit.slot = slot.id",
        params![id.0],
    )
    .context("record what slots hold")?;
    Ok(())
}
