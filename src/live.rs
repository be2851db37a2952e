//! Live roots: opened for replacing, and looked at again before they are replaced.

use crate::entry_path::EntryPath;
use crate::error::{Error, Result};
use crate::fingerprint::Fingerprint;
use crate::fsops::Dir;
use crate::jobs::Jobs;
use crate::journal::prepare::{Unit, UnitAction};
use crate::layout::Layout;
use crate::staging::Staging;
use crate::tree;
use crate::tree_sum;

/// Opens a live root for replacing: it must be on the store's own mount.
pub(crate) fn open_unit(layout: &Layout, unit: &str) -> Result<Dir> {
    let (parent, name) = layout.open_unit_parent(unit)?;
    let live = parent.open_dir(&name)?;
    if !live.stat()?.is_on_same_mount(&layout.control().stat()?) {
        return Err(Error::OtherDevice {
            path: parent.at(&name),
        });
    }
    Ok(live)
}

/// Sums up the versions in which the plan saw the live trees; `None` for a unit where nothing was.
pub(crate) fn versions_seen(staging: &Staging, units: &[Unit]) -> Result<Vec<Option<Fingerprint>>> {
    let sums = units.iter().map(|unit| {
        if unit.action == UnitAction::Create {
            return Ok(None);
        }
        let mut seen = Fingerprint::new();
        staging.for_each_live_version(&unit.path, &mut |path, version| {
            tree_sum::add_version(&mut seen, path, version);
        })?;
        Ok(Some(seen))
    });
    sums.collect()
}

/// Looks whether the live trees are still what the plan saw, by sums of [`versions_seen`].
pub(crate) fn look_again_by_sums(
    layout: &Layout,
    units: &[Unit],
    seen: &[Option<Fingerprint>],
    jobs: Jobs,
) -> Result<()> {
    let mut pairs = units.iter().zip(seen);
    pairs.try_for_each(|(unit, seen)| look_again_by_sum(layout, unit, seen.as_ref(), jobs))
}

/// Looks whether the live trees are still what the plan saw, by stat.
pub(crate) fn look_again(layout: &Layout, staging: &Staging, units: &[Unit]) -> Result<()> {
    units.iter().try_for_each(|unit| {
        let looked = if unit.action == UnitAction::Create {
            ensure_still_absent(layout, unit)
        } else {
            ensure_same(layout, staging, unit)
        };
        looked.map_err(|error| changed_where_absent(layout, unit, error))
    })
}

/// The same for one unit whose versions were summed up; `None` where nothing was there.
///
/// A sum stands for what rows would: path, inode, size, mode, mtime and ctime of each entry. It differs
/// wherever one of these does for any, since its keys are unknown to whoever changes the tree.
pub(crate) fn look_again_by_sum(
    layout: &Layout,
    unit: &Unit,
    seen: Option<&Fingerprint>,
    jobs: Jobs,
) -> Result<()> {
    let looked = match seen {
        None => ensure_still_absent(layout, unit),
        Some(seen) => ensure_same_sum(layout, unit, seen, jobs),
    };
    looked.map_err(|error| changed_where_absent(layout, unit, error))
}

fn ensure_same_sum(layout: &Layout, unit: &Unit, seen: &Fingerprint, jobs: Jobs) -> Result<()> {
    let live = open_unit(layout, &unit.path)?;
    let base = EntryPath::parse(&unit.path).unwrap_or_default();
    let versions = tree_sum::versions_of(&live, &base, seen, jobs)?;
    if versions.is_some_and(|versions| versions.is_same(seen)) {
        return Ok(());
    }
    Err(Error::LiveTreeChanged {
        path: live.path().to_owned(),
    })
}

/// A tree that is gone since it was planned with has changed.
fn changed_where_absent(layout: &Layout, unit: &Unit, error: Error) -> Error {
    if error.is_absent() {
        let path = layout.live_path_of(&unit.path);
        return Error::LiveTreeChanged { path };
    }
    error
}

/// Looks whether the live roots are still the ones that were planned with, and not at what they hold.
pub(crate) fn look_at_roots(layout: &Layout, units: &[Unit]) -> Result<()> {
    units.iter().try_for_each(|unit| {
        let (parent, name) = layout.open_unit_parent(&unit.path)?;
        let found = parent.stat_at(&name)?.map(|stat| stat.inode);
        if found == unit.old.map(|tree| tree.inode) {
            return Ok(());
        }
        Err(Error::LiveTreeChanged {
            path: parent.at(&name),
        })
    })
}

fn ensure_still_absent(layout: &Layout, unit: &Unit) -> Result<()> {
    let (parent, name) = layout.open_unit_parent(&unit.path)?;
    match parent.stat_at(&name)? {
        None => Ok(()),
        Some(_) => Err(Error::LiveTreeChanged {
            path: parent.at(&name),
        }),
    }
}

fn ensure_same(layout: &Layout, staging: &Staging, unit: &Unit) -> Result<()> {
    let live = open_unit(layout, &unit.path)?;
    let base = EntryPath::parse(&unit.path).unwrap_or_default();
    let mut seen = 0;
    tree::walk_from(
        &live,
        &base,
        &mut |found| {
            seen += 1;
            if staging.is_live_as_planned(found.path, found.stat)? {
                return Ok(tree::Descend::Below);
            }
            Err(Error::LiveTreeChanged {
                path: found.dir.at(found.name),
            })
        },
        &mut Err,
    )?;
    if seen == staging.count_live(&unit.path)? {
        return Ok(());
    }
    Err(Error::LiveTreeChanged {
        path: live.path().to_owned(),
    })
}
