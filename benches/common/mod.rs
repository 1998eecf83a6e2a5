//! What the benchmarks share: the processes that are raced, and the table.
// Not every benchmark needs all of it.
#![allow(dead_code)]

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};

/// How many tickers [`Redis::fill`] writes.
pub const SYMBOLS: usize = 2000;

/// What shows that the server has reached a Redis in which [`Redis::fill`] has filled `kraken`.
pub const FIRST: &str =
    r#"{"request_id":1,"operation":"get_ticker","params":{"exchange":"kraken","symbol":"S0007/USDT"}}"#;

/// What a server is told that has more connections from one address than usual.
pub const MANY_CONNECTIONS: [&str; 6] = [
    "--set",
    "limits.connections_per_address=20000",
    "--set",
    "limits.connections_per_login=20000",
    // No client of a benchmark answers a ping.
    "--set",
    "limits.ping_interval=10m",
];

/// How long a server may take to start, also one that something looks over the shoulder of.
const PATIENCE: Duration = Duration::from_secs(60);

/// A WebSocket as the library's client opens it.
pub type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

/// The argument after a name.
pub fn option<'a>(args: &'a [String], name: &str) -> Option<&'a str> {
    let at = args.iter().position(|arg| arg == name)?;
    args.get(at + 1).map(String::as_str)
}

/// The number after a name.
pub fn number(args: &[String], name: &str, default: u64) -> u64 {
    option(args, name).map_or(default, |text| text.parse().unwrap())
}

/// Starts over with as many file descriptors as are allowed: thousands of connections need them, here and
/// in the server.
pub fn allow_many_files(args: &[String]) {
    if env::var_os("BENCH_LIMITS_SET").is_some() {
        return;
    }
    let error = Command::new("sh")
        .args(["-c", "ulimit -n \"$(ulimit -H -n)\"; exec \"$0\" \"$@\""])
        .args(args)
        .env("BENCH_LIMITS_SET", "1")
        .exec();
    panic!("cannot start over: {error}");
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap()
}

/// The table's head; `bare` is what the server is raced against.
pub fn print_head(bare: &str) {
    println!("{:<44}{bare:>12}{:>12}{:>9}", "", "server", "ratio");
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A line of the table: the medians of a figure in all rounds, each a run of the bare one and one of ours.
pub fn compare<Run>(what: &str, decimals: usize, pairs: &[(Run, Run)], figure: impl Fn(&Run) -> f64) {
    let bare = median(pairs.iter().map(|(bare, _)| figure(bare)).collect());
    let ours = median(pairs.iter().map(|(_, ours)| figure(ours)).collect());
    let ratio = median(pairs.iter().map(|(bare, ours)| figure(ours) / figure(bare)).collect());
    println!("{what:<44}{bare:>12.decimals$}{ours:>12.decimals$}{ratio:>9.2}");
}

/// A line of the table for what only the server has.
pub fn print_own(what: &str, decimals: usize, figure: f64) {
    println!("{what:<44}{:>12}{figure:>12.decimals$}", "");
}

pub async fn connect(url: &str) -> Socket {
    let config = WebSocketConfig::default().read_buffer_size(32 << 10);
    connect_async_with_config(url, Some(config), true).await.unwrap().0
}

pub async fn ask(url: &str, request: &str) -> String {
    let mut socket = connect(url).await;
    socket.send(Message::text(request)).await.unwrap();
    socket.next().await.unwrap().unwrap().into_text().unwrap().to_string()
}

/// A process that ends with its owner.
pub struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    pub fn resident_kib(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

/// Processor time of a process since its start, in seconds.
pub fn cpu_seconds(id: u32) -> f64 {
    /// Linux counts in hundredths of a second wherever this runs.
    const TICKS: f64 = 100.0;
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    // The second field, the name, may have spaces.
    let (_, fields) = stat.rsplit_once(')').unwrap();
    // utime and stime are the 14th and the 15th.
    let times = fields.split_whitespace().skip(11).take(2);
    times.map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / TICKS
}

/// This executable once more, as the bare server that `args` ask for.
pub struct Bare {
    pub url: String,
    pub process: Process,
}

impl Bare {
    pub fn start(args: &[&str]) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        let mut child = command.args(args).stdout(Stdio::piped()).spawn().unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Self { url: format!("ws://127.0.0.1:{}", port.trim()), process: Process(child) }
    }

    /// In the bare server: listens, and tells the one who started it where.
    pub async fn listen() -> tokio::net::TcpListener {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap().port());
        std::io::stdout().flush().unwrap();
        listener
    }
}

pub struct Redis {
    pub port: u16,
    pub process: Process,
}

impl Redis {
    pub fn start() -> Self {
        let port = free_port();
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is needed: apt-get install redis-server");
        let redis = Self { port, process: Process(child) };
        let deadline = Instant::now() + Duration::from_secs(5);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "redis-server does not start");
            thread::sleep(Duration::from_millis(5));
        }
        redis
    }

    /// [`SYMBOLS`] tickers in the hash of one exchange.
    pub fn fill(&self, exchange: &str) {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let mut commands = String::new();
        for index in 0..SYMBOLS {
            let symbol = symbol(index);
            let value = format!(
                "{{\"symbol\": \"{symbol}\", \"exchange\": \"{exchange}\", \"price\": 176.82803384668821, \
                 \"volume\": 2738.722328547789, \"time\": 1795380452.2698894, \"bid\": 176.81035104330354, \
                 \"ask\": 176.8457166500729, \"last\": 176.82803384668821}}"
            );
            append_command(&mut commands, &["HSET", &format!("tickers:{exchange}"), &symbol, &value]);
        }
        socket.write_all(commands.as_bytes()).unwrap();
        let mut answers = vec![0; SYMBOLS * 4];
        socket.read_exact(&mut answers).unwrap();
    }
}

/// The name of a pair.
pub fn symbol(index: usize) -> String {
    format!("S{index:04}/USDT")
}

/// Appends a command as Redis reads it.
pub fn append_command(commands: &mut String, words: &[&str]) {
    commands.push_str(&format!("*{}\r\n", words.len()));
    words.iter().for_each(|word| commands.push_str(&format!("${}\r\n{word}\r\n", word.len())));
}

pub struct Server {
    pub url: String,
    pub process: Process,
}

impl Server {
    /// Starts the server, with more arguments than it takes to find its Redis, and waits for its first answer out of it.
    pub fn start(redis: &Redis, request: &str, more: &[&str]) -> (Self, Duration) {
        Self::start_by(&[], redis, request, more)
    }

    /// The same, by a command that runs the command that is appended to it.
    pub fn start_by(by: &[&str], redis: &Redis, request: &str, more: &[&str]) -> (Self, Duration) {
        let port = free_port();
        let begin = Instant::now();
        let command = [by, &[env!("CARGO_BIN_EXE_fullon-cache-api")]].concat();
        let child = Command::new(command[0])
            .args(&command[1..])
            .args(["serve", "--port", &port.to_string(), "--log-level", "error"])
            .args(["--redis-url", &format!("redis://127.0.0.1:{}", redis.port)])
            .args(more)
            .spawn()
            .unwrap();
        let server = Self { url: format!("ws://127.0.0.1:{port}"), process: Process(child) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begin.elapsed() < PATIENCE, "the server does not start");
            thread::sleep(Duration::from_millis(1));
        }
        let reply = runtime.block_on(ask(&server.url, request));
        assert!(reply.contains("\"success\":true"), "{reply}");
        (server, begin.elapsed())
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
