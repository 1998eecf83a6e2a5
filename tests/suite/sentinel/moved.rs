//! A master that is another without any connection being cut; sentinels that are gone, know nothing, or are wrong.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{CONNECTIONS, PASSWORD, cache, config, connections, redis, state_of};
use crate::{
    common::{
        Binary, Ended, LOGIN, MASTER, Program, Redis, Sentinel, Server, Watcher, all_fresh, eventually,
        free_port, run,
    },
    streams::{listening, write_ticker},
};

/// Longer than any of these tests, so that the sentinel itself moves nothing.
const NEVER: Duration = Duration::from_secs(600);

/// Has the sentinel give the name to another master.
async fn point(sentinel: &Sentinel, to: &Redis) {
    sentinel.send::<()>(&["SENTINEL", "REMOVE", MASTER]).await;
    let port = to.port.to_string();
    sentinel.send::<()>(&["SENTINEL", "MONITOR", MASTER, "127.0.0.1", &port, "1"]).await;
    let down_after = NEVER.as_millis().to_string();
    sentinel.send::<()>(&["SENTINEL", "SET", MASTER, "down-after-milliseconds", &down_after]).await;
}

#[tokio::test]
async fn a_master_that_is_another_is_left_though_no_connection_breaks() {
    let (one, other) = (redis(&[]).await, redis(&[]).await);
    let mut sentinel = Sentinel::of(&one, 1, NEVER).await;
    let server = Server::start(config(&[&sentinel])).await;
    server.app.cache().connected().await;
    let mut client = server.client().await;
    listening(&mut client).await;
    write_ticker(&one, "x", "A", 1.0).await;
    write_ticker(&other, "x", "A", 2.0).await;
    let mut watchers = [Watcher::open(&server, "stream_tickers", json!({"exchange": "x"}), "price").await];
    watchers[0].until("at work", |seen| seen.values == json!({"\"A\"": 1.0})).await;
    eventually("all are connected", async || connections(&one).await == CONNECTIONS).await;
    assert_eq!(client.keeps("A").await, 1.0);

    let since = Instant::now();
    point(&sentinel, &other).await;
    all_fresh(&mut watchers, 1, since).await;
    let (prices, _) = state_of(&other).await;
    watchers[0].until("in the other's state", |seen| seen.values == prices).await;
    eventually("every connection is to the other", async || {
        connections(&one).await == 0 && connections(&other).await == CONNECTIONS
    })
    .await;
    let now = cache(&mut client).await;
    assert_eq!(now["address"], format!("redis://127.0.0.1:{}/0", other.port));
    assert_eq!(now["sentinel"], format!("127.0.0.1:{}", sentinel.port));
    // What was kept is forgotten, and what is kept now rests on what the other tells.
    let read = client.call("get_ticker", json!({"exchange": "x", "symbol": "A"})).await;
    assert_eq!((&read["price"], client.keeps("A").await), (&json!(2.0), json!(2.0)));
    write_ticker(&one, "x", "A", 1.5).await;
    assert!(sentinel.refused().await.is_empty(), "{:?}", sentinel.refused().await);

    // Without any sentinel the master is where it was.
    let outages = watchers[0].stale();
    sentinel.kill();
    eventually("no sentinel answers", async || cache(&mut client).await["sentinel"] == Value::Null).await;
    write_ticker(&other, "x", "A", 3.0).await;
    watchers[0].until("told of what is new", |seen| seen.values == json!({"\"A\"": 3.0})).await;
    let read = client.call("get_ticker", json!({"exchange": "x", "symbol": "A"})).await;
    assert_eq!((&read["price"], client.keeps("A").await), (&json!(3.0), json!(3.0)));
    assert_eq!(cache(&mut client).await["state"], "connected");
    sentinel.revive().await;
    eventually("a sentinel answers", async || cache(&mut client).await["sentinel"] != Value::Null).await;
    write_ticker(&other, "x", "A", 4.0).await;
    watchers[0].until("told of what is new", |seen| seen.values == json!({"\"A\"": 4.0})).await;
    assert_eq!(watchers[0].stale(), outages);
}

/// What `check` says, with these sentinels and this name of the master.
async fn check(sentinels: &str, master: &str, password: &str) -> Ended {
    let mut command = Binary::command(&["check", "--port", "0"]);
    command.current_dir(env!("CARGO_TARGET_TMPDIR"));
    command.env("REDIS_USER", "fullon_reader").env("REDIS_PASSWORD", PASSWORD);
    for (key, value) in [
        ("sentinels", sentinels),
        ("sentinel_master", master),
        ("sentinel_user", LOGIN.0),
        ("sentinel_password", password),
    ] {
        command.args(["--set", &format!("redis.{key}={value}")]);
    }
    run(command).await
}

#[tokio::test]
async fn what_is_wrong_with_sentinels_is_said() {
    let master = redis(&[]).await;
    let replica = redis(&["--replicaof", "127.0.0.1", &master.port.to_string()]).await;
    let sentinel = Sentinel::of(&master, 1, NEVER).await;
    let (at, nowhere) = (format!("127.0.0.1:{}", sentinel.port), format!("127.0.0.1:{}", free_port()));
    let redis_at = |redis: &Redis| format!("redis://127.0.0.1:{}/0", redis.port);

    let good = check(&format!("{nowhere},{at}"), MASTER, LOGIN.1).await;
    let found = format!("ok    redis: {} (named by the sentinel {at}), version ", redis_at(&master));
    assert!(good.code == Some(0) && good.stdout.contains(&found), "{good:?}");

    point(&sentinel, &replica).await;
    let named_wrong =
        format!("the sentinels name 127.0.0.1:{}, which says that it is a replica", replica.port);
    for (sentinels, name, password, complaint) in [
        (&at, "nobody", LOGIN.1, format!("{at} knows no master of that name")),
        (&nowhere, MASTER, LOGIN.1, format!("{nowhere}: Connection refused")),
        (&at, MASTER, "n0tmine", format!("{at}: ")),
        (&at, MASTER, LOGIN.1, named_wrong),
    ] {
        let bad = check(sentinels, name, password).await;
        assert!(bad.code == Some(1) && bad.stdout.contains(&complaint), "{complaint}: {bad:?}");
        assert!(!bad.stdout.contains("n0tmine") && !bad.stderr.contains("n0tmine"), "{bad:?}");
    }
    let both = check(&format!("{at},{nowhere}"), "nobody", LOGIN.1).await;
    let all = format!(
        "no sentinel says where the master nobody is: {at} knows no master of that name; {nowhere}: "
    );
    assert!(both.stdout.contains(&all), "{both:?}");
}

#[tokio::test]
async fn the_rights_of_the_user_are_looked_at_on_another_master_too() {
    let (one, other) = (redis(&[]).await, redis(&[]).await);
    other.send::<()>(&["ACL", "SETUSER", "fullon_reader", "+@all", "~*"]).await;
    let sentinel = Sentinel::of(&one, 1, NEVER).await;
    let mut command = Binary::command(&["serve", "--port", "0"]);
    command.current_dir(env!("CARGO_TARGET_TMPDIR"));
    for (key, value) in [
        ("user", "fullon_reader"),
        ("password", PASSWORD),
        ("require_read_only", "true"),
        ("sentinels", &format!("127.0.0.1:{}", sentinel.port)),
        ("sentinel_master", MASTER),
    ] {
        command.args(["--set", &format!("redis.{key}={value}")]);
    }
    let mut program = Program::start(command);
    program.url().await;
    point(&sentinel, &other).await;
    let moved = program.logs("the master has moved").await;
    assert!(moved.contains(&format!("redis=redis://127.0.0.1:{}/0", other.port)), "{moved}");
    let ended = program.ended().await;
    assert!(ended.code == Some(1) && ended.stderr.contains("redis.require_read_only: "), "{ended:?}");
}
