//! The rows that an event covers, in canonical form, and where they differ from what was covered.

use std::fmt::Write as _;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use serde_json::{Map, Value, json};

use crate::db::DatabaseContext as _;
use crate::digest::{Digest, Hasher, hex_of};
use crate::error::Result;
use crate::id::TransactionId;

/// A table whose rows an event covers.
pub(super) struct Covered {
    pub(super) table: &'static str,
    /// Selects a transaction's rows (`?1`) by primary key.
    query: &'static str,
    /// Which of the selected columns are the primary key.
    key: &'static [usize],
    /// Counts the same rows, where they may be many; else they are counted by reading them.
    count: Option<&'static str>,
}

/// Rows that `begun` covers. New tables come last: one without a row adds nothing, so that older
/// events keep their digests.
pub(super) const BEGUN_ROWS: &[Covered] = &[
    Covered {
        table: "tx",
        query: "SELECT id, kind, uri, on_conflict, undoes, argv, user, host, tool_version, pack_path, pack_bytes, pack_mtime_ms, started_ms
                FROM tx WHERE id = ?1",
        key: &[0],
        count: None,
    },
    Covered {
        table: "tx_undo",
        query: "SELECT tx, undone FROM tx_undo WHERE tx = ?1 ORDER BY undone",
        key: &[0, 1],
        count: None,
    },
    Covered {
        table: "tx_revert",
        query: "SELECT tx, before_tx, path FROM tx_revert WHERE tx = ?1 ORDER BY path",
        key: &[0, 2],
        count: None,
    },
    Covered {
        table: "tx_selection",
        query: "SELECT tx, ordinal, sense, pattern FROM tx_selection WHERE tx = ?1 ORDER BY ordinal",
        key: &[0, 1],
        count: None,
    },
];

/// Rows that `prepared` covers; new tables come last.
pub(super) const PREPARED_ROWS: &[Covered] = &[
    Covered {
        table: "tx_pack",
        query: "SELECT tx, sha256, manifest_sha256, content_sha256, layout, root_uri FROM tx_pack WHERE tx = ?1",
        key: &[0],
        count: None,
    },
    Covered {
        table: "tx_plan",
        query: "SELECT tx, added, replaced, unchanged, removed, files, bytes FROM tx_plan WHERE tx = ?1",
        key: &[0],
        count: None,
    },
    Covered {
        table: "tx_unit",
        query: "SELECT tx, ordinal, path, action, slot, old_inode, old_digest, old_bytes, new_inode, new_digest, new_bytes
                FROM tx_unit WHERE tx = ?1 ORDER BY ordinal",
        key: &[0, 1],
        count: None,
    },
    Covered {
        table: "change_set",
        query: "SELECT id, tx, origin FROM change_set WHERE tx = ?1 ORDER BY id",
        key: &[0],
        count: None,
    },
    Covered {
        table: "tx_change",
        query: "SELECT change_set, path, change, old_kind, old_bytes, old_sha256, new_kind, new_bytes, new_sha256
                FROM tx_change WHERE change_set IN (SELECT id FROM change_set WHERE tx = ?1) ORDER BY change_set, path",
        key: &[0, 1],
        count: Some("SELECT count(*) FROM tx_change WHERE change_set IN (SELECT id FROM change_set WHERE tx = ?1)"),
    },
    Covered {
        table: "tx_effect",
        query: "SELECT by_tx, change_set, in_effect FROM tx_effect WHERE by_tx = ?1 ORDER BY change_set",
        key: &[0, 1],
        count: None,
    },
    Covered {
        table: "tx_policy",
        query: "SELECT tx, ordinal, name, sha256 FROM tx_policy WHERE tx = ?1 ORDER BY ordinal",
        key: &[0, 1],
        count: None,
    },
    Covered {
        table: "tx_slot",
        query: "SELECT tx, slot, decision, reason, bytes FROM tx_slot WHERE tx = ?1 ORDER BY slot",
        key: &[0, 1],
        count: None,
    },
    Covered {
        table: "tx_index",
        query: "SELECT change_set, path, level, kind, content_sha256, origin, record_sha256
                FROM tx_index WHERE change_set IN (SELECT id FROM change_set WHERE tx = ?1) ORDER BY change_set, path, level",
        key: &[0, 1, 2],
        count: Some("SELECT count(*) FROM tx_index WHERE change_set IN (SELECT id FROM change_set WHERE tx = ?1)"),
    },
];

/// Returns each covered table with the query of its rows, in their order.
#[cfg(test)]
pub(super) fn queries() -> impl Iterator<Item = (&'static str, &'static str)> {
    let all = BEGUN_ROWS.iter().chain(PREPARED_ROWS);
    all.map(|covered| (covered.table, covered.query))
}

/// Most blocks of a table whose checksums an event notes.
const BLOCKS: u64 = 64;

/// All rows that an event covers.
pub(super) struct RowsDigest {
    pub(super) sha256: Digest,
    pub(super) rows: u64,
    /// Table by table: how many rows, how many a block, and the CRC-32 of each block. They prove
    /// nothing, but tell later which row is not what it was.
    pub(super) blocks: Value,
}

/// Computes the digest of a transaction's rows in some tables.
pub(super) fn digest(
    connection: &Connection,
    tx: TransactionId,
    tables: &[Covered],
) -> Result<RowsDigest> {
    let mut hasher = Hasher::default();
    let (mut rows, mut blocks) = (0, Map::new());
    for covered in tables {
        let count = count(connection, tx, covered)?;
        let size = count.div_ceil(BLOCKS).max(1);
        let mut sums = Blocks::new(size);
        for_each_line(connection, tx, covered, &mut |line, _| {
            hasher.update(line.as_bytes());
            sums.add(line.as_bytes());
            Ok(())
        })?;
        if count > 0 {
            let noted = json!({ "count": count, "block": size, "crc32": sums.finish() });
            blocks.insert(covered.table.to_owned(), noted);
        }
        rows += count;
    }
    Ok(RowsDigest {
        sha256: hasher.finish(),
        rows,
        blocks: Value::Object(blocks),
    })
}

/// Names the first row that is not what an event covered, as far as the noted checksums tell: the
/// row itself where a block is one row, else the rows of a block.
pub(super) fn first_difference(
    connection: &Connection,
    tx: TransactionId,
    tables: &[Covered],
    noted: &Value,
) -> Result<Option<String>> {
    for covered in tables {
        let count = count(connection, tx, covered)?;
        let noted = noted.get(covered.table);
        let number = |key: &str| noted.and_then(|noted| noted.get(key)?.as_u64());
        let size = number("block").unwrap_or(1).max(1);
        let mut sums = Blocks::new(size);
        let mut keys = Vec::new();
        let mut at = 0;
        let (mut first, mut last) = (String::new(), String::new());
        for_each_line(connection, tx, covered, &mut |line, row| {
            sums.add(line.as_bytes());
            last = key_of(row, covered).context("read the journal")?;
            if at % size == 0 {
                first.clone_from(&last);
            }
            at += 1;
            if (at % size == 0 || at == count) && u64::try_from(keys.len()).unwrap_or(0) <= BLOCKS {
                keys.push((first.clone(), last.clone()));
            }
            Ok(())
        })?;
        let noted_sums = noted.and_then(|noted| noted.get("crc32")?.as_str());
        let (found, noted_sums) = (sums.finish(), noted_sums.unwrap_or_default());
        let noted_count = number("count").unwrap_or(0);
        if found == noted_sums && count == noted_count {
            continue;
        }
        let is_same = |block: usize| {
            let at = block.saturating_mul(8)..block.saturating_mul(8).saturating_add(8);
            found.get(at.clone()).is_some() && found.get(at.clone()) == noted_sums.get(at)
        };
        let same = (0..keys.len()).take_while(|block| is_same(*block)).count();
        let place = match keys.get(same) {
            Some((first, last)) if first == last => first.clone(),
            Some((first, last)) => format!("{first} to {last}"),
            None => format!("after {}", keys.last().map_or("nothing", |(_, last)| last)),
        };
        let table = covered.table;
        let counts = if count == noted_count {
            String::new()
        } else {
            format!(" ({count} rows, recorded were {noted_count})")
        };
        return Ok(Some(format!("{table} {place}{counts}")));
    }
    Ok(None)
}

fn count(connection: &Connection, tx: TransactionId, covered: &Covered) -> Result<u64> {
    if let Some(query) = covered.count {
        let counted = connection.query_row(query, [tx.0], |row| row.get::<_, i64>(0));
        return counted.context("read the journal").map(i64::cast_unsigned);
    }
    let mut statement = connection
        .prepare_cached(covered.query)
        .context("read the journal")?;
    let mut rows = statement.query([tx.0]).context("read the journal")?;
    let mut count = 0;
    while rows.next().context("read the journal")?.is_some() {
        count += 1;
    }
    Ok(count)
}

type EachLine<'a> = &'a mut dyn FnMut(&str, &Row<'_>) -> Result<()>;

/// Calls `visit` for each row with its line of the canonical form.
fn for_each_line(
    connection: &Connection,
    tx: TransactionId,
    covered: &Covered,
    visit: EachLine<'_>,
) -> Result<()> {
    let mut statement = connection
        .prepare_cached(covered.query)
        .context("read the journal")?;
    let columns = statement.column_count();
    let mut rows = statement.query([tx.0]).context("read the journal")?;
    let mut line = String::new();
    while let Some(row) = rows.next().context("read the journal")? {
        line.clear();
        line.push_str("[\"");
        line.push_str(covered.table);
        line.push('"');
        for column in 0..columns {
            line.push(',');
            push_json(&mut line, row.get_ref(column).context("read the journal")?);
        }
        line.push_str("]\n");
        visit(&line, row)?;
    }
    Ok(())
}

/// Calls `visit` for each row as a JSON object of its columns, with the table's name.
pub(super) fn for_each_object(
    connection: &Connection,
    tx: TransactionId,
    tables: &[Covered],
    visit: &mut dyn FnMut(&str) -> Result<()>,
) -> Result<()> {
    for covered in tables {
        objects(connection, covered.table, covered.query, &[tx.0], visit)?;
    }
    Ok(())
}

/// Calls `visit` for each row of a query as a JSON object of its columns, with the table's name.
pub(super) fn objects(
    connection: &Connection,
    table: &str,
    query: &str,
    parameters: &[i64],
    visit: &mut dyn FnMut(&str) -> Result<()>,
) -> Result<()> {
    let mut statement = connection.prepare(query).context("read the journal")?;
    let names: Vec<String> = statement
        .column_names()
        .map(|name| json!(name).to_string())
        .collect();
    let mut rows = statement
        .query(rusqlite::params_from_iter(parameters))
        .context("read the journal")?;
    let mut line = String::new();
    while let Some(row) = rows.next().context("read the journal")? {
        line.clear();
        line.push_str("{\"table\":\"");
        line.push_str(table);
        line.push_str("\",\"row\":{");
        for (column, name) in names.iter().enumerate() {
            line.push_str(if column == 0 { "" } else { "," });
            line.push_str(name);
            line.push(':');
            push_json(&mut line, row.get_ref(column).context("read the journal")?);
        }
        line.push_str("}}\n");
        visit(&line)?;
    }
    Ok(())
}

fn push_text(line: &mut String, text: &[u8]) {
    let is_plain = |byte: &u8| *byte >= b' ' && !matches!(byte, b'"' | b'\\');
    match str::from_utf8(text) {
        Ok(plain) if text.iter().all(is_plain) => line.extend(["\"", plain, "\""]),
        _ => line.push_str(&json!(String::from_utf8_lossy(text)).to_string()),
    }
}

fn key_of(row: &Row<'_>, covered: &Covered) -> rusqlite::Result<String> {
    let mut key = String::from("[");
    for (at, column) in covered.key.iter().enumerate() {
        key.push_str(if at == 0 { "" } else { "," });
        push_json(&mut key, row.get_ref(*column)?);
    }
    key.push(']');
    Ok(key)
}

fn push_json(line: &mut String, value: ValueRef<'_>) {
    match value {
        ValueRef::Null => line.push_str("null"),
        ValueRef::Integer(number) => line.push_str(&number.to_string()),
        ValueRef::Real(number) => line.push_str(&json!(number).to_string()),
        ValueRef::Text(text) => push_text(line, text),
        ValueRef::Blob(bytes) => {
            line.push('"');
            line.extend(bytes.iter().flat_map(|byte| hex_of(*byte)).map(char::from));
            line.push('"');
        }
    }
}

/// Checksums of blocks of lines, 8 hex digits each.
struct Blocks {
    size: u64,
    lines: u64,
    at: crc32fast::Hasher,
    sums: String,
}

impl Blocks {
    fn new(size: u64) -> Self {
        Self {
            size,
            lines: 0,
            at: crc32fast::Hasher::new(),
            sums: String::new(),
        }
    }

    fn add(&mut self, line: &[u8]) {
        self.at.update(line);
        self.lines += 1;
        if self.lines.is_multiple_of(self.size) {
            self.close();
        }
    }

    fn close(&mut self) {
        let sum = std::mem::take(&mut self.at).finalize();
        // A text takes whatever is written to it.
        write!(self.sums, "{sum:08x}").unwrap_or_default();
    }

    fn finish(mut self) -> String {
        if !self.lines.is_multiple_of(self.size) {
            self.close();
        }
        self.sums
    }
}
