//! A store in a scratch directory, through the library and through the built program.

use std::ffi::OsStr;
use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use ovpack::{
    ExportOptions, ExportReport, ImportOptions, Layout, LogOptions, OnConflict, OpenOptions,
    Receipt, RecoverOptions, Result, RollbackOptions, StatusOptions, StatusReport, Store,
    TransactionId, TransactionSummary,
};
use serde_json::Value;
use tempfile::TempDir;

use super::{Content, Tree, path_of, scratch, tree, uri};

/// A store; its scratch directory is removed with it.
#[derive(Debug)]
pub(crate) struct TestStore {
    directory: TempDir,
    /// The store.
    pub(crate) path: Utf8PathBuf,
    /// The live tree.
    pub(crate) live: Utf8PathBuf,
}

/// What a run of the program left.
#[derive(Clone, Debug)]
#[must_use = "assert its exit code"]
pub(crate) struct Output {
    /// The exit code; `None` where a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    /// Returns the one JSON object on stdout.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts success and returns the result.
    #[track_caller]
    pub(crate) fn result(&self) -> Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        let json = self.json();
        assert_eq!(json["status"], "ok", "{self:?}");
        json["result"].clone()
    }
}

impl TestStore {
    /// Makes a store that owns its live tree; nothing is in it.
    pub(crate) fn fresh() -> Self {
        let directory = scratch();
        let path = path_of(&directory).join("store");
        Store::init(&path, &OpenOptions::default()).unwrap();
        Self {
            live: path.join("viking"),
            path,
            directory,
        }
    }

    /// Makes a store of a directory that `fill` has filled before.
    pub(crate) fn adopted(fill: impl FnOnce(&Utf8Path)) -> Self {
        let directory = scratch();
        let path = path_of(&directory).join("store");
        std::fs::create_dir(&path).unwrap();
        fill(&path);
        Store::adopt(&path, &OpenOptions::default()).unwrap();
        Self {
            live: path.clone(),
            path,
            directory,
        }
    }

    /// Returns a path outside of the store, beside it.
    pub(crate) fn beside(&self, name: &str) -> Utf8PathBuf {
        path_of(&self.directory).join(name)
    }

    /// Returns the path of a live file or directory.
    pub(crate) fn at(&self, below: &str) -> Utf8PathBuf {
        self.live.join(below)
    }

    /// Opens the store.
    pub(crate) fn open(&self) -> Store {
        self.try_open().unwrap()
    }

    /// Opens the store, which a fault may forbid.
    ///
    /// It may wait a little: while another test's thread makes a child process, that child holds
    /// copies of all open files, and so the lock, until it becomes another program.
    pub(crate) fn try_open(&self) -> Result<Store> {
        let wait = Duration::from_secs(10);
        Store::open(
            &self.path,
            &OpenOptions {
                wait,
                ..OpenOptions::default()
            },
        )
    }

    /// Writes a live file as a program other than ovpack does; makes its parents.
    pub(crate) fn write(&self, below: &str, bytes: &[u8]) {
        put(&self.live, below, bytes);
    }

    /// Returns the live tree; in an adopted store only the four public scopes.
    pub(crate) fn live_tree(&self) -> Tree {
        let mut all = tree(&self.live);
        if self.live == self.path {
            let scopes = ["resources", "user", "agent", "session"];
            all.retain(|path, _| scopes.contains(&path.split('/').next().unwrap_or_default()));
        }
        all
    }

    /// Returns all that the store's directory holds but what may change without a commit: the lock,
    /// the WALs of journal and search index with their indexes, and the stat cache.
    pub(crate) fn whole(&self) -> Tree {
        let mut all = tree(&self.path);
        all.retain(|path, _| {
            let name = path.strip_prefix(".ovpack/").unwrap_or_default();
            let changing = ["store.db-", "index.db-", "cache.db"];
            !(name == "lock" || changing.iter().any(|prefix| name.starts_with(prefix)))
        });
        // What was made and removed again in a directory of the store's own is no trace.
        for (path, node) in &mut all {
            if path.starts_with(".ovpack") && node.content == Content::Directory {
                node.mtime_ns = 0;
            }
        }
        all
    }

    /// Imports with a policy.
    pub(crate) fn import_with(
        &self,
        pack: &Utf8Path,
        parent: &str,
        on_conflict: OnConflict,
    ) -> Result<Receipt> {
        let options = ImportOptions {
            on_conflict,
            ..ImportOptions::default()
        };
        self.try_open()?.import(pack, &uri(parent), &options)
    }

    /// Imports where nothing is in the way.
    #[track_caller]
    pub(crate) fn import(&self, pack: &Utf8Path, parent: &str) -> Receipt {
        self.import_with(pack, parent, OnConflict::Fail).unwrap()
    }

    /// Imports over what is there.
    #[track_caller]
    pub(crate) fn overwrite(&self, pack: &Utf8Path, parent: &str) -> Receipt {
        self.import_with(pack, parent, OnConflict::Overwrite)
            .unwrap()
    }

    /// Restores with a policy.
    pub(crate) fn restore_with(&self, pack: &Utf8Path, on_conflict: OnConflict) -> Result<Receipt> {
        let options = ImportOptions {
            on_conflict,
            ..ImportOptions::default()
        };
        self.try_open()?.restore(pack, &options)
    }

    /// Exports to a path beside the store.
    pub(crate) fn export(&self, at: &str, name: &str) -> Result<ExportReport> {
        self.try_open()?
            .export(&uri(at), &self.beside(name), &ExportOptions::default())
    }

    /// Backs up to a path beside the store.
    pub(crate) fn backup(&self, name: &str) -> Result<ExportReport> {
        self.try_open()?
            .backup(&self.beside(name), &ExportOptions::default())
    }

    /// Packs a root, or all scopes with `viking://`, in a layout.
    pub(crate) fn pack_in(&self, layout: Layout, at: &str, name: &str) -> Result<ExportReport> {
        let options = ExportOptions {
            layout: Some(layout),
            ..ExportOptions::default()
        };
        let (store, out) = (self.open(), self.beside(name));
        match at {
            "viking://" => store.backup(&out, &options),
            _ => store.export(&uri(at), &out, &options),
        }
    }

    /// Rolls back.
    pub(crate) fn rollback(&self, tx: Option<TransactionId>) -> Result<Receipt> {
        self.try_open()?
            .rollback(tx.unwrap(), &RollbackOptions::default())
    }

    /// Rolls back whatever drifted.
    pub(crate) fn rollback_by_force(&self, tx: Option<TransactionId>) -> Result<Receipt> {
        let options = RollbackOptions {
            force: true,
            ..RollbackOptions::default()
        };
        self.try_open()?.rollback(tx.unwrap(), &options)
    }

    /// Settles what a crash left.
    pub(crate) fn recover(&self) -> Result<ovpack::RecoverReport> {
        self.try_open()?.recover(&RecoverOptions::default())
    }

    /// Returns all transactions, newest first.
    pub(crate) fn log(&self) -> Vec<TransactionSummary> {
        self.open().log(&LogOptions::default()).unwrap()
    }

    /// Returns the state of the store.
    pub(crate) fn status(&self) -> StatusReport {
        self.open().status(&StatusOptions::default()).unwrap()
    }

    /// Returns the program, told of this store, with a cleared environment.
    pub(crate) fn command<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ovpack"));
        command
            .env_clear()
            .current_dir(path_of(&self.directory))
            .stdin(Stdio::null());
        command
            .args(["--store", self.path.as_str()])
            .args(arguments);
        command
    }

    /// Runs the program in this store.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Output {
        output(self.command(arguments))
    }

    /// Runs the program with a fault, as `OVPACK_FAULT` spells it.
    pub(crate) fn run_with_fault<S: AsRef<OsStr>>(
        &self,
        fault: &str,
        arguments: impl IntoIterator<Item = S>,
    ) -> Output {
        let mut command = self.command(arguments);
        command.env("OVPACK_FAULT", fault);
        output(command)
    }
}

/// Runs a command to its end.
pub(crate) fn output(mut command: Command) -> Output {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Output {
        code: output.status.code(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}

/// Writes a file below a directory and makes its parents.
pub(crate) fn put(directory: &Utf8Path, below: &str, bytes: &[u8]) {
    let path = directory.join(below);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// Reads a whole file.
pub(crate) fn get(path: &Utf8Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .unwrap()
        .read_to_end(&mut bytes)
        .unwrap();
    bytes
}
