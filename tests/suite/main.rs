//! Everything through the real socket, to a real Redis.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod activation;
mod asyncapi;
mod book;
mod cli;
mod client;
mod cluster;
mod common;
mod config;
mod corrupt;
mod deploy;
mod drop_in;
mod ending;
mod explain;
mod hostile;
mod keys;
mod large;
mod limits;
mod load;
mod logs;
mod metrics;
mod near;
mod outage;
mod overload;
mod pages;
mod reads;
mod registry;
mod reload;
mod rights;
mod sentinel;
mod streams;
mod tls;
mod wire;
