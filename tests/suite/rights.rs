//! What the Redis user may do: just what the server needs, and the server says where it is otherwise.

use std::{collections::BTreeSet, path::Path, process::Command, time::Duration};

use fullon_cache_api::{cache::Setup, registry::Registry};
use serde_json::json;
use tokio::time::timeout;

/// The line that makes a user for these operations.
pub fn acl_line(user: &str, registry: &Registry) -> String {
    acl_line_of(Setup::One, user, registry)
}

/// The same for a user of a Redis that is made of more.
pub fn acl_line_of(setup: Setup, user: &str, registry: &Registry) -> String {
    fullon_cache_api::cache::acl_line(user, &registry.probes(), &registry.channels(), setup)
}

use crate::common::{Binary, Client, Ended, Fixture, Program, Redis, RedisOptions, readme, run};

/// A Redis that holds the recorded session.
async fn filled() -> Redis {
    let redis = Redis::start().await;
    Fixture::load().fill(&redis).await;
    redis
}

/// Makes a user by a line as the server prints it.
async fn make_user(redis: &Redis, line: &str, password: &str) {
    let line = line.replace(">PASSWORD", &format!(">{password}"));
    let words: Vec<&str> = line.split_whitespace().collect();
    redis.send::<()>(&words).await;
}

/// The binary, to read a Redis as this user.
fn command(redis: &Redis, args: &[&str], user: &str, password: &str) -> Command {
    let mut command = Binary::command(args);
    command.current_dir(env!("CARGO_TARGET_TMPDIR"));
    command.env("REDIS_PORT", redis.port.to_string());
    command.env("REDIS_USER", user).env("REDIS_PASSWORD", password);
    command.args(["--port", "0"]);
    command
}

/// The exact line in a text that makes a proper user.
fn line_in(text: &str) -> &str {
    let line = text.lines().find(|line| line.trim_start().starts_with("ACL SETUSER "));
    line.unwrap_or_else(|| panic!("no ACL SETUSER in:\n{text}")).trim()
}

/// The operations that send a command.
fn that_send(registry: &Registry, verb: &str) -> BTreeSet<String> {
    let sending = registry.iter().filter(|one| one.described().commands.iter().any(|name| name == verb));
    sending.map(|operation| operation.name().to_owned()).collect()
}

/// Every example of every operation, by the operation's name: the error of those that fail. A stream must
/// not need to poll.
async fn failing(url: &str) -> Vec<(String, String)> {
    let mut client = Client::connect(url).await;
    let listens =
        async { while client.call("get_server_stats", json!({})).await["push"]["tracking"] != true {} };
    timeout(Duration::from_secs(10), listens).await.expect("Redis tells of no changes");
    let mut failing = Vec::new();
    let registry = Registry::built_in().unwrap();
    // These need a stream that is open, and a login.
    let needs_more = |name: &str| matches!(name, "unsubscribe" | "authenticate");
    for operation in registry.iter().filter(|operation| !needs_more(operation.name())) {
        for example in &operation.described().examples {
            // What a stream sends is no reply to another request.
            let reply = Client::connect(url).await.ask(operation.name(), example.clone()).await;
            if reply["success"] != true || reply["result"]["push"] == "poll" {
                failing.push((operation.name().to_owned(), reply.to_string()));
            }
        }
    }
    failing
}

#[tokio::test]
async fn the_printed_line_makes_a_user_that_serves_everything_and_writes_nothing() {
    let redis = filled().await;
    let Ended { code, stdout, .. } = run(command(&redis, &["check"], "", "")).await;
    assert_eq!(code, Some(0), "{stdout}");
    assert!(stdout.contains("warn  redis: the Redis user \"default\" may write (SET, "), "{stdout}");
    let line = line_in(&stdout);
    assert_eq!(line, acl_line("default", &Registry::built_in().unwrap()));
    let user = line.split_whitespace().nth(2).unwrap();
    make_user(&redis, line, "rightpass").await;

    let Ended { code, stdout, stderr } = run(command(&redis, &["check"], user, "rightpass")).await;
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    assert!(stdout.contains("ok    redis: the user may only read"), "{stdout}");
    assert!(
        !stdout.contains("warn") && !stdout.contains("error") && !stdout.contains("rightpass"),
        "{stdout}"
    );

    let args = ["serve", "--set", "redis.require_read_only=true"];
    let mut program = Program::start(command(&redis, &args, user, "rightpass"));
    assert_eq!(failing(&program.url().await).await, []);

    let url = format!("redis://{user}:rightpass@127.0.0.1:{}", redis.port);
    let reader = redis::Client::open(url).unwrap();
    let mut reader = reader.get_multiplexed_async_connection().await.unwrap();
    for words in [
        "SET tickers:binance x",
        "HSET tickers:binance x y",
        "HDEL tickers:binance BTC/USDT",
        "RPUSH trades:binance:BTCUSDT x",
        "DEL tickers:binance",
        "EXPIRE tickers:binance 1",
        "FLUSHALL",
        "CONFIG SET maxmemory 1",
        "EVAL return 0",
        "PUBLISH ticker_updates:binance:BTC/USDT x",
        "CLIENT KILL TYPE normal",
        "ACL SETUSER default off",
        // A read, of what is none of this server's business.
        "GET secrets",
    ] {
        let mut cmd = redis::Cmd::new();
        cmd.arg(words.split(' ').collect::<Vec<_>>());
        let error = cmd.query_async::<redis::Value>(&mut reader).await.unwrap_err();
        assert_eq!(error.code(), Some("NOPERM"), "{words}: {error}");
    }
}

#[test]
fn the_readme_shows_the_very_line() {
    for text in [readme(), security()] {
        assert_eq!(line_in(&text), acl_line("default", &Registry::built_in().unwrap()));
    }
}

#[tokio::test]
async fn the_printed_line_leaves_nothing_of_what_a_user_could_do_before() {
    let redis = Redis::start().await;
    let could = "ACL SETUSER bot on >oldpass ~* &* +@all (~* +set)";
    redis.send::<()>(&could.splitn(9, ' ').collect::<Vec<_>>()).await;
    let Ended { code, stdout, .. } = run(command(&redis, &["check"], "bot", "oldpass")).await;
    assert_eq!(code, Some(0), "{stdout}");
    let line = line_in(&stdout);
    assert!(line.starts_with("ACL SETUSER bot "), "{line}");
    make_user(&redis, line, "rightpass").await;

    let strict = ["check", "--set", "redis.require_read_only=true"];
    let Ended { code, stdout, .. } = run(command(&redis, &strict, "bot", "rightpass")).await;
    assert_eq!(code, Some(0), "{stdout}");
    assert!(stdout.contains("ok    redis: the user may only read"), "{stdout}");
    let Ended { code, stdout, .. } = run(command(&redis, &["check"], "bot", "oldpass")).await;
    assert_eq!(code, Some(1), "{stdout}");
}

#[tokio::test]
async fn what_the_user_may_not_read_is_off_and_the_rest_works() {
    let redis = filled().await;
    let registry = Registry::built_in().unwrap();
    make_user(&redis, &acl_line("partial", &registry), "rightpass").await;
    redis.send::<()>(&["ACL", "SETUSER", "partial", "-hscan"]).await;
    let off = that_send(&registry, "HSCAN");
    assert!(off.contains("get_all_tickers") && !off.contains("get_ticker"), "{off:?}");

    let Ended { code, stdout, stderr } = run(command(&redis, &["check"], "partial", "rightpass")).await;
    assert_eq!(code, Some(1), "{stdout}{stderr}");
    let listed = stdout.lines().filter_map(|line| line.strip_prefix("error ")?.split_once(" would be off: "));
    let listed: BTreeSet<String> = listed
        .inspect(|(_, reason)| assert_eq!(*reason, "the Redis user \"partial\" may not run HSCAN"))
        .map(|(name, _)| name.to_owned())
        .collect();
    assert_eq!(listed, off);
    assert!(stderr.contains(&format!("{} errors", off.len())), "{stderr}");

    let mut program = Program::start(command(&redis, &["serve"], "partial", "rightpass"));
    let url = program.url().await;
    for name in &off {
        program.logs(&format!("off: the Redis user \"partial\" may not run HSCAN operation={name}")).await;
    }
    let failing = failing(&url).await;
    for (name, reply) in &failing {
        assert!(reply.contains("CACHE_UNAVAILABLE") && reply.contains(&format!("{name} is off")), "{reply}");
    }
    assert_eq!(failing.into_iter().map(|(name, _)| name).collect::<BTreeSet<_>>(), off);
}

#[tokio::test]
async fn keys_that_the_user_may_not_read_are_off_or_doubtful() {
    let redis = filled().await;
    let registry = Registry::built_in().unwrap();
    make_user(&redis, &acl_line("narrow", &registry), "rightpass").await;
    let keys = "resetkeys %R~tickers:binance %R~bot_status";
    let words: Vec<&str> = ["ACL", "SETUSER", "narrow"].into_iter().chain(keys.split(' ')).collect();
    redis.send::<()>(&words).await;

    let Ended { code, stdout, stderr } = run(command(&redis, &["check"], "narrow", "rightpass")).await;
    assert_eq!(code, Some(1), "{stdout}{stderr}");
    assert!(stdout.contains("warn  get_ticker may fail: "), "{stdout}");
    assert!(stdout.contains("error get_positions would be off: "), "{stdout}");
    assert!(!stdout.contains("get_bots"), "{stdout}");

    let mut program = Program::start(command(&redis, &["serve"], "narrow", "rightpass"));
    let mut client = Client::connect(&program.url().await).await;
    program.logs("may not run HSCAN on `tickers:{exchange}` operation=get_all_tickers").await;
    client.call("get_bots", json!({})).await;
    client.call("get_all_tickers", json!({"exchange": "binance"})).await;
    assert_eq!(client.fail("get_all_tickers", json!({"exchange": "kraken"})).await.0, "CACHE_UNAVAILABLE");
    let (code, reply) = client.fail("get_positions", json!({"user_id": 1001})).await;
    assert_eq!(code, "CACHE_UNAVAILABLE");
    assert!(reply["error"].as_str().unwrap().contains("get_positions is off"), "{reply}");
}

#[tokio::test]
async fn a_user_that_may_write_is_warned_of_or_refused() {
    let redis = Redis::start().await;
    let warning = "the Redis user \"default\" may write (SET, APPEND, HSET, HDEL, RPUSH, LPUSH, LPOP, LTRIM, DEL, UNLINK, \
         EXPIRE, RENAME, FLUSHALL, EVAL, CONFIG, SHUTDOWN, PUBLISH)";
    let mut program = Program::start(command(&redis, &["serve"], "", ""));
    let url = program.url().await;
    program.logs(warning).await;
    let line = program.logs("ACL SETUSER ").await;
    assert_eq!(line.trim(), acl_line("default", &Registry::built_in().unwrap()));
    // It serves all the same.
    assert_eq!(Client::connect(&url).await.call("get_exchanges", json!({})).await, json!([]));

    let strict = ["serve", "--set", "redis.require_read_only=true"];
    let Ended { code, stdout, stderr } = run(command(&redis, &strict, "", "")).await;
    assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
    assert!(stderr.contains(&format!("redis.require_read_only: {warning}")), "{stderr}");
    line_in(&stderr);
    let strict = ["check", "--set", "redis.require_read_only=true"];
    let Ended { code, stdout, .. } = run(command(&redis, &strict, "", "")).await;
    assert_eq!(code, Some(1), "{stdout}");
    assert!(stdout.contains(&format!("error redis: {warning}")), "{stdout}");
}

#[tokio::test]
async fn a_user_that_cannot_be_examined_is_not_trusted() {
    let redis = Redis::start().await;
    let registry = Registry::built_in().unwrap();
    make_user(&redis, &acl_line("mute", &registry), "rightpass").await;
    redis.send::<()>(&["ACL", "SETUSER", "mute", "-acl|dryrun"]).await;
    let Ended { code, stdout, .. } = run(command(&redis, &["check"], "mute", "rightpass")).await;
    assert_eq!(code, Some(0), "{stdout}");
    assert!(
        stdout.contains("warn  redis: whether the Redis user \"mute\" may write cannot be found out"),
        "{stdout}"
    );
    assert!(line_in(&stdout).starts_with("ACL SETUSER mute reset on >PASSWORD "), "{stdout}");
    let strict = ["serve", "--set", "redis.require_read_only=true"];
    let Ended { code, stderr, .. } = run(command(&redis, &strict, "mute", "rightpass")).await;
    assert_eq!(code, Some(1), "{stderr}");
}

#[tokio::test]
async fn a_wrong_password_is_an_error_and_stays_a_secret() {
    let options = RedisOptions {
        args: ["--requirepass", "rightpass"].map(str::to_owned).to_vec(),
        password: Some("rightpass".to_owned()),
        ..RedisOptions::default()
    };
    let redis = Redis::start_with(options).await;
    for password in ["wrongpass", ""] {
        let Ended { code, stdout, stderr } = run(command(&redis, &["check"], "", password)).await;
        assert_eq!(code, Some(1), "{stdout}{stderr}");
        assert!(stdout.contains("error redis: "), "{stdout}");
        assert!(!format!("{stdout}{stderr}").contains("wrongpass"), "{stdout}{stderr}");
    }
    let Ended { code, stdout, .. } = run(command(&redis, &["check"], "", "rightpass")).await;
    assert_eq!(code, Some(0), "{stdout}");

    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, "rightpass\n").unwrap();
    let setting = format!("redis.password_file={}", file.path().display());
    let with_file = ["check", "--set", &setting];
    let Ended { code, stdout, .. } = run(command(&redis, &with_file, "", "")).await;
    assert_eq!(code, Some(0), "{stdout}");
    assert!(!stdout.contains("rightpass"), "{stdout}");

    let mut program = Program::start(command(&redis, &["serve"], "", "wrongpass"));
    let mut client = Client::connect(&program.url().await).await;
    let (code, reply) = client.fail("get_bots", json!({})).await;
    assert_eq!(code, "CACHE_UNAVAILABLE", "{reply}");
    assert!(!reply.to_string().contains("wrongpass"), "{reply}");
}

#[tokio::test]
async fn rights_are_looked_at_once_there_is_a_redis() {
    let mut redis = Redis::start().await;
    redis.kill();
    let strict = ["serve", "--set", "redis.require_read_only=true", "--set", "redis.reconnect_max=100ms"];
    let mut program = Program::start(command(&redis, &strict, "", ""));
    assert_eq!(Client::connect(&program.url().await).await.call("ping", json!({})).await["status"], "ok");
    redis.revive().await;
    let ended = timeout(Duration::from_secs(20), program.ended()).await.expect("it serves on");
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
}

#[tokio::test]
async fn rights_are_found_out_however_short_the_queue() {
    let redis = filled().await;
    make_user(&redis, &acl_line("reader", &Registry::built_in().unwrap()), "rightpass").await;
    let short = ["check", "--set", "redis.queue=1"];
    let Ended { code, stdout, .. } = run(command(&redis, &short, "reader", "rightpass")).await;
    assert_eq!(code, Some(0), "{stdout}");
    assert!(stdout.contains("ok    redis: the user may only read"), "{stdout}");
}

fn security() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/SECURITY.md")).unwrap()
}

#[test]
fn every_test_that_the_security_promises_name_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut sources = String::new();
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let text = security();
    let quoted = text.split('`').skip(1).step_by(2);
    let names: Vec<&str> =
        quoted.filter(|name| name.matches('_').count() > 4 && !name.contains(' ')).collect();
    assert!(names.len() >= 5, "{names:?}");
    for name in names {
        assert!(sources.contains(&format!("fn {name}(")), "{name}");
    }
}
