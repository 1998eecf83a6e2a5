//! What an operator reads: one line for a connection, when it ends, and no more lines than can be read.

use std::{fs, time::Instant};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use futures_util::SinkExt as _;

use crate::common::{Binary, Client, Program, Redis, free_port};

/// A simulated market whose log is JSON, in a folder of its own.
fn demo(folder: &tempfile::TempDir, config: &str) -> Program {
    fs::write(folder.path().join("fullon-cache-api.toml"), config).unwrap();
    let mut command = Binary::command(&["demo", "--port", "0", "--log-format", "json"]);
    command.current_dir(folder.path());
    Program::start(command)
}

/// Where it listens.
async fn url(program: &mut Program) -> String {
    let line: Value = serde_json::from_str(&program.logs("listening on ws://").await).unwrap();
    line["message"].as_str().unwrap().split(' ').next_back().unwrap().to_owned()
}

async fn farewell(program: &mut Program) -> Value {
    serde_json::from_str(&program.logs("a client is gone").await).unwrap()
}

#[tokio::test]
async fn a_connection_is_one_line_when_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = demo(&folder, "");
    let url = url(&mut program).await;
    let mut client = Client::connect(&url).await;
    client.call("ping", json!({})).await;
    client.send(r#"[{"operation": "ping"}, {"operation": "no_such"}]"#).await;
    client.receive().await;
    client.send(&json!({"operation": "stream_tickers", "params": {"exchange": "binance"}}).to_string()).await;
    for _ in 0..3 {
        client.receive().await;
    }
    client.socket.close(None).await.unwrap();
    let line = farewell(&mut program).await;
    assert_eq!((&line["level"], &line["message"]), (&json!("INFO"), &json!("a client is gone: it left")));
    assert_eq!((&line["from"], &line["requests"], line.get("code")), (&json!("127.0.0.1"), &json!(4), None));
    assert!(line["updates"].as_u64().unwrap() >= 2 && line["who"].is_string(), "{line}");
    assert!(line["bytes_in"].as_u64().unwrap() > 100 && line["bytes_out"].as_u64().unwrap() > 300, "{line}");
    assert!(line["seconds"].is_number(), "{line}");

    // One that says nothing, and one that is sent away.
    drop(Client::connect(&url).await);
    assert_eq!(farewell(&mut program).await["message"], "a client is gone: its connection broke off");
    let mut client = Client::connect(&url).await;
    client.socket.send(Message::binary(vec![1])).await.unwrap();
    let line = farewell(&mut program).await;
    let why = "a client is gone: messages are JSON in text frames";
    assert_eq!((&line["message"], &line["code"]), (&json!(why), &json!(1003)));
}

#[tokio::test]
async fn nobody_fills_the_log_by_coming_and_going() {
    const CLIENTS: u64 = 200;
    let folder = tempfile::tempdir().unwrap();
    let mut program = demo(&folder, "");
    let url = url(&mut program).await;
    let begun = Instant::now();
    for _ in 0..CLIENTS {
        drop(Client::connect(&url).await);
    }
    program.signal("TERM");
    let (mut alone, mut together) = (0, 0);
    for line in program.ended().await.stderr.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        match line["message"].as_str().unwrap() {
            "more clients are gone" => together += line["clients"].as_u64().unwrap(),
            message => alone += u64::from(message.starts_with("a client is gone")),
        }
    }
    assert_eq!(alone + together, CLIENTS);
    let whiles = begun.elapsed().as_secs() + 1;
    assert!(alone <= whiles * 16, "{alone} lines in {whiles} s");
}

#[tokio::test]
async fn the_level_is_another_at_once_after_a_reload() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = demo(&folder, "");
    let url = url(&mut program).await;
    let mut client = Client::connect(&url).await;
    let file = folder.path().join("fullon-cache-api.toml");
    client.call("get_exchanges", json!({})).await;
    fs::write(&file, "[log]\nlevel = \"fullon_cache_api=debug\"\n").unwrap();
    program.logs("a file of the configuration has changed").await;
    // Nothing is said of a restart.
    assert!(program.logs("").await.contains("reloaded"));
    client.call("get_bots", json!({})).await;
    let line: Value = serde_json::from_str(&program.logs("request_id").await).unwrap();
    let expected = (&json!("DEBUG"), &json!("request"), &json!("get_bots"));
    assert_eq!((&line["level"], &line["message"], &line["operation"]), expected, "{line}");
    fs::write(&file, "[log]\nlevel = \"warn,fullon_cache_api::cli=info\"\n").unwrap();
    program.logs("reloaded").await;
    client.call("get_bots", json!({})).await;
    drop(client);
    program.signal("TERM");
    let said = program.ended().await.stderr;
    assert!(said.contains("asked to stop") && !said.contains("request_id"), "{said}");
    assert!(!said.contains("a client is gone"), "{said}");
}

#[tokio::test]
async fn to_be_connected_to_redis_is_told_once_however_many_connections_there_are() {
    let mut redis = Redis::start().await;
    let port = free_port();
    let (own, redis_url) = (port.to_string(), redis.url());
    let mut command = Binary::command(&["serve", "--port", &own, "--redis-url", &redis_url]);
    command.args(["--set", "listen.workers=4"]);
    let program = Program::start(command);
    let url = format!("ws://127.0.0.1:{port}");
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let mut client = Client::connect(&url).await;
    // Two for each worker, and for the streams.
    let connections = async |client: &mut Client, wanted: u64| {
        while client.call("get_server_stats", json!({})).await["cache"]["connections"] != wanted {}
    };
    connections(&mut client, 10).await;
    redis.kill();
    connections(&mut client, 0).await;
    redis.revive().await;
    connections(&mut client, 10).await;
    program.signal("TERM");
    let said = program.ended().await.stderr;
    assert_eq!(said.matches("connected to Redis").count(), 2, "{said}");
}
