//! What the journal tells: which transactions there were, what each changed, what a path and the
//! whole tree were as of one, and who wrote what is there.

mod content;
mod diff;
mod log;
mod path;
mod stat;
mod tree;

use std::ops::ControlFlow;

use serde::Serialize;

use crate::clock;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::id::{SlotId, TransactionId};
use crate::journal::Journal;
use crate::journal::transactions::TransactionRow;
use crate::journal::undo;
use crate::plan::{Change, ChangeCounts};
use crate::policy::PolicyRecord;

pub(crate) use content::read_at;
pub(crate) use diff::diff;
pub use diff::{DiffBody, FileDiff};
pub(crate) use log::log;
pub use log::{LogOptions, Outcome};
pub(crate) use path::history_of;
pub use path::{HistoryEntry, HistoryReport, Present, Writer};
pub(crate) use stat::stat;
pub use stat::{DirectoryStat, FileCounts, StatReport};
pub use tree::TreeEntry;
pub(crate) use tree::tree_at;

/// One transaction in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TransactionSummary {
    /// Its id.
    pub transaction: TransactionId,
    /// One of [`LogOptions::KINDS`].
    pub kind: String,
    /// `committed`, `aborted`, or the last event of one that a crash left open.
    pub state: String,
    /// The root's URI.
    pub uri: String,
    /// When it began (RFC 3339, UTC).
    pub started_at: String,
    /// When it was committed or aborted.
    pub finished_at: Option<String>,
    /// Who.
    pub user: String,
    /// The pack file.
    pub pack: Option<String>,
    /// Size of the pack file in bytes.
    pub pack_bytes: Option<u64>,
    /// Digest of the pack file; known once the transaction was prepared.
    pub pack_sha256: Option<Digest>,
    /// The transaction that this rollback undoes.
    pub undoes: Option<TransactionId>,
    /// The rollback in effect that undoes this one.
    pub undone_by: Option<TransactionId>,
    /// Number of the commit; `None` where it was not committed.
    pub generation: Option<u64>,
    /// How many paths met which change.
    pub changes: ChangeCounts,
    /// Files of the new tree.
    pub files: u64,
    /// Bytes of the new tree's files.
    pub bytes: u64,
    /// Why it was aborted: the error's code, that of the first finding where a pack was refused.
    pub reason: Option<String>,
    /// Why it was aborted: the error's message.
    pub message: Option<String>,
    /// The name of the system's error behind it, such as `ENOSPC`.
    pub errno: Option<String>,
}

/// One event of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EventReport {
    /// Its number in the journal.
    pub seq: i64,
    /// `begun`, `prepared`, `committed`, `back`, `aborting` or `aborted`.
    pub kind: String,
    /// When (RFC 3339, UTC).
    pub at: String,
    /// Hash of the journal up to and including this event.
    pub hash: Digest,
}

/// One unit: what one rename moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnitReport {
    /// Path below the live root, `""` for all of it.
    pub path: String,
    /// `exchange`, `create` or `remove`.
    pub action: String,
    /// The slot that holds the other tree.
    pub slot: SlotId,
    /// `held`, `pruning` or `pruned`.
    pub slot_state: String,
}

/// A finding as the journal keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecordedFinding {
    /// Code of the broken rule.
    pub code: String,
    /// What it is about; empty where it is the pack as a whole.
    pub path: String,
    /// What was found, and what was expected.
    pub detail: String,
}

/// What a prune, a pin or an unpin decided about a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SlotDecisionReport {
    /// The slot.
    pub slot: SlotId,
    /// `kept`, `freed`, `pinned` or `unpinned`.
    pub decision: String,
    /// Why.
    pub reason: String,
    /// Bytes of the files in its tree at that time.
    pub bytes: u64,
}

/// A path that a revert brought back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RevertedPath {
    /// The path's URI.
    pub uri: String,
    /// It is again as it was before this transaction.
    pub before: TransactionId,
}

/// One transaction in full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TransactionReport {
    /// As in the list.
    #[serde(flatten)]
    pub summary: TransactionSummary,
    /// All transactions that a rollback of several undoes, newest first; empty for one.
    pub undone: Vec<TransactionId>,
    /// What a revert brought back.
    pub reverts: Vec<RevertedPath>,
    /// The command line.
    pub argv: Vec<String>,
    /// Where.
    pub host: String,
    /// With which version of ovpack.
    pub tool_version: String,
    /// What was to happen to an existing root; `None` where the act has no policy.
    pub on_conflict: Option<String>,
    /// Digest of the pack's manifest.
    pub manifest_sha256: Option<Digest>,
    /// Digest of the pack's file inventory.
    pub content_sha256: Option<Digest>,
    /// The layout in which the pack was written.
    pub layout: Option<String>,
    /// Where the pack's content was when it was packed.
    pub pack_root_uri: Option<String>,
    /// Why it was aborted: the errors behind the message.
    pub causes: Vec<String>,
    /// Why it was aborted: the first findings of the pack.
    pub findings: Vec<RecordedFinding>,
    /// How many findings there were.
    pub findings_total: u64,
    /// Its events, oldest first.
    pub events: Vec<EventReport>,
    /// Its units.
    pub units: Vec<UnitReport>,
    /// The policies that its pack was held against.
    pub policies: Vec<PolicyRecord>,
    /// What it decided about slots; empty where it moved the live tree.
    pub slot_decisions: Vec<SlotDecisionReport>,
    /// The first [`CHANGES_LISTED`](TransactionReport::CHANGES_LISTED) of its changes: what was
    /// changed from outside before, then what it changed itself, by path. Unchanged paths are only
    /// counted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub change_list: Vec<Change>,
}

impl TransactionReport {
    /// Most changes that are held at once; [`Store::changes`](crate::Store::changes) tells them all.
    pub const CHANGES_LISTED: usize = 10_000;
}

/// Shows one transaction in full.
pub(crate) fn show(journal: &Journal, id: TransactionId) -> Result<TransactionReport> {
    let row = journal.transaction(id)?;
    let undone_by = undo::undone(&journal.committed()?).get(&id).copied();
    let events = journal.events(id)?.into_iter().map(|event| EventReport {
        seq: event.seq,
        kind: event.kind,
        at: clock::rfc3339(event.at_ms),
        hash: event.hash,
    });
    let mut units = Vec::new();
    for unit in journal.units(id)? {
        let slot_state = journal
            .slot(unit.slot)?
            .map_or_else(|| "pruned".to_owned(), |slot| slot.state);
        units.push(UnitReport {
            path: unit.path,
            action: unit.action.as_str().to_owned(),
            slot: unit.slot,
            slot_state,
        });
    }
    let pack = row.pack.as_ref();
    let findings: Vec<_> = row.abort_list("findings").iter().map(finding).collect();
    let reverts = journal.reverted(id)?.into_iter();
    Ok(TransactionReport {
        undone: journal.undone_together(id)?,
        reverts: reverts
            .map(|(before, path)| RevertedPath {
                uri: format!("viking://{path}"),
                before,
            })
            .collect(),
        argv: serde_json::from_str(&row.argv).unwrap_or_default(),
        host: row.host.clone(),
        tool_version: row.tool_version.clone(),
        on_conflict: row.on_conflict.clone(),
        manifest_sha256: pack.map(|pack| pack.manifest_sha256),
        content_sha256: pack.map(|pack| pack.content_sha256),
        layout: pack.map(|pack| pack.layout.clone()),
        pack_root_uri: pack.map(|pack| pack.root_uri.clone()),
        causes: row
            .abort_list("causes")
            .iter()
            .filter_map(|cause| cause.as_str().map(str::to_owned))
            .collect(),
        findings_total: row.abort_number("total").unwrap_or(findings.len() as u64),
        findings,
        events: events.collect(),
        units,
        policies: journal.policies(id)?,
        slot_decisions: slot_decisions(journal, id)?,
        change_list: first_changes(journal, id)?,
        summary: summary(&row, undone_by),
    })
}

fn finding(value: &serde_json::Value) -> RecordedFinding {
    let text = |key: &str| {
        let text = value.get(key).and_then(serde_json::Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    RecordedFinding {
        code: text("code"),
        path: text("path"),
        detail: text("detail"),
    }
}

fn first_changes(journal: &Journal, id: TransactionId) -> Result<Vec<Change>> {
    let mut first = Vec::new();
    changes(journal, id, &mut |change| {
        first.push(change);
        if first.len() < TransactionReport::CHANGES_LISTED {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    Ok(first)
}

/// Visits all changes of a transaction: what was changed from outside before it saw it, then what it
/// changed itself, each by path.
pub(crate) fn changes(
    journal: &Journal,
    id: TransactionId,
    visit: &mut dyn FnMut(Change) -> ControlFlow<()>,
) -> Result<()> {
    journal.transaction(id)?;
    journal
        .for_each_change(id, "", &mut |change| Ok(visit(change)))
        .map(drop)
}

/// The past begins with a commit: what was not committed left no tree.
fn ensure_committed(journal: &Journal, at: TransactionId) -> Result<()> {
    if journal.transaction(at)?.is_committed() {
        return Ok(());
    }
    Err(Error::InvalidArgument {
        argument: "at",
        value: at.to_string(),
        expected: "a transaction that was committed",
    })
}

fn slot_decisions(journal: &Journal, id: TransactionId) -> Result<Vec<SlotDecisionReport>> {
    let rows = journal.slot_decisions(id)?.into_iter();
    let decisions = rows.map(|(slot, decision, reason, bytes)| SlotDecisionReport {
        slot,
        decision,
        reason,
        bytes,
    });
    Ok(decisions.collect())
}

/// Says what became of one transaction.
pub(crate) fn summary(
    row: &TransactionRow,
    undone_by: Option<TransactionId>,
) -> TransactionSummary {
    TransactionSummary {
        transaction: row.id,
        kind: row.kind.clone(),
        state: row.last_event.clone(),
        uri: row.uri.clone(),
        started_at: row.started_at(),
        finished_at: row.finished_at(),
        user: row.user.clone(),
        pack: row.pack_path.clone(),
        pack_bytes: row.pack_bytes,
        pack_sha256: row.pack.as_ref().map(|pack| pack.sha256),
        undoes: row.undoes,
        undone_by,
        generation: row.generation,
        changes: row.changes,
        files: row.files,
        bytes: row.bytes,
        reason: row.abort_text("reason"),
        message: row.abort_text("message"),
        errno: row.abort_text("errno"),
    }
}
