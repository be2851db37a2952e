//! `index.db`: documents, their words, and their vectors.

use camino::Utf8Path;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use crate::db::{self, DatabaseContext as _, Reading};
use crate::error::{Error, Result};
use crate::fsops::{self, Dir};
use crate::journal::Journal;
use crate::journal::chain::Head;
use crate::layout::{self, Layout};

const SCHEMA: &str = include_str!("../../schema/index.sql");
const WANTED: &str = include_str!("../../schema/index_wanted.sql");
/// Version of the schema, and of what is indexed: a database of another one is made anew.
const VERSION: i64 = 2;

/// The database, open for writing or for reading.
#[derive(Debug)]
pub(super) struct IndexDatabase {
    pub(super) connection: Connection,
}

impl IndexDatabase {
    /// Opens it for writing, and makes it where it is not there or cannot be used.
    pub(super) fn open(layout: &Layout) -> Result<Self> {
        let path = layout.path_of(layout::INDEX);
        let connection = match db::open_index(&path, SCHEMA, VERSION) {
            Err(Error::StoreDamaged { .. }) => {
                remove(&path)?;
                db::open_index(&path, SCHEMA, VERSION)?
            }
            opened => opened?,
        };
        for name in with_sides(layout::INDEX) {
            fsops::give_to_owner_of(layout.control(), &name)?;
        }
        connection
            .execute_batch(WANTED)
            .context("open the search index")?;
        Ok(Self { connection })
    }

    /// Makes it anew.
    pub(super) fn open_anew(layout: &Layout) -> Result<Self> {
        remove(&layout.path_of(layout::INDEX))?;
        Self::open(layout)
    }

    /// Ends the writing.
    pub(super) fn close(self) {
        db::empty_wal(&self.connection);
    }

    /// Opens it for reading; `None` where it is not there or cannot be used.
    pub(super) fn open_for_reading(layout: &Layout) -> Option<Self> {
        Self::open_to_read(layout, Reading::Often)
    }

    /// The same for who reads a table from one end to the other.
    pub(super) fn open_for_reading_once(layout: &Layout) -> Option<Self> {
        Self::open_to_read(layout, Reading::Once)
    }

    fn open_to_read(layout: &Layout, reading: Reading) -> Option<Self> {
        let path = layout.path_of(layout::INDEX);
        let connection = db::open_index_for_reading(&path, VERSION, reading)?;
        Some(Self { connection })
    }

    /// Opens it for reading, with a list of its own to hold it against; `None` where it is not there
    /// or cannot be used.
    pub(super) fn open_for_comparing(layout: &Layout) -> Result<Option<Self>> {
        let database = Self::open_for_reading(layout);
        if let Some(database) = &database {
            database
                .connection
                .execute_batch(WANTED)
                .context("open the search index")?;
        }
        Ok(database)
    }

    /// Returns how far the journal was read; 0 where nothing was, or where it was another journal.
    pub(super) fn position(&self, journal: &Journal) -> Result<i64> {
        let query = "SELECT seq, hash FROM position";
        let position = self
            .connection
            .query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
            .context("read the search index")?;
        match position {
            Some((seq, hash)) if journal.has_event(seq, hash)? => Ok(seq),
            _ => Ok(0),
        }
    }

    /// Notes how far the journal was read.
    pub(super) fn set_position(&self, head: Head) -> Result<()> {
        let query = "INSERT INTO position (one, seq, hash) VALUES (1, ?1, ?2)
                     ON CONFLICT (one) DO UPDATE SET seq = ?1, hash = ?2";
        self.connection
            .execute(query, params![head.seq, head.hash])
            .map(drop)
            .context("write the search index")
    }

    /// Returns whether commits touched anything since it was read.
    pub(super) fn is_behind(&self, journal: &Journal) -> Result<bool> {
        let (_, touched) = journal.touched_since(self.position(journal)?)?;
        Ok(!touched.is_empty())
    }

    /// Begins to write: nobody else does until the transaction ends.
    pub(super) fn begin(&mut self) -> Result<Transaction<'_>> {
        self.connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .context("write the search index")
    }

    /// Returns a number that a query answers.
    pub(super) fn number(&self, query: &str, values: impl rusqlite::Params) -> Result<u64> {
        self.connection
            .query_row(query, values, |row| row.get::<_, i64>(0))
            .map(|number| u64::try_from(number).unwrap_or(0))
            .context("read the search index")
    }

    /// Notes why vectors could not be made, or that nothing is in the way any more.
    pub(super) fn set_failure(&self, failure: Option<(&str, i64)>) -> Result<()> {
        let action = "write the search index";
        self.connection
            .execute("DELETE FROM failure", [])
            .context(action)?;
        if let Some((reason, at_ms)) = failure {
            let query = "INSERT INTO failure (one, reason, at_ms) VALUES (1, ?1, ?2)";
            self.connection
                .execute(query, params![reason, at_ms])
                .context(action)?;
        }
        Ok(())
    }

    /// Returns why the last attempt at vectors ended early, and when.
    pub(super) fn failure(&self) -> Result<Option<(String, i64)>> {
        let query = "SELECT reason, at_ms FROM failure";
        self.connection
            .query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
            .context("read the search index")
    }
}

/// Returns the names of the files of a database, itself last.
fn with_sides(name: &str) -> [String; 3] {
    [
        format!("{name}-wal"),
        format!("{name}-shm"),
        name.to_owned(),
    ]
}

/// Removes the database with what belongs to it.
fn remove(path: &Utf8Path) -> Result<()> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(());
    };
    let dir = Dir::open(parent)?;
    for name in with_sides(name) {
        match dir.remove_file(&name) {
            Err(error) if error.is_absent() => {}
            removed => removed?,
        }
    }
    Ok(())
}
