//! Configuration: built-in defaults < a TOML file < `.env` < the environment < flags.

mod auth;
mod certificates;
mod doubts;
mod http;
mod inline;
mod listen;
mod load;
mod near_cache;
mod network;
mod node;
mod sentinel;
mod upstream;
mod values;

use std::{path::PathBuf, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

pub use auth::{Anonymous, Auth, Certificate, Issuer, Token};
pub use http::Http;
pub use listen::{Address, Listen, Place, Tls};
pub use load::{DEFAULT_FILE, Effective, Loader, PREFIX, Problem, VARIABLES};
pub use near_cache::NearCache;
pub use network::{Network, Origin};
pub use node::Node;
pub use sentinel::Sentinel;
pub use upstream::Redis;
pub(crate) use values::{DURATION, SECRET, microseconds, milliseconds, parse_end};
pub use values::{Secret, Span, parse_duration};
use values::{flag, text, whole};

use crate::protocol;

/// Everything that can be configured.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the server listens.
    pub listen: Listen,
    /// Who may read what.
    pub auth: Auth,
    /// Where the cache is.
    pub redis: Redis,
    /// Answers that are given again without asking Redis.
    pub near_cache: NearCache,
    /// What anyone may ask of the server.
    pub limits: Limits,
    /// What streams may take, and how fresh they are kept.
    pub streams: Streams,
    /// What is served to browsers and to those who watch over the server.
    pub http: Http,
    /// What is logged.
    pub log: Log,
    /// A file laid over the built-in operations.yaml.
    pub operations_file: Option<PathBuf>,
}

/// What anyone may ask of the server.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Connections in all; one more is refused with 503.
    #[serde(deserialize_with = "whole")]
    pub connections: usize,
    /// Connections of one address (of IPv6: of one network of 64 bits); one more is refused with 429. Those
    /// from the same machine do not count.
    #[serde(deserialize_with = "whole")]
    pub connections_per_address: usize,
    /// Connections of one login; one more is refused with 429.
    #[serde(deserialize_with = "whole")]
    pub connections_per_login: usize,
    /// Requests of one connection in a second, each of an array counted; more are `RATE_LIMITED`. Pings
    /// count too.
    #[serde(deserialize_with = "whole")]
    pub requests_per_second: u32,
    /// Requests of one login in a second, on all its connections.
    #[serde(deserialize_with = "whole")]
    pub requests_per_second_of_login: u32,
    /// Bytes that one connection may send in a second; what is more is read later.
    #[serde(deserialize_with = "whole")]
    pub bytes_in_per_second: usize,
    /// Bytes that one connection is sent in a second; what is more waits, and its streams send fewer, newer updates.
    #[serde(deserialize_with = "whole")]
    pub bytes_out_per_second: usize,
    /// Reads that each worker has under way; more are `OVERLOADED`. From three quarters of it on new
    /// connections are refused with 503, from seven eighths on new streams.
    #[serde(deserialize_with = "whole")]
    pub reads: usize,
    /// Requests of one connection that run at once; the next are not read before one is answered.
    #[serde(deserialize_with = "whole")]
    pub in_flight: usize,
    /// Bytes of one message; a larger one closes the connection with 1009.
    #[serde(deserialize_with = "whole")]
    pub message_bytes: usize,
    /// Frames of one message; more close the connection with 1008.
    #[serde(deserialize_with = "whole")]
    pub message_frames: usize,
    /// Requests in one array.
    #[serde(deserialize_with = "whole")]
    pub array_length: usize,
    /// Levels that params may nest.
    #[serde(deserialize_with = "whole")]
    pub json_depth: usize,
    /// Bytes of one `request_id`.
    #[serde(deserialize_with = "whole")]
    pub request_id_bytes: usize,
    /// How long a client may take from connecting to a complete upgrade.
    pub handshake_timeout: Span,
    /// How long a client may take from connecting to its first request.
    pub first_message_timeout: Span,
    /// How long a message may take from its first byte to its last.
    pub message_timeout: Span,
    /// How long a client without streams may ask for nothing.
    pub idle_timeout: Span,
    /// After how long a client that says nothing is pinged.
    pub ping_interval: Span,
    /// How long it may take to answer.
    pub pong_timeout: Span,
    /// How long a connection may last; then it is closed with 1012, to be made again.
    pub connection_age: Span,
    /// Within which time clients are told, one after another, that the server stops: where there are few, at
    /// once.
    pub goodbye: Span,
    /// How long a client may read nothing of what is sent to it before it is disconnected.
    pub write_timeout: Span,
    /// How long one read of a hash, a list or many keys may take in all.
    pub read_timeout: Span,
    /// Bytes of one reply; what is larger is answered with `LIMIT_EXCEEDED`.
    #[serde(deserialize_with = "whole")]
    pub reply_bytes: usize,
    /// Bytes of replies that wait to be written to one client; the next requests are not read before.
    #[serde(deserialize_with = "whole")]
    pub waiting_bytes: usize,
    /// Bytes of large replies that wait to be written to all clients; one that finds no room within the time that a
    /// client may read nothing is `OVERLOADED`.
    #[serde(deserialize_with = "whole")]
    pub waiting_bytes_in_all: usize,
    /// Bytes that the system takes for a TCP connection beyond what is on its way to the client (`TCP_NOTSENT_LOWAT`, on
    /// Linux): what waits there grows old, and holds up what comes after it. Of connections that are made from then on.
    #[serde(deserialize_with = "whole")]
    pub unsent_bytes: usize,
}

/// What streams may take, and how fresh they are kept.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Streams {
    /// Streams of one connection.
    #[serde(deserialize_with = "whole")]
    pub per_connection: usize,
    /// Streams of one login, on all its connections.
    #[serde(deserialize_with = "whole")]
    pub per_login: usize,
    /// Symbols, or the like, that one stream may name.
    #[serde(deserialize_with = "whole")]
    pub names: usize,
    /// Symbols, or the like, that all streams of one connection may name.
    #[serde(deserialize_with = "whole")]
    pub names_per_connection: usize,
    /// Different things that all streams together watch.
    #[serde(deserialize_with = "whole")]
    pub topics: usize,
    /// Bytes that one of them may have, as it is stored; of what is larger a part is watched, and its streams say so.
    #[serde(deserialize_with = "whole")]
    pub topic_bytes: usize,
    /// Items that are read again in a second, on average: what is large and changes all the time is read less often.
    #[serde(deserialize_with = "whole")]
    pub items_per_second: usize,
    /// Entries of one log, or removals, that are kept for slow readers and those who come back.
    #[serde(deserialize_with = "whole")]
    pub log_entries: usize,
    /// Bytes of either that are kept for them.
    #[serde(deserialize_with = "whole")]
    pub log_bytes: usize,
    /// How often everything watched is read again, even if no change was told.
    pub refresh: Span,
    /// How long what nobody watches any more is kept fresh, and what is gone remembered, for those who
    /// come back.
    pub resume_window: Span,
    /// The longest `min_interval_ms` that is granted; half the resume window at the most.
    pub min_interval_max: Span,
}

impl Default for Streams {
    fn default() -> Self {
        Self {
            per_connection: 1000,
            per_login: 5000,
            names: 10_000,
            names_per_connection: 50_000,
            topics: 20_000,
            topic_bytes: 128 << 20,
            items_per_second: 200_000,
            log_entries: 10_000,
            log_bytes: 16 << 20,
            refresh: Span::millis(30_000),
            resume_window: Span::millis(60_000),
            min_interval_max: Span::millis(30_000),
        }
    }
}

/// What is logged, to standard error.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// `error`, `warn`, `info`, `debug`, `trace`, or directives such as `info,fullon_cache_api::cache=debug`.
    #[serde(deserialize_with = "text")]
    pub level: String,
    /// As text or as JSON lines.
    pub format: LogFormat,
    /// Whether every read of what belongs to a user is logged, with who read it.
    #[serde(deserialize_with = "flag")]
    pub audit_reads: bool,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 20_000,
            connections_per_address: 1000,
            connections_per_login: 1000,
            requests_per_second: 100_000,
            requests_per_second_of_login: 200_000,
            bytes_in_per_second: 16 << 20,
            bytes_out_per_second: 256 << 20,
            reads: 4096,
            in_flight: 64,
            message_bytes: 1 << 20,
            message_frames: 1000,
            array_length: 1000,
            json_depth: 32,
            request_id_bytes: 256,
            handshake_timeout: Span::millis(10_000),
            first_message_timeout: Span::millis(60_000),
            message_timeout: Span::millis(30_000),
            idle_timeout: Span::millis(3_600_000),
            ping_interval: Span::millis(20_000),
            pong_timeout: Span::millis(20_000),
            connection_age: Span::millis(86_400_000),
            goodbye: Span::millis(5_000),
            write_timeout: Span::millis(10_000),
            read_timeout: Span::millis(10_000),
            reply_bytes: 16 << 20,
            waiting_bytes: 16 << 20,
            waiting_bytes_in_all: 512 << 20,
            unsent_bytes: 64 << 10,
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text, audit_reads: false }
    }
}

impl Config {
    /// The sections and keys that differ and are looked at at start alone.
    pub(crate) fn needs_restart(&self, before: &Self) -> Vec<&'static str> {
        let differs = self.of_the_start(before).into_iter();
        differs.filter(|(_, differs)| *differs).map(|(key, _)| key).collect()
    }

    /// The sections and keys that are looked at at start alone, and whether they differ.
    pub(crate) fn of_the_start(&self, before: &Self) -> Vec<(&'static str, bool)> {
        let (listen, listened) = (&self.listen, &before.listen);
        vec![
            ("redis", self.redis != before.redis),
            ("http.metrics_address", self.http.metrics_address != before.http.metrics_address),
            ("log.format", self.log.format != before.log.format),
            ("listen.host", listen.host != listened.host),
            ("listen.port", listen.port != listened.port),
            ("listen.backlog", listen.backlog != listened.backlog),
            ("listen.tls", listen.tls != listened.tls),
            ("listen.also", listen.also != listened.also),
            ("listen.workers", listen.workers != listened.workers),
        ]
    }
}

impl Streams {
    /// The longest `min_interval_ms` that is granted: a removal must be told before it is forgotten.
    pub fn longest_interval(&self) -> Duration {
        self.min_interval_max.get().min(self.resume_window.get() / 2)
    }
}

impl Limits {
    /// What a message may be.
    pub fn of_messages(&self) -> protocol::Limits {
        protocol::Limits {
            array_length: self.array_length,
            json_depth: self.json_depth,
            request_id_bytes: self.request_id_bytes,
        }
    }
}

impl Config {
    /// What no single value shows to be wrong: the key, and a sentence.
    pub(crate) fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = self.redis.faults();
        let limits = &self.limits;
        for (key, value) in [
            ("redis.connections", self.redis.connections),
            ("redis.queue", self.redis.queue),
            ("redis.wide_reads", self.redis.wide_reads),
            ("limits.connections", limits.connections),
            ("limits.in_flight", limits.in_flight),
            ("limits.connections_per_address", limits.connections_per_address),
            ("limits.connections_per_login", limits.connections_per_login),
            ("limits.requests_per_second", limits.requests_per_second as usize),
            ("limits.requests_per_second_of_login", limits.requests_per_second_of_login as usize),
            ("limits.bytes_in_per_second", limits.bytes_in_per_second),
            ("limits.bytes_out_per_second", limits.bytes_out_per_second),
            ("limits.reads", limits.reads),
            ("limits.message_bytes", limits.message_bytes),
            ("limits.message_frames", limits.message_frames),
            ("limits.array_length", limits.array_length),
            ("limits.json_depth", limits.json_depth),
            ("limits.request_id_bytes", limits.request_id_bytes),
            ("limits.reply_bytes", limits.reply_bytes),
            ("limits.waiting_bytes", limits.waiting_bytes),
            ("limits.waiting_bytes_in_all", limits.waiting_bytes_in_all),
            ("limits.unsent_bytes", limits.unsent_bytes),
            ("streams.per_connection", self.streams.per_connection),
            ("streams.per_login", self.streams.per_login),
            ("streams.names", self.streams.names),
            ("streams.names_per_connection", self.streams.names_per_connection),
            ("streams.topics", self.streams.topics),
            ("streams.topic_bytes", self.streams.topic_bytes),
            ("streams.items_per_second", self.streams.items_per_second),
            ("streams.log_entries", self.streams.log_entries),
            ("streams.log_bytes", self.streams.log_bytes),
        ] {
            if value == 0 {
                faults.push((key, "0 would let nothing through".to_owned()));
            }
        }
        for (key, span) in [
            ("redis.connect_timeout", self.redis.connect_timeout),
            ("redis.response_timeout", self.redis.response_timeout),
            ("redis.reconnect_max", self.redis.reconnect_max),
            ("near_cache.max_age", self.near_cache.max_age),
            ("auth.login_timeout", self.auth.login_timeout),
            ("limits.handshake_timeout", limits.handshake_timeout),
            ("limits.first_message_timeout", limits.first_message_timeout),
            ("limits.message_timeout", limits.message_timeout),
            ("limits.idle_timeout", limits.idle_timeout),
            ("limits.ping_interval", limits.ping_interval),
            ("limits.pong_timeout", limits.pong_timeout),
            ("limits.connection_age", limits.connection_age),
            ("limits.write_timeout", limits.write_timeout),
            ("limits.read_timeout", limits.read_timeout),
            ("streams.refresh", self.streams.refresh),
            ("streams.resume_window", self.streams.resume_window),
        ] {
            if span.get().is_zero() {
                faults.push((key, "0 leaves no time for anything".to_owned()));
            }
        }
        let seconds = limits.message_bytes as f64 / limits.bytes_in_per_second as f64;
        if seconds > limits.message_timeout.get().as_secs_f64() / 2.0 {
            let fault =
                "a message of `limits.message_bytes` would take more than half of `limits.message_timeout`";
            faults.push(("limits.bytes_in_per_second", fault.to_owned()));
        }
        faults.extend(self.listen.faults());
        faults.extend(self.auth.faults());
        if let Err(error) = self.log.check_level() {
            faults.push(("log.level", error));
        }
        faults
    }
}

impl Log {
    fn check_level(&self) -> Result<(), String> {
        let wanted = "write a level (error, warn, info, debug, trace, off) or module=level, between commas";
        let complain = || format!("{:?} is no log level; {wanted}", self.level);
        // The filter would take a lone word for a module, and log nothing else.
        let is_bad = |part: &str| !part.contains('=') && part.trim().parse::<LevelFilter>().is_err();
        match self.level.split(',').any(is_bad) || EnvFilter::try_new(&self.level).is_err() {
            true => Err(complain()),
            false => Ok(()),
        }
    }
}
