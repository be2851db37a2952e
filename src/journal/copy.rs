//! The journal as a whole, for taking away.

use camino::Utf8Path;

use super::chain::{self, Head};
use super::rows::{self, BEGUN_ROWS, Covered, PREPARED_ROWS};
use super::{EventKind, Journal};
use crate::db::DatabaseContext as _;
use crate::error::Result;
use crate::id::TransactionId;

impl Journal {
    /// Copies the database into an empty file, as one consistent view; writers go on meanwhile.
    pub(crate) fn copy_into(&self, path: &Utf8Path) -> Result<()> {
        self.connection
            .execute("VACUUM INTO ?1", [path.as_str()])
            .context("copy the journal")?;
        Ok(())
    }

    /// Calls `visit` with one line of JSON for each row, as one consistent view: the store's row, each
    /// event followed by the rows that it covers, at last the slots. Returns the last event.
    pub(crate) fn for_each_line(&self, visit: &mut dyn FnMut(&str) -> Result<()>) -> Result<Head> {
        let snapshot = self
            .connection
            .unchecked_transaction()
            .context("read the journal")?;
        let query = "SELECT id, adopted, created_ms FROM store";
        rows::objects(&snapshot, "store", query, &[], visit)?;
        let mut events = snapshot
            .prepare("SELECT seq, tx, kind FROM event ORDER BY seq")
            .context("read the journal")?;
        let mut events = events.query([]).context("read the journal")?;
        while let Some(event) = events.next().context("read the journal")? {
            let columns = || -> rusqlite::Result<(i64, i64, String)> {
                Ok((event.get(0)?, event.get(1)?, event.get(2)?))
            };
            let (seq, tx, kind) = columns().context("read the journal")?;
            let query = "SELECT seq, tx, kind, at_ms, detail, rows_digest, prev_hash, hash FROM event WHERE seq = ?1";
            rows::objects(&snapshot, "event", query, &[seq], visit)?;
            let covered: &[Covered] = match EventKind::from_name(&kind) {
                Some(EventKind::Begun) => BEGUN_ROWS,
                Some(EventKind::Prepared) => PREPARED_ROWS,
                _ => &[],
            };
            rows::for_each_object(&snapshot, TransactionId(tx), covered, visit)?;
        }
        let query = "SELECT id, made_by, holder, holds, inode, tree_digest, bytes, pinned, state FROM slot ORDER BY id";
        rows::objects(&snapshot, "slot", query, &[], visit)?;
        chain::head(&snapshot)
    }
}
