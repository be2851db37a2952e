//! What auditors ask of a journal: whether it is what it was, questions in SQL, and a copy to take
//! away. Nothing here takes a lock or writes to the store.

mod content;
mod copy;
mod query;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use crate::control::Control;
use crate::error::{Error, Result};
use crate::journal::Journal;
use crate::journal::chain::Head;

pub use content::{ContentReport, DriftedPath};
pub use copy::{JournalExportOptions, JournalExportReport, JournalFormat};
pub use query::{QueryOptions, QueryReport, QueryValue};

pub(crate) use content::{open_tree_of, read_all, verify_slot};
pub(crate) use copy::export;
pub(crate) use query::query;

/// How a journal is verified.
#[derive(Clone, Debug, Default)]
pub struct JournalVerifyOptions {
    /// Heads that were kept elsewhere: each must be an event of this journal.
    pub since: Vec<Head>,
    /// Whether live files and slots are read too.
    pub content: bool,
    /// Watches and stops the act.
    pub control: Control,
}

/// What was computed again, compared and read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JournalReport {
    /// Events whose hash, link and rows were recomputed.
    pub events: u64,
    /// The head that they lead to.
    #[serde(flatten)]
    pub head: Head,
    /// Rows that the events cover.
    pub rows: u64,
    /// Heads kept elsewhere that were found in the chain.
    pub heads_compared: u64,
    /// Tables, indexes, triggers and views that are as this version makes them.
    pub schema_objects: u64,
    /// Rows of slots that are what the transactions made of them.
    pub slot_rows: u64,
    /// What was read of live files and slots; `None` where they were not read.
    pub content: Option<ContentReport>,
}

/// Verifies the journal itself; reads no content.
pub(crate) fn verify(journal: &Journal, options: &JournalVerifyOptions) -> Result<JournalReport> {
    let chain = journal.verify(&options.since, &options.control)?;
    Ok(JournalReport {
        events: chain.events,
        head: chain.head,
        rows: chain.rows,
        heads_compared: options.since.len() as u64,
        schema_objects: chain.schema_objects,
        slot_rows: chain.slots,
        content: None,
    })
}

/// A copy of a journal that was taken away from its store.
#[derive(Clone, Debug)]
pub struct JournalCopy {
    path: Utf8PathBuf,
}

impl JournalCopy {
    /// Opens a copy; changes nothing.
    ///
    /// # Errors
    /// [`Error::FileNotFound`], [`Error::StoreNewer`], [`Error::StoreOlder`],
    /// [`Error::StoreDamaged`] where the file is no journal.
    pub fn open(path: &Utf8Path) -> Result<Self> {
        if !path.is_file() {
            return Err(Error::FileNotFound {
                path: path.to_owned(),
            });
        }
        let copy = Self {
            path: path.to_owned(),
        };
        copy.journal()?;
        Ok(copy)
    }

    /// Returns its head.
    ///
    /// # Errors
    /// Those of reading the journal.
    pub fn head(&self) -> Result<Head> {
        self.journal()?.head()
    }

    /// Verifies it as [`crate::Store::verify_journal`] does; there is no content to read.
    ///
    /// # Errors
    /// [`Error::JournalDamaged`] with the first row that is not what it was.
    pub fn verify(&self, options: &JournalVerifyOptions) -> Result<JournalReport> {
        verify(&self.journal()?, options)
    }

    /// Answers a question as [`crate::Store::query_journal`] does.
    ///
    /// # Errors
    /// [`Error::QueryRefused`], [`Error::QueryTimeout`].
    pub fn query(&self, sql: &str, options: &QueryOptions) -> Result<QueryReport> {
        query(&mut self.journal()?, sql, options)
    }

    fn journal(&self) -> Result<Journal> {
        let journal = Journal::open_for_reading(&self.path)?;
        journal.store_row()?.ok_or_else(|| Error::StoreDamaged {
            path: self.path.clone(),
            detail: "it is no journal of a store".to_owned(),
        })?;
        Ok(journal)
    }
}
