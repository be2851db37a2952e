//! The content index: searched, brought up to date, held against the rules.

use super::Store;
use crate::control::Control;
use crate::error::Result;
use crate::index::{FindOptions, FindReport, Index, IndexCheckReport, IndexOptions, IndexStatus};
use crate::reindex;
use crate::uri::Uri;

impl Store {
    /// Finds what a question is about, by its words and by its meaning. Reads alone: where full text
    /// lags behind the last commit the answers say so, and none is shown that is not in effect.
    ///
    /// # Errors
    /// [`crate::Error::InvalidArgument`] for options that have other values than they may;
    /// [`crate::Error::ConfigInvalid`].
    pub fn find(&self, query: &str, options: &FindOptions) -> Result<FindReport> {
        self.with_index(|index| index.find(query, options))
    }

    /// Brings full text and vectors up to date with the last commit. No commit does this by itself;
    /// it takes no lock, and may run beside a writer. Where the embedder fails, what waits for a
    /// vector goes on waiting, and the status says why.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`]; what is done by then stays done.
    /// [`crate::Error::ConfigInvalid`], [`crate::Error::NoSpace`].
    pub fn refresh_index(&self, options: &IndexOptions) -> Result<IndexStatus> {
        self.with_index(|index| index.refresh(options))
    }

    /// Returns how much [`Self::refresh_index`] has to look at: the files of all trees that commits put
    /// in place since it was last called. Cheap, whatever the number.
    ///
    /// # Errors
    /// Those of reading the journal, and [`crate::Error::ConfigInvalid`].
    pub fn index_backlog(&self) -> Result<u64> {
        self.with_index(backlog)
    }

    /// Makes full text and vectors anew. The records themselves are in the journal, and stay.
    ///
    /// # Errors
    /// As [`Self::refresh_index`].
    pub fn rebuild_index(&self, options: &IndexOptions) -> Result<IndexStatus> {
        self.with_index(|index| index.rebuild(options))
    }

    /// Tells the state of the index.
    ///
    /// # Errors
    /// Those of reading it.
    pub fn index_status(&self) -> Result<IndexStatus> {
        self.with_index(status)
    }

    /// Holds the index at and below a URI against what its rules want of the committed tree.
    ///
    /// # Errors
    /// Those of reading it, and [`crate::Error::Interrupted`].
    pub fn check_index(&self, uri: &Uri, control: &Control) -> Result<IndexCheckReport> {
        self.with_index(|index| index.check(uri, control))
    }

    /// Checks, and sets right what is wrong: missing records are written by a transaction of their
    /// own, full text and vectors are brought up to date. Durable when this returns; returns what is
    /// still wrong.
    ///
    /// # Errors
    /// As [`Self::check_index`] and [`Self::refresh_index`], and [`crate::Error::Busy`].
    pub fn fix_index(&self, uri: &Uri, options: &IndexOptions) -> Result<IndexCheckReport> {
        let transaction = reindex::run(&mut self.writer(&options.control)?, uri)?;
        self.refresh_index(options)?;
        let mut report = self.check_index(uri, &options.control)?;
        if report.total > 0 {
            // Full text that does not follow from the journal any more is cheaper made than searched.
            self.rebuild_index(options)?;
            report = self.check_index(uri, &options.control)?;
        }
        Ok(IndexCheckReport {
            transaction,
            is_fixed: true,
            ..report
        })
    }

    /// Returns the environment variable whose value the settings want as the embedding server's key.
    /// The library reads no environment: whoever calls it gives the key with the options.
    ///
    /// # Errors
    /// [`crate::Error::ConfigInvalid`].
    pub fn index_key_variable(&self) -> Result<Option<String>> {
        self.with_index(|index| Ok(index.settings.key_env.clone()))
    }

    fn with_index<T>(&self, act: impl FnOnce(&Index<'_>) -> Result<T>) -> Result<T> {
        let reader = self.reader()?;
        act(&Index {
            layout: &reader.layout,
            journal: &reader.journal,
            settings: self.settings()?.index()?,
        })
    }
}

fn backlog(index: &Index<'_>) -> Result<u64> {
    index.backlog()
}

fn status(index: &Index<'_>) -> Result<IndexStatus> {
    index.status()
}
