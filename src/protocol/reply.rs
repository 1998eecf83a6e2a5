//! Replies, written once into the text of their frame.

use std::fmt::Write as _;

use super::{Error, RequestId, Warning};

/// One reply, as JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply(String);

/// What stands beside a result.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remarks {
    /// What had to be left out of it.
    pub warnings: Vec<Warning>,
    /// Whether there is, or may be, more than it holds.
    pub truncated: Option<Truncated>,
}

/// There is, or may be, more than a result holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Truncated {
    /// What gives the rest, as the param `cursor` of the same request, if anything does.
    pub cursor: Option<String>,
}

impl Reply {
    /// The operation's result, and what is to be said of it.
    pub fn success(id: &RequestId, result: &str, remarks: &Remarks) -> Self {
        let mut text = String::with_capacity(result.len() + id.as_json().len() + 56);
        text.push_str("{\"request_id\":");
        text.push_str(id.as_json());
        text.push_str(",\"success\":true,\"result\":");
        text.push_str(result);
        if !remarks.warnings.is_empty() {
            let _ = write!(text, ",\"warnings\":{}", json(&remarks.warnings));
        }
        if let Some(truncated) = &remarks.truncated {
            text.push_str(",\"truncated\":true");
            if let Some(cursor) = &truncated.cursor {
                let _ = write!(text, ",\"cursor\":{}", json(cursor));
            }
        }
        text.push('}');
        Self(text)
    }

    /// What went wrong.
    pub fn failure(id: &RequestId, error: &Error) -> Self {
        let mut text = String::with_capacity(160);
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "{{\"request_id\":{},\"success\":false,\"error_code\":\"{}\",\"error\":{}",
            id.as_json(),
            error.code(),
            json(error.message()),
        );
        if !error.details().is_empty() {
            let _ = write!(text, ",\"details\":{}", json(error.details()));
        }
        if let Some(milliseconds) = error.retry_hint() {
            let _ = write!(text, ",\"retry_after_ms\":{milliseconds}");
        }
        text.push('}');
        Self(text)
    }

    /// The same with what explains it, which is JSON.
    #[must_use]
    pub fn explained(mut self, explain: &str) -> Self {
        // The brace that ends the object.
        self.0.pop();
        self.0.push_str(",\"explain\":");
        self.0.push_str(explain);
        self.0.push('}');
        self
    }

    /// The replies to an array of requests, in their order.
    pub fn array(replies: impl IntoIterator<Item = Self>) -> Self {
        let mut text = String::from("[");
        for reply in replies {
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(&reply.0);
        }
        text.push(']');
        Self(text)
    }

    /// How many bytes the frame's text has.
    #[expect(clippy::len_without_is_empty, reason = "a reply is never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The frame's text.
    pub fn text(&self) -> &str {
        &self.0
    }
}

fn json(value: &(impl serde::Serialize + ?Sized)) -> String {
    // Strings, codes and lists of them always serialize.
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}
