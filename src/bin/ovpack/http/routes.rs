//! The table of all routes, and who may take which.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;

use super::refusal::Refusal;
use super::state::Server;
use super::{find, gate, journal, metrics, openapi, packs, pages, status, uploads};

/// Returns the service of all routes.
pub(crate) fn routes(server: &Arc<Server>) -> Router {
    let admins = Router::new()
        .route("/api/v1/resources/temp_upload", post(uploads::upload))
        .route("/api/v1/find", get(find::find))
        .route("/api/v1/pack/export", post(packs::export))
        .route("/api/v1/pack/backup", post(packs::backup))
        .route("/api/v1/pack/import", post(packs::import))
        .route("/api/v1/pack/restore", post(packs::restore))
        .route(
            "/api/v1/journal/transactions/{id}/rollback",
            post(journal::rollback),
        )
        .route_layer(from_fn(gate::admins));
    let auditors = Router::new()
        .route("/api/v1/status", get(status::status))
        .route("/api/v1/journal/transactions", get(journal::list))
        .route("/api/v1/journal/transactions/{id}", get(journal::show))
        .route(
            "/api/v1/journal/transactions/{id}/changes",
            get(journal::changes),
        )
        .route("/api/v1/journal/head", get(journal::head))
        .route("/api/v1/journal/verify", get(journal::verify))
        .route("/openapi.json", get(openapi::openapi))
        .route("/metrics", get(metrics::metrics));
    // For people; each form that writes asks for an admin by itself.
    let people = Router::new()
        .route("/", get(pages::timeline::page))
        .route("/transactions/{id}", get(pages::transaction::page))
        .route(
            "/transactions/{id}/rollback",
            get(pages::rollback::page).post(pages::rollback::roll_back),
        )
        .route("/history", get(pages::history::page))
        .route("/state", get(pages::state::page))
        .route("/logout", post(pages::login::end));
    let anybody = Router::new()
        .route("/health", get(status::health))
        .route("/login", get(pages::login::page).post(pages::login::begin))
        .route("/style.css", get(pages::layout::style))
        .route("/favicon.ico", get(pages::layout::no_icon));
    Router::new()
        .merge(admins)
        .merge(auditors)
        .merge(people)
        .merge(anybody)
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(Arc::clone(server), gate::gate))
        .with_state(Arc::clone(server))
}

async fn no_route(request: Request) -> Response {
    Refusal::no_route(request.uri().path()).into_response()
}

async fn no_method(request: Request) -> Response {
    Refusal::no_method(request.method().as_str(), request.uri().path()).into_response()
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the signature is tower-http's"
)]
fn panicked(panic: Box<dyn std::any::Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    Refusal::internal(text.unwrap_or("a handler panicked").to_owned()).into_response()
}
