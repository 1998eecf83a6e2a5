//! What the server's streams are raced against.

use futures_util::{SinkExt as _, StreamExt as _, stream};
use tokio::{net::TcpStream, sync::broadcast};
use tokio_tungstenite::{
    accept_async,
    tungstenite::{Message, Utf8Bytes},
};

use crate::common::{Bare, runtime};

/// A bare broadcast: what is published goes to every connection as one text of the given size, numbered as the
/// server's updates are, as fast as the library can.
pub fn run(size: usize, redis: u16, channel: &str) {
    /// How many updates may wait for a connection.
    const WAITING: usize = 4096;
    runtime().block_on(async {
        let (sender, _) = broadcast::channel::<Utf8Bytes>(WAITING);
        let client = redis::Client::open(format!("redis://127.0.0.1:{redis}")).unwrap();
        let mut subscription = client.get_async_pubsub().await.unwrap();
        subscription.subscribe(channel).await.unwrap();
        let tell = sender.clone();
        tokio::spawn(async move {
            let messages = subscription.on_message();
            let mut numbered = messages.zip(stream::iter(0u64..));
            while let Some((message, before)) = numbered.next().await {
                let ticker: String = message.get_payload().unwrap();
                let (members, id) = (ticker.strip_prefix('{').unwrap(), before + 1);
                let head = format!(
                    r#"{{"type":"ticker_update","request_id":1,"update_id":{id},"prev_id":{before},"#
                );
                let width = size - head.len();
                // It fails if nobody is connected.
                let _ = tell.send(Utf8Bytes::from(format!("{head}{members:<width$}")));
            }
        });
        let listener = Bare::listen().await;
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            socket.set_nodelay(true).unwrap();
            tokio::spawn(pass_on(socket, sender.subscribe()));
        }
    });
}

async fn pass_on(socket: TcpStream, mut updates: broadcast::Receiver<Utf8Bytes>) {
    let mut socket = accept_async(socket).await.unwrap();
    loop {
        match updates.recv().await {
            Ok(update) => {
                if socket.feed(Message::Text(update)).await.is_err() {
                    return;
                }
            }
            Err(broadcast::error::RecvError::Lagged(_)) => continue,
            Err(broadcast::error::RecvError::Closed) => return,
        }
        // Whatever else waits goes the same way.
        while let Ok(update) = updates.try_recv() {
            if socket.feed(Message::Text(update)).await.is_err() {
                return;
            }
        }
        if socket.flush().await.is_err() {
            return;
        }
    }
}
