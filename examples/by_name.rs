//! Example: operations that this program does not know, by their names, as `describe` tells them.
//!
//! Start `cargo run -- demo`, or name another server by FULLON_CACHE_API_URL, then:
//!
//!     cargo run --example by_name
#![allow(clippy::print_stdout)]

use fullon_cache_api::client::{Client, ClientError, StreamKind};
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), ClientError> {
    let client = Client::from_env().await?;

    let operation = describe(&client, "get_any_ticker").await?;
    println!("{} {}", operation["name"], operation["summary"]);
    let answer = client.call_by_name("get_any_ticker", &operation["examples"][0]).await?;
    // As the server wrote it; `answer.read()` makes any type of it that serde can read.
    println!("{}", answer.result);
    let ticker: Value = answer.read()?;
    println!("The newest is of {}", ticker["exchange"]);

    // Whether each entry counts, or the newest of each item, is part of what is described.
    let operation = describe(&client, "stream_processes").await?;
    println!("{} {}", operation["name"], operation["summary"]);
    let params = operation["examples"][0].as_object().cloned().unwrap_or_default();
    let stream = client.stream_by_name("stream_processes", params, StreamKind::of(&operation));
    let mut updates = stream.await?.take(5);
    while let Some(update) = updates.try_next().await? {
        println!("{}", update.text());
    }
    Ok(())
}

async fn describe(client: &Client, name: &str) -> Result<Value, ClientError> {
    let described: Value = client.call_by_name("describe", &json!({ "operation": name })).await?.read()?;
    Ok(described["operations"][0].clone())
}
