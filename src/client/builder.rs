//! What a client is made of.

use std::{future::Future, path::PathBuf, time::Duration};

use tokio::sync::mpsc;

use super::{
    Client, ClientError, Endpoint, Handle, Inner,
    backoff::{LONGEST, SHORTEST},
    driver::Driver,
    login::{Login, TokenSource},
};

/// Where the server is, unless it is said otherwise.
const DEFAULT_URL: &str = "ws://127.0.0.1:8765";
/// How long a call, or an attempt to connect, may take, unless it is said otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);
/// After how much silence the server is asked for a sign of life, unless it is said otherwise.
const HEARTBEAT: Duration = Duration::from_secs(20);
/// How many requests may wait for the connection; who asks more has to wait.
const WAITING: usize = 64;

/// Makes a [`Client`].
#[derive(Debug, Clone)]
#[must_use = "a client is made by `connect`"]
pub struct Builder {
    endpoint: Result<Endpoint, String>,
    authority: Option<PathBuf>,
    token: TokenSource,
    settings: Settings,
}

/// How patient a client is.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) timeout: Duration,
    pub(super) connect_timeout: Duration,
    pub(super) heartbeat: Duration,
    pub(super) backoff: (Duration, Duration),
}

impl Builder {
    pub(super) fn new(address: &str) -> Self {
        Self {
            endpoint: Endpoint::parse(address),
            authority: None,
            token: TokenSource::None,
            settings: Settings {
                timeout: TIMEOUT,
                connect_timeout: TIMEOUT,
                heartbeat: HEARTBEAT,
                backoff: (SHORTEST, LONGEST),
            },
        }
    }

    /// What the environment says: the server of FULLON_CACHE_API_URL, else `ws://127.0.0.1:8765`; the token of
    /// FULLON_CACHE_API_TOKEN, and those of the file FULLON_CACHE_API_CA to vouch for it, where they are set.
    pub fn from_env() -> Self {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let mut builder =
            Self::new(&variable("FULLON_CACHE_API_URL").unwrap_or_else(|| DEFAULT_URL.to_owned()));
        if let Some(token) = variable("FULLON_CACHE_API_TOKEN") {
            builder = builder.token(&token);
        }
        builder.authority = variable("FULLON_CACHE_API_CA").map(PathBuf::from);
        builder
    }

    /// Logs in by this token; an empty one is none.
    pub fn token(mut self, token: &str) -> Self {
        self.token = TokenSource::Fixed(token.into());
        self
    }

    /// Logs in by the token that this brings. It is asked for whenever the client connects, and before a login ends.
    pub fn token_from<F, B>(mut self, bring: F) -> Self
    where
        F: Fn() -> B + Send + Sync + 'static,
        B: Future<Output = Result<String, String>> + Send + 'static,
    {
        self.token = TokenSource::of(bring);
        self
    }

    /// Believes those alone who are in this file, as PEM, to vouch for a `wss://` server, instead of those whom the
    /// system trusts.
    pub fn authority(mut self, file: impl Into<PathBuf>) -> Self {
        self.authority = Some(file.into());
        self
    }

    /// How long a call, or opening a stream, may take, connecting again included. By default 10 s.
    pub const fn timeout(mut self, time: Duration) -> Self {
        self.settings.timeout = time;
        self
    }

    /// How long an attempt to connect may take. By default 10 s.
    pub const fn connect_timeout(mut self, time: Duration) -> Self {
        self.settings.connect_timeout = time;
        self
    }

    /// After how much silence the server is asked for a sign of life; it has as long to give one. By default 20 s.
    pub const fn heartbeat(mut self, time: Duration) -> Self {
        self.settings.heartbeat = time;
        self
    }

    /// The longest pause before the first attempt to connect again, and before any later one. Each is a random part of
    /// them. By default 100 ms and 20 s.
    pub const fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.settings.backoff = (first, longest);
        self
    }

    /// Connects. The client needs the tokio runtime that this is awaited on for as long as it lasts. This is tried once; when the connection is lost later, it is made again for as long as that may help.
    ///
    /// # Errors
    ///
    /// The address is none, nobody listens there, or the server does not want this client.
    pub async fn connect(self) -> Result<Client, ClientError> {
        let endpoint = self.endpoint.map_err(ClientError::BadAddress)?;
        let endpoint = match &self.authority {
            None => endpoint,
            Some(file) => endpoint.trusting(file).map_err(ClientError::BadAddress)?,
        };
        let (commands, waiting) = mpsc::channel(WAITING);
        let inner = Inner::new(endpoint, Login::new(self.token), self.settings, commands);
        let connection = inner.connect().await?;
        tokio::spawn(Driver::new(inner.clone(), waiting).run(connection));
        Ok(Client { handle: Handle::new(inner) })
    }
}
