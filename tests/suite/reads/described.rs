//! `describe` is the contract: its examples run, their results are of its schemas, and nothing stored
//! means what its error codes say.

use serde_json::{Value, json};

use crate::common::{Client, Redis, Server, filled};

/// The read operations, as `describe` has them.
async fn reads(client: &mut Client) -> Vec<Value> {
    let mut described = client.call("describe", json!({"all": true})).await;
    let Value::Array(mut operations) = described["operations"].take() else { panic!("{described}") };
    operations.retain(|operation| operation["kind"] == "read");
    assert!(operations.len() >= 26, "{} reads", operations.len());
    operations
}

#[tokio::test]
async fn every_example_succeeds_and_its_result_is_of_the_schema() {
    let (_redis, _server, mut client) = filled().await;
    for operation in reads(&mut client).await {
        let name = operation["name"].as_str().unwrap();
        let schema = jsonschema::validator_for(&operation["result"]).unwrap();
        let examples = operation["examples"].as_array().unwrap();
        assert!(!examples.is_empty(), "{name} has no examples");
        for example in examples {
            let result = client.call(name, example.clone()).await;
            let faults: Vec<String> = schema
                .iter_errors(&result)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(faults.is_empty(), "{name} {example}: {faults:?}");
            assert!(!schema.is_valid(&json!(true)), "{name}: the schema admits anything");
        }
    }
}

#[tokio::test]
async fn examples_that_list_something_find_something() {
    let (_redis, _server, mut client) = filled().await;
    // The recording is over; only its own time knows who was active.
    let about_now = ["get_active_processes", "get_system_health"];
    for operation in reads(&mut client).await {
        let name = operation["name"].as_str().unwrap();
        if about_now.contains(&name) {
            continue;
        }
        let result = client.call(name, operation["examples"][0].clone()).await;
        let is_empty = [json!(null), json!([]), json!({}), json!(0)].contains(&result);
        assert!(!is_empty, "{name} {}: {result}", operation["examples"][0]);
    }
}

#[tokio::test]
async fn an_empty_cache_is_a_miss_where_describe_says_so_and_empty_elsewhere() {
    let redis = Redis::start().await;
    let server = Server::reading(&redis).await;
    let mut client = server.client().await;
    for operation in reads(&mut client).await {
        let name = operation["name"].as_str().unwrap();
        for example in operation["examples"].as_array().unwrap() {
            if operation["errors"].as_array().unwrap().contains(&json!("CACHE_MISS")) {
                let (code, reply) = client.fail(name, example.clone()).await;
                assert_eq!(code, "CACHE_MISS", "{name} {example}: {reply}");
                continue;
            }
            let result = client.call(name, example.clone()).await;
            let empty = match name {
                "get_system_health" => json!({
                    "healthy": true, "total_processes": 0, "by_type": {}, "by_status": {},
                    "stale_processes": [], "error_processes": [],
                }),
                "get_process_metrics" => json!({"by_type": {}, "components": 0, "total": 0}),
                "get_queue_length" => json!(0),
                "get_bots" | "get_trade_statuses" => json!({}),
                "is_blocked" | "is_opening_position" => json!(null),
                _ => json!([]),
            };
            assert_eq!(result, empty, "{name} {example}");
            assert!(jsonschema::validator_for(&operation["result"]).unwrap().is_valid(&result), "{name}");
        }
    }
}
