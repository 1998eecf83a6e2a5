//! What streams have done, counted by operation.

use crate::metrics::Counter;

/// Of one operation.
#[derive(Debug, Default)]
pub(crate) struct OfStream {
    /// Streams that were opened.
    pub(crate) opened: Counter,
    /// Updates that were sent.
    pub(crate) updates: Counter,
    /// Changes that were not sent, for a newer one of the same item came first.
    pub(crate) conflated: Counter,
    /// Gaps that were declared.
    pub(crate) gaps: Counter,
    /// Reads of what is watched.
    pub(crate) reads: Counter,
}

/// What of an operation is watched now.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct OfTopics {
    /// Different things.
    pub(crate) topics: usize,
    /// Streams that watch them.
    pub(crate) streams: usize,
    /// Things that nobody can vouch for.
    pub(crate) stale: usize,
}
