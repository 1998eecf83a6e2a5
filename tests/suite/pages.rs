//! What is served by plain HTTP.

use fullon_cache_api::{
    cache::{Cache, Store},
    config::Secret,
    registry::Registry,
};
use serde_json::Value;

use crate::{
    access::{guarded, root},
    common::{Page, Redis, Server, ask, get},
};

/// The paths of all that the explorer page names.
fn named_in(page: &str) -> Vec<String> {
    let named = page.split(['"', '\'']).filter(|word| word.contains("assets/"));
    named.map(|path| format!("/{}", path.trim_start_matches(['.', '/']))).collect()
}

#[tokio::test]
async fn a_browser_gets_the_explorer_with_all_its_files() {
    let server = Server::embedded(Store::new()).await;
    let page = get(server.address, "/", &[]).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("cache-control"), "no-cache");
    for path in named_in(page.text()) {
        let plain = get(server.address, &path, &[]).await;
        assert_eq!((plain.status, plain.header("content-encoding")), (200, ""), "{path}");
        assert!(plain.header("cache-control").contains("immutable"));
        let packed = get(server.address, &path, &["accept-encoding: br, gzip;q=0.8"]).await;
        assert_eq!((packed.status, packed.header("content-encoding")), (200, "gzip"), "{path}");
        assert!(packed.body.starts_with(&[0x1f, 0x8b]) && packed.body.len() < plain.body.len());
        let refused = get(server.address, &path, &["accept-encoding: gzip;q=0"]).await;
        assert_eq!(refused.body, plain.body);
    }
    for path in ["/assets/", "/assets/../index.html", "/nothing", "//"] {
        assert_eq!(get(server.address, path, &[]).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn the_explorer_can_be_switched_off() {
    let mut config = Server::config();
    config.http.explorer = false;
    let cache = Cache::embedded(Store::new());
    let server = Server::start_with(Registry::built_in().unwrap(), cache, config).await;
    let page = get(server.address, "/", &[]).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/plain; charset=utf-8"));
    assert_eq!(get(server.address, "/index.html", &[]).await.status, 404);
}

#[tokio::test]
async fn pages_are_only_asked_for() {
    let server = Server::embedded(Store::new()).await;
    let head = ask(server.address, "HEAD", "/healthz", &[]).await;
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, "3", 0));
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let refused = ask(server.address, method, "/healthz", &[]).await;
        assert_eq!((refused.status, refused.header("allow")), (405, "GET, HEAD"), "{method}");
    }
}

#[tokio::test]
async fn who_probes_it_learns_whether_it_is_alive_and_whether_it_can_work() {
    let mut redis = Redis::start().await;
    let server = Server::reading(&redis).await;
    assert_eq!(get(server.address, "/healthz", &[]).await.text(), "ok\n");
    assert_eq!(get(server.address, "/readyz", &[]).await.text(), "ready\n");
    redis.kill();
    let mut told = get(server.address, "/readyz", &[]).await;
    // Until it has noticed.
    while told.status == 200 {
        told = get(server.address, "/readyz", &[]).await;
    }
    assert_eq!((told.status, told.text()), (503, "not ready\nRedis cannot be reached\n"));
    assert_eq!(get(server.address, "/healthz", &[]).await.status, 200);
    redis.revive().await;
    server.app.cache().connected().await;
    while get(server.address, "/readyz", &[]).await.status != 200 {}
}

#[tokio::test]
async fn the_contract_is_served_as_it_is_in_the_repository() {
    let server = Server::embedded(Store::new()).await;
    let listed = get(server.address, "/schemas", &[]).await;
    let paths: Vec<String> = serde_json::from_slice(&listed.body).unwrap();
    assert!(paths.len() > 80 && paths.contains(&"draft-07/get_ticker.json".to_owned()), "{paths:?}");
    for path in paths {
        let served = get(server.address, &format!("/schemas/{path}"), &[]).await;
        let written = std::fs::read_to_string(format!("schemas/{path}")).unwrap();
        assert_eq!((served.status, served.text()), (200, written.as_str()), "{path}");
    }
    assert_eq!(get(server.address, "/schemas/get_nothing.json", &[]).await.status, 404);
    let served = get(server.address, "/asyncapi.yaml", &[]).await;
    assert_eq!(served.text(), std::fs::read_to_string("schemas/asyncapi.yaml").unwrap());
    let version: Value = serde_json::from_slice(&get(server.address, "/version", &[]).await.body).unwrap();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn what_the_server_is_like_is_for_those_who_are_let_in() {
    let (_redis, server) = guarded(|config| config.auth.tokens = vec![root()]).await;
    for path in ["/version", "/schemas", "/schemas/ping.json", "/asyncapi.yaml"] {
        let refused = get(server.address, path, &[]).await;
        assert_eq!((refused.status, refused.header("www-authenticate")), (401, "Bearer"), "{path}");
        assert_eq!(get(server.address, path, &["authorization: Bearer wrong"]).await.status, 401);
        assert_eq!(get(server.address, path, &["authorization: Basic cm9vdA=="]).await.status, 401);
        assert_eq!(get(server.address, path, &["authorization: Bearer root"]).await.status, 200, "{path}");
    }
    for path in ["/", "/healthz", "/readyz"] {
        assert_eq!(get(server.address, path, &[]).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_name_of_a_strangers_that_points_here_opens_nothing() {
    let server = Server::embedded(Store::new()).await;
    let status = async |host: &str| -> u16 {
        let page: Page = get(server.address, "/version", &[&format!("host: {host}")]).await;
        page.status
    };
    for own in ["localhost", "localhost:8765", "127.0.0.1", "[::1]:8765", "[::1]"] {
        assert_eq!(status(own).await, 200, "{own}");
    }
    for other in ["evil.example", "evil.example:8765", "127.0.0.1.evil.example"] {
        assert_eq!(status(other).await, 401, "{other}");
    }
    // Through a proxy that is not known strangers come, too.
    let forwarded = get(server.address, "/version", &["x-forwarded-for: 192.0.2.1"]).await;
    assert_eq!(forwarded.status, 401);
}

#[tokio::test]
async fn a_secret_of_redis_is_nowhere_in_what_is_served() {
    let redis = Redis::start().await;
    let mut config = Server::config();
    config.redis.url = Some(Secret::from(redis.url().replace("redis://", "redis://user:s3cret@").as_str()));
    let server = Server::start(config).await;
    server.app.cache().settled().await;
    for path in ["/readyz", "/version", "/asyncapi.yaml"] {
        let page = get(server.address, path, &[]).await;
        assert!(!page.text().contains("s3cret") && !page.text().contains("user:"), "{path}");
    }
}
