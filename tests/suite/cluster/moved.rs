//! Slots that go from one node to another, under load: no request fails, and nobody is told anything but what changed.

use fullon_cache_api::config::Config;
use serde_json::json;
use tokio::{sync::watch, time::timeout};

use super::{Load, all_know, cache, config, exchanges, nothing_was_refused, read_on, user};
use crate::{
    common::{Client, Cluster, PATIENCE, Server, eventually},
    streams::{listening, ticker},
};

/// A configuration of a server that is patient with nodes: none of them is lost here, but the machine may be busy.
fn patient(seeds: &[String]) -> Config {
    let mut config = config(seeds);
    config.redis.response_timeout = Config::default().redis.response_timeout;
    config
}

async fn slot_of(cluster: &Cluster, exchange: &str) -> u16 {
    cluster.nodes[0].send(&["CLUSTER", "KEYSLOT", &format!("tickers:{exchange}")]).await
}

impl Client {
    /// Asks for a ticker of the exchange until that price is answered by what is kept.
    async fn keeps_of(&mut self, exchange: &str, symbol: &str, price: f64) {
        eventually("it is kept", async || {
            let params = json!({"exchange": exchange, "symbol": symbol});
            let reply = self.explain("1", "get_ticker", params).await;
            reply["explain"]["source"] == "near_cache" && reply["result"]["price"] == price
        })
        .await;
    }
}

#[tokio::test]
async fn slots_move_under_load_and_no_request_fails() {
    let mut cluster = Cluster::start(3, 0, &user()).await;
    let exchanges = exchanges(&cluster, 3, 2).await;
    let mut writer = cluster.writer();
    for exchange in &exchanges {
        let key = format!("tickers:{exchange}");
        let () = writer.send(&key, &["HSET", &key, "S1", &ticker(exchange, "S1", 0.0)]).await;
    }
    let server = Server::start(patient(&cluster.seeds()[..1])).await;
    server.app.cache().connected().await;
    let mut client = server.client().await;
    listening(&mut client).await;
    let mut watchers = super::watch(&server, &exchanges).await;
    let load = Load::start(cluster.writer(), exchanges.clone(), 0);
    let (counts, reading) = read_on(&server, &exchanges);

    // Between nodes that are known: each exchange goes to the next master. The first slot is left halfway for a while.
    for (index, exchange) in exchanges.iter().enumerate() {
        let (slot, from) = (slot_of(&cluster, exchange).await, index / 2);
        let to = (from + 1) % 3;
        cluster.open_slot(slot, from, to).await;
        cluster.move_keys(slot, from, to).await;
        if index == 0 {
            let halfway = counts.borrow().values().sum::<u64>() + 30;
            eventually("reads go on", async || counts.borrow().values().sum::<u64>() > halfway).await;
        }
        cluster.close_slot(slot, from, to).await;
    }
    assert!(watchers.iter().all(|watcher| watcher.stale() == 0), "they are stale");

    // To one that comes now, and has no slots.
    cluster.add().await;
    let slot = slot_of(&cluster, &exchanges[0]).await;
    cluster.open_slot(slot, 1, 3).await;
    cluster.move_keys(slot, 1, 3).await;
    let halfway = counts.borrow().values().sum::<u64>() + 30;
    eventually("reads go on", async || counts.borrow().values().sum::<u64>() > halfway).await;
    cluster.close_slot(slot, 1, 3).await;
    eventually("the server knows the new one", async || {
        let nodes = cache(&mut client).await["nodes"].clone();
        nodes.as_array().unwrap().iter().any(|node| node["slots"] == 1)
    })
    .await;

    load.stop().await;
    all_know(&exchanges, &mut watchers, &mut writer, &mut client).await;
    let counts = counts.borrow().clone();
    assert_eq!(counts.keys().collect::<Vec<_>>(), ["ok"], "{counts:?}");
    assert!(!reading.is_finished() && watchers.iter().all(|watcher| !watcher.task.is_finished()));
    // The new node tells of its changes as all do, of which it does not matter who is told otherwise.
    let key = format!("tickers:{}", exchanges[0]);
    let symbol = "S1";
    for price in [-1.0, -2.0] {
        let () = writer.send(&key, &["HSET", &key, symbol, &ticker(&exchanges[0], symbol, price)]).await;
        watchers[0].until("told of what is new", |seen| seen.values["\"S1\""] == price).await;
        client.keeps_of(&exchanges[0], symbol, price).await;
    }
    nothing_was_refused(&cluster.nodes).await;
}

#[tokio::test]
async fn a_large_hash_is_read_whole_while_it_moves() {
    const FIELDS: usize = 5000;
    let cluster = Cluster::start(3, 0, &user()).await;
    let (exchange, key) = ("large", "tickers:large");
    let (slot, mut at) = (slot_of(&cluster, exchange).await, cluster.master_of(key).await);
    let symbols: Vec<String> = (0..FIELDS).map(|number| format!("S{number}")).collect();
    let tickers: Vec<String> = symbols.iter().map(|symbol| ticker(exchange, symbol, 1.0)).collect();
    let pairs = symbols.iter().zip(&tickers).flat_map(|(symbol, ticker)| [symbol.as_str(), ticker]);
    cluster.nodes[at].send::<()>(&["HSET", key].into_iter().chain(pairs).collect::<Vec<_>>()).await;
    let mut config = patient(&cluster.seeds());
    config.near_cache.bytes = 0;
    let server = Server::start(config).await;
    server.app.cache().connected().await;

    let (sender, mut seen) = watch::channel(Vec::new());
    let mut client = server.client().await;
    let reading = tokio::spawn(async move {
        loop {
            let tickers = client.call("get_all_tickers", json!({"exchange": exchange})).await;
            sender.send_modify(|seen: &mut Vec<usize>| seen.push(tickers.as_array().unwrap().len()));
        }
    });
    for _ in 0..12 {
        let to = (at + 1) % 3;
        cluster.open_slot(slot, at, to).await;
        cluster.move_keys(slot, at, to).await;
        cluster.close_slot(slot, at, to).await;
        at = to;
        let so_far = seen.borrow_and_update().len();
        let more = timeout(PATIENCE, seen.wait_for(|seen| seen.len() > so_far)).await;
        more.expect("nothing is read").unwrap();
    }
    reading.abort();
    let seen = seen.borrow();
    assert!(seen.iter().all(|count| *count == FIELDS), "{seen:?}");
}
