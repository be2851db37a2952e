//! The login: a key for a session.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use maud::html;
use serde::Deserialize;

use super::layout::bare;
use super::{Result, page as answer};
use crate::http::asked::form;
use crate::http::sessions::Visitor;
use crate::http::state::Server;

/// The form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    key: String,
}

/// The form by which one leaves.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Logout {
    form_token: String,
}

/// Shows the form.
pub(crate) async fn page(State(server): State<Arc<Server>>) -> Response {
    if server.keys.are_none() {
        return Redirect::to("/").into_response();
    }
    shown(false)
}

fn shown(is_wrong: bool) -> Response {
    let body = html! {
        h1 { "Log in" }
        @if is_wrong { p.box.bad role="alert" id="wrong" { "Nobody has this key." } }
        form.login method="post" action="/login" {
            div {
                label for="key" { "API key" }
                input type="password" id="key" name="key" required autocomplete="current-password"
                    aria-describedby=[is_wrong.then_some("wrong")];
            }
            button { "Log in" }
        }
    };
    answer(bare("Log in", &body))
}

/// Begins a session.
pub(crate) async fn begin(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let login: Login = form(&server, &headers, body).await?;
    let Some(client) = server.keys.client_of(login.key.trim().as_bytes()) else {
        let mut wrong = shown(true);
        *wrong.status_mut() = StatusCode::UNAUTHORIZED;
        return Ok(wrong);
    };
    let cookie = server.sessions.begin(client)?;
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response())
}

/// Ends a session.
pub(crate) async fn end(
    State(server): State<Arc<Server>>,
    Extension(visitor): Extension<Visitor>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let logout: Logout = form(&server, &headers, body).await?;
    visitor.ensure_own_form(&logout.form_token)?;
    let cookie = server.sessions.end(&headers);
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/login")).into_response())
}
