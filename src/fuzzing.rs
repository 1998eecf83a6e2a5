//! What fuzz targets drive: from a text that anyone may have written to what must be so whatever it is. Built
//! by `cargo fuzz` (`scripts/fuzz`) and in tests, which go through the texts that were found.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a target fails")]

use std::{
    borrow::Cow,
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, LazyLock},
};

use futures_util::FutureExt as _;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::{
    access::{Access, Credential},
    cache::{Cache, Store, View},
    config::{Auth, Limits, Secret},
    operation::Answer,
    protocol::{Message, Rejected, Remarks, Reply, Request, parse_params},
    registry::{Registry, Source},
};

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| Registry::built_in().unwrap());

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_all().build().unwrap());

fn assert_json(text: &str) {
    serde_json::from_str::<Value>(text).unwrap_or_else(|error| panic!("{error}: {text}"));
}

/// A frame's text: every request in it has an id, and its params are JSON or refused.
pub fn request(text: &str) {
    let limits = Limits::default();
    let requests = match Message::parse(text, &limits.of_messages()) {
        Message::One(request) => vec![request],
        Message::Array(requests) => requests,
    };
    assert!(!requests.is_empty(), "a message without an answer");
    for request in requests {
        let reply = match request {
            Err(Rejected { id, error }) => Reply::failure(&id, &error),
            Ok(Request { id, operation, params, explain }) => {
                let params = params.map(|params| parse_params(&params, limits.json_depth));
                if let (Some(operation), Some(Ok(params))) = (REGISTRY.get(&operation), params) {
                    let _ = operation.validate(&params);
                }
                let reply = Reply::success(&id, "null", &Remarks::default());
                if explain { reply.explained("{}") } else { reply }
            }
        };
        assert_json(reply.text());
    }
}

/// Values of params, a line each: a key stays within its pattern, and none is a glob.
pub fn key(text: &str) {
    let values: Vec<&str> = text.split('\n').collect();
    for operation in REGISTRY.iter() {
        for (_, pattern) in &operation.plan.keys {
            let names: Vec<&str> = pattern.params().collect();
            let value_of = |name: &str| {
                let at = names.iter().position(|other| *other == name)?;
                Some(Cow::from(*values.get(at)?))
            };
            let Ok(key) = pattern.fill(value_of) else { continue };
            let key = key.as_str();
            assert!(!key.contains(['*', '?', '[', ']', '\\', '\n', '\0']), "{key:?} of {}", pattern.source());
            assert!(pattern.recognize(key).is_some(), "{key:?} is beyond {}", pattern.source());
        }
    }
}

/// A file laid over operations.yaml: it makes a registry, or a report.
pub fn operations(text: &str) {
    match Registry::of(&[Source::built_in(), Source::new("overlay", text)]) {
        Ok(registry) => assert!(registry.iter().count() > 0),
        Err(faults) => assert!(!faults.to_string().is_empty()),
    }
}

/// A stored value, wherever one of any kind may lie: every read answers with JSON, or with an error.
pub fn stored(text: &str) {
    let store = Store::new();
    for key in ["tickers:x", "order_status:x", "block_exchange", "opening_position", "accounts"] {
        let _ = store.apply(&["HSET", key, "A/B", text]);
    }
    for key in ["account_positions", "accounts", "bot_status", "process:components", "process:active:bot"] {
        let _ = store.apply(&["HSET", key, "1", text]);
    }
    for key in ["trades:x:AB", "user_trades:1:x", "ohlcv:A/B:1h", "new_orders:1"] {
        let _ = store.apply(&["RPUSH", key, text]);
    }
    for key in ["process:data:1", "TRADE:STATUS:1", "USER_TRADE:STATUS:1"] {
        let _ = store.apply(&["SET", key, text]);
    }
    let cache = Cache::embedded(store);
    let values = BTreeMap::from([
        ("exchange", json!("x")),
        ("symbol", json!("A/B")),
        ("currency", json!("A/B")),
        ("timeframe", json!("1h")),
        ("process_type", json!("bot")),
        ("component", json!("1")),
    ]);
    for operation in REGISTRY.iter() {
        let Answer::Read { run, .. } = operation.answer else { continue };
        let required = operation.described.params["required"].as_array().cloned().unwrap_or_default();
        let name_and_value = |name: &Value| {
            let name = name.as_str()?;
            let value = if operation.name == "get_order_status" { json!("A/B") } else { json!("1") };
            Some((name.to_owned(), values.get(name).cloned().unwrap_or(value)))
        };
        let params = Value::Object(required.iter().filter_map(name_and_value).collect());
        let view = View::new(cache.clone(), operation.plan.clone(), params);
        if let Ok((result, _)) = RUNTIME.block_on(run(view)) {
            assert_json(&result);
        }
    }
}

/// A token that nobody signed: it is nobody's.
pub fn token(text: &str) {
    static ACCESS: LazyLock<Arc<Access>> = LazyLock::new(|| {
        let secret: PathBuf = std::env::temp_dir().join(format!("fuzzed-secret-{}", std::process::id()));
        std::fs::write(&secret, "a secret that is not in any corpus of texts").unwrap();
        let issuer = json!({
            "issuer": "https://id.example.com", "audience": "x", "algorithms": ["HS256"], "key_file": secret,
        });
        let auth = Auth { issuers: vec![serde_json::from_value(issuer).unwrap()], ..Auth::default() };
        Arc::new(Access::of(&auth).unwrap())
    });
    let credential = Credential::Token(Secret::from(text));
    let identified = ACCESS.identify(&credential).now_or_never();
    assert!(matches!(identified, Some(Err(_))), "{text} is believed");
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    type Target = fn(&str);

    #[test]
    fn what_fuzzing_has_found_is_found_no_more() {
        let targets: [(&str, Target); 5] = [
            ("request", request),
            ("key", key),
            ("operations", operations),
            ("stored", stored),
            ("token", token),
        ];
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/found");
        let mut count = 0;
        for (name, target) in targets {
            for entry in fs::read_dir(root.join(name)).unwrap() {
                let text = fs::read(entry.unwrap().path()).unwrap();
                target(&String::from_utf8_lossy(&text));
                count += 1;
            }
        }
        assert!(count >= targets.len(), "each target has one at least");
    }
}
