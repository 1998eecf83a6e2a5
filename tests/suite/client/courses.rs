//! Streams over any number of connections.

use std::collections::BTreeSet;

use fullon_cache_api::{
    client::{Client, Event, Item, StreamKind, Updates},
    handlers::{
        tickers::{StreamTickers, Ticker},
        trades::{StreamTradeUpdates, Trade},
    },
};
use futures_util::StreamExt as _;
use serde_json::{Map, json};

use super::{Way, hasty, soon};
use crate::{
    common::{Binary, Redis, RedisOptions, Server, free_port},
    streams::{ticker, trade},
};

type Tickers = Updates<fullon_cache_api::client::Update<Ticker>>;

pub fn tickers() -> StreamTickers {
    StreamTickers { exchange: "x".into(), symbols: Vec::new() }
}

pub fn trades() -> StreamTradeUpdates {
    StreamTradeUpdates { exchange: "x".into(), symbol: Some("A/B".into()) }
}

pub async fn set_price(redis: &Redis, symbol: &str, price: u32) {
    let ticker = ticker("x", symbol, price.into());
    redis.send::<()>(&["HSET", "tickers:x", symbol, &ticker]).await;
}

pub async fn add_trades(redis: &Redis, ids: impl Iterator<Item = u64>) {
    let push = ids.map(|id| ["RPUSH".to_owned(), "trades:x:AB".to_owned(), trade(id)].to_vec());
    redis.send_all(&push.collect::<Vec<_>>()).await;
}

/// The next price, and whether it is of the snapshot.
async fn price(tickers: &mut Tickers) -> (Option<f64>, bool) {
    let update = soon(tickers.next()).await.unwrap().unwrap();
    (update.present().and_then(|ticker| ticker.price.0), update.is_snapshot)
}

pub fn id(trade: &Trade) -> u64 {
    trade.trade_id.unwrap()
}

#[tokio::test]
async fn a_state_is_told_and_then_its_changes() {
    let redis = Redis::start().await;
    set_price(&redis, "A/B", 1).await;
    let server = Server::reading(&redis).await;
    let client = Client::connect(&server.url()).await.unwrap();
    let mut updates = client.stream(tickers()).await.unwrap();
    assert_eq!(updates.settings().update_type, "ticker_update");
    assert_eq!(price(&mut updates).await, (Some(1.0), true));
    set_price(&redis, "A/B", 2).await;
    assert_eq!(price(&mut updates).await, (Some(2.0), false));
    redis.send::<()>(&["HDEL", "tickers:x", "A/B"]).await;
    let gone = soon(updates.next()).await.unwrap().unwrap();
    let named = [("exchange", "x"), ("symbol", "A/B")].map(|(name, text)| (name.to_owned(), text.to_owned()));
    assert_eq!(gone.item, Item::Removed(named.into()));
}

#[tokio::test]
async fn a_stream_that_is_dropped_ends_and_one_keeps_the_connection() {
    let redis = Redis::start().await;
    let server = Server::reading(&redis).await;
    let client = Client::connect(&server.url()).await.unwrap();
    let count = async || {
        let streams = client.call_by_name("list_streams", &json!({})).await.unwrap();
        streams.read::<serde_json::Value>().unwrap().as_array().unwrap().len()
    };
    let first = client.stream(tickers()).await.unwrap();
    let second = client.stream(trades()).await.unwrap();
    assert_eq!(count().await, 2);
    drop((first, second));
    soon(async { while count().await > 0 {} }).await;
    let mut last = client.stream(tickers()).await.unwrap();
    drop(client);
    set_price(&redis, "A/B", 1).await;
    assert_eq!(price(&mut last).await.0, Some(1.0));
}

#[tokio::test]
async fn a_stream_goes_on_where_it_was() {
    let redis = Redis::start().await;
    set_price(&redis, "A/B", 0).await;
    add_trades(&redis, 0..1).await;
    let server = Server::reading(&redis).await;
    let way = Way::to(&server).await;
    let client = hasty(&way.url).connect().await.unwrap();
    let mut prices = client.stream(tickers()).await.unwrap();
    let mut log = client.stream(trades()).await.unwrap();
    assert_eq!(price(&mut prices).await, (Some(0.0), true));
    assert!(soon(log.next()).await.unwrap().unwrap().is_snapshot);
    for round in 1..20_u32 {
        way.cut();
        set_price(&redis, "A/B", round).await;
        add_trades(&redis, [u64::from(round)].into_iter()).await;
        assert_eq!(price(&mut prices).await, (Some(f64::from(round)), false));
        let trade = soon(log.next()).await.unwrap().unwrap();
        assert_eq!(id(trade.present().unwrap()), u64::from(round));
    }
    // The same by the hand of the caller, on a connection of its own.
    let position = prices.position().unwrap();
    soon(client.close()).await;
    assert!(soon(prices.next()).await.is_none());
    set_price(&redis, "C/D", 7).await;
    let client = Client::connect(&server.url()).await.unwrap();
    let mut prices = client.stream(tickers()).resume(position).await.unwrap();
    assert!(prices.settings().resumed);
    assert_eq!(price(&mut prices).await, (Some(7.0), false));
}

#[tokio::test]
async fn events_tell_of_another_server_and_of_a_redis_that_is_gone() {
    let mut redis =
        Redis::start_with(RedisOptions { port: Some(free_port()), ..RedisOptions::default() }).await;
    set_price(&redis, "A/B", 1).await;
    let (port, url) = (free_port(), redis.url());
    let args = ["serve", "--redis-url", &url];
    let first = Binary::serve(&args, port).await;
    let client = hasty(&format!("ws://127.0.0.1:{port}")).connect().await.unwrap();
    let mut events = client.stream(tickers()).events().await.unwrap();
    let mut next = async || soon(events.next()).await.unwrap().unwrap();
    assert!(matches!(next().await, Event::Update(update) if update.is_snapshot));

    drop(first);
    assert!(matches!(next().await, Event::Reconnecting { .. }));
    let _second = Binary::serve(&args, port).await;
    // The other server knows nothing of the first one's, so all follows anew.
    assert!(matches!(next().await, Event::Gap(_)));
    assert!(matches!(next().await, Event::Fresh));
    assert!(matches!(next().await, Event::Update(update) if update.is_snapshot));

    redis.kill();
    assert!(matches!(next().await, Event::Stale { .. }));
    redis.revive().await;
    set_price(&redis, "A/B", 2).await;
    let mut told = Vec::new();
    loop {
        match next().await {
            Event::Fresh => break,
            event => told.push(event),
        }
    }
    let priced = |event: &Event<_>| {
        matches!(event, Event::Update(update) if fullon_cache_api::client::Update::present(update)
            .is_some_and(|ticker: &Ticker| ticker.price.0 == Some(2.0)))
    };
    if !told.iter().any(priced) {
        // It came back empty, and was filled when the server had looked already.
        assert!(priced(&next().await));
    }
}

#[tokio::test]
async fn what_goes_away_unsaid_is_told_all_the_same() {
    let redis = Redis::start().await;
    for symbol in ["A/B", "C/D", "E/F"] {
        set_price(&redis, symbol, 1).await;
    }
    let (port, url) = (free_port(), redis.url());
    let args = ["serve", "--redis-url", &url];
    let first = Binary::serve(&args, port).await;
    let client = hasty(&format!("ws://127.0.0.1:{port}")).connect().await.unwrap();
    let mut updates = client.stream(tickers()).await.unwrap();
    for _ in 0..3 {
        assert_eq!(price(&mut updates).await, (Some(1.0), true));
    }
    drop(first);
    redis.send::<()>(&["HDEL", "tickers:x", "C/D", "E/F"]).await;
    let second = Binary::serve(&args, port).await;
    assert_eq!(price(&mut updates).await, (Some(1.0), true));
    let mut gone = BTreeSet::new();
    for _ in 0..2 {
        let Item::Removed(named) = soon(updates.next()).await.unwrap().unwrap().item else {
            panic!("not gone")
        };
        gone.insert(named["symbol"].clone());
    }
    assert!(gone.iter().eq(["C/D", "E/F"]), "{gone:?}");
    // Once more, when nothing is left.
    drop(second);
    redis.send::<()>(&["DEL", "tickers:x"]).await;
    let _third = Binary::serve(&args, port).await;
    let Item::Removed(named) = soon(updates.next()).await.unwrap().unwrap().item else { panic!("not gone") };
    assert_eq!(named["symbol"], "A/B");
    set_price(&redis, "A/B", 2).await;
    assert_eq!(price(&mut updates).await, (Some(2.0), false));
}

#[tokio::test]
async fn a_log_that_is_read_slowly_is_complete() {
    const ALL: u64 = 5_000;
    let redis = Redis::start().await;
    // Of a list that appears later nobody knows how it began.
    add_trades(&redis, 0..1).await;
    let server = Server::reading(&redis).await;
    let client = Client::connect(&server.url()).await.unwrap();
    let mut log = client.stream(trades()).max_queue(50).await.unwrap();
    let writing = async {
        for first in (1..ALL).step_by(100) {
            add_trades(&redis, first..(first + 100).min(ALL)).await;
        }
    };
    let reading = async {
        for expected in 0..ALL {
            let update = soon(log.next()).await.unwrap().unwrap();
            assert_eq!(id(update.present().unwrap()), expected);
            if expected % 10 == 0 {
                tokio::task::yield_now().await;
            }
        }
    };
    tokio::join!(writing, reading);
}

#[tokio::test]
async fn a_log_that_the_server_forgot_has_a_gap() {
    let redis = Redis::start().await;
    let server = Server::reading_with(&redis, |config| config.streams.log_entries = 20).await;
    add_trades(&redis, 0..1).await;
    let client = Client::connect(&server.url()).await.unwrap();
    let mut told = client.stream(trades()).max_queue(10).events().await.unwrap();
    let mut untold = client.stream(trades()).max_queue(10).await.unwrap();
    add_trades(&redis, 1..2_000).await;
    let mut ids = Vec::new();
    let gap = soon(async {
        loop {
            match told.next().await.unwrap().unwrap() {
                Event::Update(update) => ids.push(id(update.present().unwrap())),
                Event::Gap(gap) => break gap,
                event => panic!("{event:?}"),
            }
        }
    });
    let gap = gap.await;
    assert!(!gap.reason.is_empty() && ids.iter().copied().eq(0..ids.len() as u64), "{ids:?}");
    let error = soon(async {
        loop {
            if let Err(error) = untold.next().await.unwrap() {
                break error;
            }
        }
    });
    assert_eq!(error.await.code(), "STREAM_GAP");
    assert!(soon(untold.next()).await.is_none());
}

#[tokio::test]
async fn a_state_that_is_read_slowly_is_the_newest() {
    let redis = Redis::start().await;
    let server = Server::reading(&redis).await;
    let client = Client::connect(&server.url()).await.unwrap();
    let mut slow = client.stream(tickers()).await.unwrap();
    let mut quick = client.stream(tickers()).await.unwrap();
    for round in 1..=100 {
        set_price(&redis, "A/B", round).await;
    }
    while price(&mut quick).await.0 != Some(100.0) {}
    // Both streams are of one topic and one connection, so what one has been told the other has, too, or is about to be.
    let mut seen = 0;
    while price(&mut slow).await.0 != Some(100.0) {
        seen += 1;
    }
    assert!(seen < 10, "{seen} updates waited of one item");
}

#[tokio::test]
async fn a_stream_that_is_refused_says_why() {
    let redis = Redis::start().await;
    let server = Server::reading(&redis).await;
    let client = Client::connect(&server.url()).await.unwrap();
    let open = async |operation: &str, params: Map<_, _>| {
        client.stream_by_name(operation, params, StreamKind::Log).await.unwrap_err().code().to_owned()
    };
    assert_eq!(open("stream_tickers", Map::new()).await, "INVALID_PARAMS");
    assert_eq!(open("stream_nothing", Map::new()).await, "INVALID_OPERATION");
    // A read is answered, but by no stream's settings.
    assert_eq!(open("get_exchanges", Map::new()).await, "UNKNOWN_FORM");
}
