//! Example: whether all processes are well, watched. Ends with an error when one is not.
//!
//! Start `cargo run -- demo`, or name another server by FULLON_CACHE_API_URL, then:
//!
//!     cargo run --example health
#![allow(clippy::print_stdout)]

use std::error::Error;

use fullon_cache_api::{
    client::Client,
    handlers::processes::{GetSystemHealth, StreamProcessHealth},
};
use futures_util::{StreamExt as _, TryStreamExt as _};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = Client::from_env().await?;
    let health = client.call(GetSystemHealth {}).await?;
    println!("{} processes: {:?}", health.total_processes, health.by_type);

    let mut updates = client.stream(StreamProcessHealth {}).await?.take(5);
    while let Some(update) = updates.try_next().await? {
        // Any state may say that an item is gone; this one does not.
        let Some(health) = update.into_present() else { continue };
        if !health.healthy {
            let ill = [health.error_processes, health.stale_processes].concat();
            return Err(format!("not well: {}", ill.join(", ")).into());
        }
        println!("All are well: {:?}", health.by_status);
    }
    Ok(())
}
