//! A handler sees a `View`, and that has no method that writes.
use fullon_cache_api::prelude::*;

async fn write(view: &View) {
    view.set("tickers", "BTC/USDT").await;
    view.hash_set("tickers", "BTC/USDT", "{}").await;
    view.delete("tickers").await;
    view.publish("ticker_updates:binance:BTC/USDT", "{}").await;
}

fn main() {}
