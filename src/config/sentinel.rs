//! Where a sentinel is.

use std::{fmt, str::FromStr};

use hyper::Uri;
use serde::{Serialize, Serializer};

/// A Redis Sentinel: its host and port, and whether it speaks TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentinel {
    host: String,
    port: u16,
    is_tls: bool,
}

impl Sentinel {
    pub(super) fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// The same as a URL.
    pub(super) fn url(&self) -> String {
        let scheme = if self.is_tls { "rediss" } else { "redis" };
        format!("{scheme}://{}:{}", self.host, self.port)
    }
}

impl FromStr for Sentinel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains('@') {
            // Not repeated: it may hold a password.
            let fault = "a sentinel's address holds no login; give it by `redis.sentinel_user` and \
                         `redis.sentinel_password`";
            return Err(fault.to_owned());
        }
        let wrong = || format!("{text:?} is no sentinel; write host:port, or rediss://host:port for TLS");
        let (scheme, place) = text.split_once("://").unwrap_or(("redis", text));
        let is_tls = match scheme {
            "redis" => false,
            "rediss" => true,
            _ => return Err(wrong()),
        };
        let (host, port) = host_and_port(place).ok_or_else(wrong)?;
        Ok(Self { host, port, is_tls })
    }
}

/// Host, in brackets where it is an IPv6 address, and port, of which both must be there, and nothing else.
pub(super) fn host_and_port(place: &str) -> Option<(String, u16)> {
    let uri: Uri = format!("redis://{place}").parse().ok()?;
    let authority = uri.authority()?;
    let port = authority.port_u16()?;
    // Where there are no databases, anything behind the port is a mistake.
    let is_all = place.trim_end_matches('/') == authority.as_str();
    (is_all && !authority.host().is_empty()).then(|| (authority.host().to_owned(), port))
}

impl fmt::Display for Sentinel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls { "rediss://" } else { "" };
        write!(f, "{scheme}{}:{}", self.host, self.port)
    }
}

impl Serialize for Sentinel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentinel_is_a_host_and_a_port() {
        for (text, url, shown) in [
            ("10.0.0.7:26379", "redis://10.0.0.7:26379", "10.0.0.7:26379"),
            ("redis://sentinel-1:26379/", "redis://sentinel-1:26379", "sentinel-1:26379"),
            ("rediss://sentinel-1:26380", "rediss://sentinel-1:26380", "rediss://sentinel-1:26380"),
            ("[::1]:26379", "redis://[::1]:26379", "[::1]:26379"),
        ] {
            let sentinel: Sentinel = text.parse().unwrap();
            assert_eq!((sentinel.url().as_str(), sentinel.to_string().as_str()), (url, shown));
        }
        for bad in [
            "",
            "host",
            "host:",
            ":1",
            "host:70000",
            "host:port",
            "http://a:1",
            "unix:///s",
            "a:1/2",
            "a b:1",
        ] {
            assert!(bad.parse::<Sentinel>().is_err(), "{bad}");
        }
        let fault = "redis://user:s3cret@host:1".parse::<Sentinel>().unwrap_err();
        assert!(fault.contains("redis.sentinel_password") && !fault.contains("s3cret"), "{fault}");
    }
}
