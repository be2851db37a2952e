//! The state of the store: the head to note down, drift, and the old trees with what keeps them.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use maud::{Markup, html};
use ovpack::{Head, JournalReport, PruneOptions, PruneReport, StatusReport};
use serde::Deserialize;

use super::layout::{Place, whole};
use super::parts::{fact, shown, time, transaction, uri as linked};
use super::{Result, page as answer};
use crate::http::acts::Weight;
use crate::http::asked::query;
use crate::http::journal::{journal_head, verified};
use crate::http::refusal::{self, Refusal};
use crate::http::sessions::Visitor;
use crate::http::state::Server;
use crate::http::status::looked;
use crate::human::{Bytes, Count};

/// Most drifted paths on the page, of each sort.
const DRIFT_SHOWN: usize = 200;

/// Whether the journal is verified.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    verify: Option<u8>,
}

/// Shows the state of the store.
pub(crate) async fn page(
    State(server): State<Arc<Server>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Result<Response> {
    let asked: Asked = query(&uri)?;
    let status = looked(&server, None, false).await?;
    let head = journal_head(&server).await?;
    let slots = slots(&server).await?;
    let verified = match asked.verify {
        Some(_) => Some(verified(&server, Vec::new(), false).await),
        None => None,
    };
    let body = html! {
        h1 { "State" }
        dl.facts { (facts(&status)) }
        (journal(&head, verified.as_ref()))
        (drift(&status))
        (kept(&slots))
    };
    Ok(answer(whole("State", Place::State, &visitor, &body)))
}

/// Asks what keeps each old tree, by a prune that would free all that may be freed and changes nothing.
async fn slots(server: &Arc<Server>) -> refusal::Result<PruneReport> {
    let of = Arc::clone(server);
    let ask = move |control| {
        let options = PruneOptions {
            keep_within: Some(Duration::ZERO),
            dry_run: true,
            control,
            ..PruneOptions::default()
        };
        Ok(of.store()?.prune(&options)?)
    };
    server.acts.read(Weight::Question, ask).await
}

fn facts(status: &StatusReport) -> Markup {
    html! {
        (fact("Store", html! { (shown(&status.store)) " (" (status.store_id) ")" }))
        (fact("Commits", status.generation))
        @if let Some(last) = &status.last_commit {
            (fact("Last commit", html! {
                (transaction(&last.transaction.to_string())) " " (last.kind) " "
                (time(last.finished_at.as_deref().unwrap_or(&last.started_at)))
            }))
        }
        (fact("Live tree", html! { (Count(status.files, "file").to_string()) ", " (Bytes(status.bytes).to_string()) }))
        @if !status.recovery_pending.is_empty() {
            (fact("Recovery", html! {
                "pending for "
                @for id in &status.recovery_pending { (transaction(&id.to_string())) " " }
                "(the next write settles it)"
            }))
        }
    }
}

fn journal(head: &Head, verified: Option<&refusal::Result<JournalReport, Refusal>>) -> Markup {
    html! {
        h2 { "Journal" }
        p { "Its head. Note it down elsewhere: whoever can write the store cannot change what it stands for." }
        p { code.head { (head.seq) " " (head.hash.to_string()) } }
        @match verified {
            None => p { a.button href="/state?verify=1" { "Verify the journal" } },
            Some(Ok(report)) => p.box.good role="status" {
                "The journal is what it was: " (Count(report.events, "event").to_string()) " and "
                (Count(report.rows, "row").to_string()) " were recomputed."
            },
            Some(Err(refusal)) => p.box.bad role="alert" {
                strong { (refusal.reason) } ": " (shown(&refusal.message))
            },
        }
    }
}

fn drift(status: &StatusReport) -> Markup {
    let groups = [
        ("added", &status.drift.added),
        ("changed", &status.drift.changed),
        ("missing", &status.drift.missing),
    ];
    let is_none = groups.iter().all(|(_, uris)| uris.is_empty());
    html! {
        h2 { "Drift" }
        @if is_none {
            p { "No file changed outside of ovpack since the last commit, by size and times." }
        } @else {
            p { "Files that changed outside of ovpack since the last commit:" }
            @for (word, uris) in groups {
                @if !uris.is_empty() {
                    h3 { (uris.len()) " " (word) }
                    ul { @for uri in uris.iter().take(DRIFT_SHOWN) { li { (linked(uri)) } } }
                    @if uris.len() > DRIFT_SHOWN { p { "and " (uris.len() - DRIFT_SHOWN) " more" } }
                }
            }
        }
        @if !status.unpackable.is_empty() {
            h3 { "What no pack can hold" }
            ul { @for why in status.unpackable.iter().take(DRIFT_SHOWN) { li { (shown(why)) } } }
        }
    }
}

fn kept(slots: &PruneReport) -> Markup {
    html! {
        h2 { "Old trees" }
        @if slots.slots.is_empty() {
            p { "None is kept." }
        } @else {
            p { "What each is kept for. A prune that keeps as little as it can would free "
                (Bytes(slots.freed_bytes).to_string()) " and keep " (Bytes(slots.kept_bytes).to_string()) "." }
            div.scroll role="region" aria-label="Old trees and what keeps them" tabindex="0" {
                table {
                    caption { "Old trees and what keeps them" }
                    thead { tr {
                        th scope="col" { "Slot" } th scope="col" { "Of" } th scope="col" { "Path" }
                        th scope="col" { "Since" } th scope="col" { "Bytes" } th scope="col" { "Why" }
                    } }
                    tbody {
                        @for slot in &slots.slots {
                            tr {
                                th scope="row" { (slot.slot.to_string()) }
                                td { (transaction(&slot.transaction.to_string())) }
                                td { @if slot.path.as_str().is_empty() { "all" } @else { (shown(slot.path.as_str())) } }
                                td { (time(&slot.held_since)) }
                                td { (Bytes(slot.bytes).to_string()) }
                                td { (slot.decision) ": " (shown(&slot.reason)) }
                            }
                        }
                    }
                }
            }
        }
    }
}
