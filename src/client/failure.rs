//! Why there is no result, in words that say what to do.

use std::{fmt, io, time::Duration};

use rustls::CertificateError;
use serde::{Deserialize, Serialize};
use tokio_tungstenite::tungstenite::{self, http};

use super::Endpoint;
use crate::protocol::Violation;

/// Why there is no result.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ClientError {
    /// The address is none, or what is said of how to get there is wrong.
    BadAddress(String),
    /// The server cannot be reached, or went away.
    Unreachable {
        /// Why.
        cause: String,
        /// How long it wants to be left alone, if it said so.
        retry_after: Option<Duration>,
    },
    /// It did not answer in time.
    TimedOut(Duration),
    /// It answered with an error.
    Refused(Box<Refusal>),
    /// Entries of a log may be missing. A stream that is opened with its events tells so by one.
    Gap(String),
    /// The client was closed.
    Closed,
    /// What the server sent is not what this version knows.
    UnknownForm(String),
}

/// An error of the server.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Refusal {
    /// The stable code, e.g. `CACHE_MISS`.
    pub error_code: String,
    /// A sentence.
    pub error: String,
    /// What exactly is wrong with the params.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Violation>,
    /// Where waiting helps: for how many milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// Where the time of the answer went, if that was asked; see [`Client::explain`](super::Client::explain).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explain: Option<serde_json::Value>,
}

impl ClientError {
    /// The stable name of what went wrong: the code of the server's error, or one of the client's own. The same as in
    /// the other clients.
    pub fn code(&self) -> &str {
        match self {
            Self::Refused(refusal) => &refusal.error_code,
            Self::BadAddress(_) => "WRONG_ADDRESS",
            Self::Unreachable { .. } => "CONNECTION_LOST",
            Self::TimedOut(_) => "CALL_TIMEOUT",
            Self::Gap(_) => "STREAM_GAP",
            Self::Closed => "CLIENT_CLOSED",
            Self::UnknownForm(_) => "UNKNOWN_FORM",
        }
    }

    /// Whether nothing is stored under that key.
    pub fn is_miss(&self) -> bool {
        self.code() == "CACHE_MISS"
    }

    /// Whether the same may go well later, with nothing changed but the time.
    pub fn is_retryable(&self) -> bool {
        /// What the server says when it has too much to do, or has no Redis.
        const PASSING: [&str; 4] = ["RATE_LIMITED", "OVERLOADED", "CACHE_UNAVAILABLE", "CACHE_TIMEOUT"];
        match self {
            Self::Unreachable { .. } | Self::TimedOut(_) | Self::Gap(_) => true,
            Self::Refused(refusal) => {
                refusal.retry_after_ms.is_some() || PASSING.contains(&refusal.error_code.as_str())
            }
            Self::BadAddress(_) | Self::Closed | Self::UnknownForm(_) => false,
        }
    }

    /// How long to wait before the same is asked again, if the server said so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) => refusal.retry_after_ms.map(Duration::from_millis),
            Self::Unreachable { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    pub(super) fn unreachable(cause: impl Into<String>) -> Self {
        Self::Unreachable { cause: cause.into(), retry_after: None }
    }

    pub(super) fn unknown_form(error: &serde_json::Error) -> Self {
        Self::UnknownForm(format!("what the server sent is not what this version knows: {error}"))
    }

    pub(super) fn not_registered<Q>() -> Self {
        let name = std::any::type_name::<Q>();
        Self::refused("INVALID_OPERATION", format!("no operation is registered with {name} as its params"))
    }

    pub(super) fn refused(error_code: &str, error: impl Into<String>) -> Self {
        let (error_code, error) = (error_code.to_owned(), error.into());
        let (details, retry_after_ms, explain) = (Vec::new(), None, None);
        Self::Refused(Box::new(Refusal { error_code, error, details, retry_after_ms, explain }))
    }

    pub(super) fn bad_token() -> Self {
        Self::refused("UNAUTHENTICATED", "the token is not valid")
    }

    /// Why there is no connection.
    pub(super) fn of_handshake(endpoint: &Endpoint, error: &tungstenite::Error) -> Self {
        if let tungstenite::Error::Http(response) = error {
            return Self::of_response(endpoint, response);
        }
        let hint = hint(endpoint, error).map(|hint| format!(". {hint}")).unwrap_or_default();
        let cause: &dyn fmt::Display = match error {
            tungstenite::Error::Io(error) => error,
            error => error,
        };
        Self::unreachable(format!("cannot connect to {endpoint}: {cause}{hint}"))
    }

    /// A refusal that answers the handshake.
    fn of_response(endpoint: &Endpoint, response: &http::Response<Option<Vec<u8>>>) -> Self {
        let status = response.status();
        let text = response.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        // A proxy may send a whole page.
        let sentence = text.lines().next().filter(|line| !line.starts_with('<')).unwrap_or_default();
        let sentence: String = sentence.chars().filter(|c| !c.is_control()).take(200).collect();
        let said = format!("{endpoint} answers {status}: {sentence}");
        let said = said.trim_end_matches([':', ' ']);
        match status.as_u16() {
            // No other header is so long that it could be too long.
            401 | 431 => Self::refused("UNAUTHENTICATED", said),
            403 => Self::refused("FORBIDDEN", said),
            408 | 429 | 500.. => {
                let cause = format!("cannot connect to {endpoint}: {status}: {sentence}");
                let seconds = response.headers().get(http::header::RETRY_AFTER);
                let seconds = seconds.and_then(|seconds| seconds.to_str().ok()?.parse().ok());
                Self::Unreachable { cause, retry_after: seconds.map(Duration::from_secs) }
            }
            _ => Self::refused("WRONG_ADDRESS", said),
        }
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadAddress(cause) | Self::Unreachable { cause, .. } | Self::UnknownForm(cause) => {
                f.write_str(cause)
            }
            Self::Gap(cause) => write!(f, "entries may be missing: {cause}"),
            Self::Closed => f.write_str("the client is closed"),
            Self::TimedOut(patience) => write!(f, "no answer within {patience:?}"),
            Self::Refused(refusal) => {
                write!(f, "{}: {}", refusal.error_code, refusal.error)?;
                // Of one alone the sentence tells all.
                if refusal.details.len() == 1 {
                    return Ok(());
                }
                for detail in &refusal.details {
                    write!(f, "\n  {}: {}", detail.path, detail.message)?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for ClientError {}

pub(super) fn gone(error: &tungstenite::Error) -> ClientError {
    ClientError::unreachable(format!("the connection is lost: {error}"))
}

/// What to do about it, where that is known.
fn hint(endpoint: &Endpoint, error: &tungstenite::Error) -> Option<&'static str> {
    use CertificateError::{BadSignature, NotValidForName, NotValidForNameContext, Other, UnknownIssuer};
    use io::ErrorKind::{ConnectionReset, NotFound, UnexpectedEof};
    use rustls::Error::{InvalidCertificate, InvalidMessage};
    use tungstenite::Error::{HttpFormat, Io, Protocol};
    use webpki::Error::CaUsedAsEndEntity;

    const AUTHORITY: &str = "If a private authority vouches for its certificate, name that: --ca FILE";
    const NO_SERVER: &str = "Its certificate is one for an authority; make one for a server, \
         with `openssl req -x509` by -addext basicConstraints=critical,CA:FALSE";
    const OTHER: &str = "It does not speak WebSocket there; is it wss://?";
    match tls_error(error) {
        Some(InvalidCertificate(UnknownIssuer | BadSignature)) => return Some(AUTHORITY),
        Some(InvalidCertificate(NotValidForName | NotValidForNameContext { .. })) => {
            return Some("Name the server as its certificate does");
        }
        Some(InvalidMessage(_)) => return Some("It does not speak TLS there; is it ws://?"),
        Some(InvalidCertificate(Other(error))) if error.0.downcast_ref() == Some(&CaUsedAsEndEntity) => {
            return Some(NO_SERVER);
        }
        Some(_) => return None,
        None => {}
    }
    match error {
        // The system trusts nobody.
        Io(error) if endpoint.is_tls() && error.kind() == NotFound => Some(AUTHORITY),
        // Who speaks TLS answers by an alert, which is no HTTP, or hangs up.
        Protocol(_) | HttpFormat(_) if endpoint.is_plain() => Some(OTHER),
        Io(error) if endpoint.is_plain() && matches!(error.kind(), ConnectionReset | UnexpectedEof) => {
            Some(OTHER)
        }
        _ => None,
    }
}

/// The error of TLS among the causes of this one.
fn tls_error(error: &tungstenite::Error) -> Option<&rustls::Error> {
    let tungstenite::Error::Io(error) = error else { return None };
    error.get_ref()?.downcast_ref()
}
