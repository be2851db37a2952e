//! Where a store keeps what.
//!
//! ```text
//! STORE/
//!   viking/            the live tree (in an adopted store STORE itself is the live root)
//!   .ovpack/           0700
//!     lock store.db cache.db reserve config.toml
//!     slots/ID/tree    staged, later replaced trees
//!     staging/         the staging database of the running transaction
//!     policies/        queries that every pack is held against
//!     uploads/         packs that a server receives and hands out
//! ```

use camino::{Utf8Path, Utf8PathBuf};

use crate::error::{Error, Result};
use crate::fsops::{self, Dir, FileKind};
use crate::id::SlotId;

/// The directory of everything that is ours.
pub(crate) const CONTROL: &str = ".ovpack";
/// The live root of a store that owns its live tree.
pub(crate) const LIVE: &str = "viking";
/// The writer lock.
pub(crate) const LOCK: &str = "lock";
/// The journal database.
pub(crate) const JOURNAL: &str = "store.db";
/// The journal's write-ahead log, which is kept.
pub(crate) const JOURNAL_WAL: &str = "store.db-wal";
/// The stat cache.
pub(crate) const CACHE: &str = "cache.db";
/// Full text and vectors; may be deleted at any time.
pub(crate) const INDEX: &str = "index.db";
/// Space for the journal when the disk is full.
pub(crate) const RESERVE: &str = "reserve";
/// Settings, for people to write.
pub(crate) const CONFIG: &str = "config.toml";
/// Slots, one directory each.
pub(crate) const SLOTS: &str = "slots";
/// Staging databases.
pub(crate) const STAGING: &str = "staging";
/// Policies of the store, one file each.
pub(crate) const POLICIES: &str = "policies";
/// Packs that a server receives and hands out.
pub(crate) const UPLOADS: &str = "uploads";
/// The tree in a slot.
pub(crate) const TREE: &str = "tree";

/// Bytes of the reserve: what `aborting` and `aborted` need, many times over.
const RESERVE_BYTES: usize = 1 << 20;

/// Open directories of a store.
#[derive(Debug)]
pub(crate) struct Layout {
    root: Dir,
    control: Dir,
    is_adopted: bool,
}

impl Layout {
    /// Makes the directories of a store; those that a cut-short `init` left are used.
    pub(crate) fn create(root: Dir, is_adopted: bool) -> Result<Self> {
        for (parent, name, mode) in [
            ("", CONTROL, fsops::PRIVATE_MODE),
            (CONTROL, SLOTS, 0o700),
            (CONTROL, STAGING, 0o700),
        ] {
            let parent = root.open_dir(parent)?;
            if parent.stat_at(name)?.is_none() {
                parent.create_dir(name, mode)?;
                parent.open_dir(name)?.set_mode(mode)?;
            }
        }
        if !is_adopted && root.stat_at(LIVE)?.is_none() {
            root.create_dir(LIVE, fsops::DIRECTORY_MODE)?;
        }
        let control = root.open_dir(CONTROL)?;
        control.sync()?;
        root.sync()?;
        Ok(Self {
            root,
            control,
            is_adopted,
        })
    }

    /// Opens the directories of a store; whether it is adopted is read from its journal later.
    pub(crate) fn open(path: &Utf8Path) -> Result<Self> {
        let not_found = || Error::StoreNotFound {
            path: path.to_owned(),
        };
        if !path.is_dir() {
            return Err(not_found());
        }
        let root = Dir::open(path)?;
        match root.stat_at(CONTROL)? {
            Some(stat) if stat.kind == FileKind::Directory => {}
            _ => return Err(not_found()),
        }
        let control = root.open_dir(CONTROL)?;
        if control.stat_at(JOURNAL)?.is_none() {
            return Err(not_found());
        }
        Ok(Self {
            root,
            control,
            is_adopted: false,
        })
    }

    /// Says whether the live root is the store's directory itself.
    pub(crate) fn with_adopted(self, is_adopted: bool) -> Self {
        Self { is_adopted, ..self }
    }

    /// Returns whether the live root is the store's directory itself.
    pub(crate) const fn is_adopted(&self) -> bool {
        self.is_adopted
    }

    /// Returns the store's directory.
    pub(crate) const fn root(&self) -> &Dir {
        &self.root
    }

    /// Returns the directory of everything that is ours.
    pub(crate) const fn control(&self) -> &Dir {
        &self.control
    }

    /// Opens the live root as it is at this moment.
    pub(crate) fn open_live(&self) -> Result<Dir> {
        if self.is_adopted {
            self.root.again()
        } else {
            self.root.open_dir(LIVE)
        }
    }

    /// Returns the path of a unit, for messages.
    pub(crate) fn live_path_of(&self, unit: &str) -> Utf8PathBuf {
        let live = if self.is_adopted {
            self.root.path().to_owned()
        } else {
            self.root.at(LIVE)
        };
        if unit.is_empty() {
            live
        } else {
            live.join(unit)
        }
    }

    /// Opens the directory of all slots.
    pub(crate) fn open_slots(&self) -> Result<Dir> {
        self.control.open_dir(SLOTS)
    }

    /// Returns the highest id among the slots on the disk, recorded or not; 0 where there is none.
    pub(crate) fn highest_slot(&self) -> Result<i64> {
        let names = self.open_slots()?.names()?;
        let ids = names.iter().filter_map(|name| name.to_str()?.parse().ok());
        Ok(ids.max().unwrap_or(0))
    }

    /// Opens one slot.
    pub(crate) fn open_slot(&self, slot: SlotId) -> Result<Dir> {
        self.open_slots()?.open_dir(&slot.to_string())
    }

    /// Returns the path of a file of ours, for `SQLite`.
    pub(crate) fn path_of(&self, name: &str) -> Utf8PathBuf {
        self.control.at(name)
    }

    /// Returns where the running transaction's staging database is; the lock admits one.
    pub(crate) fn staging_database(&self) -> Utf8PathBuf {
        self.path_of(STAGING).join("staging.db")
    }

    /// Splits a unit's path into the open directory that holds it and its name there.
    pub(crate) fn open_unit_parent(&self, unit: &str) -> Result<(Dir, String)> {
        if unit.is_empty() {
            return Ok((self.root.again()?, LIVE.to_owned()));
        }
        let live = self.open_live()?;
        match unit.rsplit_once('/') {
            Some((parent, name)) => Ok((live.open_dir(parent)?, name.to_owned())),
            None => Ok((live, unit.to_owned())),
        }
    }

    /// Makes the reserve where it is not whole.
    pub(crate) fn make_reserve(&self) -> Result<()> {
        if self
            .control
            .stat_at(RESERVE)?
            .is_some_and(|stat| stat.size_bytes == RESERVE_BYTES as u64)
        {
            return Ok(());
        }
        self.release_reserve()?;
        let mut file = self.control.create_file(RESERVE, 0o600)?;
        fsops::write_all(&mut file, &noise(), &self.control.at(RESERVE))?;
        fsops::sync_file(&file, &self.control.at(RESERVE))
    }

    /// Gives the reserve's space back to the disk.
    pub(crate) fn release_reserve(&self) -> Result<()> {
        match self.control.stat_at(RESERVE)? {
            Some(_) => self.control.remove_file(RESERVE),
            None => Ok(()),
        }
    }
}

/// Bytes that no file system compresses away. They need not be secret, so a small generator
/// (xorshift64) is enough.
fn noise() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(RESERVE_BYTES);
    while bytes.len() < RESERVE_BYTES {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes
}

/// Returns whether a directory is a store, also one that this user may not look into.
pub(crate) fn is_store(dir: &Utf8Path) -> bool {
    let control = dir.join(CONTROL);
    match control.join(JOURNAL).metadata() {
        Ok(journal) => journal.is_file(),
        Err(error) => error.kind() == std::io::ErrorKind::PermissionDenied && control.is_dir(),
    }
}

/// Returns the name of a pack that a server hands out, below [`UPLOADS`]: of an id that nobody guesses, so
/// that no other output bears such a name.
pub(crate) fn outgoing(id: &str) -> String {
    format!("export_{id}.ovpack")
}

/// Returns whether a name is one of a pack that a server hands out.
pub(crate) fn is_outgoing(name: &str) -> bool {
    let id = name
        .strip_prefix("export_")
        .and_then(|name| name.strip_suffix(".ovpack"));
    id.is_some_and(|id| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
