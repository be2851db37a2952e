//! Records that were written for other content than the tree to be has: they are taken in anew, or go.

use rusqlite::params;

use super::Staging;
use crate::db::DatabaseContext as _;
use crate::digest::Digest;
use crate::error::Result;
use crate::record::{IndexOrigin, RecordText};

/// Records that are looked at at a time.
const PAGE: i64 = 500;

/// What nobody says anew, and what was written for other content.
const STALE: &str = "SELECT path, level, record_sha256 FROM foreseen_index AS f
    WHERE (path, level) > (?1, ?2) AND origin = ?3 AND is_kept AND record_sha256 IS NOT NULL AND content_sha256 IS NOT content
      AND NOT EXISTS (SELECT 1 FROM staged_index AS s WHERE s.path = f.path AND s.level = f.level)
    ORDER BY path, level LIMIT ?4";

const RENEW: &str = "INSERT OR IGNORE INTO staged_index (path, level, kind, content_sha256, origin, record_sha256, record)
    SELECT path, level, kind, content, origin, ?3, NULL FROM foreseen_index WHERE path = ?1 AND level = ?2";

/// What follows from a text goes with it.
const DROP_DERIVED: &str = "UPDATE foreseen_index SET is_kept = 0
    WHERE origin = ?1 AND record_sha256 IS NOT NULL AND content_sha256 IS NOT content";

/// A record that a pack brought for other content than there is to be.
#[derive(Clone, Debug)]
pub(crate) struct StaleRecord {
    /// Below the live root.
    pub(crate) path: String,
    pub(crate) level: u8,
    pub(crate) record: Digest,
}

impl Staging {
    /// Returns the next records of packs, after a path and level, that were written for other content
    /// than the tree to be has, and of which nobody says more.
    pub(crate) fn stale_records_after(&self, path: &str, level: u8) -> Result<Vec<StaleRecord>> {
        let action = "read the index to be";
        let mut statement = self.connection.prepare_cached(STALE).context(action)?;
        let values = params![path, level, IndexOrigin::Pack.as_str(), PAGE];
        let records = statement
            .query_map(values, |row| {
                Ok(StaleRecord {
                    path: row.get(0)?,
                    level: row.get(1)?,
                    record: row.get(2)?,
                })
            })
            .context(action)?;
        records.collect::<rusqlite::Result<_>>().context(action)
    }

    /// Puts a record into the index to be that a pack brought, as it is of the content that there is to be.
    pub(crate) fn stage_renewed(&self, stale: &StaleRecord, says: &RecordText) -> Result<()> {
        let sha256 = says.digest();
        let row = params![stale.path, stale.level, sha256];
        let renewed = self
            .connection
            .prepare_cached(RENEW)
            .and_then(|mut statement| statement.execute(row));
        renewed.context("stage an index record")?;
        self.stage_record(&sha256, says)
    }

    /// Keeps no record that followed from a text of which none follows any more.
    pub(crate) fn drop_stale_derived(&self) -> Result<()> {
        self.connection
            .execute(DROP_DERIVED, [IndexOrigin::Derived.as_str()])
            .map(drop)
            .context("foresee the index")
    }
}
