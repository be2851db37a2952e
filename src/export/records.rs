//! Index records of a store's packs, on their way into another one.

use std::collections::BTreeMap;

use rusqlite::params;
use serde_json::{Map, Value};

use super::rows::Rows;
use crate::db::DatabaseContext as _;
use crate::digest::Digest;
use crate::entry_path::{EntryKind, EntryPath};
use crate::error::Result;
use crate::journal::Journal;
use crate::pack::Layout;
use crate::record::{IndexOrigin, IndexedRow};
use crate::uri::Uri;

/// What a pack said of a path at one level.
pub(super) struct CarriedRecord {
    pub(super) kind: EntryKind,
    scalars: String,
    text: Option<String>,
    /// Whether the path has other content by now.
    is_stale: bool,
}

impl Rows {
    /// Makes rows that hold the records of a journal already, where there is one.
    pub(super) fn holding(uri: &Uri, layout: Layout, journal: Option<&Journal>) -> Result<Self> {
        let rows = Self::new(uri, layout)?;
        if let Some(journal) = journal {
            rows.take_index(journal)?;
        }
        Ok(rows)
    }

    /// Notes the records in effect that packs brought. Those that follow from the files are made of
    /// the files as they are packed.
    pub(super) fn take_index(&self, journal: &Journal) -> Result<()> {
        let root = self.uri.path();
        journal.for_each_indexed(root, &mut |row| {
            let path = EntryPath::parse(&row.path).ok();
            match path.and_then(|path| path.strip_prefix(root)) {
                Some(below) if row.origin == IndexOrigin::Pack => self.add_record(&below, &row),
                _ => Ok(()),
            }
        })
    }

    /// Lets entries be found by path, where there are records that ask for it: all of them are there by
    /// then, in that order, so that it costs one pass.
    pub(super) fn index_entries(&self) -> Result<()> {
        let action = "note what is exported";
        let query = "SELECT EXISTS (SELECT 1 FROM record)";
        let has_records = self.connection.query_row(query, [], |row| row.get(0));
        if has_records.context(action)? {
            let index = "CREATE INDEX IF NOT EXISTS entry_by_path ON entry (path)";
            self.connection.execute_batch(index).context(action)?;
        }
        Ok(())
    }

    fn add_record(&self, path: &EntryPath, row: &IndexedRow) -> Result<()> {
        let Some(says) = &row.says else {
            return Ok(());
        };
        let query = "INSERT INTO record (path, level, scalars, text, content_sha256) VALUES (?1, ?2, ?3, ?4, ?5)";
        let written_for = row.content.filter(|_| !row.is_stale);
        let values = params![
            path.as_str(),
            row.level,
            says.scalars,
            says.text,
            written_for
        ];
        self.connection
            .prepare_cached(query)
            .and_then(|mut statement| statement.execute(values))
            .map(drop)
            .context("note what is exported")
    }

    /// Returns the records of one path that packs brought, by level. They are looked for first: by itself
    /// `SQLite` would go through all entries for each path, records or none.
    pub(super) fn records_of(&self, path: &str) -> Result<BTreeMap<u8, CarriedRecord>> {
        let action = "read an index record";
        let query = "SELECT level, entry.kind, scalars, text, content_sha256,
                       CASE WHEN entry.kind = 'file' THEN entry.sha256
                            WHEN level = 2 THEN NULL
                            ELSE (SELECT sha256 FROM entry AS described WHERE described.path =
                              iif(entry.path = '', '', entry.path || '/') || iif(level = 0, '.abstract.md', '.overview.md')) END
                     FROM record CROSS JOIN entry ON entry.path = record.path WHERE record.path = ?1";
        let mut statement = self.connection.prepare_cached(query).context(action)?;
        let rows = statement.query_map([path], |row| {
            let kind: String = row.get(1)?;
            let (written_for, is): (Option<Digest>, Option<Digest>) = (row.get(4)?, row.get(5)?);
            let record = CarriedRecord {
                kind: EntryKind::from_name(&kind).unwrap_or(EntryKind::File),
                scalars: row.get(2)?,
                text: row.get(3)?,
                is_stale: written_for != is,
            };
            Ok((row.get(0)?, record))
        });
        rows.and_then(Iterator::collect).context(action)
    }
}

impl CarriedRecord {
    /// Returns the scalars that travel: those that the pack gave, and those that follow from the
    /// place. Where the text that describes a directory is another one by now, or is gone, the abstract
    /// is that of its file, if there is one: so will a commit take it in.
    pub(super) fn scalars(
        &self,
        texts: [Option<&str>; 2],
        level: u8,
        context_type: &str,
    ) -> Map<String, Value> {
        let mut scalars: Map<String, Value> =
            serde_json::from_str(&self.scalars).unwrap_or_default();
        scalars.insert("context_type".to_owned(), Value::from(context_type));
        scalars.insert("level".to_owned(), Value::from(level));
        if self.is_stale && level < 2 {
            match texts[0] {
                Some(text) => scalars.insert("abstract".to_owned(), Value::from(text)),
                None => scalars.remove("abstract"),
            };
        }
        scalars
    }

    /// Returns the text: the pack's, or that of the file where it is another one by now, if there is one.
    pub(super) fn text<'a>(&'a self, level: u8, file: Option<&'a str>) -> Option<&'a str> {
        if self.is_stale && level < 2 {
            return file;
        }
        self.text.as_deref().or(file)
    }
}
