//! Races this server against a bare WebSocket echo of the same reply size, in one run and with one
//! client, and measures what else its users feel. Needs `redis-server` on the PATH.
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
use tokio_tungstenite::{
    accept_async,
    tungstenite::{Message, Utf8Bytes},
};

use common::{
    Bare, Redis, SYMBOLS, Server, Socket, allow_many_files, ask, compare, connect, number, option,
    print_head, print_own, runtime,
};

const TICKER: &str =
    r#"{"request_id":1,"operation":"get_ticker","params":{"exchange":"binance","symbol":"S0007/USDT"}}"#;
const ALL: &str = r#"{"request_id":1,"operation":"get_all_tickers","params":{"exchange":"binance"}}"#;
const PING: &str = r#"{"request_id":1,"operation":"ping"}"#;

fn main() {
    let args: Vec<String> = env::args().collect();
    if let Some(size) = option(&args, "--echo") {
        return echo(size.parse().unwrap());
    }
    allow_many_files(&args);
    let seconds = Duration::from_secs(number(&args, "--seconds", 3));
    let rounds = number(&args, "--rounds", 3);

    let redis = Redis::start();
    redis.fill("binance");
    let (server, started) = Server::start(&redis, TICKER);
    let runtime = runtime();
    let reply = runtime.block_on(ask(&server.url, TICKER));
    let echo = Bare::start(&["--echo", &reply.len().to_string()]);

    print_head("echo");
    for in_flight in [1, 16] {
        let mut pairs = Vec::new();
        for _ in 0..rounds {
            let bare = runtime.block_on(load(&echo.url, TICKER, 16, in_flight, seconds));
            let ours = runtime.block_on(load(&server.url, TICKER, 16, in_flight, seconds));
            pairs.push((bare, ours));
        }
        let what = format!("get_ticker, 16 connections, {in_flight} in flight");
        compare(&format!("{what}: requests/s"), 0, &pairs, |run| run.rate);
        compare("  p50 µs", 0, &pairs, |run| run.p50);
        compare("  p99 µs", 0, &pairs, |run| run.p99);
    }
    let all = runtime.block_on(load(&server.url, ALL, 4, 2, seconds));
    print_own(&format!("get_all_tickers of {SYMBOLS}: requests/s"), 0, all.rate);
    let idle = runtime.block_on(idle_memory(&server, 10_000));
    print_own("resident memory of an idle connection: KiB", 1, idle);
    print_own("start to first answer: ms", 0, started.as_secs_f64() * 1e3);
}

/// One run's figures.
struct Run {
    rate: f64,
    p50: f64,
    p99: f64,
}

/// So many connections that each keep so many requests in flight.
async fn load(url: &str, request: &'static str, connections: usize, in_flight: usize, time: Duration) -> Run {
    let warm_up = Duration::from_millis(300);
    let begin = Instant::now() + warm_up;
    let end = begin + time;
    let mut clients = Vec::new();
    for _ in 0..connections {
        clients.push(tokio::spawn(client(connect(url).await, request, in_flight, begin, end)));
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
    request: &'static str,
    in_flight: usize,
    begin: Instant,
    end: Instant,
) -> Vec<u32> {
    let request = Utf8Bytes::from_static(request);
    let mut sent: VecDeque<Instant> = VecDeque::new();
    let mut latencies = Vec::with_capacity(1 << 20);
    loop {
        let now = Instant::now();
        if now > end {
            return latencies;
        }
        while sent.len() < in_flight {
            socket.feed(Message::Text(request.clone())).await.unwrap();
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

/// KiB of resident memory that each idle connection adds.
async fn idle_memory(server: &Server, connections: usize) -> f64 {
    let before = server.process.resident_kib();
    let mut idle = Vec::with_capacity(connections);
    for _ in 0..connections {
        let mut socket = connect(&server.url).await;
        // Every connection has spoken once.
        socket.send(Message::text(PING)).await.unwrap();
        socket.next().await.unwrap().unwrap();
        idle.push(socket);
    }
    let after = server.process.resident_kib();
    (after - before) / connections as f64
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
