//! Origins of pages, and networks.

use std::{fmt, net::IpAddr, str::FromStr};

use hyper::Uri;
use ipnet::IpNet;
use serde::{Serialize, Serializer};

/// Where a page comes from: scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

impl Origin {
    /// The host, without brackets.
    pub fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// Whether it is at this `Host`, as a request's header has it.
    pub fn is_at(&self, host: &str) -> bool {
        let Ok(host) = host.parse::<hyper::http::uri::Authority>() else { return false };
        host.host().eq_ignore_ascii_case(&self.host)
            && host.port_u16().unwrap_or(self.usual_port()) == self.port
    }

    fn usual_port(&self) -> u16 {
        if self.scheme == "https" { 443 } else { 80 }
    }
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no origin; write scheme://host or scheme://host:port");
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https"));
        let scheme = scheme.ok_or_else(wrong)?.to_owned();
        let authority = uri.authority().ok_or_else(wrong)?;
        // Anything behind the host is no part of an origin, and nobody's page is told by it.
        if !text.eq_ignore_ascii_case(&format!("{scheme}://{authority}")) {
            return Err(wrong());
        }
        if authority.as_str().contains('@') {
            return Err(wrong());
        }
        let mut origin = Self { scheme, host: authority.host().to_ascii_lowercase(), port: 0 };
        origin.port = authority.port_u16().unwrap_or(origin.usual_port());
        Ok(origin)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        if self.port == self.usual_port() { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A network, or one address, or all who come by a unix socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// By TCP.
    Ip(IpNet),
    /// By a unix socket.
    Unix,
}

impl Network {
    /// What stands for all who come by a unix socket.
    const UNIX: &str = "unix";

    /// Whether one who comes from there is of it; who comes by a unix socket has no address.
    pub fn contains(&self, address: Option<IpAddr>) -> bool {
        match (self, address) {
            (Self::Ip(network), Some(address)) => network.contains(&address),
            (Self::Unix, None) => true,
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == Self::UNIX {
            return Ok(Self::Unix);
        }
        let net = text.parse::<IpNet>().ok().or_else(|| Some(IpNet::from(text.parse::<IpAddr>().ok()?)));
        net.map(Self::Ip)
            .ok_or_else(|| format!("{text:?} is no address, no network such as 10.0.0.0/8, and not `unix`"))
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Ip(network) => serializer.collect_str(network),
            Self::Unix => serializer.serialize_str(Self::UNIX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port_exactly() {
        let origin: Origin = "https://Desk.example.com".parse().unwrap();
        assert_eq!(Ok(origin.clone()), "https://desk.example.com:443".parse());
        assert_eq!(origin.to_string(), "https://desk.example.com");
        for other in ["http://desk.example.com", "https://desk.example.com:8443", "https://example.com"] {
            assert_ne!(Ok(origin.clone()), other.parse(), "{other}");
        }
        for bad in
            ["", "null", "desk.example.com", "https://", "https://a/b", "https://a@b", "ftp://a", "file:///"]
        {
            assert!(bad.parse::<Origin>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_network_is_a_prefix_or_one_address() {
        let net: Network = "10.0.0.0/8".parse().unwrap();
        let address = |text: &str| Some(text.parse().unwrap());
        assert!(net.contains(address("10.1.2.3")) && !net.contains(address("11.0.0.1")));
        let one: Network = "::1".parse().unwrap();
        assert!(one.contains(address("::1")) && !one.contains(address("::2")) && !one.contains(None));
        assert!(Network::Unix.contains(None) && !Network::Unix.contains(address("127.0.0.1")));
        assert!("10.0.0.0/33".parse::<Network>().is_err());
    }
}
