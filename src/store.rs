//! A store: open it, and the acts as methods.

mod audit;
mod history;
mod index;
mod making;
mod retention;
mod settings;
mod undo;

use std::io::Write;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use crate::browse::{self, ListEntry};
use crate::config::Settings;
use crate::control::Control;
use crate::error::{Error, Result};
use crate::export::{self, Confirm, ExportOptions, ExportReport};
use crate::fsops::Dir;
use crate::id::TransactionId;
use crate::import::{ImportOptions, Request};
use crate::init::InitOptions;
use crate::journal::{Journal, Provenance, StoreRow};
use crate::layout::{self, Layout};
use crate::neighbour;
use crate::probe;
use crate::recover::{self, RecoverOptions, RecoverReport};
use crate::rollback::{self, RollbackOptions};
use crate::session::Session;
use crate::stat_cache::StatCache;
use crate::status::{self, StatusOptions, StatusReport};
use crate::transaction::Receipt;
use crate::uploads::{UploadOptions, Uploads};
use crate::uri::Uri;

/// How often a pack is made of a tree that commits keep exchanging.
const PACK_ATTEMPTS: u32 = 3;

/// Export or backup, given the live root.
type PackAct<'a> = &'a dyn Fn(&Dir, Option<&mut StatCache>, Confirm<'_>) -> Result<ExportReport>;

/// Who acts, for the journal; and how long to wait for another writer.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// The command line, as far as it may be kept.
    pub argv: Vec<String>,
    /// Who.
    pub user: String,
    /// Where; empty for this host's name.
    pub host: String,
    /// How long a writing act waits for another process; zero for not at all.
    pub wait: Duration,
    /// Write to an adopted directory although `OpenViking` seems to work on it.
    pub while_running: bool,
    /// Settings that go before those of the store's own file, such as an environment's.
    pub overrides: Settings,
    /// Settings for what the store's own file does not say, such as a user's.
    pub defaults: Settings,
}

/// An opened store.
///
/// Holds no lock: each writing act takes it for as long as it lasts, and first settles what a crash
/// left. Reading acts take none, write nothing, and go on beside a writer.
#[derive(Debug)]
pub struct Store {
    path: Utf8PathBuf,
    options: OpenOptions,
}

impl Store {
    /// Makes a store in a directory that is empty or missing, and opens it; durable when this returns.
    ///
    /// # Errors
    /// [`Error::StoreExists`], [`Error::DirectoryNotEmpty`], and [`Error::FileSystemUnsupported`]
    /// where directories cannot be exchanged atomically.
    pub fn init(path: &Utf8Path, options: &OpenOptions) -> Result<Self> {
        Self::init_with(path, InitOptions::default(), options)
    }

    /// Makes a directory that holds scope directories a store, and opens it; what else it holds is
    /// left alone. Every file is read and recorded in a baseline. Durable when this returns.
    ///
    /// # Errors
    /// [`Error::NothingToAdopt`], [`Error::StoreExists`], [`Error::FileSystemUnsupported`]; and for
    /// content that no pack can hold [`Error::SpecialFile`] or [`Error::NameUnpackable`]; and
    /// [`Error::InUse`], unless [`OpenOptions::while_running`].
    pub fn adopt(path: &Utf8Path, options: &OpenOptions) -> Result<Self> {
        Self::adopt_with(path, InitOptions::default(), options)
    }

    /// Opens a store; changes nothing.
    ///
    /// # Errors
    /// [`Error::StoreNotFound`], [`Error::StoreNewer`], [`Error::StoreDamaged`].
    pub fn open(path: &Utf8Path, options: &OpenOptions) -> Result<Self> {
        let path = path.canonicalize_utf8().map_err(|_| Error::StoreNotFound {
            path: path.to_owned(),
        })?;
        let store = Self {
            path,
            options: options.clone(),
        };
        match store.reader() {
            // The first writing act brings it to this version.
            Ok(_) | Err(Error::StoreOlder { .. }) => Ok(store),
            Err(error) => Err(error),
        }
    }

    /// Returns the nearest directory at or above `start` that is a store.
    ///
    /// # Errors
    /// [`Error::StoreNotFound`].
    pub fn discover(start: &Utf8Path) -> Result<Utf8PathBuf> {
        let absolute = start
            .canonicalize_utf8()
            .map_err(|_| Error::StoreNotFound {
                path: start.to_owned(),
            })?;
        let found = absolute
            .ancestors()
            .find(|dir| layout::is_store(dir))
            .map(Utf8Path::to_owned);
        found.ok_or_else(|| Error::StoreNotFound {
            path: start.to_owned(),
        })
    }

    /// Returns the store's directory.
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// Imports a pack under a parent. The live tree is exactly old or exactly new at every instant;
    /// durable when this returns.
    ///
    /// # Errors
    /// [`Error::Refused`] with all findings of the phase that ran, among them `root-exists`;
    /// [`Error::InvalidArgument`] for limits above what the format allows; [`Error::Busy`]; [`Error::Pending`] alone says that the new tree is in place.
    pub fn import(
        &self,
        pack: &Utf8Path,
        parent: &Uri,
        options: &ImportOptions,
    ) -> Result<Receipt> {
        self.take_in(&Request {
            pack,
            parent: Some(parent),
            options,
        })
    }

    /// Restores a backup pack to its scopes; otherwise as [`Self::import`].
    ///
    /// # Errors
    /// As [`Self::import`].
    pub fn restore(&self, pack: &Utf8Path, options: &ImportOptions) -> Result<Receipt> {
        self.take_in(&Request {
            pack,
            parent: None,
            options,
        })
    }

    fn take_in(&self, request: &Request<'_>) -> Result<Receipt> {
        if request.options.dry_run {
            let reader = self.reader()?;
            return request.rehearse(&reader.layout, &reader.journal, reader.cache());
        }
        request.run(&mut self.writer(&request.options.control)?)
    }

    /// Packs the tree at a URI. The file appears under its name only when it is whole and durable.
    ///
    /// # Errors
    /// [`Error::UriNotFound`], [`Error::OutputExists`], [`Error::FileChanging`],
    /// [`Error::ConfigInvalid`] where the store's layout is asked for, and for content
    /// that no pack can hold [`Error::SpecialFile`] or [`Error::NameUnpackable`].
    pub fn export(
        &self,
        uri: &Uri,
        out: &Utf8Path,
        options: &ExportOptions,
    ) -> Result<ExportReport> {
        let options = &self.with_layout(options)?;
        self.pack(&|live, cache, confirm| export::export(live, uri, out, options, cache, confirm))
    }

    /// Packs every public scope; otherwise as [`Self::export`].
    ///
    /// # Errors
    /// As [`Self::export`].
    pub fn backup(&self, out: &Utf8Path, options: &ExportOptions) -> Result<ExportReport> {
        let options = &self.with_layout(options)?;
        self.pack(&|live, cache, confirm| export::backup(live, out, options, cache, confirm))
    }

    /// Packs again what was exchanged while it was packed. Beneath one descriptor each root is one
    /// tree, but a backup has four, and a commit may exchange what lies below a root. Nothing moves
    /// before it is prepared; transactions that only begin, or abort before that, do not matter.
    fn pack(&self, pack: PackAct<'_>) -> Result<ExportReport> {
        for _ in 1..PACK_ATTEMPTS {
            match self.pack_once(pack) {
                Err(Error::LiveTreeChanged { .. }) => {}
                packed => return packed,
            }
        }
        self.pack_once(pack)
    }

    fn pack_once(&self, pack: PackAct<'_>) -> Result<ExportReport> {
        let reader = self.reader()?;
        let moves = || {
            Ok((
                reader.journal.last_prepared()?,
                reader.journal.generation()?,
            ))
        };
        let before = moves()?;
        let live = reader.layout.open_live()?;
        let has_moved = || {
            if moves()? == before {
                return Ok(());
            }
            let path = live.path().to_owned();
            Err(Error::LiveTreeChanged { path })
        };
        let confirm: Confirm<'_> = (&has_moved, Some(&reader.journal));
        let packed = pack(&live, reader.cache().as_mut(), confirm);
        if let Err(Error::FileChanging { .. }) = packed {
            // A file that went to a slot is missed where it was.
            has_moved()?;
        }
        packed
    }

    /// Rolls a committed transaction back, by one more that exchanges the same trees; durable when
    /// this returns. Rolling back a rollback brings back what it took away.
    ///
    /// # Errors
    /// [`Error::TransactionNotFound`], [`Error::NotInEffect`], [`Error::LaterTransactions`],
    /// [`Error::Drift`], [`Error::SlotPruned`], [`Error::SlotDamaged`], [`Error::Busy`].
    pub fn rollback(&self, tx: TransactionId, options: &RollbackOptions) -> Result<Receipt> {
        if options.dry_run {
            return undo::or_first_obstacle(self.rehearse_rollback(tx, options)?);
        }
        rollback::run(&mut self.writer(&options.control)?, tx, options)
    }

    /// Settles what a crash left; writes nothing where the store is whole. Then reads the journal's
    /// file through, so that a store of which nothing is reported is whole as far as that is told.
    ///
    /// # Errors
    /// [`Error::InDoubt`] where the live tree is neither the old nor the new one, [`Error::Busy`];
    /// once everything is settled, [`Error::StoreDamaged`] where `SQLite` finds its file damaged,
    /// [`Error::Interrupted`] while that is looked for, and [`Error::PruneUnfinished`].
    pub fn recover(&self, options: &RecoverOptions) -> Result<RecoverReport> {
        let mut session = self.session(&options.control)?;
        let recovery = recover::recover(&mut session, options)?;
        session.journal.ensure_sound(&options.control)?;
        recovery.unfinished.map_or(Ok(recovery.report), Err)
    }

    /// Tells the state of the store and how its live tree differs from what the last commit left.
    ///
    /// # Errors
    /// Those of reading the journal and the live tree.
    pub fn status(&self, options: &StatusOptions) -> Result<StatusReport> {
        let mut attempts = 0;
        loop {
            let reader = self.reader()?;
            let before = reader.journal.last_prepared()?;
            let report = status::status(
                &reader.layout,
                &reader.journal,
                &reader.store,
                reader.cache(),
                options,
            )?;
            attempts += 1;
            // What a commit changed while the tree was looked at is not drift.
            let has_moved = reader.journal.last_prepared()? != before
                || reader.journal.generation()? != report.generation;
            if !has_moved || attempts >= PACK_ATTEMPTS {
                return Ok(report);
            }
        }
    }

    /// Takes the area for packs that a server receives and hands out, and removes what an earlier
    /// server left there.
    ///
    /// # Errors
    /// [`Error::Busy`] where another server has it.
    pub fn uploads(&self, options: UploadOptions) -> Result<Uploads> {
        Uploads::open(&Layout::open(&self.path)?, options)
    }

    /// Lists what is at a URI: the children of a directory by name, or the file itself.
    ///
    /// # Errors
    /// [`Error::UriNotFound`].
    pub fn list(&self, uri: &Uri) -> Result<Vec<ListEntry>> {
        browse::list(&self.reader()?.layout, uri)
    }

    /// Writes a file's bytes to `out`; returns their number.
    ///
    /// # Errors
    /// [`Error::UriNotFound`], [`Error::WrongEntryKind`].
    pub fn read(&self, uri: &Uri, out: &mut dyn Write) -> Result<u64> {
        browse::read(&self.reader()?.layout, uri, out)
    }

    fn reader(&self) -> Result<Reader> {
        let layout = Layout::open(&self.path)?;
        let journal = Journal::open_for_reading(&layout.path_of(layout::JOURNAL))?;
        let store = journal.store_row()?.ok_or_else(|| Error::StoreNotFound {
            path: self.path.clone(),
        })?;
        Ok(Reader {
            layout: layout.with_adopted(store.is_adopted),
            journal,
            store,
        })
    }

    fn session(&self, control: &Control) -> Result<Session> {
        Session::begin(
            Layout::open(&self.path)?,
            provenance(&self.options),
            self.options.wait,
            control,
        )
    }

    /// A writing session, with everything that a crash left settled.
    fn writer(&self, control: &Control) -> Result<Session> {
        let mut session = self.session(control)?;
        if session.layout.is_adopted() && !self.options.while_running {
            neighbour::ensure_alone(session.layout.root())?;
        }
        recover::recover(&mut session, &RecoverOptions::default())?;
        if session.journal.generation()? == 0 {
            probe::ensure_supported(&session.layout)?;
        }
        Ok(session)
    }
}

/// What a reading act needs.
struct Reader {
    layout: Layout,
    journal: Journal,
    store: StoreRow,
}

impl Reader {
    fn cache(&self) -> Option<StatCache> {
        StatCache::open_for_reading(&self.layout.path_of(layout::CACHE))
    }
}

fn provenance(options: &OpenOptions) -> Provenance {
    let host = if options.host.is_empty() {
        rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned()
    } else {
        options.host.clone()
    };
    Provenance {
        argv: options.argv.clone(),
        user: options.user.clone(),
        host,
    }
}
