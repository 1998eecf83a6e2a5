//! Streams of what is appended: every entry once, in order, or a declared gap.

use std::{collections::BTreeSet, time::Duration};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{Follower, open, start};

pub fn trade(id: u64) -> String {
    json!({"trade_id": id, "symbol": "A/B", "price": 1.5, "volume": 2, "time": 7}).to_string()
}

#[tokio::test]
async fn trades_come_once_and_in_order() {
    let (redis, _server, mut client) = start().await;
    redis.send::<()>(&["RPUSH", "trades:x:AB", &trade(1), &trade(2)]).await;
    open(&mut client, "s", "stream_trade_updates", json!({"exchange": "x", "symbol": "A/B"})).await;
    for id in [1, 2] {
        let update = client.receive().await;
        assert_eq!((&update["trade_id"], &update["snapshot"]), (&json!(id), &json!(true)), "{update}");
    }
    for id in 3..20_u64 {
        if id % 5 == 0 {
            // What was seen may be taken from the left.
            redis.send::<()>(&["LTRIM", "trades:x:AB", "-1", "-1"]).await;
        }
        redis.send::<()>(&["RPUSH", "trades:x:AB", &trade(id)]).await;
        let update = client.receive().await;
        assert_eq!((&update["type"], &update["trade_id"]), (&json!("trade_update"), &json!(id)));
    }
    // Whatever came before it was taken away is not known.
    redis.send::<()>(&["DEL", "trades:x:AB"]).await;
    assert_eq!(client.receive().await["type"], "stream_gap");
    redis.send::<()>(&["RPUSH", "trades:x:AB", &trade(20)]).await;
    assert_eq!(client.receive().await["trade_id"], 20);
}

#[tokio::test]
async fn each_trade_arrives_or_lies_in_a_gap_while_another_takes_them() {
    const EACH: u64 = 5_000;
    let (redis, _server, mut client) = start().await;
    open(&mut client, "s", "stream_trade_updates", json!({"exchange": "x", "symbol": "A/B"})).await;
    let write = async |writer: u64| {
        for number in 0..EACH {
            redis.send::<()>(&["RPUSH", "trades:x:AB", &trade(writer * EACH + number)]).await;
        }
    };
    let take = async || loop {
        let trades: Vec<String> = redis.send(&["LRANGE", "trades:x:AB", "0", "-1"]).await;
        if trades.len() > 300 {
            redis.send::<()>(&["DEL", "trades:x:AB"]).await;
        }
    };
    // What is pushed after all writers are done is the end, and nobody takes it.
    let last = 4 * EACH;
    let ending = async {
        let writing = join_all((0..4).map(write));
        tokio::select! {
            _ = writing => {}
            () = take() => {}
        }
        redis.send::<()>(&["RPUSH", "trades:x:AB", &trade(last)]).await;
    };
    let following = async {
        let mut follower = Follower::default();
        // The trades as they came, None for a gap.
        let mut seen: Vec<Option<u64>> = Vec::new();
        loop {
            let update = client.receive().await;
            follower.take(&update, &["trade_id"]);
            seen.push(update["trade_id"].as_u64());
            if update["trade_id"] == json!(last) {
                return seen;
            }
        }
    };
    let (seen, ()) =
        timeout(Duration::from_secs(60), async { tokio::join!(following, ending) }).await.unwrap();
    let arrived: Vec<u64> = seen.iter().copied().flatten().collect();
    assert_eq!(arrived.len(), arrived.iter().collect::<BTreeSet<_>>().len(), "a trade came twice");
    for writer in 0..4_u64 {
        // Of one writer all come in order, and where one is missing there is a gap.
        let mut expected = writer * EACH;
        let mut gap_since = false;
        for trade in &seen {
            match trade {
                None => gap_since = true,
                Some(id) if (writer * EACH..(writer + 1) * EACH).contains(id) => {
                    assert!(
                        *id == expected || (*id > expected && gap_since),
                        "{id} after {expected}: no gap"
                    );
                    expected = id + 1;
                    gap_since = false;
                }
                Some(_) => {}
            }
        }
        assert!(expected == (writer + 1) * EACH || gap_since, "the end of {writer} is missing: {expected}");
    }
    assert!(arrived.len() as u64 > EACH, "only {} of {} arrived", arrived.len(), 4 * EACH);
}

#[tokio::test]
async fn a_bar_is_told_as_it_forms_and_when_it_is_closed() {
    let (redis, _server, mut client) = start().await;
    let bar = |time: u32, close: f64| json!([time, 1, 2, 0.5, close, 10]);
    let push = async |bar: Value| {
        redis.send::<()>(&["RPUSH", "ohlcv:AB:1m", &bar.to_string()]).await;
    };
    push(bar(60, 1.0)).await;
    push(bar(60, 1.1)).await;
    push(bar(120, 1.2)).await;
    open(&mut client, "s", "stream_ohlcv", json!({"symbol": "A/B", "timeframe": "1m"})).await;
    let mut expect = async |bar: Value, closed: bool| {
        let update = client.receive().await;
        assert_eq!((&update["bar"], &update["closed"]), (&bar, &json!(closed)), "{update}");
        assert_eq!((&update["symbol"], &update["timeframe"]), (&json!("A/B"), &json!("1m")));
    };
    expect(bar(60, 1.1), true).await;
    expect(bar(120, 1.2), false).await;
    push(bar(120, 1.3)).await;
    expect(bar(120, 1.3), false).await;
    push(bar(180, 1.4)).await;
    expect(bar(120, 1.3), true).await;
    expect(bar(180, 1.4), false).await;
}

#[tokio::test]
async fn what_is_no_list_holds_up_no_other() {
    let (redis, _server, mut client) = start().await;
    redis.send::<()>(&["SET", "trades:x:A", "no list"]).await;
    redis.send::<()>(&["RPUSH", "trades:x:B", &trade(1)]).await;
    open(&mut client, "s", "stream_trade_updates", json!({"exchange": "x"})).await;
    assert_eq!(client.receive().await["trade_id"], 1);
    redis.send::<()>(&["SET", "trades:x:C", "no list either"]).await;
    redis.send::<()>(&["RPUSH", "trades:x:B", &trade(2)]).await;
    // Whether C was a list before, and had entries, is not known.
    let mut update = client.receive().await;
    while update["type"] == "stream_gap" {
        update = client.receive().await;
    }
    assert_eq!(update["trade_id"], 2);
}

#[tokio::test]
async fn a_list_that_is_kept_at_its_length_is_followed() {
    let (redis, _server, mut client) = start().await;
    let fill: Vec<Vec<String>> =
        (0..11_000).map(|id| ["RPUSH", "trades:x:AB", &trade(id)].map(str::to_owned).to_vec()).collect();
    redis.send_all(&fill).await;
    let trim = ["LTRIM", "trades:x:AB", "-10000", "-1"];
    redis.send::<()>(&trim).await;
    open(&mut client, "s", "stream_trade_updates", json!({"exchange": "x", "symbol": "A/B"})).await;
    while client.receive().await["trade_id"] != 10_999 {}
    // Few, some more, and very many at once.
    for burst in [11_000..11_001, 11_001..11_200, 11_200..13_000] {
        let mut commands: Vec<Vec<String>> = burst
            .clone()
            .map(|id| ["RPUSH", "trades:x:AB", &trade(id)].map(str::to_owned).to_vec())
            .collect();
        commands.push(trim.map(str::to_owned).to_vec());
        redis.send_all(&commands).await;
        for id in burst {
            assert_eq!(client.receive().await["trade_id"], json!(id));
        }
    }
}
