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

/// Which way units are moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Old to new, in the order in which they are listed.
    Forward,
    /// New to old, in the opposite order.
    Back,
}

/// Units of which the first `moved`, in the order of the way, are moved, and not the next.
#[derive(Debug)]
pub(crate) struct Stopped {
    pub(crate) moved: usize,
    pub(crate) error: Error,
}

/// Moves units one after the other, but for those that `is_moved` already.
///
/// Units may contain one another: the outer one first, then the inner one in the tree that came with
/// it; or the inner one first, which the outer one then carries away. Either is right only in its
/// order, so of two such units the first rename is made durable before the second is done: after a
/// crash of the machine as well, those that are moved are the first ones.
pub(crate) fn move_all(
    layout: &Layout,
    units: &[Unit],
    way: Way,
    is_moved: &dyn Fn(&Unit) -> bool,
) -> Result<(), Stopped> {
    let ordered = in_order(units, way);
    for (at, unit) in ordered.iter().enumerate() {
        let stopped = |moved| move |error| Stopped { moved, error };
        if !is_moved(unit) {
            let action = match way {
                Way::Forward => unit.action,
                Way::Back => unit.action.inverse(),
            };
            rename(layout, unit, action).map_err(stopped(at))?;
        }
        let mut later = ordered.iter().skip(at + 1);
        if later.any(|later| overlap(unit, later) && !is_moved(later)) {
            sync_parents_of(layout, unit).map_err(stopped(at + 1))?;
        }
    }
    Ok(())
}

fn in_order(units: &[Unit], way: Way) -> Vec<&Unit> {
    match way {
        Way::Forward => units.iter().collect(),
        Way::Back => units.iter().rev().collect(),
    }
}

/// Returns whether one of two units is the other or contains it.
fn overlap(a: &Unit, b: &Unit) -> bool {
    is_in(a, b) || is_in(b, a)
}

/// Returns whether a unit is another one or lies in it.
fn is_in(inner: &Unit, outer: &Unit) -> bool {
    let rest = inner.path.strip_prefix(outer.path.as_str());
    outer.path.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
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

/// Makes the renames of units that were moved a way durable: both directories of each. What a later
/// unit carried away is durable since before that.
pub(crate) fn sync_parents(layout: &Layout, units: &[Unit], way: Way) -> Result<()> {
    let ordered = in_order(units, way);
    for (at, unit) in ordered.iter().enumerate() {
        let mut later = ordered.iter().skip(at + 1);
        if !later.any(|later| is_in(unit, later)) {
            sync_parents_of(layout, unit)?;
        }
    }
    Ok(())
}

fn sync_parents_of(layout: &Layout, unit: &Unit) -> Result<()> {
    layout.open_unit_parent(&unit.path)?.0.sync()?;
    layout.open_slot(unit.slot)?.sync()
}

/// Tells where a unit of `units` stands: by inode, and where that knows neither tree, by tree digest.
///
/// Where another unit contains it or lies in it, its live path tells nothing alone: it may show what
/// came or went with the other one. Then its slot is asked, which no other unit touches, and which
/// holds the new tree before its rename and the old one after it.
///
/// `digest_of` is asked only where the inode is not known. The device number is not asked: it is not
/// stable over a reboot.
pub(crate) fn position(
    layout: &Layout,
    unit: &Unit,
    units: &[Unit],
    digest_of: &dyn Fn(&Dir) -> Result<Digest>,
) -> Result<Position> {
    let is_alone = units
        .iter()
        .all(|other| other.slot == unit.slot || !overlap(unit, other));
    if is_alone {
        let live = open_live_unit(layout, unit)?;
        return told_by(live, (unit.new, unit.old), digest_of);
    }
    let slot = layout.open_slot(unit.slot)?;
    let held = match slot.stat_at(layout::TREE)? {
        Some(_) => Some(slot.open_dir(layout::TREE)?),
        None => None,
    };
    told_by(held, (unit.old, unit.new), digest_of)
}

/// Tells by one of the two places of a unit: what it holds where the unit is new, and where it is old.
fn told_by(
    place: Option<Dir>,
    (if_new, if_old): (Option<TreeIdentity>, Option<TreeIdentity>),
    digest_of: &dyn Fn(&Dir) -> Result<Digest>,
) -> Result<Position> {
    let Some(tree) = place else {
        return Ok(match (if_old, if_new) {
            (None, Some(_)) => Position::Old,
            (Some(_), None) => Position::New,
            _ => Position::Neither("absent".to_owned()),
        });
    };
    let inode = tree.stat()?.inode;
    let is = |known: Option<TreeIdentity>| known.is_some_and(|known| known.inode == inode);
    if is(if_new) {
        return Ok(Position::New);
    }
    if is(if_old) {
        return Ok(Position::Old);
    }
    let digest = digest_of(&tree)?;
    let has = |known: Option<TreeIdentity>| known.is_some_and(|known| known.digest == digest);
    Ok(match (has(if_new), has(if_old)) {
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
