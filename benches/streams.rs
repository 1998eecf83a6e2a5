//! Races this server's streams against a bare WebSocket broadcast of updates of the same size, numbered in the
//! same way, in one run and with one client, and measures what else those who watch feel. Both are fed by the
//! same writes to Redis, and every update tells when its value was written, so all times are from the write to
//! the receipt. Needs `redis-server` on the PATH.
//!
//! - *Fan-out*: one symbol changes, many connections watch. There is time for everything, so everything
//!   must arrive.
//! - *Overload*: the same with about as many updates as two cores can send, or more. The broadcast sends all
//!   of them, however late; the server leaves out what is out of date, and `prev_id` shows that it did so
//!   on purpose. The last value must arrive everywhere.
//! - *Many symbols*: what it costs if everything changes and all watch everything, at their own pace.
//! - *Idle streams*: what it costs if nothing changes.
//!
//! `cargo bench --bench streams [-- --seconds 10 --rounds 3]` prints a table, and below it what is not as it
//! must be, if anything is; the benchmark fails then. `--subscribers 1000` races that many only.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod common;
mod wire;

use std::{
    env,
    ops::RangeInclusive,
    process::{self, ExitCode},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::{
    runtime::Runtime,
    task::JoinSet,
    time::{Instant, sleep, timeout_at},
};

use common::{
    Bare, FIRST, MANY_CONNECTIONS, Process, Redis, SYMBOLS, Server, allow_many_files, compare, cpu_seconds,
    number, option, print_head, print_own, runtime, symbol,
};
use wire::{Client, Writer, broadcast, channel, now, number_after, opening};

/// Where one symbol changes.
const ONE: &str = "binance";
/// Where many symbols are.
const MANY: &str = "kraken";
/// How long the last of what was written may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    let args: Vec<String> = env::args().collect();
    if let Some(size) = option(&args, "--broadcast") {
        let redis = option(&args, "--redis").unwrap();
        let channel = channel(ONE, &symbol(0));
        broadcast::run(size.parse().unwrap(), redis.parse().unwrap(), &channel);
        return ExitCode::SUCCESS;
    }
    allow_many_files(&args);
    let seconds = number(&args, "--seconds", 10);
    let rounds = number(&args, "--rounds", 3);

    let redis = Redis::start();
    redis.fill(MANY);
    let runtime = runtime();
    print_head("broadcast");
    // Each measures a server that nobody has asked for anything else.
    let start = || Server::start(&redis, FIRST, &MANY_CONNECTIONS).0;
    let only = option(&args, "--subscribers").map(|text| text.parse().unwrap());
    let faults = fan_out(&start, &redis, &runtime, only, seconds, rounds);
    if only.is_none() {
        runtime.block_on(many_symbols(&start(), &redis, seconds));
        for watched in [1, 10] {
            runtime.block_on(idle_streams(&start(), watched));
        }
    }
    if faults.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("\nNot as it must be:");
    faults.iter().for_each(|fault| println!("- {fault}"));
    ExitCode::FAILURE
}

/// Races the server against the broadcast, and says what is not as it must be.
fn fan_out(
    start: &impl Fn() -> Server,
    redis: &Redis,
    runtime: &Runtime,
    only: Option<u64>,
    seconds: u64,
    rounds: u64,
) -> Vec<String> {
    let mut writer = Writer::connect(redis.port);
    let size = runtime.block_on(update_size(&start().url, &mut writer)).to_string();
    let mut faults = Vec::new();
    for (subscribers, rate, is_overload) in [
        (8, 100, false),
        (100, 100, false),
        (1000, 20, false),
        (1000, 100, true),
        (10_000, 5, false),
        (10_000, 1000, true),
    ] {
        if only.is_some_and(|only| only != subscribers) {
            continue;
        }
        let load = Load { subscribers, rate, seconds };
        let mut pairs = Vec::new();
        // Where all is over in a millisecond, the kernel's scheduler decides how long the last ones wait.
        let rounds = if subscribers > 100 { rounds } else { rounds * 3 };
        for _ in 0..rounds {
            // Each while the other is not there: it would hear of every write too.
            let bare = Bare::start(&["--broadcast", &size, "--redis", &redis.port.to_string()]);
            let theirs = runtime.block_on(load.run(&bare.url, &bare.process, false, &mut writer));
            drop(bare);
            let server = start();
            runtime.block_on(update_size(&server.url, &mut writer));
            let ours = runtime.block_on(load.run(&server.url, &server.process, true, &mut writer));
            drop(server);
            faults.extend(load.faults(&theirs, "broadcast", is_overload));
            faults.extend(load.faults(&ours, "server", is_overload));
            pairs.push((theirs, ours));
        }
        load.print(&pairs, is_overload);
    }
    faults
}

/// A connection with one stream of tickers.
async fn watch(url: &str, params: &str) -> Client {
    let mut client = Client::connect(url).await;
    client.send(&opening(1, params)).await;
    let reply = client.next().await;
    assert!(reply.contains("\"success\":true"), "{reply}");
    client
}

fn all_of(exchange: &str) -> String {
    format!(r#"{{"exchange":"{exchange}"}}"#)
}

/// The bytes of one update of the server, which is told of changes from then on.
async fn update_size(url: &str, writer: &mut Writer) -> usize {
    let mut client = watch(url, &all_of(ONE)).await;
    sleep(Duration::from_millis(500)).await;
    let mut other = Client::connect(url).await;
    other.send(&opening(1, &all_of(ONE))).await;
    let reply = other.next().await;
    assert!(reply.contains("\"push\":\"channel\""), "{reply}");
    writer.write(ONE, &[symbol(0)], 1);
    let update = client.next().await;
    assert!(update.contains("\"price\":"), "{update}");
    update.len()
}

/// Connections that all watch one symbol, and how often it changes.
struct Load {
    subscribers: u64,
    rate: u64,
    seconds: u64,
}

/// One run's figures.
struct Run {
    delivered: f64,
    /// Updates of one subscriber in a second, until the last has arrived.
    rate: f64,
    p50: f64,
    p99: f64,
    /// How many connections missed nothing that they were not told of.
    unbroken: u64,
    /// How many connections got the last value.
    finished: u64,
    /// Processor time for an update to one subscriber, in microseconds: of what sends it, and of this benchmark.
    sending: f64,
    receiving: f64,
    /// Whatever was no update.
    notices: Vec<String>,
}

impl Load {
    async fn run(&self, url: &str, process: &Process, is_ours: bool, writer: &mut Writer) -> Run {
        let mut clients = Vec::new();
        for _ in 0..self.subscribers {
            clients.push(if is_ours { watch(url, &all_of(ONE)).await } else { Client::connect(url).await });
        }
        // The first half second warms up.
        let begin = writer.sequence;
        let first = begin + self.rate / 2;
        let count = self.rate * self.seconds;
        let last = first + count - 1;
        let deadline = Instant::now() + Duration::from_secs(self.seconds + 1) + PATIENCE;
        let mut receiving = JoinSet::new();
        for client in clients {
            receiving.spawn(receive(client, begin, first..=last, deadline));
        }
        let used = || [process.id(), process::id()].map(cpu_seconds);
        let before = used();
        let pace = Duration::from_secs(1) / self.rate as u32;
        // This thread may block: the clients run on others.
        writer.run(ONE, &[symbol(0)], last + 1 - writer.sequence, pace, 1);
        let received = receiving.join_all().await;
        let after = used();
        let run = self.sum_up(&received, [after[0] - before[0], after[1] - before[1]]);
        drop(received);
        // What the connections' ends leave to do is not the next run's.
        sleep(Duration::from_secs(1)).await;
        run
    }

    fn sum_up(&self, received: &[Received], used: [f64; 2]) -> Run {
        let mut ages: Vec<u32> = received.iter().flat_map(|one| one.ages.iter().copied()).collect();
        ages.sort_unstable();
        let at = |part: f64| f64::from(ages[((ages.len() - 1) as f64 * part) as usize]) / 1e3;
        let begin = received.iter().map(|one| one.begin).min().unwrap();
        let end = received.iter().map(|one| one.end).max().unwrap();
        let delivered = ages.len() as f64;
        let unbroken = received.iter().filter(|one| one.breaks == 0).count() as u64;
        let finished = received.iter().filter(|one| one.has_last).count() as u64;
        let notices = received.iter().flat_map(|one| one.notices.iter().cloned()).collect();
        let rate = delivered / self.subscribers as f64 / ((end - begin) as f64 / 1e6);
        let updates = received.iter().map(|one| one.updates).sum::<u64>() as f64;
        let [sending, receiving] = used.map(|seconds| seconds * 1e6 / updates);
        Run { delivered, rate, p50: at(0.5), p99: at(0.99), unbroken, finished, sending, receiving, notices }
    }

    fn expected(&self) -> u64 {
        self.subscribers * self.rate * self.seconds
    }

    /// What is not as it must be in a run.
    fn faults(&self, run: &Run, whose: &str, is_overload: bool) -> Vec<String> {
        let Self { subscribers, rate, .. } = self;
        let mut faults = Vec::new();
        let mut fault = |what: String| {
            faults.push(format!("{subscribers} subscribers, {rate} writes/s, {whose}: {what}"));
        };
        let missing = self.expected() as f64 - run.delivered;
        if !is_overload && missing != 0.0 {
            fault(format!("{missing} updates did not arrive"));
        }
        // Nobody can see what came before the first of the broadcast, nor what it left out.
        if run.unbroken < *subscribers && whose == "server" {
            fault(format!("{} chains are broken", subscribers - run.unbroken));
        }
        // Of the broadcast it may come too late.
        if run.finished < *subscribers && !(is_overload && whose == "broadcast") {
            fault(format!("{} did not get the last value", subscribers - run.finished));
        }
        if let Some(notice) = run.notices.first() {
            fault(format!("{} messages that are no updates, such as {notice}", run.notices.len()));
        }
        faults
    }

    fn print(&self, pairs: &[(Run, Run)], is_overload: bool) {
        let Self { subscribers, rate, .. } = self;
        if !is_overload {
            println!("{subscribers} subscribers, {rate} writes/s");
            compare(&format!("  delivered of {}", self.expected()), 0, pairs, |run| run.delivered);
            compare("  p50 ms", 2, pairs, |run| run.p50);
            compare("  p99 ms", 2, pairs, |run| run.p99);
            compare("  CPU µs an update, of what sends it", 1, pairs, |run| run.sending);
            compare("  CPU µs an update, of this benchmark", 1, pairs, |run| run.receiving);
            return;
        }
        println!("{subscribers} subscribers, {rate} writes/s: overload");
        compare("  updates/s of a subscriber", 1, pairs, |run| run.rate);
        compare("  age at receipt, p50 ms", 2, pairs, |run| run.p50);
        compare("  age at receipt, p99 ms", 2, pairs, |run| run.p99);
        compare("  got the last value", 0, pairs, |run| run.finished as f64);
        let unbroken = pairs.iter().map(|(_, ours)| ours.unbroken).min().unwrap();
        print_own("  unbroken chains of prev_id", 0, unbroken as f64);
    }
}

/// What one connection got.
struct Received {
    /// How old each value was, in microseconds.
    ages: Vec<u32>,
    /// When the first of them was written, and when the last came.
    begin: u64,
    end: u64,
    has_last: bool,
    /// How many updates there were of what was written.
    updates: u64,
    /// How often an update was not the next after the one before.
    breaks: u64,
    /// Whatever was no update.
    notices: Vec<String>,
    /// Whose connection lasts until all have got the last value: how long others wait for that is not to depend on what
    /// it costs that some leave.
    client: Client,
}

/// Reads until the last of some values, and takes note of those; values from before `begin` were there already.
async fn receive(client: Client, begin: u64, wanted: RangeInclusive<u64>, deadline: Instant) -> Received {
    let mut got = Received {
        ages: Vec::with_capacity((wanted.end() + 1 - wanted.start()) as usize),
        begin: u64::MAX,
        end: 0,
        has_last: false,
        updates: 0,
        breaks: 0,
        notices: Vec::new(),
        client,
    };
    let mut before = None;
    let reading = async {
        while !got.has_last {
            let text = got.client.next().await;
            let now = now();
            let Some(price) = number_after(text, "\"price\"") else {
                got.notices.push(text.to_owned());
                continue;
            };
            got.breaks += u64::from(number_after(text, "\"prev_id\"") != before);
            before = Some(number_after(text, "\"update_id\"").unwrap());
            let price = price as u64;
            got.updates += u64::from(price >= begin);
            if wanted.contains(&price) {
                // `time` as it was written, `timestamp` as the server says.
                let written = (number_after(text, "\"time").unwrap() * 1e6) as u64;
                got.ages.push(now.saturating_sub(written) as u32);
                got.begin = got.begin.min(written);
                got.end = now;
            }
            got.has_last = price == *wanted.end();
        }
    };
    // What is not there in time is seen by what is missing.
    let _ = timeout_at(deadline, reading).await;
    got
}

/// What it costs that every symbol of many changes all the time and many watch all of them.
async fn many_symbols(server: &Server, redis: &Redis, seconds: u64) {
    const WATCHING: u64 = 200;
    const RATE: u64 = 5000;
    /// Tickers in one pipeline: a writer that wakes up for each would cost more than Redis.
    const EACH: u64 = 10;
    let counter = Arc::new(AtomicU64::new(0));
    let count = || counter.load(Ordering::Relaxed);
    let mut counting = JoinSet::new();
    for _ in 0..WATCHING {
        let mut client =
            watch(&server.url, &format!(r#"{{"exchange":"{MANY}","min_interval_ms":250}}"#)).await;
        let counter = counter.clone();
        counting.spawn(async move {
            loop {
                counter.fetch_add(client.count_some().await, Ordering::Relaxed);
            }
        });
    }
    until("the snapshots", || count() >= WATCHING * SYMBOLS as u64).await;

    let symbols: Vec<String> = (0..SYMBOLS).map(symbol).collect();
    let mut writer = Writer::connect(redis.port);
    let begin = Instant::now();
    let writing = thread::spawn(move || {
        let times = (seconds + 1) * RATE / EACH;
        writer.run(MANY, &symbols, times, Duration::from_secs(EACH) / RATE as u32, EACH);
        times * EACH
    });
    sleep(Duration::from_secs(1)).await;
    let processes = [server.process.id(), redis.process.id(), process::id()];
    let figures = || (processes.map(cpu_seconds), count());
    let (measuring, before) = (Instant::now(), figures());
    sleep(Duration::from_secs(seconds)).await;
    let (time, after) = (measuring.elapsed().as_secs_f64(), figures());
    let written = writing.join().unwrap();
    let rate = written as f64 / begin.elapsed().as_secs_f64();
    counting.abort_all();
    println!("{SYMBOLS} symbols, {RATE} writes/s, {WATCHING} watch all, at most one update in 250 ms");
    print_own("  writes/s reached", 0, rate);
    print_own("  updates/s of a subscriber", 0, (after.1 - before.1) as f64 / time / WATCHING as f64);
    for (index, whose) in ["server", "redis-server", "this benchmark"].into_iter().enumerate() {
        let cpu = (after.0[index] - before.0[index]) / time;
        print_own(&format!("  CPU seconds a second, {whose}"), 2, cpu);
    }
}

/// How much memory a stream takes while nothing that it watches changes.
async fn idle_streams(server: &Server, watched: usize) {
    const CONNECTIONS: usize = 50;
    /// Many on each, so that what a connection takes once counts little.
    const STREAMS: usize = 500;
    let names: Vec<String> = (0..watched).map(|index| format!("\"{}\"", symbol(index))).collect();
    let params = format!(r#"{{"exchange":"{MANY}","symbols":[{}]}}"#, names.join(","));
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        // The connection's first stream is not counted, nor is what all have in common.
        let mut client = watch(&server.url, &params).await;
        for _ in 0..watched {
            client.next().await;
        }
        clients.push(client);
    }
    sleep(Duration::from_millis(500)).await;
    let before = server.process.resident_kib();
    for client in &mut clients {
        for id in 0..STREAMS {
            client.send(&opening(id + 2, &params)).await;
        }
        // The replies and the snapshots.
        for _ in 0..STREAMS * (1 + watched) {
            client.next().await;
        }
    }
    sleep(Duration::from_millis(500)).await;
    let growth = (server.process.resident_kib() - before) * 1024.0;
    let what = format!("idle stream of {watched} symbol(s): bytes resident");
    print_own(&what, 0, growth / (CONNECTIONS * STREAMS) as f64);
}

/// Waits until something has come.
async fn until(what: &str, has_come: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !has_come() {
        assert!(Instant::now() < deadline, "{what} do not come");
        sleep(Duration::from_millis(10)).await;
    }
}
