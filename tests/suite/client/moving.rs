//! Any number of servers on one Redis, behind one address: what a client's streams tell when the server that it is
//! connected to is stopped and it goes over to another.

use std::collections::BTreeMap;

use fullon_cache_api::{
    client::{Client, Event, Events, Item, Update},
    handlers::trades::{StreamTradeUpdates, Trade},
};
use futures_util::StreamExt as _;

use super::{
    Way,
    courses::{add_trades, id, set_price, tickers, trades},
    hasty, soon,
};
use crate::common::{Redis, Server};

type Log = Events<Update<Trade>>;

/// What a log tells until a trade of some id: the ids, and how many gaps, each behind as many ids.
async fn told_until(log: &mut Log, last: u64) -> (Vec<u64>, Vec<usize>) {
    let (mut ids, mut gaps) = (Vec::new(), Vec::new());
    loop {
        match soon(log.next()).await.unwrap().unwrap() {
            Event::Update(update) => ids.push(id(update.present().unwrap())),
            Event::Gap(_) => gaps.push(ids.len()),
            _ => {}
        }
        if ids.last() == Some(&last) {
            return (ids, gaps);
        }
    }
}

#[tokio::test]
async fn streams_go_over_to_another_server_and_nothing_is_lost_unsaid() {
    const SERVERS: u32 = 4;
    let redis = Redis::start().await;
    add_trades(&redis, 0..10).await;
    for symbol in ["KEPT/B", "CHANGED/B", "GONE0/B", "GONE1/B", "GONE2/B", "GONE3/B"] {
        set_price(&redis, symbol, 0).await;
    }
    let mut server = Server::reading(&redis).await;
    let way = Way::to(&server).await;
    let client = hasty(&way.url).connect().await.unwrap();
    let mut state = client.stream(tickers()).await.unwrap();
    let mut prices = BTreeMap::new();
    let mut take = async |until: &dyn Fn(&BTreeMap<String, f64>) -> bool| {
        while !until(&prices) {
            match soon(state.next()).await.unwrap().unwrap().item {
                Item::Present(ticker) => prices.insert(ticker.symbol, ticker.price.0.unwrap()),
                Item::Removed(named) => prices.remove(named["symbol"].as_str()),
            };
        }
    };
    take(&|prices| prices.len() == 6).await;
    // One list has one order, whichever server reads it; that of several is each server's own.
    let mut of_one = client.stream(trades()).events().await.unwrap();
    let whole = StreamTradeUpdates { exchange: "x".into(), symbol: None };
    let mut of_all = client.stream(whole).events().await.unwrap();
    assert_eq!(told_until(&mut of_one, 9).await, ((0..10).collect(), vec![]));
    assert_eq!(told_until(&mut of_all, 9).await, ((0..10).collect(), vec![]));

    for round in 0..SERVERS {
        let other = Server::reading(&redis).await;
        way.lead_nowhere();
        server.stopped().await;
        let first = 10 + u64::from(round) * 10;
        add_trades(&redis, first..first + 10).await;
        set_price(&redis, "CHANGED/B", round + 1).await;
        redis.send::<()>(&["HDEL", "tickers:x", &format!("GONE{round}/B")]).await;
        way.lead_to(&other);
        // The state ends right, removals among it.
        let expected = 5 - round as usize;
        take(&|prices| prices.len() == expected && prices["CHANGED/B"] == f64::from(round + 1)).await;
        // The log of one list goes on without a gap, and tells nothing twice.
        assert_eq!(told_until(&mut of_one, first + 9).await, ((first..first + 10).collect(), vec![]));
        // Of the other it is said that something may be missing, before what is there is told anew.
        let (ids, gaps) = told_until(&mut of_all, first + 9).await;
        assert_eq!(gaps.len(), 1, "{ids:?}");
        assert_eq!(ids[gaps[0]..], (0..first + 10).collect::<Vec<_>>(), "{gaps:?}");
        server = other;
    }
    assert_eq!(prices.into_keys().collect::<Vec<_>>(), ["CHANGED/B", "KEPT/B"]);
}

/// A log of which ten trades were told before its server went away, and the way on which another may come.
async fn cut_off_after_ten() -> (Redis, Way, Client, Log) {
    let redis = Redis::start().await;
    add_trades(&redis, 0..10).await;
    let server = Server::reading(&redis).await;
    let way = Way::to(&server).await;
    let client = hasty(&way.url).connect().await.unwrap();
    let mut log = client.stream(trades()).events().await.unwrap();
    assert_eq!(told_until(&mut log, 9).await, ((0..10).collect(), vec![]));
    way.lead_nowhere();
    way.cut();
    (redis, way, client, log)
}

#[tokio::test]
async fn a_log_whose_last_entry_was_taken_away_meanwhile_says_so() {
    let (redis, way, _client, mut log) = cut_off_after_ten().await;
    redis.send::<()>(&["DEL", "trades:x:AB"]).await;
    add_trades(&redis, 20..30).await;
    // The other server was not there, and cannot know what was between.
    let other = Server::reading(&redis).await;
    way.lead_to(&other);
    assert_eq!(told_until(&mut log, 29).await, ((20..30).collect(), vec![0]));
}

#[tokio::test]
async fn a_log_whose_last_entry_is_there_twice_says_so() {
    let (redis, way, _client, mut log) = cut_off_after_ten().await;
    add_trades(&redis, 10..12).await;
    add_trades(&redis, 9..10).await;
    add_trades(&redis, 12..20).await;
    // The other server cannot know which of the two it was.
    let other = Server::reading(&redis).await;
    way.lead_to(&other);
    let all: Vec<u64> = (0..12).chain([9]).chain(12..20).collect();
    assert_eq!(told_until(&mut log, 19).await, (all, vec![0]));
}
