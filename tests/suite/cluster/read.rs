//! The same answers as from one Redis; and what is said where it is none, or no cluster.

use std::collections::BTreeMap;

use fullon_cache_api::registry::Registry;
use serde_json::{Value, json};

use super::{PASSWORD, cache, config, nothing_was_refused, user};
use crate::common::{Binary, Client, Cluster, Ended, Fixture, Redis, Server, free_port, run};

/// Plays the recording to the masters, each what is about its keys.
async fn fill(cluster: &Cluster) {
    let mut masters: BTreeMap<String, usize> = BTreeMap::new();
    let mut parts = vec![Vec::new(); cluster.nodes.len()];
    for command in Fixture::load().commands {
        if command[0] == "PUBLISH" {
            continue;
        }
        let master = match masters.get(&command[1]) {
            Some(master) => *master,
            None => cluster.master_of(&command[1]).await,
        };
        masters.insert(command[1].clone(), master);
        parts[master].push(command);
    }
    for (node, commands) in cluster.nodes.iter().zip(&parts) {
        assert!(!commands.is_empty());
        node.send_all(commands).await;
    }
}

/// The answers to all examples of all operations that read.
async fn answers(client: &mut Client) -> Vec<(String, Value)> {
    let mut answers = Vec::new();
    for operation in Registry::built_in().unwrap().iter() {
        let described = operation.described();
        if described.commands.is_empty() || operation.name().starts_with("stream_") {
            continue;
        }
        for example in &described.examples {
            let mut reply = client.ask(operation.name(), example.clone()).await;
            // It is not the same second.
            if let Some(result) = reply["result"].as_object_mut() {
                result.remove("checked_at");
                result.remove("timestamp");
            }
            answers.push((format!("{} {example}", operation.name()), reply));
        }
    }
    answers
}

#[tokio::test]
async fn the_answers_are_those_of_one_redis() {
    let cluster = Cluster::start(3, 0, &user()).await;
    let one = Redis::start().await;
    tokio::join!(fill(&cluster), async { Fixture::load().fill(&one).await });
    // The first one is not there.
    let seeds = [format!("127.0.0.1:{}", free_port()), cluster.seeds()[1].clone()];
    let server = Server::start(config(&seeds)).await;
    server.app.cache().connected().await;
    let of_one = Server::reading(&one).await;
    let mut client = server.client().await;
    let (found, expected) = (answers(&mut client).await, answers(&mut of_one.client().await).await);
    assert!(found.len() > 30, "{}", found.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }

    let state = cache(&mut client).await;
    assert_eq!((&state["state"], &state["role"]), (&json!("connected"), &json!("master")), "{state}");
    let nodes = state["nodes"].as_array().unwrap();
    let mut addresses = cluster.seeds();
    addresses.sort();
    let mut named: Vec<&str> = nodes.iter().map(|node| node["address"].as_str().unwrap()).collect();
    named.sort_unstable();
    assert_eq!(named, addresses);
    assert_eq!(nodes.iter().map(|node| node["slots"].as_u64().unwrap()).sum::<u64>(), 16384);
    nothing_was_refused(&cluster.nodes).await;
}

/// What `check` says of these settings.
async fn check(settings: &[String]) -> Ended {
    let mut command = Binary::command(&["check", "--port", "0"]);
    command.current_dir(env!("CARGO_TARGET_TMPDIR"));
    for setting in settings {
        command.args(["--set", &format!("redis.{setting}")]);
    }
    run(command).await
}

#[tokio::test]
async fn what_is_wrong_with_a_cluster_is_said() {
    let cluster = Cluster::start(2, 0, &user()).await;
    let one = Redis::start().await;
    let nowhere = format!("127.0.0.1:{}", free_port());
    let login = [format!("password={PASSWORD}"), "user=fullon_reader".to_owned()];
    let with = |setting: String| [&login[..], &[setting]].concat();

    let good = check(&with(format!("cluster={nowhere},{}", cluster.seeds()[0]))).await;
    let found = "ok    redis: the cluster of the masters 127.0.0.1:";
    assert!(good.code == Some(0) && good.stdout.contains(found), "{good:?}");
    assert!(good.stdout.contains("ok    redis: the user may only read"), "{good:?}");
    assert!(!good.stdout.contains("warn"), "{good:?}");

    for (settings, complaint) in [
        (
            vec![format!("cluster=127.0.0.1:{}", one.port)],
            format!("127.0.0.1:{} is no node of a cluster; name it by `redis.url`", one.port),
        ),
        (
            with(format!("port={}", cluster.nodes[0].port)),
            "is a node of a cluster, whose keys are on many: list some of them as `redis.cluster`".to_owned(),
        ),
        (with(format!("cluster={nowhere}")), format!("no node tells of the cluster: {nowhere}: ")),
        (
            vec![
                format!("cluster={}", cluster.seeds()[0]),
                "user=nobody".to_owned(),
                "password=n0tmine".to_owned(),
            ],
            format!("no node tells of the cluster: {}: ", cluster.seeds()[0]),
        ),
    ] {
        let bad = check(&settings).await;
        assert!(bad.code == Some(1) && bad.stdout.contains(&complaint), "{complaint}: {bad:?}");
        assert!(!bad.stdout.contains("n0tmine") && !bad.stderr.contains("n0tmine"), "{bad:?}");
    }

    // One of the nodes grants more than the others, and another less.
    cluster.nodes[0].send::<()>(&["ACL", "SETUSER", "fullon_reader", "+set", "~*"]).await;
    cluster.nodes[1].send::<()>(&["ACL", "SETUSER", "fullon_reader", "-asking", "-hscan"]).await;
    let doubtful = check(&with(format!("cluster={}", cluster.seeds()[0]))).await;
    for complaint in [
        "the Redis user \"fullon_reader\" may write (SET)",
        "the Redis user \"fullon_reader\" may not run ASKING",
        "the Redis user \"fullon_reader\" may not run HSCAN",
        "+acl|dryrun +cluster|nodes +asking",
    ] {
        assert!(doubtful.stdout.contains(complaint), "{complaint}: {doubtful:?}");
    }
}
