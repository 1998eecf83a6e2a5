//! Races this server against a bare WebSocket echo of the same reply size, in one run and with one client, and measures
//! what else its users feel: as it is, without its near cache, and beside a gateway that does no more than ask Redis for
//! each request. Needs `redis-server` on the PATH.
//!
//! `cargo bench --bench race [-- --seconds 3 --rounds 3]` prints a table.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod common;

use std::{
    collections::VecDeque,
    env,
    time::{Duration, Instant},
};

use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio_tungstenite::{
    accept_async,
    tungstenite::{Message, Utf8Bytes},
};

use common::{
    Bare, Redis, SYMBOLS, Server, Socket, allow_many_files, ask, compare, connect, number, option,
    print_head, print_own, runtime, symbol,
};

const TICKER: &str =
    r#"{"request_id":1,"operation":"get_ticker","params":{"exchange":"binance","symbol":"S0007/USDT"}}"#;
const ALL: &str = r#"{"request_id":1,"operation":"get_all_tickers","params":{"exchange":"binance"}}"#;

fn main() {
    let args: Vec<String> = env::args().collect();
    if let Some(size) = option(&args, "--echo") {
        return echo(size.parse().unwrap());
    }
    if let Some(port) = option(&args, "--gateway") {
        return gateway(port.parse().unwrap());
    }
    allow_many_files(&args);
    let seconds = Duration::from_secs(number(&args, "--seconds", 3));
    let rounds = number(&args, "--rounds", 3);

    let redis = Redis::start();
    redis.fill("binance");
    let (server, started) = Server::start(&redis, TICKER, &[]);
    let (plain, _) = Server::start(&redis, TICKER, &["--set", "near_cache.bytes=0"]);
    let runtime = runtime();
    let reply = runtime.block_on(ask(&server.url, TICKER));
    let echo = Bare::start(&["--echo", &reply.len().to_string()]);
    let (same, all_different) = (vec![Utf8Bytes::from_static(TICKER)], tickers());
    let gateway = Bare::start(&["--gateway", &redis.port.to_string()]);

    print_head("echo");
    for in_flight in [1, 16] {
        let racers = [
            (format!("get_ticker, {in_flight} in flight: requests/s"), &server.url, &same),
            ("  near cache off: requests/s".to_owned(), &plain.url, &same),
            (format!("  near cache off, {SYMBOLS} symbols: requests/s"), &plain.url, &all_different),
            ("  a gateway that asks Redis: requests/s".to_owned(), &gateway.url, &same),
        ];
        let mut pairs = racers.each_ref().map(|_| Vec::new());
        for _ in 0..rounds {
            let run = |url: &str, requests| runtime.block_on(load(url, requests, 16, in_flight, seconds));
            let bare = run(&echo.url, &same);
            for ((_, url, requests), pairs) in racers.iter().zip(&mut pairs) {
                pairs.push((bare, run(url, requests)));
            }
        }
        for ((what, ..), pairs) in racers.iter().zip(&pairs) {
            compare(what, 0, pairs, |run| run.rate);
            compare("    p50 µs", 0, pairs, |run| run.p50);
            compare("    p99 µs", 0, pairs, |run| run.p99);
        }
    }
    let all = runtime.block_on(load(&server.url, &[Utf8Bytes::from_static(ALL)], 4, 2, seconds));
    print_own(&format!("get_all_tickers of {SYMBOLS}: requests/s"), 0, all.rate);
    print_own("start to first answer: ms", 0, started.as_secs_f64() * 1e3);
}

/// One run's figures.
#[derive(Clone, Copy)]
struct Run {
    rate: f64,
    p50: f64,
    p99: f64,
}

/// A request for each symbol, in no order.
fn tickers() -> Vec<Utf8Bytes> {
    // Coprime to how many there are, so that each has its turn.
    const STRIDE: usize = 769;
    let ticker = |number| TICKER.replace("S0007/USDT", &symbol(number * STRIDE % SYMBOLS)).into();
    (0..SYMBOLS).map(ticker).collect()
}

/// So many connections that each keep so many requests in flight; each begins elsewhere among the requests.
async fn load(
    url: &str,
    requests: &[Utf8Bytes],
    connections: usize,
    in_flight: usize,
    time: Duration,
) -> Run {
    let warm_up = Duration::from_millis(300);
    let begin = Instant::now() + warm_up;
    let end = begin + time;
    let mut clients = Vec::new();
    for number in 0..connections {
        let mut requests = requests.to_vec();
        let first = requests.len() * number / connections;
        requests.rotate_left(first);
        clients.push(tokio::spawn(client(connect(url).await, requests, in_flight, begin, end)));
    }
    let mut latencies = Vec::new();
    for client in clients {
        latencies.extend(client.await.unwrap());
    }
    latencies.sort_unstable();
    let at = |part: f64| f64::from(latencies[((latencies.len() - 1) as f64 * part) as usize]) / 1e3;
    Run { rate: latencies.len() as f64 / time.as_secs_f64(), p50: at(0.5), p99: at(0.99) }
}

async fn client(
    mut socket: Socket,
    requests: Vec<Utf8Bytes>,
    in_flight: usize,
    begin: Instant,
    end: Instant,
) -> Vec<u32> {
    let mut requests = requests.iter().cycle();
    let mut sent: VecDeque<Instant> = VecDeque::new();
    let mut latencies = Vec::with_capacity(1 << 20);
    loop {
        let now = Instant::now();
        if now > end {
            return latencies;
        }
        while sent.len() < in_flight {
            let request = requests.next().unwrap().clone();
            socket.feed(Message::Text(request)).await.unwrap();
            sent.push_back(now);
        }
        socket.flush().await.unwrap();
        let mut reply = Some(socket.next().await);
        let now = Instant::now();
        while let Some(received) = reply {
            let text = received.unwrap().unwrap();
            assert!(text.len() > 30, "not a reply: {text}");
            let since = sent.pop_front().unwrap();
            if since >= begin {
                latencies.push(now.duration_since(since).as_nanos() as u32);
            }
            reply = socket.next().now_or_never();
        }
    }
}

/// What one would write first: each request is parsed, asked of Redis, and answered, one after another.
fn gateway(redis: u16) {
    runtime().block_on(async {
        let client = redis::Client::open(("127.0.0.1", redis)).unwrap();
        let connection = client.get_multiplexed_async_connection().await.unwrap();
        let listener = Bare::listen().await;
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            socket.set_nodelay(true).unwrap();
            let mut connection = connection.clone();
            tokio::spawn(async move {
                let mut socket = accept_async(socket).await.unwrap();
                while let Some(Ok(Message::Text(text))) = socket.next().await {
                    let request: Value = serde_json::from_str(&text).unwrap();
                    let key = format!("tickers:{}", request["params"]["exchange"].as_str().unwrap());
                    let field = request["params"]["symbol"].as_str().unwrap();
                    let mut hget = redis::cmd("HGET");
                    let stored: String = hget.arg(key).arg(field).query_async(&mut connection).await.unwrap();
                    let ticker: Value = serde_json::from_str(&stored).unwrap();
                    let reply =
                        json!({"request_id": request["request_id"], "success": true, "result": ticker});
                    if socket.send(Message::text(reply.to_string())).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
}

/// A bare echo: every message is answered by one text of the same size, as fast as the library can.
fn echo(size: usize) {
    let reply = Utf8Bytes::from("x".repeat(size));
    runtime().block_on(async {
        let listener = Bare::listen().await;
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            socket.set_nodelay(true).unwrap();
            let reply = reply.clone();
            tokio::spawn(async move {
                let mut socket = accept_async(socket).await.unwrap();
                while let Some(Ok(_)) = socket.next().await {
                    socket.feed(Message::Text(reply.clone())).await.unwrap();
                    while let Some(Some(Ok(_))) = socket.next().now_or_never() {
                        socket.feed(Message::Text(reply.clone())).await.unwrap();
                    }
                    if socket.flush().await.is_err() {
                        return;
                    }
                }
            });
        }
    });
}
