//! What a stream sends is what its published schema says.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{listening, open};
use crate::common::{Client, Fixture, Redis, Server};

/// The updates of a stream: a hundred, or as many as come before it has been quiet for a while.
async fn updates(client: &mut Client) -> Vec<Value> {
    let mut updates = Vec::new();
    while updates.len() < 100 {
        let Ok(update) = timeout(Duration::from_secs(2), client.receive()).await else { break };
        updates.push(update);
    }
    updates
}

#[tokio::test]
async fn every_streams_updates_are_of_its_schema() {
    let redis = Redis::start().await;
    let server = Server::reading(&redis).await;
    let mut client = server.client().await;
    listening(&mut client).await;
    let described = client.call("describe", json!({})).await;
    let mut streams: Vec<(String, jsonschema::Validator, Client)> = Vec::new();
    for operation in described["operations"].as_array().unwrap() {
        if operation["kind"] != "stream" {
            continue;
        }
        let name = operation["name"].as_str().unwrap().to_owned();
        for example in operation["examples"].as_array().unwrap() {
            let mut client = server.client().await;
            let settings = open(&mut client, "s", &name, example.clone()).await;
            assert_eq!(settings["update_type"], operation["update_type"], "{name}");
            let schema = jsonschema::validator_for(&operation["update"]).unwrap();
            streams.push((format!("{name} {example}"), schema, client));
        }
    }
    assert!(streams.len() >= 12, "{} streams", streams.len());
    // A few hundred writes at a time, so that changes are not all merged into one.
    let commands = Fixture::load().commands;
    for some in commands.chunks(300) {
        redis.send_all(some).await;
    }
    let seen = join_all(streams.iter_mut().map(|(_, _, client)| updates(client))).await;
    for ((stream, schema, _), updates) in streams.iter().zip(seen) {
        // The recorded processes are not of today.
        let is_of_today = stream.starts_with("stream_processes");
        assert!(is_of_today || !updates.is_empty(), "{stream}: no updates");
        for update in updates.iter().filter(|update| update["type"] != "stream_gap") {
            let faults: Vec<String> = schema.iter_errors(update).map(|error| error.to_string()).collect();
            assert!(faults.is_empty(), "{stream}: {update}: {faults:?}");
        }
    }
}
