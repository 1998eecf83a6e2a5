//! Messages, read no further than is needed to know whose they are.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use super::{Answer, ClientError, Refusal, Warning};

/// What tells whose a message is, and of a stream's update how it follows on the one before.
#[derive(Deserialize)]
pub(super) struct Head<'m> {
    /// The id of the request that it belongs to; all of this client's are numbers.
    #[serde(default)]
    pub(super) request_id: Value,
    /// There for what a stream sends.
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<Cow<'m, str>>,
    pub(super) update_id: Option<u64>,
    pub(super) prev_id: Option<u64>,
    #[serde(default)]
    pub(super) snapshot: bool,
    #[serde(default)]
    pub(super) removed: bool,
}

/// What a stream tells beside its updates.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Notice {
    StreamEnd {
        reason: String,
    },
    StreamGap {
        from: Option<u64>,
        to: Option<u64>,
    },
    StreamStale {
        since: f64,
        reason: String,
    },
    StreamFresh,
    StreamComplete {
        update_id: u64,
    },
    StreamWarning {
        error_code: String,
        error: String,
        item: Option<String>,
    },
    /// What a later server may send.
    #[serde(other)]
    Unknown,
}

#[derive(Deserialize)]
struct Reply {
    success: bool,
    result: Option<Box<RawValue>>,
    #[serde(default)]
    warnings: Vec<Warning>,
    #[serde(default)]
    truncated: bool,
    cursor: Option<String>,
    error_code: Option<String>,
    error: Option<String>,
    #[serde(default)]
    details: Value,
    retry_after_ms: Option<u64>,
    explain: Option<Value>,
}

/// The text of a request whose answer is to be explained.
pub(super) fn request_explained(id: u64, operation: &str, params: &Value) -> String {
    json!({ "request_id": id, "operation": operation, "params": params, "explain": true }).to_string()
}

/// The text of a request.
pub(super) fn request(id: u64, operation: &str, params: &Value) -> String {
    json!({ "request_id": id, "operation": operation, "params": params }).to_string()
}

/// What a reply says.
pub(super) fn answer(text: &str) -> Result<Answer, ClientError> {
    let reply: Reply = serde_json::from_str(text).map_err(|error| ClientError::unknown_form(&error))?;
    let Reply { warnings, truncated, cursor, explain, .. } = reply;
    match (reply.success, reply.result) {
        (true, result) => {
            // serde reads a JSON null as None.
            let result = result.unwrap_or_else(|| RawValue::NULL.to_owned());
            Ok(Answer { result, warnings, truncated, cursor, explain })
        }
        (false, _) => Err(ClientError::Refused(Box::new(Refusal {
            error_code: reply.error_code.unwrap_or_default(),
            error: reply.error.unwrap_or_default(),
            // Of an error whose details are of another form the code is known all the same.
            details: serde_json::from_value(reply.details).unwrap_or_default(),
            retry_after_ms: reply.retry_after_ms,
            explain,
        }))),
    }
}
