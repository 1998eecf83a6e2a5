//! Two echo servers for the WebSocket conformance suite (`scripts/conformance`): this server's own WebSocket
//! layer with no API behind it, and a bare one of the library below it. Prints the URL of each.
#![allow(clippy::print_stdout)]

use std::{error::Error, io};

use fullon_cache_api::{
    cache::{Cache, Store},
    config::Config,
    registry::Registry,
    server::{App, Listener, Live, echo},
};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{accept_async, tungstenite};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut config = Config::default();
    config.listen.port = 0;
    // The suite sends messages of 16 MiB, and some in frames of 64 bytes.
    config.limits.message_bytes = 64 << 20;
    config.limits.message_frames = 1 << 20;
    let mut listeners = Listener::bind_all(&config).await?;
    let listener = listeners.pop().ok_or("nothing to listen on")?;
    let bare = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}\nws://{}", listener.shown(), bare.local_addr()?);

    let live = Live::new(Registry::built_in()?, config).map_err(|problems| problems.join("\n"))?;
    let app = App::new(live, Cache::embedded(Store::new()));
    tokio::try_join!(echo(listener, app), echo_barely(bare))?;
    Ok(())
}

async fn echo_barely(listener: TcpListener) -> io::Result<()> {
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        tokio::spawn(async move {
            // However it ends, the client sees it.
            let _ = exchange(socket).await;
        });
    }
}

async fn exchange(socket: TcpStream) -> Result<(), tungstenite::Error> {
    let mut socket = accept_async(socket).await?;
    while let Some(message) = socket.next().await {
        let message = message?;
        if message.is_text() || message.is_binary() {
            socket.send(message).await?;
        }
    }
    Ok(())
}
