//! The state of the store, and of the server itself.
#![expect(
    unused_qualifications,
    reason = "utoipa's macro names its parameters in full"
)]

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use ovpack::{StatusOptions, StatusReport};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::acts::Weight;
use super::answer::{Answer, ok};
use super::asked::{ensure_no_profile, query};
use super::openapi::Refusals;
use super::packs::uri_of;
use super::refusal::Result;
use super::state::Server;

/// How much of the live tree is looked at.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Looking {
    /// Only what is at and below this URI.
    uri: Option<String>,
    /// Read every byte, also of files whose size and times say that they are unchanged.
    content: Option<bool>,
    /// As [`super::openapi::Profile`].
    profile: Option<String>,
}

/// Tells the state of the store, and which files changed outside of it.
#[utoipa::path(get, path = "/api/v1/status", tag = "journal", operation_id = "status", params(Looking),
    responses((status = 200, description = "The state of the store", body = Answer<Object>), Refusals))]
pub(crate) async fn status(State(server): State<Arc<Server>>, uri: Uri) -> Result<Response> {
    let asked: Looking = query(&uri)?;
    ensure_no_profile(asked.profile.as_deref())?;
    let at = asked.uri.map(|text| uri_of(&text)).transpose()?;
    let content = asked.content.unwrap_or(false);
    Ok(ok(&looked(&server, at, content).await?))
}

/// Looks at the store.
pub(crate) async fn looked(
    server: &Arc<Server>,
    uri: Option<ovpack::Uri>,
    content: bool,
) -> Result<StatusReport> {
    let of = Arc::clone(server);
    let ask = move |control| {
        let options = StatusOptions {
            uri,
            content,
            control,
        };
        Ok(of.store()?.status(&options)?)
    };
    server.acts.read(Weight::Scan, ask).await
}

/// That the server answers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// Always `true`: who does not answer is not well.
    healthy: bool,
}

/// Tells that the server answers; needs no key, and tells nothing of the store.
#[utoipa::path(get, path = "/health", tag = "server", operation_id = "health",
    responses((status = 200, description = "It answers", body = Answer<Health>)))]
pub(crate) async fn health() -> Response {
    ok(&Health { healthy: true })
}
