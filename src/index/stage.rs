//! The index to be of a transaction: records of a pack by live path, and those that follow from texts.

use std::io::Read as _;

use camino::Utf8Path;

use crate::entry_path::{EntryKind, EntryPath};
use crate::error::{Error, Result};
use crate::journal::Journal;
use crate::record::{self, RecordText, TEXT_BYTES_MAX};
use crate::staging::{Keeps, Staging, StaleRecord};

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
    // A reindex reads live files, which may have changed since the last commit.
    let may_be_other = keeps == Keeps::All;
    let texts = Texts { read, may_be_other };
    stage_renewed(journal, staging, texts)?;
    stage_derived(staging, texts)?;
    staging.drop_stale_derived()
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

/// Takes in the records of earlier packs whose content was changed: what they say of it stays, but for
/// abstract and text of a directory, which are those of its files.
fn stage_renewed(journal: &Journal, staging: &Staging, texts: Texts<'_>) -> Result<()> {
    let (mut path, mut level) = (String::new(), 0);
    loop {
        let page = staging.stale_records_after(&path, level)?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        (path, level) = (last.path.clone(), last.level);
        for stale in &page {
            if let Some(says) = journal.record_text(&stale.record)?
                && let Some(says) = renewed(staging, stale, says, texts)?
            {
                staging.stage_renewed(stale, &says)?;
            }
        }
    }
}

/// Returns what a record says of the present content; `None` where that is not known.
fn renewed(
    staging: &Staging,
    stale: &StaleRecord,
    says: RecordText,
    texts: Texts<'_>,
) -> Result<Option<RecordText>> {
    // Of a file nobody knows more.
    if stale.level > 1 || staging.staged_kind(&stale.path)? != Some(EntryKind::Directory) {
        return Ok(Some(says));
    }
    let at = |level| texts.at(staging, &record::describing(&stale.path, level));
    let described = match (at(0)?, stale.level) {
        (Text::Unknown, _) => return Ok(None),
        (text, 0) => says.described(text.as_str(), text.as_str()),
        (abstract_text, level) => match at(level)? {
            Text::Unknown => return Ok(None),
            text @ (Text::Is(_) | Text::None) => {
                says.described(abstract_text.as_str(), text.as_str())
            }
        },
    };
    Ok(Some(described))
}

/// A text that describes a directory.
enum Text {
    Is(String),
    /// There is none, or it describes nothing: it is too large, or not UTF-8.
    None,
    /// The file is not what the tree to be has.
    Unknown,
}

impl Text {
    fn as_str(&self) -> Option<&str> {
        match self {
            Self::Is(text) => Some(text),
            Self::None | Self::Unknown => None,
        }
    }
}

/// The texts of the tree to be.
#[derive(Clone, Copy)]
struct Texts<'a> {
    read: ReadText<'a>,
    /// Whether what cannot be read may be other content than the tree to be has.
    may_be_other: bool,
}

impl Texts<'_> {
    fn at(self, staging: &Staging, path: &str) -> Result<Text> {
        if !staging.is_staged(path)? {
            return Ok(Text::None);
        }
        let read = (self.read)(path)?;
        Ok(match read.map(String::from_utf8) {
            Some(Ok(text)) => Text::Is(text),
            None if self.may_be_other => Text::Unknown,
            Some(Err(_)) | None => Text::None,
        })
    }
}

/// Adds what follows from `.abstract.md` and `.overview.md` where nobody says more of the directory.
fn stage_derived(staging: &Staging, texts: Texts<'_>) -> Result<()> {
    let mut last = String::new();
    loop {
        let page = staging.describing_files_after(&last, TEXT_BYTES_MAX)?;
        let Some(end) = page.last() else {
            return Ok(());
        };
        last.clone_from(end);
        for path in &page {
            stage_described(staging, path, texts)?;
        }
    }
}

/// Adds what follows from one text, unless somebody says more of its directory.
fn stage_described(staging: &Staging, path: &str, texts: Texts<'_>) -> Result<()> {
    let Some((directory, level)) = record::described_by(path) else {
        return Ok(());
    };
    if staging.is_indexed(directory, level)? {
        return Ok(());
    }
    let Text::Is(text) = texts.at(staging, path)? else {
        return Ok(());
    };
    let abstract_text = match level {
        0 => text.clone(),
        _ => match texts.at(staging, &record::describing(directory, 0))? {
            Text::Is(text) => text,
            Text::None => String::new(),
            Text::Unknown => return Ok(()),
        },
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
