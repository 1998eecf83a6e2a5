//! Processes: health and activity look back from now, so their times are written anew.

use std::collections::BTreeMap;

use fullon_cache_api::types::Seconds;
use serde_json::{Value, json};

use super::{hash, keys, object, seconds, times_to_seconds};
use crate::common::{Client, Redis, Server, filled};

fn process(stored: &str) -> Value {
    let mut process = object(stored);
    times_to_seconds(&mut process, &["created_at", "updated_at", "heartbeat"]);
    process.into()
}

/// The time so many minutes ago, as the writer writes it.
fn ago(minutes: i64) -> String {
    let time = jiff::Timestamp::now() - jiff::SignedDuration::from_mins(minutes);
    format!("{time:.6}").replace('Z', "+00:00")
}

/// A process as its writer registers it: ages are minutes.
struct Written {
    id: &'static str,
    status: &'static str,
    updated: i64,
    heartbeat: i64,
    has_data: bool,
}

impl Written {
    fn kind(&self) -> &str {
        self.id.split(':').next().unwrap()
    }

    fn component(&self) -> &str {
        self.id.split(':').nth(1).unwrap()
    }

    async fn write(&self, redis: &Redis) {
        let (id, kind, component, status) = (self.id, self.kind(), self.component(), self.status);
        let (updated, heartbeat) = (ago(self.updated), ago(self.heartbeat));
        let data = json!({
            "process_id": id, "process_type": kind, "component": component, "params": {"pid": 1},
            "status": status, "message": null, "created_at": ago(1000), "updated_at": updated,
            "heartbeat": heartbeat, "host": "elsewhere",
        });
        if self.has_data {
            redis.send::<()>(&["SETEX", &format!("process:data:{id}"), "86400", &data.to_string()]).await;
        }
        redis.send::<()>(&["HSET", &format!("process:active:{kind}"), id, &updated]).await;
        redis.send::<()>(&["HSET", "process:components", component, id]).await;
    }
}

const fn written(id: &'static str, status: &'static str, updated: i64, heartbeat: i64) -> Written {
    Written { id, status, updated, heartbeat, has_data: true }
}

const GONE: Written = Written { has_data: false, ..written("tick:gone:1.5", "running", 1, 1) };
const PROCESSES: [Written; 7] = [
    written("tick:well:1.5", "running", 2, 1),
    written("tick:late:1.5", "idle", 30, 30),
    written("bot:failed:1.5", "error", 4, 1),
    written("ohlcv:silent:1.5", "running", 3, 90),
    written("order:old:1.5", "error", 61, 61),
    written("account:well:2.5", "running", 1, 0),
    GONE,
];

async fn filled_with(processes: &[Written]) -> (Redis, Server, Client) {
    let redis = Redis::start().await;
    for process in processes {
        process.write(&redis).await;
    }
    let server = Server::reading(&redis).await;
    let client = server.client().await;
    (redis, server, client)
}

#[tokio::test]
async fn health_counts_who_was_seen_in_the_last_hour() {
    let (redis, server, mut client) = filled_with(&PROCESSES).await;
    let expected = json!({
        "healthy": false,
        "total_processes": 5,
        "by_type": {"account": 1, "bot": 1, "ohlcv": 1, "tick": 2},
        "by_status": {"error": 1, "idle": 1, "running": 3},
        "stale_processes": ["ohlcv:silent:1.5"],
        "error_processes": ["bot:failed:1.5"],
    });
    assert_eq!(client.call("get_system_health", json!({})).await, expected);

    // Each of the two alone is enough, and nothing else is.
    written("bot:failed:1.5", "idle", 4, 1).write(&redis).await;
    let health = client.call("get_system_health", json!({})).await;
    assert_eq!((&health["healthy"], &health["error_processes"]), (&json!(false), &json!([])));
    written("ohlcv:silent:1.5", "error", 3, 59).write(&redis).await;
    let health = client.call("get_system_health", json!({})).await;
    assert_eq!((&health["healthy"], &health["stale_processes"]), (&json!(false), &json!([])));
    written("ohlcv:silent:1.5", "stopped", 3, 59).write(&redis).await;
    assert_eq!(server.client().await.call("get_system_health", json!({})).await["healthy"], true);
}

/// The components of the active processes, in the order of the reply.
async fn active(client: &mut Client, params: Value) -> Vec<String> {
    let found = client.call("get_active_processes", params).await;
    found
        .as_array()
        .unwrap()
        .iter()
        .map(|process| process["process_id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn active_processes_are_the_newest_first() {
    let (redis, _server, mut client) = filled_with(&PROCESSES).await;
    let recent = ["account:well:2.5", "tick:well:1.5", "ohlcv:silent:1.5", "bot:failed:1.5"];
    assert_eq!(active(&mut client, json!({})).await, recent);
    assert_eq!(active(&mut client, json!({"since_minutes": 4})).await, recent[..3]);
    let all = [&recent[..], &["tick:late:1.5", "order:old:1.5"]].concat();
    assert_eq!(active(&mut client, json!({"since_minutes": 1440})).await, all);
    for (params, expected) in [
        (json!({"process_type": "tick"}), &["tick:well:1.5"][..]),
        (json!({"process_type": "tick", "since_minutes": 60}), &["tick:well:1.5", "tick:late:1.5"]),
        (json!({"component": "well"}), &["account:well:2.5", "tick:well:1.5"]),
        (json!({"component": "well", "process_type": "account"}), &["account:well:2.5"]),
        (json!({"component": "gone"}), &[]),
        (json!({"process_type": "crawler"}), &[]),
    ] {
        assert_eq!(active(&mut client, params.clone()).await, expected, "{params}");
    }
    for process in client.call("get_active_processes", json!({})).await.as_array().unwrap() {
        let key = format!("process:data:{}", process["process_id"].as_str().unwrap());
        assert_eq!(*process, self::process(&redis.send::<String>(&["GET", &key]).await));
    }
}

#[tokio::test]
async fn times_in_the_future_and_without_an_offset_are_times() {
    let (redis, _server, mut client) = filled_with(&[written("tick:ahead:1.5", "running", -5, -5)]).await;
    let plain = ago(1).replace("+00:00", "");
    redis.send::<()>(&["HSET", "process:active:tick", "tick:ahead:1.5", &plain]).await;
    assert_eq!(active(&mut client, json!({})).await, ["tick:ahead:1.5"]);
    let Value::Number(heartbeat) = &client.call("get_active_processes", json!({})).await[0]["heartbeat"]
    else {
        panic!("no time");
    };
    assert!(heartbeat.as_f64().unwrap() > Seconds::now().0);
    assert_eq!(client.call("get_system_health", json!({})).await["healthy"], true);
}

#[tokio::test]
async fn every_recorded_process_by_id_and_by_component() {
    let (redis, _server, mut client) = filled().await;
    for key in keys(&redis, "process:data:*").await {
        let process_id = &key["process:data:".len()..];
        let expected = process(&redis.send::<String>(&["GET", &key]).await);
        assert_eq!(client.call("get_process", json!({"process_id": process_id})).await, expected);
        let component = &expected["component"];
        let registered: Option<String> =
            redis.send(&["HGET", "process:components", component.as_str().unwrap()]).await;
        if registered.as_deref() == Some(process_id) {
            assert_eq!(client.call("get_component_status", json!({"component": component})).await, expected);
        }
    }
    let components = hash(&redis, "process:components").await;
    let mut by_type = BTreeMap::new();
    for key in keys(&redis, "process:active:*").await {
        by_type.insert(key["process:active:".len()..].to_owned(), hash(&redis, &key).await.len());
    }
    let total: usize = by_type.values().sum();
    let expected = json!({"by_type": by_type, "components": components.len(), "total": total});
    assert_eq!(client.call("get_process_metrics", json!({})).await, expected);

    assert_eq!(client.fail("get_process", json!({"process_id": "tick:no:1"})).await.0, "CACHE_MISS");
    assert_eq!(client.fail("get_component_status", json!({"component": "no"})).await.0, "CACHE_MISS");
    GONE.write(&redis).await;
    assert_eq!(client.fail("get_component_status", json!({"component": "gone"})).await.0, "CACHE_MISS");
    assert_eq!(client.fail("get_process", json!({"process_id": GONE.id})).await.0, "CACHE_MISS");
}

#[test]
fn a_time_of_the_past_reads_back() {
    let past = seconds(&ago(10)).as_f64().unwrap();
    assert!((Seconds::now().0 - past - 600.0).abs() < 5.0, "{past}");
}
