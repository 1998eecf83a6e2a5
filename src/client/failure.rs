//! Why there is no result, in words that say what to do.

use std::{fmt, io, time::Duration};

use rustls::CertificateError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_tungstenite::tungstenite::{self, http};

use super::Endpoint;

/// Why there is no result.
#[derive(Debug)]
pub enum ClientError {
    /// The server cannot be reached, or went away.
    Unreachable(String),
    /// It did not answer in time.
    TimedOut(Duration),
    /// It answered with an error.
    Refused(Box<Refusal>),
}

/// An error of the server.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Refusal {
    /// The stable code, e.g. `CACHE_MISS`.
    pub error_code: String,
    /// A sentence.
    pub error: String,
    /// What exactly is wrong with the params.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Value>,
}

impl ClientError {
    /// The code of the server's error, where it is one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(refusal) => Some(&refusal.error_code),
            Self::Unreachable(_) | Self::TimedOut(_) => None,
        }
    }

    /// Whether it may go well later, with nothing changed but the time.
    pub fn may_pass(&self) -> bool {
        /// What the server says when it has too much to do, or has no Redis.
        const PASSING: [&str; 4] = ["RATE_LIMITED", "OVERLOADED", "CACHE_UNAVAILABLE", "CACHE_TIMEOUT"];
        match self {
            Self::Unreachable(_) | Self::TimedOut(_) => true,
            Self::Refused(refusal) => PASSING.contains(&refusal.error_code.as_str()),
        }
    }

    pub(super) fn refused(error_code: &str, error: impl Into<String>) -> Self {
        let (error_code, error) = (error_code.to_owned(), error.into());
        Self::Refused(Box::new(Refusal { error_code, error, details: Vec::new() }))
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
        Self::Unreachable(format!("cannot connect to {endpoint}: {cause}{hint}"))
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
            401 => Self::refused("UNAUTHENTICATED", said),
            403 => Self::refused("FORBIDDEN", said),
            408 | 429 | 500.. => {
                Self::Unreachable(format!("cannot connect to {endpoint}: {status}: {sentence}"))
            }
            status => Self::refused(&format!("HTTP_{status}"), said),
        }
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(cause) => f.write_str(cause),
            Self::TimedOut(patience) => write!(f, "no answer within {patience:?}"),
            Self::Refused(refusal) => {
                write!(f, "{}: {}", refusal.error_code, refusal.error)?;
                // Of one alone the sentence tells all.
                if refusal.details.len() == 1 {
                    return Ok(());
                }
                for detail in &refusal.details {
                    let part = |name| detail.get(name).and_then(Value::as_str).unwrap_or_default();
                    write!(f, "\n  {}: {}", part("path"), part("message"))?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for ClientError {}

pub(super) fn gone(error: &tungstenite::Error) -> ClientError {
    ClientError::Unreachable(format!("the connection is lost: {error}"))
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
