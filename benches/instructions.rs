//! Counts the instructions that the server takes for what it does most, with callgrind: the same on a busy machine as on
//! a quiet one. Needs `redis-server` and `valgrind` on the PATH.
//!
//! - `cargo bench --bench instructions` prints a table of the optimized server.
//! - `cargo test --bench instructions -- --check` holds the server as it is built for tests against
//!   `benches/instructions.json`, and fails where it takes more. It sees what is done in vain or twice, not what the
//!   optimizer makes of it.
//! - `-- --save` writes what was counted into that file.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod common;
mod wire;

use std::{
    collections::BTreeMap,
    env, fs,
    path::Path,
    process::{Command, ExitCode},
};

use futures_util::{SinkExt as _, StreamExt as _};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::Message;

use common::{Redis, SYMBOLS, Server, Socket, compare, connect, print_head, print_own, symbol};
use wire::{Client, Writer};

const EXCHANGE: &str = "binance";
const TICKER: &str =
    r#"{"request_id":1,"operation":"get_ticker","params":{"exchange":"binance","symbol":"S0007/USDT"}}"#;
const ALL: &str = r#"{"request_id":1,"operation":"get_all_tickers","params":{"exchange":"binance"}}"#;
const PING: &str = r#"{"request_id":1,"operation":"ping"}"#;
const WATCH: &str = r#"{"request_id":1,"operation":"stream_tickers","params":{"exchange":"binance","symbols":["S0007/USDT"]}}"#;
/// How many more than one watch the same.
const MORE: usize = 50;
/// How many times each is counted. The least counts: the others have more of what the server does by the clock.
const ROUNDS: usize = 3;
/// By how much of itself a count may exceed its bound.
const SLACK: f64 = 0.1;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().collect();
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    let counted = count();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/instructions.json");
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    let mut bounds: BTreeMap<String, BTreeMap<String, u64>> =
        serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    // What was counted before.
    let bound = bounds.entry(profile.to_owned()).or_default();
    let mut exceeded: Vec<&str> = Vec::new();
    print_head("before");
    for (what, count) in &counted {
        let now = *count as f64;
        match bound.get(what).map(|count| *count as f64) {
            None => {
                print_own(what, 0, now);
                exceeded.push(what);
            }
            Some(before) => {
                compare(what, 0, &[(before, now)], |count| *count);
                exceeded.extend((now > before * (1.0 + SLACK)).then_some(what.as_str()));
            }
        }
    }
    if has("--save") {
        *bound = counted.iter().cloned().collect();
        let text = serde_json::to_string_pretty(&bounds).unwrap() + "\n";
        fs::write(&file, text).unwrap();
    } else if has("--check") && !exceeded.is_empty() {
        println!(
            "\nThese take more instructions than before, or none were counted before: {}.",
            exceeded.join(", ")
        );
        println!("If that is worth it: cargo test --bench instructions -- --save");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// What is done, and how many instructions the server takes for it once.
fn count() -> Vec<(String, u64)> {
    let redis = Redis::start();
    redis.fill(EXCHANGE);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut counted = Vec::new();
    let mut add = |what: &str, count: u64| counted.push((format!("{what}: instructions"), count));

    let counting = Counting::start(&redis, &[]);
    runtime.block_on(async {
        let mut client = connect(&counting.server.url).await;
        add("ping", counting.ask(&mut client, PING, 100).await);
        add("get_ticker", counting.ask(&mut client, TICKER, 100).await);
        let mut writer = Writer::connect(redis.port);
        let mut watchers = vec![counting.watcher().await];
        let one = counting.update(&mut writer, &mut watchers).await;
        add("an update to one subscriber", one);
        while watchers.len() <= MORE {
            watchers.push(counting.watcher().await);
        }
        let more = counting.update(&mut writer, &mut watchers).await - one;
        add("to each further one", more / MORE as u64);
    });
    drop(counting);

    let counting = Counting::start(&redis, &["--set", "near_cache.bytes=0"]);
    runtime.block_on(async {
        let mut client = connect(&counting.server.url).await;
        add("get_ticker, near cache off", counting.ask(&mut client, TICKER, 100).await);
        let all = counting.ask(&mut client, ALL, 1).await;
        add(&format!("get_all_tickers, a ticker of {SYMBOLS}"), all / SYMBOLS as u64);
    });
    counted
}

/// A server whose instructions are counted.
struct Counting {
    server: Server,
    dumps: TempDir,
}

impl Counting {
    fn start(redis: &Redis, more: &[&str]) -> Self {
        let dumps = tempfile::tempdir().unwrap();
        let to = format!("--callgrind-out-file={}/of", dumps.path().display());
        let valgrind = ["valgrind", "--quiet", "--tool=callgrind", &to];
        let more = [&["--set", "listen.workers=1"], more].concat();
        let (server, _) = Server::start_by(&valgrind, redis, TICKER, &more);
        Self { server, dumps }
    }

    /// The instructions that a request takes.
    async fn ask(&self, client: &mut Socket, request: &str, times: u64) -> u64 {
        let asked = async |times| {
            for _ in 0..times {
                client.send(Message::text(request)).await.unwrap();
                let reply = client.next().await.unwrap().unwrap().into_text().unwrap();
                assert!(reply.contains("\"success\":true"), "{reply}");
            }
        };
        self.least(times, asked).await
    }

    async fn watcher(&self) -> Client {
        let mut client = Client::connect(&self.server.url).await;
        client.send(WATCH).await;
        let reply = client.next().await;
        assert!(reply.contains("\"success\":true"), "{reply}");
        client
    }

    /// The instructions that an update takes which all of them get.
    async fn update(&self, writer: &mut Writer, watchers: &mut [Client]) -> u64 {
        const TIMES: u64 = 20;
        let symbols = [symbol(7)];
        let updated = async |times| {
            for _ in 0..times {
                writer.write(EXCHANGE, &symbols, 1);
                let price = format!("\"price\":{}", writer.sequence - 1);
                for watcher in &mut *watchers {
                    while !watcher.next().await.contains(&price) {}
                }
            }
        };
        self.least(TIMES, updated).await
    }

    /// The instructions that it takes to do something once, which is done so many times in each round.
    async fn least(&self, times: u64, mut done: impl AsyncFnMut(u64)) -> u64 {
        // What is done at the first time only.
        done(1).await;
        let mut least = u64::MAX;
        for _ in 0..ROUNDS {
            self.control("--zero");
            done(times).await;
            least = least.min(self.counted() / times);
        }
        least
    }

    /// How many there were since it was set to zero.
    fn counted(&self) -> u64 {
        self.control("--dump");
        let dump = fs::read_dir(self.dumps.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| path.extension().is_some())
            .unwrap();
        let text = fs::read_to_string(&dump).unwrap();
        fs::remove_file(dump).unwrap();
        let total = text.lines().find_map(|line| line.strip_prefix("summary: ")).unwrap();
        total.parse().unwrap()
    }

    fn control(&self, what: &str) {
        let id = self.server.process.id().to_string();
        let done = Command::new("callgrind_control").args([what, &id]).output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout);
        assert!(
            done.status.success() && said.contains("OK."),
            "{said}{}",
            String::from_utf8_lossy(&done.stderr)
        );
    }
}
