//! Example: what a user holds, then every change of it.
//!
//! Start `cargo run -- demo`, or name another server by FULLON_CACHE_API_URL, then:
//!
//!     cargo run --example accounts
#![allow(clippy::print_stdout)]

use std::collections::HashMap;

use fullon_cache_api::{
    client::{Client, ClientError, Item},
    handlers::accounts::{GetBalances, GetPositions, StreamBalances, StreamPositions},
};
use futures_util::TryStreamExt as _;

const USER: &str = "1001";

#[tokio::main]
async fn main() -> Result<(), ClientError> {
    let client = Client::from_env().await?;
    for position in client.call(GetPositions { user_id: USER.into() }).await? {
        println!("{:10} {:>16} {:?}", position.symbol, position.volume, position.side);
    }
    for balance in client.call(GetBalances { user_id: USER.into() }).await? {
        println!("{:10} {:>16}", balance.currency, balance.total.unwrap_or(f64::NAN));
    }

    println!("What changes:");
    tokio::select! {
        end = follow_positions(&client) => end,
        end = follow_balances(&client) => end, // drops the other stream, which ends it
    }
}

async fn follow_positions(client: &Client) -> Result<(), ClientError> {
    let mut updates = client.stream(StreamPositions { user_id: USER.into() }).without_snapshot().await?;
    while let Some(update) = updates.try_next().await? {
        match update.item {
            Item::Present(position) => {
                println!("{} is {:?} {}", position.symbol, position.side, position.volume);
            }
            Item::Removed(names) => println!("{} is closed", names["symbol"]),
        }
    }
    Ok(())
}

async fn follow_balances(client: &Client) -> Result<(), ClientError> {
    let mut updates = client.stream(StreamBalances { user_id: USER.into() }).await?;
    let mut known = HashMap::new();
    let mut left = 3;
    while left > 0
        && let Some(update) = updates.try_next().await?
    {
        let is_snapshot = update.is_snapshot;
        let Some(balance) = update.into_present() else { continue };
        let available = balance.available.unwrap_or(f64::NAN);
        // An account that was read again is an update too, of its `timestamp`.
        let is_known = known.insert(balance.currency.clone(), available) == Some(available);
        if !is_snapshot && !is_known {
            println!("{}: {available} are available", balance.currency);
            left -= 1;
        }
    }
    Ok(())
}
