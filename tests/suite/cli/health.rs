//! `health`, as who watches over a container runs it.

use fullon_cache_api::cache::Store;

use super::{command, reaching::with_tls};
use crate::common::{Ended, Redis, Server, run};

async fn health(server: &Server, args: &[&str]) -> Ended {
    let mut command = command(&["health"]);
    command.args(args).args(["--url", &server.url()]);
    run(command).await
}

#[tokio::test]
async fn it_tells_whether_the_server_lives_and_whether_it_can_work() {
    let mut redis = Redis::start().await;
    let server = Server::reading(&redis).await;
    for (args, said) in [(&[][..], "ok\n"), (&["--ready"], "ready\n")] {
        let ended = health(&server, args).await;
        assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(0), said, ""));
    }
    redis.kill();
    let mut ended = health(&server, &["--ready"]).await;
    // Until the server has noticed.
    while ended.code == Some(0) {
        ended = health(&server, &["--ready"]).await;
    }
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(4), ""), "{ended:?}");
    assert!(ended.stderr.contains("/readyz answers 503") && ended.stderr.contains("Redis cannot be reached"));
    assert_eq!(health(&server, &[]).await.code, Some(0));
}

#[tokio::test]
async fn it_gets_there_as_clients_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let server = with_tls(folder.path()).await;
    let url = format!("wss://localhost:{}", server.address.port());
    let ended = run(command(&["health", "--url", &url, "--ca", &path("ca.pem")])).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "ok\n"), "{ended:?}");
    let mut by_nobody = command(&["health", "--url", &url]);
    by_nobody.env("SSL_CERT_FILE", path("no-such-file")).env("SSL_CERT_DIR", path("no-such-folder"));
    let ended = run(by_nobody).await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("name that: --ca FILE"), "{ended:?}");

    let plain = Server::embedded(Store::new()).await;
    let mut as_configured = command(&["health"]);
    as_configured.env("WEBSOCKET_PORT", plain.address.port().to_string());
    assert_eq!(run(as_configured).await.code, Some(0));
    let wrong = format!("wss://localhost:{}", plain.address.port());
    let ended = run(command(&["health", "--url", &wrong])).await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("It does not speak TLS there; is it ws://?"), "{ended:?}");
}
