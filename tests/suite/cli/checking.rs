//! `check`: what would go wrong at start, or later, and what is hardly meant.

use std::{fs, path::Path};

use jsonwebtoken::Algorithm;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use serde_json::json;

use super::command;
use crate::{
    access::{Authority, KeySet, Voucher, files, token},
    common::{Ended, Program, Redis, run},
};

/// Runs the binary by a file with this configuration.
async fn by_file(folder: &Path, args: &[&str], config: &str) -> Ended {
    let file = folder.join("config.toml");
    fs::write(&file, config).unwrap();
    let mut command = command(args);
    command.args(["--port", "0", "--config"]).arg(file);
    run(command).await
}

/// Tokens and certificates as a configuration has them; each is a name and what else it has.
fn logins(tokens: &[(&str, &str)]) -> String {
    let line = |(name, more): &(&str, &str)| {
        let digest = token(&format!("{name}{more}"), &[], &[]).sha256;
        format!("{{ name = {name:?}, sha256 = \"{digest}\", {more} }}")
    };
    format!("[auth]\ntokens = [{}]\n", tokens.iter().map(line).collect::<Vec<_>>().join(", "))
}

#[tokio::test]
async fn what_the_configuration_alone_shows_to_be_wrong_is_said_by_all() {
    let folder = tempfile::tempdir().unwrap();
    let one = |more: &str| logins(&[("bot", more)]);
    let issuer = |more: &str| {
        format!("[auth]\nissuers = [{{ {more}, algorithms = [\"ES256\"], jwks_url = \"https://id/\" }}]")
    };
    let cases = [
        (logins(&[("bot", "scopes = []"), ("bot", "scopes = [\"market\"]")]), "bot stands there twice"),
        (one("user_ids = [\"1001\"], all_users = true"), "bot: it has `user_ids` and `all_users`"),
        (one("user_ids = [\"1001\", \"\"]"), "bot: `user_ids`: no user has the id \"\""),
        (one("user_ids = [\"1001 1002\"]"), "bot: `user_ids`: no user has the id \"1001 1002\""),
        (one("user_ids = [\"1001\\n\"]"), "bot: `user_ids`: no user has the id \"1001\\n\""),
        (logins(&[("", "scopes = []")]), "`name`: it is what the log calls its owner"),
        (issuer("issuer = \"\", audience = \"x\""), "`issuer` and `audience`: what its tokens have"),
        (issuer("issuer = \"https://id\", audience = \"\""), "`issuer` and `audience`: what its tokens have"),
        ("[auth]\ncertificates = [{ name = \"x\", dns = \"\" }]".to_owned(), "either `dns` or `sha256`"),
        (
            one("expires = \"tomorrow\""),
            "is no time; write it with its zone, such as \"2030-01-01T00:00:00Z\"",
        ),
        (
            one("expires = \"2030-01-01\""),
            "is no time; write it with its zone, such as \"2030-01-01T00:00:00Z\"",
        ),
        (one("expires = 2030-01-01T00:00:00Z"), "a time as a text, such as \"2030-01-01T00:00:00Z\""),
    ];
    for (config, complaint) in cases {
        for start in ["check", "serve"] {
            let ended = by_file(folder.path(), &[start], &config).await;
            assert_eq!(ended.code, Some(2), "{config}{ended:?}");
            assert!(ended.stderr.contains(complaint), "{config}{}", ended.stderr);
        }
    }
}

#[tokio::test]
async fn a_key_file_holds_a_public_key_or_it_is_said_how_to_make_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    fs::write(path("private.pem"), key.serialize_pem()).unwrap();
    // As OpenSSL writes it in its own old form.
    let old = key.serialize_pem().replace(" PRIVATE KEY", " EC PRIVATE KEY");
    fs::write(path("old.pem"), format!("-----BEGIN EC PARAMETERS-----\n-----END EC PARAMETERS-----\n{old}"))
        .unwrap();
    fs::write(path("certificate.pem"), Voucher::new().pem()).unwrap();
    for (file, command) in [
        ("private.pem", format!("`openssl pkey -in {} -pubout`", path("private.pem"))),
        ("old.pem", format!("`openssl pkey -in {} -pubout`", path("old.pem"))),
        ("certificate.pem", format!("`openssl x509 -in {} -pubkey -noout`", path("certificate.pem"))),
    ] {
        for algorithm in ["RS256", "ES256", "EdDSA"] {
            let config = format!(
                "[auth]\nissuers = [{{ issuer = \"https://id\", audience = \"x\", algorithms = [{algorithm:?}], \
                 key_file = {:?} }}]",
                path(file)
            );
            let ended = by_file(folder.path(), &["serve"], &config).await;
            assert!(ended.code == Some(2) && ended.stderr.contains(&command), "{ended:?}");
            let ended = by_file(folder.path(), &["check"], &config).await;
            assert!(ended.code == Some(1) && ended.stdout.contains(&command), "{ended:?}");
        }
    }
}

#[tokio::test]
async fn what_is_allowed_and_hardly_meant_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = "sees nobody's positions, balances or orders";
    let tokens = logins(&[
        ("over", "scopes = [\"market\"], expires = \"2020-01-01T00:00:00Z\""),
        ("useless", "scopes = []"),
        ("lonely", "scopes = [\"account\"]"),
        ("blind", "scopes = [\"market\", \"orders\"]"),
        ("well", "scopes = [\"account\"], user_ids = [\"1001\"], expires = \"2100-01-01T00:00:00Z\""),
        ("better", "scopes = [\"orders\"], all_users = true"),
    ]);
    let rest = "certificates = [{ name = \"desk\", dns = \"desk.example.com\", scopes = [\"account\"] }]\n\
                anonymous = \"allow\"\nanonymous_scopes = [\"account\"]\n";
    let doubts = [
        "auth.tokens: over has ended at 2020-01-01T00:00:00Z".to_owned(),
        "auth.tokens: useless has no `scopes`".to_owned(),
        format!("auth.tokens: lonely has neither `user_ids` nor `all_users`: it {nobody}"),
        format!("auth.tokens: blind has neither `user_ids` nor `all_users`: it {nobody}"),
        format!("auth.certificates: desk has neither `user_ids` nor `all_users`: it {nobody}"),
        "auth.anonymous_scopes: without `anonymous_all_users` callers".to_owned(),
        "auth.certificates: clients are asked for theirs nowhere".to_owned(),
    ];
    let config = format!("{tokens}{rest}");
    let redis = Redis::start().await;
    let Ended { code, stdout, stderr } =
        by_file(folder.path(), &["check", "--redis-url", &redis.url()], &config).await;
    assert_eq!(code, Some(0), "{stdout}{stderr}");
    for doubt in &doubts {
        assert!(stdout.contains(&format!("warn  {doubt}")), "{doubt}:\n{stdout}");
    }
    assert!(!stdout.contains("auth.tokens: well") && !stdout.contains("auth.tokens: better"), "{stdout}");

    let mut demo = command(&["demo", "--port", "0", "--config"]);
    demo.arg(folder.path().join("config.toml"));
    let mut demo = Program::start(demo);
    for doubt in &doubts {
        demo.logs(doubt).await;
    }
    let unused = "[auth]\nanonymous_scopes = [\"market\"]\n";
    let ended = by_file(folder.path(), &["check"], unused).await;
    assert!(
        ended.stdout.contains("warn  auth.anonymous_scopes: without `anonymous = \"allow\"`"),
        "{ended:?}"
    );
}

#[tokio::test]
async fn keys_that_issuers_publish_are_fetched_to_see_whether_they_can_be() {
    let folder = tempfile::tempdir().unwrap();
    let signer = Authority::new(Algorithm::ES256);
    let other = Authority::new(Algorithm::RS256);
    let good = KeySet::publish(vec![signer.jwk("a"), signer.jwk("b")]).await;
    let unfit = KeySet::publish(vec![other.jwk("a")]).await;
    let broken = KeySet::publish(vec![json!("no key")]).await;
    let gone = "http://127.0.0.1:1/jwks".to_owned();
    let redis = Redis::start().await;
    let check = async |url: &str| {
        let config = format!(
            "[auth]\nissuers = [{{ issuer = \"https://id\", audience = \"x\", algorithms = [\"ES256\"], \
             jwks_url = {url:?} }}]"
        );
        by_file(folder.path(), &["check", "--redis-url", &redis.url()], &config).await
    };
    let ended = check(&good.url).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("ok    auth.issuers: https://id: keys: 2"), "{ended:?}");
    for (url, complaint) in [
        (&unfit.url, "https://id: it publishes no key for [ES256]".to_owned()),
        (&broken.url, format!("https://id: its keys cannot be fetched: {}: ", broken.url)),
        (&gone, format!("https://id: its keys cannot be fetched: {gone}: ")),
    ] {
        let ended = check(url).await;
        assert_eq!(
            (ended.code, ended.stderr.as_str()),
            (Some(1), "fullon-cache-api: 1 error\n"),
            "{ended:?}"
        );
        assert!(ended.stdout.contains(&format!("error auth.issuers: {complaint}")), "{ended:?}");
    }
    assert!(check(&gone).await.stdout.contains("Connection refused"));
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_is_said_of_its_own_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    files(folder.path(), &Voucher::new(), None);
    fs::write(path("empty.pem"), "").unwrap();
    fs::write(path("other.key"), KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let (good, key) = (path("server.pem"), path("server.key"));
    let cases = [
        (&path("missing"), &key, None, "certificate: ", "No such file"),
        (&path("empty.pem"), &key, None, "certificate: ", "no certificate in PEM"),
        (&key, &good, None, "certificate: ", "no certificate in PEM"),
        (&good, &path("missing"), None, "key: ", "No such file"),
        (&good, &good, None, "key: ", "no private key in PEM"),
        (&good, &path("other.key"), None, "key: ", "it is not the key of"),
        (&good, &key, Some(path("empty.pem")), "client_ca: ", "no certificate in PEM"),
    ];
    for (certificate, key, client_ca, name, complaint) in cases {
        let client_ca = client_ca.map(|file| format!(", client_ca = {file:?}")).unwrap_or_default();
        let tls = format!("tls = {{ certificate = {certificate:?}, key = {key:?}{client_ca} }}");
        for (config, place) in [
            (format!("[listen]\n{tls}"), "listen.tls."),
            (format!("[listen]\nalso = [{{ host = \"127.0.0.1\", port = 0, {tls} }}]"), "listen.also.0.tls."),
        ] {
            let Ended { code, stdout, .. } = by_file(folder.path(), &["check"], &config).await;
            let line = stdout.lines().find(|line| line.starts_with(&format!("error {place}{name}")));
            assert!(
                code == Some(1) && line.is_some_and(|line| line.contains(complaint)),
                "{config}\n{stdout}"
            );
            let Ended { code, stderr, .. } = by_file(folder.path(), &["serve"], &config).await;
            assert!(code == Some(2) && stderr.contains(&format!("{place}{name}")), "{config}\n{stderr}");
        }
    }
}
