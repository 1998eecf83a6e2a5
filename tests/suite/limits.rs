//! What one client, address or login may take, and what becomes of those who take more.

use std::time::{Duration, Instant};

use fullon_cache_api::{
    access::Scope,
    cache::{Cache, Store},
    config::{Config, Span},
    registry::Registry,
    server::Live,
};
use futures_util::{SinkExt as _, StreamExt as _, future::join_all};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    access::{guarded, root, token},
    common::{Client, Server, upgraded},
};

async fn start(change: impl FnOnce(&mut Config)) -> Server {
    let mut config = Server::config();
    change(&mut config);
    Server::start_with(Registry::built_in().unwrap(), Cache::embedded(Store::new()), config).await
}

async fn close_code(client: &mut Client) -> u16 {
    client.receive_close().await.expect("no reason is given").code.into()
}

#[tokio::test]
async fn too_many_requests_are_refused_until_a_while_has_passed() {
    let server = start(|config| config.limits.requests_per_second = 20).await;
    let mut client = server.client().await;
    for number in 0..60 {
        client.send(&json!({"request_id": number, "operation": "ping"}).to_string()).await;
    }
    let (mut good, mut wait) = (0, 0);
    for number in 0..60 {
        let reply = client.receive().await;
        assert_eq!(reply["request_id"], number);
        if reply["success"] == true {
            good += 1;
        } else {
            assert_eq!(reply["error_code"], "RATE_LIMITED");
            wait = wait.max(reply["retry_after_ms"].as_u64().unwrap());
        }
    }
    assert!((20..40).contains(&good), "{good} of 60 at once");
    assert!((1..=1000).contains(&wait), "{wait} ms");
    // What it is told is true.
    tokio::time::sleep(Duration::from_millis(wait + 50)).await;
    client.call("ping", json!({})).await;
    // Each of an array counts, and so does what is no request.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let array = vec![json!({"operation": "ping"}); 30];
    client.send(&Value::from(array).to_string()).await;
    let replies = client.receive().await;
    let limited = replies.as_array().unwrap().iter().filter(|reply| reply["error_code"] == "RATE_LIMITED");
    assert!((5..=10).contains(&limited.count()), "{replies}");
    client.send("nonsense").await;
    assert_eq!(client.receive().await["error_code"], "RATE_LIMITED");
    // Others have their own.
    server.client().await.call("ping", json!({})).await;
}

#[tokio::test]
async fn a_flood_of_pings_ends_the_connection() {
    let server = start(|config| config.limits.requests_per_second = 100).await;
    let mut client = server.client().await;
    for _ in 0..300 {
        if client.socket.send(Message::Ping("x".into())).await.is_err() {
            break;
        }
    }
    assert_eq!(close_code(&mut client).await, 1008);
}

#[tokio::test]
async fn who_is_sent_little_at_a_time_is_still_heard_and_told_why_it_is_left() {
    let server = start(|config| {
        config.limits.bytes_out_per_second = 60_000;
        config.limits.ping_interval = Span::millis(200);
        config.limits.pong_timeout = Span::millis(400);
    })
    .await;
    let limit = |rate| {
        let mut config = server.app.live().config.clone();
        config.limits.bytes_out_per_second = rate;
        server.app.reload(Live::new(Registry::built_in().unwrap(), config).unwrap()).unwrap();
    };
    let mut client = server.client().await;
    // Some hundred thousand bytes: seconds, with pings in between.
    let mut describe = async || {
        let begin = Instant::now();
        client.send(&json!({"operation": "describe"}).to_string()).await;
        client.receive_text().await;
        begin.elapsed()
    };
    describe().await;
    assert!(describe().await > Duration::from_secs(1));
    // A new limit takes effect on the open connection, when that has heard of it.
    limit(1 << 30);
    let mut tries = 0;
    while describe().await > Duration::from_secs(1) {
        tries += 1;
        assert!(tries < 5, "it is still slow");
    }
    limit(60_000);
    describe().await;
    server.stop();
    assert_eq!(close_code(&mut client).await, 1001);
}

#[tokio::test]
async fn what_answers_pings_goes_between_replies_however_slowly() {
    const TIMES: usize = 12;
    // So few that what answers a ping goes in parts.
    let server = start(|config| config.limits.bytes_out_per_second = 1000).await;
    let mut client = server.client().await;
    let request = json!({"operation": "ping"}).to_string();
    for time in 0..TIMES {
        client.socket.send(Message::Ping(vec![time as u8; 125].into())).await.unwrap();
        client.send(&request).await;
    }
    let (mut replies, mut pongs) = (0, Vec::new());
    // Of pings that come before the last one is answered, the last is answered.
    while replies < TIMES || pongs.last() != Some(&vec![TIMES as u8 - 1; 125]) {
        match timeout(Duration::from_secs(30), client.socket.next()).await.expect("no frame came") {
            Some(Ok(Message::Text(text))) => {
                let reply: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(reply["success"], true, "{reply}");
                replies += 1;
            }
            Some(Ok(Message::Pong(payload))) => pongs.push(payload.to_vec()),
            other => panic!("no reply and no pong: {other:?}"),
        }
    }
    assert_eq!(replies, TIMES);
}

/// How long it takes until so many bytes have gone one way, `describe` being asked for again and again.
async fn time_for(server: &Server, id: &str, bytes: usize, of: fn(&str, &str) -> usize) -> Duration {
    let mut client = server.client().await;
    let request =
        json!({"request_id": id, "operation": "describe", "params": {"domain": "tickers"}}).to_string();
    let (begin, mut count) = (Instant::now(), 0);
    while count < bytes {
        client.send(&request).await;
        count += of(&request, &client.receive_text().await);
    }
    begin.elapsed()
}

#[tokio::test]
async fn bytes_beyond_those_of_a_second_wait() {
    let into = start(|config| config.limits.bytes_in_per_second = 100_000).await;
    let out = start(|config| config.limits.bytes_out_per_second = 100_000).await;
    // What comes at once after a pause is what may come in a second.
    let taken = [
        time_for(&into, &"x".repeat(256), 250_000, |request, _| request.len()).await,
        time_for(&out, "x", 250_000, |_, reply| reply.len()).await,
    ];
    assert!(taken.iter().all(|time| *time > Duration::from_millis(1400)), "{taken:?}");
    // Nobody else waits for that.
    for server in [into, out] {
        let (begin, mut other) = (Instant::now(), server.client().await);
        other.call("ping", json!({})).await;
        assert!(begin.elapsed() < Duration::from_secs(1), "another waited for {:?}", begin.elapsed());
    }
}

#[tokio::test]
async fn a_login_shares_its_requests_connections_and_streams() {
    let (_redis, server) = guarded(|config| {
        config.auth.tokens = vec![root(), token("bot", &[Scope::Bots], &[])];
        config.limits.connections_per_login = 2;
        config.limits.requests_per_second_of_login = 30;
        config.streams.per_login = 3;
    })
    .await;
    let connect = async |token: &str| {
        Client::connect_with(&server.url(), &[("authorization", &format!("Bearer {token}"))]).await
    };
    let (mut one, mut other) = (connect("bot").await.unwrap(), connect("bot").await.unwrap());
    assert_eq!(connect("bot").await.err(), Some(429));
    // Nor by way of a message, which leaves what the connection was.
    let mut third = connect("root").await.unwrap();
    assert_eq!(third.fail("authenticate", json!({"token": "bot"})).await.0, "LIMIT_EXCEEDED");
    third.call("get_system_health", json!({})).await;

    for (of_one, id) in [(true, "1"), (true, "2"), (false, "1")] {
        let client = if of_one { &mut one } else { &mut other };
        let request = json!({"request_id": id, "operation": "stream_blocks", "params": {"snapshot": false}});
        client.send(&request.to_string()).await;
        assert_eq!(client.receive().await["success"], true);
    }
    assert_eq!(other.fail("stream_blocks", json!({})).await.0, "LIMIT_EXCEEDED");
    one.call("unsubscribe", json!({"stream": "2"})).await;
    one.receive().await;
    other.call("stream_blocks", json!({"snapshot": false})).await;
    drop(one);
    let mut again = loop {
        // The server learns of its end in its own time.
        if let Ok(client) = connect("bot").await {
            break client;
        }
    };
    again.call("stream_blocks", json!({"snapshot": false})).await;

    let mut limited = 0;
    for _ in 0..40 {
        for client in [&mut again, &mut other] {
            let reply = client.ask("ping", json!({})).await;
            limited += usize::from(reply["error_code"] == "RATE_LIMITED");
        }
    }
    assert!(limited > 10, "{limited} of 80");
    third.call("ping", json!({})).await;
}

#[tokio::test]
async fn an_address_has_so_many_connections_behind_a_proxy_too() {
    let server = start(|config| {
        config.limits.connections_per_address = 2;
        config.listen.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    let connect =
        async |forwarded: &str| Client::connect_with(&server.url(), &[("x-forwarded-for", forwarded)]).await;
    let held = [connect("203.0.113.1").await.unwrap(), connect("203.0.113.1").await.unwrap()];
    assert_eq!(connect("203.0.113.1").await.err(), Some(429));
    // What the client itself wrote stands before what the proxies did, and is not believed.
    assert_eq!(connect("198.51.100.9, 203.0.113.1").await.err(), Some(429));
    assert_eq!(connect("203.0.113.1, 127.0.0.2").await.err(), Some(429));
    connect("203.0.113.2").await.unwrap();
    // Those of the same machine do not count.
    let local = join_all((0..5).map(|_| server.client())).await;
    drop(held);
    while connect("203.0.113.1").await.is_err() {
        tokio::task::yield_now().await;
    }
    drop(local);
    // From one that is not trusted it is not believed either.
    let server = start(|config| config.limits.connections_per_address = 2).await;
    let mut held = Vec::new();
    for forwarded in ["203.0.113.1", "203.0.113.2"] {
        held.push(Client::connect_with(&server.url(), &[("x-forwarded-for", forwarded)]).await.unwrap());
    }
    let third = Client::connect_with(&server.url(), &[("x-forwarded-for", "203.0.113.3")]).await;
    assert_eq!(third.err(), Some(429));
}

async fn raw(server: &Server) -> TcpStream {
    upgraded(&server.address.to_string()).await.unwrap()
}

/// The code of the close frame that comes, whatever comes before it.
async fn raw_close(socket: &mut TcpStream) -> u16 {
    let closing = async {
        loop {
            let (opcode, length) = (socket.read_u8().await.unwrap() & 0x0f, socket.read_u8().await.unwrap());
            let mut payload = vec![0; length.into()];
            socket.read_exact(&mut payload).await.unwrap();
            if opcode == 8 {
                return u16::from_be_bytes([payload[0], payload[1]]);
            }
        }
    };
    timeout(Duration::from_secs(10), closing).await.expect("it is not closed")
}

#[tokio::test]
async fn a_message_that_trickles_is_given_up() {
    let server = start(|config| config.limits.message_timeout = Span::millis(300)).await;
    let parts: [&[&[u8]]; 3] = [
        // A frame of 100 bytes of which a byte comes now and then.
        &[&[0x81, 0xe4, 0, 0, 0, 0], b"{", b" ", b" ", b" ", b" ", b" ", b" ", b" ", b" ", b" ", b" "],
        // Half a head.
        &[&[0x81]],
        // A message whose frames are whole, with pings between, and which has no end.
        &[
            &[0x01, 0x81, 0, 0, 0, 0, b'{'],
            &[0x89, 0x80, 0, 0, 0, 0],
            &[0x00, 0x81, 0, 0, 0, 0, b' '],
            &[0x89, 0x80, 0, 0, 0, 0],
            &[0x00, 0x81, 0, 0, 0, 0, b' '],
            &[0x89, 0x80, 0, 0, 0, 0],
            &[0x00, 0x81, 0, 0, 0, 0, b' '],
            &[0x89, 0x80, 0, 0, 0, 0],
            &[0x89, 0x80, 0, 0, 0, 0],
            &[0x89, 0x80, 0, 0, 0, 0],
            &[0x89, 0x80, 0, 0, 0, 0],
            &[0x89, 0x80, 0, 0, 0, 0],
            &[0x89, 0x80, 0, 0, 0, 0],
        ],
    ];
    for parts in parts {
        let mut socket = raw(&server).await;
        for part in parts {
            // It may be closed meanwhile.
            if socket.write_all(part).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
        assert_eq!(raw_close(&mut socket).await, 1008);
    }
    // Whole ones may come for as long as they like.
    let mut client = server.client().await;
    for _ in 0..20 {
        client.call("ping", json!({})).await;
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

#[tokio::test]
async fn a_message_of_endless_fragments_is_given_up() {
    let server = start(|config| config.limits.message_frames = 100).await;
    let mut socket = raw(&server).await;
    let mut fragments = vec![0x01, 0x80, 0, 0, 0, 0];
    for _ in 0..1000 {
        fragments.extend([0x00, 0x80, 0, 0, 0, 0]);
    }
    // It is closed before all of them are written.
    let _ = socket.write_all(&fragments).await;
    assert_eq!(raw_close(&mut socket).await, 1008);
}

#[tokio::test]
async fn who_asks_for_nothing_is_sent_away() {
    let server = start(|config| {
        config.limits.first_message_timeout = Span::millis(200);
        config.limits.idle_timeout = Span::millis(400);
    })
    .await;
    let (mut silent, mut idle, mut streaming) =
        (server.client().await, server.client().await, server.client().await);
    streaming.call("stream_blocks", json!({})).await;
    idle.call("ping", json!({})).await;
    assert_eq!(close_code(&mut silent).await, 4009);
    assert_eq!(close_code(&mut idle).await, 4009);
    tokio::time::sleep(Duration::from_millis(600)).await;
    // Who watches something need not say anything.
    streaming.call("unsubscribe_all", json!({})).await;
    streaming.receive().await;
    assert_eq!(close_code(&mut streaming).await, 4009);
}

#[tokio::test]
async fn who_is_not_there_any_more_is_found_out() {
    let server = start(|config| {
        config.limits.ping_interval = Span::millis(100);
        config.limits.pong_timeout = Span::millis(200);
    })
    .await;
    // One that answers pings, as every client does while it is read from.
    let mut there = server.client().await;
    let mut gone = raw(&server).await;
    let pings = async {
        let mut pings = 0;
        while pings < 5 {
            if let Some(Ok(Message::Ping(_))) = there.socket.next().await {
                pings += 1;
            }
        }
    };
    timeout(Duration::from_secs(10), pings).await.expect("no pings come");
    assert_eq!(raw_close(&mut gone).await, 4009);
    there.call("ping", json!({})).await;
}

#[tokio::test]
async fn an_old_connection_is_to_be_made_again() {
    let server = start(|config| config.limits.connection_age = Span::millis(200)).await;
    let mut client = server.client().await;
    client.call("ping", json!({})).await;
    assert_eq!(close_code(&mut client).await, 1012);
}

#[tokio::test]
async fn describe_tells_the_limits_that_are_in_force() {
    let server = start(|config| {
        config.limits.requests_per_second = 77;
        config.limits.idle_timeout = Span::millis(5000);
        config.streams.per_login = 5;
    })
    .await;
    let limits = server.client().await.call("describe", json!({})).await["server"]["limits"].take();
    assert_eq!(
        (&limits["requests_per_second"], &limits["idle_timeout_ms"], &limits["streams_per_login"]),
        (&json!(77), &json!(5000), &json!(5))
    );
}
