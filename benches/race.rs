//! Races this server against a bare WebSocket echo of the same reply size, in one run and with one
//! client, and measures what else its users feel. Needs `redis-server` on the PATH.
//!
//! `cargo bench --bench race [-- --seconds 3 --rounds 3]` prints a table.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::{
    collections::VecDeque,
    env, fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use tokio_tungstenite::{
    accept_async, connect_async_with_config,
    tungstenite::{Message, Utf8Bytes, protocol::WebSocketConfig},
};

const TICKER: &str =
    r#"{"request_id":1,"operation":"get_ticker","params":{"exchange":"binance","symbol":"S0007/USDT"}}"#;
const ALL: &str = r#"{"request_id":1,"operation":"get_all_tickers","params":{"exchange":"binance"}}"#;
const PING: &str = r#"{"request_id":1,"operation":"ping"}"#;
const SYMBOLS: usize = 2000;

fn main() {
    let args: Vec<String> = env::args().collect();
    if let Some(size) = option(&args, "--echo") {
        return echo(size.parse().unwrap());
    }
    // Ten thousand connections need as many file descriptors, here and in the server.
    if env::var_os("RACE_LIMITS_SET").is_none() {
        let error = Command::new("sh")
            .args(["-c", "ulimit -n \"$(ulimit -H -n)\"; exec \"$0\" \"$@\""])
            .args(&args)
            .env("RACE_LIMITS_SET", "1")
            .exec();
        panic!("cannot start over: {error}");
    }
    let number = |name: &str, default: u64| option(&args, name).map_or(default, |text| text.parse().unwrap());
    let seconds = Duration::from_secs(number("--seconds", 3));
    let rounds = number("--rounds", 3);

    let redis = Redis::start();
    redis.fill();
    let (server, started) = Server::start(redis.port);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let reply = runtime.block_on(ask(&server.url, TICKER));
    let echo = Echo::start(reply.len());

    println!("{:<44}{:>12}{:>12}{:>9}", "", "echo", "server", "ratio");
    for in_flight in [1, 16] {
        let mut pairs = Vec::new();
        for _ in 0..rounds {
            let bare = runtime.block_on(load(&echo.url, TICKER, 16, in_flight, seconds));
            let ours = runtime.block_on(load(&server.url, TICKER, 16, in_flight, seconds));
            pairs.push((bare, ours));
        }
        let what = format!("get_ticker, 16 connections, {in_flight} in flight");
        compare(&format!("{what}: requests/s"), &pairs, |run| run.rate);
        compare("  p50 µs", &pairs, |run| run.p50);
        compare("  p99 µs", &pairs, |run| run.p99);
    }
    let all = runtime.block_on(load(&server.url, ALL, 4, 2, seconds));
    println!("{:<44}{:>12}{:>12.0}", format!("get_all_tickers of {SYMBOLS}: requests/s"), "", all.rate);
    let idle = runtime.block_on(idle_memory(&server, 10_000));
    println!("{:<44}{:>12}{:>12.1}", "resident memory of an idle connection: KiB", "", idle);
    println!("{:<44}{:>12}{:>12.0}", "start to first answer: ms", "", started.as_secs_f64() * 1e3);
}

fn option<'a>(args: &'a [String], name: &str) -> Option<&'a str> {
    let at = args.iter().position(|arg| arg == name)?;
    args.get(at + 1).map(String::as_str)
}

/// One run's figures.
struct Run {
    rate: f64,
    p50: f64,
    p99: f64,
}

fn compare(what: &str, pairs: &[(Run, Run)], figure: impl Fn(&Run) -> f64) {
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let bare = median(pairs.iter().map(|(bare, _)| figure(bare)).collect());
    let ours = median(pairs.iter().map(|(_, ours)| figure(ours)).collect());
    let ratio = median(pairs.iter().map(|(bare, ours)| figure(ours) / figure(bare)).collect());
    println!("{what:<44}{bare:>12.0}{ours:>12.0}{ratio:>9.2}");
}

async fn connect(
    url: &str,
) -> tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>> {
    let config = WebSocketConfig::default().read_buffer_size(32 << 10);
    connect_async_with_config(url, Some(config), true).await.unwrap().0
}

async fn ask(url: &str, request: &str) -> String {
    let mut socket = connect(url).await;
    socket.send(Message::text(request)).await.unwrap();
    socket.next().await.unwrap().unwrap().into_text().unwrap().to_string()
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
    mut socket: tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>,
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
    let before = server.resident_kib();
    let mut idle = Vec::with_capacity(connections);
    for _ in 0..connections {
        let mut socket = connect(&server.url).await;
        // Every connection has spoken once.
        socket.send(Message::text(PING)).await.unwrap();
        socket.next().await.unwrap().unwrap();
        idle.push(socket);
    }
    let after = server.resident_kib();
    (after - before) / connections as f64
}

/// A bare echo: every message is answered by one text of the same size, as fast as the library can.
fn echo(size: usize) {
    let reply = Utf8Bytes::from("x".repeat(size));
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap().port());
        std::io::stdout().flush().unwrap();
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

/// A process that ends with its owner.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Echo {
    url: String,
    _process: Process,
}

impl Echo {
    fn start(size: usize) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        let mut child = command.args(["--echo", &size.to_string()]).stdout(Stdio::piped()).spawn().unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Self { url: format!("ws://127.0.0.1:{}", port.trim()), _process: Process(child) }
    }
}

struct Redis {
    port: u16,
    _process: Process,
}

impl Redis {
    fn start() -> Self {
        let port = free_port();
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is needed: apt-get install redis-server");
        let redis = Self { port, _process: Process(child) };
        let deadline = Instant::now() + Duration::from_secs(5);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "redis-server does not start");
            thread::sleep(Duration::from_millis(5));
        }
        redis
    }

    /// So many tickers in one hash.
    fn fill(&self) {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let mut commands = String::new();
        for index in 0..SYMBOLS {
            let symbol = format!("S{index:04}/USDT");
            let value = format!(
                "{{\"symbol\": \"{symbol}\", \"exchange\": \"binance\", \"price\": 176.82803384668821, \
                 \"volume\": 2738.722328547789, \"time\": 1795380452.2698894, \"bid\": 176.81035104330354, \
                 \"ask\": 176.8457166500729, \"last\": 176.82803384668821}}"
            );
            let words = ["HSET", "tickers:binance", &symbol, &value];
            commands.push_str(&format!("*{}\r\n", words.len()));
            words.iter().for_each(|word| commands.push_str(&format!("${}\r\n{word}\r\n", word.len())));
        }
        socket.write_all(commands.as_bytes()).unwrap();
        let mut answers = vec![0; SYMBOLS * 4];
        socket.read_exact(&mut answers).unwrap();
    }
}

struct Server {
    url: String,
    process: Process,
}

impl Server {
    /// Starts the server and waits for its first answer out of Redis.
    fn start(redis: u16) -> (Self, Duration) {
        let port = free_port();
        let begin = Instant::now();
        let child = Command::new(env!("CARGO_BIN_EXE_fullon-cache-api"))
            .args(["serve", "--port", &port.to_string(), "--log-level", "error"])
            .args(["--redis-url", &format!("redis://127.0.0.1:{redis}")])
            .spawn()
            .unwrap();
        let server = Self { url: format!("ws://127.0.0.1:{port}"), process: Process(child) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begin.elapsed() < Duration::from_secs(10), "the server does not start");
            thread::sleep(Duration::from_millis(1));
        }
        let reply = runtime.block_on(ask(&server.url, TICKER));
        assert!(reply.contains("\"success\":true"), "{reply}");
        (server, begin.elapsed())
    }

    fn resident_kib(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.0.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
