//! Going on where one left.

use std::collections::BTreeMap;

use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};

use super::{Follower, open, start, ticker};
use crate::common::Client;
use fullon_cache_api::cache::Store;

/// The prices by symbol.
type Prices = BTreeMap<String, Value>;

/// Follows a stream until these are the prices.
async fn settle(client: &mut Client, follower: &mut Follower, expected: &Prices) {
    while follower.values("price") != *expected {
        let update = client.receive().await;
        follower.take(&update, &["symbol"]);
    }
}

/// Changes the stored tickers, and gives the prices as a follower will know them.
fn change(store: &Store, prices: &mut Prices, changes: &[Change]) {
    for (symbol, price) in changes {
        let symbol = format!("S{symbol}");
        let name = json!(symbol).to_string();
        let changed = match price {
            Some(price) => {
                let price = f64::from(*price);
                prices.insert(name, json!(price));
                store.apply(&["HSET", "tickers:x", &symbol, &ticker("x", &symbol, price)])
            }
            None => {
                prices.remove(&name);
                store.apply(&["HDEL", "tickers:x", &symbol])
            }
        };
        changed.unwrap();
    }
}

/// A symbol, and its new price or none any more.
type Change = (u8, Option<u8>);

fn history() -> impl Strategy<Value = Vec<Change>> {
    let change = (0..5_u8, prop_oneof![Just(None), (0..3_u8).prop_map(Some)]);
    proptest::collection::vec(change, 0..40)
}

/// Whatever is read in the course of time: applied to nothing, the updates give what was read last, and
/// none of them says what was known already.
#[test]
fn the_updates_of_any_history_add_up_to_what_is_there() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(ProptestConfig::with_cases(40));
    let reads = proptest::collection::vec(history(), 1..6);
    let outcome = runner.run(&reads, |reads| {
        runtime.block_on(async {
            let store = Store::new();
            let server = crate::common::Server::embedded(store.clone()).await;
            let mut client = server.client().await;
            open(&mut client, "s", "stream_tickers", json!({"exchange": "x"})).await;
            let (mut prices, mut known) = (Prices::new(), Follower::default());
            for changes in &reads {
                change(&store, &mut prices, changes);
                while known.values("price") != prices {
                    let update = client.receive().await;
                    let before = known.values("price");
                    known.take(&update, &["symbol"]);
                    assert_ne!(known.values("price"), before, "no news: {update}");
                }
            }
            // Nothing but the answer comes after that.
            client.call("ping", json!({})).await;
        });
        Ok(())
    });
    outcome.unwrap();
}

/// For any history of changes and any point of leaving: the state at that point and what is told on coming
/// back give the present state.
#[test]
fn what_was_known_and_what_was_missed_is_all_there_is() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(ProptestConfig::with_cases(40));
    let outcome = runner.run(&(history(), 0..8_usize, history()), |(before, seen, after)| {
        runtime.block_on(async {
            let store = Store::new();
            let server = crate::common::Server::embedded(store.clone()).await;
            let mut prices = Prices::new();
            change(&store, &mut prices, &before);
            let mut client = server.client().await;
            let settings = open(&mut client, "s", "stream_tickers", json!({"exchange": "x"})).await;
            let mut known = Follower::default();
            // It leaves when it knows all, or before.
            for _ in 0..seen {
                if known.values("price") != prices {
                    known.take(&client.receive().await, &["symbol"]);
                }
            }
            drop(client);
            change(&store, &mut prices, &after);
            let mut client = server.client().await;
            let resume = json!({"epoch": settings["epoch"], "update_id": known.last.unwrap_or(0)});
            let params = json!({"exchange": "x", "resume": resume});
            assert_eq!(open(&mut client, "s", "stream_tickers", params).await["resumed"], true);
            known.last = None;
            settle(&mut client, &mut known, &prices).await;
        });
        Ok(())
    });
    outcome.unwrap();
}

#[tokio::test]
async fn what_cannot_be_resumed_is_told_anew() {
    let (redis, _server, mut client) = start().await;
    redis.send::<()>(&["HSET", "tickers:x", "A", &ticker("x", "A", 1.0)]).await;
    let settings = open(&mut client, "s", "stream_tickers", json!({"exchange": "x"})).await;
    let last = client.receive().await["update_id"].as_u64().unwrap();
    for (id, epoch, update_id) in
        [("other", json!("1-1"), last), ("future", settings["epoch"].clone(), last + 1000)]
    {
        let params = json!({"exchange": "x", "resume": {"epoch": epoch, "update_id": update_id}});
        assert_eq!(open(&mut client, id, "stream_tickers", params).await["resumed"], false);
        let update = client.receive().await;
        assert_eq!((&update["request_id"], &update["snapshot"]), (&json!(id), &json!(true)));
    }
}

#[tokio::test]
async fn who_comes_back_is_told_when_all_is_told() {
    let (redis, server, mut client) = start().await;
    let set = async |symbol: &str, price: f64| {
        redis.send::<()>(&["HSET", "tickers:x", symbol, &ticker("x", symbol, price)]).await;
    };
    set("A", 1.0).await;
    let params = json!({"exchange": "x"});
    let first = open(&mut client, "first", "stream_tickers", params.clone()).await;
    let told = client.receive().await;
    assert_eq!(told["symbol"], "A");
    // Who begins has nothing that might be gone.
    client.call("ping", json!({})).await;

    let resume = |epoch: &Value, update_id: &Value| {
        json!({"exchange": "x", "resume": {"epoch": epoch, "update_id": update_id}})
    };
    let mut other = server.client().await;
    let again = open(&mut other, "s", "stream_tickers", resume(&json!("0"), &json!(1))).await;
    assert_eq!(again["resumed"], false);
    assert_eq!(other.receive().await["snapshot"], true);
    let complete = other.receive().await;
    let expected =
        json!({"type": "stream_complete", "request_id": "s", "update_id": complete["update_id"]});
    assert_eq!(complete, expected);

    set("B", 2.0).await;
    assert_eq!(other.receive().await["symbol"], "B");
    let mut other = server.client().await;
    let point = resume(&first["epoch"], &complete["update_id"]);
    let again = open(&mut other, "s", "stream_tickers", point).await;
    assert_eq!(again["resumed"], true);
    assert_eq!(other.receive().await["symbol"], "B");
    assert_eq!(other.receive().await["type"], "stream_complete");

    // Of nothing at all, too.
    let nothing = json!({"exchange": "y", "resume": {"epoch": "0", "update_id": 1}});
    open(&mut other, "t", "stream_tickers", nothing).await;
    let complete = other.receive().await;
    assert_eq!((&complete["type"], &complete["request_id"]), (&json!("stream_complete"), &json!("t")));
    // A log has no items that could be gone.
    let log = json!({"exchange": "x", "symbol": "A/B", "resume": {"epoch": "0", "update_id": 1}});
    open(&mut other, "u", "stream_trade_updates", log).await;
    other.call("ping", json!({})).await;
}
