//! One transaction, from begin to commit or abort.

use camino::Utf8PathBuf;
use serde::Serialize;

use crate::id::TransactionId;
use crate::plan::{Change, ChangeCounts};
use crate::uri::Uri;

/// What a committed, skipped or rehearsed import, restore or rollback did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// The root's URI; `viking://` for a restore.
    pub uri: Uri,
    /// The transaction; `None` where nothing was journalled (skipped, or a dry run).
    pub transaction: Option<TransactionId>,
    /// The transaction that a rollback undoes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undoes: Option<TransactionId>,
    /// Number of commits that the store has seen, this one included.
    pub generation: u64,
    /// Whether the policy `skip` left everything as it was.
    pub skipped: bool,
    /// Whether this was a rehearsal.
    pub dry_run: bool,
    /// How many paths meet which change.
    pub changes: ChangeCounts,
    /// Files of the new tree.
    pub files: u64,
    /// Bytes of the new tree's files.
    pub bytes: u64,
    /// What one exchange moves: paths below the live root, `""` for all of it.
    pub units: Vec<Utf8PathBuf>,
    /// Members of the pack that are checked but not put in place: control and lock files.
    pub left_out: Vec<String>,
    /// The plan, path by path; only for a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Vec<Change>>,
}
