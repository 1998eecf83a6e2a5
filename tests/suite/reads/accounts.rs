//! Positions, balances, orders and bots.

use serde_json::{Value, json};

use super::{Object, hash, ids_to_text, keys, less, list, object, rename, seconds, times_to_seconds};
use crate::common::filled;

fn position(user_id: &str, symbol: &str, stored: &Value) -> Value {
    let mut position = stored.as_object().unwrap().clone();
    let side = if position["volume"].as_f64().unwrap() < 0.0 { "short" } else { "long" };
    times_to_seconds(&mut position, &["timestamp"]);
    position.insert("user_id".to_owned(), user_id.into());
    position.insert("symbol".to_owned(), symbol.into());
    position.insert("side".to_owned(), side.into());
    position.into()
}

fn balance(user_id: &str, currency: &str, stored: &Value, date: &Value) -> Value {
    let mut balance = stored.as_object().unwrap().clone();
    rename(&mut balance, "balance", "total");
    balance.insert("reserved".to_owned(), less(&balance["total"], &balance["available"]));
    balance.insert("user_id".to_owned(), user_id.into());
    balance.insert("currency".to_owned(), currency.into());
    balance.insert("timestamp".to_owned(), seconds(date.as_str().unwrap()));
    balance.into()
}

fn order(exchange: &str, order_id: &str, stored: &str) -> Object {
    let mut order = object(stored);
    rename(&mut order, "final_volume", "filled");
    let remaining = less(&order["volume"], &order["filled"]);
    order.insert("remaining".to_owned(), remaining);
    order.insert("order_id".to_owned(), order_id.into());
    order.insert("exchange".to_owned(), exchange.into());
    ids_to_text(&mut order, &["bot_id", "ex_order_id", "uid"]);
    times_to_seconds(&mut order, &["timestamp"]);
    order
}

fn feeds(stored: &str) -> Object {
    let mut feeds = object(stored);
    for feed in feeds.values_mut() {
        times_to_seconds(feed.as_object_mut().unwrap(), &["timestamp"]);
    }
    feeds
}

#[tokio::test]
async fn positions() {
    let (redis, _server, mut client) = filled().await;
    let mut sides = Vec::new();
    for (user_id, stored) in hash(&redis, "account_positions").await {
        let stored = object(&stored);
        let symbols: Vec<&String> = stored.keys().filter(|name| *name != "timestamp").collect();
        assert_eq!(symbols.len() + 1, stored.len(), "the recording has a time beside the symbols");
        let expected: Vec<Value> =
            symbols.iter().map(|symbol| position(&user_id, symbol, &stored[*symbol])).collect();
        for id in [json!(user_id), json!(user_id.parse::<u64>().unwrap())] {
            assert_eq!(client.call("get_positions", json!({"user_id": id})).await, json!(expected));
            for (symbol, position) in symbols.iter().zip(&expected) {
                let params = json!({"user_id": id, "symbol": symbol});
                assert_eq!(client.call("get_position", params).await, *position);
                sides.push(position["side"].clone());
            }
        }
        // What stands beside the symbols is none.
        for symbol in ["NO/SUCH", "timestamp"] {
            let params = json!({"user_id": user_id, "symbol": symbol});
            assert_eq!(client.fail("get_position", params).await.0, "CACHE_MISS", "{symbol}");
        }
    }
    assert!(sides.contains(&json!("long")) && sides.contains(&json!("short")));
    assert_eq!(client.call("get_positions", json!({"user_id": 7})).await, json!([]));
}

#[tokio::test]
async fn only_a_volume_below_zero_is_short() {
    let (redis, _server, mut client) = filled().await;
    let sides = [("A", "0", "long"), ("B", "-0.0", "long"), ("C", "-1e-9", "short"), ("D", "1e-9", "long")];
    let members: Vec<String> =
        sides.iter().map(|(symbol, volume, _)| format!(r#""{symbol}": {{"volume": {volume}}}"#)).collect();
    redis.send::<()>(&["HSET", "account_positions", "u", &format!("{{{}}}", members.join(","))]).await;
    for (symbol, volume, side) in sides {
        let position = client.call("get_position", json!({"user_id": "u", "symbol": symbol})).await;
        assert_eq!(position["side"], side, "{volume}");
    }
}

#[tokio::test]
async fn balances() {
    let (redis, _server, mut client) = filled().await;
    for (user_id, stored) in hash(&redis, "accounts").await {
        let stored = object(&stored);
        let currencies: Vec<&String> = stored.keys().filter(|name| *name != "date").collect();
        let expected: Vec<Value> = currencies
            .iter()
            .map(|currency| balance(&user_id, currency, &stored[*currency], &stored["date"]))
            .collect();
        for id in [json!(user_id), json!(user_id.parse::<u64>().unwrap())] {
            assert_eq!(client.call("get_balances", json!({"user_id": id})).await, json!(expected));
            for (currency, balance) in currencies.iter().zip(&expected) {
                let params = json!({"user_id": id, "currency": currency});
                assert_eq!(client.call("get_balance", params).await, *balance);
            }
        }
        for currency in ["NONE", "date"] {
            let params = json!({"user_id": user_id, "currency": currency});
            assert_eq!(client.fail("get_balance", params).await.0, "CACHE_MISS", "{currency}");
        }
    }
    assert_eq!(client.call("get_balances", json!({"user_id": 7})).await, json!([]));
}

#[tokio::test]
async fn a_balance_is_the_total_under_either_name() {
    let (redis, _server, mut client) = filled().await;
    let account = r#"{"A": {"balance": 0.3, "available": 0.1}, "B": {"total": 0.3, "available": 0.1},
        "C": {"balance": 0.3, "total": 9, "available": 0.1}, "D": {"total": 1, "available": null},
        "E": {"total": null, "available": 1}}"#;
    redis.send::<()>(&["HSET", "accounts", "u", account]).await;
    let balances = client.call("get_balances", json!({"user_id": "u"})).await;
    let expected = |currency: &str, total: Value, available: Value, reserved: Value| json!({"user_id": "u", "currency": currency, "total": total, "available": available, "reserved": reserved});
    assert_eq!(
        balances,
        json!([
            expected("A", json!(0.3), json!(0.1), json!(0.2)),
            expected("B", json!(0.3), json!(0.1), json!(0.2)),
            expected("C", json!(0.3), json!(0.1), json!(0.2)),
            expected("D", json!(1), Value::Null, Value::Null),
            expected("E", Value::Null, json!(1), Value::Null),
        ])
    );
}

#[tokio::test]
async fn orders() {
    let (redis, _server, mut client) = filled().await;
    for key in keys(&redis, "order_status:*").await {
        let exchange = &key["order_status:".len()..];
        let stored = hash(&redis, &key).await;
        let by_id: Vec<Object> = stored.iter().map(|(id, stored)| order(exchange, id, stored)).collect();
        assert_eq!(client.call("get_orders", json!({"exchange": exchange})).await, json!(by_id));
        assert_eq!(client.call("get_queue_length", json!({"exchange": exchange})).await, json!(stored.len()));
        for order in &by_id {
            let (order_id, status, symbol) = (&order["order_id"], &order["status"], &order["symbol"]);
            for params in [json!({"order_id": order_id, "exchange": exchange}), json!({"order_id": order_id})]
            {
                assert_eq!(client.call("get_order_status", params).await, Value::from(order.clone()));
            }
            for params in [
                json!({"exchange": exchange, "status": status}),
                json!({"exchange": exchange, "symbol": symbol}),
                json!({"exchange": exchange, "status": status, "symbol": symbol}),
            ] {
                let wanted = |order: &&Object| {
                    ["status", "symbol"]
                        .iter()
                        .all(|name| params.get(*name).is_none_or(|wanted| order[*name] == *wanted))
                };
                let expected: Vec<&Object> = by_id.iter().filter(wanted).collect();
                assert_eq!(client.call("get_orders", params.clone()).await, json!(expected), "{params}");
            }
        }
        assert_eq!(
            client.call("get_orders", json!({"exchange": exchange, "status": "no such"})).await,
            json!([])
        );
        let params = json!({"exchange": exchange, "order_id": "NO_SUCH"});
        assert_eq!(client.fail("get_order_status", params).await.0, "CACHE_MISS");
    }
    assert_eq!(client.fail("get_order_status", json!({"order_id": "NO_SUCH"})).await.0, "CACHE_MISS");
}

#[tokio::test]
async fn order_queues() {
    let (redis, _server, mut client) = filled().await;
    redis.send::<()>(&["RPUSH", "new_orders:9", "c", "a", "b"]).await;
    for key in keys(&redis, "new_orders:*").await {
        let params = json!({"local_order_id": &key["new_orders:".len()..]});
        assert_eq!(client.call("get_order_queue", params).await, json!(list(&redis, &key).await), "{key}");
    }
    assert_eq!(client.call("get_order_queue", json!({"local_order_id": 9})).await, json!(["c", "a", "b"]));
}

#[tokio::test]
async fn bots() {
    let (redis, _server, mut client) = filled().await;
    let statuses = [
        (
            "7",
            r#"{"a": {"x": 1}, "b": {"status": null}, "c": {"status": "idle"}, "d": {"status": "error"}}"#,
            "idle",
        ),
        ("bot_none", r#"{"a": {"x": 1}}"#, "unknown"),
        ("bot_empty", "{}", "unknown"),
    ];
    for (bot_id, stored, status) in statuses {
        redis.send::<()>(&["HSET", "bot_status", bot_id, stored]).await;
        assert_eq!(client.call("get_bot_status", json!({"bot_id": bot_id})).await["status"], status);
    }
    assert_eq!(client.call("get_bot_status", json!({"bot_id": 7})).await["bot_id"], "7");
    let mut bots = Object::new();
    for (bot_id, stored) in hash(&redis, "bot_status").await {
        let feeds = feeds(&stored);
        let status = feeds.values().find_map(|feed| feed["status"].as_str()).unwrap_or("unknown");
        let expected = json!({"bot_id": bot_id, "status": status, "feeds": feeds});
        assert_eq!(client.call("get_bot_status", json!({"bot_id": bot_id})).await, expected);
        bots.insert(bot_id, feeds.into());
    }
    assert_eq!(client.call("get_bots", json!({})).await, Value::from(bots));
    assert_eq!(client.fail("get_bot_status", json!({"bot_id": "none"})).await.0, "CACHE_MISS");
}

#[tokio::test]
async fn blocks() {
    let (redis, _server, mut client) = filled().await;
    let mut blocks = Vec::new();
    for (pair, bot_id) in hash(&redis, "block_exchange").await {
        let (exchange, symbol) = pair.split_once(':').unwrap();
        let params = json!({"exchange": exchange, "symbol": symbol});
        assert_eq!(client.call("is_blocked", params).await, json!(bot_id));
        blocks.push(json!({"exchange": exchange, "symbol": symbol, "bot_id": bot_id}));
    }
    assert_eq!(client.call("get_blocks", json!({})).await, Value::from(blocks));
    assert_eq!(
        client.call("is_blocked", json!({"exchange": "binance", "symbol": "NO/SUCH"})).await,
        Value::Null
    );
}

#[tokio::test]
async fn opening_positions() {
    let (redis, _server, mut client) = filled().await;
    let time = "2026-11-22T20:28:40.239250+00:00";
    for (pair, bot_id) in [("x:A", "bot:with:colons"), ("x:B", "7"), ("x:C", "bot-1-2"), ("x:D", "bot:12:30")]
    {
        redis.send::<()>(&["HSET", "opening_position", pair, &format!("{bot_id}:{time}")]).await;
    }
    for (pair, stored) in hash(&redis, "opening_position").await {
        // The time is always as long as that.
        let (bot_id, since) = stored.split_at(stored.len() - time.len());
        let (exchange, symbol) = pair.split_once(':').unwrap();
        let expected = json!({"bot_id": bot_id.strip_suffix(':').unwrap(), "since": seconds(since)});
        let params = json!({"exchange": exchange, "symbol": symbol});
        assert_eq!(client.call("is_opening_position", params).await, expected, "{stored}");
    }
    let params = json!({"exchange": "x", "symbol": "E"});
    assert_eq!(client.call("is_opening_position", params).await, Value::Null);
}
