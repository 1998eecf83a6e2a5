//! Which token is shown, and how a login is renewed before it ends.

use std::{
    fmt,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::json;
use tokio::time::sleep;

use super::{ClientError, Inner};
use crate::{config::Secret, types::Seconds};

/// How long before a login ends a new token is brought; of a short one earlier, after half of it.
const BEFORE: Duration = Duration::from_secs(30);
/// The shortest time between two attempts to renew a login.
const PAUSE: Duration = Duration::from_secs(1);

/// What brings a token.
pub(super) type BringToken = dyn Fn() -> BoxFuture<'static, Result<String, String>> + Send + Sync;

/// Where a token comes from.
#[derive(Clone, Default)]
pub(super) enum TokenSource {
    #[default]
    None,
    Fixed(Secret),
    Function(Arc<BringToken>),
}

impl TokenSource {
    pub(super) fn of<F, B>(bring: F) -> Self
    where
        F: Fn() -> B + Send + Sync + 'static,
        B: Future<Output = Result<String, String>> + Send + 'static,
    {
        Self::Function(Arc::new(move || Box::pin(bring())))
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Fixed(_) => "a token",
            Self::Function(_) => "a function",
        })
    }
}

/// The login of a client.
#[derive(Debug, Default)]
pub(super) struct Login(Mutex<TokenSource>);

impl Login {
    pub(super) const fn new(source: TokenSource) -> Self {
        Self(Mutex::new(source))
    }

    fn source(&self) -> TokenSource {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Later connections are to be logged in by this one too, unless there is something that brings tokens.
    pub(super) fn adopt(&self, token: Secret) {
        let mut source = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*source, TokenSource::Function(_)) {
            *source = TokenSource::Fixed(token);
        }
    }

    pub(super) fn is_renewed(&self) -> bool {
        matches!(self.source(), TokenSource::Function(_))
    }

    /// The token to show.
    pub(super) async fn token(&self) -> Result<Option<Secret>, ClientError> {
        match self.source() {
            TokenSource::None => Ok(None),
            TokenSource::Fixed(token) => Ok(Some(token)),
            TokenSource::Function(bring) => match bring().await {
                Ok(token) => Ok(Some(Secret::from(token.as_str()))),
                Err(cause) => Err(ClientError::unreachable(format!("there is no token: {cause}"))),
            },
        }
        // An empty one is none.
        .map(|token| token.filter(|token| !token.expose().is_empty()))
    }
}

/// Brings a new token before the login ends, for as long as logins end.
pub(super) async fn renew(inner: Arc<Inner>, mut token: Option<Secret>) {
    #[derive(Deserialize)]
    struct LoggedIn {
        expires: Option<f64>,
    }
    let mut ends = None;
    loop {
        let Some(secret) = &token else { return };
        // Only the reply to this tells when the login ends.
        let params = json!({ "token": secret.expose() });
        let login = inner.call("authenticate", &params).await.and_then(|answer| answer.read::<LoggedIn>());
        match login {
            Ok(LoggedIn { expires: None }) => return,
            Ok(LoggedIn { expires }) => ends = expires,
            // The old login stands until it ends; then the server closes the connection, and the next tells why.
            Err(_) => {}
        }
        let left = ends.map(|ends| ends - Seconds::now().0).unwrap_or_default();
        let left = Duration::try_from_secs_f64(left).unwrap_or_default();
        sleep(left.saturating_sub(BEFORE).max(left / 2).max(PAUSE)).await;
        token = inner.login.token().await.unwrap_or(token);
    }
}
