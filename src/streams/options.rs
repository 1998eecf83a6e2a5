//! What every stream takes, and what it is granted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};

use super::tally::StreamExplain;
use crate::{cache::Means, registry::Registered};

/// What every stream takes beside its own params.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Options {
    /// Whether the present state comes first. Without it, whatever changes after the reply is told; of what nobody watched
    /// before, the reply waits until it has been read. If the cache cannot be reached, or that takes too long, the reply
    /// does not wait, and what changes before it is read is not told.
    #[serde(default = "yes")]
    pub(super) snapshot: bool,
    /// At most one update of an item in so many milliseconds; the newest wins.
    #[serde(default)]
    #[schemars(range(min = 0, max = 9_007_199_254_740_991_u64))]
    pub(super) min_interval_ms: u64,
    /// Where an earlier stream of the same ended: only what changed after that is sent, if the server
    /// still knows it.
    pub(super) resume: Option<ResumePoint>,
}

impl Options {
    /// The names of all.
    pub(crate) const NAMES: [&str; 3] = ["snapshot", "min_interval_ms", "resume"];

    pub(crate) fn schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        generator.root_schema_for::<Self>()
    }
}

/// A place in the course of a topic.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResumePoint {
    /// The `epoch` of the earlier stream's reply.
    #[schemars(length(max = 64), regex(pattern = "^[0-9a-f-]+$"))]
    pub(super) epoch: String,
    /// The `update_id` of the last update that was received.
    pub(super) update_id: u64,
    /// Of a log: that update, as it came. A server that does not know the epoch, for it is another one or was started
    /// anew, finds it in the list and goes on behind it; if it is not there any more, `stream_gap` says so.
    pub(super) entry: Option<Map<String, Value>>,
}

const fn yes() -> bool {
    true
}

/// A stream's settings as they are in effect.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "StreamSettings")]
pub(crate) struct Effective {
    /// The `type` of the stream's updates.
    pub(crate) update_type: &'static str,
    /// How change is noticed: `channel` (the writer publishes new values), `tracking` (Redis tells which
    /// keys changed), `poll`.
    pub(crate) push: &'static str,
    /// Milliseconds between two looks, where change is noticed by polling.
    pub(crate) poll_interval_ms: u64,
    /// Milliseconds between two updates of one item at the least.
    pub(crate) min_interval_ms: u64,
    /// Tells this course of `update_id`s from any other; for `resume`.
    pub(crate) epoch: String,
    /// Whether the stream goes on where the earlier one ended. If it was asked for and is false, a
    /// snapshot comes instead.
    pub(crate) resumed: bool,
}

/// One stream of a client, for `list_streams`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Listed {
    /// The `request_id` that opened it.
    #[schemars(with = "Value")]
    pub(super) stream: Box<RawValue>,
    /// The operation.
    pub(super) operation: &'static str,
    /// The params that it was opened with.
    #[schemars(with = "Value")]
    pub(super) params: Box<RawValue>,
    /// Its settings.
    #[serde(flatten)]
    pub(super) settings: Effective,
    /// How it is served, where it was opened with `explain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) explain: Option<StreamExplain>,
}

/// How change is noticed for an operation.
pub(crate) fn push_of(means: Means, operation: &Registered) -> &'static str {
    match (operation.has_channel() && means.channels, means.tracking) {
        (true, _) => "channel",
        (false, true) => "tracking",
        (false, false) => "poll",
    }
}

/// Why change is noticed in no better way for an operation, where that is so.
pub(crate) fn push_reason(means: Means, operation: &Registered) -> Option<&'static str> {
    match (operation.has_channel() && means.channels, means.tracking) {
        (true, _) => None,
        (false, true) if operation.has_channel() => Some("Redis does not pass on what writers publish"),
        (false, true) => Some("no channel is named on which a writer would publish its changes"),
        (false, false) => {
            Some("Redis does not tell of changes, or cannot be reached; the server's log says why")
        }
    }
}
