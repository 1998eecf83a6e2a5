//! Streams of state.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{open, start, ticker, write_ticker};

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
