//! A WebSocket client: one connection, one request at a time.

mod endpoint;
mod failure;

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use tokio::time::timeout;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        http::{HeaderValue, header::AUTHORIZATION},
    },
};

pub use endpoint::Endpoint;
pub use failure::{ClientError, Refusal};

use crate::config::Secret;
use endpoint::Socket;
use failure::gone;

/// A connection to a server.
pub struct Connection {
    socket: WebSocketStream<Socket>,
    patience: Duration,
    last_id: u64,
}

/// The result of an operation.
#[derive(Debug)]
pub struct Answer {
    /// The result, with the digits that the cache has.
    pub result: Box<RawValue>,
    /// What had to be left out of it.
    pub warnings: Vec<Value>,
}

#[derive(Deserialize)]
struct Reply {
    request_id: Value,
    success: bool,
    result: Option<Box<RawValue>>,
    #[serde(default)]
    warnings: Vec<Value>,
    error_code: Option<String>,
    error: Option<String>,
    #[serde(default)]
    details: Vec<Value>,
}

impl Connection {
    /// Connects, and logs in if there is a token. `patience` bounds this and every call.
    pub async fn open(
        endpoint: &Endpoint,
        token: Option<&Secret>,
        patience: Duration,
    ) -> Result<Self, ClientError> {
        let login = token.map(|token| HeaderValue::from_str(&format!("Bearer {}", token.expose())));
        // What is no header is no token either.
        let login = login.transpose().map_err(|_| ClientError::bad_token())?;
        let headers = login.map(|login| (AUTHORIZATION, login));
        let connecting = timeout(patience, endpoint.connect(headers));
        let socket = connecting.await.map_err(|_| ClientError::TimedOut(patience))??;
        Ok(Self { socket, patience, last_id: 0 })
    }

    /// Calls an operation and waits for its result.
    pub async fn call(&mut self, operation: &str, params: &Value) -> Result<Answer, ClientError> {
        self.last_id += 1;
        let id = self.last_id;
        let request = json!({ "request_id": id, "operation": operation, "params": params }).to_string();
        timeout(self.patience, self.exchange(id, request))
            .await
            .map_err(|_| ClientError::TimedOut(self.patience))?
    }

    /// The next message that answers no call: what a stream sends. Waits as long as it takes.
    pub async fn next_message(&mut self) -> Result<String, ClientError> {
        loop {
            let text = self.text().await?;
            if serde_json::from_str::<Reply>(&text).is_err() {
                return Ok(text);
            }
        }
    }

    async fn exchange(&mut self, id: u64, request: String) -> Result<Answer, ClientError> {
        self.socket.send(Message::text(request)).await.map_err(|error| gone(&error))?;
        loop {
            let text = self.text().await?;
            let reply: Reply = serde_json::from_str(&text)
                .map_err(|error| ClientError::Unreachable(format!("not a reply of this API: {error}")))?;
            // One that is late answers a call that was given up.
            if reply.request_id == id {
                return reply.into_answer();
            }
        }
    }
}

impl Connection {
    /// The text of the next message. Where nothing comes for long the server is asked whether it is there: a
    /// connection can be cut so that neither end is told.
    async fn text(&mut self) -> Result<String, ClientError> {
        let mut is_asked = false;
        loop {
            let frame = match timeout(self.patience, self.socket.next()).await {
                Ok(frame) => frame,
                Err(_) if is_asked => return Err(ClientError::TimedOut(self.patience)),
                Err(_) => {
                    is_asked = true;
                    self.socket.send(Message::Ping(Bytes::new())).await.map_err(|error| gone(&error))?;
                    continue;
                }
            };
            is_asked = false;
            match frame {
                Some(Ok(Message::Text(text))) => return Ok(text.to_string()),
                Some(Ok(Message::Close(Some(frame)))) => {
                    let cause = format!("the server closed the connection: {} {}", frame.code, frame.reason);
                    return Err(ClientError::Unreachable(cause));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(gone(&error)),
                None => return Err(ClientError::Unreachable("the server closed the connection".to_owned())),
            }
        }
    }
}

impl Reply {
    fn into_answer(self) -> Result<Answer, ClientError> {
        match (self.success, self.result) {
            (true, Some(result)) => Ok(Answer { result, warnings: self.warnings }),
            // serde reads a JSON null as None.
            (true, None) => Ok(Answer { result: RawValue::NULL.to_owned(), warnings: self.warnings }),
            (false, _) => Err(ClientError::Refused(Box::new(Refusal {
                error_code: self.error_code.unwrap_or_default(),
                error: self.error.unwrap_or_default(),
                details: self.details,
            }))),
        }
    }
}
