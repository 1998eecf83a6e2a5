//! How a stream is served, told to who asks: when it opens, and later by `list_streams`.

use serde_json::{Value, json};

use super::{Follower, open, start, write_ticker};
use crate::common::Client;

/// What `list_streams` tells of how a stream is served.
async fn explained(client: &mut Client, id: &str) -> Value {
    client.send(&json!({"request_id": "list", "operation": "list_streams"}).to_string()).await;
    loop {
        let reply = client.receive().await;
        if reply["request_id"] == "list" {
            let listed = reply["result"].as_array().unwrap().iter().find(|listed| listed["stream"] == id);
            return listed.unwrap().get("explain").cloned().unwrap_or_default();
        }
    }
}

#[tokio::test]
async fn the_opening_reply_tells_whether_it_was_there_already_and_for_how_many() {
    let (redis, server, mut first) = start().await;
    write_ticker(&redis, "x", "A", 1.0).await;
    write_ticker(&redis, "x", "B", 1.0).await;
    let params = json!({"exchange": "x"});
    let reply = first.explain("s", "stream_tickers", params.clone()).await;
    let stream = &reply["explain"]["stream"];
    // The thread that reads it may have been quicker than the reply.
    let (topic, items) = if stream.get("read_age_us").is_none() { ("unread", 0) } else { ("fresh", 2) };
    assert_eq!((&stream["topic"], &stream["items"]), (&json!(topic), &json!(items)), "{reply}");
    assert_eq!(stream["subscribers"], 1, "{reply}");
    assert_eq!((&stream["push"], stream.get("push_reason")), (&json!("channel"), None));
    first.receive().await;

    let mut second = server.client().await;
    let reply = second.explain("s", "stream_tickers", params.clone()).await;
    let stream = &reply["explain"]["stream"];
    assert_eq!((&stream["topic"], &stream["subscribers"]), (&json!("fresh"), &json!(2)), "{reply}");
    assert!(stream["read_age_us"].is_u64() && stream["items"] == 2 && stream["updates"] == 0, "{reply}");
    for _ in 0..2 {
        second.receive().await;
    }
    let stream = explained(&mut second, "s").await;
    assert!(stream["updates"] == 2 && stream["update_age_us"].is_u64(), "{stream}");

    let reply = second.explain("p", "stream_positions", json!({"user_id": 1})).await;
    let reason = reply["explain"]["stream"]["push_reason"].as_str().unwrap();
    assert!(reply["result"]["push"] == "tracking" && reason.contains("channel"), "{reply}");

    // Who did not ask is told nothing.
    open(&mut second, "plain", "stream_tickers", params).await;
    assert_eq!(explained(&mut second, "plain").await, Value::Null);
}

#[tokio::test]
async fn what_a_slow_stream_left_out_is_counted() {
    let (redis, server, mut slow) = start().await;
    for symbol in ["A", "B"] {
        write_ticker(&redis, "x", symbol, 0.0).await;
    }
    let all = json!({"exchange": "x", "min_interval_ms": 200});
    slow.explain("s", "stream_tickers", all).await;
    let mut chosen = server.client().await;
    let only = |interval: u32| json!({"exchange": "x", "symbols": ["A"], "min_interval_ms": interval});
    chosen.explain("s", "stream_tickers", only(200)).await;
    let mut quick = server.client().await;
    quick.explain("s", "stream_tickers", only(0)).await;
    // All begin before anything changes.
    let mut followers = [Follower::default(), Follower::default(), Follower::default()];
    for (follower, client, count) in [(0, &mut slow, 2), (1, &mut chosen, 1), (2, &mut quick, 1)] {
        for _ in 0..count {
            followers[follower].take(&client.receive().await, &["symbol"]);
        }
    }
    let first = followers[0].last.unwrap();

    for number in 1..=100 {
        write_ticker(&redis, "x", "B", f64::from(number)).await;
        write_ticker(&redis, "x", "A", f64::from(number)).await;
    }
    let mut told = Vec::new();
    for (follower, client) in followers.iter_mut().zip([&mut slow, &mut chosen, &mut quick]) {
        let mut count = 0;
        while follower.items["\"A\""]["price"] != 100.0 {
            follower.take(&client.receive().await, &["symbol"]);
            count += 1;
        }
        let stream = explained(client, "s").await;
        assert_eq!((&stream["subscribers"], &stream["gaps"]), (&json!(3), &json!(0)), "{stream}");
        told.push((count, stream["conflated"].as_u64().unwrap()));
    }
    let [slow, chosen, quick] = [0, 1, 2].map(|at| told[at]);
    // Each change has a version of its own.
    assert_eq!(slow.0 + slow.1, followers[0].last.unwrap() - first);
    assert!(slow.1 > 0 && chosen.1 > 0, "{told:?}");
    // Of one symbol there were as many changes for the one as for the other, and fewer than of both.
    assert_eq!(chosen.0 + chosen.1, quick.0 + quick.1, "{told:?}");
    assert!(chosen.0 + chosen.1 < slow.0 + slow.1, "{told:?}");
}
