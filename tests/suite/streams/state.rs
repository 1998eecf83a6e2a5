//! Streams of state.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::timeout;

use super::{open, start, ticker, write_ticker};
use crate::common::{Redis, Server};
use fullon_cache_api::config::Span;

#[tokio::test]
async fn a_stream_tells_the_present_state_and_then_what_changes() {
    let (redis, _server, mut client) = start().await;
    write_ticker(&redis, "x", "A", 1.0).await;
    write_ticker(&redis, "x", "B", 2.0).await;
    let settings = open(&mut client, "s", "stream_tickers", json!({"exchange": "x"})).await;
    assert_eq!((&settings["update_type"], &settings["push"]), (&json!("ticker_update"), &json!("channel")));
    let mut snapshot = [client.receive().await, client.receive().await];
    snapshot.sort_by_key(|update| update["symbol"].to_string());
    for (update, symbol) in snapshot.iter().zip(["A", "B"]) {
        assert_eq!(
            (&update["type"], &update["request_id"], &update["symbol"], &update["snapshot"]),
            (&json!("ticker_update"), &json!("s"), &json!(symbol), &json!(true)),
            "{update}"
        );
    }
    let last = snapshot.iter().map(|update| update["update_id"].as_u64().unwrap()).max().unwrap();
    write_ticker(&redis, "x", "A", 1.25).await;
    let update = client.receive().await;
    assert_eq!(
        update,
        json!({"type": "ticker_update", "request_id": "s", "update_id": last + 1, "prev_id": last,
            "symbol": "A", "exchange": "x", "price": 1.25, "timestamp": 1.5})
    );
    redis.send::<()>(&["HDEL", "tickers:x", "B"]).await;
    let update = client.receive().await;
    assert_eq!(
        update,
        json!({"type": "ticker_update", "request_id": "s", "update_id": last + 2, "prev_id": last + 1,
            "removed": true, "exchange": "x", "symbol": "B"})
    );
    // One that nobody publishes is noticed all the same.
    redis.send::<()>(&["HSET", "tickers:x", "C", &ticker("x", "C", 3.0)]).await;
    assert_eq!(client.receive().await["symbol"], "C");
}

#[tokio::test]
async fn a_change_that_nobody_published_is_noticed_among_many_that_were() {
    let (redis, _server, mut client) = start().await;
    write_ticker(&redis, "x", "A", 1.0).await;
    write_ticker(&redis, "x", "B", 1.0).await;
    open(&mut client, "s", "stream_tickers", json!({"exchange": "x"})).await;
    let publish = |price: f64| {
        let ticker = ticker("x", "A", price);
        let write = ["HSET", "tickers:x", "A", &ticker].map(str::to_owned).to_vec();
        let tell = ["PUBLISH", "ticker_updates:x:A", &ticker].map(str::to_owned).to_vec();
        // More messages than there is news of: Redis tells of several changes at once.
        [write.clone(), tell.clone(), write, tell]
    };
    for round in 0..100 {
        redis.send_all(&publish(f64::from(round))).await;
    }
    redis.send::<()>(&["HDEL", "tickers:x", "B"]).await;
    let began = Instant::now();
    let writing = async {
        for round in 0.. {
            redis.send_all(&publish(f64::from(round))).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let removed = async { while client.receive().await["removed"] != true {} };
    tokio::select! {
        () = writing => {}
        () = removed => {}
    }
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test]
async fn what_was_published_and_not_stored_is_taken_back() {
    let (redis, _server, mut client) = start().await;
    write_ticker(&redis, "x", "A", 1.0).await;
    open(&mut client, "s", "stream_tickers", json!({"exchange": "x", "symbols": ["A"]})).await;
    assert_eq!(client.receive().await["price"], 1.0);
    redis.send::<()>(&["PUBLISH", "ticker_updates:x:A", &ticker("x", "A", 99.0)]).await;
    assert_eq!(client.receive().await["price"], 99.0);
    assert_eq!(client.receive().await["price"], 1.0);
}

#[tokio::test]
async fn a_ticker_under_anothers_name_harms_none() {
    let (redis, _server, mut client) = start().await;
    write_ticker(&redis, "x", "A", 1.0).await;
    open(&mut client, "s", "stream_tickers", json!({"exchange": "x"})).await;
    assert_eq!(client.receive().await["price"], 1.0);
    for (exchange, symbol) in [("x", "A"), ("y", "B")] {
        redis.send::<()>(&["HSET", "tickers:x", "B", &ticker(exchange, symbol, 7.0)]).await;
        redis.send::<()>(&["PUBLISH", "ticker_updates:x:B", &ticker(exchange, symbol, 7.0)]).await;
        let told = client.receive().await;
        assert_eq!((&told["type"], &told["item"]), (&json!("stream_warning"), &json!("B")), "{told}");
    }
    write_ticker(&redis, "x", "B", 2.0).await;
    let update = client.receive().await;
    assert_eq!((&update["symbol"], &update["price"]), (&json!("B"), &json!(2.0)), "{update}");
}

#[tokio::test]
async fn processes_grow_old_without_a_change() {
    let (redis, _server, mut client) = start().await;
    let time = |age: i64| {
        let at = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
        (at - age).to_string()
    };
    let process =
        json!({"process_id": "bot:a:1", "process_type": "bot", "component": "a", "status": "running"});
    redis.send::<()>(&["SET", "process:data:bot:a:1", &process.to_string()]).await;
    redis.send::<()>(&["HSET", "process:active:bot", "bot:a:1", &time(3597)]).await;
    open(&mut client, "s", "stream_processes", json!({})).await;
    assert_eq!(client.receive().await["process_id"], "bot:a:1");
    let update = client.receive().await;
    assert_eq!((&update["process_id"], &update["removed"]), (&json!("bot:a:1"), &json!(true)), "{update}");
}

#[tokio::test]
async fn what_nobody_watches_ends_after_the_resume_window() {
    let redis = Redis::start().await;
    let mut config = Server::config();
    config.redis.port = redis.port;
    config.streams.resume_window = Span::millis(300);
    let server = Server::start(config).await;
    let mut client = server.client().await;
    open(&mut client, "s", "stream_tickers", json!({"exchange": "x"})).await;
    assert_eq!(client.call("get_server_stats", json!({})).await["topics"], 1);
    drop(client);
    let mut other = server.client().await;
    let over = async { while other.call("get_server_stats", json!({})).await["topics"] != 0 {} };
    timeout(Duration::from_secs(4), over).await.expect("the topic stays");
}

#[tokio::test]
async fn what_is_stored_under_a_name_of_the_envelope_does_not_stand_twice() {
    let (redis, _server, mut client) = start().await;
    let stored = r#"{"type": "spot", "symbol": "A", "exchange": "x", "price": 1, "prev_\u0069d": 5, "snapshot": 0,
        "note": "the \"type\"", "removed": null, "update_id": [1], "request_id": {}, "types": 2}"#;
    redis.send::<()>(&["HSET", "tickers:x", "A", stored]).await;
    open(&mut client, "s", "stream_tickers", json!({"exchange": "x"})).await;
    let text = client.receive_text().await;
    let update: Value = serde_json::from_str(&text).unwrap();
    let expected = json!({
        "type": "ticker_update", "request_id": "s", "update_id": update["update_id"], "prev_id": null,
        "snapshot": true, "symbol": "A", "exchange": "x", "price": 1, "note": "the \"type\"", "types": 2,
    });
    assert_eq!(update, expected);
    // A parser that lets the last of two win would not have seen it.
    for name in ["type", "request_id", "update_id", "prev_id", "snapshot"] {
        assert_eq!(text.matches(&format!("\"{name}\":")).count(), 1, "{name}: {text}");
    }
    // A read has no envelope, and passes on what is stored.
    assert_eq!(client.call("get_ticker", json!({"exchange": "x", "symbol": "A"})).await["type"], "spot");
}
