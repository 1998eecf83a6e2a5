//! Measures what a large cache costs: a million keys, twenty exchanges of three thousand symbols, hashes of a hundred
//! thousand orders. Of each operation that reads much how long it takes; of the server how much memory it needs; and
//! that Redis was never kept busy for long: its slowlog is empty, and somebody who pings it meanwhile is answered.
//!
//! `cargo bench --bench large [-- --keys 1000000 --orders 100000]` prints a table, and below it what is not as it must
//! be, if anything is; the benchmark fails then.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod common;
#[path = "../tests/suite/common/large.rs"]
#[allow(dead_code)]
mod large;

use std::{
    env,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::{Message, protocol::WebSocketConfig};

use common::{Process, Redis, Server, Socket, append_command, number, print_own, runtime};
use large::{LARGE_EXCHANGE, Size, order, order_id, symbol};

/// What shows that the server has reached Redis.
const FIRST: &str = r#"{"request_id":1,"operation":"get_queue_length","params":{"exchange":"ex00"}}"#;
/// How many ask for everything at once.
const AT_ONCE: usize = 100;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().collect();
    let size = Size {
        keys: number(&args, "--keys", 1_000_000) as usize,
        exchanges: 20,
        symbols: 3000,
        orders: number(&args, "--orders", 100_000) as usize,
        trades: 50_000,
        statuses: 25_000,
    };
    let redis = Redis::start();
    fill(&redis, size);
    let mut own = Own::connect(&redis);
    let keys = own.ask(&["DBSIZE"]);
    own.ask(&["SLOWLOG", "RESET"]);
    println!(
        "{keys} keys, {} exchanges x {} symbols, hashes of {} orders",
        size.exchanges, size.symbols, size.orders
    );
    let pinging = Pinging::start(&redis);
    let (server, _) = Server::start(&redis, FIRST, &["--set", "near_cache.bytes=0"]);
    let mut faults = runtime().block_on(async {
        let mut client = connect(&server.url).await;
        let mut faults = reads(&mut client, size).await;
        print_own("  peak memory of the server: MiB", 0, server.process.peak_mib());
        faults.extend(all_at_once(&server.url).await);
        print_own(
            &format!("  the same after {AT_ONCE} asked for all orders at once"),
            0,
            server.process.peak_mib(),
        );
        streams(&server, &mut client, &mut own, size).await;
        print_own("  the same after streams of both hashes", 0, server.process.peak_mib());
        faults
    });
    let longest = pinging.stop();
    print_own("  longest answer of Redis to a ping meanwhile: ms", 1, longest.as_secs_f64() * 1e3);
    let slow: usize = own.ask(&["SLOWLOG", "LEN"]).parse().unwrap();
    print_own("  entries in the slowlog of Redis", 0, slow as f64);
    if slow > 0 {
        faults.push(format!("{slow} commands took Redis more than its slowlog allows"));
    }
    if faults.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("\nNot as it must be:");
    faults.iter().for_each(|fault| println!("- {fault}"));
    ExitCode::FAILURE
}

fn fill(redis: &Redis, size: Size) {
    let mut socket = TcpStream::connect(("127.0.0.1", redis.port)).unwrap();
    let mut commands = large::commands(size).peekable();
    while commands.peek().is_some() {
        let (mut text, mut count) = (String::new(), 0);
        while text.len() < 1 << 20
            && let Some(words) = commands.next()
        {
            append_command(&mut text, &words.iter().map(String::as_str).collect::<Vec<_>>());
            count += 1;
        }
        socket.write_all(text.as_bytes()).unwrap();
        // Each answer is one short line.
        let (mut some, mut lines) = ([0; 1 << 16], 0);
        while lines < count {
            let length = socket.read(&mut some).unwrap();
            assert!(length > 0 && !some[..length].contains(&b'-'), "Redis refuses what fills it");
            lines += some[..length].iter().filter(|byte| **byte == b'\n').count();
        }
    }
}

/// A connection of the benchmark's own to Redis.
struct Own(BufReader<TcpStream>);

impl Own {
    fn connect(redis: &Redis) -> Self {
        let socket = TcpStream::connect(("127.0.0.1", redis.port)).unwrap();
        socket.set_nodelay(true).unwrap();
        Self(BufReader::new(socket))
    }

    /// Sends a command whose answer is one line, and gives that without its mark.
    fn ask(&mut self, words: &[&str]) -> String {
        let mut text = String::new();
        append_command(&mut text, words);
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        assert!(!line.starts_with('-'), "{line}");
        line.trim_end()[1..].to_owned()
    }
}

/// Asks Redis for a sign of life all the time.
struct Pinging {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Duration>,
}

impl Pinging {
    fn start(redis: &Redis) -> Self {
        let is_over = Arc::<AtomicBool>::default();
        let (mut own, until) = (Own::connect(redis), is_over.clone());
        let thread = thread::spawn(move || {
            let mut longest = Duration::ZERO;
            while !until.load(Ordering::Relaxed) {
                let begin = Instant::now();
                own.ask(&["PING"]);
                longest = longest.max(begin.elapsed());
                thread::sleep(Duration::from_millis(2));
            }
            longest
        });
        Self { is_over, thread }
    }

    fn stop(self) -> Duration {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

impl Process {
    fn peak_mib(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }
}

/// A connection that takes replies as large as the server sends.
async fn connect(url: &str) -> Socket {
    let config = WebSocketConfig::default().max_message_size(Some(64 << 20)).max_frame_size(Some(64 << 20));
    tokio_tungstenite::connect_async_with_config(url, Some(config), true).await.unwrap().0
}

async fn next(client: &mut Socket) -> Value {
    loop {
        if let Message::Text(text) = client.next().await.unwrap().unwrap() {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

async fn ask(client: &mut Socket, operation: &str, params: &Value) -> Value {
    let request = json!({"request_id": 1, "operation": operation, "params": params});
    client.send(Message::text(request.to_string())).await.unwrap();
    let reply = next(client).await;
    assert_eq!(reply["success"], true, "{operation} {params}: {reply}");
    reply
}

fn count(reply: &Value) -> usize {
    let result = &reply["result"];
    result.as_array().map_or_else(|| result.as_object().map_or(1, |object| object.len()), Vec::len)
}

/// Times every operation that reads much, and says what is not as it must be.
async fn reads(client: &mut Socket, size: Size) -> Vec<String> {
    let exchange = LARGE_EXCHANGE;
    let of_exchange = json!({"exchange": exchange});
    let with = |name: &str, value: Value| {
        let mut params = of_exchange.clone();
        params[name] = value;
        params
    };
    let last = order_id(size.orders - 1);
    let mut faults = Vec::new();
    for (what, operation, params, expected) in [
        ("get_all_tickers", "get_all_tickers", of_exchange.clone(), size.symbols),
        ("get_exchanges, by a scan of all keys", "get_exchanges", json!({}), size.exchanges),
        ("get_any_ticker, right after that", "get_any_ticker", json!({"symbol": symbol(7)}), 8),
        ("get_order_status, wherever it is", "get_order_status", json!({"order_id": last}), 21),
        ("get_orders: a page of 1000", "get_orders", with("limit", 1000.into()), 1000),
        (
            "get_orders of one status and pair",
            "get_orders",
            { json!({"exchange": exchange, "status": "open", "symbol": symbol(0)}) },
            size.orders / 100,
        ),
        (
            "get_trades: 10000 of 50000",
            "get_trades",
            { json!({"exchange": exchange, "symbol": symbol(0), "limit": 10_000}) },
            10_000,
        ),
        ("get_trade_statuses: a page of 10000", "get_trade_statuses", json!({}), 10_000),
        ("get_bots", "get_bots", json!({}), 1000),
        ("get_process_metrics", "get_process_metrics", json!({}), 3),
    ] {
        let begin = Instant::now();
        let reply = ask(client, operation, &params).await;
        print_own(&format!("  {what}: ms"), 1, begin.elapsed().as_secs_f64() * 1e3);
        if count(&reply) < expected {
            faults.push(format!("{what}: {} of {expected}", count(&reply)));
        }
    }
    for (what, operation, params, expected) in [
        ("get_orders: all, by pages of 10000", "get_orders", with("limit", 10_000.into()), size.orders),
        ("get_orders: all, by pages as large as can be", "get_orders", of_exchange.clone(), size.orders),
        ("get_trade_statuses: all, by pages", "get_trade_statuses", json!({}), size.statuses),
    ] {
        let (begin, mut params, mut found) = (Instant::now(), params, 0);
        loop {
            let reply = ask(client, operation, &params).await;
            found += count(&reply);
            if reply["truncated"] != true {
                break;
            }
            params["cursor"] = reply["cursor"].clone();
        }
        print_own(&format!("  {what}: ms"), 0, begin.elapsed().as_secs_f64() * 1e3);
        if found != expected {
            faults.push(format!("{what}: {found} of {expected}"));
        }
    }
    faults
}

/// Many ask for all that there is at once.
async fn all_at_once(url: &str) -> Vec<String> {
    let mut clients = Vec::new();
    for _ in 0..AT_ONCE {
        clients.push(connect(url).await);
    }
    let request = json!({"request_id": 1, "operation": "get_orders", "params": {"exchange": LARGE_EXCHANGE}});
    let mut asking = JoinSet::new();
    for mut client in clients {
        let request = Message::text(request.to_string());
        asking.spawn(async move {
            client.send(request).await.unwrap();
            // It is not parsed: that would take longer than to make it.
            client.next().await.unwrap().unwrap().into_text().unwrap()
        });
    }
    let (mut answered, mut refused) = (0, 0);
    while let Some(reply) = asking.join_next().await {
        let reply = reply.unwrap();
        if reply.contains("\"success\":true") {
            answered += 1;
        } else if reply.contains("\"OVERLOADED\"") {
            refused += 1;
        } else {
            return vec![format!("all orders at once: {reply}")];
        }
    }
    print_own(&format!("  of {AT_ONCE} that ask for all orders at once: answered"), 0, f64::from(answered));
    print_own("    told to ask again later", 0, f64::from(refused));
    Vec::new()
}

/// Follows the orders of both large hashes, and sees one change among them.
async fn streams(server: &Server, client: &mut Socket, own: &mut Own, size: Size) {
    let begin = Instant::now();
    for (id, exchange) in [("a", LARGE_EXCHANGE), ("b", "ex01")] {
        let request =
            json!({"request_id": id, "operation": "stream_orders", "params": {"exchange": exchange}});
        client.send(Message::text(request.to_string())).await.unwrap();
    }
    let mut items = 0;
    while items < 2 * size.orders {
        items += usize::from(next(client).await["snapshot"] == true);
    }
    print_own("  stream_orders of both: ms until all are told", 0, begin.elapsed().as_secs_f64() * 1e3);
    let before = common::cpu_seconds(server.process.id());
    let begin = Instant::now();
    let mut ages = Vec::new();
    for number in 0..20 {
        let (id, written) = (order_id(number), Instant::now());
        let changed = order(number, LARGE_EXCHANGE).replace("47000.5", "48000.5");
        own.ask(&["HSET", &format!("order_status:{LARGE_EXCHANGE}"), &id, &changed]);
        while next(client).await["order_id"] != id.as_str() {}
        ages.push(written.elapsed());
    }
    ages.sort_unstable();
    print_own(
        "  one order changes: ms until that is told, median",
        0,
        ages[ages.len() / 2].as_secs_f64() * 1e3,
    );
    let cpu = (common::cpu_seconds(server.process.id()) - before) / begin.elapsed().as_secs_f64();
    print_own("  CPU seconds a second of the server meanwhile", 2, cpu);
}
