//! Packs that come in: streamed to the store's file system, piece by piece, and nowhere else.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Extension;
use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use axum::response::Response;
use futures_util::{Stream, StreamExt as _};
use multer::{Field, Multipart};
use ovpack::Upload;
use serde::Serialize;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use utoipa::ToSchema;

use super::answer::{Answer, ok};
use super::asked::Plain;
use super::keys::Client;
use super::refusal::{Refusal, Result};
use super::state::{Server, file_name_of};

/// Bytes that are collected before they are written.
const PIECE_BYTES: usize = 256 << 10;
/// Bytes that a body may have beside the pack: boundaries, headers of its part, an epilogue.
const BESIDE_BYTES: u64 = 64 << 10;
/// Fewest bytes a second, once a body has had a minute to begin; slower ones hold their place for ever.
const RATE_MIN: u64 = 1 << 10;
const RATE_AFTER: Duration = Duration::from_mins(1);

/// An upload that waits for its use.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Received {
    /// Its id, for one import or restore.
    temp_file_id: String,
    /// Bytes received.
    bytes: u64,
}

/// A pack as a form sends it.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "it is read as a stream; this describes it")]
pub(crate) struct UploadForm {
    /// The pack's bytes.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// Receives a pack, for one use by who sent it.
#[utoipa::path(post, path = "/api/v1/resources/temp_upload", tag = "packs", operation_id = "upload",
    request_body(content = UploadForm, content_type = "multipart/form-data"), params(super::openapi::Profile),
    responses((status = 200, description = "It waits for its use", body = Answer<Received>), super::openapi::Refusals))]
pub(crate) async fn upload(
    State(server): State<Arc<Server>>,
    Extension(client): Extension<Client>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    Plain::of(&uri)?;
    let limit_bytes = server.settings.upload_bytes;
    let length = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > limit_bytes.saturating_add(BESIDE_BYTES)) {
        return Err(too_large(limit_bytes));
    }
    let content_type = headers.get(header::CONTENT_TYPE);
    let boundary = content_type
        .and_then(|value| value.to_str().ok())
        .and_then(|value| multer::parse_boundary(value).ok())
        .ok_or_else(|| Refusal::content_type("multipart/form-data with a boundary"))?;
    let unread = Arc::new(AtomicU64::new(0));
    let stream = Bounded {
        body: body.into_data_stream(),
        unread: Arc::clone(&unread),
        has_paused: false,
    };
    let mut parts = Multipart::new(stream, boundary);
    let mut receiving = Receiving {
        server: &server,
        unread,
        begun: Instant::now(),
        bytes: 0,
    };
    let part = receiving.next_part(&mut parts).await?;
    let part = part.ok_or_else(|| Refusal::bad_request("the form has no part `file`"))?;
    if part.name() != Some("file") {
        return Err(Refusal::bad_request(format!(
            "the form has a part `{}`; expected `file`",
            part.name().unwrap_or_default()
        )));
    }
    let upload = receiving.store(&client, part).await?;
    if let Some(more) = receiving.next_part(&mut parts).await? {
        return Err(Refusal::bad_request(format!(
            "the form has one more part `{}`; expected `file` alone",
            more.name().unwrap_or_default()
        )));
    }
    Ok(ok(&Received {
        bytes: receiving.bytes,
        temp_file_id: upload.finish(),
    }))
}

fn too_large(limit_bytes: u64) -> Refusal {
    ovpack::Error::Upload(ovpack::UploadFault::TooLarge { limit_bytes }).into()
}

/// A body that is received: how much of it, and since when.
struct Receiving<'s> {
    server: &'s Arc<Server>,
    unread: Arc<AtomicU64>,
    begun: Instant,
    bytes: u64,
}

impl Receiving<'_> {
    /// Waits for what comes next, but not for ever.
    async fn next<T>(
        &self,
        coming: impl Future<Output = Result<Option<T>, multer::Error>>,
    ) -> Result<Option<T>> {
        let elapsed = self.begun.elapsed();
        let due = elapsed.as_secs().saturating_mul(RATE_MIN);
        if elapsed > RATE_AFTER && self.bytes < due {
            return Err(Refusal::body_too_slow());
        }
        let came = timeout(self.server.settings.body_timeout, coming).await;
        let came = came.map_err(|_| Refusal::body_too_slow())?;
        came.map_err(|fault| {
            let cause = std::error::Error::source(&fault).map(ToString::to_string);
            let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
            Refusal::bad_request(format!("the form is not understood: {fault}{cause}"))
        })
    }

    async fn next_part(&self, parts: &mut Multipart<'static>) -> Result<Option<Field<'static>>> {
        let part = self.next(parts.next_field()).await?;
        // What was read behind the part's headers is its content, however much came at once.
        self.unread.store(0, Ordering::Relaxed);
        Ok(part)
    }

    async fn store(&mut self, client: &Client, mut part: Field<'static>) -> Result<Upload> {
        let (uploads, owner) = (self.server.uploads.clone(), client.name.clone());
        let name = file_name_of(part.file_name().unwrap_or_default());
        let mut upload = blocking(move || Ok(uploads.receive(&owner, &name)?)).await?;
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        while let Some(chunk) = self.next(part.chunk()).await? {
            let more = chunk.len() as u64;
            self.unread.store(0, Ordering::Relaxed);
            self.bytes = self.bytes.saturating_add(more);
            self.server.metrics.received(more);
            piece.extend_from_slice(&chunk);
            if piece.len() >= PIECE_BYTES {
                (upload, piece) = write(upload, piece).await?;
            }
        }
        let (upload, _) = write(upload, piece).await?;
        Ok(upload)
    }
}

async fn write(mut upload: Upload, mut piece: Vec<u8>) -> Result<(Upload, Vec<u8>)> {
    blocking(move || {
        upload.write(&piece)?;
        piece.clear();
        Ok((upload, piece))
    })
    .await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    spawn_blocking(work)
        .await
        .unwrap_or_else(|panic| Err(Refusal::internal(panic.to_string())))
}

/// The bytes of a body, of which the form's reader may hold only so many: it takes all that there is,
/// and collects what comes before a boundary, or as the headers of a part.
struct Bounded {
    body: BodyDataStream,
    /// Bytes since the last ones that were taken out of the reader.
    unread: Arc<AtomicU64>,
    /// Whether the reader was told to give some of them out first.
    has_paused: bool,
}

/// A body ends too early, or does not come to its point.
#[derive(Debug, thiserror::Error)]
enum BodyFault {
    #[error("{0}")]
    Broken(axum::Error),
    #[error("more than {BESIDE_BYTES} bytes stand before, between or behind its parts")]
    NoPart,
}

impl Stream for Bounded {
    type Item = Result<Bytes, BodyFault>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.unread.load(Ordering::Relaxed) > BESIDE_BYTES {
            if self.has_paused {
                return Poll::Ready(Some(Err(BodyFault::NoPart)));
            }
            self.has_paused = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.has_paused = false;
        let next = self.body.poll_next_unpin(context);
        next.map(|chunk| {
            let chunk = chunk?.map_err(BodyFault::Broken);
            if let Ok(chunk) = &chunk {
                let more = chunk.len() as u64;
                self.unread.fetch_add(more, Ordering::Relaxed);
            }
            Some(chunk)
        })
    }
}
