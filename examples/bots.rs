//! Example: the bots, and which of them keeps the others from which pair.
//!
//! Start `cargo run -- demo`, or name another server by FULLON_CACHE_API_URL, then:
//!
//!     cargo run --example bots
#![allow(clippy::print_stdout)]

use fullon_cache_api::{
    client::{Client, ClientError, Item},
    handlers::bots::{GetBots, IsBlocked, StreamBlocks},
};
use futures_util::TryStreamExt as _;

#[tokio::main]
async fn main() -> Result<(), ClientError> {
    let client = Client::from_env().await?;
    for (bot_id, feeds) in client.call(GetBots {}).await? {
        for (name, feed) in feeds {
            println!("{bot_id}: {name} is {}", feed.status.unwrap_or_default());
        }
    }

    match client.call(IsBlocked { exchange: "binance".into(), symbol: "BTC/USDT".into() }).await? {
        Some(bot_id) => println!("BTC/USDT on binance is blocked by {bot_id}"),
        None => println!("BTC/USDT on binance is free"),
    }

    // A stream begins with all that there is: what `GetBlocks` would answer comes first.
    let mut updates = client.stream(StreamBlocks {}).await?;
    let mut left = 5;
    while left > 0
        && let Some(update) = updates.try_next().await?
    {
        match update.item {
            Item::Present(block) => {
                println!("{} on {} is blocked by {}", block.symbol, block.exchange, block.bot_id);
            }
            Item::Removed(names) => println!("{} on {} is free again", names["symbol"], names["exchange"]),
        }
        if !update.is_snapshot {
            left -= 1;
        }
    }
    Ok(())
}
