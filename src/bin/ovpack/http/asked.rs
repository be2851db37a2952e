//! What a request asks for: its query and its JSON body, read strictly and within bounds.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Query;
use axum::http::{HeaderMap, Uri, header};
use futures_util::StreamExt as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout_at};

use super::refusal::{Refusal, Result};
use super::state::Server;

/// Most bytes of a JSON body, or of a form.
const BODY_BYTES_MAX: usize = 64 << 10;
/// Longest time that a client may ask to wait for another write.
const WAIT_MAX: u64 = 600;

/// Reads a query; a key that is not known is refused.
pub(crate) fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T> {
    let Query(read) = Query::try_from_uri(uri).map_err(|fault| {
        let fault = std::error::Error::source(&fault)
            .map_or_else(|| fault.to_string(), ToString::to_string);
        Refusal::bad_request(format!("the query is not understood: {fault}"))
    })?;
    Ok(read)
}

/// The query of acts that have no other: what newer `OpenViking` clients always send.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plain {
    profile: Option<String>,
}

/// The query of acts that write.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Writing {
    profile: Option<String>,
    wait: Option<u64>,
}

impl Plain {
    /// Reads it from a request.
    pub(crate) fn of(uri: &Uri) -> Result<()> {
        let plain: Self = query(uri)?;
        ensure_no_profile(plain.profile.as_deref())
    }
}

impl Writing {
    /// Reads from a request how long its act waits for another one.
    pub(crate) fn wait(server: &Server, uri: &Uri) -> Result<Duration> {
        let writing: Self = query(uri)?;
        ensure_no_profile(writing.profile.as_deref())?;
        match writing.wait {
            None => Ok(server.settings.wait),
            Some(seconds) if seconds <= WAIT_MAX => Ok(Duration::from_secs(seconds)),
            Some(seconds) => Err(Refusal::bad_request(format!(
                "wait is {seconds}; expected at most {WAIT_MAX} seconds"
            ))),
        }
    }
}

/// A profile of a request is something that this server does not make.
pub(crate) fn ensure_no_profile(profile: Option<&str>) -> Result<()> {
    match profile {
        None | Some("" | "0" | "false") => Ok(()),
        Some(other) => Err(Refusal::bad_request(format!(
            "profile is `{other}`; expected 0, since requests are not profiled"
        ))),
    }
}

/// Reads a JSON object; a field that is not known is refused.
pub(crate) async fn json<T: DeserializeOwned>(
    server: &Arc<Server>,
    headers: &HeaderMap,
    body: Body,
) -> Result<T> {
    ensure_type(headers, "application/json")?;
    let bytes = small(server, body).await?;
    serde_json::from_slice(&bytes)
        .map_err(|fault| Refusal::bad_request(format!("the body is not understood: {fault}")))
}

/// Reads the fields of a form.
pub(crate) async fn form<T: DeserializeOwned>(
    server: &Arc<Server>,
    headers: &HeaderMap,
    body: Body,
) -> Result<T> {
    ensure_type(headers, "application/x-www-form-urlencoded")?;
    let bytes = small(server, body).await?;
    let fields = Uri::builder()
        .path_and_query([b"/?", &*bytes].concat())
        .build()
        .map_err(|fault| Refusal::bad_request(format!("the form is not understood: {fault}")))?;
    query(&fields)
}

fn ensure_type(headers: &HeaderMap, expected: &'static str) -> Result<()> {
    let found = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next());
    if found.is_some_and(|found| found.trim().eq_ignore_ascii_case(expected)) {
        Ok(())
    } else {
        Err(Refusal::content_type(expected))
    }
}

async fn small(server: &Arc<Server>, body: Body) -> Result<Vec<u8>> {
    let end = Instant::now() + server.settings.body_timeout;
    let mut stream = body.into_data_stream();
    let mut bytes = Vec::new();
    loop {
        let next = timeout_at(end, stream.next()).await;
        match next.map_err(|_| Refusal::body_too_slow())? {
            None => return Ok(bytes),
            Some(Err(fault)) => {
                return Err(Refusal::bad_request(format!(
                    "the body does not arrive: {fault}"
                )));
            }
            Some(Ok(chunk)) if bytes.len().saturating_add(chunk.len()) > BODY_BYTES_MAX => {
                return Err(Refusal::body_too_large(BODY_BYTES_MAX as u64));
            }
            Some(Ok(chunk)) => bytes.extend_from_slice(&chunk),
        }
    }
}
