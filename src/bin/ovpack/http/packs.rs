//! Packs: export and backup answer one, import and restore take one in.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use ovpack::{
    ChangeCounts, Error, ExportOptions, ImportOptions, OnConflict, Receipt, TakenUpload,
    TransactionId,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::acts::Weight;
use super::answer::{self, Answer, ok};
use super::asked::{Plain, Writing, json};
use super::keys::Client;
use super::openapi::{Profile, Refusals, Wait};
use super::refusal::{Refusal, Result};
use super::state::{Asker, Peer, RequestId, Server};

/// What to pack.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportRequest {
    /// A scope or a directory below one; `resources/demo` is short for `viking://resources/demo`.
    #[schema(example = "viking://resources")]
    uri: String,
    /// Newer clients of OpenViking send it. Packs carry no vectors: only `false` is accepted.
    #[serde(default)]
    include_vectors: bool,
}

/// Nothing is to be said about a backup.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BackupRequest {
    /// Newer clients of OpenViking send it. Packs carry no vectors: only `false` is accepted.
    #[serde(default)]
    include_vectors: bool,
}

/// Which pack to take in, and where.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportRequest {
    /// The upload's id.
    temp_file_id: String,
    /// The URI that the pack's root is put under.
    #[schema(example = "viking://resources")]
    parent: String,
    /// What happens where the target exists: `fail` (the default), `overwrite`, `merge` or `skip`.
    on_conflict: Option<String>,
    /// Newer clients of OpenViking send it: `auto` or `recompute`. Vectors are never taken from a pack,
    /// so that `require` is refused.
    vector_mode: Option<String>,
}

/// Which backup to restore.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RestoreRequest {
    /// The upload's id.
    temp_file_id: String,
    /// What happens where a scope exists: `fail` (the default), `overwrite`, `merge` or `skip`.
    on_conflict: Option<String>,
    /// As of an import.
    vector_mode: Option<String>,
}

/// What an import or a restore did. No list is in it: `OpenViking`'s clients show a list that they find
/// instead of everything else.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Done {
    /// The root's URI; `viking://` for a restore.
    uri: String,
    /// The transaction; `null` where nothing was written, since the policy is `skip`.
    #[schema(value_type = Option<String>)]
    transaction: Option<TransactionId>,
    /// Number of commits that the store has seen.
    generation: u64,
    /// Whether the policy `skip` left everything as it was.
    skipped: bool,
    /// How many paths met which change: `added`, `replaced`, `unchanged`, `removed`.
    #[schema(value_type = Object)]
    changes: ChangeCounts,
    /// Files of the new tree.
    files: u64,
    /// Bytes of its files.
    bytes: u64,
    /// Members of the pack that were checked and not put in place, such as lock files.
    left_out: u64,
}

impl From<Receipt> for Done {
    fn from(receipt: Receipt) -> Self {
        Self {
            uri: receipt.uri.to_string(),
            transaction: receipt.transaction,
            generation: receipt.generation,
            skipped: receipt.skipped,
            changes: receipt.changes,
            files: receipt.files,
            bytes: receipt.bytes,
            left_out: receipt.left_out.len() as u64,
        }
    }
}

/// Packs what is at a URI.
#[utoipa::path(post, path = "/api/v1/pack/export", tag = "packs", operation_id = "export",
    request_body = ExportRequest, params(Profile),
    responses((status = 200, description = "The pack, whole and verified", content_type = "application/zip", body = Vec<u8>), Refusals))]
pub(crate) async fn export(
    State(server): State<Arc<Server>>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    Plain::of(&uri)?;
    let request: ExportRequest = json(&server, &headers, body).await?;
    ensure_no_vectors(request.include_vectors)?;
    let uri = uri_of(&request.uri)?;
    pack(server, Some(uri)).await
}

/// Packs every public scope.
#[utoipa::path(post, path = "/api/v1/pack/backup", tag = "packs", operation_id = "backup",
    request_body = BackupRequest, params(Profile),
    responses((status = 200, description = "The pack, whole and verified", content_type = "application/zip", body = Vec<u8>), Refusals))]
pub(crate) async fn backup(
    State(server): State<Arc<Server>>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    Plain::of(&uri)?;
    let request: BackupRequest = json(&server, &headers, body).await?;
    ensure_no_vectors(request.include_vectors)?;
    pack(server, None).await
}

/// Packs into a file that only this request knows. Nothing is answered before it is whole: clients
/// save whatever comes with a 200.
async fn pack(server: Arc<Server>, uri: Option<ovpack::Uri>) -> Result<Response> {
    let of = Arc::clone(&server);
    let act = move |control| {
        let options = ExportOptions {
            jobs: of.settings.jobs,
            control,
            ..ExportOptions::default()
        };
        let (store, out) = (of.store()?, of.uploads.outgoing());
        let report = match uri {
            Some(uri) => store.export(&uri, out.path(), &options)?,
            None => store.backup(out.path(), &options)?,
        };
        Ok((report, out.open()?))
    };
    let (report, file) = server.acts.read(Weight::Scan, act).await?;
    server.metrics.sent(report.pack_bytes);
    Ok(answer::pack(&report, file))
}

/// Puts an uploaded pack's root under a parent, in one transaction.
#[utoipa::path(post, path = "/api/v1/pack/import", tag = "packs", operation_id = "import",
    request_body = ImportRequest, params(Profile, Wait),
    responses((status = 200, description = "It is in place, and durable", body = Answer<Done>), Refusals))]
pub(crate) async fn import(
    State(server): State<Arc<Server>>,
    asking: Asking,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    take::<ImportRequest>(server, asking, uri, headers, body).await
}

/// Puts an uploaded backup back to its scopes, in one transaction.
#[utoipa::path(post, path = "/api/v1/pack/restore", tag = "packs", operation_id = "restore",
    request_body = RestoreRequest, params(Profile, Wait),
    responses((status = 200, description = "It is in place, and durable", body = Answer<Done>), Refusals))]
pub(crate) async fn restore(
    State(server): State<Arc<Server>>,
    asking: Asking,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    take::<RestoreRequest>(server, asking, uri, headers, body).await
}

/// A request that takes an uploaded pack in.
trait Takes: DeserializeOwned {
    /// Method and path, for the journal.
    const WHAT: &'static str;

    /// Reads what is to be done.
    fn taking(self, asker: Asker) -> Result<Taking>;
}

impl Takes for ImportRequest {
    const WHAT: &'static str = "POST /api/v1/pack/import";

    fn taking(self, asker: Asker) -> Result<Taking> {
        Ok(Taking {
            parent: Some(uri_of(&self.parent)?),
            id: self.temp_file_id,
            options: options(self.on_conflict, self.vector_mode)?,
            asker,
        })
    }
}

impl Takes for RestoreRequest {
    const WHAT: &'static str = "POST /api/v1/pack/restore";

    fn taking(self, asker: Asker) -> Result<Taking> {
        Ok(Taking {
            parent: None,
            id: self.temp_file_id,
            options: options(self.on_conflict, self.vector_mode)?,
            asker,
        })
    }
}

/// Reads the request and does what it says.
async fn take<R: Takes>(
    server: Arc<Server>,
    asking: Asking,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let wait = Writing::wait(&server, &uri)?;
    let request: R = json(&server, &headers, body).await?;
    let taking = request.taking(asking.asker(R::WHAT, &headers))?;
    taking.run(server, wait).await
}

/// Who asks, of what every request is told.
pub(crate) type Asking = (Extension<Client>, Extension<Peer>, Extension<RequestId>);

/// Tells who asks for an act that is journalled.
pub(crate) trait Asks {
    /// Makes the journal's words of it.
    fn asker(&self, what: &str, headers: &HeaderMap) -> Asker;
}

impl Asks for Asking {
    fn asker(&self, what: &str, headers: &HeaderMap) -> Asker {
        let (Extension(client), Extension(peer), Extension(id)) = self;
        Asker::new(client, (*peer, id), what, headers)
    }
}

/// An import, or without a parent a restore.
struct Taking {
    parent: Option<ovpack::Uri>,
    id: String,
    options: ImportOptions,
    asker: Asker,
}

impl Taking {
    async fn run(self, server: Arc<Server>, wait: std::time::Duration) -> Result<Response> {
        let of = Arc::clone(&server);
        let act = move |control, left| {
            let upload = of.uploads.take(&self.id, &self.asker.client().name)?;
            let options = ImportOptions {
                pack_name: Some(name_of(&upload, &self.id)),
                limits: of.settings.limits,
                control,
                ..self.options
            };
            let store = of.store_for(&self.asker, left)?;
            let done = match &self.parent {
                Some(parent) => store.import(upload.path(), parent, &options),
                None => store.restore(upload.path(), &options),
            };
            done.map_err(|error| about(error, &name_of(&upload, &self.id)))
        };
        let receipt: Receipt = server.acts.write(wait, act).await?;
        server.metrics.committed(receipt.generation);
        Ok(ok(&Done::from(receipt)))
    }
}

/// Returns what the client calls the pack.
fn name_of(upload: &TakenUpload, id: &str) -> String {
    match upload.file_name() {
        "" => id.to_owned(),
        name => name.to_owned(),
    }
}

/// Says of a pack what its client calls it, not where this machine had it.
fn about(error: Error, name: &str) -> Refusal {
    if let Error::Refused { report, .. } = error {
        let pack = name.into();
        return Error::Refused { pack, report }.into();
    }
    error.into()
}

fn options(on_conflict: Option<String>, vector_mode: Option<String>) -> Result<ImportOptions> {
    if let Some(mode) = vector_mode.filter(|mode| !["auto", "recompute"].contains(&mode.as_str())) {
        return Err(Refusal::bad_request(format!(
            "vector_mode is `{mode}`; expected auto or recompute, since vectors are never taken from a pack"
        )));
    }
    let on_conflict = match on_conflict {
        Some(policy) => policy.parse::<OnConflict>()?,
        None => OnConflict::Fail,
    };
    Ok(ImportOptions {
        on_conflict,
        ..ImportOptions::default()
    })
}

fn ensure_no_vectors(include_vectors: bool) -> Result<()> {
    if include_vectors {
        return Err(Refusal::bad_request(
            "include_vectors is `true`; expected false, since packs carry no vectors here",
        ));
    }
    Ok(())
}

/// Reads a URI as a client sends it.
pub(crate) fn uri_of(text: &str) -> Result<ovpack::Uri> {
    text.parse().map_err(|fault| {
        let text = text.to_owned();
        Error::InvalidUri { text, fault }.into()
    })
}
