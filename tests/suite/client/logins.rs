//! How a client logs in, and what becomes of it when its login ends.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use fullon_cache_api::{
    access::Scope,
    client::{Client, ClientError, ConnectionState, Event},
    config::Token,
    handlers::tickers::StreamTickers,
    server::Live,
};
use futures_util::StreamExt as _;
use serde_json::json;

use super::{Way, hasty, soon, ticker};
use crate::access::{guarded, root, token};

fn brief(time: Duration) -> Token {
    Token { expires: Some(jiff::Timestamp::now() + time), ..token("brief", &[Scope::Market], &[]) }
}

fn tickers() -> StreamTickers {
    StreamTickers { exchange: "binance".into(), symbols: vec!["BTC/USDT".into()] }
}

#[tokio::test]
async fn a_bad_token_is_said_at_once() {
    let (_redis, server) = guarded(|config| config.auth.tokens = vec![root()]).await;
    for bad in ["bad", "a b", "no\nheader"] {
        let error = Client::builder(&server.url()).token(bad).connect().await.unwrap_err();
        assert_eq!(error.code(), "UNAUTHENTICATED", "{bad:?}: {error}");
    }
    // An empty one is none.
    let client = Client::builder(&server.url()).token("").connect().await.unwrap();
    client.authenticate("root").await.unwrap();
}

#[tokio::test]
async fn a_login_that_ends_ends_the_client() {
    let (_redis, server) =
        guarded(|config| config.auth.tokens = vec![brief(Duration::from_millis(1500)), root()]).await;
    let client = hasty(&server.url()).token("brief").connect().await.unwrap();
    let mut events = client.stream(tickers()).events().await.unwrap();
    assert!(matches!(soon(events.next()).await, Some(Ok(Event::Update(_)))));
    assert!(matches!(soon(events.next()).await, Some(Ok(Event::Reconnecting { .. }))));
    assert_eq!(soon(events.next()).await.unwrap().unwrap_err().code(), "UNAUTHENTICATED");
    assert!(soon(events.next()).await.is_none());
    assert_eq!(client.call(ticker()).await.unwrap_err().code(), "UNAUTHENTICATED");
    let state = client.state().borrow().clone();
    assert!(matches!(state, ConnectionState::Closed(Some(_))), "{state:?}");
}

#[tokio::test]
async fn a_login_is_renewed_before_it_ends() {
    let life = Duration::from_millis(2500);
    let (redis, server) = guarded(|config| config.auth.tokens = vec![brief(life), root()]).await;
    let ended = tokio::time::Instant::now() + life;
    let asked = AtomicUsize::new(0);
    let bring = move || {
        let name = if asked.fetch_add(1, Ordering::SeqCst) == 0 { "brief" } else { "root" };
        std::future::ready(Ok(name.to_owned()))
    };
    let client = hasty(&server.url()).token_from(bring).connect().await.unwrap();
    let mut events = client.stream(tickers()).events().await.unwrap();
    assert!(matches!(soon(events.next()).await, Some(Ok(Event::Update(_)))));
    tokio::time::sleep_until(ended + Duration::from_millis(200)).await;
    let price = json!({"symbol": "BTC/USDT", "exchange": "binance", "price": 7}).to_string();
    redis.send::<()>(&["HSET", "tickers:binance", "BTC/USDT", &price]).await;
    let Some(Ok(Event::Update(update))) = soon(events.next()).await else { panic!("it was disturbed") };
    assert_eq!(update.present().unwrap().price.0, Some(7.0));
}

#[tokio::test]
async fn what_brings_no_token_is_asked_again() {
    let (_redis, server) = guarded(|config| config.auth.tokens = vec![root()]).await;
    let way = Way::to(&server).await;
    let asked = AtomicUsize::new(0);
    let bring = move || {
        let is_there = asked.fetch_add(1, Ordering::SeqCst) != 2;
        std::future::ready(if is_there { Ok("root".to_owned()) } else { Err("asleep".to_owned()) })
    };
    let client = hasty(&way.url).token_from(bring).connect().await.unwrap();
    for _ in 0..3 {
        way.cut();
        soon(client.call(ticker())).await.unwrap();
    }
}

#[tokio::test]
async fn who_logs_in_later_stays_logged_in() {
    let (_redis, server) = guarded(|config| config.auth.tokens = vec![root()]).await;
    let way = Way::to(&server).await;
    let client = hasty(&way.url).connect().await.unwrap();
    assert_eq!(client.call(ticker()).await.unwrap_err().code(), "UNAUTHENTICATED");
    assert_eq!(client.authenticate("bad").await.unwrap_err().code(), "UNAUTHENTICATED");
    client.authenticate("root").await.unwrap();
    client.call(ticker()).await.unwrap();
    way.cut();
    client.call(ticker()).await.unwrap();
}

#[tokio::test]
async fn a_token_that_is_withdrawn_ends_the_client_and_a_stream_that_is_its_own_right() {
    let (_redis, server) = guarded(|config| {
        config.auth.tokens = vec![token("bot", &[Scope::Market], &[]), root()];
    })
    .await;
    let client = hasty(&server.url()).token("bot").connect().await.unwrap();
    let mut updates = client.stream(tickers()).await.unwrap();
    soon(updates.next()).await.unwrap().unwrap();
    let reload = |tokens: Vec<Token>| {
        let mut config = server.app.live().config.clone();
        config.auth.tokens = tokens;
        let registry = fullon_cache_api::registry::Registry::built_in().unwrap();
        server.app.reload(Live::new(registry, config).unwrap()).unwrap();
    };
    reload(vec![token("bot", &[Scope::Ops], &[]), root()]);
    let error: ClientError = soon(updates.next()).await.unwrap().unwrap_err();
    assert_eq!(error.code(), "FORBIDDEN", "{error}");
    client.call_by_name("get_system_health", &json!({})).await.unwrap();
    reload(vec![root()]);
    let mut state = client.state();
    let closed =
        soon(state.wait_for(|state| matches!(state, ConnectionState::Closed(_)))).await.unwrap().clone();
    assert!(matches!(&closed, ConnectionState::Closed(Some(error)) if error.code() == "UNAUTHENTICATED"));
}
