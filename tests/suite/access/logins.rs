//! How a login comes, how it ends, and what goes with it.

use std::time::Duration;

use fullon_cache_api::{
    access::Scope,
    config::{Anonymous, Span, Token},
};
use jsonwebtoken::{Algorithm, Header, get_current_timestamp};
use serde_json::{Value, json};

use super::{
    Digest,
    authority::{Authority, KeySet},
    bearer, guarded, root, token,
};
use crate::common::{Client, Server};

async fn connect(server: &Server, headers: &[(&str, String)]) -> Result<Client, u16> {
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Client::connect_with(&server.url(), &headers).await
}

#[tokio::test]
async fn a_token_comes_by_header_by_subprotocol_or_by_message() {
    let (_redis, server) = guarded(|config| config.auth.tokens = vec![root()]).await;
    let mut by_header = connect(&server, &bearer("root")).await.unwrap();
    by_header.call("get_bots", json!({})).await;

    let offered = [("sec-websocket-protocol", "fullon-cache-api, bearer.root".to_owned())];
    let mut by_subprotocol = connect(&server, &offered).await.unwrap();
    by_subprotocol.call("get_bots", json!({})).await;
    // A token alone could only be answered by a token.
    let alone = [("sec-websocket-protocol", "bearer.root".to_owned())];
    assert_eq!(connect(&server, &alone).await.err(), Some(400));

    let mut by_message = server.client().await;
    assert_eq!(by_message.fail("get_bots", json!({})).await.0, "UNAUTHENTICATED");
    let who = by_message.call("authenticate", json!({"token": "root"})).await;
    let expected = json!({"name": "root", "scopes": ["market", "account", "orders", "bots", "ops"],
        "user_ids": null, "expires": null});
    assert_eq!(who, expected);
    by_message.call("get_bots", json!({})).await;

    // In the address only if the operator wants that.
    let in_query = format!("{}/?token=root", server.url());
    assert_eq!(Client::connect_with(&in_query, &[]).await.err(), Some(401));
    // Who means to log in is not taken for one who does not.
    for header in ["Basic cm9vdDpyb290", "Bearer", "Bearer ", "root"] {
        assert_eq!(
            connect(&server, &[("authorization", header.to_owned())]).await.err(),
            Some(401),
            "{header}"
        );
    }
    let (_redis, server) = guarded(|config| {
        config.auth.tokens = vec![root()];
        config.auth.token_in_query = true;
    })
    .await;
    let mut by_query = Client::connect(&format!("{}/?token=root", server.url())).await;
    by_query.call("get_bots", json!({})).await;
    let bad = format!("{}/?token=bad", server.url());
    assert_eq!(Client::connect_with(&bad, &[]).await.err(), Some(401));
}

#[tokio::test]
async fn who_does_not_log_in_is_sent_away() {
    let (_redis, server) = guarded(|config| {
        config.auth.tokens = vec![root()];
        config.auth.login_timeout = Span::millis(200);
    })
    .await;
    let (mut idle, mut busy, mut good) =
        (server.client().await, server.client().await, connect(&server, &bearer("root")).await.unwrap());
    busy.fail("authenticate", json!({"token": "bad"})).await;
    for client in [&mut idle, &mut busy] {
        assert_eq!(u16::from(client.receive_close().await.unwrap().code), 4001);
    }
    good.call("ping", json!({})).await;
}

#[tokio::test]
async fn every_algorithm_is_taken_and_says_what_it_entitles_to() {
    let signers =
        [Algorithm::HS256, Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA].map(Authority::new);
    let (_redis, server) = guarded(|config| {
        config.auth.issuers = signers.iter().map(Authority::issuer).collect();
        config.auth.issuers[0].scopes = Some(vec![Scope::Market]);
    })
    .await;
    for (index, signer) in signers.iter().enumerate() {
        let mut claims = signer.claims();
        claims["scope"] = json!("market account unknown");
        claims["user_ids"] = json!([1001, "1002"]);
        claims["all_users"] = json!("true");
        claims["exp"] = json!(get_current_timestamp() + 600);
        let mut client = server.client().await;
        let who = client.call("authenticate", json!({"token": signer.sign(&claims)})).await;
        assert_eq!(who["name"], json!(format!("{}#somebody", signer.name)));
        assert_eq!(who["user_ids"], json!(["1001", "1002"]), "text is not true");
        // An issuer entitles to no more than the operator lets it.
        let scopes = if index == 0 { json!(["market"]) } else { json!(["market", "account"]) };
        assert_eq!(who["scopes"], scopes);
    }
}

#[tokio::test]
async fn a_login_that_ends_closes_the_connection_unless_a_new_one_came() {
    let signer = Authority::new(Algorithm::ES256);
    let (_redis, server) = guarded(|config| {
        let soon = jiff::Timestamp::now() + Duration::from_millis(700);
        config.auth.tokens =
            vec![root(), Token { expires: Some(soon), ..token("brief", &[Scope::Bots], &[]) }];
        config.auth.issuers = vec![signer.issuer()];
    })
    .await;
    let (mut ends, mut renewed) = (
        connect(&server, &bearer("brief")).await.unwrap(),
        connect(&server, &bearer("brief")).await.unwrap(),
    );
    // Within the leeway of clocks, a token that has ended is taken for a little while.
    let mut claims = signer.claims();
    claims["exp"] = json!(get_current_timestamp() - 58);
    let mut signed = connect(&server, &bearer(&signer.sign(&claims))).await.unwrap();
    signed.call("ping", json!({})).await;
    renewed.call("stream_bot_status", json!({})).await;
    // A bad one changes nothing.
    loop {
        renewed
            .send(
                &json!({"request_id": "a", "operation": "authenticate", "params": {"token": "x"}})
                    .to_string(),
            )
            .await;
        let reply = renewed.receive().await;
        if reply["request_id"] == "a" {
            assert_eq!(reply["error_code"], "UNAUTHENTICATED");
            break;
        }
    }
    renewed
        .send(
            &json!({"request_id": "b", "operation": "authenticate", "params": {"token": "root"}}).to_string(),
        )
        .await;
    for client in [&mut ends, &mut signed] {
        assert_eq!(u16::from(client.receive_close().await.unwrap().code), 4010);
    }
    // Both tokens have ended by now; the stream goes on.
    renewed.send(&json!({"request_id": "l", "operation": "list_streams"}).to_string()).await;
    loop {
        let reply = renewed.receive().await;
        assert_ne!(reply["type"], "stream_end", "{reply}");
        if reply["request_id"] == "l" {
            assert_eq!(reply["result"].as_array().unwrap().len(), 1);
            break;
        }
    }
}

#[tokio::test]
async fn a_new_token_ends_the_streams_that_it_does_not_entitle_to() {
    let (_redis, server) = guarded(|config| {
        config.auth.tokens = vec![
            token("both", &[Scope::Bots, Scope::Account], &["1001", "1002"]),
            token("less", &[Scope::Bots, Scope::Account], &["1002"]),
            token("none", &[], &[]),
        ];
    })
    .await;
    let mut client = connect(&server, &bearer("both")).await.unwrap();
    for (id, operation, params) in [
        ("bots", "stream_bot_status", json!({"snapshot": false})),
        ("one", "stream_positions", json!({"user_id": 1001, "snapshot": false})),
        ("two", "stream_positions", json!({"user_id": 1002, "snapshot": false})),
    ] {
        client.send(&json!({"request_id": id, "operation": operation, "params": params}).to_string()).await;
        assert_eq!(client.receive().await["success"], true);
    }
    let end = |id: &str| json!({"type": "stream_end", "request_id": id, "reason": "forbidden"});
    client.call("authenticate", json!({"token": "less"})).await;
    assert_eq!(client.receive().await, end("one"));
    client.call("authenticate", json!({"token": "none"})).await;
    let mut ended = [client.receive().await, client.receive().await];
    ended.sort_by_key(Value::to_string);
    assert_eq!(ended, [end("bots"), end("two")]);
    assert_eq!(client.call("list_streams", json!({})).await, json!([]));
}

#[tokio::test]
async fn keys_that_an_issuer_publishes_may_change() {
    let (old, new) = (Authority::new(Algorithm::ES256), Authority::new(Algorithm::ES256));
    let keys = KeySet::publish(vec![old.jwk("old")]).await;
    let (_redis, server) = guarded(|config| config.auth.issuers = vec![old.issuer_at(&keys.url)]).await;
    let sign = |signer: &Authority, key_id: &str| {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(key_id.to_owned());
        bearer(&signer.sign_with(&header, &old.claims()))
    };
    for _ in 0..3 {
        connect(&server, &sign(&old, "old")).await.unwrap();
    }
    assert_eq!(keys.fetched(), 1, "a key that is known is not fetched again");
    keys.replace(vec![new.jwk("new")]);
    // Whoever asks for unknown keys in vain has the set fetched now and then, not each time.
    assert_eq!(connect(&server, &sign(&new, "new")).await.err(), Some(401));
    assert_eq!(keys.fetched(), 1);

    let (_redis, server) = guarded(|config| {
        config.auth.issuers = vec![old.issuer_at(&keys.url)];
        config.auth.jwks_pause = Span::millis(0);
    })
    .await;
    connect(&server, &sign(&new, "new")).await.unwrap();
    assert_eq!(connect(&server, &sign(&old, "old")).await.err(), Some(401), "it is withdrawn");
    keys.replace(vec![old.jwk("old"), new.jwk("new")]);
    connect(&server, &sign(&old, "old")).await.unwrap();
    // While the set cannot be had, the keys at hand are good.
    keys.replace(vec![json!("no key")]);
    assert_eq!(connect(&server, &sign(&new, "newer")).await.err(), Some(401));
    connect(&server, &sign(&new, "new")).await.unwrap();
}

#[tokio::test]
async fn who_does_not_log_in_may_what_the_operator_said() {
    let (_redis, server) = guarded(|config| {
        config.auth.anonymous = Anonymous::Allow;
        config.auth.anonymous_scopes = vec![Scope::Market, Scope::Account];
        config.auth.tokens = vec![root()];
    })
    .await;
    let mut client = server.client().await;
    client.call("get_all_tickers", json!({"exchange": "binance"})).await;
    assert_eq!(client.fail("get_balances", json!({"user_id": 1001})).await.0, "FORBIDDEN");
    assert_eq!(client.fail("get_bots", json!({})).await.0, "FORBIDDEN");
    client.call("authenticate", json!({"token": "root"})).await;
    client.call("get_bots", json!({})).await;
}

#[tokio::test]
async fn describe_shows_what_the_caller_may_call() {
    let (_redis, server) = guarded(|config| {
        config.auth.tokens = vec![root(), token("orders", &[Scope::Orders], &["1001"])];
    })
    .await;
    let names = |described: &Value| -> Vec<String> {
        let operations = described["operations"].as_array().unwrap().iter();
        operations
            .filter(|one| one["kind"] != "system")
            .map(|one| one["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let mut client = connect(&server, &bearer("orders")).await.unwrap();
    let own = names(&client.call("describe", json!({})).await);
    let expected =
        ["get_order_status", "get_orders", "get_queue_length", "stream_order_queue", "stream_orders"];
    assert_eq!(own, expected, "without get_order_queue, which is for those who may read everybody's");
    let all = names(&client.call("describe", json!({"all": true})).await);
    let mut root = connect(&server, &bearer("root")).await.unwrap();
    assert_eq!(all, names(&root.call("describe", json!({})).await));
    assert!(all.len() > own.len());
}

#[tokio::test]
async fn a_token_is_made_shown_once_and_configured_by_its_hash() {
    let ended =
        crate::common::run(crate::common::Binary::command(&["token", "new", "bot-7", "--scope", "market"]))
            .await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let secret = ended.stdout.trim();
    assert!(secret.starts_with("fca_") && secret.len() == 68, "{ended:?}");
    let digest = Digest::of(secret.as_bytes()).to_string();
    assert!(ended.stderr.contains(&digest) && !ended.stderr.contains(secret), "{ended:?}");
    // What it prints is what the configuration takes.
    let folder = tempfile::tempdir().unwrap();
    let toml: String = ended
        .stderr
        .lines()
        .skip_while(|line| !line.starts_with("[["))
        .map(|line| format!("{line}\n"))
        .collect();
    std::fs::write(folder.path().join("fullon-cache-api.toml"), toml).unwrap();
    let loader = fullon_cache_api::config::Loader { folder: folder.path().to_owned(), ..Default::default() };
    let (config, _) = loader.load().unwrap();
    let token = &config.auth.tokens[0];
    assert_eq!(
        (token.name.as_str(), token.sha256.to_string(), &token.scopes[..]),
        ("bot-7", digest, &[Scope::Market][..])
    );
}

#[tokio::test]
async fn a_login_ends_in_time_however_busy_its_client_is() {
    let (_redis, server) = guarded(|config| {
        let soon = jiff::Timestamp::now() + Duration::from_millis(700);
        config.auth.tokens = vec![Token { expires: Some(soon), ..token("brief", &[Scope::Bots], &[]) }];
    })
    .await;
    let client = connect(&server, &bearer("brief")).await.unwrap();
    let (mut sink, mut stream) = futures_util::StreamExt::split(client.socket);
    let ping = json!({"operation": "ping"}).to_string();
    // It asks without end, and never waits for an answer.
    let asking = tokio::spawn(async move {
        while futures_util::SinkExt::send(&mut sink, ping.clone().into()).await.is_ok() {}
    });
    let closed = async {
        while let Some(Ok(message)) = futures_util::StreamExt::next(&mut stream).await {
            if let tokio_tungstenite::tungstenite::Message::Close(frame) = message {
                return frame.map(|frame| u16::from(frame.code));
            }
        }
        None
    };
    let code = tokio::time::timeout(Duration::from_secs(5), closed).await.expect("it goes on");
    assert_eq!(code, Some(4010));
    asking.abort();
}

#[tokio::test]
async fn a_login_with_all_its_connections_may_bring_a_new_token() {
    let signer = Authority::new(Algorithm::ES256);
    let (_redis, server) = guarded(|config| {
        config.auth.issuers = vec![signer.issuer()];
        config.limits.connections_per_login = 1;
    })
    .await;
    let mut client = connect(&server, &bearer(&signer.sign(&signer.claims()))).await.unwrap();
    let mut later = signer.claims();
    later["exp"] = json!(get_current_timestamp() + 1200);
    client.call("authenticate", json!({"token": signer.sign(&later)})).await;
    assert_eq!(connect(&server, &bearer(&signer.sign(&later))).await.err(), Some(429));
}
