//! What `SQLite` itself finds wrong in a file.

use camino::Utf8Path;
use rusqlite::{Connection, OpenFlags};

use super::{classified, heed, open};
use crate::control::Control;
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;

/// Most faults of one kind that are told of a file.
const FAULTS_MAX: u32 = 20;

/// Lets `SQLite` read a whole file, and returns the first things that it finds wrong: pages, indexes,
/// constraints, and references to rows that are not there. Changes nothing.
///
/// # Errors
/// [`Error::StoreDamaged`] where it is no database at all, [`Error::Interrupted`].
pub(crate) fn faults(path: &Utf8Path, control: &Control) -> Result<Vec<String>> {
    let mut connection = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let heed = heed(&mut connection, control)?;
    let found = found_faults(&connection);
    heed.end();
    found.map_err(|source| classified("check", path, source))
}

fn found_faults(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut faults = Vec::new();
    let sound = "SELECT integrity_check FROM pragma_integrity_check LIMIT ?1";
    let stray =
        "SELECT printf('row %s of %s refers to none of %s', ifnull(rowid, '?'), \"table\", parent)
                 FROM pragma_foreign_key_check LIMIT ?1";
    for query in [sound, stray] {
        let mut statement = connection.prepare(query)?;
        let mut rows = statement.query([FAULTS_MAX])?;
        while let Some(row) = rows.next()? {
            let told: String = row.get(0)?;
            if told != "ok" {
                faults.push(told.trim().replace('\n', "; "));
            }
        }
    }
    Ok(faults)
}
