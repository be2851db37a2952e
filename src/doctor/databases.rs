//! The databases: as files, as a chain of events, as an index.

use super::report::{Cure, Told, with_causes};
use super::{DoctorOptions, Patient};
use crate::config::Settings;
use crate::db;
use crate::error::{Error, Result};
use crate::index::Index;
use crate::kind::Kind;
use crate::layout::{self, Layout};
use crate::uri::Uri;

const SOUND: &str = "pages, indexes, constraints and references are sound";

pub(super) fn journal(layout: &Layout, options: &DoctorOptions) -> Result<Told> {
    let path = layout.path_of(layout::JOURNAL);
    let mut faults = db::faults(&path, &options.control)?.into_iter();
    let Some(detail) = faults.next() else {
        return Ok(Told::ok(SOUND));
    };
    let damaged = Error::StoreDamaged { path, detail };
    Ok(Told::error(&damaged).listing(faults.collect()))
}

/// It may be deleted at any time.
pub(super) fn cache(layout: &Layout, options: &DoctorOptions) -> Result<Told> {
    let remove = Cure::Remove(layout.path_of(layout::CACHE));
    derived(layout, layout::CACHE, options, remove)
}

/// It may be deleted at any time.
pub(super) fn index(layout: &Layout, options: &DoctorOptions) -> Result<Told> {
    derived(layout, layout::INDEX, options, Cure::RebuildIndex)
}

fn derived(
    layout: &Layout,
    name: &'static str,
    options: &DoctorOptions,
    cure: Cure,
) -> Result<Told> {
    if layout.control().stat_at(name)?.is_none() {
        return Ok(Told::ok("not there; it is made when it is needed"));
    }
    let path = layout.path_of(name);
    let faults = match db::faults(&path, &options.control) {
        Err(error @ (Error::Interrupted | Error::Busy { .. })) => return Err(error),
        // Even to be read it needs room for the memory that its readers share.
        Err(error @ Error::NoSpace { .. }) => return Ok(Told::unseen(&error)),
        Err(error) => vec![with_causes(&error)],
        Ok(faults) => faults,
    };
    if faults.is_empty() {
        return Ok(Told::ok(SOUND));
    }
    let message = format!("{path} is damaged; nothing is lost, it can be made again");
    Ok(Told::warning(message).listing(faults).cured_by(cure))
}

/// The file itself has a check of its own.
pub(super) fn chain(patient: &Patient<'_>) -> Result<Told> {
    let chain = patient.journal.recompute(&[], &patient.options.control)?;
    Ok(Told::ok(format!(
        "{} events and {} rows recomputed, {} schema objects and {} slot rows as expected; head {} {}",
        chain.events,
        chain.rows,
        chain.schema_objects,
        chain.slots,
        chain.head.seq,
        chain.head.hash
    )))
}

pub(super) fn search_index(patient: &Patient<'_>) -> Result<Told> {
    let settings = Settings::of_control(patient.layout.control());
    let settings = match settings.and_then(|settings| settings.index()) {
        Ok(index) => index,
        // Its own check has it.
        Err(error) => return Ok(Told::unseen(&error)),
    };
    let index = Index {
        layout: patient.layout,
        journal: patient.journal,
        settings,
    };
    let status = index.status()?;
    let has = format!(
        "{} records, {} documents, {} vectors",
        status.records, status.documents, status.vectors
    );
    if status.is_behind {
        let message = format!("{has}; behind the last commit");
        return Ok(Told::warning(message).cured_by(Cure::RefreshIndex));
    }
    let report = index.check(&Uri::root(), &patient.options.control)?;
    if report.total > 0 {
        let faults = report.faults.iter();
        let faults = faults.map(|it| format!("{} at level {}: {}", it.uri, it.level, it.fault));
        let message = format!("{has}; {} differ from what the rules want", report.total);
        return Ok(Told::problem(Kind::Conflict, message)
            .listing(faults.collect())
            .cured_by(Cure::FixIndex));
    }
    let told = match status.failure {
        Some(failure) => Told::warning(format!(
            "{has}; {} wait for a vector: {failure}",
            status.pending
        )),
        None if status.pending > 0 => {
            Told::warning(format!("{has}; {} wait for a vector", status.pending))
        }
        None => return Ok(Told::ok(format!("{has}, as the rules want them"))),
    };
    Ok(told.cured_by(Cure::RefreshIndex))
}
