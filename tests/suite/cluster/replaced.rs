//! A node that is lost, its replica that takes over, and another that takes its place elsewhere.

use std::time::Instant;

use serde_json::json;

use super::{Load, all_know, cache, config, exchanges, nothing_was_refused, read_on, user, watch};
use crate::{
    common::{Cluster, Server, all_fresh, eventually},
    streams::{listening, ticker},
};

#[tokio::test]
async fn a_lost_node_is_replaced_and_nobody_is_disconnected() {
    let mut cluster = Cluster::start(3, 3, &user()).await;
    let exchanges = exchanges(&cluster, 3, 1).await;
    let mut writer = cluster.writer();
    for exchange in &exchanges {
        let key = format!("tickers:{exchange}");
        let () = writer.send(&key, &["HSET", &key, "S1", &ticker(exchange, "S1", 0.0)]).await;
    }
    // The only one that is named is the one that dies.
    let server = Server::start(config(&cluster.seeds()[..1])).await;
    server.app.cache().connected().await;
    let mut client = server.client().await;
    listening(&mut client).await;
    let mut watchers = watch(&server, &exchanges).await;
    let load = Load::start(cluster.writer(), exchanges.clone(), 0);
    let (counts, reading) = read_on(&server, &exchanges);

    // It dies, and its replica takes over.
    let since = Instant::now();
    cluster.nodes[0].kill();
    cluster.leads(3).await;
    eprintln!("a replica has taken over after {:?}", since.elapsed());
    all_fresh(&mut watchers, 1, since).await;
    let written = load.stop().await;
    all_know(&exchanges, &mut watchers, &mut writer, &mut client).await;
    let outages: Vec<usize> = watchers.iter().map(|watcher| watcher.stale()).collect();

    // It comes back as a replica. That is nobody's business.
    cluster.nodes[0].revive().await;
    eventually("the old master is a replica", async || {
        let info: String = cluster.nodes[0].send(&["INFO", "replication"]).await;
        info.contains("role:slave") && info.contains("master_link_status:up")
    })
    .await;
    let load = Load::start(cluster.writer(), exchanges.clone(), written);

    // Another comes, at an address of its own, and takes the place of the second master, which lives on for a while.
    cluster.add().await;
    cluster.replicate(6, 1).await;
    assert_eq!(watchers.iter().map(|watcher| watcher.stale()).collect::<Vec<_>>(), outages);
    let before = counts.borrow().clone();
    cluster.fail_over(6).await;
    let at = format!("127.0.0.1:{}", cluster.nodes[6].port);
    eventually("the server knows", async || {
        let state = cache(&mut client).await;
        let nodes = state["nodes"].as_array().unwrap().clone();
        state["state"] == "connected" && nodes.iter().any(|node| node["address"] == at)
    })
    .await;
    cluster.nodes[1].kill();
    load.stop().await;
    all_know(&exchanges, &mut watchers, &mut writer, &mut client).await;
    eprintln!("before the second move: {before:?}, at the end: {:?}", counts.borrow());

    assert!(!reading.is_finished() && watchers.iter().all(|watcher| !watcher.task.is_finished()));
    let stats = client.call("get_server_stats", json!({})).await;
    assert_eq!(stats["connections_total"], watchers.len() + 2);
    nothing_was_refused(&cluster.nodes).await;
}
