//! Lets clients in, counts them, and gives each to a thread that has room.

use std::{
    iter,
    net::IpAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Semaphore, mpsc, watch},
    task::JoinSet,
};

use super::{
    App, Listener, Signal,
    http::{self, TooMany},
    listen::{Arrived, Guest},
    pages,
    worker::Worker,
};
use crate::{access::AddressPlace, config::Limits, counted::Counted};

/// How many clients that are one too many are told so at a time; the others are cut off.
const REFUSALS_AT_ONCE: usize = 64;

/// What clients come in by. Dropped, it is shut.
pub(super) struct Doors {
    /// Those who were let in. There are no more when the server stops and whoever waited was let in.
    pub(super) guests: mpsc::Receiver<Guest>,
    _keepers: JoinSet<()>,
}

impl Doors {
    /// Opens them until `stop` changes.
    pub(super) fn open(listeners: Vec<Listener>, app: &Arc<App>, stop: &watch::Receiver<bool>) -> Self {
        // A place for each, which it takes before it lets anyone in.
        let (sender, guests) = mpsc::channel(listeners.len().max(1));
        let may_wait = usize::try_from(app.live().config.listen.backlog).unwrap_or(usize::MAX);
        let mut keepers = JoinSet::new();
        for listener in listeners {
            match listener.is_for_metrics() {
                true => keepers.spawn(serve_metrics(listener, app.clone(), stop.clone())),
                false => keepers.spawn(let_in(listener, sender.clone(), may_wait, stop.clone())),
            };
        }
        Self { guests, _keepers: keepers }
    }
}

/// Lets guests in, one after another, until the server stops; then up to `may_wait` who wait already.
async fn let_in(
    listener: Listener,
    guests: mpsc::Sender<Guest>,
    may_wait: usize,
    mut stop: watch::Receiver<bool>,
) {
    let mut stopped = pin!(stop.wait_for(|stop| *stop));
    loop {
        // First, for whoever was let in must not be lost.
        let Ok(place) = guests.reserve().await else { return };
        let accepted = tokio::select! {
            biased;
            _ = &mut stopped => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok(guest) => place.send(guest),
            Err(error) => {
                // Out of file descriptors, most likely: give sessions time to end.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    for guest in iter::from_fn(|| listener.left_waiting()).take(may_wait) {
        if guests.send(guest).await.is_err() {
            return;
        }
    }
}

/// Serves those who watch over the server, until the last client is gone: how it stops is to be seen, too. At a socket
/// that was handed over the next server does that.
async fn serve_metrics(listener: Listener, app: Arc<App>, mut stop: watch::Receiver<bool>) {
    let is_handed_over = listener.is_handed_over();
    tokio::select! {
        () = pages::serve_metrics(listener, app) => {}
        _ = stop.wait_for(|stop| *stop), if is_handed_over => {}
    }
}

/// Where those go who were let in.
pub(super) struct Reception {
    app: Arc<App>,
    workers: Vec<Worker>,
    guests: Arc<AtomicUsize>,
    refusals: Arc<Semaphore>,
    /// What all sessions are told.
    pub(super) signals: watch::Sender<Signal>,
    pub(super) sessions: JoinSet<()>,
}

impl Reception {
    pub(super) fn new(app: Arc<App>, workers: Vec<Worker>) -> Self {
        Self {
            app,
            workers,
            guests: Arc::default(),
            refusals: Arc::new(Semaphore::new(REFUSALS_AT_ONCE)),
            signals: watch::Sender::default(),
            sessions: JoinSet::new(),
        }
    }

    /// Gives a guest to a worker, or turns it away.
    pub(super) fn receive(&mut self, guest: Guest) {
        let place = self.place(guest.address());
        let free = self.workers.iter().filter(|worker| !worker.is_busy());
        let worker = free.min_by_key(|worker| worker.clients());
        match place.and_then(|place| Ok((place, worker.ok_or(TooMany::Busy)?))) {
            Ok((place, worker)) => worker.serve(guest, place, self.signals.subscribe(), &mut self.sessions),
            Err(why) => {
                self.app.stats.refused(why.into());
                turn_away(guest, why, &self.refusals);
            }
        }
    }

    /// A place among all, and among those of its address.
    fn place(&self, address: Option<IpAddr>) -> Result<(Counted, Option<AddressPlace>), TooMany> {
        let live = self.app.live();
        let Limits { connections, connections_per_address, .. } = live.config.limits;
        // Who stands behind a proxy is known later.
        let is_own = |address: &IpAddr| address.is_loopback() || live.config.listen.trusts(Some(*address));
        let of_address = match address.filter(|address| !is_own(address)) {
            None => Ok(None),
            Some(address) => match self.app.shares.connection_of(address, connections_per_address) {
                Some(place) => Ok(Some(place)),
                None => Err(TooMany::OfAddress),
            },
        };
        let counted = Counted::new(&self.guests);
        match self.guests.load(Ordering::Relaxed) <= connections {
            true => of_address.map(|of_address| (counted, of_address)),
            false => Err(TooMany::InAll),
        }
    }
}

/// Tells a guest that it is one too many, unless too many are being told.
fn turn_away(guest: Guest, why: TooMany, refusals: &Arc<Semaphore>) {
    let Ok(refusal) = refusals.clone().try_acquire_owned() else { return };
    tokio::spawn(async move {
        // One that waits to be greeted by TLS could not read it.
        if let Ok(Arrived { socket, tls: None, .. }) = guest.move_here() {
            http::refuse(socket, why).await;
        }
        drop(refusal);
    });
}
