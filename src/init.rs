//! Making a store, in a directory of its own or around content that is there already.

use std::time::Duration;

use camino::Utf8Path;

use crate::config;
use crate::control::Control;
use crate::error::{Error, Result};
use crate::fsops::{self, Dir, FileKind};
use crate::index;
use crate::journal::prepare::Prepared;
use crate::journal::{Journal, NewTransaction, Provenance, TransactionKind};
use crate::layout::{self, Layout};
use crate::neighbour;
use crate::outside::ensure_outside_of_trees;
use crate::pack;
use crate::plan;
use crate::probe;
use crate::session::Session;
use crate::staging::{Keeps, Staging, Tree};
use crate::transaction::Transaction;
use crate::uri::{Scope, Uri};

/// What a new store is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InitOptions {
    /// Layout of the packs that it writes where none is asked for; `None` for the default, which
    /// needs no setting. It stands in `.ovpack/config.toml`, where it can be changed.
    pub layout: Option<pack::Layout>,
}

/// Makes a store in a directory that is empty or missing; durable when this returns.
///
/// What an earlier call left that was cut short is finished.
pub(crate) fn init(path: &Utf8Path, options: InitOptions) -> Result<()> {
    ensure_outside_of_trees("directory", path)?;
    if !path.exists() {
        fsops::create_dir_all(path)?;
    }
    let root = open_root(path)?;
    ensure_no_store(&root)?;
    for name in root.names()? {
        let is_ours = name == layout::CONTROL
            || (name == layout::LIVE && root.open_dir(layout::LIVE)?.names()?.is_empty());
        if !is_ours {
            return Err(Error::DirectoryNotEmpty {
                path: path.to_owned(),
            });
        }
    }
    make(root, false, options).map(drop)
}

/// Makes a directory that holds scope directories a store, and records every file in a baseline.
pub(crate) fn adopt(
    path: &Utf8Path,
    options: InitOptions,
    (wait, while_running): (Duration, bool),
    provenance: Provenance,
) -> Result<()> {
    if !path.exists() {
        return Err(Error::FileNotFound {
            path: path.to_owned(),
        });
    }
    ensure_outside_of_trees("directory", path)?;
    let root = open_root(path)?;
    let is_begun = has_journal_without_commit(&root)?;
    if !is_begun {
        ensure_no_store(&root)?;
    }
    let is_scope = |scope: Scope| {
        root.stat_at(scope.as_str())
            .map(|stat| stat.is_some_and(|stat| stat.kind == FileKind::Directory))
    };
    if !Scope::ALL
        .into_iter()
        .map(is_scope)
        .collect::<Result<Vec<_>>>()?
        .contains(&true)
    {
        return Err(Error::NothingToAdopt {
            path: path.to_owned(),
        });
    }
    // What is written meanwhile would be in no baseline, or only in part, and a lock that is in it is drift
    // as soon as it is released.
    if !while_running {
        let whole = path.canonicalize_utf8();
        let whole = whole.map_err(|source| Error::io("open", path, source))?;
        neighbour::ensure_alone(&Dir::open(&whole)?)?;
    }
    if !is_begun {
        make(root.again()?, true, options)?;
    }
    let mut session = Session::begin(Layout::open(path)?, provenance, wait, &Control::default())?;
    crate::recover::recover(&mut session, &crate::recover::RecoverOptions::default())?;
    if session.journal.generation()? == 0 {
        baseline(&mut session)
    } else {
        Ok(())
    }
}

fn open_root(path: &Utf8Path) -> Result<Dir> {
    if path.is_dir() {
        return Dir::open(path);
    }
    Err(Error::Io {
        action: "make a store in",
        path: path.to_owned(),
        source: std::io::ErrorKind::NotADirectory.into(),
    })
}

fn ensure_no_store(root: &Dir) -> Result<()> {
    match store_row(root)? {
        Some(_) => Err(Error::StoreExists {
            path: root.path().to_owned(),
        }),
        None => Ok(()),
    }
}

/// A store whose baseline was cut short is adopted again.
fn has_journal_without_commit(root: &Dir) -> Result<bool> {
    match store_row(root)? {
        Some(journal) => Ok(journal.store_row()?.is_some_and(|store| store.is_adopted)
            && journal.generation()? == 0),
        None => Ok(false),
    }
}

/// Returns the journal of a store that is whole.
fn store_row(root: &Dir) -> Result<Option<Journal>> {
    let is_there = |name: &str, kind| {
        root.stat_at(name)
            .map(|stat| stat.is_some_and(|stat| stat.kind == kind))
    };
    let journal = [layout::CONTROL, layout::JOURNAL].join("/");
    if !is_there(layout::CONTROL, FileKind::Directory)? || !is_there(&journal, FileKind::File)? {
        return Ok(None);
    }
    // A journal that was cut short in the making has no store row, or not even a table for it.
    match Journal::open_for_reading(&root.at(&journal)) {
        Ok(journal) => match journal.store_row() {
            Ok(Some(_)) => Ok(Some(journal)),
            Ok(None) | Err(Error::Database { .. }) => Ok(None),
            Err(error) => Err(error),
        },
        Err(Error::Database { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn make(root: Dir, is_adopted: bool, options: InitOptions) -> Result<Layout> {
    let layout = Layout::create(root, is_adopted)?;
    probe::ensure_supported(&layout)?;
    config::write_layout(layout.control(), options.layout)?;
    Journal::create(&layout.path_of(layout::JOURNAL), is_adopted)?;
    layout.control().sync()?;
    layout.root().sync()?;
    Ok(layout)
}

/// Records every file that is there, with its hash, as what the store begins with.
fn baseline(session: &mut Session) -> Result<()> {
    let new = NewTransaction {
        kind: TransactionKind::Baseline,
        uri: Uri::root().to_string(),
        on_conflict: None,
        undoes: None,
        pack: None,
    };
    let tx = Transaction::begin(session, &new)?;
    let id = tx.id;
    let staging = Staging::make(None)?;
    let scanned =
        scan_scopes(tx.session, &staging).and_then(|()| stage_index(tx.session, &staging));
    match scanned.and_then(|()| plan::counts(&staging)) {
        Err(error) => Err(tx.abort(error)),
        Ok((counts, files, bytes)) => {
            let prepared = Prepared {
                pack: None,
                counts,
                files,
                bytes,
                units: Vec::new(),
                policies: Vec::new(),
                undoes: None,
            };
            tx.commit(&prepared, &staging, &|_| Ok(()))?;
            debug_assert!(
                session.journal.transaction(id).is_ok(),
                "a committed transaction has a row"
            );
            if let Some(cache) = session.cache.as_mut() {
                cache.flush();
            }
            Ok(())
        }
    }
}

/// Records that follow from the texts that describe directories.
fn stage_index(session: &Session, staging: &Staging) -> Result<()> {
    let live = session.layout.open_live()?;
    let journal = &session.journal;
    index::stage_index(journal, staging, &[], Keeps::Nothing, None, &|path| {
        index::read_small(live.open_file(path)?, &live.at(path))
    })
}

fn scan_scopes(session: &mut Session, staging: &Staging) -> Result<()> {
    let live = session.layout.open_live()?;
    for scope in Scope::ALL {
        if live.stat_at(scope.as_str())?.is_some() {
            let root = crate::live::open_unit(&session.layout, scope.as_str())?;
            plan::scan(
                &root,
                &scope.path(),
                Tree::Staged,
                staging,
                session.cache.as_mut(),
                &Control::default(),
            )?;
        }
    }
    Ok(())
}
