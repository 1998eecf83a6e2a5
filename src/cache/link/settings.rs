//! How Redis is reached, and how that goes.

use std::time::Duration;

use redis::{
    Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, ProtocolVersion,
    TlsCertificates, io::tcp::TcpSettings,
};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::Semaphore;

use super::Whereabouts;

/// Where Redis is and how to log in, out of a URL.
#[derive(Clone)]
pub struct Address(pub(super) ConnectionInfo);

/// What TLS goes by, as PEM.
#[derive(Clone, Default)]
pub struct Certificates {
    /// Those who vouch for the certificates of others; None: those whom the system trusts.
    pub authority: Option<Vec<u8>>,
    /// The certificate to show, with those that vouch for it, and its key.
    pub own: Option<(Vec<u8>, Vec<u8>)>,
}

impl Address {
    /// Reads `redis://`, `rediss://` or `unix://`, each as `scheme://[user:password@]host[:port][/db]`.
    /// `user` and `password` fill in where the URL has none.
    pub fn parse(url: &str, user: Option<&str>, password: Option<&str>) -> Result<Self, String> {
        // The library's own error may repeat the URL, which may hold a password.
        let info = url.into_connection_info().map_err(|error| {
            format!("no Redis URL ({:?}): want redis://, rediss:// or unix://", error.kind())
        })?;
        let mut settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        // `CLIENT SETINFO` came with Redis 7.2: before, no user can be given the right to it.
        settings = settings.set_skip_set_lib_name();
        if let (None, Some(user)) = (settings.username(), user) {
            settings = settings.set_username(user);
        }
        if let (None, Some(password)) = (settings.password(), password) {
            settings = settings.set_password(password);
        }
        // Small commands must not wait for each other's acknowledgement.
        let tcp = TcpSettings::default().set_nodelay(true);
        Ok(Self(info.set_redis_settings(settings).set_tcp_settings(tcp)))
    }

    /// The same, where TLS, if it is spoken, goes by these.
    pub fn with_certificates(self, certificates: &Certificates) -> Result<Self, String> {
        let Certificates { authority, own } = certificates;
        if !self.is_tls() || (authority.is_none() && own.is_none()) {
            return Ok(self);
        }
        let own = own.clone().map(|(client_cert, client_key)| ClientTlsConfig { client_cert, client_key });
        let certificates = TlsCertificates { client_tls: own, root_cert: authority.clone() };
        let client = Client::build_with_tls(self.0, certificates).map_err(|error| error.to_string())?;
        Ok(Self(client.get_connection_info().clone()))
    }

    /// The Redis user that logs in.
    pub fn user(&self) -> &str {
        self.0.redis_settings().username().unwrap_or("default")
    }

    /// The same, spoken to in the older protocol.
    pub(super) fn in_resp2(&self) -> ConnectionInfo {
        let settings = self.0.redis_settings().clone().set_protocol(ProtocolVersion::RESP2);
        self.0.clone().set_redis_settings(settings)
    }

    /// Whether it is spoken to by TLS.
    pub fn is_tls(&self) -> bool {
        matches!(self.0.addr(), ConnectionAddr::TcpTls { .. })
    }

    /// The same at another host and port.
    pub(super) fn moved_to(&self, host: String, port: u16) -> Self {
        let addr = match self.0.addr() {
            ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
                ConnectionAddr::TcpTls { host, port, insecure: *insecure, tls_params: tls_params.clone() }
            }
            _ => ConnectionAddr::Tcp(host, port),
        };
        Self(self.0.clone().set_addr(addr))
    }

    /// Where it is, without the login.
    pub fn shown(&self) -> String {
        let (db, at) = (self.0.redis_settings().db(), self.host_and_port());
        match self.0.addr() {
            ConnectionAddr::TcpTls { .. } => format!("rediss://{at}/{db}"),
            ConnectionAddr::Unix(path) => format!("unix://{}?db={db}", path.display()),
            _ => format!("redis://{at}/{db}"),
        }
    }

    /// The host; of a unix socket none.
    pub(super) fn host(&self) -> &str {
        match self.0.addr() {
            ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. } => host,
            _ => "",
        }
    }

    /// Host and port, or the path.
    pub(super) fn host_and_port(&self) -> String {
        match self.0.addr() {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                // An IPv6 address has colons of its own.
                if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
            }
            ConnectionAddr::Unix(path) => path.display().to_string(),
            _ => "a Redis".to_owned(),
        }
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown())
    }
}

/// How Redis is reached.
#[derive(Debug, Clone)]
pub struct LinkSettings {
    /// Where it is.
    pub whereabouts: Whereabouts,
    /// How many connections each worker has.
    pub connections: usize,
    /// How many commands may wait for each connection.
    pub queue: usize,
    /// How many reads of many keys each worker runs at once.
    pub wide_reads: usize,
    /// How long connecting and logging in may take, and before it the sentinels to say where Redis is.
    pub connect_timeout: Duration,
    /// How long a command may wait for its answer.
    pub response_timeout: Duration,
    /// The longest pause between two attempts to connect.
    pub reconnect_max: Duration,
}

impl LinkSettings {
    /// The queue's length, within what a queue can have.
    pub(super) fn may_wait(&self) -> usize {
        self.queue.clamp(1, Semaphore::MAX_PERMITS)
    }
}

/// How the cache is right now.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct LinkState {
    /// `connected`, `connecting`, `unreachable`, `silent` (it takes commands and does not answer), or
    /// `embedded`. Of a cluster it is that of the master that is worst off.
    pub state: &'static str,
    /// Why, where it is not connected.
    pub cause: Option<String>,
    /// Where the Redis is. Told to those with the scope `ops` alone.
    pub address: Option<String>,
    /// The sentinel that says so; none where the configuration does, or no sentinel answers any more. Told to those with
    /// the scope `ops` alone.
    pub sentinel: Option<String>,
    /// The masters of a cluster; none where there is no cluster. Told to those with the scope `ops` alone.
    pub nodes: Option<Vec<NodeState>>,
    /// The version of the Redis.
    pub version: Option<String>,
    /// The role of the Redis: `master` or `replica`.
    pub role: Option<String>,
    /// Connections that are up and serve clients.
    pub connections: usize,
    /// Connections that were made again since the start.
    pub reconnects: u64,
    /// Commands answered since the start.
    pub commands: u64,
    /// Writes that these commands went out in.
    pub batches: u64,
    /// Milliseconds that the last write took to be answered; of a cluster, by the slowest of its masters.
    pub latency_ms: Option<f64>,
}

/// How one master of a cluster is.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct NodeState {
    /// Where it is.
    pub address: String,
    /// `connected`, `connecting`, `unreachable` or `silent`.
    pub state: &'static str,
    /// How many of the 16384 slots are its own.
    pub slots: usize,
    /// Connections to it that are up and serve clients.
    pub connections: usize,
    /// Milliseconds that the last write took to be answered.
    pub latency_ms: Option<f64>,
}

impl LinkState {
    /// Of nothing that could have connections.
    pub(in crate::cache) fn of_none(state: &'static str) -> Self {
        Self {
            state,
            cause: None,
            address: None,
            sentinel: None,
            nodes: None,
            version: None,
            role: None,
            connections: 0,
            reconnects: 0,
            commands: 0,
            batches: 0,
            latency_ms: None,
        }
    }
}
