//! More than can be done: what can be is done all the same, the rest is refused at once, and who asks for
//! little is served beside who asks for much.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use crate::{
    access::token,
    common::{Client, Redis, Server},
    streams::ticker,
};
use fullon_cache_api::{
    access::Scope,
    config::{Config, Secret, Span},
};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// How long a Redis takes to answer that is far away, or farther. What it can do is `READS` in that time.
const FAR: Duration = Duration::from_millis(40);
const FARTHER: Duration = Duration::from_millis(150);
const READS: usize = 40;
/// Enough that no two requests under way are for the same, which would be read once.
const SYMBOLS: usize = 3000;

fn symbol(number: usize) -> String {
    format!("S{number}/USDT")
}

/// Params that no other request under way has.
fn params() -> Value {
    static LAST: AtomicUsize = AtomicUsize::new(0);
    json!({"exchange": "x", "symbol": symbol(LAST.fetch_add(1, Ordering::Relaxed) % SYMBOLS)})
}

/// A way to a Redis on which everything takes its time, however much it is.
async fn long_way_to(redis: &Redis, time: Duration) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, redis) = (listener.local_addr().unwrap().port(), redis.port);
    tokio::spawn(async move {
        loop {
            let (near, _) = listener.accept().await.unwrap();
            let far = TcpStream::connect(("127.0.0.1", redis)).await.unwrap();
            far.set_nodelay(true).unwrap();
            let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
            tokio::spawn(carry(near_read, far_write, Duration::ZERO));
            tokio::spawn(carry(far_read, near_write, time));
        }
    });
    port
}

async fn carry(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    delay: Duration,
) {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    tokio::spawn(async move {
        while let Some((due, bytes)) = receiver.recv().await {
            tokio::time::sleep_until(due.into()).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    });
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if sender.send((Instant::now() + delay, buffer[..read].to_vec())).is_err() {
            return;
        }
    }
}

async fn far_away(time: Duration, change: impl FnOnce(&mut Config)) -> (Redis, Server) {
    let redis = Redis::start().await;
    let mut fill = vec!["HSET".to_owned(), "tickers:x".to_owned()];
    fill.extend((0..SYMBOLS).flat_map(|number| [symbol(number), ticker("x", &symbol(number), 1.0)]));
    redis.send::<()>(&fill.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let far = format!("redis://127.0.0.1:{}", long_way_to(&redis, time).await);
    let server = Server::reading_with(&redis, |config| {
        config.redis.url = Some(Secret::from(far.as_str()));
        config.listen.workers = 1;
        // It is about what must be read.
        config.near_cache.bytes = 0;
        config.limits.reads = READS;
        config.limits.in_flight = 1000;
        config.redis.response_timeout = Span::millis(5000);
        change(config);
    })
    .await;
    (redis, server)
}

/// What became of many requests.
#[derive(Default)]
struct Served {
    good: usize,
    refused: usize,
    slowest_refusal: Duration,
}

/// So many clients that each have one request under way for a time. One that is refused is asked again when
/// the server says.
async fn ask(server: &Server, login: Option<&str>, clients: usize, time: Duration) -> Served {
    let mut connected = Vec::new();
    for _ in 0..clients {
        let mut client = server.client().await;
        if let Some(token) = login {
            client.call("authenticate", json!({ "token": token })).await;
        }
        connected.push(client);
    }
    let end = Instant::now() + time;
    let asking = connected.into_iter().map(|mut client| async move {
        let mut served = Served::default();
        while Instant::now() < end {
            let begin = Instant::now();
            let reply = client.ask("get_ticker", params()).await;
            if reply["success"] == true {
                served.good += 1;
                continue;
            }
            assert_eq!(reply["error_code"], "OVERLOADED", "{reply}");
            served.refused += 1;
            served.slowest_refusal = served.slowest_refusal.max(begin.elapsed());
            tokio::time::sleep(Duration::from_millis(reply["retry_after_ms"].as_u64().unwrap())).await;
        }
        served
    });
    join_all(asking).await.into_iter().fold(Served::default(), |all, one| Served {
        good: all.good + one.good,
        refused: all.refused + one.refused,
        slowest_refusal: all.slowest_refusal.max(one.slowest_refusal),
    })
}

#[tokio::test]
async fn at_five_times_what_can_be_done_what_can_be_is_done_and_the_rest_refused_at_once() {
    // So far that it is not the processor that bounds what can be done, however much else it has to do.
    const TIME: Duration = Duration::from_secs(3);
    let (_redis, server) = far_away(FARTHER, |_| {}).await;
    let best = ask(&server, None, READS, TIME).await;
    let served = ask(&server, None, READS * 5, TIME).await;
    assert!(served.refused > 0);
    assert!(served.good * 100 >= best.good * 80, "{} at five times, {} at best", served.good, best.good);
    assert!(served.slowest_refusal < Duration::from_millis(50), "{:?}", served.slowest_refusal);
}

#[tokio::test]
async fn who_asks_for_little_is_served_beside_who_asks_for_much() {
    const TIME: Duration = Duration::from_secs(2);
    let (_redis, server) = far_away(FAR, |config| {
        config.auth.tokens =
            vec![token("much", &[Scope::Market], &[]), token("little", &[Scope::Market], &[])];
    })
    .await;
    let (much, little) =
        tokio::join!(ask(&server, Some("much"), READS * 3, TIME), ask(&server, Some("little"), 5, TIME));
    assert!(much.refused > 100 && much.good > 0, "{} good, {} refused", much.good, much.refused);
    // Its first may come while all places are taken; from then on it has its part.
    assert!(little.refused <= 20 && little.good > 100, "{} good, {} refused", little.good, little.refused);
}

#[tokio::test]
async fn streams_are_refused_before_reads_and_connections_before_streams() {
    let (redis, server) = far_away(FAR, |_| {}).await;
    let (mut busy, mut busier, mut other) =
        (server.client().await, server.client().await, server.client().await);
    other.call("ping", json!({})).await;
    redis.send::<()>(&["CLIENT", "PAUSE", "400", "ALL"]).await;
    // Of two who ask for much each gets half. What is sent after that on a connection is read after it.
    let mut load = async |each: usize| {
        for client in [&mut busy, &mut busier] {
            for _ in 0..each {
                client.send(&json!({"operation": "get_ticker", "params": params()}).to_string()).await;
            }
            client.send(&json!({"request_id": "p", "operation": "ping"}).to_string()).await;
            assert_eq!(client.receive().await["request_id"], "p");
        }
    };
    load(READS * 3 / 8).await;
    assert_eq!(Client::connect_with(&server.url(), &[]).await.err(), Some(503));
    other.call("stream_blocks", json!({})).await;
    load(READS / 16 + 1).await;
    assert_eq!(other.fail("stream_bot_status", json!({})).await.0, "OVERLOADED");
    for _ in 0..READS * 3 / 8 + READS / 16 + 1 {
        assert_eq!(busy.receive().await["success"], true);
        assert_eq!(busier.receive().await["success"], true);
    }
    server.client().await.call("stream_bot_status", json!({"snapshot": false})).await;
}
