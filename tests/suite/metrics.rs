//! What Prometheus is told, and that the dashboard and the alert rules ask for nothing else.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use fullon_cache_api::{
    access::Scope,
    cache::Store,
    config::{Anonymous, Config},
    registry::Registry,
    server::Live,
};
use serde_json::json;

use crate::{
    access::{guarded, root, token},
    common::{Client, Server, ask, filled, free_port, get},
};

/// The values of a page of metrics, by name and labels as they stand there.
async fn metrics(server: &Server) -> BTreeMap<String, f64> {
    let page = get(server.address, "/metrics", &[]).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/plain; version=0.0.4; charset=utf-8"));
    values(page.text())
}

fn values(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let parsed = lines.map(|line| {
        let (series, value) = line.rsplit_once(' ').unwrap();
        (series.to_owned(), value.parse().unwrap())
    });
    let all: Vec<(String, f64)> = parsed.collect();
    let count = all.len();
    let by_series: BTreeMap<_, _> = all.into_iter().collect();
    assert_eq!(by_series.len(), count, "a series stands there twice");
    by_series
}

#[tokio::test]
async fn requests_are_counted_and_measured_by_operation_and_outcome() {
    let (_redis, server, mut client) = filled().await;
    for _ in 0..3 {
        client.call("get_ticker", json!({"exchange": "binance", "symbol": "BTC/USDT"})).await;
    }
    client.fail("get_ticker", json!({"exchange": "binance", "symbol": "NO/NE"})).await;
    client.fail("get_ticker", json!({})).await;
    client.fail("get_nothing", json!({})).await;
    let metrics = metrics(&server).await;
    let request = |operation, outcome| {
        let labels = format!("{{operation=\"{operation}\",outcome=\"{outcome}\"}}");
        metrics.get(&format!("fullon_cache_api_requests_total{labels}")).copied().unwrap_or_default()
    };
    assert_eq!(request("get_ticker", "ok"), 3.0);
    assert_eq!(request("get_ticker", "CACHE_MISS"), 1.0);
    assert_eq!(request("get_ticker", "INVALID_PARAMS"), 1.0);
    assert_eq!(request("none", "INVALID_OPERATION"), 1.0);
    assert_eq!(metrics["fullon_cache_api_request_duration_seconds_count{operation=\"get_ticker\"}"], 5.0);
    let all = "fullon_cache_api_request_duration_seconds_bucket{operation=\"get_ticker\",le=\"+Inf\"}";
    assert_eq!(metrics[all], 5.0);
    let hget = metrics["fullon_cache_api_redis_command_duration_seconds_count{command=\"HGET\"}"];
    assert_eq!(hget + metrics["fullon_cache_api_near_cache_hits_total"], 4.0);
    assert_eq!(metrics["fullon_cache_api_redis_up"], 1.0);
    assert_eq!(metrics["fullon_cache_api_redis_commands_in_flight"], 0.0);
    let in_flight: f64 = series(&metrics, "fullon_cache_api_reads_in_flight{").sum();
    assert_eq!(in_flight, 0.0);
}

/// The values of all series that begin so.
fn series<'m>(metrics: &'m BTreeMap<String, f64>, begin: &'m str) -> impl Iterator<Item = f64> + 'm {
    metrics.iter().filter(move |(name, _)| name.starts_with(begin)).map(|(_, value)| *value)
}

#[tokio::test]
async fn connections_are_counted_by_how_they_begin_and_end() {
    let (_redis, server) = guarded(|config| config.auth.tokens = vec![root()]).await;
    let bearer = |token: &str| vec![("authorization", format!("Bearer {token}"))];
    let connect = async |token: &str, more: &[(&str, &str)]| {
        let bearer = bearer(token);
        let mut headers: Vec<_> = bearer.iter().map(|(name, value)| (*name, value.as_str())).collect();
        headers.extend(more);
        Client::connect_with(&server.url(), &headers).await
    };
    let mut stays = connect("root", &[]).await.unwrap();
    stays.call("ping", json!({})).await;
    let leaves = connect("root", &[]).await.unwrap();
    drop(leaves);
    assert_eq!(connect("wrong", &[]).await.err(), Some(401));
    assert_eq!(connect("root", &[("origin", "https://elsewhere.example")]).await.err(), Some(403));
    let at = || async {
        let page = get(server.address, "/metrics", &["authorization: Bearer root"]).await;
        values(page.text())
    };
    let mut metrics = at().await;
    while metrics["fullon_cache_api_connections"] > 1.0 {
        metrics = at().await;
    }
    assert_eq!(metrics["fullon_cache_api_connections_total"], 2.0);
    assert_eq!(metrics["fullon_cache_api_connections_refused_total{reason=\"token\"}"], 1.0);
    assert_eq!(metrics["fullon_cache_api_connections_refused_total{reason=\"origin\"}"], 1.0);
    assert_eq!(metrics["fullon_cache_api_connections_ended_total{reason=\"client\"}"], 1.0);
    assert!(metrics["fullon_cache_api_received_bytes_total"] > 40.0);
    assert!(metrics["fullon_cache_api_sent_bytes_total"] > 40.0);
    // Who may not ask what the server is like is not told in numbers.
    assert_eq!(get(server.address, "/metrics", &[]).await.status, 401);
}

#[tokio::test]
async fn streams_are_counted_with_their_updates_and_whether_they_are_stale() {
    let (mut redis, server, mut client) = filled().await;
    let mut other = server.client().await;
    for client in [&mut client, &mut other] {
        client.call("stream_tickers", json!({"exchange": "binance"})).await;
        assert_eq!(client.receive().await["type"], "ticker_update");
    }
    let told = metrics(&server).await;
    let of = |metrics: &BTreeMap<String, f64>, name: &str| {
        metrics[&format!("fullon_cache_api_{name}{{operation=\"stream_tickers\"}}")]
    };
    assert_eq!(of(&told, "streams"), 2.0);
    assert_eq!(of(&told, "topics"), 1.0);
    assert_eq!(of(&told, "topics_stale"), 0.0);
    assert_eq!(of(&told, "streams_opened_total"), 2.0);
    assert!(of(&told, "stream_updates_total") >= 2.0);
    assert!(of(&told, "topic_reads_total") >= 1.0);
    assert_eq!(of(&told, "stream_gaps_total"), 0.0);
    assert_eq!(told["fullon_cache_api_push_source{source=\"tracking\"}"], 1.0);
    redis.kill();
    while of(&metrics(&server).await, "topics_stale") < 1.0 {}
    let mut told = metrics(&server).await;
    while told["fullon_cache_api_redis_up"] > 0.0 {
        told = metrics(&server).await;
    }
    assert_eq!(told["fullon_cache_api_push_source{source=\"tracking\"}"], 0.0);
}

#[tokio::test]
async fn the_metrics_can_have_a_port_of_their_own() {
    let port = free_port();
    let (_redis, server) = guarded(|config| {
        config.auth.tokens = vec![root()];
        config.http.metrics_address = Some(([127, 0, 0, 1], port).into());
    })
    .await;
    let address = format!("127.0.0.1:{port}");
    let page = get(&address, "/metrics", &[]).await;
    assert_eq!(values(page.text())["fullon_cache_api_connections"], 0.0);
    assert_eq!(get(&address, "/healthz", &[]).await.status, 200);
    assert_eq!(get(&address, "/readyz", &[]).await.status, 200);
    assert_eq!(get(&address, "/", &[]).await.status, 404);
    // Where clients connect they are no more, whoever asks.
    assert_eq!(get(server.address, "/metrics", &["authorization: Bearer root"]).await.status, 404);
}

#[tokio::test]
async fn they_can_be_switched_off() {
    let (_redis, server) = guarded(|config| {
        config.auth.tokens = vec![root()];
        config.http.metrics = false;
    })
    .await;
    assert_eq!(get(server.address, "/metrics", &["authorization: Bearer root"]).await.status, 404);
}

#[tokio::test]
async fn they_are_for_those_who_watch_over_the_server() {
    let tokens = vec![root(), token("trader", &[Scope::Market], &[])];
    let (_redis, server) = guarded(move |config| {
        config.auth.tokens = tokens;
        config.auth.anonymous = Anonymous::Allow;
        config.auth.anonymous_scopes = vec![Scope::Market];
    })
    .await;
    let status = async |head: &[&str]| get(server.address, "/metrics", head).await.status;
    assert_eq!(status(&["authorization: Bearer root"]).await, 200);
    assert_eq!(status(&["authorization: Bearer trader"]).await, 403);
    assert_eq!(status(&[]).await, 401);
    let page = get(server.address, "/metrics", &["authorization: Bearer root"]).await;
    assert_eq!(values(page.text())["fullon_cache_api_connections_refused_total{reason=\"page\"}"], 2.0);
}

#[tokio::test]
async fn what_a_reload_says_of_them_is_so() {
    let port = free_port();
    let (_redis, server) = guarded(|config| {
        config.auth.tokens = vec![root()];
        config.http.metrics_address = Some(([127, 0, 0, 1], port).into());
    })
    .await;
    let own = format!("127.0.0.1:{port}");
    let reload = |change: fn(&mut Config)| {
        let mut config = server.app.live().config.clone();
        change(&mut config);
        let registry = Registry::built_in().unwrap();
        server.app.reload(Live::new(registry, config).unwrap()).unwrap();
    };
    // Another address needs a restart, so that until then they stay where they were.
    reload(|config| config.http.metrics_address = None);
    assert_eq!(get(&own, "/metrics", &[]).await.status, 200);
    assert_eq!(get(server.address, "/metrics", &["authorization: Bearer root"]).await.status, 404);
    reload(|config| config.http.metrics = false);
    assert_eq!(get(&own, "/metrics", &[]).await.status, 404);
    assert_eq!(get(&own, "/readyz", &[]).await.status, 200);
}

#[tokio::test]
async fn a_name_of_a_strangers_that_points_here_reads_no_metrics() {
    let port = free_port();
    let (_redis, _server) =
        guarded(|config| config.http.metrics_address = Some(([127, 0, 0, 1], port).into())).await;
    let own = format!("127.0.0.1:{port}");
    assert_eq!(get(&own, "/metrics", &["host: localhost"]).await.status, 200);
    assert_eq!(get(&own, "/metrics", &["host: evil.example"]).await.status, 404);
    assert_eq!(ask(&own, "POST", "/metrics", &[]).await.status, 405);
}

/// The metrics that a text asks for.
fn asked_for(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("fullon_cache_api_") || word.starts_with("process_")).collect()
}

#[tokio::test]
async fn the_dashboard_and_the_alert_rules_ask_for_metrics_that_there_are() {
    let server = Server::embedded(Store::new()).await;
    let page = get(server.address, "/metrics", &[]).await;
    let text = page.text();
    let declared: BTreeSet<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let is_there = |name: &str| {
        let of_histogram = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        declared.contains(name)
            || of_histogram.is_some_and(|name| text.contains(&format!("# TYPE {name} histogram\n")))
    };
    let mut asked = BTreeSet::new();
    let files = ["deploy/grafana/dashboard.json", "deploy/prometheus/alerts.yaml"]
        .map(|file| fs::read_to_string(file).unwrap());
    for file in &files {
        let of_file = asked_for(file);
        assert!(of_file.len() > 10);
        asked.extend(of_file);
    }
    let missing: Vec<_> = asked.iter().filter(|name| !is_there(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    // And what there is, somebody looks at, but for what only goes with the rest of its kind.
    let unseen: Vec<_> = declared
        .iter()
        .filter(|name| !asked.iter().any(|asked| asked.starts_with(**name)))
        .filter(|name| !["process_threads", "process_virtual_memory_bytes"].contains(name))
        .collect();
    assert!(unseen.is_empty(), "{unseen:?}");
}
