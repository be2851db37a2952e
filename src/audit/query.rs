//! One question to the journal, in SQL that somebody else wrote.

use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, Rows};
use serde::Serialize;

use crate::control::Control;
use crate::db::{self, Overtime};
use crate::error::{Error, Result};
use crate::journal::Journal;

/// Most bytes of all values of an answer, so that a few long rows do not fill the memory.
const ANSWER_BYTES: usize = 64 << 20;

/// How a question may be answered.
#[derive(Clone, Debug)]
pub struct QueryOptions {
    /// At most so many rows.
    pub max_rows: u64,
    /// At most for so long.
    pub timeout: Duration,
    /// Watches and stops the act.
    pub control: Control,
}

impl Default for QueryOptions {
    /// 10,000 rows, 10 seconds.
    fn default() -> Self {
        Self {
            max_rows: 10_000,
            timeout: Duration::from_secs(10),
            control: Control::default(),
        }
    }
}

/// One value of an answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum QueryValue {
    /// No value.
    Null,
    /// A whole number.
    Integer(i64),
    /// A number.
    Real(f64),
    /// A text, or the lower-case hex digits of bytes.
    Text(String),
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QueryReport {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows, each with one value a column.
    pub rows: Vec<Vec<QueryValue>>,
    /// Whether there are more rows: the limit, or 64 MiB of values, was reached.
    pub truncated: bool,
}

/// Answers one reading statement; changes nothing.
///
/// # Errors
/// [`Error::QueryRefused`], [`Error::QueryTimeout`], [`Error::Interrupted`].
pub(crate) fn query(
    journal: &mut Journal,
    sql: &str,
    options: &QueryOptions,
) -> Result<QueryReport> {
    if sql.trim().is_empty() {
        let detail = "it is empty".to_owned();
        return Err(Error::QueryRefused { detail });
    }
    let connection = journal.connection_for_questions();
    let overtime = db::guard(connection, options.timeout, &options.control)?;
    answer(connection, sql, options.max_rows).map_err(|error| understood(error, &overtime, options))
}

fn answer(connection: &Connection, sql: &str, max_rows: u64) -> rusqlite::Result<QueryReport> {
    let mut statement = connection.prepare(sql)?;
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let width = columns.len();
    let (rows, truncated) = take(statement.query([])?, width, max_rows)?;
    Ok(QueryReport {
        columns,
        rows,
        truncated,
    })
}

fn take(
    mut rows: Rows<'_>,
    width: usize,
    max_rows: u64,
) -> rusqlite::Result<(Vec<Vec<QueryValue>>, bool)> {
    let (mut taken, mut bytes) = (Vec::new(), 0_usize);
    while let Some(row) = rows.next()? {
        if taken.len() as u64 >= max_rows || bytes >= ANSWER_BYTES {
            return Ok((taken, true));
        }
        let mut values = Vec::with_capacity(width);
        for column in 0..width {
            let value = value_of(row.get_ref(column)?);
            bytes = bytes.saturating_add(size_of::<QueryValue>());
            if let QueryValue::Text(text) = &value {
                bytes = bytes.saturating_add(text.len());
            }
            values.push(value);
        }
        taken.push(values);
    }
    Ok((taken, false))
}

fn value_of(value: ValueRef<'_>) -> QueryValue {
    match value {
        ValueRef::Null => QueryValue::Null,
        ValueRef::Integer(number) => QueryValue::Integer(number),
        ValueRef::Real(number) => QueryValue::Real(number),
        ValueRef::Text(text) => QueryValue::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => {
            let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
            let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
            QueryValue::Text(digits.map(digit).collect())
        }
    }
}

/// Tells what the question did wrong from what the journal or the caller did.
fn understood(error: rusqlite::Error, overtime: &Overtime, options: &QueryOptions) -> Error {
    let detail = if let rusqlite::Error::SqlInputError { msg, .. } = &error {
        msg.clone()
    } else if matches!(error, rusqlite::Error::MultipleStatement) {
        "it has more than one statement".to_owned()
    } else {
        error.to_string()
    };
    match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) if overtime.has_passed() => Error::QueryTimeout {
            seconds: options.timeout.as_secs(),
        },
        Some(ErrorCode::OperationInterrupted) => Error::Interrupted,
        Some(ErrorCode::AuthorizationForStatementDenied) => Error::QueryRefused {
            detail: format!("it does something else than reading ({detail})"),
        },
        Some(
            ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase
            | ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::OutOfMemory,
        ) => db::failed("answer a query", error),
        _ => Error::QueryRefused { detail },
    }
}
