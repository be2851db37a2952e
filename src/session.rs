//! A writing session: the store's lock, its journal open for writing, and who acts.

use std::time::Duration;

use crate::control::Control;
use crate::error::{Error, Result};
use crate::fsops::{self, Dir};
use crate::id::SlotId;
use crate::journal::{Journal, Provenance};
use crate::layout::{self, Layout};
use crate::lock::WriterLock;
use crate::stat_cache::StatCache;

/// Everything that a writing act needs. Ends with the lock's release.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) layout: Layout,
    pub(crate) journal: Journal,
    pub(crate) provenance: Provenance,
    /// `None` where none can be made; every file is read then.
    pub(crate) cache: Option<StatCache>,
    _lock: WriterLock,
}

impl Session {
    /// Takes the lock, waiting for at most `wait`, and opens the journal. Settles nothing yet.
    pub(crate) fn begin(
        layout: Layout,
        provenance: Provenance,
        wait: Duration,
        control: &Control,
    ) -> Result<Self> {
        let lock = WriterLock::take(
            layout.control(),
            layout::LOCK,
            layout.root().path(),
            wait,
            control,
        )?;
        let had_wal = layout.control().stat_at(layout::JOURNAL_WAL)?.is_some();
        let journal = Journal::open(&layout.path_of(layout::JOURNAL))?;
        let not_found = || Error::StoreNotFound {
            path: layout.root().path().to_owned(),
        };
        let store = journal.store_row()?.ok_or_else(not_found)?;
        if !had_wal {
            // SQLite does not report it when the name of its WAL could not be made durable.
            layout.control().sync()?;
        }
        let cache = StatCache::open(&layout.path_of(layout::CACHE)).ok();
        fsops::give_to_owner_of(layout.control(), layout::CACHE)?;
        Ok(Self {
            layout: layout.with_adopted(store.is_adopted),
            journal,
            provenance,
            cache,
            _lock: lock,
        })
    }

    /// Removes slots from the disk and records that they are gone. The decision to do so must be
    /// durable already. A slot that is not there counts as removed.
    pub(crate) fn remove_slots(&mut self, slots: &[SlotId]) -> Result<()> {
        let dir: Dir = self.layout.open_slots()?;
        for slot in slots {
            dir.remove_tree(&slot.to_string())?;
        }
        self.journal.mark_pruned(slots)
    }

    /// Gives back the disk space of the staging database, which is not asked any more.
    pub(crate) fn empty_staging(&self) -> Result<()> {
        let dir = self.layout.control().open_dir(layout::STAGING)?;
        for name in dir.names()? {
            if let Some(name) = name.to_str() {
                dir.empty_file(name)?;
            }
        }
        Ok(())
    }

    /// Removes what earlier transactions left of their staging databases.
    pub(crate) fn clear_staging(&self) -> Result<()> {
        let dir = self.layout.control().open_dir(layout::STAGING)?;
        for name in dir.names()? {
            if let Some(name) = name.to_str() {
                dir.remove_tree(name)?;
            }
        }
        Ok(())
    }
}
