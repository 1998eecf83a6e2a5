//! A client that sees the wire as it is.

use std::{net::SocketAddr, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, client_async, connect_async,
    tungstenite::{self, Message, client::IntoClientRequest as _, http::HeaderName, protocol::CloseFrame},
};

/// How long anything may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Client {
    pub socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Client {
    pub async fn connect(url: &str) -> Self {
        let (socket, _) = timeout(PATIENCE, connect_async(url)).await.expect("no handshake").unwrap();
        Self { socket }
    }

    /// A client that the system keeps little for: whoever sends to it is soon held up when it reads nothing.
    pub async fn connect_narrow(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let stream = MaybeTlsStream::Plain(socket.connect(address).await.unwrap());
        let handshake = client_async(format!("ws://{address}"), stream);
        let (socket, _) = timeout(PATIENCE, handshake).await.expect("no handshake").unwrap();
        Self { socket }
    }

    /// Connects with these headers. The error is the HTTP status of the refusal.
    pub async fn connect_with(url: &str, headers: &[(&str, &str)]) -> Result<Self, u16> {
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            let name: HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        match timeout(PATIENCE, connect_async(request)).await.expect("no handshake") {
            Ok((socket, _)) => Ok(Self { socket }),
            Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// Sends a text frame as it is.
    pub async fn send(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// The next text frame.
    pub async fn receive_text(&mut self) -> String {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("no frame came") {
                Some(Ok(Message::Text(text))) => return text.to_string(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("no text frame: {other:?}"),
            }
        }
    }

    /// The next text frame as JSON.
    pub async fn receive(&mut self) -> Value {
        serde_json::from_str(&self.receive_text().await).unwrap()
    }

    /// How the server closes the connection.
    pub async fn receive_close(&mut self) -> Option<CloseFrame> {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("no close came") {
                Some(Ok(Message::Close(frame))) => return frame,
                Some(Ok(_)) => {}
                other => panic!("no close frame: {other:?}"),
            }
        }
    }

    /// Sends one request and gives its reply.
    pub async fn ask(&mut self, operation: &str, params: Value) -> Value {
        self.send(&json!({ "request_id": "t", "operation": operation, "params": params }).to_string()).await;
        let reply = self.receive().await;
        assert_eq!(reply["request_id"], "t", "{reply}");
        reply
    }

    /// Sends a request that is not answered at once, and sees that it has come in.
    pub async fn begin(&mut self, request: &Value) {
        self.send(&request.to_string()).await;
        self.call("ping", json!({})).await;
    }

    /// The result of a request that must succeed, with nothing left out.
    pub async fn call(&mut self, operation: &str, params: Value) -> Value {
        let mut reply = self.ask(operation, params.clone()).await;
        assert_eq!(reply["success"], true, "{operation} {params}: {reply}");
        assert_eq!(reply.get("warnings"), None, "{operation} {params}: {reply}");
        reply["result"].take()
    }

    /// The error code and the reply of a request that must fail.
    pub async fn fail(&mut self, operation: &str, params: Value) -> (String, Value) {
        let reply = self.ask(operation, params.clone()).await;
        assert_eq!(reply["success"], false, "{operation} {params}: {reply}");
        (reply["error_code"].as_str().unwrap().to_owned(), reply)
    }
}
