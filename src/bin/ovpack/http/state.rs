//! What all requests share.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use axum::http::HeaderMap;
use camino::Utf8PathBuf;
use ovpack::{Jobs, Limits, OpenOptions, Store, Uploads};

use super::acts::Acts;
use super::keys::{Client, Keys};
use super::metrics::Metrics;
use super::refusal::{Refusal, Result};
use super::sessions::Sessions;

/// Headers of `OpenViking`'s clients that the journal keeps begin so.
const KEPT_HEADERS: &str = "x-openviking-";
/// Most headers that the journal keeps of one request, and most characters of each.
const KEPT_MAX: (usize, usize) = (16, 256);
/// Most characters that the journal keeps of a file's name.
const NAME_MAX: usize = 255;

/// What the server was told when it was started.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The store's directory.
    pub(crate) store: Utf8PathBuf,
    /// Write to an adopted directory although `OpenViking` seems to work on it.
    pub(crate) while_running: bool,
    /// How long a second write waits where its client does not say.
    pub(crate) wait: Duration,
    /// How long a body may pause.
    pub(crate) body_timeout: Duration,
    /// Most bytes of an upload.
    pub(crate) upload_bytes: u64,
    /// How many threads work on an export or a backup.
    pub(crate) jobs: Jobs,
    /// Bounds on what a pack may ask for.
    pub(crate) limits: Limits,
    /// Names, beside addresses and localhost, that the server answers to.
    pub(crate) host_names: Vec<String>,
    /// The environment's settings, which go before those of the store's file.
    pub(crate) overrides: ovpack::Settings,
    /// The user's settings, for what the store's file does not say.
    pub(crate) defaults: ovpack::Settings,
}

impl Settings {
    /// Returns how the store is opened by nobody in particular.
    pub(crate) fn open_options(&self) -> OpenOptions {
        OpenOptions {
            overrides: self.overrides.clone(),
            defaults: self.defaults.clone(),
            ..OpenOptions::default()
        }
    }
}

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) settings: Settings,
    pub(crate) keys: Keys,
    pub(crate) sessions: Sessions,
    pub(crate) uploads: Uploads,
    pub(crate) acts: Acts,
    pub(crate) metrics: Metrics,
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// The id of a request, in its log lines and in the header `X-Request-Id`.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) String);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who asks for an act, as the journal keeps it.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    client: Client,
    words: Vec<String>,
}

impl Asker {
    /// Reads who asks from a request: the key's name is who, and everything else are its words, since
    /// nobody vouches for it.
    pub(crate) fn new(
        client: &Client,
        (peer, id): (Peer, &RequestId),
        what: &str,
        headers: &HeaderMap,
    ) -> Self {
        let mut words = vec!["serve".to_owned(), what.to_owned()];
        let kept = headers
            .iter()
            .filter(|(name, _)| name.as_str().starts_with(KEPT_HEADERS));
        words.extend(kept.take(KEPT_MAX.0).map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            format!("{name}: {}", first_of(&value, KEPT_MAX.1))
        }));
        words.push(format!("peer: {}", peer.0.ip()));
        words.push(format!("request: {id}"));
        Self {
            client: client.clone(),
            words,
        }
    }

    /// Returns who asks.
    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }
}

/// Returns a name that a client gave a file, no longer than the journal keeps it.
pub(crate) fn file_name_of(name: &str) -> String {
    first_of(name, NAME_MAX)
}

fn first_of(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

impl Server {
    /// Opens the store for reading.
    pub(crate) fn store(&self) -> Result<Store> {
        self.open(&self.settings.open_options())
    }

    /// Opens the store for an act that is journalled.
    pub(crate) fn store_for(&self, asker: &Asker, wait: Duration) -> Result<Store> {
        self.open(&OpenOptions {
            argv: asker.words.clone(),
            user: asker.client.name.clone(),
            host: String::new(),
            wait,
            while_running: self.settings.while_running,
            ..self.settings.open_options()
        })
    }

    fn open(&self, options: &OpenOptions) -> Result<Store> {
        Store::open(&self.settings.store, options).map_err(Refusal::from)
    }
}
