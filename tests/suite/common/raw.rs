//! A connection whose frames the test writes itself.

use std::io;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Opens a WebSocket by hand. An error if the server gives up on it meanwhile.
pub async fn upgraded(address: &str) -> io::Result<TcpStream> {
    let mut socket = TcpStream::connect(address).await?;
    let upgrade = format!(
        "GET / HTTP/1.1\r\nhost: {address}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    socket.write_all(upgrade.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await?);
    }
    assert!(head.starts_with(b"HTTP/1.1 101"));
    Ok(socket)
}
