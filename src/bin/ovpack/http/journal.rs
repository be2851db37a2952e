//! The journal: transactions, their changes, the head, verification, and taking one back.
#![expect(
    unused_qualifications,
    reason = "utoipa's macro names its parameters in full"
)]

use std::ops::ControlFlow;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use ovpack::{
    Change, Head, JournalVerifyOptions, LogOptions, OnLater, Outcome, RollbackOptions,
    TransactionId, TransactionReport, TransactionSummary,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::acts::Weight;
use super::answer::{Answer, ok};
use super::asked::{Plain, Writing, ensure_no_profile, json, query};
use super::openapi::{Profile, Refusals, Wait};
use super::packs::{Asking, Asks as _, uri_of};
use super::refusal::{Refusal, Result};
use super::state::{Asker, Server};

/// Transactions in a list where nothing is said, and at most.
const LISTED: (u64, u64) = (50, 1_000);
/// Changes in a list where nothing is said, and at most.
const CHANGES_LISTED: (u64, u64) = (1_000, 10_000);

/// Which transactions are listed; what is not given excludes none.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Listing {
    /// At most so many: 50 where nothing is said, 1000 at most.
    #[param(minimum = 1, maximum = 1000)]
    pub(crate) limit: Option<u64>,
    /// Where the last list ended: its `cursor`.
    pub(crate) cursor: Option<String>,
    /// Those whose root is at, above or below this URI.
    pub(crate) uri: Option<String>,
    /// Those that changed something at or below this URI.
    pub(crate) path: Option<String>,
    /// `committed`, `aborted` or `open`.
    pub(crate) outcome: Option<String>,
    /// The kind, such as `import`.
    pub(crate) kind: Option<String>,
    /// Those that began at this time or later: RFC 3339, a date, or how long ago, such as `2h`.
    pub(crate) since: Option<String>,
    /// Those that began at this time or earlier.
    pub(crate) until: Option<String>,
    /// Those of this user.
    pub(crate) user: Option<String>,
    /// Those whose pack has this SHA-256, or one that begins with these 8 digits or more.
    pub(crate) pack_sha256: Option<String>,
    /// As [`Profile`].
    pub(crate) profile: Option<String>,
}

impl Listing {
    /// Returns what the library is asked for. A form sends empty fields for what is not filled in.
    pub(crate) fn options(&self) -> Result<LogOptions> {
        ensure_no_profile(self.profile.as_deref())?;
        let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        let uri = |text: &Option<String>| given(text).map(|text| uri_of(&text)).transpose();
        let time = |text: &Option<String>| given(text).map(|text| time_of(&text)).transpose();
        let outcome = given(&self.outcome).map(|text| outcome_of(&text));
        let cursor = given(&self.cursor).map(|text| transaction_of(&text));
        Ok(LogOptions {
            limit: Some(limited(self.limit, LISTED)?),
            before: cursor.transpose()?,
            uri: uri(&self.uri)?,
            path: uri(&self.path)?,
            outcome: outcome.transpose()?,
            kind: given(&self.kind),
            since_ms: time(&self.since)?,
            until_ms: time(&self.until)?,
            pack_sha256: given(&self.pack_sha256),
            user: given(&self.user),
        })
    }
}

/// A list of transactions, and where the next one goes on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Listed {
    /// Newest first.
    #[schema(value_type = Vec<Object>)]
    pub(crate) transactions: Vec<TransactionSummary>,
    /// Give it back for the next ones; `null` where there are no more.
    #[schema(value_type = Option<String>)]
    pub(crate) cursor: Option<TransactionId>,
}

/// Lists transactions.
#[utoipa::path(get, path = "/api/v1/journal/transactions", tag = "journal", operation_id = "list_transactions",
    params(Listing), responses((status = 200, description = "Newest first", body = Answer<Listed>), Refusals))]
pub(crate) async fn list(State(server): State<Arc<Server>>, uri: Uri) -> Result<Response> {
    let options = query::<Listing>(&uri)?.options()?;
    Ok(ok(&listed(&server, options).await?))
}

/// Lists transactions, one more than asked for to know whether there are more.
pub(crate) async fn listed(server: &Arc<Server>, mut options: LogOptions) -> Result<Listed> {
    let limit = options.limit.unwrap_or(LISTED.0);
    options.limit = Some(limit.saturating_add(1));
    let of = Arc::clone(server);
    let ask = move |_| Ok(of.store()?.log(&options)?);
    let mut transactions = server.acts.read(Weight::Question, ask).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = transactions.len() > limit;
    transactions.truncate(limit);
    let last = transactions.last().map(|last| last.transaction);
    Ok(Listed {
        transactions,
        cursor: last.filter(|_| has_more),
    })
}

/// Shows one transaction in full; its changes are asked for apart.
#[utoipa::path(get, path = "/api/v1/journal/transactions/{id}", tag = "journal", operation_id = "show_transaction",
    params(("id" = String, Path, description = "A transaction", pattern = "^tx[1-9][0-9]{0,17}$", example = "tx1"), Profile),
    responses((status = 200, description = "The transaction", body = Answer<Object>), Refusals))]
pub(crate) async fn show(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response> {
    Plain::of(&uri)?;
    Ok(ok(&shown(&server, transaction_of(&id)?).await?))
}

/// Shows one transaction in full, without its changes.
pub(crate) async fn shown(server: &Arc<Server>, id: TransactionId) -> Result<TransactionReport> {
    let of = Arc::clone(server);
    let ask = move |_| Ok(of.store()?.show(id)?);
    let mut report = server.acts.read(Weight::Question, ask).await?;
    report.change_list.clear();
    Ok(report)
}

/// Which changes are listed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ChangeListing {
    /// At most so many: 1000 where nothing is said, 10000 at most.
    #[param(minimum = 1, maximum = 10000)]
    pub(crate) limit: Option<u64>,
    /// Where the last list ended: its `cursor`.
    pub(crate) cursor: Option<u64>,
    /// As [`Profile`].
    profile: Option<String>,
}

/// Changes of a transaction, and where the next list goes on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ListedChanges {
    /// What was changed from outside before, then what the transaction changed, each by path.
    #[schema(value_type = Vec<Object>)]
    pub(crate) changes: Vec<Change>,
    /// Give it back for the next ones; `null` where there are no more.
    pub(crate) cursor: Option<u64>,
}

/// Lists the changes of a transaction, with before and after.
#[utoipa::path(get, path = "/api/v1/journal/transactions/{id}/changes", tag = "journal", operation_id = "list_changes",
    params(("id" = String, Path, description = "A transaction", pattern = "^tx[1-9][0-9]{0,17}$", example = "tx1"), ChangeListing),
    responses((status = 200, description = "By path", body = Answer<ListedChanges>), Refusals))]
pub(crate) async fn changes(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response> {
    let listing: ChangeListing = query(&uri)?;
    ensure_no_profile(listing.profile.as_deref())?;
    let limit = limited(listing.limit, CHANGES_LISTED)?;
    let id = transaction_of(&id)?;
    let from = listing.cursor.unwrap_or(0);
    Ok(ok(&listed_changes(&server, id, from, limit).await?))
}

/// Lists changes from the `from`th on.
pub(crate) async fn listed_changes(
    server: &Arc<Server>,
    id: TransactionId,
    from: u64,
    limit: u64,
) -> Result<ListedChanges> {
    let of = Arc::clone(server);
    let ask = move |_| {
        let (mut at, end) = (0_u64, from.saturating_add(limit));
        let mut listed = ListedChanges {
            changes: Vec::new(),
            cursor: None,
        };
        of.store()?.changes(id, &mut |change| {
            if at >= end {
                listed.cursor = Some(end);
                return ControlFlow::Break(());
            }
            if at >= from {
                listed.changes.push(change);
            }
            at = at.saturating_add(1);
            ControlFlow::Continue(())
        })?;
        Ok(listed)
    };
    server.acts.read(Weight::Question, ask).await
}

/// Tells the journal's head, to be noted down elsewhere.
#[utoipa::path(get, path = "/api/v1/journal/head", tag = "journal", operation_id = "journal_head", params(Profile),
    responses((status = 200, description = "Number and hash of the last event", body = Answer<Object>), Refusals))]
pub(crate) async fn head(State(server): State<Arc<Server>>, uri: Uri) -> Result<Response> {
    Plain::of(&uri)?;
    Ok(ok(&journal_head(&server).await?))
}

/// Returns the journal's head.
pub(crate) async fn journal_head(server: &Arc<Server>) -> Result<Head> {
    let of = Arc::clone(server);
    let ask = move |_| Ok(of.store()?.journal_head()?);
    server.acts.read(Weight::Question, ask).await
}

/// How the journal is verified.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Verifying {
    /// A head that was kept elsewhere, as `SEQ HASH` or `SEQ:HASH`: it must be in the journal.
    since: Option<String>,
    /// Read the live files and the old trees as well.
    content: Option<bool>,
    /// As [`Profile`].
    profile: Option<String>,
}

/// Recomputes the journal's chain, and compares it.
#[utoipa::path(get, path = "/api/v1/journal/verify", tag = "journal", operation_id = "verify_journal", params(Verifying),
    responses((status = 200, description = "The journal is what it was", body = Answer<Object>), Refusals))]
pub(crate) async fn verify(State(server): State<Arc<Server>>, uri: Uri) -> Result<Response> {
    let asked: Verifying = query(&uri)?;
    ensure_no_profile(asked.profile.as_deref())?;
    let since = asked.since.map(|text| {
        let fault = |fault: ovpack::ParseHeadError| Refusal::bad_request(fault.to_string());
        text.replacen(':', " ", 1).parse::<Head>().map_err(fault)
    });
    let since = since.transpose()?.into_iter().collect();
    let content = asked.content.unwrap_or(false);
    Ok(ok(&verified(&server, since, content).await?))
}

/// Verifies the journal.
pub(crate) async fn verified(
    server: &Arc<Server>,
    since: Vec<Head>,
    content: bool,
) -> Result<ovpack::JournalReport> {
    let of = Arc::clone(server);
    let ask = move |control| {
        let options = JournalVerifyOptions {
            since,
            content,
            control,
        };
        Ok(of.store()?.verify_journal(&options)?)
    };
    server.acts.read(Weight::Scan, ask).await
}

/// How a transaction is taken back.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RollbackRequest {
    /// Look for everything that is in the way; change nothing.
    pub(crate) dry_run: bool,
    /// Go on although files changed outside of the store; what changed stays in the slot.
    pub(crate) force: bool,
    /// Take later transactions that lie over it back as well, all as one.
    pub(crate) with_later: bool,
}

impl RollbackRequest {
    /// Returns what the library is asked for.
    pub(crate) fn options(self, control: ovpack::Control) -> RollbackOptions {
        RollbackOptions {
            force: self.force,
            on_later: if self.with_later {
                OnLater::RollBack
            } else {
                OnLater::Refuse
            },
            dry_run: self.dry_run,
            control,
            ..RollbackOptions::default()
        }
    }
}

/// Puts back what a committed transaction replaced, as a transaction of its own; or rehearses that.
#[utoipa::path(post, path = "/api/v1/journal/transactions/{id}/rollback", tag = "journal", operation_id = "rollback",
    params(("id" = String, Path, description = "A transaction", pattern = "^tx[1-9][0-9]{0,17}$", example = "tx1"), Profile, Wait), request_body = RollbackRequest,
    responses((status = 200, description = "It is done, and durable; or, rehearsed, what would be", body = Answer<Object>), Refusals))]
pub(crate) async fn rollback(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    asking: Asking,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let wait = Writing::wait(&server, &uri)?;
    let id = transaction_of(&id)?;
    let request: RollbackRequest = json(&server, &headers, body).await?;
    if request.dry_run {
        return Ok(ok(&rehearsed(&server, id, request).await?));
    }
    let asker = asking.asker("POST /api/v1/journal/transactions/ID/rollback", &headers);
    let receipt = rolled_back(&server, id, request, asker, wait).await?;
    Ok(ok(&receipt))
}

/// Rehearses a rollback.
pub(crate) async fn rehearsed(
    server: &Arc<Server>,
    id: TransactionId,
    request: RollbackRequest,
) -> Result<ovpack::RollbackRehearsal> {
    let of = Arc::clone(server);
    let ask = move |control| {
        let store = of.store()?;
        Ok(store.rehearse_rollback(id, &request.options(control))?)
    };
    server.acts.read(Weight::Scan, ask).await
}

/// Rolls back.
pub(crate) async fn rolled_back(
    server: &Arc<Server>,
    id: TransactionId,
    request: RollbackRequest,
    asker: Asker,
    wait: std::time::Duration,
) -> Result<ovpack::Receipt> {
    let of = Arc::clone(server);
    let act = move |control, left| {
        let store = of.store_for(&asker, left)?;
        Ok(store.rollback(id, &request.options(control))?)
    };
    let receipt = server.acts.write(wait, act).await?;
    server.metrics.committed(receipt.generation);
    Ok(receipt)
}

/// Reads a transaction's id.
pub(crate) fn transaction_of(text: &str) -> Result<TransactionId> {
    text.parse()
        .map_err(|fault| Refusal::bad_request(format!("`{text}`: {fault}")))
}

fn time_of(text: &str) -> Result<i64> {
    ovpack::parse_time(text).ok_or_else(|| {
        Refusal::bad_request(format!(
            "`{text}` is no time; write it like 2026-05-11T09:30:00Z, 2026-05-11, 2h or 30d"
        ))
    })
}

fn outcome_of(text: &str) -> Result<Outcome> {
    let known = Outcome::ALL.into_iter();
    let mut found = known.filter(|outcome| outcome.as_str() == text);
    found.next().ok_or_else(|| {
        Refusal::bad_request(format!(
            "outcome is `{text}`; expected committed, aborted or open"
        ))
    })
}

fn limited(asked: Option<u64>, (usual, most): (u64, u64)) -> Result<u64> {
    match asked {
        None => Ok(usual),
        Some(limit) if (1..=most).contains(&limit) => Ok(limit),
        Some(limit) => Err(Refusal::bad_request(format!(
            "limit is {limit}; expected 1 to {most}"
        ))),
    }
}
