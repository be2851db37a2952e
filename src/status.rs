//! Status: the state of a store, and how its live tree differs from what the last commit left.

mod scan;

use serde::Serialize;

use crate::control::Control;
use crate::entry_path::EntryPath;
use crate::error::Result;
use crate::history::{self, TransactionSummary};
use crate::id::TransactionId;
use crate::journal::undo;
use crate::journal::{EventKind, Journal, StoreRow};
use crate::layout::Layout;
use crate::staging::Staging;
use crate::stat_cache::StatCache;
use crate::uri::{Scope, Uri};
use scan::Scan;

/// How much of the live tree is looked at, and how closely.
#[derive(Clone, Debug, Default)]
pub struct StatusOptions {
    /// Only what is at and below this URI; `None` for all of it.
    pub uri: Option<Uri>,
    /// Read every byte, also of files whose stat says that they are unchanged.
    pub content: bool,
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
    /// Where the live tree was looked at: files, bytes, drift and what is unpackable are of what is at
    /// and below this URI.
    pub uri: Uri,
    /// How content was compared: `read`, where every byte was; `by stat`, where a file was read only
    /// if size, times or inode say that it may have changed since its digest was taken.
    pub content: &'static str,
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
    cache: Option<StatCache>,
    options: &StatusOptions,
) -> Result<StatusReport> {
    let uri = options.uri.clone().unwrap_or(Uri::root());
    let paths = if uri.is_root() {
        Scope::ALL.map(Scope::path).to_vec()
    } else {
        vec![uri.path().clone()]
    };
    let cache = cache.filter(|_| !options.content);
    let scan = Scan::new(
        layout.open_live()?,
        cache,
        &options.control,
        Staging::make(None)?,
    );
    let seen = scan.compare(journal, uri.path(), &paths)?;
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
        uri,
        content: if options.content { "read" } else { "by stat" },
        files: seen.files,
        bytes: seen.bytes,
        slots,
        slot_bytes,
        pinned_bytes,
        drift: drift(&seen.staging)?,
        unpackable: seen.unpackable,
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
