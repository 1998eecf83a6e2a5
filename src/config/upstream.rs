//! Where the cache is and how it is reached.

use std::{fs, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::values::{Secret, Span, flag, text, whole};
use crate::cache::{self, LinkSettings};

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
    /// User to log in as.
    pub user: Option<Secret>,
    /// Password to log in with.
    pub password: Option<Secret>,
    /// A file that holds the password, as secrets are handed to services; an empty one holds none.
    pub password_file: Option<PathBuf>,
    /// Connections of each worker; all but one of them are for hashes, lists and scans.
    #[serde(deserialize_with = "whole")]
    pub connections: usize,
    /// Commands that may wait for each connection.
    #[serde(deserialize_with = "whole")]
    pub queue: usize,
    /// Reads of more keys than fit in one write that each worker runs at once; others wait for their turn.
    #[serde(deserialize_with = "whole")]
    pub wide_reads: usize,
    /// How long connecting and logging in may take.
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
            user: None,
            password: None,
            password_file: None,
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
    /// What no single value shows to be wrong: the key, and a sentence.
    pub(super) fn faults(&self) -> Vec<(&'static str, String)> {
        let key = if self.url.is_some() { "redis.url" } else { "redis.host" };
        let wrong = self.address(self.password.as_ref()).err();
        wrong.map(|error| (key, error)).into_iter().collect()
    }

    /// How the connections are to be made. Reads the file that holds the password.
    pub fn link_settings(&self) -> Result<LinkSettings, String> {
        let password = self.password().map_err(|error| format!("redis.password_file: {error}"))?;
        Ok(LinkSettings {
            address: self.address(password.as_ref())?,
            connections: self.connections,
            queue: self.queue,
            wide_reads: self.wide_reads,
            connect_timeout: self.connect_timeout.get(),
            response_timeout: self.response_timeout.get(),
            reconnect_max: self.reconnect_max.get(),
        })
    }

    fn address(&self, password: Option<&Secret>) -> Result<cache::Address, String> {
        let user = self.user.as_ref().map(Secret::expose);
        let url = match &self.url {
            Some(url) => url.expose().to_owned(),
            None if self.host.contains(':') && !self.host.starts_with('[') => {
                format!("redis://[{}]:{}/{}", self.host, self.port, self.db)
            }
            None => format!("redis://{}:{}/{}", self.host, self.port, self.db),
        };
        cache::Address::parse(&url, user, password.map(Secret::expose))
    }

    /// The password that is given, or that of the file; an error if it cannot be read, or is another.
    fn password(&self) -> Result<Option<Secret>, String> {
        let Some(file) = &self.password_file else { return Ok(self.password.clone()) };
        let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        // Who writes a line ends it.
        let text = text.trim_end_matches(['\r', '\n']);
        match &self.password {
            given if text.is_empty() => Ok(given.clone()),
            Some(_) => Err("`redis.password` is given too; leave one of them out".to_owned()),
            None => Ok(Some(Secret::from(text))),
        }
    }
}
