//! What all pages have in common.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use maud::{DOCTYPE, Markup, html};

use super::parts::shown;
use crate::http::keys::Role;
use crate::http::sessions::Visitor;

const STYLE: &str = include_str!("style.css");

/// Serves the style sheet.
pub(crate) async fn style() -> Response {
    let css = (header::CONTENT_TYPE, "text/css; charset=utf-8");
    ([css], STYLE).into_response()
}

/// Answers browsers, which ask for it on their own.
pub(crate) async fn no_icon() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// A page of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Timeline,
    History,
    State,
    Elsewhere,
}

const PLACES: [(Place, &str, &str); 3] = [
    (Place::Timeline, "/", "Timeline"),
    (Place::History, "/history", "History of a path"),
    (Place::State, "/state", "State"),
];

/// Makes a page for a visitor.
pub(crate) fn whole(title: &str, place: Place, visitor: &Visitor, body: &Markup) -> Markup {
    let navigation = html! {
        nav aria-label="Pages" {
            ul {
                @for (of, href, name) in PLACES {
                    li { a href=(href) aria-current=[(of == place).then_some("page")] { (name) } }
                }
            }
        }
        div.who {
            (shown(&visitor.client.name))
            @if visitor.client.role == Role::Auditor { " (auditor)" }
            @if visitor.has_session {
                form method="post" action="/logout" {
                    (token(visitor))
                    button.quiet { "Log out" }
                }
            }
        }
    };
    document(title, &navigation, body)
}

/// Makes a page for whoever it is.
pub(crate) fn bare(title: &str, body: &Markup) -> Markup {
    document(title, &html! {}, body)
}

/// The hidden field by which a form shows that it is this server's.
pub(crate) fn token(visitor: &Visitor) -> Markup {
    html! { input type="hidden" name="form_token" value=(visitor.form_token); }
}

fn document(title: &str, navigation: &Markup, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (shown(title)) " - ovpack" }
                link rel="stylesheet" href="/style.css";
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                header { a.brand href="/" { "ovpack" } (navigation) }
                main id="main" { (body) }
                footer { "ovpack " (env!("CARGO_PKG_VERSION")) ". All times are UTC." }
            }
        }
    }
}
