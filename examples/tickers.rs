//! Example: one price, then a live line of some prices.
//!
//! Start `cargo run -- demo`, or name another server by FULLON_CACHE_API_URL, then:
//!
//!     cargo run --example tickers
#![allow(clippy::print_stdout)]

use std::{
    collections::BTreeMap,
    error::Error,
    io::{self, Write as _},
    time::Duration,
};

use fullon_cache_api::{
    client::{Client, Item},
    handlers::tickers::{GetTicker, StreamTickers},
};
use futures_util::{StreamExt as _, TryStreamExt as _};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = Client::from_env().await?;
    let ticker = client.call(GetTicker { exchange: "binance".into(), symbol: "BTC/USDT".into() }).await?;
    // What the cache lacks is None.
    let [bid, ask] = [ticker.bid, ticker.ask].map(|price| price.unwrap_or(f64::NAN));
    println!("BTC/USDT: {}, bid {bid}, ask {ask}", ticker.price);

    // Of each symbol at most four updates a second, always with the newest price.
    let symbols = ["BTC/USDT", "ETH/USDT", "SOL/USDT"].map(Into::into).to_vec();
    let tickers = StreamTickers { exchange: "binance".into(), symbols };
    let updates = client.stream(tickers).min_interval(Duration::from_millis(250)).await?;

    let mut updates = updates.take(20);
    let mut prices = BTreeMap::new();
    while let Some(update) = updates.try_next().await? {
        match update.item {
            Item::Present(ticker) => prices.insert(ticker.symbol, ticker.price),
            Item::Removed(names) => prices.remove(&names["symbol"]),
        };
        let line: Vec<String> = prices.iter().map(|(symbol, price)| format!("{symbol} {price}")).collect();
        print!("\r{:<80}", line.join("   "));
        io::stdout().flush()?;
    }
    println!();
    Ok(()) // dropping a stream ends it, and dropping the client closes the connection
}
