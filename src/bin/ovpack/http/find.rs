//! Search, over the index that the store has.
#![expect(
    unused_qualifications,
    reason = "utoipa's macro names its parameters in full"
)]

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use ovpack::FindOptions;
use serde::Deserialize;
use utoipa::IntoParams;

use super::acts::Weight;
use super::answer::ok;
use super::asked::{ensure_no_profile, query};
use super::openapi::Refusals;
use super::packs::uri_of;
use super::refusal::{Refusal, Result};
use super::state::Server;
use crate::indexing;

/// What is looked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// The question.
    query: String,
    /// Only what is at and below this URI.
    uri: Option<String>,
    /// Only records whose scalar `type` is this one.
    #[serde(rename = "type")]
    #[param(rename = "type")]
    kind: Option<String>,
    /// Only `resource`, `memory` or `skill`.
    context_type: Option<String>,
    /// Only records among whose `tags` this one is.
    tag: Option<String>,
    /// Only this level: 0 for abstracts, 1 for overviews, 2 for content.
    level: Option<u8>,
    /// Most answers: 10 where nothing is said, 1000 at most.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// Requests are not profiled: only `0` is accepted.
    profile: Option<String>,
}

/// Finds what a question is about, by its words and, where the store has an embedder, by its meaning.
#[utoipa::path(get, path = "/api/v1/find", tag = "packs", operation_id = "find", params(Asked),
    responses((status = 200, description = "Best first", body = Answer<Object>), Refusals))]
pub(crate) async fn find(State(server): State<Arc<Server>>, uri: Uri) -> Result<Response> {
    let asked: Asked = query(&uri)?;
    ensure_no_profile(asked.profile.as_deref())?;
    let usual = FindOptions::default();
    let options = FindOptions {
        uri: asked.uri.map(|text| uri_of(&text)).transpose()?,
        kind: asked.kind,
        context_type: asked.context_type,
        tag: asked.tag,
        level: asked.level,
        limit: asked.limit.unwrap_or(usual.limit),
        key: usual.key,
    };
    let of = Arc::clone(&server);
    let ask = move |_| {
        let store = of.store()?;
        let key =
            indexing::key(&store).map_err(|failure| Refusal::internal(failure.to_string()))?;
        Ok(store.find(&asked.query, &FindOptions { key, ..options })?)
    };
    Ok(ok(&server.acts.read(Weight::Scan, ask).await?))
}
