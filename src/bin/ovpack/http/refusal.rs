//! Why a request is not answered as its client wished: one object, in the form that `OpenViking`'s
//! clients know.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ovpack::{Error, Kind, UploadFault};
use serde::Serialize;
use serde_json::{Map, Value};

/// A result of a request.
pub(crate) type Result<T, E = Refusal> = std::result::Result<T, E>;

/// Why a request is not answered as its client wished.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// A code that `OpenViking`'s clients know.
    pub(crate) code: &'static str,
    /// The library's code, or one of the server's few.
    pub(crate) reason: &'static str,
    /// What is wrong.
    pub(crate) message: Box<str>,
    /// Facts under stable keys.
    pub(crate) details: Map<String, Value>,
    /// The next step.
    pub(crate) help: Option<&'static str>,
    /// Errors behind the message; for the log alone, since they tell of the machine.
    pub(crate) causes: Box<[String]>,
}

/// For the log: the reason why a response refuses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reason(pub(crate) &'static str);

impl Refusal {
    fn new(
        status: StatusCode,
        (code, reason): (&'static str, &'static str),
        message: impl Into<String>,
        help: &'static str,
    ) -> Self {
        Self {
            status,
            code,
            reason,
            message: message.into().into(),
            details: Map::new(),
            help: Some(help),
            causes: Box::default(),
        }
    }

    /// No key, or one that nobody has.
    pub(crate) fn unauthenticated() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            ("UNAUTHENTICATED", "unauthenticated"),
            "the request has no key, or one that is not known",
            "send a key in the header X-API-Key, or as Authorization: Bearer KEY",
        )
    }

    /// A role that may not.
    pub(crate) fn forbidden(client: &str) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            ("PERMISSION_DENIED", "forbidden"),
            format!("the key of {client} is an auditor's, and may only read journal and state"),
            "use the key of an admin",
        )
    }

    /// A Host header of elsewhere: a browser was led here by a name that somebody else owns.
    pub(crate) fn wrong_host(host: &str) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            ("PERMISSION_DENIED", "host-not-allowed"),
            format!("this server is not called `{host}`"),
            "use an address, localhost, or a name that the server was started with (--host-name)",
        )
    }

    /// A browser sends it on behalf of another site.
    pub(crate) fn cross_site() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            ("PERMISSION_DENIED", "cross-site"),
            "the request comes from a page of another site, or from a form that is not this server's",
            "open the page again and send its form",
        )
    }

    /// The request is not understood.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            ("INVALID_ARGUMENT", "bad-request"),
            message,
            "see /openapi.json for what the server understands",
        )
    }

    /// The body is of another type.
    pub(crate) fn content_type(expected: &str) -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ("INVALID_ARGUMENT", "content-type"),
            format!("the body is not {expected}"),
            "see /openapi.json for what the server understands",
        )
    }

    /// The body has too many bytes.
    pub(crate) fn body_too_large(limit_bytes: u64) -> Self {
        let mut refusal = Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            ("INVALID_ARGUMENT", "body-too-large"),
            format!("the body has more than {limit_bytes} bytes"),
            "packs are sent to /api/v1/resources/temp_upload",
        );
        refusal
            .details
            .insert("limit_bytes".to_owned(), limit_bytes.into());
        refusal
    }

    /// The body comes too slowly.
    pub(crate) fn body_too_slow() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            ("DEADLINE_EXCEEDED", "body-timeout"),
            "the body does not arrive in time",
            "send it again over a better connection",
        )
    }

    /// No such route.
    pub(crate) fn no_route(path: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            ("NOT_FOUND", "no-route"),
            format!("there is nothing at {path}"),
            "see /openapi.json for what there is",
        )
    }

    /// The route has other methods.
    pub(crate) fn no_method(method: &str, path: &str) -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            ("INVALID_ARGUMENT", "method-not-allowed"),
            format!("{path} does not take {method}"),
            "see /openapi.json for what there is",
        )
    }

    /// Another write is running, and it did not end in time.
    pub(crate) fn busy() -> Self {
        Self::new(
            StatusCode::LOCKED,
            (Kind::Busy.openviking_code(), "busy"),
            "another write is running",
            "try again, or wait with ?wait=SECONDS",
        )
    }

    /// Too many acts are waited for, or the server is about to end.
    pub(crate) fn overloaded(message: &'static str) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            (Kind::Busy.openviking_code(), "overloaded"),
            message,
            "try again later",
        )
    }

    /// A fault of ours.
    pub(crate) fn internal(cause: String) -> Self {
        let refusal = Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            (Kind::Internal.openviking_code(), "internal"),
            "the server failed",
            "look at its log under the request's id",
        );
        Self {
            causes: Box::new([cause]),
            ..refusal
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let mut causes = Vec::new();
        let mut cause = std::error::Error::source(&error);
        while let Some(source) = cause {
            causes.push(source.to_string());
            cause = source.source();
        }
        Self {
            status: status_of(&error),
            code: error.openviking_code(),
            reason: error.code(),
            message: error.to_string().into(),
            details: error.details(),
            help: error.help(),
            causes: causes.into(),
        }
    }
}

fn status_of(error: &Error) -> StatusCode {
    if let Error::Upload(UploadFault::TooLarge { .. }) = error {
        return StatusCode::PAYLOAD_TOO_LARGE;
    }
    status_of_kind(error.kind())
}

/// Returns the status of a kind; the table stands in docs/errors.md.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library may get more kinds, and an unknown one is a fault of ours"
)]
fn status_of_kind(kind: Kind) -> StatusCode {
    match kind {
        Kind::Usage | Kind::BadPack => StatusCode::BAD_REQUEST,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::NoSpace => StatusCode::INSUFFICIENT_STORAGE,
        Kind::InDoubt | Kind::Damaged => StatusCode::PRECONDITION_FAILED,
        Kind::Busy => StatusCode::LOCKED,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::Denied => StatusCode::FORBIDDEN,
        Kind::Interrupted => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[derive(Serialize)]
struct Answer<'a> {
    status: &'static str,
    error: AnswerError<'a>,
}

#[derive(Serialize)]
struct AnswerError<'a> {
    code: &'static str,
    reason: &'static str,
    message: &'a str,
    details: &'a Map<String, Value>,
    help: Option<&'static str>,
}

impl Refusal {
    /// Writes what stands behind the message to the log.
    pub(crate) fn log(&self) {
        if self.status == StatusCode::INTERNAL_SERVER_ERROR {
            // As values, not as the line's own text: what others chose is escaped then.
            let (reason, told) = (self.reason, self.message.as_ref());
            tracing::error!(reason, told, causes = ?self.causes, "failed");
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.log();
        let answer = Answer {
            status: "error",
            error: AnswerError {
                code: self.code,
                reason: self.reason,
                message: &self.message,
                details: &self.details,
                help: self.help,
            },
        };
        let bytes = serde_json::to_vec(&answer).unwrap_or_default();
        let mut response = Response::new(Body::from(bytes));
        *response.status_mut() = self.status;
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response.extensions_mut().insert(Reason(self.reason));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_the_documented_ones() {
        for (kind, status) in [
            (Kind::Internal, 500),
            (Kind::Usage, 400),
            (Kind::Pending, 500),
            (Kind::Conflict, 409),
            (Kind::NoSpace, 507),
            (Kind::InDoubt, 412),
            (Kind::Busy, 423),
            (Kind::Damaged, 412),
            (Kind::NotFound, 404),
            (Kind::BadPack, 400),
            (Kind::Denied, 403),
            (Kind::Interrupted, 503),
        ] {
            assert_eq!(status_of_kind(kind).as_u16(), status, "{kind:?}");
        }
    }
}
