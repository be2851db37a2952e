//! The chain: each event's hash covers the event, the hash before it, and the rows that it brought.
//!
//! Canonical forms, both compact JSON without white space, non-ASCII literal, SHA-256 over UTF-8:
//!
//! - an event: `["event",seq,tx,kind,at_ms,detail,rows_digest,prev_hash]`, `detail` as the text that
//!   the column holds, digests as lower-case hex or `null`;
//! - rows: one line for each, `["table",column,...]` and a newline, tables in the order of
//!   [`BEGUN_ROWS`] or [`PREPARED_ROWS`], rows by primary key, columns as selected there, blobs as hex.
//!
//! The first event follows the digest of `["store",id,adopted,created_ms]`.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Transaction, named_params};
use serde::Serialize;
use serde_json::{Value, json};

use super::{EventKind, Journal, damaged, genesis, optional};
use crate::clock;
use crate::db::DatabaseContext as _;
use crate::digest::{Digest, Hasher};
use crate::error::Result;
use crate::id::TransactionId;

/// Which rows an event covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rows {
    /// None.
    None,
    /// The transaction's own row.
    Begun,
    /// All that `prepared` brings.
    Prepared,
    /// The same digest again, as `prepared` has it.
    AsPrepared,
}

/// Rows that `begun` covers, by table; `?1` is the transaction. New tables come last: one without a
/// row adds nothing, so that older events keep their digests.
const BEGUN_ROWS: &[(&str, &str)] = &[
    (
        "tx",
        "SELECT id, kind, uri, on_conflict, undoes, argv, user, host, tool_version, pack_path, pack_bytes, pack_mtime_ms, started_ms
     FROM tx WHERE id = ?1",
    ),
    ("tx_undo", "SELECT tx, undone FROM tx_undo WHERE tx = ?1 ORDER BY undone"),
    ("tx_revert", "SELECT tx, before_tx, path FROM tx_revert WHERE tx = ?1 ORDER BY path"),
    ("tx_selection", "SELECT tx, ordinal, sense, pattern FROM tx_selection WHERE tx = ?1 ORDER BY ordinal"),
];

/// Rows that `prepared` covers, by table; `?1` is the transaction.
const PREPARED_ROWS: &[(&str, &str)] = &[
    ("tx_pack", "SELECT tx, sha256, manifest_sha256, content_sha256, layout, root_uri FROM tx_pack WHERE tx = ?1"),
    ("tx_plan", "SELECT tx, added, replaced, unchanged, removed, files, bytes FROM tx_plan WHERE tx = ?1"),
    (
        "tx_unit",
        "SELECT tx, ordinal, path, action, slot, old_inode, old_digest, old_bytes, new_inode, new_digest, new_bytes
         FROM tx_unit WHERE tx = ?1 ORDER BY ordinal",
    ),
    ("change_set", "SELECT id, tx, origin FROM change_set WHERE tx = ?1 ORDER BY id"),
    (
        "tx_change",
        "SELECT change_set, path, change, old_kind, old_bytes, old_sha256, new_kind, new_bytes, new_sha256
         FROM tx_change WHERE change_set IN (SELECT id FROM change_set WHERE tx = ?1) ORDER BY change_set, path",
    ),
    ("tx_effect", "SELECT by_tx, change_set, in_effect FROM tx_effect WHERE by_tx = ?1 ORDER BY change_set"),
    ("tx_policy", "SELECT tx, ordinal, name, sha256 FROM tx_policy WHERE tx = ?1 ORDER BY ordinal"),
    ("tx_slot", "SELECT tx, slot, decision, reason, bytes FROM tx_slot WHERE tx = ?1 ORDER BY slot"),
];

/// Appends one event to the chain.
pub(super) fn append(
    tx: &Transaction<'_>,
    id: TransactionId,
    kind: EventKind,
    detail: &Value,
    rows: Rows,
) -> Result<()> {
    let rows_digest = match rows {
        Rows::None => None,
        Rows::Begun => Some(digest_of_rows(tx, id, BEGUN_ROWS)?),
        Rows::Prepared => Some(digest_of_rows(tx, id, PREPARED_ROWS)?),
        Rows::AsPrepared => prepared_digest(tx, id)?,
    };
    let (last, prev_hash) = head_of(tx)?;
    let event = EventRow {
        seq: last + 1,
        tx: id.0,
        kind: kind.as_str().to_owned(),
        at_ms: clock::now_ms(),
        detail: detail.to_string(),
        rows_digest,
        prev_hash,
    };
    tx.execute(
        "INSERT INTO event (seq, tx, kind, at_ms, detail, rows_digest, prev_hash, hash)
         VALUES (:seq, :tx, :kind, :at_ms, :detail, :rows_digest, :prev_hash, :hash)",
        named_params! {
            ":seq": event.seq, ":tx": event.tx, ":kind": event.kind, ":at_ms": event.at_ms, ":detail": event.detail,
            ":rows_digest": event.rows_digest, ":prev_hash": event.prev_hash, ":hash": event.hash(),
        },
    )
    .context("append an event")?;
    Ok(())
}

/// Sequence number and hash of the last event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Head {
    /// Number of the last event; 0 where there is none.
    pub seq: i64,
    /// Its hash.
    pub hash: Digest,
}

/// What a walk over the whole chain recomputed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct JournalReport {
    /// Events whose hash, link and rows were recomputed.
    pub events: u64,
    /// The head that they lead to.
    #[serde(flatten)]
    pub head: Head,
}

struct EventRow {
    seq: i64,
    tx: i64,
    kind: String,
    at_ms: i64,
    detail: String,
    rows_digest: Option<Digest>,
    prev_hash: Digest,
}

impl EventRow {
    fn hash(&self) -> Digest {
        let canonical = json!([
            "event",
            self.seq,
            self.tx,
            self.kind,
            self.at_ms,
            self.detail,
            self.rows_digest,
            self.prev_hash
        ]);
        Digest::of(canonical.to_string().as_bytes())
    }
}

impl Journal {
    /// Returns the head to note down elsewhere.
    pub(crate) fn head(&self) -> Result<Head> {
        let (seq, hash) = head_of(&self.connection)?;
        Ok(Head { seq, hash })
    }

    /// Recomputes the whole chain and the digests of the rows that it covers.
    ///
    /// # Errors
    /// [`crate::Error::JournalDamaged`] with the first event that is not what it was.
    pub(crate) fn verify(&self) -> Result<JournalReport> {
        let mut head = Head {
            seq: 0,
            hash: genesis(&self.connection)?,
        };
        let query = "SELECT seq, tx, kind, at_ms, detail, rows_digest, prev_hash, hash FROM event ORDER BY seq";
        let mut statement = self.connection.prepare(query).context("read the journal")?;
        let mut rows = statement.query([]).context("read the journal")?;
        while let Some(row) = rows.next().context("read the journal")? {
            let (event, hash) =
                event_from_row(row).map_err(|error| damaged(head.seq + 1, error.to_string()))?;
            head = self.verify_event(head, &event, hash)?;
        }
        self.ensure_every_transaction_is_covered()?;
        Ok(JournalReport {
            events: super::from_column(head.seq),
            head,
        })
    }

    fn verify_event(&self, before: Head, event: &EventRow, hash: Digest) -> Result<Head> {
        let seq = event.seq;
        if seq != before.seq + 1 {
            return Err(damaged(
                before.seq + 1,
                format!("it is missing; the next one is {seq}"),
            ));
        }
        if event.prev_hash != before.hash {
            return Err(damaged(
                seq,
                format!(
                    "it follows {}, but the event before has {}",
                    event.prev_hash, before.hash
                ),
            ));
        }
        if event.hash() != hash {
            return Err(damaged(
                seq,
                format!("its hash is {hash}, but its columns give {}", event.hash()),
            ));
        }
        let id = TransactionId(event.tx);
        let expected = match EventKind::from_name(&event.kind) {
            Some(EventKind::Begun) => Some(digest_of_rows(&self.connection, id, BEGUN_ROWS)?),
            Some(EventKind::Prepared) => Some(digest_of_rows(&self.connection, id, PREPARED_ROWS)?),
            Some(EventKind::Committed) => prepared_digest(&self.connection, id)?,
            _ => None,
        };
        if event.rows_digest != expected {
            return Err(damaged(
                seq,
                format!("the rows of {id} are not those that it covers"),
            ));
        }
        Ok(Head { seq, hash })
    }

    /// Rows that no event covers were put there by somebody else.
    fn ensure_every_transaction_is_covered(&self) -> Result<()> {
        let query = "SELECT tx FROM (
            SELECT id AS tx FROM tx WHERE id NOT IN (SELECT tx FROM event WHERE kind = 'begun')
            UNION ALL SELECT tx FROM tx_plan WHERE tx NOT IN (SELECT tx FROM event WHERE kind = 'prepared')
            UNION ALL SELECT tx FROM tx_pack WHERE tx NOT IN (SELECT tx FROM event WHERE kind = 'prepared')
            UNION ALL SELECT tx FROM tx_unit WHERE tx NOT IN (SELECT tx FROM event WHERE kind = 'prepared')
            UNION ALL SELECT tx FROM change_set WHERE tx NOT IN (SELECT tx FROM event WHERE kind = 'prepared')
            UNION ALL SELECT by_tx FROM tx_effect WHERE by_tx NOT IN (SELECT tx FROM event WHERE kind = 'prepared')
            UNION ALL SELECT tx FROM tx_policy WHERE tx NOT IN (SELECT tx FROM event WHERE kind = 'prepared')
            UNION ALL SELECT tx FROM tx_slot WHERE tx NOT IN (SELECT tx FROM event WHERE kind = 'prepared')
            UNION ALL SELECT -1 FROM tx_change WHERE change_set NOT IN (SELECT id FROM change_set)
            ) LIMIT 1";
        let uncovered = self
            .connection
            .query_row(query, [], |row| row.get::<_, i64>(0));
        match optional(uncovered).context("read the journal")? {
            Some(tx) => Err(damaged(
                self.head()?.seq,
                format!("rows of {} are covered by no event", TransactionId(tx)),
            )),
            None => Ok(()),
        }
    }
}

fn event_from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<(EventRow, Digest)> {
    let event = EventRow {
        seq: row.get(0)?,
        tx: row.get(1)?,
        kind: row.get(2)?,
        at_ms: row.get(3)?,
        detail: row.get(4)?,
        rows_digest: row.get(5)?,
        prev_hash: row.get(6)?,
    };
    Ok((event, row.get(7)?))
}

fn head_of(connection: &Connection) -> Result<(i64, Digest)> {
    let query = "SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1";
    let last = connection.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?)));
    match optional(last).context("read the journal")? {
        Some(head) => Ok(head),
        None => Ok((0, genesis(connection)?)),
    }
}

fn prepared_digest(connection: &Connection, id: TransactionId) -> Result<Option<Digest>> {
    let query = "SELECT rows_digest FROM event WHERE tx = ?1 AND kind = 'prepared'";
    let digest = connection.query_row(query, [id.0], |row| row.get(0));
    Ok(optional(digest).context("read the journal")?.flatten())
}

fn digest_of_rows(
    connection: &Connection,
    id: TransactionId,
    tables: &[(&str, &str)],
) -> Result<Digest> {
    let mut hasher = Hasher::default();
    let mut line = String::new();
    for (table, query) in tables {
        let mut statement = connection
            .prepare_cached(query)
            .context("read the journal")?;
        let columns = statement.column_count();
        let mut rows = statement.query([id.0]).context("read the journal")?;
        while let Some(row) = rows.next().context("read the journal")? {
            line.clear();
            line.push_str("[\"");
            line.push_str(table);
            line.push('"');
            for column in 0..columns {
                line.push(',');
                push_json(&mut line, row.get_ref(column).context("read the journal")?);
            }
            line.push_str("]\n");
            hasher.update(line.as_bytes());
        }
    }
    Ok(hasher.finish())
}

fn push_json(line: &mut String, value: ValueRef<'_>) {
    match value {
        ValueRef::Null => line.push_str("null"),
        ValueRef::Integer(number) => line.push_str(&number.to_string()),
        ValueRef::Real(number) => line.push_str(&json!(number).to_string()),
        ValueRef::Text(text) => line.push_str(&json!(String::from_utf8_lossy(text)).to_string()),
        ValueRef::Blob(bytes) => {
            line.push('"');
            for byte in bytes {
                line.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
                line.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
            }
            line.push('"');
        }
    }
}
