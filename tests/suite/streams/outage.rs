//! Whatever happens to Redis, or to the way to it: it is said, nobody is disconnected, and in the end all
//! know what is there.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::{sync::mpsc, time::timeout};

use super::{Follower, listening, open, start, ticker, write_ticker};
use crate::common::{Client, Redis};

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

#[tokio::test]
async fn a_redis_that_is_killed_again_and_again_is_followed() {
    let (mut redis, _server, mut client) = start().await;
    open(&mut client, "s", "stream_tickers", json!({"exchange": "x"})).await;
    let mut follower = Follower::default();
    let mut random = 7_u64;
    for round in 0..10 {
        // It comes back empty: what was there is gone, and some of it is there again.
        redis.kill();
        redis.revive().await;
        let mut expected = serde_json::Map::new();
        random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        for symbol in 0..(random >> 33) % 5 {
            let (symbol, price) = (format!("S{symbol}"), f64::from(round));
            write_ticker(&redis, "x", &symbol, price).await;
            expected.insert(format!("\"{symbol}\""), json!(price));
        }
        until_prices(&mut client, &mut follower, &expected.into()).await;
    }
    assert!(follower.stale >= 10, "{}", follower.stale);
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
    Cut,
}

#[tokio::test]
async fn a_way_that_is_cut_or_stalls_is_noticed_and_made_up_for() {
    let redis = Redis::start().await;
    let (port, way) = way_to(&redis).await;
    let mut config = crate::common::Server::config();
    config.redis.port = port;
    let server = crate::common::Server::start(config).await;
    let mut client = server.client().await;
    listening(&mut client).await;
    open(&mut client, "s", "stream_tickers", json!({"exchange": "x"})).await;
    let mut follower = Follower::default();
    for (round, what) in (1..).zip([Way::Cut, Way::Stalled, Way::Cut, Way::Stalled]) {
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
