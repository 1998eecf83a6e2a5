//! `token new`.

use fullon_cache_api::{
    access::{Digest, Scope},
    config::{Loader, Token},
};
use jiff::Timestamp;

use super::command;
use crate::common::{Ended, run};

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
