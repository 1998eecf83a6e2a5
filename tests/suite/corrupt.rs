//! Corrupt values are reported and counted, each under its name, and the healthy ones beside them flow.

mod logs;
mod streams;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::common::{Client, Redis, Server};

/// What is no object of any kind.
const NO_OBJECT: [(&str, &str); 12] = [
    ("empty", ""),
    ("a word", "hello"),
    ("a number", "7"),
    ("a text", r#""7""#),
    ("null", "null"),
    ("a list", "[1, 2]"),
    ("NaN", r#"{"symbol": "A", "exchange": "x", "price": NaN}"#),
    ("Infinity", r#"{"symbol": "A", "exchange": "x", "price": Infinity}"#),
    ("-Infinity", r#"{"symbol": "A", "exchange": "x", "price": -Infinity}"#),
    ("cut off", r#"{"symbol": "A", "exchange": "x", "pri"#),
    ("two", r#"{"symbol": "A", "exchange": "x"} {}"#),
    ("python", "{'symbol': 'A', 'exchange': 'x'}"),
];
/// What is no UTF-8, as a Lua text.
const NO_UTF8: &str = r#"'{"a": "\255\254"}'"#;
/// The beginnings of keys, none of which a client may get to see.
const KEYS: [&str; 13] = [
    "tickers:",
    "account_positions",
    "accounts",
    "order_status",
    "new_orders",
    "bot_status",
    "block_exchange",
    "opening_position",
    "trades:",
    "TRADE:STATUS",
    "ohlcv:",
    "process:data",
    "process:active",
];

async fn start() -> (Redis, Server, Client) {
    let redis = Redis::start().await;
    let server = Server::reading(&redis).await;
    let client = server.client().await;
    (redis, server, client)
}

async fn hset(redis: &Redis, key: &str, field: &str, value: &str) {
    redis.send::<()>(&["HSET", key, field, value]).await;
}

/// Sends a command with bytes that no text holds: a Lua expression each.
async fn send_bytes(redis: &Redis, words: &str) {
    redis.send::<()>(&["EVAL", &format!("redis.call({words})"), "0"]).await;
}

/// A single read of something corrupt.
async fn is_corrupt(client: &mut Client, operation: &str, params: Value) {
    let (code, reply) = client.fail(operation, params.clone()).await;
    assert_eq!(code, "CACHE_CORRUPT", "{operation} {params}: {reply}");
    names_no_key(&reply);
}

fn names_no_key(reply: &Value) {
    let text = reply.to_string();
    assert!(KEYS.iter().all(|key| !text.contains(key)), "the reply names a key: {text}");
}

/// What a read of many gives, and the items that it reports.
async fn healthy_of(client: &mut Client, operation: &str, params: Value) -> (Value, Vec<String>) {
    let mut reply = client.ask(operation, params.clone()).await;
    assert_eq!(reply["success"], true, "{operation} {params}: {reply}");
    names_no_key(&reply);
    let warnings =
        reply.get("warnings").map(|warnings| warnings.as_array().unwrap().as_slice()).unwrap_or_default();
    let mut items = Vec::new();
    for warning in warnings {
        assert_eq!(warning["error_code"], "CACHE_CORRUPT", "{warning}");
        assert!(warning["error"].as_str().unwrap().starts_with("the stored value "), "{warning}");
        items.push(warning["item"].as_str().unwrap_or_else(|| panic!("{warning} names nothing")).to_owned());
    }
    items.sort();
    (reply["result"].take(), items)
}

fn sorted<'n>(names: impl IntoIterator<Item = &'n str>) -> Vec<String> {
    let names: BTreeSet<String> = names.into_iter().map(str::to_owned).collect();
    names.into_iter().collect()
}

/// How many corrupt values the server says that an operation has met.
async fn met(client: &mut Client, operation: &str) -> u64 {
    let stats = client.call("get_server_stats", json!({})).await;
    stats["corrupt_values"].get(operation).map_or(0, |count| count.as_u64().unwrap())
}

#[tokio::test]
async fn tickers() {
    let (redis, _server, mut client) = start().await;
    let healthy =
        |symbol: &str| format!(r#"{{"symbol": "{symbol}", "exchange": "x", "price": 1, "time": 1}}"#);
    let too_deep = healthy("A").replace('}', &format!(r#", "x": {}1{}}}"#, "[".repeat(33), "]".repeat(33)));
    let bad = [
        ("no exchange", r#"{"symbol": "A", "price": 1, "time": 1}"#),
        ("no price", r#"{"symbol": "A", "exchange": "x", "time": 1}"#),
        ("too deep", too_deep.as_str()),
        ("no symbol", r#"{"exchange": "x", "price": 1}"#),
        ("symbol twice", r#"{"symbol": "A", "exchange": "x", "price": 1, "time": 1, "symbol": "B"}"#),
        ("symbol null", r#"{"symbol": null, "exchange": "x", "price": 1, "time": 1}"#),
        ("price text", r#"{"symbol": "A", "exchange": "x", "price": "1", "time": 1}"#),
        ("bid list", r#"{"symbol": "A", "exchange": "x", "price": 1, "time": 1, "bid": [1]}"#),
        ("time true", r#"{"symbol": "A", "exchange": "x", "price": 1, "time": true}"#),
        ("time word", r#"{"symbol": "A", "exchange": "x", "price": 1, "time": "soon"}"#),
    ];
    // A symbol as a param has no space.
    let bad: Vec<(String, &str)> =
        bad.iter().chain(&NO_OBJECT).map(|(name, stored)| (name.replace(' ', "_"), *stored)).collect();
    for (name, stored) in &bad {
        hset(&redis, "tickers:x", name, stored).await;
    }
    hset(&redis, "tickers:x", "A", &healthy("A")).await;
    hset(&redis, "tickers:x", "z", &healthy("z")).await;
    send_bytes(&redis, &format!("'HSET', 'tickers:x', 'bytes', {NO_UTF8}")).await;
    send_bytes(&redis, "'HSET', 'tickers:x', 'f\\255', '{}'").await;
    redis.send::<()>(&["SET", "tickers:text", "no hash"]).await;

    let (tickers, items) = healthy_of(&mut client, "get_all_tickers", json!({"exchange": "x"})).await;
    assert_eq!(
        (&tickers[0]["symbol"], &tickers[1]["symbol"], tickers.get(2)),
        (&json!("A"), &json!("z"), None)
    );
    let names = bad.iter().map(|(name, _)| name.as_str()).chain(["bytes", "f\u{fffd}"]);
    assert_eq!(items, sorted(names));
    assert_eq!(met(&mut client, "get_all_tickers").await, items.len() as u64);

    for (name, _) in &bad {
        is_corrupt(&mut client, "get_ticker", json!({"exchange": "x", "symbol": name})).await;
    }
    is_corrupt(&mut client, "get_ticker", json!({"exchange": "x", "symbol": "bytes"})).await;
    is_corrupt(&mut client, "get_ticker", json!({"exchange": "text", "symbol": "A"})).await;
    is_corrupt(&mut client, "get_all_tickers", json!({"exchange": "text"})).await;
    assert_eq!(met(&mut client, "get_ticker").await, bad.len() as u64 + 2);
    assert_eq!(client.call("get_ticker", json!({"exchange": "x", "symbol": "A"})).await["price"], 1);
}

#[tokio::test]
async fn the_newest_ticker_is_the_newest_healthy_one() {
    let (redis, _server, mut client) = start().await;
    hset(&redis, "tickers:a", "X", r#"{"symbol": "X", "exchange": "a", "price": 1, "time": 1}"#).await;
    hset(&redis, "tickers:b", "X", r#"{"symbol": "X", "exchange": "b", "time": NaN}"#).await;
    hset(&redis, "tickers:c", "X", r#"{"symbol": "X", "exchange": "c", "price": 1, "time": "soon"}"#).await;
    redis.send::<()>(&["SET", "tickers:d", "no hash"]).await;
    let (newest, items) = healthy_of(&mut client, "get_any_ticker", json!({"symbol": "X"})).await;
    assert_eq!((&newest["exchange"], items), (&json!("a"), sorted(["b", "c", "d"])));
    assert_eq!(met(&mut client, "get_any_ticker").await, 3);
    // Where all that there is is corrupt, it is no miss.
    redis.send::<()>(&["DEL", "tickers:a", "tickers:d"]).await;
    is_corrupt(&mut client, "get_any_ticker", json!({"symbol": "X"})).await;
}

#[tokio::test]
async fn positions() {
    let (redis, _server, mut client) = start().await;
    let members = [
        ("number", "7"),
        ("null", "null"),
        ("list", "[]"),
        ("no_volume", r#"{"price": 1}"#),
        ("volume_null", r#"{"volume": null}"#),
        ("volume_text", r#"{"symbol": "A", "status": "open", "volume": "1"}"#),
        ("price_text", r#"{"volume": 1, "price": "1"}"#),
        ("time_word", r#"{"volume": 1, "timestamp": "soon"}"#),
    ];
    let inner: Vec<String> = members.iter().map(|(name, stored)| format!("\"{name}\": {stored}")).collect();
    let account = format!(r#"{{"A": {{"volume": -1}}, {}, "B": {{"volume": 1}}}}"#, inner.join(", "));
    hset(&redis, "account_positions", "1", &account).await;
    let (positions, items) = healthy_of(&mut client, "get_positions", json!({"user_id": 1})).await;
    assert_eq!(
        (&positions[0]["symbol"], &positions[1]["symbol"], positions.get(2)),
        (&json!("A"), &json!("B"), None)
    );
    assert_eq!(items, sorted(members.map(|(name, _)| name)));
    for (name, _) in members {
        is_corrupt(&mut client, "get_position", json!({"user_id": 1, "symbol": name})).await;
    }
    assert_eq!(met(&mut client, "get_positions").await, members.len() as u64);
    assert_eq!(met(&mut client, "get_position").await, members.len() as u64);
    whole_accounts(&redis, &mut client, "account_positions", "get_positions", ("get_position", "symbol"))
        .await;
}

#[tokio::test]
async fn balances() {
    let (redis, _server, mut client) = start().await;
    let members = [
        ("number", "7"),
        ("null", "null"),
        ("text", r#""7""#),
        ("no_total", r#"{"available": 1}"#),
        ("no_available", r#"{"total": 1}"#),
        ("balance_text", r#"{"balance": "1", "available": 1}"#),
        ("balance_wins", r#"{"balance": "1", "total": 1, "available": 1}"#),
        ("total_list", r#"{"total": [1], "available": 1}"#),
        ("available_true", r#"{"balance": 1, "available": true}"#),
    ];
    let inner: Vec<String> = members.iter().map(|(name, stored)| format!("\"{name}\": {stored}")).collect();
    let account = format!(
        r#"{{"A": {{"balance": 1, "available": 1}}, {}, "B": {{"total": 1, "available": null}}}}"#,
        inner.join(", ")
    );
    hset(&redis, "accounts", "1", &account).await;
    let (balances, items) = healthy_of(&mut client, "get_balances", json!({"user_id": 1})).await;
    assert_eq!(items, sorted(members.map(|(name, _)| name)));
    assert_eq!(
        (&balances[0]["currency"], &balances[1]["currency"], balances.get(2)),
        (&json!("A"), &json!("B"), None)
    );
    for (name, _) in members {
        is_corrupt(&mut client, "get_balance", json!({"user_id": 1, "currency": name})).await;
    }
    assert_eq!(met(&mut client, "get_balances").await, members.len() as u64);
    assert_eq!(met(&mut client, "get_balance").await, members.len() as u64);

    // A date that is none leaves the balances without their time, and is reported.
    hset(&redis, "accounts", "1", r#"{"A": {"balance": 1, "available": 1}, "date": "soon"}"#).await;
    let (balances, items) = healthy_of(&mut client, "get_balances", json!({"user_id": 1})).await;
    assert_eq!(
        (&balances[0]["total"], balances[0].get("timestamp"), items),
        (&json!(1), None, sorted(["date"]))
    );
    let (balance, items) =
        healthy_of(&mut client, "get_balance", json!({"user_id": 1, "currency": "A"})).await;
    assert_eq!((&balance, items), (&balances[0], sorted(["date"])));
    whole_accounts(&redis, &mut client, "accounts", "get_balances", ("get_balance", "currency")).await;
}

/// Accounts that are no objects, and a key that is no hash.
async fn whole_accounts(redis: &Redis, client: &mut Client, key: &str, all: &str, one: (&str, &str)) {
    for (_, stored) in NO_OBJECT {
        hset(redis, key, "2", stored).await;
        is_corrupt(client, all, json!({"user_id": 2})).await;
        is_corrupt(client, one.0, json!({"user_id": 2, (one.1): "A"})).await;
    }
    send_bytes(redis, &format!("'HSET', '{key}', '2', {NO_UTF8}")).await;
    is_corrupt(client, all, json!({"user_id": 2})).await;
    assert_eq!(client.ask(all, json!({"user_id": 1})).await["success"], true, "the account beside it");
    redis.send::<()>(&["SET", key, "no hash"]).await;
    is_corrupt(client, all, json!({"user_id": 1})).await;
    is_corrupt(client, one.0, json!({"user_id": 1, (one.1): "A"})).await;
}

#[tokio::test]
async fn orders() {
    let (redis, _server, mut client) = start().await;
    let bad = [
        ("volume text", r#"{"symbol": "A", "status": "open", "volume": "1"}"#),
        ("filled text", r#"{"symbol": "A", "status": "open", "volume": 1, "final_volume": "1"}"#),
        ("symbol 7", r#"{"symbol": 7, "status": "open"}"#),
        ("bot list", r#"{"symbol": "A", "status": "open", "bot_id": [1]}"#),
        ("no symbol", r#"{"status": "open"}"#),
        ("no status", r#"{"symbol": "A"}"#),
        ("time word", r#"{"symbol": "A", "status": "open", "timestamp": "soon"}"#),
    ];
    let bad: Vec<(String, &str)> =
        bad.iter().chain(&NO_OBJECT).map(|(name, stored)| (name.replace(' ', "_"), *stored)).collect();
    for (name, stored) in &bad {
        hset(&redis, "order_status:x", name, stored).await;
    }
    send_bytes(&redis, &format!("'HSET', 'order_status:x', 'bytes', {NO_UTF8}")).await;
    hset(&redis, "order_status:x", "good", r#"{"symbol": null, "volume": 1, "status": "open"}"#).await;
    hset(&redis, "order_status:also", "other", r#"{"symbol": "A", "status": "open"}"#).await;
    redis.send::<()>(&["RPUSH", "order_status:list", "no hash"]).await;

    let (orders, items) = healthy_of(&mut client, "get_orders", json!({"exchange": "x"})).await;
    assert_eq!((&orders[0]["order_id"], orders.get(1)), (&json!("good"), None));
    assert_eq!(items, sorted(bad.iter().map(|(name, _)| name.as_str()).chain(["bytes"])));
    let count = items.len() as u64;
    assert_eq!(met(&mut client, "get_orders").await, count);
    for name in &items {
        is_corrupt(&mut client, "get_order_status", json!({"order_id": name, "exchange": "x"})).await;
        is_corrupt(&mut client, "get_order_status", json!({"order_id": name})).await;
    }
    assert!(met(&mut client, "get_order_status").await >= 2 * count);
    for operation in ["get_orders", "get_queue_length"] {
        is_corrupt(&mut client, operation, json!({"exchange": "list"})).await;
    }
    is_corrupt(&mut client, "get_order_status", json!({"order_id": "good", "exchange": "list"})).await;
    let (order, items) = healthy_of(&mut client, "get_order_status", json!({"order_id": "good"})).await;
    assert_eq!((&order["exchange"], items), (&json!("x"), sorted(["list"])));
    hset(&redis, "order_status:also", "good", "NaN").await;
    let (order, items) = healthy_of(&mut client, "get_order_status", json!({"order_id": "good"})).await;
    assert_eq!((&order["exchange"], items), (&json!("x"), sorted(["also", "list"])));
    // What could not be looked at is not known to be missing.
    is_corrupt(&mut client, "get_order_status", json!({"order_id": "nowhere"})).await;
}

#[tokio::test]
async fn order_queues() {
    let (redis, _server, mut client) = start().await;
    send_bytes(&redis, "'RPUSH', 'new_orders:1', 'a', '\\255', 'b'").await;
    redis.send::<()>(&["SET", "new_orders:2", "no list"]).await;
    let (ids, items) = healthy_of(&mut client, "get_order_queue", json!({"local_order_id": 1})).await;
    assert_eq!((ids, items.len()), (json!(["a", "b"]), 1));
    is_corrupt(&mut client, "get_order_queue", json!({"local_order_id": 2})).await;
    assert_eq!(met(&mut client, "get_order_queue").await, 2);
}

#[tokio::test]
async fn bots() {
    let (redis, _server, mut client) = start().await;
    let bad = [("feed text", r#"{"f": "idle"}"#), ("time word", r#"{"f": {"timestamp": "soon"}}"#)];
    let bad: Vec<(String, &str)> =
        bad.iter().chain(&NO_OBJECT).map(|(name, stored)| (name.replace(' ', "_"), *stored)).collect();
    for (name, stored) in &bad {
        hset(&redis, "bot_status", name, stored).await;
    }
    send_bytes(&redis, &format!("'HSET', 'bot_status', 'bytes', {NO_UTF8}")).await;
    hset(&redis, "bot_status", "good", r#"{"f": {"status": "idle"}}"#).await;
    let (bots, items) = healthy_of(&mut client, "get_bots", json!({})).await;
    // Of a bot whose feed is corrupt, the rest is there.
    assert_eq!(bots, json!({"feed_text": {}, "good": {"f": {"status": "idle"}}, "time_word": {}}));
    let whole = NO_OBJECT.iter().map(|(name, _)| name.replace(' ', "_"));
    let expected: Vec<String> =
        whole.chain(["bytes", "feed_text/f", "time_word/f"].map(str::to_owned)).collect();
    assert_eq!(items, sorted(expected.iter().map(String::as_str)));
    assert_eq!(met(&mut client, "get_bots").await, items.len() as u64);
    for name in items.iter().filter(|name| !name.contains('/')) {
        is_corrupt(&mut client, "get_bot_status", json!({"bot_id": name})).await;
    }
    let (bot, feeds) = healthy_of(&mut client, "get_bot_status", json!({"bot_id": "time_word"})).await;
    assert_eq!((&bot["feeds"], feeds), (&json!({}), sorted(["time_word/f"])));
    assert_eq!(met(&mut client, "get_bot_status").await, items.len() as u64 - 1);
    redis.send::<()>(&["SET", "bot_status", "no hash"]).await;
    is_corrupt(&mut client, "get_bots", json!({})).await;
    is_corrupt(&mut client, "get_bot_status", json!({"bot_id": "good"})).await;
}

#[tokio::test]
async fn blocks_and_opening_positions() {
    let (redis, _server, mut client) = start().await;
    hset(&redis, "block_exchange", "x:A", "bot_0").await;
    hset(&redis, "block_exchange", "nocolon", "bot_0").await;
    send_bytes(&redis, "'HSET', 'block_exchange', 'x:B', '\\255'").await;
    let (blocks, items) = healthy_of(&mut client, "get_blocks", json!({})).await;
    assert_eq!(blocks, json!([{"exchange": "x", "symbol": "A", "bot_id": "bot_0"}]));
    assert_eq!(items, sorted(["nocolon", "x:B"]));
    is_corrupt(&mut client, "is_blocked", json!({"exchange": "x", "symbol": "B"})).await;

    let bad = [
        "",
        "bot_0",
        "bot_0:",
        "bot_0:soon",
        "bot_0:12:30:00",
        ":2026-11-22T20:28:40+00:00",
        "bot_0:2026-13-01T00:00:00",
    ];
    for (number, stored) in bad.iter().enumerate() {
        let symbol = format!("S{number}");
        hset(&redis, "opening_position", &format!("x:{symbol}"), stored).await;
        is_corrupt(&mut client, "is_opening_position", json!({"exchange": "x", "symbol": symbol})).await;
    }
    assert_eq!(met(&mut client, "is_opening_position").await, bad.len() as u64);
    for key in ["block_exchange", "opening_position"] {
        redis.send::<()>(&["SET", key, "no hash"]).await;
    }
    is_corrupt(&mut client, "get_blocks", json!({})).await;
    is_corrupt(&mut client, "is_blocked", json!({"exchange": "x", "symbol": "A"})).await;
    is_corrupt(&mut client, "is_opening_position", json!({"exchange": "x", "symbol": "A"})).await;
}
