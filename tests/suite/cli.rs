//! The binary as a user runs it.

mod checking;
mod health;
mod reaching;
mod tokens;
mod watching;

use std::{collections::BTreeSet, path::Path, process::Command, time::Duration};

use serde_json::{Value, json};
use tokio::{net::TcpListener, time::timeout};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::common::{Binary, Client, Ended, Fixture, Program, Redis, Server, run};
use fullon_cache_api::{cache::Store, config::VARIABLES, version};

const TICKER: &str =
    r#"{"symbol":"BTC/USDT","exchange":"binance","price":47000.50,"volume":1e3,"timestamp":1640995200.123}"#;

/// The binary in a folder without a configuration of anybody's.
fn command(args: &[&str]) -> Command {
    let mut command = Binary::command(args);
    command.current_dir(env!("CARGO_TARGET_TMPDIR"));
    command
}

/// A server of the embedded cache with one ticker.
async fn small() -> Server {
    let store = Store::new();
    // The cache calls it by another name.
    let stored = TICKER.replace("timestamp", "time");
    store.apply(&["HSET", "tickers:binance", "BTC/USDT", &stored]).unwrap();
    Server::embedded(store).await
}

/// Asks a server by the binary.
async fn ask(server: &Server, args: &[&str]) -> Ended {
    let mut command = command(args);
    command.args(["--url", &server.url()]);
    run(command).await
}

/// Asks a server by the binary, and wants standard output and nothing else.
async fn result(server: &Server, args: &[&str]) -> String {
    let ended = ask(server, args).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{args:?}: {}", ended.stdout);
    ended.stdout
}

#[tokio::test]
async fn call_prints_the_result_and_nothing_else() {
    let server = small().await;
    let args = ["call", "get_ticker", "exchange=binance", "symbol=BTC/USDT"];
    assert_eq!(result(&server, &args).await, format!("{TICKER}\n"));
    let args = ["call", "get_ticker", "-d", r#"{"exchange": "binance", "symbol": "BTC/USDT"}"#];
    assert_eq!(result(&server, &args).await, format!("{TICKER}\n"));
    assert_eq!(result(&server, &["call", "get_exchanges"]).await, "[\"binance\"]\n");
    let args = ["call", "is_blocked", "exchange=binance", "symbol=BTC/USDT"];
    assert_eq!(result(&server, &args).await, "null\n");
    assert_eq!(result(&server, &["call", "get_positions", "user_id=1001"]).await, "[]\n");
    assert_eq!(result(&server, &["call", "get_queue_length", "exchange=binance"]).await, "0\n");
}

#[tokio::test]
async fn call_tells_on_standard_error_where_the_time_went() {
    let server = small().await;
    for (symbol, code) in [("BTC/USDT", 0), ("NO/SUCH", 4)] {
        let symbol = format!("symbol={symbol}");
        let ended = ask(&server, &["call", "--explain", "get_ticker", "exchange=binance", &symbol]).await;
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert_eq!(ended.stdout, if code == 0 { format!("{TICKER}\n") } else { String::new() });
        let explain = ended.stderr.lines().find_map(|line| line.strip_prefix("explain: ")).unwrap();
        let explain: Value = serde_json::from_str(explain).unwrap();
        assert_eq!((&explain["source"], &explain["commands"]), (&json!("embedded"), &json!({"HGET": 1})));
    }
}

#[tokio::test]
async fn the_server_to_speak_to_is_the_configured_one() {
    let server = small().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("other.toml");
    std::fs::write(&file, format!("[listen]\nport = {}\n", server.address.port())).unwrap();
    let port = server.address.port().to_string();
    let url = server.url();
    let file = file.display().to_string();
    for (variable, value) in
        [("FULLON_CACHE_API_URL", &url), ("WEBSOCKET_PORT", &port), ("CONFIG_FILE", &file)]
    {
        let mut command = command(&["call", "get_exchanges"]);
        command.env(variable, value);
        let ended = run(command).await;
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(0), "[\"binance\"]\n"),
            "{variable}: {ended:?}"
        );
    }
    let mut command = command(&["list"]);
    command.env("WEBSOCKET_HOST", "::1").env("WEBSOCKET_PORT", "1");
    let ended = run(command).await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("cannot connect to ws://[::1]:1: "), "{ended:?}");
}

#[tokio::test]
async fn list_and_describe_print_what_the_server_says() {
    let server = small().await;
    let mut client = server.client().await;
    let all = client.call("describe", json!({})).await;
    let described: Value = serde_json::from_str(&result(&server, &["describe"]).await).unwrap();
    assert_eq!(described, all);
    let one: Value = serde_json::from_str(&result(&server, &["describe", "get_ticker"]).await).unwrap();
    assert_eq!(one, client.call("describe", json!({"operation": "get_ticker"})).await);

    let list: Value = serde_json::from_str(&result(&server, &["list"]).await).unwrap();
    let operations = all["operations"].as_array().unwrap();
    assert_eq!(list.as_array().unwrap().len(), operations.len());
    for (line, operation) in list.as_array().unwrap().iter().zip(operations) {
        for member in ["name", "kind", "domain", "summary"] {
            assert_eq!(line[member], operation[member], "{line}");
        }
    }
    let list: Value = serde_json::from_str(&result(&server, &["list", "--domain", "tickers"]).await).unwrap();
    assert!(list.as_array().unwrap().iter().all(|line| line["domain"] == "tickers"), "{list}");
    assert!(list.to_string().contains("get_any_ticker"), "{list}");
}

#[tokio::test]
async fn a_wrong_command_line_ends_with_2() {
    // Nobody listens there: what is wrong is found before anyone is asked.
    let closed = "ws://127.0.0.1:1";
    let cases: [(&[&str], &str); 14] = [
        (&["no-such-command"], "no-such-command"),
        (&["list", "--no-such-flag"], "--no-such-flag"),
        (&["call", "get_ticker", "novalue", "--url", closed], "novalue: want KEY=VALUE"),
        (&["call", "get_ticker", "a=1", "a=2", "--url", closed], "a is given twice"),
        (&["call", "get_ticker", "a=1", "-d", "{}", "--url", closed], "cannot be used with"),
        (&["call", "get_ticker", "-d", "nonsense", "--url", closed], "--data"),
        (&["list", "--url", "http://127.0.0.1:1"], "want ws://host:port"),
        (&["list", "--url", "nonsense"], "want ws://host:port"),
        (&["list", "--url", "ws://"], "want ws://host:port"),
        (&["list", "--url", "ws://a b"], "want ws://host:port"),
        (&["list", "--url", "ws://127.0.0.1:99999"], "want ws://host:port"),
        (&["list", "--url", "ws://me:secret@127.0.0.1:1"], "want ws://host:port"),
        (&["list", "--timeout", "5", "--url", closed], "write it with its unit"),
        (&["serve", "--set", "a-token-alone"], "--set: want KEY=VALUE"),
    ];
    for (args, complaint) in cases {
        let Ended { code, stdout, stderr } = run(command(args)).await;
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{args:?}: {stderr}");
        assert!(stderr.contains(complaint), "{args:?}: {stderr}");
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_ends_with_3() {
    for args in
        [["list"].as_slice(), &["describe"], &["call", "ping"], &["call", "get_ticker", "a=1"], &["health"]]
    {
        let mut command = command(args);
        command.args(["--url", "ws://127.0.0.1:1"]);
        let Ended { code, stdout, stderr } = run(command).await;
        assert_eq!((code, stdout.as_str()), (Some(3), ""), "{args:?}: {stderr}");
        assert!(stderr.contains("cannot connect to ws://127.0.0.1:1"), "{args:?}: {stderr}");
    }
}

#[tokio::test]
async fn an_error_of_the_server_ends_with_4_and_names_its_code_and_every_path() {
    let server = small().await;
    let cases: [(&[&str], &[&str]); 4] = [
        (&["call", "get_ticker", "exchange=binance", "symbol=ETH/USDT"], &["CACHE_MISS: ", "ETH/USDT"]),
        (
            &["call", "get_ticker", "exchange=*", "symbl=BTC/USDT"],
            &[
                "INVALID_PARAMS: ",
                "\n  /exchange: ",
                "\n  /symbol: ",
                "\n  /symbl: ",
                "did you mean `symbol`?",
            ],
        ),
        (&["call", "get_tickr", "exchange=binance"], &["INVALID_OPERATION: ", "get_ticker"]),
        (&["describe", "get_tickr"], &["INVALID_OPERATION: ", "get_ticker"]),
    ];
    for (args, complaints) in cases {
        let Ended { code, stdout, stderr } = ask(&server, args).await;
        assert_eq!((code, stdout.as_str()), (Some(4), ""), "{args:?}: {stderr}");
        for complaint in complaints {
            assert!(stderr.contains(complaint), "{args:?}: {complaint:?} is missing:\n{stderr}");
        }
    }
}

#[tokio::test]
async fn a_stream_is_not_called() {
    let server = small().await;
    for args in [["call", "stream_tickers", "exchange=binance"].as_slice(), &["call", "stream_blocks"]] {
        let Ended { code, stdout, stderr } = ask(&server, args).await;
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{args:?}: {stderr}");
        assert!(stderr.contains(" is a stream; `watch` it instead"), "{args:?}: {stderr}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_ends_with_5() {
    // Connections are taken by the system, and nobody ever reads them.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    for what in [&["call", "ping"][..], &["health"], &["health", "--ready"]] {
        let args = [what, &["--timeout", "200ms", "--url", &url]].concat();
        let Ended { code, stdout, stderr } = run(command(&args)).await;
        assert_eq!((code, stdout.as_str()), (Some(5), ""), "{what:?}: {stderr}");
        assert!(stderr.contains("no answer within 200ms"), "{what:?}: {stderr}");
    }
}

#[tokio::test]
async fn the_version_names_the_commit_and_its_day() {
    let said = run(command(&["--version"])).await.stdout;
    assert_eq!(said, format!("fullon-cache-api {}\n", version::FULL));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if root.join(".git").exists() {
        let mut log = Command::new("git");
        log.args(["log", "-1", "--format=%H %cd", "--date=format-local:%F"])
            .current_dir(root)
            .env("TZ", "UTC");
        let logged = run(log).await.stdout;
        let (commit, day) = logged.trim().split_once(' ').unwrap();
        assert_eq!((version::COMMIT, version::DATE), (&commit[..7], day));
    }
}

#[tokio::test]
async fn completions_name_the_subcommands() {
    for shell in ["bash", "zsh", "fish"] {
        let Ended { code, stdout, stderr } = run(command(&["completions", shell])).await;
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{shell}");
        for name in ["serve", "demo", "list", "describe", "call", "schemas", "check", "completions"] {
            assert!(stdout.contains(name), "{shell}: {name} is missing");
        }
    }
    assert_eq!(run(command(&["completions", "no-such-shell"])).await.code, Some(2));
}

#[tokio::test]
async fn man_pages_tell_all_that_the_command_line_has() {
    let Ended { code, stdout, stderr } = run(command(&["man"])).await;
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    // A hyphen that is to be copied is written with a backslash.
    let stdout = stdout.replace("\\-", "-");
    let help = run(command(&["--help"])).await.stdout;
    let listed =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // What is told of a command may go on in a line that begins further in.
    let listed = listed.filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    let names = listed.filter_map(|line| line.split_whitespace().next());
    let names: Vec<&str> = names.filter(|name| *name != "help").collect();
    assert!(names.len() > 10, "{help}");
    for name in &names {
        assert!(stdout.contains(&format!("fullon-cache-api-{name}(1)")), "{name} is missing:\n{stdout}");
    }
    for (variable, key) in VARIABLES {
        assert!(stdout.contains(variable) && stdout.contains(key), "{variable} is missing:\n{stdout}");
    }
    for text in ["CONFIG_FILE", "FULLON_CACHE_API_TOKEN", "FULLON_CACHE_API__", "EXIT STATUS", version::DATE]
    {
        assert!(stdout.contains(text), "{text} is missing:\n{stdout}");
    }

    let folder = tempfile::tempdir().unwrap();
    let args = ["man", "-o", &folder.path().display().to_string()];
    assert_eq!(run(command(&args)).await.code, Some(0));
    let pages: BTreeSet<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut expected: BTreeSet<String> =
        names.iter().map(|name| format!("fullon-cache-api-{name}.1")).collect();
    expected.extend(["fullon-cache-api.1", "fullon-cache-api-token-new.1"].map(str::to_owned));
    assert_eq!(pages, expected);
}

/// Starts a demo on any port, and gives the URL that it prints.
async fn demo(args: &[&str]) -> (Program, String) {
    let mut program = Program::start(command(&[&["demo", "--port", "0"], args].concat()));
    let line = program.says("A live market at ws://127.0.0.1:").await;
    let url = line.trim().trim_start_matches("A live market at ").to_owned();
    let line = program.says("Open http").await;
    assert!(line.contains(&url.replacen("ws", "http", 1)), "{line}");
    (program, url)
}

/// The ticker of BTC/USDT on binance becomes another one.
async fn lives(client: &mut Client) {
    let params = json!({"exchange": "binance", "symbol": "BTC/USDT"});
    let mut seen: Option<Value> = None;
    let change = async {
        loop {
            let reply = client.ask("get_ticker", params.clone()).await;
            // A recording begins with nothing.
            assert!(reply["success"] == true || reply["error_code"] == "CACHE_MISS", "{reply}");
            let now = reply["result"].clone();
            if now.is_object() && seen.get_or_insert_with(|| now.clone()) != &now {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(20), change).await.expect("the ticker stays as it is");
}

#[tokio::test]
async fn the_demo_answers_every_read_and_lives() {
    let (program, url) = demo(&[]).await;
    let mut client = Client::connect(&url).await;
    let all = client.call("describe", json!({})).await;
    let mut asked = 0;
    for operation in all["operations"].as_array().unwrap().iter().filter(|one| one["kind"] == "read") {
        let reply = client.ask(operation["name"].as_str().unwrap(), operation["examples"][0].clone()).await;
        assert!(
            reply["success"] == true || reply["error_code"] == "CACHE_MISS",
            "{}: {reply}",
            operation["name"]
        );
        asked += 1;
    }
    assert!(asked > 20, "{asked} reads");
    lives(&mut client).await;
    drop(program);
}

#[tokio::test]
async fn a_recording_is_played() {
    let (program, url) = demo(&["--replay", Fixture::PATH]).await;
    lives(&mut Client::connect(&url).await).await;
    drop(program);
}

#[tokio::test]
async fn a_broken_recording_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("broken.jsonl");
    let good = r#"{"t": 0, "cmd": ["SET", "a", "b"]}"#;
    std::fs::write(&file, format!("{good}\n{good}\n{{\"t\": 1, \"cmd\": [\"FLUSHALL\"]}}\n")).unwrap();
    let file = file.display().to_string();
    let Ended { code, stdout, stderr } = run(command(&["demo", "--port", "0", "--replay", &file])).await;
    assert_eq!((code, stdout.as_str()), (Some(2), ""), "{stderr}");
    assert!(stderr.contains(&format!("{file}, line 3: ")), "{stderr}");
    let ended = run(command(&["demo", "--port", "0", "--replay", "no-such-file"])).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let _first = Binary::serve(&["demo"], free).await;
    let port = free.to_string();
    for start in ["serve", "demo"] {
        let Ended { code, stdout, stderr } = run(command(&[start, "--port", &port])).await;
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{start}: {stderr}");
        assert!(stderr.contains(&format!("127.0.0.1:{port} is in use")), "{start}: {stderr}");
    }
}

#[tokio::test]
async fn an_open_address_needs_the_operators_word() {
    for start in ["serve", "demo"] {
        let Ended { code, stdout, stderr } = run(command(&[start, "--host", "0.0.0.0", "--port", "0"])).await;
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{start}: {stderr}");
        assert!(stderr.contains("0.0.0.0 can be reached from other machines"), "{start}: {stderr}");
    }
    let args = [
        "serve",
        "--host",
        "0.0.0.0",
        "--port",
        "0",
        "--set",
        "auth.anonymous=allow",
        "--set",
        "auth.anonymous_scopes=market",
    ];
    let mut program = Program::start(command(&args));
    let url = program.url().await.replace("0.0.0.0", "127.0.0.1");
    assert_eq!(Client::connect(&url).await.call("ping", json!({})).await["status"], "ok");
}

#[tokio::test]
async fn the_log_is_plain_text_or_json_lines() {
    let mut program = Program::start(command(&["demo", "--port", "0"]));
    let line = program.logs("listening on ws://").await;
    assert!(line.contains(" INFO ") && !line.contains('\u{1b}'), "{line:?}");
    let mut program = Program::start(command(&["demo", "--port", "0", "--log-format", "json"]));
    let line: Value = serde_json::from_str(&program.logs("listening on ws://").await).unwrap();
    assert_eq!(line["level"], "INFO", "{line}");
}

#[tokio::test]
async fn a_signal_ends_it_well() {
    for signal in ["TERM", "INT"] {
        let (program, url) = demo(&[]).await;
        let mut client = Client::connect(&url).await;
        client.call("ping", json!({})).await;
        program.signal(signal);
        assert_eq!(client.receive_close().await.unwrap().code, CloseCode::Away);
        drop(client);
        let Ended { code, stderr, .. } = program.ended().await;
        assert_eq!(code, Some(0), "{signal}: {stderr}");
    }
}

#[tokio::test]
async fn check_shows_every_value_with_its_source_and_no_password() {
    let redis = Redis::start().await;
    let mut args = vec!["check", "--redis-url"];
    let url = format!("redis://default:s3cr3t-in-url@127.0.0.1:{}/0", redis.port);
    args.extend([url.as_str(), "--port", "0", "--set", "limits.in_flight=16"]);
    let checked = |mut command: Command| {
        command.env("REDIS_PASSWORD", "s3cr3t-in-env").env("LOG_LEVEL", "debug");
        run(command)
    };
    let Ended { code, stdout, stderr } = checked(command(&args)).await;
    // A password that the default user does not need is as good as the right one.
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    let rows: Vec<Vec<&str>> = stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    for row in [
        ["limits.in_flight", "16", "--set"],
        ["limits.connections", "20000", "default"],
        ["listen.port", "0", "--port"],
        ["log.level", "debug", "LOG_LEVEL"],
        ["redis.password", "(hidden)", "REDIS_PASSWORD"],
        ["redis.url", "(hidden)", "--redis-url"],
        ["redis.user", "(none)", "default"],
    ] {
        assert!(rows.contains(&row.to_vec()), "{row:?} is missing:\n{stdout}");
    }
    assert!(
        stdout.contains(&format!("ok    redis: redis://127.0.0.1:{}/0, version ", redis.port)),
        "{stdout}"
    );
    assert!(!stdout.contains("s3cr3t"), "{stdout}");

    drop(redis);
    let Ended { code, stdout, stderr } = checked(command(&args)).await;
    assert_eq!(code, Some(1), "{stdout}{stderr}");
    assert!(stdout.contains("error redis: "), "{stdout}");
    assert!(!stdout.contains("s3cr3t") && !stderr.contains("s3cr3t"), "{stdout}{stderr}");
}
