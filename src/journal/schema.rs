//! Whether the database is sound as a file, and its schema the one that this version makes: who drops
//! a trigger or turns a view around changes no row.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::{SCHEMA, damaged};
use crate::control::Control;
use crate::db::{self, DatabaseContext as _};
use crate::error::{Error, Result};

/// Kind and name of each object of a schema, and the SQL that made it.
type Objects = BTreeMap<(String, String), Option<String>>;

/// Lets `SQLite` read the whole file, page by page. Takes as long as the file is large, and memory
/// that does not grow with it.
///
/// # Errors
/// [`Error::StoreDamaged`] with the first thing that is wrong, [`Error::Interrupted`].
pub(super) fn ensure_sound(connection: &mut Connection, control: &Control) -> Result<()> {
    let action = "read the journal's file";
    let heed = db::heed(connection, control)?;
    let told: rusqlite::Result<String> =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0));
    heed.end();
    let told = told.context(action)?;
    if told == "ok" {
        return Ok(());
    }
    Err(Error::StoreDamaged {
        path: connection.path().unwrap_or_default().into(),
        detail: told.trim().replace('\n', "; "),
    })
}

/// Compares the schema with what this version makes; returns how many objects it has.
///
/// # Errors
/// [`crate::Error::JournalDamaged`] with the first object that differs, `seq` being the last event.
pub(super) fn ensure_as_made(connection: &Connection, seq: i64) -> Result<u64> {
    let expected = expected()?;
    let found = objects(connection)?;
    for (object, sql) in &expected {
        let (kind, name) = object;
        match found.get(object) {
            Some(there) if there == sql => {}
            Some(there) => {
                let text = |sql: &Option<String>| sql.clone().unwrap_or_default();
                let detail = format!("it is `{}`, expected `{}`", text(there), text(sql));
                return Err(damaged(seq, format!("{kind} {name}"), detail));
            }
            None => return Err(damaged(seq, format!("{kind} {name}"), "it is missing")),
        }
    }
    match found.keys().find(|object| !expected.contains_key(object)) {
        Some((kind, name)) => {
            let detail = "this version of ovpack does not make it";
            Err(damaged(seq, format!("{kind} {name}"), detail))
        }
        None => ensure_version(connection, seq).map(|()| found.len() as u64),
    }
}

/// A lower number would make the next writing act migrate what is migrated already.
fn ensure_version(connection: &Connection, seq: i64) -> Result<()> {
    let version: i64 = connection
        .query_row("SELECT user_version FROM pragma_user_version", [], |row| {
            row.get(0)
        })
        .context("read the journal")?;
    if version == SCHEMA.version() {
        return Ok(());
    }
    let detail = format!("it is {version}, expected {}", SCHEMA.version());
    Err(damaged(seq, "user_version", detail))
}

/// Returns the schema that this version makes.
fn expected() -> Result<Objects> {
    let scratch = db::open_scratch(None, "")?;
    for sql in SCHEMA.migrations.iter().copied().chain([SCHEMA.views]) {
        scratch
            .execute_batch(sql)
            .context("make a scratch database")?;
    }
    objects(&scratch)
}

fn objects(connection: &Connection) -> Result<Objects> {
    let query = "SELECT type, name, sql FROM sqlite_schema";
    let mut statement = connection.prepare(query).context("read the journal")?;
    let rows = statement
        .query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))
        .context("read the journal")?;
    rows.collect::<rusqlite::Result<_>>()
        .context("read the journal")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::digest::Digest;

    #[test]
    fn the_script_knows_the_digest_of_the_schema() {
        let mut lines = String::new();
        for ((kind, name), sql) in expected().expect("made") {
            lines.push_str(&json!([kind, name, sql]).to_string());
            lines.push('\n');
        }
        let digest = Digest::of(lines.as_bytes());
        let line = format!("VERSION = {}\nSCHEMA = \"{digest}\"", SCHEMA.version());
        let script = include_str!("../../docs/journal/verify.py");
        assert!(
            script.contains(&line),
            "docs/journal/verify.py needs {line}"
        );
    }

    #[test]
    fn the_script_reads_the_rows_that_events_cover() {
        let script = include_str!("../../docs/journal/verify.py");
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        for (table, query) in super::super::rows::queries() {
            let query = words(query).replace("?1", "?");
            let query = query.trim_start_matches("SELECT ");
            let line = format!("    \"{table}\": \"{query}\",\n");
            assert!(
                script.contains(&line),
                "docs/journal/verify.py needs {line}"
            );
        }
    }
}
