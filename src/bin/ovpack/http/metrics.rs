//! Numbers for Prometheus. Labels are routes, methods and statuses: a bounded set, whatever is asked.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::extract::State;
use axum::http::{Method, header};
use axum::response::{IntoResponse as _, Response};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use super::acts::Weight;
use super::refusal::{Refusal, Result};
use super::state::Server;

/// What is told of each request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    method: String,
    route: String,
    status: u16,
}

/// What is told of the time that requests take.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

/// The numbers of a server.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    seconds: Family<Route, Histogram, fn() -> Histogram>,
    received_bytes: Counter,
    sent_bytes: Counter,
    acts: Gauge<u64, AtomicU64>,
    uploads: Gauge<u64, AtomicU64>,
    upload_bytes: Gauge<u64, AtomicU64>,
    events: Gauge,
    generation: Gauge<u64, AtomicU64>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        // From 1 ms to about 4 minutes.
        let histogram: fn() -> Histogram = || Histogram::new(exponential_buckets(0.001, 4.0, 10));
        let mut metrics = Self {
            registry: Registry::with_prefix("ovpack"),
            requests: Family::default(),
            seconds: Family::new_with_constructor(histogram),
            received_bytes: Counter::default(),
            sent_bytes: Counter::default(),
            acts: Gauge::default(),
            uploads: Gauge::default(),
            upload_bytes: Gauge::default(),
            events: Gauge::default(),
            generation: Gauge::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("requests", "Requests answered", self.requests.clone());
        registry.register_with_unit(
            "request",
            "Time until the head of an answer",
            Unit::Seconds,
            self.seconds.clone(),
        );
        registry.register_with_unit(
            "received",
            "Bytes of packs received",
            Unit::Bytes,
            self.received_bytes.clone(),
        );
        registry.register_with_unit(
            "sent",
            "Bytes of packs handed out",
            Unit::Bytes,
            self.sent_bytes.clone(),
        );
        registry.register(
            "acts_running",
            "Acts of the store that run",
            self.acts.clone(),
        );
        registry.register(
            "uploads_waiting",
            "Uploads that wait for their use",
            self.uploads.clone(),
        );
        registry.register_with_unit(
            "uploads",
            "Bytes of the uploads that are received, wait or are in use",
            Unit::Bytes,
            self.upload_bytes.clone(),
        );
        registry.register(
            "journal_events",
            "Events of the journal",
            self.events.clone(),
        );
        registry.register(
            "generation",
            "Number of the last commit that the server saw",
            self.generation.clone(),
        );
    }

    /// Counts an answer.
    pub(super) fn answered(&self, method: &Method, route: &str, status: u16, elapsed: Duration) {
        // Any word can be sent as a method.
        let is_known = [Method::GET, Method::HEAD, Method::POST].contains(method);
        let request = Request {
            method: if is_known { method.as_str() } else { "other" }.to_owned(),
            route: route.to_owned(),
            status,
        };
        self.requests.get_or_create(&request).inc();
        let route = Route {
            route: route.to_owned(),
        };
        self.seconds
            .get_or_create(&route)
            .observe(elapsed.as_secs_f64());
    }

    /// Counts bytes of packs that were received.
    pub(super) fn received(&self, bytes: u64) {
        self.received_bytes.inc_by(bytes);
    }

    /// Counts bytes of a pack that is handed out.
    pub(super) fn sent(&self, bytes: u64) {
        self.sent_bytes.inc_by(bytes);
    }

    /// Notes the number of the last commit.
    pub(super) fn committed(&self, generation: u64) {
        self.generation.set(generation);
    }
}

/// Tells the numbers in the text form of Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "server", operation_id = "metrics",
    responses((status = 200, description = "Numbers in OpenMetrics text", content_type = TEXT, body = String), super::openapi::Refusals))]
pub(crate) async fn metrics(State(server): State<Arc<Server>>) -> Result<Response> {
    let of = Arc::clone(&server);
    let head = server
        .acts
        .read(Weight::Question, move |_| Ok(of.store()?.journal_head()?))
        .await?;
    let metrics = &server.metrics;
    metrics.events.set(head.seq);
    metrics.acts.set(server.acts.running() as u64);
    metrics.uploads.set(server.uploads.waiting() as u64);
    metrics.upload_bytes.set(server.uploads.bytes());
    let mut text = String::new();
    encode(&mut text, &metrics.registry).map_err(|fault| Refusal::internal(fault.to_string()))?;
    Ok(([(header::CONTENT_TYPE, TEXT)], text).into_response())
}

const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
