//! The operations on the server itself.

use std::{collections::BTreeMap, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{App, caller::Caller};
use crate::{
    cache::{Json, LinkState},
    config::{Config, milliseconds},
    operation::{Operation, SystemQuery},
    protocol::Result,
    registry::{Described, Filter},
    submit,
    types::Seconds,
};

/// What an operation on the server itself sees.
pub struct System {
    pub(crate) app: Arc<App>,
    /// The client that asks.
    pub(crate) caller: Arc<Caller>,
}

/// Tells that the server is there.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Ping {}

/// The answer to a ping.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Pong {
    /// Always `ok`.
    status: String,
    /// The server's clock.
    time: Seconds,
}

impl SystemQuery for Ping {
    type Output = Pong;

    async fn answer(&self, _: &System) -> Result<Json<Pong>> {
        Json::of(&Pong { status: "ok".to_owned(), time: Seconds::now() })
    }
}

/// Tells what the server can do: every operation with the JSON Schemas of its params and its result,
/// its key patterns, errors and examples. Clients are written from it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Describe {
    /// Only this operation.
    #[schemars(length(min = 1, max = 128), regex(pattern = "^[A-Za-z0-9_.-]+$"))]
    operation: Option<String>,
    /// Only the operations of this domain, e.g. `tickers`.
    #[schemars(length(min = 1, max = 128), regex(pattern = "^[A-Za-z0-9_.-]+$"))]
    domain: Option<String>,
    /// Those too that the caller may not call.
    #[serde(default)]
    all: bool,
}

/// What the server can do.
#[derive(Serialize, JsonSchema)]
struct Description {
    /// The server.
    server: ServerFacts,
    /// Its operations, by name.
    operations: Vec<Described>,
}

/// What a client may want to know of the server before it asks for anything.
#[derive(Serialize, JsonSchema)]
struct ServerFacts {
    /// `fullon_cache_api`.
    name: &'static str,
    /// The version of the server.
    version: &'static str,
    /// What a client may ask of it.
    limits: PublishedLimits,
}

/// What a client may ask of the server. Sizes are in bytes.
#[derive(Serialize, JsonSchema)]
struct PublishedLimits {
    /// Requests of one connection that run at once; the next are not read before one is answered.
    in_flight: usize,
    /// Bytes of one message.
    message_bytes: usize,
    /// Bytes of one reply.
    reply_bytes: usize,
    /// Requests in one array.
    array_length: usize,
    /// Levels that params may nest.
    json_depth: usize,
    /// Bytes of one `request_id`.
    request_id_bytes: usize,
    /// Milliseconds in which a client must read something of what is sent to it.
    write_timeout_ms: u64,
    /// Streams of one connection.
    streams_per_connection: usize,
    /// Symbols, or the like, that one stream may name.
    stream_names: usize,
    /// The longest `min_interval_ms` that is granted.
    min_interval_max_ms: u64,
    /// Milliseconds for which what nobody watches can be resumed.
    resume_window_ms: u64,
}

impl From<&Config> for PublishedLimits {
    fn from(Config { limits, streams, .. }: &Config) -> Self {
        Self {
            in_flight: limits.in_flight,
            message_bytes: limits.message_bytes,
            reply_bytes: limits.reply_bytes,
            array_length: limits.array_length,
            json_depth: limits.json_depth,
            request_id_bytes: limits.request_id_bytes,
            write_timeout_ms: milliseconds(limits.write_timeout.get()),
            streams_per_connection: streams.per_connection,
            stream_names: streams.names,
            min_interval_max_ms: milliseconds(streams.longest_interval()),
            resume_window_ms: milliseconds(streams.resume_window.get()),
        }
    }
}

impl SystemQuery for Describe {
    type Output = Description;

    async fn answer(&self, system: &System) -> Result<Json<Description>> {
        let live = system.app.live();
        let registry = &live.registry;
        if let Some(name) = self.operation.as_deref().filter(|name| registry.get(name).is_none()) {
            return Err(registry.unknown(name));
        }
        let server = Json::of(&ServerFacts {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            limits: PublishedLimits::from(&live.config),
        })?;
        if let Some(domain) = self.domain.as_deref() {
            registry.check_domain(domain)?;
        }
        let identity = system.caller.identity();
        let filter = Filter {
            rights: identity.as_ref().map(|identity| &identity.rights),
            operation: self.operation.as_deref(),
            domain: self.domain.as_deref(),
            all: self.all,
        };
        let operations = registry.describe(&filter);
        Ok(Json::trusted(format!("{{\"server\":{},\"operations\":{operations}}}", server.into_text())))
    }
}

/// Tells how the server is.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GetServerStats {}

/// How the server is. Counts are since its start.
#[derive(Serialize, JsonSchema)]
struct ServerStats {
    /// The version of the server.
    version: &'static str,
    /// Seconds since its start.
    uptime: f64,
    /// Clients that are connected.
    connections: usize,
    /// Clients that were.
    connections_total: u64,
    /// Clients that were refused for there being too many.
    connections_refused: u64,
    /// Clients that were disconnected for reading nothing of what was sent to them.
    connections_too_slow: u64,
    /// Requests that came in.
    requests_total: u64,
    /// Errors that were answered, by code.
    errors: BTreeMap<String, u64>,
    /// Values that were not what the layout says, by operation.
    corrupt_values: BTreeMap<String, u64>,
    /// Streams that are open.
    streams: usize,
    /// Different things that these streams watch.
    topics: usize,
    /// How change is noticed.
    push: PushStats,
    /// How the cache is.
    cache: LinkState,
}

/// What tells of changes. Where nothing does, what is watched is polled.
#[derive(Serialize, JsonSchema)]
struct PushStats {
    /// Redis tells which keys changed.
    tracking: bool,
    /// Redis passes on what writers publish.
    channels: bool,
}

impl SystemQuery for GetServerStats {
    type Output = ServerStats;

    async fn answer(&self, system: &System) -> Result<Json<ServerStats>> {
        let App { stats, cache, started, .. } = &*system.app;
        let live = system.app.live();
        let hub = system.caller.streams.hub();
        let (topics, streams) = hub.counts();
        let means = hub.means();
        Json::of(&ServerStats {
            version: env!("CARGO_PKG_VERSION"),
            uptime: started.elapsed().as_secs_f64(),
            connections: stats.open(),
            connections_total: stats.accepted_total(),
            connections_refused: stats.refused_total(),
            connections_too_slow: stats.too_slow_total(),
            requests_total: stats.requests_total(),
            errors: stats.errors().map(|(code, count)| (code.to_string(), count)).collect(),
            corrupt_values: live
                .registry
                .corrupt_values()
                .map(|(name, count)| (name.to_owned(), count))
                .collect(),
            streams,
            topics,
            push: PushStats { tracking: means.tracking, channels: means.channels },
            cache: cache.state(),
        })
    }
}

submit! {
    Operation::system::<Ping>("ping", "Tells that the server is there, and its time.").examples(&["{}"]),
    Operation::system::<Describe>("describe", "Tells every operation with its schemas, errors and examples.")
        .examples(&["{}", r#"{"operation": "get_ticker"}"#, r#"{"domain": "tickers"}"#]),
    Operation::system::<GetServerStats>("get_server_stats", "Tells how the server and its cache are.")
        .examples(&["{}"]),
}
