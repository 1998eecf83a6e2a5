//! A Redis Cluster of the test's own, and who writes to it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use futures_util::future::join_all;
use redis::{ErrorKind, FromRedisValue, RedisResult, ServerErrorKind, aio::MultiplexedConnection};
use tokio::time::{sleep, timeout};

use super::{Redis, RedisOptions, eventually};

/// How long a node must be silent for the others to take it for dead.
const NODE_TIMEOUT: Duration = Duration::from_secs(2);
const SLOTS: u16 = 16384;

/// Running nodes that know each other: masters first, then a replica of each of the first of them.
pub struct Cluster {
    pub nodes: Vec<Redis>,
    masters: usize,
    args: Vec<String>,
}

impl Cluster {
    /// The slots are shared evenly among the masters. Every node gets these arguments.
    pub async fn start(masters: usize, replicas: usize, args: &[String]) -> Self {
        let nodes = join_all((0..masters + replicas).map(|_| start_node(args))).await;
        let cluster = Self { nodes, masters, args: args.to_vec() };
        for (index, node) in cluster.nodes[..masters].iter().enumerate() {
            node.send::<()>(&["CLUSTER", "SET-CONFIG-EPOCH", &(index + 1).to_string()]).await;
            let slots = cluster.slots_of(index).map(|slot| slot.to_string());
            node.send::<()>(&["CLUSTER", "ADDSLOTSRANGE", &slots[0], &slots[1]]).await;
        }
        introduce(&cluster.nodes.iter().collect::<Vec<_>>()).await;
        for (replica, master) in cluster.nodes[masters..].iter().zip(&cluster.nodes) {
            replicate(replica, master).await;
        }
        for node in &cluster.nodes {
            eventually("everybody knows which are replicas", async || {
                known_to(node).await.lines().filter(|line| is_flagged(line, "slave")).count() == replicas
            })
            .await;
        }
        cluster
    }

    /// The first and the last slot of one of the masters, as they are at the start.
    pub fn slots_of(&self, master: usize) -> [u16; 2] {
        let first = |index: usize| (usize::from(SLOTS) * index / self.masters) as u16;
        [first(master), first(master + 1) - 1]
    }

    /// Which master has the slot of a key, as it is at the start.
    pub async fn master_of(&self, key: &str) -> usize {
        let slot: u16 = self.nodes[0].send(&["CLUSTER", "KEYSLOT", key]).await;
        (0..self.masters).find(|master| slot <= self.slots_of(*master)[1]).unwrap()
    }

    /// One more node, which has no slots.
    pub async fn add(&mut self) {
        let node = start_node(&self.args).await;
        let running = self.nodes.iter().filter(|other| other.is_running());
        introduce(&running.chain([&node]).collect::<Vec<_>>()).await;
        self.nodes.push(node);
    }

    /// Where some nodes are.
    pub fn seeds(&self) -> Vec<String> {
        self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect()
    }

    pub fn writer(&self) -> Writer {
        Writer { ports: self.nodes.iter().map(|node| node.port).collect(), ..Writer::default() }
    }

    /// Has a slot begin to go from one node to another.
    pub async fn open_slot(&self, slot: u16, from: usize, to: usize) {
        let (from, to, slot) = (&self.nodes[from], &self.nodes[to], slot.to_string());
        let (from_id, to_id) = (id(from).await, id(to).await);
        to.send::<()>(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]).await;
        from.send::<()>(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]).await;
    }

    /// Has the keys of a slot go.
    pub async fn move_keys(&self, slot: u16, from: usize, to: usize) {
        let (from, port, slot) = (&self.nodes[from], self.nodes[to].port.to_string(), slot.to_string());
        loop {
            let keys: Vec<String> = from.send(&["CLUSTER", "GETKEYSINSLOT", &slot, "10"]).await;
            if keys.is_empty() {
                return;
            }
            let command = ["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
            let keys = keys.iter().map(String::as_str);
            from.send::<()>(&command.into_iter().chain(keys).collect::<Vec<_>>()).await;
        }
    }

    /// Has the slot belong to the other, as all masters are told.
    pub async fn close_slot(&self, slot: u16, from: usize, to: usize) {
        self.agree().await;
        let (slot, to_id) = (slot.to_string(), id(&self.nodes[to]).await);
        for node in [to, from] {
            self.nodes[node].send::<()>(&["CLUSTER", "SETSLOT", &slot, "NODE", &to_id]).await;
        }
    }

    /// Waits until all agree on who has which slots, and since which epoch: who takes over a slot and does not know of
    /// the latest epoch is told by those who do that it has not got it, and then nobody has.
    async fn agree(&self) {
        eventually("the nodes agree on who has which slots", async || {
            let mut views = BTreeSet::new();
            for node in self.nodes.iter().filter(|node| node.is_running()) {
                views.insert(owners(&known_to(node).await));
            }
            views.len() == 1
        })
        .await;
    }

    /// Makes one node a replica of another, and waits until it has all and everybody knows.
    pub async fn replicate(&self, replica: usize, master: usize) {
        let (replica, master) = (&self.nodes[replica], &self.nodes[master]);
        replicate(replica, master).await;
        let (replica, master) = (id(replica).await, id(master).await);
        for node in self.nodes.iter().filter(|node| node.is_running()) {
            eventually("everybody knows the replica", async || {
                let is_it =
                    |line: &str| line.starts_with(&replica) && line.split(' ').nth(3) == Some(&master);
                known_to(node).await.lines().any(is_it)
            })
            .await;
        }
    }

    /// Has a replica take the place of its master, which lives on.
    pub async fn fail_over(&self, replica: usize) {
        loop {
            // An error means that there is no need any more.
            let _ = self.nodes[replica].try_to::<()>(&["CLUSTER", "FAILOVER"]).await;
            // A vote that fails is given up after five seconds.
            if timeout(Duration::from_secs(6), self.leads(replica)).await.is_ok() {
                return;
            }
        }
    }

    /// Waits until a node is a master that has slots, as it says itself.
    pub async fn leads(&self, node: usize) {
        eventually("a replica has taken over", async || {
            let nodes = known_to(&self.nodes[node]).await;
            let own = nodes.lines().find(|line| is_flagged(line, "myself")).unwrap();
            is_flagged(own, "master") && own.split(' ').count() > 8
        })
        .await;
    }
}

async fn start_node(args: &[String]) -> Redis {
    let own = [
        ["--cluster-enabled", "yes"],
        ["--cluster-node-timeout", &NODE_TIMEOUT.as_millis().to_string()],
        ["--cluster-replica-validity-factor", "0"],
        ["--cluster-allow-replica-migration", "no"],
        // A replica is sent everything at once, not when more have come.
        ["--repl-diskless-sync-delay", "0"],
    ];
    let args = own.concat().into_iter().map(str::to_owned).chain(args.iter().cloned()).collect();
    Redis::start_with(RedisOptions { args, replicates: true, is_node: true, ..RedisOptions::default() }).await
}

/// Has nodes meet, and waits until each knows all of them and that all slots are taken care of.
async fn introduce(nodes: &[&Redis]) {
    for node in nodes {
        eventually("the nodes know each other", async || {
            let known = known_to(node).await;
            let is_known = |other: &&&Redis| known.contains(&format!(":{}@", other.port));
            // Who does not answer within the node's timeout is forgotten, so on a busy machine once is not enough.
            for other in nodes.iter().filter(|other| !is_known(other)) {
                let (port, bus) = (other.port.to_string(), other.bus_port().to_string());
                node.send::<()>(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]).await;
            }
            let info: String = node.send(&["CLUSTER", "INFO"]).await;
            info.contains("cluster_state:ok")
                && nodes.iter().all(|other| is_known(&other))
                && !known.contains("handshake")
        })
        .await;
    }
}

async fn replicate(replica: &Redis, master: &Redis) {
    replica.send::<()>(&["CLUSTER", "REPLICATE", &id(master).await]).await;
    eventually("a replica is in step", async || {
        let info: String = replica.send(&["INFO", "replication"]).await;
        info.contains("role:slave") && info.contains("master_link_status:up")
    })
    .await;
}

async fn id(node: &Redis) -> String {
    node.send(&["CLUSTER", "MYID"]).await
}

async fn known_to(node: &Redis) -> String {
    node.send(&["CLUSTER", "NODES"]).await
}

/// Who has slots by `CLUSTER NODES`: each one's identifier, epoch and slots, less those that are on their way.
fn owners(nodes: &str) -> BTreeSet<String> {
    let owner = |line: &str| {
        let words: Vec<_> = line.split(' ').collect();
        let slots: Vec<_> = words.iter().skip(8).filter(|slots| !slots.starts_with('[')).copied().collect();
        (!slots.is_empty()).then(|| format!("{} {} {}", words[0], words[6], slots.join(" ")))
    };
    nodes.lines().filter_map(owner).collect()
}

/// Whether a line of `CLUSTER NODES` has a flag.
fn is_flagged(line: &str, flag: &str) -> bool {
    line.split(' ').nth(2).is_some_and(|flags| flags.split(',').any(|one| one == flag))
}

/// Sends commands to whichever node has the key.
#[derive(Default)]
pub struct Writer {
    ports: Vec<u16>,
    connections: HashMap<u16, MultiplexedConnection>,
    owners: BTreeMap<String, u16>,
    turn: usize,
}

impl Writer {
    /// Sends a command about a key until somebody answers.
    pub async fn send<T: FromRedisValue>(&mut self, key: &str, words: &[&str]) -> T {
        let (mut port, mut is_asking) = (self.owner(key), false);
        loop {
            let error = match self.try_to(port, is_asking, words).await {
                Ok(answer) => {
                    if !is_asking {
                        self.owners.insert(key.to_owned(), port);
                    }
                    return answer;
                }
                Err(error) => error,
            };
            match error.redirect_node() {
                Some((place, _)) => {
                    port = place.rsplit_once(':').unwrap().1.parse().unwrap();
                    is_asking = error.kind() == ErrorKind::Server(ServerErrorKind::Ask);
                }
                None => {
                    self.connections.remove(&port);
                    self.turn += 1;
                    (port, is_asking) = (self.ports[self.turn % self.ports.len()], false);
                    sleep(Duration::from_millis(10)).await;
                }
            }
        }
    }

    fn owner(&self, key: &str) -> u16 {
        self.owners.get(key).copied().unwrap_or(self.ports[self.turn % self.ports.len()])
    }

    async fn try_to<T: FromRedisValue>(
        &mut self,
        port: u16,
        is_asking: bool,
        words: &[&str],
    ) -> RedisResult<T> {
        let connection = match self.connections.get_mut(&port) {
            Some(connection) => connection,
            None => {
                let client = redis::Client::open(format!("redis://127.0.0.1:{port}"))?;
                let connection = client.get_multiplexed_async_connection().await?;
                self.connections.entry(port).or_insert(connection)
            }
        };
        if is_asking {
            let () = redis::cmd("ASKING").query_async(connection).await?;
        }
        redis::Cmd::new().arg(words).query_async(connection).await
    }
}
