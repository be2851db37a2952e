//! The store's past as methods: transactions, changes, paths and trees as they were.

use std::io::Write;
use std::ops::ControlFlow;

use super::Store;
use crate::control::Control;
use crate::error::{Error, Result};
use crate::held::HeldTrees;
use crate::history::{
    self, FileDiff, HistoryReport, LogOptions, StatReport, TransactionReport, TransactionSummary,
    TreeEntry,
};
use crate::id::TransactionId;
use crate::plan::Change;
use crate::uri::Uri;

/// How often content is looked for that a commit may just have moved.
const ATTEMPTS: u32 = 3;

impl Store {
    /// Lists transactions, newest first.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a kind that there is none of, and for digits that begin no
    /// digest; those of reading the journal.
    pub fn log(&self, options: &LogOptions) -> Result<Vec<TransactionSummary>> {
        history::log(&self.reader()?.journal, options)
    }

    /// Shows one transaction in full; of its changes the first
    /// [`CHANGES_LISTED`](TransactionReport::CHANGES_LISTED).
    ///
    /// # Errors
    /// [`Error::TransactionNotFound`].
    pub fn show(&self, tx: TransactionId) -> Result<TransactionReport> {
        history::show(&self.reader()?.journal, tx)
    }

    /// Visits all changes of a transaction, until `visit` breaks: what was changed from outside
    /// before it saw it, then what it changed itself, each by path. What a rollback changed is told
    /// too, although it copies no rows.
    ///
    /// # Errors
    /// [`Error::TransactionNotFound`].
    pub fn changes(
        &self,
        tx: TransactionId,
        visit: &mut dyn FnMut(Change) -> ControlFlow<()>,
    ) -> Result<()> {
        history::changes(&self.reader()?.journal, tx, visit)
    }

    /// Sums up a transaction's changes, by directory.
    ///
    /// # Errors
    /// [`Error::TransactionNotFound`].
    pub fn stat(&self, tx: TransactionId) -> Result<StatReport> {
        history::stat(&self.reader()?.journal, tx)
    }

    /// Visits the files that a transaction changed, by path, until `visit` breaks: those of text with
    /// their differing lines, as far as both sides are still held.
    ///
    /// # Errors
    /// [`Error::TransactionNotFound`], [`Error::Interrupted`].
    pub fn diff(
        &self,
        tx: TransactionId,
        control: &Control,
        visit: &mut dyn FnMut(FileDiff) -> ControlFlow<()>,
    ) -> Result<()> {
        let reader = self.reader()?;
        let mut trees = self.held_trees(control)?;
        history::diff(&reader.journal, &mut trees, tx, visit)
    }

    /// Tells the history of a file or directory: every commit that touched it, and who wrote what is
    /// there now.
    ///
    /// # Errors
    /// [`Error::UriNotFound`] where nothing is there and the journal knows of nothing;
    /// [`Error::SpecialFile`].
    pub fn history(&self, uri: &Uri) -> Result<HistoryReport> {
        let reader = self.reader()?;
        let live = reader.layout.open_live()?;
        history::history_of(&reader.journal, &live, reader.cache(), uri)
    }

    /// Visits the tree at and below a URI as of right after a committed transaction, by path, until
    /// `visit` breaks. It is told from journal rows alone: what no commit up to then saw is not in
    /// it. Files whose digest the cache does not know are read to tell where content is held.
    ///
    /// # Errors
    /// [`Error::TransactionNotFound`]; [`Error::InvalidArgument`] where it was not committed;
    /// [`Error::ContentNotHeld`] where nothing was at the URI; [`Error::Interrupted`].
    pub fn tree_at(
        &self,
        tx: TransactionId,
        uri: &Uri,
        control: &Control,
        visit: &mut dyn FnMut(TreeEntry) -> ControlFlow<()>,
    ) -> Result<()> {
        let reader = self.reader()?;
        let mut trees = self.held_trees(control)?;
        history::tree_at(&reader.journal, &mut trees, tx, uri, visit)
    }

    /// Writes a file's bytes as of right after a committed transaction to `out`; returns their
    /// number. Each byte was held against the recorded digest before it is written.
    ///
    /// # Errors
    /// [`Error::ContentNotHeld`] where nobody holds them any more; [`Error::WrongEntryKind`],
    /// [`Error::TransactionNotFound`]; [`Error::InvalidArgument`] where it was not committed.
    pub fn read_at(&self, tx: TransactionId, uri: &Uri, out: &mut dyn Write) -> Result<u64> {
        let mut attempts = 1;
        loop {
            let reader = self.reader()?;
            let before = reader.journal.last_prepared()?;
            let mut trees = self.held_trees(&Control::default())?;
            let read = history::read_at(&reader.journal, &mut trees, tx, uri, out);
            // Where nothing was found nothing was written.
            let has_moved = reader.journal.last_prepared()? != before;
            if !matches!(read, Err(Error::ContentNotHeld { .. }))
                || !has_moved
                || attempts >= ATTEMPTS
            {
                return read;
            }
            attempts += 1;
        }
    }

    fn held_trees(&self, control: &Control) -> Result<HeldTrees> {
        let reader = self.reader()?;
        HeldTrees::open(
            &reader.layout,
            &reader.journal,
            reader.cache(),
            control.clone(),
        )
    }
}
