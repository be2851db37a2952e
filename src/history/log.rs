//! The list of transactions, and what it is filtered by.

use super::{TransactionSummary, summary};
use crate::error::{Error, Result};
use crate::id::TransactionId;
use crate::journal::Journal;
use crate::journal::transactions::Filter;
use crate::journal::undo;
use crate::uri::Uri;

/// Which transactions are listed; what is `None` excludes none.
#[derive(Clone, Debug, Default)]
pub struct LogOptions {
    /// At most so many, newest first; `None` for all.
    pub limit: Option<u64>,
    /// Those older than this one: the last of a list is where the next list goes on.
    pub before: Option<TransactionId>,
    /// Those whose root is at, above or below this URI.
    pub uri: Option<Uri>,
    /// Those that changed something at or below this URI; a rollback changes what it undoes.
    pub path: Option<Uri>,
    /// What became of them.
    pub outcome: Option<Outcome>,
    /// One of [`LogOptions::KINDS`].
    pub kind: Option<String>,
    /// Those that began at this time or later, in milliseconds since 1970-01-01 UTC.
    pub since_ms: Option<i64>,
    /// Those that began at this time or earlier, in milliseconds since 1970-01-01 UTC.
    pub until_ms: Option<i64>,
    /// Those whose pack has this SHA-256: all of it, or its first digits, eight at least.
    pub pack_sha256: Option<String>,
    /// Those of this user.
    pub user: Option<String>,
}

/// What became of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was committed; it may have been rolled back since.
    Committed,
    /// It was refused, failed or stopped.
    Aborted,
    /// It runs, or a crash left it open.
    Open,
}

impl Outcome {
    /// All outcomes.
    pub const ALL: [Self; 3] = [Self::Committed, Self::Aborted, Self::Open];

    /// Returns its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Aborted => "aborted",
            Self::Open => "open",
        }
    }
}

impl LogOptions {
    /// The kinds of transactions.
    pub const KINDS: &'static [&'static str] = &[
        "baseline", "import", "restore", "rollback", "revert", "prune", "pin", "unpin", "reindex",
    ];
    /// Fewest digits of a pack's digest.
    pub const DIGITS_MIN: usize = 8;
}

/// Lists transactions, newest first.
pub(crate) fn log(journal: &Journal, options: &LogOptions) -> Result<Vec<TransactionSummary>> {
    let kind = options.kind.as_deref();
    if let Some(kind) = kind.filter(|kind| !LogOptions::KINDS.contains(kind)) {
        return Err(Error::InvalidArgument {
            argument: "kind",
            value: kind.to_owned(),
            expected: "baseline, import, restore, rollback, revert, prune, pin, unpin or reindex",
        });
    }
    let uri = options.uri.as_ref().map(ToString::to_string);
    let pack_sha256 = options.pack_sha256.as_deref().map(digits).transpose()?;
    let filter = Filter {
        uri: uri.as_deref(),
        path: options.path.as_ref().map(|uri| uri.path().as_str()),
        is_external_too: false,
        outcome: options.outcome.map(Outcome::as_str),
        kind,
        user: options.user.as_deref(),
        since_ms: options.since_ms,
        until_ms: options.until_ms,
        pack_sha256: pack_sha256.as_deref(),
        before: options.before,
        limit: options.limit,
    };
    let undone = undo::undone(&journal.committed()?);
    let rows = journal.transactions(&filter)?;
    Ok(rows
        .into_iter()
        .map(|row| summary(&row, undone.get(&row.id).copied()))
        .collect())
}

/// Returns the first digits of a digest as the journal is asked for them.
fn digits(text: &str) -> Result<String> {
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hex && (LogOptions::DIGITS_MIN..=64).contains(&text.len()) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(Error::InvalidArgument {
        argument: "pack_sha256",
        value: text.to_owned(),
        expected: "8 to 64 hexadecimal digits",
    })
}
