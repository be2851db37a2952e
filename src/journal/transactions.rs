//! What the journal tells of transactions as a whole: who, when, from which pack, and what became
//! of them.

use rusqlite::{Row, named_params};
use serde_json::Value;

use super::{EventKind, Journal, TransactionKind, from_column, optional, to_column};
use crate::clock;
use crate::db::DatabaseContext as _;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::id::TransactionId;
use crate::plan::ChangeCounts;

/// A transaction's own row, its last event, and what became of it.
#[derive(Clone, Debug)]
pub(crate) struct TransactionRow {
    pub(crate) id: TransactionId,
    pub(crate) kind: String,
    pub(crate) uri: String,
    pub(crate) on_conflict: Option<String>,
    pub(crate) undoes: Option<TransactionId>,
    pub(crate) argv: String,
    pub(crate) user: String,
    pub(crate) host: String,
    pub(crate) tool_version: String,
    pub(crate) pack_path: Option<String>,
    pub(crate) pack_bytes: Option<u64>,
    pub(crate) started_ms: i64,
    pub(crate) pack: Option<PackRow>,
    pub(crate) changes: ChangeCounts,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    pub(crate) last_event: String,
    pub(crate) last_event_ms: i64,
    pub(crate) generation: Option<u64>,
    /// Why it was aborted, as the event has it.
    pub(crate) abort: Option<Value>,
}

/// What is known of a pack once all of its bytes were read.
#[derive(Clone, Debug)]
pub(crate) struct PackRow {
    pub(crate) sha256: Digest,
    pub(crate) manifest_sha256: Digest,
    pub(crate) content_sha256: Digest,
    pub(crate) layout: String,
    pub(crate) root_uri: String,
}

/// Which transactions are asked for; what is `None` excludes none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter<'a> {
    /// Those whose root is at, above or below this URI.
    pub(crate) uri: Option<&'a str>,
    /// Those that changed something at or below this path.
    pub(crate) path: Option<&'a str>,
    /// With `path`: those too that saw it changed from outside.
    pub(crate) is_external_too: bool,
    /// `committed`, `aborted` or `open`.
    pub(crate) outcome: Option<&'a str>,
    pub(crate) kind: Option<&'a str>,
    pub(crate) user: Option<&'a str>,
    pub(crate) since_ms: Option<i64>,
    pub(crate) until_ms: Option<i64>,
    /// The first digits of the pack's digest, in lower case.
    pub(crate) pack_sha256: Option<&'a str>,
    /// Those older than this one.
    pub(crate) before: Option<TransactionId>,
    pub(crate) limit: Option<u64>,
}

const TRANSACTIONS: &str = include_str!("../../schema/history/transactions.sql");

impl TransactionRow {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let count = |column: usize| row.get::<_, i64>(column).map(from_column);
        let abort: Option<String> = row.get(26)?;
        Ok(Self {
            id: TransactionId(row.get(0)?),
            kind: row.get(1)?,
            uri: row.get(2)?,
            on_conflict: row.get(3)?,
            undoes: row.get::<_, Option<i64>>(4)?.map(TransactionId),
            argv: row.get(5)?,
            user: row.get(6)?,
            host: row.get(7)?,
            tool_version: row.get(8)?,
            pack_path: row.get(9)?,
            pack_bytes: row.get::<_, Option<i64>>(10)?.map(from_column),
            started_ms: row.get(11)?,
            pack: PackRow::from_row(row)?,
            changes: ChangeCounts {
                added: count(17)?,
                replaced: count(18)?,
                unchanged: count(19)?,
                removed: count(20)?,
            },
            files: count(21)?,
            bytes: count(22)?,
            last_event: row.get(23)?,
            last_event_ms: row.get(24)?,
            generation: row.get::<_, Option<i64>>(25)?.map(from_column),
            abort: abort.and_then(|detail| serde_json::from_str(&detail).ok()),
        })
    }

    /// Returns whether neither `committed` nor `aborted` has ended it.
    pub(crate) fn is_open(&self) -> bool {
        !matches!(
            EventKind::from_name(&self.last_event),
            Some(EventKind::Committed | EventKind::Aborted)
        )
    }

    /// Returns whether it was committed.
    pub(crate) fn is_committed(&self) -> bool {
        EventKind::from_name(&self.last_event) == Some(EventKind::Committed)
    }

    /// Returns whether it decides about slots, and moves nothing of the live tree.
    pub(crate) fn is_about_slots(&self) -> bool {
        let kinds = [
            TransactionKind::Prune,
            TransactionKind::Pin,
            TransactionKind::Unpin,
        ];
        kinds.iter().any(|kind| kind.as_str() == self.kind)
    }

    /// Returns what it is, where it moved nothing that a rollback could move back.
    pub(crate) fn why_nothing_to_undo(&self) -> Option<String> {
        if !self.is_committed() {
            return Some(self.last_event.clone());
        }
        if self.kind == TransactionKind::Baseline.as_str() {
            return Some("a baseline, which changed nothing".to_owned());
        }
        if self.kind == TransactionKind::Reindex.as_str() {
            return Some("a reindex, which changed no file".to_owned());
        }
        let article = if self.kind.starts_with('u') {
            "an"
        } else {
            "a"
        };
        // Only a commit that moved the live tree has a generation.
        (self.generation.is_none()).then(|| format!("{article} {}, which moved nothing", self.kind))
    }

    /// Returns when it began, in RFC 3339.
    pub(crate) fn started_at(&self) -> String {
        clock::rfc3339(self.started_ms)
    }

    /// Returns when it was committed or aborted, in RFC 3339.
    pub(crate) fn finished_at(&self) -> Option<String> {
        (!self.is_open()).then(|| clock::rfc3339(self.last_event_ms))
    }

    /// Returns a text of what is kept of the error that it was aborted for, such as `reason`.
    pub(crate) fn abort_text(&self, key: &str) -> Option<String> {
        Some(self.abort.as_ref()?.get(key)?.as_str()?.to_owned())
    }

    /// Returns a number of what is kept of the error that it was aborted for, such as `total`.
    pub(crate) fn abort_number(&self, key: &str) -> Option<u64> {
        self.abort.as_ref()?.get(key)?.as_u64()
    }

    /// Returns a list of what is kept of the error that it was aborted for, such as `findings`.
    pub(crate) fn abort_list(&self, key: &str) -> &[Value] {
        let list = self.abort.as_ref().and_then(|abort| abort.get(key));
        list.and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
}

impl PackRow {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Option<Self>> {
        let Some(sha256) = row.get(12)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            sha256,
            manifest_sha256: row.get(13)?,
            content_sha256: row.get(14)?,
            layout: row.get(15)?,
            root_uri: row.get(16)?,
        }))
    }
}

impl Journal {
    /// Returns transactions, newest first.
    pub(crate) fn transactions(&self, filter: &Filter<'_>) -> Result<Vec<TransactionRow>> {
        self.select_transactions(None, filter)
    }

    /// Returns one transaction.
    ///
    /// # Errors
    /// [`Error::TransactionNotFound`].
    pub(crate) fn transaction(&self, id: TransactionId) -> Result<TransactionRow> {
        let found = self.select_transactions(Some(id), &Filter::default())?;
        let found = found.into_iter().next();
        found.ok_or(Error::TransactionNotFound { tx: id })
    }

    fn select_transactions(
        &self,
        id: Option<TransactionId>,
        filter: &Filter<'_>,
    ) -> Result<Vec<TransactionRow>> {
        let mut statement = self
            .connection
            .prepare_cached(TRANSACTIONS)
            .context("read the journal")?;
        let parameters = named_params! {
            ":id": id.map(|id| id.0),
            ":before": filter.before.map(|id| id.0),
            ":uri": filter.uri,
            ":path": filter.path,
            ":external": filter.is_external_too,
            ":end": filter.path.map(|path| super::state::end_of(path, true)),
            ":outcome": filter.outcome,
            ":kind": filter.kind,
            ":user": filter.user,
            ":since_ms": filter.since_ms,
            ":until_ms": filter.until_ms,
            ":pack_sha256": filter.pack_sha256,
            ":limit": filter.limit.map_or(-1, to_column),
        };
        let rows = statement
            .query_map(parameters, TransactionRow::from_row)
            .context("read the journal")?;
        rows.collect::<rusqlite::Result<_>>()
            .context("read the journal")
    }

    /// Returns all transactions that a rollback of several undoes, newest first; none for one.
    pub(crate) fn undone_together(&self, id: TransactionId) -> Result<Vec<TransactionId>> {
        let mut undone = super::state::targets(&self.connection, id)?;
        undone.reverse();
        Ok(if undone.len() > 1 { undone } else { Vec::new() })
    }

    /// Returns the paths that a revert brought back, each with the transaction before which it was so.
    pub(crate) fn reverted(&self, id: TransactionId) -> Result<Vec<(TransactionId, String)>> {
        let query = "SELECT before_tx, path FROM tx_revert WHERE tx = ?1 ORDER BY path";
        let mut statement = self.connection.prepare(query).context("read the journal")?;
        let rows = statement
            .query_map([id.0], |row| Ok((TransactionId(row.get(0)?), row.get(1)?)))
            .context("read the journal")?;
        rows.collect::<rusqlite::Result<_>>()
            .context("read the journal")
    }

    /// Returns the transaction that a change set belongs to, and whether it is of origin `external`.
    pub(crate) fn change_set(&self, id: i64) -> Result<Option<(TransactionId, bool)>> {
        let query = "SELECT tx, origin = 'external' FROM change_set WHERE id = ?1";
        let row = self.connection.query_row(query, [id], |row| {
            Ok((TransactionId(row.get(0)?), row.get(1)?))
        });
        optional(row).context("read the journal")
    }
}
