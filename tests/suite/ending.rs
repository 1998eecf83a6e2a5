//! How the server ends: in order, whatever is under way; and what systemd is told of it.

use std::{os::unix::net::UnixDatagram, path::Path, time::Duration};

use fullon_cache_api::{
    cache::{Cache, Store},
    registry::Registry,
};
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _, future::join_all};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, client_async,
    tungstenite::{Error, Message, error::ProtocolError},
};

use crate::common::{Binary, Client, Program, Server};

/// Asks without end until the server closes the connection. Says how many requests were sent and answered, in
/// which order, and the close code.
async fn ask_to_the_end(url: String) -> (u64, Vec<u64>, Option<u16>) {
    let mut client = Client::connect(&url).await;
    let (mut sent, mut answered) = (0, Vec::new());
    loop {
        while sent - (answered.len() as u64) < 16 {
            let request = json!({"request_id": sent, "operation": "get_all_tickers", "params": {"exchange": "binance"}});
            // The server may not take any more; what it took already is answered all the same.
            if client.socket.send(Message::text(request.to_string())).await.is_err() {
                break;
            }
            sent += 1;
        }
        let mut next = Some(client.socket.next().await);
        while let Some(message) = next {
            match message {
                Some(Ok(Message::Text(text))) => {
                    let reply: Value = serde_json::from_str(&text).unwrap();
                    assert_eq!(reply["success"], true, "{reply}");
                    answered.push(reply["request_id"].as_u64().unwrap());
                }
                Some(Ok(Message::Close(frame))) => {
                    return (sent, answered, frame.map(|frame| frame.code.into()));
                }
                Some(Ok(_)) => {}
                None | Some(Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake))) => {
                    return (sent, answered, None);
                }
                Some(Err(error)) => panic!("{error}"),
            }
            next = client.socket.next().now_or_never();
        }
    }
}

#[tokio::test]
async fn a_hundred_times_it_is_asked_to_stop_under_load_and_ends_in_order() {
    for round in 0..100 {
        let mut program = Program::start(Binary::command(&["demo", "--port", "0"]));
        let url = program.url().await;
        let clients: Vec<_> = (0..4).map(|_| tokio::spawn(ask_to_the_end(url.clone()))).collect();
        // Under load means that some of it has been answered.
        let mut witness = Client::connect(&url).await;
        for _ in 0..=(round % 4) {
            witness.call("get_all_tickers", json!({"exchange": "kraken"})).await;
        }
        program.signal("TERM");
        for client in join_all(clients).await {
            let (sent, mut answered, code) = client.unwrap();
            assert_eq!(code, Some(1001), "round {round}: {} of {sent} answered", answered.len());
            answered.sort_unstable();
            answered.dedup();
            assert!(answered.iter().copied().eq(0..answered.len() as u64), "one is left out, or comes twice");
        }
        assert_eq!(witness.receive_close().await.map(|frame| frame.code.into()), Some(1001));
        // The server waits a moment for each to take its leave.
        drop(witness);
        let ended = program.ended().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(!ended.stderr.contains("panicked"), "{ended:?}");
    }
}

#[tokio::test]
async fn whoever_waits_to_be_let_in_when_it_is_asked_to_stop_is_served() {
    let mut program = Program::start(Binary::command(&["demo", "--port", "0"]));
    let url = program.url().await;
    let address = url.strip_prefix("ws://").unwrap();
    // While it is held nobody is let in; the system takes them down all the same.
    program.signal("STOP");
    let waiting = join_all((0..50).map(|_| TcpStream::connect(address))).await;
    program.signal("TERM");
    program.signal("CONT");
    join_all(waiting.into_iter().map(async |socket| {
        let (socket, _) = client_async(&url, MaybeTlsStream::Plain(socket.unwrap())).await.unwrap();
        let mut client = Client { socket };
        client.call("get_exchanges", json!({})).await;
        assert_eq!(client.receive_close().await.map(|frame| frame.code.into()), Some(1001));
    }))
    .await;
    assert_eq!(program.ended().await.code, Some(0));
}

#[tokio::test]
async fn who_says_nothing_does_not_hold_it_up_for_long() {
    let mut program = Program::start(Binary::command(&["demo", "--port", "0"]));
    let url = program.url().await;
    let _silent = TcpStream::connect(url.strip_prefix("ws://").unwrap()).await.unwrap();
    // One that was let in later is answered.
    Client::connect(&url).await.call("ping", json!({})).await;
    program.signal("TERM");
    let ended = program.ended().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.stderr.contains("cut off"), "{ended:?}");
}

#[tokio::test]
async fn asked_twice_it_ends_at_once() {
    let mut program = Program::start(Binary::command(&["demo", "--port", "0"]));
    let url = program.url().await;
    // One that does not take part in the goodbye.
    let _silent = TcpStream::connect(url.strip_prefix("ws://").unwrap()).await.unwrap();
    let _client = Client::connect(&url).await;
    program.signal("TERM");
    program.logs("asked to stop").await;
    program.signal("TERM");
    let ended = timeout(Duration::from_secs(2), program.ended()).await.expect("it does not end at once");
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[tokio::test]
async fn many_clients_are_told_one_after_another() {
    let mut config = Server::config();
    config.limits.goodbye = fullon_cache_api::config::Span::millis(400);
    let server =
        Server::start_with(Registry::built_in().unwrap(), Cache::embedded(Store::new()), config).await;
    let mut clients = join_all((0..500).map(|_| server.client())).await;
    // Who has asked for nothing yet may stay a moment longer.
    join_all(clients.iter_mut().map(|client| client.call("ping", json!({})))).await;
    let begin = std::time::Instant::now();
    server.stop();
    let told = join_all(clients.iter_mut().map(|client| async {
        let frame = client.receive_close().await.unwrap();
        assert_eq!(u16::from(frame.code), 1001);
        begin.elapsed()
    }))
    .await;
    // Counted from the first, since a busy machine may be late with all.
    let first = *told.iter().min().unwrap();
    let early = told.iter().filter(|told| **told < first + Duration::from_millis(200)).count();
    assert!((51..450).contains(&early), "{told:?}");
    // Nobody new is let in meanwhile.
    assert!(TcpStream::connect(server.address).await.is_err());
}

/// What systemd is told next, but for signs of life.
fn told(socket: &UnixDatagram) -> String {
    loop {
        let mut message = [0; 256];
        let length = socket.recv(&mut message).expect("systemd is told nothing");
        let text = String::from_utf8(message[..length].to_vec()).unwrap();
        if text.trim() != "WATCHDOG=1" {
            return text;
        }
    }
}

fn listen_at(path: &Path) -> UnixDatagram {
    let socket = UnixDatagram::bind(path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket
}

#[tokio::test]
async fn systemd_is_told_that_it_is_ready_alive_reloading_and_stopping() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = listen_at(&path);
    let mut command = Binary::command(&["demo", "--port", "0"]);
    command.current_dir(folder.path()).env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "300000");
    let mut program = Program::start(command);
    let url = program.url().await;
    assert_eq!(told(&socket).trim(), "READY=1");
    let mut client = Client::connect(&url).await;
    for _ in 0..3 {
        let mut message = [0; 256];
        let length = socket.recv(&mut message).expect("no sign of life");
        assert_eq!(message[..length].trim_ascii(), b"WATCHDOG=1");
    }
    program.signal("HUP");
    assert!(told(&socket).starts_with("RELOADING=1\nMONOTONIC_USEC="));
    assert_eq!(told(&socket).trim(), "READY=1");
    client.call("ping", json!({})).await;
    program.signal("TERM");
    assert_eq!(told(&socket).trim(), "STOPPING=1");
    assert_eq!(program.ended().await.code, Some(0));
}
