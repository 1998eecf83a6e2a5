//! The cache itself takes commands from within its own module alone.
use fullon_cache_api::cache::Cache;

async fn send(cache: &Cache) {
    let mut command = redis::cmd("SET");
    command.arg("tickers:binance").arg("x");
    cache.send(command).await; //~ no method named `send` found
    cache.read(command).await; //~ method `read` is private
}

fn main() {}
