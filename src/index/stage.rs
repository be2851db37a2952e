//! The index to be of a transaction: records of a pack by live path, and those that follow from texts.

use std::io::Read as _;

use camino::Utf8Path;

use crate::entry_path::{EntryKind, EntryPath};
use crate::error::{Error, Result};
use crate::journal::Journal;
use crate::record::{self, RecordText, TEXT_BYTES_MAX};
use crate::staging::{Keeps, Staging};

/// Says whether a path of a pack is taken.
pub(crate) type Takes<'a> = &'a dyn Fn(&EntryPath, EntryKind) -> bool;

/// Which records of the staged pack go where.
#[derive(Clone, Copy)]
pub(crate) struct PackRecords<'a> {
    /// The live path of the pack's root.
    pub(crate) prefix: &'a EntryPath,
    /// Whether a path of the pack is taken; `None` where all are.
    pub(crate) takes: Option<Takes<'a>>,
}

impl std::fmt::Debug for PackRecords<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PackRecords")
            .field("prefix", self.prefix)
            .finish_non_exhaustive()
    }
}

/// Reads a small file of the tree to be; `None` where it is not there or too large.
pub(crate) type ReadText<'a> = &'a dyn Fn(&str) -> Result<Option<Vec<u8>>>;

/// Stages the index to be of the tree to be, whose rows and files are there, and those of the live
/// one; `units` are the roots of both.
pub(crate) fn stage_index(
    journal: &Journal,
    staging: &Staging,
    units: &[&str],
    keeps: Keeps,
    pack: Option<PackRecords<'_>>,
    read: ReadText<'_>,
) -> Result<()> {
    for unit in units {
        journal.for_each_told(unit, &mut |row| staging.add_told(row))?;
    }
    staging.foresee_index(keeps)?;
    if let Some(pack) = pack {
        stage_pack(staging, pack)?;
    }
    stage_derived(staging, read)
}

/// Takes the records of the pack. Where several stand for one path and level the first counts.
fn stage_pack(staging: &Staging, pack: PackRecords<'_>) -> Result<()> {
    let Some(takes) = pack.takes else {
        return staging.stage_pack_index(pack.prefix, None);
    };
    staging.stage_pack_index(
        pack.prefix,
        Some(&|record| {
            let path = EntryPath::parse(record.path).unwrap_or_default();
            takes(&path, record.kind) && record::indexable(record.live).is_some()
        }),
    )
}

/// Adds what follows from `.abstract.md` and `.overview.md` where nobody says more of the directory.
fn stage_derived(staging: &Staging, read: ReadText<'_>) -> Result<()> {
    let read_text = |path: &str| -> Result<Option<String>> {
        Ok(read(path)?.and_then(|bytes| String::from_utf8(bytes).ok()))
    };
    let mut last = String::new();
    loop {
        let page = staging.describing_files_after(&last, TEXT_BYTES_MAX)?;
        let Some(end) = page.last() else {
            return Ok(());
        };
        last.clone_from(end);
        for path in &page {
            stage_described(staging, path, &read_text)?;
        }
    }
}

/// Adds what follows from one text, unless somebody says more of its directory.
fn stage_described(
    staging: &Staging,
    path: &str,
    read_text: &dyn Fn(&str) -> Result<Option<String>>,
) -> Result<()> {
    let Some((directory, level)) = record::described_by(path) else {
        return Ok(());
    };
    if staging.is_indexed(directory, level)? {
        return Ok(());
    }
    // A text that is not UTF-8 describes nothing.
    let Some(text) = read_text(path)? else {
        return Ok(());
    };
    let abstract_path = record::describing(directory, 0);
    let abstract_text = match level {
        0 => text.clone(),
        _ if staging.is_staged(&abstract_path)? => read_text(&abstract_path)?.unwrap_or_default(),
        _ => String::new(),
    };
    let record = RecordText::derived(&abstract_text, text);
    staging.stage_derived(directory, level, &record)
}

/// Reads a file that is at most as large as a text may be.
pub(crate) fn read_small(file: std::fs::File, path: &Utf8Path) -> Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    file.take(TEXT_BYTES_MAX.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|source| Error::io("read", path, source))?;
    Ok((bytes.len() as u64 <= TEXT_BYTES_MAX).then_some(bytes))
}
