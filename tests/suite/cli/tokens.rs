//! `token new`, and what is said of logins where they are used.

use fullon_cache_api::{
    access::{Digest, Scope},
    config::{Loader, Token},
};
use jiff::Timestamp;
use serde_json::Value;

use super::{command, demo};
use crate::common::{Client, Ended, Program, run};

/// What it prints, put into a configuration.
fn configured(ended: &Ended) -> Token {
    let lines = ended.stderr.lines().skip_while(|line| !line.starts_with("[["));
    let entry: Vec<&str> = lines.take_while(|line| !line.is_empty()).collect();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("fullon-cache-api.toml"), entry.join("\n")).unwrap();
    let loader = Loader { folder: folder.path().to_owned(), ..Default::default() };
    loader.load().unwrap().0.auth.tokens.remove(0)
}

#[tokio::test]
async fn a_new_token_has_all_that_a_token_can_have() {
    let args = ["token", "new", "Jürgen's \"bot\" e\u{301}", "--scope", "market", "--scope", "account"];
    let users = ["--user-id", "1001", "--user-id", "1002", "--expires", "30d"];
    let ended = run(command(&[&args[..], &users].concat())).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let token = configured(&ended);
    assert_eq!((token.name.as_str(), token.sha256), (args[2], Digest::of(ended.stdout.trim().as_bytes())));
    assert_eq!(
        (token.scopes, token.user_ids),
        (vec![Scope::Market, Scope::Account], vec!["1001".to_owned(), "1002".to_owned()])
    );
    let days = token.expires.unwrap().duration_since(Timestamp::now()).as_secs() as f64 / 86400.0;
    assert!((days - 30.0).abs() < 0.1, "{days}");
    assert!(!ended.stderr.contains("warning"), "{ended:?}");

    let more =
        ["token", "new", "all", "--scope", "orders", "--all-users", "--expires", "2100-01-01T00:00:00Z"];
    let token = configured(&run(command(&more)).await);
    assert!(token.all_users);
    assert_eq!(token.expires.unwrap().to_string(), "2100-01-01T00:00:00Z");
    // That is mostly forgotten.
    let ended = run(command(&["token", "new", "bot", "--scope", "account"])).await;
    assert_eq!(configured(&ended).expires, None);
    assert!(ended.stderr.contains("warning: auth.tokens: bot has neither `user_ids` nor"), "{ended:?}");
}

#[tokio::test]
async fn a_token_that_the_configuration_would_refuse_is_not_made() {
    for (more, complaint) in [
        (["bot", "--expires", "tomorrow"], "such as 30d or 12h, or when, such as 2030-01-01T00:00:00Z"),
        (["bot", "--expires", "2020-01-01T00:00:00Z"], "is over already"),
        (["bot", "--user-id", "10 01"], "no user has the id \"10 01\""),
        (["", "--user-id", "1001"], "`name`: "),
    ] {
        let args = [&["token", "new", "--scope", "account"][..], &more].concat();
        let Ended { code, stdout, stderr } = run(command(&args)).await;
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{more:?}: {stderr}");
        assert!(stderr.contains(complaint), "{more:?}: {stderr}");
    }
}

const TOKENS: &str = "auth.tokens=[{ name = \"bot\", sha256 = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\", \
                      scopes = [\"market\"] }]";

#[tokio::test]
async fn the_demo_says_where_a_token_is_needed() {
    let hint = "export FULLON_CACHE_API_TOKEN=";
    let (mut needs, url) = demo(&["--set", TOKENS]).await;
    needs.says(hint).await;
    let mut list = command(&["list", "--url", &url]);
    // The token of that SHA-256.
    list.env("FULLON_CACHE_API_TOKEN", "abc");
    assert_eq!(run(list).await.code, Some(0));
    let anonymous = ["--set", "auth.anonymous=allow", "--set", "auth.anonymous_scopes=market"];
    for args in [&[][..], &[&["--set", TOKENS], &anonymous[..]].concat()] {
        let (program, _) = demo(args).await;
        program.signal("TERM");
        let ended = program.ended().await;
        assert!(ended.stdout.contains(" list") && !ended.stdout.contains(hint), "{ended:?}");
    }
}

#[tokio::test]
async fn refusals_can_be_found_in_the_log() {
    for format in ["text", "json"] {
        let args = ["demo", "--port", "0", "--log-format", format, "--set", TOKENS];
        let mut program = Program::start(command(&args));
        let line = program.logs("listening on ws://").await;
        let from = line.find("ws://").unwrap();
        let url = &line[from..].split(['"', '\n']).next().unwrap();
        assert_eq!(Client::connect_with(url, &[("authorization", "Bearer bad")]).await.err(), Some(401));
        let line = program.logs("fullon_cache_api::audit").await;
        match format {
            "text" => assert!(line.contains(" WARN fullon_cache_api::audit: a bad token"), "{line}"),
            _ => {
                assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["target"], "fullon_cache_api::audit")
            }
        }
    }
}
