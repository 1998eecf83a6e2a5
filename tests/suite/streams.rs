//! Streams: change, told once, to everyone who watches.

mod bad;
mod explained;
mod logs;
mod opening;
mod order;
mod outage;
mod pace;
mod resume;
mod schema;
mod shared;
mod state;

use std::collections::BTreeMap;

pub use logs::trade;

use fullon_cache_api::config::Config;
use serde_json::{Value, json};

use crate::common::{Client, Redis, Server};

/// A server that reads an empty Redis and listens to it, and a client of it.
async fn start() -> (Redis, Server, Client) {
    start_with(|_| {}).await
}

/// The same, with this change to the server's configuration.
async fn start_with(change: impl FnOnce(&mut Config)) -> (Redis, Server, Client) {
    let redis = Redis::start().await;
    let server = Server::reading_with(&redis, change).await;
    let mut client = server.client().await;
    listening(&mut client).await;
    (redis, server, client)
}

/// Waits until the server is told of changes.
pub async fn listening(client: &mut Client) {
    while client.call("get_server_stats", json!({})).await["push"]
        != json!({"tracking": true, "channels": true})
    {}
}

/// Opens a stream and gives its settings.
pub async fn open(client: &mut Client, id: &str, operation: &str, params: Value) -> Value {
    client.send(&json!({ "request_id": id, "operation": operation, "params": params }).to_string()).await;
    let reply = client.receive().await;
    assert_eq!((&reply["request_id"], &reply["success"]), (&json!(id), &json!(true)), "{reply}");
    reply["result"].clone()
}

pub async fn write_ticker(redis: &Redis, exchange: &str, symbol: &str, price: f64) {
    let ticker = ticker(exchange, symbol, price);
    redis.send::<()>(&["HSET", &format!("tickers:{exchange}"), symbol, &ticker]).await;
    redis.send::<()>(&["PUBLISH", &format!("ticker_updates:{exchange}:{symbol}"), &ticker]).await;
}

pub fn ticker(exchange: &str, symbol: &str, price: f64) -> String {
    json!({"symbol": symbol, "exchange": exchange, "price": price, "time": 1.5}).to_string()
}

/// How often a command was called.
pub async fn calls(redis: &Redis, commands: &[&str]) -> u64 {
    let stats: String = redis.send(&["INFO", "commandstats"]).await;
    let calls = |command: &&str| {
        let prefix = format!("cmdstat_{command}:calls=");
        let calls = stats.lines().find_map(|line| line.strip_prefix(&prefix)?.split(',').next());
        calls.map_or(0, |calls| calls.parse::<u64>().unwrap())
    };
    commands.iter().map(calls).sum()
}

/// What a client knows of a stream's items, and proof that it missed none.
#[derive(Debug, Default)]
pub struct Follower {
    items: BTreeMap<String, Value>,
    last: Option<u64>,
    pub stale: usize,
    pub fresh: usize,
    complete: usize,
    gaps: Vec<(u64, u64)>,
}

impl Follower {
    /// Takes over an update; items are told apart by these members.
    pub fn take(&mut self, update: &Value, named_by: &[&str]) {
        match update["type"].as_str().unwrap() {
            "stream_stale" => self.stale += 1,
            "stream_fresh" => self.fresh += 1,
            "stream_complete" => self.complete += 1,
            "stream_gap" => {
                self.gaps.push((update["from"].as_u64().unwrap(), update["to"].as_u64().unwrap()));
            }
            _ => {
                assert_eq!(update["prev_id"].as_u64(), self.last, "the chain is broken: {update}");
                let id = update["update_id"].as_u64().unwrap();
                assert!(self.last.is_none_or(|last| last < id), "not in order: {update}");
                self.last = Some(id);
                let name =
                    named_by.iter().map(|member| update[*member].to_string()).collect::<Vec<_>>().join(" ");
                match update["removed"] == true {
                    true => self.items.remove(&name),
                    false => self.items.insert(name, update.clone()),
                };
            }
        }
    }

    /// The value of a member of every item.
    pub fn values(&self, member: &str) -> BTreeMap<String, Value> {
        self.items.iter().map(|(name, item)| (name.clone(), item[member].clone())).collect()
    }
}
