//! Where a node of a Redis Cluster is.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};

use super::sentinel::host_and_port;

/// A node of a Redis Cluster: its host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its host; an IPv6 address in brackets.
    host: String,
    port: u16,
}

impl Node {
    /// Host, without brackets, and port.
    pub(super) fn place(&self) -> (String, u16) {
        (self.host.trim_start_matches('[').trim_end_matches(']').to_owned(), self.port)
    }
}

impl FromStr for Node {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains('@') {
            // Not repeated: it may hold a password.
            let fault = "a node's address holds no login; give it by `redis.user` and `redis.password`";
            return Err(fault.to_owned());
        }
        if text.contains("://") {
            let fault = format!("{text:?} is no node; write host:port, and `redis.tls = true` for TLS");
            return Err(fault);
        }
        let (host, port) =
            host_and_port(text).ok_or_else(|| format!("{text:?} is no node; write host:port"))?;
        Ok(Self { host, port })
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_a_host_and_a_port() {
        for (text, host) in
            [("10.0.0.7:6379", "10.0.0.7"), ("redis-1:6379", "redis-1"), ("[::1]:6379", "::1")]
        {
            let node: Node = text.parse().unwrap();
            assert_eq!((node.to_string().as_str(), node.place()), (text, (host.to_owned(), 6379)));
        }
        for bad in ["", "host", "host:", ":1", "host:70000", "redis://a:1", "rediss://a:1", "a:1/2", "a b:1"]
        {
            assert!(bad.parse::<Node>().is_err(), "{bad}");
        }
        let fault = "user:s3cret@host:1".parse::<Node>().unwrap_err();
        assert!(fault.contains("redis.password") && !fault.contains("s3cret"), "{fault}");
    }
}
