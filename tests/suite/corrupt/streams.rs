//! Who watches something is told that it cannot be read, and sees it again when it can.

use std::time::{Duration, Instant};

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
    let position = r#"{"volume": 1, "price": 2, "cost": 2, "fee": 0}"#;
    let positions: Vec<String> = (0..100).map(|number| format!("\"A{number}/B\": {position}")).collect();
    let account = format!("{{{}, \"timestamp\": 1}}", positions.join(", "));
    hset(&redis, "account_positions", "1", &account).await;
    open(&mut client, "stream_positions", json!({"user_id": 1})).await;
    for _ in 0..100 {
        assert_eq!(client.receive().await["snapshot"], true);
    }
    let begin = Instant::now();
    for nonsense in ["nonsense", "other nonsense"] {
        hset(&redis, "account_positions", "1", nonsense).await;
        assert_eq!(client.receive().await["item"], "1");
    }
    hset(&redis, "account_positions", "1", &account).await;
    for _ in 0..100 {
        let again = client.receive().await;
        assert_eq!((&again["type"], &again["removed"]), (&json!("position_update"), &json!(null)));
    }
    assert!(begin.elapsed() < Duration::from_secs(3), "it took {:?}", begin.elapsed());
    // Of an account that is gone the items are gone.
    hset(&redis, "account_positions", "1", "nonsense").await;
    assert_eq!(client.receive().await["item"], "1");
    redis.send::<()>(&["HDEL", "account_positions", "1"]).await;
    for _ in 0..100 {
        assert_eq!(client.receive().await["removed"], true);
    }
}

#[tokio::test]
async fn a_date_that_is_none_is_warned_of_once_and_does_no_harm() {
    let (redis, _server, mut client) = start().await;
    let account = |date: &str| {
        format!(
            r#"{{"A": {{"balance": 1, "available": 1}}, "B": {{"balance": 1, "available": 1}}, "date": "{date}"}}"#
        )
    };
    hset(&redis, "accounts", "1", &account("soon")).await;
    open(&mut client, "stream_balances", json!({"user_id": 1})).await;
    let mut told: Vec<Value> = Vec::new();
    for _ in 0..3 {
        told.push(client.receive().await);
    }
    let mut items: Vec<String> =
        told.iter().map(|told| told.get("item").unwrap_or(&told["currency"]).to_string()).collect();
    items.sort();
    assert_eq!(items, ["\"1\"", "\"A\"", "\"B\""], "{told:?}");
    hset(&redis, "accounts", "1", &account("2026-01-01T00:00:00+00:00")).await;
    for _ in 0..2 {
        let healthy = client.receive().await;
        assert!(healthy["timestamp"].is_number(), "{healthy}");
    }
}

#[tokio::test]
async fn what_is_of_no_item_is_warned_of_once() {
    let (redis, _server, mut client) = start().await;
    open(&mut client, "stream_blocks", json!({})).await;
    // Both are called the same, as text.
    send_bytes(&redis, "'HSET', 'block_exchange', '\\255', 'bot', '\\254', 'bot'").await;
    let told = client.receive().await;
    assert_eq!((&told["type"], &told["error_code"]), (&json!("stream_warning"), &json!("CACHE_CORRUPT")));
    // It is read again for these, and is as it was.
    for bot in ["7", "8", "9"] {
        hset(&redis, "block_exchange", "x:A/B", bot).await;
        assert_eq!(client.receive().await["bot_id"], bot);
    }
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
