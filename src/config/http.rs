//! What is served by plain HTTP, beside the WebSocket.

use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::values::flag;

/// What is served to browsers and to those who watch over the server.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Whether `/` is the explorer page.
    #[serde(deserialize_with = "flag")]
    pub explorer: bool,
    /// Whether `/metrics` tells Prometheus how the server is.
    #[serde(deserialize_with = "flag")]
    pub metrics: bool,
    /// An address and a port of their own for the metrics, e.g. `127.0.0.1:9465`; they are served there alone then, by
    /// HTTP and to all who can reach it, without a login. `/healthz` and `/readyz` are there, too.
    pub metrics_address: Option<SocketAddr>,
}

impl Default for Http {
    fn default() -> Self {
        Self { explorer: true, metrics: true, metrics_address: None }
    }
}
