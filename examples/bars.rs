//! Example: the latest bars, then the newest as it forms.
//!
//! Start `cargo run -- demo`, or name another server by FULLON_CACHE_API_URL, then:
//!
//!     cargo run --example bars
#![allow(clippy::print_stdout)]

use fullon_cache_api::{
    client::{Client, ClientError},
    handlers::ohlcv::{Bar, GetLatestOhlcvBars, StreamOhlcv},
    types::Seconds,
};
use futures_util::{StreamExt as _, TryStreamExt as _};

fn line(bar: Bar) -> String {
    let Bar(Seconds(begin), open, high, low, close, volume) = bar;
    let minutes = begin as u64 / 60;
    let (hour, minute) = (minutes / 60 % 24, minutes % 60);
    format!("{hour:02}:{minute:02} {open} ↑ {high} ↓ {low} → {close} ({volume})")
}

#[tokio::main]
async fn main() -> Result<(), ClientError> {
    let client = Client::from_env().await?;
    let latest = GetLatestOhlcvBars { symbol: "BTC/USDT".into(), timeframe: "1m".into(), count: 5 };
    for bar in client.call(latest).await? {
        println!("{}", line(bar));
    }

    // The bar that forms comes again whenever it changes. When the next begins it comes once more, as `closed`.
    println!("And as they form:");
    let bars = StreamOhlcv { symbol: "BTC/USDT".into(), timeframe: "1m".into() };
    let mut updates = client.stream(bars).without_snapshot().await?.take(3);
    while let Some(update) = updates.try_next().await? {
        // Of a log nothing is removed.
        let Some(update) = update.into_present() else { continue };
        println!("{} {}", line(update.bar), if update.closed { "closed" } else { "…" });
    }
    Ok(())
}
