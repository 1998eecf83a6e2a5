//! How much memory connections take at the server, resident, as Linux counts it: quiet ones, those that do not read what
//! they are sent, and very many with streams. Prints a table.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod common;
mod wire;

use std::{env, thread, time::Duration};

use tokio::time::{Instant, sleep};

use common::{
    FIRST, MANY_CONNECTIONS, Redis, Server, allow_many_files, number, print_head, print_own, runtime, symbol,
};
use wire::{Client, Writer, opening};

const EXCHANGE: &str = "kraken";
/// How long memory may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() {
    let args: Vec<String> = env::args().collect();
    allow_many_files(&args);
    let connections = number(&args, "--connections", 10_000) as usize;
    let stalled = number(&args, "--stalled", 500) as usize;
    let seconds = number(&args, "--seconds", 5);
    let redis = Redis::start();
    redis.fill(EXCHANGE);
    let runtime = runtime();
    print_head("-");
    runtime.block_on(quiet(&start(&redis), connections));
    runtime.block_on(unread(&start(&redis), &redis, stalled, seconds));
    runtime.block_on(streams(&start(&redis), connections));
}

/// A server that lets anybody have as many connections as there are descriptors.
fn start(redis: &Redis) -> Server {
    Server::start(redis, FIRST, &MANY_CONNECTIONS).0
}

/// Connections on which nothing happens: those that asked for nothing yet, and the same when each has asked once.
async fn quiet(server: &Server, connections: usize) {
    // What all have in common is not counted.
    let warm = connect(server, 100).await;
    let before = at_rest(server).await;
    let mut clients = connect(server, connections).await;
    let opened = at_rest(server).await;
    for client in &mut clients {
        client.send(FIRST).await;
        client.next().await;
    }
    let asked = at_rest(server).await;
    drop(warm);
    println!("{connections} quiet connections, KiB resident of each");
    print_own("  that have asked nothing", 1, (opened - before) / connections as f64);
    print_own("  that have asked for a ticker", 1, (asked - before) / connections as f64);
}

/// Connections that watch every symbol and read nothing while all of them change.
async fn unread(server: &Server, redis: &Redis, connections: usize, seconds: u64) {
    const RATE: u64 = 2000;
    const EACH: u64 = 10;
    let params = format!(r#"{{"exchange":"{EXCHANGE}"}}"#);
    // What the topic has is not counted.
    let mut reading = Client::connect(&server.url).await;
    reading.send(&opening(1, &params)).await;
    reading.next().await;
    let mut clients = connect(server, connections).await;
    let before = at_rest(server).await;
    let mut writer = Writer::connect(redis.port);
    let symbols: Vec<String> = (0..common::SYMBOLS).map(symbol).collect();
    for client in &mut clients {
        client.send(&opening(1, &params)).await;
    }
    let writing = thread::spawn(move || {
        writer.run(EXCHANGE, &symbols, seconds * RATE / EACH, Duration::from_secs(EACH) / RATE as u32, EACH);
    });
    let mut most = before;
    while !writing.is_finished() {
        reading.count_some().await;
        most = most.max(server.process.resident_kib());
    }
    writing.join().unwrap();
    println!("{connections} connections that read nothing of {RATE} writes/s for {seconds} s");
    print_own("  KiB resident of each, at the most", 1, (most - before) / connections as f64);
}

/// Very many connections with ten streams each.
async fn streams(server: &Server, connections: usize) {
    const STREAMS: usize = 10;
    let mut clients = connect(server, connections).await;
    for client in &mut clients {
        for id in 0..STREAMS {
            let params = format!(r#"{{"exchange":"{EXCHANGE}","symbols":["{}"]}}"#, symbol(id));
            client.send(&opening(id, &params)).await;
        }
        // The replies and the snapshots.
        for _ in 0..2 * STREAMS {
            client.next().await;
        }
    }
    println!("{connections} connections with {STREAMS} streams each");
    print_own("  MB resident in all", 0, at_rest(server).await * 1024.0 / 1e6);
}

async fn connect(server: &Server, connections: usize) -> Vec<Client> {
    let mut clients = Vec::with_capacity(connections);
    for _ in 0..connections {
        clients.push(Client::connect(&server.url).await);
    }
    clients
}

/// What the server has resident, in KiB, when it does not change any more.
async fn at_rest(server: &Server) -> f64 {
    let deadline = Instant::now() + PATIENCE;
    let mut before = 0.0;
    loop {
        sleep(Duration::from_millis(500)).await;
        let now = server.process.resident_kib();
        if (now - before).abs() < 64.0 {
            return now;
        }
        assert!(Instant::now() < deadline, "memory does not come to rest");
        before = now;
    }
}
