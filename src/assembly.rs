//! A new tree that is put together of others: its rows are staged, and its files come from trees
//! that are there already, such as the live one and one that waits in a slot.
//!
//! Files are copied, with shared blocks where the file system can, and never linked: who has a file
//! of the live tree open must not reach into a slot. A copy has the mode and the time of its
//! original, and is held against the digest that was staged.

use crate::control::{Control, Phase};
use crate::digest::Digest;
use crate::entry_path::EntryPath;
use crate::error::{Error, Result};
use crate::fsops::{self, Dir, Stat};
use crate::slot::{SlotTree, SlotWriter};
use crate::staging::{Staging, TreeRow};
use crate::stat_cache::StatCache;

/// Bytes read at once.
const BUFFER_BYTES: usize = 1 << 20;

/// A tree to copy from, and the live path that its root has in the new one.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) tree: Dir,
    pub(crate) base: EntryPath,
}

/// Chooses where the file at a live path comes from; `None` where somebody else writes it.
pub(crate) type Choose<'a> = &'a dyn Fn(&EntryPath) -> Result<Option<&'a Source>>;

/// Makes the staged tree in its slots: all directories, and the files that `choose` has a source for.
///
/// # Errors
/// [`Error::FileChanging`] where a file is not, or does not stay, what was staged.
pub(crate) fn assemble(
    staging: &Staging,
    slots: &mut [SlotTree],
    choose: Choose<'_>,
    cache: Option<&mut StatCache>,
    control: &Control,
) -> Result<()> {
    let mut writer = SlotWriter::new(slots);
    staging.for_each_staged_directory(&mut |path| writer.create_dir(path))?;
    copy_files(staging, slots, choose, cache, control)?;
    set_modes(staging, slots)
}

/// Copies the files that `choose` has a source for; their directories are there.
///
/// # Errors
/// [`Error::FileChanging`] where a file is not, or does not stay, what was staged.
pub(crate) fn copy_files(
    staging: &Staging,
    slots: &mut [SlotTree],
    choose: Choose<'_>,
    mut cache: Option<&mut StatCache>,
    control: &Control,
) -> Result<()> {
    control.begin(Phase::Reading, 0, 0);
    let mut buffer = vec![0; BUFFER_BYTES];
    staging.for_each_staged_file(&mut |row| {
        control.ensure_not_interrupted()?;
        let path = EntryPath::parse(row.path).unwrap_or_default();
        if let (Some(source), Some(slot)) = (choose(&path)?, slot_of(slots, row.path)) {
            let (stat, digest) = copy(slot, source, &path, row, &mut buffer, control)?;
            if let Some(cache) = cache.as_deref_mut() {
                cache.remember_written(&stat, &digest);
            }
        }
        Ok(())
    })
}

/// Gives the directories their modes. Only once all is written: one that must not be written to
/// could not have been filled.
pub(crate) fn set_modes(staging: &Staging, slots: &mut [SlotTree]) -> Result<()> {
    staging.for_each_staged_mode(&mut |path, mode| match slot_of(slots, path) {
        Some(slot) if slot.mode() != mode => slot.set_dir_mode(path, mode),
        _ => Ok(()),
    })
}

fn slot_of<'s>(slots: &'s mut [SlotTree], path: &str) -> Option<&'s mut SlotTree> {
    slots.iter_mut().find(|slot| slot.holds(path))
}

fn copy(
    slot: &mut SlotTree,
    source: &Source,
    path: &EntryPath,
    row: &TreeRow<'_>,
    buffer: &mut [u8],
    control: &Control,
) -> Result<(Stat, Digest)> {
    let below = path.strip_prefix(&source.base).unwrap_or_default();
    let mut from = source.tree.open_steady(&below)?;
    let (mut to, shown) = slot.create_file(path)?;
    let copied = from.copy_to(&mut to, &shown, buffer, &mut |bytes| {
        control.advance(0, bytes);
        control.ensure_not_interrupted()
    })?;
    let stat = *from.stat();
    let changing = || Error::FileChanging {
        path: source.tree.at(&below),
    };
    let digest = copied.ok_or_else(changing)?;
    if row.sha256 != Some(digest) || stat.size_bytes != row.bytes {
        return Err(changing());
    }
    if row.mode != fsops::FILE_MODE {
        fsops::set_file_mode(&to, row.mode, &shown)?;
    }
    fsops::set_file_mtime(&to, stat.mtime_ns, &shown)?;
    control.advance(1, 0);
    Ok((fsops::stat_file(&to, &shown)?, digest))
}
