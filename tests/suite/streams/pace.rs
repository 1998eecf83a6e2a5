//! Each at its own pace: fewer and newer updates for who is slow, and always the last.

use std::time::{Duration, Instant};

use fullon_cache_api::config::Span;
use futures_util::{SinkExt as _, future::join_all};
use serde_json::json;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use super::{Follower, calls, open, start, start_with, ticker, write_ticker};
use crate::common::{Client, Redis, Server, eventually};

#[tokio::test]
async fn an_item_is_told_no_more_often_than_was_asked_for_and_its_last_value_always() {
    let (redis, _server, mut client) = start().await;
    write_ticker(&redis, "x", "A", 0.0).await;
    let params = json!({"exchange": "x", "min_interval_ms": 200});
    assert_eq!(open(&mut client, "s", "stream_tickers", params).await["min_interval_ms"], 200);
    let began = Instant::now();
    let writing = async {
        for number in 1..=300 {
            write_ticker(&redis, "x", "A", f64::from(number)).await;
        }
    };
    let following = async {
        let (mut times, mut follower) = (Vec::new(), Follower::default());
        loop {
            let update = client.receive().await;
            times.push(Instant::now());
            follower.take(&update, &["symbol"]);
            if update["price"] == 300.0 {
                return times;
            }
        }
    };
    let ((), times) = tokio::join!(writing, following);
    let most = began.elapsed().as_millis() / 200 + 2;
    assert!(times.len() as u128 <= most, "{} updates in {:?}", times.len(), began.elapsed());
    // The client may read two at once that were sent apart, so only what lies further apart counts.
    let close = times.windows(3).filter(|times| times[2] - times[0] < Duration::from_millis(200)).count();
    assert_eq!(close, 0, "{times:?}");
}

/// Bytes of memory that this process uses.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<usize>().unwrap() << 10
}

/// What is there at the start, where nobody is cut off for having stalled, however slow the machine is.
async fn start_patient() -> (Redis, Server, Client) {
    start_with(|config| {
        config.limits.write_timeout = Span::millis(600_000);
        config.limits.pong_timeout = Span::millis(600_000);
    })
    .await
}

#[tokio::test]
async fn who_reads_nothing_costs_little_and_nobody_else_sees_it() {
    const STALLED: usize = 1000;
    const SYMBOLS: usize = 200;
    let (redis, server, _client) = start_patient().await;
    let mut stalled = Vec::new();
    for _ in 0..STALLED {
        let mut client = Client::connect_narrow(server.address).await;
        open(&mut client, "s", "stream_tickers", json!({"exchange": "x"})).await;
        stalled.push(client);
    }
    let mut readers: Vec<Client> = Vec::new();
    for _ in 0..10 {
        let mut client = server.client().await;
        open(&mut client, "s", "stream_tickers", json!({"exchange": "x"})).await;
        readers.push(client);
    }
    let before = resident();
    let symbol = |number: usize| format!("S{number}");
    let ended = |follower: &Follower| {
        follower.items.len() == SYMBOLS && follower.items.values().all(|item| item["price"] == 300.0)
    };
    let writing = async {
        for round in 1..=300_u32 {
            let commands: Vec<Vec<String>> = (0..SYMBOLS)
                .flat_map(|number| {
                    let symbol = symbol(number);
                    let ticker = ticker("x", &symbol, f64::from(round));
                    let channel = format!("ticker_updates:x:{symbol}");
                    [
                        ["HSET", "tickers:x", &symbol, &ticker].map(str::to_owned).to_vec(),
                        ["PUBLISH", &channel, &ticker].map(str::to_owned).to_vec(),
                    ]
                })
                .collect();
            redis.send_all(&commands).await;
        }
    };
    let reading = join_all(readers.iter_mut().map(async |client| {
        let mut follower = Follower::default();
        while !ended(&follower) {
            let update = client.receive().await;
            follower.take(&update, &["symbol"]);
        }
    }));
    timeout(Duration::from_secs(60), async { tokio::join!(writing, reading) })
        .await
        .expect("a reader is held up");
    let grown = resident().saturating_sub(before);
    // What the test's own clients hold is part of this.
    assert!(grown < STALLED * (64 << 10), "{} KiB for each", grown / STALLED / 1024);
    // Who reads again has the last value of everything.
    let mut late = stalled.swap_remove(0);
    let mut follower = Follower::default();
    while !ended(&follower) {
        let update = timeout(Duration::from_secs(10), late.receive()).await.unwrap();
        follower.take(&update, &["symbol"]);
    }
}

#[tokio::test]
async fn a_big_stream_starves_neither_another_nor_replies() {
    let (redis, server, _client) = start().await;
    let mut client = Client::connect_narrow(server.address).await;
    let big: Vec<Vec<String>> = (0..10_000)
        .map(|number| {
            let symbol = format!("S{number}");
            let ticker = json!({"symbol": symbol, "exchange": "big", "price": 1, "more": "x".repeat(500)});
            ["HSET", "tickers:big", &symbol, &ticker.to_string()].map(str::to_owned).to_vec()
        })
        .collect();
    redis.send_all(&big).await;
    write_ticker(&redis, "small", "A", 1.0).await;
    // The topics are read before the client asks, so that all is there at once.
    for exchange in ["big", "small"] {
        let mut other = server.client().await;
        open(&mut other, exchange, "stream_tickers", json!({"exchange": exchange})).await;
        while other.receive().await["request_id"] != exchange {}
    }
    for (id, operation, exchange) in [
        ("big", "stream_tickers", "big"),
        ("small", "stream_tickers", "small"),
        ("read", "get_queue_length", "x"),
    ] {
        let request = json!({"request_id": id, "operation": operation, "params": {"exchange": exchange}});
        client.socket.feed(Message::text(request.to_string())).await.unwrap();
    }
    client.socket.flush().await.unwrap();
    // Meanwhile no more is on its way to the client than the system keeps.
    eventually("Redis is asked", async || calls(&redis, &["hlen"]).await > 0).await;
    let (mut before_small, mut before_read, mut big) = (None, None, 0);
    while before_small.is_none() || before_read.is_none() {
        let message = client.receive().await;
        match message["request_id"].as_str().unwrap() {
            "big" => big += 1,
            "small" if message["type"] == "ticker_update" => before_small = Some(big),
            "read" => before_read = Some(big),
            _ => {}
        }
    }
    let (small, read) = (before_small.unwrap(), before_read.unwrap());
    // Half of the big stream is far more than what the system keeps.
    assert!(
        small < 5_000 && read < 5_000,
        "{small} updates before the small stream, {read} before the reply"
    );
}

#[tokio::test]
async fn who_reads_late_soon_comes_to_what_is_new() {
    /// Of 10 MB, more than the system takes by itself.
    const CHANGES: usize = 500;
    const BYTES: usize = 20_000;
    let (redis, server, mut client) = start_patient().await;
    let mut late = server.client().await;
    for client in [&mut client, &mut late] {
        open(client, "s", "stream_tickers", json!({"exchange": "x"})).await;
    }
    for price in 1..=CHANGES {
        let ticker = json!({"symbol": "A", "exchange": "x", "price": price, "more": "x".repeat(BYTES)});
        redis.send::<()>(&["HSET", "tickers:x", "A", &ticker.to_string()]).await;
        redis.send::<()>(&["PUBLISH", "ticker_updates:x:A", &ticker.to_string()]).await;
        // Whoever reads on is told of each.
        while client.receive().await["price"] != price {}
    }
    let mut old = 0;
    while late.receive().await["price"] != CHANGES {
        old += 1;
    }
    assert!(old * BYTES < 1 << 20, "{old} old ones came first");
}

#[tokio::test]
async fn more_removals_than_are_kept_are_made_up_for() {
    let (redis, server, mut client) = start_with(|config| config.streams.log_entries = 5).await;
    for number in 0..20 {
        write_ticker(&redis, "x", &format!("S{number}"), 1.0).await;
    }
    let settings = open(&mut client, "s", "stream_tickers", json!({"exchange": "x"})).await;
    let mut follower = Follower::default();
    while follower.items.len() < 20 {
        follower.take(&client.receive().await, &["symbol"]);
    }
    let last = follower.last.unwrap();
    let remove = ["HDEL", "tickers:x"].map(str::to_owned).into_iter();
    redis.send_all(&[remove.chain((0..19).map(|number| format!("S{number}"))).collect()]).await;
    // Who reads on is told that some were forgotten, and what is there.
    while follower.gaps.is_empty() {
        follower.take(&client.receive().await, &["symbol"]);
    }
    // Who comes back cannot go on from before.
    let mut other = server.client().await;
    let resume = json!({"epoch": settings["epoch"], "update_id": last});
    let again = open(&mut other, "s", "stream_tickers", json!({"exchange": "x", "resume": resume})).await;
    assert_eq!(again["resumed"], false);
    let update = other.receive().await;
    assert_eq!((&update["symbol"], &update["snapshot"]), (&json!("S19"), &json!(true)));
}
