//! Sockets that were opened by whoever started this process, as systemd does (`sd_listen_fds(3)`). They outlive the
//! process, so that clients can come in while another takes its place.

use std::{
    fmt, io,
    net::{SocketAddr, TcpListener},
    os::{
        fd::{AsFd, RawFd},
        unix::net::UnixListener,
    },
    path::{Path, PathBuf},
};

use listenfd::ListenFd;
use socket2::SockRef;

/// Sockets that were handed over, and that no place of the configuration has taken yet.
#[derive(Debug, Default)]
pub struct HandedOver {
    tcp: Vec<Given<TcpListener, SocketAddr>>,
    unix: Vec<Given<UnixListener, PathBuf>>,
}

/// One of them.
#[derive(Debug)]
struct Given<S, A> {
    socket: S,
    address: A,
    origin: Origin,
}

/// What whoever handed a socket over calls it.
#[derive(Debug)]
struct Origin {
    fd: RawFd,
    name: String,
}

impl HandedOver {
    /// Takes what this process was handed, and what says so out of its environment: before there are threads that
    /// may look there.
    pub fn take() -> Result<Self, String> {
        let wrong = |error| format!("LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES: {error}");
        let named: Vec<_> = sd_notify::listen_fds_with_names().map_err(wrong)?.collect();
        let mut handed_over = Self::default();
        if named.is_empty() {
            return Ok(handed_over);
        }
        // Of the two libraries one knows the names, the other makes sockets of the numbers.
        let mut sockets = ListenFd::from_env();
        for (index, (fd, name)) in named.into_iter().enumerate() {
            let origin = Origin { fd, name };
            if let Ok(Some(socket)) = sockets.take_tcp_listener(index) {
                let address = check(&socket).and_then(|()| socket.local_addr());
                let address = address.map_err(|error| format!("{origin} was handed over: {error}"))?;
                handed_over.tcp.push(Given { socket, address, origin });
            } else if let Ok(Some(socket)) = sockets.take_unix_listener(index) {
                let address = check(&socket).and_then(|()| path_of(&socket));
                let address = address.map_err(|error| format!("{origin} was handed over: {error}"))?;
                handed_over.unix.push(Given { socket, address, origin });
            } else {
                return Err(format!("{origin} was handed over: it is no stream socket of TCP or unix"));
            }
        }
        Ok(handed_over)
    }

    /// The one that listens on one of these addresses.
    pub(super) fn tcp(&mut self, addresses: &[SocketAddr]) -> Option<TcpListener> {
        let is_same = |one: &SocketAddr, other: &SocketAddr| {
            one.port() == other.port() && one.ip().to_canonical() == other.ip().to_canonical()
        };
        let fits = |given: &SocketAddr| addresses.iter().any(|address| is_same(address, given));
        Some(take(&mut self.tcp, fits)?.socket)
    }

    /// The one that listens at this path.
    pub(super) fn unix(&mut self, path: &Path) -> Option<UnixListener> {
        let real = path.canonicalize().ok();
        let fits = |given: &PathBuf| given == path || real.is_some() && given.canonicalize().ok() == real;
        Some(take(&mut self.unix, fits)?.socket)
    }

    /// An error if there are any that no place has taken: whoever connects to them would wait for ever.
    pub(super) fn all_are_taken(&self) -> Result<(), String> {
        let tcp = self.tcp.iter().map(|Given { address, origin, .. }| {
            format!(
                "{address} was handed over as {origin}, and nothing is configured to listen there: name it by \
                 `listen.host` and `listen.port`, in `listen.also`, or as `http.metrics_address`"
            )
        });
        let unix = self.unix.iter().map(|Given { address, origin, .. }| {
            format!(
                "{} was handed over as {origin}, and nothing is configured to listen there: name it as `unix` in \
                 `listen.also`",
                address.display()
            )
        });
        let left: Vec<_> = tcp.chain(unix).collect();
        if left.is_empty() { Ok(()) } else { Err(left.join("\n")) }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "file descriptor {} ({})", self.fd, self.name)
    }
}

fn take<S, A>(given: &mut Vec<Given<S, A>>, fits: impl Fn(&A) -> bool) -> Option<Given<S, A>> {
    let index = given.iter().position(|given| fits(&given.address))?;
    Some(given.remove(index))
}

/// Refuses a socket by which no client can come in, such as a single client's own.
fn check(socket: &impl AsFd) -> io::Result<()> {
    let socket = SockRef::from(socket);
    // Other systems, which have no systemd either, cannot be asked.
    #[cfg(target_os = "linux")]
    if !socket.is_listener()? {
        return Err(io::Error::other("it does not listen; a unit that hands over sockets has `Accept=no`"));
    }
    socket.set_nonblocking(true)
}

fn path_of(socket: &UnixListener) -> io::Result<PathBuf> {
    let address = socket.local_addr()?;
    let path = address.as_pathname().map(Path::to_owned);
    path.ok_or_else(|| io::Error::other("it is a unix socket without a path, which no configuration names"))
}
