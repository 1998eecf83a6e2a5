//! Tickers, trades and bars.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{hash, ids_to_text, keys, list, object, rename, seconds, times_to_seconds};
use crate::common::{Client, Redis, Server, filled};

fn ticker(stored: &str) -> Value {
    let mut ticker = object(stored);
    rename(&mut ticker, "time", "timestamp");
    times_to_seconds(&mut ticker, &["timestamp"]);
    ticker.into()
}

fn trade(stored: &str) -> Value {
    let mut trade = object(stored);
    times_to_seconds(&mut trade, &["time"]);
    ids_to_text(&mut trade, &["ex_trade_id", "ex_order_id"]);
    trade.into()
}

async fn exchanges(redis: &Redis) -> Vec<String> {
    keys(redis, "tickers:*").await.iter().map(|key| key["tickers:".len()..].to_owned()).collect()
}

#[tokio::test]
async fn tickers() {
    let (redis, _server, mut client) = filled().await;
    for exchange in exchanges(&redis).await {
        let stored = hash(&redis, &format!("tickers:{exchange}")).await;
        let by_symbol: Vec<Value> = stored.values().map(|stored| ticker(stored)).collect();
        assert_eq!(
            client.call("get_all_tickers", json!({"exchange": exchange})).await,
            Value::from(by_symbol)
        );
        for (symbol, stored) in &stored {
            let found = client.call("get_ticker", json!({"exchange": exchange, "symbol": symbol})).await;
            assert_eq!(found, ticker(stored));
            assert!(found["timestamp"].is_number() && found.get("time").is_none(), "{found}");
        }
        let params = json!({"exchange": exchange, "symbol": "NO/SUCH"});
        assert_eq!(client.fail("get_ticker", params).await.0, "CACHE_MISS");
    }
    assert_eq!(client.call("get_all_tickers", json!({"exchange": "nowhere"})).await, json!([]));
}

#[tokio::test]
async fn the_newest_ticker_of_any_exchange() {
    let (redis, _server, mut client) = filled().await;
    let mut newest: BTreeMap<String, (f64, Value)> = BTreeMap::new();
    let exchanges = exchanges(&redis).await;
    for exchange in &exchanges {
        for (symbol, stored) in hash(&redis, &format!("tickers:{exchange}")).await {
            let time = object(&stored)["time"].as_f64().unwrap();
            if newest.get(&symbol).is_none_or(|(other, _)| *other < time) {
                newest.insert(symbol, (time, ticker(&stored)));
            }
        }
    }
    let winners: BTreeSet<&str> =
        newest.values().map(|(_, ticker)| ticker["exchange"].as_str().unwrap()).collect();
    assert!(winners.len() > 1, "the recording cannot tell the newest from the first: {winners:?}");
    for (symbol, (_, newest)) in &newest {
        assert_eq!(client.call("get_any_ticker", json!({"symbol": symbol})).await, *newest);
    }
    assert_eq!(client.fail("get_any_ticker", json!({"symbol": "NO/SUCH"})).await.0, "CACHE_MISS");
    assert_eq!(client.call("get_exchanges", json!({})).await, json!(exchanges));
}

#[tokio::test]
async fn a_ticker_without_a_time_is_older_than_any_other() {
    let redis = Redis::start().await;
    let tickers = [("a", "null"), ("b", "5"), ("c", "4.5"), ("d", r#""1970-01-01T00:00:02+00:00""#)];
    for (exchange, time) in tickers {
        let stored = format!(r#"{{"symbol": "X", "exchange": "{exchange}", "price": 1, "time": {time}}}"#);
        redis.send::<()>(&["HSET", &format!("tickers:{exchange}"), "X", &stored]).await;
    }
    let server = Server::reading(&redis).await;
    let mut client = server.client().await;
    for expected in ["b", "c", "d", "a"] {
        assert_eq!(client.call("get_any_ticker", json!({"symbol": "X"})).await["exchange"], expected);
        redis.send::<()>(&["DEL", &format!("tickers:{expected}")]).await;
    }
    assert_eq!(client.fail("get_any_ticker", json!({"symbol": "X"})).await.0, "CACHE_MISS");
}

/// Holds a list of trades against what is stored, with several limits.
async fn newest_of(redis: &Redis, client: &mut Client, key: &str, operation: &str, params: &Value) {
    let stored: Vec<Value> = list(redis, key).await.iter().map(|stored| trade(stored)).collect();
    assert_eq!(client.call(operation, params.clone()).await, json!(stored), "{key}");
    for limit in [1, 2, stored.len(), 10_000] {
        let mut params = params.clone();
        params["limit"] = limit.into();
        let newest = &stored[stored.len().saturating_sub(limit)..];
        assert_eq!(client.call(operation, params).await, json!(newest), "{key}, the newest {limit}");
    }
}

#[tokio::test]
async fn trades() {
    let (redis, _server, mut client) = filled().await;
    for key in keys(&redis, "trades:*").await {
        let (exchange, compact) = key["trades:".len()..].split_once(':').unwrap();
        let symbol = object(&list(&redis, &key).await[0])["symbol"].as_str().unwrap().to_owned();
        assert_eq!(symbol.replace('/', ""), compact);
        for symbol in [&symbol, compact] {
            let params = json!({"symbol": symbol, "exchange": exchange});
            newest_of(&redis, &mut client, &key, "get_trades", &params).await;
        }
    }
    for key in keys(&redis, "user_trades:*").await {
        let (user_id, exchange) = key["user_trades:".len()..].split_once(':').unwrap();
        let as_number = user_id.parse::<u64>().unwrap();
        for user_id in [json!(user_id), json!(as_number)] {
            let params = json!({"user_id": user_id, "exchange": exchange});
            newest_of(&redis, &mut client, &key, "get_user_trades", &params).await;
        }
    }
    let nobodys = client.call("get_user_trades", json!({"user_id": 7, "exchange": "binance"})).await;
    assert_eq!(nobodys, json!([]));
}

#[tokio::test]
async fn a_trades_time_is_seconds_however_it_is_stored() {
    let (redis, _server, mut client) = filled().await;
    let trades = [
        r#"{"trade_id": 1, "ex_order_id": 77, "price": 1, "volume": 1, "time": "2026-11-22T20:28:40.239250+00:00"}"#,
        r#"{"trade_id": 2, "ex_order_id": "77", "price": 1, "volume": 1, "time": 1795379321.5}"#,
        r#"{"trade_id": 3, "ex_order_id": null, "price": 1, "volume": 1, "time": null}"#,
    ];
    redis.send::<()>(&[&["RPUSH", "trades:x:AB"][..], &trades].concat()).await;
    let found = client.call("get_trades", json!({"symbol": "A/B", "exchange": "x"})).await;
    assert_eq!(found, json!(trades.map(trade)));
    assert_eq!((&found[0]["time"], &found[0]["ex_order_id"]), (&json!(1795379320.23925), &json!("77")));
    assert_eq!(list(&redis, "trades:x:AB").await, trades, "reading takes nothing away");
}

#[tokio::test]
async fn times_of_the_last_trades() {
    let (redis, _server, mut client) = filled().await;
    redis.send::<()>(&["SET", "TRADE:STATUS:binance:BTC/USDT", "2026-11-22T20:28:40+00:00"]).await;
    let mut statuses = BTreeMap::new();
    for key in keys(&redis, "TRADE:STATUS:*").await {
        let name = &key["TRADE:STATUS:".len()..];
        let time = seconds(&redis.send::<String>(&["GET", &key]).await);
        assert_eq!(client.call("get_trade_status", json!({"trade_key": name})).await, time, "{key}");
        statuses.insert(name.to_owned(), time);
    }
    assert!(statuses.len() > 1, "{statuses:?}");
    assert_eq!(client.call("get_trade_statuses", json!({})).await, json!(statuses), "users have their own");
    for key in keys(&redis, "USER_TRADE:STATUS:*").await {
        let name = &key["USER_TRADE:STATUS:".len()..];
        let time = seconds(&redis.send::<String>(&["GET", &key]).await);
        for user_id in [json!(name), json!(name.parse::<u64>().unwrap())] {
            assert_eq!(
                client.call("get_user_trade_status", json!({"user_id": user_id})).await,
                time,
                "{key}"
            );
        }
    }
    assert_eq!(client.fail("get_trade_status", json!({"trade_key": "nowhere"})).await.0, "CACHE_MISS");
    assert_eq!(client.fail("get_user_trade_status", json!({"user_id": 7})).await.0, "CACHE_MISS");
}

/// The newest `count` bars of a list, each in the form that was stored last.
fn latest(stored: &[String], count: usize) -> Value {
    let mut bars: Vec<Value> = Vec::new();
    for bar in stored {
        let bar: Value = serde_json::from_str(bar).unwrap();
        if bars.last().is_some_and(|last| last[0].as_f64() == bar[0].as_f64()) {
            bars.pop();
        }
        bars.push(bar);
    }
    bars.split_off(bars.len().saturating_sub(count)).into()
}

#[tokio::test]
async fn bars() {
    let (redis, _server, mut client) = filled().await;
    for key in keys(&redis, "ohlcv:*").await {
        let (symbol, timeframe) = key["ohlcv:".len()..].rsplit_once(':').unwrap();
        let stored = list(&redis, &key).await;
        let params = json!({"symbol": symbol, "timeframe": timeframe});
        assert_eq!(client.call("get_latest_ohlcv_bars", params).await, latest(&stored, 100), "{key}");
        for count in [1, 2, 50, 10_000] {
            let params = json!({"symbol": symbol, "timeframe": timeframe, "count": count});
            let bars = client.call("get_latest_ohlcv_bars", params).await;
            assert_eq!(bars, latest(&stored, count), "{key}, the newest {count}");
        }
    }
}

#[tokio::test]
async fn bars_of_a_key_without_the_slash() {
    let (redis, _server, mut client) = filled().await;
    let compact = list(&redis, "ohlcv:SOLUSDT:1m").await;
    let params = json!({"symbol": "SOL/USDT", "timeframe": "1m", "count": 3});
    assert_eq!(client.call("get_latest_ohlcv_bars", params.clone()).await, latest(&compact, 3));
    redis.send::<()>(&["RPUSH", "ohlcv:SOL/USDT:1m", "[1, 2, 3, 4, 5, 6]"]).await;
    assert_eq!(client.call("get_latest_ohlcv_bars", params).await, json!([[1, 2, 3, 4, 5, 6]]));
    let other = client.call("get_latest_ohlcv_bars", json!({"symbol": "SOL/USDT", "timeframe": "3m"})).await;
    assert_eq!(other, json!([]));
}

#[tokio::test]
async fn a_bar_that_is_still_forming_counts_once_in_its_newest_form() {
    let (redis, _server, mut client) = filled().await;
    let mut stored = Vec::new();
    for minute in 0..5 {
        // More forms than any read ahead of them could guess.
        for form in 0..300 {
            let zero = if form % 2 == 0 { ".0" } else { "" };
            stored.push(format!("[{}{zero}, 1, {form}.5, 0.5, {form}, 1E-7]", 60 * minute));
        }
    }
    let words: Vec<&str> =
        ["RPUSH", "ohlcv:AB:1m"].into_iter().chain(stored.iter().map(String::as_str)).collect();
    redis.send::<()>(&words).await;
    for count in [1, 2, 5, 6, 10_000] {
        let params = json!({"symbol": "A/B", "timeframe": "1m", "count": count});
        let bars = client.call("get_latest_ohlcv_bars", params).await;
        assert_eq!(bars, latest(&stored, count), "{count}");
        assert_eq!(bars.as_array().unwrap().len(), count.min(5));
    }
}
