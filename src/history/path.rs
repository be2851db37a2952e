//! The history of one path: every commit that touched it, and who wrote what is there now.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde::Serialize;

use crate::control::Control;
use crate::digest::Digest;
use crate::entry_path::EntryKind;
use crate::error::{Error, Result};
use crate::fsops::{Dir, FileKind};
use crate::id::TransactionId;
use crate::journal::Journal;
use crate::journal::transactions::{Filter, TransactionRow};
use crate::journal::undo;
use crate::plan::{Change, ChangeCounts, ChangeKind, Version};
use crate::stat_cache::{self, StatCache};
use crate::uri::Uri;

/// Bytes that are read at once from the live file.
const BUFFER_BYTES: usize = 64 << 10;

/// Who wrote something, when, and from which pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Writer {
    /// The transaction; for what was changed from outside, the one that saw it.
    pub transaction: TransactionId,
    /// The transaction's kind, or `external` for what was changed from outside.
    pub kind: String,
    /// When it was committed (RFC 3339, UTC); what was changed from outside was so before that.
    pub at: Option<String>,
    /// Who; `None` for what was changed from outside.
    pub user: Option<String>,
    /// On which machine; `None` for what was changed from outside.
    pub host: Option<String>,
    /// The pack file, where one was read.
    pub pack: Option<String>,
    /// Digest of the pack file.
    pub pack_sha256: Option<Digest>,
}

/// One commit that touched a path, or one change from outside that a commit saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HistoryEntry {
    /// Who did it.
    #[serde(flatten)]
    pub writer: Writer,
    /// What happened to the path itself; `None` where only something below it changed.
    pub change: Option<ChangeKind>,
    /// What it was before; `None` where it was not there.
    pub before: Option<Version>,
    /// What it was after; `None` where it was not there.
    pub after: Option<Version>,
    /// What happened at and below it; changes from outside are counted as well.
    pub changes: ChangeCounts,
    /// The transaction that this one undoes.
    pub undoes: Option<TransactionId>,
    /// The rollback in effect that undoes it.
    pub undone_by: Option<TransactionId>,
}

/// What is at a path now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Present {
    /// `as-recorded`, `changed` (outside of ovpack, since the last commit), `missing` (the same),
    /// `removed` (by a commit), or `not-recorded` (no commit put it there). Of a directory only
    /// that it is there is looked at; `status` compares what is in it.
    pub state: &'static str,
    /// What stands there; `None` where nothing does.
    pub live: Option<Version>,
    /// What the journal says; `None` where nothing should be there.
    pub recorded: Option<Version>,
    /// Who wrote what the journal says, the last change in effect; for a directory, who last
    /// changed something at or below it.
    pub written_by: Option<Writer>,
}

/// The history of one path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HistoryReport {
    /// The path's URI.
    pub uri: Uri,
    /// What is there now, and who wrote it.
    pub present: Present,
    /// What touched it, newest first.
    pub entries: Vec<HistoryEntry>,
}

/// Tells the history of a path.
pub(crate) fn history_of(
    journal: &Journal,
    live: &Dir,
    cache: Option<StatCache>,
    uri: &Uri,
) -> Result<HistoryReport> {
    let filter = Filter {
        path: Some(uri.path()),
        is_external_too: true,
        outcome: Some("committed"),
        ..Filter::default()
    };
    let undone = undo::undone(&journal.committed()?);
    let mut entries = Vec::new();
    for row in journal.transactions(&filter)? {
        entries.extend(entries_of(journal, &row, uri, &undone)?);
    }
    let present = present(journal, live, cache, uri)?;
    if entries.is_empty() && present.live.is_none() {
        return Err(Error::UriNotFound { uri: uri.clone() });
    }
    Ok(HistoryReport {
        uri: uri.clone(),
        present,
        entries,
    })
}

/// Returns what a transaction did at and below a path, and what it saw changed there before.
fn entries_of(
    journal: &Journal,
    row: &TransactionRow,
    uri: &Uri,
    undone: &BTreeMap<TransactionId, TransactionId>,
) -> Result<Vec<HistoryEntry>> {
    let mut own = Touch::default();
    journal
        .for_each_own_change(row.id, uri.path(), &mut |change| Ok(own.take(uri, change)))
        .map(drop)?;
    let mut external = Touch::default();
    journal
        .for_each_external_change(row.id, uri.path(), &mut |change| {
            Ok(external.take(uri, change))
        })
        .map(drop)?;
    let own = own
        .into_entry(writer(row, false))
        .map(|entry| HistoryEntry {
            undoes: row.undoes,
            undone_by: undone.get(&row.id).copied(),
            ..entry
        });
    let external = external.into_entry(writer(row, true));
    Ok(own.into_iter().chain(external).collect())
}

/// What happened at a path and below it.
#[derive(Default)]
struct Touch {
    itself: Option<Change>,
    counts: ChangeCounts,
}

impl Touch {
    fn take(&mut self, uri: &Uri, change: Change) -> ControlFlow<()> {
        match (&change.before, &change.after) {
            (None, _) => self.counts.added += 1,
            (_, None) => self.counts.removed += 1,
            _ => self.counts.replaced += 1,
        }
        if change.uri == *uri {
            self.itself = Some(change);
        }
        ControlFlow::Continue(())
    }

    fn into_entry(self, writer: Writer) -> Option<HistoryEntry> {
        if self.counts == ChangeCounts::default() {
            return None;
        }
        Some(HistoryEntry {
            writer,
            change: self.itself.as_ref().map(|change| change.change),
            before: self.itself.as_ref().and_then(|change| change.before),
            after: self.itself.as_ref().and_then(|change| change.after),
            changes: self.counts,
            undoes: None,
            undone_by: None,
        })
    }
}

fn writer(row: &TransactionRow, is_external: bool) -> Writer {
    let known = |text: &str| (!is_external).then(|| text.to_owned());
    Writer {
        transaction: row.id,
        kind: if is_external { "external" } else { &row.kind }.to_owned(),
        at: row.finished_at(),
        user: known(&row.user),
        host: known(&row.host),
        pack: row.pack_path.as_deref().and_then(known),
        pack_sha256: row
            .pack
            .as_ref()
            .filter(|_| !is_external)
            .map(|pack| pack.sha256),
    }
}

fn present(journal: &Journal, live: &Dir, cache: Option<StatCache>, uri: &Uri) -> Result<Present> {
    let live = live_version(live, cache, uri)?;
    let recorded = journal.entry_at(TransactionId(i64::MAX), uri.path())?;
    let version = recorded.as_ref().and_then(|entry| entry.version);
    let is_file = |version: &Option<Version>| version.is_some_and(|v| v.kind == EntryKind::File);
    let set = match &recorded {
        Some(entry) if is_file(&entry.version) => Some(entry.change_set),
        _ => journal.last_change_set(uri.path())?,
    };
    let written_by = match set
        .map(|set| journal.change_set(set))
        .transpose()?
        .flatten()
    {
        Some((tx, is_external)) => Some(writer(&journal.transaction(tx)?, is_external)),
        None => None,
    };
    let state = match (&live, &version) {
        (Some(live), Some(recorded)) if live == recorded => "as-recorded",
        (Some(_), Some(_)) => "changed",
        (None, Some(_)) => "missing",
        (None, None) => "removed",
        // The live root and the scopes of a store that owns them may have no row of their own.
        (Some(live), None) if live.kind == EntryKind::Directory && written_by.is_some() => {
            "as-recorded"
        }
        (Some(_), None) => "not-recorded",
    };
    Ok(Present {
        state,
        live,
        recorded: version,
        written_by,
    })
}

fn live_version(live: &Dir, cache: Option<StatCache>, uri: &Uri) -> Result<Option<Version>> {
    let Some(stat) = live.stat_at(uri.path())? else {
        return Ok(None);
    };
    match stat.kind {
        FileKind::Directory => Ok(Some(Version {
            kind: EntryKind::Directory,
            size: 0,
            sha256: None,
        })),
        FileKind::File => {
            let mut cache = cache;
            let mut buffer = vec![0; BUFFER_BYTES];
            let control = Control::default();
            let (sha256, stat) = stat_cache::hash_file(
                live,
                uri.path(),
                &stat,
                cache.as_mut(),
                &mut buffer,
                &control,
            )?;
            Ok(Some(Version {
                kind: EntryKind::File,
                size: stat.size_bytes,
                sha256: Some(sha256),
            }))
        }
        FileKind::Symlink | FileKind::Fifo | FileKind::Socket | FileKind::Device => {
            Err(Error::SpecialFile {
                path: live.at(uri.path()),
                what: stat.kind.as_str(),
            })
        }
    }
}
