//! `authenticate`: a token, on an open connection.

use std::{sync::Arc, time::UNIX_EPOCH};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::System;
use crate::{
    access::{Credential, Identity, Scope, Users},
    cache::Json,
    config::Secret,
    operation::{Operation, SystemQuery},
    protocol::{Error, ErrorCode, Result},
    submit,
    types::Seconds,
};

/// Logs in, or brings a new token before the old one ends. Streams go on, but for those that the new token
/// does not entitle to. Where a connection must log in and did not when it was opened, this comes first.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Authenticate {
    /// A static token, or a JSON Web Token.
    #[schemars(length(min = 1, max = 8192), regex(pattern = "^[!-~]+$"))]
    #[schemars(with = "String")]
    token: Secret,
}

/// Who a client is, and what it may read.
#[derive(Debug, Serialize, JsonSchema)]
struct LoggedIn {
    /// What it is called in the server's log.
    name: String,
    /// The scopes that it has.
    scopes: Vec<Scope>,
    /// Whose data it may read; null: everybody's.
    user_ids: Option<Vec<String>>,
    /// When the login ends, in seconds since the epoch; null: it does not.
    expires: Option<Seconds>,
}

impl From<&Identity> for LoggedIn {
    fn from(identity: &Identity) -> Self {
        Self {
            name: identity.name.clone(),
            scopes: identity.rights.scopes().collect(),
            user_ids: match identity.rights.users() {
                Users::All => None,
                Users::Some(users) => Some(users.iter().cloned().collect()),
            },
            expires: identity
                .expires
                .and_then(|expires| expires.duration_since(UNIX_EPOCH).ok())
                .map(|since| Seconds(since.as_secs_f64())),
        }
    }
}

impl SystemQuery for Authenticate {
    type Output = LoggedIn;

    async fn answer(&self, system: &System) -> Result<Json<LoggedIn>> {
        let System { app, caller } = system;
        let credential = Credential::Token(self.token.clone());
        let identity = loop {
            let live = app.live_for_long();
            let identity = live.access.identify(&credential).await.map_err(|denied| {
                caller.refuse(None, None, &format_args!("a bad token: {denied}"));
                Error::new(ErrorCode::Unauthenticated, "the token is not valid")
            })?;
            // A reload that came meanwhile may see it otherwise.
            if Arc::ptr_eq(&live, &app.live_for_long()) {
                break identity;
            }
        };
        let logged_in = LoggedIn::from(&identity);
        caller.log_in(app, credential, identity)?;
        Json::of(&logged_in)
    }
}

submit! {
    Operation::system::<Authenticate>("authenticate", "Logs in by a token, or brings a new one.")
        .for_strangers()
        .examples(&[r#"{"token": "fca_0123456789abcdef"}"#]),
}
