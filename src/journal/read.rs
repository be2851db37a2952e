//! What the journal tells of transactions, units, changes and events.

use rusqlite::{Connection, Row, named_params};

use super::prepare::{TreeIdentity, Unit, UnitAction};
use super::{EventKind, Journal, from_column, optional};
use crate::clock;
use crate::db::DatabaseContext as _;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::id::{SlotId, TransactionId};
use crate::plan::{Change, ChangeCounts, change_from_row};

/// A transaction's own row, its last event, and what became of it.
#[derive(Clone, Debug)]
pub(crate) struct TransactionRow {
    pub(crate) id: TransactionId,
    pub(crate) kind: String,
    pub(crate) uri: String,
    pub(crate) undoes: Option<TransactionId>,
    pub(crate) argv: String,
    pub(crate) user: String,
    pub(crate) host: String,
    pub(crate) tool_version: String,
    pub(crate) pack_path: Option<String>,
    pub(crate) started_ms: i64,
    pub(crate) pack_sha256: Option<Digest>,
    pub(crate) changes: ChangeCounts,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    pub(crate) last_event: String,
    pub(crate) last_event_ms: i64,
    pub(crate) generation: Option<u64>,
    pub(crate) abort_reason: Option<String>,
    pub(crate) abort_message: Option<String>,
}

/// One event.
#[derive(Clone, Debug)]
pub(crate) struct EventFacts {
    pub(crate) seq: i64,
    pub(crate) kind: String,
    pub(crate) at_ms: i64,
    pub(crate) hash: Digest,
}

const TRANSACTION: &str = "
SELECT tx.id, tx.kind, uri, undoes, argv, user, host, tool_version, pack_path, started_ms, tx_pack.sha256,
  coalesce(added, 0), coalesce(replaced, 0), coalesce(unchanged, 0), coalesce(removed, 0), coalesce(files, 0), coalesce(bytes, 0),
  last.kind, last.at_ms, committed.detail ->> 'generation', aborting.detail ->> 'reason',
  aborting.detail ->> 'message'
FROM tx
JOIN event AS last ON last.seq = (SELECT max(seq) FROM event WHERE event.tx = tx.id)
LEFT JOIN event AS committed ON committed.tx = tx.id AND committed.kind = 'committed'
LEFT JOIN event AS aborting ON aborting.tx = tx.id AND aborting.kind = 'aborting'
LEFT JOIN tx_pack ON tx_pack.tx = tx.id
LEFT JOIN tx_plan ON tx_plan.tx = tx.id
WHERE (:id IS NULL OR tx.id = :id) ORDER BY tx.id DESC LIMIT :limit";

impl TransactionRow {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let count = |column: usize| row.get::<_, i64>(column).map(from_column);
        Ok(Self {
            id: TransactionId(row.get(0)?),
            kind: row.get(1)?,
            uri: row.get(2)?,
            undoes: row.get::<_, Option<i64>>(3)?.map(TransactionId),
            argv: row.get(4)?,
            user: row.get(5)?,
            host: row.get(6)?,
            tool_version: row.get(7)?,
            pack_path: row.get(8)?,
            started_ms: row.get(9)?,
            pack_sha256: row.get(10)?,
            changes: ChangeCounts {
                added: count(11)?,
                replaced: count(12)?,
                unchanged: count(13)?,
                removed: count(14)?,
            },
            files: count(15)?,
            bytes: count(16)?,
            last_event: row.get(17)?,
            last_event_ms: row.get(18)?,
            generation: row.get::<_, Option<i64>>(19)?.map(from_column),
            abort_reason: row.get(20)?,
            abort_message: row.get(21)?,
        })
    }

    /// Returns whether neither `committed` nor `aborted` has ended it.
    pub(crate) fn is_open(&self) -> bool {
        !matches!(
            EventKind::from_name(&self.last_event),
            Some(EventKind::Committed | EventKind::Aborted)
        )
    }

    /// Returns when it began, in RFC 3339.
    pub(crate) fn started_at(&self) -> String {
        clock::rfc3339(self.started_ms)
    }

    /// Returns when it was committed or aborted, in RFC 3339.
    pub(crate) fn finished_at(&self) -> Option<String> {
        (!self.is_open()).then(|| clock::rfc3339(self.last_event_ms))
    }
}

impl Journal {
    /// Returns transactions, newest first.
    pub(crate) fn transactions(&self, limit: Option<u64>) -> Result<Vec<TransactionRow>> {
        let limit = limit.map_or(-1, super::to_column);
        let mut statement = self
            .connection
            .prepare_cached(TRANSACTION)
            .context("read the journal")?;
        let rows = statement
            .query_map(
                named_params! {":id": None::<i64>, ":limit": limit},
                TransactionRow::from_row,
            )
            .context("read the journal")?;
        rows.collect::<rusqlite::Result<_>>()
            .context("read the journal")
    }

    /// Returns one transaction.
    ///
    /// # Errors
    /// [`Error::TransactionNotFound`].
    pub(crate) fn transaction(&self, id: TransactionId) -> Result<TransactionRow> {
        let mut statement = self
            .connection
            .prepare_cached(TRANSACTION)
            .context("read the journal")?;
        let row = statement.query_row(
            named_params! {":id": id.0, ":limit": 1},
            TransactionRow::from_row,
        );
        optional(row)
            .context("read the journal")?
            .ok_or(Error::TransactionNotFound { tx: id })
    }

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
                     LEFT JOIN tx_undo ON tx_undo.tx = tx.id ORDER BY id, target";
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

    /// Returns a transaction's change rows, by origin and path.
    pub(crate) fn changes(&self, id: TransactionId) -> Result<Vec<Change>> {
        let query = "SELECT path, change, old_kind, old_bytes, old_sha256, new_kind, new_bytes, new_sha256
            FROM tx_change WHERE change_set IN (SELECT id FROM change_set WHERE tx = ?1) ORDER BY change_set, path";
        let mut statement = self.connection.prepare(query).context("read the journal")?;
        let rows = statement
            .query_map([id.0], change_from_row)
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

    /// Returns the number of the last event that a transaction was prepared; `None` before the
    /// first. While it stays the same no transaction begins to move what is live.
    pub(crate) fn last_prepared(&self) -> Result<Option<i64>> {
        let query = "SELECT max(seq) FROM event WHERE kind = 'prepared'";
        self.connection
            .query_row(query, [], |row| row.get(0))
            .context("read the journal")
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
