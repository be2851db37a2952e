//! What undoing would leave, as far as the journal alone can tell.

use rusqlite::named_params;

use super::prepare::TreeIdentity;
use super::{Journal, from_column, optional, state};
use crate::db::DatabaseContext as _;
use crate::error::Result;
use crate::id::TransactionId;
use crate::plan::ChangeCounts;

impl Journal {
    /// Returns the tree that the last commit left at `path`, where that commit moved exactly this
    /// path; `None` where it moved one above or below, whose digest says nothing of this one.
    pub(crate) fn last_tree_at(&self, path: &str) -> Result<Option<TreeIdentity>> {
        let query = "SELECT path = :path, new_inode, new_digest, new_bytes FROM tx_unit JOIN committed_tx USING (tx)
            WHERE path = :path OR path = '' OR :path = ''
               OR substr(path, 1, length(:path) + 1) = :path || '/' OR substr(:path, 1, length(path) + 1) = path || '/'
            ORDER BY tx DESC, path = :path, ordinal DESC LIMIT 1";
        let row = self
            .connection
            .query_row(query, named_params! {":path": path}, |row| {
                let (inode, digest): (Option<i64>, _) = (row.get(1)?, row.get(2)?);
                let bytes = from_column(row.get(3)?);
                let tree = match (row.get(0)?, inode, digest) {
                    (true, Some(inode), Some(digest)) => Some(TreeIdentity {
                        inode: inode.cast_unsigned(),
                        digest,
                        bytes,
                    }),
                    _ => None,
                };
                Ok(tree)
            });
        Ok(optional(row).context("read the journal")?.flatten())
    }

    /// Returns how many paths meet which change when one commit is undone whole and nothing drifted,
    /// and files and bytes of the tree that comes back.
    pub(crate) fn counts_of_undoing(&self, tx: TransactionId) -> Result<(ChangeCounts, u64, u64)> {
        let done = self.transaction(tx)?;
        let (mut files, mut bytes) = (super::to_column(done.files), super::to_column(done.bytes));
        let query = "SELECT coalesce(sum((new_kind IS 'file') - (old_kind IS 'file')), 0),
            coalesce(sum(coalesce(new_bytes, 0) - coalesce(old_bytes, 0)), 0) FROM tx_change WHERE change_set = ?1";
        let mut statement = self
            .connection
            .prepare_cached(query)
            .context("count changes")?;
        for (set, in_effect) in state::flips(&self.connection, &[tx])? {
            let (more_files, more_bytes): (i64, i64) = statement
                .query_row([set], |row| Ok((row.get(0)?, row.get(1)?)))
                .context("count changes")?;
            let sign = if in_effect { 1 } else { -1 };
            files = files.saturating_add(more_files.saturating_mul(sign));
            bytes = bytes.saturating_add(more_bytes.saturating_mul(sign));
        }
        let counts = ChangeCounts {
            added: done.changes.removed,
            removed: done.changes.added,
            ..done.changes
        };
        Ok((counts, from_column(files), from_column(bytes)))
    }
}
