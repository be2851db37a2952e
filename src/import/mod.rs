//! Import and restore: one pack, from file to commit.

mod commit;
mod options;
pub(crate) mod stage;

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};

use crate::checks::Phase as CheckPhase;
use crate::config::Config;
use crate::control::Control;
use crate::entry_path::EntryPath;
use crate::error::{Error, Result};
use crate::index;
use crate::intake::{Intake, Nowhere};
use crate::journal::{Cited, Journal, NewTransaction, PackFile, TransactionKind};
use crate::layout::Layout;
use crate::plan;
use crate::policy::Policies;
use crate::selection::Selector;
use crate::session::Session;
use crate::staging::{Staging, Target};
use crate::stat_cache::StatCache;
use crate::target::Roots;
use crate::transaction::{Receipt, Transaction};
use crate::unpack::FileRows;
use crate::uri::Uri;

use commit::{commit, receipt};
pub use options::{ImportOptions, OnConflict};
use stage::Taking;

/// An import under a parent, or a restore without one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) pack: &'a Utf8Path,
    pub(crate) parent: Option<&'a Uri>,
    pub(crate) options: &'a ImportOptions,
}

/// Keeps the vectors that the pack brings, where the store can use them. They can be made again, so
/// that nothing that is wrong here is wrong with the import, which is done.
fn keep_vectors(session: &Session, intake: &Intake) {
    let layout = &session.layout;
    let kept = Config::read(layout.control())
        .and_then(|config| index::take_given(layout, &config.index, intake));
    kept.unwrap_or(());
}

/// A pack that may go where it is to go, as far as can be told without its bytes.
struct Admitted {
    intake: Intake,
    roots: Roots,
    /// The target is there, and the policy is to leave it.
    is_skipped: bool,
}

impl Admitted {
    /// Checks all that is left to check of a pack that is put nowhere.
    fn verify_bytes(&mut self, policies: &Policies, control: &Control) -> Result<()> {
        self.intake.read_bytes(&Nowhere, None, control)?;
        self.intake.ensure_policies(policies, control)
    }
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
        let selector = self.selector()?;
        let policies = Policies::load(Some(&session.layout), &self.options.policies)?;
        session.clear_staging()?;
        let done = match Staging::make(in_store.as_deref()) {
            Ok(staging) => self.run_staged(session, staging, &policies, &selector),
            Err(error) => Err(self.record_attempt(session, None, None, error)),
        };
        // What is left of it is found by the next writing act.
        session.clear_staging().unwrap_or(());
        done
    }

    fn run_staged(
        &self,
        session: &mut Session,
        staging: Staging,
        policies: &Policies,
        selector: &Selector,
    ) -> Result<Receipt> {
        let options = self.options;
        let intake = Intake::take(
            self.pack,
            &options.limits,
            options.jobs,
            staging,
            &options.control,
        );
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
        let mut admitted = match self.admit(&session.layout, intake, selector) {
            Ok(admitted) => admitted,
            Err(error) => return Err(self.record_attempt(session, uri, Some(file), error)),
        };
        if admitted.is_skipped {
            return match admitted.verify_bytes(policies, &options.control) {
                Ok(()) => receipt(&admitted, &session.journal, Vec::new()),
                Err(error) => {
                    Err(self.record_attempt_of(session, uri, Some(file), policies, error))
                }
            };
        }
        let new = self.new_transaction(uri, Some(file));
        let mut tx = Transaction::begin_citing(session, &new, &self.cited())?;
        let (intake, roots) = (&mut admitted.intake, &admitted.roots);
        let taking = self.taking(selector);
        let staged = stage::stage(&mut tx, intake, roots, policies, &taking);
        match staged {
            Ok(staged) => {
                let receipt = commit(tx, &admitted, &staged, policies)?;
                keep_vectors(session, &admitted.intake);
                Ok(receipt)
            }
            Err(error) => Err(tx.abort_of(&policies.records(), error)),
        }
    }

    /// Reads the patterns of the selection.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for one that is no pattern, and for a part that should replace all.
    fn selector(&self) -> Result<Selector> {
        let (selection, on_conflict) = (&self.options.selection, self.options.on_conflict);
        if on_conflict == OnConflict::Overwrite && !selection.is_everything() {
            return Err(Error::InvalidArgument {
                argument: "on_conflict",
                value: on_conflict.as_str().to_owned(),
                expected: "merge, fail or skip where a part of the pack is selected",
            });
        }
        Selector::new(selection)
    }

    const fn taking<'a>(&'a self, selector: &'a Selector) -> Taking<'a> {
        Taking {
            selector,
            is_merge: matches!(self.options.on_conflict, OnConflict::Merge),
            control: &self.options.control,
        }
    }

    fn cited(&self) -> Cited {
        Cited {
            selection: self.options.selection.patterns(),
            ..Cited::default()
        }
    }

    fn new_transaction(&self, uri: Option<Uri>, pack: Option<PackFile>) -> NewTransaction {
        let known = || self.parent.cloned().unwrap_or(Uri::root());
        NewTransaction {
            kind: self.kind(),
            uri: uri.unwrap_or_else(known).to_string(),
            on_conflict: Some(self.options.on_conflict.as_str()),
            undoes: None,
            pack: pack.map(|file| self.named(file)),
        }
    }

    fn named(&self, file: PackFile) -> PackFile {
        match &self.options.pack_name {
            Some(name) => PackFile {
                path: Utf8PathBuf::from(name),
                ..file
            },
            None => file,
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
        self.record_attempt_of(session, uri, pack, &Policies::default(), error)
    }

    /// The same for a pack that was held against policies.
    fn record_attempt_of(
        &self,
        session: &mut Session,
        uri: Option<Uri>,
        pack: Option<PackFile>,
        policies: &Policies,
        error: Error,
    ) -> Error {
        let new = self.new_transaction(uri, pack);
        match Transaction::begin_citing(session, &new, &self.cited()) {
            Ok(tx) => tx.abort_of(&policies.records(), error),
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
        let selector = self.selector()?;
        let policies = Policies::load(Some(layout), &self.options.policies)?;
        let intake = Intake::take(
            self.pack,
            &self.options.limits,
            self.options.jobs,
            Staging::make(None)?,
            control,
        )?;
        let mut admitted = self.admit(layout, intake, &selector)?;
        if admitted.is_skipped {
            admitted.verify_bytes(&policies, control)?;
            return Ok(Receipt {
                dry_run: true,
                ..receipt(&admitted, journal, Vec::new())?
            });
        }
        let units = admitted.roots.units(layout)?;
        let taking = self.taking(&selector);
        let (intake, roots) = (&admitted.intake, &admitted.roots);
        let left_out = {
            let files = FileRows::AtOnce;
            taking.stage_rows(layout, intake, roots, &units, files, cache.as_mut())?
        };
        intake.read_bytes(&Nowhere, None, control)?;
        if !taking.is_merge {
            stage::scan_live(layout, &intake.staging, &units, cache.as_mut(), control)?;
        }
        admitted.intake.ensure_policies(&policies, control)?;
        let staging = &admitted.intake.staging;
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

    /// Leaves out the roots of which nothing is taken.
    fn choose(&self, intake: &Intake, roots: &mut Roots, selector: &Selector) -> Result<()> {
        if selector.is_everything() {
            return Ok(());
        }
        let mut taken = BTreeSet::new();
        let staging = &intake.staging;
        staging.for_each_manifest_entry(&mut |path, kind, _, _| {
            let path = EntryPath::parse(&path).unwrap_or_default();
            if !path.is_root() && selector.takes(&path, kind) {
                let live = roots.prefix.join(&path);
                let mut numbered = roots.uris.iter().enumerate();
                let root = numbered.find(|(_, root)| live.is_at_or_below(root.path()));
                taken.extend(root.map(|(number, _)| number));
            }
            Ok(())
        })?;
        let nothing = |patterns: String| Error::NothingSelected {
            pack: intake.reader.path().to_owned(),
            patterns,
        };
        if let Some(pattern) = selector.first_unmatched() {
            return Err(nothing(pattern.to_string()));
        }
        if taken.is_empty() {
            let patterns = self.options.selection.patterns();
            let patterns: Vec<_> = patterns.iter().map(ToString::to_string).collect();
            return Err(nothing(patterns.join(", ")));
        }
        let mut number = 0..;
        roots
            .uris
            .retain(|_| number.next().is_some_and(|number| taken.contains(&number)));
        Ok(())
    }

    /// Holds the pack against its own manifest, then against the target. Reads no content byte.
    fn admit(&self, layout: &Layout, intake: Intake, selector: &Selector) -> Result<Admitted> {
        intake.ensure(CheckPhase::Manifest)?;
        intake.staging.drop_session_records()?;
        let verb = self.kind().as_str();
        let on_conflict = self.options.on_conflict;
        intake.staging.set_target(&Target {
            verb,
            parent: self.parent,
            on_conflict: on_conflict.as_str(),
        })?;
        // First whether it may go there at all: the root of a pack that may not has no meaning.
        intake.ensure(CheckPhase::Target)?;
        let mut roots = match self.parent {
            Some(parent) => Roots::of_import(parent, &intake.claims.root_name)?,
            None => Roots::of_restore(intake.head.scopes.as_deref().unwrap_or_default()),
        };
        self.choose(&intake, &mut roots, selector)?;
        roots.stage(layout, &intake.staging)?;
        intake.ensure(CheckPhase::Target)?;
        let is_skipped = on_conflict == OnConflict::Skip && intake.staging.target_exists()?;
        Ok(Admitted {
            intake,
            roots,
            is_skipped,
        })
    }
}
