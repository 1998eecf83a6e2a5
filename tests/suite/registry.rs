//! The operations as a whole: what is wrong with them is reported at once, what is right is published.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::common::{Binary, Ended, Server, readme_code, run};
use fullon_cache_api::{
    cache::{Cache, Store},
    registry::{Registry, SchemaDocument},
};

/// A file laid over operations.yaml.
struct Overlay {
    _folder: tempfile::TempDir,
    name: String,
    registry: Result<Registry, String>,
}

fn overlay(text: &str) -> Overlay {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("overlay.yaml");
    fs::write(&file, text).unwrap();
    let registry = Registry::with_overlay(&file).map_err(|faults| faults.to_string());
    Overlay { _folder: folder, name: file.display().to_string(), registry }
}

impl Overlay {
    /// The report on a broken file.
    fn report(&self) -> &str {
        self.registry.as_ref().map(|_| "no fault").unwrap_err()
    }
}

#[test]
fn all_faults_are_in_one_report() {
    let overlay = overlay(
        r#"
get_ticker:
  keys: { tickers: "tickers:{exchnge}" }
  key: { tickers: "tickers:{exchange}" }
get_tickr:
  scope: market
get_all_tickers:
  keys: { tikers: "tickers:{exchange}" }
  poll_interval: 5
get_any_ticker:
  keys: { tickers: "tickers:{exchange" }
get_balance:
  scope: accounts
  owner: user
get_balances:
  limits: { scan_kyes: 5 }
get_bots:
  limits: { scan_keys: 0 }
  enabled: perhaps
get_blocks:
  scope: bots
get_blocks:
  enabled: false
get_orders:
  scope: orders
  scope: market
get_positions:
  keys:
    positions: "account_positions"
    positions: "positions"
get_trades: 7
get_process:
  keys: 7
  summary: [one, two]
7: {}
"#,
    );
    let report = overlay.report();
    let expected = [
        ("get_ticker", "`keys.tickers`: `{exchnge}` is no param of it; did you mean `{exchange}`?"),
        ("get_ticker", "no field `key`; did you mean `keys`?"),
        ("get_tickr", "no handler registers an operation of this name; did you mean `get_ticker`?"),
        ("get_all_tickers", "no key `tikers`; did you mean `tickers`?"),
        ("get_all_tickers", "`poll_interval`: a duration above zero with its unit"),
        ("get_any_ticker", "`keys.tickers`: \"tickers:{exchange\""),
        ("get_balance", "`scope`: \"accounts\" is none of market, account, orders, bots, ops"),
        ("get_balance", "`owner`: `user` is no param of it"),
        ("get_balances", "no limit `scan_kyes`; did you mean `scan_keys`?"),
        ("get_bots", "`limits.scan_keys`: a whole number above 0"),
        ("get_bots", "`enabled`: true or false"),
        ("get_blocks", "stands there twice"),
        ("get_orders", "`scope` stands there twice"),
        ("get_positions", "`keys.positions` stands there twice"),
        ("get_trades", "an entry is a mapping of fields"),
        ("get_process", "`keys`: a mapping of names to key patterns"),
        ("get_process", "`summary`: a text"),
    ];
    for (entry, message) in expected {
        let line = format!("\n  {}: {entry}: {message}", overlay.name);
        assert!(report.contains(&line), "{line}\nis missing in\n{report}");
    }
    assert!(report.contains("is no operation's name"), "{report}");
    let count = expected.len() + 1;
    assert!(report.starts_with(&format!("{count} fault(s) in the operations:\n")), "{report}");
    assert_eq!(report.lines().count(), count + 1, "{report}");
}

#[test]
fn a_file_that_is_no_mapping_is_named() {
    for text in ["- get_ticker\n", "7\n", "get_ticker: {\n", "get_ticker: !tag {}\n", "\tget_ticker: {}\n"] {
        let overlay = overlay(text);
        let line = format!("\n  {}: no YAML mapping of operations", overlay.name);
        assert!(overlay.report().contains(&line), "{text:?}: {}", overlay.report());
    }
    let missing = Registry::with_overlay(Path::new("/nowhere/overlay.yaml")).err().unwrap().to_string();
    assert!(missing.contains("/nowhere/overlay.yaml: cannot be read: "), "{missing}");
    for nothing in ["", "# a comment\n", "get_ticker:\n"] {
        assert!(overlay(nothing).registry.is_ok(), "{nothing:?}");
    }
}

#[tokio::test]
async fn the_binary_refuses_to_start_with_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("overlay.yaml");
    fs::write(&file, "get_tickr: {}\nget_ticker: { scope: markets }\n").unwrap();
    for start in ["serve", "demo", "check"] {
        let mut command = Binary::command(&[start, "--port", "0", "--operations"]);
        command.arg(&file).current_dir(folder.path());
        let Ended { code, stderr, .. } = run(command).await;
        assert_eq!(code, Some(2), "{start}: {stderr}");
        assert!(
            stderr.contains("overlay.yaml: get_tickr: ") && stderr.contains("did you mean `get_ticker`?")
        );
        assert!(stderr.contains("overlay.yaml: get_ticker: `scope`: "), "{stderr}");
    }
}

#[tokio::test]
async fn an_overlay_changes_what_it_names_and_nothing_else() {
    let overlay = overlay(
        r#"
get_ticker:
  keys: { tickers: "prod:tickers:{exchange}" }
  summary: In other words.
get_exchanges:
  enabled: false
"#,
    );
    let store = Store::new();
    for (key, price) in [("tickers:binance", 1), ("prod:tickers:binance", 2)] {
        let ticker = json!({"symbol": "BTC/USDT", "exchange": "binance", "price": price}).to_string();
        store.apply(&["HSET", key, "BTC/USDT", &ticker]).unwrap();
    }
    let registry = overlay.registry.unwrap();
    let server = Server::start_with(registry, Cache::embedded(store), Server::config()).await;
    let mut client = server.client().await;
    let params = json!({"exchange": "binance", "symbol": "BTC/USDT"});
    assert_eq!(client.call("get_ticker", params).await["price"], 2);
    assert_eq!(client.call("get_all_tickers", json!({"exchange": "binance"})).await[0]["price"], 1);

    let all = client.call("describe", json!({})).await;
    let described = |name: &str| all["operations"].as_array().unwrap().iter().find(|one| one["name"] == name);
    let ticker = described("get_ticker").unwrap();
    assert_eq!(ticker["summary"], "In other words.");
    assert_eq!(ticker["keys"], json!({"tickers": "prod:tickers:{exchange}"}));
    assert_eq!(ticker["scope"], "market", "what the overlay does not name stays");
    assert_eq!(described("get_exchanges"), None);
    assert_eq!(client.fail("get_exchanges", json!({})).await.0, "INVALID_OPERATION");
    let (code, _) = client.fail("describe", json!({"operation": "get_exchanges"})).await;
    assert_eq!(code, "INVALID_OPERATION");
}

#[test]
fn the_overlay_in_the_readme_is_a_good_one() {
    let overlay = overlay(&readme_code("Configuration", "yaml"));
    let registry = overlay.registry.unwrap();
    assert!(registry.get("get_bots").is_none());
    assert_eq!(registry.get("get_exchanges").unwrap().described().poll_interval_ms, Some(5000));
}

/// Visits every property of a schema, at any depth, with its path.
fn properties(schema: &Value, path: &str, visit: &mut impl FnMut(&str, &Value)) {
    match schema {
        Value::Object(members) => {
            for (name, member) in members {
                match (name.as_str(), member) {
                    ("properties", Value::Object(named)) => {
                        for (name, property) in named {
                            let path = format!("{path}/{name}");
                            visit(&path, property);
                            properties(property, &path, visit);
                        }
                    }
                    // These hold values, not schemas.
                    ("examples" | "default" | "const" | "enum", _) => {}
                    _ => properties(member, path, visit),
                }
            }
        }
        Value::Array(schemas) => schemas.iter().for_each(|schema| properties(schema, path, visit)),
        _ => {}
    }
}

/// Whether a schema lets through any text at all: without a bound, or without a set of characters.
fn takes_any_text(schema: &Value) -> bool {
    let parts = ["anyOf", "oneOf", "allOf"].into_iter().filter_map(|name| schema[name].as_array()).flatten();
    if schema["items"].is_object() && takes_any_text(&schema["items"]) {
        return true;
    }
    let is_text = schema["type"] == "string"
        || schema["type"].as_array().is_some_and(|types| types.iter().any(|one| one == "string"));
    let is_bounded = schema["maxLength"].is_u64() && schema["pattern"].is_string();
    (is_text && !is_bounded && !schema["enum"].is_array()) || parts.into_iter().any(takes_any_text)
}

#[test]
fn every_operation_tells_all_that_a_client_needs() {
    let mut offenders = Vec::new();
    let registry = Registry::built_in().unwrap();
    assert!(registry.iter().count() > 25);
    for operation in registry.iter() {
        let described = operation.described();
        let name = operation.name();
        let mut blame = |fault: String| offenders.push(format!("{name}: {fault}"));
        if !described.summary.ends_with('.') || described.summary.lines().count() != 1 {
            blame(format!("its summary is no sentence: {:?}", described.summary));
        }
        if described.description.is_empty() {
            blame("it has no description".to_owned());
        }
        if described.domain.is_empty() || described.examples.is_empty() || described.errors.is_empty() {
            blame("it has no domain, no examples or no errors".to_owned());
        }
        for example in &described.examples {
            if let Err(error) = operation.validate(example) {
                blame(format!("its example {example} is refused: {error}"));
            }
        }
        let lacks_text =
            |schema: &Value| schema["description"].as_str().is_none_or(|text| text.trim().is_empty());
        properties(&described.params, "params", &mut |path, schema| {
            if lacks_text(schema) {
                blame(format!("{path} has no description"));
            }
            if takes_any_text(schema) {
                blame(format!("{path} takes any text: it needs maxLength and pattern, or enum"));
            }
        });
        properties(
            described.result.as_ref().or(described.update.as_ref()).unwrap(),
            "result",
            &mut |path, schema| {
                if lacks_text(schema) {
                    blame(format!("{path} has no description"));
                }
            },
        );
    }
    assert!(offenders.is_empty(), "{} faults:\n{}", offenders.len(), offenders.join("\n"));
}

#[test]
fn every_schema_is_valid_and_admits_the_examples() {
    let registry = Registry::built_in().unwrap();
    let documents = registry.schema_documents();
    assert_eq!(documents.len(), 2 * registry.iter().count());
    for SchemaDocument { path, text } in documents {
        let document: Value = serde_json::from_str(&text).unwrap();
        let is_old = path.starts_with("draft-07/");
        assert_eq!(document["$schema"].as_str().unwrap().contains("draft-07"), is_old, "{path}");
        jsonschema::meta::validate(&document).unwrap_or_else(|error| panic!("{path}: {error}"));

        let name = document["$id"].as_str().unwrap().rsplit(':').next().unwrap();
        let definitions = if is_old { "definitions" } else { "$defs" };
        let draft = if is_old { jsonschema::Draft::Draft7 } else { jsonschema::Draft::Draft202012 };
        let options = jsonschema::options().with_draft(draft);
        let params = options.build(&document[definitions]["params"]).unwrap();
        let answer = &document[definitions];
        options.build(answer.get("result").or(answer.get("update")).unwrap()).unwrap();
        for example in &registry.get(name).unwrap().described().examples {
            assert!(params.is_valid(example), "{path}: {example}");
        }
        assert!(!params.is_valid(&json!({"no_such_param": 1})), "{path}");
    }
}

#[tokio::test]
async fn what_is_generated_is_up_to_date() {
    let mut command = Binary::command(&["schemas", "--check", "-o", "schemas", "--readme", "README.md"]);
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    let Ended { code, stdout, stderr } = run(command).await;
    assert_eq!(code, Some(0), "run `make generate`\n{stdout}{stderr}");
}

#[tokio::test]
async fn schemas_are_written_once_and_stale_ones_removed() {
    let folder = tempfile::tempdir().unwrap();
    let schemas = async |args: &[&str]| {
        let mut command = Binary::command(&["schemas"]);
        command.args(args).current_dir(folder.path());
        run(command).await
    };
    let written = schemas(&[]).await;
    assert_eq!((written.code, written.stdout.lines().count() % 2), (Some(0), 0), "{written:?}");
    for document in Registry::built_in().unwrap().schema_documents() {
        let text = fs::read_to_string(folder.path().join("schemas").join(&document.path)).unwrap();
        assert_eq!(text, document.text, "{}", document.path);
    }
    let again = schemas(&["--check"]).await;
    assert_eq!((again.code, again.stdout.as_str()), (Some(0), ""), "{again:?}");

    let gone = folder.path().join("schemas/gone.json");
    fs::write(&gone, "{}").unwrap();
    fs::write(folder.path().join("schemas/ping.json"), "{}").unwrap();
    let check = schemas(&["--check"]).await;
    assert_eq!((check.code, check.stdout.as_str()), (Some(1), "schemas/ping.json\nschemas/gone.json\n"));
    assert!(check.stderr.contains("run `make generate`") && gone.exists(), "{check:?}");
    assert_eq!(schemas(&[]).await.code, Some(0));
    assert!(!gone.exists());
    assert_eq!(schemas(&["--check"]).await.code, Some(0));
}
