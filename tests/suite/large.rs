//! A large cache: every read is bounded, says what it leaves out and gives the rest by its cursor; Redis is never kept
//! busy for long; a stream of very many items is read again no more often than it may be.

use std::{collections::BTreeSet, time::Instant};

use fullon_cache_api::config::Secret;
use serde_json::{Value, json};
use tokio::join;

use crate::{
    common::{
        Client, Redis, Server, eventually, get,
        large::{self, LARGE_EXCHANGE, Size, exchange, order, order_id, symbol},
    },
    streams::{calls, listening, open},
};

const SIZE: Size =
    Size { keys: 100_000, exchanges: 4, symbols: 500, orders: 20_000, trades: 12_000, statuses: 11_000 };

async fn fill(redis: &Redis, size: Size) {
    let mut commands = large::commands(size).peekable();
    while commands.peek().is_some() {
        redis.send_all(&commands.by_ref().take(5000).collect::<Vec<_>>()).await;
    }
    assert_eq!(redis.send::<usize>(&["DBSIZE"]).await, size.keys);
}

/// A server of a large cache. Its answers are of four megabytes at the most.
async fn start(redis: &Redis) -> Server {
    Server::reading_with(redis, |config| config.limits.reply_bytes = 4 << 20).await
}

/// How often what is watched by an operation was read, or that failed.
async fn reads(server: &Server, operation: &str) -> u64 {
    let page = get(server.address, "/metrics", &[]).await;
    let series = format!("fullon_cache_api_topic_reads_total{{operation=\"{operation}\"}} ");
    page.text().lines().find_map(|line| line.strip_prefix(&series)).unwrap().parse().unwrap()
}

/// Asks again and again, until all is told, and gives the answers. Says of each that it is a part, but of the last one.
async fn pages(client: &mut Client, operation: &str, params: &Value) -> Vec<Value> {
    let (mut params, mut results) = (params.clone(), Vec::new());
    loop {
        let mut reply = client.ask(operation, params.clone()).await;
        assert_eq!(reply["success"], true, "{operation} {params}: {reply}");
        results.push(reply["result"].take());
        let Some(cursor) = reply.get("cursor") else {
            assert_eq!(reply.get("truncated"), None, "{operation}");
            return results;
        };
        assert_eq!(reply["truncated"], true, "{operation}");
        let is_own_limit = reply.get("warnings").is_none();
        assert_eq!(is_own_limit, params.get("limit").is_some(), "{operation}: {:?}", reply.get("warnings"));
        params["cursor"] = cursor.clone();
        assert!(results.len() < 200, "{operation} goes on for ever");
    }
}

/// What tells the things of an answer apart.
fn names(results: &[Value], member: &str) -> Vec<String> {
    let of_one = |result: &Value| -> Vec<String> {
        match result {
            Value::Object(things) => things.keys().cloned().collect(),
            Value::Array(things) => things
                .iter()
                .map(|thing| thing.get(member).unwrap_or(thing))
                .map(|name| name.as_str().map_or_else(|| name.to_string(), str::to_owned))
                .collect(),
            other => panic!("not many things: {other}"),
        }
    };
    results.iter().flat_map(of_one).collect()
}

#[tokio::test]
async fn all_of_a_large_cache_is_told_in_parts() {
    let redis = Redis::start().await;
    fill(&redis, SIZE).await;
    let server = start(&redis).await;
    let mut client = server.client().await;
    let orders: Vec<String> = (0..SIZE.orders).map(order_id).collect();
    let open_orders: Vec<String> = orders.iter().step_by(4).cloned().collect();
    let tickers: Vec<String> = (0..SIZE.symbols).map(symbol).collect();
    let exchanges: Vec<String> = (0..SIZE.exchanges).map(exchange).collect();
    let statuses: Vec<String> = (0..SIZE.statuses).map(|number| format!("key{number:06}")).collect();
    let mut bots: Vec<String> = (0..1000).map(|number| format!("bot_{number}")).collect();
    bots.sort();
    let of = json!({"exchange": LARGE_EXCHANGE});
    let open = json!({"exchange": LARGE_EXCHANGE, "status": "open"});
    for (operation, params, member, limit, expected) in [
        ("get_orders", &of, "order_id", 3000, &orders),
        ("get_orders", &open, "order_id", 1000, &open_orders),
        ("get_all_tickers", &of, "symbol", 7, &tickers),
        ("get_exchanges", &json!({}), "", 3, &exchanges),
        ("get_trade_statuses", &json!({}), "", 6000, &statuses),
        ("get_bots", &json!({}), "", 400, &bots),
        ("get_blocks", &json!({}), "symbol", 500, &tickers),
    ] {
        let mut limited = params.clone();
        limited["limit"] = limit.into();
        let parts = pages(&mut client, operation, &limited).await;
        assert_eq!(parts.len(), expected.len().div_ceil(limit), "{operation}");
        assert_eq!(&names(&parts, member), expected, "{operation}");
        // As many as there may be.
        assert_eq!(&names(&pages(&mut client, operation, params).await, member), expected, "{operation}");
    }
    // The newest come first; each part is in order.
    let trades = json!({"exchange": LARGE_EXCHANGE, "symbol": symbol(0), "limit": 2000});
    let mut parts = pages(&mut client, "get_trades", &trades).await;
    parts.reverse();
    let expected: Vec<String> = (0..SIZE.trades).map(|number| number.to_string()).collect();
    assert_eq!((parts.len(), names(&parts, "trade_id")), (6, expected));
    let bad = json!({"exchange": LARGE_EXCHANGE, "symbol": symbol(0), "cursor": "x"});
    let (code, reply) = client.fail("get_trades", bad).await;
    assert_eq!((code.as_str(), &reply["details"][0]["path"]), ("INVALID_PARAMS", &json!("/cursor")));
}

#[tokio::test]
async fn no_read_of_a_large_cache_keeps_redis_busy() {
    /// How often it is tried: a busy machine may make any command slow, but not the same ones every time.
    const ROUNDS: usize = 10;
    let redis = Redis::start().await;
    fill(&redis, SIZE).await;
    let server = start(&redis).await;
    let (mut client, mut other) = (server.client().await, server.client().await);
    let registry = fullon_cache_api::registry::Registry::built_in().unwrap();
    let of_param = json!({
        "exchange": LARGE_EXCHANGE, "symbol": symbol(0), "order_id": order_id(1), "user_id": 7, "bot_id": "bot_1",
        "currency": "USDT", "timeframe": "1m", "trade_key": "key000001", "process_id": "tick:x:1", "component": "x",
        "local_order_id": "LOCAL_0000001",
    });

    // What a whole hash takes at once is the measure.
    let hash = format!("order_status:{LARGE_EXCHANGE}");
    redis.send::<()>(&["CONFIG", "SET", "slowlog-log-slower-than", "0"]).await;
    redis.send::<()>(&["SLOWLOG", "RESET"]).await;
    for _ in 0..5 {
        redis.send::<redis::Value>(&["HGETALL", &hash]).await;
    }
    let entries: Vec<(u64, u64, u64, Vec<String>, String, String)> =
        redis.send(&["SLOWLOG", "GET", "20"]).await;
    let whole = entries.iter().filter(|entry| entry.3[0] == "HGETALL").map(|entry| entry.2).min().unwrap();
    redis.send::<()>(&["CONFIG", "SET", "slowlog-log-slower-than", &(whole / 3).to_string()]).await;

    let mut always_slow: Option<BTreeSet<String>> = None;
    for _ in 0..ROUNDS {
        redis.send::<()>(&["SLOWLOG", "RESET"]).await;
        for operation in registry.iter().filter(|operation| !operation.described().keys.is_empty()) {
            let described = operation.described();
            if described.update.is_some() {
                continue;
            }
            let required = described.params["required"].as_array().cloned().unwrap_or_default();
            let given = |name: &Value| Some((name.as_str()?.to_owned(), of_param[name.as_str()?].clone()));
            let params = Value::Object(required.iter().filter_map(given).collect());
            // Others are answered meanwhile.
            let (reply, _) = join!(client.ask(&described.name, params), other.call("ping", json!({})));
            let is_answered = reply["success"] == true || reply["error_code"] == "CACHE_MISS";
            assert!(is_answered, "{}: {reply}", described.name);
            assert!(reply.to_string().len() < (4 << 20) + 1024, "{}", described.name);
        }
        let slow: Vec<(u64, u64, u64, Vec<String>, String, String)> =
            redis.send(&["SLOWLOG", "GET", "-1"]).await;
        let slow: BTreeSet<String> = slow.into_iter().map(|entry| entry.3[0].clone()).collect();
        let slow = match always_slow {
            Some(before) => before.intersection(&slow).cloned().collect(),
            None => slow,
        };
        let is_done = slow.is_empty();
        always_slow = Some(slow);
        if is_done {
            break;
        }
    }
    assert_eq!(always_slow, Some(BTreeSet::new()), "slower than a third of {whole} µs");
    // A hash is read in steps, keys are looked for in steps, and nothing else reads more than it gives.
    assert_eq!(calls(&redis, &["hgetall"]).await, 5, "those are the test's own");
    assert!(calls(&redis, &["hscan"]).await >= 20_000 / 4096);
    assert!(calls(&redis, &["scan"]).await >= 100);
}

/// A client that watches very many orders, of which so many may be read in a second.
async fn watching_orders(items_per_second: usize) -> (Redis, Server, Client) {
    let redis = Redis::start().await;
    let size = Size { keys: 0, exchanges: 1, symbols: 1, trades: 1, statuses: 0, ..SIZE };
    for commands in large::commands(size).collect::<Vec<_>>().chunks(1000) {
        redis.send_all(commands).await;
    }
    let mut config = Server::config();
    config.redis.url = Some(Secret::from(redis.url().as_str()));
    config.streams.items_per_second = items_per_second;
    let server = Server::start(config).await;
    let mut client = server.client().await;
    listening(&mut client).await;
    open(&mut client, "s", "stream_orders", json!({"exchange": LARGE_EXCHANGE})).await;
    (redis, server, client)
}

#[tokio::test]
async fn a_stream_of_many_items_is_read_no_more_often_than_it_may_be() {
    // One read a second.
    let (redis, _server, mut client) = watching_orders(SIZE.orders).await;
    let mut ids = BTreeSet::new();
    while ids.len() < SIZE.orders {
        let update = client.receive().await;
        assert_eq!(update["snapshot"], true, "{update}");
        ids.insert(update["order_id"].as_str().unwrap().to_owned());
    }
    let steps_of_one = calls(&redis, &["hscan"]).await;
    let begin = Instant::now();
    for round in 0..200 {
        let changed = order(7, LARGE_EXCHANGE).replace("47000.5", &format!("{}", 48_000 + round));
        redis.send::<()>(&["HSET", &format!("order_status:{LARGE_EXCHANGE}"), &order_id(7), &changed]).await;
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    while client.receive().await["price"] != json!(48_199) {}
    let steps = calls(&redis, &["hscan"]).await - steps_of_one;
    // However many changes there were.
    let most = steps_of_one * (begin.elapsed().as_secs() + 2);
    assert!(steps <= most, "{steps} steps, {most} at the most");
}

#[tokio::test]
async fn a_stream_of_many_items_pays_for_no_read_that_failed() {
    // One read in two seconds.
    let (redis, server, mut client) = watching_orders(SIZE.orders / 2).await;
    while client.receive().await["order_id"] != order_id(SIZE.orders - 1).as_str() {}

    redis.signal("STOP");
    while client.receive().await["type"] != "stream_stale" {}
    let so_far = reads(&server, "stream_orders").await;
    // They would keep it from being read for sixteen seconds.
    eventually("it was tried often", async || reads(&server, "stream_orders").await >= so_far + 8).await;
    redis.signal("CONT");
    while client.receive().await["type"] != "stream_fresh" {}
    let changed = order(7, LARGE_EXCHANGE).replace("47000.5", "48000.5");
    redis.send::<()>(&["HSET", &format!("order_status:{LARGE_EXCHANGE}"), &order_id(7), &changed]).await;
    assert_eq!(client.receive().await["price"], 48_000.5);
}

#[tokio::test]
async fn a_topic_that_is_too_large_is_watched_in_part_and_says_so() {
    let redis = Redis::start().await;
    for number in 0..1000 {
        let order = order(number, "x");
        redis.send::<()>(&["HSET", "order_status:x", &order_id(number), &order]).await;
    }
    let mut config = Server::config();
    config.redis.url = Some(Secret::from(redis.url().as_str()));
    config.streams.topic_bytes = 100_000;
    let server = Server::start(config).await;
    let mut client = server.client().await;
    listening(&mut client).await;
    open(&mut client, "s", "stream_orders", json!({"exchange": "x"})).await;
    let mut count = 0;
    let warning = loop {
        let update = client.receive().await;
        match update["type"].as_str().unwrap() {
            "order_update" => {
                assert_eq!(update["order_id"], order_id(count).as_str(), "the first ones");
                count += 1;
            }
            _ => break update,
        }
    };
    assert_eq!(
        (&warning["type"], &warning["error_code"]),
        (&json!("stream_warning"), &json!("LIMIT_EXCEEDED"))
    );
    assert!((50..200).contains(&count), "{count} orders");
    // Those are followed.
    let changed = order(7, "x").replace("47000.5", "48000.5");
    redis.send::<()>(&["HSET", "order_status:x", &order_id(7), &changed]).await;
    assert_eq!(client.receive().await["price"], 48000.5);
}
