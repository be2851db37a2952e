//! A store: open it, and the acts as methods.

use std::io::Write;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use crate::error::{Error, Result};
use crate::export::{ExportOptions, ExportReport};
use crate::history::{
    ListEntry, LogOptions, StatusOptions, StatusReport, TransactionReport, TransactionSummary,
};
use crate::id::TransactionId;
use crate::import::ImportOptions;
use crate::recover::{RecoverOptions, RecoverReport};
use crate::rollback::RollbackOptions;
use crate::transaction::Receipt;
use crate::uri::Uri;

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
}

/// An opened store.
#[derive(Debug)]
pub struct Store {
    path: Utf8PathBuf,
}

impl Store {
    /// Makes a store in a directory that is empty or missing.
    pub fn init(path: &Utf8Path, _options: &OpenOptions) -> Result<Self> {
        Err(Error::StoreNotFound {
            path: path.to_owned(),
        })
    }

    /// Makes a directory that holds scope directories a store; what else it holds is left alone.
    pub fn adopt(path: &Utf8Path, _options: &OpenOptions) -> Result<Self> {
        Err(Error::StoreNotFound {
            path: path.to_owned(),
        })
    }

    /// Opens a store.
    pub fn open(path: &Utf8Path, _options: &OpenOptions) -> Result<Self> {
        Err(Error::StoreNotFound {
            path: path.to_owned(),
        })
    }

    /// Returns the nearest directory at or above `start` that is a store.
    pub fn discover(start: &Utf8Path) -> Result<Utf8PathBuf> {
        Err(Error::StoreNotFound {
            path: start.to_owned(),
        })
    }

    /// Returns the store's directory.
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// Imports a pack under a parent.
    pub fn import(
        &self,
        _pack: &Utf8Path,
        _parent: &Uri,
        _options: &ImportOptions,
    ) -> Result<Receipt> {
        Err(self.stub())
    }

    /// Restores a backup pack.
    pub fn restore(&self, _pack: &Utf8Path, _options: &ImportOptions) -> Result<Receipt> {
        Err(self.stub())
    }

    /// Packs the tree at a URI.
    pub fn export(
        &self,
        _uri: &Uri,
        _out: &Utf8Path,
        _options: &ExportOptions,
    ) -> Result<ExportReport> {
        Err(self.stub())
    }

    /// Packs every public scope.
    pub fn backup(&self, _out: &Utf8Path, _options: &ExportOptions) -> Result<ExportReport> {
        Err(self.stub())
    }

    /// Rolls a committed transaction back.
    pub fn rollback(&self, _tx: TransactionId, _options: &RollbackOptions) -> Result<Receipt> {
        Err(self.stub())
    }

    /// Settles what a crash left.
    pub fn recover(&self, _options: &RecoverOptions) -> Result<RecoverReport> {
        Err(self.stub())
    }

    /// Lists transactions, newest first.
    pub fn log(&self, _options: &LogOptions) -> Result<Vec<TransactionSummary>> {
        Err(self.stub())
    }

    /// Shows one transaction in full.
    pub fn show(&self, _tx: TransactionId) -> Result<TransactionReport> {
        Err(self.stub())
    }

    /// Tells the state of the store.
    pub fn status(&self, _options: &StatusOptions) -> Result<StatusReport> {
        Err(self.stub())
    }

    /// Lists what is at a URI: the children of a directory, or the file itself.
    pub fn list(&self, _uri: &Uri) -> Result<Vec<ListEntry>> {
        Err(self.stub())
    }

    /// Writes a file's bytes to `out`; returns their number.
    pub fn read(&self, _uri: &Uri, _out: &mut dyn Write) -> Result<u64> {
        Err(self.stub())
    }

    fn stub(&self) -> Error {
        Error::StoreNotFound {
            path: self.path.clone(),
        }
    }
}
