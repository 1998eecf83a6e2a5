//! The WebSocket layer without an API behind it: what comes in goes out again. The conformance suite drives it.

use std::{io, sync::Arc};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::tungstenite::{self, Message};

use super::{
    App,
    caller::Peer,
    http,
    listen::{Guest, Listener},
    session::{End, end_of},
    socket::{self, Socket},
};
use crate::protocol::Texts;

/// Echoes to all who come, for ever.
#[doc(hidden)]
pub async fn echo(listener: Listener, app: Arc<App>) -> io::Result<()> {
    loop {
        let guest = listener.accept().await?;
        tokio::spawn(serve(guest, app.clone()));
    }
}

async fn serve(guest: Guest, app: Arc<App>) {
    let Ok(arrived) = guest.move_here() else { return };
    let peer = Peer { address: arrived.address, is_local: true, certificate: None };
    let Some(upgraded) = http::handshake(arrived.socket, peer, &app).await else { return };
    let limits = app.live().config.limits.clone();
    let mut socket = socket::open(upgraded.socket, upgraded.early, &limits, app.stats.clone()).await;
    match exchange(&mut socket).await.map_err(end_of) {
        Err(End::Close(code, reason)) => socket::close(socket, code, reason).await,
        Ok(()) | Err(End::Gone(_)) => socket::part(socket).await,
    }
}

async fn exchange(socket: &mut Socket) -> Result<(), tungstenite::Error> {
    while let Some(message) = socket.next().await {
        match message? {
            Message::Text(text) => {
                let mut frames = Texts::default();
                frames.push(&[&text]);
                socket::write(socket, frames).await?;
            }
            // The server itself sends none.
            Message::Binary(bytes) => socket.send(Message::Binary(bytes)).await?,
            Message::Close(_) => break,
            _ => {}
        }
    }
    Ok(())
}
