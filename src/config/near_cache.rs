//! Answers that are kept.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Span, values::whole};

/// Answers that are given again without asking Redis, until Redis tells of a change of what they were read from: those
/// of the operations that have `near_cache: true` in operations.yaml.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NearCache {
    /// Bytes of answers that each worker keeps; 0: none.
    #[serde(deserialize_with = "whole")]
    pub bytes: usize,
    /// How long an answer is given again at the most, even if Redis tells of no change.
    pub max_age: Span,
}

impl Default for NearCache {
    fn default() -> Self {
        Self { bytes: 16 << 20, max_age: Span::millis(1000) }
    }
}
