//! The Rust client: calls and streams over one connection, typed by the handlers' own params and results.
//!
//! ```no_run
//! use fullon_cache_api::{
//!     client::{Client, ClientError},
//!     handlers::tickers::{GetTicker, StreamTickers},
//! };
//! use futures_util::StreamExt;
//!
//! # async fn example() -> Result<(), ClientError> {
//! let client = Client::connect("ws://127.0.0.1:8765").await?;
//! let ticker = client.call(GetTicker { exchange: "binance".into(), symbol: "BTC/USDT".into() }).await?;
//! println!("{}", ticker.price);
//!
//! let symbols = vec!["BTC/USDT".into(), "ETH/USDT".into()];
//! let mut tickers = client.stream(StreamTickers { exchange: "binance".into(), symbols }).await?;
//! while let Some(update) = tickers.next().await {
//!     if let Some(ticker) = update?.into_present() {
//!         println!("{} {}", ticker.symbol, ticker.price);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! An operation that is dropped into `handlers/` is called the same way, by its own types; one that this binary does not
//! know, by its name: [`Client::call_by_name`], [`Client::stream_by_name`].
//!
//! The parts: [`Client`] hands what is asked to the driver, a task that keeps the connection (`driver`, `connection`,
//! `backoff`, `login`), the calls that wait for their replies (`calls`), and the course of each stream (`course`), from
//! which a mailbox (`mailbox`) leads to the one who reads it (`stream`); `items` are what a state is made of. `pages` asks
//! for the parts of an answer, one after the other.

mod backoff;
mod builder;
mod calls;
mod connection;
mod course;
mod driver;
mod endpoint;
mod event;
mod failure;
mod http;
mod inner;
mod items;
mod login;
mod mailbox;
mod pages;
mod stream;
mod wire;

use std::sync::Arc;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json, value::RawValue};
use tokio::sync::watch;

pub use crate::protocol::Violation;
pub use builder::Builder;
pub(crate) use endpoint::Endpoint;
pub use event::{Event, Gap, Item, RawUpdate, Told, Update, Warning};
pub use failure::{ClientError, Refusal};
pub use mailbox::StreamKind;
pub use stream::{Events, Opening, OpeningEvents, StreamSettings, Updates};

use crate::{
    operation::{Kind, Operation, Query, Watch, Watched},
    streams,
    types::Seconds,
};
use inner::{Handle, Inner};

/// A client of one server: calls and streams share its connection, which is made again whenever it is lost.
///
/// Clones are the same client. When the last of them, and the last stream, is dropped, the connection is closed.
#[derive(Debug, Clone)]
pub struct Client {
    handle: Arc<Handle>,
}

/// The result of an operation.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The result as JSON, with the digits that the cache has.
    pub result: Box<RawValue>,
    /// What had to be left out of it.
    pub warnings: Vec<Warning>,
    /// Whether there is, or may be, more than the result holds.
    pub truncated: bool,
    /// What gives the rest, as the param `cursor` of the same call, if anything does.
    pub cursor: Option<String>,
    /// Where its time went and where its data came from, if that was asked.
    pub explain: Option<Value>,
}

/// A place in the course of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The course: the `epoch` of the stream's settings.
    pub epoch: Arc<str>,
    /// The last update that was taken.
    pub update_id: u64,
}

/// How the connection is.
#[non_exhaustive]
#[derive(Debug, Clone)]
pub enum ConnectionState {
    /// Calls and streams are served.
    Connected,
    /// It is lost, or could not be made, and is tried again after a pause.
    Reconnecting {
        /// Why.
        cause: ClientError,
        /// How long it waits before the next attempt.
        pause: std::time::Duration,
    },
    /// Nothing more comes: by this error, or because the client was closed.
    Closed(Option<ClientError>),
}

impl Client {
    /// Connects, without a login, to a server: `ws://host:port`, `wss://host:port` or `unix:///path/of/its/socket`.
    ///
    /// # Errors
    ///
    /// See [`Builder::connect`].
    pub async fn connect(url: &str) -> Result<Self, ClientError> {
        Self::builder(url).connect().await
    }

    /// Connects as the environment says; see [`Builder::from_env`].
    ///
    /// # Errors
    ///
    /// See [`Builder::connect`].
    pub async fn from_env() -> Result<Self, ClientError> {
        Builder::from_env().connect().await
    }

    /// Says how to connect.
    pub fn builder(url: &str) -> Builder {
        Builder::new(url)
    }

    /// Calls an operation by its params, e.g. `handlers::tickers::GetTicker`. One whose connection is lost before the
    /// answer is asked once more on the next: reads change nothing. What had to be left out of the result is logged;
    /// [`call_by_name`](Self::call_by_name) tells it.
    ///
    /// # Errors
    ///
    /// What the server answers, e.g. `CACHE_MISS`; or that it does not.
    pub async fn call<Q: Query>(&self, query: Q) -> Result<Q::Output, ClientError> {
        let operation = Operation::of::<Q>(Kind::Read).ok_or_else(ClientError::not_registered::<Q>)?;
        let params = serde_json::to_value(&query).map_err(|error| ClientError::unknown_form(&error))?;
        let answer = self.call_by_name(operation.name, &params).await?;
        answer.log_warnings(operation.name);
        answer.read()
    }

    /// Calls an operation by its name.
    ///
    /// # Errors
    ///
    /// What the server answers; or that it does not.
    pub async fn call_by_name(&self, operation: &str, params: &Value) -> Result<Answer, ClientError> {
        let answer = self.handle.inner.call(operation, params).await?;
        self.take_note(operation, params);
        Ok(answer)
    }

    /// Calls an operation by its name, and asks where the time of its answer went and where its data came from:
    /// `explain` of the answer, and of a [`Refusal`], has the members that `Explain` names in the AsyncAPI document. A
    /// stream is opened, and ended again.
    ///
    /// # Errors
    ///
    /// What the server answers; or that it does not.
    pub async fn explain(&self, operation: &str, params: &Value) -> Result<Answer, ClientError> {
        let answer = self.handle.inner.explain(operation, params).await?;
        self.take_note(operation, params);
        Ok(answer)
    }

    /// A token that was taken is that of later connections too.
    fn take_note(&self, operation: &str, params: &Value) {
        if let ("authenticate", Some(token)) = (operation, params["token"].as_str()) {
            self.handle.inner.login.adopt(token.into());
        }
    }

    /// Follows a stream by its params, e.g. `handlers::tickers::StreamTickers`.
    ///
    /// Awaiting it opens it, and gives its updates as a [`futures_util::Stream`]; see [`Opening`] for what can be said
    /// before. When the connection is lost it is opened again, and goes on where it was.
    pub fn stream<W: Watch>(&self, watch: W) -> Opening<Update<W::Update>> {
        let operation = Operation::of::<W>(Kind::Stream);
        let params = operation.ok_or_else(ClientError::not_registered::<W>).and_then(|_| {
            let params = serde_json::to_value(&watch).and_then(serde_json::from_value);
            params.map_err(|error| ClientError::unknown_form(&error))
        });
        let kind = match operation.and_then(|operation| operation.watched) {
            Some(Watched { kind: streams::Kind::State, named_by, .. }) => {
                StreamKind::State(named_by.iter().map(|name| (*name).to_owned()).collect())
            }
            _ => StreamKind::Log,
        };
        let name = operation.map_or("", |operation| operation.name);
        Opening::new(self.handle.clone(), name, params, kind)
    }

    /// Follows a stream by its operation's name; its updates come as they are.
    pub fn stream_by_name(
        &self,
        operation: &str,
        params: Map<String, Value>,
        kind: StreamKind,
    ) -> Opening<RawUpdate> {
        Opening::new(self.handle.clone(), operation, Ok(params), kind)
    }

    /// Asks the server for its time.
    ///
    /// # Errors
    ///
    /// It does not answer.
    pub async fn ping(&self) -> Result<Seconds, ClientError> {
        #[derive(Deserialize)]
        struct Pong {
            time: Seconds,
        }
        Ok(self.call_by_name("ping", &json!({})).await?.read::<Pong>()?.time)
    }

    /// Logs in by another token, on the open connection and on all later ones.
    ///
    /// # Errors
    ///
    /// `UNAUTHENTICATED`: the server does not take it, and what was in force stays so.
    pub async fn authenticate(&self, token: &str) -> Result<(), ClientError> {
        self.call_by_name("authenticate", &json!({ "token": token })).await.map(drop)
    }

    /// How the connection is, and how that changes.
    pub fn state(&self) -> watch::Receiver<ConnectionState> {
        self.handle.inner.state.subscribe()
    }

    /// Ends all streams, gives up all calls and closes the connection, for all clones of this client.
    pub async fn close(&self) {
        self.handle.inner.close();
        let mut state = self.state();
        // An error says that it is gone altogether.
        let _ = state.wait_for(|state| matches!(state, ConnectionState::Closed(_))).await;
    }
}

impl Answer {
    fn log_warnings(&self, operation: &str) {
        for Warning { error_code, error, item } in &self.warnings {
            tracing::warn!(operation, error_code, item, "left out of a result: {error}");
        }
    }

    /// The result in a form of the caller's.
    ///
    /// # Errors
    ///
    /// It is not of that form.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        serde_json::from_str(self.result.get()).map_err(|error| ClientError::unknown_form(&error))
    }
}
