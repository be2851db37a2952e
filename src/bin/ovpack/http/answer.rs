//! What is answered: `{"status":"ok","result":{...}}`, or a pack.

use std::fs::File;
use std::io::{self, Read as _};

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use ovpack::ExportReport;
use serde::Serialize;
use tokio::task::spawn_blocking;
use utoipa::ToSchema;

use super::refusal::Refusal;
use crate::escape::HarmlessJson;

/// Bytes of a pack that are read at once.
const PIECE_BYTES: usize = 64 << 10;

/// A good answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Answer<T> {
    /// Always `ok`.
    status: Fine,
    /// What was asked for.
    result: T,
}

/// The one word of a good answer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum Fine {
    Ok,
}

/// Answers with a result.
pub(crate) fn ok(result: &impl Serialize) -> Response {
    let answer = Answer {
        status: Fine::Ok,
        result,
    };
    let mut bytes = Vec::new();
    let mut json = serde_json::Serializer::with_formatter(&mut bytes, HarmlessJson::default());
    if let Err(fault) = answer.serialize(&mut json) {
        return Refusal::internal(fault.to_string()).into_response();
    }
    ([(header::CONTENT_TYPE, "application/json")], bytes).into_response()
}

/// Answers with a pack that is whole already; its file has no name any more.
pub(crate) fn pack(report: &ExportReport, file: File) -> Response {
    let name = report.uri.path().leaf().unwrap_or("openviking-backup");
    let mut headers = HeaderMap::new();
    let mut add = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    add("content-type", "application/zip");
    add("content-length", &report.pack_bytes.to_string());
    add("content-disposition", &disposition(name));
    add("x-ovpack-sha256", &report.sha256.to_string());
    add(
        "x-ovpack-content-sha256",
        &report.content_sha256.to_string(),
    );
    let pieces = stream::unfold(Some(file), |file| async {
        let (piece, file) = read(file?).await;
        match piece {
            Ok(piece) if piece.is_empty() => None,
            Ok(piece) => Some((Ok(piece), file)),
            Err(fault) => Some((Err(fault), None)),
        }
    });
    (StatusCode::OK, headers, Body::from_stream(pieces)).into_response()
}

async fn read(mut file: File) -> (io::Result<Bytes>, Option<File>) {
    let read = spawn_blocking(move || {
        let mut piece = vec![0; PIECE_BYTES];
        let read = file.read(&mut piece).map(|count| {
            piece.truncate(count);
            Bytes::from(piece)
        });
        (read, Some(file))
    });
    read.await
        .unwrap_or_else(|panic| (Err(io::Error::other(panic)), None))
}

/// Names the file twice: in ASCII for all, and in UTF-8 for those who read RFC 6266.
fn disposition(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_. ".contains(c);
    let ascii: String = name
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect();
    let encoded: String = name
        .bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect();
    format!("attachment; filename=\"{ascii}.ovpack\"; filename*=UTF-8''{encoded}.ovpack")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_without_a_way_out_of_the_header() {
        assert_eq!(
            disposition("demo"),
            "attachment; filename=\"demo.ovpack\"; filename*=UTF-8''demo.ovpack"
        );
        assert_eq!(
            disposition("a\"\r\n文"),
            "attachment; filename=\"a____.ovpack\"; filename*=UTF-8''a%22%0D%0A%E6%96%87.ovpack"
        );
    }
}
