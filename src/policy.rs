//! Policies: an operator's own queries over a staged pack, which must return no row.
//!
//! A policy sees three views and changes nothing; it has a time limit. One that cannot be asked
//! refuses the act: a rule that is silently passed over protects nobody.

use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use camino::{Utf8Path, Utf8PathBuf};
use rusqlite::config::DbConfig;
use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Batch, Connection, ErrorCode, Row, Statement};
use serde::Serialize;

use crate::clock;
use crate::control::Control;
use crate::db::DatabaseContext as _;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::finding::{CheckReport, Finding, Rule};
use crate::fsops::{self, FileKind};
use crate::layout::{self, Layout};
use crate::staging::Staging;

/// Longest text of a policy, in bytes.
const TEXT_MAX: u64 = 1 << 20;
/// Longest value that a policy may make, in bytes.
const VALUE_MAX: i32 = 1 << 20;
/// Longest part of a value that a finding shows, in characters.
const SHOWN_MAX: usize = 200;
/// How long one policy may run, in milliseconds.
const TIME_MAX_MS: i64 = 60_000;
/// Steps of `SQLite`'s machine between two looks at the clock.
const STEPS_BETWEEN_LOOKS: i32 = 10_000;

/// The views that a policy may ask.
const VIEWS: [&str; 3] = ["policy_pack", "policy_entries", "policy_changes"];
/// Views and functions with rows that those views, or a policy, may use beside them.
const INNER_VIEW: &str = "plan_change";
const ROW_FUNCTIONS: [&str; 2] = ["json_each", "json_tree"];
/// Functions that reach outside of the query.
const FUNCTIONS_DENIED: [&str; 3] = ["load_extension", "fts3_tokenizer", "sqlite_log"];

/// Name and digest of a policy, as the journal keeps them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyRecord {
    /// The name of its file.
    pub name: String,
    /// Digest of its text.
    pub sha256: Digest,
}

#[derive(Clone, Debug)]
struct Policy {
    name: String,
    path: Utf8PathBuf,
    text: String,
}

/// The policies of one act, in the order in which they are asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policies {
    all: Vec<Policy>,
}

impl Policies {
    /// Reads the policies of the store, by name, and then those in `files`.
    ///
    /// # Errors
    /// [`Error::PolicyFailed`] for one that cannot be read or is no query.
    pub(crate) fn load(layout: Option<&Layout>, files: &[Utf8PathBuf]) -> Result<Self> {
        let mut all = match layout {
            Some(layout) => of_store(layout)?,
            None => Vec::new(),
        };
        for path in files {
            all.push(of_file(path)?);
        }
        let policies = Self { all };
        policies.ensure_queries()?;
        Ok(policies)
    }

    /// Returns whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Returns what the journal keeps of them.
    pub(crate) fn records(&self) -> Vec<PolicyRecord> {
        let record = |policy: &Policy| PolicyRecord {
            name: policy.name.clone(),
            sha256: Digest::of(policy.text.as_bytes()),
        };
        self.all.iter().map(record).collect()
    }

    /// Asks all of them; each row that one returns is a finding.
    ///
    /// # Errors
    /// [`Error::PolicyFailed`], [`Error::Interrupted`].
    pub(crate) fn ask(&self, staging: &mut Staging, control: &Control) -> Result<CheckReport> {
        let mut report = CheckReport::default();
        for policy in &self.all {
            let asked = Sandbox::enter(staging, control, TIME_MAX_MS)?.ask(policy, &mut report);
            control.ensure_not_interrupted()?;
            asked?;
        }
        Ok(report)
    }

    /// What is no query is told before a pack is read.
    fn ensure_queries(&self) -> Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        let mut staging = Staging::make(None)?;
        for policy in &self.all {
            Sandbox::enter(&mut staging, &Control::default(), TIME_MAX_MS)?
                .for_each_query(policy, &mut |_| Ok(()))?;
        }
        Ok(())
    }
}

fn failed(path: &Utf8Path, detail: impl Into<String>) -> Error {
    Error::PolicyFailed {
        path: path.to_owned(),
        detail: detail.into(),
    }
}

fn of_store(layout: &Layout) -> Result<Vec<Policy>> {
    let control = layout.control();
    let path = control.at(layout::POLICIES);
    match control.stat_at(layout::POLICIES)? {
        None => return Ok(Vec::new()),
        Some(stat) if stat.kind == FileKind::Directory => {}
        Some(stat) => return Err(failed(&path, not_a("directory", stat.kind))),
    }
    let dir = control.open_dir(layout::POLICIES)?;
    let mut names = Vec::new();
    dir.each_name(&mut |name| {
        if name.as_encoded_bytes().ends_with(b".sql") {
            let text = name.to_str();
            let text = text.ok_or_else(|| failed(&path, "a name in it is not UTF-8"))?;
            names.push(text.to_owned());
        }
        Ok(())
    })?;
    names.sort();
    let mut all = Vec::new();
    for name in names {
        let path = dir.at(&name);
        match dir.stat_at(&name)? {
            Some(stat) if stat.kind == FileKind::File => {}
            Some(stat) => return Err(failed(&path, not_a("file", stat.kind))),
            None => return Err(failed(&path, "it is gone")),
        }
        let file = dir.open_file(&name);
        let file = file.map_err(|error| failed(&path, told(&error)))?;
        all.push(read(name, path, file)?);
    }
    Ok(all)
}

fn of_file(path: &Utf8Path) -> Result<Policy> {
    let file = fsops::open_outside(path).map_err(|error| failed(path, told(&error)))?;
    let stat = fsops::stat_file(&file, path)?;
    if stat.kind != FileKind::File {
        return Err(failed(path, not_a("file", stat.kind)));
    }
    let name = path.file_name().unwrap_or(path.as_str());
    read(name.to_owned(), path.to_owned(), file)
}

fn not_a(expected: &str, found: FileKind) -> String {
    format!("it is a {}, not a {expected}", found.as_str())
}

/// Says an error with its cause.
fn told(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

fn read(name: String, path: Utf8PathBuf, file: std::fs::File) -> Result<Policy> {
    let mut text = String::new();
    let read = file.take(TEXT_MAX + 1).read_to_string(&mut text);
    let bytes = read.map_err(|error| failed(&path, error.to_string()))?;
    if bytes as u64 > TEXT_MAX {
        return Err(failed(&path, format!("it has more than {TEXT_MAX} bytes")));
    }
    if text.contains('\0') {
        return Err(failed(
            &path,
            "it holds a NUL, where SQLite would stop reading",
        ));
    }
    Ok(Policy { name, path, text })
}

/// A staging database in which nothing but queries over the views can be run; as long as this lives.
struct Sandbox<'a> {
    staging: &'a mut Staging,
    has_timed_out: Arc<AtomicBool>,
    value_max: i32,
}

impl<'a> Sandbox<'a> {
    fn enter(staging: &'a mut Staging, control: &Control, time_max_ms: i64) -> Result<Self> {
        let has_timed_out = Arc::new(AtomicBool::new(false));
        let (timed_out, control) = (Arc::clone(&has_timed_out), control.clone());
        let end_ms = clock::now_ms().saturating_add(time_max_ms);
        let must_stop = move || {
            let is_late = clock::now_ms() > end_ms;
            timed_out.fetch_or(is_late, Ordering::Relaxed);
            is_late || control.ensure_not_interrupted().is_err()
        };
        let action = "prepare to ask policies";
        let connection = staging.connection_mut();
        // A misspelt column in double quotes would be a text, and the rule one that never fires.
        connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)
            .context(action)?;
        let value_max = connection
            .set_limit(Limit::SQLITE_LIMIT_LENGTH, VALUE_MAX)
            .context(action)?;
        connection
            .progress_handler(STEPS_BETWEEN_LOOKS, Some(must_stop))
            .context(action)?;
        connection.authorizer(Some(authorize)).context(action)?;
        Ok(Self {
            staging,
            has_timed_out,
            value_max,
        })
    }

    fn ask(&self, policy: &Policy, report: &mut CheckReport) -> Result<()> {
        self.for_each_query(policy, &mut |statement| {
            let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                report.push(finding(&policy.name, &columns, row)?);
            }
            Ok(())
        })
    }

    fn for_each_query(
        &self,
        policy: &Policy,
        visit: &mut dyn FnMut(&mut Statement<'_>) -> rusqlite::Result<()>,
    ) -> Result<()> {
        let failed = |detail: &str| failed(&policy.path, detail);
        let told = |source: rusqlite::Error| self.told(policy, source);
        let mut queries = 0_u32;
        let mut batch = Batch::new(self.staging.connection(), &policy.text);
        while let Some(mut statement) = batch.next().map_err(told)? {
            if statement.column_count() == 0 || statement.is_explain() != 0 {
                return Err(failed("it holds a statement that is no query"));
            }
            if statement.parameter_count() > 0 {
                return Err(failed("it has parameters, which nobody fills in"));
            }
            queries = queries.saturating_add(1);
            visit(&mut statement).map_err(told)?;
        }
        if queries == 0 {
            return Err(failed("it holds no query"));
        }
        Ok(())
    }

    fn told(&self, policy: &Policy, source: rusqlite::Error) -> Error {
        if self.has_timed_out.load(Ordering::Relaxed) {
            let seconds = TIME_MAX_MS / 1000;
            return failed(
                &policy.path,
                format!("it runs longer than {seconds} seconds"),
            );
        }
        if source.sqlite_error_code() == Some(ErrorCode::DiskFull) {
            let full: Result<()> = Err(source).context("ask a policy");
            return full.err().unwrap_or(Error::Interrupted);
        }
        failed(&policy.path, source.to_string())
    }
}

impl Drop for Sandbox<'_> {
    fn drop(&mut self) {
        let connection: &mut Connection = self.staging.connection_mut();
        let none: Option<fn(AuthContext<'_>) -> Authorization> = None;
        // None of these can fail on an open connection; where one did, later statements would.
        drop(connection.authorizer(none));
        drop(connection.progress_handler(0, None::<fn() -> bool>));
        drop(connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, self.value_max));
    }
}

/// Allows to read the views, and no more; nothing that is allowed writes or reaches outside.
///
/// Tables below the views are read in their name. A common table expression can take such a name and
/// read the tables itself: what it finds is of the same pack, but no contract. Where no column is
/// used, `SQLite` asks for the table without one, and not always in the name of the view.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "what is not known to be harmless is denied"
)]
fn authorize(context: AuthContext<'_>) -> Authorization {
    let is_view = |name: &str| VIEWS.contains(&name);
    let is_allowed = match context.action {
        AuthAction::Select | AuthAction::Recursive => true,
        AuthAction::Read {
            table_name,
            column_name,
        } => {
            column_name.is_empty()
                || is_view(table_name)
                || ROW_FUNCTIONS.contains(&table_name)
                || context
                    .accessor
                    .is_some_and(|view| is_view(view) || view == INNER_VIEW)
        }
        AuthAction::Function { function_name } => !FUNCTIONS_DENIED
            .iter()
            .any(|denied| denied.eq_ignore_ascii_case(function_name)),
        _ => false,
    };
    if is_allowed {
        Authorization::Allow
    } else {
        Authorization::Deny
    }
}

fn finding(policy: &str, columns: &[String], row: &Row<'_>) -> rusqlite::Result<Finding> {
    let mut path = None;
    let mut facts = Vec::new();
    for (at, column) in columns.iter().enumerate() {
        let value = row.get_ref(at)?;
        if column == "path" && path.is_none() {
            path = Some(whole(value));
        } else {
            facts.push(format!("{column} {}", shown(value)));
        }
    }
    let detail = if facts.is_empty() {
        format!("policy {policy} forbids it")
    } else {
        format!("policy {policy} forbids it: {}", facts.join(", "))
    };
    Ok(Finding::new(Rule::Policy, path.unwrap_or_default(), detail))
}

fn whole(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(bytes) => format!("{} bytes", bytes.len()),
    }
}

/// Shows a value; a long one is cut.
fn shown(value: ValueRef<'_>) -> String {
    if value == ValueRef::Null {
        return "null".to_owned();
    }
    let text = whole(value);
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests;
