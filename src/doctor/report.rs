//! What an examination of a store tells: check by check, and the one next step of each.

use camino::Utf8PathBuf;
use serde::Serialize;

use crate::error::Error;
use crate::kind::Kind;

/// Most single findings that a check lists; the message has their number.
const LISTED: usize = 20;

/// How what a check looked at is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// As it should be.
    Ok,
    /// It works, but somebody should know, or it could not be looked at.
    Warning,
    /// Something is broken, or will be in the way of the next act.
    Problem,
}

impl Health {
    /// Returns the word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// The next step about what a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Cure {
    /// Let the store settle what a crash left.
    Recover,
    /// Settle a transaction in doubt to its new or to its old tree, after a look at both.
    Decide,
    /// Free space by deleting trees that rollbacks need no longer.
    Prune,
    /// Bring full text and vectors up to date.
    RefreshIndex,
    /// Write the records that are missing, and index again.
    FixIndex,
    /// Make full text and vectors anew.
    RebuildIndex,
    /// List what differs from what the last commit left.
    ShowDrift,
    /// Take a copy of the store as it is, before anything else is done to it.
    CopyStore,
    /// Correct a file that people write.
    EditFile(Utf8PathBuf),
    /// Remove a file or directory that nothing needs.
    Remove(Utf8PathBuf),
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DoctorCheck {
    /// Its name in kebab-case; never renamed.
    pub check: &'static str,
    /// How it is.
    pub health: Health,
    /// What was found.
    pub message: String,
    /// Single findings: the first of them, and how many more there are.
    pub details: Vec<String>,
    /// The code of the error that an act would end with, where there is one.
    pub reason: Option<&'static str>,
    /// What mends it, where something does.
    pub cure: Option<Cure>,
    /// Of a problem: who must act.
    #[serde(skip)]
    pub kind: Option<Kind>,
}

/// What an examination of a store told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DoctorReport {
    /// The store's directory.
    pub store: String,
    /// The worst of all checks.
    pub health: Health,
    /// All checks, in the order in which they were made.
    pub checks: Vec<DoctorCheck>,
}

impl DoctorReport {
    pub(super) fn new(store: String, checks: Vec<DoctorCheck>) -> Self {
        let worst = checks.iter().map(|check| check.health).max();
        Self {
            store,
            health: worst.unwrap_or(Health::Ok),
            checks,
        }
    }

    /// Returns who must act on the gravest problem: damage goes before a decision that is due, this
    /// before a full disk, and all of them before the rest, of which the first counts. `None` where
    /// there is no problem.
    pub fn gravest(&self) -> Option<Kind> {
        let kinds = || self.checks.iter().filter_map(|check| check.kind);
        [Kind::Damaged, Kind::InDoubt, Kind::NoSpace]
            .into_iter()
            .find(|grave| kinds().any(|kind| kind == *grave))
            .or_else(|| kinds().next())
    }

    /// Counts the checks of one health.
    pub fn count(&self, health: Health) -> u64 {
        let same = self.checks.iter().filter(|check| check.health == health);
        same.count() as u64
    }
}

/// A check's answer before it has the check's name.
#[derive(Debug)]
pub(super) struct Told {
    health: Health,
    message: String,
    details: Vec<String>,
    reason: Option<&'static str>,
    cure: Option<Cure>,
    kind: Option<Kind>,
}

impl Told {
    fn new(health: Health, message: impl Into<String>) -> Self {
        Self {
            health,
            message: message.into(),
            details: Vec::new(),
            reason: None,
            cure: None,
            kind: None,
        }
    }

    pub(super) fn ok(message: impl Into<String>) -> Self {
        Self::new(Health::Ok, message)
    }

    pub(super) fn warning(message: impl Into<String>) -> Self {
        Self::new(Health::Warning, message)
    }

    /// A problem that no act ends with an error for.
    pub(super) fn problem(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind: Some(kind),
            ..Self::new(Health::Problem, message)
        }
    }

    /// A problem that acts end with this error for.
    pub(super) fn error(error: &Error) -> Self {
        Self {
            reason: Some(error.code()),
            cure: cure_of(error),
            ..Self::problem(error.kind(), with_causes(error))
        }
    }

    /// Something that could not be looked at.
    pub(super) fn unseen(error: &Error) -> Self {
        Self {
            reason: Some(error.code()),
            ..Self::warning(format!("not looked at: {}", with_causes(error)))
        }
    }

    pub(super) fn cured_by(self, cure: Cure) -> Self {
        Self {
            cure: Some(cure),
            ..self
        }
    }

    pub(super) fn listing(self, mut details: Vec<String>) -> Self {
        let more = details.len().saturating_sub(LISTED);
        details.truncate(LISTED);
        if more > 0 {
            details.push(format!("and {more} more"));
        }
        Self { details, ..self }
    }

    pub(super) fn named(self, check: &'static str) -> DoctorCheck {
        DoctorCheck {
            check,
            health: self.health,
            message: self.message,
            details: self.details,
            reason: self.reason,
            cure: self.cure,
            kind: self.kind,
        }
    }
}

pub(super) fn with_causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        text = format!("{text}: {source}");
        cause = source.source();
    }
    text
}

/// Returns what mends the state that an act would end with an error for.
fn cure_of(error: &Error) -> Option<Cure> {
    if let Error::ConfigInvalid { path, .. } = error {
        return Some(Cure::EditFile(path.clone()));
    }
    match error.kind() {
        Kind::Damaged => Some(Cure::CopyStore),
        Kind::InDoubt => Some(Cure::Decide),
        Kind::NoSpace => Some(Cure::Prune),
        Kind::Pending => Some(Cure::Recover),
        Kind::Internal
        | Kind::Usage
        | Kind::Conflict
        | Kind::Busy
        | Kind::NotFound
        | Kind::BadPack
        | Kind::Denied
        | Kind::Interrupted => None,
    }
}
