//! A Redis behind TLS, and its sentinels.

use std::{fs, process::Command};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use crate::common::{Binary, Cluster, MASTER, Redis, RedisOptions, Sentinel, free_port, run};

/// A certificate for `localhost`, and the authority that vouches for it.
struct Certificate(tempfile::TempDir);

impl Certificate {
    fn new() -> Self {
        let certificate = Self(tempfile::tempdir().unwrap());
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // One that is called as those whom it vouches for would be taken for one of them.
        authority.distinguished_name.push(DnType::CommonName, "an authority");
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        fs::write(certificate.path("ca.pem"), authority.pem()).unwrap();
        for (file, name) in [("redis", "localhost"), ("client", "reader")] {
            let key = KeyPair::generate().unwrap();
            let names = CertificateParams::new(vec![name.to_owned()]).unwrap();
            let signed = names.signed_by(&key, &authority).unwrap();
            fs::write(certificate.path(&format!("{file}.pem")), signed.pem()).unwrap();
            fs::write(certificate.path(&format!("{file}.key")), key.serialize_pem()).unwrap();
        }
        certificate
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// What has a Redis, or a sentinel, speak TLS on this port.
    fn settings(&self, port: u16, asks_clients: &str) -> [(&'static str, String); 5] {
        [
            ("tls-port", port.to_string()),
            ("tls-cert-file", self.path("redis.pem")),
            ("tls-key-file", self.path("redis.key")),
            ("tls-ca-cert-file", self.path("ca.pem")),
            ("tls-auth-clients", asks_clients.to_owned()),
        ]
    }

    async fn redis(&self, port: u16, asks_clients: &str, replicates: bool) -> Redis {
        let settings = self.settings(port, asks_clients);
        let args = settings.into_iter().flat_map(|(key, value)| [format!("--{key}"), value]);
        Redis::start_with(RedisOptions { args: args.collect(), replicates, ..RedisOptions::default() }).await
    }

    /// A sentinel that names the master at a port, and what has the server ask it.
    async fn sentinel(&self, port: u16, asks_clients: &str, master: u16) -> (Sentinel, [String; 3]) {
        let lines = self.settings(port, asks_clients).map(|(key, value)| format!("{key} {value}"));
        let more = [
            "tls-replication yes".to_owned(),
            "sentinel resolve-hostnames yes".to_owned(),
            "sentinel announce-hostnames yes".to_owned(),
            format!("sentinel monitor {MASTER} localhost {master} 1"),
        ];
        let settings = [
            format!("redis.sentinels=rediss://localhost:{port}"),
            format!("redis.sentinel_master={MASTER}"),
            "redis.tls=true".to_owned(),
        ];
        (Sentinel::start(&[&lines[..], &more].concat()).await, settings)
    }
}

fn check(settings: &[String]) -> Command {
    let mut command = Binary::command(&["check", "--port", "0"]);
    settings.iter().for_each(|setting| {
        command.args(["--set", setting]);
    });
    command
}

/// `check` finds Redis there if it trusts the authority, and only then.
async fn assert_that_trust_matters(certificate: &Certificate, settings: &[String], found: &str) {
    let mut trusting = check(settings);
    trusting.env("SSL_CERT_FILE", certificate.path("ca.pem"));
    let ended = run(trusting).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains(&format!("ok    redis: {found}")), "{ended:?}");

    let ended = run(check(settings)).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("certificate"), "{ended:?}");
}

#[tokio::test]
async fn a_redis_behind_tls_is_read_if_its_certificate_is_trusted() {
    let (certificate, port) = (Certificate::new(), free_port());
    let _redis = certificate.redis(port, "no", false).await;
    let url = format!("rediss://localhost:{port}");
    let found = format!("{url}/0");
    assert_that_trust_matters(&certificate, &[format!("redis.url={url}")], &found).await;
    let settings = ["redis.host=localhost", "redis.tls=true", &format!("redis.port={port}")];
    assert_that_trust_matters(&certificate, &settings.map(str::to_owned), &found).await;
}

#[tokio::test]
async fn sentinels_and_the_master_that_they_name_may_speak_tls() {
    let (certificate, port, of_sentinel) = (Certificate::new(), free_port(), free_port());
    let _redis = certificate.redis(port, "no", true).await;
    let (_sentinel, settings) = certificate.sentinel(of_sentinel, "no", port).await;
    let found = format!("rediss://localhost:{port}/0 (named by the sentinel localhost:{of_sentinel})");
    assert_that_trust_matters(&certificate, &settings, &found).await;
}

#[tokio::test]
async fn a_redis_that_asks_for_a_certificate_is_shown_one() {
    let (certificate, port, of_sentinel) = (Certificate::new(), free_port(), free_port());
    let _redis = certificate.redis(port, "yes", true).await;
    let own = [
        format!("redis.tls_ca={}", certificate.path("ca.pem")),
        format!("redis.tls_certificate={}", certificate.path("client.pem")),
        format!("redis.tls_key={}", certificate.path("client.key")),
    ];
    let url = format!("rediss://localhost:{port}");
    let with = |settings: &[String]| [&[format!("redis.url={url}")], settings].concat();
    let ended = run(check(&with(&own))).await;
    assert!(ended.code == Some(0) && ended.stdout.contains(&format!("ok    redis: {url}/0")), "{ended:?}");
    // Whoever shows none is sent away.
    let ended = run(check(&with(&own[..1]))).await;
    assert!(ended.code == Some(1) && ended.stdout.contains(&format!("error redis: {url}/0: ")), "{ended:?}");
    // The key of another is noticed before anything is sent.
    let other = format!("redis.tls_key={}", certificate.path("redis.key"));
    let ended = run(check(&with(&[&own[..2], &[other]].concat()))).await;
    assert!(ended.code == Some(2) && ended.stderr.contains("redis.tls_key: "), "{ended:?}");

    // Sentinels may ask for it too.
    let (_sentinel, named) = certificate.sentinel(of_sentinel, "yes", port).await;
    let ended = run(check(&[&named[..], &own].concat())).await;
    let found = format!("ok    redis: {url}/0 (named by the sentinel localhost:{of_sentinel})");
    assert!(ended.code == Some(0) && ended.stdout.contains(&found), "{ended:?}");
}

#[tokio::test]
async fn the_nodes_of_a_cluster_may_speak_tls_and_are_known_by_their_names() {
    let (certificate, port) = (Certificate::new(), free_port());
    let settings =
        certificate.settings(port, "yes").into_iter().flat_map(|(key, value)| [format!("--{key}"), value]);
    let of_cluster = ["--tls-cluster", "yes", "--cluster-announce-hostname", "localhost"];
    let args: Vec<String> = settings.chain(of_cluster.map(str::to_owned)).collect();
    let _cluster = Cluster::start(1, 0, &args).await;
    let settings = [
        format!("redis.cluster=localhost:{port}"),
        "redis.tls=true".to_owned(),
        format!("redis.tls_ca={}", certificate.path("ca.pem")),
        format!("redis.tls_certificate={}", certificate.path("client.pem")),
        format!("redis.tls_key={}", certificate.path("client.key")),
    ];
    let ended = run(check(&settings)).await;
    let found = format!("ok    redis: the cluster of the masters localhost:{port}, version ");
    assert!(ended.code == Some(0) && ended.stdout.contains(&found), "{ended:?}");
}
