//! Listens, upgrades, and runs one session a client.

mod caller;
mod deadlines;
mod dispatch;
mod echo;
mod flights;
mod frames;
mod http;
mod listen;
mod live;
mod load;
mod login;
mod rights;
mod session;
mod socket;
mod stats;
mod streams;
mod system;
mod tls;
mod worker;

use std::{
    io,
    sync::{Arc, OnceLock, atomic::AtomicBool},
    time::{Duration, Instant},
};

use arc_swap::{ArcSwap, Guard};
use tokio::{
    runtime::Handle,
    sync::{Semaphore, mpsc, watch},
    task::JoinSet,
    time::timeout,
};

use crate::{access::Shares, cache::Cache, streams::Hub};
#[doc(hidden)]
pub use echo::echo;
pub use listen::Listener;
use listen::{Arrived, Guest};
pub use live::Live;
pub use rights::{RightsReport, check_rights};
pub use system::System;

use stats::Stats;
use tls::Tls;
use worker::Worker;

/// How long a client has to take note that the server stops, and what it asked to be answered.
const GOODBYE: Duration = Duration::from_secs(8);
/// How far apart clients are told, so that they do not all come back at once.
const GOODBYE_OF_ONE: Duration = Duration::from_millis(1);
/// How many clients that are one too many are told so at a time; the others are cut off.
const REFUSALS_AT_ONCE: usize = 64;

/// What all sessions share.
pub struct App {
    live: ArcSwap<Live>,
    /// Counts what replaced it.
    reloads: watch::Sender<u64>,
    /// What is watched, once the server runs.
    hub: OnceLock<Arc<Hub>>,
    /// The event loops that serve clients, once the server runs.
    event_loops: OnceLock<Vec<Handle>>,
    pub(crate) shares: Shares,
    pub(crate) cache: Cache,
    pub(crate) stats: Stats,
    pub(crate) started: Instant,
    /// Whether reads wait until the check of the Redis user's rights has passed.
    pub(crate) held_back: AtomicBool,
}

impl App {
    /// Everything that a server needs but a socket.
    pub fn new(live: Live, cache: Cache) -> Arc<Self> {
        let held_back = AtomicBool::new(live.config.redis.require_read_only && !cache.is_embedded());
        Arc::new(Self {
            live: ArcSwap::from_pointee(live),
            reloads: watch::Sender::new(0),
            hub: OnceLock::new(),
            event_loops: OnceLock::new(),
            shares: Shares::default(),
            cache,
            stats: Stats::default(),
            started: Instant::now(),
            held_back,
        })
    }

    /// What is in force now. It is looked at and let go of, for a reload may replace it.
    pub fn live(&self) -> Guard<Arc<Live>> {
        self.live.load()
    }

    /// The same for those who wait for something meanwhile.
    pub(crate) fn live_for_long(&self) -> Arc<Live> {
        self.live.load_full()
    }

    /// Takes over what is to be in force from now on: whole, and for all that is under way too. What takes a
    /// new start is said in the log.
    pub fn reload(&self, live: Live) {
        for operation in live.registry.iter() {
            // What its Redis user may not do will be looked at again.
            if let Some(before) = self.live().registry.get(operation.name()) {
                operation.stay_off(before);
            }
        }
        for key in live.config.needs_restart(&self.live().config) {
            tracing::warn!("`{key}` is another now; that needs a restart");
        }
        let live = Arc::new(live);
        self.live.store(live.clone());
        self.shares.adopt(live.config.limits.requests_per_second_of_login);
        if let Some(hub) = self.hub.get() {
            hub.adopt(&live.registry, live.config.streams.clone());
        }
        self.reloads.send_modify(|reloads| *reloads += 1);
    }

    /// Waits until every thread that serves clients has answered.
    pub async fn workers_respond(&self) {
        for event_loop in self.event_loops.get().into_iter().flatten() {
            // An error means that the server is stopping.
            let _ = event_loop.spawn(async {}).await;
        }
    }

    /// Tells of reloads: its value grows with each.
    pub fn reloads(&self) -> watch::Receiver<u64> {
        self.reloads.subscribe()
    }

    /// The cache.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }
}

/// What all sessions are told.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Signal {
    /// The server stops: they end one after another, within this time.
    stops: Option<Duration>,
    /// How many reloads there were.
    reloads: u64,
}

/// Serves until `stop` changes, then says goodbye to all clients.
pub async fn run(listeners: Vec<Listener>, app: Arc<App>, mut stop: watch::Receiver<bool>) -> io::Result<()> {
    let live = app.live_for_long();
    let hub = Hub::start(live.config.streams.clone(), &app.cache, &live.registry)?;
    drop(live);
    let hub = app.hub.get_or_init(|| hub);
    let certificates: Vec<Arc<Tls>> = listeners.iter().filter_map(Listener::tls).collect();
    let mut reloads = app.reloads.subscribe();
    let signals = watch::Sender::new(Signal::default());
    let workers = Worker::start_all(&app, hub)?;
    app.event_loops.get_or_init(|| workers.iter().map(|worker| worker.handle().clone()).collect());
    let places = app.live().config.limits.connections.min(Semaphore::MAX_PERMITS);
    let places = Arc::new(Semaphore::new(places));
    let refusals = Arc::new(Semaphore::new(REFUSALS_AT_ONCE));
    let mut sessions = JoinSet::new();
    let (guests, mut door) = mpsc::channel(1);
    let mut doors = JoinSet::new();
    for listener in listeners {
        doors.spawn(let_in(listener, guests.clone()));
    }
    loop {
        let guest = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            Ok(()) = reloads.changed() => {
                certificates.iter().for_each(|tls| tls.renew());
                signals.send_modify(|signal| signal.reloads += 1);
                continue;
            }
            Some(guest) = door.recv() => guest,
            Some(_) = sessions.join_next(), if !sessions.is_empty() => continue,
        };
        let worker = workers.iter().filter(|worker| !worker.is_busy()).min_by_key(|worker| worker.clients());
        match (places.clone().try_acquire_owned(), worker) {
            (Ok(place), Some(worker)) => {
                worker.serve(guest, place, signals.subscribe(), &mut sessions);
            }
            _ => {
                app.stats.refused();
                if let Ok(refusal) = refusals.clone().try_acquire_owned() {
                    tokio::spawn(async move {
                        // One that waits to be greeted by TLS could not read it.
                        if let Ok(Arrived { socket, tls: None, .. }) = guest.move_here() {
                            http::refuse(socket).await;
                        }
                        drop(refusal);
                    });
                }
            }
        }
    }
    doors.shutdown().await;
    let spread = GOODBYE_OF_ONE.saturating_mul(u32::try_from(app.stats.open()).unwrap_or(u32::MAX));
    let spread = spread.min(app.live().config.limits.goodbye.get());
    signals.send_modify(|signal| signal.stops = Some(spread));
    if timeout(spread + GOODBYE, async { while sessions.join_next().await.is_some() {} }).await.is_err() {
        tracing::warn!(clients = sessions.len(), "clients that did not take their leave are cut off");
    }
    Ok(())
}

/// Lets guests in, one after another.
async fn let_in(listener: Listener, guests: mpsc::Sender<Guest>) {
    loop {
        match listener.accept().await {
            Ok(guest) => {
                if guests.send(guest).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                // Out of file descriptors, most likely: give sessions time to end.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}
