//! The only door to the data.
//!
//! A handler sees a [`View`]; a view resolves key patterns ([`Pattern`]) and sends commands of a closed
//! enum of reads ([`Read`]) through a [`Cache`], behind which lies a Redis or the embedded [`Store`].
//! Nothing here can write to Redis, and nothing outside of here can speak to it.

mod answer;
mod back;
mod command;
mod counts;
mod json;
mod key;
mod link;
mod near;
mod number;
mod page;
mod rights;
mod scan;
mod shape;
mod store;
mod stored;
mod time;
mod trace;
mod view;
mod walk;

use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

use futures_util::future::{Either, ready};
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};

pub use command::{Control, Read, Verb};
use counts::Counts;
pub(crate) use json::object_of;
pub use json::{Json, JsonList, JsonObject};
pub use key::{Glob, Key, MAX_VALUE_BYTES, Pattern, SlotError};
pub use link::{Address, Certificates, LinkSettings, LinkState, NodeState, Whereabouts};
pub use number::{difference, is_number};
pub use rights::{Denied, Probe, Rights, Setup, Writing, acl_line};
pub use shape::{Added, Shape};
pub use store::Store;
pub use stored::{Fields, Stored};
pub use view::{Found, Plan, Target, View};

pub(crate) use link::{Event, Means, Moves, Wish};
use link::{Links, Pool};
pub(crate) use near::{Basis, Near, Notes};
pub(crate) use page::Paging;
pub(crate) use scan::ScanLimits;
use scan::{ScanResult, Scans};
pub(crate) use trace::{Spent, Trace};

/// A shared handle to the cache; cheap to clone.
#[derive(Clone)]
pub struct Cache(Arc<Inner>);

struct Inner {
    backend: Backend,
    /// One for all threads.
    scans: Arc<Scans>,
    /// How many reads of many keys may run at once, each of which holds all that it has read.
    turns: Semaphore,
    /// Of all threads.
    counts: Arc<Counts>,
    near: Arc<Near>,
}

/// One of those among which the keys are; None: the server's own store, which has all.
struct Part(Option<Arc<Pool>>);

enum Backend {
    Redis(Links),
    Embedded(Store),
}

/// What Redis answers to a command.
type Answer = Result<redis::Value, CacheError>;

/// Why a command got no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheError {
    /// Redis cannot be reached, is loading, refuses the login or the command.
    Unavailable(Arc<str>),
    /// Redis did not answer in time.
    Timeout,
    /// The key holds another type.
    WrongType,
    /// More commands wait than the configuration allows.
    Overloaded,
    /// A defect of ours.
    Defect(Arc<str>),
}

impl CacheError {
    /// What can go wrong, by names for counters.
    pub(crate) const KINDS: [&str; 5] = ["unavailable", "timeout", "wrong_type", "overloaded", "defect"];

    /// Which of these it is.
    fn kind(&self) -> usize {
        match self {
            Self::Unavailable(_) => 0,
            Self::Timeout => 1,
            Self::WrongType => 2,
            Self::Overloaded => 3,
            Self::Defect(_) => 4,
        }
    }
}

impl fmt::Display for CacheError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(cause) => write!(f, "Redis is unavailable: {cause}"),
            Self::Timeout => f.write_str("Redis did not answer in time"),
            Self::WrongType => f.write_str("the key holds another type"),
            Self::Overloaded => f.write_str("too many commands are waiting"),
            Self::Defect(cause) => write!(f, "a defect: {cause}"),
        }
    }
}

impl std::error::Error for CacheError {}

impl Cache {
    /// A cache in Redis. Connects in the background, for ever; must be called within a tokio runtime.
    pub fn redis(settings: LinkSettings) -> Self {
        Self::new(Backend::Redis(Links::start(settings)), None)
    }

    /// The same cache by way of connections that are driven by the current tokio runtime.
    pub fn of_worker(&self) -> Self {
        match &self.0.backend {
            Backend::Redis(links) => {
                let links = Backend::Redis(links.of_worker());
                Self::new(links, Some(&self.0))
            }
            Backend::Embedded(_) => self.clone(),
        }
    }

    /// The embedded cache.
    pub fn embedded(store: Store) -> Self {
        Self::new(Backend::Embedded(store), None)
    }

    /// What is one for all threads is shared with another.
    fn new(backend: Backend, other: Option<&Inner>) -> Self {
        let turns = match &backend {
            Backend::Redis(links) => links.wide_reads(),
            Backend::Embedded(_) => Semaphore::MAX_PERMITS,
        };
        let (scans, counts, near) = match other {
            Some(other) => (other.scans.clone(), other.counts.clone(), other.near.clone()),
            None => Default::default(),
        };
        Self(Arc::new(Inner { backend, scans, turns: Semaphore::new(turns), counts, near }))
    }

    /// Sends one read, which may be sent whether or not its answer is waited for.
    pub(crate) fn read<'r>(&'r self, read: &'r Read) -> impl Future<Output = Answer> + Send + 'r {
        let asked = self.0.counts.ask(read.verb());
        let answer = match &self.0.backend {
            Backend::Redis(links) => Either::Left(links.read(read)),
            Backend::Embedded(store) => Either::Right(ready(store.read(read))),
        };
        async move {
            let answer = answer.await;
            asked.note(&answer);
            answer
        }
    }

    /// All among which the keys are, which must each be looked through to find some.
    async fn parts(&self) -> Result<Vec<Part>, CacheError> {
        match &self.0.backend {
            Backend::Redis(links) => {
                Ok(links.parts().await?.into_iter().map(|pool| Part(Some(pool))).collect())
            }
            Backend::Embedded(_) => Ok(vec![Part(None)]),
        }
    }

    /// Sends one read of one part.
    async fn read_part(&self, part: &Part, read: &Read) -> Answer {
        let Some(pool) = &part.0 else { return self.read(read).await };
        let asked = self.0.counts.ask(read.verb());
        let answer = pool.read(read).await;
        asked.note(&answer);
        answer
    }

    /// A number that is another when a cursor from before may be of no use any more.
    fn unrest(&self) -> u64 {
        match &self.0.backend {
            Backend::Redis(links) => links.unrest(),
            Backend::Embedded(_) => 0,
        }
    }

    /// What was asked of it.
    pub(crate) fn counts(&self) -> &Counts {
        &self.0.counts
    }

    /// What lets answers be kept.
    pub(crate) fn near(&self) -> &Arc<Near> {
        &self.0.near
    }

    /// How long a command may take, to be sent and to be answered.
    fn patience(&self) -> Duration {
        match &self.0.backend {
            Backend::Redis(links) => links.patience(),
            Backend::Embedded(_) => Duration::ZERO,
        }
    }

    /// How many commands may wait for an answer at least.
    fn may_wait(&self) -> usize {
        match &self.0.backend {
            Backend::Redis(links) => links.may_wait(),
            Backend::Embedded(_) => usize::MAX,
        }
    }

    /// Waits until another read of many keys may run, which it may for as long as the turn is held.
    async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // An error would mean that it is closed, which it never is.
        self.0.turns.acquire().await.ok()
    }

    async fn scan(&self, wanted: scan::Wanted, keep: Duration) -> Result<Arc<ScanResult>, CacheError> {
        self.0.scans.run(self, wanted, keep).await
    }

    /// A key has changed: a scan that did not find it is not kept.
    pub(crate) fn take_note_of(&self, key: &str) {
        self.0.scans.take_note_of(key);
    }

    /// Keys may have come that nobody told of: no scan's result is kept.
    pub(crate) fn forget_scans(&self) {
        self.0.scans.forget();
    }

    /// Listens to what the cache tells by itself: what one wants to hear, of what may be wished for, goes in; what
    /// happens comes out. Must be called within a tokio runtime.
    pub(crate) fn listen(
        &self,
        may_wish: &BTreeSet<Wish>,
        wishes: mpsc::Receiver<Wish>,
        events: mpsc::Sender<Event>,
    ) {
        match &self.0.backend {
            Backend::Redis(links) => {
                let channels = may_wish.iter().filter_map(Wish::channels).cloned().collect();
                self.0.near.allow(may_wish.iter().filter_map(Wish::keys).map(str::to_owned).collect());
                links.listen(channels, wishes, events, self.0.near.clone());
            }
            Backend::Embedded(store) => {
                tokio::spawn(store.clone().listen_to_all(wishes, events));
            }
        }
    }

    /// Whether it is the embedded one, which has no users and no rights.
    pub fn is_embedded(&self) -> bool {
        matches!(self.0.backend, Backend::Embedded(_))
    }

    /// How the cache is right now.
    pub fn state(&self) -> LinkState {
        match &self.0.backend {
            Backend::Redis(links) => links.state(),
            Backend::Embedded(_) => LinkState::of_none("embedded"),
        }
    }

    /// Tells when another Redis has taken the place of the one that is read.
    pub(crate) fn moves(&self) -> Moves {
        match &self.0.backend {
            Backend::Redis(links) => links.moves(),
            Backend::Embedded(_) => Moves::none(),
        }
    }

    /// Waits until there is a connection.
    pub async fn connected(&self) {
        if let Backend::Redis(links) = &self.0.backend {
            links.connected().await;
        }
    }

    /// Waits until the first attempt to connect has gone one way or the other.
    pub async fn settled(&self) {
        if let Backend::Redis(links) = &self.0.backend {
            links.settled().await;
        }
    }

    /// What the Redis user may and may not do. None for the embedded cache, which has no users.
    pub async fn rights(&self, probes: &[Probe]) -> Result<Option<Rights>, CacheError> {
        match &self.0.backend {
            Backend::Redis(links) => rights::examine(links, probes).await.map(Some),
            Backend::Embedded(_) => Ok(None),
        }
    }
}
