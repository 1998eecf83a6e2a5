//! Example: many streams and requests at once, on one connection.
//!
//! Start `cargo run -- demo`, or name another server by FULLON_CACHE_API_URL, then:
//!
//!     cargo run --example many
#![allow(clippy::print_stdout)]

use fullon_cache_api::{
    client::{Client, ClientError, Item},
    handlers::{
        bots::{GetBotStatus, StreamBlocks},
        tickers::{GetExchanges, GetTicker, StreamTickers, Ticker},
    },
};
use futures_util::{StreamExt as _, TryStreamExt as _, future::try_join_all};

const SYMBOL: &str = "BTC/USDT";

#[tokio::main]
async fn main() -> Result<(), ClientError> {
    let client = Client::from_env().await?;
    let exchanges = client.call(GetExchanges {}).await?;
    let ticker = |name: &String| GetTicker { exchange: name.as_str().into(), symbol: SYMBOL.into() };
    let tickers = try_join_all(exchanges.iter().map(|name| client.call(ticker(name)))).await?;
    let ask = |ticker: &Ticker| ticker.ask.unwrap_or(f64::INFINITY);
    if let Some(cheapest) = tickers.iter().min_by(|a, b| ask(a).total_cmp(&ask(b))) {
        println!("{SYMBOL} is to be had for {} on {}", ask(cheapest), cheapest.exchange);
    }

    // Tasks that are spawned take a clone of the client each; it stays one client.
    let prices = exchanges.iter().map(|name| follow_price(&client, name));
    tokio::try_join!(try_join_all(prices), follow_blocks(&client))?;
    Ok(())
}

async fn follow_price(client: &Client, exchange: &str) -> Result<(), ClientError> {
    let tickers = StreamTickers { exchange: exchange.into(), symbols: vec![SYMBOL.into()] };
    let mut updates = client.stream(tickers).await?.take(5);
    while let Some(update) = updates.try_next().await? {
        match update.item {
            Item::Present(ticker) => println!("{exchange}: {}", ticker.price),
            Item::Removed(_) => println!("{exchange}: gone"),
        }
    }
    Ok(())
}

async fn follow_blocks(client: &Client) -> Result<(), ClientError> {
    let mut updates = client.stream(StreamBlocks {}).without_snapshot().await?;
    let mut left = 5;
    while left > 0
        && let Some(update) = updates.try_next().await?
    {
        let Some(block) = update.into_present() else { continue };
        // Requests are answered between the updates.
        let bot = client.call(GetBotStatus { bot_id: block.bot_id.into() }).await?;
        println!("{} ({}) blocks {} on {}", bot.bot_id, bot.status, block.symbol, block.exchange);
        left -= 1;
    }
    Ok(())
}
