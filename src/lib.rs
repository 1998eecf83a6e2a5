//! A server that opens a Redis cache of trading data over WebSocket, read-only and live.
//!
//! The way of a request: [`server`] takes it off a socket, [`protocol`] reads it, [`registry`] finds
//! its operation and validates its params, the operation (one of `handlers/*.rs`, see [`operation`])
//! answers it through a [`cache::View`], and the reply goes back through [`protocol`] and [`server`].
//!
//! - [`operation`]: what an operation is; [`types`]: what its params are made of.
//! - [`registry`]: joins the registered operations with operations.yaml, checks all of it at start,
//!   and knows the schemas and `describe`.
//! - [`cache`]: the only door to the data. It has no command that writes.
//! - [`protocol`]: requests, replies, error codes. Knows neither Redis nor sockets.
//! - [`server`]: listens, upgrades, one session a client; the operations on the server itself.
//! - [`access`]: who may read what; from tokens and certificates to rights.
//! - [`config`]: defaults < file < `.env` < environment < flags.
//! - [`demo`]: fills the embedded cache, by a simulated market or by a recording.
//! - `metrics`: counters and histograms, and the text in which Prometheus reads them.
//! - `object`: a quick way through JSON objects, for stored ones and for requests; `pem`, `transport`: what the server
//!   and the client have in common.
//! - [`codegen`]: clients in other languages and the AsyncAPI document, from what `describe` says.
//! - [`client`]: a WebSocket client; [`cli`]: the command line, one file a subcommand.
//! - [`version`]: what it is built from.

// What the command line alone uses.
#![cfg_attr(not(feature = "cli"), allow(dead_code, unused_imports))]

// Handlers name the crate as a user would.
extern crate self as fullon_cache_api;

#[doc(hidden)]
pub use inventory;

pub mod access;
pub mod cache;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "client")]
pub mod client;
pub mod codegen;
pub mod config;
mod counted;
pub mod demo;
#[cfg(any(fuzzing, test))]
pub mod fuzzing;
mod metrics;
mod object;
pub mod operation;
mod pem;
pub mod prelude;
pub mod protocol;
pub mod registry;
pub mod server;
pub mod streams;
mod transport;
pub mod types;
pub mod version;
#[cfg(test)]
mod woken;

/// The params and the results of all operations, as the Rust [`client`] takes them too: one module a file of
/// `handlers/`, made by build.rs.
#[allow(missing_docs, reason = "a param of a type that says what it is needs no words")]
pub mod handlers {
    include!(concat!(env!("OUT_DIR"), "/handlers.rs"));
}

/// The error of a read that found nothing: `miss!("no ticker of {symbol}")`.
#[macro_export]
macro_rules! miss {
    ($($text:tt)+) => { $crate::protocol::Error::miss(format!($($text)+)) };
}
