//! What the journal tells of commits, units, changes and events.

use rusqlite::{Connection, Row};

use super::prepare::{TreeIdentity, Unit, UnitAction};
use super::{EventKind, Journal, from_column, optional};
use crate::db::DatabaseContext as _;
use crate::digest::Digest;
use crate::error::Result;
use crate::id::{SlotId, TransactionId};
use crate::policy::PolicyRecord;
use crate::selection::{SelectionPattern, Sense};

/// One event.
#[derive(Clone, Debug)]
pub(crate) struct EventFacts {
    pub(crate) seq: i64,
    pub(crate) kind: String,
    pub(crate) at_ms: i64,
    pub(crate) hash: Digest,
}

impl Journal {
    /// Returns the transactions that a crash left open, oldest first, each with its events so far.
    pub(crate) fn open_transactions(&self) -> Result<Vec<(TransactionId, Vec<EventKind>)>> {
        let query = "SELECT tx, group_concat(kind) FROM event WHERE tx NOT IN
            (SELECT tx FROM event WHERE kind IN ('committed', 'aborted')) GROUP BY tx ORDER BY tx";
        let mut statement = self.connection.prepare(query).context("read the journal")?;
        let rows = statement
            .query_map([], |row| {
                Ok((TransactionId(row.get(0)?), row.get::<_, String>(1)?))
            })
            .context("read the journal")?;
        rows.map(|row| {
            row.map(|(id, kinds)| {
                (
                    id,
                    kinds.split(',').filter_map(EventKind::from_name).collect(),
                )
            })
        })
        .collect::<rusqlite::Result<_>>()
        .context("read the journal")
    }

    /// Returns the committed transactions and what each undoes, oldest first.
    pub(crate) fn committed(&self) -> Result<Vec<(TransactionId, Vec<TransactionId>)>> {
        let query = "SELECT id, coalesce(undone, undoes) AS target FROM tx JOIN committed_tx ON committed_tx.tx = tx.id
                     LEFT JOIN tx_undo ON tx_undo.tx = tx.id WHERE kind <> 'reindex' ORDER BY id, target";
        let mut statement = self.connection.prepare(query).context("read the journal")?;
        let mut rows = statement.query([]).context("read the journal")?;
        let mut commits: Vec<(TransactionId, Vec<TransactionId>)> = Vec::new();
        while let Some(row) = rows.next().context("read the journal")? {
            let columns =
                || -> rusqlite::Result<(i64, Option<i64>)> { Ok((row.get(0)?, row.get(1)?)) };
            let (id, target) = columns().context("read the journal")?;
            let id = TransactionId(id);
            if commits.last().is_none_or(|(last, _)| *last != id) {
                commits.push((id, Vec::new()));
            }
            if let Some((_, undoes)) = commits.last_mut() {
                undoes.extend(target.map(TransactionId));
            }
        }
        Ok(commits)
    }

    /// Returns a transaction's units, in the order in which they are moved.
    pub(crate) fn units(&self, id: TransactionId) -> Result<Vec<Unit>> {
        let query = "SELECT path, action, slot, old_inode, old_digest, old_bytes, new_inode, new_digest, new_bytes
                     FROM tx_unit WHERE tx = ?1 ORDER BY ordinal";
        let mut statement = self
            .connection
            .prepare_cached(query)
            .context("read the journal")?;
        let rows = statement
            .query_map([id.0], unit_from_row)
            .context("read the journal")?;
        rows.collect::<rusqlite::Result<_>>()
            .context("read the journal")
    }

    /// Returns the policies that a transaction's pack was held against, in their order.
    pub(crate) fn policies(&self, id: TransactionId) -> Result<Vec<PolicyRecord>> {
        let query = "SELECT name, sha256 FROM tx_policy WHERE tx = ?1 ORDER BY ordinal";
        let mut statement = self.connection.prepare(query).context("read the journal")?;
        let record = |row: &Row<'_>| {
            Ok(PolicyRecord {
                name: row.get(0)?,
                sha256: row.get(1)?,
            })
        };
        let rows = statement
            .query_map([id.0], record)
            .context("read the journal")?;
        rows.collect::<rusqlite::Result<_>>()
            .context("read the journal")
    }

    /// Returns the patterns by which a transaction took a part of its pack, in their order.
    pub(crate) fn selection(&self, id: TransactionId) -> Result<Vec<SelectionPattern>> {
        let query =
            "SELECT sense = 'exclude', pattern FROM tx_selection WHERE tx = ?1 ORDER BY ordinal";
        let mut statement = self.connection.prepare(query).context("read the journal")?;
        let pattern = |row: &Row<'_>| {
            let is_excluded: bool = row.get(0)?;
            Ok(SelectionPattern {
                sense: if is_excluded {
                    Sense::Exclude
                } else {
                    Sense::Include
                },
                pattern: row.get(1)?,
            })
        };
        let rows = statement
            .query_map([id.0], pattern)
            .context("read the journal")?;
        rows.collect::<rusqlite::Result<_>>()
            .context("read the journal")
    }

    /// Returns a transaction's events, oldest first.
    pub(crate) fn events(&self, id: TransactionId) -> Result<Vec<EventFacts>> {
        let query = "SELECT seq, kind, at_ms, hash FROM event WHERE tx = ?1 ORDER BY seq";
        let mut statement = self.connection.prepare(query).context("read the journal")?;
        let facts = |row: &Row<'_>| {
            Ok(EventFacts {
                seq: row.get(0)?,
                kind: row.get(1)?,
                at_ms: row.get(2)?,
                hash: row.get(3)?,
            })
        };
        let rows = statement
            .query_map([id.0], facts)
            .context("read the journal")?;
        rows.collect::<rusqlite::Result<_>>()
            .context("read the journal")
    }

    /// Returns the number of commits.
    pub(crate) fn generation(&self) -> Result<u64> {
        generation(&self.connection)
    }

    /// Returns the number of the last event that a transaction was prepared which moves units;
    /// `None` before the first. While it stays the same no transaction begins to move what is live.
    pub(crate) fn last_prepared(&self) -> Result<Option<i64>> {
        let query = "SELECT seq FROM event WHERE kind = 'prepared'
                     AND EXISTS (SELECT 1 FROM tx_unit WHERE tx_unit.tx = event.tx) ORDER BY seq DESC LIMIT 1";
        optional(self.connection.query_row(query, [], |row| row.get(0))).context("read the journal")
    }
}

pub(super) fn generation(connection: &Connection) -> Result<u64> {
    let query =
        "SELECT coalesce((SELECT generation FROM committed_tx ORDER BY seq DESC LIMIT 1), 0)";
    connection
        .query_row(query, [], |row| row.get(0).map(from_column))
        .context("read the journal")
}

fn unit_from_row(row: &Row<'_>) -> rusqlite::Result<Unit> {
    let tree = |at: usize| -> rusqlite::Result<Option<TreeIdentity>> {
        match (row.get::<_, Option<i64>>(at)?, row.get(at + 1)?) {
            (Some(inode), Some(digest)) => Ok(Some(TreeIdentity {
                inode: inode.cast_unsigned(),
                digest,
                bytes: from_column(row.get(at + 2)?),
            })),
            _ => Ok(None),
        }
    };
    let action = row.get::<_, String>(1)?;
    Ok(Unit {
        path: row.get(0)?,
        action: UnitAction::from_name(&action).unwrap_or(UnitAction::Exchange),
        slot: SlotId(row.get(2)?),
        old: tree(3)?,
        new: tree(6)?,
    })
}
