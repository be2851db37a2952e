//! A slot as a directory: where a new tree is written before it goes live.
//!
//! The tree lies in `slots/ID/tree` and has the live path of its unit. It is written below open
//! directory descriptors, never by a path that a pack could bend.

use std::fs::File;

use camino::Utf8PathBuf;

use crate::error::Result;
use crate::fsops::{self, Dir, Stat};
use crate::id::SlotId;
use crate::layout::{self, Layout};

/// Whom a new tree belongs to, and the mode of its directories: as the root that it replaces has
/// them, else as the directory above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ownership {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) mode: u32,
}

impl From<&Stat> for Ownership {
    fn from(stat: &Stat) -> Self {
        // Setuid and sticky bits are not handed on; setgid is, since it is how groups share a tree.
        // The owner can always write: a tree that nobody can fill is none.
        Self {
            uid: stat.uid,
            gid: stat.gid,
            mode: stat.mode & 0o2777 | 0o700,
        }
    }
}

/// One unit's new tree in the making.
#[derive(Debug)]
pub(crate) struct SlotTree {
    id: SlotId,
    unit: String,
    slot: Dir,
    ownership: Ownership,
    /// The directory written to last, by its path in the tree.
    open: Option<(String, Dir)>,
}

impl SlotTree {
    /// Makes the slot's directory, which must not exist.
    pub(crate) fn make(
        layout: &Layout,
        id: SlotId,
        unit: &str,
        ownership: Ownership,
    ) -> Result<Self> {
        let slots = layout.open_slots()?;
        slots.create_dir(&id.to_string(), fsops::PRIVATE_MODE)?;
        fsops::give_to_owner_of(&slots, &id.to_string())?;
        let slot = slots.open_dir(&id.to_string())?;
        Ok(Self {
            id,
            unit: unit.to_owned(),
            slot,
            ownership,
            open: None,
        })
    }

    /// Returns the slot's id.
    pub(crate) const fn id(&self) -> SlotId {
        self.id
    }

    /// Returns the slot's own directory, for syncing.
    pub(crate) const fn dir(&self) -> &Dir {
        &self.slot
    }

    /// Returns the mode of the directories that are made.
    pub(crate) const fn mode(&self) -> u32 {
        self.ownership.mode
    }

    /// Returns whether a live path lies in this unit.
    pub(crate) fn holds(&self, live_path: &str) -> bool {
        self.unit.is_empty()
            || live_path
                .strip_prefix(&self.unit)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Makes a directory; `open` is the one that the same writer used last.
    fn make_dir(&self, live_path: &str, open: &mut Option<(String, Dir)>) -> Result<()> {
        let path = self.path_in_slot(live_path);
        let ownership = self.ownership;
        let (parent, name) = parent_of(&self.slot, open, &path)?;
        parent.create_dir(name, ownership.mode)?;
        let made = parent.open_dir(name)?;
        own(&made, ownership)?;
        *open = Some((path, made));
        Ok(())
    }

    /// Sets the mode of a directory that was made.
    pub(crate) fn set_dir_mode(&mut self, live_path: &str, mode: u32) -> Result<()> {
        self.slot
            .open_dir(&self.path_in_slot(live_path))?
            .set_mode(mode)
    }

    /// Makes a file; the directory above must be there. Returns its path for messages.
    pub(crate) fn create_file(&mut self, live_path: &str) -> Result<(File, Utf8PathBuf)> {
        let path = self.path_in_slot(live_path);
        let ownership = self.ownership;
        let (parent, name) = self.open_parent(&path)?;
        let file = parent.create_file(name, fsops::FILE_MODE)?;
        let shown = parent.at(name);
        let stat = fsops::stat_file(&file, &shown)?;
        if stat.mode != fsops::FILE_MODE {
            fsops::set_file_mode(&file, fsops::FILE_MODE, &shown)?;
        }
        if (stat.uid, stat.gid) != (ownership.uid, ownership.gid) {
            fsops::set_file_owner(&file, ownership.uid, ownership.gid, &shown)?;
        }
        Ok((file, shown))
    }

    /// Makes a file for who writes it and then asks what it is; `open` is the directory that the same
    /// writer used last.
    fn make_file(&self, live_path: &str, open: &mut Option<(String, Dir)>) -> Result<NewFile> {
        let path = self.path_in_slot(live_path);
        let (parent, name) = parent_of(&self.slot, open, &path)?;
        Ok(NewFile {
            file: parent.create_file(name, fsops::FILE_MODE)?,
            shown: parent.at(name),
            ownership: self.ownership,
        })
    }

    /// Opens a file of the tree, to read what was written.
    pub(crate) fn open_file(&self, live_path: &str) -> Result<File> {
        self.slot.open_file(&self.path_in_slot(live_path))
    }

    /// Returns what the tree's root is, once it is written.
    pub(crate) fn stat_tree(&self) -> Result<Option<Stat>> {
        self.slot.stat_at(layout::TREE)
    }

    fn path_in_slot(&self, live_path: &str) -> String {
        let below = live_path
            .strip_prefix(&self.unit)
            .unwrap_or(live_path)
            .trim_start_matches('/');
        if below.is_empty() {
            layout::TREE.to_owned()
        } else {
            [layout::TREE, below].join("/")
        }
    }

    fn open_parent<'a>(&'a mut self, path: &'a str) -> Result<(&'a Dir, &'a str)> {
        parent_of(&self.slot, &mut self.open, path)
    }
}

/// Opens the directory of a path in a slot, unless it is the one that is `open`.
fn parent_of<'a>(
    slot: &'a Dir,
    open: &'a mut Option<(String, Dir)>,
    path: &'a str,
) -> Result<(&'a Dir, &'a str)> {
    let Some((parent, name)) = path.rsplit_once('/') else {
        return Ok((slot, path));
    };
    if open.as_ref().is_none_or(|(open, _)| open != parent) {
        *open = Some((parent.to_owned(), slot.open_dir(parent)?));
    }
    match open {
        Some((_, dir)) => Ok((dir, name)),
        None => Ok((slot, name)),
    }
}

/// One of several who write into slots at the same time, each with open directories of its own.
#[derive(Debug)]
pub(crate) struct SlotWriter<'s> {
    slots: &'s [SlotTree],
    /// The directory written to last, by its slot and its path in it.
    open: Option<(String, Dir)>,
    slot: Option<SlotId>,
}

impl<'s> SlotWriter<'s> {
    pub(crate) const fn new(slots: &'s [SlotTree]) -> Self {
        Self {
            slots,
            open: None,
            slot: None,
        }
    }

    /// Makes a file, where a slot holds its live path; the directory above must be there.
    pub(crate) fn create(&mut self, live_path: &str) -> Result<Option<NewFile>> {
        let Some(slot) = self.slot_of(live_path) else {
            return Ok(None);
        };
        slot.make_file(live_path, &mut self.open).map(Some)
    }

    /// Makes a directory, where a slot holds its live path; the one above must be there.
    pub(crate) fn create_dir(&mut self, live_path: &str) -> Result<()> {
        self.slot_of(live_path)
            .map_or(Ok(()), |slot| slot.make_dir(live_path, &mut self.open))
    }

    fn slot_of(&mut self, live_path: &str) -> Option<&'s SlotTree> {
        let slot = self.slots.iter().find(|slot| slot.holds(live_path))?;
        if self.slot.replace(slot.id) != Some(slot.id) {
            self.open = None;
        }
        Some(slot)
    }
}

/// A file of a new tree in the making.
#[derive(Debug)]
pub(crate) struct NewFile {
    file: File,
    /// For messages.
    shown: Utf8PathBuf,
    ownership: Ownership,
}

impl NewFile {
    /// Adds bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        fsops::write_all(&mut self.file, bytes, &self.shown)
    }

    /// Returns what the file is, once it has the mode and the owner that it should have. Asked after
    /// the writing, so that one look tells both that and what it is for the stat cache.
    pub(crate) fn finish(self) -> Result<Stat> {
        let (stat, ownership) = (fsops::stat_file(&self.file, &self.shown)?, self.ownership);
        let has_mode = stat.mode == fsops::FILE_MODE;
        let has_owner = (stat.uid, stat.gid) == (ownership.uid, ownership.gid);
        if has_mode && has_owner {
            return Ok(stat);
        }
        if !has_mode {
            fsops::set_file_mode(&self.file, fsops::FILE_MODE, &self.shown)?;
        }
        if !has_owner {
            let (uid, gid) = (ownership.uid, ownership.gid);
            fsops::set_file_owner(&self.file, uid, gid, &self.shown)?;
        }
        fsops::stat_file(&self.file, &self.shown)
    }
}

/// Gives a new directory the owner and the mode that it should have, where it has not: the kernel
/// looks at the umask and at the directory above.
fn own(dir: &Dir, ownership: Ownership) -> Result<()> {
    let stat = dir.stat()?;
    let has_owner = (stat.uid, stat.gid) == (ownership.uid, ownership.gid);
    if !has_owner {
        dir.set_owner(ownership.uid, ownership.gid)?;
    }
    // A change of the owner may take bits away.
    if !has_owner || stat.mode != ownership.mode {
        dir.set_mode(ownership.mode)?;
    }
    Ok(())
}
