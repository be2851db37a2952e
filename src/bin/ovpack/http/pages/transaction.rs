//! One transaction in full.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;
use maud::{Markup, html};
use ovpack::{EventReport, TransactionReport, UnitReport};
use serde::Deserialize;

use super::layout::{Place, whole};
use super::parts::{
    changes, counts, digest, fact, outcome, shown, time, transaction, uri as linked,
};
use super::{Result, page as answer};
use crate::http::asked::query;
use crate::http::journal::{ListedChanges, listed_changes, shown as read, transaction_of};
use crate::http::sessions::Visitor;
use crate::http::state::Server;
use crate::human::{Bytes, Count};

/// Changes on one page.
const CHANGES: u64 = 500;

/// Where the list of changes goes on, and whether this was just done.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    cursor: Option<u64>,
    done: Option<u8>,
}

/// Shows a transaction.
pub(crate) async fn page(
    State(server): State<Arc<Server>>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response> {
    let asked: Asked = query(&uri)?;
    let id = transaction_of(&id)?;
    let report = read(&server, id).await?;
    let list = listed_changes(&server, id, asked.cursor.unwrap_or(0), CHANGES).await?;
    let summary = &report.summary;
    let title = format!("{id} {}", summary.kind);
    let body = html! {
        @if asked.done.is_some() {
            p.box.good role="status" { "Done: the old tree is back, as " (id) "." }
        }
        h1 { (title) " " (outcome(summary)) }
        dl.facts { (facts(&report)) }
        (offer(&report))
        @if let Some(reason) = &summary.reason { (aborted(&report, reason)) }
        (changed(&report, &list))
        (units(&report.units))
        (decisions(&report))
        (events(&report.events))
    };
    Ok(answer(whole(&title, Place::Elsewhere, &visitor, &body)))
}

fn facts(report: &TransactionReport) -> Markup {
    let summary = &report.summary;
    html! {
        (fact("Root", linked(&summary.uri)))
        (fact("Began", time(&summary.started_at)))
        @if let Some(at) = &summary.finished_at { (fact("Ended", time(at))) }
        (fact("By", html! { (shown(&summary.user)) " on " (shown(&report.host)) }))
        @if let Some(generation) = summary.generation { (fact("Commit number", generation)) }
        @if let Some(undoes) = summary.undoes { (fact("Undoes", transaction(&undoes.to_string()))) }
        @if let Some(by) = summary.undone_by { (fact("Undone by", transaction(&by.to_string()))) }
        @if let Some(policy) = &report.on_conflict { (fact("On conflict", policy)) }
        @if let Some(pack) = &summary.pack { (fact("Pack", shown(pack))) }
        @if let Some(bytes) = summary.pack_bytes { (fact("Pack's size", Bytes(bytes).to_string())) }
        @if let Some(sha256) = &summary.pack_sha256 {
            (fact("Pack's SHA-256", html! { code { (sha256.to_string()) } }))
        }
        @if let Some(layout) = &report.layout { (fact("Layout", layout)) }
        @if let Some(root) = &report.pack_root_uri { (fact("Packed from", shown(root))) }
        (fact("Changes", counts(&summary.changes)))
        (fact("New tree", html! { (Count(summary.files, "file").to_string()) ", " (Bytes(summary.bytes).to_string()) }))
        (fact("Asked by", html! { code.words { (shown(&report.argv.join(" "))) } }))
        (fact("With", html! { "ovpack " (shown(&report.tool_version)) }))
    }
}

/// The way to a rollback, where there may be one; the rehearsal knows better.
fn offer(report: &TransactionReport) -> Markup {
    let summary = &report.summary;
    let is_in_effect = summary.state == "committed" && summary.undone_by.is_none();
    html! {
        @if is_in_effect && !report.units.is_empty() {
            p { a.button href={ "/transactions/" (summary.transaction.to_string()) "/rollback" } { "Rehearse a rollback" } }
        }
    }
}

fn aborted(report: &TransactionReport, reason: &str) -> Markup {
    html! {
        h2 { "Why it was aborted" }
        p.box.bad {
            strong { (reason) }
            @if let Some(message) = &report.summary.message { ": " (shown(message)) }
        }
        @if !report.causes.is_empty() {
            ul { @for cause in &report.causes { li { (shown(cause)) } } }
        }
        @if !report.findings.is_empty() {
            p { (Count(report.findings_total, "finding").to_string()) ":" }
            ul { @for finding in &report.findings {
                li { code { (finding.code) } " " (shown(&finding.path)) ": " (shown(&finding.detail)) }
            } }
        }
    }
}

fn changed(report: &TransactionReport, list: &ListedChanges) -> Markup {
    let id = report.summary.transaction;
    html! {
        h2 { "Changes" }
        @if list.changes.is_empty() {
            p { "No path was changed." }
        } @else {
            (changes("Changed paths", &list.changes))
        }
        @if let Some(cursor) = list.cursor {
            p { a.button href={ "/transactions/" (id.to_string()) "?cursor=" (cursor) } rel="next" { "More changes" } }
        }
    }
}

fn units(units: &[UnitReport]) -> Markup {
    html! {
        @if !units.is_empty() {
            h2 { "What was moved" }
            ul {
                @for unit in units {
                    li {
                        (unit.action) " "
                        @if unit.path.is_empty() { "the whole live tree" } @else { (shown(&unit.path)) }
                        ", slot " (unit.slot.to_string()) " (" (unit.slot_state) ")"
                    }
                }
            }
        }
    }
}

fn decisions(report: &TransactionReport) -> Markup {
    html! {
        @if !report.slot_decisions.is_empty() {
            h2 { "Decisions about old trees" }
            ul {
                @for decision in &report.slot_decisions {
                    li { "slot " (decision.slot.to_string()) " " (decision.decision) ": " (shown(&decision.reason)) }
                }
            }
        }
    }
}

fn events(events: &[EventReport]) -> Markup {
    html! {
        h2 { "Events" }
        ol.plain {
            @for event in events {
                li { (event.seq) " " strong { (event.kind) } " " (time(&event.at)) " " (digest(&event.hash)) }
            }
        }
    }
}
