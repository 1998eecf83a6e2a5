//! Where the server listens, and whom it takes for whom.

use std::{net::IpAddr, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Network, Origin,
    inline::{table, tables},
    values::{list, text, whole},
};

/// Where the server listens.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// The address to listen on.
    #[serde(deserialize_with = "text")]
    pub host: String,
    /// The port to listen on; 0 lets the system choose.
    #[serde(deserialize_with = "whole")]
    pub port: u16,
    /// Connections that may wait to be let in; the system has a bound of its own (`net.core.somaxconn`). Of a socket that
    /// is handed over, who made it says so.
    #[serde(deserialize_with = "whole")]
    pub backlog: u32,
    /// The certificate of this address; without one it is not encrypted.
    #[serde(deserialize_with = "table")]
    pub tls: Option<Tls>,
    /// More places to listen on.
    #[serde(deserialize_with = "tables")]
    pub also: Vec<Place>,
    /// Threads that serve clients, and as many more that tell them of changes; 0: one a processor core.
    #[serde(deserialize_with = "whole")]
    pub workers: usize,
    /// The origins of pages that may connect, e.g. `https://desk.example.com`, beside this server's own.
    #[serde(deserialize_with = "list")]
    #[schemars(with = "Vec<String>")]
    pub origins: Vec<Origin>,
    /// Proxies whose `X-Forwarded-For` is believed: addresses, networks such as 10.0.0.0/8, or `unix` for those that
    /// come by a unix socket.
    #[serde(deserialize_with = "list")]
    #[schemars(with = "Vec<String>")]
    pub trusted_proxies: Vec<Network>,
}

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// A file with the certificate and those that vouch for it, as PEM.
    pub certificate: PathBuf,
    /// A file with its key, as PEM.
    pub key: PathBuf,
    /// A file with those that vouch for the certificates of clients, as PEM. Without one they are not asked
    /// for theirs.
    #[serde(default)]
    pub client_ca: Option<PathBuf>,
}

/// One more place to listen on: an address, or a unix socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The address to listen on.
    #[serde(default)]
    pub host: Option<String>,
    /// The port to listen on.
    #[serde(default)]
    pub port: Option<u16>,
    /// The certificate of this address.
    #[serde(default)]
    pub tls: Option<Tls>,
    /// The path of a unix socket.
    #[serde(default)]
    pub unix: Option<PathBuf>,
    /// Who may connect to it, as three octal digits. Of a socket that is handed over, who made it says so.
    #[serde(default = "owner_and_group")]
    pub mode: String,
}

fn owner_and_group() -> String {
    "660".to_owned()
}

/// One place to listen on.
#[derive(Debug, Clone)]
pub enum Address {
    /// A TCP address.
    Tcp {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// Its certificate.
        tls: Option<Tls>,
    },
    /// A unix socket.
    Unix {
        /// Its path.
        path: PathBuf,
        /// Who may connect to it.
        mode: u32,
    },
}

impl Address {
    /// Its certificate.
    pub fn tls(&self) -> Option<&Tls> {
        match self {
            Self::Tcp { tls, .. } => tls.as_ref(),
            Self::Unix { .. } => None,
        }
    }
}

impl Place {
    fn address(&self) -> Result<Address, String> {
        match (&self.host, self.port, &self.unix) {
            (Some(host), Some(port), None) => {
                Ok(Address::Tcp { host: host.clone(), port, tls: self.tls.clone() })
            }
            (None, None, Some(path)) if self.tls.is_none() => {
                let mode = u32::from_str_radix(&self.mode, 8).ok().filter(|mode| *mode <= 0o777);
                let mode =
                    mode.ok_or_else(|| format!("`mode`: {:?} is not three octal digits", self.mode))?;
                Ok(Address::Unix { path: path.clone(), mode })
            }
            _ => Err("it has either `host` and `port`, and maybe `tls`, or `unix`".to_owned()),
        }
    }
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 8765,
            backlog: 4096,
            tls: None,
            also: Vec::new(),
            workers: 0,
            origins: Vec::new(),
            trusted_proxies: Vec::new(),
        }
    }
}

impl Listen {
    /// All places to listen on, each with the key that it stands under.
    pub fn addresses(&self) -> impl Iterator<Item = (&'static str, Address)> {
        let first = Address::Tcp { host: self.host.clone(), port: self.port, tls: self.tls.clone() };
        let also = self.also.iter().filter_map(|place| Some(("listen.also", place.address().ok()?)));
        std::iter::once(("listen.host", first)).chain(also)
    }

    /// Whether an address, or none for a unix socket, is that of a proxy whose word is believed.
    pub(crate) fn trusts(&self, address: Option<IpAddr>) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(address))
    }

    /// What does not go together: the key and a sentence each.
    pub(super) fn faults(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.also.iter().filter_map(|place| Some(("listen.also", place.address().err()?)))
    }
}
