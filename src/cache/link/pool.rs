//! The connections of one worker to one Redis.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{
    FutureExt as _,
    future::{Either, ready},
};
use redis::{Cmd, Value as Reply};
use tokio::sync::{mpsc, oneshot, watch};

use super::{
    Address, Answer, CacheError, Control, LinkSettings, Outage,
    supervisor::{FIRST_BACKOFF, Link, MOST_IN_BATCH},
};
use crate::cache::Read;

/// A command that waits for its answer.
pub(super) struct Job {
    pub(super) cmd: Cmd,
    /// Whether it is for a key that is on its way to that node.
    pub(super) is_asking: bool,
    pub(super) since: Instant,
    /// None when it has its answer.
    pub(super) answer: Option<oneshot::Sender<Answer>>,
}

impl Job {
    pub(super) fn answer(&mut self, answer: Answer) {
        if let Some(waiting) = self.answer.take() {
            // Whoever asked may be gone.
            let _ = waiting.send(answer);
        }
    }

    pub(super) fn is_waited_for(&self) -> bool {
        self.answer.as_ref().is_some_and(|waiting| !waiting.is_closed())
    }

    /// Answers it with an error if it has waited for so long, and says whether.
    pub(super) fn expire(&mut self, now: Instant, limit: Duration, error: &CacheError) -> bool {
        let is_over = now.saturating_duration_since(self.since) >= limit;
        if is_over {
            self.answer(Err(error.clone()));
        }
        is_over
    }
}

/// What all connections to one Redis share, and tell the outside.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) outage: watch::Sender<Option<Outage>>,
    pub(super) up: AtomicUsize,
    pub(super) latency_us: AtomicU64,
    pub(super) server: Mutex<ServerFacts>,
    pub(super) totals: Arc<Totals>,
}

/// Since the start, of all connections, to whichever Redis.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) reconnects: AtomicU64,
    pub(super) commands: AtomicU64,
    pub(super) batches: AtomicU64,
}

#[derive(Debug, Default, Clone)]
pub(super) struct ServerFacts {
    pub(super) version: Option<String>,
    pub(super) role: Option<String>,
    /// `standalone`, `cluster` or `sentinel`.
    pub(super) mode: Option<String>,
    /// Whether it tells nothing by itself, for it does not speak RESP3.
    pub(super) is_mute: bool,
}

impl Shared {
    pub(super) fn new(totals: Arc<Totals>) -> Self {
        Self {
            outage: watch::Sender::new(Some(Outage::Starting)),
            up: AtomicUsize::new(0),
            latency_us: AtomicU64::new(0),
            server: Mutex::default(),
            totals,
        }
    }

    pub(super) fn facts(&self) -> ServerFacts {
        self.server.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until there is a connection.
    pub(super) async fn connected(&self) {
        // An error means that the connections are gone, and nothing is left to wait for.
        let _ = self.outage.subscribe().wait_for(Option::is_none).await;
    }

    /// Waits until the first connection is made or has failed.
    pub(super) async fn settled(&self) {
        let is_settled = |outage: &Option<Outage>| !matches!(outage, Some(Outage::Starting));
        // An error means that the connections are gone, which is settled too.
        let _ = self.outage.subscribe().wait_for(is_settled).await;
    }
}

/// The connection for reads that are answered at once; all further ones are for long answers.
const POINT: usize = 0;

/// As many connections to one Redis as a worker has.
pub(in crate::cache) struct Pool {
    links: Vec<mpsc::Sender<Job>>,
    next: AtomicUsize,
    at: Option<Address>,
    shared: Arc<Shared>,
}

impl Pool {
    /// Must be called within the runtime that is to drive the connections. Without `serves` it is a single one, for what
    /// is asked at start.
    pub(super) fn connect(settings: &Arc<LinkSettings>, shared: Arc<Shared>, serves: bool) -> Self {
        let count = if serves { settings.connections.max(1) } else { 1 };
        let links = (0..count).map(|index| {
            let (jobs, queue) = mpsc::channel(settings.may_wait());
            let link = Link {
                settings: settings.clone(),
                queue,
                waiting: VecDeque::new(),
                shared: shared.clone(),
                backoff: FIRST_BACKOFF,
                most_in_batch: if index == POINT { MOST_IN_BATCH } else { 1 },
                counts: usize::from(serves),
                was_up: false,
            };
            tokio::spawn(link.run());
            jobs
        });
        let at = settings.whereabouts.node().cloned();
        Self { links: links.collect(), next: AtomicUsize::new(0), at, shared }
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The host that it is at, if it is a node of a cluster.
    pub(super) fn host(&self) -> &str {
        self.at.as_ref().map_or("", Address::host)
    }

    /// Sends a read, at once. One connection is kept for what is answered at once, so that a quick read never
    /// stands behind a big hash.
    pub(in crate::cache) fn read(&self, read: &Read) -> impl Future<Output = Answer> + Send + use<> {
        self.try_to_read(read, false, Instant::now()).map(|answer| answer.and_then(sort_out))
    }

    /// The same for who has waited since then already. A refusal of Redis is an answer.
    pub(super) fn try_to_read(
        &self,
        read: &Read,
        is_asking: bool,
        since: Instant,
    ) -> impl Future<Output = Answer> + Send + use<> {
        let bulk = self.links.len() - 1;
        let index = match read.verb().is_bulk() && bulk > 0 {
            true => 1 + self.next.fetch_add(1, Ordering::Relaxed) % bulk,
            false => POINT,
        };
        self.send(index, read.to_redis(), is_asking, since)
    }

    pub(in crate::cache) async fn control(&self, control: Control) -> Answer {
        sort_out(self.send(self.links.len() - 1, control.to_redis(), false, Instant::now()).await?)
    }

    fn send(
        &self,
        index: usize,
        cmd: Cmd,
        is_asking: bool,
        since: Instant,
    ) -> impl Future<Output = Answer> + Send + use<> {
        let (answer, answered) = oneshot::channel();
        let job = Job { cmd, is_asking, since, answer: Some(answer) };
        match self.links[index].try_send(job) {
            Ok(()) => Either::Left(answered.map(|answer| answer.unwrap_or_else(|_| Err(stopped())))),
            Err(mpsc::error::TrySendError::Full(_)) => Either::Right(ready(Err(CacheError::Overloaded))),
            Err(mpsc::error::TrySendError::Closed(_)) => Either::Right(ready(Err(stopped()))),
        }
    }
}

fn stopped() -> CacheError {
    CacheError::Unavailable("the server is stopping".into())
}

/// What Redis refuses is an error.
pub(super) fn sort_out(answer: Reply) -> Answer {
    match answer {
        Reply::ServerError(error) if error.code() == "WRONGTYPE" => Err(CacheError::WrongType),
        Reply::ServerError(error) => {
            let details = error.details().unwrap_or_default();
            Err(CacheError::Unavailable(format!("{} {details}", error.code()).into()))
        }
        answer => Ok(answer),
    }
}
