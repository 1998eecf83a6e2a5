//! Where clients come in: TCP addresses, with TLS or without, and unix sockets.

use std::{
    fs, io,
    net::{IpAddr, SocketAddr},
    os::unix::fs::{FileTypeExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream};

use super::tls::Tls;
use crate::{
    config::{Address, Anonymous, Config},
    transport::Io,
};

/// One place that clients come in by.
pub struct Listener {
    socket: Socket,
    tls: Option<Arc<Tls>>,
    /// What users write to get there.
    shown: String,
    is_for_metrics: bool,
}

enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

/// A client that came in, and is yet to say anything.
pub(super) struct Guest {
    socket: GuestSocket,
    tls: Option<Arc<Tls>>,
    address: Option<IpAddr>,
}

/// A client that came in, on the event loop that serves it.
pub(super) struct Arrived {
    pub(super) socket: Box<dyn Io>,
    /// By which it is to be greeted first.
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) address: Option<IpAddr>,
}

enum GuestSocket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Listener {
    /// Opens all that the configuration names. Refuses an address that others can reach, unless clients must
    /// log in there or the operator said what they may read without.
    pub async fn bind_all(config: &Config) -> Result<Vec<Self>, String> {
        let mut listeners = Vec::new();
        for (key, address) in config.listen.addresses() {
            let listener = match &address {
                Address::Tcp { host, port, .. } => {
                    let listener = bind_tcp(config, host, *port).await;
                    listener.map(Socket::Tcp)
                }
                Address::Unix { path, mode } => {
                    bind_unix(path, *mode).map(|socket| Socket::Unix(socket, path.clone()))
                }
            };
            let socket = listener.map_err(|error| format!("{key}: {error}"))?;
            let tls = address.tls().map(Tls::read).transpose().map_err(|error| format!("{key}: {error}"))?;
            let shown = shown(&socket, tls.is_some()).map_err(|error| format!("{key}: {error}"))?;
            listeners.push(Self { socket, tls: tls.map(Arc::new), shown, is_for_metrics: false });
        }
        if let Some(address) = config.http.metrics_address {
            let listener = listen(&[address], config.listen.backlog)
                .map_err(|error| format!("http.metrics_address: cannot listen on {address}: {error}"))?;
            let address = listener.local_addr().map_err(|error| format!("http.metrics_address: {error}"))?;
            let shown = format!("http://{address}/metrics");
            listeners.push(Self { socket: Socket::Tcp(listener), tls: None, shown, is_for_metrics: true });
        }
        Ok(listeners)
    }

    /// What users write to get there, e.g. `ws://127.0.0.1:8765`.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// The TCP address; None of a unix socket.
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.socket {
            Socket::Tcp(listener) => listener.local_addr().ok(),
            Socket::Unix(..) => None,
        }
    }

    /// Whether it is for those alone who watch over the server.
    pub(super) fn is_for_metrics(&self) -> bool {
        self.is_for_metrics
    }

    pub(super) fn tls(&self) -> Option<Arc<Tls>> {
        self.tls.clone()
    }

    pub(super) async fn accept(&self) -> io::Result<Guest> {
        let (socket, address) = match &self.socket {
            Socket::Tcp(listener) => {
                let (socket, from) = listener.accept().await?;
                (GuestSocket::Tcp(socket), Some(from.ip().to_canonical()))
            }
            Socket::Unix(listener, _) => (GuestSocket::Unix(listener.accept().await?.0), None),
        };
        Ok(Guest { socket, tls: self.tls.clone(), address })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Socket::Unix(_, path) = &self.socket {
            // Nobody answers there any more.
            let _ = fs::remove_file(path);
        }
    }
}

impl Guest {
    /// Its address, or that of the proxy before it; None on a unix socket.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// Takes it over from the event loop of another thread.
    pub(super) fn move_here(self) -> io::Result<Arrived> {
        let socket: Box<dyn Io> = match self.socket {
            GuestSocket::Tcp(socket) => {
                let socket = TcpStream::from_std(socket.into_std()?)?;
                // Replies must not wait for each other's acknowledgement.
                socket.set_nodelay(true)?;
                Box::new(socket)
            }
            GuestSocket::Unix(socket) => Box::new(UnixStream::from_std(socket.into_std()?)?),
        };
        Ok(Arrived { socket, tls: self.tls, address: self.address })
    }
}

fn shown(socket: &Socket, is_tls: bool) -> io::Result<String> {
    Ok(match socket {
        Socket::Tcp(listener) => {
            format!("{}://{}", if is_tls { "wss" } else { "ws" }, listener.local_addr()?)
        }
        Socket::Unix(_, path) => format!("unix:{}", path.display()),
    })
}

async fn bind_tcp(config: &Config, host: &str, port: u16) -> Result<TcpListener, String> {
    let addresses =
        tokio::net::lookup_host((host, port)).await.map_err(|error| format!("{host:?}: {error}"))?;
    let addresses: Vec<_> = addresses.collect();
    let is_private = addresses.iter().all(|address| address.ip().to_canonical().is_loopback());
    if !is_private && !config.auth.has_logins() && config.auth.anonymous == Anonymous::Deny {
        return Err(format!(
            "{host} can be reached from other machines, and there is no login: anyone could read \
             positions and balances. Configure logins under [auth] (`fullon-cache-api token new` makes a \
             token), listen on 127.0.0.1, or say what anyone may read: `anonymous = \"allow\"` and \
             `anonymous_scopes = [\"market\"]` under [auth]"
        ));
    }
    listen(&addresses, config.listen.backlog).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "{host}:{port} is in use; another server may be running. Choose another port (--port, \
             WEBSOCKET_PORT)"
        ),
        _ => format!("cannot listen on {host}:{port}: {error}"),
    })
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
