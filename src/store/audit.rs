//! What auditors ask of a store's journal.

use camino::Utf8Path;

use super::{PACK_ATTEMPTS, Store};
use crate::audit::{
    self, ContentReport, JournalExportOptions, JournalExportReport, JournalReport,
    JournalVerifyOptions, QueryOptions, QueryReport,
};
use crate::error::{Error, Result};
use crate::journal::chain::Head;

impl Store {
    /// Returns the journal's head, to be noted down elsewhere.
    ///
    /// # Errors
    /// Those of reading the journal.
    pub fn journal_head(&self) -> Result<Head> {
        self.reader()?.journal.head()
    }

    /// Recomputes the journal's chain and the digests of all rows that it covers, compares its
    /// schema, its slots and the heads that were kept elsewhere; reads live files and slots where it
    /// is asked to. Takes no lock and changes nothing. Live files that differ are in the report.
    ///
    /// # Errors
    /// [`Error::JournalDamaged`] with the first row that is not what it was,
    /// [`Error::SlotDamaged`] with the files that differ, [`Error::RecoveryPending`].
    pub fn verify_journal(&self, options: &JournalVerifyOptions) -> Result<JournalReport> {
        let mut report = audit::verify(&self.reader()?.journal, options)?;
        if options.content {
            report.content = Some(self.read_content(options)?);
        }
        Ok(report)
    }

    /// Reads again where a commit moved trees meanwhile: what it moved is no damage.
    fn read_content(&self, options: &JournalVerifyOptions) -> Result<ContentReport> {
        for _ in 0..PACK_ATTEMPTS {
            let reader = self.reader()?;
            let moves = || {
                let journal = &reader.journal;
                Ok::<_, Error>((journal.last_prepared()?, journal.head()?))
            };
            let before = moves()?;
            let read = audit::read_all(&reader.layout, &reader.journal, &options.control);
            if moves()? == before {
                return read;
            }
        }
        Err(Error::LiveTreeChanged {
            path: self.path().to_owned(),
        })
    }

    /// Answers one reading statement over the journal, in bounded time and with bounded rows.
    /// docs/journal.md lists the views that are made for it.
    ///
    /// # Errors
    /// [`Error::QueryRefused`], [`Error::QueryTimeout`], [`Error::Interrupted`].
    pub fn query_journal(&self, sql: &str, options: &QueryOptions) -> Result<QueryReport> {
        audit::query(&mut self.reader()?.journal, sql, options)
    }

    /// Makes a copy of the journal for taking away: one consistent view, while writers go on. The
    /// file has its name only when it is whole and durable.
    ///
    /// # Errors
    /// [`Error::OutputExists`], [`Error::NoSpace`].
    pub fn export_journal(
        &self,
        out: &Utf8Path,
        options: JournalExportOptions,
    ) -> Result<JournalExportReport> {
        audit::export(&self.reader()?.journal, out, options)
    }
}
