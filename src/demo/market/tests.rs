use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::*;
use crate::demo::{
    accounts::USERS,
    bars, orders,
    pair::{EXCHANGES, PAIRS},
    trades,
};

const NOW: i64 = 1_795_380_479;

/// What a store would hold.
#[derive(Default)]
struct Held {
    texts: BTreeMap<String, String>,
    hashes: BTreeMap<String, BTreeMap<String, String>>,
    lists: BTreeMap<String, Vec<String>>,
    /// How long each list may be, as far as it was trimmed after its last growth.
    bounds: BTreeMap<String, usize>,
}

impl Held {
    fn take(&mut self, commands: &[Vec<String>]) {
        for command in commands {
            let words: Vec<&str> = command.iter().map(String::as_str).collect();
            match words[..] {
                ["SET", key, text] | ["SETEX", key, _, text] => {
                    _ = self.texts.insert(key.into(), text.into())
                }
                ["HSET", key, field, text] => {
                    self.hashes.entry(key.into()).or_default().insert(field.into(), text.into());
                }
                ["HDEL", key, field] => {
                    let gone = self.hashes.get_mut(key).and_then(|hash| hash.remove(field));
                    assert!(gone.is_some(), "{command:?}");
                }
                ["RPUSH", key, ref elements @ ..] => {
                    self.bounds.remove(key);
                    let elements = elements.iter().map(|&element| element.into());
                    self.lists.entry(key.into()).or_default().extend(elements);
                }
                ["LTRIM", key, start, "-1"] => {
                    let most: usize = start[1..].parse().unwrap();
                    let list = self.lists.get_mut(key).unwrap();
                    list.drain(..list.len().saturating_sub(most));
                    self.bounds.insert(key.into(), most);
                }
                ["DEL", key] => assert!(self.lists.remove(key).is_some(), "{command:?}"),
                ["PUBLISH", key, _] => assert!(key.starts_with("ticker_updates:"), "{command:?}"),
                _ => panic!("{command:?}"),
            }
        }
    }

    fn hash(&self, key: &str) -> Vec<(&str, Value)> {
        let fields = self.hashes[key].iter();
        fields.map(|(field, text)| (field.as_str(), serde_json::from_str(text).unwrap())).collect()
    }

    fn lists(&self, prefix: &str) -> Vec<(&str, Vec<Value>)> {
        let lists = self.lists.iter().filter(|(key, _)| key.starts_with(prefix));
        let json = |list: &Vec<String>| list.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
        lists.map(|(key, list)| (key.as_str(), json(list))).collect()
    }
}

/// A market that is so many steps old, and what it wrote.
fn market(seed: u64, second: i64, steps: u32) -> (Held, Vec<usize>) {
    let now = Timestamp::from_second(second).unwrap();
    let (mut simulation, commands) = Simulation::new(seed, now);
    let mut held = Held::default();
    held.take(&commands);
    let mut writes = Vec::new();
    for step in 1..=steps {
        let commands = simulation.step(now + STEP * step);
        held.take(&commands);
        writes.push(commands.len());
    }
    (held, writes)
}

fn number(value: &Value, name: &str) -> f64 {
    value[name].as_f64().unwrap_or_else(|| panic!("{name} in {value}"))
}

fn time(text: &str) -> f64 {
    assert!(text.ends_with("+00:00") && text.len() == 32, "{text}");
    text.parse::<Timestamp>().unwrap().as_microsecond() as f64 / 1e6
}

fn has(value: &Value, names: &str) {
    let missing: Vec<&str> = names.split(' ').filter(|name| value.get(name).is_none()).collect();
    assert!(missing.is_empty(), "{missing:?} in {value}");
}

fn keys(held: &Held) -> BTreeSet<&str> {
    let lists = held.lists.keys();
    let all = held.texts.keys().chain(held.hashes.keys()).chain(lists);
    all.map(String::as_str).filter(|key| !key.starts_with("process:data:")).collect()
}

#[test]
fn quotes_are_in_order_and_close_to_each_other() {
    for steps in [0, 300] {
        let (held, _) = market(1, NOW, steps);
        let mut prices: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for exchange in EXCHANGES {
            let tickers = held.hash(&format!("tickers:{exchange}"));
            assert_eq!(tickers.len(), PAIRS.len());
            for (symbol, ticker) in tickers {
                has(&ticker, "symbol exchange price volume time bid ask last");
                assert_eq!((&ticker["symbol"], &ticker["exchange"]), (&symbol.into(), &exchange.into()));
                let [bid, last, ask] = ["bid", "last", "ask"].map(|name| number(&ticker, name));
                assert!(0.0 < bid && bid < last && last < ask && ask < 1.01 * bid, "{ticker}");
                let time = &held.texts[&format!("ticker_time:{exchange}:{symbol}")];
                assert_eq!(*time, ticker["time"].to_string());
                prices.entry(symbol.into()).or_default().push(last);
            }
        }
        for (symbol, prices) in prices {
            let (least, most) = prices.iter().fold((f64::MAX, 0f64), |(a, b), &p| (a.min(p), b.max(p)));
            assert!(most < 1.003 * least, "{symbol} {prices:?}");
        }
    }
}

#[test]
fn trades_are_bounded_and_complete() {
    let (held, _) = market(2, NOW, 300);
    let of_markets = held.lists("trades:");
    let of_users = held.lists("user_trades:");
    assert!(of_markets.len() > 30 && !of_users.is_empty());
    for (all, most) in [(&of_markets, trades::MOST_OF_MARKET), (&of_users, trades::MOST_OF_USER)] {
        for (key, trades) in all {
            assert!(trades.len() <= most && !key.contains('/'), "{key}");
            for trade in trades {
                has(
                    trade,
                    "trade_id ex_trade_id ex_order_id uid symbol order_type side volume price cost fee time",
                );
                assert!(number(trade, "volume") > 0.0 && number(trade, "cost") > 0.0, "{trade}");
            }
        }
    }
    for exchange in EXCHANGES {
        let last = time(&held.texts[&format!("TRADE:STATUS:{exchange}")]);
        assert!(last > NOW as f64);
    }
    assert!(held.texts.keys().any(|key| key.starts_with("USER_TRADE:STATUS:10")));
}

#[test]
fn nothing_grows_without_a_bound() {
    let (held, _) = market(3, NOW, 3000);
    for (key, list) in &held.lists {
        let bound = held.bounds.get(key).copied();
        let most = match key.split(':').next() {
            Some("trades") => Some(trades::MOST_OF_MARKET),
            Some("user_trades") => Some(trades::MOST_OF_USER),
            Some("ohlcv") => Some(bars::MOST),
            _ => None,
        };
        assert_eq!(bound, most, "{key}");
        assert!(list.len() <= most.unwrap_or(1), "{key}");
    }
    for exchange in EXCHANGES {
        let orders = held.hash(&format!("order_status:{exchange}"));
        assert!(orders.len() > orders::MOST_DONE, "{}", orders.len());
        assert!(orders.len() <= orders::MOST_DONE + orders::MOST_ACTIVE, "{}", orders.len());
    }
    assert!(held.hash("account_positions").len() == USERS.len());
    for (_, account) in held.hash("accounts") {
        for (currency, balance) in account.as_object().unwrap().iter().filter(|(name, _)| *name != "date") {
            let total = balance.get("balance").or_else(|| balance.get("total")).unwrap().as_f64().unwrap();
            let available = number(balance, "available");
            assert!(0.0 <= available && available <= total, "{currency} {balance}");
        }
    }
}

#[test]
fn orders_go_through_their_states_and_leave_nothing_behind() {
    let (held, _) = market(4, NOW, 300);
    let mut states = BTreeSet::new();
    let mut active = 0;
    for exchange in EXCHANGES {
        for (id, order) in held.hash(&format!("order_status:{exchange}")) {
            has(
                &order,
                "ex_order_id ex_id cat_ex_id order_type side plimit bot_id uid command reason futures",
            );
            assert_eq!((&order["order_id"], &order["exchange"]), (&id.into(), &exchange.into()));
            let (volume, filled) = (number(&order, "volume"), number(&order, "final_volume"));
            let status = order["status"].as_str().unwrap().to_owned();
            match status.as_str() {
                "pending" | "open" => assert_eq!(filled, 0.0),
                "partially_filled" => assert!(0.0 < filled && filled < volume, "{order}"),
                "filled" => assert_eq!(filled, volume),
                _ => assert!(filled < volume, "{order}"),
            }
            time(order["timestamp"].as_str().unwrap());
            active += usize::from(!["filled", "canceled"].contains(&status.as_str()));
            states.insert(status);
        }
    }
    assert_eq!(states.len(), 5, "{states:?}");
    let queues = held.lists.iter().filter(|(key, _)| key.starts_with("new_orders:LOCAL_"));
    assert_eq!(queues.filter(|(_, queue)| queue.len() == 1).count(), active);
    assert_eq!(held.hashes["block_exchange"].len(), active);
    assert_eq!(held.lists["new_orders:LOCAL_0001"], ["EX_BIN_000001"]);
    for (place, opening) in &held.hashes["opening_position"] {
        let (bot, since) = opening.split_once(':').unwrap();
        assert_eq!(held.hashes["block_exchange"][place], bot);
        time(since);
    }
}

#[test]
fn accounts_hold_positions_and_balances() {
    let (held, _) = market(5, NOW, 300);
    let mut short = 0;
    for user in USERS.map(|user| user.to_string()) {
        let positions: Value = serde_json::from_str(&held.hashes["account_positions"][&user]).unwrap();
        for (symbol, position) in positions.as_object().unwrap() {
            if symbol == "timestamp" {
                time(position.as_str().unwrap());
                continue;
            }
            let [cost, volume, price] = ["cost", "volume", "price"].map(|name| number(position, name));
            assert!((cost - volume.abs() * price).abs() < 1e-4, "{position}");
            has(position, "fee count timestamp");
            short += usize::from(volume < 0.0);
        }
        let balances: Value = serde_json::from_str(&held.hashes["accounts"][&user]).unwrap();
        time(balances["date"].as_str().unwrap());
        has(&balances["USDT"], "available");
    }
    assert!(short > 0);
    assert!(held.hashes["account_positions"]["1001"].contains("OP/USDT"));
}

#[test]
fn bars_end_at_the_present_and_hold_together() {
    let (held, _) = market(6, NOW, 300);
    let lists = held.lists("ohlcv:");
    let names: BTreeSet<&str> = lists.iter().map(|(key, _)| key.rsplit_once(':').unwrap().0).collect();
    assert!(names.contains("ohlcv:BTC/USDT") && names.contains("ohlcv:BTCUSD"));
    for (key, list) in &lists {
        let span = match key.rsplit(':').next().unwrap() {
            "1m" => 60,
            "5m" => 300,
            "1h" => 3600,
            _ => 86_400,
        };
        let bars: Vec<(i64, [f64; 5])> = list
            .iter()
            .map(|bar| serde_json::from_value::<(i64, f64, f64, f64, f64, f64)>(bar.clone()).unwrap())
            .map(|(time, open, high, low, close, volume)| (time, [open, high, low, close, volume]))
            .collect();
        for (time, [open, high, low, close, volume]) in &bars {
            assert!(
                *low > 0.0 && low <= open && open <= high && low <= close && close <= high,
                "{key} {time}"
            );
            assert!(*volume > 0.0, "{key} {time}");
        }
        let last = bars.last().unwrap().0;
        assert_eq!(last, (NOW + 30) / span * span, "{key}");
        let ahead = bars.windows(2).map(|two| two[1].0 - two[0].0);
        assert!(ahead.clone().all(|ahead| ahead == 0 || ahead == span), "{key}");
        let bars = 1 + ahead.filter(|ahead| *ahead > 0).count();
        assert!(bars >= bars::PAST, "{key} {bars}");
        assert!(list.len() > bars, "the forming bar of {key} was never appended again");
    }
}

#[test]
fn bots_report_and_all_processes_are_well() {
    let (held, _) = market(7, NOW, 300);
    for (_, bot) in held.hash("bot_status") {
        let feeds = bot.as_object().unwrap();
        assert!(!feeds.is_empty());
        feeds.values().for_each(|feed| has(feed, "status symbols performance timestamp"));
    }
    assert_eq!(held.hashes["bot_status"].len(), 8);
    let active = held.hashes.iter().filter(|(key, _)| key.starts_with("process:active:"));
    let active: Vec<_> = active.flat_map(|(_, hash)| hash).collect();
    assert_eq!(held.hashes.keys().filter(|key| key.starts_with("process:active:")).count(), 8);
    assert_eq!(active.len(), held.hashes["process:components"].len());
    for (id, updated) in active {
        assert!(time(updated) > NOW as f64 + 20.0, "{id} {updated}");
        let process: Value = serde_json::from_str(&held.texts[&format!("process:data:{id}")]).unwrap();
        has(&process, "params message created_at");
        assert_eq!((&process["process_id"], &process["heartbeat"]), (&id[..].into(), &updated[..].into()));
        assert_ne!(process["status"], "error");
        let component = process["component"].as_str().unwrap();
        assert_eq!(held.hashes["process:components"][component], *id);
        assert_eq!(
            held.hashes[&format!("process:active:{}", process["process_type"].as_str().unwrap())][id],
            *updated
        );
    }
}

#[test]
fn the_same_seed_makes_the_same_market_at_any_time() {
    let prices = |held: &Held| -> Vec<f64> {
        let tickers = EXCHANGES.iter().flat_map(|exchange| held.hash(&format!("tickers:{exchange}")));
        tickers.map(|(_, ticker)| number(&ticker, "last")).collect()
    };
    let (one, _) = market(8, NOW, 50);
    let (later, _) = market(8, NOW + 1_000_000, 50);
    let (other, _) = market(9, NOW, 50);
    assert_eq!(prices(&one), prices(&later));
    assert_eq!(keys(&one), keys(&later));
    assert_ne!(prices(&one), prices(&other));
}

#[test]
fn a_step_writes_some_and_not_too_much() {
    let (_, writes) = market(10, NOW, 300);
    let mean = writes.iter().sum::<usize>() / writes.len();
    assert!((10..=30).contains(&mean), "{mean}");
    assert!(writes.iter().all(|writes| (10..100).contains(writes)), "{writes:?}");
}

#[tokio::test]
async fn it_fills_a_store_and_stops_when_told() {
    let store = Store::new();
    let mut market = Market::new(store.clone(), 11);
    assert_eq!(market.step(), Ok(()));
    // A key of another type is what the store refuses.
    store.apply(&["DEL", "tickers:binance"]).unwrap();
    store.apply(&["SET", "tickers:binance", "text"]).unwrap();
    assert!((0..20).any(|_| market.step().is_err()));

    let (sender, stop) = watch::channel(false);
    let running = tokio::spawn(market.run(stop));
    sender.send(true).unwrap();
    running.await.unwrap();
}
