//! Example: what can go wrong, and how it is told apart.
//!
//! Start `cargo run -- demo`, or name another server by FULLON_CACHE_API_URL, then:
//!
//!     cargo run --example errors
#![allow(clippy::print_stdout)]

use std::time::Duration;

use fullon_cache_api::{
    client::{Client, ClientError},
    handlers::{accounts::GetPosition, ohlcv::GetLatestOhlcvBars, tickers::GetTicker, trades::GetTrades},
};
use tokio::time::timeout;

#[tokio::main]
async fn main() -> Result<(), ClientError> {
    let client = Client::from_env().await?;

    match client.call(GetTicker { exchange: "binance".into(), symbol: "NO/SUCH".into() }).await {
        Ok(ticker) => println!("{} is {}", ticker.symbol, ticker.price),
        Err(error) if error.is_miss() => println!("Nothing there: {error}"),
        Err(error) => return Err(error),
    }

    let none = GetTrades { symbol: "BTC/USDT".into(), exchange: "binance".into(), limit: 0 };
    match client.call(none).await {
        Ok(trades) => println!("{} trades", trades.len()),
        // Whatever the server refuses.
        Err(ClientError::Refused(refusal)) => {
            println!("{}", refusal.error_code);
            for detail in &refusal.details {
                println!("Wrong at {}: {}", detail.path, detail.message);
            }
        }
        Err(error) => return Err(error),
    }

    if let Err(error) = client.call(GetPosition { user_id: "1001".into(), symbol: "NO/SUCH".into() }).await {
        let advice = if error.is_retryable() { "try again" } else { "do not try again" };
        println!("{}: {advice}", error.code());
    }

    // A call has the time that `Builder::timeout` says, or less. A millisecond is hardly enough for so many.
    let many = GetLatestOhlcvBars { symbol: "BTC/USDT".into(), timeframe: "1m".into(), count: 10_000 };
    match timeout(Duration::from_millis(1), client.call(many)).await {
        Ok(bars) => println!("{} bars", bars?.len()),
        Err(elapsed) => println!("Too late: {elapsed}"),
    }

    if let Err(error) = Client::connect("ws://127.0.0.1:1").await {
        println!("Nobody there: {error}");
    }
    Ok(())
}
