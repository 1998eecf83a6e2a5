//! A WebSocket client: one connection, one request at a time.

use std::{fmt, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{
        self, Message,
        client::IntoClientRequest as _,
        http::{HeaderValue, StatusCode, header::AUTHORIZATION},
        protocol::WebSocketConfig,
    },
};

use crate::config::Secret;

/// A connection to a server.
pub struct Connection {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    patience: Duration,
    last_id: u64,
}

/// Why there is no result.
#[derive(Debug)]
pub enum ClientError {
    /// The server cannot be reached, or went away.
    Unreachable(String),
    /// It did not answer in time.
    TimedOut(Duration),
    /// It answered with an error.
    Refused(Box<Refusal>),
}

/// An error of the server.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Refusal {
    /// The stable code, e.g. `CACHE_MISS`.
    pub error_code: String,
    /// A sentence.
    pub error: String,
    /// What exactly is wrong with the params.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Value>,
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

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(cause) => f.write_str(cause),
            Self::TimedOut(patience) => write!(f, "no answer within {patience:?}"),
            Self::Refused(refusal) => {
                write!(f, "{}: {}", refusal.error_code, refusal.error)?;
                for detail in &refusal.details {
                    let part = |name| detail.get(name).and_then(Value::as_str).unwrap_or_default();
                    write!(f, "\n  {}: {}", part("path"), part("message"))?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for ClientError {}

impl Connection {
    /// Connects to `ws://host:port` or `wss://host:port`, and logs in if there is a token. `patience` bounds
    /// this and every call.
    pub async fn open(url: &str, token: Option<&Secret>, patience: Duration) -> Result<Self, ClientError> {
        // A reply may be as large as the server's own limit lets it be.
        let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        let unreachable =
            |error: &dyn fmt::Display| ClientError::Unreachable(format!("cannot connect to {url}: {error}"));
        let mut request = url.into_client_request().map_err(|error| unreachable(&error))?;
        if let Some(token) = token {
            let login = HeaderValue::from_str(&format!("Bearer {}", token.expose()));
            // What is no header is no token either.
            request.headers_mut().insert(AUTHORIZATION, login.map_err(|_| refused_token())?);
        }
        let connecting = connect_async_with_config(request, Some(config), true);
        let (socket, _) = timeout(patience, connecting)
            .await
            .map_err(|_| ClientError::TimedOut(patience))?
            .map_err(|error| match error {
            tungstenite::Error::Http(response) if response.status() == StatusCode::UNAUTHORIZED => {
                refused_token()
            }
            error => unreachable(&error),
        })?;
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
    /// The text of the next message.
    async fn text(&mut self) -> Result<String, ClientError> {
        loop {
            match self.socket.next().await {
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

fn refused_token() -> ClientError {
    ClientError::Refused(Box::new(Refusal {
        error_code: "UNAUTHENTICATED".to_owned(),
        error: "the token is not valid".to_owned(),
        details: Vec::new(),
    }))
}

fn gone(error: &tungstenite::Error) -> ClientError {
    ClientError::Unreachable(format!("the connection is lost: {error}"))
}
