//! A Redis behind TLS.

use std::fs;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::common::{Binary, Redis, RedisOptions, free_port, run};

#[tokio::test]
async fn a_redis_behind_tls_is_read_if_its_certificate_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    fs::write(path("ca.pem"), authority.pem()).unwrap();
    fs::write(path("redis.pem"), certificate.pem()).unwrap();
    fs::write(path("redis.key"), key.serialize_pem()).unwrap();

    let port = free_port();
    let args = [
        ["--tls-port", &port.to_string()],
        ["--tls-cert-file", &path("redis.pem")],
        ["--tls-key-file", &path("redis.key")],
        ["--tls-ca-cert-file", &path("ca.pem")],
        ["--tls-auth-clients", "no"],
    ];
    let options = RedisOptions {
        args: args.concat().into_iter().map(str::to_owned).collect(),
        ..RedisOptions::default()
    };
    let _redis = Redis::start_with(options).await;
    let url = format!("rediss://localhost:{port}");
    let check = || Binary::command(&["check", "--port", "0", "--redis-url", &url]);

    let mut trusting = check();
    trusting.env("SSL_CERT_FILE", path("ca.pem"));
    let ended = run(trusting).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains(&format!("ok    redis: {url}/0")), "{ended:?}");

    let ended = run(check()).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("certificate"), "{ended:?}");
}
