//! What the journal tells: log and show.

use serde::Serialize;

use crate::clock;
use crate::digest::Digest;
use crate::error::Result;
use crate::id::{SlotId, TransactionId};
use crate::journal::Journal;
use crate::journal::read::TransactionRow;
use crate::journal::undo;
use crate::plan::{Change, ChangeCounts};
use crate::policy::PolicyRecord;

/// Which transactions are listed.
#[derive(Clone, Debug, Default)]
pub struct LogOptions {
    /// At most so many, newest first; `None` for all.
    pub limit: Option<u64>,
}

/// One transaction in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TransactionSummary {
    /// Its id.
    pub transaction: TransactionId,
    /// `import`, `restore`, `rollback`, `baseline`, `prune`, `pin` or `unpin`.
    pub kind: String,
    /// `committed`, `aborted`, or the last event of one that a crash left open.
    pub state: String,
    /// The root's URI.
    pub uri: String,
    /// When it began (RFC 3339, UTC).
    pub started_at: String,
    /// When it was committed or aborted.
    pub finished_at: Option<String>,
    /// The pack file.
    pub pack: Option<String>,
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
    /// Why it was aborted: the error's code.
    pub reason: Option<String>,
    /// Why it was aborted: the error's message.
    pub message: Option<String>,
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

/// One transaction in full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TransactionReport {
    /// As in the list.
    #[serde(flatten)]
    pub summary: TransactionSummary,
    /// The command line.
    pub argv: Vec<String>,
    /// Who.
    pub user: String,
    /// Where.
    pub host: String,
    /// With which version of ovpack.
    pub tool_version: String,
    /// Its events, oldest first.
    pub events: Vec<EventReport>,
    /// Its units.
    pub units: Vec<UnitReport>,
    /// The policies that its pack was held against.
    pub policies: Vec<PolicyRecord>,
    /// What it decided about slots; empty where it moved the live tree.
    pub slot_decisions: Vec<SlotDecisionReport>,
    /// Its changes, by path; unchanged paths are only counted.
    pub change_list: Vec<Change>,
}

/// Lists transactions, newest first.
pub(crate) fn log(journal: &Journal, options: &LogOptions) -> Result<Vec<TransactionSummary>> {
    let undone = undo::undone(&journal.committed()?);
    let rows = journal.transactions(options.limit)?;
    Ok(rows
        .into_iter()
        .map(|row| summary(&row, undone.get(&row.id).copied()))
        .collect())
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
    Ok(TransactionReport {
        argv: serde_json::from_str(&row.argv).unwrap_or_default(),
        user: row.user.clone(),
        host: row.host.clone(),
        tool_version: row.tool_version.clone(),
        events: events.collect(),
        units,
        policies: journal.policies(id)?,
        slot_decisions: slot_decisions(journal, id)?,
        change_list: journal.changes(id)?,
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
        pack: row.pack_path.clone(),
        pack_sha256: row.pack_sha256,
        undoes: row.undoes,
        undone_by,
        generation: row.generation,
        changes: row.changes,
        files: row.files,
        bytes: row.bytes,
        reason: row.abort_reason.clone(),
        message: row.abort_message.clone(),
    }
}
