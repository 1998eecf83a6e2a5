//! A handler sees a `View`, and that has no method that writes.
use fullon_cache_api::prelude::*;

async fn write(view: &View) {
    view.set("tickers", "BTC/USDT").await; //~ no method named `set` found
    view.hash_set("tickers", "BTC/USDT", "{}").await; //~ no method named `hash_set` found
    view.delete("tickers").await; //~ no method named `delete` found
    view.publish("ticker_updates:binance:BTC/USDT", "{}").await; //~ no method named `publish` found
}

fn main() {}
