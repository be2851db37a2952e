//! The chain: each event's hash covers the event, the hash before it, and the rows that it brought.
//!
//! Canonical forms, both compact JSON without white space, non-ASCII literal, SHA-256 over UTF-8:
//!
//! - an event: `["event",seq,tx,kind,at_ms,detail,rows_digest,prev_hash]`, `detail` as the text that
//!   the column holds, digests as lower-case hex or `null`;
//! - rows: one line for each, `["table",column,...]` and a newline, tables in the order of
//!   [`rows::BEGUN_ROWS`] or [`rows::PREPARED_ROWS`], rows by primary key, columns as selected there,
//!   blobs as hex.
//!
//! The first event follows the digest of `["store",id,adopted,created_ms]`. All of it is written down
//! for others in docs/journal.md.

use std::fmt;
use std::str::FromStr;

use rusqlite::{Connection, Transaction, named_params};
use serde::Serialize;
use serde_json::{Value, json};

use super::rows::{self, BEGUN_ROWS, PREPARED_ROWS};
use super::{EventKind, Journal, genesis, optional};
use crate::clock;
use crate::db::DatabaseContext as _;
use crate::digest::Digest;
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

/// Under this key of its detail an event notes checksums of the rows that it covers.
pub(super) const ROWS: &str = "rows";

/// Appends one event to the chain.
pub(super) fn append(
    tx: &Transaction<'_>,
    id: TransactionId,
    kind: EventKind,
    detail: &Value,
    rows: Rows,
) -> Result<()> {
    let mut detail = detail.clone();
    let mut covering = |tables| {
        rows::digest(tx, id, tables).map(|covered| {
            detail[ROWS] = covered.blocks;
            covered.sha256
        })
    };
    let rows_digest = match rows {
        Rows::None => None,
        Rows::Begun => Some(covering(BEGUN_ROWS)?),
        Rows::Prepared => Some(covering(PREPARED_ROWS)?),
        Rows::AsPrepared => prepared_digest(tx, id)?,
    };
    let last = head(tx)?;
    let event = EventRow {
        seq: last.seq + 1,
        tx: id.0,
        kind: kind.as_str().to_owned(),
        at_ms: clock::now_ms(),
        detail: detail.to_string(),
        rows_digest,
        prev_hash: last.hash,
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

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.seq, self.hash)
    }
}

/// A text that is no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a head is a number and 64 hexadecimal digits, such as `7:2cf2...`")]
pub struct ParseHeadError;

impl FromStr for Head {
    type Err = ParseHeadError;

    /// Reads `SEQ HASH` or `SEQ:HASH`.
    fn from_str(text: &str) -> Result<Self, ParseHeadError> {
        let parts = text.trim().split_once([':', ' ']).ok_or(ParseHeadError)?;
        let seq = parts.0.parse().map_err(|_| ParseHeadError)?;
        let hash = parts.1.trim().parse().map_err(|_| ParseHeadError)?;
        if seq < 0 {
            return Err(ParseHeadError);
        }
        Ok(Self { seq, hash })
    }
}

/// An event without its hash.
pub(super) struct EventRow {
    pub(super) seq: i64,
    pub(super) tx: i64,
    pub(super) kind: String,
    at_ms: i64,
    pub(super) detail: String,
    pub(super) rows_digest: Option<Digest>,
    pub(super) prev_hash: Digest,
}

impl EventRow {
    /// Returns the hash that its columns give.
    pub(super) fn hash(&self) -> Digest {
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
        head(&self.connection)
    }
}

/// Reads an event and its hash from the columns of `event`, in their order.
pub(super) fn event_from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<(EventRow, Digest)> {
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

/// Returns the last event and its hash; before the first, that of the store's row.
pub(super) fn head(connection: &Connection) -> Result<Head> {
    let query = "SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1";
    let last = connection.query_row(query, [], |row| {
        Ok(Head {
            seq: row.get(0)?,
            hash: row.get(1)?,
        })
    });
    match optional(last).context("read the journal")? {
        Some(head) => Ok(head),
        None => Ok(Head {
            seq: 0,
            hash: genesis(connection)?,
        }),
    }
}

/// Returns the digest that a transaction's `prepared` covers.
pub(super) fn prepared_digest(
    connection: &Connection,
    id: TransactionId,
) -> Result<Option<Digest>> {
    let query = "SELECT rows_digest FROM event WHERE tx = ?1 AND kind = 'prepared'";
    let digest = connection.query_row(query, [id.0], |row| row.get(0));
    Ok(optional(digest).context("read the journal")?.flatten())
}
