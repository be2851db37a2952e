//! What undoing would leave, as far as the journal alone can tell.

use rusqlite::named_params;

use super::prepare::TreeIdentity;
use super::{Journal, from_column, optional, state};
use crate::db::DatabaseContext as _;
use crate::error::Result;
use crate::id::TransactionId;
use crate::plan::ChangeCounts;

/// Whether some change set has rows at and below `:path` and is in effect after an undoing, but was
/// not before the commit `:tx`, or the other way round; what that commit found changed from outside
/// was in effect before it.
const DIFFERS_FROM_BEFORE: &str = "WITH
  now (id) AS MATERIALIZED (
    SELECT id FROM change_set_in_effect EXCEPT SELECT value FROM json_each(:off) UNION SELECT value FROM json_each(:on)),
  before (id) AS MATERIALIZED (
    SELECT id FROM change_set WHERE (
      SELECT in_effect FROM tx_effect JOIN event ON event.tx = by_tx AND event.kind = 'committed'
      WHERE tx_effect.change_set = change_set.id
        AND seq < (SELECT seq FROM event WHERE tx = :tx AND kind = 'committed') ORDER BY by_tx DESC LIMIT 1) = 1
    UNION SELECT id FROM change_set WHERE tx = :tx AND origin = 'external'),
  other (id) AS (
    SELECT id FROM now WHERE id NOT IN (SELECT id FROM before)
    UNION ALL SELECT id FROM before WHERE id NOT IN (SELECT id FROM now))
SELECT EXISTS (SELECT 1 FROM other CROSS JOIN tx_change ON change_set = other.id
  WHERE path >= :path AND path < :end AND (:path = '' OR path = :path OR substr(path, length(:path) + 1, 1) = '/'))";

impl Journal {
    /// Returns whether undoing some commits leaves the journal to expect, at and below `path`, exactly
    /// what was there before the commit `tx`: where the same change sets lie over one another, and no
    /// other ones. Where it does not, the two may be the same all the same.
    pub(crate) fn is_state_before(
        &self,
        tx: TransactionId,
        path: &str,
        undone: &[TransactionId],
    ) -> Result<bool> {
        let flips = state::flips(&self.connection, undone)?;
        let differs: bool = self
            .connection
            .query_row(
                DIFFERS_FROM_BEFORE,
                named_params! {
                    ":tx": tx.0, ":path": path, ":end": state::end_of(path, true),
                    ":off": state::ids(&flips, false), ":on": state::ids(&flips, true),
                },
                |row| row.get(0),
            )
            .context("read the committed state")?;
        Ok(!differs)
    }

    /// Returns whether changes from outside lie over those that undoing a commit puts into effect or
    /// out of it.
    pub(crate) fn has_external_changes_over(&self, tx: TransactionId) -> Result<bool> {
        let flips = state::flips(&self.connection, &[tx])?;
        let lowest = flips.keys().min().copied();
        let query =
            "SELECT EXISTS (SELECT 1 FROM change_set WHERE origin = 'external' AND id >= ?1)";
        self.connection
            .query_row(query, [lowest], |row| row.get(0))
            .context("read the journal")
    }

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
