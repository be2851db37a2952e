//! What the last commit left, asked of change rows.
//!
//! At each path it is the new side of the row with the highest change set in effect. Rollbacks
//! add no rows for this: they say which change sets are in effect from their commit on.

use rusqlite::{Connection, Row, named_params};

use super::{Journal, from_column};
use crate::db::DatabaseContext as _;
use crate::digest::Digest;
use crate::error::Result;
use crate::id::TransactionId;

/// One path as the last commit left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommittedEntry {
    pub(crate) path: String,
    pub(crate) kind: String,
    pub(crate) bytes: u64,
    pub(crate) sha256: Option<Digest>,
}

/// Paths at and below `:path`: `p`, and what sorts from `p/` to before `p0`, since `0` follows `/`.
/// The effect of each change set is asked once (it is a small table), not once a row.
const STATE: &str = "
WITH effect (id) AS MATERIALIZED (
  SELECT id FROM change_set_in_effect
  EXCEPT SELECT value FROM json_each(:off)
  UNION SELECT value FROM json_each(:on)
), last (path, id) AS (
  SELECT path, max(change_set) FROM tx_change
  WHERE path >= :path AND path < :end AND (:path = '' OR path = :path OR substr(path, length(:path) + 1, 1) = '/')
    AND change_set IN (SELECT id FROM effect)
  GROUP BY path
)
SELECT last.path, new_kind, new_bytes, new_sha256 FROM last
JOIN tx_change ON tx_change.change_set = last.id AND tx_change.path = last.path
WHERE new_kind IS NOT NULL ORDER BY last.path";

impl Journal {
    /// Calls `visit` for each path at and below `path` as the last commit left it, in path order.
    pub(crate) fn for_each_committed(
        &self,
        path: &str,
        visit: &mut dyn FnMut(CommittedEntry) -> Result<()>,
    ) -> Result<()> {
        self.for_each_state(path, "[]", "[]", visit)
    }

    /// The same as if `rollback_of` were undone already.
    pub(crate) fn for_each_predicted(
        &self,
        path: &str,
        rollback_of: TransactionId,
        visit: &mut dyn FnMut(CommittedEntry) -> Result<()>,
    ) -> Result<()> {
        let flips = flips(&self.connection, rollback_of)?;
        let of = |wanted: bool| {
            let ids: Vec<i64> = flips
                .iter()
                .filter(|(_, in_effect)| *in_effect == wanted)
                .map(|(id, _)| *id)
                .collect();
            serde_json::json!(ids).to_string()
        };
        self.for_each_state(path, &of(false), &of(true), visit)
    }

    fn for_each_state(
        &self,
        path: &str,
        off: &str,
        on: &str,
        visit: &mut dyn FnMut(CommittedEntry) -> Result<()>,
    ) -> Result<()> {
        let end = end_of(path);
        let mut statement = self
            .connection
            .prepare_cached(STATE)
            .context("read the committed state")?;
        let mut rows = statement
            .query(named_params! {":path": path, ":end": end, ":off": off, ":on": on})
            .context("read the committed state")?;
        while let Some(row) = rows.next().context("read the committed state")? {
            visit(entry_from_row(row).context("read the committed state")?)?;
        }
        Ok(())
    }
}

/// The same at the moment before a commit: what was in effect then, and under it what the commit
/// found changed from outside.
const STATE_BEFORE: &str = "
WITH effect (id) AS MATERIALIZED (
  SELECT id FROM change_set WHERE (
    SELECT in_effect FROM tx_effect JOIN event ON event.tx = by_tx AND event.kind = 'committed'
    WHERE tx_effect.change_set = change_set.id
      AND seq < (SELECT seq FROM event WHERE tx = :tx AND kind = 'committed') ORDER BY by_tx DESC LIMIT 1) = 1
  UNION SELECT id FROM change_set WHERE tx = :tx AND origin = 'external'
), last (path, id) AS (
  SELECT path, max(change_set) FROM tx_change
  WHERE path >= :path AND path < :end AND (:path = '' OR path = :path OR substr(path, length(:path) + 1, 1) = '/')
    AND change_set IN (SELECT id FROM effect)
  GROUP BY path
)
SELECT last.path, new_kind, new_bytes, new_sha256 FROM last
JOIN tx_change ON tx_change.change_set = last.id AND tx_change.path = last.path
WHERE new_kind IS NOT NULL ORDER BY last.path";

impl Journal {
    /// Calls `visit` for each path at and below `path` as a commit found it, in path order.
    pub(crate) fn for_each_replaced_by(
        &self,
        tx: TransactionId,
        path: &str,
        visit: &mut dyn FnMut(CommittedEntry) -> Result<()>,
    ) -> Result<()> {
        let mut statement = self
            .connection
            .prepare_cached(STATE_BEFORE)
            .context("read the committed state")?;
        let mut rows = statement
            .query(named_params! {":path": path, ":end": end_of(path), ":tx": tx.0})
            .context("read the committed state")?;
        while let Some(row) = rows.next().context("read the committed state")? {
            visit(entry_from_row(row).context("read the committed state")?)?;
        }
        Ok(())
    }
}

/// Returns what sorts behind all paths below `path`.
fn end_of(path: &str) -> String {
    if path.is_empty() {
        char::MAX.to_string()
    } else {
        format!("{path}0")
    }
}

fn entry_from_row(row: &Row<'_>) -> rusqlite::Result<CommittedEntry> {
    Ok(CommittedEntry {
        path: row.get(0)?,
        kind: row.get(1)?,
        bytes: from_column(row.get(2)?),
        sha256: row.get(3)?,
    })
}

/// Returns which change sets a rollback of `tx` puts out of effect and back in effect: its own out;
/// where it is a rollback itself, those of what it undid back in; and so on down the line.
pub(super) fn flips(connection: &Connection, tx: TransactionId) -> Result<Vec<(i64, bool)>> {
    let mut flips = Vec::new();
    let (mut at, mut in_effect) = (Some(tx.0), false);
    while let Some(id) = at {
        let query = "SELECT change_set.id, undoes FROM tx LEFT JOIN change_set ON change_set.tx = tx.id AND origin = 'transaction'
                     WHERE tx.id = ?1";
        let (set, undoes): (Option<i64>, Option<i64>) = connection
            .query_row(query, [id], |row| Ok((row.get(0)?, row.get(1)?)))
            .context("read the journal")?;
        flips.extend(set.map(|set| (set, in_effect)));
        // An id only ever undoes a smaller one, so this ends whatever the rows say.
        at = undoes.filter(|undone| *undone < id);
        in_effect = !in_effect;
    }
    Ok(flips)
}
