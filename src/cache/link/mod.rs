//! The connections to Redis, each supervised: commands of many clients go out in one write, a lost
//! connection is made again for ever, and every command is answered within its time. A Redis may be many: the nodes of
//! a cluster.

mod choice;
mod cluster;
mod feed;
mod inquiry;
mod line;
mod map;
mod open;
mod pool;
mod router;
mod sentinels;
mod settings;
mod slots;
mod supervisor;
mod whereabouts;

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures_util::{FutureExt as _, future::Either};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
};

use super::{Answer, CacheError, Control, Glob, Near, Read, Setup};
pub(crate) use feed::{Event, Means, Wish};
pub(in crate::cache) use pool::Pool;
use pool::Shared;
use router::Router;
pub use settings::{Address, Certificates, LinkSettings, LinkState, NodeState};
pub(crate) use whereabouts::Moves;
pub use whereabouts::Whereabouts;

/// Why there is no connection.
#[derive(Debug, Clone)]
enum Outage {
    /// The first attempt is under way.
    Starting,
    /// Redis takes connections or commands, and does not answer them.
    Silent,
    /// Redis is elsewhere by now.
    Moved,
    /// Redis, or the network, says no.
    Down(Arc<str>),
}

impl Outage {
    /// Whether a command waits for the end of the outage, within its time, or is refused at once.
    fn is_waited_for(&self) -> bool {
        !matches!(self, Self::Down(_))
    }

    fn error(&self) -> CacheError {
        match self {
            Self::Starting => CacheError::Unavailable("the first connection is still being made".into()),
            Self::Silent => CacheError::Timeout,
            Self::Moved => CacheError::Unavailable("another Redis is read by now".into()),
            Self::Down(cause) => CacheError::Unavailable(cause.clone()),
        }
    }

    /// In a word, for those outside.
    fn state(&self) -> &'static str {
        match self {
            Self::Starting | Self::Moved => "connecting",
            Self::Silent => "silent",
            Self::Down(_) => "unreachable",
        }
    }

    fn cause(&self) -> Option<String> {
        match self {
            Self::Down(cause) => Some(cause.to_string()),
            _ => None,
        }
    }
}

/// The connections of one worker, all driven by one runtime.
pub(in crate::cache) struct Links {
    settings: Arc<LinkSettings>,
    to: To,
    /// What looks out for moves of Redis, which ends with this.
    _lookout: JoinSet<()>,
}

enum To {
    /// One Redis, wherever it is.
    One(Arc<Pool>),
    /// The masters of a cluster.
    Cluster(Router),
}

impl Links {
    /// One connection to each Redis, for what is asked at start. Workers have more.
    pub(in crate::cache) fn start(settings: LinkSettings) -> Self {
        if settings.whereabouts.needs_tls() {
            // An error means that this process has chosen already.
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        }
        let settings = Arc::new(settings);
        let to = match settings.whereabouts.cluster() {
            Some(cluster) => To::Cluster(Router::start(cluster.clone(), settings.clone(), false)),
            None => {
                let shared = Arc::new(Shared::new(Arc::default()));
                To::One(Arc::new(Pool::connect(&settings, shared, false)))
            }
        };
        let mut lookout = JoinSet::new();
        if let Some(look_out) = settings.whereabouts.lookout(settings.connect_timeout) {
            lookout.spawn(look_out);
        }
        Self { settings, to, _lookout: lookout }
    }

    /// As many connections to the same Redis as a worker has.
    pub(in crate::cache) fn of_worker(&self) -> Self {
        let settings = self.settings.clone();
        let to = match &self.to {
            To::One(pool) => To::One(Arc::new(Pool::connect(&settings, pool.shared().clone(), true))),
            To::Cluster(router) => {
                To::Cluster(Router::start(router.cluster().clone(), settings.clone(), true))
            }
        };
        Self { settings, to, _lookout: JoinSet::new() }
    }

    /// Listens to what Redis tells by itself, on a connection of its own: what one wants to hear goes in,
    /// of these channels and any keys; what happens comes out.
    pub(in crate::cache) fn listen(
        &self,
        channels: Vec<Glob>,
        wishes: mpsc::Receiver<Wish>,
        events: mpsc::Sender<Event>,
        near: Arc<Near>,
    ) {
        tokio::spawn(feed::Listener::new(self.settings.clone(), wishes, events, channels, near).run());
    }

    /// The Redis user that is logged in.
    pub(in crate::cache) fn user(&self) -> &str {
        self.settings.whereabouts.user()
    }

    /// What it is made of.
    pub(in crate::cache) fn setup(&self) -> Setup {
        match self.to {
            To::Cluster(_) => Setup::Cluster,
            To::One(_) if self.settings.whereabouts.allows_replicas() => Setup::Replicas,
            To::One(_) => Setup::One,
        }
    }

    /// Tells when Redis has moved.
    pub(in crate::cache) fn moves(&self) -> Moves {
        self.settings.whereabouts.moves()
    }

    /// How many reads of many keys may run at once.
    pub(in crate::cache) fn wide_reads(&self) -> usize {
        self.settings.wide_reads.clamp(1, Semaphore::MAX_PERMITS)
    }

    /// How long a command may take at the most: it may wait as long to be sent, or to be sent on, as for its answer.
    pub(in crate::cache) fn patience(&self) -> Duration {
        self.settings.response_timeout.saturating_mul(2)
    }

    /// How many commands may wait for each connection.
    pub(in crate::cache) fn may_wait(&self) -> usize {
        self.settings.may_wait()
    }

    /// Sends a read of a key to where the key is: at once, in a cluster when it is waited for.
    pub(in crate::cache) fn read<'r>(&'r self, read: &'r Read) -> impl Future<Output = Answer> + Send + 'r {
        match &self.to {
            To::One(pool) => Either::Left(pool.read(read)),
            To::Cluster(router) => {
                // What a read may have to go through in a cluster takes no room where there is none.
                Either::Right(router.read(read).boxed())
            }
        }
    }

    /// Every Redis among which the keys are: one, or the masters of a cluster.
    pub(in crate::cache) async fn parts(&self) -> Result<Vec<Arc<Pool>>, CacheError> {
        match &self.to {
            To::One(pool) => Ok(vec![pool.clone()]),
            To::Cluster(router) => router.masters().await,
        }
    }

    /// A number that is another when a cursor from before may be of no use any more: keys went elsewhere, or a
    /// connection is a new one, maybe to another Redis.
    pub(in crate::cache) fn unrest(&self) -> u64 {
        let (totals, moved) = match &self.to {
            To::One(pool) => (&pool.shared().totals, 0),
            To::Cluster(router) => (router.cluster().totals(), router.cluster().unrest()),
        };
        moved + totals.reconnects.load(Ordering::Relaxed)
    }

    /// Waits until a connection is made, to each part.
    pub(in crate::cache) async fn connected(&self) {
        match &self.to {
            To::One(pool) => pool.shared().connected().await,
            To::Cluster(router) => router.connected().await,
        }
    }

    /// Waits until the first connection is made or has failed.
    pub(in crate::cache) async fn settled(&self) {
        match &self.to {
            To::One(pool) => pool.shared().settled().await,
            To::Cluster(router) => router.settled().await,
        }
    }

    pub(in crate::cache) fn state(&self) -> LinkState {
        let mut state = match &self.to {
            To::One(pool) => state_of(pool.shared()),
            To::Cluster(router) => router.state(),
        };
        (state.address, state.sentinel) = self.settings.whereabouts.known();
        state
    }
}

/// How one Redis is.
fn state_of(shared: &Shared) -> LinkState {
    let outage = shared.outage.borrow().clone();
    let facts = shared.facts();
    let connections = shared.up.load(Ordering::Relaxed);
    let latency = shared.latency_us.load(Ordering::Relaxed);
    let outage = outage.filter(|_| connections == 0);
    LinkState {
        state: outage.as_ref().map_or("connected", Outage::state),
        cause: outage.as_ref().and_then(Outage::cause),
        version: facts.version,
        role: facts.role,
        connections,
        reconnects: shared.totals.reconnects.load(Ordering::Relaxed),
        commands: shared.totals.commands.load(Ordering::Relaxed),
        batches: shared.totals.batches.load(Ordering::Relaxed),
        latency_ms: (latency > 0).then(|| latency as f64 / 1000.0),
        ..LinkState::of_none("connecting")
    }
}
