//! What a reply tells of itself to who asks: where its time went and where its data came from.

use fullon_cache_api::{access::Scope, cache::Store, config::Span};
use serde_json::{Value, json};

use crate::{
    access::{guarded, token},
    common::{Client, Redis, Server, filled},
};

impl Client {
    /// The whole reply to a request that asks for what explains it.
    pub async fn explain(&mut self, id: &str, operation: &str, params: Value) -> Value {
        self.send(&asking(id, operation, params).to_string()).await;
        let reply = self.receive().await;
        assert_eq!(reply["request_id"], id, "{reply}");
        reply
    }
}

fn asking(id: &str, operation: &str, params: Value) -> Value {
    json!({"request_id": id, "operation": operation, "params": params, "explain": true})
}

fn micros(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("no number of microseconds: {value}"))
}

fn ticker() -> Value {
    json!({"exchange": "binance", "symbol": "BTC/USDT"})
}

#[tokio::test]
async fn a_read_tells_what_it_sent_and_waited_for() {
    let (_redis, _server, mut client) = filled().await;
    let plain = json!({"request_id": "1", "operation": "get_ticker", "params": ticker()}).to_string();
    client.send(&plain).await;
    let plain = client.receive_text().await;
    client.send(&asking("1", "get_ticker", ticker()).to_string()).await;
    let text = client.receive_text().await;
    // All the rest is as it would be without, byte for byte.
    assert!(text.starts_with(&format!("{},\"explain\":{{", plain.strip_suffix('}').unwrap())), "{text}");
    let explain = serde_json::from_str::<Value>(&text).unwrap()["explain"].take();
    assert_eq!(explain["source"], "redis");
    assert_eq!(explain["commands"], json!({"HGET": 1}));
    assert_eq!(explain["shared_by"], 1, "{explain}");
    let [redis_us, waited_us, server_us] =
        ["redis_us", "waited_us", "server_us"].map(|time| micros(&explain[time]));
    assert!(redis_us > 0 && redis_us + waited_us <= server_us, "{explain}");
    assert_eq!(explain.get("stream"), None);

    client.send(&plain_with(r#""explain": false"#)).await;
    assert_eq!(client.receive().await.get("explain"), None);
}

fn plain_with(member: &str) -> String {
    format!(r#"{{"request_id": "x", "operation": "ping", {member}}}"#)
}

#[tokio::test]
async fn a_scan_counts_where_it_was_made() {
    let (_redis, _server, mut client) = filled().await;
    let params = json!({"symbol": "BTC/USDT"});
    let first = client.explain("1", "get_any_ticker", params.clone()).await;
    let commands = &first["explain"]["commands"];
    assert!(commands["SCAN"].as_u64().unwrap() >= 1 && commands["HGET"].as_u64().unwrap() >= 2, "{first}");
    // It is kept for a while.
    let reads = json!({"HGET": commands["HGET"]});
    while client.explain("2", "get_any_ticker", params.clone()).await["explain"]["commands"] != reads {}
}

#[tokio::test]
async fn whatever_was_asked_and_whatever_came_of_it_is_explained() {
    let (_redis, _server, mut client) = filled().await;
    let missing = json!({"exchange": "binance", "symbol": "NO/SUCH"});
    for (operation, params, code, source) in [
        ("get_ticker", missing, "CACHE_MISS", "redis"),
        ("get_ticker", json!({}), "INVALID_PARAMS", "server"),
        ("get_tickr", json!({}), "INVALID_OPERATION", "server"),
        ("ping", json!({}), "", "server"),
        ("describe", json!({"domain": "bots"}), "", "server"),
        ("get_bots", json!({}), "", "redis"),
    ] {
        let reply = client.explain("1", operation, params).await;
        assert_eq!(reply["error_code"].as_str().unwrap_or_default(), code, "{reply}");
        let explain = &reply["explain"];
        assert_eq!(explain["source"], source, "{reply}");
        assert_eq!(explain.get("commands").is_some(), source == "redis", "{reply}");
        micros(&explain["server_us"]);
    }
    let embedded = Server::embedded(Store::new()).await;
    let reply = embedded.client().await.explain("1", "get_bots", json!({})).await;
    assert_eq!(reply["explain"]["source"], "embedded");
    assert_eq!(reply["explain"]["commands"], json!({"HSCAN": 1}));
}

#[tokio::test]
async fn what_is_neither_true_nor_false_is_malformed() {
    let server = Server::embedded(Store::new()).await;
    let mut client = server.client().await;
    for value in ["1", "0", "null", "\"true\"", "{}", "[true]"] {
        client.send(&plain_with(&format!(r#""explain": {value}"#))).await;
        let reply = client.receive().await;
        assert_eq!((&reply["error_code"], &reply["request_id"]), (&json!("MALFORMED_MESSAGE"), &json!("x")));
        assert!(reply["error"].as_str().unwrap().contains("`explain`"), "{reply}");
    }
    client.send(&plain_with(r#""explain": true, "explain": true"#)).await;
    assert_eq!(client.receive().await["error_code"], "MALFORMED_MESSAGE");
    // Of names that are written otherwise too.
    client.send(&plain_with(r#""expl\u0061in": true"#)).await;
    assert_eq!(client.receive().await["explain"]["source"], "server");
}

#[tokio::test]
async fn within_an_array_those_tell_who_were_asked() {
    let (_redis, _server, mut client) = filled().await;
    let request = json!([
        asking("a", "get_ticker", ticker()),
        {"request_id": "b", "operation": "get_ticker", "params": ticker()},
        asking("c", "ping", json!({})),
        asking("d", "stream_tickers", json!({"exchange": "binance"})),
    ]);
    client.send(&request.to_string()).await;
    let replies = client.receive().await;
    let sources: Vec<&Value> =
        replies.as_array().unwrap().iter().map(|reply| &reply["explain"]["source"]).collect();
    assert_eq!(
        sources,
        ["redis", "", "server", "topic"]
            .map(|source| match source {
                "" => Value::Null,
                source => json!(source),
            })
            .iter()
            .collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn who_shared_a_read_learns_with_how_many_and_how_long_it_waited_for_its_turn() {
    let redis = Redis::start().await;
    let server =
        Server::reading_with(&redis, |config| config.redis.response_timeout = Span::millis(20_000)).await;
    let mut client = server.client().await;
    // The worker's own connections are made.
    client.call("get_bots", json!({})).await;

    redis.signal("STOP");
    client.begin(&asking("first", "get_bots", json!({}))).await;
    client.send(&json!({"request_id": "plain", "operation": "get_bots"}).to_string()).await;
    client.begin(&asking("second", "get_bots", json!({}))).await;
    redis.signal("CONT");
    let mut replies = Vec::new();
    for _ in 0..3 {
        replies.push(client.receive().await);
    }
    let explain = |id: &str| {
        let reply = replies.iter().find(|reply| reply["request_id"] == id).unwrap();
        reply.get("explain").cloned()
    };
    assert_eq!(explain("plain"), None);
    let (first, second) = (explain("first").unwrap(), explain("second").unwrap());
    assert_eq!((&first["shared_by"], &second["shared_by"]), (&json!(1), &json!(2)));
    // The one was waiting for Redis while the other waited for it.
    assert!(micros(&first["redis_us"]) > 0, "{first}");
    let waited = micros(&second["waited_us"]);
    assert!(waited > 0 && waited + micros(&second["redis_us"]) <= micros(&second["server_us"]), "{second}");
    assert_eq!(second["commands"], json!({"HSCAN": 1}));
}

#[tokio::test]
async fn nothing_is_told_of_what_a_login_may_not_see() {
    let (_redis, server) = guarded(|config| {
        config.auth.tokens = vec![token("some", &[Scope::Orders], &["1001"]), crate::access::root()];
    })
    .await;
    for (name, sees_all) in [("some", false), ("root", true)] {
        let headers = [("authorization", &*format!("Bearer {name}"))];
        let mut client = Client::connect_with(&server.url(), &headers).await.unwrap();
        let reply = client.explain("s", "stream_orders", json!({"exchange": "binance"})).await;
        let stream = &reply["explain"]["stream"];
        assert_eq!(stream.get("items").is_some(), sees_all, "{reply}");
        assert_eq!(stream.get("conflated").is_some(), sees_all, "{reply}");
    }
}

#[tokio::test]
async fn a_stream_that_nothing_pushes_says_why() {
    let redis = Redis::start().await;
    let line =
        "ACL SETUSER poor reset on >pw %R~* +hscan +hmget +hget +get +hlen +lrange +scan +ping +select";
    redis.send::<()>(&line.split(' ').collect::<Vec<_>>()).await;
    let mut config = Server::config();
    config.redis.url = Some(format!("redis://poor:pw@127.0.0.1:{}", redis.port).as_str().into());
    let server = Server::start(config).await;
    server.app.cache().connected().await;
    let mut client = server.client().await;
    let reply = client.explain("s", "stream_tickers", json!({"exchange": "x"})).await;
    let stream = &reply["explain"]["stream"];
    assert_eq!(stream["push"], "poll");
    assert!(stream["push_reason"].as_str().unwrap().contains("Redis does not tell"), "{reply}");
    assert_eq!(reply["explain"]["source"], "topic");
}
