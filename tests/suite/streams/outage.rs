//! Whatever happens to Redis, or to the way to it: it is said, nobody is disconnected, and in the end all
//! know what is there.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::{sync::mpsc, time::timeout};

use super::{Follower, listening, open, start, ticker, write_ticker};
use crate::common::{Client, Redis, RedisOptions, Server};
use fullon_cache_api::config::Span;

/// Follows a stream until these are the prices, and gives what was seen.
async fn until_prices(client: &mut Client, follower: &mut Follower, expected: &Value) {
    let arriving = async {
        while json!(follower.values("price")) != *expected || follower.stale != follower.fresh {
            let update = client.receive().await;
            follower.take(&update, &["symbol"]);
        }
    };
    if timeout(Duration::from_secs(8), arriving).await.is_err() {
        panic!("{:?}\nis not\n{expected}", follower);
    }
}

/// Writes tickers, most of which are published, until it is stopped.
async fn write_on(redis: &Redis, random: &mut u64) {
    loop {
        let (symbol, price) = (next(random) % 20, next(random) % 1000);
        let (symbol, price) = (format!("S{symbol}"), price as f64);
        match next(random) % 10 {
            0 => redis.send::<()>(&["HDEL", "tickers:x", &symbol]).await,
            1 => redis.send::<()>(&["HSET", "tickers:x", &symbol, &ticker("x", &symbol, price)]).await,
            _ => write_ticker(redis, "x", &symbol, price).await,
        }
    }
}

fn next(random: &mut u64) -> u64 {
    *random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
    *random >> 33
}

/// The prices that Redis holds, as a follower knows them.
async fn prices(redis: &Redis) -> Value {
    let stored: Vec<(String, String)> = redis.send(&["HGETALL", "tickers:x"]).await;
    let prices = stored.into_iter().map(|(symbol, ticker)| {
        let ticker: Value = serde_json::from_str(&ticker).unwrap();
        (json!(symbol).to_string(), ticker["price"].clone())
    });
    Value::Object(prices.collect())
}

/// Redis is killed again and again while a writer goes on; each time, all who watch learn of it, and in the
/// end know what is there.
async fn killed_again_and_again(mut redis: Redis, mut random: u64) {
    const TIMES: usize = 50;
    let mut config = Server::config();
    config.redis.port = redis.port;
    // It never lasts for long, so the pauses between two attempts to connect would grow to their longest.
    config.redis.reconnect_max = Span::millis(100);
    let server = Server::start(config).await;
    let mut clients = [server.client().await, server.client().await];
    listening(&mut clients[0]).await;
    let mut followers = [Follower::default(), Follower::default()];
    for client in &mut clients {
        open(client, "s", "stream_tickers", json!({"exchange": "x"})).await;
    }
    for _ in 0..TIMES {
        let a_while = |random: &mut u64| Duration::from_micros(next(random) % 60_000);
        // An error means that the time is over, as it should be: the writer goes on until it is killed.
        let _ = timeout(a_while(&mut random), write_on(&redis, &mut random.clone())).await;
        redis.kill();
        redis.revive().await;
        let _ = timeout(a_while(&mut random), write_on(&redis, &mut random.clone())).await;
        let expected = prices(&redis).await;
        for (client, follower) in clients.iter_mut().zip(&mut followers) {
            until_prices(client, follower, &expected).await;
        }
    }
    for follower in followers {
        assert!(follower.stale >= TIMES, "{} of {TIMES} outages were announced", follower.stale);
    }
}

#[tokio::test]
async fn a_redis_that_is_killed_again_and_again_is_followed() {
    let always = ["--appendonly", "yes", "--appendfsync", "always"].map(str::to_owned).to_vec();
    let redis = Redis::start_with(RedisOptions { args: always, ..RedisOptions::default() }).await;
    killed_again_and_again(redis, 7).await;
}

#[tokio::test]
async fn a_redis_that_comes_back_empty_again_and_again_is_followed() {
    killed_again_and_again(Redis::start().await, 11).await;
}

#[tokio::test]
async fn silence_is_said_within_a_second_and_its_end_after_what_was_missed() {
    let (redis, _server, mut client) = start().await;
    write_ticker(&redis, "x", "A", 1.0).await;
    open(&mut client, "s", "stream_tickers", json!({"exchange": "x"})).await;
    assert_eq!(client.receive().await["price"], 1.0);
    let began = Instant::now();
    redis.send::<()>(&["CLIENT", "PAUSE", "2500", "ALL"]).await;
    let stale = client.receive().await;
    assert!(began.elapsed() < Duration::from_millis(1200), "{:?}", began.elapsed());
    assert_eq!((&stale["type"], &stale["request_id"]), (&json!("stream_stale"), &json!("s")));
    assert!(
        stale["since"].as_f64().is_some_and(|since| since > 1.6e9) && stale["reason"].is_string(),
        "{stale}"
    );
    assert_eq!(client.receive().await, json!({"type": "stream_fresh", "request_id": "s"}));
    write_ticker(&redis, "x", "A", 2.0).await;
    assert_eq!(client.receive().await["price"], 2.0);
}

#[tokio::test]
async fn who_wants_few_updates_learns_at_once_that_there_are_none() {
    let (mut redis, server, mut client) = start().await;
    write_ticker(&redis, "x", "A", 1.0).await;
    let params = json!({"exchange": "x", "min_interval_ms": 30_000});
    open(&mut client, "s", "stream_tickers", params).await;
    assert_eq!(client.receive().await["price"], 1.0);
    // A change that is held back for now.
    let mut other = server.client().await;
    open(&mut other, "o", "stream_tickers", json!({"exchange": "x"})).await;
    write_ticker(&redis, "x", "A", 2.0).await;
    while other.receive().await["price"] != 2.0 {}
    redis.kill();
    let stale = timeout(Duration::from_secs(2), client.receive()).await.expect("nothing is said");
    assert_eq!(stale["type"], "stream_stale");
}

#[tokio::test]
async fn who_takes_nothing_meanwhile_learns_of_an_outage_that_is_over() {
    let (redis, server, mut slow) = start().await;
    // More than is on its way to a client that does not read.
    let more = "x".repeat(5000);
    let tickers = (0..4000).map(|number| {
        let symbol = format!("S{number}");
        let ticker = json!({"symbol": symbol, "exchange": "x", "price": 1, "more": more}).to_string();
        ["HSET", "tickers:x", &symbol, &ticker].map(str::to_owned).to_vec()
    });
    redis.send_all(&tickers.collect::<Vec<_>>()).await;
    open(&mut slow, "s", "stream_tickers", json!({"exchange": "x"})).await;
    let mut quick = server.client().await;
    open(&mut quick, "q", "stream_tickers", json!({"exchange": "x", "symbols": ["S0"]})).await;
    assert_eq!(quick.receive().await["price"], 1);

    redis.signal("STOP");
    assert_eq!(quick.receive().await["type"], "stream_stale");
    redis.signal("CONT");
    assert_eq!(quick.receive().await["type"], "stream_fresh");
    let mut told = Vec::new();
    while told.len() < 2 {
        let message = slow.receive().await;
        if message["type"] != "ticker_update" {
            told.push(message["type"].clone());
        }
    }
    assert_eq!(told, ["stream_stale", "stream_fresh"]);
}

#[tokio::test]
async fn a_stream_may_be_opened_while_there_is_no_redis() {
    let (mut redis, _server, mut client) = start().await;
    redis.kill();
    open(&mut client, "s", "stream_tickers", json!({"exchange": "x"})).await;
    assert_eq!(client.receive().await["type"], "stream_stale");
    redis.revive().await;
    redis.send::<()>(&["HSET", "tickers:x", "A", &ticker("x", "A", 1.0)]).await;
    let mut follower = Follower { stale: 1, ..Follower::default() };
    until_prices(&mut client, &mut follower, &json!({"\"A\"": 1.0})).await;
}

/// A way to Redis that can be cut, or stall.
async fn way_to(redis: &Redis) -> (u16, mpsc::Sender<Way>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, redis) = (listener.local_addr().unwrap().port(), redis.port);
    let (change, mut changes) = mpsc::channel(1);
    let (way, seen) = tokio::sync::watch::channel(Way::Open);
    tokio::spawn(async move {
        while let Some(next) = changes.recv().await {
            way.send_replace(next);
        }
    });
    tokio::spawn(async move {
        loop {
            let (near, _) = listener.accept().await.unwrap();
            let mut seen = seen.clone();
            tokio::spawn(async move {
                let far = tokio::net::TcpStream::connect(("127.0.0.1", redis)).await;
                let (Ok(mut far), mut near) = (far, near) else { return };
                loop {
                    let way = *seen.borrow_and_update();
                    if way == Way::HalfOpen {
                        // What is sent here is taken, and nobody is there any more.
                        drop(far);
                        let mut lost = tokio::io::sink();
                        let taking = async move { tokio::io::copy(&mut near, &mut lost).await };
                        tokio::select! {
                            _ = taking => {}
                            _ = seen.wait_for(|way| *way != Way::HalfOpen) => {}
                        }
                        return;
                    }
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far), if way == Way::Open => return,
                        changed = seen.changed() => if changed.is_err() || *seen.borrow() == Way::Cut { return },
                    }
                }
            });
        }
    });
    (port, change)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Open,
    /// Nothing gets through, and nobody is told.
    Stalled,
    /// Redis' side of every connection is gone, and the server is not told.
    HalfOpen,
    Cut,
}

#[tokio::test]
async fn a_way_that_is_cut_or_stalls_is_noticed_and_made_up_for() {
    let redis = Redis::start().await;
    let (port, way) = way_to(&redis).await;
    let mut config = Server::config();
    config.redis.port = port;
    let server = Server::start(config).await;
    let mut client = server.client().await;
    listening(&mut client).await;
    open(&mut client, "s", "stream_tickers", json!({"exchange": "x"})).await;
    let mut follower = Follower::default();
    for (round, what) in
        (1..).zip([Way::Cut, Way::Stalled, Way::HalfOpen, Way::Cut, Way::HalfOpen, Way::Stalled])
    {
        way.send(what).await.unwrap();
        while follower.stale < round {
            let update = client.receive().await;
            follower.take(&update, &["symbol"]);
        }
        write_ticker(&redis, "x", "A", round as f64).await;
        way.send(Way::Open).await.unwrap();
        until_prices(&mut client, &mut follower, &json!({"\"A\"": round as f64})).await;
    }
}
