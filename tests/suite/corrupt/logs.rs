//! Trades, their times, bars and processes.

use serde_json::{Value, json};

use super::{NO_OBJECT, NO_UTF8, healthy_of, hset, is_corrupt, met, send_bytes, sorted, start};

#[tokio::test]
async fn trades() {
    let (redis, _server, mut client) = start().await;
    let good = r#"{"trade_id": 1, "price": 1, "volume": null, "time": 1}"#;
    let bad = [
        r#"{"price": "1", "volume": 1, "time": 1}"#,
        r#"{"trade_id": "one", "price": 1, "volume": 1, "time": 1}"#,
        r#"{"trade_id": 1.5, "price": 1, "volume": 1, "time": 1}"#,
        r#"{"trade_id": -1, "price": 1, "volume": 1, "time": 1}"#,
        r#"{"symbol": 7, "price": 1, "volume": 1, "time": 1}"#,
        r#"{"price": 1, "volume": 1, "time": "soon"}"#,
        r#"{"price": 1, "time": 1}"#,
        r#"{"volume": 1, "time": 1}"#,
        r#"{"price": 1, "volume": 1, "time": [1]}"#,
    ];
    let bad: Vec<&str> = bad.into_iter().chain(NO_OBJECT.map(|(_, stored)| stored)).collect();
    let market = json!({"exchange": "x", "symbol": "A"});
    let user = json!({"exchange": "x", "user_id": 1});
    for (key, operation, params) in
        [("trades:x:A", "get_trades", &market), ("user_trades:1:x", "get_user_trades", &user)]
    {
        for stored in [&[good][..], &bad, &[good]].concat() {
            redis.send::<()>(&["RPUSH", key, stored]).await;
        }
        send_bytes(&redis, &format!("'RPUSH', '{key}', {NO_UTF8}")).await;
        let (trades, items) = healthy_of(&mut client, operation, params.clone()).await;
        assert_eq!(trades, json!([good, good].map(|trade| serde_json::from_str::<Value>(trade).unwrap())));
        // Each is named by its place from the end.
        let places: Vec<String> = (3..bad.len() + 3).chain([1]).map(|place| format!("-{place}")).collect();
        assert_eq!(items, sorted(places.iter().map(String::as_str)));
        assert_eq!(met(&mut client, operation).await, places.len() as u64);
        redis.send::<()>(&["SET", key, "no list"]).await;
        is_corrupt(&mut client, operation, params.clone()).await;
        assert_eq!(met(&mut client, operation).await, places.len() as u64 + 1);
    }
}

#[tokio::test]
async fn times_of_the_last_trades() {
    let (redis, _server, mut client) = start().await;
    let bad = ["", "soon", "NaN", "2026-13-01T00:00:00+00:00", "{}"];
    for (number, stored) in bad.iter().enumerate() {
        redis.send::<()>(&["SET", &format!("TRADE:STATUS:bad{number}"), stored]).await;
        redis.send::<()>(&["SET", &format!("USER_TRADE:STATUS:{number}"), stored]).await;
        is_corrupt(&mut client, "get_trade_status", json!({"trade_key": format!("bad{number}")})).await;
        is_corrupt(&mut client, "get_user_trade_status", json!({"user_id": number})).await;
    }
    redis.send::<()>(&["SET", "TRADE:STATUS:good", "2026-11-22T20:28:40+00:00"]).await;
    send_bytes(&redis, "'SET', 'TRADE:STATUS:bytes', '2026\\255'").await;
    redis.send::<()>(&["RPUSH", "TRADE:STATUS:list", "2026-11-22T20:28:40+00:00"]).await;
    is_corrupt(&mut client, "get_trade_status", json!({"trade_key": "bytes"})).await;
    is_corrupt(&mut client, "get_trade_status", json!({"trade_key": "list"})).await;
    let (times, items) = healthy_of(&mut client, "get_trade_statuses", json!({})).await;
    assert_eq!(times, json!({"good": 1795379320}));
    assert_eq!(items, sorted(["bad0", "bad1", "bad2", "bad3", "bad4", "bytes", "list"]));
    assert_eq!(met(&mut client, "get_trade_statuses").await, items.len() as u64);
    assert_eq!(met(&mut client, "get_trade_status").await, items.len() as u64);
    assert_eq!(met(&mut client, "get_user_trade_status").await, bad.len() as u64);
}

#[tokio::test]
async fn bars() {
    let (redis, _server, mut client) = start().await;
    let stored = [
        "[60, 1, 2, 0.5, 1, 9]",
        "[120, 1, 2, NaN, 1, 9]",
        "[180, 1, 2, 0.5, 1]",
        "[240, 1, 2, 0.5, null, 9]",
        r#"["300", 1, 2, 0.5, 1, 9]"#,
        "[360, 1, 2, 0.5, 1, 9",
        "{}",
        "",
        "7",
        "[420, 1, Infinity, 0.5, 1, 9]",
        "[480, 1, 2, [0.5], 1, 9]",
        "[540, 1, 2, 0.5, 1, 9]",
    ];
    redis.send::<()>(&[&["RPUSH", "ohlcv:A:1m"][..], &stored].concat()).await;
    send_bytes(&redis, "'RPUSH', 'ohlcv:A:1m', '[600, 1, 2, 0.5, 1, 9\\255]'").await;
    let params = json!({"symbol": "A", "timeframe": "1m"});
    let (bars, items) = healthy_of(&mut client, "get_latest_ohlcv_bars", params.clone()).await;
    assert_eq!(bars, json!([[60, 1, 2, 0.5, 1, 9], [540, 1, 2, 0.5, 1, 9]]));
    let places: Vec<String> = (3..13).chain([1]).map(|place| format!("-{place}")).collect();
    assert_eq!(items, sorted(places.iter().map(String::as_str)));
    assert_eq!(met(&mut client, "get_latest_ohlcv_bars").await, items.len() as u64);
    redis.send::<()>(&["SET", "ohlcv:A:1m", "no list"]).await;
    is_corrupt(&mut client, "get_latest_ohlcv_bars", params).await;
}

/// A process that is well, with one member changed; None takes it out.
fn process(id: &str, member: &str, value: Option<Value>) -> String {
    let now = jiff::Timestamp::now().to_string();
    let mut process = json!({
        "process_id": id, "process_type": "tick", "component": "c", "status": "running",
        "updated_at": now, "heartbeat": now,
    });
    match value {
        Some(value) => process[member] = value,
        None => drop(process.as_object_mut().unwrap().remove(member)),
    }
    process.to_string()
}

#[tokio::test]
async fn processes() {
    let (redis, _server, mut client) = start().await;
    let now = jiff::Timestamp::now().to_string();
    let mut bad: Vec<(String, String)> =
        NO_OBJECT.iter().map(|(name, stored)| (name.replace(' ', "_"), (*stored).to_owned())).collect();
    for (name, member, value) in [
        ("no_status", "status", None),
        ("no_id", "process_id", None),
        ("no_component", "component", None),
        ("status_7", "status", Some(json!(7))),
        ("component_null", "component", Some(Value::Null)),
        ("beat_word", "heartbeat", Some(json!("soon"))),
        ("updated_list", "updated_at", Some(json!([1]))),
    ] {
        bad.push((name.to_owned(), process(name, member, value)));
    }
    let good = process("good", "message", None);
    for (id, stored) in bad.iter().chain([&("good".to_owned(), good)]) {
        redis.send::<()>(&["SET", &format!("process:data:{id}"), stored]).await;
        hset(&redis, "process:active:tick", id, &now).await;
        hset(&redis, "process:components", id, id).await;
    }
    for (id, _) in &bad {
        is_corrupt(&mut client, "get_process", json!({"process_id": id})).await;
        is_corrupt(&mut client, "get_component_status", json!({"component": id})).await;
    }
    assert_eq!(met(&mut client, "get_process").await, bad.len() as u64);

    // Corrupt are, too, a time of the active ones, data of another type, and a whole hash of them.
    hset(&redis, "process:active:tick", "when", "soon").await;
    hset(&redis, "process:active:tick", "a b", &now).await;
    hset(&redis, "process:active:tick", "list", &now).await;
    redis.send::<()>(&["RPUSH", "process:data:list", "no text"]).await;
    redis.send::<()>(&["SET", "process:active:bot", "no hash"]).await;
    hset(&redis, "process:components", "astray", "a b").await;
    let names = bad.iter().map(|(name, _)| name.as_str()).chain(["when", "a b", "list", "bot"]);
    let names = sorted(names);

    let (health, items) = healthy_of(&mut client, "get_system_health", json!({})).await;
    assert_eq!(items, names);
    assert_eq!((&health["healthy"], &health["by_type"]), (&json!(true), &json!({"tick": 1})));
    let (active, items) = healthy_of(&mut client, "get_active_processes", json!({})).await;
    assert_eq!(items, names);
    assert_eq!((&active[0]["process_id"], active.get(1)), (&json!("good"), None));
    for operation in ["get_system_health", "get_active_processes"] {
        assert_eq!(met(&mut client, operation).await, names.len() as u64);
    }
    let (metrics, items) = healthy_of(&mut client, "get_process_metrics", json!({})).await;
    assert_eq!(items, ["bot"]);
    assert_eq!(metrics["by_type"]["tick"], json!(bad.len() + 4));
    is_corrupt(&mut client, "get_process", json!({"process_id": "list"})).await;
    is_corrupt(&mut client, "get_component_status", json!({"component": "astray"})).await;
}

#[tokio::test]
async fn an_answer_carries_a_hundred_warnings_and_says_that_there_are_more() {
    let (redis, _server, mut client) = start().await;
    let names: Vec<String> = (0..500).map(|number| format!("S{number}")).collect();
    let words = names.iter().flat_map(|name| [name.as_str(), "NaN"]);
    redis.send::<()>(&["HSET", "tickers:x"].into_iter().chain(words).collect::<Vec<_>>()).await;
    let reply = client.ask("get_all_tickers", json!({"exchange": "x"})).await;
    let warnings = reply["warnings"].as_array().unwrap();
    assert_eq!((&reply["result"], warnings.len()), (&json!([]), 101));
    assert_eq!((&warnings[100]["error_code"], warnings[100].get("item")), (&json!("LIMIT_EXCEEDED"), None));
    assert_eq!(met(&mut client, "get_all_tickers").await, 500, "all are counted");
}
