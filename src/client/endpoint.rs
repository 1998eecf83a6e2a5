//! Where a server is, and how one gets there.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use hyper::Uri;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::{TcpStream, UnixStream};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config,
    tungstenite::{
        self,
        client::IntoClientRequest as _,
        http::{HeaderName, HeaderValue},
        protocol::WebSocketConfig,
    },
};

use super::ClientError;
use crate::{pem, transport::Io};

/// Where a server is: `ws://host:port`, `wss://host:port` or `unix:///path/of/its/socket`.
#[derive(Clone)]
pub struct Endpoint {
    /// What is asked for in the handshake.
    url: String,
    /// What it is called in an error: without a query, which may have a token in it.
    shown: String,
    way: Way,
    pub(super) trusted: Option<Arc<ClientConfig>>,
}

#[derive(Debug, Clone)]
enum Way {
    Tcp { host: String, port: u16, is_tls: bool },
    Unix(PathBuf),
}

pub(super) type Socket = MaybeTlsStream<Box<dyn Io>>;

impl Endpoint {
    /// Reads an address. What else a URL may hold, such as a login, is not for this server, and is not repeated in an
    /// error.
    pub fn parse(address: &str) -> Result<Self, String> {
        let wrong = || "want ws://host:port, wss://host:port or unix:///path".to_owned();
        if let Some(path) = address.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if !path.starts_with('/') {
                return Err(wrong());
            }
            let way = Way::Unix(path.into());
            let shown = format!("unix://{path}");
            return Ok(Self { url: "ws://localhost/".to_owned(), shown, way, trusted: None });
        }
        let uri: Uri = address.parse().map_err(|_| wrong())?;
        let (is_tls, usual_port) = match uri.scheme_str() {
            Some("ws") => (false, 80),
            Some("wss") => (true, 443),
            _ => return Err(wrong()),
        };
        let authority = uri.authority().filter(|authority| !authority.host().is_empty()).ok_or_else(wrong)?;
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => usual_port,
            Some(_) => authority.port_u16().ok_or_else(wrong)?,
            None => return Err(wrong()),
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let shown = address.split('?').next().unwrap_or_default().to_owned();
        // In the handshake a query stands behind a path.
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        let scheme = if is_tls { "wss" } else { "ws" };
        let url = format!("{scheme}://{authority}{}{query}", uri.path());
        Ok(Self { url, shown, way: Way::Tcp { host, port, is_tls }, trusted: None })
    }

    /// Believes those alone who are in a file, as PEM, instead of those whom the system trusts. Where there is no TLS
    /// nobody need be believed, and the file is not looked at.
    pub fn trusting(mut self, file: &Path) -> Result<Self, String> {
        if !self.is_tls() {
            return Ok(self);
        }
        let wrong = |error: &dyn fmt::Display| format!("{}: {error}", file.display());
        let mut roots = RootCertStore::empty();
        for certificate in pem::certificates(file).map_err(|error| wrong(&error))? {
            roots.add(certificate).map_err(|error| wrong(&error))?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| error.to_string())?;
        self.trusted = Some(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()));
        Ok(self)
    }

    /// Whether it is TCP with TLS.
    pub(super) fn is_tls(&self) -> bool {
        matches!(self.way, Way::Tcp { is_tls: true, .. })
    }

    /// Whether it is TCP without TLS.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.way, Way::Tcp { is_tls: false, .. })
    }

    /// The host that is to prove by TLS that it is the one.
    pub(super) fn host_of_tls(&self) -> Option<&str> {
        match &self.way {
            Way::Tcp { host, is_tls: true, .. } => Some(host),
            _ => None,
        }
    }

    /// Host and port as a request names them.
    pub(super) fn authority(&self) -> &str {
        let rest = self.url.split_once("://").map_or("", |(_, rest)| rest);
        rest.split('/').next().unwrap_or_default()
    }

    /// The bare way there.
    pub(super) async fn socket(&self) -> io::Result<Box<dyn Io>> {
        Ok(match &self.way {
            Way::Tcp { host, port, .. } => {
                let socket = TcpStream::connect((host.as_str(), *port)).await?;
                socket.set_nodelay(true)?;
                Box::new(socket)
            }
            Way::Unix(path) => Box::new(UnixStream::connect(path).await?),
        })
    }

    pub(super) async fn connect(
        &self,
        headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
    ) -> Result<WebSocketStream<Socket>, ClientError> {
        if self.is_tls() {
            // Another part of the program may have chosen already.
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        }
        let connecting = async {
            let mut request = self.url.as_str().into_client_request()?;
            request.headers_mut().extend(headers);
            let socket = self.socket().await?;
            // A reply may be as large as the server's own limit lets it be.
            let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
            let trusted = self.trusted.clone().map(Connector::Rustls);
            client_async_tls_with_config(request, socket, Some(config), trusted).await
        };
        let connected: Result<_, tungstenite::Error> = connecting.await;
        connected.map(|(socket, _)| socket).map_err(|error| ClientError::of_handshake(self, &error))
    }
}

/// Without what may be a token.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}
