//! Where the cache is and how it is reached.

use std::{
    fs,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Node, Sentinel,
    certificates::check_pair,
    values::{Secret, Span, flag, list, text, whole},
};
use crate::{
    cache::{Address, Certificates, LinkSettings, Whereabouts},
    pem,
};

/// Where the cache is and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Redis {
    /// `redis://`, `rediss://` or `unix://`; where it is given, host, port and db are not looked at.
    pub url: Option<Secret>,
    /// Host name or address.
    #[serde(deserialize_with = "text")]
    pub host: String,
    /// Port.
    #[serde(deserialize_with = "whole")]
    pub port: u16,
    /// Database number.
    #[serde(deserialize_with = "whole")]
    pub db: u32,
    /// Whether host and port, the master that sentinels name, or the nodes of a cluster are spoken to by TLS; a URL says so
    /// itself.
    #[serde(deserialize_with = "flag")]
    pub tls: bool,
    /// A file with those who vouch for the certificates that Redis shows, and sentinels, as PEM; without one it is those
    /// whom the system trusts.
    pub tls_ca: Option<PathBuf>,
    /// A file with the certificate to show to Redis, and to sentinels, where they ask for one, and with those that vouch
    /// for it, as PEM.
    pub tls_certificate: Option<PathBuf>,
    /// A file with its key, as PEM.
    pub tls_key: Option<PathBuf>,
    /// User to log in as.
    pub user: Option<Secret>,
    /// Password to log in with.
    pub password: Option<Secret>,
    /// A file that holds the password, as secrets are handed to services; an empty one holds none.
    pub password_file: Option<PathBuf>,
    /// Some nodes of a Redis Cluster, each as `host:port`; the others are learned from them. They take the place of url,
    /// host and port.
    #[serde(deserialize_with = "list")]
    #[schemars(with = "Vec<String>")]
    pub cluster: Vec<Node>,
    /// Redis Sentinels that are asked where the master is, each as `host:port`, or as `rediss://host:port` where it
    /// speaks TLS; they take the place of url, host and port.
    #[serde(deserialize_with = "list")]
    #[schemars(with = "Vec<String>")]
    pub sentinels: Vec<Sentinel>,
    /// What the sentinels call the master, e.g. `mymaster`.
    pub sentinel_master: Option<String>,
    /// Whether, of a Redis behind sentinels, a replica is read instead of the master, while one is in good order.
    #[serde(deserialize_with = "flag")]
    pub replicas: bool,
    /// User to log in to the sentinels as.
    pub sentinel_user: Option<Secret>,
    /// Password to log in to the sentinels with.
    pub sentinel_password: Option<Secret>,
    /// A file that holds the password for the sentinels; an empty one holds none.
    pub sentinel_password_file: Option<PathBuf>,
    /// Connections of each worker, in a cluster to each master; all but one of them are for hashes, lists and scans.
    #[serde(deserialize_with = "whole")]
    pub connections: usize,
    /// Commands that may wait for each connection.
    #[serde(deserialize_with = "whole")]
    pub queue: usize,
    /// Reads of more keys than fit in one write, or of more than a MiB of one hash, that each worker runs at once; others
    /// wait for their turn.
    #[serde(deserialize_with = "whole")]
    pub wide_reads: usize,
    /// How long connecting and logging in may take, and before it the sentinels to say where the master is.
    pub connect_timeout: Span,
    /// How long a command may wait for its answer.
    pub response_timeout: Span,
    /// The longest pause between two attempts to connect.
    pub reconnect_max: Span,
    /// Whether it is an error if the Redis user may write, or if that can't be found out.
    #[serde(deserialize_with = "flag")]
    pub require_read_only: bool,
}

impl Default for Redis {
    fn default() -> Self {
        Self {
            url: None,
            host: "127.0.0.1".to_owned(),
            port: 6379,
            db: 0,
            tls: false,
            tls_ca: None,
            tls_certificate: None,
            tls_key: None,
            user: None,
            password: None,
            password_file: None,
            cluster: Vec::new(),
            sentinels: Vec::new(),
            sentinel_master: None,
            replicas: false,
            sentinel_user: None,
            sentinel_password: None,
            sentinel_password_file: None,
            connections: 2,
            queue: 8192,
            wide_reads: 4,
            connect_timeout: Span::millis(2000),
            response_timeout: Span::millis(2000),
            reconnect_max: Span::millis(1000),
            require_read_only: false,
        }
    }
}

impl Redis {
    /// How the connections are to be made. Reads the files that hold passwords and certificates.
    pub fn link_settings(&self) -> Result<LinkSettings, String> {
        let password = secret(&self.password, self.password_file.as_deref(), "redis.password")?;
        let of_sentinels = self.sentinel_password_file.as_deref();
        let of_sentinels = secret(&self.sentinel_password, of_sentinels, "redis.sentinel_password")?;
        Ok(LinkSettings {
            whereabouts: self.whereabouts(password.as_ref(), of_sentinels.as_ref())?,
            connections: self.connections,
            queue: self.queue,
            wide_reads: self.wide_reads,
            connect_timeout: self.connect_timeout.get(),
            response_timeout: self.response_timeout.get(),
            reconnect_max: self.reconnect_max.get(),
        })
    }

    fn whereabouts(
        &self,
        password: Option<&Secret>,
        of_sentinels: Option<&Secret>,
    ) -> Result<Whereabouts, String> {
        let certificates = self.certificates()?;
        let redis = self.address(password)?.with_certificates(&certificates)?;
        if !self.cluster.is_empty() {
            return Ok(Whereabouts::cluster_of(self.cluster.iter().map(Node::place), redis));
        }
        let Some(master) = self.sentinel_master.as_ref().filter(|_| !self.sentinels.is_empty()) else {
            return Ok(Whereabouts::at(redis));
        };
        let user = self.sentinel_user.as_ref().map(Secret::expose);
        let password = of_sentinels.map(Secret::expose);
        let sentinels = self
            .sentinels
            .iter()
            .map(|one| Address::parse(&one.url(), user, password)?.with_certificates(&certificates));
        Ok(Whereabouts::named_by(sentinels.collect::<Result<_, _>>()?, master, self.replicas, redis))
    }

    /// Where Redis is, or, if sentinels or the nodes of a cluster are to say that, how it is spoken to there.
    fn address(&self, password: Option<&Secret>) -> Result<Address, String> {
        let user = self.user.as_ref().map(Secret::expose);
        let scheme = if self.tls { "rediss" } else { "redis" };
        let url = match &self.url {
            Some(url) => url.expose().to_owned(),
            None if self.host.contains(':') && !self.host.starts_with('[') => {
                format!("{scheme}://[{}]:{}/{}", self.host, self.port, self.db)
            }
            None => format!("{scheme}://{}:{}/{}", self.host, self.port, self.db),
        };
        Address::parse(&url, user, password.map(Secret::expose))
    }

    /// What TLS goes by, out of its files.
    fn certificates(&self) -> Result<Certificates, String> {
        let read = |key: &str, file: &Path| {
            fs::read(file).map_err(|error| format!("{key}: {}: {error}", file.display()))
        };
        let authority = match &self.tls_ca {
            Some(file) => {
                let fault = |error| format!("redis.tls_ca: {}: {error}", file.display());
                pem::certificates(file).map_err(fault)?;
                Some(read("redis.tls_ca", file)?)
            }
            None => None,
        };
        let own = match (&self.tls_certificate, &self.tls_key) {
            (Some(certificate), Some(key)) => {
                let checked = check_pair(certificate, key);
                checked.map_err(|(name, fault)| format!("redis.tls_{name}: {fault}"))?;
                Some((read("redis.tls_certificate", certificate)?, read("redis.tls_key", key)?))
            }
            _ => None,
        };
        Ok(Certificates { authority, own })
    }

    /// What no single value shows to be wrong: the key, and a sentence.
    pub(super) fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        match self.address(self.password.as_ref()) {
            Err(error) => faults.push((if self.url.is_some() { "redis.url" } else { "redis.host" }, error)),
            Ok(address) if self.tls && !address.is_tls() => {
                let fault =
                    "the URL in `redis.url` has no TLS; write rediss:// there, or leave one of them out";
                faults.push(("redis.tls", fault.to_owned()));
            }
            Ok(_) => {}
        }
        faults.extend(self.faults_of_tls().map(|(key, fault)| (key, fault.to_owned())));
        let of_sentinels = match self.sentinels.is_empty() {
            true => self.faults_without_sentinels(),
            false => self.faults_with_sentinels(),
        };
        let of_cluster = if self.cluster.is_empty() { Vec::new() } else { self.faults_with_cluster() };
        let of_both = of_sentinels.into_iter().chain(of_cluster);
        faults.extend(of_both.map(|(key, fault)| (key, fault.to_owned())));
        faults
    }

    fn faults_of_tls(&self) -> Option<(&'static str, &'static str)> {
        match (&self.tls_certificate, &self.tls_key) {
            (Some(_), None) => Some(("redis.tls_certificate", "name the file of its key as `redis.tls_key`")),
            (None, Some(_)) => {
                Some(("redis.tls_key", "name the file of its certificate as `redis.tls_certificate`"))
            }
            _ => None,
        }
    }

    /// The keys of certificates that mean nothing, for nobody is spoken to by TLS.
    pub(super) fn needless_certificates(&self) -> Vec<&'static str> {
        let is_tls = self.address(None).is_ok_and(|address| address.is_tls())
            || self.sentinels.iter().any(Sentinel::is_tls);
        let given = [
            ("redis.tls_ca", &self.tls_ca),
            ("redis.tls_certificate", &self.tls_certificate),
            ("redis.tls_key", &self.tls_key),
        ];
        given.into_iter().filter(|(_, file)| file.is_some() && !is_tls).map(|(key, _)| key).collect()
    }

    fn faults_without_sentinels(&self) -> Vec<(&'static str, &'static str)> {
        let given = [
            ("redis.sentinel_master", self.sentinel_master.is_some()),
            ("redis.sentinel_user", self.sentinel_user.is_some()),
            ("redis.sentinel_password", self.sentinel_password.is_some()),
            ("redis.sentinel_password_file", self.sentinel_password_file.is_some()),
        ];
        let fault = "it is for sentinels, and there are none; list them as `redis.sentinels`";
        let given = given.into_iter().filter(|(_, is_given)| *is_given).map(|(key, _)| (key, fault));
        given.chain(self.fault_of_replicas().map(|fault| ("redis.replicas", fault))).collect()
    }

    /// What is wrong with reading replicas where no sentinel tells of them.
    fn fault_of_replicas(&self) -> Option<&'static str> {
        match self.cluster.is_empty() {
            _ if !self.replicas => None,
            true => Some(
                "sentinels tell of replicas, and there are none; list them as `redis.sentinels`, or give a replica's own \
                 address by `redis.url`, or `redis.host` and `redis.port`",
            ),
            false => Some(
                "the replicas of a cluster cannot be read, for they do not have the keys that are on their way between \
                 masters; leave it out",
            ),
        }
    }

    /// The keys that say where Redis is, if it is one, and are given.
    fn places(&self) -> impl Iterator<Item = &'static str> {
        let default = Self::default();
        let places = [
            ("redis.url", self.url.is_some()),
            ("redis.host", self.host != default.host),
            ("redis.port", self.port != default.port),
        ];
        places.into_iter().filter(|(_, is_given)| *is_given).map(|(key, _)| key)
    }

    fn faults_with_cluster(&self) -> Vec<(&'static str, &'static str)> {
        let fault = "`redis.cluster` says where Redis is; leave one of them out";
        let others = self.places().chain((!self.sentinels.is_empty()).then_some("redis.sentinels"));
        let mut faults: Vec<_> = others.map(|key| (key, fault)).collect();
        if self.db != 0 {
            faults.push(("redis.db", "a cluster has no databases; leave it out"));
        }
        faults
    }

    fn faults_with_sentinels(&self) -> Vec<(&'static str, &'static str)> {
        let fault = "`redis.sentinels` say where the master is; leave one of them out";
        let mut faults: Vec<_> = match self.cluster.is_empty() {
            true => self.places().map(|key| (key, fault)).collect(),
            // That says it already.
            false => Vec::new(),
        };
        if self.sentinel_master.as_ref().is_none_or(String::is_empty) {
            faults.push(("redis.sentinels", "name the master to ask them for as `redis.sentinel_master`"));
        }
        faults
    }
}

/// The secret that is given by a key, or that of the file; an error if it cannot be read, or is another.
fn secret(given: &Option<Secret>, file: Option<&Path>, key: &str) -> Result<Option<Secret>, String> {
    let Some(file) = file else { return Ok(given.clone()) };
    let text =
        fs::read_to_string(file).map_err(|error| format!("{key}_file: {}: {error}", file.display()))?;
    // Who writes a line ends it.
    let text = text.trim_end_matches(['\r', '\n']);
    match given {
        given if text.is_empty() => Ok(given.clone()),
        Some(_) => Err(format!("{key}_file: `{key}` is given too; leave one of them out")),
        None => Ok(Some(Secret::from(text))),
    }
}
