//! Where outputs may be: in no live tree and in no control directory, of whatever store.
//!
//! What is written into a live tree is drift, and goes into the next backup; what is written into a
//! control directory is no one's, and may be taken for a slot.

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

use crate::error::{Error, Result};
use crate::layout;
use crate::uri::Scope;

/// Refuses a path in a live tree or a control directory, for who writes a file beside those that acts
/// write. Beside them a store's directory is anyone's.
///
/// Which stores are adopted is not asked of their journals, which may be damaged: the names of both
/// kinds of live trees count.
///
/// # Errors
/// [`Error::InvalidArgument`].
pub fn ensure_outside_of_trees(argument: &'static str, path: &Utf8Path) -> Result<()> {
    let is_inside = stores_around(path).any(|below| {
        let mut names = below.components().map(|component| component.as_str());
        match names.next() {
            Some(layout::CONTROL) => !is_handed_out(names),
            Some(layout::LIVE) => true,
            name => name.is_some_and(is_scope),
        }
    });
    if is_inside {
        return Err(Error::InvalidArgument {
            argument,
            value: path.to_string(),
            expected: "a path outside of every store's live tree and control directory",
        });
    }
    Ok(())
}

/// Refuses a path anywhere in a store's directory.
///
/// # Errors
/// [`Error::InvalidArgument`].
pub(crate) fn ensure_outside_of_stores(argument: &'static str, path: &Utf8Path) -> Result<()> {
    if stores_around(path).next().is_some() {
        return Err(Error::InvalidArgument {
            argument,
            value: path.to_string(),
            expected: "a path outside of every store",
        });
    }
    Ok(())
}

/// Returns whether a server hands out the pack that lies there in its control directory.
fn is_handed_out<'a>(mut names: impl Iterator<Item = &'a str>) -> bool {
    names.next() == Some(layout::UPLOADS)
        && names.next().is_some_and(layout::is_outgoing)
        && names.next().is_none()
}

fn is_scope(name: &str) -> bool {
    Scope::ALL.iter().any(|scope| scope.as_str() == name)
}

/// Returns what `path` is below each store that it lies in.
fn stores_around(path: &Utf8Path) -> impl Iterator<Item = Utf8PathBuf> {
    let whole = resolved(path).unwrap_or_default();
    let stores: Vec<_> = whole
        .ancestors()
        .filter(|dir| layout::is_store(dir))
        .collect();
    let below = stores
        .into_iter()
        .filter_map(|store| whole.strip_prefix(store).ok().map(Utf8Path::to_owned));
    below.collect::<Vec<_>>().into_iter()
}

/// Returns where `path` leads once the directories that are missing are made; `None` where that
/// cannot be told, and nothing could be written there either.
fn resolved(path: &Utf8Path) -> Option<Utf8PathBuf> {
    let is_there = |path: &&Utf8Path| !path.as_str().is_empty() && path.exists();
    let there = path.ancestors().find(is_there);
    let missing = path.strip_prefix(there.unwrap_or(Utf8Path::new(""))).ok()?;
    let mut whole = there
        .unwrap_or(Utf8Path::new("."))
        .canonicalize_utf8()
        .ok()?;
    for component in missing.components() {
        match component {
            Utf8Component::Normal(name) => whole.push(name),
            Utf8Component::ParentDir => drop(whole.pop()),
            Utf8Component::CurDir | Utf8Component::RootDir | Utf8Component::Prefix(_) => {}
        }
    }
    Some(whole)
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "tests make the directories that they ask about"
)]
mod tests {
    use super::*;

    #[test]
    fn live_trees_and_control_directories_are_inside_and_what_is_beside_them_is_not() {
        let dir = tempfile::tempdir().expect("a directory");
        let dir = Utf8Path::from_path(dir.path()).expect("UTF-8");
        for made in [
            "s/.ovpack",
            "s/viking/resources",
            "s/user",
            "s/other",
            "out",
        ] {
            std::fs::create_dir_all(dir.join(made)).expect("made");
        }
        std::fs::write(dir.join("s/.ovpack/store.db"), "").expect("written");
        let link = |to: &str, from: &str| std::os::unix::fs::symlink(to, dir.join(from));
        link("s/viking", "link").expect("linked");
        for (path, is_in_tree, is_in_store) in [
            ("x", false, false),
            ("out/x", false, false),
            ("missing/x", false, false),
            ("s/x", false, true),
            ("s/other/x", false, true),
            ("s/other/viking/x", false, true),
            ("s/viking/../../out/x", false, false),
            ("s/.ovpack/uploads/x", true, true),
            ("s/.ovpack/uploads/x.ovpack", true, true),
            ("s/.ovpack/uploads/export_.ovpack", true, true),
            (
                "s/.ovpack/uploads/export_0123456789abcdef0123456789abcdef.ovpack",
                false,
                true,
            ),
            (
                "s/.ovpack/uploads/export_0123456789abcdef0123456789abcdef.ovpack/x",
                true,
                true,
            ),
            ("s/viking/x", true, true),
            ("s/viking/resources/missing/x", true, true),
            ("s/other/../viking/x", true, true),
            ("s/missing/../viking/x", true, true),
            ("link/x", true, true),
            ("s/user/x", true, true),
            ("s/agent/x", true, true),
            ("s/.ovpack/x", true, true),
            ("s/.ovpack/slots/1/x", true, true),
        ] {
            let path = dir.join(path);
            let tree = ensure_outside_of_trees("output", &path);
            assert_eq!(tree.is_err(), is_in_tree, "{path}");
            let store = ensure_outside_of_stores("into", &path);
            assert_eq!(store.is_err(), is_in_store, "{path}");
        }
    }
}
