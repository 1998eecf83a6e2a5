//! What deploy/ brings fits the server.

use std::fs;

use fullon_cache_api::{config::Listen, registry::Registry};

use crate::{
    common::{Binary, Ended, Redis, RedisOptions, run},
    rights::acl_line,
};

fn of_deploy(path: &str) -> String {
    fs::read_to_string(format!("{}/deploy/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[tokio::test]
async fn the_configurations_serve_a_redis_with_the_users_of_the_compose_file() {
    let users = of_deploy("docker/users.acl");
    let line = acl_line("default", &Registry::built_in().unwrap());
    let reader = line.replacen("ACL SETUSER", "user", 1);
    assert!(users.lines().any(|user| user == reader), "want {reader}");

    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let users = users.replace(">PASSWORD", ">rightpass").replace(">WRITER_PASSWORD", ">writerpass");
    fs::write(file("users.acl"), users).unwrap();
    fs::write(file("password"), "rightpass\n").unwrap();
    let options = RedisOptions {
        args: vec!["--aclfile".to_owned(), file("users.acl")],
        password: Some("writerpass".to_owned()),
        ..RedisOptions::default()
    };
    let redis = Redis::start_with(options).await;
    for configuration in ["docker/config", "kubernetes"] {
        let mut check = Binary::command(&["check", "--host", "127.0.0.1", "--port", "0"]);
        check.current_dir(format!("{}/deploy/{configuration}", env!("CARGO_MANIFEST_DIR")));
        check.env("REDIS_HOST", "127.0.0.1").env("REDIS_PORT", redis.port.to_string());
        check.env("FULLON_CACHE_API__REDIS__PASSWORD_FILE", file("password"));
        let Ended { code, stdout, stderr } = run(check).await;
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{configuration}: {stdout}");
        assert!(stdout.contains("ok    redis: the user may only read"), "{configuration}: {stdout}");
    }
}

#[test]
fn the_socket_unit_listens_where_the_server_does_by_default() {
    let Listen { host, port, .. } = Listen::default();
    let packaged = of_deploy("debian/fullon-cache-api.toml");
    assert!(!packaged.lines().any(|line| line.trim() == "[listen]"), "it listens elsewhere:\n{packaged}");
    let unit = of_deploy("systemd/fullon-cache-api.socket");
    let listens: Vec<_> = unit.lines().filter_map(|line| line.strip_prefix("ListenStream=")).collect();
    assert_eq!(listens, [format!("{host}:{port}")]);
}
