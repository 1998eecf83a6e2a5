//! Everything through the real socket, to a real Redis.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod asyncapi;
mod cli;
mod client;
mod common;
mod config;
mod corrupt;
mod drop_in;
mod ending;
mod explain;
mod hostile;
mod keys;
mod limits;
mod load;
mod logs;
mod outage;
mod overload;
mod reads;
mod registry;
mod reload;
mod rights;
mod streams;
mod tls;
mod wire;
