//! Much at once, and slow: reads that are shared, answers that are long in coming, clients that read
//! slowly. Nobody is cut off who is at work, and nobody else is held up.

use std::{collections::BTreeMap, time::Duration};

use futures_util::SinkExt as _;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{MaybeTlsStream, tungstenite::Message};

use crate::{
    common::{Client, Redis, Server, eventually, filled},
    streams::{calls, ticker},
};
use fullon_cache_api::{
    cache::{Cache, Store},
    config::{Config, Secret, Span},
    registry::Registry,
};

#[tokio::test]
async fn those_who_ask_the_same_at_the_same_time_share_one_read() {
    let (redis, _server, mut client) = filled().await;
    client.call("ping", json!({})).await;
    // The first read can't be over before all have asked.
    let () = redis.send(&["CLIENT", "PAUSE", "300", "ALL"]).await;
    for exchange in ["binance", "kraken"] {
        for _ in 0..20 {
            let request = json!({"operation": "get_all_tickers", "params": {"exchange": exchange}});
            client.socket.feed(Message::text(request.to_string())).await.unwrap();
        }
    }
    client.socket.flush().await.unwrap();
    for _ in 0..40 {
        assert_eq!(client.receive().await["success"], true);
    }
    // For each exchange one for those who asked first, and one for all who asked while that one ran.
    let reads = calls(&redis, &["hscan"]).await;
    assert!((2..=4).contains(&reads), "{reads}");
}

#[tokio::test]
async fn however_many_ask_for_the_same_value_it_is_read_by_one_at_a_time() {
    let redis = Redis::start().await;
    let server = Server::reading_with(&redis, |config| {
        config.redis.response_timeout = Span::millis(20_000);
        config.near_cache.bytes = 0;
        config.listen.workers = 1;
    })
    .await;
    let params = |symbol: &str| json!({"exchange": "x", "symbol": symbol});
    let request = |symbol: &str| json!({"operation": "get_ticker", "params": params(symbol)});
    for (symbol, price) in [("A/B", 1.0), ("C/D", 2.0)] {
        let () = redis.send(&["HSET", "tickers:x", symbol, &ticker("x", symbol, price)]).await;
    }
    let mut first = server.client().await;
    let mut others = Vec::new();
    for _ in 0..50 {
        others.push(server.client().await);
    }
    // The worker's own connections are made.
    first.call("get_ticker", params("A/B")).await;
    let before = calls(&redis, &["hget"]).await;

    redis.signal("STOP");
    first.begin(&request("A/B")).await;
    for (number, other) in others.iter_mut().enumerate() {
        other.begin(&request(if number == 0 { "C/D" } else { "A/B" })).await;
    }
    redis.signal("CONT");
    for (number, client) in [&mut first].into_iter().chain(&mut others).enumerate() {
        assert_eq!(client.receive().await["result"]["price"], if number == 1 { 2.0 } else { 1.0 });
    }
    // The first one's, that of the other value, and that of all who asked while the first one's ran.
    assert_eq!(calls(&redis, &["hget"]).await - before, 3);
}

#[tokio::test]
async fn each_request_that_waits_for_the_same_read_gets_its_own_reply() {
    let redis = Redis::start().await;
    let server = Server::reading_with(&redis, |config| {
        config.redis.response_timeout = Span::millis(20_000);
        config.near_cache.bytes = 0;
    })
    .await;
    for (symbol, price) in [("A/B", 1.0), ("C/D", 2.0)] {
        let () = redis.send(&["HSET", "tickers:x", symbol, &ticker("x", symbol, price)]).await;
    }
    let asking = |id: &str, symbol: &str| {
        let params = json!({"exchange": "x", "symbol": symbol});
        json!({"request_id": id, "operation": "get_ticker", "params": params, "explain": true})
    };
    let mut client = server.client().await;
    // The worker's own connections are made.
    client.call("get_ticker", json!({"exchange": "x", "symbol": "A/B"})).await;
    let before = calls(&redis, &["hget"]).await;

    redis.signal("STOP");
    for (id, symbol) in [("1", "A/B"), ("2", "A/B"), ("3", "C/D"), ("4", "A/B"), ("5", "C/D"), ("6", "A/B")] {
        client.begin(&asking(id, symbol)).await;
    }
    let unknown = json!({"request_id": "x", "operation": "get_tickr"});
    let array = [asking("a", "C/D"), asking("b", "A/B"), unknown, asking("c", "C/D"), asking("d", "A/B")];
    client.begin(&json!(array)).await;
    // What came before in an array has begun by the next message but one.
    client.call("ping", json!({})).await;
    redis.signal("CONT");
    let mut replies = BTreeMap::new();
    for _ in 0..7 {
        let reply = client.receive().await;
        for reply in reply.as_array().unwrap_or(&vec![reply.clone()]) {
            let price_and_shared_by =
                (reply["result"]["price"].as_f64(), reply["explain"]["shared_by"].as_u64());
            let id = reply["request_id"].as_str().unwrap().to_owned();
            assert_eq!(replies.insert(id, price_and_shared_by), None, "a second {reply}");
        }
    }
    let of_first = |price| (Some(price), Some(1));
    let (of_next_ab, of_next_cd) = ((Some(1.0), Some(5)), (Some(2.0), Some(3)));
    let expected = [
        ("1", of_first(1.0)),
        ("2", of_next_ab),
        ("3", of_first(2.0)),
        ("4", of_next_ab),
        ("5", of_next_cd),
        ("6", of_next_ab),
        ("a", of_next_cd),
        ("b", of_next_ab),
        ("c", of_next_cd),
        ("d", of_next_ab),
        ("x", (None, None)),
    ];
    assert_eq!(replies, expected.map(|(id, reply)| (id.to_owned(), reply)).into());
    assert_eq!(calls(&redis, &["hget"]).await - before, 4);
}

#[tokio::test]
async fn large_replies_to_the_same_question_have_their_room_one_after_another() {
    let redis = Redis::start().await;
    let big = json!({"symbol": "A", "exchange": "x", "price": 1, "more": "x".repeat(200 << 10)}).to_string();
    let () = redis.send(&["HSET", "tickers:x", "A", &big]).await;
    for kept in [0, 16 << 20] {
        let server = Server::reading_with(&redis, |config| {
            // For one of them and the half of another.
            config.limits.waiting_bytes_in_all = 300 << 10;
            config.near_cache.bytes = kept;
        })
        .await;
        let mut client = server.client().await;
        let params = json!({"exchange": "x"});
        if kept > 0 {
            eventually("it is kept", async || {
                let reply = client.explain("k", "get_all_tickers", params.clone()).await;
                reply["explain"]["source"] == "near_cache"
            })
            .await;
        }
        let request = json!({"operation": "get_all_tickers", "params": params}).to_string();
        for _ in 0..10 {
            client.socket.feed(Message::text(request.clone())).await.unwrap();
        }
        client.socket.flush().await.unwrap();
        for _ in 0..10 {
            let reply = client.receive().await;
            assert_eq!(reply["result"][0]["symbol"], "A", "{kept}: {reply}");
        }
    }
}

/// Passes bytes on between a server and its Redis, so many of them in a hundredth of a second.
async fn slow_way_to(redis: &Redis, bytes: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    lead_slowly(listener, redis, bytes);
    port
}

fn lead_slowly(listener: TcpListener, redis: &Redis, bytes: usize) {
    let redis = redis.port;
    tokio::spawn(async move {
        loop {
            let (near, _) = listener.accept().await.unwrap();
            let far = TcpStream::connect(("127.0.0.1", redis)).await.unwrap();
            let ((mut near_read, mut near_write), (mut far_read, mut far_write)) =
                (near.into_split(), far.into_split());
            tokio::spawn(async move { tokio::io::copy(&mut near_read, &mut far_write).await });
            tokio::spawn(async move {
                let mut some = vec![0; bytes];
                while let Ok(count @ 1..) = far_read.read(&mut some).await {
                    if near_write.write_all(&some[..count]).await.is_err() {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            });
        }
    });
}

/// A Redis with thirty hashes, and requests for all of them.
async fn thirty_big_ones() -> (Redis, Vec<Value>) {
    let redis = Redis::start().await;
    let big = json!({"symbol": "A", "exchange": "x", "price": 1, "more": "x".repeat(1 << 20)}).to_string();
    for exchange in 0..30 {
        let () = redis.send(&["HSET", &format!("tickers:x{exchange}"), "A", &big]).await;
    }
    let request =
        |exchange| json!({"operation": "get_all_tickers", "params": {"exchange": format!("x{exchange}")}});
    (redis, (0..30).map(request).collect())
}

/// Sends all requests at once.
async fn ask_all(client: &mut Client, requests: Vec<Value>) {
    for request in requests {
        client.socket.feed(Message::text(request.to_string())).await.unwrap();
    }
    client.socket.flush().await.unwrap();
}

/// Takes so many replies, and says how many were too late.
async fn count_late(client: &mut Client, replies: usize) -> usize {
    let mut late = 0;
    for _ in 0..replies {
        let reply = client.receive().await;
        if reply["success"] != true {
            assert_eq!(reply["error_code"], "CACHE_TIMEOUT", "{reply}");
            late += 1;
        }
    }
    late
}

#[tokio::test]
async fn a_connection_that_is_at_work_is_not_taken_for_a_silent_one() {
    let (redis, requests) = thirty_big_ones().await;
    let mut config = Server::config();
    // Each answer takes a tenth of a second at the least; all together far more than a command may take.
    config.redis.port = slow_way_to(&redis, 100 << 10).await;
    config.redis.response_timeout = Span::millis(700);
    let server = Server::start(config).await;
    server.app.cache().connected().await;
    let mut client = server.client().await;
    ask_all(&mut client, requests).await;
    let late = count_late(&mut client, 30).await;
    assert!((1..30).contains(&late), "{late}");
    assert_eq!(client.call("get_server_stats", json!({})).await["cache"]["reconnects"], 0);
}

#[tokio::test]
async fn whoever_waited_for_the_connection_is_answered() {
    let (redis, requests) = thirty_big_ones().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = Server::config();
    config.redis.port = listener.local_addr().unwrap().port();
    config.redis.response_timeout = Span::millis(700);
    let server = Server::start(config).await;
    let mut client = server.client().await;
    ask_all(&mut client, requests).await;
    // By then all have been read, and wait.
    client.send(r#"{"operation": "ping"}"#).await;
    assert_eq!(client.receive().await["result"]["status"], "ok");
    lead_slowly(listener, &redis, 100 << 10);
    let late = count_late(&mut client, 30).await;
    assert!((1..30).contains(&late), "{late}");
}

/// A server with one reply of many megabytes.
async fn with_a_big_reply(config: Config) -> Server {
    let store = Store::new();
    let feed = format!(r#"{{"f": {{"x": "{}"}}}}"#, "x".repeat(15 << 20));
    store.apply(&["HSET", "bot_status", "bot", &feed]).unwrap();
    Server::start_with(Registry::built_in().unwrap(), Cache::embedded(store), config).await
}

#[tokio::test]
async fn a_client_may_read_as_slowly_as_it_likes() {
    let mut config = Server::config();
    config.limits.write_timeout = Span::millis(300);
    let server = with_a_big_reply(config).await;
    let mut slow = server.client().await;
    slow.send(r#"{"operation": "get_bots"}"#).await;
    let MaybeTlsStream::Plain(mut socket) = slow.socket.into_inner() else { panic!("TLS") };
    let reading = async {
        let (mut total, mut some) = (0, vec![0; 128 << 10]);
        while total < 15 << 20 {
            match socket.read(&mut some).await.unwrap() {
                0 => panic!("cut off after {total} bytes"),
                count => total += count,
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(30), reading).await.expect("the reply does not end");
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_disconnected_and_counted() {
    let mut config = Server::config();
    config.limits.write_timeout = Span::millis(200);
    let server = with_a_big_reply(config).await;
    let mut deaf = server.client().await;
    for _ in 0..4 {
        deaf.send(r#"{"operation": "get_bots"}"#).await;
    }
    let mut other = server.client().await;
    // Before both are counted, one is no sign that the other is gone.
    while other.call("get_server_stats", json!({})).await["connections_total"] != 2 {}
    // The other client is served all the time, and sees the deaf one go.
    let gone = async { while other.call("get_server_stats", json!({})).await["connections"] != 1 {} };
    timeout(Duration::from_secs(10), gone).await.expect("the deaf client stays");
    assert_eq!(other.call("get_server_stats", json!({})).await["connections_too_slow"], 1);
}

#[tokio::test]
async fn a_miss_is_none_where_the_search_was_cut() {
    let redis = Redis::start().await;
    for exchange in ["a", "b", "c"] {
        let order = r#"{"symbol": "A", "status": "open"}"#;
        let () = redis.send(&["HSET", &format!("order_status:{exchange}"), exchange, order]).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let overlay = folder.path().join("overlay.yaml");
    std::fs::write(&overlay, "get_order_status:\n  limits: { scan_keys: 2 }\n").unwrap();
    let mut config = Server::config();
    config.redis.url = Some(Secret::from(redis.url().as_str()));
    let cache = Cache::redis(config.redis.link_settings().unwrap());
    let server = Server::start_with(Registry::with_overlay(&overlay).unwrap(), cache, config).await;
    server.app.cache().connected().await;
    let mut client = server.client().await;
    assert_eq!(client.fail("get_order_status", json!({"order_id": "d"})).await.0, "LIMIT_EXCEEDED");
    let known = client.ask("get_order_status", json!({"order_id": "a"})).await;
    assert_eq!((&known["result"]["exchange"], known["warnings"].as_array().unwrap().len()), (&json!("a"), 1));
}

#[tokio::test]
async fn of_very_many_unknown_params_some_are_named() {
    let server = Server::embedded(Store::new()).await;
    let mut client = server.client().await;
    let params: serde_json::Map<String, Value> = (0..50_000).map(|i| (format!("p{i}"), json!(i))).collect();
    let (code, reply) = client.fail("get_queue_length", params.into()).await;
    let details = reply["details"].as_array().unwrap();
    assert_eq!((code.as_str(), details.len()), ("INVALID_PARAMS", 33));
    let (_, reply) = client.fail("ping", json!({"exchnge": 1})).await;
    assert_eq!(reply["details"], json!([{"path": "/exchnge", "message": "no such param; it takes none"}]));
    assert_eq!(details[32]["message"], "has more than these 32 violations");
}
