//! Bringing full text up to date: what commits touched since it last was is held against the journal.
//!
//! Documents are shown and hidden, and made where none is there yet; texts come from live files, held
//! against the digest that the commit left, so that no document has another one's words.

use rusqlite::{Row, Transaction, named_params, params};

use super::database::IndexDatabase;
use super::document;
use super::text::read_text;
use crate::control::{Control, Phase};
use crate::db::{self, DatabaseContext as _};
use crate::digest::Digest;
use crate::error::Result;
use crate::fsops::Dir;
use crate::journal::Journal;
use crate::record;

/// Documents that are made in one transaction.
const BATCH: usize = 2_000;

/// Bytes that are read at once.
const BUFFER_BYTES: usize = 64 << 10;

const WRITE: &str = "write the search index";
const READ: &str = "read the search index";

/// One thing that is to be found.
pub(super) struct Wanted {
    pub(super) path: String,
    pub(super) level: u8,
    pub(super) content: Option<Digest>,
    pub(super) record: Option<Digest>,
    pub(super) bytes: u64,
    pub(super) scalars: String,
    pub(super) text: Option<String>,
}

/// Brings documents up to date with the journal; what is done when it is interrupted stays.
pub(super) fn catch_up(
    database: &mut IndexDatabase,
    journal: &Journal,
    live: &Dir,
    control: &Control,
) -> Result<()> {
    let since = database.position(journal)?;
    let (head, mut touched) = journal.touched_since(since)?;
    let is_whole = since == 0 || touched.iter().any(String::is_empty);
    if is_whole {
        touched = vec![String::new()];
    }
    for path in &touched {
        control.ensure_not_interrupted()?;
        want(database, journal, path)?;
        turn(database, path)?;
        make_missing(database, live, control)?;
    }
    if is_whole {
        // A prune has no root of its own.
        forget(database, journal)?;
    }
    database.set_position(head)
}

/// Lists what is to be found at and below a path.
pub(super) fn want(database: &mut IndexDatabase, journal: &Journal, path: &str) -> Result<()> {
    let tx = database.begin()?;
    tx.execute("DELETE FROM wanted", []).context(WRITE)?;
    {
        let insert = "INSERT OR REPLACE INTO wanted (path, level, content_sha256, record_sha256, bytes, scalars, text)
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let mut insert = tx.prepare(insert).context(WRITE)?;
        journal.for_each_committed(path, &mut |entry| {
            let is_content = entry.kind == "file" && is_searched(&entry.path);
            if is_content {
                let bytes = i64::try_from(entry.bytes).unwrap_or(i64::MAX);
                let row = params![
                    entry.path,
                    2,
                    entry.sha256,
                    None::<Digest>,
                    bytes,
                    "{}",
                    None::<String>
                ];
                insert.execute(row).context(WRITE)?;
            }
            Ok(())
        })?;
        let mut update = tx
            .prepare(
                "INSERT INTO wanted (path, level, content_sha256, record_sha256, bytes, scalars, text) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT (path, level) DO UPDATE SET record_sha256 = ?4, scalars = ?6, text = ?7",
            )
            .context(WRITE)?;
        journal.for_each_indexed(path, &mut |row| {
            let (scalars, text) = row
                .says
                .map_or(("{}".to_owned(), None), |says| (says.scalars, says.text));
            let values = params![
                row.path,
                row.level,
                row.content,
                row.record,
                0,
                scalars,
                text
            ];
            update.execute(values).map(drop).context(WRITE)
        })?;
    }
    tx.commit().context(WRITE)
}

/// Returns whether a live file is found by what it says: not what describes a directory, which has
/// levels of its own, and nothing of sessions and of the store's workings.
fn is_searched(path: &str) -> bool {
    let leaf = path.rsplit('/').next().unwrap_or_default();
    record::indexable(path).is_some()
        && record::described_by(path).is_none()
        && leaf != ".relations.json"
        && !crate::unpack::is_left_out(path)
}

/// Hides and shows documents.
fn turn(database: &mut IndexDatabase, path: &str) -> Result<()> {
    let tx = database.begin()?;
    let hide = "UPDATE document SET is_live = 0
                WHERE is_live = 1 AND (:path = '' OR path = :path OR substr(path, 1, length(:path) + 1) = :path || '/')
                  AND id NOT IN (SELECT document FROM wanted_document WHERE document IS NOT NULL)";
    tx.execute(hide, named_params! {":path": path})
        .context(WRITE)?;
    let show = "UPDATE document SET is_live = 1 WHERE is_live = 0 AND id IN (SELECT document FROM wanted_document)";
    tx.execute(show, []).context(WRITE)?;
    // What could not be read is made again.
    let unread = "SELECT id FROM document WHERE is_read = 0 AND id IN (SELECT document FROM wanted_document)";
    let ids: Vec<i64> = tx
        .prepare(unread)
        .and_then(|mut statement| {
            let ids = statement.query_map([], |row| row.get(0))?;
            ids.collect()
        })
        .context(WRITE)?;
    for id in ids {
        document::delete(&tx, id)?;
    }
    tx.commit().context(WRITE)
}

/// Makes the documents that are wanted and not there.
fn make_missing(database: &mut IndexDatabase, live: &Dir, control: &Control) -> Result<()> {
    let total = missing_count(database)?;
    control.begin(Phase::Indexing, total, 0);
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut last = (String::new(), -1);
    loop {
        let tx = database.begin()?;
        let page = missing_after(&tx, &last)?;
        let Some(end) = page.last() else {
            return Ok(());
        };
        last = (end.path.clone(), i64::from(end.level));
        for wanted in &page {
            control.ensure_not_interrupted()?;
            let text = read_text(live, wanted, &mut buffer);
            document::insert(&tx, wanted, &text)?;
            control.advance(1, 0);
        }
        tx.commit().context(WRITE)?;
    }
}

/// Returns how many documents are wanted and not there.
pub(super) fn missing_count(database: &IndexDatabase) -> Result<u64> {
    database.number(
        "SELECT count(*) FROM wanted_document WHERE document IS NULL",
        [],
    )
}

/// Returns the next documents that are wanted and not there.
fn missing_after(tx: &Transaction<'_>, last: &(String, i64)) -> Result<Vec<Wanted>> {
    let query = "SELECT path, level, content_sha256, record_sha256, bytes, scalars, text FROM wanted_document
                 WHERE (path, level) > (?1, ?2) AND document IS NULL ORDER BY path, level LIMIT ?3";
    let mut statement = tx.prepare_cached(query).context(READ)?;
    let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
    let rows = statement
        .query_map(params![last.0, last.1, limit], wanted_from_row)
        .context(READ)?;
    rows.collect::<rusqlite::Result<_>>().context(READ)
}

fn wanted_from_row(row: &Row<'_>) -> rusqlite::Result<Wanted> {
    Ok(Wanted {
        path: row.get(0)?,
        level: row.get(1)?,
        content: row.get(2)?,
        record: row.get(3)?,
        bytes: row.get::<_, i64>(4)?.unsigned_abs(),
        scalars: row.get(5)?,
        text: row.get(6)?,
    })
}

/// Forgets hidden documents that no tree in a slot can bring back.
fn forget(database: &mut IndexDatabase, journal: &Journal) -> Result<()> {
    let held = journal.held_paths()?;
    let hidden = "SELECT id, path FROM document WHERE is_live = 0";
    let gone: Vec<i64> = {
        let mut statement = database.connection.prepare(hidden).context(READ)?;
        let mut gone = Vec::new();
        db::for_each_row(&mut statement, [], READ, &mut |row| {
            let (id, path): (i64, String) = (row.get(0).context(READ)?, row.get(1).context(READ)?);
            let is_held = |unit: &String| {
                unit.is_empty()
                    || path
                        .strip_prefix(unit.as_str())
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            if !held.iter().any(is_held) {
                gone.push(id);
            }
            Ok(())
        })?;
        gone
    };
    let tx = database.begin()?;
    for id in gone {
        document::delete(&tx, id)?;
    }
    tx.commit().context(WRITE)
}
