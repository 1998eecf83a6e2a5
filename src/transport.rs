//! Bytes to and from the other side, whatever they travel on.

use tokio::io::{AsyncRead, AsyncWrite};

/// A connection of any kind: TCP, TLS, a unix socket.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}
