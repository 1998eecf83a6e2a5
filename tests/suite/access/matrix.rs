//! Every operation, with everything that is no good login for it: refused, each time, with the same words.

use fullon_cache_api::{
    access::Scope,
    config::Token,
    registry::{Described, Registry},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
use serde_json::{Value, json};

use super::{
    authority::{Authority, KeySet},
    guarded, root, token,
};
use crate::common::{Client, eventually};

/// All operations that read what is in the cache.
fn operations() -> Vec<Described> {
    let registry = Registry::built_in().unwrap();
    registry.iter().map(|operation| operation.described().clone()).filter(|one| one.scope.is_some()).collect()
}

/// Errors: the code, and the words that say no more than it.
const STRANGER: (&str, &str) = ("UNAUTHENTICATED", "log in with a valid token: `authenticate`");
const BAD_TOKEN: (&str, &str) = ("UNAUTHENTICATED", "the token is not valid");
const FORBIDDEN: (&str, &str) = ("FORBIDDEN", "this login may not read that");

/// A reply must be this error, and nothing beside it.
fn assert_refused(reply: &Value, (code, words): (&str, &str), what: &str) {
    let expected = json!({"request_id": "t", "success": false, "error_code": code, "error": words});
    assert_eq!(*reply, expected, "{what}");
}

/// Everything that is signed, and yet no token to be believed.
async fn bad_tokens(
    signer: &Authority,
    in_set: &Authority,
    shared: &Authority,
) -> Vec<(&'static str, String)> {
    let now = get_current_timestamp();
    let with = |name: &str, value: Value| {
        let mut claims = signer.claims();
        claims[name] = value;
        signer.sign(&claims)
    };
    let without = |name: &str| {
        let mut claims = signer.claims();
        claims.as_object_mut().unwrap().remove(name);
        signer.sign(&claims)
    };
    let header = |change: &dyn Fn(&mut Header)| {
        let mut header = Header::new(signer.algorithm);
        change(&mut header);
        signer.sign_with(&header, &signer.claims())
    };
    let stranger = Authority::new(signer.algorithm);
    let by_public_key = {
        let key = EncodingKey::from_secret(signer.public.as_bytes());
        encode(&Header::new(Algorithm::HS256), &signer.claims(), &key).unwrap()
    };
    let none = |alg: &str| {
        let encode = |value: &Value| base64url(value.to_string().as_bytes());
        format!("{}.{}.", encode(&json!({"alg": alg, "typ": "JWT"})), encode(&signer.claims()))
    };
    let tampered = {
        let good = signer.sign(&signer.claims());
        let parts: Vec<&str> = good.split('.').collect();
        let mut claims = signer.claims();
        claims["sub"] = json!("somebody else");
        format!("{}.{}.{}", parts[0], base64url(claims.to_string().as_bytes()), parts[2])
    };
    let unknown_key = {
        let mut header = Header::new(in_set.algorithm);
        header.kid = Some("unknown".to_owned());
        in_set.sign_with(&header, &in_set.claims())
    };
    let wrong_family = {
        let mut claims = shared.claims();
        claims["iss"] = json!(signer.name);
        shared.sign(&claims)
    };
    vec![
        ("expired", with("exp", json!(now - 120))),
        ("not yet valid", with("nbf", json!(now + 300))),
        ("wrong audience", with("aud", json!("another"))),
        ("wrong issuer", with("iss", json!("https://another.example.com"))),
        ("issuer is a list", with("iss", json!([signer.name]))),
        ("exp as text", with("exp", json!((now + 600).to_string()))),
        ("exp far below zero", with("exp", json!(-1))),
        ("nbf as text", with("nbf", json!("soon"))),
        ("subject is a number", with("sub", json!(7))),
        ("no exp", without("exp")),
        ("no iss", without("iss")),
        ("no aud", without("aud")),
        ("no sub", without("sub")),
        ("subject is empty", with("sub", json!(""))),
        ("alg none", none("none")),
        ("alg None", none("None")),
        ("HS256 by the public key", by_public_key),
        ("HS256 by the secret of another issuer", wrong_family),
        ("signed by a stranger", stranger.sign(&signer.claims())),
        ("claims changed after signing", tampered),
        ("brings its key set", header(&|header| header.jku = Some("http://127.0.0.1/".to_owned()))),
        ("brings its certificate", header(&|header| header.x5u = Some("http://127.0.0.1/".to_owned()))),
        (
            "brings its key",
            header(&|header| {
                header.jwk = Some(serde_json::from_value(stranger.jwk("own")).unwrap());
            }),
        ),
        ("asks for what is not understood", header(&|header| header.crit = Some(vec!["b64".to_owned()]))),
        ("unknown kid", unknown_key),
        ("no kid, of a key set", in_set.sign(&in_set.claims())),
        ("no token", "x".to_owned()),
        ("two dots", "..".to_owned()),
        ("revoked", "revoked".to_owned()),
        ("ended", "ended".to_owned()),
    ]
}

fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for digit in 0..=chunk.len() {
            text.push(DIGITS[(bits >> (18 - 6 * digit)) as usize & 63] as char);
        }
    }
    text
}

#[tokio::test]
async fn no_operation_answers_to_a_bad_token() {
    let (signer, in_set, shared) = (
        Authority::new(Algorithm::ES256),
        Authority::new(Algorithm::RS256),
        Authority::new(Algorithm::HS256),
    );
    let keys = KeySet::publish(vec![in_set.jwk("one")]).await;
    let (_redis, server) = guarded(|config| {
        let ended = Token { expires: Some("2020-01-01T00:00:00Z".parse().unwrap()), ..root() };
        config.auth.tokens = vec![root(), Token { sha256: super::Digest::of(b"ended"), ..ended }];
        config.auth.issuers = vec![signer.issuer(), in_set.issuer_at(&keys.url), shared.issuer()];
    })
    .await;

    // That these are refused says something only if what they are made of is good.
    let mut in_set_header = Header::new(in_set.algorithm);
    in_set_header.kid = Some("one".to_owned());
    let good = [
        signer.sign(&signer.claims()),
        in_set.sign_with(&in_set_header, &in_set.claims()),
        shared.sign(&shared.claims()),
        "root".to_owned(),
    ];
    for good in good {
        let mut client = server.client().await;
        client.call("authenticate", json!({"token": good})).await;
        client.call("get_balances", json!({"user_id": 1001})).await;
        Client::connect_with(&server.url(), &[("authorization", &format!("Bearer {good}"))]).await.unwrap();
    }

    let bad = bad_tokens(&signer, &in_set, &shared).await;
    for (what, bad) in bad {
        let headers = [("authorization", format!("Bearer {bad}"))];
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        assert_eq!(Client::connect_with(&server.url(), &headers).await.err(), Some(401), "{what}");
        let mut client = server.client().await;
        assert_refused(&client.ask("authenticate", json!({"token": bad})).await, BAD_TOKEN, what);
        for operation in operations() {
            let reply = client.ask(&operation.name, operation.examples[0].clone()).await;
            assert_refused(&reply, STRANGER, &format!("{}: {what}", operation.name));
        }
        for operation in ["ping", "describe", "get_server_stats", "list_streams", "no_such_operation"] {
            assert_refused(&client.ask(operation, json!({})).await, STRANGER, operation);
        }
    }
    assert!(keys.fetched() <= 2, "a token of an unknown key has the set fetched each time");
}

#[tokio::test]
async fn no_operation_answers_without_its_scope() {
    let (_redis, server) = guarded(|config| {
        config.auth.tokens = Scope::ALL
            .iter()
            .map(|without| {
                let scopes: Vec<Scope> = Scope::ALL.into_iter().filter(|scope| scope != without).collect();
                Token { all_users: true, ..token(without.as_str(), &scopes, &[]) }
            })
            .collect();
    })
    .await;
    for operation in operations() {
        let scope = operation.scope.unwrap();
        for token in Scope::ALL {
            let mut client = server.client().await;
            client.call("authenticate", json!({"token": token.as_str()})).await;
            let reply = client.ask(&operation.name, operation.examples[0].clone()).await;
            let what = format!("{} without {token:?}", operation.name);
            match token == scope {
                true => assert_refused(&reply, FORBIDDEN, &what),
                false => assert_ne!(reply["error_code"], "FORBIDDEN", "{what}"),
            }
        }
    }
}

#[tokio::test]
async fn where_redis_is_and_what_is_wrong_with_it_is_for_operators() {
    let (mut redis, server) = guarded(|config| {
        config.auth.tokens = vec![token("some", &[Scope::Market], &[]), root()];
    })
    .await;
    redis.kill();
    for (name, is_told) in [("some", false), ("root", true)] {
        let headers = [("authorization", &*format!("Bearer {name}"))];
        let mut client = Client::connect_with(&server.url(), &headers).await.unwrap();
        let mut cache = Value::Null;
        eventually("it is missed", async || {
            cache = client.call("get_server_stats", json!({})).await["cache"].clone();
            cache["state"] == "unreachable"
        })
        .await;
        assert_eq!((cache["address"].is_string(), cache["cause"].is_string()), (is_told, is_told), "{cache}");
    }
}

#[tokio::test]
async fn no_operation_with_an_owner_answers_to_another_user() {
    let (_redis, server) = guarded(|config| {
        config.auth.tokens =
            vec![token("another", &Scope::ALL, &["9999"]), token("owner", &Scope::ALL, &["1001", "1002"])];
    })
    .await;
    let mut owned = 0;
    for operation in operations() {
        let Some(owner) = &operation.owner else { continue };
        owned += 1;
        let params = operation.examples[0].clone();
        let (mut another, mut own) = (server.client().await, server.client().await);
        another.call("authenticate", json!({"token": "another"})).await;
        own.call("authenticate", json!({"token": "owner"})).await;
        let reply = another.ask(&operation.name, params.clone()).await;
        assert_refused(&reply, FORBIDDEN, &operation.name);
        let reply = own.ask(&operation.name, params.clone()).await;
        match owner.as_str() {
            "all_users" => assert_refused(&reply, FORBIDDEN, &operation.name),
            param => {
                assert_ne!(reply["error_code"], "FORBIDDEN", "{reply}");
                // Nobody learns whether there is such a user. (What a stream sends is no reply.)
                let mut own = server.client().await;
                own.call("authenticate", json!({"token": "owner"})).await;
                for user in [json!(4711), json!("nobody"), json!("1001 ")] {
                    let mut params = params.clone();
                    params[param] = user;
                    let reply = own.ask(&operation.name, params).await;
                    if reply["error_code"] != "INVALID_PARAMS" {
                        assert_refused(&reply, FORBIDDEN, &operation.name);
                    }
                }
            }
        }
        // In an array too, beside what is allowed.
        let array = json!([
            {"request_id": "t", "operation": operation.name, "params": params},
            {"request_id": "p", "operation": "ping"},
        ]);
        another.send(&array.to_string()).await;
        let replies = another.receive().await;
        assert_refused(&replies[0], FORBIDDEN, &operation.name);
        assert_eq!(replies[1]["success"], true, "{replies}");
    }
    assert_eq!(owned, 10, "operations with an owner");
}
