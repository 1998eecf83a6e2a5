//! A place that the configuration names, and how there comes to be a socket: it was handed over, or it is bound.

use std::{
    fs, io,
    net::{self, SocketAddr},
    os::unix::{
        self,
        fs::{FileTypeExt as _, PermissionsExt as _},
    },
    path::{Path, PathBuf},
};

use tokio::net::{TcpListener, TcpSocket, UnixListener, lookup_host};

use super::{HandedOver, Socket};
use crate::config::{self, Address, Anonymous, Config};

/// One place to listen at.
pub(super) struct Place {
    /// The key that it stands under.
    pub(super) key: &'static str,
    pub(super) tls: Option<config::Tls>,
    pub(super) is_for_metrics: bool,
    source: Source,
}

/// Where its socket comes from.
enum Source {
    GivenTcp(net::TcpListener),
    GivenUnix(unix::net::UnixListener, PathBuf),
    /// One of these addresses, which are those of a host.
    Tcp {
        host: String,
        addresses: Vec<SocketAddr>,
    },
    Unix {
        path: PathBuf,
        mode: u32,
    },
}

impl Place {
    /// All that the configuration names, with the sockets that were handed over for them. An error if more were.
    pub(super) async fn all(config: &Config, mut handed_over: HandedOver) -> Result<Vec<Self>, String> {
        let mut places = Vec::new();
        for (key, address) in config.listen.addresses() {
            let tls = address.tls().cloned();
            let source = Source::of(address, &mut handed_over).await;
            let source = source.map_err(|error| format!("{key}: {error}"))?;
            places.push(Self { key, tls, is_for_metrics: false, source });
        }
        if let Some(address) = config.http.metrics_address {
            let source = Source::of_tcp(address.ip().to_string(), vec![address], &mut handed_over);
            places.push(Self { key: "http.metrics_address", tls: None, is_for_metrics: true, source });
        }
        // Before any is bound, for what nothing is configured for may be in the way.
        handed_over.all_are_taken()?;
        Ok(places)
    }

    /// Whether whoever started this process keeps the socket.
    pub(super) fn is_handed_over(&self) -> bool {
        matches!(self.source, Source::GivenTcp(_) | Source::GivenUnix(..))
    }

    /// Refuses an address that others can reach, unless clients must log in there or the operator said what they may
    /// read without. Who asks for metrics alone needs no login.
    pub(super) fn check(&self, config: &Config) -> Result<(), String> {
        let (host, addresses) = match &self.source {
            _ if self.is_for_metrics => return Ok(()),
            Source::GivenTcp(listener) => {
                let address = listener.local_addr().map_err(|error| error.to_string())?;
                (&address.to_string(), &vec![address])
            }
            Source::Tcp { host, addresses } => (host, addresses),
            Source::GivenUnix(..) | Source::Unix { .. } => return Ok(()),
        };
        let is_private = addresses.iter().all(|address| address.ip().to_canonical().is_loopback());
        if is_private || config.auth.has_logins() || config.auth.anonymous != Anonymous::Deny {
            return Ok(());
        }
        Err(format!(
            "{host} can be reached from other machines, and there is no login: anyone could read \
             positions and balances. Configure logins under [auth] (`fullon-cache-api token new` makes a \
             token), listen on 127.0.0.1, or say what anyone may read: `anonymous = \"allow\"` and \
             `anonymous_scopes = [\"market\"]` under [auth]"
        ))
    }

    /// Opens it.
    pub(super) fn open(self, backlog: u32) -> Result<Socket, String> {
        match self.source {
            Source::GivenTcp(listener) => {
                TcpListener::from_std(listener).map(Socket::Tcp).map_err(|error| error.to_string())
            }
            Source::GivenUnix(listener, path) => {
                let listener = UnixListener::from_std(listener).map_err(|error| error.to_string())?;
                Ok(Socket::Unix(listener, path))
            }
            Source::Tcp { host, addresses } => {
                let port = addresses.first().map_or(0, SocketAddr::port);
                let host = if host.contains(':') { format!("[{host}]") } else { host };
                listen(&addresses, backlog).map(Socket::Tcp).map_err(|error| match error.kind() {
                    io::ErrorKind::AddrInUse if !self.is_for_metrics => format!(
                        "{host}:{port} is in use; another server may be running. Choose another port (--port, \
                         WEBSOCKET_PORT)"
                    ),
                    _ => format!("cannot listen on {host}:{port}: {error}"),
                })
            }
            Source::Unix { path, mode } => Ok(Socket::Unix(bind_unix(&path, mode)?, path)),
        }
    }
}

impl Source {
    async fn of(address: Address, handed_over: &mut HandedOver) -> Result<Self, String> {
        match address {
            Address::Tcp { host, port, .. } => {
                let addresses = lookup_host((host.as_str(), port)).await;
                let addresses = addresses.map_err(|error| format!("{host:?}: {error}"))?.collect();
                Ok(Self::of_tcp(host, addresses, handed_over))
            }
            Address::Unix { path, mode } => Ok(match handed_over.unix(&path) {
                Some(listener) => Self::GivenUnix(listener, path),
                None => Self::Unix { path, mode },
            }),
        }
    }

    fn of_tcp(host: String, addresses: Vec<SocketAddr>, handed_over: &mut HandedOver) -> Self {
        match handed_over.tcp(&addresses) {
            Some(listener) => Self::GivenTcp(listener),
            None => Self::Tcp { host, addresses },
        }
    }
}

/// Listens on the first of these addresses that can be listened on.
fn listen(addresses: &[SocketAddr], backlog: u32) -> io::Result<TcpListener> {
    let listen_on = |address: &SocketAddr| {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // A server that has just ended may have left connections behind.
        socket.set_reuseaddr(true)?;
        socket.bind(*address)?;
        socket.listen(backlog)
    };
    let mut failed = io::ErrorKind::AddrNotAvailable.into();
    for address in addresses {
        match listen_on(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn bind_unix(path: &Path, mode: u32) -> Result<UnixListener, String> {
    let fail = |error: io::Error| format!("cannot listen on {}: {error}", path.display());
    let is_socket = fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    if is_socket {
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(format!("{} is in use; another server may be running", path.display()));
        }
        // One that a server left behind which did not end well.
        fs::remove_file(path).map_err(fail)?;
    }
    if fs::symlink_metadata(path).is_ok() {
        return Err(format!("{} is there, and is no socket", path.display()));
    }
    // Made elsewhere and moved there, so that nobody gets in before its mode is set.
    let making = path.with_extension(format!("{}.new", std::process::id()));
    let _ = fs::remove_file(&making);
    let listener = UnixListener::bind(&making).map_err(fail)?;
    let done = fs::set_permissions(&making, fs::Permissions::from_mode(mode))
        .and_then(|()| fs::rename(&making, path));
    done.map_err(fail)?;
    Ok(listener)
}
