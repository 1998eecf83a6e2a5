//! The connections to Redis, each supervised: commands of many clients go out in one write, a lost
//! connection is made again for ever, and every command is answered within its time.

mod feed;
mod open;
mod sentinels;
mod settings;
mod supervisor;
mod whereabouts;

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use redis::{Cmd, Value as Reply};
use tokio::{
    sync::{Semaphore, mpsc, oneshot, watch},
    task::JoinSet,
};

use super::{CacheError, Control, Glob, Near, Verb};
pub(crate) use feed::{Event, Means, Wish};
pub use settings::{Address, LinkSettings, LinkState};
use supervisor::{FIRST_BACKOFF, Link, MOST_IN_BATCH};
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
            Self::Moved => CacheError::Unavailable("the sentinels name another master".into()),
            Self::Down(cause) => CacheError::Unavailable(cause.clone()),
        }
    }
}

struct Job {
    cmd: Cmd,
    since: Instant,
    /// None when it has its answer.
    answer: Option<oneshot::Sender<Result<Reply, CacheError>>>,
}

impl Job {
    fn answer(&mut self, answer: Result<Reply, CacheError>) {
        if let Some(waiting) = self.answer.take() {
            // Whoever asked may be gone.
            let _ = waiting.send(answer);
        }
    }

    fn is_waited_for(&self) -> bool {
        self.answer.as_ref().is_some_and(|waiting| !waiting.is_closed())
    }

    /// Answers it with an error if it has waited for so long, and says whether.
    fn expire(&mut self, now: Instant, limit: Duration, error: &CacheError) -> bool {
        let is_over = now.saturating_duration_since(self.since) >= limit;
        if is_over {
            self.answer(Err(error.clone()));
        }
        is_over
    }
}

/// What the connections tell the outside.
#[derive(Debug, Default)]
struct Shared {
    /// How many connections there should be.
    links: AtomicU64,
    up: AtomicUsize,
    connects: AtomicU64,
    commands: AtomicU64,
    batches: AtomicU64,
    latency_us: AtomicU64,
    server: Mutex<ServerFacts>,
}

#[derive(Debug, Default, Clone)]
struct ServerFacts {
    version: Option<String>,
    role: Option<String>,
    /// Whether it tells nothing by itself, for it does not speak RESP3.
    is_mute: bool,
}

/// The connection for reads that are answered at once; all further ones are for long answers.
const POINT: usize = 0;

/// Connections to one Redis, all driven by one runtime.
pub(in crate::cache) struct Links {
    links: Vec<mpsc::Sender<Job>>,
    next: AtomicUsize,
    settings: Arc<LinkSettings>,
    outage: watch::Sender<Option<Outage>>,
    shared: Arc<Shared>,
    /// What looks out for moves of Redis, which ends with this.
    lookout: JoinSet<()>,
}

impl Links {
    /// One connection, for what is asked at start. Workers have more.
    pub(in crate::cache) fn start(settings: LinkSettings) -> Self {
        if settings.whereabouts.needs_tls() {
            // An error means that this process has chosen already.
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        }
        let lookout = settings.whereabouts.lookout(settings.connect_timeout);
        let outage = watch::Sender::new(Some(Outage::Starting));
        let mut links = Self::connect(false, Arc::new(settings), outage, Arc::default());
        if let Some(lookout) = lookout {
            links.lookout.spawn(lookout);
        }
        links
    }

    /// As many connections to the same Redis as a worker has.
    pub(in crate::cache) fn of_worker(&self) -> Self {
        Self::connect(true, self.settings.clone(), self.outage.clone(), self.shared.clone())
    }

    fn connect(
        serves: bool,
        settings: Arc<LinkSettings>,
        outage: watch::Sender<Option<Outage>>,
        shared: Arc<Shared>,
    ) -> Self {
        let count = if serves { settings.connections.max(1) } else { 1 };
        shared.links.fetch_add(count as u64, Ordering::Relaxed);
        let links = (0..count).map(|index| {
            let (jobs, queue) = mpsc::channel(settings.may_wait());
            let link = Link {
                settings: settings.clone(),
                queue,
                waiting: VecDeque::new(),
                outage: outage.clone(),
                shared: shared.clone(),
                backoff: FIRST_BACKOFF,
                most_in_batch: if index == POINT { MOST_IN_BATCH } else { 1 },
                counts: usize::from(serves),
            };
            tokio::spawn(link.run());
            jobs
        });
        Self {
            links: links.collect(),
            next: AtomicUsize::new(0),
            settings,
            outage,
            shared,
            lookout: JoinSet::new(),
        }
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

    /// Tells when Redis has moved.
    pub(in crate::cache) fn moves(&self) -> Moves {
        self.settings.whereabouts.moves()
    }

    /// How many reads of many keys may run at once.
    pub(in crate::cache) fn wide_reads(&self) -> usize {
        self.settings.wide_reads.clamp(1, Semaphore::MAX_PERMITS)
    }

    /// How many commands may wait for each connection.
    pub(in crate::cache) fn may_wait(&self) -> usize {
        self.settings.may_wait()
    }

    /// Sends a read. One connection is kept for what is answered at once, so that a quick read never
    /// stands behind a big hash.
    pub(in crate::cache) async fn send_read(&self, verb: Verb, cmd: Cmd) -> Result<Reply, CacheError> {
        let bulk = self.links.len() - 1;
        let index = match verb.is_bulk() && bulk > 0 {
            true => 1 + self.next.fetch_add(1, Ordering::Relaxed) % bulk,
            false => POINT,
        };
        self.send(index, cmd).await
    }

    pub(in crate::cache) async fn send_control(&self, control: Control) -> Result<Reply, CacheError> {
        self.send(self.links.len() - 1, control.to_redis()).await
    }

    async fn send(&self, index: usize, cmd: Cmd) -> Result<Reply, CacheError> {
        let (answer, answered) = oneshot::channel();
        let job = Job { cmd, since: Instant::now(), answer: Some(answer) };
        self.links[index].try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => CacheError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => stopped(),
        })?;
        answered.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// Waits until a connection is made.
    pub(in crate::cache) async fn connected(&self) {
        let mut outage = self.outage.subscribe();
        // An error means that the connections are gone, and nothing is left to wait for.
        let _ = outage.wait_for(Option::is_none).await;
    }

    /// Waits until the first connection is made or has failed.
    pub(in crate::cache) async fn settled(&self) {
        let mut outage = self.outage.subscribe();
        // An error means that the connections are gone, which is settled too.
        let _ = outage.wait_for(|outage| !matches!(outage, Some(Outage::Starting))).await;
    }

    pub(in crate::cache) fn state(&self) -> LinkState {
        let outage = self.outage.borrow().clone();
        let facts = self.shared.server.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let latency = load(&self.shared.latency_us);
        let (address, sentinel) = self.settings.whereabouts.known();
        LinkState {
            state: match &outage {
                _ if self.shared.up.load(Ordering::Relaxed) > 0 => "connected",
                None => "connected",
                Some(Outage::Starting | Outage::Moved) => "connecting",
                Some(Outage::Silent) => "silent",
                Some(Outage::Down(_)) => "unreachable",
            },
            cause: match outage {
                Some(Outage::Down(cause)) => Some(cause.to_string()),
                _ => None,
            },
            address,
            sentinel,
            version: facts.version,
            role: facts.role,
            connections: self.shared.up.load(Ordering::Relaxed),
            reconnects: load(&self.shared.connects).saturating_sub(load(&self.shared.links)),
            commands: load(&self.shared.commands),
            batches: load(&self.shared.batches),
            latency_ms: (latency > 0).then(|| latency as f64 / 1000.0),
        }
    }
}

fn stopped() -> CacheError {
    CacheError::Unavailable("the server is stopping".into())
}
