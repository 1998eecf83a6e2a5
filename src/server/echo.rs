//! The WebSocket layer without an API behind it: what comes in goes out again. The conformance suite drives it.

use std::{io, sync::Arc};

use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use tokio_tungstenite::tungstenite::{self, Message};

use super::{
    App,
    caller::Peer,
    http,
    listen::{Guest, Listener},
    session::{End, end_of},
    socket::{self, Socket},
};

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
    if let Err(End::Close(code, reason)) = exchange(&mut socket).await.map_err(end_of) {
        socket::close(socket, code, reason).await;
    }
}

async fn exchange(socket: &mut Socket) -> Result<(), tungstenite::Error> {
    while let Some(message) = socket.next().await {
        echo_one(socket, message?).await?;
        while let Some(Some(message)) = socket.next().now_or_never() {
            echo_one(socket, message?).await?;
        }
        socket.flush().await?;
    }
    Ok(())
}

async fn echo_one(socket: &mut Socket, message: Message) -> Result<(), tungstenite::Error> {
    match message {
        Message::Text(_) | Message::Binary(_) => socket.feed(message).await,
        _ => Ok(()),
    }
}
