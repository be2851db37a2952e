//! The auditors' page: made here, without a script. Every text that others chose is escaped twice:
//! what a terminal would act on, since a page shows a reversed name reversed, and what HTML would.

pub(crate) mod history;
pub(crate) mod layout;
pub(crate) mod login;
pub(crate) mod parts;
pub(crate) mod rollback;
pub(crate) mod state;
pub(crate) mod timeline;
pub(crate) mod transaction;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use maud::{Markup, html};

use super::gate;
use super::refusal::{Reason, Refusal};
use parts::shown;

/// A result of a page.
pub(crate) type Result<T, E = Refused> = std::result::Result<T, E>;

/// A refusal that people read.
#[derive(Debug)]
pub(crate) struct Refused(Refusal);

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl axum::response::IntoResponse for Refused {
    fn into_response(self) -> Response {
        refused(&self.0)
    }
}

/// Shows a refusal; who has no session is sent to the login.
pub(crate) fn refused(refusal: &Refusal) -> Response {
    refusal.log();
    if refusal.status == StatusCode::UNAUTHORIZED {
        return gate::to_login();
    }
    let body = html! {
        h1 { "Refused" }
        p.box.bad { strong { (refusal.reason) } ": " (shown(&refusal.message)) }
        @if let Some(help) = refusal.help { p { (help) "." } }
        p { a href="/" { "To the timeline" } }
    };
    let mut response = page(layout::bare("Refused", &body));
    *response.status_mut() = refusal.status;
    response.extensions_mut().insert(Reason(refusal.reason));
    response
}

/// Answers with a page.
pub(crate) fn page(markup: Markup) -> Response {
    let html = (header::CONTENT_TYPE, "text/html; charset=utf-8");
    ([html], markup.into_string()).into_response()
}
