//! Whether the server's memory grows in the long run: clients come, read, watch and go for as long as is said
//! (`--minutes`, two hours unless told otherwise) while Redis changes all the time. Prints a table, and fails if more is
//! usually resident in the last quarter of the time than in the second.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod common;
mod wire;

use std::{
    env,
    io::{Read as _, Write as _},
    net::TcpStream,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use common::{
    FIRST, Redis, SYMBOLS, Server, allow_many_files, append_command, median, number, print_head, print_own,
    runtime, symbol,
};
use wire::{Client, Writer};

const EXCHANGE: &str = "kraken";
/// How many clients there are at any time.
const CLIENTS: u64 = 200;
/// How often it is looked at what is resident.
const LOOK: Duration = Duration::from_secs(1);
/// How much more may be resident than before, for what it takes is never quite the same.
const SLACK: f64 = 1.05;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().collect();
    allow_many_files(&args);
    let time = Duration::from_secs(60 * number(&args, "--minutes", 120));
    let redis = Redis::start();
    redis.fill(EXCHANGE);
    let (server, _) = Server::start(&redis, FIRST, &[]);
    let is_over = Arc::new(AtomicBool::new(false));
    let writers = [write_tickers(redis.port, is_over.clone()), write_trades(redis.port, is_over.clone())];
    print_head("-");
    let (looks, visits) = runtime().block_on(soak(&server, time));
    is_over.store(true, Ordering::Relaxed);
    writers.into_iter().for_each(|writer| writer.join().unwrap());

    // The median: what is resident for a moment, when many ask for much at once, is a matter of chance.
    let quarter = |number: usize| {
        median(looks[looks.len() * number / 4..looks.len() * (number + 1) / 4].to_vec()) / 1024.0
    };
    let (before, after) = (quarter(1), quarter(3));
    println!("{} minutes, {CLIENTS} clients that come and go", time.as_secs() / 60);
    print_own("  connections in all", 0, visits as f64);
    print_own("  MiB resident at the most", 1, looks.iter().copied().fold(0.0, f64::max) / 1024.0);
    print_own("  MiB resident, median, second quarter", 1, before);
    print_own("  MiB resident, median, last quarter", 1, after);
    if after <= before * SLACK {
        return ExitCode::SUCCESS;
    }
    println!("\nNot as it must be:\n- memory grows");
    ExitCode::FAILURE
}

/// What is resident at each look, in KiB, and how many connections there have been.
async fn soak(server: &Server, time: Duration) -> (Vec<f64>, u64) {
    let visits = Arc::new(AtomicU64::new(0));
    let mut clients = JoinSet::new();
    for seed in 0..CLIENTS {
        let (url, visits, mut chance) = (server.url.clone(), visits.clone(), Chance(seed));
        clients.spawn(async move {
            loop {
                visit(&url, &mut chance).await;
                visits.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    let (end, mut looks) = (Instant::now() + time, Vec::new());
    while Instant::now() < end {
        sleep(LOOK).await;
        looks.push(server.process.resident_kib());
        assert!(clients.try_join_next().is_none(), "a client has failed");
    }
    (looks, visits.load(Ordering::Relaxed))
}

/// One connection, from its beginning to its end.
async fn visit(url: &str, chance: &mut Chance) {
    let mut client = Client::connect(url).await;
    for id in 0..1 + chance.below(8) {
        client.send(&request(id, chance)).await;
    }
    // Replies and updates, whichever come.
    let stay = Duration::from_millis(50 + chance.below(3000));
    let _ = timeout(stay, async {
        loop {
            client.count_some().await;
        }
    })
    .await;
}

/// Anything that a client may ask for, and some things that none should.
fn request(id: u64, chance: &mut Chance) -> String {
    let symbol = symbol(chance.below(SYMBOLS as u64) as usize);
    let (operation, params) = match chance.below(10) {
        0 => ("get_ticker", format!(r#"{{"exchange":"{EXCHANGE}","symbol":"{symbol}"}}"#)),
        1 => ("get_any_ticker", format!(r#"{{"symbol":"{symbol}"}}"#)),
        2 => ("get_all_tickers", format!(r#"{{"exchange":"{EXCHANGE}","limit":50}}"#)),
        3 => ("get_trades", format!(r#"{{"exchange":"{EXCHANGE}","symbol":"S0001/USDT","limit":50}}"#)),
        4 => ("stream_tickers", format!(r#"{{"exchange":"{EXCHANGE}","min_interval_ms":250}}"#)),
        5 => ("stream_trade_updates", format!(r#"{{"exchange":"{EXCHANGE}","symbol":"S0001/USDT"}}"#)),
        6 => ("get_ticker", r#"{"symbol":17}"#.to_owned()),
        7 => ("no_such_operation", "{}".to_owned()),
        _ => ("stream_tickers", format!(r#"{{"exchange":"{EXCHANGE}","symbols":["{symbol}"]}}"#)),
    };
    format!(r#"{{"request_id":{id},"operation":"{operation}","params":{params}}}"#)
}

fn write_tickers(port: u16, is_over: Arc<AtomicBool>) -> thread::JoinHandle<()> {
    let symbols: Vec<String> = (0..SYMBOLS).map(symbol).collect();
    let mut writer = Writer::connect(port);
    thread::spawn(move || {
        while !is_over.load(Ordering::Relaxed) {
            writer.run(EXCHANGE, &symbols, 10, Duration::from_millis(100), 50);
        }
    })
}

/// A list of trades that grows, is cut short, and is taken away now and then.
fn write_trades(port: u16, is_over: Arc<AtomicBool>) -> thread::JoinHandle<()> {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut answer = [0; 64];
    thread::spawn(move || {
        for number in 0_u64.. {
            if is_over.load(Ordering::Relaxed) {
                return;
            }
            let trade = format!(
                "{{\"trade_id\": {number}, \"symbol\": \"S0001/USDT\", \"side\": \"sell\", \"volume\": 0.25, \
                 \"price\": 47000.5, \"cost\": 11750.125, \"fee\": 1.5, \"time\": 1795380452.5}}"
            );
            let key = format!("trades:{EXCHANGE}:S0001USDT");
            let mut command = String::new();
            match number % 1000 {
                0 => append_command(&mut command, &["DEL", &key]),
                part if part % 100 == 0 => append_command(&mut command, &["LTRIM", &key, "-50", "-1"]),
                _ => append_command(&mut command, &["RPUSH", &key, &trade]),
            }
            socket.write_all(command.as_bytes()).unwrap();
            assert!(socket.read(&mut answer).unwrap() > 0 && answer[0] != b'-');
            thread::sleep(Duration::from_millis(20));
        }
    })
}

/// Numbers that look random and are the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}
