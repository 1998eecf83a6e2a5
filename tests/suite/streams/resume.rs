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

/// For any history of changes and any point of leaving: the state at that point and what is told on coming
/// back give the present state.
#[test]
fn what_was_known_and_what_was_missed_is_all_there_is() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let change = (0..5_u8, prop_oneof![Just(None), (0..3_u8).prop_map(Some)]);
    let history = proptest::collection::vec(change, 0..40);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(40));
    let outcome = runner.run(&(history.clone(), history), |(before, after)| {
        runtime.block_on(async {
            let store = Store::new();
            let server = crate::common::Server::embedded(store.clone()).await;
            let mut prices = Prices::new();
            let mut apply = |changes: &[(u8, Option<u8>)]| {
                for (symbol, price) in changes {
                    let symbol = format!("S{symbol}");
                    let name = json!(symbol).to_string();
                    match price {
                        Some(price) => {
                            let price = f64::from(*price);
                            prices.insert(name, json!(price));
                            store.apply(&["HSET", "tickers:x", &symbol, &ticker("x", &symbol, price)])
                        }
                        None => {
                            prices.remove(&name);
                            store.apply(&["HDEL", "tickers:x", &symbol])
                        }
                    }
                    .unwrap();
                }
                prices.clone()
            };
            let at_leaving = apply(&before);
            let mut client = server.client().await;
            let settings = open(&mut client, "s", "stream_tickers", json!({"exchange": "x"})).await;
            let mut known = Follower::default();
            settle(&mut client, &mut known, &at_leaving).await;
            drop(client);
            let at_return = apply(&after);
            let mut client = server.client().await;
            let resume = json!({"epoch": settings["epoch"], "update_id": known.last.unwrap_or(0)});
            let params = json!({"exchange": "x", "resume": resume});
            assert_eq!(open(&mut client, "s", "stream_tickers", params).await["resumed"], true);
            known.last = None;
            settle(&mut client, &mut known, &at_return).await;
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
