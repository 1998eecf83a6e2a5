//! `watch`: what it shows, and when it goes on or ends.

use fullon_cache_api::{
    access::Scope,
    cache::{Cache, Store},
    config::{Config, Token},
    registry::Registry,
    server::Live,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

use super::{command, demo};
use crate::{
    access::token,
    common::{Binary, Ended, Program, Server, run},
};

#[tokio::test]
async fn a_stream_is_watched_as_lines_of_json() {
    let store = Store::new();
    store.apply(&["HSET", "tickers:x", "A", r#"{"symbol": "A", "exchange": "x", "price": 1.50}"#]).unwrap();
    let server = Server::embedded(store).await;
    let watch = async |args: &[&str]| {
        let mut command = Binary::command(&["watch"]);
        command.args(args).args(["--url", &server.url()]);
        run(command).await
    };
    let Ended { code, stdout, stderr } =
        watch(&["stream_tickers", "exchange=x", "-n", "1", "--for", "9999999999999h"]).await;
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert!(stdout.contains(r#""snapshot":true,"symbol":"A","exchange":"x","price":1.50}"#), "{stdout}");
    let args = ["stream_tickers", "exchange=x", "--no-snapshot", "--for", "100ms", "--min-interval", "1s"];
    let Ended { code, stdout, .. } = watch(&args).await;
    assert_eq!((code, stdout.as_str()), (Some(0), ""));
    let Ended { code, stderr, .. } = watch(&["get_bots"]).await;
    assert!(code == Some(2) && stderr.contains("get_bots is no stream"), "{stderr}");
    assert_eq!(watch(&["stream_tickers"]).await.code, Some(4));
}

#[tokio::test]
async fn a_stream_is_watched_beyond_the_servers_end() {
    let (server, url) = demo(&[]).await;
    let mut watch = Program::start(command(&["watch", "stream_tickers", "exchange=binance", "--url", &url]));
    watch.says(r#""prev_id":null"#).await;
    drop(server);
    watch.logs("connecting again").await;
    let port = url.rsplit(':').next().unwrap();
    let _again = Program::start(command(&["demo", "--port", port]));
    // A stream that begins anew: the other server knows nothing of the first one's.
    watch.says(r#""prev_id":null"#).await;
}

#[tokio::test]
async fn on_a_terminal_a_stream_is_a_table() {
    let (_server, url) = demo(&[]).await;
    let watch = format!(
        "{} watch stream_tickers exchange=binance -n 20 --url {url}",
        env!("CARGO_BIN_EXE_fullon-cache-api")
    );
    let mut terminal = std::process::Command::new("script");
    terminal.args(["-qec", &watch, "/dev/null"]);
    let Ended { code, stdout, .. } = run(terminal).await;
    assert_eq!(code, Some(0), "{stdout}");
    let header = stdout.lines().find(|line| line.starts_with("symbol ")).unwrap_or_default();
    assert!(header.contains("exchange") && header.contains("price"), "{stdout}");
    assert!(stdout.contains("BTC/USDT   binance") && stdout.contains(" updates/s, the last "), "{stdout}");
}

#[tokio::test]
async fn a_watch_ends_when_nobody_reads_it() {
    let (_server, url) = demo(&[]).await;
    let binary = env!("CARGO_BIN_EXE_fullon-cache-api");
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &format!("{binary} watch stream_tickers exchange=binance --url {url} | head -n 1")]);
    let Ended { code, stdout, stderr } = run(shell).await;
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert_eq!(stdout.lines().count(), 1, "{stdout}");
}

/// A server with one ticker, whose logins are these.
async fn with_logins(tokens: Vec<Token>) -> Server {
    let store = Store::new();
    store.apply(&["HSET", "tickers:x", "A", r#"{"symbol": "A", "exchange": "x", "price": 1.50}"#]).unwrap();
    let mut config = Server::config();
    config.auth.tokens = tokens;
    Server::start_with(Registry::built_in().unwrap(), Cache::embedded(store), config).await
}

fn reload(server: &Server, change: impl FnOnce(&mut Config)) {
    let mut config = server.app.live().config.clone();
    change(&mut config);
    server.app.reload(Live::new(Registry::built_in().unwrap(), config).unwrap()).unwrap();
}

/// A `watch` that logs in as `bot`, and has shown what there is.
async fn watch_as_bot(url: &str) -> Program {
    let args = ["watch", "stream_tickers", "exchange=x", "--token", "bot", "--url", url];
    let mut watch = Program::start(command(&args));
    watch.says(r#""price":1.50"#).await;
    watch
}

#[tokio::test]
async fn a_watch_ends_when_its_token_is_withdrawn() {
    let bot = || token("bot", &[Scope::Market], &[]);
    let server = with_logins(vec![bot(), token("other", &[], &[])]).await;
    let watch = watch_as_bot(&server.url()).await;
    reload(&server, |config| config.auth.tokens.retain(|token| token.name != "bot"));
    let Ended { code, stderr, .. } = watch.ended().await;
    assert_eq!(code, Some(4), "{stderr}");
    assert!(stderr.contains("closed the connection: 4003"), "{stderr}");
    assert!(stderr.contains("UNAUTHENTICATED: "), "{stderr}");
}

#[tokio::test]
async fn a_watch_ends_with_its_login() {
    let soon = jiff::Timestamp::now() + std::time::Duration::from_secs(5);
    let bot = Token { expires: Some(soon), ..token("bot", &[Scope::Market], &[]) };
    let server = with_logins(vec![bot]).await;
    let Ended { code, stderr, .. } = watch_as_bot(&server.url()).await.ended().await;
    assert_eq!(code, Some(4), "{stderr}");
    assert!(
        stderr.contains("closed the connection: 4010") && stderr.contains("UNAUTHENTICATED: "),
        "{stderr}"
    );
}

#[tokio::test]
async fn a_watch_ends_when_it_may_no_longer_see_its_stream_and_goes_on_when_that_is_another() {
    let bot = |scope| token("bot", &[scope], &[]);
    let server = with_logins(vec![bot(Scope::Market)]).await;
    let mut watch = watch_as_bot(&server.url()).await;
    let overlay = "stream_tickers: { keys: { tickers: \"ticks:{exchange}\" } }";
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), overlay).unwrap();
    let live = Live::new(Registry::with_overlay(file.path()).unwrap(), server.app.live().config.clone());
    server.app.reload(live.unwrap()).unwrap();
    // It begins anew, where there is nothing.
    watch.says(r#""type":"stream_gap""#).await;
    reload(&server, |_| {});
    // It is read where it was read before.
    watch.says(r#""price":1.50"#).await;
    reload(&server, |config| config.auth.tokens = vec![bot(Scope::Ops)]);
    let Ended { code, stderr, .. } = watch.ended().await;
    assert_eq!(code, Some(4), "{stderr}");
    assert!(stderr.contains("FORBIDDEN: "), "{stderr}");
}

/// Answers the next connection by an HTTP status.
async fn refuse(listener: &TcpListener, status: &str) {
    let (mut socket, _) = listener.accept().await.unwrap();
    assert!(socket.read(&mut [0; 4096]).await.unwrap() > 0);
    let page = format!("HTTP/1.1 {status}\r\ncontent-length: 12\r\nconnection: close\r\n\r\nA sentence.\n");
    socket.write_all(page.as_bytes()).await.unwrap();
}

#[tokio::test]
async fn a_refused_handshake_is_tried_again_only_if_that_may_help() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    for (status, code, complaint) in [
        ("401 Unauthorized", 4, "UNAUTHENTICATED: "),
        ("403 Forbidden", 4, "FORBIDDEN: "),
        ("404 Not Found", 4, "WRONG_ADDRESS: "),
        ("429 Too Many Requests", 3, "cannot connect to ws://"),
        ("503 Service Unavailable", 3, "cannot connect to ws://"),
    ] {
        let asking = run(command(&["list", "--url", &url]));
        let (_, ended) = tokio::join!(refuse(&listener, status), asking);
        assert_eq!(ended.code, Some(code), "{status}: {ended:?}");
        assert!(ended.stderr.contains(complaint) && ended.stderr.contains("A sentence."), "{ended:?}");
    }

    let server = with_logins(vec![token("bot", &[Scope::Market], &[])]).await;
    let between = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut to_server = TcpStream::connect(server.address).await.unwrap();
        // Until the server hangs up.
        let _ = copy_bidirectional(&mut socket, &mut to_server).await;
        drop(socket);
        for status in ["503 Service Unavailable", "429 Too Many Requests", "404 Not Found"] {
            refuse(&listener, status).await;
        }
    };
    let watching = async {
        let watch = watch_as_bot(&url).await;
        server.stop();
        watch.ended().await
    };
    let (_, Ended { code, stderr, .. }) = tokio::join!(between, watching);
    assert_eq!(code, Some(4), "{stderr}");
    assert!(stderr.contains("WRONG_ADDRESS: "), "{stderr}");
}

#[tokio::test]
async fn a_watch_finds_out_that_its_connection_is_cut() {
    let server = with_logins(vec![token("bot", &[Scope::Market], &[])]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let (cut, mut is_cut) = tokio::sync::oneshot::channel::<()>();
    let between = tokio::spawn(async move {
        let (mut first, _) = listener.accept().await.unwrap();
        let mut to_server = TcpStream::connect(server.address).await.unwrap();
        tokio::select! {
            _ = copy_bidirectional(&mut first, &mut to_server) => panic!("it is closed"),
            _ = &mut is_cut => {}
        }
        // From here on nothing passes, and neither end is told.
        listener.accept().await.unwrap();
        drop((first, to_server, server));
    });
    let args = ["watch", "stream_tickers", "exchange=x", "--token", "bot", "--url", &url, "--timeout", "1s"];
    let mut watch = Program::start(command(&args));
    watch.says(r#""price":1.50"#).await;
    // Silence alone, of one who is there, does not matter.
    tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
    cut.send(()).unwrap();
    let told = watch.logs("connecting again").await;
    assert!(told.contains("no answer within 1s"), "{told}");
    between.await.unwrap();
}
