//! What a client gets in which order, whoever writes it.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{
    FutureExt as _,
    future::{join_all, select},
};
use serde_json::json;

use super::{start, write_ticker};
use crate::common::Client;

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn updates_come_between_the_reply_and_the_end_of_their_stream() {
    let (redis, server, first) = start().await;
    let mut clients = vec![first];
    while clients.len() < 8 {
        clients.push(server.client().await);
    }
    let writing = async {
        for price in 1.. {
            write_ticker(&redis, "x", "A", f64::from(price)).await;
        }
    };
    let watching = join_all(clients.iter_mut().map(come_and_go));
    select(writing.boxed_local(), watching.boxed_local()).await;
}
