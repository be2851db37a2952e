//! Databases that can be made again: scratch databases, caches, the search index.

use camino::Utf8Path;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{DatabaseContext as _, classified, open, open_or_make};
use crate::error::{Error, Result};

/// Opens a database that need not outlive a crash: a staging database or the stat cache.
/// Without a path it is a private one in a temporary file that `SQLite` deletes itself.
pub(crate) fn open_scratch(path: Option<&Utf8Path>, schema: &str) -> Result<Connection> {
    let connection = open_or_make(path.unwrap_or(Utf8Path::new("")))?;
    connection
        .execute_batch("PRAGMA page_size=16384; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA locking_mode=EXCLUSIVE; PRAGMA cache_size=-8000; PRAGMA temp_store=FILE;")
        .context("configure a scratch database")?;
    connection
        .execute_batch(schema)
        .context("make a scratch database")?;
    Ok(connection)
}

/// Opens a scratch database for what is appended once and read back once, in that order: it needs
/// next to no memory.
pub(crate) fn open_spool(schema: &str) -> Result<Connection> {
    let connection = open_scratch(None, schema)?;
    connection
        .execute_batch("PRAGMA cache_size=-500;")
        .context("configure a scratch database")?;
    Ok(connection)
}

/// Opens a cache for writing, and makes it where it is not there; the caller holds the store's lock.
///
/// It need not outlive a crash of the machine, but a crash of the process must not damage it, hence
/// the journal; readers must be able to come and go, hence no exclusive lock. `version` tells its
/// schema: a file of another version, or that is no database, is [`Error::StoreDamaged`].
pub(crate) fn open_cache(path: &Utf8Path, schema: &str, version: i64) -> Result<Connection> {
    let damaged = |source: rusqlite::Error| Error::StoreDamaged {
        path: path.to_owned(),
        detail: source.to_string(),
    };
    let connection = open_or_make(path)?;
    connection
        .execute_batch(
            "PRAGMA journal_mode=TRUNCATE; PRAGMA synchronous=OFF; PRAGMA temp_store=MEMORY;",
        )
        .map_err(damaged)?;
    ensure_made(&connection, path, schema, version, &damaged)?;
    Ok(connection)
}

/// Opens a cache for reading; changes nothing, and waits for nobody: what a writer has locked at
/// the moment fails at once. `None` where it is not there or cannot be used.
pub(crate) fn open_cache_for_reading(path: &Utf8Path, version: i64) -> Option<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
    connection.pragma_update(None, "busy_timeout", 0).ok()?;
    (cache_version(&connection).ok()? == version).then_some(connection)
}

/// Opens the search index for writing, and makes it where it is not there.
///
/// It can be made again, so that nothing waits for the disk; but readers come and go while it is
/// written, and neither a crash of the process nor one of the machine may damage it, hence the WAL.
/// A file of another version, or that is no database, is [`Error::StoreDamaged`].
pub(crate) fn open_index(path: &Utf8Path, schema: &str, version: i64) -> Result<Connection> {
    let damaged = |source: rusqlite::Error| match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::DiskFull) => {
            classified("open a database", path, source)
        }
        _ => Error::StoreDamaged {
            path: path.to_owned(),
            detail: source.to_string(),
        },
    };
    let connection = open_or_make(path)?;
    // The WAL stays: where nothing may be written, `SQLite` reads no database whose WAL it would have to
    // make (<https://sqlite.org/wal.html#read_only_databases>).
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .map_err(damaged)?;
    connection
        .execute_batch(
            "PRAGMA page_size=16384; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-32000; PRAGMA temp_store=FILE;",
        )
        .map_err(damaged)?;
    ensure_made(&connection, path, schema, version, &damaged)?;
    Ok(connection)
}

/// Makes what can be made again where nothing is there, as a whole or not at all; what is there must be
/// of the version.
fn ensure_made(
    connection: &Connection,
    path: &Utf8Path,
    schema: &str,
    version: i64,
    damaged: &dyn Fn(rusqlite::Error) -> Error,
) -> Result<()> {
    let found = cache_version(connection).map_err(damaged)?;
    if found == 0 {
        let marks = format!("PRAGMA user_version={version};");
        let made = ["BEGIN IMMEDIATE;", schema, &marks, "COMMIT;"].concat();
        connection.execute_batch(&made).map_err(damaged)
    } else if found != version {
        let detail = format!("its version is {found}, expected {version}");
        Err(Error::StoreDamaged {
            path: path.to_owned(),
            detail,
        })
    } else {
        Ok(())
    }
}

/// Moves what the WAL of the search index holds into the database and empties it, unless a reader is in
/// the way: then it waits for the next time.
pub(crate) fn empty_wal(connection: &Connection) {
    let emptied =
        connection.execute_batch("PRAGMA busy_timeout=0; PRAGMA wal_checkpoint(TRUNCATE);");
    // The WAL is read like the database: nothing is lost by its staying as it is.
    drop(emptied);
}

/// How a database is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Here and there: what was read is kept for a while.
    Often,
    /// From one end to the other: no page is needed again, and memory that is used over and over costs
    /// less than memory that is new.
    Once,
}

/// Opens the search index for reading; changes nothing. `None` where it is not there or cannot be
/// used.
pub(crate) fn open_index_for_reading(
    path: &Utf8Path,
    version: i64,
    reading: Reading,
) -> Option<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
    let cache = match reading {
        Reading::Often => "PRAGMA cache_size=-16000;",
        Reading::Once => "PRAGMA cache_size=-256;",
    };
    connection.execute_batch(cache).ok()?;
    (cache_version(&connection).ok()? == version).then_some(connection)
}

fn cache_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}
