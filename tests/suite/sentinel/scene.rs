//! Sentinels and the Redises that they watch over, a writer, and those who watch and read what it writes.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use fullon_cache_api::{cache::Setup, config::Config};
use redis::aio::MultiplexedConnection;
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{sleep, timeout},
};

use super::{CONNECTIONS, ask, cache, connections, redis_of, replica_of, state_of};
use crate::{
    common::{Client, MASTER, PATIENCE, Redis, Seen, Sentinel, Server, Watcher, eventually},
    streams::{listening, ticker},
};

/// How long a master must be silent for the sentinels to take it for dead: longer than the second between two of their
/// pings, or they may take a new one for dead before they have pinged it.
const DOWN_AFTER: Duration = Duration::from_secs(2);

/// A master, its replica, and three sentinels that know each other.
pub(super) async fn watched_over(setup: Setup) -> (Redis, Redis, Vec<Sentinel>) {
    let master = redis_of(setup, &[]).await;
    let replica = replica_of(setup, &master, &[]).await;
    let mut sentinels = Vec::new();
    for _ in 0..3 {
        sentinels.push(Sentinel::of(&master, 2, DOWN_AFTER).await);
    }
    for sentinel in &sentinels {
        eventually("the sentinels know each other", async || {
            let facts: HashMap<String, String> = sentinel.send(&["SENTINEL", "MASTER", MASTER]).await;
            facts["num-other-sentinels"] == "2" && facts["num-slaves"] == "1"
        })
        .await;
    }
    (master, replica, sentinels)
}

/// Whether a Redis is a replica that has all that its master has.
pub(super) async fn follows(redis: &Redis) -> bool {
    let info: String = ask(redis, &["INFO", "replication"]).await.unwrap_or_default();
    info.contains("role:slave") && info.contains("master_link_status:up")
}

/// Waits until every sentinel knows that there is one master and so many replicas in good order. Until then one may make a
/// replica again of what another makes the master.
pub(super) async fn agree(sentinels: &[Sentinel], count: usize) {
    for sentinel in sentinels {
        eventually("the sentinels agree", async || {
            let replicas: Vec<HashMap<String, String>> =
                sentinel.send(&["SENTINEL", "REPLICAS", MASTER]).await;
            let is_one = |facts: &HashMap<String, String>| {
                facts["flags"] == "slave"
                    && facts["role-reported"] == "slave"
                    && facts["master-link-status"] == "ok"
            };
            replicas.len() == count && replicas.iter().all(is_one)
        })
        .await;
    }
}

/// Writes to whichever Redis is the master, until it is told to stop.
pub(super) struct Writer {
    stop: watch::Sender<bool>,
    task: JoinHandle<u64>,
}

impl Writer {
    pub(super) fn start(sentinels: &[Sentinel], written: u64) -> Self {
        let sentinels: Vec<u16> = sentinels.iter().map(|sentinel| sentinel.port).collect();
        let (stop, stopping) = watch::channel(false);
        Self { stop, task: tokio::spawn(write_on(sentinels, stopping, written)) }
    }

    pub(super) async fn stop(self) -> u64 {
        self.stop.send_replace(true);
        self.task.await.unwrap()
    }
}

async fn write_on(sentinels: Vec<u16>, stopping: watch::Receiver<bool>, mut written: u64) -> u64 {
    while !*stopping.borrow() {
        if let Ok(mut master) = master(&sentinels).await {
            while !*stopping.borrow() && write(&mut master, written + 1).await.is_ok() {
                written += 1;
                sleep(Duration::from_millis(2)).await;
            }
        }
        sleep(Duration::from_millis(10)).await;
    }
    written
}

async fn master(sentinels: &[u16]) -> redis::RedisResult<MultiplexedConnection> {
    for port in sentinels {
        let client = redis::Client::open(format!("redis://127.0.0.1:{port}"))?;
        let Ok(mut sentinel) = client.get_multiplexed_async_connection().await else { continue };
        let question = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER];
        let (host, port): (String, u16) = redis::Cmd::new().arg(&question).query_async(&mut sentinel).await?;
        return redis::Client::open(format!("redis://{host}:{port}"))?
            .get_multiplexed_async_connection()
            .await;
    }
    Err(std::io::Error::other("no sentinel").into())
}

/// One more ticker, which is published, and now and then a block, which is not.
async fn write(master: &mut MultiplexedConnection, number: u64) -> redis::RedisResult<()> {
    let symbol = format!("S{}", number % 10);
    let ticker = ticker("x", &symbol, number as f64);
    let mut writes = redis::pipe();
    writes.cmd("HSET").arg("tickers:x").arg(&symbol).arg(&ticker);
    writes.cmd("PUBLISH").arg(format!("ticker_updates:x:{symbol}")).arg(&ticker);
    if number.is_multiple_of(5) {
        writes.cmd("HSET").arg("block_exchange").arg(format!("x:{symbol}")).arg(number);
    }
    writes.query_async(master).await
}

/// Reads one ticker again and again, and gives the price or the error's code.
fn read_on(server: &Server) -> (watch::Receiver<Value>, JoinHandle<()>) {
    let (sender, last) = watch::channel(Value::Null);
    let url = server.url();
    let task = tokio::spawn(async move {
        let mut client = Client::connect(&url).await;
        loop {
            let reply = client.ask("get_ticker", json!({"exchange": "x", "symbol": "S1"})).await;
            let code = reply["error_code"].as_str();
            assert!(matches!(code, None | Some("CACHE_UNAVAILABLE" | "CACHE_TIMEOUT")), "{reply}");
            sender.send_replace(code.map_or_else(|| reply["result"]["price"].clone(), |code| json!(code)));
            sleep(Duration::from_millis(5)).await;
        }
    });
    (last, task)
}

/// A server, those who watch and read, and one who asks how it is.
pub(super) struct Scene {
    /// Dropped, it stops.
    _server: Server,
    pub(super) asking: Client,
    pub(super) watchers: Vec<Watcher>,
    reads: watch::Receiver<Value>,
    reading: JoinHandle<()>,
}

impl Scene {
    /// Everyone is at work on what the master holds, which is being written to, and passed on to its replicas.
    pub(super) async fn of(config: Config, replicas: &[Redis]) -> Self {
        let server = Server::start(config).await;
        server.app.cache().connected().await;
        let mut asking = server.client().await;
        listening(&mut asking).await;
        let mut watchers = Vec::new();
        for (operation, params, member) in [
            ("stream_tickers", json!({"exchange": "x"}), "price"),
            ("stream_tickers", json!({"exchange": "x", "min_interval_ms": 100}), "price"),
            ("stream_tickers", json!({"exchange": "x", "symbols": ["S3"]}), "price"),
            ("stream_blocks", json!({}), "bot_id"),
        ] {
            let mut watcher = Watcher::open(&server, operation, params, member).await;
            let has_some = |seen: &Seen| seen.values.as_object().is_some_and(|values| !values.is_empty());
            watcher.until("at work", has_some).await;
            watchers.push(watcher);
        }
        // A replica that is in step may be sent nothing yet, until it has told so once more.
        for replica in replicas {
            eventually("the replica has all", async || {
                state_of(replica).await.0.as_object().unwrap().len() == 10
            })
            .await;
        }
        let (reads, reading) = read_on(&server);
        Self { _server: server, asking, watchers, reads, reading }
    }

    /// Waits until everyone knows what this Redis holds, to which nobody writes now.
    pub(super) async fn knows(&mut self, redis: &Redis) {
        let (prices, bots) = state_of(redis).await;
        assert_eq!((prices.as_object().unwrap().len(), bots.as_object().unwrap().len()), (10, 2));
        for watcher in &mut self.watchers {
            let mut expected =
                if watcher.name.starts_with("stream_blocks") { &bots } else { &prices }.clone();
            if watcher.name.contains("S3") {
                expected = json!({ "\"S3\"": expected["\"S3\""] });
            }
            watcher.until("in the master's state", |seen| seen.is_fresh() && seen.values == expected).await;
        }
        let price = &prices["\"S1\""];
        let read = timeout(PATIENCE, self.reads.wait_for(|last| last == price)).await;
        assert!(read.expect("nobody reads the master's state").is_ok(), "a read failed");
        let address = json!(format!("redis://127.0.0.1:{}/0", redis.port));
        eventually("the server says so", async || cache(&mut self.asking).await["address"] == address).await;
    }

    /// How many outages each watcher was told of, and how many connections were made again, once all are to this Redis.
    pub(super) async fn outages(&mut self, redis: &Redis) -> (Vec<usize>, Value) {
        eventually("all are connected", async || connections(redis).await == CONNECTIONS).await;
        let reconnects = cache(&mut self.asking).await["reconnects"].clone();
        (self.watchers.iter().map(Watcher::stale).collect(), reconnects)
    }

    /// All clients that ever came are still there.
    pub(super) async fn is_complete(&mut self) {
        assert!(
            self.watchers.iter().all(|watcher| !watcher.task.is_finished()) && !self.reading.is_finished()
        );
        let connections = self.asking.call("get_server_stats", json!({})).await["connections_total"].clone();
        assert_eq!(connections, self.watchers.len() + 2);
    }
}

/// Waits until this is the master, as a sentinel says.
pub(super) async fn is_named(redis: &Redis, sentinel: &Sentinel, since: Instant) {
    eventually("the sentinels name another", async || sentinel.master().await == redis.port).await;
    eprintln!("the sentinels name another after {:?}", since.elapsed());
}
