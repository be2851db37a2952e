//! Examines a store: file system, databases, journal, slots, live tree, search index, locks and what
//! acts that were cut short have left. Says of each whether it is as it should be, and what mends it.
//!
//! Mends nothing itself and takes no time of a writer: the writer lock is only tried, and held for
//! the moment in which scratch directories are exchanged. These are all that is ever written, but for the
//! lock file of a store that no writer has opened yet. What
//! cannot be looked at, since another process is at work or the journal cannot be opened, is a
//! warning: an examination ends early only where it is interrupted, or where there is no store.

mod databases;
mod place;
mod report;
mod state;

use std::time::Duration;

use camino::Utf8Path;

use crate::control::Control;
use crate::error::{Error, Result};
use crate::journal::{Journal, StoreRow};
use crate::layout::{self, Layout};
use crate::lock::WriterLock;
use crate::neighbour;
use crate::stat_cache::StatCache;

use report::Told;
pub use report::{Cure, DoctorCheck, DoctorReport, Health};

/// How a store is examined.
#[derive(Clone, Debug, Default)]
pub struct DoctorOptions {
    /// Read every byte of live files and of the trees in slots; otherwise sizes and times tell.
    pub content: bool,
    /// Watches and stops the act.
    pub control: Control,
}

/// A store whose journal can be read.
struct Patient<'a> {
    layout: &'a Layout,
    journal: &'a Journal,
    store: &'a StoreRow,
    options: &'a DoctorOptions,
}

impl Patient<'_> {
    fn cache(&self) -> Option<StatCache> {
        StatCache::open_for_reading(&self.layout.path_of(layout::CACHE))
    }
}

/// Examines the store in a directory, also one that cannot be opened any more; changes nothing of it.
///
/// # Errors
/// [`Error::StoreNotFound`], [`Error::Interrupted`], and those of opening its directories. Everything
/// else is told by the report.
pub fn doctor(path: &Utf8Path, options: &DoctorOptions) -> Result<DoctorReport> {
    let path = path.canonicalize_utf8().map_err(|_| Error::StoreNotFound {
        path: path.to_owned(),
    })?;
    let layout = Layout::open(&path)?;
    let opened = open_journal(&layout);
    // Where the journal does not say so, the live tree's own directory does.
    let is_adopted = match &opened {
        Ok((_, store)) => store.is_adopted,
        Err(_) => layout.root().stat_at(layout::LIVE)?.is_none(),
    };
    let layout = layout.with_adopted(is_adopted);
    let mut checks = Checks(Vec::new());
    checks.add("settings", place::settings(&layout))?;
    let lock = take_lock(&layout, &options.control);
    checks.add("writer-lock", Ok(place::writer_lock(&layout, &lock)))?;
    let is_free = matches!(lock, Ok(Some(_)));
    checks.add("exchange", place::exchange(&layout, is_free))?;
    checks.add("reflink", Ok(place::reflink(&layout, is_free)))?;
    checks.add("staging", state::staging(&layout, is_free))?;
    drop(lock);
    checks.add("uploads", state::uploads(&layout))?;
    checks.add("case", place::case(&layout))?;
    checks.add("journal-file", databases::journal(&layout, options))?;
    checks.add("cache-file", databases::cache(&layout, options))?;
    checks.add("index-file", databases::index(&layout, options))?;
    match &opened {
        Ok((journal, store)) => {
            let patient = Patient {
                layout: &layout,
                journal,
                store,
                options,
            };
            examine(&mut checks, &patient, is_free)?;
        }
        Err(error) => checks.add("journal", Ok(unopened(error)))?,
    }
    if layout.is_adopted() {
        checks.add(
            "neighbour",
            place::neighbour(neighbour::ensure_alone(layout.root())),
        )?;
    }
    Ok(DoctorReport::new(path.into_string(), checks.0))
}

/// Looks at what only a journal that can be read tells.
fn examine(checks: &mut Checks, patient: &Patient<'_>, is_free: bool) -> Result<()> {
    checks.add("journal", databases::chain(patient))?;
    checks.add("transactions", state::transactions(patient, is_free))?;
    checks.add("slots", state::slots(patient))?;
    let (live_tree, size) = state::live_tree(patient)?;
    checks.add("live-tree", live_tree)?;
    checks.add("search-index", databases::search_index(patient))?;
    checks.add("space", place::space(patient.layout, patient.journal, size))
}

/// Takes the writer lock where it is free; `None` where another process has it.
fn take_lock(layout: &Layout, control: &Control) -> Result<Option<WriterLock>> {
    let (dir, name) = (layout.control(), layout::LOCK);
    match WriterLock::take_if_free(dir, name) {
        // The first writing act makes it.
        Err(error) if error.is_absent() => {
            WriterLock::take(dir, name, layout.root().path(), Duration::ZERO, control).map(Some)
        }
        taken => taken,
    }
}

fn open_journal(layout: &Layout) -> Result<(Journal, StoreRow)> {
    let journal = Journal::open_for_reading(&layout.path_of(layout::JOURNAL))?;
    let store = journal.store_row()?.ok_or_else(|| Error::StoreNotFound {
        path: layout.root().path().to_owned(),
    })?;
    Ok((journal, store))
}

fn unopened(error: &Error) -> Told {
    if matches!(error, Error::StoreOlder { .. }) {
        // The first writing act brings it to this version.
        return Told::warning(error.to_string()).cured_by(Cure::Recover);
    }
    Told::error(error)
}

/// The checks so far.
struct Checks(Vec<DoctorCheck>);

impl Checks {
    /// Adds a check; where it ended with an error, that is what it tells.
    fn add(&mut self, check: &'static str, told: Result<Told>) -> Result<()> {
        let told = match told {
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error @ Error::Busy { .. }) => Told::unseen(&error),
            Err(error) => Told::error(&error),
            Ok(told) => told,
        };
        self.0.push(told.named(check));
        Ok(())
    }
}
