//! Who watches something is told that it cannot be read, and sees it again when it can.

use serde_json::{Value, json};

use super::{hset, send_bytes, start};
use crate::{
    access::{guarded, token},
    common::Client,
};
use fullon_cache_api::access::Scope;

async fn open(client: &mut Client, operation: &str, params: Value) {
    client.call(operation, params).await;
}

fn warning(item: &str, error: &str) -> Value {
    json!({"type": "stream_warning", "request_id": "t", "error_code": "CACHE_CORRUPT", "error": error, "item": item})
}

#[tokio::test]
async fn an_item_that_turns_corrupt_is_warned_of_and_told_again_when_it_is_healthy() {
    let (redis, server, mut client) = start().await;
    let good = r#"{"status": "running", "symbol": "A/B", "exchange": "x", "timestamp": 1}"#;
    let good = format!("{{\"feed\": {good}}}");
    hset(&redis, "bot_status", "1", &good).await;
    open(&mut client, "stream_bot_status", json!({})).await;
    let healthy = client.receive().await;
    assert_eq!(healthy["bot_id"], "1");

    hset(&redis, "bot_status", "1", "nonsense").await;
    let told = client.receive().await;
    assert_eq!(told, warning("1", told["error"].as_str().unwrap()));
    // Who comes later is told its last healthy form, and that it is no more.
    let mut late = server.client().await;
    open(&mut late, "stream_bot_status", json!({})).await;
    let mut snapshot = healthy.clone();
    snapshot["prev_id"] = json!(null);
    assert_eq!(late.receive().await, snapshot);
    assert_eq!(late.receive().await, told);

    // The same as before: nothing has changed, but for that it can be read.
    hset(&redis, "bot_status", "1", &good).await;
    for client in [&mut client, &mut late] {
        let again = client.receive().await;
        assert_eq!((&again["feeds"], &again["prev_id"]), (&healthy["feeds"], &healthy["update_id"]));
    }
    // A part of it.
    hset(&redis, "bot_status", "1", &good.replace("}}", "}, \"other\": 7}")).await;
    assert_eq!(client.receive().await["item"], "1/other", "the rest is as it was");
    redis.send::<()>(&["HDEL", "bot_status", "1"]).await;
    assert_eq!(client.receive().await["removed"], true);
    let mut none = server.client().await;
    open(&mut none, "stream_bot_status", json!({})).await;
    hset(&redis, "bot_status", "2", &good).await;
    assert_eq!(none.receive().await["bot_id"], "2", "what is gone is not warned of");
}

#[tokio::test]
async fn a_whole_account_that_turns_corrupt_is_warned_of_once() {
    let (redis, _server, mut client) = start().await;
    let account = r#"{"A/B": {"volume": 1, "price": 2, "cost": 2, "fee": 0}, "timestamp": 1}"#;
    hset(&redis, "account_positions", "1", account).await;
    open(&mut client, "stream_positions", json!({"user_id": 1})).await;
    let healthy = client.receive().await;
    hset(&redis, "account_positions", "1", "nonsense").await;
    assert_eq!(client.receive().await["item"], "1");
    hset(&redis, "account_positions", "1", account).await;
    let again = client.receive().await;
    assert_eq!((&again["symbol"], &again["prev_id"]), (&json!("A/B"), &healthy["update_id"]));
}

#[tokio::test]
async fn what_is_of_no_item_is_warned_of_once() {
    let (redis, _server, mut client) = start().await;
    open(&mut client, "stream_blocks", json!({})).await;
    send_bytes(&redis, "'HSET', 'block_exchange', '\\255', 'bot'").await;
    let told = client.receive().await;
    assert_eq!((&told["type"], &told["error_code"]), (&json!("stream_warning"), &json!("CACHE_CORRUPT")));
    // It is read again for this, and is as it was.
    hset(&redis, "block_exchange", "x:A/B", "7").await;
    assert_eq!(client.receive().await["bot_id"], "7");
}

#[tokio::test]
async fn a_corrupt_order_is_nobody_elses() {
    let (redis, server) = guarded(|config| {
        config.auth.tokens =
            vec![token("mine", &[Scope::Orders], &["1"]), token("theirs", &[Scope::Orders], &["2"])];
    })
    .await;
    let order = |uid: u64| format!(r#"{{"uid": {uid}, "symbol": "A/B", "status": "open", "volume": 1}}"#);
    hset(&redis, "order_status:x", "7", &order(1)).await;
    let mut clients = Vec::new();
    for name in ["mine", "theirs"] {
        let mut client = server.client().await;
        client.call("authenticate", json!({"token": name})).await;
        open(&mut client, "stream_orders", json!({"exchange": "x"})).await;
        clients.push(client);
    }
    assert_eq!(clients[0].receive().await["order_id"], "7");
    // It does not say any more whose it is, so it is the one's it was.
    hset(&redis, "order_status:x", "7", "nonsense").await;
    assert_eq!(clients[0].receive().await["item"], "7");
    hset(&redis, "order_status:x", "8", &order(2)).await;
    assert_eq!(clients[1].receive().await["order_id"], "8");
}
