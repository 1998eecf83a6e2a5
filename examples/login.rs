//! Example: logs in, by a token of the environment, by one that is fetched, and by a bad one.
//!
//! Put what `cargo run -- token new me --scope market` prints into a `fullon-cache-api.toml`, start `cargo run -- demo`
//! beside that file, then:
//!
//!     FULLON_CACHE_API_TOKEN=fca_… cargo run --example login
#![allow(clippy::print_stdout)]

use std::env;

use fullon_cache_api::{
    client::{Builder, Client, ClientError, Update},
    handlers::{
        accounts::GetPositions,
        tickers::{GetTicker, StreamTickers},
    },
};
use futures_util::TryStreamExt as _;

#[tokio::main]
async fn main() -> Result<(), ClientError> {
    // The token in FULLON_CACHE_API_TOKEN is found without a word.
    let client = Client::from_env().await?;
    let ticker = client.call(GetTicker { exchange: "binance".into(), symbol: "BTC/USDT".into() }).await?;
    println!("BTC/USDT: {}", ticker.price);
    match client.call(GetPositions { user_id: "1001".into() }).await {
        Ok(positions) => println!("The token is good for accounts, too: {} positions", positions.len()),
        Err(error) if error.code() == "FORBIDDEN" => {
            println!("The token is good, but not for that: {error}");
        }
        Err(error) => return Err(error),
    }

    // A function is asked at every connection, and before a login ends: so streams outlive tokens.
    let client = Builder::from_env().token_from(fetch_token).connect().await?;
    let mut updates = client.stream(StreamTickers { exchange: "binance".into(), symbols: vec![] }).await?;
    if let Some(ticker) = updates.try_next().await?.and_then(Update::into_present) {
        println!("{} of a stream: {}", ticker.symbol, ticker.price);
    }

    match Builder::from_env().token("fca_wrong").connect().await {
        Ok(_) => println!("This server wants no token"),
        Err(error) if error.code() == "UNAUTHENTICATED" => println!("The token is bad: {error}"),
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Asks for a token where yours come from.
async fn fetch_token() -> Result<String, String> {
    env::var("FULLON_CACHE_API_TOKEN").map_err(|error| error.to_string())
}
