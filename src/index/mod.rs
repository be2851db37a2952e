//! The content index: what a tree's records are to be, and the search over them.
//!
//! ```text
//! store.db   records (tx_index, index_record): written with `prepared`, in effect with the commit
//! index.db   full text and vectors: made of records and live files after the commit, at any time again
//! ```
//!
//! Records are part of what a commit promises. Full text and vectors follow from them and from the
//! files, so they may lag behind, be lost and be made again; the journal itself is the list of what
//! is still to be done.

mod check;
mod database;
mod document;
mod embedder;
mod fill;
mod given;
mod matching;
mod options;
mod packed;
mod passages;
mod search;
mod stage;
mod text;
mod vectors;
mod words;

use crate::clock;
use crate::config::IndexSettings;
use crate::control::Control;
use crate::error::Result;
use crate::journal::Journal;
use crate::layout::Layout;
use crate::uri::Uri;

use database::IndexDatabase;
use search::Search;

pub(crate) use check::stage_missing;
pub(crate) use given::take_given;
pub use options::{
    FindHit, FindOptions, FindReport, IndexCheckReport, IndexFault, IndexOptions, IndexStatus,
};
pub(crate) use stage::{PackRecords, read_small, stage_index};

/// Where the index of a store is, and how it is made.
#[derive(Debug)]
pub(crate) struct Index<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) journal: &'a Journal,
    pub(crate) settings: IndexSettings,
}

impl Index<'_> {
    /// Brings full text up to date, then vectors. A failing embedder is told by the status and is no
    /// error.
    pub(crate) fn refresh(&self, options: &IndexOptions) -> Result<IndexStatus> {
        self.refresh_in(IndexDatabase::open(self.layout)?, options)
    }

    /// The same from nothing.
    pub(crate) fn rebuild(&self, options: &IndexOptions) -> Result<IndexStatus> {
        self.refresh_in(IndexDatabase::open_anew(self.layout)?, options)
    }

    fn refresh_in(
        &self,
        mut database: IndexDatabase,
        options: &IndexOptions,
    ) -> Result<IndexStatus> {
        let live = self.layout.open_live()?;
        fill::catch_up(&mut database, self.journal, &live, &options.control)?;
        match embedder::make(&self.settings, options.key.clone()) {
            Some(Ok(embedder)) => {
                vectors::drain(&mut database, embedder.as_ref(), &options.control)?;
            }
            Some(Err(fault)) => {
                database.set_failure(Some((&fault.to_string(), clock::now_ms())))?;
            }
            None => database.set_failure(None)?,
        }
        let status = self.status_of(Some(&database))?;
        database.close();
        Ok(status)
    }

    /// Returns how many files the trees have that full text was not held against yet.
    pub(crate) fn backlog(&self) -> Result<u64> {
        let database = IndexDatabase::open_for_reading(self.layout);
        let since = database.map_or(Ok(0), |database| database.position(self.journal))?;
        self.journal.files_put_since(since)
    }

    /// Tells the state of the index.
    pub(crate) fn status(&self) -> Result<IndexStatus> {
        self.status_of(IndexDatabase::open_for_reading(self.layout).as_ref())
    }

    fn status_of(&self, database: Option<&IndexDatabase>) -> Result<IndexStatus> {
        let records = self.journal.count_indexed()?;
        let identity = embedder::identity(&self.settings);
        let mut status = IndexStatus {
            records,
            documents: 0,
            is_behind: !self.journal.touched_since(0)?.1.is_empty(),
            unread: 0,
            embedder: self.settings.embedder.as_str(),
            model: identity.clone(),
            dimensions: None,
            vectors: 0,
            pending: 0,
            stale: 0,
            failure: None,
            failed_at: None,
        };
        let Some(database) = database else {
            return Ok(status);
        };
        status.is_behind = database.is_behind(self.journal)?;
        status.documents =
            database.number("SELECT count(*) FROM document WHERE is_live = 1", [])?;
        let unread = "SELECT count(*) FROM document WHERE is_live = 1 AND is_read = 0";
        status.unread = database.number(unread, [])?;
        if let Some(identity) = identity {
            let model = vectors::model_named(database, &identity)?;
            status.dimensions = model.map(|model| model.dimensions() as u64);
            let stale = "SELECT count(DISTINCT document.id) FROM vector JOIN document ON document.id = vector.passage / 256
                         WHERE is_live = 1 AND model IS NOT ?1";
            status.stale = database.number(stale, [model.map(|model| model.id)])?;
            let readable = "SELECT count(*) FROM document WHERE is_live = 1 AND is_read = 1";
            status.pending = vectors::pending(database, model)?;
            status.vectors = database
                .number(readable, [])?
                .saturating_sub(status.pending);
        }
        if let Some((reason, at_ms)) = database.failure()? {
            status.failure = Some(reason);
            status.failed_at = Some(clock::rfc3339(at_ms));
        }
        Ok(status)
    }

    /// Answers a question; nothing where nothing is indexed yet.
    pub(crate) fn find(&self, query: &str, options: &FindOptions) -> Result<FindReport> {
        options.ensure_valid()?;
        let Some(database) = IndexDatabase::open_for_reading(self.layout) else {
            return Ok(FindReport {
                query: query.to_owned(),
                hits: Vec::new(),
                vectors: false,
                vector_fault: None,
                is_behind: !self.journal.touched_since(0)?.1.is_empty(),
            });
        };
        let search = Search {
            database: &database,
            layout: self.layout,
            journal: self.journal,
            live: &self.layout.open_live()?,
            settings: &self.settings,
            options,
        };
        search.find(query)
    }

    /// Holds records and full text against what the rules want.
    pub(crate) fn check(&self, uri: &Uri, control: &Control) -> Result<IndexCheckReport> {
        let mut database = IndexDatabase::open_for_comparing(self.layout)?;
        let live = self.layout.open_live()?;
        let report = check::check(self.journal, &live, database.as_mut(), uri, control)?;
        let status = self.status_of(database.as_ref())?;
        Ok(IndexCheckReport {
            without_vector: status.pending,
            ..report
        })
    }
}
