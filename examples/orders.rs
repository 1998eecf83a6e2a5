//! Example: an order, how many there are, then every change of any.
//!
//! Start `cargo run -- demo`, or name another server by FULLON_CACHE_API_URL, then:
//!
//!     cargo run --example orders
#![allow(clippy::print_stdout)]

use fullon_cache_api::{
    client::{Client, ClientError, Item},
    handlers::orders::{GetOrderStatus, GetOrders, GetQueueLength, StreamOrders},
};
use futures_util::{StreamExt as _, TryStreamExt as _};

#[tokio::main]
async fn main() -> Result<(), ClientError> {
    let client = Client::from_env().await?;
    let count = client.call(GetQueueLength { exchange: "binance".into() }).await?;
    println!("{count} orders on binance, open are:");
    let open = GetOrders { exchange: "binance".into(), status: Some("open".into()), symbol: None };
    for order in client.call(open).await? {
        println!("  {}: {} {}", order.order_id, order.side.unwrap_or_default(), order.symbol);
    }

    // Without an exchange the order is looked for on all of them.
    let order = client.call(GetOrderStatus { order_id: "EX_BIN_000001".into(), exchange: None }).await?;
    println!("{} on {} is {}", order.order_id, order.exchange, order.status);

    let updates = client.stream(StreamOrders { exchange: "binance".into() }).without_snapshot().await?;
    let mut updates = updates.take(5);
    while let Some(update) = updates.try_next().await? {
        match update.item {
            Item::Present(order) => {
                let [filled, volume] = [order.filled, order.volume].map(|amount| amount.unwrap_or(f64::NAN));
                println!("{} is {}, {filled} of {volume} filled", order.order_id, order.status);
            }
            Item::Removed(names) => println!("{} is gone", names["order_id"]),
        }
    }
    Ok(())
}
