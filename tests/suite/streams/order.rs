//! What a client gets in which order, whoever writes it.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{
    FutureExt as _,
    future::{join_all, select},
};
use serde_json::json;

use super::{start, start_with, write_ticker};
use crate::common::{Client, Redis};

const STREAMS: u64 = 200;

/// Opens streams one after another, each while the one before is being ended, and reads all that comes.
async fn come_and_go(client: &mut Client) {
    let mut open = BTreeSet::new();
    let mut updates = BTreeMap::<u64, u64>::new();
    for id in 1..=STREAMS {
        let opening = json!({"request_id": id, "operation": "stream_tickers", "params": {"exchange": "x"}});
        client.send(&opening.to_string()).await;
        let ending = json!({"request_id": "end", "operation": "unsubscribe", "params": {"stream": id - 1}});
        if id > 1 {
            client.send(&ending.to_string()).await;
        }
        // Reads until the stream is open and has told something.
        while updates.get(&id).is_none_or(|updates| *updates < 3) {
            let message = client.receive().await;
            let of = message["request_id"].as_u64();
            match (message["type"].as_str(), of) {
                (Some("ticker_update"), Some(of)) => {
                    assert!(open.contains(&of), "not open: {message}");
                    *updates.entry(of).or_default() += 1;
                }
                (Some("stream_end"), Some(of)) => assert!(open.remove(&of), "not open: {message}"),
                (None, Some(of)) => assert!(open.insert(of), "open already: {message}"),
                _ => assert_eq!(message["success"], true, "{message}"),
            }
        }
    }
    assert!(open.len() <= 2, "{open:?}");
}

/// Has a ticker written for as long as something lasts.
async fn while_written(redis: &Redis, watching: impl Future<Output = ()>) {
    let writing = async {
        for price in 1.. {
            write_ticker(redis, "x", "A", f64::from(price)).await;
        }
    };
    select(writing.boxed_local(), watching.boxed_local()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn updates_come_between_the_reply_and_the_end_of_their_stream() {
    let (redis, server, first) = start().await;
    let mut clients = vec![first];
    while clients.len() < 8 {
        clients.push(server.client().await);
    }
    while_written(&redis, join_all(clients.iter_mut().map(come_and_go)).map(drop)).await;
}

/// Opens streams in arrays whose other requests are answered later.
async fn open_in_arrays(client: &mut Client) {
    let mut open = BTreeSet::new();
    for id in 1..=STREAMS {
        let opening = json!({"request_id": id, "operation": "stream_tickers", "params": {"exchange": "x"}});
        let reading = json!({"operation": "get_ticker", "params": {"exchange": "x", "symbol": "A"}});
        client.send(&json!([opening, reading]).to_string()).await;
        while !open.contains(&id) {
            let message = client.receive().await;
            match (message["request_id"].as_u64(), message[0]["request_id"].as_u64()) {
                (Some(of), _) => assert!(open.contains(&of), "not open: {message}"),
                (None, Some(of)) => assert!(open.insert(of), "open already: {message}"),
                // The end of the one before.
                (None, None) => assert_eq!(message["success"], true, "{message}"),
            }
        }
        let ending = json!({"operation": "unsubscribe", "params": {"stream": id}});
        client.send(&ending.to_string()).await;
        while client.receive().await["type"] != "stream_end" {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn updates_come_after_the_reply_to_the_array_that_opened_their_stream_however_slowly() {
    let (redis, server, _client) = start_with(|config| {
        config.near_cache.bytes = 0;
        config.limits.bytes_out_per_second = 100 << 10;
    })
    .await;
    let mut clients = Vec::new();
    while clients.len() < 8 {
        clients.push(server.client().await);
    }
    while_written(&redis, join_all(clients.iter_mut().map(open_in_arrays)).map(drop)).await;
}
