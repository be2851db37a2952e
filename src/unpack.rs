//! Unpacking: the tree to be, first as rows, then as files in slots.

mod directories;

use camino::Utf8Path;
use rusqlite::named_params;
use rustix::io::Errno;

use crate::db::DatabaseContext as _;
use crate::digest::Digest;
use crate::entry_path::{EntryKind, EntryPath};
use crate::error::{Error, Result};
use crate::finding::{Finding, Rule};
use crate::fsops::{self, Stat, Syncer};
use crate::intake::{ByteSink, Destination};
use crate::layout::Layout;
use crate::selection::Selector;
use crate::slot::{NewFile, SlotTree, SlotWriter};
use crate::staging::{StagedRow, Staging};
use crate::target::{PlannedUnit, Roots};

use directories::Made;
pub(crate) use directories::{make_all as make_directories, make_while as make_directories_while};

/// Watch-task control files: the installation's, not the content's.
pub(crate) const CONTROL_FILES: [&str; 3] = [
    "resources/.watch_tasks.json",
    "resources/.watch_tasks.json.bak",
    "resources/.watch_tasks.json.tmp",
];

/// What the names of all of them begin with.
const CONTROL_FILE: &str = ".watch_tasks.json";

/// OpenViking's lock files: they say that a process is working, which is true of no other place.
const LOCK_FILE: &str = ".path.ovlock";

/// Returns whether a live path is none of the content's, so that a pack's member is not put there.
pub(crate) fn is_left_out(live_path: &str) -> bool {
    CONTROL_FILES.contains(&live_path) || live_path.rsplit('/').next() == Some(LOCK_FILE)
}

/// When the rows of files are staged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileRows {
    /// With those of the directories.
    AtOnce,
    /// By [`stage_files`], once all files are written: rows can be made while the disk syncs.
    AfterTheirBytes,
}

/// Stages the rows of the tree to be: the pack's entries, the directories that both its sides leave
/// out, and the missing parents of the target. Returns the paths that are left out.
pub(crate) fn stage_rows(
    staging: &Staging,
    roots: &Roots,
    units: &[PlannedUnit],
    selector: &Selector,
    files: FileRows,
) -> Result<Vec<String>> {
    let prefix = &roots.prefix;
    let mut left_out = Vec::new();
    let places: Vec<_> = units
        .iter()
        .map(|unit| (EntryPath::parse(&unit.path).unwrap_or_default(), unit))
        .collect();
    // The directory that all above the last entry is known to be staged for.
    let mut above = None;
    for unit in units {
        stage_parents(staging, unit, prefix)?;
    }
    let mut take = |path: String, kind, bytes, sha256: Option<Digest>| {
        let below = EntryPath::parse(&path).unwrap_or_default();
        let live = prefix.join(&below);
        let mut places = places.iter();
        let Some((_, unit)) = places.find(|(place, _)| live.is_at_or_below(place)) else {
            return Ok(());
        };
        if !selector.takes(&below, kind) {
            return Ok(());
        }
        if kind == EntryKind::File && is_left_out(&live) {
            left_out.push(path);
            return Ok(());
        }
        let parent = live.parent();
        if parent != above {
            stage_missing_above(staging, &live, unit)?;
            above = parent;
        }
        if kind == EntryKind::File && files == FileRows::AfterTheirBytes {
            return Ok(());
        }
        let mode = if kind == EntryKind::Directory {
            unit.ownership.mode
        } else {
            fsops::FILE_MODE
        };
        let bytes = if kind == EntryKind::Directory {
            0
        } else {
            bytes
        };
        staging.stage(&StagedRow {
            path: live.to_string(),
            kind,
            mode,
            bytes,
            sha256: sha256.filter(|_| kind == EntryKind::File),
        })
    };
    if files == FileRows::AfterTheirBytes && staging.lists_all_directories() {
        // Only what is left out tells more than the directories.
        staging.for_each_directory_and([LOCK_FILE, CONTROL_FILE], &mut take)?;
    } else {
        staging.for_each_manifest_entry(&mut take)?;
    }
    Ok(left_out)
}

/// Stages the rows of all files of the pack, but for those that are left out. They must be what the
/// manifest says.
pub(crate) fn stage_files(
    staging: &Staging,
    roots: &Roots,
    units: &[PlannedUnit],
    left_out: &[String],
) -> Result<()> {
    let prefix = &roots.prefix;
    for unit in units {
        let place = EntryPath::parse(&unit.path).unwrap_or_default();
        // A unit that is made with directories above the root holds all of the pack.
        let below = place.strip_prefix(prefix).unwrap_or_default();
        staging.stage_files_below(&below, prefix, fsops::FILE_MODE)?;
    }
    left_out.iter().try_for_each(|path| {
        let below = EntryPath::parse(path).unwrap_or_default();
        staging.unstage_file(&prefix.join(&below))
    })
}

fn is_in(unit: &PlannedUnit, live: &EntryPath) -> bool {
    EntryPath::parse(&unit.path).is_ok_and(|unit| live.is_at_or_below(&unit))
}

/// Directories from a created unit down to the root are made with it.
fn stage_parents(staging: &Staging, unit: &PlannedUnit, prefix: &EntryPath) -> Result<()> {
    let root = EntryPath::parse(&unit.path).unwrap_or_default();
    let deepest = if prefix.is_at_or_below(&root) {
        prefix.clone()
    } else {
        root
    };
    stage_directory(staging, &deepest, unit)?;
    stage_missing_above(staging, &deepest, unit)
}

/// Directories above an entry, as far as they are missing: those that neither manifest nor members list.
fn stage_missing_above(staging: &Staging, live: &EntryPath, unit: &PlannedUnit) -> Result<()> {
    let mut at = live.parent();
    while let Some(path) = at.filter(|path| is_in(unit, path)) {
        if staging.is_staged(&path)? {
            return Ok(());
        }
        stage_directory(staging, &path, unit)?;
        at = path.parent();
    }
    Ok(())
}

fn stage_directory(staging: &Staging, live: &EntryPath, unit: &PlannedUnit) -> Result<()> {
    let row = StagedRow {
        path: live.to_string(),
        kind: EntryKind::Directory,
        mode: unit.ownership.mode,
        bytes: 0,
        sha256: None,
    };
    staging.stage(&row)
}

/// A name that the file system does not hold, or does not keep apart from another one, is the
/// pack's matter: in a slot that was just made, nothing else can be in the way.
fn or_unholdable(error: Error, pack: &Utf8Path, path: &str) -> Error {
    let Error::Io { source, .. } = &error else {
        return error;
    };
    let why = match Errno::from_io_error(source) {
        Some(Errno::EXIST) => {
            "the store's file system does not keep it apart from another name in the pack"
        }
        Some(Errno::ILSEQ | Errno::INVAL | Errno::NAMETOOLONG) => {
            "the store's file system cannot hold this name"
        }
        _ => return error,
    };
    Error::refused(
        pack,
        Finding::new(Rule::NameUnholdable, path, format!("{why} ({source})")),
    )
}

/// Copies live control files into the staged tree: on overwrite they stay with the installation.
/// Returns whether there were any.
pub(crate) fn carry_control_files(
    layout: &Layout,
    staging: &Staging,
    slots: &mut [SlotTree],
) -> Result<bool> {
    let mut has_carried = false;
    for path in CONTROL_FILES {
        let query = "SELECT bytes, sha256 FROM live_entry WHERE path = :path AND kind = 'file'";
        let row = staging
            .connection()
            .query_row(query, named_params! {":path": path}, |row| {
                Ok((row.get::<_, i64>(0)?, row.get(1)?))
            });
        let (bytes, sha256) = match row {
            Err(rusqlite::Error::QueryReturnedNoRows) => continue,
            row => row.context("read live entries")?,
        };
        let Some(slot) = slots.iter_mut().find(|slot| slot.holds(path)) else {
            continue;
        };
        let mut from = layout.open_live()?.open_file(path)?;
        let (mut to, shown) = slot.create_file(path)?;
        fsops::copy_all(&mut from, &mut to, &shown)?;
        staging.stage(&StagedRow {
            path: path.to_owned(),
            kind: EntryKind::File,
            mode: fsops::FILE_MODE,
            bytes: bytes.cast_unsigned(),
            sha256,
        })?;
        has_carried = true;
    }
    Ok(has_carried)
}

/// Writes a pack's files into slots while their bytes are verified.
#[derive(Debug)]
pub(crate) struct IntoSlots<'a> {
    /// For messages.
    pack: &'a Utf8Path,
    slots: &'a [SlotTree],
    prefix: EntryPath,
    /// Whether rows say which files are written, or all are that have a place.
    rows: FileRows,
    /// How far the directories are; `None` where they are all there.
    made: Option<&'a Made>,
    syncer: Option<&'a Syncer>,
}

impl<'a> IntoSlots<'a> {
    pub(crate) const fn new(
        pack: &'a Utf8Path,
        slots: &'a [SlotTree],
        prefix: EntryPath,
        syncer: Option<&'a Syncer>,
    ) -> Self {
        Self {
            pack,
            slots,
            prefix,
            rows: FileRows::AfterTheirBytes,
            made: None,
            syncer,
        }
    }

    /// Waits for the directory of each file.
    pub(crate) const fn into_those(mut self, made: &'a Made) -> Self {
        self.made = Some(made);
        self
    }

    /// Writes those files alone that are staged and not live already with the same content.
    pub(crate) const fn only_staged(mut self) -> Self {
        self.rows = FileRows::AtOnce;
        self
    }
}

impl Destination for IntoSlots<'_> {
    fn takes(&self, path: &EntryPath, staging: &Staging) -> Result<bool> {
        let live = self.prefix.join(path);
        if self.rows == FileRows::AfterTheirBytes {
            return Ok(!is_left_out(&live) && self.slots.iter().any(|slot| slot.holds(&live)));
        }
        // A directory stays where a file of its name is left out.
        let is_file = staging.staged_kind(&live)? == Some(EntryKind::File);
        Ok(is_file && !staging.is_kept(&live)?)
    }

    fn sink(&self) -> Box<dyn ByteSink + '_> {
        Box::new(SlotSink {
            into: self,
            writer: SlotWriter::new(self.slots),
            ready: None,
            open: None,
        })
    }
}

/// One worker's way into the slots.
#[derive(Debug)]
struct SlotSink<'a> {
    into: &'a IntoSlots<'a>,
    writer: SlotWriter<'a>,
    /// The directory that was waited for last.
    ready: Option<EntryPath>,
    open: Option<NewFile>,
}

impl ByteSink for SlotSink<'_> {
    fn begin(&mut self, path: &EntryPath) -> Result<()> {
        let live = self.into.prefix.join(path);
        if let (Some(made), Some(parent)) = (self.into.made, live.parent())
            && self.ready.as_ref() != Some(&parent)
        {
            made.wait_for(&parent)?;
            self.ready = Some(parent);
        }
        let made = self.writer.create(&live);
        self.open = made.map_err(|error| or_unholdable(error, self.into.pack, path))?;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.open.as_mut().map_or(Ok(()), |file| file.write(bytes))
    }

    fn end(&mut self) -> Result<Option<Stat>> {
        let stat = self.open.take().map(NewFile::finish).transpose()?;
        if let (Some(syncer), Some(stat)) = (self.into.syncer, &stat) {
            syncer.wrote(stat.size_bytes);
        }
        Ok(stat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_control_files_are_found_by_how_they_begin() {
        for file in CONTROL_FILES {
            assert!(file.contains(CONTROL_FILE), "{file}");
        }
    }

    #[test]
    fn a_name_that_the_file_system_cannot_hold_or_tell_apart_is_a_finding_of_the_pack() {
        let told = |errno: Errno| {
            let error = Error::io("create", "slots/1/tree/A", errno.into());
            or_unholdable(error, Utf8Path::new("x.ovpack"), "A")
                .code()
                .to_owned()
        };
        for errno in [Errno::EXIST, Errno::ILSEQ, Errno::INVAL, Errno::NAMETOOLONG] {
            assert_eq!(told(errno), "name-unholdable", "{errno}");
        }
        assert_eq!(told(Errno::IO), "io");
        assert_eq!(told(Errno::NOSPC), "no-space");
    }
}
