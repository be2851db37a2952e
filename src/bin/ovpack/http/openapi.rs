//! The description of the API, for programs: `/openapi.json`.

use std::collections::BTreeMap;

use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{IntoParams, IntoResponses, Modify, OpenApi, ToSchema};

use super::{find, journal, metrics, packs, refusal, status, uploads};

/// Every route for programs. A test compares it with the route table.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "ovpack",
        description = "A transactional store for OpenViking content packs: the requests that OpenViking's clients make, and the journal."
    ),
    paths(
        find::find,
        uploads::upload, packs::export, packs::backup, packs::import, packs::restore,
        journal::list, journal::show, journal::changes, journal::head, journal::verify,
        journal::rollback, status::status, status::health, metrics::metrics, openapi,
    ),
    components(schemas(Refused)),
    modifiers(&Keys),
    security(("key" = []), ("bearer" = []))
)]
struct Document;

struct Keys;

impl Modify for Keys {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let key = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-Key")));
        components.add_security_scheme("key", key);
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    }
}

/// Describes the API.
#[utoipa::path(get, path = "/openapi.json", tag = "server", operation_id = "openapi",
    responses((status = 200, description = "This description", body = Object), Refusals))]
pub(crate) async fn openapi() -> refusal::Result<Response> {
    let json = Document::openapi()
        .to_json()
        .map_err(|fault| refusal::Refusal::internal(fault.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
}

/// What newer clients of `OpenViking` always send.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes; the query is read elsewhere")]
pub(crate) struct Profile {
    /// Requests are not profiled: only `0` is accepted.
    #[param(inline)]
    profile: Option<String>,
}

/// How long an act that writes waits.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes; the query is read elsewhere")]
pub(crate) struct Wait {
    /// Wait so many seconds for another act that writes, instead of answering 423.
    #[param(minimum = 0, maximum = 600)]
    wait: Option<u64>,
}

/// A refusal.
#[derive(Serialize, ToSchema)]
pub(crate) struct Refused {
    /// Always `error`.
    status: String,
    /// Why.
    error: Why,
}

/// Why a request is refused.
#[derive(Serialize, ToSchema)]
pub(crate) struct Why {
    /// A code that OpenViking's clients know, such as `CONFLICT`.
    code: String,
    /// A code of ovpack's list of errors, such as `root-exists`.
    reason: String,
    /// What is wrong, for people.
    message: String,
    /// Facts under stable keys.
    #[schema(value_type = Object)]
    details: serde_json::Value,
    /// The next step, for people.
    help: Option<String>,
}

/// All answers that are no good ones have one form.
pub(crate) struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let schema =
            RefOr::<utoipa::openapi::schema::Schema>::Ref(Ref::from_schema_name("Refused"));
        let content = ContentBuilder::new().schema(Some(schema)).build();
        let refused = ResponseBuilder::new()
            .description("It is refused: `error.code` and `error.reason` say why")
            .content("application/json", content)
            .build();
        BTreeMap::from([("default".to_owned(), RefOr::T(refused))])
    }
}
