//! What the journal tells: log, show, status.

use serde::Serialize;

use crate::digest::Digest;
use crate::id::{SlotId, TransactionId};
use crate::plan::{Change, ChangeCounts};

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
    /// `import`, `restore`, `rollback` or `baseline`.
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
    /// Why it was aborted.
    pub reason: Option<String>,
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
    /// Its changes, by path; unchanged paths are only counted.
    pub change_list: Vec<Change>,
}

/// How much of the live tree is looked at.
#[derive(Clone, Debug, Default)]
pub struct StatusOptions {
    /// Watches and stops the act.
    pub control: crate::control::Control,
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
    /// Live files against what the last commit left.
    pub drift: DriftReport,
}

/// One entry of a listing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListEntry {
    /// Its URI.
    pub uri: String,
    /// Its name.
    pub name: String,
    /// `file`, `directory`, or what else stands there.
    pub kind: &'static str,
    /// Size in bytes; 0 for a directory.
    pub size: u64,
    /// When it was last written (RFC 3339, UTC).
    pub modified_at: String,
}
