//! One connection, from when it is open until it is lost.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{
    SinkExt as _, StreamExt as _,
    stream::{SplitSink, SplitStream},
};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, timeout, timeout_at},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message, Utf8Bytes,
        http::{HeaderValue, header::AUTHORIZATION},
    },
};

use super::{ClientError, Endpoint, endpoint::Socket, failure::gone};
use crate::config::Secret;

/// How many messages may wait for the socket.
const WAITING: usize = 64;
/// How long the last messages, and the goodbye, may take.
const GOODBYE: Duration = Duration::from_secs(1);
/// Close code of the server: not logged in in time.
const NOT_LOGGED_IN: u16 = 4001;

type WebSocket = WebSocketStream<Socket>;

/// An open connection.
pub(super) struct Connection {
    incoming: SplitStream<WebSocket>,
    /// To what writes the socket. When it is dropped, the connection is closed.
    pub(super) outgoing: mpsc::Sender<Message>,
    /// By which it has logged in.
    pub(super) token: Option<Secret>,
    writer: JoinHandle<()>,
    heartbeat: Duration,
    /// When the server is asked for a sign of life, or, if it was, when it is given up.
    deadline: Instant,
    is_asked: bool,
}

/// As good as never.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

impl Connection {
    /// Connects, and logs in if there is a token.
    pub(super) async fn open(
        endpoint: &Endpoint,
        token: Option<Secret>,
        heartbeat: Duration,
    ) -> Result<Self, ClientError> {
        let login = token.as_ref().map(|token| HeaderValue::from_str(&format!("Bearer {}", token.expose())));
        // What is no header is no token either.
        let login = login.transpose().map_err(|_| ClientError::bad_token())?;
        let socket = endpoint.connect(login.map(|login| (AUTHORIZATION, login))).await?;
        let (sink, incoming) = socket.split();
        let (outgoing, waiting) = mpsc::channel(WAITING);
        let writer = tokio::spawn(write(sink, waiting));
        let heartbeat = heartbeat.min(NEVER);
        let deadline = Instant::now() + heartbeat;
        Ok(Self { incoming, outgoing, token, writer, heartbeat, deadline, is_asked: false })
    }

    /// The text of the next message. Where nothing comes for long the server is asked whether it is there: a connection
    /// can be cut so that neither end is told. May be dropped and called again.
    pub(super) async fn next(&mut self) -> Result<Utf8Bytes, ClientError> {
        loop {
            let Ok(frame) = timeout_at(self.deadline, self.incoming.next()).await else {
                if self.is_asked {
                    let cause = format!("the connection is lost: no answer within {:?}", self.heartbeat);
                    return Err(ClientError::unreachable(cause));
                }
                self.is_asked = true;
                // From now on: it may be this program that was at a halt.
                self.deadline = Instant::now() + self.heartbeat;
                // Where there is no room, enough is being sent already.
                let _ = self.outgoing.try_send(Message::Ping(Bytes::new()));
                continue;
            };
            self.is_asked = false;
            self.deadline = Instant::now() + self.heartbeat;
            match frame {
                Some(Ok(Message::Text(text))) => return Ok(text),
                Some(Ok(Message::Close(Some(frame)))) => {
                    let cause = format!("the server closed the connection: {} {}", frame.code, frame.reason);
                    return Err(match u16::from(frame.code) {
                        NOT_LOGGED_IN => ClientError::refused("UNAUTHENTICATED", cause),
                        _ => ClientError::unreachable(cause),
                    });
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(gone(&error)),
                None => return Err(ClientError::unreachable("the server closed the connection")),
            }
        }
    }
}

impl Connection {
    /// Closes it, if that can be done soon.
    pub(super) async fn close(self) {
        let Self { incoming, outgoing, mut writer, .. } = self;
        drop((incoming, outgoing));
        if timeout(GOODBYE, &mut writer).await.is_err() {
            // The other end takes nothing any more.
            writer.abort();
        }
    }
}

/// Writes what comes, as much at once as there is, until nobody can send any more.
async fn write(mut sink: SplitSink<WebSocket, Message>, mut waiting: mpsc::Receiver<Message>) {
    while let Some(message) = waiting.recv().await {
        let mut sent = sink.feed(message).await;
        while let (Ok(()), Ok(message)) = (&sent, waiting.try_recv()) {
            sent = sink.feed(message).await;
        }
        if sent.is_err() || sink.flush().await.is_err() {
            // Who reads the connection learns why.
            return;
        }
    }
    // The other end may be gone.
    let _ = sink.close().await;
}
