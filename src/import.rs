//! Import and restore: one pack, from file to commit.

use std::str::FromStr;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use crate::checks::Phase as CheckPhase;
use crate::clock;
use crate::control::{Control, Phase};
use crate::entry_path::EntryPath;
use crate::error::{Error, Result};
use crate::fsops::Stat;
use crate::intake::{Intake, Nowhere};
use crate::journal::prepare::{Prepared, TreeIdentity, Unit, UnitAction};
use crate::journal::{Journal, NewTransaction, PackFile, TransactionKind};
use crate::layout::Layout;
use crate::limits::Limits;
use crate::plan;
use crate::session::Session;
use crate::slot::SlotTree;
use crate::staging::{Staging, Target, Tree};
use crate::stat_cache::StatCache;
use crate::target::{PlannedUnit, Roots};
use crate::transaction::{Receipt, Transaction};
use crate::tree;
use crate::unpack::{self, IntoSlots};
use crate::uri::Uri;

/// What happens where the target root exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnConflict {
    /// Refuse, and change nothing.
    #[default]
    Fail,
    /// The new root replaces the old one entirely.
    Overwrite,
    /// Leave it as it is; the pack is verified all the same.
    Skip,
}

impl OnConflict {
    /// Returns the policy's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Overwrite => "overwrite",
            Self::Skip => "skip",
        }
    }
}

impl FromStr for OnConflict {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "fail" => Ok(Self::Fail),
            "overwrite" => Ok(Self::Overwrite),
            "skip" => Ok(Self::Skip),
            _ => Err(Error::InvalidArgument {
                argument: "on_conflict",
                value: text.to_owned(),
                expected: "fail, overwrite or skip",
            }),
        }
    }
}

/// How a pack is imported or restored.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// What happens where the target root exists.
    pub on_conflict: OnConflict,
    /// Rehearse: check and plan, change nothing.
    pub dry_run: bool,
    /// Bounds on what the pack may ask for.
    pub limits: Limits,
    /// Watches and stops the act.
    pub control: Control,
}

/// An import under a parent, or a restore without one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) pack: &'a Utf8Path,
    pub(crate) parent: Option<&'a Uri>,
    pub(crate) options: &'a ImportOptions,
}

/// A pack that may go where it is to go, as far as can be told without its bytes.
struct Admitted {
    intake: Intake,
    roots: Roots,
    /// The target is there, and the policy is to leave it.
    is_skipped: bool,
}

impl Request<'_> {
    const fn kind(&self) -> TransactionKind {
        if self.parent.is_some() {
            TransactionKind::Import
        } else {
            TransactionKind::Restore
        }
    }

    /// Imports; durable when this returns.
    pub(crate) fn run(&self, session: &mut Session) -> Result<Receipt> {
        // Where the policy may leave everything as it is, not even a scratch file is made in the store.
        let in_store = (self.options.on_conflict != OnConflict::Skip)
            .then(|| session.layout.staging_database());
        session.clear_staging()?;
        let done = Staging::make(in_store.as_deref())
            .and_then(|staging| self.run_staged(session, staging));
        // What is left of it is found by the next writing act.
        session.clear_staging().unwrap_or(());
        done
    }

    fn run_staged(&self, session: &mut Session, staging: Staging) -> Result<Receipt> {
        let options = self.options;
        let intake = Intake::take(self.pack, &options.limits, staging, &options.control);
        let intake = match intake {
            // What cannot even be opened as a file is no attempt.
            Err(
                error @ (Error::FileNotFound { .. } | Error::NotAFile { .. } | Error::Io { .. }),
            ) => return Err(error),
            Err(error) => return Err(self.record_attempt(session, None, None, error)),
            Ok(intake) => intake,
        };
        let file = intake.pack_file();
        let uri = self.uri_of(&intake);
        let admitted = match self.admit(&session.layout, intake) {
            Ok(admitted) => admitted,
            Err(error) => return Err(self.record_attempt(session, uri, Some(file), error)),
        };
        if admitted.is_skipped {
            return match admitted.intake.read_bytes(&mut Nowhere, &options.control) {
                Ok(()) => receipt(&admitted, &session.journal, Vec::new()),
                Err(error) => Err(self.record_attempt(session, uri, Some(file), error)),
            };
        }
        let mut tx = Transaction::begin(session, &self.new_transaction(uri, Some(file)))?;
        match self.stage(&mut tx, &admitted) {
            Ok(staged) => self.commit(tx, &admitted, staged),
            Err(error) => Err(tx.abort(error)),
        }
    }

    fn new_transaction(&self, uri: Option<Uri>, pack: Option<PackFile>) -> NewTransaction {
        let known = || self.parent.cloned().unwrap_or(Uri::root());
        NewTransaction {
            kind: self.kind(),
            uri: uri.unwrap_or_else(known).to_string(),
            on_conflict: Some(self.options.on_conflict.as_str()),
            undoes: None,
            pack,
        }
    }

    /// Returns the root's URI, where the pack says enough to know it.
    fn uri_of(&self, intake: &Intake) -> Option<Uri> {
        let parent = self.parent.filter(|_| !intake.claims.is_backup)?;
        Roots::of_import(parent, &intake.claims.root_name)
            .ok()
            .map(|roots| roots.uri)
    }

    /// A refused pack stays in the journal as an attempt. Returns `error`.
    fn record_attempt(
        &self,
        session: &mut Session,
        uri: Option<Uri>,
        pack: Option<PackFile>,
        error: Error,
    ) -> Error {
        match Transaction::begin(session, &self.new_transaction(uri, pack)) {
            Ok(tx) => tx.abort(error),
            // The refusal is what the user must know, not that it could not be written down.
            Err(_) => error,
        }
    }

    /// Checks and plans, and changes nothing: neither store nor journal.
    pub(crate) fn rehearse(
        &self,
        layout: &Layout,
        journal: &Journal,
        mut cache: Option<StatCache>,
    ) -> Result<Receipt> {
        let control = &self.options.control;
        let intake = Intake::take(
            self.pack,
            &self.options.limits,
            Staging::make(None)?,
            control,
        )?;
        let admitted = self.admit(layout, intake)?;
        admitted.intake.read_bytes(&mut Nowhere, control)?;
        if admitted.is_skipped {
            return Ok(Receipt {
                dry_run: true,
                ..receipt(&admitted, journal, Vec::new())?
            });
        }
        let staging = &admitted.intake.staging;
        let units = admitted.roots.units(layout)?;
        let left_out = unpack::stage_rows(staging, &admitted.roots, &units)?;
        scan_live(layout, staging, &units, cache.as_mut(), control)?;
        let paths = units
            .iter()
            .map(|unit| Utf8PathBuf::from(&unit.path))
            .collect();
        let planned = receipt(&admitted, journal, paths)?;
        Ok(Receipt {
            dry_run: true,
            left_out,
            plan: Some(plan::list(staging)?),
            ..planned
        })
    }

    /// Holds the pack against its own manifest, then against the target. Reads no content byte.
    fn admit(&self, layout: &Layout, intake: Intake) -> Result<Admitted> {
        intake.ensure(CheckPhase::Manifest)?;
        let verb = self.kind().as_str();
        let on_conflict = self.options.on_conflict;
        intake.staging.set_target(&Target {
            verb,
            parent: self.parent,
            on_conflict: on_conflict.as_str(),
        })?;
        // First whether it may go there at all: the root of a pack that may not has no meaning.
        intake.ensure(CheckPhase::Target)?;
        let roots = match self.parent {
            Some(parent) => Roots::of_import(parent, &intake.claims.root_name)?,
            None => Roots::of_restore(intake.head.scopes.as_deref().unwrap_or_default()),
        };
        roots.stage(&layout.open_live()?, &intake.staging)?;
        intake.ensure(CheckPhase::Target)?;
        let is_skipped = on_conflict == OnConflict::Skip && intake.staging.target_exists()?;
        Ok(Admitted {
            intake,
            roots,
            is_skipped,
        })
    }

    /// Writes the new trees into slots, verified, synced and planned.
    fn stage(&self, tx: &mut Transaction<'_>, admitted: &Admitted) -> Result<Staged> {
        let control = &self.options.control;
        let Admitted { intake, roots, .. } = admitted;
        let staging = &intake.staging;
        let units = roots.units(&tx.session.layout)?;
        ensure_space(tx.session, self.pack, intake.audit.unpacked_bytes)?;
        let left_out = unpack::stage_rows(staging, roots, &units)?;
        let mut slots = make_slots(tx, &units)?;
        unpack::make_directories(staging, &mut slots)?;
        intake.read_bytes(
            &mut IntoSlots::new(&mut slots, roots.prefix.clone()),
            control,
        )?;
        let session = &mut *tx.session;
        scan_live(
            &session.layout,
            staging,
            &units,
            session.cache.as_mut(),
            control,
        )?;
        unpack::carry_control_files(&session.layout, staging, &mut slots)?;
        control.begin(Phase::Syncing, 0, 0);
        for slot in slots.iter().take(1) {
            slot.dir().sync_file_system()?;
        }
        let taken_ns = clock::now_ns();
        load_committed(&session.journal, staging, &units)?;
        let units = identify(staging, &units, &slots)?;
        control.ensure_not_interrupted()?;
        Ok(Staged {
            units,
            left_out,
            taken_ns,
        })
    }

    fn commit(&self, tx: Transaction<'_>, admitted: &Admitted, staged: Staged) -> Result<Receipt> {
        let staging = &admitted.intake.staging;
        let (id, units) = (tx.id, &staged.units);
        let ready = plan::counts(staging).and_then(|counts| Ok((counts, admitted.intake.facts()?)));
        let ((counts, files, bytes), facts) = match ready {
            Ok(ready) => ready,
            Err(error) => return Err(tx.abort(error)),
        };
        let prepared = Prepared {
            pack: Some(facts),
            counts,
            files,
            bytes,
            units: units.clone(),
            undoes: None,
        };
        let session = tx.session;
        let tx = Transaction {
            session: &mut *session,
            id,
        };
        let generation = tx.commit(&prepared, staging, &|session| {
            look_again(&session.layout, staging, units)
        })?;
        remember_written(session, staging, staged.taken_ns);
        let paths = units
            .iter()
            .map(|unit| Utf8PathBuf::from(&unit.path))
            .collect();
        let done = receipt(admitted, &session.journal, paths)?;
        Ok(Receipt {
            transaction: Some(id),
            generation,
            left_out: staged.left_out,
            ..done
        })
    }
}

/// What is ready to be committed.
struct Staged {
    units: Vec<Unit>,
    left_out: Vec<String>,
    /// When the written files were synced, for the stat cache.
    taken_ns: i128,
}

fn receipt(admitted: &Admitted, journal: &Journal, units: Vec<Utf8PathBuf>) -> Result<Receipt> {
    let (changes, files, bytes) = if admitted.is_skipped {
        Default::default()
    } else {
        plan::counts(&admitted.intake.staging)?
    };
    Ok(Receipt {
        uri: admitted.roots.uri.clone(),
        transaction: None,
        undoes: None,
        generation: journal.generation()?,
        skipped: admitted.is_skipped,
        dry_run: false,
        changes,
        files,
        bytes,
        units,
        left_out: Vec::new(),
        plan: None,
    })
}

fn ensure_space(session: &Session, pack: &Utf8Path, needed_bytes: u64) -> Result<()> {
    let free_bytes = session.layout.control().free_bytes()?;
    if needed_bytes > free_bytes {
        return Err(Error::TooLargeForDisk {
            path: pack.to_owned(),
            needed_bytes,
            free_bytes,
        });
    }
    Ok(())
}

fn make_slots(tx: &mut Transaction<'_>, units: &[PlannedUnit]) -> Result<Vec<SlotTree>> {
    let ids = tx.session.journal.make_slots(tx.id, units.len())?;
    let pairs = units.iter().zip(ids);
    pairs
        .map(|(unit, id)| SlotTree::make(&tx.session.layout, id, &unit.path, unit.ownership))
        .collect()
}

/// Lists the live trees that would be replaced.
fn scan_live(
    layout: &Layout,
    staging: &Staging,
    units: &[PlannedUnit],
    mut cache: Option<&mut StatCache>,
    control: &Control,
) -> Result<()> {
    for unit in units
        .iter()
        .filter(|unit| unit.action == UnitAction::Exchange)
    {
        let live = open_unit(layout, &unit.path)?;
        let base = EntryPath::parse(&unit.path).unwrap_or_default();
        plan::scan(
            &live,
            &base,
            Tree::Live,
            staging,
            cache.as_deref_mut(),
            control,
        )?;
    }
    Ok(())
}

/// Opens a live root for replacing: it must be on the store's own mount.
pub(crate) fn open_unit(layout: &Layout, unit: &str) -> Result<crate::fsops::Dir> {
    let (parent, name) = layout.open_unit_parent(unit)?;
    let live = parent.open_dir(&name)?;
    if !live.stat()?.is_on_same_mount(&layout.control().stat()?) {
        return Err(Error::OtherDevice {
            path: parent.at(&name),
        });
    }
    Ok(live)
}

/// Loads what the journal expects at the roots.
fn load_committed(journal: &Journal, staging: &Staging, units: &[PlannedUnit]) -> Result<()> {
    units.iter().try_for_each(|unit| {
        journal.for_each_committed(&unit.path, &mut |entry| {
            staging.add_committed(&entry.path, &entry.kind, entry.bytes, entry.sha256)
        })
    })
}

fn identify(staging: &Staging, units: &[PlannedUnit], slots: &[SlotTree]) -> Result<Vec<Unit>> {
    let pairs = units.iter().zip(slots);
    pairs
        .map(|(unit, slot)| {
            let (digest, bytes) = plan::tree_digest(staging, Tree::Staged, &unit.path)?;
            let new = slot.stat_tree()?.map(|stat: Stat| TreeIdentity {
                inode: stat.inode,
                digest,
                bytes,
            });
            let (digest, bytes) = plan::tree_digest(staging, Tree::Live, &unit.path)?;
            let old = unit.old_inode.map(|inode| TreeIdentity {
                inode,
                digest,
                bytes,
            });
            Ok(Unit {
                path: unit.path.clone(),
                action: unit.action,
                slot: slot.id(),
                old,
                new,
            })
        })
        .collect()
}

/// Looks whether the live trees are still what the plan saw, by stat.
pub(crate) fn look_again(layout: &Layout, staging: &Staging, units: &[Unit]) -> Result<()> {
    for unit in units {
        if unit.action == UnitAction::Create {
            let (parent, name) = layout.open_unit_parent(&unit.path)?;
            match parent.stat_at(&name)? {
                None => continue,
                Some(_) => {
                    return Err(Error::LiveTreeChanged {
                        path: parent.at(&name),
                    });
                }
            }
        }
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
        if seen != staging.count_live(&unit.path)? {
            return Err(Error::LiveTreeChanged {
                path: live.path().to_owned(),
            });
        }
    }
    Ok(())
}

/// Files that were just written need not be read to be known.
fn remember_written(session: &mut Session, staging: &Staging, taken_ns: i128) {
    let Some(cache) = session.cache.as_mut() else {
        return;
    };
    let remembered =
        staging.for_each_written(&mut |inode, size_bytes, mtime_ns, ctime_ns, sha256| {
            let stat = Stat::of_file(size_bytes, inode, mtime_ns, ctime_ns);
            cache.remember(&stat, &sha256, taken_ns);
        });
    // Only knowledge is lost where this fails.
    remembered.unwrap_or(());
    cache.flush();
}
