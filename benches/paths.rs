//! Times what the server does by itself, with no Redis and in one process, and compares it with the run before: for who
//! changes it. What users feel is in the other benchmarks, and whether it takes more instructions than before in
//! `instructions`.
//!
//! `cargo bench --bench paths [-- NAME]`
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fullon_cache_api::{
    cache::{Cache, Store},
    config::{Config, Limits},
    protocol::{Message, Remarks, Reply, RequestId},
    registry::Registry,
    server::{self, App, Listener, Live},
};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{runtime::Runtime, sync::watch};
use tokio_tungstenite::{connect_async, tungstenite};

/// How many tickers there are.
const SYMBOLS: usize = 1000;

fn symbol(number: usize) -> String {
    format!("S{number:04}/USDT")
}

fn ticker(symbol: &str) -> String {
    json!({"symbol": symbol, "exchange": "x", "price": 176.828, "volume": 2738.7, "time": 1795380452.27})
        .to_string()
}

fn request(operation: &str, params: &Value) -> String {
    json!({"request_id": 1, "operation": operation, "params": params}).to_string()
}

/// From text to requests, and back.
fn messages(criterion: &mut Criterion) {
    let limits = Limits::default().of_messages();
    let one = request("get_ticker", &json!({"exchange": "x", "symbol": symbol(7)}));
    let array = format!("[{}]", vec![one.as_str(); 100].join(","));
    let mut group = criterion.benchmark_group("messages");
    group.throughput(Throughput::Elements(1));
    group.bench_function("a request", |bencher| bencher.iter(|| Message::parse(black_box(&one), &limits)));
    let (id, result, remarks) = (RequestId::made_up(), ticker(&symbol(7)), Remarks::default());
    group.bench_function("a reply", |bencher| {
        bencher.iter(|| Reply::success(&id, black_box(&result), &remarks));
    });
    group.throughput(Throughput::Elements(100));
    group.bench_function("an array of requests", |bencher| {
        bencher.iter(|| Message::parse(black_box(&array), &limits));
    });
    group.finish();
}

/// Params against their schema.
fn params(criterion: &mut Criterion) {
    let registry = Registry::built_in().unwrap();
    let operation = registry.get("get_trades").unwrap();
    let valid = json!({"exchange": "x", "symbol": symbol(7), "limit": 100});
    let faulty = json!({"exchange": "", "symbol": 7, "limt": 100});
    operation.validate(&valid).unwrap();
    let mut group = criterion.benchmark_group("params");
    group.bench_function("valid", |bencher| bencher.iter(|| operation.validate(black_box(&valid))));
    group.bench_function("with faults", |bencher| bencher.iter(|| operation.validate(black_box(&faulty))));
    group.finish();
}

/// Answers out of the embedded store, over a WebSocket.
fn answers(criterion: &mut Criterion) {
    let store = Store::new();
    for symbol in (0..SYMBOLS).map(symbol) {
        store.apply(&["HSET", "tickers:x", &symbol, &ticker(&symbol)]).unwrap();
    }
    let runtime = Runtime::new().unwrap();
    let (mut client, _stop) = runtime.block_on(async {
        let mut config = Config::default();
        config.listen.port = 0;
        let listeners = Listener::bind_all(&config).await.unwrap();
        let url = format!("ws://{}", listeners[0].address().unwrap());
        let app = App::new(Live::new(Registry::built_in().unwrap(), config).unwrap(), Cache::embedded(store));
        let (stop, stopping) = watch::channel(false);
        tokio::spawn(server::run(listeners, app, stopping));
        (connect_async(url).await.unwrap().0, stop)
    });
    let mut group = criterion.benchmark_group("answers");
    let requests = [
        ("ping", json!({}), 1),
        ("get_ticker", json!({"exchange": "x", "symbol": symbol(7)}), 1),
        ("get_all_tickers", json!({"exchange": "x"}), SYMBOLS),
    ];
    for (operation, params, things) in requests {
        let request = request(operation, &params);
        group.throughput(Throughput::Elements(things as u64));
        group.bench_function(operation, |bencher| {
            bencher.iter(|| {
                runtime.block_on(async {
                    client.send(tungstenite::Message::text(request.as_str())).await.unwrap();
                    let reply = client.next().await.unwrap().unwrap();
                    assert!(reply.to_text().unwrap().contains("\"success\":true"));
                });
            });
        });
    }
    group.finish();
}

criterion_group!(paths, messages, params, answers);
criterion_main!(paths);
