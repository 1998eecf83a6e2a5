//! A Redis, a server and a client for each test, on ports that the system chooses.

use std::time::Duration;

mod client;
mod cluster;
mod fixture;
mod http;
pub mod large;
mod program;
mod raw;
mod readme;
mod redis;
mod sentinel;
mod server;
mod watcher;

pub use client::Client;
pub use cluster::{Cluster, Writer};
pub use fixture::Fixture;
pub use http::{Page, ask, get};
pub use program::{Ended, Program, run};
pub use raw::upgraded;
pub use readme::{readme, readme_code};
pub use redis::{Redis, RedisOptions, free_port};
pub use sentinel::{LOGIN, MASTER, Sentinel};
pub use server::{Binary, Server};
pub use watcher::{Seen, Watcher, all_fresh};

/// How long anything may take before a test fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until something is so, which nothing announces.
pub async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .unwrap_or_else(|_| panic!("it never came to be that {what}"));
}

/// A Redis that holds the recorded session, a server that reads it, and a client of that server.
pub async fn filled() -> (Redis, Server, Client) {
    let redis = Redis::start().await;
    Fixture::load().fill(&redis).await;
    let server = Server::reading(&redis).await;
    let client = server.client().await;
    (redis, server, client)
}
