//! A replica that is read instead of its master: one that dies, loses its master, is made the master, or may not be read.

use std::time::Duration;

use fullon_cache_api::{cache::Setup, config::Config};
use serde_json::json;

use super::{
    CONNECTIONS, PASSWORD, all, ask, cache, config, connections, redis, redis_of, replica_of,
    scene::{Scene, Writer, agree, follows, watched_over},
    state_of,
};
use crate::{
    common::{
        Binary, Client, LOGIN, MASTER, Program, Redis, Sentinel, Server, Watcher, eventually, free_port, run,
    },
    streams::{calls, listening, write_ticker},
};

/// Longer than any of these tests, so that the sentinel itself moves nothing.
const NEVER: Duration = Duration::from_secs(600);
/// Commands by which the server reads, and is told of changes.
const OF_THE_SERVER: [&str; 8] =
    ["get", "hget", "hmget", "hscan", "lrange", "scan", "psubscribe", "client|tracking"];

/// Has the server's user ask these sentinels for replicas too.
async fn allow(sentinels: &[Sentinel]) {
    for sentinel in sentinels {
        sentinel.send::<()>(&["ACL", "SETUSER", LOGIN.0, "+sentinel|replicas"]).await;
    }
}

/// A sentinel that knows so many replicas of this master, and may be asked for them.
async fn sentinel_of(master: &Redis, replicas: usize) -> [Sentinel; 1] {
    let sentinels = [Sentinel::of(master, 1, NEVER).await];
    allow(&sentinels).await;
    agree(&sentinels, replicas).await;
    sentinels
}

/// Has a sentinel learn nothing new of how replicas are, as it may be for ten seconds unless it is a test's.
async fn is_blind(sentinel: &Sentinel) {
    let period = NEVER.as_millis().to_string();
    sentinel.send::<()>(&["SENTINEL", "DEBUG", "INFO-PERIOD", &period]).await;
}

/// A configuration that has replicas read.
fn config_of_replicas(sentinels: &[Sentinel]) -> Config {
    let mut config = config(&all(sentinels));
    config.redis.replicas = true;
    config
}

/// Waits until the server reads this Redis in that role, and says so, by all its connections.
async fn reads(client: &mut Client, redis: &Redis, role: &str) {
    let address = json!(format!("redis://127.0.0.1:{}/0", redis.port));
    eventually(&format!("the {role} at {address} is read"), async || {
        let now = cache(client).await;
        now["address"] == address && now["role"] == role && now["state"] == "connected"
    })
    .await;
    eventually("all are connected", async || connections(redis).await == CONNECTIONS).await;
}

/// The Redis that the server reads.
async fn read_of(client: &mut Client, redises: &[Redis]) -> usize {
    let address = cache(client).await["address"].clone();
    let is_read = |redis: &Redis| address == format!("redis://127.0.0.1:{}/0", redis.port);
    redises.iter().position(is_read).expect("it reads another Redis")
}

#[tokio::test]
async fn all_that_is_read_and_told_comes_from_one_replica() {
    let master = redis_of(Setup::Replicas, &[]).await;
    let replica = replica_of(Setup::Replicas, &master, &[]).await;
    let sentinels = sentinel_of(&master, 1).await;
    let server = Server::start(config_of_replicas(&sentinels)).await;
    server.app.cache().connected().await;
    let mut client = server.client().await;
    listening(&mut client).await;
    let mut watchers = [
        Watcher::open(&server, "stream_tickers", json!({"exchange": "x"}), "price").await,
        Watcher::open(&server, "stream_blocks", json!({}), "bot_id").await,
    ];
    write_ticker(&master, "x", "A", 1.0).await;
    master.send::<()>(&["HSET", "block_exchange", "x:A", "7"]).await;
    watchers[0].until("told of a ticker", |seen| seen.values == json!({"\"A\"": 1.0})).await;
    watchers[1].until("told of a block", |seen| seen.values == json!({"\"A\"": "7"})).await;
    assert_eq!(client.keeps("A").await, 1.0);
    write_ticker(&master, "x", "A", 2.0).await;
    watchers[0].until("told of what is new", |seen| seen.values == json!({"\"A\"": 2.0})).await;
    assert_eq!(client.keeps("A").await, 2.0);

    reads(&mut client, &replica, "replica").await;
    assert!(calls(&replica, &OF_THE_SERVER).await > 0);
    assert_eq!((calls(&master, &OF_THE_SERVER).await, connections(&master).await), (0, 0));
    assert_eq!(cache(&mut client).await["sentinel"], format!("127.0.0.1:{}", sentinels[0].port));
    assert_eq!(watchers.iter().map(Watcher::stale).sum::<usize>(), 0);
    // Nothing was sent that the users may not.
    let refused: Vec<redis::Value> = ask(&replica, &["ACL", "LOG"]).await.unwrap();
    assert!(refused.is_empty() && sentinels[0].refused().await.is_empty(), "{refused:?}");
}

#[tokio::test]
async fn a_replica_that_dies_is_left_for_another_and_the_last_for_the_master() {
    let master = redis_of(Setup::Replicas, &[]).await;
    let mut replicas =
        [replica_of(Setup::Replicas, &master, &[]).await, replica_of(Setup::Replicas, &master, &[]).await];
    let sentinels = sentinel_of(&master, 2).await;
    let writer = Writer::start(&sentinels, 0);
    let mut scene = Scene::of(config_of_replicas(&sentinels), &replicas).await;
    let first = read_of(&mut scene.asking, &replicas).await;
    reads(&mut scene.asking, &replicas[first], "replica").await;

    replicas[first].kill();
    reads(&mut scene.asking, &replicas[1 - first], "replica").await;
    let written = writer.stop().await;
    in_step(&master, &replicas[1 - first]).await;
    scene.knows(&replicas[1 - first]).await;

    // The other one freezes.
    let writer = Writer::start(&sentinels, written);
    replicas[1 - first].signal("STOP");
    reads(&mut scene.asking, &master, "master").await;
    let written = writer.stop().await;
    scene.knows(&master).await;

    // One that has come back is read again.
    let writer = Writer::start(&sentinels, written);
    replicas[first].revive().await;
    reads(&mut scene.asking, &replicas[first], "replica").await;
    writer.stop().await;
    in_step(&master, &replicas[first]).await;
    scene.knows(&replicas[first]).await;
    scene.is_complete().await;
}

#[tokio::test]
async fn a_replica_that_has_just_been_started_is_empty_and_not_read() {
    let master = redis_of(Setup::Replicas, &[]).await;
    let mut replica = replica_of(Setup::Replicas, &master, &[]).await;
    let sentinels = sentinel_of(&master, 1).await;
    write_ticker(&master, "x", "A", 1.0).await;

    // It cannot copy from a master that is frozen, and the sentinel does not notice that it is another process.
    is_blind(&sentinels[0]).await;
    master.signal("STOP");
    replica.kill();
    replica.revive().await;
    agree(&sentinels, 1).await;
    let server = Server::start(config_of_replicas(&sentinels)).await;
    let mut client = server.client().await;
    let price = json!({"exchange": "x", "symbol": "A"});
    eventually("the frozen master is missed", async || {
        let reply = client.ask("get_ticker", price.clone()).await;
        let code = reply["error_code"].as_str().unwrap();
        assert!(matches!(code, "CACHE_TIMEOUT" | "CACHE_UNAVAILABLE"), "{reply}");
        cache(&mut client).await["address"] == format!("redis://127.0.0.1:{}/0", master.port)
    })
    .await;
    assert!(!follows(&replica).await);
    master.signal("CONT");
    reads(&mut client, &replica, "replica").await;
    assert_eq!(client.call("get_ticker", price).await["price"], 1.0);
}

/// Waits until a replica has what its master has, to which nobody writes now.
async fn in_step(master: &Redis, replica: &Redis) {
    eventually("the replica has all", async || state_of(replica).await == state_of(master).await).await;
}

#[tokio::test]
async fn a_replica_that_becomes_the_master_is_read_on_and_the_old_master_as_its_replica() {
    let (mut first, second, sentinels) = watched_over(Setup::Replicas).await;
    allow(&sentinels).await;
    agree(&sentinels, 1).await;
    let writer = Writer::start(&sentinels, 0);
    let mut scene = Scene::of(config_of_replicas(&sentinels), std::slice::from_ref(&second)).await;
    reads(&mut scene.asking, &second, "replica").await;

    first.kill();
    reads(&mut scene.asking, &second, "master").await;
    let written = writer.stop().await;
    scene.knows(&second).await;

    let writer = Writer::start(&sentinels, written);
    first.revive().await;
    reads(&mut scene.asking, &first, "replica").await;
    writer.stop().await;
    in_step(&second, &first).await;
    scene.knows(&first).await;
    scene.is_complete().await;
    for redis in [&first, &second] {
        let refused: Vec<redis::Value> = ask(redis, &["ACL", "LOG"]).await.unwrap();
        assert!(refused.is_empty(), "{refused:?}");
    }
}

#[tokio::test]
async fn a_replica_that_loses_its_master_is_left_until_it_is_in_step_again() {
    for stale_data in ["yes", "no"] {
        let master = redis_of(Setup::Replicas, &[]).await;
        let args = ["--replica-serve-stale-data", stale_data];
        let replica = replica_of(Setup::Replicas, &master, &args).await;
        let sentinels = sentinel_of(&master, 1).await;
        let server = Server::start(config_of_replicas(&sentinels)).await;
        server.app.cache().connected().await;
        let mut client = server.client().await;
        listening(&mut client).await;
        write_ticker(&master, "x", "A", 1.0).await;
        let mut watcher = Watcher::open(&server, "stream_tickers", json!({"exchange": "x"}), "price").await;
        watcher.until("at work", |seen| seen.values == json!({"\"A\"": 1.0})).await;
        reads(&mut client, &replica, "replica").await;

        // Its connections live on, and the sentinel does not notice.
        is_blind(&sentinels[0]).await;
        ask::<()>(&replica, &["REPLICAOF", "127.0.0.1", &free_port().to_string()]).await.unwrap();
        reads(&mut client, &master, "master").await;
        write_ticker(&master, "x", "A", 2.0).await;
        watcher.until("fresh again", |seen| seen.is_fresh() && seen.values == json!({"\"A\"": 2.0})).await;

        ask::<()>(&replica, &["REPLICAOF", "127.0.0.1", &master.port.to_string()]).await.unwrap();
        reads(&mut client, &replica, "replica").await;
        write_ticker(&master, "x", "A", 3.0).await;
        watcher.until("fresh again", |seen| seen.is_fresh() && seen.values == json!({"\"A\"": 3.0})).await;
        assert!(!watcher.task.is_finished());
    }
}

/// The binary, to read replicas behind this sentinel.
fn command(args: &[&str], sentinel: &Sentinel) -> std::process::Command {
    let mut command = Binary::command(args);
    command.current_dir(env!("CARGO_TARGET_TMPDIR"));
    for (key, value) in [
        ("user", "fullon_reader"),
        ("password", PASSWORD),
        ("replicas", "true"),
        ("sentinels", &format!("127.0.0.1:{}", sentinel.port)),
        ("sentinel_master", MASTER),
        ("sentinel_user", LOGIN.0),
        ("sentinel_password", LOGIN.1),
    ] {
        command.args(["--set", &format!("redis.{key}={value}")]);
    }
    command.args(["--port", "0"]);
    command
}

/// A server that may read replicas reads the master, which has one ticker.
async fn reads_the_master(sentinels: &[Sentinel], master: &Redis) {
    let server = Server::start(config_of_replicas(sentinels)).await;
    let mut client = server.client().await;
    reads(&mut client, master, "master").await;
    let read = client.call("get_ticker", json!({"exchange": "x", "symbol": "A"})).await;
    assert_eq!(read["price"], 1.0);
}

#[tokio::test]
async fn where_replicas_may_not_be_read_the_master_is_and_what_to_do_is_said() {
    let master = redis(&[]).await;
    let replica = replica_of(Setup::One, &master, &[]).await;
    let sentinels = [Sentinel::of(&master, 1, NEVER).await];
    agree(&sentinels, 1).await;
    write_ticker(&master, "x", "A", 1.0).await;

    // The sentinel's user may not ask for them.
    reads_the_master(&sentinels, &master).await;
    let mut program = Program::start(command(&["serve"], &sentinels[0]));
    let hidden =
        "the sentinel tells of no replicas, so the master is read; its user needs +sentinel|replicas";
    program.logs(hidden).await;
    eventually("all are connected", async || connections(&master).await > 0).await;
    program.signal("TERM");
    let ended = program.ended().await;
    assert!(ended.code == Some(0) && !ended.stderr.contains(hidden), "{ended:?}");

    // Then it may, but the user of the replica may not do what is needed there.
    allow(&sentinels).await;
    reads_the_master(&sentinels, &master).await;
    let mut program = Program::start(command(&["serve"], &sentinels[0]));
    let unknown = program.logs("the replica is not read: whether it is in step cannot be asked").await;
    assert!(unknown.contains(&format!("redis=redis://127.0.0.1:{}/0", replica.port)), "{unknown}");
    drop(program);

    // `check` says so, and with that right all is well.
    let lacking = run(command(&["check"], &sentinels[0])).await;
    let complaint =
        "warn  redis: the Redis user \"fullon_reader\" may not run ROLE: no replica is read, but the master";
    assert!(lacking.code == Some(0) && lacking.stdout.contains(complaint), "{lacking:?}");
    assert!(lacking.stdout.contains(" +acl|dryrun +role\n"), "{lacking:?}");
    ask::<()>(&replica, &["ACL", "SETUSER", "fullon_reader", "+role"]).await.unwrap();
    let good = run(command(&["check"], &sentinels[0])).await;
    let (at, by) = (replica.port, sentinels[0].port);
    let found =
        format!("ok    redis: redis://127.0.0.1:{at}/0 (named by the sentinel 127.0.0.1:{by}), version ");
    assert!(good.code == Some(0) && good.stdout.contains(&found), "{good:?}");
    assert!(good.stdout.contains(", replica\n") && !good.stdout.contains("warn "), "{good:?}");
}
