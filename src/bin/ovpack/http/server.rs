//! Listening, connections, and the end: no commit is cut short by it.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use futures_util::future::{Either, select};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use ovpack::{IndexOptions, Store, UploadOptions};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_io_timeout::TimeoutStream;

use super::acts::{Acts, Weight};
use super::keys::Keys;
use super::metrics::Metrics;
use super::refusal::Refusal;
use super::routes::routes;
use super::sessions::Sessions;
use super::state::{Peer, Server, Settings};
use crate::failure::{Failure, Result};
use crate::indexing;

/// Most connections at once; more wait until one ends.
const CONNECTIONS: usize = 512;
/// Threads for files: acts are fewer, the rest reads and writes pieces of packs.
const FILE_THREADS: usize = 64;
/// How long the head of a request may take, and how long a connection may be idle between two.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Most bytes of the head of a request, and of what is read ahead of a body.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// How long a client may take nothing of an answer.
const WRITE_TIMEOUT: Duration = Duration::from_mins(1);
/// How often uploads that have waited too long are looked for.
const EXPIRE_EVERY: Duration = Duration::from_secs(30);
/// How often is looked for commits that the search index does not know.
const INDEX_EVERY: Duration = Duration::from_secs(2);
/// How long connections get to end after their acts were asked to stop.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// How long nothing is accepted after accepting failed, as when no descriptor is free.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// A server that listens, and answers once [`serve`] runs it.
#[derive(Debug)]
pub(crate) struct Listening {
    runtime: Runtime,
    listener: TcpListener,
    signals: Signals,
    server: Arc<Server>,
    grace: Duration,
}

impl Listening {
    /// Takes the store's area for uploads, and the address.
    pub(crate) fn begin(
        address: SocketAddr,
        settings: Settings,
        keys: Keys,
        uploads: UploadOptions,
        grace: Duration,
    ) -> Result<Self> {
        ensure_keys(address, &keys)?;
        let store = Store::open(&settings.store, &settings.open_options())?;
        let failed = |action: &str| {
            let action = action.to_owned();
            |source| Failure::Serve { action, source }
        };
        let runtime = Builder::new_multi_thread()
            .enable_all()
            .max_blocking_threads(FILE_THREADS)
            .build()
            .map_err(failed("start threads"))?;
        let listen = TcpListener::bind(address);
        let listener = runtime
            .block_on(listen)
            .map_err(failed(&format!("listen on {address}")))?;
        let sessions = Sessions::new().map_err(|refusal| Failure::Serve {
            action: "make a secret".to_owned(),
            source: std::io::Error::other(refusal.causes.join(", ")),
        })?;
        let server = Server {
            uploads: store.uploads(uploads)?,
            settings,
            keys,
            sessions,
            acts: Acts::default(),
            metrics: Metrics::default(),
        };
        // From here on a signal ends the server, and does not kill it.
        let signals = runtime.block_on(async { Signals::new() })?;
        Ok(Self {
            runtime,
            listener,
            signals,
            server: Arc::new(server),
            grace,
        })
    }

    /// Returns the address, with the port that the system has chosen.
    pub(crate) fn address(&self) -> Result<SocketAddr> {
        self.listener.local_addr().map_err(|source| Failure::Serve {
            action: "tell the address".to_owned(),
            source,
        })
    }
}

/// Without a key, only who is on this machine may come.
fn ensure_keys(address: SocketAddr, keys: &Keys) -> Result<()> {
    if keys.are_none() && !address.ip().to_canonical().is_loopback() {
        return Err(Failure::Usage {
            message: format!(
                "without a key only loopback addresses are served, and {address} is none"
            ),
            help: "name a file of keys with --api-key-file, or set OVPACK_API_KEY".to_owned(),
        });
    }
    Ok(())
}

/// Answers requests until SIGTERM or SIGINT: then those that run may end, for as long as the grace or
/// until a second signal; then their acts are stopped where nothing is exchanged yet, and others are
/// finished.
pub(crate) fn serve(listening: Listening) {
    let Listening {
        runtime,
        listener,
        signals,
        server,
        grace,
    } = listening;
    runtime.block_on(run(listener, signals, server, grace));
    // Waits for all threads: an act that is in the middle of a commit finishes it.
    drop(runtime);
}

/// The signals that end the server.
#[derive(Debug)]
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        let failed = |source| Failure::Serve {
            action: "listen to signals".to_owned(),
            source,
        };
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(failed)?,
            interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
        })
    }

    async fn next(&mut self) {
        select(pin!(self.terminate.recv()), pin!(self.interrupt.recv())).await;
    }
}

async fn run(listener: TcpListener, mut signals: Signals, server: Arc<Server>, grace: Duration) {
    let graceful = GracefulShutdown::new();
    let service = TowerToHyperService::new(routes(&server));
    let expiring = tokio::spawn(expire(Arc::clone(&server)));
    let indexing = tokio::spawn(keep_indexed(Arc::clone(&server)));
    let accepting = accept(&listener, &service, &graceful);
    select(pin!(accepting), pin!(signals.next())).await;
    drop(listener);
    expiring.abort();
    indexing.abort();
    tracing::info!(acts = server.acts.running(), "ending");
    let mut ending = pin!(graceful.shutdown());
    let patience = timeout(grace, signals.next());
    if let Either::Right(_) = select(&mut ending, pin!(patience)).await {
        server.acts.stop_all();
        tracing::info!(acts = server.acts.running(), "stopping acts");
        // Whoever is still connected then is cut off.
        drop(timeout(LAST_WORDS, ending).await);
    }
    server.acts.stop_all();
    tracing::info!("ended");
}

async fn expire(server: Arc<Server>) {
    let mut ticks = interval(EXPIRE_EVERY);
    loop {
        ticks.tick().await;
        let of = Arc::clone(&server);
        let expired = tokio::task::spawn_blocking(move || of.uploads.expire());
        if let Err(panic) = expired.await {
            tracing::error!(%panic, "uploads do not expire");
        }
    }
}

/// Brings the search index up to date with what was committed, by this process or another one.
async fn keep_indexed(server: Arc<Server>) {
    let mut ticks = interval(INDEX_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let of = Arc::clone(&server);
        let refresh = move |control| {
            let store = of.store()?;
            if store.index_backlog()? > 0 {
                let key = indexing::key(&store)
                    .map_err(|failure| Refusal::internal(failure.to_string()))?;
                store.refresh_index(&IndexOptions { key, control })?;
            }
            Ok(())
        };
        if let Err(refusal) = server.acts.read(Weight::Scan, refresh).await {
            tracing::warn!(?refusal, "the search index is behind");
        }
    }
}

type AppService = TowerToHyperService<Router>;

async fn accept(listener: &TcpListener, service: &AppService, graceful: &GracefulShutdown) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, peer)) => connect(stream, Peer(peer), service.clone(), graceful, place),
            Err(fault) => {
                tracing::warn!(%fault, "a connection was not accepted");
                sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

fn connect(
    stream: TcpStream,
    peer: Peer,
    service: AppService,
    graceful: &GracefulShutdown,
    place: OwnedSemaphorePermit,
) {
    if let Err(fault) = stream.set_nodelay(true) {
        tracing::debug!(%fault, "small answers may wait");
    }
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIMEOUT));
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        service.call(request)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX);
    let connection = http.serve_connection(TokioIo::new(Box::pin(stream)), service);
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        if let Err(fault) = connection.await {
            tracing::debug!(%fault, peer = %peer.0, "a connection broke");
        }
        drop(place);
    });
}
