//! Where the server listens, and whom it lets in there.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, sync::Arc};

use fullon_cache_api::{
    access::Scope,
    cache::{Cache, Store},
    config::{Certificate, Config, Place, Tls},
    registry::Registry,
    server::Listener,
};
use futures_util::{SinkExt as _, StreamExt as _};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use serde_json::{Value, json};
use tokio::net::UnixStream;
use tokio_tungstenite::{
    Connector, WebSocketStream, client_async, connect_async_tls_with_config,
    tungstenite::{self, Message, client::IntoClientRequest as _},
};

use super::{Digest, bearer, root, token};
use crate::common::{Binary, Client, Program, Server, run};

async fn start(change: impl FnOnce(&mut Config)) -> Server {
    let mut config = Server::config();
    change(&mut config);
    Server::start_with(Registry::built_in().unwrap(), Cache::embedded(Store::new()), config).await
}

/// Asks once on a connection of any kind.
async fn ask<S>(socket: &mut WebSocketStream<S>, operation: &str) -> Value
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    socket.send(Message::text(json!({ "operation": operation }).to_string())).await.unwrap();
    let reply = socket.next().await.unwrap().unwrap();
    serde_json::from_str(reply.to_text().unwrap()).unwrap()
}

#[tokio::test]
async fn an_address_that_others_can_reach_needs_logins_or_a_word() {
    let any = |change: &dyn Fn(&mut Config)| {
        let mut config = Server::config();
        config.listen.host = "0.0.0.0".to_owned();
        change(&mut config);
        async move { Listener::bind_all(&config).await.map(|listeners| listeners.len()) }
    };
    let refused = any(&|_| {}).await.unwrap_err();
    assert!(refused.contains("there is no login") && refused.contains("token new"), "{refused}");
    assert_eq!(any(&|config| config.auth.tokens = vec![root()]).await, Ok(1));
    let allow = |config: &mut Config| config.auth.anonymous = fullon_cache_api::config::Anonymous::Allow;
    assert_eq!(any(&allow).await, Ok(1));
    // To allow is to say what.
    let args = ["check", "--port", "0", "--set", "auth.anonymous=allow"];
    let ended = run(Binary::command(&args)).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("`auth.anonymous_scopes`: say what callers without a login"), "{ended:?}");
    // One more place is looked at as the first is.
    let more = |config: &mut Config| {
        config.listen.host = "127.0.0.1".to_owned();
        config.listen.also = vec![place(json!({"host": "0.0.0.0", "port": 0}))];
    };
    assert!(any(&more).await.unwrap_err().starts_with("listen.also: 0.0.0.0 can be reached"));
}

fn place(place: Value) -> Place {
    serde_json::from_value(place).unwrap()
}

#[tokio::test]
async fn pages_of_listed_origins_may_connect_and_no_others() {
    let server =
        start(|config| config.listen.origins = vec!["https://desk.example.com".parse().unwrap()]).await;
    let own = format!("http://{}", server.address);
    for welcome in ["https://desk.example.com", "https://desk.example.com:443", &own] {
        Client::connect_with(&server.url(), &[("origin", welcome)]).await.unwrap();
    }
    for stranger in [
        "http://desk.example.com",
        "https://desk.example.com:8443",
        "https://desk.example.com.evil.example",
        "https://evil.example",
        "http://127.0.0.1:1",
        "http://localhost",
        "null",
        "file://",
    ] {
        let refused = Client::connect_with(&server.url(), &[("origin", stranger)]).await;
        assert_eq!(refused.err(), Some(403), "{stranger}");
    }
    // A stranger's name may point here; what it is asked by is no address of this server then.
    let rebound = [("origin", "http://evil.example"), ("host", "evil.example")];
    assert_eq!(Client::connect_with(&server.url(), &rebound).await.err(), Some(403));
}

#[tokio::test]
async fn who_comes_through_a_proxy_is_no_local_caller() {
    let server = start(|_| {}).await;
    let mut local = server.client().await;
    local.call("get_bots", json!({})).await;
    for header in ["x-forwarded-for", "forwarded", "via", "x-real-ip"] {
        let mut through = Client::connect_with(&server.url(), &[(header, "127.0.0.1")]).await.unwrap();
        assert_eq!(through.fail("get_bots", json!({})).await.0, "UNAUTHENTICATED", "{header}");
    }
}

#[tokio::test]
async fn a_unix_socket_serves_whom_its_mode_lets_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api.sock");
    // What a server that was killed leaves behind is in nobody's way.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let server = start(|config| {
        config.listen.also = vec![place(json!({"unix": path, "mode": "600"}))];
    })
    .await;
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let stream = UnixStream::connect(&path).await.unwrap();
    let (mut socket, _) = client_async("ws://localhost/", stream).await.unwrap();
    assert_eq!(ask(&mut socket, "get_bots").await["success"], true);

    let mut config = Server::config();
    config.listen.also = vec![place(json!({"unix": path}))];
    let taken = Listener::bind_all(&config).await.map(drop).unwrap_err();
    assert!(taken.contains("is in use"), "{taken}");
    let file = folder.path().join("file");
    fs::write(&file, "precious").unwrap();
    config.listen.also = vec![place(json!({"unix": file}))];
    let refused = Listener::bind_all(&config).await.map(drop).unwrap_err();
    assert!(refused.contains("is there, and is no socket"), "{refused}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    let wrong = folder.path().join("no/such/folder.sock");
    config.listen.also = vec![place(json!({"unix": wrong}))];
    let wrong = Listener::bind_all(&config).await.map(drop).unwrap_err();
    assert!(wrong.contains("cannot listen on") && wrong.contains("folder.sock"), "{wrong}");
    server.stop();
}

#[tokio::test]
async fn the_word_of_a_proxy_at_a_unix_socket_is_believed_if_it_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api.sock");
    let server = start(|config| {
        config.listen.also = vec![place(json!({"unix": path}))];
        config.listen.trusted_proxies = vec!["unix".parse().unwrap()];
        config.limits.connections_per_address = 1;
    })
    .await;
    let connect = async |address: &str| {
        let mut request = "ws://localhost/".into_client_request().unwrap();
        request.headers_mut().insert("x-forwarded-for", address.parse().unwrap());
        client_async(request, UnixStream::connect(&path).await.unwrap()).await
    };
    let _first = connect("203.0.113.1").await.unwrap();
    let Err(tungstenite::Error::Http(refused)) = connect("203.0.113.1").await else { panic!("it is let in") };
    assert_eq!(refused.status(), 429);
    connect("203.0.113.2").await.unwrap();
    server.stop();
}

/// One who vouches for certificates.
pub struct Voucher(CertifiedIssuer<'static, KeyPair>);

impl Voucher {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A certificate for a name, and its key, as PEM.
    fn vouch(&self, name: &str, is_client: bool) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let usage =
            if is_client { ExtendedKeyUsagePurpose::ClientAuth } else { ExtendedKeyUsagePurpose::ServerAuth };
        params.extended_key_usages = vec![usage];
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }

    /// Its own certificate, and its key, as PEM.
    pub fn itself(&self) -> (String, String) {
        (self.0.pem(), self.0.key().serialize_pem())
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }
}

/// Files of a server's certificate.
pub fn files(folder: &Path, servers: &Voucher, clients: Option<&Voucher>) -> Tls {
    let path = |name: &str| folder.join(name);
    let (certificate, key) = servers.vouch("localhost", false);
    fs::write(path("server.pem"), certificate).unwrap();
    fs::write(path("server.key"), key).unwrap();
    if let Some(clients) = clients {
        fs::write(path("clients.pem"), clients.pem()).unwrap();
    }
    Tls {
        certificate: path("server.pem"),
        key: path("server.key"),
        client_ca: clients.map(|_| path("clients.pem")),
    }
}

type Socket = WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

async fn connect_tls(
    server: &Server,
    trusted: &Voucher,
    own: Option<&(String, String)>,
    headers: &[(&'static str, String)],
) -> Result<Socket, String> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusted.pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.unwrap().with_root_certificates(roots);
    let config = match own {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
            builder
                .with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap())
                .unwrap()
        }
    };
    let mut request = format!("wss://localhost:{}/", server.address.port()).into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let connector = Connector::Rustls(Arc::new(config));
    let connected = connect_async_tls_with_config(request, None, true, Some(connector)).await;
    connected.map(|(socket, _)| socket).map_err(|error| error.to_string())
}

#[tokio::test]
async fn tls_is_spoken_with_those_who_trust_the_certificate() {
    let (folder, servers, others) = (tempfile::tempdir().unwrap(), Voucher::new(), Voucher::new());
    let server = start(|config| {
        config.listen.tls = Some(files(folder.path(), &servers, None));
        config.auth.tokens = vec![root()];
    })
    .await;
    let mut socket = connect_tls(&server, &servers, None, &bearer("root")).await.unwrap();
    assert_eq!(ask(&mut socket, "get_bots").await["success"], true);
    assert!(connect_tls(&server, &others, None, &[]).await.is_err());
    let plain = tokio_tungstenite::connect_async(server.url()).await;
    assert!(plain.is_err(), "it speaks nothing but TLS there");
}

#[tokio::test]
async fn a_client_certificate_is_a_login() {
    let (folder, servers, clients) = (tempfile::tempdir().unwrap(), Voucher::new(), Voucher::new());
    let (desk, bot, unknown) =
        (clients.vouch("desk.example.com", true), clients.vouch("bot", true), clients.vouch("unknown", true));
    let fingerprint = Digest::of(&CertificateDer::from_pem_slice(bot.0.as_bytes()).unwrap());
    let server = start(|config| {
        config.listen.tls = Some(files(folder.path(), &servers, Some(&clients)));
        let certificate = |certificate: Value| serde_json::from_value::<Certificate>(certificate).unwrap();
        config.auth.certificates = vec![
            certificate(json!({"name": "desk", "dns": "desk.example.com", "scopes": ["bots"]})),
            certificate(json!({"name": "bot", "sha256": fingerprint.to_string(), "scopes": ["orders"]})),
        ];
        config.auth.tokens = vec![token("by-token", &[Scope::Ops], &[])];
    })
    .await;
    let code = async |own: Option<&(String, String)>, headers: &[(&'static str, String)], operation: &str| {
        let mut socket = connect_tls(&server, &servers, own, headers).await.unwrap();
        ask(&mut socket, operation).await["error_code"].clone()
    };
    assert_eq!(code(Some(&desk), &[], "get_bots").await, Value::Null);
    assert_eq!(code(Some(&desk), &[], "get_system_health").await, "FORBIDDEN");
    assert_eq!(code(Some(&bot), &[], "get_bots").await, "FORBIDDEN");
    assert_eq!(code(Some(&unknown), &[], "get_bots").await, "UNAUTHENTICATED");
    assert_eq!(code(None, &[], "get_bots").await, "UNAUTHENTICATED");
    // A token goes before a certificate.
    assert_eq!(code(Some(&desk), &bearer("by-token"), "get_system_health").await, Value::Null);
    assert_eq!(code(Some(&desk), &bearer("by-token"), "get_bots").await, "FORBIDDEN");
    // One that a stranger vouches for gets nowhere.
    let forged = Voucher::new().vouch("desk.example.com", true);
    let connected = connect_tls(&server, &servers, Some(&forged), &[]).await;
    let answered = match connected {
        Ok(mut socket) => socket.next().await.is_some_and(|message| message.is_ok()),
        Err(_) => false,
    };
    assert!(!answered, "a forged certificate is taken");
}

#[tokio::test]
async fn what_is_wrong_with_a_listener_or_a_login_is_said_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("empty.pem"), "").unwrap();
    fs::write(path("short"), "guess").unwrap();
    fs::write(path("key.pem"), KeyPair::generate().unwrap().public_key_pem()).unwrap();
    let issuer =
        |more: &str| format!("auth.issuers=[{{ issuer = \"https://id\", audience = \"x\", {more} }}]");
    let cases = [
        (
            format!("[listen]\ntls = {{ certificate = \"{0}\", key = \"{0}\" }}", path("empty.pem")),
            "no certificate in PEM",
        ),
        (
            format!("[listen]\ntls = {{ certificate = \"{0}\", key = \"{0}\" }}", path("missing")),
            "No such file",
        ),
        ("[listen]\nalso = [{ host = \"127.0.0.1\" }]".to_owned(), "either `host` and `port`"),
        ("[listen]\nalso = [{ unix = \"/x\", mode = \"999\" }]".to_owned(), "not three octal digits"),
        ("[listen]\norigins = [\"desk.example.com\"]".to_owned(), "is no origin; write scheme://host"),
        ("[listen]\ntrusted_proxies = [\"10.0.0.0/40\"]".to_owned(), "is no address, no network"),
        (
            "[auth]\ntokens = [{ name = \"x\", sha256 = \"12\", scopes = [] }]".to_owned(),
            "no SHA-256: 64 hexadecimal digits",
        ),
        ("[auth]\ntokens = [{ name = \"x\", scope = [] }]".to_owned(), "did you mean"),
        (issuer("algorithms = [\"HS256\", \"RS256\"], key_file = \"x\""), "HS256 goes with no other"),
        (issuer("algorithms = [\"PS256\"], key_file = \"x\""), "some of HS256, RS256, ES256, EdDSA"),
        (issuer("algorithms = [\"none\"], key_file = \"x\""), "none"),
        (issuer("algorithms = [\"RS256\"]"), "either `key_file` or `jwks_url`"),
        (issuer("algorithms = [\"RS256\"], jwks_url = \"http://id.example.com/\""), "want https://"),
        (issuer(&format!("algorithms = [\"HS256\"], key_file = \"{}\"", path("short"))), "32 bytes at least"),
        (
            issuer(&format!("algorithms = [\"HS256\"], key_file = \"{}\"", path("key.pem"))),
            "a PEM file is no secret",
        ),
        (
            issuer(&format!("algorithms = [\"RS256\"], key_file = \"{}\"", path("short"))),
            "no public key for RS256 in PEM",
        ),
        ("[auth]\ncertificates = [{ name = \"x\", scopes = [] }]".to_owned(), "either `dns` or `sha256`"),
    ];
    for (config, expected) in cases {
        let config = config.replace("auth.issuers=", "[auth]\nissuers = ");
        fs::write(path("config.toml"), &config).unwrap();
        let args =
            ["serve", "--port", "0", "--config", &path("config.toml"), "--redis-url", "redis://127.0.0.1:1"];
        let ended = run(Binary::command(&args)).await;
        assert_ne!(ended.code, Some(0), "{config}");
        assert!(ended.stderr.contains(expected), "{config}\n{}", ended.stderr);
    }
}

#[tokio::test]
async fn a_listener_of_each_kind_is_named_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path(), &Voucher::new(), None);
    let path = folder.path().join("config.toml");
    let socket = folder.path().join("api.sock");
    let config = format!(
        "[listen]\nport = 0\nalso = [{{ unix = {socket:?} }}, {{ host = \"127.0.0.1\", port = 0, \
         tls = {{ certificate = {:?}, key = {:?} }} }}]\n",
        files.certificate, files.key
    );
    fs::write(&path, config).unwrap();
    let mut program = Program::start(Binary::command(&["demo", "--config", path.to_str().unwrap()]));
    program.logs("listening on ws://127.0.0.1:").await;
    program.logs(&format!("listening on unix:{}", socket.display())).await;
    program.logs("listening on wss://127.0.0.1:").await;
    program.signal("TERM");
    assert_eq!(program.ended().await.code, Some(0));
    assert!(!socket.exists(), "the socket is left behind");
}
