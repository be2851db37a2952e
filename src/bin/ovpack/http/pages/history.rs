//! The history of one path.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use maud::{Markup, html};
use ovpack::{HistoryEntry, HistoryReport, Present, Writer};
use serde::Deserialize;

use super::layout::{Place, whole};
use super::parts::{counts, fact, shown, time, transaction, version, word};
use super::{Result, page as answer};
use crate::http::acts::Weight;
use crate::http::asked::query;
use crate::http::packs::uri_of;
use crate::http::refusal;
use crate::http::sessions::Visitor;
use crate::http::state::Server;

/// Whose history.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    uri: Option<String>,
}

/// Shows the form, and the history of the path that it asks for.
pub(crate) async fn page(
    State(server): State<Arc<Server>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Result<Response> {
    let asked: Asked = query(&uri)?;
    let text = asked.uri.filter(|text| !text.trim().is_empty());
    let report = match &text {
        Some(text) => Some(history(&server, uri_of(text)?).await?),
        None => None,
    };
    let title = match &report {
        Some(report) => format!("History of {}", report.uri),
        None => "History of a path".to_owned(),
    };
    let body = html! {
        h1 { (shown(&title)) }
        form.filters method="get" action="/history" role="search" aria-label="Choose a path" {
            div {
                label for="uri" { "URI of a file or directory" }
                input type="text" id="uri" name="uri" value=[text] required autocomplete="off" spellcheck="false";
            }
            div.buttons { button { "Show its history" } }
        }
        @if let Some(report) = &report { (told(report)) }
    };
    Ok(answer(whole(&title, Place::History, &visitor, &body)))
}

async fn history(server: &Arc<Server>, uri: ovpack::Uri) -> refusal::Result<HistoryReport> {
    let of = Arc::clone(server);
    let ask = move |_| Ok(of.store()?.history(&uri)?);
    server.acts.read(Weight::Question, ask).await
}

fn told(report: &HistoryReport) -> Markup {
    html! {
        h2 { "Now" }
        dl.facts { (present(&report.present)) }
        h2 { "Commits that touched it" }
        @if report.entries.is_empty() {
            p { "None." }
        } @else {
            ol.timeline { @for entry in &report.entries { li { (touched(entry)) } } }
        }
    }
}

fn present(present: &Present) -> Markup {
    html! {
        (fact("State", present.state))
        (fact("There", version(present.live.as_ref())))
        (fact("Recorded", version(present.recorded.as_ref())))
        @if let Some(writer) = &present.written_by { (fact("Written by", written_by(writer))) }
    }
}

fn written_by(writer: &Writer) -> Markup {
    html! {
        (transaction(&writer.transaction.to_string())) " " (writer.kind)
        @if let Some(at) = &writer.at { " " (time(at)) }
        @if let Some(user) = &writer.user { " by " (shown(user)) }
        @if let Some(pack) = &writer.pack { ", pack " (shown(pack)) }
    }
}

fn touched(entry: &HistoryEntry) -> Markup {
    html! {
        article {
            h3 { (written_by(&entry.writer)) }
            p.facts {
                @match entry.change {
                    Some(change) => {
                        (word(change)) ": " (version(entry.before.as_ref()))
                        " before, " (version(entry.after.as_ref())) " after"
                    },
                    None => { "below it: " (counts(&entry.changes)) },
                }
            }
            @if let Some(undoes) = entry.undoes { p.facts { "undoes " (transaction(&undoes.to_string())) } }
            @if let Some(by) = entry.undone_by { p.facts { "undone by " (transaction(&by.to_string())) } }
        }
    }
}
