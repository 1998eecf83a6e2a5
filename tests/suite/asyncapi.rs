//! The AsyncAPI document: its examples are of its schemas, and so is what a server really sends.

use std::time::Duration;

use fullon_cache_api::{codegen::Description, registry::Registry};
use jsonschema::Validator;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::common::{Binary, Client, Fixture, Program, Redis, Server, run};

pub fn document() -> Value {
    let description = Description::of(&Registry::built_in().unwrap()).unwrap();
    serde_yaml::from_str(&description.asyncapi()[0].text).unwrap()
}

/// What the payload of a message must be.
pub fn payload(document: &Value, message: &str) -> Validator {
    assert!(document["components"]["messages"].get(message).is_some(), "no message {message}");
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "allOf": [{ "$ref": format!("#/components/messages/{message}/payload") }],
        "components": document["components"],
    });
    jsonschema::draft7::new(&schema).unwrap()
}

pub fn assert_valid(validator: &Validator, value: &Value, what: &str) {
    let faults: Vec<String> = validator.iter_errors(value).map(|error| error.to_string()).collect();
    assert!(faults.is_empty(), "{what}: {value}: {faults:?}");
}

#[test]
fn every_example_is_of_its_schema() {
    let document = document();
    let mut count = 0;
    for (name, message) in document["components"]["messages"].as_object().unwrap() {
        let validator = payload(&document, name);
        assert!(!validator.is_valid(&json!("no message")), "{name} takes anything");
        for example in message["examples"].as_array().into_iter().flatten() {
            assert_valid(&validator, &example["payload"], name);
            count += 1;
        }
    }
    assert!(count > 40, "{count} examples");
}

#[tokio::test]
async fn what_a_server_sends_is_of_the_documents_schemas() {
    let document = document();
    let redis = Redis::start().await;
    Fixture::load().fill(&redis).await;
    let server = Server::reading(&redis).await;
    let operations = document["operations"].as_object().unwrap();
    let asked = operations.iter().filter(|(_, operation)| operation["action"] == "receive");
    let mut types = Vec::new();
    for (name, _) in asked {
        let (reply, error) = (payload(&document, &format!("{name}_reply")), payload(&document, "error"));
        let request = &document["components"]["messages"][format!("{name}_request")];
        for example in request["examples"].as_array().unwrap() {
            let mut client = server.client().await;
            client.send(&example["payload"].to_string()).await;
            let answer = client.receive().await;
            let validator = if answer["success"] == true { &reply } else { &error };
            assert_valid(validator, &answer, name);
            let mut explained = example["payload"].clone();
            explained["explain"] = true.into();
            let mut other = server.client().await;
            other.send(&explained.to_string()).await;
            let answer = other.receive().await;
            let validator = if answer["success"] == true { &reply } else { &error };
            assert_valid(validator, &answer, name);
            assert!(answer["explain"]["server_us"].is_u64(), "{answer}");
            if operations.contains_key(&format!("{name}_updates")) {
                types.extend(follow(&document, &mut client).await);
            }
        }
        let mut client = server.client().await;
        client.send(&json!({"operation": name, "params": {"no such param": 1}}).to_string()).await;
        assert_valid(&error, &client.receive().await, name);
    }
    types.sort();
    types.dedup();
    assert!(types.len() > 8 && types.contains(&"stream_end".to_owned()), "{types:?}");
}

/// Has a stream end when it has been quiet for a while, and holds all that it said against the document.
async fn follow(document: &Value, client: &mut Client) -> Vec<String> {
    let mut types = Vec::new();
    let mut is_over = false;
    loop {
        let next = timeout(Duration::from_millis(500), client.receive()).await;
        let Ok(message) = next else {
            assert!(!is_over, "it does not end");
            is_over = true;
            client.send(&json!({"request_id": "end", "operation": "unsubscribe_all"}).to_string()).await;
            continue;
        };
        let Some(kind) = message["type"].as_str() else {
            assert_eq!(message["request_id"], "end", "{message}");
            continue;
        };
        assert_valid(&payload(document, kind), &message, kind);
        types.push(kind.to_owned());
        if kind == "stream_end" {
            return types;
        }
    }
}

#[tokio::test]
async fn what_is_generated_in_the_repository_is_up_to_date() {
    for what in ["asyncapi", "python", "typescript"] {
        let checked = run(Binary::command(&["generate", what, "--check"])).await;
        assert_eq!(checked.code, Some(0), "{checked:?}");
    }
}

#[tokio::test]
async fn a_running_server_has_the_same_written_of_it() {
    let mut server = Program::start(Binary::command(&["demo", "--port", "0"]));
    let url = server.url().await;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let written = run(Binary::command(&["generate", "asyncapi", "--url", &url, "-o", folder])).await;
    assert_eq!(written.code, Some(0), "{written:?}");
    let checked = run(Binary::command(&["generate", "asyncapi", "--check", "-o", folder])).await;
    assert_eq!(checked.code, Some(0), "{checked:?}");
    std::fs::write(format!("{folder}/asyncapi.yaml"), "stale").unwrap();
    let checked = run(Binary::command(&["generate", "asyncapi", "--check", "-o", folder])).await;
    assert_eq!(checked.code, Some(1), "{checked:?}");
}
