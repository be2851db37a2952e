//! Status: the state of a store, and how its live tree differs from what the last commit left.

use serde::Serialize;

use crate::control::Control;
use crate::entry_path::{EntryKind, EntryPath};
use crate::error::Result;
use crate::fsops::FileKind;
use crate::history::{self, TransactionSummary};
use crate::id::TransactionId;
use crate::journal::undo;
use crate::journal::{EventKind, Journal, StoreRow};
use crate::layout::Layout;
use crate::plan;
use crate::staging::{Staging, Tree};
use crate::stat_cache::StatCache;
use crate::uri::Scope;

/// How much of the live tree is looked at.
#[derive(Clone, Debug, Default)]
pub struct StatusOptions {
    /// Watches and stops the act.
    pub control: Control,
}

/// Live files against what the last commit left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DriftReport {
    /// URIs that no commit put there.
    pub added: Vec<String>,
    /// URIs with other content.
    pub changed: Vec<String>,
    /// URIs that are gone.
    pub missing: Vec<String>,
}

/// The state of a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StatusReport {
    /// The store's directory.
    pub store: String,
    /// Its id.
    pub store_id: String,
    /// Whether the live tree was there before the store.
    pub adopted: bool,
    /// Number of commits.
    pub generation: u64,
    /// The last commit.
    pub last_commit: Option<TransactionSummary>,
    /// Transactions that a crash left open; the next writing act settles them.
    pub recovery_pending: Vec<TransactionId>,
    /// Files in the live tree.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Slots that hold a tree.
    pub slots: u64,
    /// The bytes that slots hold.
    pub slot_bytes: u64,
    /// How many of them are pinned.
    pub pinned_bytes: u64,
    /// Live files against what the last commit left.
    pub drift: DriftReport,
    /// What stands in the live tree and no pack can hold: links, special files, odd names.
    pub unpackable: Vec<String>,
}

/// Tells the state of the store; changes nothing. Live files that the cache does not know are read.
pub(crate) fn status(
    layout: &Layout,
    journal: &Journal,
    store: &StoreRow,
    mut cache: Option<StatCache>,
    options: &StatusOptions,
) -> Result<StatusReport> {
    let staging = Staging::make(None)?;
    let mut unpackable = Vec::new();
    let live = layout.open_live()?;
    for scope in Scope::ALL {
        if live
            .stat_at(scope.as_str())?
            .is_some_and(|stat| stat.kind == FileKind::Directory)
        {
            let wrong = &mut |error: crate::error::Error| {
                unpackable.push(error.to_string());
                Ok(())
            };
            let root = live.open_dir(scope.as_str())?;
            plan::scan_all(
                &root,
                &scope.path(),
                Tree::Live,
                &staging,
                cache.as_mut(),
                &options.control,
                wrong,
            )?;
        }
    }
    journal.for_each_committed("", &mut |entry| {
        staging.add_committed(&entry.path, &entry.kind, entry.bytes, entry.sha256)
    })?;
    let mut files = 0;
    let mut bytes = 0_u64;
    staging.for_each_in(Tree::Live, "", &mut |row| {
        files += u64::from(row.kind == EntryKind::File);
        bytes = bytes.saturating_add(row.bytes);
        Ok(())
    })?;
    let (slots, slot_bytes, pinned_bytes) = journal.held_slots()?;
    Ok(StatusReport {
        store: layout.root().path().to_string(),
        store_id: store.id.clone(),
        adopted: store.is_adopted,
        generation: journal.generation()?,
        last_commit: last_commit(journal)?,
        recovery_pending: journal
            .open_transactions()?
            .into_iter()
            .map(|(id, _)| id)
            .collect(),
        files,
        bytes,
        slots,
        slot_bytes,
        pinned_bytes,
        drift: drift(&staging)?,
        unpackable,
    })
}

fn last_commit(journal: &Journal) -> Result<Option<TransactionSummary>> {
    let commits = journal.committed()?;
    let Some((id, _)) = commits.last() else {
        return Ok(None);
    };
    let row = journal.transaction(*id)?;
    let is_committed = EventKind::from_name(&row.last_event) == Some(EventKind::Committed);
    Ok(is_committed.then(|| history::summary(&row, undo::undone(&commits).get(id).copied())))
}

fn drift(staging: &Staging) -> Result<DriftReport> {
    let mut report = DriftReport::default();
    staging.for_each_drift(&mut |drift, path| {
        let uri = format!("viking://{}", EntryPath::parse(path).unwrap_or_default());
        match drift {
            "added" => report.added.push(uri),
            "missing" => report.missing.push(uri),
            _ => report.changed.push(uri),
        }
    })?;
    Ok(report)
}
