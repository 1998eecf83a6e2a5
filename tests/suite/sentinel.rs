//! Redis behind sentinels: the server goes where the master goes, says so, and disconnects nobody.

mod followed;
mod moved;
mod replicas;
mod scene;

use fullon_cache_api::{
    cache::Setup,
    config::{Config, Secret},
    registry::Registry,
};
use redis::{FromRedisValue, RedisResult};
use serde_json::{Value, json};

use crate::{
    common::{Client, LOGIN, MASTER, Redis, RedisOptions, Sentinel, Server, eventually, free_port},
    rights::acl_line_of,
};

/// The password of the Redis user that may do what the server needs and nothing else.
const PASSWORD: &str = "rightpass";
const WORKERS: usize = 2;
/// The first one, two of each worker and of what reads for the streams, and the one on which Redis tells of changes.
const CONNECTIONS: usize = 1 + 2 * (WORKERS + 1) + 1;

/// A Redis that has such a user, and speaks to sentinels and other Redises.
async fn redis(args: &[&str]) -> Redis {
    redis_of(Setup::One, args).await
}

/// The same where the user may have to do more.
async fn redis_of(setup: Setup, args: &[&str]) -> Redis {
    let line = acl_line_of(setup, "default", &Registry::built_in().unwrap()).replace("PASSWORD", PASSWORD);
    let user = line.split_whitespace().skip(2);
    // A replica is sent everything at once, not when more have come.
    let all = ["--user"].into_iter().chain(user).chain(["--repl-diskless-sync-delay", "0"]);
    let args = all.chain(args.iter().copied()).map(str::to_owned).collect();
    Redis::start_with(RedisOptions { replicates: true, args, ..RedisOptions::default() }).await
}

/// A replica that is in step with its master.
async fn replica_of(setup: Setup, master: &Redis, args: &[&str]) -> Redis {
    let port = master.port.to_string();
    let replica = redis_of(setup, &[&["--replicaof", "127.0.0.1", &port], args].concat()).await;
    eventually("the replica is in step", async || scene::follows(&replica).await).await;
    replica
}

/// Sends a command on a connection of its own: sentinels cut those that last.
async fn ask<T: FromRedisValue>(redis: &Redis, words: &[&str]) -> RedisResult<T> {
    let client = redis::Client::open(redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await?;
    redis::Cmd::new().arg(words).query_async(&mut connection).await
}

/// How many connections a Redis has from the server.
async fn connections(redis: &Redis) -> usize {
    let clients: String = ask(redis, &["CLIENT", "LIST"]).await.unwrap();
    clients.matches("user=fullon_reader ").count()
}

fn all(sentinels: &[Sentinel]) -> Vec<&Sentinel> {
    sentinels.iter().collect()
}

/// A configuration that names sentinels, the first of which is not there.
fn config(sentinels: &[&Sentinel]) -> Config {
    let mut config = Server::config();
    let ports = [free_port()].into_iter().chain(sentinels.iter().map(|sentinel| sentinel.port));
    config.redis.sentinels = ports.map(|port| format!("127.0.0.1:{port}").parse().unwrap()).collect();
    config.redis.sentinel_master = Some(MASTER.to_owned());
    config.redis.sentinel_user = Some(Secret::from(LOGIN.0));
    config.redis.sentinel_password = Some(Secret::from(LOGIN.1));
    config.redis.user = Some(Secret::from("fullon_reader"));
    config.redis.password = Some(Secret::from(PASSWORD));
    config.listen.workers = WORKERS;
    config
}

/// What a Redis holds, as watchers of its tickers and of its blocks know it.
async fn state_of(redis: &Redis) -> (Value, Value) {
    let tickers: Vec<(String, String)> = ask(redis, &["HGETALL", "tickers:x"]).await.unwrap();
    let blocks: Vec<(String, String)> = ask(redis, &["HGETALL", "block_exchange"]).await.unwrap();
    let prices = tickers.into_iter().map(|(symbol, ticker)| {
        let ticker: Value = serde_json::from_str(&ticker).unwrap();
        (json!(symbol).to_string(), ticker["price"].clone())
    });
    let bots = blocks.into_iter().map(|(pair, bot)| {
        let (_, symbol) = pair.split_once(':').unwrap();
        (json!(symbol).to_string(), json!(bot))
    });
    (Value::Object(prices.collect()), Value::Object(bots.collect()))
}

/// What the server says of its cache.
async fn cache(client: &mut Client) -> Value {
    client.call("get_server_stats", json!({})).await["cache"].clone()
}
