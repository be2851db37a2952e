//! What every request passes before a handler sees it: an id, the name of the host, the site that it
//! comes from, a key; and what every answer carries.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use tracing::Instrument as _;

use super::keys::{Client, Role};
use super::refusal::{Reason, Refusal, Result};
use super::sessions;
use super::state::{Peer, RequestId, Server};

/// Headers of every answer. Pages have no script and load nothing but their style sheet. With the
/// policy `no-referrer` browsers would not say where a form comes from, and it could not be checked.
const HEADERS: [(&str, &str); 7] = [
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "no-store"),
];

/// What may be had without a key, since it tells nothing of the store.
const OPEN: [&str; 4] = ["/health", "/login", "/style.css", "/favicon.ico"];

/// Lets requests in, and writes a line of the log for each.
pub(crate) async fn gate(
    State(server): State<Arc<Server>>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = RequestId(sessions::request_id());
    let peer = request.extensions().get::<Peer>().copied();
    let path = request.uri().path().to_owned();
    let matched = request.extensions().get::<MatchedPath>();
    let route = matched.map_or_else(|| "none".to_owned(), |route| route.as_str().to_owned());
    let span = tracing::info_span!(
        "request", id = %id, method = %request.method(), path, client = tracing::field::Empty,
        peer = peer.map(|peer| tracing::field::display(peer.0.ip())),
    );
    let mut watched = Watched {
        server: Arc::clone(&server),
        span: span.clone(),
        method: request.method().clone(),
        route,
        begun: Instant::now(),
        is_answered: false,
    };
    request.extensions_mut().insert(id.clone());
    let answered = async {
        match admit(&server, &mut request) {
            Ok(()) => next.run(request).await,
            Err(refusal) if is_page(&path) => super::pages::refused(&refusal),
            Err(refusal) => refusal.into_response(),
        }
    };
    let mut response = answered.instrument(span).await;
    watched.answered(&response);
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(id) = HeaderValue::from_str(&id.0) {
        headers.insert("x-request-id", id);
    }
    response
}

/// A request on its way; dropped before it is answered, its client has gone away.
struct Watched {
    server: Arc<Server>,
    span: tracing::Span,
    method: Method,
    route: String,
    begun: Instant,
    is_answered: bool,
}

impl Watched {
    fn answered(&mut self, response: &Response) {
        self.is_answered = true;
        let elapsed = self.begun.elapsed();
        let status = response.status().as_u16();
        let metrics = &self.server.metrics;
        metrics.answered(&self.method, &self.route, status, elapsed);
        let reason = response.extensions().get::<Reason>();
        let ms = elapsed.as_millis();
        let reason = reason.map(|Reason(reason)| *reason);
        self.span
            .in_scope(|| tracing::info!(status, ms, reason, "answered"));
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if self.is_answered {
            return;
        }
        let (metrics, elapsed) = (&self.server.metrics, self.begun.elapsed());
        // 499 is what servers write for this since nginx did; no client ever sees it.
        metrics.answered(&self.method, &self.route, 499, elapsed);
        let ms = elapsed.as_millis();
        self.span
            .in_scope(|| tracing::info!(ms, "the client went away"));
    }
}

fn admit(server: &Server, request: &mut Request) -> Result<()> {
    ensure_own_host(server, request.headers(), request.uri())?;
    ensure_same_site(request.method(), request.headers())?;
    let path = request.uri().path();
    if OPEN.contains(&path) {
        return Ok(());
    }
    if is_page(path) {
        let visitor = if server.keys.are_none() {
            Some(server.sessions.anybody())
        } else {
            server.sessions.visitor_of(request.headers())
        };
        let visitor = visitor.ok_or_else(Refusal::unauthenticated)?;
        note(&visitor.client);
        request.extensions_mut().insert(visitor);
        return Ok(());
    }
    let client = client_of(server, request.headers())?;
    note(&client);
    request.extensions_mut().insert(client);
    Ok(())
}

fn note(client: &Client) {
    tracing::Span::current().record("client", client.name.as_str());
}

/// Lets only admins go on.
pub(crate) async fn admins(request: Request, next: Next) -> Response {
    match request.extensions().get::<Client>() {
        Some(client) if client.role == Role::Admin => next.run(request).await,
        Some(client) => Refusal::forbidden(&client.name).into_response(),
        None => Refusal::unauthenticated().into_response(),
    }
}

/// Returns whether people look at it; everything else is for programs.
fn is_page(path: &str) -> bool {
    let is_for_programs = path.starts_with("/api/")
        || path == "/api"
        || path == "/openapi.json"
        || path == "/metrics"
        || path == "/health";
    !is_for_programs
}

/// Sends who has no session to the login.
pub(crate) fn to_login() -> Response {
    Redirect::to("/login").into_response()
}

fn client_of(server: &Server, headers: &HeaderMap) -> Result<Client> {
    if server.keys.are_none() {
        return Ok(sessions::anybody());
    }
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.as_bytes().split_at_checked("Bearer ".len()))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"Bearer "))
        .map(|(_, key)| key);
    let key = headers.get("x-api-key").map(HeaderValue::as_bytes);
    let client = key.or(bearer).and_then(|key| server.keys.client_of(key));
    client.cloned().ok_or_else(Refusal::unauthenticated)
}

/// A page of elsewhere can make its own name point to this server, and then read what it answers.
/// So names must be known; addresses cannot be made to point anywhere.
fn ensure_own_host(server: &Server, headers: &HeaderMap, uri: &Uri) -> Result<()> {
    let mut named = headers.get_all(header::HOST).iter();
    let (host, more) = (named.next(), named.next());
    let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
    let in_line = uri.authority().map(Authority::as_str);
    let is_known = |name: &str| is_own_host(name, &server.settings.host_names);
    if more.is_some() || !is_known(host) || in_line.is_some_and(|name| !is_known(name)) {
        return Err(Refusal::wrong_host(in_line.unwrap_or(host)));
    }
    Ok(())
}

fn is_own_host(host: &str, names: &[String]) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    let name = authority.host();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    let is_name = |known: &str| known.eq_ignore_ascii_case(name);
    !host.contains('@')
        && (address.parse::<IpAddr>().is_ok()
            || is_name("localhost")
            || names.iter().any(|known| is_name(known)))
}

/// Browsers say where a request comes from: <https://fetch.spec.whatwg.org/#origin-header> and
/// <https://w3c.github.io/webappsec-fetch-metadata/>. Other programs say nothing.
fn ensure_same_site(method: &Method, headers: &HeaderMap) -> Result<()> {
    if method.is_safe() {
        return Ok(());
    }
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    let is_near = text("sec-fetch-site").is_none_or(|site| ["same-origin", "none"].contains(&site));
    let is_own = text("origin").is_none_or(|origin| {
        let from = origin.split_once("://").map(|(_, authority)| authority);
        from.is_some() && from == text("host")
    });
    if is_near && is_own {
        Ok(())
    } else {
        Err(Refusal::cross_site())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_known_names_are_own_hosts_and_no_other_is() {
        let names = ["vault.example".to_owned()];
        for host in [
            "localhost",
            "LOCALHOST:1933",
            "127.0.0.1",
            "127.0.0.1:1933",
            "[::1]:1933",
            "10.1.2.3:80",
            "vault.example:443",
            "Vault.Example",
        ] {
            assert!(is_own_host(host, &names), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "localhost.",
            "127.0.0.1.evil.example:1933",
            "me@localhost",
            "vault.example.evil.example",
            "localhost:1933:80",
            "a b",
        ] {
            assert!(!is_own_host(host, &names), "{host}");
        }
    }

    #[test]
    fn what_a_browser_sends_for_another_site_is_refused() {
        let cases = [
            (&[][..], true),
            (&[("origin", "http://127.0.0.1:1933")], true),
            (&[("origin", "http://evil.example")], false),
            (&[("origin", "null")], false),
            (&[("origin", "http://127.0.0.1:1934")], false),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "same-site")], false),
        ];
        for (extra, is_let_in) in cases {
            let mut headers = HeaderMap::new();
            headers.insert("host", HeaderValue::from_static("127.0.0.1:1933"));
            for (name, value) in extra {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            let is_same = ensure_same_site(&Method::POST, &headers).is_ok();
            assert_eq!(is_same, is_let_in, "{extra:?}");
            assert!(ensure_same_site(&Method::GET, &headers).is_ok());
        }
    }
}
