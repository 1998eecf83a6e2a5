//! What a server tells by plain HTTP.

use std::{io, sync::Arc};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{Request, StatusCode, client::conn::http1, header};
use hyper_rustls::ConfigBuilderExt as _;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite;

use super::{ClientError, Endpoint};
use crate::transport::Io;

/// How much of a page is read.
const MOST_BYTES: usize = 64 << 10;

/// An answer.
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) text: String,
}

impl Endpoint {
    /// Asks for a page.
    pub(crate) async fn get(&self, path: &str) -> Result<Page, ClientError> {
        let failed = |error: io::Error| ClientError::of_handshake(self, &tungstenite::Error::Io(error));
        let socket = self.encrypted().await.map_err(failed)?;
        self.ask(socket, path).await.map_err(|error| failed(io::Error::other(error)))
    }

    /// The way there, with TLS where it is wanted.
    async fn encrypted(&self) -> io::Result<Box<dyn Io>> {
        let socket = self.socket().await?;
        let Some(host) = self.host_of_tls() else { return Ok(socket) };
        let config = match &self.trusted {
            Some(config) => config.clone(),
            None => {
                let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
                let builder = ClientConfig::builder_with_provider(provider);
                let builder = builder.with_safe_default_protocol_versions().map_err(io::Error::other)?;
                Arc::new(builder.with_native_roots()?.with_no_client_auth())
            }
        };
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        Ok(Box::new(TlsConnector::from(config).connect(name, socket).await?))
    }

    async fn ask(
        &self,
        socket: Box<dyn Io>,
        path: &str,
    ) -> Result<Page, Box<dyn std::error::Error + Send + Sync>> {
        let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
        let request = Request::get(path).header(header::HOST, self.authority());
        let request = request.header(header::CONNECTION, "close").body(Empty::<Bytes>::new())?;
        let asking = async {
            let (head, body) = sender.send_request(request).await?.into_parts();
            let bytes = Limited::new(body, MOST_BYTES).collect().await?.to_bytes();
            Ok(Page { status: head.status, text: String::from_utf8_lossy(&bytes).into_owned() })
        };
        let mut connection = std::pin::pin!(connection);
        let mut asking = std::pin::pin!(asking);
        tokio::select! {
            page = &mut asking => page,
            // Why it ended is told to who asks.
            _ = &mut connection => asking.await,
        }
    }
}
