//! Clients that mean harm, all at once, beside one that means well: it does not notice, nothing breaks, and
//! nothing of it stays.

use std::{
    fs,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::watch,
    time::timeout,
};

use crate::common::{Binary, Client, Fixture, Program, Redis, upgraded};

/// The server's address, and how much is done to it: 1 is all of it.
#[derive(Clone)]
struct Target {
    address: String,
    part: f64,
}

impl Target {
    fn count(&self, of_all: usize) -> usize {
        (of_all as f64 * self.part) as usize
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).await.unwrap()
    }

    /// A WebSocket whose frames are written by hand. With so much to do here, its upgrade may take longer than
    /// the server waits.
    async fn upgraded(&self) -> TcpStream {
        loop {
            if let Ok(socket) = upgraded(&self.address).await {
                return socket;
            }
        }
    }
}

/// Writes all of it, or as much as the server takes, and reads and forgets what comes back meanwhile, until
/// the server closes the connection if it is to do that.
async fn send(mut socket: TcpStream, bytes: &[u8], times: usize, until_closed: bool) {
    let (mut read, mut write) = socket.split();
    let writing = async {
        for _ in 0..times {
            if write.write_all(bytes).await.is_err() {
                return;
            }
        }
        if !until_closed {
            let _ = write.shutdown().await;
        }
    };
    let reading = async {
        let mut scratch = vec![0; 64 << 10];
        while read.read(&mut scratch).await.is_ok_and(|read| read > 0) {}
    };
    timeout(Duration::from_secs(120), async { tokio::join!(writing, reading) })
        .await
        .expect("it is held on to");
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    assert!(payload.len() < 126);
    let mut frame = vec![first, 0x80 | payload.len() as u8, 0, 0, 0, 0];
    frame.extend(payload);
    frame
}

/// A million frames that are no requests.
async fn nonsense(target: &Target) {
    let kinds: [&[u8]; 10] = [
        b"",
        b"{",
        b"null",
        b"[]",
        b"[[[[[[[[[[",
        b"{\"operation\":7}",
        b"{\"operation\":\"ping\",\"params\":[]}",
        b"{\"operation\":\"get_ticker\",\"params\":{\"exchange\":\"*\",\"symbol\":\"\\u0000\"}}",
        b"{\"operation\":\"ping\",\"operation\":\"ping\"}",
        b"\"\\ud800\"",
    ];
    let batch: Vec<u8> = kinds.iter().flat_map(|kind| frame(0x81, kind)).collect();
    let sending = (0..20).map(|_| async {
        send(target.upgraded().await, &batch, target.count(1_000_000) / 20 / kinds.len(), false).await;
    });
    join_all(sending).await;
}

/// Frames that are none.
async fn broken_frames(target: &Target) {
    let kinds: [&[u8]; 8] = [
        &[0xff; 64],
        &[0x00; 64],
        &[0x81, 0x01, b'x'],
        &[0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0],
        &[0x89, 0xfe, 0x01, 0x00, 0, 0, 0, 0],
        &[0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe],
        &[0x80, 0x80, 0, 0, 0, 0],
        &[0x88, 0x81, 0, 0, 0, 0, 1],
    ];
    for _ in 0..target.count(250) / 50 {
        let all = kinds.iter().cycle().take(50 * kinds.len());
        join_all(all.map(|kind| async { send(target.upgraded().await, kind, 1, true).await })).await;
    }
}

/// Handshakes that are begun and not ended.
async fn half_handshakes(target: &Target) {
    let parts = ["", "G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgr"];
    for _ in 0..target.count(5000) / 500 {
        join_all((0..500).map(|number| async move {
            send(target.connect().await, parts[number % parts.len()].as_bytes(), 1, true).await;
        }))
        .await;
    }
}

/// Frames of which a byte comes now and then.
async fn drips(target: &Target) {
    join_all((0..200).map(|_| async {
        let mut socket = target.upgraded().await;
        let head = [0x81, 0xe4, 0, 0, 0, 0];
        let mut is_open = socket.write_all(&head).await.is_ok();
        let end = Instant::now() + Duration::from_secs(60);
        while is_open {
            assert!(Instant::now() < end, "it is held on to");
            tokio::time::sleep(Duration::from_millis(50)).await;
            is_open = socket.write_all(b" ").await.is_ok();
        }
    }))
    .await;
}

async fn endless_fragments(target: &Target) {
    let fragments = frame(0x00, b"").repeat(100);
    join_all((0..50).map(|_| async {
        let mut socket = target.upgraded().await;
        // It may be closed before all of them are written.
        let _ = socket.write_all(&frame(0x01, b"[")).await;
        send(socket, &fragments, 1000, true).await;
    }))
    .await;
}

async fn pings(target: &Target) {
    let pings = frame(0x89, b"are you there?").repeat(100);
    join_all((0..20).map(|_| async {
        send(target.upgraded().await, &pings, target.count(2000), true).await;
    }))
    .await;
}

/// Connections that are made and dropped, some with a bang.
async fn come_and_go(target: &Target) {
    for number in 0..target.count(5000) {
        let socket = match number % 3 {
            0 => target.connect().await,
            _ => target.upgraded().await,
        };
        if number % 2 == 0 {
            // The rest is thrown away by both sides.
            socket.set_zero_linger().unwrap();
        }
    }
}

async fn attack(target: &Target) {
    tokio::join!(
        nonsense(target),
        broken_frames(target),
        half_handshakes(target),
        drips(target),
        endless_fragments(target),
        pings(target),
        come_and_go(target),
    );
}

/// Asks a little, all the time, and is answered each time.
async fn mean_well(url: String, stop: watch::Receiver<bool>) -> (usize, Duration) {
    let mut client = Client::connect(&url).await;
    let (mut asked, mut longest) = (0, Duration::ZERO);
    while !*stop.borrow() {
        let begin = Instant::now();
        let ticker = client.call("get_ticker", json!({"exchange": "binance", "symbol": "BTC/USDT"})).await;
        assert_eq!(ticker["symbol"], "BTC/USDT");
        longest = longest.max(begin.elapsed());
        asked += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    (asked, longest)
}

/// Waits until nobody is connected but the one who asks.
async fn at_rest(client: &mut Client) {
    let rest = async {
        while client.call("get_server_stats", json!({})).await["connections"] != 1 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(30), rest).await.expect("connections stay");
}

/// KiB of resident memory.
fn memory(pid: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn those_who_mean_harm_do_none() {
    let redis = Redis::start().await;
    Fixture::load().fill(&redis).await;
    let settings = [
        "limits.handshake_timeout=2s",
        "limits.message_timeout=1s",
        "limits.requests_per_second=10000",
        "limits.message_frames=1000",
    ];
    let mut args = vec!["serve", "--port", "0", "--redis-url"];
    let url = redis.url();
    args.push(&url);
    args.extend(settings.iter().flat_map(|setting| ["--set", setting]));
    let mut program = Program::start(Binary::command(&args));
    let url = program.url().await;
    let address = url.strip_prefix("ws://").unwrap().to_owned();

    // The first of each kind take memory that later ones use again, the more of it the more there are at once.
    let mut before = 0;
    for part in [0.2, 1.0] {
        attack(&Target { address: address.clone(), part }).await;
        let mut client = Client::connect(&url).await;
        at_rest(&mut client).await;
        before = before.max(memory(program.id()));
    }

    let (stop, stopping) = watch::channel(false);
    // In a thread of its own, for the attackers keep this one busy.
    let meaning_well = std::thread::spawn({
        let url = url.clone();
        move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(mean_well(url, stopping))
        }
    });
    attack(&Target { address, part: 1.0 }).await;
    stop.send_replace(true);
    let (asked, longest) = meaning_well.join().unwrap();
    assert!(asked > 100 && longest < Duration::from_secs(2), "{asked} requests, {longest:?} at the most");

    let mut client = Client::connect(&url).await;
    at_rest(&mut client).await;
    let end = Instant::now() + Duration::from_secs(30);
    // What is freed is given back to the system in its own time, by threads that have something to do.
    while memory(program.id()) * 100 > before * 105 {
        let after = memory(program.id());
        assert!(Instant::now() < end, "{before} KiB before, {after} KiB after");
        client.call("get_all_tickers", json!({"exchange": "binance"})).await;
    }
    program.signal("TERM");
    let ended = program.ended().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.stderr.contains("panicked") && !ended.stderr.contains("internal error"), "{ended:?}");
}
