//! A Redis Cluster: who has which slots, found out in one place for all connections.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use redis::{aio::MultiplexedConnection, from_redis_value};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep, timeout},
};

use super::{
    Address, Control, Outage,
    inquiry::{BEAT, first_answer, put, reach},
    map::Map,
    pool::{Shared, Totals},
    whereabouts::Moves,
};

/// The least time between two times that the nodes are asked, however many want it.
const PAUSE: Duration = Duration::from_millis(100);

/// The nodes of a cluster, and what they said last.
#[derive(Debug)]
pub(super) struct Cluster {
    /// Where it is asked first.
    seeds: Vec<Address>,
    /// How its nodes are spoken to, wherever they are.
    spoken_to: Address,
    map: watch::Sender<Option<Arc<Map>>>,
    /// How many times the masters were others than before.
    moves: watch::Sender<u64>,
    /// How it went when the nodes were asked last.
    round: watch::Sender<Option<Round>>,
    /// Rings when they are to be asked before their time.
    doubt: Notify,
    /// How many times a slot was found to be elsewhere, or on its way.
    unrest: AtomicU64,
    /// What all connections to a node share, by its address.
    nodes: Mutex<HashMap<String, Weak<Shared>>>,
    totals: Arc<Totals>,
}

/// Once that the nodes were asked.
#[derive(Debug, Clone)]
struct Round {
    begun: Instant,
    outcome: Result<(), Arc<str>>,
}

/// Connections on which nodes are asked, by where they are.
type Kept = HashMap<String, MultiplexedConnection>;

/// Why an answer of a node is not taken over.
enum Complaint {
    /// There is none, or it makes no sense.
    None(String),
    /// It is older than what is known.
    Old(Arc<Map>),
}

impl Cluster {
    pub(super) fn new(seeds: Vec<Address>, spoken_to: Address) -> Self {
        Self {
            seeds,
            spoken_to,
            map: watch::Sender::new(None),
            moves: watch::Sender::new(0),
            round: watch::Sender::new(None),
            doubt: Notify::new(),
            unrest: AtomicU64::new(0),
            nodes: Mutex::default(),
            totals: Arc::default(),
        }
    }

    pub(super) fn spoken_to(&self) -> &Address {
        &self.spoken_to
    }

    /// Tells of every change of who has which slots.
    pub(super) fn changes(&self) -> watch::Receiver<Option<Arc<Map>>> {
        self.map.subscribe()
    }

    /// Tells when the masters are others.
    pub(super) fn moves(&self) -> Moves {
        Moves::counted(self.moves.subscribe())
    }

    /// The addresses of the masters, as far as they are known.
    pub(super) fn masters(&self) -> Vec<Address> {
        let map = self.map.borrow().clone();
        let masters = map.iter().flat_map(|map| &map.masters);
        masters.map(|master| master.address(&self.spoken_to)).collect()
    }

    /// What all connections to a node share.
    pub(super) fn shared(&self, address: &Address) -> Arc<Shared> {
        let (mut nodes, at) = (self.nodes(), address.host_and_port());
        if let Some(shared) = nodes.get(&at).and_then(Weak::upgrade) {
            return shared;
        }
        nodes.retain(|_, shared| shared.strong_count() > 0);
        let shared = Arc::new(Shared::new(self.totals.clone()));
        nodes.insert(at, Arc::downgrade(&shared));
        shared
    }

    pub(super) fn totals(&self) -> &Arc<Totals> {
        &self.totals
    }

    /// Why it is not known who has which slots; None if that is known, or was never asked.
    pub(super) fn ignorance(&self) -> Option<Arc<str>> {
        let is_known = self.map.borrow().is_some();
        let round = self.round.borrow().clone();
        round.and_then(|round| round.outcome.err()).filter(|_| !is_known)
    }

    /// Waits until the nodes were asked once.
    pub(super) async fn asked(&self) {
        // An error would mean that this is gone.
        let _ = self.round.subscribe().wait_for(Option::is_some).await;
    }

    /// A slot is elsewhere, or on its way: they are asked soon.
    pub(super) fn doubt(&self) {
        self.unrest.fetch_add(1, Ordering::Relaxed);
        self.doubt.notify_one();
    }

    /// A number that is another when a slot was found to be elsewhere, or on its way.
    pub(super) fn unrest(&self) -> u64 {
        self.unrest.load(Ordering::Relaxed)
    }

    /// Has the nodes asked anew, and waits for what comes of it.
    pub(super) async fn ask(&self, patience: Duration) -> Result<(), Outage> {
        let now = Instant::now();
        let mut round = self.round.subscribe();
        self.doubt.notify_one();
        let is_new = |round: &Option<Round>| round.as_ref().is_some_and(|round| round.begun >= now);
        // Such a round may have to wait for the one before.
        match timeout(2 * patience + PAUSE, round.wait_for(is_new)).await {
            Ok(Ok(round)) => match round.as_ref().map(|round| round.outcome.clone()) {
                Some(Err(cause)) => Err(Outage::Down(cause)),
                _ => Ok(()),
            },
            _ => Err(Outage::Silent),
        }
    }

    /// Asks the nodes again and again, one after another: each for the whole cluster.
    pub(super) async fn look_out(&self, patience: Duration) {
        let mut kept = Kept::new();
        let mut is_blind = false;
        for first in 0.. {
            let begun = Instant::now();
            let asked = self.ask_all(&mut kept, first, patience).await;
            let outcome = asked.map_err(Arc::from);
            match &outcome {
                Ok(()) if is_blind => tracing::info!(redis = %self, "a node of the cluster answers"),
                Err(cause) if !is_blind => tracing::warn!(redis = %self, "{cause}; trying on"),
                _ => {}
            }
            is_blind = outcome.is_err();
            self.round.send_replace(Some(Round { begun, outcome }));
            sleep(PAUSE).await;
            // An error means that it is time anyway.
            let _ = timeout(BEAT - PAUSE, self.doubt.notified()).await;
        }
    }

    async fn ask_all(&self, kept: &mut Kept, first: usize, patience: Duration) -> Result<(), String> {
        let known = self.map.borrow().clone();
        let mut addresses: Vec<Address> = match &known {
            Some(map) => map.places().map(|(host, port)| self.spoken_to.moved_to(host, port)).collect(),
            None => Vec::new(),
        };
        let masters = known.as_ref().map_or(0, |map| map.masters.len());
        addresses[..masters].rotate_left(first % masters.max(1));
        let is_new =
            |seed: &&Address| !addresses.iter().any(|one| one.host_and_port() == seed.host_and_port());
        let seeds: Vec<Address> = self.seeds.iter().filter(is_new).cloned().collect();
        addresses.extend(seeds);
        kept.retain(|at, _| addresses.iter().any(|address| address.host_and_port() == *at));

        let deadline = Instant::now() + patience;
        let questions = addresses.iter().map(|address| {
            let connection = kept.get(&address.host_and_port()).cloned();
            self.ask_one(address, connection, known.as_deref(), deadline)
        });
        let complaints = match first_answer(questions).await {
            Ok((at, connection, map)) => {
                kept.insert(at, connection);
                self.take_over(map);
                return Ok(());
            }
            Err(complaints) => complaints,
        };
        // Whoever did not answer may have closed the connection.
        kept.clear();
        let (mut old, mut silent) = (Vec::new(), Vec::new());
        for complaint in complaints {
            match complaint {
                Complaint::Old(map) => old.push(map),
                Complaint::None(complaint) => silent.push(complaint),
            }
        }
        if old.len() > silent.len()
            && let Some(map) =
                old.into_iter().reduce(|one, other| if other.is_newer_than(&one) { other } else { one })
        {
            // Most know of nothing newer: the cluster was made anew.
            self.take_over(map);
            return Ok(());
        }
        // In one order, so that the log can tell the same cause from another.
        silent.sort();
        Err(format!("no node tells of the cluster: {}", silent.join("; ")))
    }

    async fn ask_one(
        &self,
        address: &Address,
        connection: Option<MultiplexedConnection>,
        known: Option<&Map>,
        deadline: Instant,
    ) -> Result<(String, MultiplexedConnection, Arc<Map>), Complaint> {
        let at = address.host_and_port();
        let asking = async {
            let question = Control::Nodes.to_redis();
            let kept = match connection {
                Some(mut kept) => {
                    let answer = put(&question, (&mut kept, address), deadline).await;
                    answer.is_ok().then_some((kept, answer))
                }
                None => None,
            };
            let (connection, answer) = match kept {
                Some(kept) => kept,
                // It may have been closed since.
                None => {
                    let mut fresh = reach(address, deadline).await?;
                    let answer = put(&question, (&mut fresh, address), deadline).await;
                    (fresh, answer)
                }
            };
            let answer = answer.map_err(|complaint| match complaint.contains("cluster support disabled") {
                true => format!("{at} is no node of a cluster; name it by `redis.url`, or `redis.host` and `redis.port`"),
                false => complaint,
            })?;
            let text: String = from_redis_value(answer).map_err(|error| format!("{at}: {error}"))?;
            let map = Map::parse(&text, address.host(), address.is_tls());
            map.map(|map| (connection, Arc::new(map))).map_err(|error| format!("{at}: {error}"))
        };
        match asking.await {
            Ok((_, map)) if known.is_some_and(|known| known.is_newer_than(&map)) => Err(Complaint::Old(map)),
            Ok((connection, map)) => Ok((at, connection, map)),
            Err(complaint) => Err(Complaint::None(complaint)),
        }
    }

    fn take_over(&self, map: Arc<Map>) {
        let (mut has_changed, mut has_moved) = (false, false);
        self.map.send_if_modified(|known| {
            has_changed = known.as_ref().is_none_or(|known| !map.is_as(known));
            has_moved = known.as_ref().is_none_or(|known| !map.has_the_masters_of(known));
            if has_changed {
                // Before anybody can read by the new one.
                self.unrest.fetch_add(1, Ordering::Relaxed);
            }
            *known = Some(map.clone());
            has_changed
        });
        if !has_changed {
            return;
        }
        if !has_moved {
            return tracing::debug!(redis = %self, "slots have moved");
        }
        let masters: Vec<String> = self.masters().iter().map(Address::host_and_port).collect();
        tracing::info!(masters = masters.join(", "), "the masters of the cluster are known");
        self.moves.send_modify(|moves| *moves += 1);
    }

    fn nodes(&self) -> MutexGuard<'_, HashMap<String, Weak<Shared>>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let masters = self.masters();
        let at = if masters.is_empty() { &self.seeds } else { &masters };
        let at: Vec<String> = at.iter().map(Address::host_and_port).collect();
        match masters.len() {
            0 => write!(f, "the cluster of {}", at.join(", ")),
            _ => write!(f, "the cluster of the masters {}", at.join(", ")),
        }
    }
}
