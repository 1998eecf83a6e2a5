//! The Rust client: typed calls and streams, and that it goes on over whatever happens to its connection.

mod courses;
mod logins;
mod moving;
mod typed;

use std::{net::SocketAddr, time::Duration};

use fullon_cache_api::{
    cache::{Cache, Store},
    client::{Builder, Client, ClientError, ConnectionState},
    config::Span,
    handlers::tickers::{GetTicker, StreamTickers},
    registry::Registry,
};
use futures_util::StreamExt as _;
use serde_json::json;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    time::timeout,
};

use crate::common::{Redis, Server, filled};

/// What a client sees of a server, through a way that can be cut, and can lead to another.
struct Way {
    url: String,
    cut: watch::Sender<u64>,
    target: watch::Sender<Option<SocketAddr>>,
}

impl Way {
    async fn to(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        let (cut, is_cut) = watch::channel(0);
        let (target, leads_to) = watch::channel(Some(server.address));
        tokio::spawn(async move {
            while let Ok((mut from, _)) = listener.accept().await {
                let mut is_cut = is_cut.clone();
                is_cut.mark_unchanged();
                let Some(address) = *leads_to.borrow() else { continue };
                tokio::spawn(async move {
                    let Ok(mut to) = TcpStream::connect(address).await else { return };
                    tokio::select! {
                        _ = copy_bidirectional(&mut from, &mut to) => {}
                        _ = is_cut.changed() => {}
                    }
                });
            }
        });
        Self { url, cut, target }
    }

    /// New connections lead to another server.
    fn lead_to(&self, server: &Server) {
        self.target.send_replace(Some(server.address));
    }

    /// New connections are closed at once.
    fn lead_nowhere(&self) {
        self.target.send_replace(None);
    }

    /// Cuts all connections; new ones are let through.
    fn cut(&self) {
        self.cut.send_modify(|times| *times += 1);
    }
}

/// A client that does not wait for long.
fn hasty(url: &str) -> Builder {
    Client::builder(url).backoff(Duration::from_millis(10), Duration::from_millis(50))
}

/// What comes within a time that is long enough for anything.
async fn soon<T>(doing: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), doing).await.expect("nothing comes")
}

fn ticker() -> GetTicker {
    GetTicker { exchange: "binance".into(), symbol: "BTC/USDT".into() }
}

#[tokio::test]
async fn an_error_says_what_it_is() {
    let (_redis, server, _) = filled().await;
    let client = Client::connect(&server.url()).await.unwrap();
    let miss =
        client.call(GetTicker { exchange: "binance".into(), symbol: "NO/PAIR".into() }).await.unwrap_err();
    assert!(miss.is_miss() && !miss.is_retryable() && miss.to_string().contains("NO/PAIR"), "{miss}");
    let wrong =
        client.call(GetTicker { exchange: "no/one".into(), symbol: "no pair".into() }).await.unwrap_err();
    let ClientError::Refused(refusal) = &wrong else { panic!("{wrong}") };
    assert_eq!((wrong.code(), refusal.details.len()), ("INVALID_PARAMS", 2), "{wrong}");
    let unknown = client.call_by_name("get_tikcer", &json!({})).await.unwrap_err();
    assert_eq!(unknown.code(), "INVALID_OPERATION");
    assert!(client.ping().await.unwrap().0 > 1e9);
}

#[tokio::test]
async fn many_calls_share_one_connection() {
    let (_redis, server, _) = filled().await;
    let client = Client::connect(&server.url()).await.unwrap();
    let calls = (0..500).map(|_| client.call(ticker()));
    let prices = futures_util::future::try_join_all(calls).await.unwrap();
    assert!(prices.iter().all(|ticker| ticker.symbol == "BTC/USDT" && ticker.price.0.is_some()));
    let stats = client.call_by_name("get_server_stats", &json!({})).await.unwrap();
    let stats: serde_json::Value = stats.read().unwrap();
    assert_eq!(stats["connections"], 1, "{stats}");
}

#[tokio::test]
async fn what_cannot_be_reached_is_said_at_once() {
    for (url, code) in [
        ("http://127.0.0.1:1", "WRONG_ADDRESS"),
        ("127.0.0.1", "WRONG_ADDRESS"),
        ("ws://127.0.0.1:1", "CONNECTION_LOST"),
        ("unix:///nowhere/at/all", "CONNECTION_LOST"),
    ] {
        assert_eq!(Client::connect(url).await.unwrap_err().code(), code, "{url}");
    }
}

#[tokio::test]
async fn a_call_outlives_its_connection() {
    let (_redis, server, _) = filled().await;
    let way = Way::to(&server).await;
    let client = hasty(&way.url).connect().await.unwrap();
    let mut state = client.state();
    for _ in 0..20 {
        way.cut();
        assert_eq!(client.call(ticker()).await.unwrap().exchange, "binance");
    }
    soon(state.wait_for(|state| matches!(state, ConnectionState::Connected))).await.unwrap();
}

#[tokio::test]
async fn a_call_is_given_up_in_its_time() {
    let redis = Redis::start().await;
    let server = Server::reading(&redis).await;
    let way = Way::to(&server).await;
    let client = hasty(&way.url).timeout(Duration::from_millis(300)).connect().await.unwrap();
    let mut state = client.state();
    server.stop();
    drop(way);
    soon(state.wait_for(|state| matches!(state, ConnectionState::Reconnecting { .. }))).await.unwrap();
    let lost = soon(client.call(ticker())).await.unwrap_err();
    assert!(lost.is_retryable(), "{lost}");
}

#[tokio::test]
async fn a_closed_client_says_so() {
    let (_redis, server, mut other) = filled().await;
    let client = Client::connect(&server.url()).await.unwrap();
    let clone = client.clone();
    soon(client.close()).await;
    assert_eq!(clone.call(ticker()).await.unwrap_err(), ClientError::Closed);
    // The server knows, too.
    while other.call("get_server_stats", json!({})).await["connections"] != 1 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn nobody_waits_for_a_client_whose_runtime_has_ended() {
    let (_redis, server, _) = filled().await;
    let url = server.url();
    let (client, mut updates) = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = Client::connect(&url).await.unwrap();
            let watch = StreamTickers { exchange: "none".into(), symbols: Vec::new() };
            let updates = client.stream(watch).await.unwrap();
            (client, updates)
        })
    })
    .await
    .unwrap();
    assert_eq!(soon(updates.next()).await.unwrap().unwrap_err().code(), "CONNECTION_LOST");
    assert!(soon(updates.next()).await.is_none());
    assert_eq!(client.call(ticker()).await.unwrap_err().code(), "CONNECTION_LOST");
    soon(client.close()).await;
}

#[tokio::test]
async fn who_asks_nothing_keeps_the_connection() {
    let mut config = Server::config();
    config.limits.first_message_timeout = Span::millis(1000);
    let registry = Registry::built_in().unwrap();
    let server = Server::start_with(registry, Cache::embedded(Store::new()), config).await;
    let client = hasty(&server.url()).connect().await.unwrap();
    let mut state = client.state();
    let is_lost = state.wait_for(|state| !matches!(state, ConnectionState::Connected));
    assert!(timeout(Duration::from_millis(2500), is_lost).await.is_err(), "it is closed");
    client.ping().await.unwrap();
}
