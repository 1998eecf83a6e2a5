//! The wire as PROTOCOL has it: envelopes, arrays, bad input, limits.

use std::{collections::HashSet, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Message, protocol::frame::coding::CloseCode};

use crate::common::{Client, Server, filled};
use fullon_cache_api::{
    cache::{Cache, Store},
    registry::Registry,
};

/// A server of the embedded cache with one ticker.
async fn small() -> (Server, Client) {
    let store = Store::new();
    let ticker = r#"{"symbol": "BTC/USDT", "exchange": "binance", "price": 47000.50, "volume": 1e3, "time": 1640995200.123}"#;
    store.apply(&["HSET", "tickers:binance", "BTC/USDT", ticker]).unwrap();
    let server = Server::embedded(store).await;
    let client = server.client().await;
    (server, client)
}

/// The connection is as good as new.
async fn still_works(client: &mut Client) {
    assert_eq!(client.call("ping", json!({})).await["status"], "ok");
}

fn ticker() -> Value {
    json!({"exchange": "binance", "symbol": "BTC/USDT"})
}

#[tokio::test]
async fn a_request_id_is_echoed_as_it_came() {
    let (_server, mut client) = small().await;
    for id in [r#""7""#, "7", "-1.50", "1e3", r#""a\"\u00e9""#, r#""""#] {
        client.send(&format!(r#"{{"request_id": {id}, "operation": "ping"}}"#)).await;
        let reply = client.receive_text().await;
        assert!(reply.starts_with(&format!(r#"{{"request_id":{id},"success":true,"#)), "{reply}");
    }
    client.send(r#"{"operation": "ping"}"#).await;
    let made_up = client.receive().await;
    assert!(made_up["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{made_up}");
}

#[tokio::test]
async fn numbers_keep_their_digits_and_times_are_seconds() {
    let (_server, mut client) = small().await;
    let request = json!({"request_id": 1, "operation": "get_ticker", "params": ticker()});
    client.send(&request.to_string()).await;
    let expected = r#"{"request_id":1,"success":true,"result":{"symbol":"BTC/USDT","exchange":"binance","price":47000.50,"volume":1e3,"timestamp":1640995200.123}}"#;
    assert_eq!(client.receive_text().await, expected);
}

/// More than is read at once, of requests of all lengths, to a client that may have two under way.
#[tokio::test]
async fn requests_that_come_all_at_once_are_all_answered() {
    let mut config = Server::config();
    config.limits.in_flight = 2;
    let (registry, cache) = (Registry::built_in().unwrap(), Cache::embedded(Store::new()));
    let server = Server::start_with(registry, cache, config).await;
    let mut client = server.client().await;
    let ids: Vec<String> = (0..300).map(|number| format!("{number}-{}", "x".repeat(number % 50))).collect();
    for id in &ids {
        let request = json!({"request_id": id, "operation": "get_bots"});
        client.socket.feed(Message::text(request.to_string())).await.unwrap();
    }
    client.socket.flush().await.unwrap();
    let mut answered = Vec::new();
    for _ in &ids {
        answered.push(client.receive().await["request_id"].as_str().unwrap().to_owned());
    }
    answered.sort_by_key(|id| id.split('-').next().unwrap().parse::<u32>().unwrap());
    assert_eq!(answered, ids);
}

#[tokio::test]
async fn requests_run_side_by_side_and_each_has_one_reply() {
    let (_redis, _server, client) = filled().await;
    let total = 500;
    let (mut sink, mut stream) = client.socket.split();
    let sending = async {
        for id in 0..total {
            let request = json!({"request_id": id, "operation": "get_ticker", "params": ticker()});
            sink.feed(Message::text(request.to_string())).await.unwrap();
        }
        sink.flush().await.unwrap();
    };
    let receiving = async {
        let mut answered = HashSet::new();
        while answered.len() < total {
            let frame = timeout(Duration::from_secs(10), stream.next()).await.unwrap().unwrap().unwrap();
            let reply: Value = serde_json::from_str(frame.to_text().unwrap()).unwrap();
            assert_eq!(reply["result"]["symbol"], "BTC/USDT");
            assert!(answered.insert(reply["request_id"].as_u64().unwrap()), "answered twice: {reply}");
        }
    };
    futures_util::future::join(sending, receiving).await;
}

#[tokio::test]
async fn an_array_is_answered_in_order_in_one_frame() {
    let (_redis, _server, mut client) = filled().await;
    let request = json!([
        {"request_id": "a", "operation": "get_ticker", "params": ticker()},
        {"request_id": "b", "operation": "ping"},
        7,
        {"request_id": "c", "operation": "no_such"},
        {"request_id": "d", "operation": "get_queue_length", "params": {"exchange": "binance"}},
    ]);
    client.send(&request.to_string()).await;
    let replies = client.receive().await;
    let codes: Vec<(&Value, &Value)> = replies
        .as_array()
        .unwrap()
        .iter()
        .map(|reply| (&reply["request_id"], reply.get("error_code").unwrap_or(&reply["success"])))
        .collect();
    assert_eq!(codes[0], (&json!("a"), &json!(true)));
    assert_eq!(codes[1], (&json!("b"), &json!(true)));
    assert_eq!(codes[2].1, "MALFORMED_MESSAGE");
    assert_eq!(codes[3], (&json!("c"), &json!("INVALID_OPERATION")));
    assert_eq!(codes[4], (&json!("d"), &json!(true)));
    still_works(&mut client).await;
}

#[tokio::test]
async fn what_is_no_request_is_malformed_and_harms_nothing() {
    let (_server, mut client) = small().await;
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let deep_params = format!(r#"{{"request_id": "x", "operation": "ping", "params": {{"a": {deep}}}}}"#);
    let own_id = |rest: &str| format!(r#"{{"request_id": "x", {rest}}}"#);
    let cases = [
        ("".to_owned(), false),
        ("not json".to_owned(), false),
        ("null".to_owned(), false),
        ("\"ping\"".to_owned(), false),
        ("7".to_owned(), false),
        ("{".to_owned(), false),
        ("[]".to_owned(), false),
        ("{}".to_owned(), false),
        (deep.clone(), false),
        (r#"{"operation": "ping"} trailing"#.to_owned(), false),
        (deep_params, true),
        (own_id(r#""operation": 7"#), true),
        (own_id(r#""params": {}"#), true),
        (own_id(r#""operation": "ping", "operation": "ping""#), true),
        (own_id(r#""operation": "ping", "params": {"a": 1, "a": 2}"#), true),
        (own_id(r#""operation": "ping", "parms": {}"#), true),
        (own_id(r#""operation": "get_trades", "params": {"limit": NaN}"#), false),
        (r#"{"request_id": {}, "operation": "ping"}"#.to_owned(), false),
        (r#"{"request_id": null, "operation": "ping"}"#.to_owned(), false),
        (r#"{"request_id": true, "operation": "ping"}"#.to_owned(), false),
        (format!(r#"{{"request_id": "{}", "operation": "ping"}}"#, "x".repeat(10_000)), false),
    ];
    for (message, has_own_id) in cases {
        let shown = &message[..message.len().min(80)];
        client.send(&message).await;
        let replies = client.receive().await;
        // A deep array is an array of requests, each of which is none.
        let reply = replies.get(0).unwrap_or(&replies);
        assert_eq!(reply["error_code"], "MALFORMED_MESSAGE", "{shown}: {reply}");
        assert_eq!(reply["request_id"] == "x", has_own_id, "{shown}: {reply}");
        assert!(reply["error"].as_str().unwrap().len() < 300, "{shown}: {reply}");
    }
    still_works(&mut client).await;
}

#[tokio::test]
async fn bad_params_are_all_named_at_once_with_their_paths() {
    let (_server, mut client) = small().await;
    let (code, reply) = client.fail("get_ticker", json!({"exchange": "", "symbl": "BTC/USDT"})).await;
    assert_eq!(code, "INVALID_PARAMS");
    let paths: HashSet<&str> =
        reply["details"].as_array().unwrap().iter().map(|detail| detail["path"].as_str().unwrap()).collect();
    assert_eq!(paths, HashSet::from(["/exchange", "/symbol", "/symbl"]));
    assert!(reply["details"].to_string().contains("did you mean `symbol`?"), "{reply}");

    for params in [json!(null), json!([]), json!("x"), json!(7), json!(true)] {
        assert_eq!(client.fail("get_ticker", params).await.0, "INVALID_PARAMS");
    }
    let long = "A".repeat(10_000);
    for symbol in ["", "*", "?", "[a]", "BTC:USDT", "{a}", "a\nb", "a\0b", "a b", "é", &long] {
        let (code, reply) = client.fail("get_ticker", json!({"exchange": "binance", "symbol": symbol})).await;
        assert_eq!(
            (code.as_str(), &reply["details"][0]["path"]),
            ("INVALID_PARAMS", &json!("/symbol")),
            "{symbol:?}"
        );
        assert!(reply.to_string().len() < 500, "the error repeats what was sent: {reply}");
    }
    for count in [json!(0), json!(-1), json!(1e9), json!(1.5), json!(5.0), json!("5"), json!(null)] {
        let params = json!({"symbol": "BTCUSD", "timeframe": "1h", "count": count});
        let (code, reply) = client.fail("get_latest_ohlcv_bars", params).await;
        assert_eq!(
            (code.as_str(), &reply["details"][0]["path"]),
            ("INVALID_PARAMS", &json!("/count")),
            "{count}"
        );
    }
    for user_id in [json!(-1), json!(1.5), json!(1001.0), json!(true), json!("a*"), json!("")] {
        assert_eq!(client.fail("get_positions", json!({"user_id": user_id})).await.0, "INVALID_PARAMS");
    }
    still_works(&mut client).await;
}

#[tokio::test]
async fn an_unknown_operation_names_the_closest() {
    let (_server, mut client) = small().await;
    let (code, reply) = client.fail("get_tickr", json!({})).await;
    assert_eq!(code, "INVALID_OPERATION");
    assert!(reply["error"].as_str().unwrap().contains("get_ticker"), "{reply}");
    let (code, reply) = client.fail(&"x".repeat(100_000), json!({})).await;
    assert_eq!(code, "INVALID_OPERATION");
    assert!(reply.to_string().len() < 300, "{reply}");
    let (code, _) = client.fail("describe", json!({"operation": "get_tickr"})).await;
    assert_eq!(code, "INVALID_OPERATION");
}

#[tokio::test]
async fn an_array_that_is_too_long_is_refused_whole() {
    let (_server, mut client) = small().await;
    let array = vec![json!({"operation": "ping"}); 10_000];
    client.send(&Value::from(array).to_string()).await;
    let reply = client.receive().await;
    assert_eq!(reply["error_code"], "LIMIT_EXCEEDED", "{reply}");
    still_works(&mut client).await;
}

#[tokio::test]
async fn a_reply_that_is_too_large_is_refused() {
    let store = Store::new();
    store
        .apply(&["HSET", "bot_status", "bot", &format!(r#"{{"f": {{"x": "{}"}}}}"#, "x".repeat(5000))])
        .unwrap();
    let mut config = Server::config();
    config.limits.reply_bytes = 2000;
    let registry = fullon_cache_api::registry::Registry::built_in().unwrap();
    let server = Server::start_with(registry, fullon_cache_api::cache::Cache::embedded(store), config).await;
    let mut client = server.client().await;
    assert_eq!(client.fail("get_bots", json!({})).await.0, "LIMIT_EXCEEDED");
    still_works(&mut client).await;
}

#[tokio::test]
async fn frames_that_are_no_messages_close_the_connection() {
    let (server, mut client) = small().await;
    client.socket.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(client.receive_close().await.unwrap().code, CloseCode::Unsupported);

    let mut client = server.client().await;
    client.socket.feed(Message::text("x".repeat(2 << 20))).await.unwrap();
    // The server may have hung up before all of it is written.
    let _ = client.socket.flush().await;
    assert_eq!(client.receive_close().await.unwrap().code, CloseCode::Size);

    let client = server.client().await;
    let mut socket = client.socket.into_inner();
    let tokio_tungstenite::MaybeTlsStream::Plain(socket) = &mut socket else { panic!("TLS") };
    // A masked text frame of one byte, 0xff: no UTF-8.
    tokio::io::AsyncWriteExt::write_all(socket, &[0x81, 0x81, 0, 0, 0, 0, 0xff]).await.unwrap();
    let mut answer = [0; 4];
    tokio::io::AsyncReadExt::read_exact(socket, &mut answer).await.unwrap();
    assert_eq!((answer[0], u16::from_be_bytes([answer[2], answer[3]])), (0x88, 1007));
}

#[tokio::test]
async fn one_client_too_many_is_told_so() {
    let mut config = Server::config();
    config.limits.connections = 1;
    let registry = fullon_cache_api::registry::Registry::built_in().unwrap();
    let server =
        Server::start_with(registry, fullon_cache_api::cache::Cache::embedded(Store::new()), config).await;
    let mut first = server.client().await;
    let error = tokio_tungstenite::connect_async(server.url()).await.unwrap_err();
    assert!(error.to_string().contains("503"), "{error}");
    assert_eq!(first.call("get_server_stats", json!({})).await["connections_refused"], 1);
}

#[tokio::test]
async fn only_pages_of_the_servers_own_may_connect() {
    use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
    let (server, _client) = small().await;
    for (origin, allowed) in [
        (format!("http://{}", server.address), true),
        ("http://evil.example".to_owned(), false),
        ("null".to_owned(), false),
    ] {
        let mut request = server.url().into_client_request().unwrap();
        request.headers_mut().insert("origin", origin.parse().unwrap());
        let connected = tokio_tungstenite::connect_async(request).await;
        assert_eq!(connected.is_ok(), allowed, "{origin}");
        if let Err(error) = connected {
            assert!(error.to_string().contains("403"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_server_that_stops_says_goodbye() {
    let (server, mut client) = small().await;
    server.stop();
    assert_eq!(client.receive_close().await.unwrap().code, CloseCode::Away);
}

#[tokio::test]
async fn stats_and_describe_tell_what_there_is() {
    let (_redis, _server, mut client) = filled().await;
    client.call("get_ticker", ticker()).await;
    let stats = client.call("get_server_stats", json!({})).await;
    assert_eq!((&stats["connections"], &stats["cache"]["state"]), (&json!(1), &json!("connected")));
    assert!(
        stats["cache"]["commands"].as_u64().unwrap() > 0
            && stats["cache"]["latency_ms"].as_f64().unwrap() > 0.0
    );
    let all = client.call("describe", json!({})).await;
    let names: Vec<&str> = all["operations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|operation| operation["name"].as_str().unwrap())
        .collect();
    assert!(names.is_sorted() && names.contains(&"get_ticker") && names.contains(&"ping"), "{names:?}");
    let one = client.call("describe", json!({"operation": "get_ticker"})).await;
    assert_eq!(one["operations"].as_array().unwrap().len(), 1);
    let params: Vec<&String> =
        one["operations"][0]["params"]["properties"].as_object().unwrap().keys().collect();
    assert_eq!(params, ["exchange", "symbol"], "in the order in which a client's method takes them");
    let domain = client.call("describe", json!({"domain": "trades"})).await;
    assert!(domain["operations"].as_array().unwrap().iter().all(|operation| operation["domain"] == "trades"));
    let (code, reply) = client.fail("describe", json!({"domain": "trade"})).await;
    assert_eq!(code, "INVALID_PARAMS");
    assert!(reply["error"].as_str().unwrap().contains("trades"), "{reply}");
}

#[tokio::test]
async fn what_was_asked_before_the_end_is_answered_before_it() {
    let (_redis, server, mut client) = filled().await;
    let request = json!({"request_id": "last", "operation": "get_ticker", "params": ticker()}).to_string();
    client.socket.feed(Message::text(request.as_str())).await.unwrap();
    client.socket.feed(Message::binary(vec![1])).await.unwrap();
    client.socket.flush().await.unwrap();
    assert_eq!(client.receive().await["request_id"], "last");
    assert_eq!(client.receive_close().await.unwrap().code, CloseCode::Unsupported);

    let mut client = server.client().await;
    server.stop();
    assert_eq!(client.receive_close().await.unwrap().code, CloseCode::Away);
}

#[tokio::test]
async fn an_array_whose_answers_are_too_large_is_answered_as_far_as_it_fits() {
    let mut config = Server::config();
    config.limits.reply_bytes = 40_000;
    let registry = fullon_cache_api::registry::Registry::built_in().unwrap();
    let cache = fullon_cache_api::cache::Cache::embedded(Store::new());
    let server = Server::start_with(registry, cache, config).await;
    let mut client = server.client().await;
    let describe =
        |id: usize| json!({"request_id": id, "operation": "describe", "params": {"domain": "trades"}});
    client.send(&json!((0..50).map(describe).collect::<Vec<_>>()).to_string()).await;
    let replies = client.receive().await;
    let replies = replies.as_array().unwrap();
    let ids: Vec<u64> = replies.iter().map(|reply| reply["request_id"].as_u64().unwrap()).collect();
    assert_eq!(ids, (0..50).collect::<Vec<u64>>());
    assert_eq!(replies[0]["success"], true);
    assert_eq!(replies[49]["error_code"], "LIMIT_EXCEEDED");
    still_works(&mut client).await;
}
