//! When a session ends by itself.

use std::time::{Duration, Instant};

use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::{caller::Caller, session::End};
use crate::config::Config;

/// Not logged in within the time that there is for it.
const NOT_LOGGED_IN: u16 = 4001;
/// The login has ended.
const LOGIN_ENDED: u16 = 4010;
/// How far away the next look is at the most.
const FAR: Duration = Duration::from_secs(3600);

/// The times that a session has.
pub(super) struct Deadlines {
    opened: Instant,
    login: Duration,
}

impl Deadlines {
    pub(super) fn new(config: &Config) -> Self {
        Self { opened: Instant::now(), login: config.auth.login_timeout.get() }
    }

    /// Takes over a reload.
    pub(super) fn adopt(&mut self, config: &Config) {
        self.login = config.auth.login_timeout.get();
    }

    /// Why the session is to end now; else when to look again.
    pub(super) fn look(&self, caller: &Caller) -> Result<Instant, End> {
        let now = Instant::now();
        let left = match caller.identity() {
            None => {
                let left = (self.opened + self.login).saturating_duration_since(now);
                if left.is_zero() {
                    return Err(End::Close(NOT_LOGGED_IN.into(), "no login in time"));
                }
                left
            }
            Some(identity) => identity.lasts().unwrap_or(FAR),
        };
        match left.is_zero() {
            true => Err(End::Close(CloseCode::from(LOGIN_ENDED), "the login has ended")),
            false => Ok(now + left.min(FAR)),
        }
    }
}
