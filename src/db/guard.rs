//! Bounds for statements: those that somebody else wrote may read, for so long, and nothing else; our
//! own end where the caller interrupts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;

use super::DatabaseContext as _;
use crate::control::Control;
use crate::error::Result;

/// Steps of the machine that runs a statement, between two looks at the clock: some milliseconds.
const STEPS: i32 = 100_000;
/// Most bytes of one value, and of the SQL.
const VALUE_BYTES: i32 = 16 << 20;

/// Pragmas that only tell how tables are made.
const PRAGMAS: &[&str] = &[
    "table_info",
    "table_xinfo",
    "table_list",
    "index_list",
    "index_info",
    "index_xinfo",
    "foreign_key_list",
];
/// Functions that reach outside of the database.
const FUNCTIONS: &[&str] = &["load_extension", "fts3_tokenizer"];

/// Tells whether the time was over.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overtime(Arc<AtomicBool>);

impl Overtime {
    /// Returns whether a statement was ended because its time was over.
    pub(crate) fn has_passed(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// As long as this is on, statements look at the caller's wish to stop.
#[derive(Clone, Debug)]
pub(crate) struct Heed(Arc<AtomicBool>);

impl Heed {
    /// From here on statements run to their end.
    pub(crate) fn end(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// Makes statements fail with [`Error::Interrupted`](crate::Error::Interrupted) once the caller
/// interrupts. A scratch database, which has no journal to undo them, is not to be used after that.
pub(crate) fn heed(connection: &mut Connection, control: &Control) -> Result<Heed> {
    let is_on = Arc::new(AtomicBool::new(true));
    let (heed, control) = (Heed(Arc::clone(&is_on)), control.clone());
    let watch = move || is_on.load(Ordering::Relaxed) && control.ensure_not_interrupted().is_err();
    connection
        .progress_handler(STEPS, Some(watch))
        .context("watch a database")?;
    Ok(heed)
}

/// Lets a read-only connection read tables and views and nothing else, until `timeout` is over or
/// the caller interrupts.
pub(crate) fn guard(
    connection: &mut Connection,
    timeout: Duration,
    control: &Control,
) -> Result<Overtime> {
    for (limit, most) in [
        (Limit::SQLITE_LIMIT_LENGTH, VALUE_BYTES),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, VALUE_BYTES),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
    ] {
        connection.set_limit(limit, most).context("guard a query")?;
    }
    // What a view calls was not written by us if the view was not.
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)
        .context("guard a query")?;
    let overtime = Overtime::default();
    let (told, control, begun) = (overtime.clone(), control.clone(), Instant::now());
    let watch = move || {
        if begun.elapsed() > timeout {
            told.0.store(true, Ordering::Relaxed);
            return true;
        }
        control.ensure_not_interrupted().is_err()
    };
    connection
        .progress_handler(STEPS, Some(watch))
        .context("guard a query")?;
    connection
        .authorizer(Some(|context: AuthContext<'_>| allowed(context.action)))
        .context("guard a query")?;
    Ok(overtime)
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "whatever is not named here is refused, also what comes new"
)]
fn allowed(action: AuthAction<'_>) -> Authorization {
    let is_allowed = match action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => true,
        AuthAction::Function { function_name } => !FUNCTIONS.contains(&function_name),
        AuthAction::Pragma { pragma_name, .. } => PRAGMAS.contains(&pragma_name),
        _ => false,
    };
    if is_allowed {
        Authorization::Allow
    } else {
        Authorization::Deny
    }
}
