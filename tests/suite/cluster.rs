//! A Redis Cluster: read as if it were one Redis, whoever of its nodes has what.

mod moved;
mod read;
mod replaced;

use std::{collections::BTreeMap, time::Duration};

use fullon_cache_api::{
    cache::Setup,
    config::{Config, Secret},
    registry::Registry,
};
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::{
    common::{Client, Cluster, PATIENCE, Redis, Seen, Server, Watcher, Writer, eventually},
    rights::acl_line_of,
    streams::ticker,
};

/// The password of the Redis user that may do what the server needs and nothing else.
const PASSWORD: &str = "rightpass";

/// What makes that user on every node.
fn user() -> Vec<String> {
    let line =
        acl_line_of(Setup::Cluster, "default", &Registry::built_in().unwrap()).replace("PASSWORD", PASSWORD);
    ["--user"].into_iter().chain(line.split_whitespace().skip(2)).map(str::to_owned).collect()
}

/// A configuration that names some nodes.
fn config(seeds: &[String]) -> Config {
    let mut config = Server::config();
    config.redis.cluster = seeds.iter().map(|seed| seed.parse().unwrap()).collect();
    config.redis.user = Some(Secret::from("fullon_reader"));
    config.redis.password = Some(Secret::from(PASSWORD));
    config.listen.workers = 2;
    config
}

/// Nothing was sent that the user may not.
async fn nothing_was_refused(nodes: &[Redis]) {
    for node in nodes.iter().filter(|node| node.is_running()) {
        let refused: Vec<BTreeMap<String, redis::Value>> = node.send(&["ACL", "LOG"]).await;
        assert!(refused.is_empty(), "{refused:?}");
    }
}

/// Exchanges, so many on each master.
async fn exchanges(cluster: &Cluster, masters: usize, each: usize) -> Vec<String> {
    let mut found = vec![Vec::new(); masters];
    for number in 0.. {
        let exchange = format!("x{number}");
        let master = cluster.master_of(&format!("tickers:{exchange}")).await;
        if found[master].len() < each {
            found[master].push(exchange);
        }
        if found.iter().all(|some| some.len() == each) {
            break;
        }
    }
    found.concat()
}

/// Writes tickers of these exchanges until it is told to stop. Of every second nobody is told by the writer itself.
struct Load {
    stop: watch::Sender<bool>,
    task: JoinHandle<u64>,
}

impl Load {
    fn start(mut writer: Writer, exchanges: Vec<String>, mut written: u64) -> Self {
        let (stop, stopping) = watch::channel(false);
        let task = tokio::spawn(async move {
            while !*stopping.borrow() {
                written += 1;
                let exchange = &exchanges[written as usize % exchanges.len()];
                let symbol = format!("S{}", written % 7);
                let (key, ticker) =
                    (format!("tickers:{exchange}"), ticker(exchange, &symbol, written as f64));
                let () = writer.send(&key, &["HSET", &key, &symbol, &ticker]).await;
                if written.is_multiple_of(2) {
                    let channel = format!("ticker_updates:{exchange}:{symbol}");
                    let () = writer.send(&key, &["PUBLISH", &channel, &ticker]).await;
                }
                sleep(Duration::from_millis(2)).await;
            }
            written
        });
        Self { stop, task }
    }

    async fn stop(self) -> u64 {
        self.stop.send_replace(true);
        timeout(PATIENCE, self.task).await.expect("nobody takes what is written").unwrap()
    }
}

/// What an exchange's tickers are, as its watchers know them.
async fn prices_of(writer: &mut Writer, exchange: &str) -> Value {
    let key = format!("tickers:{exchange}");
    let tickers: Vec<(String, String)> = writer.send(&key, &["HGETALL", &key]).await;
    let prices = tickers.into_iter().map(|(symbol, ticker)| {
        let ticker: Value = serde_json::from_str(&ticker).unwrap();
        (json!(symbol).to_string(), ticker["price"].clone())
    });
    Value::Object(prices.collect())
}

/// Waits until all watchers know what is there, and that reads say the same.
async fn all_know(exchanges: &[String], watchers: &mut [Watcher], writer: &mut Writer, client: &mut Client) {
    for (exchange, watcher) in exchanges.iter().zip(watchers) {
        let prices = prices_of(writer, exchange).await;
        assert!(!prices.as_object().unwrap().is_empty());
        watcher.until("in the final state", |seen| seen.is_fresh() && seen.values == prices).await;
        let params = json!({ "exchange": exchange });
        eventually("reads say the same", async || {
            let tickers = client.ask("get_all_tickers", params.clone()).await;
            let Some(tickers) = tickers["result"].as_array() else { return false };
            let read = tickers.iter().map(|one| (one["symbol"].to_string(), one["price"].clone()));
            Value::Object(read.collect()) == prices
        })
        .await;
    }
}

/// One watcher of each exchange, which is at work.
async fn watch(server: &Server, exchanges: &[String]) -> Vec<Watcher> {
    let mut watchers = Vec::new();
    for exchange in exchanges {
        let params = json!({ "exchange": exchange });
        let mut watcher = Watcher::open(server, "stream_tickers", params, "price").await;
        let has_some = |seen: &Seen| seen.values.as_object().is_some_and(|values| !values.is_empty());
        watcher.until("at work", has_some).await;
        watchers.push(watcher);
    }
    watchers
}

/// Reads tickers of all exchanges again and again. Counts the replies, by the error's code.
fn read_on(
    server: &Server,
    exchanges: &[String],
) -> (watch::Receiver<BTreeMap<String, u64>>, JoinHandle<()>) {
    let (sender, counts) = watch::channel(BTreeMap::new());
    let (url, exchanges) = (server.url(), exchanges.to_vec());
    let task = tokio::spawn(async move {
        let mut client = Client::connect(&url).await;
        for exchange in exchanges.iter().cycle() {
            for (operation, params) in [
                ("get_all_tickers", json!({"exchange": exchange})),
                ("get_any_ticker", json!({"symbol": "S1"})),
                ("get_exchanges", json!({})),
            ] {
                let reply = client.ask(operation, params).await;
                let code = reply["error_code"].as_str().unwrap_or("ok").to_owned();
                sender
                    .send_modify(|counts: &mut BTreeMap<String, u64>| *counts.entry(code).or_default() += 1);
                sleep(Duration::from_millis(2)).await;
            }
        }
    });
    (counts, task)
}

/// What the server says of its cache.
async fn cache(client: &mut Client) -> Value {
    client.call("get_server_stats", json!({})).await["cache"].clone()
}
