//! Holding the index against what the rules derive from the committed tree, and setting it right.

use std::collections::BTreeMap;

use camino::Utf8Path;

use super::database::IndexDatabase;
use super::fill;
use super::options::{IndexCheckReport, IndexFault};
use super::stage::{read_small, stage_index};
use crate::control::Control;
use crate::db::{self, DatabaseContext as _};
use crate::entry_path::EntryKind;
use crate::error::Result;
use crate::fsops::Dir;
use crate::journal::Journal;
use crate::record::{self, IndexOrigin, IndexedRow, RecordText, TEXT_BYTES_MAX};
use crate::staging::{Keeps, StagedRow, Staging};
use crate::uri::Uri;

/// Most faults that are listed.
const LISTED_MAX: usize = 1_000;

/// Files that describe directories, by directory and level.
type Describing = BTreeMap<(String, u8), String>;

/// What a check found so far.
#[derive(Debug, Default)]
struct Faults {
    listed: Vec<IndexFault>,
    total: u64,
}

impl Faults {
    fn add(&mut self, path: &str, level: u8, fault: &'static str) {
        self.total = self.total.saturating_add(1);
        if self.listed.len() < LISTED_MAX {
            self.listed.push(IndexFault {
                uri: format!("{}{path}", Uri::root()),
                level,
                fault,
            });
        }
    }
}

/// Checks records and full text at and below a URI; changes nothing but the list of what full text
/// should have.
pub(crate) fn check(
    journal: &Journal,
    live: &Dir,
    database: Option<&mut IndexDatabase>,
    uri: &Uri,
    control: &Control,
) -> Result<IndexCheckReport> {
    let mut faults = Faults::default();
    let records = check_records(journal, live, uri, &mut faults, control)?;
    let is_behind = match &database {
        Some(database) => database.is_behind(journal)?,
        None => !journal.touched_since(0)?.1.is_empty(),
    };
    if let Some(database) = database.filter(|_| !is_behind) {
        fill::want(database, journal, uri.path())?;
        check_documents(database, uri, &mut faults)?;
    }
    faults.listed.sort();
    Ok(IndexCheckReport {
        uri: uri.clone(),
        records,
        faults: faults.listed,
        total: faults.total,
        is_behind,
        without_vector: 0,
        transaction: None,
        is_fixed: false,
    })
}

/// Every text that describes a directory has its record, and every record its content.
fn check_records(
    journal: &Journal,
    live: &Dir,
    uri: &Uri,
    faults: &mut Faults,
    control: &Control,
) -> Result<u64> {
    let mut describing = Describing::new();
    journal.for_each_committed(uri.path(), &mut |entry| {
        control.ensure_not_interrupted()?;
        if let Some((directory, level)) = record::described_by(&entry.path)
            && entry.kind == "file"
            && entry.bytes <= TEXT_BYTES_MAX
        {
            describing.insert((directory.to_owned(), level), entry.path.clone());
        }
        Ok(())
    })?;
    let mut records = 0_u64;
    let mut abstracts = Abstracts::default();
    journal.for_each_indexed(uri.path(), &mut |row| {
        records = records.saturating_add(1);
        describing.remove(&(row.path.clone(), row.level));
        let is_of_other_abstract = abstracts.take(&row, &describing);
        let fault = match &row.says {
            _ if record::indexable(&row.path).is_none() => Some("orphan"),
            None => Some("unsaid"),
            Some(says) if says.digest() != row.record => Some("unsaid"),
            Some(_) if row.is_stale || is_of_other_abstract => Some("stale"),
            Some(_) => None,
        };
        if let Some(fault) = fault {
            faults.add(&row.path, row.level, fault);
        }
        Ok(())
    })?;
    for ((directory, level), path) in describing {
        // A text that is not UTF-8 describes nothing; one that is gone is drift.
        if read_text(live, &path)?.is_some_and(|bytes| std::str::from_utf8(&bytes).is_ok()) {
            faults.add(&directory, level, "missing");
        }
    }
    Ok(records)
}

/// The abstract that the record before told of, which stands before the overview's.
#[derive(Default)]
struct Abstracts {
    path: String,
    /// `None` where the pack's record may say something else than the file.
    text: Option<String>,
}

impl Abstracts {
    /// Takes the next record, in the order of paths and levels; returns whether it follows from an
    /// overview and names another abstract than the directory has.
    fn take(&mut self, row: &IndexedRow, describing: &Describing) -> bool {
        let says = row.says.as_ref();
        if row.level == 0 {
            self.path.clone_from(&row.path);
            let derived = says.filter(|_| row.origin == IndexOrigin::Derived && !row.is_stale);
            self.text = derived.and_then(|says| says.text.clone());
            return false;
        }
        let Some(says) = says.filter(|_| row.level == 1 && row.origin == IndexOrigin::Derived)
        else {
            return false;
        };
        let text = if self.path == row.path {
            self.text.as_deref()
        } else {
            // A file that is there without a record is told of by itself.
            let is_described = describing.contains_key(&(row.path.clone(), 0));
            (!is_described).then_some("")
        };
        let text = text.zip(says.text.clone());
        text.is_some_and(|(abstract_text, text)| {
            RecordText::derived(abstract_text, text).digest() != row.record
        })
    }
}

/// Full text has what the journal wants, and nothing else.
fn check_documents(database: &IndexDatabase, uri: &Uri, faults: &mut Faults) -> Result<()> {
    let action = "read the search index";
    let missing = "SELECT wanted_document.path, wanted_document.level FROM wanted_document
                   LEFT JOIN document ON document.id = wanted_document.document WHERE document.id IS NULL OR is_live = 0";
    let orphans = "SELECT path, level FROM document WHERE is_live = 1
                   AND (?1 = '' OR path = ?1 OR substr(path, 1, length(?1) + 1) = ?1 || '/')
                   AND id NOT IN (SELECT document FROM wanted_document WHERE document IS NOT NULL)";
    for (query, is_scoped, fault) in [
        (missing, false, "unsearchable"),
        (orphans, true, "searchable-orphan"),
    ] {
        let mut statement = database.connection.prepare(query).context(action)?;
        let path = uri.path().as_str();
        let values: &[&dyn rusqlite::ToSql] = if is_scoped { &[&path] } else { &[] };
        db::for_each_row(&mut statement, values, action, &mut |row| {
            let path: String = row.get(0).context(action)?;
            faults.add(&path, row.get(1).context(action)?, fault);
            Ok(())
        })?;
    }
    Ok(())
}

fn read_text(live: &Dir, path: &str) -> Result<Option<Vec<u8>>> {
    match live.open_file(path) {
        Ok(file) => read_small(file, Utf8Path::new(path)),
        Err(error) if error.is_absent() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Stages the records that the rules want of the committed tree at and below a path, beside those
/// that there are. Returns whether there is anything to write.
///
/// A text is only taken where it is what the last commit left: what drifted is put right by the next
/// commit that takes it in.
pub(crate) fn stage_missing(
    journal: &Journal,
    live: &Dir,
    staging: &Staging,
    path: &str,
) -> Result<bool> {
    let mut texts = BTreeMap::new();
    journal.for_each_committed(path, &mut |entry| {
        if record::described_by(&entry.path).is_some() {
            texts.insert(entry.path.clone(), entry.sha256);
        }
        staging.stage(&StagedRow {
            path: entry.path,
            kind: EntryKind::from_name(&entry.kind).unwrap_or(EntryKind::File),
            mode: 0,
            bytes: entry.bytes,
            sha256: entry.sha256,
        })
    })?;
    stage_index(journal, staging, &[path], Keeps::All, None, &|path| {
        let bytes = read_text(live, path)?;
        let is_committed =
            |bytes: &Vec<u8>| texts.get(path) == Some(&Some(crate::digest::Digest::of(bytes)));
        Ok(bytes.filter(is_committed))
    })?;
    let mut has_changes = false;
    staging.for_each_index_change(&mut |_| {
        has_changes = true;
        Ok(())
    })?;
    Ok(has_changes)
}
