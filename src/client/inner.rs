//! What a client, its streams and its driver share.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use serde_json::{Value, json};
use tokio::{
    sync::{Notify, mpsc, oneshot, watch},
    time::timeout,
};

use super::{
    Answer, ClientError, ConnectionState, Endpoint, backoff::Backoff, builder::Settings, calls::Call,
    connection::Connection, driver::Command, login::Login, wire,
};

#[derive(Debug)]
pub(super) struct Inner {
    endpoint: Endpoint,
    settings: Settings,
    pub(super) login: Login,
    commands: mpsc::Sender<Command>,
    /// Rung when a stream is taken from, or left.
    pub(super) bell: Arc<Notify>,
    pub(super) state: watch::Sender<ConnectionState>,
    closing: watch::Sender<bool>,
    last_id: AtomicU64,
}

/// What those who use a client hold: when the last of them is gone, it is closed.
#[derive(Debug)]
pub(super) struct Handle {
    pub(super) inner: Arc<Inner>,
}

impl Handle {
    pub(super) fn new(inner: Arc<Inner>) -> Arc<Self> {
        Arc::new(Self { inner })
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.inner.close();
    }
}

impl Inner {
    pub(super) fn new(
        endpoint: Endpoint,
        login: Login,
        settings: Settings,
        commands: mpsc::Sender<Command>,
    ) -> Arc<Self> {
        Arc::new(Self {
            endpoint,
            settings,
            login,
            commands,
            bell: Arc::default(),
            state: watch::Sender::new(ConnectionState::Connected),
            closing: watch::Sender::new(false),
            last_id: AtomicU64::new(0),
        })
    }

    pub(super) async fn call(&self, operation: &str, params: &Value) -> Result<Answer, ClientError> {
        let id = self.next_id();
        self.ask(id, wire::request(id, operation, params)).await
    }

    /// The same with what explains the answer.
    pub(super) async fn explain(&self, operation: &str, params: &Value) -> Result<Answer, ClientError> {
        let id = self.next_id();
        let answer = self.ask(id, wire::request_explained(id, operation, params)).await?;
        if answer.explain.as_ref().is_some_and(|explain| explain.get("stream").is_some()) {
            // Nobody is there to read it.
            self.call("unsubscribe", &json!({ "stream": id })).await?;
        }
        Ok(answer)
    }

    async fn ask(&self, id: u64, text: String) -> Result<Answer, ClientError> {
        let (reply, answered) = oneshot::channel();
        self.in_time(async {
            self.send(Command::Call(Call { id, text, reply })).await?;
            answered.await.unwrap_or_else(|_| Err(self.why_closed()))
        })
        .await
    }

    pub(super) async fn send(&self, command: Command) -> Result<(), ClientError> {
        self.commands.send(command).await.map_err(|_| self.why_closed())
    }

    /// What is done, unless it takes longer than it may.
    pub(super) async fn in_time<T>(
        &self,
        doing: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        timeout(self.settings.timeout, doing).await.unwrap_or_else(|_| {
            Err(match &*self.state.borrow() {
                ConnectionState::Reconnecting { cause, .. } => ClientError::unreachable(cause.to_string()),
                _ => ClientError::TimedOut(self.settings.timeout),
            })
        })
    }

    /// Makes a connection, and logs in.
    pub(super) async fn connect(&self) -> Result<Connection, ClientError> {
        let patience = self.settings.connect_timeout;
        let connecting = async {
            let token = self.login.token().await?;
            Connection::open(&self.endpoint, token, self.settings.heartbeat).await
        };
        timeout(patience, connecting).await.unwrap_or_else(|_| {
            let cause = format!("cannot connect to {}: no answer within {patience:?}", self.endpoint);
            Err(ClientError::unreachable(cause))
        })
    }

    pub(super) fn next_id(&self) -> u64 {
        self.last_id.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn backoff(&self) -> Backoff {
        let (first, longest) = self.settings.backoff;
        Backoff::new(first, longest)
    }

    pub(super) fn set_state(&self, state: ConnectionState) {
        self.state.send_replace(state);
    }

    pub(super) fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Waits until it is closed.
    pub(super) async fn closed(&self) {
        // It fails only when this is gone.
        let _ = self.closing.subscribe().wait_for(|is_closing| *is_closing).await;
    }

    pub(super) fn why_closed(&self) -> ClientError {
        match &*self.state.borrow() {
            ConnectionState::Closed(Some(error)) => error.clone(),
            _ => ClientError::Closed,
        }
    }
}
