//! What serves clients: as many workers as there are threads. Each worker has its own connections to Redis and its own
//! kept answers, so that few wait for the same lock; whichever thread is free goes on with what any of them has to do,
//! so that nobody waits behind another's long answer while a thread has nothing to do.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use hashbrown::DefaultHashBuilder;
use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::watch,
    task::JoinSet,
    time::timeout,
};

use super::{
    App, Signal,
    asking::Desk,
    caller::Peer,
    flights::Flights,
    http::{self, Upgraded},
    kept::Kept,
    listen::{Arrived, Guest},
    session,
};
use crate::{
    access::Load,
    config::Limits,
    counted::Counted,
    streams::{Hub, Tellers},
};

/// How long who was let in may still take to open a WebSocket, or to ask for a page, when the server stops.
const LAST_GREETING: Duration = Duration::from_secs(3);

/// The threads that serve clients, and those that tell them of changes. They end, and all clients with them, when this is
/// dropped.
struct Threads {
    runtime: Option<Runtime>,
    hub: Arc<Hub>,
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.hub.tellers.end();
        // It is dropped where nothing may wait.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A part of the clients, and what serves them.
pub(super) struct Worker {
    handle: Handle,
    desk: Arc<Desk>,
    clients: Arc<AtomicUsize>,
    /// The last one ends them.
    _threads: Arc<Threads>,
}

impl Worker {
    /// Starts as many as the configuration says, and for each a thread, and a teller.
    pub(super) fn start_all(app: &Arc<App>, hub: &Arc<Hub>) -> io::Result<Vec<Self>> {
        let count = match app.live().config.listen.workers {
            0 => thread::available_parallelism().map_or(1, usize::from),
            count => count,
        };
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(count).thread_name("worker").enable_all().build()?;
        let handle = runtime.handle().clone();
        let threads = Arc::new(Threads { runtime: Some(runtime), hub: hub.clone() });
        Tellers::start(hub, count, &handle)?;
        Ok((0..count).map(|_| Self::start(&handle, &threads, count, app, hub)).collect())
    }

    fn start(
        handle: &Handle,
        threads: &Arc<Threads>,
        workers: usize,
        app: &Arc<App>,
        hub: &Arc<Hub>,
    ) -> Self {
        let cache = {
            let _within = handle.enter();
            app.cache.of_worker()
        };
        let desk = Arc::new(Desk {
            app: app.clone(),
            cache,
            hasher: DefaultHashBuilder::default(),
            flights: Flights::default(),
            kept: Arc::default(),
            load: Arc::default(),
            workers,
            hub: hub.clone(),
        });
        Self { handle: handle.clone(), desk, clients: Arc::default(), _threads: threads.clone() }
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

    /// What runs on the threads goes by this.
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
        // Each apart: what a task is made of takes room for as long as it lasts, and a session lasts.
        let greeting = Box::pin(greet_in_time(guest, desk.app.clone(), signals.clone()));
        let session = async move {
            match greeting.await {
                Ok(Some(upgraded)) => Box::pin(session::run(upgraded, desk, signals)).await,
                Ok(None) => {}
                Err(error) => tracing::debug!(%error, "a client's socket failed"),
            }
            drop((client, place));
        };
        sessions.spawn_on(session, &self.handle);
    }
}

/// All that comes before a WebSocket is open, within the time that there is for it.
async fn greet_in_time(
    guest: Guest,
    app: Arc<App>,
    signals: watch::Receiver<Signal>,
) -> io::Result<Option<Box<Upgraded>>> {
    let Limits { handshake_timeout, unsent_bytes, .. } = app.live().config.limits;
    guest.limit_unsent(unsent_bytes);
    tokio::select! {
        greeted = timeout(handshake_timeout.get(), greet(guest, &app)) => greeted?,
        () = last_greeting(signals) => Ok(None),
    }
}

/// Waits until the server stops, and who has said nothing has had its time.
async fn last_greeting(mut signals: watch::Receiver<Signal>) {
    // An error means that it has stopped.
    let _ = signals.wait_for(|signal| signal.stops.is_some()).await;
    tokio::time::sleep(LAST_GREETING).await;
}

async fn greet(guest: Guest, app: &Arc<App>) -> io::Result<Option<Box<Upgraded>>> {
    let Arrived { mut socket, tls, address } = guest.move_here()?;
    let mut certificate = None;
    if let Some(tls) = tls {
        (socket, certificate) = tls.accept(socket).await?;
    }
    let is_local = address.is_none_or(|address| address.is_loopback());
    let upgraded = http::handshake(socket, Peer { address, is_local, certificate }, app).await;
    Ok(upgraded.map(Box::new))
}
