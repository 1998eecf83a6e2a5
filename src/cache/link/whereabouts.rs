//! Where Redis is: one question, asked in one place for every connection that is made.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use redis::{RedisResult, Value as Reply};
use tokio::sync::watch;

use super::{
    Address, Control, Outage,
    choice::{Role, fault_of_replica},
    cluster::Cluster,
    map::Map,
    pool::ServerFacts,
    sentinels::{Named, Sentinels},
};

/// Where Redis is: at one address for ever, where sentinels say that it is, or at the masters of a cluster. What
/// was learned last is known to all clones.
#[derive(Debug, Clone)]
pub struct Whereabouts(Kind);

#[derive(Debug, Clone)]
enum Kind {
    At(Arc<Address>),
    NamedBy(Arc<Sentinels>),
    Cluster(Arc<Cluster>),
    /// One master of a cluster.
    Node(Arc<Address>),
}

impl Whereabouts {
    /// At this address.
    pub fn at(address: Address) -> Self {
        Self(Kind::At(Arc::new(address)))
    }

    /// Where these sentinels say that the master is that they call so, or, where `replicas` may be read, one of those,
    /// while one is in good order. How it is spoken to is as at the other address: the login, the database, TLS.
    pub fn named_by(sentinels: Vec<Address>, master: &str, replicas: bool, spoken_to: Address) -> Self {
        Self(Kind::NamedBy(Arc::new(Sentinels::new(sentinels, master, replicas, spoken_to))))
    }

    /// At the masters of the cluster that these hosts and ports are nodes of. How they are spoken to is as at the address.
    pub fn cluster_of(nodes: impl IntoIterator<Item = (String, u16)>, spoken_to: Address) -> Self {
        let seeds = nodes.into_iter().map(|(host, port)| spoken_to.moved_to(host, port)).collect();
        Self(Kind::Cluster(Arc::new(Cluster::new(seeds, spoken_to))))
    }

    /// At one node of a cluster.
    pub(super) fn of_node(address: Address) -> Self {
        Self(Kind::Node(Arc::new(address)))
    }

    /// The cluster, if it is one.
    pub(super) fn cluster(&self) -> Option<&Arc<Cluster>> {
        match &self.0 {
            Kind::Cluster(cluster) => Some(cluster),
            _ => None,
        }
    }

    /// Whether it may be a replica.
    pub(super) fn allows_replicas(&self) -> bool {
        matches!(&self.0, Kind::NamedBy(sentinels) if sentinels.allow_replicas())
    }

    /// The node, if it is one.
    pub(super) fn node(&self) -> Option<&Address> {
        match &self.0 {
            Kind::Node(address) => Some(address),
            _ => None,
        }
    }

    /// The Redis user that logs in.
    pub fn user(&self) -> &str {
        self.spoken_to().user()
    }

    fn spoken_to(&self) -> &Address {
        match &self.0 {
            Kind::At(address) | Kind::Node(address) => address,
            Kind::NamedBy(sentinels) => sentinels.spoken_to(),
            Kind::Cluster(cluster) => cluster.spoken_to(),
        }
    }

    /// Where it is, as far as is known, and who says so.
    pub fn shown(&self) -> String {
        match (&self.0, self.known()) {
            (_, (Some(address), Some(sentinel))) => format!("{address} (named by the sentinel {sentinel})"),
            (_, (Some(address), None)) => address,
            (Kind::NamedBy(sentinels), _) => sentinels.to_string(),
            _ => String::new(),
        }
    }

    /// Where it is, without the login, and the sentinel that says so, if one answers.
    pub(super) fn known(&self) -> (Option<String>, Option<String>) {
        match &self.0 {
            Kind::At(address) | Kind::Node(address) => (Some(address.shown()), None),
            Kind::NamedBy(sentinels) => match sentinels.named() {
                Some(named) => (Some(named.address.shown()), named.named_by.map(|by| by.to_string())),
                None => (None, None),
            },
            Kind::Cluster(cluster) => (Some(cluster.to_string()), None),
        }
    }

    pub(super) fn needs_tls(&self) -> bool {
        match &self.0 {
            Kind::NamedBy(sentinels) => sentinels.need_tls(),
            _ => self.spoken_to().is_tls(),
        }
    }

    /// Finds out where it is, within this time: the one Redis, or all that it is made of.
    pub(super) async fn find(&self, patience: Duration) -> Result<Vec<Place>, Outage> {
        let place = |address, moves, found| Place { address, moves, found };
        match &self.0 {
            Kind::At(address) => Ok(vec![place(Address::clone(address), Moves::none(), Found::Configured)]),
            Kind::Node(address) => Ok(vec![place(Address::clone(address), Moves::none(), Found::InCluster)]),
            Kind::NamedBy(sentinels) => {
                sentinels.ask(patience).await.map_err(|cause| Outage::Down(cause.into()))?;
                let mut moves = sentinels.moves();
                // Another answer may be newer than this one.
                let named = moves.newest().ok_or(Outage::Starting)?;
                let found = match named.role {
                    Role::Master => Found::Named,
                    Role::Replica => Found::Replica(sentinels.clone()),
                };
                Ok(vec![place(named.address, moves, found)])
            }
            Kind::Cluster(cluster) => {
                cluster.ask(patience).await?;
                // Before it is looked which they are.
                let moves = cluster.moves();
                let masters = cluster.masters().into_iter();
                Ok(masters.map(|master| place(master, moves.clone(), Found::InCluster)).collect())
            }
        }
    }

    /// Tells when it has moved.
    pub(super) fn moves(&self) -> Moves {
        match &self.0 {
            Kind::At(_) | Kind::Node(_) => Moves::none(),
            Kind::NamedBy(sentinels) => sentinels.moves(),
            Kind::Cluster(cluster) => cluster.moves(),
        }
    }

    /// Tells when keys go from one Redis to another.
    pub(super) fn shifts(&self) -> Moves {
        self.cluster().map_or_else(Moves::none, |cluster| Moves::of_slots(cluster.changes()))
    }

    /// What looks out for its moves while connections live on, for as long as it runs; None where it never moves.
    pub(super) fn lookout(&self, patience: Duration) -> Option<BoxFuture<'static, ()>> {
        match &self.0 {
            Kind::At(_) | Kind::Node(_) => None,
            Kind::NamedBy(sentinels) => {
                let sentinels = sentinels.clone();
                Some(Box::pin(async move { sentinels.look_out(patience).await }))
            }
            Kind::Cluster(cluster) => {
                let cluster = cluster.clone();
                Some(Box::pin(async move { cluster.look_out(patience).await }))
            }
        }
    }
}

/// Where a Redis was found.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) address: Address,
    moves: Moves,
    found: Found,
}

/// Who says that it is there.
#[derive(Debug, Clone)]
enum Found {
    Configured,
    Named,
    /// These name it as a replica.
    Replica(Arc<Sentinels>),
    InCluster,
}

impl Place {
    /// Whether Redis is known to be elsewhere by now.
    pub(super) fn is_left(&self) -> bool {
        self.moves.has_one()
    }

    /// Waits until Redis is known to be elsewhere.
    pub(super) async fn left(&self) {
        self.moves.clone().next().await;
    }

    /// What is asked to see that it can be read still.
    pub(super) fn probe(&self) -> Control {
        if self.is_replica() { Control::Role } else { Control::Ping }
    }

    pub(super) fn is_replica(&self) -> bool {
        matches!(self.found, Found::Replica(_))
    }

    /// Why a replica that answers the probe so cannot be read.
    pub(super) fn fault(&self, answer: RedisResult<Reply>) -> Option<String> {
        if !self.is_replica() {
            return None;
        }
        fault_of_replica(answer).unwrap_or_else(|error| Some(error.to_string()))
    }

    /// It cannot be read, whoever names it. If it is a replica, all go elsewhere.
    pub(super) fn doubt(&self, outage: Outage) -> Outage {
        match (&self.found, outage) {
            (Found::Replica(_), Outage::Moved) => Outage::Moved,
            (Found::Replica(sentinels), outage) => {
                let cause = outage.cause().unwrap_or_else(|| outage.error().to_string());
                sentinels.doubt(&self.address, &cause);
                Outage::Moved
            }
            (_, outage) => outage,
        }
    }

    /// Why such a Redis is not the one that was looked for. One that does not tell is taken for it.
    pub(super) fn refusal(&self, facts: &ServerFacts) -> Option<Outage> {
        let at = self.address.host_and_port();
        let is_in_cluster = facts.mode.as_deref().map(|mode| mode == "cluster");
        let cause = match (&self.found, facts.role.as_deref()) {
            (Found::Named, Some(role)) if role != "master" => {
                format!("the sentinels name {at}, which says that it is a {role}")
            }
            (Found::Configured, _) if is_in_cluster == Some(true) => {
                format!(
                    "{at} is a node of a cluster, whose keys are on many: list some of them as `redis.cluster`"
                )
            }
            (Found::InCluster, _) if is_in_cluster == Some(false) => format!("{at} is no node of a cluster"),
            _ => return None,
        };
        Some(Outage::Down(cause.into()))
    }

    /// An error with the address, where the configuration has none.
    pub(super) fn blame(&self, error: &impl std::fmt::Display) -> Outage {
        let at = self.address.host_and_port();
        let cause = match self.found {
            Found::Configured => error.to_string(),
            Found::Named => format!("the sentinels name {at}: {error}"),
            // Who takes note of it says whose it is.
            Found::Replica(_) => error.to_string(),
            Found::InCluster => format!("{at}: {error}"),
        };
        Outage::Down(cause.into())
    }
}

/// Tells when Redis has moved.
#[derive(Debug, Clone)]
pub(crate) struct Moves(Told);

#[derive(Debug, Clone)]
enum Told {
    Nothing,
    /// The Redis that sentinels name.
    Named(watch::Receiver<Option<Named>>),
    /// How many times the masters of a cluster were others.
    Count(watch::Receiver<u64>),
    /// Who has which slots.
    Map(watch::Receiver<Option<Arc<Map>>>),
}

impl Moves {
    /// It never does.
    pub(crate) fn none() -> Self {
        Self(Told::Nothing)
    }

    pub(super) fn of(named: watch::Receiver<Option<Named>>) -> Self {
        Self(Told::Named(named))
    }

    pub(super) fn counted(count: watch::Receiver<u64>) -> Self {
        Self(Told::Count(count))
    }

    /// Of every slot by itself.
    pub(super) fn of_slots(map: watch::Receiver<Option<Arc<Map>>>) -> Self {
        Self(Told::Map(map))
    }

    /// Where it moved last; that is no move any more.
    fn newest(&mut self) -> Option<Named> {
        match &mut self.0 {
            Told::Named(named) => named.borrow_and_update().clone(),
            _ => None,
        }
    }

    /// Takes all moves until now as known.
    pub(crate) fn forget(&mut self) {
        match &mut self.0 {
            Told::Nothing => {}
            Told::Named(named) => named.mark_unchanged(),
            Told::Count(count) => count.mark_unchanged(),
            Told::Map(map) => map.mark_unchanged(),
        }
    }

    /// Whether there was one that is not known.
    fn has_one(&self) -> bool {
        let has_changed = match &self.0 {
            Told::Nothing => return false,
            Told::Named(named) => named.has_changed(),
            Told::Count(count) => count.has_changed(),
            Told::Map(map) => map.has_changed(),
        };
        // An error means that nobody looks out any more.
        has_changed.unwrap_or(false)
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        let changed = match &mut self.0 {
            Told::Nothing => std::future::pending().await,
            Told::Named(named) => named.changed().await,
            Told::Count(count) => count.changed().await,
            Told::Map(map) => map.changed().await,
        };
        if changed.is_err() {
            std::future::pending().await
        }
    }
}
