//! The operations on the server itself.

use std::{collections::BTreeMap, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{App, caller::Caller};
use crate::{
    access::Scope,
    cache::{Json, LinkState},
    config::{Config, Span, milliseconds},
    operation::{Operation, SystemQuery},
    protocol::{ErrorCode, Result},
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
    /// Connections of one address.
    connections_per_address: usize,
    /// Connections of one login.
    connections_per_login: usize,
    /// Requests of one connection in a second; pings count too.
    requests_per_second: u32,
    /// Requests of one login in a second.
    requests_per_second_of_login: u32,
    /// Bytes that one connection may send in a second.
    bytes_in_per_second: usize,
    /// Bytes that one connection is sent in a second.
    bytes_out_per_second: usize,
    /// Bytes of one message.
    message_bytes: usize,
    /// Frames of one message.
    message_frames: usize,
    /// Bytes of one reply.
    reply_bytes: usize,
    /// Requests in one array.
    array_length: usize,
    /// Levels that params may nest.
    json_depth: usize,
    /// Bytes of one `request_id`.
    request_id_bytes: usize,
    /// Milliseconds from connecting to a login, where one is needed.
    login_timeout_ms: u64,
    /// Milliseconds from connecting to the first request.
    first_message_timeout_ms: u64,
    /// Milliseconds from the first byte of a message to its last.
    message_timeout_ms: u64,
    /// Milliseconds for which a client without streams may ask for nothing.
    idle_timeout_ms: u64,
    /// Milliseconds after which a client that says nothing is pinged.
    ping_interval_ms: u64,
    /// Milliseconds that it has to answer.
    pong_timeout_ms: u64,
    /// Milliseconds that a connection may last.
    connection_age_ms: u64,
    /// Milliseconds in which a client must read something of what is sent to it.
    write_timeout_ms: u64,
    /// Streams of one connection.
    streams_per_connection: usize,
    /// Streams of one login.
    streams_per_login: usize,
    /// Symbols, or the like, that one stream may name.
    stream_names: usize,
    /// The longest `min_interval_ms` that is granted.
    min_interval_max_ms: u64,
    /// Milliseconds for which what nobody watches can be resumed.
    resume_window_ms: u64,
}

impl From<&Config> for PublishedLimits {
    fn from(Config { auth, limits, streams, .. }: &Config) -> Self {
        let in_ms = |span: Span| milliseconds(span.get());
        Self {
            connections_per_address: limits.connections_per_address,
            connections_per_login: limits.connections_per_login,
            requests_per_second: limits.requests_per_second,
            requests_per_second_of_login: limits.requests_per_second_of_login,
            message_frames: limits.message_frames,
            login_timeout_ms: in_ms(auth.login_timeout),
            first_message_timeout_ms: in_ms(limits.first_message_timeout),
            message_timeout_ms: in_ms(limits.message_timeout),
            idle_timeout_ms: in_ms(limits.idle_timeout),
            ping_interval_ms: in_ms(limits.ping_interval),
            pong_timeout_ms: in_ms(limits.pong_timeout),
            connection_age_ms: in_ms(limits.connection_age),
            streams_per_login: streams.per_login,
            in_flight: limits.in_flight,
            bytes_in_per_second: limits.bytes_in_per_second,
            bytes_out_per_second: limits.bytes_out_per_second,
            message_bytes: limits.message_bytes,
            reply_bytes: limits.reply_bytes,
            array_length: limits.array_length,
            json_depth: limits.json_depth,
            request_id_bytes: limits.request_id_bytes,
            write_timeout_ms: in_ms(limits.write_timeout),
            streams_per_connection: streams.per_connection,
            stream_names: streams.names,
            min_interval_max_ms: milliseconds(streams.longest_interval()),
            resume_window_ms: in_ms(streams.resume_window),
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
            version: crate::version::VERSION,
            limits: PublishedLimits::from(&live.config),
        })?;
        if let Some(domain) = self.domain.as_deref() {
            registry.check_domain(domain)?;
        }
        let who = system.caller.who();
        let filter = Filter {
            rights: who.as_ref().map(|who| who.rights()),
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
        let may_see_causes = system.caller.who().is_some_and(|who| who.rights().have(Some(Scope::Ops)));
        let mut cache = cache.state();
        // They name hosts, and a cause may name users.
        cache.cause = cache.cause.filter(|_| may_see_causes);
        cache.address = cache.address.filter(|_| may_see_causes);
        cache.sentinel = cache.sentinel.filter(|_| may_see_causes);
        cache.nodes = cache.nodes.filter(|_| may_see_causes);
        let hub = system.caller.streams.hub();
        let (topics, streams) = hub.counts();
        let means = hub.means();
        Json::of(&ServerStats {
            version: crate::version::VERSION,
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
            cache,
        })
    }
}

submit! {
    Operation::system::<Ping>("ping", "Tells that the server is there, and its time.").examples(&["{}"]),
    Operation::system::<Describe>("describe", "Tells every operation with its schemas, errors and examples.")
        .fails_with(&[ErrorCode::InvalidOperation])
        .examples(&["{}", r#"{"operation": "get_ticker"}"#, r#"{"domain": "tickers"}"#]),
    Operation::system::<GetServerStats>("get_server_stats", "Tells how the server and its cache are.")
        .examples(&["{}"]),
}
