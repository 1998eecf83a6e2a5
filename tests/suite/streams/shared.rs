//! Cost follows change, not audience.

use futures_util::future::join_all;
use serde_json::json;

use super::{Follower, calls, open, start, ticker, write_ticker};
use crate::common::{Client, Redis, RedisOptions};

const READS: [&str; 7] = ["get", "hget", "hmget", "hscan", "hlen", "lrange", "scan"];

async fn receive_price(client: &mut Client, price: f64) {
    while client.receive().await["price"] != json!(price) {}
}

#[tokio::test]
async fn a_thousand_who_watch_cost_redis_no_more_than_one() {
    let (redis, server, mut first) = start().await;
    // Without a message a change must be read.
    let write = async |price: f64| {
        redis
            .send::<()>(&["HSET", "account_positions", "1", &json!({"A": {"volume": price}}).to_string()])
            .await;
    };
    let volume = async |client: &mut Client, volume: f64| {
        while client.receive().await["volume"] != json!(volume) {}
    };
    write(1.0).await;
    open(&mut first, "s", "stream_positions", json!({"user_id": 1})).await;
    volume(&mut first, 1.0).await;
    let cost = async |clients: &mut [Client], from: u32| {
        let before = calls(&redis, &READS).await;
        for number in from..from + 20 {
            write(f64::from(number)).await;
            join_all(clients.iter_mut().map(|client| volume(client, f64::from(number)))).await;
        }
        calls(&redis, &READS).await - before
    };
    let alone = cost(std::slice::from_mut(&mut first), 10).await;
    let mut clients = vec![first];
    while clients.len() < 1000 {
        let mut client = server.client().await;
        open(&mut client, "s", "stream_positions", json!({"user_id": "1"})).await;
        clients.push(client);
    }
    join_all(clients[1..].iter_mut().map(|client| volume(client, 29.0))).await;
    let together = cost(&mut clients, 100).await;
    assert_eq!((alone, together), (20, 20));
}

#[tokio::test]
async fn however_many_watch_each_is_told_of_each_change() {
    let (redis, server, _client) = start().await;
    let (mut clients, mut price) = (Vec::new(), 0.0);
    // Few are told by one thread, some and very many by others, too.
    for count in [32, 33, 256, 300] {
        while clients.len() < count {
            let mut client = server.client().await;
            open(&mut client, "s", "stream_tickers", json!({"exchange": "x"})).await;
            clients.push((client, Follower::default()));
        }
        for _ in 0..20 {
            price += 1.0;
            write_ticker(&redis, "x", "A", price).await;
            join_all(clients.iter_mut().map(async |(client, follower)| {
                while follower.values("price").values().all(|known| *known != price) {
                    follower.take(&client.receive().await, &["symbol"]);
                }
            }))
            .await;
        }
    }
}

#[tokio::test]
async fn five_hundred_streams_of_one_hash_cost_one_read_a_write_or_none() {
    let (redis, _server, mut client) = start().await;
    let symbol = |number: usize| format!("S{number}");
    let fill = |price: f64| (0..500).map(move |number| (symbol(number), price + number as f64));
    for (symbol, price) in fill(0.0) {
        redis.send::<()>(&["HSET", "tickers:x", &symbol, &ticker("x", &symbol, price)]).await;
    }
    for number in 0..500 {
        let params = json!({"exchange": "x", "symbols": [symbol(number)]});
        let request = json!({"request_id": number, "operation": "stream_tickers", "params": params});
        client.send(&request.to_string()).await;
    }
    // A reply and a snapshot for each.
    for _ in 0..1000 {
        client.receive().await;
    }
    let before = calls(&redis, &READS).await;
    for (symbol, price) in fill(1000.0).take(200) {
        write_ticker(&redis, "x", &symbol, price).await;
    }
    for _ in 0..200 {
        let update = client.receive().await;
        assert_eq!(update["symbol"], json!(format!("S{}", update["request_id"])), "{update}");
    }
    assert_eq!(calls(&redis, &READS).await - before, 0, "what the writer published was read");

    // What nobody publishes: one read for all that is watched.
    let before = calls(&redis, &READS).await;
    for (symbol, price) in fill(5000.0).skip(490) {
        redis.send::<()>(&["HSET", "tickers:x", &symbol, &ticker("x", &symbol, price)]).await;
        assert_eq!(client.receive().await["price"], json!(price));
    }
    let reads = calls(&redis, &READS).await - before;
    assert!((1..=10).contains(&reads), "{reads} reads for ten writes");
}

#[tokio::test]
async fn who_comes_later_gets_the_snapshot_without_a_read() {
    let (redis, server, mut first) = start().await;
    write_ticker(&redis, "x", "A", 1.0).await;
    open(&mut first, "s", "stream_tickers", json!({"exchange": "x"})).await;
    receive_price(&mut first, 1.0).await;
    let before = calls(&redis, &READS).await;
    let mut second = server.client().await;
    let settings = open(&mut second, "s", "stream_tickers", json!({"exchange": "x"})).await;
    let update = second.receive().await;
    assert_eq!((&update["price"], &update["snapshot"]), (&json!(1.0), &json!(true)));
    assert_eq!(calls(&redis, &READS).await, before);
    let stats = second.call("get_server_stats", json!({})).await;
    assert_eq!((&stats["streams"], &stats["topics"]), (&json!(2), &json!(1)));
    let listed = second.call("list_streams", json!({})).await;
    assert_eq!((&listed[0]["stream"], &listed[0]["epoch"]), (&json!("s"), &settings["epoch"]));
}

#[tokio::test]
async fn a_user_who_may_not_be_told_is_served_by_polling() {
    let redis = Redis::start().await;
    let line =
        "ACL SETUSER poor reset on >pw %R~* +hscan +hmget +hget +get +hlen +lrange +scan +ping +select";
    redis.send::<()>(&line.split(' ').collect::<Vec<_>>()).await;
    let mut config = crate::common::Server::config();
    config.redis.url = Some(format!("redis://poor:pw@127.0.0.1:{}", redis.port).as_str().into());
    let server = crate::common::Server::start(config).await;
    server.app.cache().connected().await;
    let mut client = server.client().await;
    write_ticker(&redis, "x", "A", 1.0).await;
    let settings = open(&mut client, "s", "stream_tickers", json!({"exchange": "x"})).await;
    assert_eq!((&settings["push"], &settings["poll_interval_ms"]), (&json!("poll"), &json!(500)));
    receive_price(&mut client, 1.0).await;
    write_ticker(&redis, "x", "A", 2.0).await;
    receive_price(&mut client, 2.0).await;
    // One who may be told of changes, but not listen to channels.
    redis.send::<()>(&["ACL", "SETUSER", "poor", "+client|tracking"]).await;
    let mut config = crate::common::Server::config();
    config.redis.url = Some(format!("redis://poor:pw@127.0.0.1:{}", redis.port).as_str().into());
    let server = crate::common::Server::start(config).await;
    let mut client = server.client().await;
    while client.call("get_server_stats", json!({})).await["push"]["tracking"] != true {}
    let settings = open(&mut client, "s", "stream_tickers", json!({"exchange": "x"})).await;
    assert_eq!(settings["push"], "tracking");
}

#[tokio::test]
async fn a_redis_without_resp3_is_read_and_polled() {
    let options = RedisOptions {
        args: ["--rename-command", "HELLO", ""].map(str::to_owned).to_vec(),
        ..RedisOptions::default()
    };
    let mut redis = Redis::start_with(options).await;
    write_ticker(&redis, "x", "A", 1.0).await;
    let server = crate::common::Server::reading(&redis).await;
    let mut client = server.client().await;
    assert_eq!(client.call("get_all_tickers", json!({"exchange": "x"})).await[0]["price"], 1.0);
    let settings = open(&mut client, "s", "stream_tickers", json!({"exchange": "x"})).await;
    assert_eq!(settings["push"], "poll");
    receive_price(&mut client, 1.0).await;
    write_ticker(&redis, "x", "A", 2.0).await;
    receive_price(&mut client, 2.0).await;
    // Its loss is noticed all the same.
    redis.kill();
    assert_eq!(client.receive().await["type"], "stream_stale");
    redis.revive().await;
    write_ticker(&redis, "x", "A", 3.0).await;
    receive_price(&mut client, 3.0).await;
}

#[tokio::test]
async fn of_many_lists_only_the_one_that_changed_is_read() {
    let (redis, _server, mut client) = start().await;
    let trade = |id: usize| json!({"trade_id": id, "price": 1.5, "volume": 2, "time": 7}).to_string();
    for list in 0..50 {
        redis.send::<()>(&["RPUSH", &format!("trades:x:S{list}"), &trade(list)]).await;
    }
    open(&mut client, "s", "stream_trade_updates", json!({"exchange": "x"})).await;
    for _ in 0..50 {
        client.receive().await;
    }
    let before = calls(&redis, &READS).await;
    for number in 100..110 {
        redis.send::<()>(&["RPUSH", &format!("trades:x:S{}", number % 50), &trade(number)]).await;
        assert_eq!(client.receive().await["trade_id"], json!(number));
    }
    // One read of the list for each, and now and then one of the keys that there are.
    let reads = calls(&redis, &READS).await - before;
    assert!((10..=20).contains(&reads), "{reads} reads for ten writes");
}
