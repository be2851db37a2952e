//! The list of transactions.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use maud::{Markup, html};
use ovpack::{LogOptions, Outcome, TransactionId, TransactionSummary};

use super::layout::{Place, whole};
use super::parts::{counts, digest, encoded, outcome, shown, time, uri as linked};
use super::{Result, page as answer};
use crate::http::asked::query;
use crate::http::journal::{Listing, listed};
use crate::http::sessions::Visitor;
use crate::http::state::Server;

/// Shows the transactions that a form asks for.
pub(crate) async fn page(
    State(server): State<Arc<Server>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Result<Response> {
    let asked: Listing = query(&uri)?;
    let list = listed(&server, asked.options()?).await?;
    let body = html! {
        h1 { "Timeline" }
        (filters(&asked))
        @if list.transactions.is_empty() {
            p { "No transaction is like that." }
        } @else {
            ol.timeline {
                @for summary in &list.transactions { li { (entry(summary)) } }
            }
        }
        @if let Some(cursor) = list.cursor { (older(&asked, cursor)) }
    };
    Ok(answer(whole("Timeline", Place::Timeline, &visitor, &body)))
}

fn entry(summary: &TransactionSummary) -> Markup {
    let id = summary.transaction.to_string();
    html! {
        article {
            h2 {
                a href={ "/transactions/" (id) } { (id) " " (summary.kind) }
                " " (outcome(summary))
            }
            p { (linked(&summary.uri)) }
            p.facts {
                (time(summary.finished_at.as_deref().unwrap_or(&summary.started_at)))
                " by " (shown(&summary.user))
                @if let Some(pack) = &summary.pack { ", pack " (shown(pack)) }
                @if let Some(sha256) = &summary.pack_sha256 { " " (digest(sha256)) }
            }
            @match &summary.reason {
                Some(reason) => p.facts {
                    (reason) @if let Some(message) = &summary.message { ": " (shown(message)) }
                },
                None => p.facts { (counts(&summary.changes)) },
            }
        }
    }
}

fn filters(asked: &Listing) -> Markup {
    let outcomes = Outcome::ALL.map(Outcome::as_str);
    let is_filtered = kept(asked)
        .iter()
        .any(|(_, value)| value.is_some_and(|value| !value.is_empty()));
    html! {
        details open[is_filtered] {
        summary { "Filter the timeline" }
        form.filters method="get" action="/" role="search" aria-label="Filter the timeline" {
            (choice("outcome", "Outcome", &outcomes, asked.outcome.as_deref()))
            (choice("kind", "Kind", LogOptions::KINDS, asked.kind.as_deref()))
            (field("path", "Changed at or below", asked.path.as_deref()))
            (field("user", "By", asked.user.as_deref()))
            (field("since", "Since (date, 2h, 30d)", asked.since.as_deref()))
            (field("until", "Until", asked.until.as_deref()))
            (field("pack_sha256", "Pack's SHA-256", asked.pack_sha256.as_deref()))
            div.buttons { button { "Filter" } " " a href="/" { "Clear" } }
        }
        }
    }
}

fn field(name: &str, label: &str, value: Option<&str>) -> Markup {
    html! {
        div {
            label for=(name) { (label) }
            input type="text" id=(name) name=(name) value=[value] autocomplete="off" spellcheck="false";
        }
    }
}

fn choice(name: &str, label: &str, words: &[&str], chosen: Option<&str>) -> Markup {
    html! {
        div {
            label for=(name) { (label) }
            select id=(name) name=(name) {
                option value="" { "any" }
                @for word in words {
                    option value=(word) selected[chosen == Some(*word)] { (word) }
                }
            }
        }
    }
}

/// What is filtered by.
fn kept(asked: &Listing) -> [(&'static str, Option<&str>); 8] {
    [
        ("outcome", asked.outcome.as_deref()),
        ("kind", asked.kind.as_deref()),
        ("uri", asked.uri.as_deref()),
        ("path", asked.path.as_deref()),
        ("user", asked.user.as_deref()),
        ("since", asked.since.as_deref()),
        ("until", asked.until.as_deref()),
        ("pack_sha256", asked.pack_sha256.as_deref()),
    ]
}

/// The link to what is older, with the same filters.
fn older(asked: &Listing, cursor: TransactionId) -> Markup {
    let limit = asked.limit.map(|limit| format!("&limit={limit}"));
    let mut query = format!("/?cursor={cursor}{}", limit.unwrap_or_default());
    for (name, value) in kept(asked) {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            query.push_str(&["&", name, "=", &encoded(value)].concat());
        }
    }
    html! { p { a.button href=(query) rel="next" { "Older transactions" } } }
}
