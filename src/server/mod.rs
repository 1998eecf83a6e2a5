//! Listens, upgrades, and runs one session a client.

mod dispatch;
mod flights;
mod http;
mod rights;
mod session;
mod stats;
mod streams;
mod system;
mod worker;

use std::{
    io,
    net::IpAddr,
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
    task::JoinSet,
    time::timeout,
};

use crate::{
    cache::Cache,
    config::{Anonymous, Config},
    registry::Registry,
    streams::Hub,
};
pub use rights::{RightsReport, check_rights};
pub use system::System;

use stats::Stats;
use worker::Worker;

/// How long clients have to take note that the server stops.
const GOODBYE: Duration = Duration::from_secs(5);
/// How many clients that are one too many are told so at a time; the others are cut off.
const REFUSALS_AT_ONCE: usize = 64;

/// What all sessions share.
pub struct App {
    pub(crate) registry: Registry,
    pub(crate) cache: Cache,
    pub(crate) config: Config,
    pub(crate) stats: Stats,
    pub(crate) started: Instant,
    /// Whether reads wait until the check of the Redis user's rights has passed.
    pub(crate) held_back: AtomicBool,
}

impl App {
    /// Everything that a server needs but a socket.
    pub fn new(registry: Registry, cache: Cache, config: Config) -> Arc<Self> {
        let held_back = AtomicBool::new(config.redis.require_read_only && !cache.is_embedded());
        Arc::new(Self {
            registry,
            cache,
            config,
            stats: Stats::default(),
            started: Instant::now(),
            held_back,
        })
    }

    /// The operations.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The cache.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }
}

/// Opens the socket that the configuration names. Refuses an address that others can reach, unless the
/// operator said that anyone may read.
pub async fn bind(config: &Config) -> Result<TcpListener, String> {
    let listen = &config.listen;
    let addresses: Vec<_> = tokio::net::lookup_host((listen.host.as_str(), listen.port))
        .await
        .map_err(|error| format!("listen.host: {:?}: {error}", listen.host))?
        .collect();
    let is_private = |ip: IpAddr| ip.to_canonical().is_loopback();
    if listen.anonymous == Anonymous::Deny && !addresses.iter().all(|address| is_private(address.ip())) {
        return Err(format!(
            "listen.host: {} can be reached from other machines, and there is no login: anyone could read \
             positions and balances. Listen on 127.0.0.1, or say `anonymous = \"allow\"` under [listen] \
             (FULLON_CACHE_API__LISTEN__ANONYMOUS=allow)",
            listen.host
        ));
    }
    TcpListener::bind(&*addresses).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "{}:{} is in use; another server may be running. Choose another port (--port, WEBSOCKET_PORT)",
            listen.host, listen.port
        ),
        _ => format!("cannot listen on {}:{}: {error}", listen.host, listen.port),
    })
}

/// Serves until `stop` changes, then says goodbye to all clients.
pub async fn run(listener: TcpListener, app: Arc<App>, mut stop: watch::Receiver<bool>) -> io::Result<()> {
    let hub = Hub::start(app.config.streams.clone(), &app.cache, app.registry.channels())?;
    let workers = Worker::start_all(&app, &hub)?;
    let places = Arc::new(Semaphore::new(app.config.limits.connections.min(Semaphore::MAX_PERMITS)));
    let refusals = Arc::new(Semaphore::new(REFUSALS_AT_ONCE));
    let mut sessions = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            accepted = listener.accept() => accepted,
            Some(_) = sessions.join_next(), if !sessions.is_empty() => continue,
        };
        let socket = match accepted {
            Ok((socket, _)) => socket,
            Err(error) => {
                // Out of file descriptors, most likely: give sessions time to end.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let worker = workers.iter().min_by_key(|worker| worker.clients());
        match (places.clone().try_acquire_owned(), worker) {
            (Ok(place), Some(worker)) => {
                worker.serve(socket, place, stop.clone(), &mut sessions);
            }
            _ => {
                app.stats.refused();
                if let Ok(refusal) = refusals.clone().try_acquire_owned() {
                    tokio::spawn(async move {
                        http::refuse(socket).await;
                        drop(refusal);
                    });
                }
            }
        }
    }
    drop(listener);
    if timeout(GOODBYE, async { while sessions.join_next().await.is_some() {} }).await.is_err() {
        tracing::warn!(clients = sessions.len(), "clients that did not take their leave are cut off");
    }
    Ok(())
}
