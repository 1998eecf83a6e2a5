//! What is told of how a stream is served, where it was opened with `explain`.

use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Serialize;

/// How a stream is served. Times are in microseconds.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct StreamExplain {
    /// How change is noticed: `channel`, `tracking` or `poll`.
    pub(super) push: &'static str,
    /// Why it is noticed in no better way, where that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) push_reason: Option<&'static str>,
    /// What is watched: `fresh`, `stale` where nobody can vouch for it, `unread` before it was read for this stream.
    pub(super) topic: &'static str,
    /// How many streams watch the same. Absent where the login may not see all items.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subscribers: Option<usize>,
    /// How many items, or entries of a log, the server holds of what is watched. Absent where the login may not see all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) items: Option<usize>,
    /// How long ago it was last read. What a writer publishes is taken over without a read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) read_age_us: Option<u64>,
    /// How long ago the last update was sent to this client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) update_age_us: Option<u64>,
    /// How many updates were sent.
    pub(super) updates: u64,
    /// How many were not, for a newer one of the same item took their place. Absent where the login may not see all
    /// items.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) conflated: Option<u64>,
    /// How many gaps were told.
    pub(super) gaps: u64,
}

/// What was sent of a stream, and what was not.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) updates: u64,
    pub(super) gaps: u64,
    conflated: u64,
    sent_at: Option<Instant>,
    /// The version after which changes count: up to it they belong to the snapshot.
    since: u64,
    /// The number of the last change that was looked at: of each group that it names, else of all.
    passed: Box<[u64]>,
}

impl Tally {
    /// The stream begins, or begins anew, at a version; the last changes of its groups, or of all, had these numbers.
    pub(super) fn begin(&mut self, version: u64, passed: Box<[u64]>) {
        (self.since, self.passed) = (version, passed);
    }

    /// A change is looked at: one with this number, of the group at this place. They come in their order, so what a
    /// number is missing of was replaced.
    pub(super) fn pass(&mut self, version: u64, at: usize, number: u64) {
        let Some(passed) = self.passed.get_mut(at).filter(|_| version > self.since) else { return };
        self.conflated += number.saturating_sub(*passed + 1);
        *passed = number;
    }

    /// Something was sent.
    pub(super) fn note(&mut self, now: Instant) {
        self.sent_at = Some(now);
    }

    pub(super) fn conflated(&self) -> u64 {
        self.conflated
    }

    /// How long ago something was sent.
    pub(super) fn age(&self) -> Option<Duration> {
        self.sent_at.map(|sent_at| sent_at.elapsed())
    }
}
