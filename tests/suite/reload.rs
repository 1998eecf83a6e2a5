//! A changed configuration, taken over while the server runs: whole or not at all, and nothing else is
//! disturbed.

use std::{fs, path::Path};

use fullon_cache_api::{
    access::Scope,
    config::{Config, Span, Token},
    registry::Registry,
    server::Live,
};
use serde_json::{Value, json};

use crate::{
    access::{guarded, root, token},
    common::{Binary, Client, Program, Redis, Server},
};

/// Has a server take over a changed configuration.
fn reload(server: &Server, overlay: &str, change: impl FnOnce(&mut Config)) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("overlay.yaml");
    fs::write(&file, overlay).unwrap();
    let mut config = server.app.live().config.clone();
    change(&mut config);
    server.app.reload(Live::new(Registry::with_overlay(&file).unwrap(), config).unwrap()).unwrap();
}

async fn logged_in(server: &Server, token: &str) -> Client {
    let mut client = server.client().await;
    client.call("authenticate", json!({"token": token})).await;
    client
}

async fn open(client: &mut Client, id: &str, operation: &str, mut params: Value) -> Value {
    params["snapshot"] = json!(false);
    client.send(&json!({"request_id": id, "operation": operation, "params": params}).to_string()).await;
    let reply = client.receive().await;
    assert_eq!((&reply["request_id"], &reply["success"]), (&json!(id), &json!(true)), "{reply}");
    reply["result"].clone()
}

async fn write_ticker(redis: &Redis, key: &str, price: f64) {
    let ticker = json!({"symbol": "A/B", "exchange": "x", "price": price, "volume": 1, "time": 1.5});
    redis.send::<()>(&["HSET", key, "A/B", &ticker.to_string()]).await;
}

#[tokio::test]
async fn a_login_that_is_taken_away_ends_its_connection_and_one_with_less_its_streams() {
    let all =
        || vec![root(), token("gone", &[Scope::Bots], &[]), token("less", &[Scope::Bots, Scope::Ops], &[])];
    let (_redis, server) = guarded(|config| config.auth.tokens = all()).await;
    let (mut root, mut gone, mut less) = (
        logged_in(&server, "root").await,
        logged_in(&server, "gone").await,
        logged_in(&server, "less").await,
    );
    for client in [&mut root, &mut gone, &mut less] {
        open(client, "bots", "stream_bot_status", json!({})).await;
    }
    open(&mut less, "ops", "stream_processes", json!({})).await;
    reload(&server, "", |config| {
        config.auth.tokens = vec![all().remove(0), token("less", &[Scope::Ops], &[])];
    });
    assert_eq!(u16::from(gone.receive_close().await.unwrap().code), 4003);
    assert_eq!(
        less.receive().await,
        json!({"type": "stream_end", "request_id": "bots", "reason": "forbidden"})
    );
    assert_eq!(less.fail("get_bots", json!({})).await.0, "FORBIDDEN");
    less.call("get_process_metrics", json!({})).await;
    for (client, streams) in [(&mut root, 1), (&mut less, 1)] {
        assert_eq!(client.call("list_streams", json!({})).await.as_array().unwrap().len(), streams);
    }
    assert_eq!(
        server.client().await.fail("authenticate", json!({"token": "gone"})).await.0,
        "UNAUTHENTICATED"
    );
}

#[tokio::test]
async fn streams_go_on_with_new_intervals() {
    let (redis, server) = guarded(|config| config.auth.tokens = vec![root()]).await;
    let mut client = logged_in(&server, "root").await;
    let before = open(&mut client, "s", "stream_tickers", json!({"exchange": "x"})).await;
    assert_eq!(before["poll_interval_ms"], 500);
    reload(&server, "stream_tickers: { poll_interval: 7s }", |_| {});
    let mut settings = client.call("list_streams", json!({})).await[0].take();
    assert_eq!((&settings["poll_interval_ms"], &settings["epoch"]), (&json!(7000), &before["epoch"]));
    write_ticker(&redis, "tickers:x", 2.0).await;
    let update = client.receive().await;
    assert_eq!((&update["request_id"], &update["price"]), (&json!("s"), &json!(2.0)));
    // Who comes later watches the same.
    let mut other = logged_in(&server, "root").await;
    settings = open(&mut other, "s", "stream_tickers", json!({"exchange": "x"})).await;
    assert_eq!((&settings["poll_interval_ms"], &settings["epoch"]), (&json!(7000), &before["epoch"]));
}

#[tokio::test]
async fn a_stream_that_is_read_otherwise_ends_and_the_others_go_on() {
    let (redis, server) = guarded(|config| config.auth.tokens = vec![root()]).await;
    let mut client = logged_in(&server, "root").await;
    open(&mut client, "tickers", "stream_tickers", json!({"exchange": "x"})).await;
    open(&mut client, "bots", "stream_bot_status", json!({})).await;
    open(&mut client, "blocks", "stream_blocks", json!({})).await;
    let overlay =
        "stream_tickers:\n  keys: { tickers: \"ticks:{exchange}\" }\nstream_blocks: { enabled: false }";
    reload(&server, overlay, |_| {});
    let mut ended = [client.receive().await, client.receive().await];
    ended.sort_by_key(|end| end["request_id"].to_string());
    for (end, id) in ended.iter().zip(["blocks", "tickers"]) {
        assert_eq!(*end, json!({"type": "stream_end", "request_id": id, "reason": "reconfigured"}));
    }
    assert_eq!(client.fail("stream_blocks", json!({})).await.0, "INVALID_OPERATION");
    open(&mut client, "again", "stream_tickers", json!({"exchange": "x"})).await;
    redis.send::<()>(&["HSET", "bot_status", "new", "{\"feed\": {\"status\": \"up\"}}"]).await;
    assert_eq!(client.receive().await["request_id"], "bots");
    write_ticker(&redis, "ticks:x", 3.0).await;
    let update = client.receive().await;
    assert_eq!((&update["request_id"], &update["price"]), (&json!("again"), &json!(3.0)), "{update}");
}

#[tokio::test]
async fn limits_hold_for_those_who_are_connected_already() {
    let (_redis, server) = guarded(|config| config.auth.tokens = vec![root()]).await;
    let mut client = logged_in(&server, "root").await;
    open(&mut client, "one", "stream_bot_status", json!({})).await;
    reload(&server, "", |config| {
        config.streams.per_connection = 1;
        config.limits.json_depth = 1;
        config.limits.handshake_timeout = Span::millis(300);
    });
    assert_eq!(client.fail("stream_blocks", json!({})).await.0, "LIMIT_EXCEEDED");
    assert_eq!(client.fail("get_any_ticker", json!({"symbol": ["A"]})).await.0, "MALFORMED_MESSAGE");
    // A connection that says nothing is given up when the new time is over.
    let mut silent = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let mut nothing = [0];
    let read = tokio::io::AsyncReadExt::read(&mut silent, &mut nothing);
    let read = tokio::time::timeout(std::time::Duration::from_secs(5), read).await.expect("it is held on to");
    assert_eq!(read.unwrap_or(0), 0);
}

/// A server that runs by a file, and the file.
async fn by_file(folder: &Path, config: &str) -> (Program, String) {
    let file = folder.join("fullon-cache-api.toml");
    fs::write(&file, config).unwrap();
    let mut command = Binary::command(&["demo", "--port", "0"]);
    command.current_dir(folder);
    let mut program = Program::start(command);
    let url = program.url().await;
    (program, url)
}

fn with_token(name: &str) -> String {
    let Token { sha256, .. } = token(name, &[], &[]);
    format!("[auth]\ntokens = [{{ name = \"{name}\", sha256 = \"{sha256}\", scopes = [\"bots\"] }}]\n")
}

#[tokio::test]
async fn a_changed_file_is_taken_over_and_a_broken_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let (mut program, url) = by_file(folder.path(), &with_token("one")).await;
    let file = folder.path().join("fullon-cache-api.toml");
    let mut client = Client::connect_with(&url, &[("authorization", "Bearer one")]).await.unwrap();
    client.call("get_bots", json!({})).await;

    fs::write(&file, "[auth]\ntokens = 7\n").unwrap();
    program.logs("not reloaded: the configuration is wrong").await;
    client.call("get_bots", json!({})).await;

    fs::write(&file, with_token("two") + "[listen]\nworkers = 9\n").unwrap();
    program.logs("`listen.workers` is another now; that needs a restart").await;
    assert_eq!(u16::from(client.receive_close().await.unwrap().code), 4003);
    let mut client = Client::connect_with(&url, &[("authorization", "Bearer two")]).await.unwrap();
    client.call("get_bots", json!({})).await;
}

#[tokio::test]
async fn of_a_thousand_reloads_half_are_broken_and_nobody_is_disturbed() {
    let folder = tempfile::tempdir().unwrap();
    let (mut program, url) = by_file(folder.path(), &with_token("one")).await;
    let file = folder.path().join("fullon-cache-api.toml");
    let mut client = Client::connect_with(&url, &[("authorization", "Bearer one")]).await.unwrap();
    open(&mut client, "s", "stream_bot_status", json!({})).await;
    for round in 0..1000 {
        let config = with_token("one");
        let (text, outcome) = match round % 4 {
            0 => (format!("{config}[limits]\nin_flight = {}\n", round + 1), " reloaded"),
            1 => (config[..config.len() / 2].to_owned(), "not reloaded"),
            2 => (config, " reloaded"),
            _ => ("[limits]\nin_flight = \"many\"\n".to_owned(), "not reloaded"),
        };
        // Written whole, so that no half of it is read before the signal comes.
        let new = folder.path().join("new");
        fs::write(&new, text).unwrap();
        fs::rename(&new, &file).unwrap();
        program.signal("HUP");
        program.logs(outcome).await;
        // Now and then, for who reads nothing answers no ping either.
        if round % 50 == 49 {
            has_its_stream(&mut client).await;
        }
    }
    program.signal("TERM");
    assert_eq!(program.ended().await.code, Some(0));
}

/// The client's stream has not ended, and is the only one.
async fn has_its_stream(client: &mut Client) {
    client.send(&json!({"request_id": "l", "operation": "list_streams"}).to_string()).await;
    loop {
        let message = client.receive().await;
        assert_ne!(message["type"], "stream_end", "{message}");
        if message["request_id"] == "l" {
            assert_eq!(message["result"].as_array().unwrap().len(), 1);
            return;
        }
    }
}

#[tokio::test]
async fn a_reload_opens_nothing_that_was_closed() {
    let folder = tempfile::tempdir().unwrap();
    let (mut program, url) = by_file(folder.path(), &with_token("one")).await;
    let file = folder.path().join("fullon-cache-api.toml");
    fs::remove_file(&file).unwrap();
    program.logs("fullon-cache-api.toml is gone").await;
    program.signal("HUP");
    program.logs("fullon-cache-api.toml is gone").await;
    fs::write(&file, "[limits]\nin_flight = 7\n").unwrap();
    // The last login can be withdrawn; that lets nobody in.
    program.logs("no login is left").await;
    program.logs(" reloaded").await;
    let mut client = Client::connect(&url).await;
    assert_eq!(client.fail("get_bots", json!({})).await.0, "UNAUTHENTICATED");
    assert_eq!(client.fail("authenticate", json!({"token": "one"})).await.0, "UNAUTHENTICATED");
    fs::write(&file, "[limits]\nin_flight = 8\n").unwrap();
    program.logs(" reloaded").await;
    assert_eq!(client.fail("get_bots", json!({})).await.0, "UNAUTHENTICATED");
    fs::write(&file, with_token("two")).unwrap();
    program.logs(" reloaded").await;
    client.call("authenticate", json!({"token": "two"})).await;
    client.call("get_bots", json!({})).await;
}
