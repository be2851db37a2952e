//! Where a pack goes: what stands there, and which units will be moved.

use camino::Utf8Path;

use crate::entry_path::EntryPath;
use crate::error::{Error, Result};
use crate::fsops::{Dir, FileKind, Stat};
use crate::journal::prepare::UnitAction;
use crate::layout::Layout;
use crate::slot::Ownership;
use crate::staging::Staging;
use crate::uri::{Scope, Uri};

/// The live roots that a pack would replace.
#[derive(Clone, Debug)]
pub(crate) struct Roots {
    /// What the receipt names: the root's URI, `viking://` for a restore.
    pub(crate) uri: Uri,
    /// Prefix of every live path: the root's path, `""` for a restore.
    pub(crate) prefix: EntryPath,
    /// The roots: one for an import, one a scope for a restore.
    pub(crate) uris: Vec<Uri>,
}

/// A unit before its trees are known.
#[derive(Clone, Debug)]
pub(crate) struct PlannedUnit {
    /// Live path; `""` for the live root itself.
    pub(crate) path: String,
    pub(crate) action: UnitAction,
    /// Whom the new tree belongs to.
    pub(crate) ownership: Ownership,
    /// Inode of the live tree that is replaced.
    pub(crate) old_inode: Option<u64>,
}

impl Roots {
    /// The root of an import.
    ///
    /// # Errors
    /// [`Error::InvalidUri`] where parent and name together are no URI, as when they are too long.
    pub(crate) fn of_import(parent: &Uri, name: &str) -> Result<Self> {
        let invalid = |fault| Error::InvalidUri {
            text: format!("{parent}/{name}"),
            fault,
        };
        let leaf =
            EntryPath::parse(name).map_err(|fault| invalid(crate::uri::UriFault::Path(fault)))?;
        let uri = parent.join(&leaf).map_err(invalid)?;
        Ok(Self {
            prefix: uri.path().clone(),
            uris: vec![uri.clone()],
            uri,
        })
    }

    /// The roots of a restore: one for each scope that the pack carries.
    pub(crate) fn of_restore(scopes: &[String]) -> Self {
        let named = |name: &String| {
            Scope::from_name(name).and_then(|scope| Uri::from_path(scope.path()).ok())
        };
        Self {
            uri: Uri::root(),
            prefix: EntryPath::root(),
            uris: scopes.iter().filter_map(named).collect(),
        }
    }

    /// Looks at what stands at each root and on the way to it, as staging rows.
    pub(crate) fn stage(&self, layout: &Layout, staging: &Staging) -> Result<()> {
        let live = &layout.open_live()?;
        let home = layout.control().stat()?;
        for dir in [live, &layout.open_slots()?] {
            ensure_same_mount(&dir.stat()?, &home, dir.path())?;
        }
        for uri in &self.uris {
            let found = look(live, &home, uri, &mut |path, found| {
                staging.add_target_ancestor(path, found)
            })?;
            staging.add_target_root(uri, found)?;
        }
        Ok(())
    }

    /// Chooses what is moved. The live tree must have passed the checks of the target.
    ///
    /// A restore moves the live root itself where the store owns it and it lists nothing but what
    /// the pack carries, so that four scopes appear in one exchange.
    pub(crate) fn units(&self, layout: &Layout) -> Result<Vec<PlannedUnit>> {
        let live = layout.open_live()?;
        if self.prefix.is_root() && !layout.is_adopted() && self.cover(&live)? {
            let stat = live.stat()?;
            return Ok(vec![exchanged(String::new(), &stat)]);
        }
        self.uris
            .iter()
            .map(|root| unit_of(&live, root.path()))
            .collect()
    }

    /// Returns whether every name in the live root is one of the roots.
    fn cover(&self, live: &Dir) -> Result<bool> {
        let names = live.names()?;
        Ok(names.iter().all(|name| {
            self.uris
                .iter()
                .any(|root| name.to_str() == Some(root.path().as_str()))
        }))
    }
}

fn exchanged(path: String, stat: &Stat) -> PlannedUnit {
    PlannedUnit {
        path,
        action: UnitAction::Exchange,
        ownership: stat.into(),
        old_inode: Some(stat.inode),
    }
}

/// An existing root is exchanged; where it is absent, the topmost missing directory is created.
fn unit_of(live: &Dir, root: &EntryPath) -> Result<PlannedUnit> {
    let mut above = live.stat()?;
    let mut path = EntryPath::root();
    for component in root.components() {
        path = path.join(&EntryPath::parse(component).unwrap_or_default());
        match live.stat_at(&path)? {
            Some(stat) if stat.kind == FileKind::Directory => above = stat,
            Some(_) => {
                return Err(Error::Io {
                    action: "replace",
                    path: live.at(&path),
                    source: std::io::ErrorKind::NotADirectory.into(),
                });
            }
            None => {
                let ownership = Ownership::from(&above);
                return Ok(PlannedUnit {
                    path: path.to_string(),
                    action: UnitAction::Create,
                    ownership,
                    old_inode: None,
                });
            }
        }
    }
    Ok(exchanged(path.to_string(), &above))
}

/// What lies on another mount cannot be exchanged; a rename would say so only at the end.
fn ensure_same_mount(stat: &Stat, home: &Stat, path: &Utf8Path) -> Result<()> {
    if stat.is_on_same_mount(home) {
        return Ok(());
    }
    Err(Error::OtherDevice {
        path: path.to_owned(),
    })
}

/// Looks at a root, and tells `on_the_way` of each component above it.
fn look(
    live: &Dir,
    home: &Stat,
    uri: &Uri,
    on_the_way: &mut dyn FnMut(&EntryPath, &'static str) -> Result<()>,
) -> Result<&'static str> {
    let mut path = EntryPath::root();
    let mut components = uri.path().components().peekable();
    while let Some(component) = components.next() {
        path = path.join(&EntryPath::parse(component).unwrap_or_default());
        let is_root = components.peek().is_none();
        let Some(found) = live.stat_at(&path)? else {
            return Ok("absent");
        };
        if found.kind == FileKind::Directory {
            ensure_same_mount(&found, home, &live.at(&path))?;
        }
        if is_root {
            let is_directory = found.kind == FileKind::Directory;
            let is_empty =
                is_directory && uri.is_scope() && live.open_dir(&path)?.names()?.is_empty();
            return Ok(if is_empty {
                "empty-scope"
            } else {
                found.kind.as_str()
            });
        }
        if found.kind == FileKind::Symlink {
            return Err(Error::SymlinkOnPath {
                path: live.at(&path),
            });
        }
        on_the_way(&path, found.kind.as_str())?;
        if found.kind != FileKind::Directory {
            return Ok("absent");
        }
    }
    Ok("directory")
}
