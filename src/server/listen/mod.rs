//! Where clients come in: TCP addresses, with TLS or without, and unix sockets.

mod handed_over;
mod place;

use std::{
    fmt, fs, io,
    net::{self, IpAddr, SocketAddr},
    os::{fd::AsFd as _, unix},
    path::PathBuf,
    sync::Arc,
};

#[cfg(target_os = "linux")]
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use super::tls::Tls;
use crate::{config::Config, transport::Io};
pub use handed_over::HandedOver;
use place::Place;

/// One place that clients come in by.
pub struct Listener {
    socket: Socket,
    tls: Option<Arc<Tls>>,
    /// What users write to get there.
    shown: String,
    is_for_metrics: bool,
    is_handed_over: bool,
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

/// A client that came in, on the runtime that serves it.
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
    /// Binds all that the configuration names. Refuses an address that others can reach, unless clients must log in
    /// there or the operator said what they may read without.
    pub async fn bind_all(config: &Config) -> Result<Vec<Self>, String> {
        Self::open_all(config, HandedOver::default()).await
    }

    /// The same, where sockets that were handed over are used for the places that they listen at.
    pub async fn open_all(config: &Config, handed_over: HandedOver) -> Result<Vec<Self>, String> {
        let places = Place::all(config, handed_over).await?;
        places.into_iter().map(|place| Self::open(place, config)).collect()
    }

    fn open(place: Place, config: &Config) -> Result<Self, String> {
        let key = place.key;
        let fail = |error: &dyn fmt::Display| format!("{key}: {error}");
        place.check(config).map_err(|error| fail(&error))?;
        let (is_for_metrics, is_handed_over) = (place.is_for_metrics, place.is_handed_over());
        let tls = place.tls.as_ref().map(Tls::read).transpose().map_err(|error| fail(&error))?;
        let socket = place.open(config.listen.backlog).map_err(|error| fail(&error))?;
        let shown = shown(&socket, tls.is_some(), is_for_metrics).map_err(|error| fail(&error))?;
        Ok(Self { socket, tls: tls.map(Arc::new), shown, is_for_metrics, is_handed_over })
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

    /// Whether it stays open when this process is done with it.
    pub fn is_handed_over(&self) -> bool {
        self.is_handed_over
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
        Ok(self.guest(socket, address))
    }

    /// One who waits to be let in, if there is one, and if it is up to this process alone: at a socket that was
    /// handed over it waits for the next one.
    pub(super) fn left_waiting(&self) -> Option<Guest> {
        if self.is_handed_over {
            return None;
        }
        // The event loop may not know of them yet; the system does.
        match &self.socket {
            Socket::Tcp(listener) => {
                let listener = net::TcpListener::from(listener.as_fd().try_clone_to_owned().ok()?);
                let (socket, from) = listener.accept().ok()?;
                socket.set_nonblocking(true).ok()?;
                let socket = GuestSocket::Tcp(TcpStream::from_std(socket).ok()?);
                Some(self.guest(socket, Some(from.ip().to_canonical())))
            }
            Socket::Unix(listener, _) => {
                let listener = unix::net::UnixListener::from(listener.as_fd().try_clone_to_owned().ok()?);
                let (socket, _) = listener.accept().ok()?;
                socket.set_nonblocking(true).ok()?;
                Some(self.guest(GuestSocket::Unix(UnixStream::from_std(socket).ok()?), None))
            }
        }
    }

    fn guest(&self, socket: GuestSocket, address: Option<IpAddr>) -> Guest {
        Guest { socket, tls: self.tls.clone(), address }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Socket::Unix(_, path) = &self.socket
            && !self.is_handed_over
        {
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

    /// Has the system take no more for it than so many bytes beyond what is on its way to it.
    #[cfg_attr(not(target_os = "linux"), expect(unused_variables))]
    pub(super) fn limit_unsent(&self, bytes: usize) {
        #[cfg(target_os = "linux")]
        if let GuestSocket::Tcp(socket) = &self.socket {
            let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
            // A system that cannot do so serves it all the same.
            let _ = SockRef::from(socket).set_tcp_notsent_lowat(bytes);
        }
    }

    /// Takes it over from the runtime that accepted it.
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

fn shown(socket: &Socket, is_tls: bool, is_for_metrics: bool) -> io::Result<String> {
    Ok(match socket {
        Socket::Tcp(listener) if is_for_metrics => format!("http://{}/metrics", listener.local_addr()?),
        Socket::Tcp(listener) => {
            format!("{}://{}", if is_tls { "wss" } else { "ws" }, listener.local_addr()?)
        }
        Socket::Unix(_, path) => format!("unix:{}", path.display()),
    })
}
