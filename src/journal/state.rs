//! What the last commit left, asked of change rows.
//!
//! At each path it is the new side of the row with the highest change set in effect. Rollbacks
//! add no rows for this: they say which change sets are in effect from their commit on.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, ToSql, named_params};

use super::{Journal, from_column, optional};
use crate::db::{self, DatabaseContext as _};
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

/// What some change sets left at and below `:path`: `p`, and what sorts from `p/` to before `p0`, since
/// `0` follows `/`. Which they are is asked once (it is a small table), not once a row.
macro_rules! state_by {
    ($change_sets:literal) => {
        concat!(
            "WITH effect (id) AS MATERIALIZED (",
            $change_sets,
            "), last (path, id) AS (
  SELECT path, max(change_set) FROM tx_change
  WHERE path >= :path AND path < :end AND (:path = '' OR path = :path OR substr(path, length(:path) + 1, 1) = '/')
    AND change_set IN (SELECT id FROM effect)
  GROUP BY path
)
SELECT last.path, new_kind, new_bytes, new_sha256 FROM last
JOIN tx_change ON tx_change.change_set = last.id AND tx_change.path = last.path
WHERE new_kind IS NOT NULL ORDER BY last.path"
        )
    };
}

/// By those in effect, but for some that are taken for the contrary.
const STATE: &str = state_by!(
    "SELECT id FROM change_set_in_effect
     EXCEPT SELECT value FROM json_each(:off)
     UNION SELECT value FROM json_each(:on)"
);

/// By those in effect at the moment before a commit, and under it what the commit found changed from
/// outside.
const STATE_BEFORE: &str = state_by!(
    "SELECT id FROM change_set WHERE (
       SELECT in_effect FROM tx_effect JOIN event ON event.tx = by_tx AND event.kind = 'committed'
       WHERE tx_effect.change_set = change_set.id
         AND seq < (SELECT seq FROM event WHERE tx = :tx AND kind = 'committed') ORDER BY by_tx DESC LIMIT 1) = 1
     UNION SELECT id FROM change_set WHERE tx = :tx AND origin = 'external'"
);

impl Journal {
    /// Calls `visit` for each path at and below `path` as the last commit left it, in path order.
    pub(crate) fn for_each_committed(
        &self,
        path: &str,
        visit: &mut dyn FnMut(CommittedEntry) -> Result<()>,
    ) -> Result<()> {
        self.for_each_committed_in(path, true, visit)
    }

    /// The same at `path` alone unless `and_below`.
    pub(crate) fn for_each_committed_in(
        &self,
        path: &str,
        and_below: bool,
        visit: &mut dyn FnMut(CommittedEntry) -> Result<()>,
    ) -> Result<()> {
        self.for_each_state(path, &end_of(path, and_below), &BTreeMap::new(), visit)
    }

    /// The same as if `undone` were undone already.
    pub(crate) fn for_each_predicted_in(
        &self,
        path: &str,
        and_below: bool,
        undone: &[TransactionId],
        visit: &mut dyn FnMut(CommittedEntry) -> Result<()>,
    ) -> Result<()> {
        let flips = flips(&self.connection, undone)?;
        self.for_each_state(path, &end_of(path, and_below), &flips, visit)
    }

    fn for_each_state(
        &self,
        path: &str,
        end: &str,
        flips: &BTreeMap<i64, bool>,
        visit: &mut dyn FnMut(CommittedEntry) -> Result<()>,
    ) -> Result<()> {
        self.for_each_entry(
            STATE,
            named_params! {":path": path, ":end": end, ":off": ids(flips, false), ":on": ids(flips, true)},
            visit,
        )
    }

    /// Calls `visit` for each path at and below `path` as a commit found it, in path order.
    pub(crate) fn for_each_replaced_by(
        &self,
        tx: TransactionId,
        path: &str,
        visit: &mut dyn FnMut(CommittedEntry) -> Result<()>,
    ) -> Result<()> {
        let end = end_of(path, true);
        self.for_each_entry(
            STATE_BEFORE,
            named_params! {":path": path, ":end": end, ":tx": tx.0},
            visit,
        )
    }

    fn for_each_entry(
        &self,
        query: &str,
        params: &[(&str, &dyn ToSql)],
        visit: &mut dyn FnMut(CommittedEntry) -> Result<()>,
    ) -> Result<()> {
        let action = "read the committed state";
        let mut statement = self.connection.prepare_cached(query).context(action)?;
        db::for_each_row(&mut statement, params, action, &mut |row| {
            visit(entry_from_row(row).context(action)?)
        })
    }
}

/// Returns the change sets that are put in effect, or out of it, as a JSON list.
pub(super) fn ids(flips: &BTreeMap<i64, bool>, in_effect: bool) -> String {
    let ids = flips.iter().filter(|(_, wanted)| **wanted == in_effect);
    serde_json::json!(ids.map(|(id, _)| *id).collect::<Vec<_>>()).to_string()
}

/// Returns what sorts behind `path`, and behind all that is below it where that is asked for. No
/// name has a byte as small as the first.
pub(super) fn end_of(path: &str, and_below: bool) -> String {
    match (path, and_below) {
        ("", true) => char::MAX.to_string(),
        (path, true) => [path, "0"].concat(),
        (path, false) => [path, "\u{1}"].concat(),
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

/// Returns which change sets a rollback of some commits puts out of effect and back in effect: their
/// own out; where one is a rollback itself, those of what it undid back in; and so on down the line.
pub(super) fn flips(
    connection: &Connection,
    undone: &[TransactionId],
) -> Result<BTreeMap<i64, bool>> {
    let mut flips = BTreeMap::new();
    let mut waiting: Vec<_> = undone.iter().map(|id| (*id, false)).collect();
    while let Some((id, in_effect)) = waiting.pop() {
        let query = "SELECT id FROM change_set WHERE tx = ?1 AND origin = 'transaction'";
        let set = connection.query_row(query, [id.0], |row| row.get(0));
        if let Some(set) = optional(set).context("read the journal")? {
            flips.insert(set, in_effect);
        }
        // An id only ever undoes smaller ones, so this ends whatever the rows say.
        let targets = targets(connection, id)?;
        let smaller = targets.into_iter().filter(|target| *target < id);
        waiting.extend(smaller.map(|target| (target, !in_effect)));
    }
    Ok(flips)
}

/// Returns the transactions that a rollback undoes, oldest first; none for what is no rollback.
pub(super) fn targets(connection: &Connection, id: TransactionId) -> Result<Vec<TransactionId>> {
    let query =
        "SELECT coalesce(undone, undoes) AS target FROM tx LEFT JOIN tx_undo ON tx_undo.tx = tx.id
                 WHERE tx.id = ?1 AND undoes IS NOT NULL ORDER BY target";
    let mut statement = connection
        .prepare_cached(query)
        .context("read the journal")?;
    let ids = statement
        .query_map([id.0], |row| row.get(0).map(TransactionId))
        .context("read the journal")?;
    ids.collect::<rusqlite::Result<_>>()
        .context("read the journal")
}
