//! Listens, upgrades, and runs one session a client.

mod array;
mod asking;
mod caller;
mod deadlines;
mod dispatch;
mod echo;
mod explain;
mod farewell;
mod flights;
mod frames;
mod happening;
mod http;
mod kept;
mod listen;
mod live;
mod login;
mod pages;
mod reception;
mod replying;
mod rights;
mod room;
mod session;
mod shared;
mod socket;
mod stats;
mod streams;
mod subject;
mod system;
mod throttle;
mod tls;
mod waiting;
mod wire;
mod worker;

use std::{
    io,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use arc_swap::{ArcSwap, Guard};
use tokio::{
    runtime::Handle,
    sync::{Semaphore, watch},
    time::timeout,
};

use crate::{
    access::{Audit, Load, Shares},
    cache::Cache,
    streams::Hub,
};
#[doc(hidden)]
pub use echo::echo;
pub(crate) use explain::Explain;
use farewell::Farewells;
use kept::Kept;
pub use listen::{HandedOver, Listener};
pub use live::Live;
use reception::{Doors, Reception};
pub use rights::{RightsReport, check_rights};
use room::Rooms;
pub use system::System;

use stats::Stats;
use tls::Tls;
use worker::Worker;

/// How long a client has to take note that the server stops, and what it asked to be answered.
const GOODBYE: Duration = Duration::from_secs(8);
/// How far apart clients are told, so that they do not all come back at once.
const GOODBYE_OF_ONE: Duration = Duration::from_millis(1);

/// What all sessions share.
pub struct App {
    live: ArcSwap<Live>,
    /// Counts what replaced it.
    reloads: watch::Sender<u64>,
    /// What is watched, once the server runs.
    hub: OnceLock<Arc<Hub>>,
    /// What serves clients, once the server runs.
    runtime: OnceLock<Handle>,
    /// What these have under way.
    loads: OnceLock<Vec<Arc<Load>>>,
    /// The answers that these keep.
    kept: OnceLock<Vec<Arc<Kept>>>,
    /// The certificates of its listeners, once the server runs.
    certificates: OnceLock<Vec<Arc<Tls>>>,
    pub(crate) shares: Shares,
    /// What large replies take.
    rooms: Arc<Rooms>,
    /// Of those who are refused before they are anybody.
    audit: Arc<Audit>,
    farewells: Farewells,
    pub(crate) cache: Cache,
    pub(crate) stats: Arc<Stats>,
    pub(crate) started: Instant,
    /// The same by the clock on the wall.
    started_at: SystemTime,
    /// Whether reads wait until the check of the Redis user's rights has passed.
    pub(crate) held_back: AtomicBool,
    /// Whose turn it is to have a page made that takes a while.
    aside: Semaphore,
    /// Whether the server is about to stop.
    pub(crate) is_draining: AtomicBool,
}

impl App {
    /// Everything that a server needs but a socket.
    pub fn new(live: Live, cache: Cache) -> Arc<Self> {
        let held_back = AtomicBool::new(live.config.redis.require_read_only && !cache.is_embedded());
        let stats = Arc::new(Stats::new(live.registry.numbers()));
        Arc::new(Self {
            live: ArcSwap::from_pointee(live),
            reloads: watch::Sender::new(0),
            hub: OnceLock::new(),
            runtime: OnceLock::new(),
            loads: OnceLock::new(),
            kept: OnceLock::new(),
            certificates: OnceLock::new(),
            shares: Shares::default(),
            rooms: Arc::default(),
            audit: Arc::default(),
            farewells: Farewells::default(),
            cache,
            stats,
            started: Instant::now(),
            started_at: SystemTime::now(),
            held_back,
            aside: Semaphore::new(1),
            is_draining: AtomicBool::new(false),
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

    /// Takes over what is to be in force from now on: whole, and for all that is under way too, or nothing of
    /// it. What takes a new start is said in the log, and stays as it was.
    pub fn reload(&self, mut live: Live) -> Result<(), String> {
        let before = self.live_for_long();
        let certificates = self.certificates.get().into_iter().flatten();
        let certificates: Vec<_> =
            certificates.map(|tls| Ok((tls, tls.read_again()?))).collect::<Result<_, String>>()?;
        for key in live.config.needs_restart(&before.config) {
            tracing::warn!("`{key}` is another now; that needs a restart");
        }
        live.config.redis = before.config.redis.clone();
        live.config.http.metrics_address = before.config.http.metrics_address;
        if live.access.take_over(&before.access) {
            tracing::warn!(
                "no login is left, so none is let in that must have one; after a restart every program of this \
                 machine may read everything"
            );
        }
        for operation in live.registry.iter() {
            if let Some(before) = before.registry.get(operation.name()) {
                operation.take_over(before);
            }
        }
        certificates.into_iter().for_each(|(tls, settings)| tls.adopt(settings));
        let live = Arc::new(live);
        self.live.store(live.clone());
        self.shares.adopt(live.config.limits.requests_per_second_of_login);
        if let Some(hub) = self.hub.get() {
            hub.adopt(&live.registry, live.config.streams.clone());
        }
        self.reloads.send_modify(|reloads| *reloads += 1);
        Ok(())
    }

    /// Counts a reload, which was taken over or not.
    pub(crate) fn note_reload(&self, is_taken: bool) {
        self.stats.reloaded(is_taken);
    }

    /// Waits until a thread that serves clients, and the one that reads what is watched, has answered.
    pub async fn responds(&self) {
        if let Some(runtime) = self.runtime.get() {
            // An error means that the server is stopping.
            let _ = runtime.spawn(async {}).await;
        }
        if let Some(hub) = self.hub.get() {
            hub.responds().await;
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
    app.certificates.get_or_init(|| listeners.iter().filter_map(Listener::tls).collect());
    let mut reloads = app.reloads.subscribe();
    let workers = Worker::start_all(&app, hub)?;
    if let Some(worker) = workers.first() {
        app.runtime.get_or_init(|| worker.handle().clone());
    }
    app.loads.get_or_init(|| workers.iter().map(Worker::load).collect());
    app.kept.get_or_init(|| workers.iter().map(Worker::kept).collect());
    let mut reception = Reception::new(app.clone(), workers);
    let mut doors = Doors::open(listeners, &app, &stop);
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            Ok(()) = reloads.changed() => reception.signals.send_modify(|signal| signal.reloads += 1),
            Some(guest) = doors.guests.recv() => reception.receive(guest),
            Some(_) = reception.sessions.join_next(), if !reception.sessions.is_empty() => {}
        }
    }
    app.is_draining.store(true, Ordering::Relaxed);
    // Whoever was let in is served.
    while let Some(guest) = doors.guests.recv().await {
        reception.receive(guest);
    }
    say_goodbye(&app, reception).await;
    Ok(())
}

/// Tells all clients that the server stops, and waits for them to leave.
async fn say_goodbye(app: &App, mut reception: Reception) {
    let spread = GOODBYE_OF_ONE.saturating_mul(u32::try_from(app.stats.open()).unwrap_or(u32::MAX));
    let spread = spread.min(app.live().config.limits.goodbye.get());
    reception.signals.send_modify(|signal| signal.stops = Some(spread));
    let sessions = &mut reception.sessions;
    if timeout(spread + GOODBYE, async { while sessions.join_next().await.is_some() {} }).await.is_err() {
        tracing::warn!(clients = sessions.len(), "clients that did not take their leave are cut off");
    }
    app.farewells.say_others();
    app.audit.tell();
    app.shares.tell_refusals();
}
