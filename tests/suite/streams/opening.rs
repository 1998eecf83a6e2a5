//! From when on a stream that begins without the present state tells of changes.

use std::time::Duration;

use futures_util::SinkExt as _;
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use super::{open, start, write_ticker};

#[tokio::test]
async fn what_changes_after_the_reply_is_told() {
    let (redis, server, mut first) = start().await;
    let mut second = server.client().await;
    for round in 0..50 {
        let exchange = format!("x{round}");
        write_ticker(&redis, &exchange, "A", 1.0).await;
        // Nobody has watched it before; then somebody does.
        for (client, price) in [(&mut first, 2.0), (&mut second, 3.0)] {
            open(client, "s", "stream_tickers", json!({"exchange": exchange, "snapshot": false})).await;
            write_ticker(&redis, &exchange, "A", price).await;
            let update = client.receive().await;
            assert_eq!(
                (&update["price"], update.get("snapshot")),
                (&json!(price), None),
                "{round}: {update}"
            );
        }
        first.receive().await;
        for client in [&mut first, &mut second] {
            client.call("unsubscribe", json!({"stream": "s"})).await;
            assert_eq!(client.receive().await["type"], "stream_end");
        }
    }
}

#[tokio::test]
async fn what_changes_after_the_reply_to_an_array_is_told() {
    let (redis, _server, mut client) = start().await;
    let ids = ["a", "b", "c"];
    let requests = ids.map(|id| {
        json!({"request_id": id, "operation": "stream_tickers",
            "params": {"exchange": id, "snapshot": false}})
    });
    client.send(&json!(requests).to_string()).await;
    let replies = client.receive().await;
    for id in ids {
        write_ticker(&redis, id, "A", 1.0).await;
    }
    for reply in replies.as_array().unwrap() {
        assert_eq!(reply["success"], true, "{reply}");
    }
    let mut told = Vec::new();
    for _ in ids {
        told.push(client.receive().await["request_id"].clone());
    }
    told.sort_by_key(Value::to_string);
    assert_eq!(told, ids);
}

#[tokio::test]
async fn one_that_is_ended_before_its_reply_says_so_after_it() {
    let (_redis, _server, mut client) = start().await;
    for round in 0..20 {
        let params = json!({"exchange": format!("x{round}"), "snapshot": false});
        let request = json!({"request_id": "s", "operation": "stream_tickers", "params": params});
        let end = json!({"request_id": "e", "operation": "unsubscribe", "params": {"stream": "s"}});
        client.send(&request.to_string()).await;
        client.send(&end.to_string()).await;
        let mut replies = [client.receive().await, client.receive().await];
        replies.sort_by_key(|reply| reply["request_id"].to_string());
        for (reply, id) in replies.iter().zip(["e", "s"]) {
            assert_eq!((&reply["request_id"], &reply["success"]), (&json!(id), &json!(true)), "{reply}");
        }
        let end = client.receive().await;
        assert_eq!(end, json!({"type": "stream_end", "request_id": "s", "reason": "unsubscribed"}));
    }
}

#[tokio::test]
async fn while_nobody_can_say_what_there_is_the_reply_does_not_wait_for_it() {
    let (redis, _server, mut client) = start().await;
    redis.signal("STOP");
    open(&mut client, "s", "stream_tickers", json!({"exchange": "x", "snapshot": false})).await;
    assert_eq!(client.receive().await["type"], "stream_stale");
    redis.signal("CONT");
    assert_eq!(client.receive().await["type"], "stream_fresh");
    write_ticker(&redis, "x", "A", 1.0).await;
    assert_eq!(client.receive().await["price"], 1.0);
}

#[tokio::test]
async fn the_end_of_a_connection_does_not_wait_for_a_stream_to_be_settled() {
    let (redis, _server, mut client) = start().await;
    redis.send::<()>(&["CLIENT", "PAUSE", "400", "ALL"]).await;
    let request = json!({"request_id": "s", "operation": "stream_tickers",
        "params": {"exchange": "x", "snapshot": false}});
    client.send(&request.to_string()).await;
    client.socket.send(Message::binary("no JSON")).await.unwrap();
    let end = async {
        assert_eq!(client.receive().await["success"], true);
        client.receive_close().await.unwrap().code
    };
    // Sooner than what was asked for is given up.
    assert_eq!(u16::from(timeout(Duration::from_secs(2), end).await.unwrap()), 1003);
}
