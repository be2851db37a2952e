//! Rows of the content index: which records are in effect, and what a transaction says of them.
//!
//! They follow the rule of the files ([`super::state`]): a row belongs to a change set, and counts
//! while that is in effect, so that a rollback and a redo write none. Of several rows for one path
//! and level the one counts that was written for the content that is there; see
//! docs/adr/0012-index-records-belong-to-change-sets-and-content.md.

use rusqlite::{Connection, Row, Transaction, named_params, params};
use serde_json::json;

use super::state::end_of;
use super::{EventKind, Journal, chain, damaged, from_column};
use crate::control::Control;
use crate::db::{self, Batch, DatabaseContext as _};
use crate::digest::Digest;
use crate::error::Result;
use crate::id::TransactionId;
use crate::record::{self, IndexOrigin, IndexedRow, RecordText, ToldRow};
use crate::staging::Staging;

/// Selects the records in effect at and below `:path`.
const INDEXED: &str = concat!(
    include_str!("../../schema/indexed.sql"),
    "
SELECT indexed.path, indexed.level, indexed.kind, content, indexed.origin, record_sha256, content_sha256 IS NOT content, at_ms, scalars, text
FROM indexed LEFT JOIN index_record ON index_record.sha256 = record_sha256
JOIN change_set ON change_set.id = indexed.change_set
JOIN committed_tx ON committed_tx.tx = change_set.tx
ORDER BY indexed.path, indexed.level"
);

/// When what is in effect at a path was written: content (`:content`), and the record that tells of it.
/// A path that came twice was created when it last came.
const TIMES: &str = "
SELECT coalesce(max(at_ms) FILTER (WHERE is_new), min(at_ms)), max(at_ms) FROM (
  SELECT change_set AS id, old_kind IS NULL AS is_new FROM tx_change WHERE path = :content AND new_kind IS NOT NULL
  UNION ALL
  SELECT change_set, 0 FROM tx_index WHERE path = :path AND level = :level AND record_sha256 = :record
) AS told JOIN change_set ON change_set.id = told.id JOIN committed_tx ON committed_tx.tx = change_set.tx
WHERE (SELECT in_effect FROM tx_effect JOIN committed_tx AS word ON word.tx = by_tx
       WHERE tx_effect.change_set = told.id ORDER BY by_tx DESC LIMIT 1) = 1";

/// When something was put in place, and when it was last written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) created_ms: i64,
    pub(crate) updated_ms: i64,
}

/// Deletes what no record in effect says, and none that a tree in a slot could bring back.
const FORGET: &str = concat!(
    "DELETE FROM index_record WHERE sha256 NOT IN (",
    include_str!("../../schema/indexed.sql"),
    "
SELECT record_sha256 FROM indexed
UNION SELECT record_sha256 FROM tx_index WHERE record_sha256 IS NOT NULL AND EXISTS (
  SELECT 1 FROM tx_unit JOIN slot ON slot.id = tx_unit.slot AND slot.holder = tx_unit.tx
  WHERE state = 'held' AND (tx_unit.path = '' OR tx_index.path = tx_unit.path
    OR substr(tx_index.path, 1, length(tx_unit.path) + 1) = tx_unit.path || '/')))"
);

impl Journal {
    /// Calls `visit` for each record in effect at and below `path`, by path and level.
    pub(crate) fn for_each_indexed(
        &self,
        path: &str,
        visit: &mut dyn FnMut(IndexedRow) -> Result<()>,
    ) -> Result<()> {
        let action = "read the content index";
        let end = end_of(path, true);
        let mut statement = self.connection.prepare_cached(INDEXED).context(action)?;
        let values = named_params! {":path": path, ":end": end};
        db::for_each_row(&mut statement, values, action, &mut |row| {
            visit(indexed_from_row(row).context(action)?)
        })
    }

    /// Returns the times of what is in effect at a path and level; `content` is the file that it is of,
    /// or else the path. `None` where nothing is.
    pub(crate) fn times_of(
        &self,
        content: &str,
        (path, level): (&str, u8),
        record: Option<Digest>,
    ) -> Result<Option<Times>> {
        let action = "read the journal";
        let mut statement = self.connection.prepare_cached(TIMES).context(action)?;
        let values =
            named_params! {":content": content, ":path": path, ":level": level, ":record": record};
        let times: (Option<i64>, Option<i64>) = statement
            .query_row(values, |row| Ok((row.get(0)?, row.get(1)?)))
            .context(action)?;
        Ok(times.0.zip(times.1).map(|(created_ms, updated_ms)| Times {
            created_ms,
            updated_ms,
        }))
    }

    /// Returns what a record says; `None` where that is gone.
    pub(crate) fn record_text(&self, record: &Digest) -> Result<Option<RecordText>> {
        let action = "read the content index";
        let query = "SELECT scalars, text FROM index_record WHERE sha256 = ?1";
        let mut statement = self.connection.prepare_cached(query).context(action)?;
        let says = statement.query_row([record], |row| {
            Ok(RecordText {
                scalars: row.get(0)?,
                text: row.get(1)?,
            })
        });
        super::optional(says).context(action)
    }

    /// Returns how many records are in effect.
    pub(crate) fn count_indexed(&self) -> Result<u64> {
        let query = concat!(
            include_str!("../../schema/indexed.sql"),
            "SELECT count(*) FROM indexed"
        );
        let everything = named_params! {":path": "", ":end": end_of("", true)};
        self.connection
            .query_row(query, everything, |row| row.get(0).map(from_column))
            .context("read the content index")
    }

    /// Calls `visit` for each row of the index at and below `path` whose change set is in effect.
    pub(crate) fn for_each_told(
        &self,
        path: &str,
        visit: &mut dyn FnMut(&ToldRow) -> Result<()>,
    ) -> Result<()> {
        let action = "read the content index";
        let query = "SELECT path, level, change_set, kind, content_sha256, origin, record_sha256 FROM tx_index
                     WHERE path >= ?1 AND path < ?2 AND (?1 = '' OR path = ?1 OR substr(path, length(?1) + 1, 1) = '/')
                       AND change_set IN (SELECT id FROM change_set_in_effect)";
        let end = end_of(path, true);
        let mut statement = self.connection.prepare_cached(query).context(action)?;
        db::for_each_row(&mut statement, params![path, end], action, &mut |row| {
            visit(&told_from_row(row).context(action)?)
        })
    }

    /// Records what a reindex says; durable when this returns. Nothing is moved, and no file changes.
    pub(crate) fn prepare_reindex(&mut self, id: TransactionId, staging: &Staging) -> Result<()> {
        let action = "record what is prepared";
        db::write(&mut self.connection, action, |sql| {
            sql.execute(
                "INSERT INTO change_set (tx, origin) VALUES (?1, 'transaction')",
                [id.0],
            )
            .context(action)?;
            let set = sql.last_insert_rowid();
            insert_index(sql, set, staging)?;
            sql.execute(
                "INSERT INTO tx_effect (by_tx, change_set, in_effect) VALUES (?1, ?2, 1)",
                params![id.0, set],
            )
            .context(action)?;
            let rows = chain::Rows::Prepared;
            chain::append(sql, id, EventKind::Prepared, &json!({}), rows)
        })
    }

    /// Returns number and digest of the last event, and the roots that were touched by what was
    /// committed after the event `seq`; `""` stands for everything.
    pub(crate) fn touched_since(&self, seq: i64) -> Result<(chain::Head, Vec<String>)> {
        let action = "read the journal";
        let head = chain::head(&self.connection)?;
        let query = "SELECT DISTINCT coalesce(tx_unit.path, '') FROM event
                     JOIN tx ON tx.id = event.tx LEFT JOIN tx_unit ON tx_unit.tx = event.tx
                     WHERE tx.kind NOT IN ('pin', 'unpin') AND event.kind = 'committed' AND event.seq > ?1 AND event.seq <= ?2";
        let mut statement = self.connection.prepare_cached(query).context(action)?;
        let paths = statement
            .query_map([seq, head.seq], |row| row.get(0))
            .context(action)?;
        let paths = paths.collect::<rusqlite::Result<_>>().context(action)?;
        Ok((head, paths))
    }

    /// Returns how many files the trees have that were put in place by what was committed after the
    /// event `seq`; of those at one root the last.
    pub(crate) fn files_put_since(&self, seq: i64) -> Result<u64> {
        // With `max` the other column is that of its row.
        let query = "SELECT coalesce(sum(files), 0) FROM (
                       SELECT files, max(seq) FROM event JOIN tx_plan ON tx_plan.tx = event.tx JOIN tx ON tx.id = event.tx
                       WHERE event.kind = 'committed' AND seq > ?1 GROUP BY uri)";
        self.connection
            .query_row(query, [seq], |row| row.get::<_, i64>(0))
            .context("read the journal")
            .map(i64::cast_unsigned)
    }

    /// Returns whether an event has this hash: whether what was read up to it is of this journal.
    pub(crate) fn has_event(&self, seq: i64, hash: Digest) -> Result<bool> {
        let query = "SELECT EXISTS (SELECT 1 FROM event WHERE seq = ?1 AND hash = ?2)";
        self.connection
            .query_row(query, params![seq, hash], |row| row.get(0))
            .context("read the journal")
    }

    /// Returns the units whose trees wait in slots, by path below the live root.
    pub(crate) fn held_paths(&self) -> Result<Vec<String>> {
        let query = "SELECT DISTINCT tx_unit.path FROM tx_unit JOIN slot ON slot.id = tx_unit.slot AND slot.holder = tx_unit.tx
                     WHERE state = 'held'";
        let mut statement = self.connection.prepare(query).context("read slots' rows")?;
        let paths = statement
            .query_map([], |row| row.get(0))
            .context("read slots' rows")?;
        paths
            .collect::<rusqlite::Result<_>>()
            .context("read slots' rows")
    }
}

/// Writes what a transaction says of the index: its rows, and what the records say that they name.
pub(super) fn insert_index(sql: &Transaction<'_>, set: i64, staging: &Staging) -> Result<()> {
    let action = "record the content index";
    // One at a time: a statement of many rows keeps each page that it changes until it has ended, and
    // digests come in no order, so that each row changes another page.
    let insert = "INSERT OR IGNORE INTO index_record (sha256, scalars, text) VALUES (?1, ?2, ?3)";
    let mut records = sql.prepare_cached(insert).context(action)?;
    let insert = "INSERT OR FAIL INTO tx_index (change_set, path, level, kind, content_sha256, origin, record_sha256)";
    let mut rows = Batch::new(sql, insert, 7).context(action)?;
    staging.for_each_index_change(&mut |change| {
        if let Some(sha256) = change.record {
            records
                .execute(params![sha256, change.scalars, change.text])
                .context(action)?;
        }
        rows.add(&[
            &set,
            &change.path,
            &change.level,
            &change.kind,
            &change.content,
            &change.origin,
            &change.record,
        ])
        .context(action)
    })?;
    rows.finish().context(action)
}

/// Deletes what records say that nothing can bring back.
pub(super) fn forget_records(sql: &Transaction<'_>) -> Result<()> {
    sql.execute(
        FORGET,
        named_params! {":path": "", ":end": end_of("", true)},
    )
    .map(drop)
    .context("forget index records")
}

/// What records say must be what their digests were taken of, and must be there for those in effect.
pub(super) fn ensure_records(connection: &Connection, seq: i64, control: &Control) -> Result<u64> {
    let action = "read the content index";
    let query = "SELECT sha256, scalars, text FROM index_record";
    let mut statement = connection.prepare(query).context(action)?;
    let mut count = 0;
    db::for_each_row(&mut statement, [], action, &mut |row| {
        control.ensure_not_interrupted()?;
        let columns = || -> rusqlite::Result<(Digest, String, Option<String>)> {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        };
        let (sha256, scalars, text) = columns().context(action)?;
        let found = record::digest_of(&scalars, text.as_deref());
        if found != sha256 {
            let detail = format!("its columns give {found}");
            return Err(damaged(seq, format!("index_record [{sha256}]"), detail));
        }
        count += 1;
        Ok(())
    })?;
    let missing = concat!(
        include_str!("../../schema/indexed.sql"),
        " SELECT path, level, record_sha256 FROM indexed
          WHERE record_sha256 NOT IN (SELECT sha256 FROM index_record) LIMIT 1"
    );
    let missing = connection.query_row(
        missing,
        named_params! {":path": "", ":end": end_of("", true)},
        |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, i64>(1)?,
                row.get::<_, Digest>(2)?,
            ))
        },
    );
    match super::optional(missing).context(action)? {
        Some((path, level, sha256)) => {
            let detail = format!("it is missing; {path} has it at level {level}");
            Err(damaged(seq, format!("index_record [{sha256}]"), detail))
        }
        None => Ok(count),
    }
}

fn indexed_from_row(row: &Row<'_>) -> rusqlite::Result<IndexedRow> {
    let scalars: Option<String> = row.get(8)?;
    let text = row.get(9)?;
    Ok(IndexedRow {
        path: row.get(0)?,
        level: row.get(1)?,
        kind: row.get(2)?,
        content: row.get(3)?,
        origin: IndexOrigin::from_name(&row.get::<_, String>(4)?).unwrap_or(IndexOrigin::Derived),
        record: row.get(5)?,
        is_stale: row.get(6)?,
        updated_ms: row.get(7)?,
        says: scalars.map(|scalars| RecordText { scalars, text }),
    })
}

fn told_from_row(row: &Row<'_>) -> rusqlite::Result<ToldRow> {
    Ok(ToldRow {
        path: row.get(0)?,
        level: row.get(1)?,
        change_set: row.get(2)?,
        kind: row.get(3)?,
        content: row.get(4)?,
        origin: row.get(5)?,
        record: row.get(6)?,
    })
}
