//! What can go wrong, in the protocol's words. Every error has two texts: a safe sentence for the
//! client, and the cause for the log.

use std::{borrow::Cow, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The outcome of an operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The stable name of what went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorCode {
    /// Not JSON, not an object or array, no `operation`, duplicate keys, too deep.
    MalformedMessage,
    /// No such operation.
    InvalidOperation,
    /// The params break the operation's schema.
    InvalidParams,
    /// Nothing is stored under that key.
    CacheMiss,
    /// What is stored is not what the layout says.
    CacheCorrupt,
    /// Redis cannot be reached, is loading, refuses the login.
    CacheUnavailable,
    /// Redis did not answer in time.
    CacheTimeout,
    /// No token, or a bad one.
    Unauthenticated,
    /// A good token that may not read this.
    Forbidden,
    /// Too many requests.
    RateLimited,
    /// Too many streams, symbols, bytes.
    LimitExceeded,
    /// The server sheds load.
    Overloaded,
    /// A defect of the server; its log has the cause under the `request_id`.
    InternalError,
}

impl ErrorCode {
    /// All codes.
    pub const ALL: [Self; 13] = [
        Self::MalformedMessage,
        Self::InvalidOperation,
        Self::InvalidParams,
        Self::CacheMiss,
        Self::CacheCorrupt,
        Self::CacheUnavailable,
        Self::CacheTimeout,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::RateLimited,
        Self::LimitExceeded,
        Self::Overloaded,
        Self::InternalError,
    ];

    /// The code as it is on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MalformedMessage => "MALFORMED_MESSAGE",
            Self::InvalidOperation => "INVALID_OPERATION",
            Self::InvalidParams => "INVALID_PARAMS",
            Self::CacheMiss => "CACHE_MISS",
            Self::CacheCorrupt => "CACHE_CORRUPT",
            Self::CacheUnavailable => "CACHE_UNAVAILABLE",
            Self::CacheTimeout => "CACHE_TIMEOUT",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::RateLimited => "RATE_LIMITED",
            Self::LimitExceeded => "LIMIT_EXCEEDED",
            Self::Overloaded => "OVERLOADED",
            Self::InternalError => "INTERNAL_ERROR",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One way in which params break their schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Violation {
    /// Where, as a JSON pointer into the params.
    pub path: String,
    /// What is wrong there.
    pub message: String,
}

/// Something that a successful answer leaves out, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Warning {
    /// Why.
    pub error_code: ErrorCode,
    /// The same for a reader.
    pub error: String,
    /// Which item of the answer is missing, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
}

impl Warning {
    /// Its members as JSON, each behind a comma: what stands before them is up to the message.
    pub(crate) fn to_members(&self) -> String {
        // Codes and texts always serialize.
        let json = serde_json::to_string(self).unwrap_or_default();
        let members = json.strip_prefix('{').and_then(|json| json.strip_suffix('}'));
        format!(",{}", members.unwrap_or_default())
    }
}

/// Why a request failed.
#[derive(Debug, Clone)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    code: ErrorCode,
    message: Cow<'static, str>,
    cause: Option<String>,
    details: Vec<Violation>,
    retry_after_ms: Option<u64>,
}

impl Error {
    /// An error with a sentence that any client may read.
    pub fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        let inner =
            Inner { code, message: message.into(), cause: None, details: Vec::new(), retry_after_ms: None };
        Self(Box::new(inner))
    }

    /// Nothing is stored there.
    pub fn miss(message: String) -> Self {
        Self::new(ErrorCode::CacheMiss, message)
    }

    /// What is stored is not what the layout says. `what` ends the sentence "the stored value …".
    pub fn corrupt(what: impl Into<String>) -> Self {
        Self::new(ErrorCode::CacheCorrupt, format!("the stored value {}", what.into()))
    }

    /// A defect of ours. The cause is for the log alone.
    pub fn internal(cause: impl Into<String>) -> Self {
        let message = "a defect of the server; its log has the cause under this request_id";
        Self::new(ErrorCode::InternalError, message).because(cause)
    }

    /// Who asks has not logged in, or not well.
    pub fn unauthenticated() -> Self {
        Self::new(ErrorCode::Unauthenticated, "log in with a valid token: `authenticate`")
    }

    /// Who asks may not read this. The same words whether or not it exists.
    pub fn forbidden() -> Self {
        Self::new(ErrorCode::Forbidden, "this login may not read that")
    }

    /// Who asks has not logged in, and without that may not read this.
    pub fn forbidden_without_login() -> Self {
        Self::new(ErrorCode::Forbidden, "that may not be read without a login: `authenticate`")
    }

    /// Params that break their schema.
    pub fn invalid_params(details: Vec<Violation>) -> Self {
        let message = match details.as_slice() {
            [one] if one.path.is_empty() => format!("invalid params: {}", one.message),
            [one] => format!("invalid params: {}: {}", one.path, one.message),
            several => format!("invalid params: {} violations, see details", several.len()),
        };
        let mut error = Self::new(ErrorCode::InvalidParams, message);
        error.0.details = details;
        error
    }

    /// The same error with its cause for the log.
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// The same error, where the client does well to try again after a while.
    pub fn retry_after_ms(mut self, milliseconds: u64) -> Self {
        self.0.retry_after_ms = Some(milliseconds);
        self
    }

    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// The sentence for the client.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The cause for the log.
    pub fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// All violations of invalid params.
    pub fn details(&self) -> &[Violation] {
        &self.0.details
    }

    pub(crate) fn retry_hint(&self) -> Option<u64> {
        self.0.retry_after_ms
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code(), self.message())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::ErrorCode;

    #[test]
    fn a_code_reads_as_it_is_serialized() {
        for code in ErrorCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }
}
