//! What only the text of the frame can tell: digits, unknown members, null and absent ones.

use serde_json::{Value, json};

use crate::common::{Client, Redis, Server};

/// Numbers that no float keeps.
const DIGITS: [&str; 8] = [
    "1.10",
    "1E-7",
    "123456789012345678901234567890",
    "-0.0",
    "1e400",
    "0.1000000000000000055511151231257827",
    "5.00",
    "7",
];

async fn with(commands: &[&[&str]]) -> (Redis, Server, Client) {
    let redis = Redis::start().await;
    for words in commands {
        redis.send::<()>(words).await;
    }
    // What is written is read at once, maybe before Redis has told of it.
    let server = Server::reading_with(&redis, |config| config.near_cache.bytes = 0).await;
    let client = server.client().await;
    (redis, server, client)
}

/// The text of the result of a request that must succeed.
async fn result_text(client: &mut Client, operation: &str, params: Value) -> String {
    client.send(&json!({"request_id": 1, "operation": operation, "params": params}).to_string()).await;
    let reply = client.receive_text().await;
    let result = reply.strip_prefix(r#"{"request_id":1,"success":true,"result":"#);
    result
        .and_then(|rest| rest.strip_suffix('}'))
        .unwrap_or_else(|| panic!("{operation}: {reply}"))
        .to_owned()
}

#[tokio::test]
async fn every_digit_of_a_number_is_kept() {
    let (redis, _server, mut client) = with(&[]).await;
    for digits in DIGITS {
        let commands: [&[&str]; 5] = [
            &[
                "HSET",
                "tickers:x",
                "A",
                &format!(r#"{{"symbol": "A", "exchange": "x", "price": {digits}, "change_24h": {digits}}}"#),
            ],
            &[
                "HSET",
                "account_positions",
                "1",
                &format!(r#"{{"A": {{"volume": {digits}, "cost": {digits}}}}}"#),
            ],
            &[
                "HSET",
                "accounts",
                "1",
                &format!(r#"{{"A": {{"balance": {digits}, "available": {digits}}}}}"#),
            ],
            &[
                "HSET",
                "order_status:x",
                "1",
                &format!(r#"{{"symbol": "A", "status": "open", "volume": {digits}, "price": {digits}}}"#),
            ],
            &["HSET", "bot_status", "b", &format!(r#"{{"f": {{"performance": {{"pnl": {digits}}}}}}}"#)],
        ];
        for words in commands {
            redis.send::<()>(words).await;
        }
        redis.send::<()>(&["DEL", "trades:x:A", "ohlcv:A:1m"]).await;
        redis
            .send::<()>(&[
                "RPUSH",
                "trades:x:A",
                &format!(r#"{{"price": {digits}, "volume": 1, "roi": {digits}}}"#),
            ])
            .await;
        redis
            .send::<()>(&["RPUSH", "ohlcv:A:1m", &format!("[1, {digits}, {digits}, {digits}, 2, 3.0]")])
            .await;
        let market = json!({"exchange": "x", "symbol": "A"});
        for (operation, params, members) in [
            ("get_ticker", market.clone(), &["price", "change_24h"][..]),
            ("get_any_ticker", json!({"symbol": "A"}), &["price", "change_24h"]),
            ("get_all_tickers", json!({"exchange": "x"}), &["price", "change_24h"]),
            ("get_position", json!({"user_id": 1, "symbol": "A"}), &["volume", "cost"]),
            ("get_positions", json!({"user_id": 1}), &["volume", "cost"]),
            ("get_balance", json!({"user_id": 1, "currency": "A"}), &["total", "available"]),
            ("get_balances", json!({"user_id": 1}), &["total", "available"]),
            ("get_order_status", json!({"order_id": 1}), &["volume", "price"]),
            ("get_orders", json!({"exchange": "x"}), &["volume", "price"]),
            ("get_bots", json!({}), &["pnl"]),
            ("get_bot_status", json!({"bot_id": "b"}), &["pnl"]),
            ("get_trades", market, &["price", "roi"]),
        ] {
            let text = result_text(&mut client, operation, params).await.replace(": ", ":");
            for member in members {
                let (_, value) =
                    text.split_once(&format!(r#""{member}":"#)).unwrap_or_else(|| panic!("{member}: {text}"));
                let end = value.find([',', '}']).unwrap();
                assert_eq!(&value[..end], digits, "{operation}: {member}");
            }
        }
        let bars =
            result_text(&mut client, "get_latest_ohlcv_bars", json!({"symbol": "A", "timeframe": "1m"}))
                .await;
        assert_eq!(bars, format!("[[1,{digits},{digits},{digits},2,3.0]]"));
    }
}

#[tokio::test]
async fn differences_are_exact() {
    let (redis, _server, mut client) = with(&[]).await;
    for (total, available, reserved) in [
        ("0.3", "0.1", "0.2"),
        ("2204.62322996", "1763.698583968", "440.924645992"),
        ("1.10", "1E-7", "1.0999999"),
        ("1e-05", "1e-06", "0.000009"),
        ("123456789012345678.1", "123456789012345678", "0.1"),
        ("0.1", "0.3", "-0.2"),
        ("5", "5.0", "0"),
    ] {
        let account = format!(r#"{{"A": {{"balance": {total}, "available": {available}}}}}"#);
        redis.send::<()>(&["HSET", "accounts", "1", &account]).await;
        let order =
            format!(r#"{{"symbol": "A", "status": "open", "volume": {total}, "final_volume": {available}}}"#);
        redis.send::<()>(&["HSET", "order_status:x", "1", &order]).await;
        let balance = result_text(&mut client, "get_balance", json!({"user_id": 1, "currency": "A"})).await;
        assert!(balance.contains(&format!(r#""reserved":{reserved}}}"#)), "{reserved}: {balance}");
        let order =
            result_text(&mut client, "get_order_status", json!({"order_id": 1, "exchange": "x"})).await;
        assert!(order.contains(&format!(r#""remaining":{reserved},"#)), "{reserved}: {order}");
    }
}

#[tokio::test]
async fn unknown_members_are_passed_on_as_they_are() {
    let more = r#""a b": {"deep": [1.10, null, {"é": "\u00e9\n"}]}, "flag": true, "none": null"#;
    let stored = |known: &str| format!("{{{known}, {more}}}");
    let (_redis, _server, mut client) = with(&[
        &["HSET", "tickers:x", "A", &stored(r#""symbol": "A", "exchange": "x", "price": 1"#)],
        &["HSET", "account_positions", "1", &format!(r#"{{"A": {}}}"#, stored(r#""volume": 1"#))],
        &["HSET", "accounts", "1", &format!(r#"{{"A": {}}}"#, stored(r#""balance": 1, "available": 1"#))],
        &["HSET", "order_status:x", "1", &stored(r#""symbol": "A", "status": "open""#)],
        &["HSET", "bot_status", "b", &format!(r#"{{"f": {}}}"#, stored(r#""status": "idle""#))],
        &["RPUSH", "trades:x:A", &stored(r#""price": 1, "volume": 1"#)],
        &[
            "SET",
            "process:data:p",
            &stored(r#""process_id": "p", "process_type": "tick", "component": "c", "status": "idle""#),
        ],
    ])
    .await;
    let passed_on = more.replace(r#": {"deep""#, r#":{"deep""#).replace(r#""flag": "#, r#""flag":"#);
    let passed_on = passed_on.replace(r#""none": "#, r#""none":"#).replace(r#", "flag"#, r#","flag"#);
    let passed_on = passed_on.replace(r#", "none"#, r#","none"#);
    for (operation, params) in [
        ("get_ticker", json!({"exchange": "x", "symbol": "A"})),
        ("get_position", json!({"user_id": 1, "symbol": "A"})),
        ("get_balance", json!({"user_id": 1, "currency": "A"})),
        ("get_order_status", json!({"order_id": 1, "exchange": "x"})),
        ("get_bot_status", json!({"bot_id": "b"})),
        ("get_trades", json!({"exchange": "x", "symbol": "A"})),
        ("get_process", json!({"process_id": "p"})),
    ] {
        let text = result_text(&mut client, operation, params).await;
        assert!(text.contains(&passed_on), "{operation}: {text} lacks {passed_on}");
    }
}

#[tokio::test]
async fn what_is_null_stays_null_and_what_is_absent_is_not_invented() {
    let nulls = r#"{"symbol": "A", "exchange": "x", "price": null, "volume": null, "time": null, "bid": null, "ask": null, "last": null}"#;
    let (_redis, _server, mut client) = with(&[
        &["HSET", "tickers:x", "A", nulls],
        &["HSET", "tickers:x", "B", r#"{"symbol": "B", "exchange": "x", "price": 1}"#],
        &[
            "HSET",
            "order_status:x",
            "1",
            r#"{"symbol": null, "status": null, "volume": null, "final_volume": 1, "bot_id": null, "timestamp": null, "ex_order_id": null}"#,
        ],
        &["HSET", "order_status:x", "2", r#"{"symbol": "A", "status": "open"}"#],
        &["HSET", "accounts", "1", r#"{"A": {"balance": null, "available": 1}}"#],
        &[
            "HSET",
            "account_positions",
            "1",
            r#"{"A": {"volume": 1, "price": null, "timestamp": null}, "timestamp": null}"#,
        ],
        &["RPUSH", "trades:x:A", r#"{"price": null, "volume": 1, "time": null}"#, r#"{"price": 1, "volume": null}"#],
    ])
    .await;
    for (operation, params, expected) in [
        (
            "get_ticker",
            json!({"exchange": "x", "symbol": "A"}),
            &nulls.replace("time", "timestamp").replace(' ', "")[..],
        ),
        ("get_ticker", json!({"exchange": "x", "symbol": "B"}), r#"{"symbol":"B","exchange":"x","price":1}"#),
        (
            "get_order_status",
            json!({"exchange": "x", "order_id": 1}),
            r#"{"order_id":"1","exchange":"x","remaining":null,"symbol":null,"status":null,"volume":null,"filled":1,"bot_id":null,"timestamp":null,"ex_order_id":null}"#,
        ),
        (
            "get_order_status",
            json!({"exchange": "x", "order_id": 2}),
            r#"{"order_id":"2","exchange":"x","remaining":null,"symbol":"A","status":"open"}"#,
        ),
        (
            "get_balances",
            json!({"user_id": 1}),
            r#"[{"user_id":"1","currency":"A","total":null,"available":1,"reserved":null}]"#,
        ),
        (
            "get_positions",
            json!({"user_id": 1}),
            r#"[{"user_id":"1","symbol":"A","side":"long","volume":1,"price":null,"timestamp":null}]"#,
        ),
        (
            "get_trades",
            json!({"exchange": "x", "symbol": "A"}),
            r#"[{"price":null,"volume":1,"time":null},{"price":1,"volume":null}]"#,
        ),
    ] {
        assert_eq!(result_text(&mut client, operation, params).await, expected, "{operation}");
        let described = client.call("describe", json!({"operation": operation})).await;
        let schema = jsonschema::validator_for(&described["operations"][0]["result"]).unwrap();
        assert!(schema.is_valid(&serde_json::from_str(expected).unwrap()), "{operation}: {expected}");
    }
}
