//! The restore journal: an append-only record of what was done to the live tree, and by whom.
//!
//! ```text
//! begun --> prepared --> committed
//!   |          |---> back --+
//!   +----------+------------+--> aborting --> aborted
//! ```
//!
//! Every event is one `SQLite` transaction and durable when its function returns. Each carries the
//! hash of the event before it, and the digest of the rows that came with it ([`chain`]). What the
//! last commit left at a path is asked of change rows ([`state`]), and what was there before ([`past`]).

pub(crate) mod chain;
mod copy;
mod forecast;
mod index;
pub(crate) mod past;
pub(crate) mod prepare;
pub(crate) mod read;
pub(crate) mod retention;
mod rows;
mod schema;
pub(crate) mod slots;
pub(crate) mod state;
pub(crate) mod transactions;
pub(crate) mod undo;
pub(crate) mod verify;

use camino::{Utf8Path, Utf8PathBuf};
use rusqlite::{Connection, ErrorCode, Transaction, named_params, params};
use serde_json::json;

use crate::clock;
use crate::control::Control;
use crate::db::{self, DatabaseContext as _, Schema};
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::id::{TransactionId, new_store_id};
use crate::selection::SelectionPattern;

/// Migrations of the journal database, in order; never edited once released.
const MIGRATIONS: &[&str] = &[
    include_str!("../../schema/store/0001_create_journal.sql"),
    include_str!("../../schema/store/0002_widen_transactions.sql"),
    include_str!("../../schema/store/0003_create_index.sql"),
    include_str!("../../schema/store/0004_show_index.sql"),
];

/// What the journal database is made of. The views are those of `schema/views.sql`, which auditors
/// rely on.
const SCHEMA: Schema<'_> = Schema {
    migrations: MIGRATIONS,
    drop_views: include_str!("../../schema/drop-views.sql"),
    views: include_str!("../../schema/views.sql"),
};

/// An open journal database.
#[derive(Debug)]
pub(crate) struct Journal {
    connection: Connection,
}

/// The store's own row.
#[derive(Clone, Debug)]
pub(crate) struct StoreRow {
    pub(crate) id: String,
    /// Whether the live root is the store's directory itself.
    pub(crate) is_adopted: bool,
}

/// What kind of transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TransactionKind {
    Baseline,
    Import,
    Restore,
    Rollback,
    Revert,
    Prune,
    Pin,
    Unpin,
    Reindex,
}

impl TransactionKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Import => "import",
            Self::Restore => "restore",
            Self::Rollback => "rollback",
            Self::Revert => "revert",
            Self::Prune => "prune",
            Self::Pin => "pin",
            Self::Unpin => "unpin",
            Self::Reindex => "reindex",
        }
    }
}

/// Who acts, as the journal keeps it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Provenance {
    pub(crate) argv: Vec<String>,
    pub(crate) user: String,
    pub(crate) host: String,
}

/// What `begun` records.
#[derive(Clone, Debug)]
pub(crate) struct NewTransaction {
    pub(crate) kind: TransactionKind,
    pub(crate) uri: String,
    pub(crate) on_conflict: Option<&'static str>,
    pub(crate) undoes: Option<TransactionId>,
    pub(crate) pack: Option<PackFile>,
}

/// What a transaction is about beside its root: other transactions, a part of a pack.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cited {
    /// What a rollback of several undoes; empty for one, which stands in its own row.
    pub(crate) undone: Vec<TransactionId>,
    /// Paths that a revert brings back as they were before a transaction.
    pub(crate) reverts: Vec<(TransactionId, String)>,
    /// Patterns by which a part of a pack is taken; none for all of it.
    pub(crate) selection: Vec<SelectionPattern>,
}

/// A pack as a file, before its bytes are read.
#[derive(Clone, Debug)]
pub(crate) struct PackFile {
    pub(crate) path: Utf8PathBuf,
    pub(crate) bytes: u64,
    pub(crate) mtime_ms: i64,
}

/// An event's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventKind {
    Begun,
    Prepared,
    Committed,
    Back,
    Aborting,
    Aborted,
}

impl EventKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Prepared => "prepared",
            Self::Committed => "committed",
            Self::Back => "back",
            Self::Aborting => "aborting",
            Self::Aborted => "aborted",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [
            Self::Begun,
            Self::Prepared,
            Self::Committed,
            Self::Back,
            Self::Aborting,
            Self::Aborted,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == name)
    }
}

impl Journal {
    /// Makes a journal, or finishes making one that a crash left without its store row.
    pub(crate) fn create(path: &Utf8Path, is_adopted: bool) -> Result<Self> {
        let mut connection = db::open_journal(path, SCHEMA)?;
        db::write(&mut connection, "make the journal", |tx| {
            let row = named_params! {":id": new_store_id(), ":adopted": is_adopted, ":created_ms": clock::now_ms()};
            tx.execute("INSERT INTO store (one, id, adopted, created_ms) VALUES (1, :id, :adopted, :created_ms)", row)
                .context("make the journal")
        })?;
        db::checkpoint(&connection)?;
        Ok(Self { connection })
    }

    /// Opens the journal for writing.
    pub(crate) fn open(path: &Utf8Path) -> Result<Self> {
        Ok(Self {
            connection: db::open_journal(path, SCHEMA)?,
        })
    }

    /// Opens the journal for reading; changes nothing.
    pub(crate) fn open_for_reading(path: &Utf8Path) -> Result<Self> {
        Ok(Self {
            connection: db::open_journal_for_reading(path, SCHEMA)?,
        })
    }

    /// Lets `SQLite` read the whole file.
    ///
    /// # Errors
    /// [`Error::StoreDamaged`], [`Error::Interrupted`].
    pub(crate) fn ensure_sound(&mut self, control: &Control) -> Result<()> {
        schema::ensure_sound(&mut self.connection, control)
    }

    /// Returns the store's own row; `None` where making the store was cut short.
    pub(crate) fn store_row(&self) -> Result<Option<StoreRow>> {
        let query = "SELECT id, adopted FROM store";
        let row = self.connection.query_row(query, [], |row| {
            Ok(StoreRow {
                id: row.get(0)?,
                is_adopted: row.get(1)?,
            })
        });
        if row
            .as_ref()
            .err()
            .and_then(rusqlite::Error::sqlite_error_code)
            == Some(ErrorCode::Unknown)
        {
            // Where the table itself is not what it was, that is what there is to tell.
            schema::ensure_as_made(&self.connection, 0)?;
        }
        let row = optional(row).context("read the journal")?;
        let has_events = "SELECT EXISTS (SELECT 1 FROM event)";
        if row.is_none()
            && self
                .connection
                .query_row(has_events, [], |row| row.get(0))
                .context("read the journal")?
        {
            return Err(damaged(0, "store [1]", "it is missing"));
        }
        Ok(row)
    }

    /// Returns the connection for SQL that somebody else wrote; it must be guarded first.
    pub(crate) const fn connection_for_questions(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Records that a transaction begins, and what it is about; durable when this returns.
    pub(crate) fn begin(
        &mut self,
        new: &NewTransaction,
        cited: &Cited,
        by: &Provenance,
    ) -> Result<TransactionId> {
        db::write(
            &mut self.connection,
            "record the begin of a transaction",
            |tx| {
                let id =
                    insert_transaction(tx, new, by).context("record the begin of a transaction")?;
                insert_cited(tx, id, cited).context("record the begin of a transaction")?;
                chain::append(tx, id, EventKind::Begun, &json!({}), chain::Rows::Begun)?;
                Ok(id)
            },
        )
    }

    /// Records an event without rows; durable when this returns.
    pub(crate) fn note(
        &mut self,
        id: TransactionId,
        kind: EventKind,
        detail: &serde_json::Value,
    ) -> Result<()> {
        db::write(&mut self.connection, "record an event", |tx| {
            chain::append(tx, id, kind, detail, chain::Rows::None)
        })
    }

    /// Records the commit; durable when this returns. Returns the store's new generation.
    pub(crate) fn commit(&mut self, id: TransactionId) -> Result<u64> {
        db::write(&mut self.connection, "record the commit", |tx| {
            let generation = read::generation(tx)? + 1;
            slots::take_over_by_commit(tx, id)?;
            chain::append(
                tx,
                id,
                EventKind::Committed,
                &json!({ "generation": generation }),
                chain::Rows::AsPrepared,
            )?;
            Ok(generation)
        })
    }

    /// Moves the WAL's content into the database file.
    pub(crate) fn checkpoint(&self) -> Result<()> {
        db::checkpoint(&self.connection)
    }
}

fn insert_transaction(
    tx: &Transaction<'_>,
    new: &NewTransaction,
    by: &Provenance,
) -> rusqlite::Result<TransactionId> {
    tx.execute(
        "INSERT INTO tx (kind, uri, on_conflict, undoes, argv, user, host, tool_version, pack_path, pack_bytes, pack_mtime_ms, started_ms)
         VALUES (:kind, :uri, :on_conflict, :undoes, :argv, :user, :host, :tool_version, :pack_path, :pack_bytes, :pack_mtime_ms, :started_ms)",
        named_params! {
            ":kind": new.kind.as_str(),
            ":uri": new.uri,
            ":on_conflict": new.on_conflict,
            ":undoes": new.undoes.map(|id| id.0),
            ":argv": json!(by.argv).to_string(),
            ":user": by.user,
            ":host": by.host,
            ":tool_version": env!("CARGO_PKG_VERSION"),
            ":pack_path": new.pack.as_ref().map(|pack| pack.path.as_str()),
            ":pack_bytes": new.pack.as_ref().map(|pack| to_column(pack.bytes)),
            ":pack_mtime_ms": new.pack.as_ref().map(|pack| pack.mtime_ms),
            ":started_ms": clock::now_ms(),
        },
    )?;
    Ok(TransactionId(tx.last_insert_rowid()))
}

fn insert_cited(tx: &Transaction<'_>, id: TransactionId, cited: &Cited) -> rusqlite::Result<()> {
    for undone in &cited.undone {
        let row = params![id.0, undone.0];
        tx.execute("INSERT INTO tx_undo (tx, undone) VALUES (?1, ?2)", row)?;
    }
    for (ordinal, pattern) in (1_i64..).zip(&cited.selection) {
        tx.execute(
            "INSERT INTO tx_selection (tx, ordinal, sense, pattern) VALUES (?1, ?2, ?3, ?4)",
            params![id.0, ordinal, pattern.sense.as_str(), pattern.pattern],
        )?;
    }
    for (before, path) in &cited.reverts {
        tx.execute(
            "INSERT INTO tx_revert (tx, before_tx, path) VALUES (?1, ?2, ?3)",
            params![id.0, before.0, path],
        )?;
    }
    Ok(())
}

/// Returns a count as a column holds it; a value that no column holds becomes the largest.
pub(crate) fn to_column(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Returns a column as the count that it is; a negative value is 0.
pub(crate) fn from_column(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// Turns "no row" into `None`.
pub(crate) fn optional<T>(row: rusqlite::Result<T>) -> rusqlite::Result<Option<T>> {
    match row {
        Ok(value) => Ok(Some(value)),
        Err(rusqlite::Error::QueryReturnedNoRows) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the digest of the store's row, which is what the first event follows.
fn genesis(connection: &Connection) -> Result<Digest> {
    let row = connection.query_row(
        "SELECT id, adopted, created_ms FROM store",
        params![],
        |row| {
            Ok(json!([
                "store",
                row.get::<_, String>(0)?,
                row.get::<_, i64>(1)?,
                row.get::<_, i64>(2)?
            ]))
        },
    );
    Ok(Digest::of(
        row.context("read the journal")?.to_string().as_bytes(),
    ))
}

/// Makes the error of a journal that is not what it was.
fn damaged(seq: i64, row: impl Into<String>, detail: impl Into<String>) -> Error {
    Error::JournalDamaged {
        seq,
        row: row.into(),
        detail: detail.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Head of the journal in the fixture, as the program that wrote it printed it.
    const HEAD: &str = "6808e349c8fc91badb3dedc2b736cb6a85ab999df2e1c42448772c7b636d3d03";

    #[test]
    fn a_journal_of_version_1_is_migrated_and_keeps_its_chain() {
        let dir = tempfile::tempdir().expect("a directory");
        let dir = Utf8Path::from_path(dir.path()).expect("UTF-8");
        let path = dir.join("store.db");
        let dump = include_str!("../../fixtures/stores/version-1.sql");
        let marks = "PRAGMA user_version=1; PRAGMA application_id=0x4f56504b;";
        drop(db::open_scratch(Some(&path), &[dump, marks].concat()).expect("made"));
        assert!(matches!(
            Journal::open_for_reading(&path),
            Err(Error::StoreOlder { found: 1, .. })
        ));
        drop(Journal::open(&path).expect("migrated"));
        let journal = Journal::open_for_reading(&path).expect("read");
        let report = journal.verify(&[], &Control::default()).expect("whole");
        assert_eq!(report.events, 15);
        assert_eq!(report.head.hash.to_string(), HEAD);
        assert_eq!(journal.generation().expect("known"), 4);
        let journal = Journal::open(&path).expect("opened");
        let update = journal
            .connection
            .execute("UPDATE tx SET user = 'mallory'", []);
        let refusal = update.expect_err("append-only").to_string();
        assert_eq!(refusal, "the journal is append-only");
    }
}
