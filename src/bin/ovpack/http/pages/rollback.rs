//! A rollback: what it would do, and, once that was seen and confirmed, doing it.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use maud::{Markup, html};
use ovpack::{RollbackRehearsal, TransactionId};
use serde::Deserialize;

use super::layout::{Place, token, whole};
use super::parts::{changes, counts, fact, shown, transaction, uri as linked};
use super::{Result, page as answer};
use crate::http::asked::{form, query};
use crate::http::journal::{RollbackRequest, rehearsed, rolled_back, transaction_of};
use crate::http::keys::Role;
use crate::http::refusal::Refusal;
use crate::http::sessions::Visitor;
use crate::http::state::{Asker, Peer, RequestId, Server};
use crate::human::Count;

/// How long a form waits for another write.
const WAIT: Duration = Duration::from_secs(10);
/// Most changes of the plan on the page.
const PLAN_SHOWN: usize = 500;

/// What is rehearsed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    force: Option<u8>,
    with_later: Option<u8>,
}

/// The form.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sent {
    form_token: String,
    confirmed: Option<u8>,
    force: Option<u8>,
    with_later: Option<u8>,
}

/// Rehearses a rollback, and shows what it would do.
pub(crate) async fn page(
    State(server): State<Arc<Server>>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response> {
    let asked: Asked = query(&uri)?;
    let id = transaction_of(&id)?;
    let request = RollbackRequest {
        dry_run: true,
        force: asked.force.is_some(),
        with_later: asked.with_later.is_some(),
    };
    let rehearsal = rehearsed(&server, id, request).await?;
    let title = format!("Rollback of {id}, rehearsed");
    let body = html! {
        h1 { (title) }
        p { "Nothing was changed. This is what a rollback of " (transaction(&id.to_string())) " would do." }
        (verdict(&rehearsal))
        (obstacles(id, request, &rehearsal))
        @if rehearsal.would_succeed { (confirm(id, request, &visitor)) }
        (plan(&rehearsal))
    };
    Ok(answer(whole(&title, Place::Elsewhere, &visitor, &body)))
}

fn verdict(rehearsal: &RollbackRehearsal) -> Markup {
    let receipt = &rehearsal.receipt;
    html! {
        @if rehearsal.would_succeed {
            p.box.good { "Nothing is in the way." }
        } @else {
            p.box.bad { (Count(rehearsal.obstacles.len() as u64, "obstacle").to_string()) " in the way." }
        }
        dl.facts {
            (fact("Root", linked(&receipt.uri.to_string())))
            (fact("Changes", counts(&receipt.changes)))
            @if !receipt.undone.is_empty() {
                (fact("Takes back", html! { @for tx in &receipt.undone { (transaction(&tx.to_string())) " " } }))
            }
        }
    }
}

fn obstacles(id: TransactionId, request: RollbackRequest, rehearsal: &RollbackRehearsal) -> Markup {
    let has = |code: &str| rehearsal.obstacles.iter().any(|error| error.code() == code);
    let link = |words: &str| format!("/transactions/{id}/rollback?{words}");
    let later = if request.with_later {
        "&with_later=1"
    } else {
        ""
    };
    let force = if request.force { "&force=1" } else { "" };
    html! {
        @if !rehearsal.obstacles.is_empty() {
            h2 { "In the way" }
            ul {
                @for error in &rehearsal.obstacles {
                    li {
                        strong { (error.code()) } ": " (shown(&error.to_string()))
                        @if let Some(help) = error.help() { br; (help) "." }
                    }
                }
            }
        }
        @if !rehearsal.drift.is_empty() {
            h3 { (Count(rehearsal.drift_total, "path").to_string()) " changed outside of ovpack" }
            ul { @for path in &rehearsal.drift { li { (shown(path)) } } }
        }
        @if has("drift") {
            p { a.button href=(link(&format!("force=1{later}"))) { "Rehearse it all the same; what drifted is kept in the old tree" } }
        }
        @if has("later-transactions") {
            p { a.button href=(link(&format!("with_later=1{force}"))) { "Rehearse it with the later ones, all as one" } }
        }
    }
}

fn confirm(id: TransactionId, request: RollbackRequest, visitor: &Visitor) -> Markup {
    if visitor.client.role == Role::Auditor {
        return html! { p.box { "An admin can do it; your key may only read." } };
    }
    html! {
        form.confirm method="post" action={ "/transactions/" (id.to_string()) "/rollback" } {
            (token(visitor))
            @if request.force { input type="hidden" name="force" value="1"; }
            @if request.with_later { input type="hidden" name="with_later" value="1"; }
            div {
                input type="checkbox" id="confirmed" name="confirmed" value="1" required;
                " "
                label for="confirmed" { "I have seen what it would do" }
            }
            button.danger { "Roll back " (id) }
            p.facts { "It is a transaction of its own, and can be rolled back itself." }
        }
    }
}

fn plan(rehearsal: &RollbackRehearsal) -> Markup {
    let all = rehearsal.receipt.plan.as_deref().unwrap_or_default();
    let moved = all
        .iter()
        .filter(|change| change.change != ovpack::ChangeKind::Unchanged);
    let count = moved.clone().count();
    html! {
        h2 { "Plan" }
        @if count == 0 {
            p { "No path would change." }
        } @else {
            (changes("Paths that would change", moved.take(PLAN_SHOWN)))
            @if count > PLAN_SHOWN { p { "and " (count - PLAN_SHOWN) " more" } }
        }
    }
}

/// Rolls back, once it was confirmed by a form of this visitor's own.
pub(crate) async fn roll_back(
    State(server): State<Arc<Server>>,
    (Extension(visitor), Extension(peer), Extension(request_id)): (
        Extension<Visitor>,
        Extension<Peer>,
        Extension<RequestId>,
    ),
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let sent: Sent = form(&server, &headers, body).await?;
    visitor.ensure_own_form(&sent.form_token)?;
    visitor.ensure_admin()?;
    let id = transaction_of(&id)?;
    if sent.confirmed.is_none() {
        return Err(Refusal::bad_request("the rollback was not confirmed").into());
    }
    let request = RollbackRequest {
        dry_run: false,
        force: sent.force.is_some(),
        with_later: sent.with_later.is_some(),
    };
    let what = format!("POST /transactions/{id}/rollback");
    let asker = Asker::new(&visitor.client, (peer, &request_id), &what, &headers);
    let receipt = rolled_back(&server, id, request, asker, WAIT).await?;
    let at = receipt.transaction.unwrap_or(id);
    Ok(Redirect::to(&format!("/transactions/{at}?done=1")).into_response())
}
