//! How the commands that speak to a server get there, and what they say where they don't.

use std::{fs, path::Path};

use fullon_cache_api::{
    cache::{Cache, Store},
    config::{Config, Tls},
    registry::Registry,
};
use tokio::net::TcpListener;

use super::command;
use crate::{
    access::{Voucher, files, root},
    common::{Server, run},
};

async fn start(change: impl FnOnce(&mut Config)) -> Server {
    let mut config = Server::config();
    change(&mut config);
    Server::start_with(Registry::built_in().unwrap(), Cache::embedded(Store::new()), config).await
}

/// A server with a certificate that a private authority vouches for, which is in the file `ca.pem`.
pub(super) async fn with_tls(folder: &Path) -> Server {
    let authority = Voucher::new();
    fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
    let tls: Tls = files(folder, &authority, None);
    start(|config| config.listen.tls = Some(tls)).await
}

#[tokio::test]
async fn a_private_authority_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let server = with_tls(folder.path()).await;
    let port = server.address.port();
    let url = format!("wss://localhost:{port}");
    let ended = run(command(&["call", "get_exchanges", "--url", &url, "--ca", &path("ca.pem")])).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "[]\n"), "{ended:?}");
    let mut by_variable = command(&["list", "--url", &url]);
    by_variable.env("FULLON_CACHE_API_CA", path("ca.pem"));
    assert_eq!(run(by_variable).await.code, Some(0));

    // The system may trust somebody or nobody.
    fs::write(path("others.pem"), Voucher::new().pem()).unwrap();
    let mut by_others = command(&["list", "--url", &url]);
    by_others.env("SSL_CERT_FILE", path("others.pem"));
    let mut by_nobody = command(&["list", "--url", &url]);
    by_nobody.env("SSL_CERT_FILE", path("no-such-file")).env("SSL_CERT_DIR", path("no-such-folder"));
    for asking in [by_others, by_nobody] {
        let ended = run(asking).await;
        assert_eq!(ended.code, Some(3), "{ended:?}");
        assert!(ended.stderr.contains("name that: --ca FILE"), "{ended:?}");
    }
    let by_address = format!("wss://127.0.0.1:{port}");
    let ended = run(command(&["list", "--url", &by_address, "--ca", &path("ca.pem")])).await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("Name the server as its certificate does"), "{ended:?}");

    // One for an authority is what `openssl req -x509` makes if it is not told otherwise.
    let (of_authority, key) = Voucher::new().itself();
    fs::write(path("authority.pem"), &of_authority).unwrap();
    fs::write(path("authority.key"), key).unwrap();
    let itself = start(|config| {
        let (certificate, key) = (path("authority.pem").into(), path("authority.key").into());
        config.listen.tls = Some(Tls { certificate, key, client_ca: None });
    })
    .await;
    let to_itself = format!("wss://localhost:{}", itself.address.port());
    let ended = run(command(&["list", "--url", &to_itself, "--ca", &path("authority.pem")])).await;
    assert!(ended.stderr.contains("basicConstraints=critical,CA:FALSE"), "{ended:?}");

    fs::write(path("empty.pem"), "").unwrap();
    for (file, complaint) in [("missing.pem", "No such file"), ("empty.pem", "no certificate in PEM")] {
        let ended = run(command(&["list", "--url", &url, "--ca", &path(file)])).await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(complaint) && ended.stderr.contains(file), "{ended:?}");
    }
}

#[tokio::test]
async fn who_takes_one_kind_of_server_for_the_other_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (plain, tls) = (start(|_| {}).await, with_tls(folder.path()).await);
    let ca = folder.path().join("ca.pem").display().to_string();
    for (url, hint) in [
        (format!("wss://localhost:{}", plain.address.port()), "is it ws://?"),
        (format!("ws://localhost:{}", tls.address.port()), "is it wss://?"),
    ] {
        let ended = run(command(&["list", "--url", &url, "--ca", &ca])).await;
        assert_eq!(ended.code, Some(3), "{ended:?}");
        assert!(ended.stderr.contains(hint), "{ended:?}");
    }
    // Where nobody is at all it is another thing that is wrong.
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let ended = run(command(&["list", "--url", &format!("ws://{free}")])).await;
    assert!(ended.stderr.contains("refused") && !ended.stderr.contains("wss://?"), "{ended:?}");
}

#[tokio::test]
async fn a_unix_socket_is_reached_by_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api.sock");
    let place = serde_json::from_value(serde_json::json!({ "unix": path })).unwrap();
    let _server = start(|config| {
        config.listen.also = vec![place];
        config.auth.tokens = vec![root()];
    })
    .await;
    // As it is usually written, and as the log has it.
    for scheme in ["unix://", "unix:"] {
        let url = format!("{scheme}{}", path.display());
        let ended = run(command(&["call", "get_exchanges", "--url", &url, "--token", "root"])).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "[]\n"), "{ended:?}");
    }
    let ended = run(command(&["list", "--url", "unix:///no/such.sock"])).await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("cannot connect to unix:///no/such.sock: "), "{ended:?}");
    assert_eq!(run(command(&["list", "--url", "unix://no/such.sock"])).await.code, Some(2));
}

#[tokio::test]
async fn an_empty_variable_is_none() {
    let server = start(|_| {}).await;
    for variable in ["FULLON_CACHE_API_URL", "FULLON_CACHE_API_TOKEN", "FULLON_CACHE_API_CA", "CONFIG_FILE"] {
        let mut asking = command(&["call", "get_exchanges"]);
        asking.env("WEBSOCKET_PORT", server.address.port().to_string()).env(variable, "");
        let ended = run(asking).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "[]\n"), "{variable}: {ended:?}");
    }
    let mut demo = command(&["demo", "--port", "x"]);
    demo.env("CONFIG_FILE", "");
    assert!(run(demo).await.stderr.contains("--port: `listen.port`"));
}

#[tokio::test]
async fn a_token_in_the_address_is_not_shown() {
    let server = start(|config| {
        config.auth.tokens = vec![root()];
        config.auth.token_in_query = true;
    })
    .await;
    let url = |token: &str| format!("ws://{}?token={token}", server.address);
    assert_eq!(run(command(&["call", "get_exchanges", "--url", &url("root")])).await.code, Some(0));
    let refused = run(command(&["list", "--url", &url("0071")])).await;
    let unreachable = run(command(&["list", "--url", "ws://127.0.0.1:1/?token=0071"])).await;
    for (ended, code) in [(refused, 4), (unreachable, 3)] {
        assert!(ended.code == Some(code) && !ended.stderr.contains("0071"), "{ended:?}");
    }
}
