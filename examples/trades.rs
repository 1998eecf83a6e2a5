//! Example: the last trades, then every new one, and whether any was missed.
//!
//! Start `cargo run -- demo`, or name another server by FULLON_CACHE_API_URL, then:
//!
//!     cargo run --example trades
#![allow(clippy::print_stdout)]

use fullon_cache_api::{
    client::{Client, ClientError, Event},
    handlers::trades::{GetTrades, StreamTradeUpdates, Trade},
};
use futures_util::TryStreamExt as _;

fn show(trade: Trade) {
    let [symbol, side] = [trade.symbol, trade.side].map(Option::unwrap_or_default);
    println!("{symbol:10} {side:4} {} at {}", trade.volume, trade.price);
}

#[tokio::main]
async fn main() -> Result<(), ClientError> {
    let client = Client::from_env().await?;
    let last = GetTrades { symbol: "BTC/USDT".into(), exchange: "binance".into(), limit: 5 };
    client.call(last).await?.into_iter().for_each(show);

    // Trades are a log: each counts. With events the stream tells where some may be missing, e.g. after the connection
    // was lost for too long; without, it ends there with `ClientError::Gap`.
    println!("What is traded from now on:");
    let trades = StreamTradeUpdates { exchange: "binance".into(), symbol: None };
    let mut events = client.stream(trades).without_snapshot().events().await?;
    let mut left = 8;
    while left > 0
        && let Some(event) = events.try_next().await?
    {
        match event {
            Event::Update(update) => {
                update.into_present().into_iter().for_each(show);
                left -= 1;
            }
            Event::Gap(gap) => println!("!! some may be missing, ask `GetTrades` for them: {}", gap.reason),
            other => println!("-- {other:?}"),
        }
    }
    Ok(())
}
