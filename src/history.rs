//! What the journal tells: which transactions there were, what each changed, what a path and the
//! whole tree were as of one, and who wrote what is there.

mod content;
mod diff;
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
use crate::journal::transactions::{Filter, TransactionRow};
use crate::journal::undo;
use crate::plan::{Change, ChangeCounts};
use crate::policy::PolicyRecord;
use crate::uri::Uri;

pub(crate) use content::read_at;
pub(crate) use diff::diff;
pub use diff::{DiffBody, FileDiff};
pub(crate) use path::history_of;
pub use path::{HistoryEntry, HistoryReport, Present, Writer};
pub(crate) use stat::stat;
pub use stat::{DirectoryStat, FileCounts, StatReport};
pub use tree::TreeEntry;
pub(crate) use tree::tree_at;

/// Which transactions are listed; what is `None` excludes none.
#[derive(Clone, Debug, Default)]
pub struct LogOptions {
    /// At most so many, newest first; `None` for all.
    pub limit: Option<u64>,
    /// Those whose root is at, above or below this URI.
    pub uri: Option<Uri>,
    /// Those that changed something at or below this URI; a rollback changes what it undoes.
    pub path: Option<Uri>,
    /// What became of them.
    pub outcome: Option<Outcome>,
    /// One of [`LogOptions::KINDS`].
    pub kind: Option<String>,
    /// Those that began at this time or later, in milliseconds since 1970-01-01 UTC.
    pub since_ms: Option<i64>,
    /// Those that began at this time or earlier, in milliseconds since 1970-01-01 UTC.
    pub until_ms: Option<i64>,
    /// Those whose pack has this SHA-256: all of it, or its first digits, eight at least.
    pub pack_sha256: Option<String>,
    /// Those of this user.
    pub user: Option<String>,
}

/// What became of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was committed; it may have been rolled back since.
    Committed,
    /// It was refused, failed or stopped.
    Aborted,
    /// It runs, or a crash left it open.
    Open,
}

impl Outcome {
    /// All outcomes.
    pub const ALL: [Self; 3] = [Self::Committed, Self::Aborted, Self::Open];

    /// Returns its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Aborted => "aborted",
            Self::Open => "open",
        }
    }
}

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

/// One transaction in full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TransactionReport {
    /// As in the list.
    #[serde(flatten)]
    pub summary: TransactionSummary,
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

impl LogOptions {
    /// The kinds of transactions.
    pub const KINDS: &'static [&'static str] = &[
        "baseline", "import", "restore", "rollback", "revert", "prune", "pin", "unpin",
    ];
    /// Fewest digits of a pack's digest.
    pub const DIGITS_MIN: usize = 8;
}

/// Lists transactions, newest first.
pub(crate) fn log(journal: &Journal, options: &LogOptions) -> Result<Vec<TransactionSummary>> {
    let kind = options.kind.as_deref();
    if let Some(kind) = kind.filter(|kind| !LogOptions::KINDS.contains(kind)) {
        return Err(Error::InvalidArgument {
            argument: "kind",
            value: kind.to_owned(),
            expected: "baseline, import, restore, rollback, revert, prune, pin or unpin",
        });
    }
    let uri = options.uri.as_ref().map(ToString::to_string);
    let pack_sha256 = options.pack_sha256.as_deref().map(digits).transpose()?;
    let filter = Filter {
        uri: uri.as_deref(),
        path: options.path.as_ref().map(|uri| uri.path().as_str()),
        is_external_too: false,
        outcome: options.outcome.map(Outcome::as_str),
        kind,
        user: options.user.as_deref(),
        since_ms: options.since_ms,
        until_ms: options.until_ms,
        pack_sha256: pack_sha256.as_deref(),
        limit: options.limit,
    };
    let undone = undo::undone(&journal.committed()?);
    let rows = journal.transactions(&filter)?;
    Ok(rows
        .into_iter()
        .map(|row| summary(&row, undone.get(&row.id).copied()))
        .collect())
}

/// Returns the first digits of a digest as the journal is asked for them.
fn digits(text: &str) -> Result<String> {
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hex && (LogOptions::DIGITS_MIN..=64).contains(&text.len()) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(Error::InvalidArgument {
        argument: "pack_sha256",
        value: text.to_owned(),
        expected: "8 to 64 hexadecimal digits",
    })
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
    Ok(TransactionReport {
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
