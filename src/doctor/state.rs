//! What acts left: open transactions, slots, the live tree, scratch files.

use std::collections::BTreeMap;

use super::report::{Cure, Told};
use super::{Patient, place};
use crate::audit;
use crate::entry_path::{EntryKind, EntryPath, shown_name};
use crate::error::{Error, Result};
use crate::exchange::{self, Position};
use crate::fsops::Dir;
use crate::id::{SlotId, TransactionId};
use crate::journal::EventKind;
use crate::journal::verify::HeldSlot;
use crate::layout::{self, Layout};
use crate::lock::WriterLock;
use crate::plan;
use crate::recover;
use crate::status::{self, StatusOptions};
use crate::tree::{self, Descend};

/// Most things that no pack can hold that are told of one slot.
const STRANGE_MAX: usize = 20;

/// What an act has there while it runs, and leaves behind where it is killed.
pub(super) fn staging(layout: &Layout, is_free: bool) -> Result<Told> {
    if !is_free {
        return Ok(Told::ok("in use by the process at work"));
    }
    let left = names(&layout.control().open_dir(layout::STAGING)?)?;
    if left.is_empty() {
        return Ok(Told::ok("empty"));
    }
    let message = format!(
        "{} left by an act that was cut short; the next writing act removes them",
        left.len()
    );
    Ok(Told::warning(message).listing(left).cured_by(Cure::Recover))
}

pub(super) fn uploads(layout: &Layout) -> Result<Told> {
    if layout.control().stat_at(layout::UPLOADS)?.is_none() {
        return Ok(Told::ok("none; no server has been started here"));
    }
    let dir = layout.control().open_dir(layout::UPLOADS)?;
    match WriterLock::take_if_free(&dir, layout::LOCK) {
        Ok(None) => return Ok(Told::ok("in use by a server")),
        Err(error) if error.is_absent() => {}
        taken => drop(taken?),
    }
    let mut left = names(&dir)?;
    left.retain(|name| name != layout::LOCK);
    if left.is_empty() {
        return Ok(Told::ok("empty; no server is running"));
    }
    let message = format!(
        "{} left by a server that was killed; the next server removes them",
        left.len()
    );
    let remove = Cure::Remove(dir.path().to_owned());
    Ok(Told::warning(message).listing(left).cured_by(remove))
}

fn names(dir: &Dir) -> Result<Vec<String>> {
    let mut names = Vec::new();
    dir.each_name(&mut |name| {
        names.push(shown_name(name.as_encoded_bytes()));
        Ok(())
    })?;
    names.sort();
    Ok(names)
}

/// A transaction that is open while nobody works was left by a crash.
pub(super) fn transactions(patient: &Patient<'_>, is_free: bool) -> Result<Told> {
    let open = patient.journal.open_transactions()?;
    let ids: Vec<_> = open.iter().map(|(id, _)| id.to_string()).collect();
    let ids = ids.join(", ");
    if open.is_empty() {
        return Ok(Told::ok("all ended"));
    }
    if !is_free {
        return Ok(Told::ok(format!("{ids} on its way")));
    }
    for (id, events) in &open {
        if let Some(doubt) = doubt(patient, *id, events)? {
            return Ok(Told::error(&doubt));
        }
    }
    let message = format!("{ids} left open by a crash; the next writing act settles it");
    Ok(Told::warning(message).cured_by(Cure::Recover))
}

/// Returns what recovery would say where it cannot decide.
fn doubt(patient: &Patient<'_>, id: TransactionId, events: &[EventKind]) -> Result<Option<Error>> {
    let has = |kind| events.contains(&kind);
    if has(EventKind::Aborting)
        || !has(EventKind::Prepared)
        || patient.journal.transaction(id)?.is_about_slots()
    {
        return Ok(None);
    }
    let units = patient.journal.units(id)?;
    for unit in &units {
        let digest_of = &plan::digest_by_reading;
        let position = exchange::position(patient.layout, unit, &units, digest_of)?;
        if let Position::Neither(found) = position {
            return Ok(Some(recover::in_doubt(patient.layout, id, unit, found)));
        }
    }
    Ok(None)
}

/// Slots on the disk against the journal's rows: by the bytes that each holds, or by reading all.
pub(super) fn slots(patient: &Patient<'_>) -> Result<Told> {
    let journal = patient.journal;
    let moves = || {
        let moves = (journal.last_prepared()?, journal.generation()?);
        Ok::<_, Error>((moves, journal.open_transactions()?.len()))
    };
    let before = moves()?;
    if journal.has_open_prepared()? {
        return Ok(Told::warning(
            "not looked at: a transaction is on its way, or was left open",
        ));
    }
    let mut faults = Vec::new();
    let held = journal.held_trees()?;
    for slot in &held {
        patient.options.control.ensure_not_interrupted()?;
        match slot_fault(patient, slot) {
            Ok(()) => {}
            Err(error @ Error::SlotDamaged { .. }) => faults.push(error),
            Err(error) => return Err(error),
        }
    }
    let strays = strays(patient)?;
    if moves()? != before {
        return Ok(Told::warning(
            "not told: a writer moved trees while they were looked at",
        ));
    }
    if let Some((first, others)) = faults.split_first() {
        let others = others.iter().map(ToString::to_string);
        return Ok(Told::error(first).listing(others.collect()));
    }
    if let Some(first) = strays.values().next() {
        let message = format!(
            "{} that no transaction knows; an older copy of the journal may have been put back",
            strays.len()
        );
        let remove = Cure::Remove(first.clone().into());
        return Ok(Told::warning(message)
            .listing(strays.into_values().collect())
            .cured_by(remove));
    }
    let how = if patient.options.content {
        "every byte was read"
    } else {
        "by size"
    };
    let trees = held.iter().filter(|slot| slot.has_tree).count();
    Ok(Told::ok(format!(
        "old trees held: {trees}, as the journal says ({how})"
    )))
}

fn slot_fault(patient: &Patient<'_>, slot: &HeldSlot) -> Result<()> {
    let (layout, journal) = (patient.layout, patient.journal);
    let control = &patient.options.control;
    if patient.options.content {
        return audit::verify_slot(layout, journal, slot, control).map(drop);
    }
    let Some(tree) = audit::open_tree_of(layout, slot)? else {
        return Ok(());
    };
    let recorded = journal.slot(slot.id)?.map_or(0, |row| row.bytes);
    let mut bytes = 0_u64;
    let mut strange = Vec::new();
    tree::walk_from(
        &tree,
        &EntryPath::parse(&slot.path).unwrap_or_default(),
        &mut |found| {
            control.ensure_not_interrupted()?;
            if found.kind == EntryKind::File {
                bytes = bytes.saturating_add(found.stat.size_bytes);
            }
            Ok(Descend::Below)
        },
        &mut |error| {
            if strange.len() < STRANGE_MAX {
                strange.push(error.to_string());
            }
            Ok(())
        },
    )?;
    if bytes != recorded {
        strange.push(format!("it has {bytes} bytes, recorded are {recorded}"));
    }
    if strange.is_empty() {
        return Ok(());
    }
    Err(Error::SlotDamaged {
        tx: slot.holder,
        slot: slot.id.to_string(),
        detail: strange.join(", "),
    })
}

/// Returns the paths of what stands among the slots and is none, or is one that was freed.
fn strays(patient: &Patient<'_>) -> Result<BTreeMap<String, String>> {
    let dir = patient.layout.open_slots()?;
    let mut strays = BTreeMap::new();
    for name in names(&dir)? {
        let id = name.parse().map(SlotId);
        let row = id.map_or(Ok(None), |id| patient.journal.slot(id))?;
        if row.is_none_or(|row| row.state == "pruned") {
            let path = dir.at(&name).into_string();
            strays.insert(name, path);
        }
    }
    Ok(strays)
}

/// The live tree against what the last commit left; also returns its files and bytes.
pub(super) fn live_tree(patient: &Patient<'_>) -> Result<(Result<Told>, place::Size)> {
    let options = StatusOptions {
        uri: None,
        content: patient.options.content,
        control: patient.options.control.clone(),
    };
    let told = status::status(
        patient.layout,
        patient.journal,
        patient.store,
        patient.cache(),
        &options,
    );
    let report = match told {
        Ok(report) => report,
        Err(Error::Interrupted) => return Err(Error::Interrupted),
        Err(error) => return Ok((Err(error), None)),
    };
    let size = Some((report.files, report.bytes));
    let has = format!("{} files, {} bytes", report.files, report.bytes);
    let drift = report.drift;
    let drifted: Vec<_> = [
        ("added", drift.added),
        ("changed", drift.changed),
        ("missing", drift.missing),
    ]
    .into_iter()
    .flat_map(|(how, uris)| uris.into_iter().map(move |uri| format!("{how} {uri}")))
    .collect();
    let told = if !report.unpackable.is_empty() {
        let count = report.unpackable.len();
        let message = format!("{has}; {count} that no pack can hold, so no export takes them");
        Told::warning(message)
            .listing(report.unpackable)
            .cured_by(Cure::ShowDrift)
    } else if !drifted.is_empty() {
        let count = drifted.len();
        Told::warning(format!("{has}; {count} changed outside of the store"))
            .listing(drifted)
            .cured_by(Cure::ShowDrift)
    } else {
        Told::ok(format!(
            "{has}, as the last commit left them ({})",
            report.content
        ))
    };
    Ok((Ok(told), size))
}
