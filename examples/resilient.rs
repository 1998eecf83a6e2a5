//! Example: a stream that goes on when its server is started anew, and tells what happens to it.
//!
//! Start `cargo run -- demo`, or name another server by FULLON_CACHE_API_URL, then:
//!
//!     cargo run --example resilient
//!
//! While it runs, end the server by Ctrl-C, and start it again.
#![allow(clippy::print_stdout)]

use fullon_cache_api::{
    client::{Client, ClientError, Event},
    handlers::tickers::StreamTickers,
};
use futures_util::TryStreamExt as _;

#[tokio::main]
async fn main() -> Result<(), ClientError> {
    let tickers = StreamTickers { exchange: "binance".into(), symbols: vec!["BTC/USDT".into()] };
    let client = Client::from_env().await?;
    let mut events = client.stream(tickers.clone()).events().await?;
    let mut left = 15;
    while left > 0
        && let Some(event) = events.try_next().await?
    {
        match event {
            Event::Update(update) => {
                if let Some(ticker) = update.present() {
                    println!("{} {}", ticker.symbol, ticker.price);
                }
                left -= 1;
            }
            Event::Reconnecting { reason } => println!("-- Reconnecting: {reason}"),
            Event::Fresh => println!("-- It goes on"),
            // Another server cannot tell what was missed, so all that there is comes anew.
            Event::Gap(gap) => println!("-- Something may be missing: {}", gap.reason),
            Event::Stale { reason, .. } => println!("-- It may be out of date: {reason}"),
            Event::Warning(warning) => println!("-- {}", warning.error),
        }
    }

    // A later client, of another process too, goes on where this one ended: it is told only what changed since.
    let Some(position) = events.position() else { return Ok(()) };
    client.close().await;
    let client = Client::from_env().await?;
    let mut updates = client.stream(tickers).resume(position).await?;
    let is_resumed = updates.settings().resumed;
    if let Some(update) = updates.try_next().await? {
        println!("{} with {}", if is_resumed { "Resumed" } else { "Begun anew" }, update.update_id);
    }
    Ok(())
}
