//! What Prometheus asks for: how the server is, in numbers.

use std::sync::atomic::Ordering;

use super::process;
use crate::{
    config::Limits,
    metrics::{self, Exposition, Kind},
    server::App,
    streams::{OfStream, OfTopics},
    version,
};

use Kind::{Counter, Gauge, Histogram};

/// All metrics, as text.
pub(in crate::server) fn text(app: &App) -> String {
    let mut page = Exposition::default();
    of_server(&mut page, app);
    of_connections(&mut page, app);
    of_requests(&mut page, app);
    of_near_cache(&mut page, app);
    of_streams(&mut page, app);
    of_redis(&mut page, app);
    process::write(&mut page, app.started_at);
    page.into_text()
}

fn of_server(page: &mut Exposition, app: &App) {
    page.family("fullon_cache_api_build_info", Gauge, "What runs here. Always 1.")
        .sample(&[("version", version::VERSION), ("commit", version::COMMIT)], 1);
    page.single(
        "fullon_cache_api_draining",
        Gauge,
        "1 while the server is stopping, else 0.",
        u8::from(app.is_draining.load(Ordering::Relaxed)),
    );
    let mut reloads = page.family(
        "fullon_cache_api_reloads_total",
        Counter,
        "Reloads of the configuration: taken over, or refused for being wrong.",
    );
    for (outcome, count) in app.stats.reloads() {
        reloads.sample(&[("outcome", outcome)], count);
    }
    let mut off = page.family(
        "fullon_cache_api_operation_off",
        Gauge,
        "1 for an operation that is off, for the Redis user may not send what it needs, else 0.",
    );
    for operation in app.live().registry.iter() {
        off.sample(&[("operation", operation.name())], u8::from(operation.is_off()));
    }
}

fn of_connections(page: &mut Exposition, app: &App) {
    let stats = &app.stats;
    let Limits { connections, .. } = app.live().config.limits;
    page.single("fullon_cache_api_connections", Gauge, "WebSocket connections that are open.", stats.open());
    page.single(
        "fullon_cache_api_connections_limit",
        Gauge,
        "How many connections there may be at a time: limits.connections.",
        connections,
    );
    page.single(
        "fullon_cache_api_connections_total",
        Counter,
        "WebSocket connections that were opened.",
        stats.accepted_total(),
    );
    let mut refused = page.family(
        "fullon_cache_api_connections_refused_total",
        Counter,
        "Connections that were refused, by the limit that they met or what else was against them.",
    );
    for (reason, count) in stats.refusals() {
        refused.sample(&[("reason", reason)], count);
    }
    let mut ended = page.family(
        "fullon_cache_api_connections_ended_total",
        Counter,
        "WebSocket connections that have ended, by why the server ended them; client: it was not the server.",
    );
    for (reason, count) in stats.ends() {
        ended.sample(&[("reason", reason)], count);
    }
    page.single(
        "fullon_cache_api_received_bytes_total",
        Counter,
        "Bytes that WebSocket clients have sent.",
        stats.received_bytes.get(),
    );
    page.single(
        "fullon_cache_api_sent_bytes_total",
        Counter,
        "Bytes that WebSocket clients were sent.",
        stats.sent_bytes.get(),
    );
}

fn of_requests(page: &mut Exposition, app: &App) {
    let live = app.live();
    // Those that name no operation that there is stand together.
    let named = live.registry.iter().map(|operation| (operation.name(), Some(operation.number)));
    let all: Vec<_> =
        named.chain([("none", None)]).map(|(name, number)| (name, app.stats.of_operation(number))).collect();
    let mut requests = page.family(
        "fullon_cache_api_requests_total",
        Counter,
        "Requests that were answered, by operation and outcome: ok, or an error code.",
    );
    for (name, of) in &all {
        // Of what has not happened too: that it happens for the first time is to be seen.
        for (outcome, count) in of.outcomes() {
            requests.sample(&[("operation", name), ("outcome", outcome)], count);
        }
    }
    let mut times = page.family(
        "fullon_cache_api_request_duration_seconds",
        Histogram,
        "How long requests took, from their being read to their answer.",
    );
    for (name, of) in all {
        times.histogram(&[("operation", name)], &of.times);
    }
    let mut corrupt = page.family(
        "fullon_cache_api_corrupt_values_total",
        Counter,
        "Stored values that were not what the layout says, by the operation that met them.",
    );
    for operation in live.registry.iter() {
        corrupt.sample(&[("operation", operation.name())], operation.corrupt_values());
    }
    let mut reads = page.family("fullon_cache_api_reads_in_flight", Gauge, "Reads under way, by worker.");
    for (number, load) in app.loads.get().into_iter().flatten().enumerate() {
        reads.sample(&[("worker", &number.to_string())], load.reads());
    }
    page.single(
        "fullon_cache_api_reads_in_flight_limit",
        Gauge,
        "How many reads each worker may have under way: limits.reads.",
        live.config.limits.reads,
    );
}

fn of_near_cache(page: &mut Exposition, app: &App) {
    let kept = || app.kept.get().into_iter().flatten();
    page.single(
        "fullon_cache_api_near_cache_hits_total",
        Counter,
        "Requests that were answered by the near cache.",
        kept().map(|kept| kept.given()).sum::<u64>(),
    );
    page.single(
        "fullon_cache_api_near_cache_misses_total",
        Counter,
        "Requests that the near cache might have answered, and did not.",
        kept().map(|kept| kept.missed()).sum::<u64>(),
    );
    page.single(
        "fullon_cache_api_near_cache_changes_total",
        Counter,
        "Keys that changed while answers in the near cache rested on them.",
        app.cache.near().raised(),
    );
    page.single(
        "fullon_cache_api_near_cache_bytes",
        Gauge,
        "Bytes that the answers in the near cache take, about.",
        kept().map(|kept| kept.bytes()).sum::<usize>(),
    );
}

fn of_streams(page: &mut Exposition, app: &App) {
    let Some(hub) = app.hub.get() else { return };
    let (live, topics) = (app.live(), hub.watched());
    let streams = || live.registry.iter().filter(|operation| operation.stream.is_some());
    for (name, help, of) in [
        (
            "fullon_cache_api_streams",
            "Streams that are open, by operation: the subscribers of its topics.",
            (|topics| topics.streams) as fn(&OfTopics) -> usize,
        ),
        ("fullon_cache_api_topics", "Different things that are watched, by operation.", |topics| {
            topics.topics
        }),
        (
            "fullon_cache_api_topics_stale",
            "Topics that nobody can vouch for, since Redis cannot be reached or does not answer.",
            |topics| topics.stale,
        ),
    ] {
        let mut family = page.family(name, Gauge, help);
        for operation in streams() {
            let count = topics.get(operation.name()).map_or(0, of);
            family.sample(&[("operation", operation.name())], count);
        }
    }
    for (name, help, of) in [
        (
            "fullon_cache_api_streams_opened_total",
            "Streams that were opened.",
            (|counts| &counts.opened) as fn(&OfStream) -> &metrics::Counter,
        ),
        ("fullon_cache_api_stream_updates_total", "Updates that were sent.", |counts| &counts.updates),
        (
            "fullon_cache_api_stream_updates_conflated_total",
            "Changes that a stream of all items was not sent, for a newer one of the same item came first.",
            |counts| &counts.conflated,
        ),
        (
            "fullon_cache_api_stream_gaps_total",
            "Gaps that were declared: what a reader may have missed.",
            |counts| &counts.gaps,
        ),
        ("fullon_cache_api_topic_reads_total", "Reads of what is watched.", |counts| &counts.reads),
    ] {
        let mut family = page.family(name, Counter, help);
        for operation in streams() {
            family.sample(&[("operation", operation.name())], of(hub.counts_of(operation.number)).get());
        }
    }
    let means = hub.means();
    let mut push = page.family(
        "fullon_cache_api_push_source",
        Gauge,
        "1 if changes are noticed by this means: channel, tracking; poll is always there. Else 0.",
    );
    for (source, is_there) in [("channel", means.channels), ("tracking", means.tracking), ("poll", true)] {
        push.sample(&[("source", source)], u8::from(is_there));
    }
}

fn of_redis(page: &mut Exposition, app: &App) {
    let (state, counts) = (app.cache.state(), app.cache.counts());
    page.single(
        "fullon_cache_api_redis_up",
        Gauge,
        "1 if Redis can be reached, else 0.",
        u8::from(matches!(state.state, "connected" | "embedded")),
    );
    page.single(
        "fullon_cache_api_redis_connections",
        Gauge,
        "Connections to Redis that serve clients.",
        state.connections,
    );
    let mut nodes = page.family(
        "fullon_cache_api_redis_nodes",
        Gauge,
        "Masters of the Redis Cluster that is read, by how they are; none where there is no cluster.",
    );
    for how in ["connected", "connecting", "silent", "unreachable"] {
        let such = state.nodes.iter().flatten().filter(|node| node.state == how);
        nodes.sample(&[("state", how)], such.count());
    }
    page.single(
        "fullon_cache_api_redis_reconnects_total",
        Counter,
        "Connections to Redis that were made again.",
        state.reconnects,
    );
    page.single(
        "fullon_cache_api_redis_commands_in_flight",
        Gauge,
        "Commands that wait for a connection or for their answer.",
        counts.waiting(),
    );
    let mut times = page.family(
        "fullon_cache_api_redis_command_duration_seconds",
        Histogram,
        "How long commands took to be answered, by command; waiting for a connection is part of it.",
    );
    for (verb, histogram) in counts.times() {
        times.histogram(&[("command", verb.name())], histogram);
    }
    let mut failures = page.family(
        "fullon_cache_api_redis_commands_failed_total",
        Counter,
        "Commands that were not answered as they should, by what went wrong.",
    );
    for (reason, count) in counts.failures() {
        failures.sample(&[("reason", reason)], count);
    }
}
