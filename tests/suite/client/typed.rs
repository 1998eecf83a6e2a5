//! Every operation by its own types.

use std::collections::BTreeSet;

use fullon_cache_api::{
    client::{Client, ClientError},
    handlers::{accounts::*, bots::*, ohlcv::*, orders::*, processes::*, tickers::*, trades::*},
    operation::{Query, Watch},
};
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};

use crate::common::filled;

/// What `describe` says of the operations, by name, as one takes them from it.
struct Described {
    client: Client,
    operations: Vec<Value>,
    called: BTreeSet<String>,
}

impl Described {
    /// The first of an operation's examples, as its params.
    fn example<T: serde::de::DeserializeOwned>(&mut self, name: &str) -> T {
        let described = self.operations.iter().find(|described| described["name"] == name);
        self.called.insert(name.to_owned());
        serde_json::from_value(described.unwrap()["examples"][0].clone()).unwrap()
    }

    async fn call<Q: Query>(&mut self, name: &str) {
        let query: Q = self.example(name);
        if let Err(error) = self.client.call(query).await {
            panic!("{name}: {error}");
        }
    }

    async fn watch<W: Watch>(&mut self, name: &str) {
        let watch: W = self.example(name);
        let mut updates = self.client.stream(watch).await.unwrap();
        let update = tokio::time::timeout(std::time::Duration::from_secs(5), updates.next()).await;
        let update = update.unwrap_or_else(|_| panic!("{name}: nothing comes")).unwrap();
        assert!(update.unwrap_or_else(|error| panic!("{name}: {error}")).present().is_some());
    }
}

#[tokio::test]
async fn every_operation_is_called_by_its_own_types() {
    let (redis, server, mut other) = filled().await;
    // The recorded processes are not of today; one is made so.
    let ids: Vec<String> = redis.send(&["HKEYS", "process:active:tick"]).await;
    let now = jiff::Timestamp::now().to_string();
    redis.send::<()>(&["HSET", "process:active:tick", &ids[0], &now]).await;
    let all = other.call("describe", json!({})).await;
    let mut described = Described {
        client: Client::connect(&server.url()).await.unwrap(),
        operations: all["operations"].as_array().unwrap().clone(),
        called: BTreeSet::new(),
    };
    macro_rules! all {
        ($how:ident: $($name:literal $params:ty),+ $(,)?) => { $(described.$how::<$params>($name).await;)+ };
    }
    all!(call:
        "get_ticker" GetTicker, "get_all_tickers" GetAllTickers, "get_any_ticker" GetAnyTicker,
        "get_exchanges" GetExchanges, "get_positions" GetPositions, "get_position" GetPosition,
        "get_balance" GetBalance, "get_balances" GetBalances, "get_order_status" GetOrderStatus,
        "get_orders" GetOrders, "get_queue_length" GetQueueLength, "get_order_queue" GetOrderQueue,
        "get_bots" GetBots, "get_bot_status" GetBotStatus, "is_blocked" IsBlocked, "get_blocks" GetBlocks,
        "is_opening_position" IsOpeningPosition, "get_trades" GetTrades, "get_user_trades" GetUserTrades,
        "get_trade_status" GetTradeStatus, "get_trade_statuses" GetTradeStatuses,
        "get_user_trade_status" GetUserTradeStatus, "get_latest_ohlcv_bars" GetLatestOhlcvBars,
        "get_system_health" GetSystemHealth, "get_active_processes" GetActiveProcesses,
        "get_process" GetProcess, "get_component_status" GetComponentStatus,
        "get_process_metrics" GetProcessMetrics,
    );
    all!(watch:
        "stream_tickers" StreamTickers, "stream_positions" StreamPositions, "stream_balances" StreamBalances,
        "stream_orders" StreamOrders, "stream_order_queue" StreamOrderQueue,
        "stream_bot_status" StreamBotStatus, "stream_blocks" StreamBlocks,
        "stream_trade_updates" StreamTradeUpdates, "stream_user_trades" StreamUserTrades,
        "stream_ohlcv" StreamOhlcv, "stream_process_health" StreamProcessHealth,
        "stream_processes" StreamProcesses,
    );
    let names = described.operations.iter().filter(|described| described["kind"] != "system");
    let names: BTreeSet<String> =
        names.map(|described| described["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(described.called, names);
}

#[tokio::test]
async fn an_answer_tells_where_its_time_went_if_that_is_asked() {
    let (_redis, server, _other) = filled().await;
    let client = Client::connect(&server.url()).await.unwrap();
    let params = json!({"exchange": "binance", "symbol": "BTC/USDT"});
    let (plain, explained) =
        (client.call_by_name("get_ticker", &params).await, client.explain("get_ticker", &params).await);
    let (plain, explained) = (plain.unwrap(), explained.unwrap());
    assert_eq!((plain.result.get(), plain.explain), (explained.result.get(), None));
    assert_eq!(explained.explain.unwrap()["commands"], json!({"HGET": 1}));
    let missing = json!({"exchange": "binance", "symbol": "NO/SUCH"});
    match client.explain("get_ticker", &missing).await {
        Err(ClientError::Refused(refusal)) => {
            assert_eq!((refusal.error_code.as_str(), refusal.explain.is_some()), ("CACHE_MISS", true));
        }
        other => panic!("{other:?}"),
    }
    // A stream does not stay open.
    let opened = client.explain("stream_tickers", &json!({"exchange": "binance"})).await.unwrap();
    assert_eq!(opened.explain.unwrap()["stream"]["subscribers"], 1);
    let open: Vec<Value> = client.call_by_name("list_streams", &json!({})).await.unwrap().read().unwrap();
    assert_eq!(open, Vec::<Value>::new());
}

#[tokio::test]
async fn pages_have_all_that_there_is_once_and_in_order() {
    let (_redis, server, _other) = filled().await;
    let client = Client::connect(&server.url()).await.unwrap();
    let query = || GetAllTickers { exchange: "binance".into() };
    let symbols =
        |tickers: Vec<Ticker>| -> Vec<String> { tickers.into_iter().map(|ticker| ticker.symbol).collect() };
    let all = symbols(client.call(query()).await.unwrap());
    let parts: Vec<Vec<Ticker>> = client.pages(query(), Some(2)).try_collect().await.unwrap();
    assert!(parts.len() > 1 && parts.iter().all(|part| part.len() <= 2), "{parts:?}");
    assert_eq!(symbols(parts.into_iter().flatten().collect()), all);
    let whole: Vec<Vec<Ticker>> = client.pages(query(), None).try_collect().await.unwrap();
    assert_eq!(whole.into_iter().map(symbols).collect::<Vec<_>>(), [all]);
    let refused = client.pages(query(), Some(0)).try_next().await.unwrap_err();
    assert_eq!(refused.code(), "INVALID_PARAMS");
}
