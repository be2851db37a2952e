//! Which paths are wanted back, what each was and is, and which units that moves.

use crate::assembly::Source;
use crate::entry_path::EntryPath;
use crate::error::{Error, Result};
use crate::fsops::{Dir, FileKind, Stat};
use crate::id::{SlotId, TransactionId};
use crate::journal::Journal;
use crate::journal::prepare::UnitAction;
use crate::layout::{self, Layout};
use crate::rollback::Obstacles;
use crate::slot::Ownership;
use crate::target::PlannedUnit;
use crate::uri::Uri;

/// One path that is to be again what it was.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) path: EntryPath,
    /// The slot that holds what was there.
    pub(super) slot: SlotId,
    /// The tree in it; `None` where nothing was there before.
    pub(super) source: Option<Source>,
    /// What the path was; `None` for nothing.
    pub(super) was: Option<FileKind>,
    /// What it is; `None` for nothing.
    is: Option<FileKind>,
}

/// Looks at each path before and after; those that lie in another one come back with it.
pub(super) fn look(
    layout: &Layout,
    journal: &Journal,
    tx: TransactionId,
    uris: &[Uri],
    obstacles: &mut Obstacles,
) -> Result<Vec<Wanted>> {
    let is_below_another = |uri: &Uri| {
        let mut others = uris.iter();
        others.any(|other| other != uri && uri.path().is_at_or_below(other.path()))
    };
    let mut wanted: Vec<Wanted> = Vec::new();
    for uri in uris.iter().filter(|uri| !is_below_another(uri)) {
        if wanted.iter().any(|wanted| wanted.path == *uri.path()) {
            continue;
        }
        if let Some(found) = look_at(layout, journal, tx, uri, obstacles)? {
            wanted.push(found);
        }
    }
    Ok(wanted)
}

fn look_at(
    layout: &Layout,
    journal: &Journal,
    tx: TransactionId,
    uri: &Uri,
    obstacles: &mut Obstacles,
) -> Result<Option<Wanted>> {
    let path = uri.path();
    let units = journal.units(tx)?;
    let unit = units.into_iter().find(|unit| {
        let unit = EntryPath::parse(&unit.path).unwrap_or_default();
        path.is_at_or_below(&unit)
    });
    let Some(unit) = unit.filter(|_| !path.is_root()) else {
        return Err(Error::NotInTransaction {
            tx,
            uri: uri.clone(),
        });
    };
    let base = EntryPath::parse(&unit.path).unwrap_or_default();
    let slot = unit.slot;
    let row = journal.slot(slot)?.filter(|row| row.state == "held");
    let Some(row) = row else {
        let slot = slot.to_string();
        obstacles.meet(Error::SlotPruned { tx, slot })?;
        return Ok(None);
    };
    let tree = or_absent(
        layout
            .open_slot(slot)
            .and_then(|slot| slot.open_dir(layout::TREE)),
    )?;
    if tree.is_some() != row.has_tree {
        obstacles.meet(Error::SlotDamaged {
            tx,
            slot: slot.to_string(),
            detail: "its tree is gone, or stands where none should be".to_owned(),
        })?;
        return Ok(None);
    }
    let below = path.strip_prefix(&base).unwrap_or_default();
    let was = match &tree {
        Some(tree) => kind_of(tree, &below)?,
        None => None,
    };
    let is = kind_of(&layout.open_live()?, path)?;
    if was.is_none() && is.is_none() {
        return Err(Error::UriNotFound { uri: uri.clone() });
    }
    Ok(Some(Wanted {
        path: path.clone(),
        slot,
        source: tree.map(|tree| Source { tree, base }),
        was,
        is,
    }))
}

/// Returns what is at a path; what is neither file nor directory is refused.
fn kind_of(tree: &Dir, path: &EntryPath) -> Result<Option<FileKind>> {
    let kind = match tree.stat_at(path) {
        Err(error) if error.is_absent() => None,
        stat => stat?.map(|stat| stat.kind),
    };
    match kind {
        None | Some(FileKind::File | FileKind::Directory) => Ok(kind),
        Some(FileKind::Symlink | FileKind::Fifo | FileKind::Socket | FileKind::Device) => {
            Err(Error::SpecialFile {
                path: tree.at(path),
                what: kind.map_or("", FileKind::as_str),
            })
        }
    }
}

/// Chooses what is moved: a directory that comes back or goes away itself; a file with the directory
/// that holds it; where that is missing, the topmost directory that is.
pub(super) fn units(layout: &Layout, wanted: &[Wanted]) -> Result<Vec<PlannedUnit>> {
    let live = layout.open_live()?;
    let mut units: Vec<PlannedUnit> = Vec::new();
    for wanted in wanted {
        let is_file = [wanted.was, wanted.is].contains(&Some(FileKind::File));
        let place = match wanted.path.parent() {
            Some(parent) if is_file => parent,
            _ => wanted.path.clone(),
        };
        let unit = unit_at(&live, wanted, &place)?;
        let path = EntryPath::parse(&unit.path).unwrap_or_default();
        let lies_in =
            |a: &EntryPath, b: &str| a.is_at_or_below(&EntryPath::parse(b).unwrap_or_default());
        if !units.iter().any(|other| lies_in(&path, &other.path)) {
            units.retain(|other| {
                !EntryPath::parse(&other.path)
                    .unwrap_or_default()
                    .is_at_or_below(&path)
            });
            units.push(unit);
        }
    }
    Ok(units)
}

fn unit_at(live: &Dir, wanted: &Wanted, place: &EntryPath) -> Result<PlannedUnit> {
    let mut above = live.stat()?;
    let mut path = EntryPath::root();
    for component in place.components() {
        path = path.join(&EntryPath::parse(component).unwrap_or_default());
        match live.stat_at(&path)? {
            Some(stat) if stat.kind == FileKind::Directory => above = stat,
            Some(_) => return Err(not_a_directory(path)),
            None => {
                return Ok(planned(&path, UnitAction::Create, &above, None));
            }
        }
    }
    let goes_away = *place == wanted.path && wanted.was.is_none();
    let action = if goes_away {
        UnitAction::Remove
    } else {
        UnitAction::Exchange
    };
    Ok(planned(place, action, &above, Some(above.inode)))
}

fn planned(
    path: &EntryPath,
    action: UnitAction,
    like: &Stat,
    old_inode: Option<u64>,
) -> PlannedUnit {
    PlannedUnit {
        path: path.to_string(),
        action,
        ownership: Ownership::from(like),
        old_inode,
    }
}

/// A file stands where a directory is needed.
pub(super) fn not_a_directory(path: EntryPath) -> Error {
    match Uri::from_path(path) {
        Ok(uri) => Error::WrongEntryKind {
            uri,
            expected: "directory",
        },
        Err(fault) => Error::InvalidUri {
            text: String::new(),
            fault,
        },
    }
}

fn or_absent(opened: Result<Dir>) -> Result<Option<Dir>> {
    match opened {
        Ok(dir) => Ok(Some(dir)),
        Err(error) if error.is_absent() => Ok(None),
        Err(error) => Err(error),
    }
}
