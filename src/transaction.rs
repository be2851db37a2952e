//! One transaction, from begin to commit or abort: the protocol, and nothing of what is in a pack.
//!
//! ```text
//! begin -> (stage, check, plan) -> sync -> prepare -> look again -> exchange -> sync parents -> commit
//!    \____________________ abort: the live tree is as it was ____________/  \__ point of no return
//! ```

use camino::Utf8PathBuf;
use serde::Serialize;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::exchange::{self, Stopped, Way};
use crate::fsops::Syncer;
use crate::id::TransactionId;
use crate::journal::prepare::{Prepared, Unit};
use crate::journal::{Cited, EventKind, NewTransaction};
use crate::plan::{Change, ChangeCounts};
use crate::policy::PolicyRecord;
use crate::session::Session;
use crate::staging::Staging;
use crate::uri::Uri;

/// What a committed, skipped or rehearsed import, restore or rollback did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// The root's URI; `viking://` for a restore.
    pub uri: Uri,
    /// The transaction; `None` where nothing was journalled (skipped, or a dry run).
    pub transaction: Option<TransactionId>,
    /// The transaction that a rollback undoes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undoes: Option<TransactionId>,
    /// All transactions that a rollback of several undoes, newest first; empty for one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub undone: Vec<TransactionId>,
    /// The transaction before which a revert brought some paths back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reverts: Option<TransactionId>,
    /// The commit whose tree stands at the root after a rollback; `None` where none is in effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_effect: Option<TransactionId>,
    /// Number of commits that the store has seen, this one included.
    pub generation: u64,
    /// Whether the policy `skip` left everything as it was.
    pub skipped: bool,
    /// Whether this was a rehearsal.
    pub dry_run: bool,
    /// How many paths meet which change.
    pub changes: ChangeCounts,
    /// Files of the new tree.
    pub files: u64,
    /// Bytes of the new tree's files.
    pub bytes: u64,
    /// What one exchange moves: paths below the live root, `""` for all of it.
    pub units: Vec<Utf8PathBuf>,
    /// Members of the pack that are checked but not put in place: control and lock files.
    pub left_out: Vec<String>,
    /// The plan, path by path; only for a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Vec<Change>>,
}

/// A transaction that has begun and moved nothing.
///
/// It ends in [`Self::commit`] or [`Self::abort`]; one that is merely dropped, as by a panic, is
/// settled like a crash by the next writing act.
#[derive(Debug)]
pub(crate) struct Transaction<'s> {
    pub(crate) session: &'s mut Session,
    pub(crate) id: TransactionId,
    /// Who makes the new trees durable, where there are any; waited for before they are `prepared`.
    pub(crate) syncer: Option<Syncer>,
}

/// The last look at the live roots before they are exchanged.
pub(crate) type LookAgain<'a> = &'a dyn Fn(&Session) -> Result<()>;

impl<'s> Transaction<'s> {
    /// Begins: the event is durable when this returns, and nothing else has happened.
    pub(crate) fn begin(session: &'s mut Session, new: &NewTransaction) -> Result<Self> {
        Self::begin_citing(session, new, &Cited::default())
    }

    /// The same for a transaction that is about more than its root.
    pub(crate) fn begin_citing(
        session: &'s mut Session,
        new: &NewTransaction,
        cited: &Cited,
    ) -> Result<Self> {
        match session.layout.make_reserve() {
            // What there is of it is given away below, where it is needed.
            Ok(()) | Err(Error::NoSpace { .. }) => {}
            Err(error) => return Err(error),
        }
        let id = match session.journal.begin(new, cited, &session.provenance) {
            Err(Error::NoSpace { .. }) => {
                session.layout.release_reserve()?;
                session.journal.begin(new, cited, &session.provenance)?
            }
            begun => begun?,
        };
        Ok(Self {
            session,
            id,
            syncer: None,
        })
    }

    /// Commits what was staged and synced; durable when this returns. Returns the generation.
    ///
    /// # Errors
    /// [`Error::Pending`] where the new tree is in place but the journal could not be completed,
    /// [`Error::InDoubt`] where a part of it is and could not be moved back; after any other error
    /// the live tree is as it was, and the transaction aborted.
    pub(crate) fn commit(
        self,
        prepared: &Prepared,
        staging: &Staging,
        look_again: LookAgain<'_>,
    ) -> Result<u64> {
        staging.heed_no_more();
        let syncer = self.syncer.as_ref();
        let ready = prepare(self.session, self.id, prepared, staging, syncer)
            .and_then(|()| self.session.journal.checkpoint())
            .and_then(|()| look_again(self.session));
        if let Err(error) = ready {
            return Err(self.abort(error));
        }
        let Self { session, id, .. } = self;
        let units = &prepared.units;
        if let Err(stopped) = exchange::move_all(&session.layout, units, Way::Forward, &|_| false) {
            return Err(give_back(session, id, units, stopped));
        }
        complete(session, id, &prepared.units).map_err(|source| Error::Pending {
            tx: id,
            source: Box::new(source),
        })
    }

    /// Aborts: what this transaction made is removed, and `error` recorded. Returns `error`.
    ///
    /// Where that does not succeed either, the next writing act does it.
    pub(crate) fn abort(self, error: Error) -> Error {
        self.abort_of(&[], error)
    }

    /// Aborts an act that was held against policies; otherwise as [`Self::abort`].
    pub(crate) fn abort_of(self, policies: &[PolicyRecord], error: Error) -> Error {
        let mut reason = reason_of(&error);
        if !policies.is_empty() {
            reason["policies"] = json!(policies);
        }
        abort(self.session, self.id, &reason).unwrap_or_else(|_| settled_later());
        error
    }
}

/// Records what is prepared; gives the reserve away where the disk is full.
fn prepare(
    session: &mut Session,
    id: TransactionId,
    prepared: &Prepared,
    staging: &Staging,
    syncer: Option<&Syncer>,
) -> Result<()> {
    match session.journal.prepare(id, prepared, staging, syncer) {
        Err(Error::NoSpace { .. }) => {
            session.layout.release_reserve()?;
            session.journal.prepare(id, prepared, staging, syncer)
        }
        prepared => prepared,
    }
}

/// Nothing to do: what is left open is found and settled by recovery.
const fn settled_later() {}

/// Makes the exchange durable and records the commit. Done by recovery too.
pub(crate) fn complete(session: &mut Session, id: TransactionId, units: &[Unit]) -> Result<u64> {
    exchange::sync_parents(&session.layout, units, Way::Forward)?;
    match session.journal.commit(id) {
        Err(Error::NoSpace { .. }) => {
            session.layout.release_reserve()?;
            session.journal.commit(id)
        }
        committed => committed,
    }
}

/// Records that a transaction is aborted and removes what it made. Done by recovery too.
pub(crate) fn abort(session: &mut Session, id: TransactionId, reason: &Value) -> Result<()> {
    note(session, id, EventKind::Aborting, reason)?;
    finish_abort(session, id)
}

/// Finishes an abort whose decision is durable.
pub(crate) fn finish_abort(session: &mut Session, id: TransactionId) -> Result<()> {
    let made = session.journal.slots_made_by(id)?;
    session.remove_slots(&made)?;
    note(session, id, EventKind::Aborted, &json!({}))
}

/// Records an event; gives the reserve away where the disk is full.
pub(crate) fn note(
    session: &mut Session,
    id: TransactionId,
    kind: EventKind,
    detail: &Value,
) -> Result<()> {
    match session.journal.note(id, kind, detail) {
        Err(Error::NoSpace { .. }) => {
            session.layout.release_reserve()?;
            session.journal.note(id, kind, detail)
        }
        noted => noted,
    }
}

/// One unit could not be moved: moves those before it back, and aborts.
fn give_back(session: &mut Session, id: TransactionId, units: &[Unit], stopped: Stopped) -> Error {
    let Stopped { moved, error } = stopped;
    let done = units.get(..moved).unwrap_or(units);
    let reason = reason_of(&error);
    let given_back = if done.is_empty() {
        Ok(())
    } else {
        move_all_back(session, id, done, &reason)
    };
    // The first of those moved is what stands there against the rest.
    let (Err(_), Some(stuck)) = (given_back, done.first()) else {
        abort(session, id, &reason).unwrap_or_else(|_| settled_later());
        return error;
    };
    let failed = units.get(moved).unwrap_or(stuck);
    Error::InDoubt {
        tx: id,
        path: session.layout.live_path_of(&stuck.path),
        old: exchange::shown(stuck.old),
        new: exchange::shown(stuck.new),
        found: format!(
            "the new one or on its way back, while {} could not be moved ({error})",
            session.layout.live_path_of(&failed.path)
        ),
    }
}

/// Moves units back to the old trees, after the decision is durable.
pub(crate) fn move_all_back(
    session: &mut Session,
    id: TransactionId,
    moved: &[Unit],
    reason: &Value,
) -> Result<()> {
    note(session, id, EventKind::Back, reason)?;
    finish_moving_back(session, moved, &|_| false)
}

/// Finishes moving units back whose decision is durable, but for those that are back already.
pub(crate) fn finish_moving_back(
    session: &Session,
    units: &[Unit],
    is_back: &dyn Fn(&Unit) -> bool,
) -> Result<()> {
    exchange::move_all(&session.layout, units, Way::Back, is_back)
        .map_err(|stopped| stopped.error)?;
    exchange::sync_parents(&session.layout, units, Way::Back)
}

/// What the journal keeps of an error: its code, message and causes, the system's error by name,
/// and the first findings.
fn reason_of(error: &Error) -> Value {
    let mut causes = Vec::new();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        causes.push(cause.to_string());
        source = cause.source();
    }
    let mut reason =
        json!({ "reason": error.code(), "message": error.to_string(), "causes": causes });
    if let Some(errno) = error.errno() {
        reason["errno"] = json!(errno);
    }
    if let Error::Refused { report, .. } = error {
        let listed: Vec<_> = report.findings.iter().take(FINDINGS_KEPT).collect();
        reason["findings"] = json!(listed);
        reason["total"] = json!(report.total);
    }
    reason
}

/// Findings that the journal keeps of a refused pack; the count is exact.
const FINDINGS_KEPT: usize = 100;
