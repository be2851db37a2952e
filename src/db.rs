//! `SQLite`: how databases are opened, migrated and written.
//!
//! Pragmas belong here and nowhere else. The journal database is in WAL mode with
//! `synchronous=FULL`: a transaction is durable when [`write`] returns. The WAL file is kept when the
//! last connection closes, so that `sqlite3 -readonly` works at any time; checkpoints are asked for
//! by name ([`checkpoint`]) and happen at no other time.

mod batch;
mod derived;
mod faults;
mod guard;

use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use rusqlite::config::DbConfig;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{
    Connection, ErrorCode, OpenFlags, Params, Row, Statement, Transaction, TransactionBehavior,
};

use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::fault;
use crate::fsops;

pub(crate) use batch::{BATCH_ROWS, Batch};
pub(crate) use derived::{
    Reading, empty_wal, open_cache, open_cache_for_reading, open_index, open_index_for_reading,
    open_scratch, open_spool,
};
pub(crate) use faults::faults;
pub(crate) use guard::{Heed, Overtime, guard, heed};

/// Marks a journal database (`PRAGMA application_id`): "OVPK" as big-endian bytes.
const APPLICATION_ID: i64 = 0x4f56_504b;

/// How long a connection waits for another one's short write, in milliseconds.
const BUSY_TIMEOUT_MS: i64 = 5_000;

/// Statements that a connection keeps prepared: more than an act asks in turns.
const STATEMENTS: usize = 64;

/// What a journal database is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schema<'a> {
    /// In order; the database counts those that it has seen.
    pub(crate) migrations: &'a [&'a str],
    /// Drops the views, which a migration may stand against.
    pub(crate) drop_views: &'a str,
    /// Makes the views after the last migration.
    pub(crate) views: &'a str,
}

impl Schema<'_> {
    /// Returns the version that all migrations lead to.
    pub(crate) fn version(&self) -> i64 {
        i64::try_from(self.migrations.len()).unwrap_or(i64::MAX)
    }
}

/// What stands for a database in a message where its path is not known.
const UNNAMED: &str = "the database";

/// Attaches what was tried to an error of `SQLite`; a full disk is [`Error::NoSpace`].
pub(crate) trait DatabaseContext<T> {
    /// Says what was tried.
    fn context(self, action: &'static str) -> Result<T>;
}

impl<T> DatabaseContext<T> for rusqlite::Result<T> {
    fn context(self, action: &'static str) -> Result<T> {
        self.map_err(|source| classified(action, Utf8Path::new(UNNAMED), source))
    }
}

/// Makes the error of an operation that the database refused.
pub(crate) fn failed(action: &'static str, source: rusqlite::Error) -> Error {
    classified(action, Utf8Path::new(UNNAMED), source)
}

/// Tells a full disk, another process at work and a damaged file from other errors of `SQLite`.
fn classified(action: &'static str, path: &Utf8Path, source: rusqlite::Error) -> Error {
    let path = path.to_owned();
    // The memory that processes share is a file too, and has its own word for a full disk.
    let is_full = source
        .sqlite_error()
        .is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE);
    match source.sqlite_error_code() {
        _ if is_full => no_space(action, path, source),
        Some(ErrorCode::DiskFull) => no_space(action, path, source),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Error::StoreDamaged {
            path,
            detail: source.to_string(),
        },
        // A writer that stands still in the middle of its start is as busy as one that works.
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::FileLockingProtocolFailed,
        ) => Error::Busy { path },
        // Only who asked for it is asked again and again whether to go on: see `heed`.
        Some(ErrorCode::OperationInterrupted) => Error::Interrupted,
        _ => Error::Database { action, source },
    }
}

fn no_space(action: &'static str, path: Utf8PathBuf, source: rusqlite::Error) -> Error {
    let action = if path == UNNAMED { "write to" } else { action };
    Error::NoSpace {
        action,
        path,
        source: io::Error::other(source),
    }
}

/// Opens the journal database for writing and brings it to the newest version.
///
/// After it was made, its directory must be synced by the caller.
pub(crate) fn open_journal(path: &Utf8Path, schema: Schema<'_>) -> Result<Connection> {
    let mut connection = open_or_make(path)?;
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .context("configure the journal")?;
    connection
        .execute_batch("PRAGMA page_size=8192; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-8000; PRAGMA foreign_keys=OFF;")
        .context("configure the journal")?;
    // A migration may make a table again that others refer to.
    migrate(&mut connection, path, schema)?;
    connection
        .execute_batch("PRAGMA foreign_keys=ON;")
        .context("configure the journal")?;
    Ok(connection)
}

/// Opens the journal database for reading; changes nothing.
pub(crate) fn open_journal_for_reading(path: &Utf8Path, schema: Schema<'_>) -> Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .context("configure the journal")?;
    let version = ensure_known_version(&connection, path, schema)?;
    let supported = schema.version();
    if (1..supported).contains(&version) {
        return Err(Error::StoreOlder {
            path: path.to_owned(),
            found: version,
            supported,
        });
    }
    Ok(connection)
}

/// Opens a database for writing, and makes it where it is not there.
fn open_or_make(path: &Utf8Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    open(path, flags)
}

fn open(path: &Utf8Path, flags: OpenFlags) -> Result<Connection> {
    fault::step("database-open").map_err(|source| Error::io("open", path, source))?;
    #[expect(clippy::disallowed_methods, reason = "this is db")]
    let opened =
        Connection::open_with_flags(path.as_std_path(), flags | OpenFlags::SQLITE_OPEN_NO_MUTEX);
    let connection = opened.map_err(|source| match source.sqlite_error_code() {
        // SQLite does not say why a file could not be made; the system does.
        Some(ErrorCode::CannotOpen) if flags.contains(OpenFlags::SQLITE_OPEN_CREATE) => {
            fsops::why_not_made(path).unwrap_or(Error::Database {
                action: "open a database",
                source,
            })
        }
        _ => classified("open a database", path, source),
    })?;
    connection
        .pragma_update(None, "busy_timeout", BUSY_TIMEOUT_MS)
        .context("configure a database")?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// Runs `work` in one immediate transaction; durable when this returns on a journal connection.
pub(crate) fn write<T>(
    connection: &mut Connection,
    action: &'static str,
    work: impl FnOnce(&Transaction<'_>) -> Result<T>,
) -> Result<T> {
    step("database-begin", action)?;
    let tx = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .context(action)?;
    let result = work(&tx)?;
    step("database-commit", action)?;
    tx.commit().context(action)?;
    step("database-committed", action)?;
    Ok(result)
}

/// Brings what a transaction has written so far to the disk, as far as that can be done before it is
/// committed: its commit then waits for next to nothing. It stays what it is, undone unless committed.
pub(crate) fn write_ahead(tx: &Transaction<'_>, action: &'static str) -> Result<()> {
    match tx.cache_flush() {
        // Some pages are in use; the commit writes them.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {}
        flushed => flushed.context(action)?,
    }
    if let Some(path) = tx.path() {
        let wal = Utf8PathBuf::from([path, "-wal"].concat());
        fsops::sync_file_at(&wal)?;
    }
    Ok(())
}

/// Calls `visit` for each row that a statement answers.
pub(crate) fn for_each_row(
    statement: &mut Statement<'_>,
    values: impl Params,
    action: &'static str,
    visit: &mut dyn FnMut(&Row<'_>) -> Result<()>,
) -> Result<()> {
    let mut rows = statement.query(values).context(action)?;
    while let Some(row) = rows.next().context(action)? {
        visit(row)?;
    }
    Ok(())
}

/// Moves the WAL's content into the database file.
pub(crate) fn checkpoint(connection: &Connection) -> Result<()> {
    step("database-checkpoint", "checkpoint the journal")?;
    connection
        .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
        .context("checkpoint the journal")
}

fn step(name: &'static str, action: &'static str) -> Result<()> {
    fault::step(name).map_err(|source| Error::io(action, "the database", source))
}

/// Applies the migrations that the database has not seen, all in one transaction.
fn migrate(connection: &mut Connection, path: &Utf8Path, schema: Schema<'_>) -> Result<()> {
    let version = ensure_known_version(connection, path, schema)?;
    let done = usize::try_from(version).unwrap_or(usize::MAX);
    let Some(missing @ [_, ..]) = schema.migrations.get(done..) else {
        return Ok(());
    };
    write(connection, "migrate the journal", |tx| {
        let views = [schema.drop_views].into_iter();
        let steps = views.chain(missing.iter().copied()).chain([schema.views]);
        for step in steps {
            tx.execute_batch(step).context("migrate the journal")?;
        }
        ensure_references(tx, path)?;
        tx.pragma_update(None, "application_id", APPLICATION_ID)
            .context("migrate the journal")?;
        tx.pragma_update(None, "user_version", schema.version())
            .context("migrate the journal")
    })
}

fn ensure_references(tx: &Transaction<'_>, path: &Utf8Path) -> Result<()> {
    let query = "SELECT \"table\" FROM pragma_foreign_key_check LIMIT 1";
    match tx.query_row(query, [], |row| row.get::<_, String>(0)) {
        Err(rusqlite::Error::QueryReturnedNoRows) => Ok(()),
        Err(source) => Err(classified("check the references of", path, source)),
        Ok(table) => Err(Error::StoreDamaged {
            path: path.to_owned(),
            detail: format!("a row of the table {table} refers to none"),
        }),
    }
}

fn ensure_known_version(
    connection: &Connection,
    path: &Utf8Path,
    schema: Schema<'_>,
) -> Result<i64> {
    let ask = |pragma: &str| {
        connection
            .pragma_query_value(None, pragma, |row| row.get::<_, i64>(0))
            .map_err(|source| classified("open", path, source))
    };
    let (application, version) = (ask("application_id")?, ask("user_version")?);
    let supported = schema.version();
    if version > supported {
        return Err(Error::StoreNewer {
            path: path.to_owned(),
            found: version,
            supported,
        });
    }
    if version < 0 || (version > 0 && application != APPLICATION_ID) {
        let detail = format!("application id is {application:#x}, expected {APPLICATION_ID:#x}");
        return Err(Error::StoreDamaged {
            path: path.to_owned(),
            detail,
        });
    }
    Ok(version)
}

impl ToSql for Digest {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Blob(self.as_bytes())))
    }
}

impl FromSql for Digest {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let bytes = value.as_blob()?;
        bytes
            .try_into()
            .map(Self::from_bytes)
            .map_err(|_| FromSqlError::InvalidBlobSize {
                expected_size: 32,
                blob_size: bytes.len(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema<'a>(migrations: &'a [&'a str]) -> Schema<'a> {
        Schema {
            migrations,
            drop_views: "DROP VIEW IF EXISTS all_of_a;",
            views: "CREATE VIEW all_of_a AS SELECT x FROM a;",
        }
    }

    #[test]
    fn migrations_run_once_and_newer_stores_are_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = Utf8Path::from_path(dir.path())
            .expect("UTF-8")
            .join("store.db");
        let first = ["CREATE TABLE a (x INTEGER) STRICT;"];
        let both = [first[0], "CREATE TABLE b (x INTEGER) STRICT;"];
        let (first, both) = (schema(&first), schema(&both));
        drop(open_journal(&path, first).expect("made"));
        drop(open_journal(&path, both).expect("migrated"));
        drop(open_journal(&path, both).expect("opened"));
        assert!(matches!(
            open_journal(&path, first),
            Err(Error::StoreNewer {
                found: 2,
                supported: 1,
                ..
            })
        ));
        let reader = open_journal_for_reading(&path, both).expect("opened");
        assert!(reader.execute("INSERT INTO a VALUES (1)", []).is_err());
    }

    #[test]
    fn a_database_of_others_is_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = Utf8Path::from_path(dir.path())
            .expect("UTF-8")
            .join("store.db");
        drop(open_scratch(Some(&path), "PRAGMA user_version=1;").expect("made"));
        assert!(matches!(
            open_journal(&path, schema(&["SELECT 1"])),
            Err(Error::StoreDamaged { .. })
        ));
    }

    #[test]
    fn views_are_made_anew_with_each_migration() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = Utf8Path::from_path(dir.path())
            .expect("UTF-8")
            .join("store.db");
        let first = ["CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1);"];
        let again = [
            first[0],
            "ALTER TABLE a RENAME TO b; CREATE TABLE a (x INTEGER) STRICT;",
        ];
        let rows = |connection: &Connection| {
            connection.query_row("SELECT count(*) FROM all_of_a", [], |row| {
                row.get::<_, i64>(0)
            })
        };
        let made = open_journal(&path, schema(&first)).expect("made");
        assert_eq!(rows(&made), Ok(1));
        drop(made);
        let migrated = open_journal(&path, schema(&again)).expect("migrated");
        assert_eq!(rows(&migrated), Ok(0), "the view reads the new table");
    }
}
