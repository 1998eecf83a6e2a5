//! A Redis that is not there, goes, comes back, falls silent, or says no: the right error in its time,
//! service again as soon as there is one, and no client disconnected.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::timeout;

use crate::{
    common::{Client, Fixture, Redis, RedisOptions, Server, filled, free_port},
    streams::calls,
};
use fullon_cache_api::config::{Secret, Span};

/// How soon after Redis' return there must be service again.
const BACK_WITHIN: Duration = Duration::from_secs(2);

async fn ticker(client: &mut Client) -> (bool, String) {
    let reply = client.ask("get_ticker", json!({"exchange": "binance", "symbol": "BTC/USDT"})).await;
    (reply["success"] == true, reply["error_code"].as_str().unwrap_or_default().to_owned())
}

/// Asks until there is an answer, which must come within the limit.
async fn served_again(client: &mut Client) {
    let answered = async {
        while !ticker(client).await.0 {
            // A refusal comes at once; this leaves the processor to those who mend it.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(BACK_WITHIN, answered).await.expect("no service within two seconds of Redis' return");
}

#[tokio::test]
async fn redis_may_come_after_the_server() {
    let port = free_port();
    let mut config = Server::config();
    config.redis.port = port;
    let server = Server::start(config).await;
    let mut client = server.client().await;
    server.app.cache().settled().await;
    assert_eq!(ticker(&mut client).await, (false, "CACHE_UNAVAILABLE".to_owned()));
    assert_eq!(client.call("ping", json!({})).await["status"], "ok");
    assert_eq!(client.call("get_server_stats", json!({})).await["cache"]["state"], "unreachable");

    let redis = Redis::start_with(RedisOptions { port: Some(port), ..RedisOptions::default() }).await;
    Fixture::load().fill(&redis).await;
    served_again(&mut client).await;
    assert_eq!(client.call("get_server_stats", json!({})).await["cache"]["state"], "connected");
}

#[tokio::test]
async fn redis_may_go_in_mid_flight_and_come_back() {
    let (mut redis, _server, mut client) = filled().await;
    for _ in 0..3 {
        // Requests are on their way while it goes: each has its answer, whichever it is.
        let total = 200;
        for id in 0..total {
            let request = json!({"request_id": id, "operation": "get_bots"});
            client.send(&request.to_string()).await;
            if id == total / 2 {
                redis.kill();
            }
        }
        let mut unavailable = 0;
        for _ in 0..total {
            let reply = client.receive().await;
            match reply["error_code"].as_str() {
                None => assert_eq!(reply["success"], true),
                Some(code) => {
                    assert_eq!(code, "CACHE_UNAVAILABLE", "{reply}");
                    unavailable += 1;
                }
            }
        }
        assert!(unavailable > 0, "nothing failed while Redis was gone");
        redis.revive().await;
        Fixture::load().fill(&redis).await;
        served_again(&mut client).await;
    }
}

#[tokio::test]
async fn a_redis_that_is_paused_times_out_and_is_served_from_again() {
    let (redis, _server, mut client) = filled().await;
    // A connection that is still being made is another case.
    assert!(ticker(&mut client).await.0);
    let () = redis.send(&["CLIENT", "PAUSE", "1500", "ALL"]).await;
    let began = Instant::now();
    assert_eq!(ticker(&mut client).await, (false, "CACHE_TIMEOUT".to_owned()));
    let waited = began.elapsed();
    assert!(waited >= Duration::from_millis(450) && waited < Duration::from_millis(1200), "{waited:?}");
    // Later requests too wait for their time and no longer, and the connection stays usable.
    assert_eq!(ticker(&mut client).await, (false, "CACHE_TIMEOUT".to_owned()));
    assert_eq!(client.call("ping", json!({})).await["status"], "ok");
    served_again(&mut client).await;
}

#[tokio::test]
async fn a_redis_that_wants_a_password_is_unavailable_until_it_is_given() {
    let options = RedisOptions {
        args: vec!["--requirepass".to_owned(), "s3cret".to_owned()],
        password: Some("s3cret".to_owned()),
        ..RedisOptions::default()
    };
    let redis = Redis::start_with(options).await;
    Fixture::load().fill(&redis).await;
    for (password, works) in [(None, false), (Some("wrong"), false), (Some("s3cret"), true)] {
        let mut config = Server::config();
        config.redis.port = redis.port;
        config.redis.password = password.map(Secret::from);
        let server = Server::start(config).await;
        server.app.cache().settled().await;
        let mut client = server.client().await;
        let expected = if works { (true, String::new()) } else { (false, "CACHE_UNAVAILABLE".to_owned()) };
        assert_eq!(ticker(&mut client).await, expected, "{password:?}");
    }
}

#[tokio::test]
async fn a_replica_is_read_and_one_without_its_master_says_so() {
    let options = RedisOptions { replicates: true, ..RedisOptions::default() };
    let mut master = Redis::start_with(options).await;
    Fixture::load().fill(&master).await;
    let options = RedisOptions {
        replicates: true,
        args: ["--replicaof", "127.0.0.1", &master.port.to_string(), "--replica-serve-stale-data", "no"]
            .map(str::to_owned)
            .to_vec(),
        ..RedisOptions::default()
    };
    let replica = Redis::start_with(options).await;
    let server = Server::reading(&replica).await;
    let mut client = server.client().await;
    // The first synchronization takes its time.
    let synchronized = async { while !ticker(&mut client).await.0 {} };
    timeout(Duration::from_secs(10), synchronized).await.expect("the replica never synchronized");
    assert_eq!(client.call("get_server_stats", json!({})).await["cache"]["role"], "replica");
    master.kill();
    let noticed = async { while ticker(&mut client).await.0 {} };
    timeout(Duration::from_secs(10), noticed).await.expect("the replica never missed its master");
    assert_eq!(ticker(&mut client).await, (false, "CACHE_UNAVAILABLE".to_owned()));
}

#[tokio::test]
async fn a_redis_that_is_full_is_read_as_ever() {
    let (redis, _server, mut client) = filled().await;
    let () = redis.send(&["CONFIG", "SET", "maxmemory", "1"]).await;
    assert!(ticker(&mut client).await.0);
}

#[tokio::test]
async fn every_way_to_a_redis_works() {
    let redis = Redis::start().await;
    let () = redis
        .send(&[
            "HSET",
            "tickers:binance",
            "BTC/USDT",
            r#"{"symbol": "BTC/USDT", "exchange": "binance", "price": 1, "time": 1}"#,
        ])
        .await;
    let () = redis.send(&["COPY", "tickers:binance", "tickers:binance", "DB", "3"]).await;
    let () = redis.send(&["DEL", "tickers:binance"]).await;
    let () = redis.send(&["ACL", "SETUSER", "reader", "on", ">pw", "~*", "+@all"]).await;
    let port = redis.port;
    for url in [
        format!("redis://127.0.0.1:{port}/3"),
        format!("redis://reader:pw@localhost:{port}/3"),
        format!("unix://{}?db=3", redis.socket_path()),
        format!("unix://{}?db=3&user=reader&pass=pw", redis.socket_path()),
    ] {
        let mut config = Server::config();
        config.redis.url = Some(Secret::from(url.as_str()));
        let server = Server::start(config).await;
        assert_eq!(ticker(&mut server.client().await).await, (true, String::new()), "{url}");
    }
}

#[tokio::test]
async fn more_reads_than_may_wait_are_refused_and_told_when_to_come_back() {
    let redis = Redis::start().await;
    Fixture::load().fill(&redis).await;
    let server = Server::reading_with(&redis, |config| {
        config.redis.queue = 1;
        config.redis.connections = 1;
        config.redis.response_timeout = Span::millis(1000);
    })
    .await;
    let mut client = server.client().await;
    assert!(ticker(&mut client).await.0);
    let () = redis.send(&["CLIENT", "PAUSE", "500", "ALL"]).await;
    // Each of something else: what is the same is read once.
    let request =
        |number| json!({"operation": "get_queue_length", "params": {"exchange": format!("x{number}")}});
    client.send(&(0..200).map(request).collect::<serde_json::Value>().to_string()).await;
    let replies = client.receive().await;
    let refused: Vec<_> =
        replies.as_array().unwrap().iter().filter(|reply| reply["error_code"] == "OVERLOADED").collect();
    assert!(!refused.is_empty() && refused.len() < 200, "{}", refused.len());
    assert!(refused.iter().all(|reply| reply["retry_after_ms"].as_u64().is_some_and(|wait| wait > 0)));
}

#[tokio::test]
async fn a_read_ends_in_its_time_whatever_it_waits_for() {
    let redis = Redis::start().await;
    Fixture::load().fill(&redis).await;
    let server = Server::reading_with(&redis, |config| {
        config.redis.response_timeout = Span::millis(60_000);
        config.limits.read_timeout = Span::millis(300);
    })
    .await;
    let mut client = server.client().await;
    assert!(ticker(&mut client).await.0);
    let () = redis.send(&["CLIENT", "PAUSE", "30000", "ALL"]).await;
    // A command, steps through a hash, a scan.
    for (operation, params) in [
        ("get_queue_length", json!({"exchange": "binance"})),
        ("get_all_tickers", json!({"exchange": "kraken"})),
        ("get_exchanges", json!({})),
    ] {
        let reply = client.ask(operation, params).await;
        assert_eq!(reply["error_code"], "CACHE_TIMEOUT", "{reply}");
        assert!(reply["error"].as_str().unwrap().contains("more than 300ms"), "{reply}");
    }
}

#[tokio::test]
async fn one_scan_serves_all_who_ask_at_the_same_time_and_a_while_longer() {
    let (redis, _server, mut client) = filled().await;
    // A scan from before the server listens is not kept.
    while client.call("get_server_stats", json!({})).await["push"]["tracking"] != true {}
    let scans = async || calls(&redis, &["scan"]).await;
    let requests = vec![json!({"operation": "get_exchanges"}); 100];
    client.send(&json!(requests).to_string()).await;
    assert!(client.receive().await.as_array().unwrap().iter().all(|reply| reply["success"] == true));
    let first = scans().await;
    client.call("get_exchanges", json!({})).await;
    // A few hundred keys are one step of a scan.
    assert_eq!((first, scans().await), (1, 1));
}

#[tokio::test]
async fn a_scan_that_everybody_left_is_of_no_harm_to_who_asks_next() {
    let (redis, server, mut client) = filled().await;
    let () = redis.send(&["CLIENT", "PAUSE", "300", "ALL"]).await;
    let mut impatient = server.client().await;
    impatient.send(&json!({"operation": "get_exchanges"}).to_string()).await;
    // The scan has begun when a later request of the same connection is answered.
    impatient.send(&json!({"operation": "ping"}).to_string()).await;
    impatient.receive().await;
    drop(impatient);
    let () = redis.send(&["HSET", "tickers:newcomer", "A/B", "{}"]).await;
    let seen =
        async { while !client.call("get_exchanges", json!({})).await.to_string().contains("newcomer") {} };
    timeout(Duration::from_secs(5), seen).await.expect("the scan that was left is still joined");
}
