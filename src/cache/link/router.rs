//! Sends each read to the node of a cluster that has its key, and goes after those that have moved.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, atomic::Ordering},
    time::{Duration, Instant},
};

use redis::{ServerErrorKind, Value as Reply};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    CacheError, LinkSettings, LinkState, NodeState, Whereabouts,
    cluster::Cluster,
    map::Map,
    pool::{Pool, sort_out},
    state_of,
};
use crate::cache::Read;

/// How many times in a row a read goes where it is sent on to without a pause.
const MOST_JUMPS: usize = 4;
/// How long the first pause is before a read is tried again, and the longest; they double.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);
/// What is wrong where a slot has no owner.
const NOBODY: &str = "no node of the cluster is known to have the key's slot";

/// The connections of one worker to all masters of a cluster.
pub(super) struct Router {
    routes: Arc<Routes>,
    /// What makes connections to new masters before they are needed, which ends with this.
    _follower: JoinSet<()>,
}

struct Routes {
    cluster: Arc<Cluster>,
    settings: Arc<LinkSettings>,
    /// Whether it serves clients.
    serves: bool,
    table: Mutex<Table>,
}

/// Who has which slots, and the connections to each.
struct Table {
    changes: watch::Receiver<Option<Arc<Map>>>,
    map: Option<Arc<Map>>,
    /// In the order of the map's masters.
    pools: Vec<Arc<Pool>>,
}

/// Where a read goes next.
enum Way {
    /// To who has the slot.
    Owner,
    /// Where a node said that the slot is.
    Moved(String, u16),
    /// Where a node said that the key is on its way to.
    Asking(String, u16),
}

/// What comes of an answer.
enum Verdict {
    /// It is one.
    Final,
    /// Somebody else has it.
    Elsewhere(Way),
    /// Nobody can say right now.
    Later,
}

impl Router {
    /// Must be called within the runtime that is to drive the connections.
    pub(super) fn start(cluster: Arc<Cluster>, settings: Arc<LinkSettings>, serves: bool) -> Self {
        let mut changes = cluster.changes();
        let mut table = Table { changes: changes.clone(), map: None, pools: Vec::new() };
        table.changes.mark_changed();
        let routes = Arc::new(Routes { cluster, settings, serves, table: Mutex::new(table) });
        drop(routes.table());
        let mut follower = JoinSet::new();
        let followed: Weak<Routes> = Arc::downgrade(&routes);
        follower.spawn(async move {
            while changes.changed().await.is_ok() {
                let Some(routes) = followed.upgrade() else { return };
                drop(routes.table());
            }
        });
        Self { routes, _follower: follower }
    }

    pub(super) fn cluster(&self) -> &Arc<Cluster> {
        &self.routes.cluster
    }

    /// Sends a read to the node that has its key, wherever that is by now.
    pub(super) async fn read(&self, read: &Read) -> Result<Reply, CacheError> {
        let Some(key) = read.key() else {
            return Err(CacheError::Defect("a read of no key was sent to a whole cluster".into()));
        };
        let Routes { cluster, settings, .. } = &*self.routes;
        let since = Instant::now();
        let (mut way, mut jumps, mut pause) = (Way::Owner, 0, FIRST_PAUSE);
        loop {
            let found = self.routes.table().find(key.as_str(), &way);
            let (answer, verdict) = match found {
                Some(pool) => {
                    let answer = pool.try_to_read(read, matches!(way, Way::Asking(..)), since).await;
                    let verdict = judge(&answer, pool.host());
                    (answer, verdict)
                }
                None => match cluster.ignorance() {
                    Some(cause) => return Err(CacheError::Unavailable(cause)),
                    None => (Err(CacheError::Unavailable(NOBODY.into())), Verdict::Later),
                },
            };
            match verdict {
                Verdict::Final => {
                    if matches!(answer, Err(CacheError::Unavailable(_))) {
                        cluster.doubt();
                    }
                    return answer.and_then(sort_out);
                }
                Verdict::Elsewhere(next) => {
                    cluster.doubt();
                    jumps += 1;
                    way = next;
                    // Nobody tells of changes on a node that is not known yet.
                    let is_in_time = since.elapsed() < settings.response_timeout;
                    if is_in_time && jumps % MOST_JUMPS != 0 && self.routes.table().knows(&way) {
                        continue;
                    }
                }
                Verdict::Later => cluster.doubt(),
            }
            if since.elapsed() + pause >= settings.response_timeout {
                return answer.and_then(sort_out);
            }
            sleep(pause).await;
            (way, pause) = (Way::Owner, (pause * 2).min(LONGEST_PAUSE));
        }
    }

    /// The connections to all masters.
    pub(super) async fn masters(&self) -> Result<Vec<Arc<Pool>>, CacheError> {
        let Routes { cluster, settings, .. } = &*self.routes;
        let mut changes = cluster.changes();
        // Before the first answer it is waited for.
        let known = async {
            cluster.asked().await;
            match cluster.ignorance() {
                Some(cause) => Err(CacheError::Unavailable(cause)),
                None => changes.wait_for(Option::is_some).await.map(|_| ()).map_err(|_| CacheError::Timeout),
            }
        };
        timeout(settings.response_timeout, known).await.unwrap_or(Err(CacheError::Timeout))?;
        Ok(self.routes.table().pools.clone())
    }

    /// Waits until there is a connection to each master.
    pub(super) async fn connected(&self) {
        let mut changes = self.cluster().changes();
        loop {
            // An error would mean that the cluster is gone, and nothing is left to wait for.
            if changes.wait_for(Option::is_some).await.is_err() {
                return;
            }
            changes.mark_unchanged();
            let pools = self.routes.table().pools.clone();
            let all = async {
                for pool in &pools {
                    pool.shared().connected().await;
                }
            };
            tokio::select! {
                () = all => return,
                _ = changes.changed() => {}
            }
        }
    }

    /// Waits until the cluster was asked, and a connection to each of its masters is made or has failed.
    pub(super) async fn settled(&self) {
        self.cluster().asked().await;
        let pools = self.routes.table().pools.clone();
        for pool in pools {
            pool.shared().settled().await;
        }
    }

    /// How the cluster is: as the master that is worst off.
    pub(super) fn state(&self) -> LinkState {
        let (map, pools) = {
            let table = self.routes.table();
            (table.map.clone(), table.pools.clone())
        };
        let Some(map) = map else {
            let cause = self.cluster().ignorance().map(|cause| cause.to_string());
            let state = if cause.is_some() { "unreachable" } else { "connecting" };
            return LinkState { cause, ..LinkState::of_none(state) };
        };
        let each: Vec<LinkState> = pools.iter().map(|pool| state_of(pool.shared())).collect();
        let nodes = map.masters.iter().zip(&each).enumerate().map(|(index, (master, state))| NodeState {
            address: master.to_string(),
            state: state.state,
            slots: map.slots_of(index),
            connections: state.connections,
            latency_ms: state.latency_ms,
        });
        let nodes = nodes.collect();
        let connections = each.iter().map(|state| state.connections).sum();
        let latency_ms = each.iter().filter_map(|state| state.latency_ms).reduce(f64::max);
        let is_worse = |state: &LinkState| match state.state {
            "connected" => 0,
            "connecting" => 1,
            "silent" => 2,
            _ => 3,
        };
        let totals = self.cluster().totals();
        LinkState {
            nodes: Some(nodes),
            connections,
            latency_ms,
            reconnects: totals.reconnects.load(Ordering::Relaxed),
            commands: totals.commands.load(Ordering::Relaxed),
            batches: totals.batches.load(Ordering::Relaxed),
            ..each.into_iter().max_by_key(is_worse).unwrap_or(LinkState::of_none("connecting"))
        }
    }
}

impl Routes {
    /// Who has which slots by now.
    fn table(&self) -> MutexGuard<'_, Table> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if table.changes.has_changed().unwrap_or(false) {
            let map = table.changes.borrow_and_update().clone();
            let pools = map.iter().flat_map(|map| &map.masters).map(|master| {
                let known =
                    table.map.as_ref().and_then(|map| map.masters.iter().position(|one| one == master));
                match known {
                    Some(known) => table.pools[known].clone(),
                    None => Arc::new(self.connect(&master.address(self.cluster.spoken_to()))),
                }
            });
            table.pools = pools.collect();
            table.map = map;
        }
        table
    }

    fn connect(&self, address: &super::Address) -> Pool {
        let whereabouts = Whereabouts::of_node(address.clone());
        let settings = Arc::new(LinkSettings { whereabouts, ..LinkSettings::clone(&self.settings) });
        Pool::connect(&settings, self.cluster.shared(address), self.serves)
    }
}

impl Table {
    fn find(&self, key: &str, way: &Way) -> Option<Arc<Pool>> {
        let map = self.map.as_ref()?;
        let master = match way {
            Way::Owner => map.owner(key),
            Way::Moved(host, port) | Way::Asking(host, port) => map.at(host, *port),
        };
        master.map(|master| self.pools[master].clone())
    }

    fn knows(&self, way: &Way) -> bool {
        match (way, &self.map) {
            (Way::Moved(host, port) | Way::Asking(host, port), Some(map)) => map.at(host, *port).is_some(),
            (Way::Owner, map) => map.is_some(),
            (_, None) => false,
        }
    }
}

/// What comes of an answer of the node at a host.
fn judge(answer: &Result<Reply, CacheError>, host: &str) -> Verdict {
    let Ok(Reply::ServerError(error)) = answer else { return Verdict::Final };
    let elsewhere = |way: fn(String, u16) -> Way| match place_in(error.details().unwrap_or_default(), host) {
        Some((host, port)) => Verdict::Elsewhere(way(host, port)),
        None => Verdict::Later,
    };
    match error.kind() {
        Some(ServerErrorKind::Moved) => elsewhere(Way::Moved),
        Some(ServerErrorKind::Ask) => elsewhere(Way::Asking),
        Some(ServerErrorKind::TryAgain | ServerErrorKind::ClusterDown | ServerErrorKind::MasterDown) => {
            Verdict::Later
        }
        _ => Verdict::Final,
    }
}

/// The place in `3999 127.0.0.1:6381`. Without a host it is that of the node that says so.
fn place_in(details: &str, host: &str) -> Option<(String, u16)> {
    let (_slot, place) = details.split_once(' ')?;
    let (named, port) = place.rsplit_once(':')?;
    let host = if matches!(named, "" | "?") { host } else { named };
    Some((host.to_owned(), port.parse().ok()?))
}
