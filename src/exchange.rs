//! The exchange itself: units change places between live tree and slot, one rename each.

use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::fsops::{self, Dir};
use crate::journal::prepare::{TreeIdentity, Unit, UnitAction};
use crate::layout::{self, Layout};

/// Where a unit stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    /// The live tree is the old one.
    Old,
    /// The live tree is the new one.
    New,
    /// The live tree is neither; what it is.
    Neither(String),
}

/// Moves a unit: old to new.
pub(crate) fn move_forward(layout: &Layout, unit: &Unit) -> Result<()> {
    rename(layout, unit, unit.action)
}

/// Moves a unit back: new to old.
pub(crate) fn move_back(layout: &Layout, unit: &Unit) -> Result<()> {
    rename(layout, unit, unit.action.inverse())
}

fn rename(layout: &Layout, unit: &Unit, action: UnitAction) -> Result<()> {
    let (parent, name) = layout.open_unit_parent(&unit.path)?;
    let slot = layout.open_slot(unit.slot)?;
    let moved = match action {
        UnitAction::Exchange => fsops::exchange(&slot, layout::TREE, &parent, &name),
        UnitAction::Create => fsops::move_noreplace(&slot, layout::TREE, &parent, &name),
        UnitAction::Remove => fsops::move_noreplace(&parent, &name, &slot, layout::TREE),
    };
    moved.map_err(|source| Error::io("put in place", parent.at(&name), source))
}

/// Makes the renames of units durable: both directories of each.
pub(crate) fn sync_parents(layout: &Layout, units: &[Unit]) -> Result<()> {
    for unit in units {
        layout.open_unit_parent(&unit.path)?.0.sync()?;
        layout.open_slot(unit.slot)?.sync()?;
    }
    Ok(())
}

/// Tells where a unit stands: by inode, and where that knows neither tree, by tree digest.
///
/// `digest_of` is asked only then, with the unit's live directory. The device number is not asked:
/// it is not stable over a reboot.
pub(crate) fn position(
    layout: &Layout,
    unit: &Unit,
    digest_of: &dyn Fn(&Dir) -> Result<Digest>,
) -> Result<Position> {
    let Some(live) = open_live_unit(layout, unit)? else {
        return Ok(match (unit.old, unit.new) {
            (None, Some(_)) => Position::Old,
            (Some(_), None) => Position::New,
            _ => Position::Neither("absent".to_owned()),
        });
    };
    let inode = live.stat()?.inode;
    let is = |tree: Option<TreeIdentity>, inode: u64| tree.is_some_and(|tree| tree.inode == inode);
    if is(unit.new, inode) {
        return Ok(Position::New);
    }
    if is(unit.old, inode) {
        return Ok(Position::Old);
    }
    let digest = digest_of(&live)?;
    let has = |tree: Option<TreeIdentity>| tree.is_some_and(|tree| tree.digest == digest);
    Ok(match (has(unit.new), has(unit.old)) {
        (true, false) => Position::New,
        (false, true) => Position::Old,
        _ => Position::Neither(format!("inode {inode}, digest {digest}")),
    })
}

fn open_live_unit(layout: &Layout, unit: &Unit) -> Result<Option<Dir>> {
    let opened = layout
        .open_unit_parent(&unit.path)
        .and_then(|(parent, name)| parent.open_dir(&name));
    match opened {
        Ok(dir) => Ok(Some(dir)),
        Err(error) if error.is_absent() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Shows a side of a unit in a message.
pub(crate) fn shown(tree: Option<TreeIdentity>) -> String {
    tree.map_or_else(
        || "absent".to_owned(),
        |tree| format!("inode {}, digest {}", tree.inode, tree.digest),
    )
}
