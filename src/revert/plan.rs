//! The tree to be of a revert: what is live, with the wanted paths as they were.

use crate::assembly::Source;
use crate::control::Control;
use crate::db::DatabaseContext as _;
use crate::entry_path::{EntryKind, EntryPath};
use crate::error::{Error, Result};
use crate::fsops::FileKind;
use crate::id::TransactionId;
use crate::journal::Journal;
use crate::journal::prepare::UnitAction;
use crate::layout::Layout;
use crate::live;
use crate::plan;
use crate::rollback::{Drift, DriftCheck, Obstacles, RollbackOptions};
use crate::staging::{StagedRow, Staging, Tree};
use crate::stat_cache::{self, StatCache};
use crate::target::PlannedUnit;

use super::wanted::{self, Wanted, not_a_directory};

/// Bytes read at once.
const BUFFER_BYTES: usize = 64 << 10;

/// What is to be done, as rows and as sources of files.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) wanted: Vec<Wanted>,
    pub(super) units: Vec<PlannedUnit>,
    /// The live trees of the units that there are.
    live: Vec<Source>,
    pub(super) drift: Drift,
    /// Bytes that are copied.
    pub(super) needed_bytes: u64,
}

impl Planned {
    /// Chooses where the file at a live path comes from.
    pub(super) fn source_of(&self, path: &EntryPath) -> Option<&Source> {
        let wanted = self
            .wanted
            .iter()
            .find(|wanted| path.is_at_or_below(&wanted.path));
        match wanted {
            Some(wanted) => wanted.source.as_ref(),
            None => self
                .live
                .iter()
                .find(|live| path.is_at_or_below(&live.base)),
        }
    }
}

/// Where a revert looks.
pub(super) struct Look<'a> {
    pub(super) layout: &'a Layout,
    pub(super) journal: &'a Journal,
    pub(super) staging: &'a Staging,
    pub(super) cache: Option<&'a mut StatCache>,
    pub(super) control: &'a Control,
    pub(super) tx: TransactionId,
    pub(super) obstacles: &'a mut Obstacles,
}

impl Look<'_> {
    /// Looks at everything that is needed, and changes nothing.
    pub(super) fn plan(
        &mut self,
        wanted: Vec<Wanted>,
        options: &RollbackOptions,
    ) -> Result<Planned> {
        let units = wanted::units(self.layout, &wanted)?;
        let mut live = Vec::new();
        for unit in &units {
            live.extend(self.take_live(unit, &wanted)?);
        }
        for one in &wanted {
            let unit = units.iter().find(|unit| {
                let unit = EntryPath::parse(&unit.path).unwrap_or_default();
                one.path.is_at_or_below(&unit)
            });
            if let Some(unit) = unit {
                self.stage_above(one, unit)?;
            }
            self.take_held(one)?;
        }
        self.ensure_as_recorded(&wanted)?;
        let drift = self.drift_at(&wanted)?;
        if drift.total > 0 && !options.force && options.drift == DriftCheck::Scan {
            self.obstacles.meet(drift.to_error())?;
        }
        let needed_bytes = self.staging.staged_bytes()?;
        self.ensure_space(needed_bytes)?;
        Ok(Planned {
            wanted,
            units,
            live,
            drift,
            needed_bytes,
        })
    }

    /// Lists what is live in a unit, and takes what is not wanted otherwise into the tree to be.
    fn take_live(&mut self, unit: &PlannedUnit, wanted: &[Wanted]) -> Result<Option<Source>> {
        let base = EntryPath::parse(&unit.path).unwrap_or_default();
        self.journal.for_each_committed(&unit.path, &mut |entry| {
            self.staging
                .add_committed(&entry.path, &entry.kind, entry.bytes, entry.sha256)
        })?;
        if unit.action == UnitAction::Create {
            let row = directory(&base, unit.ownership.mode);
            self.staging.stage(&row)?;
            return Ok(None);
        }
        let tree = live::open_unit(self.layout, &unit.path)?;
        let obstacles = &mut *self.obstacles;
        plan::scan_all(
            &tree,
            &base,
            Tree::Live,
            self.staging,
            self.cache.as_deref_mut(),
            self.control,
            &mut |error| obstacles.meet(error),
        )?;
        let except: Vec<_> = wanted.iter().map(|wanted| &wanted.path).collect();
        self.staging.keep_live(&base, &except)?;
        Ok(Some(Source { tree, base }))
    }

    /// Directories on the way to a path that are missing come back with it.
    fn stage_above(&self, wanted: &Wanted, unit: &PlannedUnit) -> Result<()> {
        let top = EntryPath::parse(&unit.path).unwrap_or_default();
        if wanted.was.is_none() {
            return Ok(());
        }
        let above = std::iter::successors(wanted.path.parent(), EntryPath::parent);
        for path in above.take_while(|path| path.is_at_or_below(&top)) {
            match self.staging.staged_kind(&path)? {
                None => self.staging.stage(&directory(&path, unit.ownership.mode))?,
                Some(EntryKind::Directory) => {}
                Some(EntryKind::File) => return Err(not_a_directory(path)),
            }
        }
        Ok(())
    }

    /// Takes what a slot holds at a path into the tree to be.
    fn take_held(&mut self, wanted: &Wanted) -> Result<()> {
        let Some(source) = &wanted.source else {
            return Ok(());
        };
        let below = wanted.path.strip_prefix(&source.base).unwrap_or_default();
        let cache = self.cache.as_deref_mut();
        match (wanted.was, source.tree.stat_at(&below)?) {
            (Some(FileKind::Directory), _) => {
                let tree = source.tree.open_dir(&below)?;
                let (path, into) = (&wanted.path, Tree::Staged);
                plan::scan(&tree, path, into, self.staging, cache, self.control)
            }
            (Some(_), Some(stat)) => {
                let mut buffer = vec![0; BUFFER_BYTES];
                let (tree, control) = (&source.tree, self.control);
                let (sha256, stat) =
                    stat_cache::hash_file(tree, &below, &stat, cache, &mut buffer, control)?;
                self.staging.stage(&StagedRow {
                    path: wanted.path.to_string(),
                    kind: EntryKind::File,
                    mode: stat.mode,
                    bytes: stat.size_bytes,
                    sha256: Some(sha256),
                })
            }
            _ => Ok(()),
        }
    }

    /// What a slot holds at the wanted paths must be what the transaction replaced there. Where the
    /// journal knows it otherwise, the slot as a whole must be what was recorded of it.
    fn ensure_as_recorded(&mut self, wanted: &[Wanted]) -> Result<()> {
        for one in wanted {
            self.journal
                .for_each_replaced_by(self.tx, &one.path, &mut |entry| {
                    self.staging
                        .add_predicted(&entry.path, &entry.kind, entry.bytes, entry.sha256)
                })?;
        }
        for one in wanted {
            let mut first = None;
            self.staging.for_each_correction(&mut |row| {
                let path: String = row.get(0).context("read the plan")?;
                if EntryPath::parse(&path).is_ok_and(|path| path.is_at_or_below(&one.path)) {
                    first.get_or_insert(path);
                }
                Ok(())
            })?;
            if let (Some(path), Some(source)) = (first, &one.source) {
                let row = self.journal.slot(one.slot)?;
                let cache = self.cache.as_deref_mut();
                let (digest, _) = plan::digest_of(&source.tree, cache, self.control)?;
                if row.and_then(|row| row.tree_digest) != Some(digest) {
                    self.obstacles.meet(Error::SlotDamaged {
                        tx: self.tx,
                        slot: one.slot.to_string(),
                        detail: format!("{path} is not what {} replaced", self.tx),
                    })?;
                }
            }
        }
        Ok(())
    }

    fn drift_at(&self, wanted: &[Wanted]) -> Result<Drift> {
        let mut drift = Drift::default();
        self.staging.for_each_external_change(&mut |row| {
            let path: String = row.get(0).context("read the plan")?;
            if let Ok(changed) = EntryPath::parse(&path)
                && wanted
                    .iter()
                    .any(|wanted| changed.is_at_or_below(&wanted.path))
            {
                drift.add(format!("viking://{path}"));
            }
            Ok(())
        })?;
        Ok(drift)
    }

    fn ensure_space(&mut self, needed_bytes: u64) -> Result<()> {
        let dir = self.layout.control();
        let free_bytes = dir.free_bytes()?;
        if needed_bytes <= free_bytes {
            return Ok(());
        }
        self.obstacles.meet(Error::TooLargeForDisk {
            path: self.layout.live_path_of(""),
            needed_bytes,
            free_bytes,
        })
    }
}

fn directory(path: &EntryPath, mode: u32) -> StagedRow {
    StagedRow {
        path: path.to_string(),
        kind: EntryKind::Directory,
        mode,
        bytes: 0,
        sha256: None,
    }
}
