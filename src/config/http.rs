//! What is served by plain HTTP, beside the WebSocket.

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
}

impl Default for Http {
    fn default() -> Self {
        Self { explorer: true }
    }
}
