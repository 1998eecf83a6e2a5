//! What is logged of those who ask for what is not theirs.

use std::{fs, path::Path};

use serde_json::{Value, json};

use super::Digest;
use crate::common::{Binary, Client, Program};

/// A server whose one login, `one`, may read the accounts of user 1.
async fn start(folder: &Path) -> (Program, Client) {
    let config = format!(
        "[log]\nformat = \"json\"\naudit_reads = true\n[[auth.tokens]]\nname = \"one\"\nsha256 = \"{}\"\n\
         scopes = [\"account\"]\nuser_ids = [\"1\"]\n",
        Digest::of(b"one")
    );
    fs::write(folder.join("fullon-cache-api.toml"), config).unwrap();
    let mut command = Binary::command(&["demo", "--port", "0"]);
    command.current_dir(folder);
    let mut program = Program::start(command);
    let line = program.logs("listening on ws://").await;
    let message = serde_json::from_str::<Value>(&line).unwrap()["message"].as_str().unwrap().to_owned();
    let url = message.split(' ').find(|word| word.starts_with("ws://")).unwrap();
    let client = Client::connect_with(url, &[("authorization", "Bearer one")]).await.unwrap();
    (program, client)
}

async fn audit_line(program: &mut Program) -> Value {
    let line: Value = serde_json::from_str(&program.logs("fullon_cache_api::audit").await).unwrap();
    // What else there is tells the time, and how a line is to be read.
    let told = ["who", "from", "operation", "owner", "allowed", "refused", "message"];
    line.as_object().unwrap().clone().into_iter().filter(|(name, _)| told.contains(&name.as_str())).collect()
}

#[tokio::test]
async fn every_refusal_is_told_with_who_asked_and_for_whose_data() {
    let folder = tempfile::tempdir().unwrap();
    let (mut program, mut client) = start(folder.path()).await;
    let refused = |owner: &str, count: u64| {
        json!({"who": "one", "from": "127.0.0.1", "operation": "get_positions", "owner": owner,
            "allowed": false, "refused": count, "message": "not entitled to it"})
    };
    for owner in ["2", "3", "4", "3"] {
        client.fail("get_positions", json!({"user_id": owner})).await;
    }
    assert_eq!(audit_line(&mut program).await, refused("2", 1));
    // Nothing else need come for that, and none hides another.
    for (owner, count) in [("3", 2), ("4", 1)] {
        assert_eq!(audit_line(&mut program).await, refused(owner, count));
    }
    // What is not told when the server ends is told then.
    client.fail("get_positions", json!({"user_id": "5"})).await;
    program.signal("TERM");
    assert_eq!(audit_line(&mut program).await, refused("5", 1));
}

#[tokio::test]
async fn a_flood_of_refusals_is_told_in_few_lines() {
    let folder = tempfile::tempdir().unwrap();
    let (mut program, mut client) = start(folder.path()).await;
    for owner in 100..200 {
        client.fail("get_positions", json!({"user_id": owner})).await;
    }
    program.signal("TERM");
    let (mut lines, mut refused) = (0, 0);
    while refused < 100 {
        refused += audit_line(&mut program).await["refused"].as_u64().unwrap();
        lines += 1;
    }
    // Once a second some seventeen.
    assert!((2..60).contains(&lines) && refused == 100, "{lines} lines for {refused}");
}

#[tokio::test]
async fn reads_are_told_if_that_is_wanted_and_so_is_a_login_that_is_withdrawn() {
    let folder = tempfile::tempdir().unwrap();
    let (mut program, mut client) = start(folder.path()).await;
    client.call("get_positions", json!({"user_id": 1})).await;
    let read = json!({"who": "one", "from": "127.0.0.1", "operation": "get_positions", "owner": "1",
        "allowed": true, "message": "read"});
    assert_eq!(audit_line(&mut program).await, read);

    fs::write(folder.path().join("fullon-cache-api.toml"), "[log]\nformat = \"json\"\n").unwrap();
    let withdrawn = json!({"who": "one", "from": "127.0.0.1", "allowed": false, "refused": 1,
        "message": "no longer logged in: the token is unknown"});
    assert_eq!(audit_line(&mut program).await, withdrawn);
}
