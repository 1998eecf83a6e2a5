//! Answers that are kept: given again without asking Redis, and never once Redis has told of a change.

use std::time::Duration;

use fullon_cache_api::{
    access::Scope,
    cache::Cache,
    config::{Config, Secret, Span},
    registry::Registry,
};
use serde_json::{Value, json};

use crate::{
    access::{guarded, token},
    common::{Client, Redis, Server, get},
    streams::{calls, listening, ticker},
};

/// Longer than any test takes: what changes is told, or not at all.
const AN_HOUR: Span = Span::millis(3_600_000);

async fn start(redis: &Redis, change: impl FnOnce(&mut Config)) -> Server {
    start_with(Registry::built_in().unwrap(), redis, change).await
}

async fn start_with(registry: Registry, redis: &Redis, change: impl FnOnce(&mut Config)) -> Server {
    let mut config = Server::config();
    config.redis.url = Some(Secret::from(redis.url().as_str()));
    config.near_cache.max_age = AN_HOUR;
    change(&mut config);
    let cache = Cache::redis(config.redis.link_settings().unwrap());
    let server = Server::start_with(registry, cache, config).await;
    server.app.cache().connected().await;
    server
}

fn params(symbol: &str) -> Value {
    json!({"exchange": "x", "symbol": symbol})
}

async fn write(redis: &Redis, symbol: &str, price: f64) {
    let () = redis.send(&["HSET", "tickers:x", symbol, &ticker("x", symbol, price)]).await;
}

impl Client {
    /// Where an answer came from, and its price.
    async fn source(&mut self, symbol: &str) -> (String, Value) {
        let reply = self.explain("1", "get_ticker", params(symbol)).await;
        (reply["explain"]["source"].as_str().unwrap().to_owned(), reply["result"]["price"].clone())
    }

    /// Asks until it is answered by what is kept.
    pub async fn keeps(&mut self, symbol: &str) -> Value {
        loop {
            let (source, price) = self.source(symbol).await;
            if source == "near_cache" {
                return price;
            }
        }
    }
}

#[tokio::test]
async fn what_has_not_changed_is_not_read_again() {
    let redis = Redis::start().await;
    write(&redis, "A/B", 1.0).await;
    let server = start(&redis, |config| config.listen.workers = 1).await;
    let mut clients = [server.client().await, server.client().await];
    listening(&mut clients[0]).await;
    assert_eq!(clients[0].keeps("A/B").await, 1.0);
    let before = calls(&redis, &["hget"]).await;
    for client in &mut clients {
        for _ in 0..500 {
            assert_eq!(client.call("get_ticker", params("A/B")).await["price"], 1.0);
        }
    }
    assert_eq!(calls(&redis, &["hget"]).await, before);
    let reply = clients[0].explain("1", "get_ticker", params("A/B")).await;
    assert!(reply["explain"]["age_us"].as_u64().unwrap() > 0, "{reply}");
    assert_eq!(reply["explain"].get("commands"), None);

    // Another key is another matter; a change of this one is seen, by all.
    let () = redis.send(&["HSET", "tickers:y", "A/B", &ticker("y", "A/B", 5.0)]).await;
    write(&redis, "A/B", 2.0).await;
    while clients[1].call("get_ticker", params("A/B")).await["price"] != 2.0 {}
    assert_eq!(clients[0].call("get_ticker", params("A/B")).await["price"], 2.0);
}

#[tokio::test]
async fn those_who_wait_behind_a_read_are_given_what_it_has_read() {
    let redis = Redis::start().await;
    write(&redis, "A/B", 1.0).await;
    let server = start(&redis, |config| {
        config.listen.workers = 1;
        config.redis.response_timeout = Span::millis(20_000);
    })
    .await;
    let (mut first, mut second) = (server.client().await, server.client().await);
    listening(&mut first).await;
    first.keeps("A/B").await;
    let before = calls(&redis, &["hget"]).await;

    redis.signal("STOP");
    // In other words, so that nothing is kept yet.
    let same = json!({"symbol": "A/B", "exchange": "x"});
    let request = json!({"operation": "get_ticker", "params": same, "explain": true});
    first.begin(&request).await;
    second.begin(&request).await;
    redis.signal("CONT");
    let (first, second) = (first.receive().await, second.receive().await);
    assert_eq!(
        (&first["explain"]["source"], &second["explain"]["source"]),
        (&json!("redis"), &json!("near_cache"))
    );
    assert_eq!((&first["result"], &second["result"]["price"]), (&second["result"], &json!(1.0)));
    assert!(second["explain"]["waited_us"].as_u64() > Some(0), "{second}");
    assert!(second["explain"]["age_us"].as_u64() > Some(0), "{second}");
    assert_eq!(second["explain"]["commands"], json!({}));
    assert_eq!(calls(&redis, &["hget"]).await - before, 1);
}

/// A writer writes all the time; readers read all the time, in the same words.
#[tokio::test]
async fn nobody_is_ever_given_what_is_older_than_what_it_has_seen() {
    const LAST: u32 = 3000;
    let redis = Redis::start().await;
    write(&redis, "A/B", 0.0).await;
    let server = start(&redis, |config| config.listen.workers = 2).await;
    listening(&mut server.client().await).await;
    let read = async |mut client: Client| {
        let (mut seen, mut kept) = (0.0, 0_u32);
        while seen < f64::from(LAST) {
            let (source, price) = client.source("A/B").await;
            let price = price.as_f64().unwrap();
            assert!(price >= seen, "{price} after {seen}");
            kept += u32::from(source == "near_cache");
            seen = price;
        }
        kept
    };
    // One that follows the changes by a stream: who has seen an update is not given what was before.
    let follow = async |mut client: Client| {
        let stream = json!({"exchange": "x", "symbols": ["A/B"]});
        client.call("stream_tickers", stream).await;
        let (mut seen, mut price) = (0.0, 0.0);
        while seen < f64::from(LAST) {
            client
                .send(
                    &json!({"request_id": "read", "operation": "get_ticker", "params": params("A/B")})
                        .to_string(),
                )
                .await;
            let before = seen;
            loop {
                let message = client.receive().await;
                match message["type"].as_str() {
                    Some("ticker_update") => seen = message["price"].as_f64().unwrap(),
                    Some(_) => {}
                    None => {
                        price = f64::max(price, message["result"]["price"].as_f64().unwrap());
                        assert!(
                            message["result"]["price"].as_f64().unwrap() >= before,
                            "{message} after {before}"
                        );
                        break;
                    }
                }
            }
            if price >= f64::from(LAST) {
                break;
            }
        }
    };
    let write_all = async {
        for number in 1..=LAST {
            let ticker = ticker("x", "A/B", f64::from(number));
            // As one write, so that what is published comes before the news of the change.
            redis
                .send_all(&[
                    vec!["HSET".into(), "tickers:x".into(), "A/B".into(), ticker.clone()],
                    vec!["PUBLISH".into(), "ticker_updates:x:A/B".into(), ticker],
                ])
                .await;
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
    };
    let (one, two, three, four) =
        (server.client().await, server.client().await, server.client().await, server.client().await);
    let (kept, ..) = tokio::join!(read(one), read(two), read(three), follow(four), write_all);
    assert!(kept > 0, "nothing was ever kept");
}

#[tokio::test]
async fn nothing_from_before_a_reconnect_is_given() {
    let mut redis = Redis::start().await;
    write(&redis, "A/B", 1.0).await;
    let server = start(&redis, |_| {}).await;
    let mut client = server.client().await;
    listening(&mut client).await;
    for round in 1..=10 {
        assert_eq!(client.keeps("A/B").await, f64::from(round));
        redis.kill();
        // What is kept is given until it is known that there is no Redis, and then no more.
        while client.ask("get_ticker", params("A/B")).await["success"] == true {}
        assert_eq!(client.fail("get_ticker", params("A/B")).await.0, "CACHE_UNAVAILABLE");
        redis.revive().await;
        write(&redis, "A/B", f64::from(round + 1)).await;
        let price = loop {
            let reply = client.ask("get_ticker", params("A/B")).await;
            if reply["success"] == true {
                break reply["result"]["price"].clone();
            }
            assert!(
                ["CACHE_UNAVAILABLE", "CACHE_MISS"].contains(&reply["error_code"].as_str().unwrap()),
                "{reply}"
            );
        };
        assert_eq!(price, f64::from(round + 1));
    }
}

#[tokio::test]
async fn nothing_is_kept_where_redis_does_not_tell_or_the_operator_does_not_want_it() {
    let always_asks = async |server: &Server| {
        let mut client = server.client().await;
        for _ in 0..50 {
            assert_eq!(client.source("A/B").await.0, "redis");
        }
    };
    let redis = Redis::start().await;
    let user = "reader on nopass ~* &* +@read +@connection -client|tracking".split(' ');
    let () = redis.send(&["ACL", "SETUSER"].into_iter().chain(user).collect::<Vec<_>>()).await;
    write(&redis, "A/B", 1.0).await;
    let as_reader = |config: &mut Config| {
        config.redis.user = Some(Secret::from("reader"));
        config.redis.password = Some(Secret::from("any"));
    };
    always_asks(&start(&redis, as_reader).await).await;

    let redis = Redis::start().await;
    write(&redis, "A/B", 1.0).await;
    always_asks(&start(&redis, |config| config.near_cache.bytes = 0).await).await;
    let folder = tempfile::tempdir().unwrap();
    let overlay = folder.path().join("overlay.yaml");
    std::fs::write(&overlay, "get_ticker:\n  near_cache: false\n").unwrap();
    always_asks(&start_with(Registry::with_overlay(&overlay).unwrap(), &redis, |_| {}).await).await;
}

#[tokio::test]
async fn what_is_kept_ages() {
    let redis = Redis::start().await;
    write(&redis, "A/B", 1.0).await;
    let server = start(&redis, |config| config.near_cache.max_age = Span::millis(50)).await;
    let mut client = server.client().await;
    client.keeps("A/B").await;
    while client.source("A/B").await.0 == "near_cache" {}
    client.keeps("A/B").await;
}

#[tokio::test]
async fn what_is_kept_is_bounded() {
    const MOST: usize = 64 << 10;
    let redis = Redis::start().await;
    let symbols: Vec<String> = (0..1000).map(|number| format!("S{number}/USD")).collect();
    let tickers = symbols.iter().flat_map(|symbol| [symbol.clone(), ticker("x", symbol, 1.0)]);
    let command = ["HSET".to_owned(), "tickers:x".to_owned()].into_iter().chain(tickers).collect();
    redis.send_all(&[command]).await;
    let server = start(&redis, |config| {
        config.listen.workers = 1;
        config.near_cache.bytes = MOST;
    })
    .await;
    let mut client = server.client().await;
    client.keeps(&symbols[0]).await;
    let kept = async |metric: &str| -> usize {
        let page = get(server.address, "/metrics", &[]).await;
        let line = page.text().lines().find_map(|line| line.strip_prefix(metric)).unwrap();
        line.trim().parse().unwrap()
    };
    for symbol in &symbols {
        client.call("get_ticker", params(symbol)).await;
        assert!(kept("fullon_cache_api_near_cache_bytes").await <= MOST);
    }
    assert!(kept("fullon_cache_api_near_cache_bytes").await > MOST / 4);
    let (source, _) = client.source(&symbols[999]).await;
    assert_eq!(source, "near_cache", "the last one is kept");
    assert_eq!(client.source(&symbols[0]).await.0, "redis", "the first one had to go");
    assert!(kept("fullon_cache_api_near_cache_hits_total").await >= 1);
    assert!(kept("fullon_cache_api_near_cache_misses_total").await >= 1000);
}

#[tokio::test]
async fn what_is_kept_is_for_those_who_may_read_it() {
    let (redis, server) = guarded(|config| {
        config.near_cache.max_age = AN_HOUR;
        config.listen.workers = 1;
        config.auth.tokens = vec![token("market", &[Scope::Market], &[]), token("bots", &[Scope::Bots], &[])];
    })
    .await;
    write(&redis, "A/B", 1.0).await;
    let client = async |name| {
        let header = format!("Bearer {name}");
        Client::connect_with(&server.url(), &[("authorization", &header)]).await.unwrap()
    };
    let (mut may, mut may_not) = (client("market").await, client("bots").await);
    may.keeps("A/B").await;
    let reply = may_not.explain("1", "get_ticker", params("A/B")).await;
    assert_eq!(reply["error_code"], "FORBIDDEN", "{reply}");
    assert_eq!(may.source("A/B").await.0, "near_cache");
}

#[test]
fn what_cannot_be_kept_is_a_fault() {
    let folder = tempfile::tempdir().unwrap();
    let overlay = folder.path().join("overlay.yaml");
    let operations = ["get_exchanges", "stream_tickers", "ping"];
    let text: String = operations.iter().map(|name| format!("{name}:\n  near_cache: true\n")).collect();
    std::fs::write(&overlay, format!("{text}get_ticker:\n  near_cache: perhaps\n")).unwrap();
    let Err(faults) = Registry::with_overlay(&overlay) else { panic!("nothing is wrong with it") };
    let faults = faults.to_string();
    for (operation, why) in [
        ("get_exchanges", "it looks for keys (SCAN)"),
        ("stream_tickers", "what is kept is the answers of reads"),
        ("ping", "what is kept is the answers of reads"),
        ("get_ticker", "true or false"),
    ] {
        assert!(faults.contains(&format!("{operation}: `near_cache`: {why}")), "{faults}");
    }
}
