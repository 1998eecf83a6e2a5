//! Threads that serve clients. Each has its own event loop and its own connections to Redis, so that
//! nothing that a request needs crosses from one thread to another.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::{
    runtime::{Builder, Handle},
    sync::{oneshot, watch},
    task::JoinSet,
    time::timeout,
};

use super::{
    App, Signal,
    caller::Peer,
    dispatch::Desk,
    flights::Flights,
    http::{self, Upgraded},
    kept::Kept,
    listen::{Arrived, Guest},
    session,
};
use crate::{
    access::Load,
    streams::{Hub, Ringer},
};

/// How long who was let in may still take to open a WebSocket, or to ask for a page, when the server stops.
const LAST_GREETING: Duration = Duration::from_secs(3);

/// A thread that serves clients. It ends, and its clients with it, when this is dropped.
pub(super) struct Worker {
    handle: Handle,
    desk: Arc<Desk>,
    clients: Arc<AtomicUsize>,
    /// Dropped, it ends the thread.
    _running: oneshot::Sender<()>,
}

impl Worker {
    /// Starts as many as the configuration says.
    pub(super) fn start_all(app: &Arc<App>, hub: &Arc<Hub>) -> io::Result<Vec<Self>> {
        let count = match app.live().config.listen.workers {
            0 => thread::available_parallelism().map_or(1, usize::from),
            count => count,
        };
        (0..count).map(|number| Self::start(number, count, app, hub)).collect()
    }

    fn start(number: usize, workers: usize, app: &Arc<App>, hub: &Arc<Hub>) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let cache = {
            let _within = handle.enter();
            app.cache.of_worker()
        };
        let (running, ended) = oneshot::channel::<()>();
        thread::Builder::new().name(format!("worker-{number}")).spawn(move || {
            // Either way it is time to end.
            let _ = runtime.block_on(ended);
        })?;
        let ringer = Arc::<Ringer>::default();
        let ringing = ringer.clone();
        handle.spawn(async move { ringing.run().await });
        let desk = Arc::new(Desk {
            app: app.clone(),
            cache,
            flights: Flights::default(),
            kept: Arc::default(),
            load: Arc::default(),
            workers,
            hub: hub.clone(),
            ringer,
        });
        Ok(Self { handle, desk, clients: Arc::default(), _running: running })
    }

    /// Whether it has too much to do for more clients.
    pub(super) fn is_busy(&self) -> bool {
        self.desk.load.refuses_connections(self.desk.app.live().config.limits.reads)
    }

    /// What it has under way.
    pub(super) fn load(&self) -> Arc<Load> {
        self.desk.load.clone()
    }

    /// The answers that it keeps.
    pub(super) fn kept(&self) -> Arc<Kept> {
        self.desk.kept.clone()
    }

    /// Its event loop.
    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// How many clients it has.
    pub(super) fn clients(&self) -> usize {
        self.clients.load(Ordering::Relaxed)
    }

    /// Serves a client; `place` is given back when it is gone.
    pub(super) fn serve<P: Send + 'static>(
        &self,
        guest: Guest,
        place: P,
        signals: watch::Receiver<Signal>,
        sessions: &mut JoinSet<()>,
    ) {
        let client = Counted::new(&self.clients);
        let desk = self.desk.clone();
        let session = async move {
            if let Err(error) = serve(guest, desk, signals).await {
                tracing::debug!(%error, "a client's socket failed");
            }
            drop((client, place));
        };
        sessions.spawn_on(session, &self.handle);
    }
}

async fn serve(guest: Guest, desk: Arc<Desk>, signals: watch::Receiver<Signal>) -> io::Result<()> {
    let limit = desk.app.live().config.limits.handshake_timeout.get();
    let greeting = async {
        tokio::select! {
            greeted = timeout(limit, greet(guest, &desk.app)) => greeted?,
            () = last_greeting(signals.clone()) => Ok(None),
        }
    };
    // Each apart, so that a session that lasts takes no room for how it began.
    let greeted = Box::pin(greeting).await?;
    if let Some(upgraded) = greeted {
        Box::pin(session::run(upgraded, desk, signals)).await;
    }
    Ok(())
}

/// Waits until the server stops, and who has said nothing has had its time.
async fn last_greeting(mut signals: watch::Receiver<Signal>) {
    // An error means that it has stopped.
    let _ = signals.wait_for(|signal| signal.stops.is_some()).await;
    tokio::time::sleep(LAST_GREETING).await;
}

/// All that comes before a WebSocket is open.
async fn greet(guest: Guest, app: &Arc<App>) -> io::Result<Option<Upgraded>> {
    let Arrived { mut socket, tls, address } = guest.move_here()?;
    let mut certificate = None;
    if let Some(tls) = tls {
        (socket, certificate) = tls.accept(socket).await?;
    }
    let is_local = address.is_none_or(|address| address.is_loopback());
    Ok(http::handshake(socket, Peer { address, is_local, certificate }, app).await)
}

/// Counts as one for as long as it lives.
pub(super) struct Counted(Arc<AtomicUsize>);

impl Counted {
    pub(super) fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
