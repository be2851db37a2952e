//! Whether the journal is what it was: chain, rows, schema and slots, computed again.
//!
//! The chain proves that nobody changed a part of the journal; who can write the whole file can
//! write another chain, which only a head kept elsewhere tells.

use rusqlite::Connection;
use serde_json::Value;

use super::chain::{self, EventRow, Head, ROWS};
use super::rows::{self, BEGUN_ROWS, Covered, PREPARED_ROWS, RowsDigest};
use super::{EventKind, Journal, damaged, from_column, genesis, index, optional, schema};
use crate::control::Control;
use crate::db::DatabaseContext as _;
use crate::digest::Digest;
use crate::error::Result;
use crate::id::{SlotId, TransactionId};

/// What was computed again and found as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChainReport {
    /// Events whose hash, link and rows were recomputed.
    pub(crate) events: u64,
    /// Rows that they cover.
    pub(crate) rows: u64,
    /// The head that they lead to.
    pub(crate) head: Head,
    /// Tables, indexes, triggers and views that are as this version makes them.
    pub(crate) schema_objects: u64,
    /// Rows of slots that are what the transactions made of them.
    pub(crate) slots: u64,
}

impl Journal {
    /// Recomputes everything, in one view of the journal that no writer changes. `since` are heads
    /// that were kept elsewhere: each must be an event of this journal.
    ///
    /// # Errors
    /// [`crate::Error::JournalDamaged`] with the first row that is not what it was.
    pub(crate) fn verify(&self, since: &[Head], control: &Control) -> Result<ChainReport> {
        let report = self.recompute(since, control)?;
        ensure_sound(&self.connection, report.head)?;
        Ok(report)
    }

    /// Recomputes everything as [`Self::verify`] does, and leaves the file itself to others.
    pub(crate) fn recompute(&self, since: &[Head], control: &Control) -> Result<ChainReport> {
        let snapshot = self
            .connection
            .unchecked_transaction()
            .context("read the journal")?;
        let mut since = since.to_vec();
        since.sort_unstable_by_key(|kept| kept.seq);
        let last = last_seq(&snapshot)?;
        let schema_objects = schema::ensure_as_made(&snapshot, last)?;
        let (head, rows) = walk(&snapshot, &since, control)?;
        ensure_heads_reached(&since, head)?;
        ensure_all_covered(&snapshot, head)?;
        ensure_slots_follow(&snapshot, head)?;
        index::ensure_records(&snapshot, head.seq, control)?;
        let slots = snapshot.query_row("SELECT count(*) FROM slot", [], |row| row.get(0));
        Ok(ChainReport {
            events: from_column(head.seq),
            rows,
            head,
            schema_objects,
            slots: from_column(slots.context("read the journal")?),
        })
    }
}

/// A slot whose row says that a commit moved a unit through it.
#[derive(Clone, Debug)]
pub(crate) struct HeldSlot {
    pub(crate) id: SlotId,
    pub(crate) holder: TransactionId,
    /// Below the live root: where its tree was before the holder's commit.
    pub(crate) path: String,
    pub(crate) has_tree: bool,
    pub(crate) tree_digest: Option<Digest>,
}

impl Journal {
    /// Returns the slots that hold what a commit replaced, whether a tree or nothing.
    pub(crate) fn held_trees(&self) -> Result<Vec<HeldSlot>> {
        let query = "SELECT slot.id, holder, path, holds = 'tree', tree_digest FROM slot
                     JOIN tx_unit ON tx_unit.tx = slot.holder AND tx_unit.slot = slot.id
                     WHERE state = 'held' ORDER BY slot.id";
        let mut statement = self.connection.prepare(query).context("read slots' rows")?;
        let slots = statement
            .query_map([], |row| {
                Ok(HeldSlot {
                    id: SlotId(row.get(0)?),
                    holder: TransactionId(row.get(1)?),
                    path: row.get(2)?,
                    has_tree: row.get(3)?,
                    tree_digest: row.get(4)?,
                })
            })
            .context("read slots' rows")?;
        slots
            .collect::<rusqlite::Result<_>>()
            .context("read slots' rows")
    }

    /// Returns whether a transaction is prepared and not ended, so that trees may be on their way.
    pub(crate) fn has_open_prepared(&self) -> Result<bool> {
        let query = "SELECT EXISTS (SELECT 1 FROM event WHERE kind = 'prepared' AND tx NOT IN
                     (SELECT tx FROM event WHERE kind IN ('committed', 'aborted')))";
        self.connection
            .query_row(query, [], |row| row.get(0))
            .context("read the journal")
    }
}

/// Returns the number of the last event, to say where a fault that belongs to none was found; 0
/// where nobody can tell.
fn last_seq(connection: &Connection) -> Result<i64> {
    let query = "SELECT coalesce(max(seq), 0) FROM event";
    match connection.query_row(query, [], |row| row.get(0)) {
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::Unknown) => Ok(0),
        seq => seq.context("read the journal"),
    }
}

/// Follows the chain from the store's row; returns its head and how many rows it covers.
fn walk(connection: &Connection, since: &[Head], control: &Control) -> Result<(Head, u64)> {
    let store = genesis(connection).map_err(|error| damaged(0, "store [1]", error.to_string()))?;
    let mut head = Head {
        seq: 0,
        hash: store,
    };
    ensure_kept(since, head)?;
    let mut covered = 1;
    let query =
        "SELECT seq, tx, kind, at_ms, detail, rows_digest, prev_hash, hash FROM event ORDER BY seq";
    let mut statement = connection.prepare(query).context("read the journal")?;
    let mut rows = statement.query([]).context("read the journal")?;
    while let Some(row) = rows.next().context("read the journal")? {
        control.ensure_not_interrupted()?;
        let next = head.seq.saturating_add(1);
        let (event, hash) = chain::event_from_row(row)
            .map_err(|error| damaged(next, event_key(next), error.to_string()))?;
        covered += verify_event(connection, head, &event, hash)?;
        head = Head {
            seq: event.seq,
            hash,
        };
        ensure_kept(since, head)?;
    }
    Ok((head, covered))
}

fn event_key(seq: i64) -> String {
    format!("event [{seq}]")
}

/// Returns how many rows the event covers.
fn verify_event(
    connection: &Connection,
    before: Head,
    event: &EventRow,
    hash: Digest,
) -> Result<u64> {
    let seq = event.seq;
    let wrong = |detail: String| Err(damaged(seq, event_key(seq), detail));
    let next = before.seq.saturating_add(1);
    if seq != next {
        let detail = format!("it is missing; the next one is {seq}");
        return Err(damaged(next, event_key(next), detail));
    }
    if event.prev_hash != before.hash {
        let what = match before.seq {
            0 => "the store's row".to_owned(),
            before => format!("event {before}"),
        };
        return wrong(format!(
            "it follows {}, but {what} has {}",
            event.prev_hash, before.hash
        ));
    }
    if event.hash() != hash {
        return wrong(format!(
            "its hash is {hash}, but its columns give {}",
            event.hash()
        ));
    }
    ensure_in_order(connection, event)?;
    match EventKind::from_name(&event.kind) {
        Some(EventKind::Begun) => verify_rows(connection, event, BEGUN_ROWS),
        Some(EventKind::Prepared) => verify_rows(connection, event, PREPARED_ROWS),
        kind => {
            let expected = match kind {
                Some(EventKind::Committed) => {
                    chain::prepared_digest(connection, TransactionId(event.tx))?
                }
                _ => None,
            };
            if event.rows_digest == expected {
                return Ok(0);
            }
            wrong(format!(
                "it cites rows of digest {}, but `prepared` covers {}",
                shown(event.rows_digest),
                shown(expected)
            ))
        }
    }
}

/// Events of a transaction follow each other in one way only.
fn ensure_in_order(connection: &Connection, event: &EventRow) -> Result<()> {
    let mut statement = connection
        .prepare_cached(
            "SELECT kind FROM event WHERE tx = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT 1",
        )
        .context("read the journal")?;
    let before = statement.query_row([event.tx, event.seq], |row| row.get::<_, String>(0));
    let before = optional(before).context("read the journal")?;
    let kind = |name: &str| EventKind::from_name(name);
    let is_in_order = matches!(
        (before.as_deref().map(kind), kind(&event.kind)),
        (None, Some(EventKind::Begun))
            | (
                Some(Some(EventKind::Begun)),
                Some(EventKind::Prepared | EventKind::Aborting)
            )
            | (
                Some(Some(EventKind::Prepared)),
                Some(EventKind::Committed | EventKind::Back | EventKind::Aborting),
            )
            | (Some(Some(EventKind::Back)), Some(EventKind::Aborting))
            | (Some(Some(EventKind::Aborting)), Some(EventKind::Aborted))
    );
    if is_in_order {
        return Ok(());
    }
    let detail = format!(
        "`{}` of {} cannot follow {}",
        event.kind,
        TransactionId(event.tx),
        before.map_or("nothing".to_owned(), |kind| format!("`{kind}`"))
    );
    Err(damaged(event.seq, event_key(event.seq), detail))
}

fn verify_rows(connection: &Connection, event: &EventRow, tables: &[Covered]) -> Result<u64> {
    let tx = TransactionId(event.tx);
    let RowsDigest { sha256, rows, .. } = rows::digest(connection, tx, tables)?;
    if event.rows_digest == Some(sha256) {
        return Ok(rows);
    }
    let detail: Value = serde_json::from_str(&event.detail).unwrap_or_default();
    let named = match detail.get(ROWS) {
        Some(noted) => rows::first_difference(connection, tx, tables, noted)?,
        None => None,
    };
    // Events of version 1 note no checksums.
    let all: Vec<_> = tables.iter().map(|covered| covered.table).collect();
    let row = named.unwrap_or_else(|| format!("{} of {tx}", all.join(", ")));
    let what = format!(
        "the rows of {tx} that `{}` covers give {sha256}, recorded is {}",
        event.kind,
        shown(event.rows_digest)
    );
    Err(damaged(event.seq, row, what))
}

fn shown(digest: Option<Digest>) -> String {
    digest.map_or_else(|| "none".to_owned(), |digest| digest.to_string())
}

/// An event whose number a kept head has must have its hash. `since` is sorted: a file of nightly
/// heads may be long.
fn ensure_kept(since: &[Head], event: Head) -> Result<()> {
    let from = since.partition_point(|kept| kept.seq < event.seq);
    let of_event = since.get(from..).unwrap_or_default().iter();
    let other = of_event
        .take_while(|kept| kept.seq == event.seq)
        .find(|kept| kept.hash != event.hash);
    let Some(kept) = other else { return Ok(()) };
    let row = match event.seq {
        0 => "store [1]".to_owned(),
        seq => event_key(seq),
    };
    let detail = format!(
        "its hash is {}, but the head kept elsewhere is {}",
        event.hash, kept.hash
    );
    Err(damaged(event.seq, row, detail))
}

/// No kept head may lie behind the end.
fn ensure_heads_reached(since: &[Head], head: Head) -> Result<()> {
    let Some(kept) = since
        .iter()
        .find(|kept| !(0..=head.seq).contains(&kept.seq))
    else {
        return Ok(());
    };
    let next = head.seq.saturating_add(1);
    let detail = format!(
        "it is missing: the journal ends at {} {}, but the head kept elsewhere is {} {}",
        head.seq, head.hash, kept.seq, kept.hash
    );
    Err(damaged(next, event_key(next), detail))
}

/// Rows that no event covers were put there by somebody else.
fn ensure_all_covered(connection: &Connection, head: Head) -> Result<()> {
    let query = "SELECT table_name, key, tx FROM audit_uncovered_rows LIMIT 1";
    let uncovered = connection.query_row(query, [], |row| {
        Ok((
            row.get::<_, String>(0)?,
            row.get::<_, String>(1)?,
            row.get::<_, Option<i64>>(2)?,
        ))
    });
    match optional(uncovered).context("read the journal")? {
        Some((table, key, tx)) => {
            let of = tx.map_or_else(String::new, |tx| format!(" of {}", TransactionId(tx)));
            let detail = format!("no event{of} covers it");
            Err(damaged(head.seq, format!("{table} {key}"), detail))
        }
        None => Ok(()),
    }
}

/// The rows of slots change, but only by what the transactions say.
fn ensure_slots_follow(connection: &Connection, head: Head) -> Result<()> {
    let query = "SELECT slot, \"column\", CAST(found AS TEXT), CAST(expected AS TEXT) FROM audit_slot_faults ORDER BY slot LIMIT 1";
    let fault = connection.query_row(query, [], |row| {
        Ok((
            row.get::<_, i64>(0)?,
            row.get::<_, String>(1)?,
            row.get::<_, Option<String>>(2)?,
            row.get::<_, Option<String>>(3)?,
        ))
    });
    match optional(fault).context("read the journal")? {
        Some((slot, column, found, expected)) => {
            let text = |value: Option<String>| value.unwrap_or_else(|| "null".to_owned());
            let detail = format!(
                "{column} is {}, but its transactions leave {}",
                text(found),
                text(expected)
            );
            Err(damaged(head.seq, format!("slot [{slot}]"), detail))
        }
        None => Ok(()),
    }
}

/// What `SQLite` itself can tell: pages, indexes, constraints, references.
fn ensure_sound(connection: &Connection, head: Head) -> Result<()> {
    let query = "SELECT integrity_check FROM pragma_integrity_check LIMIT 1";
    let told: String = connection
        .query_row(query, [], |row| row.get(0))
        .context("check the journal")?;
    if told != "ok" {
        return Err(damaged(head.seq, "store.db", told));
    }
    let query = "SELECT \"table\", rowid, parent FROM pragma_foreign_key_check LIMIT 1";
    let stray = connection.query_row(query, [], |row| {
        Ok((
            row.get::<_, String>(0)?,
            row.get::<_, Option<i64>>(1)?,
            row.get::<_, String>(2)?,
        ))
    });
    match optional(stray).context("check the journal")? {
        Some((table, rowid, parent)) => {
            let key = rowid.map_or_else(String::new, |rowid| format!(" [{rowid}]"));
            let detail = format!("it refers to a row of {parent} that is not there");
            Err(damaged(head.seq, format!("{table}{key}"), detail))
        }
        None => Ok(()),
    }
}
