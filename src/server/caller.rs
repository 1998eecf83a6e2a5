//! One client, as its requests see it: who it is, and its streams.

use std::{
    fmt,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    access::{Access, Certificate, Credential, Denied, Identity},
    protocol::{Error, Result},
    registry::{Ask, Registered},
    streams::Client,
};

/// Where a client connects from.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// Its own address, behind proxies that are trusted; None on a unix socket.
    pub(crate) address: Option<IpAddr>,
    /// Whether it came by loopback or by a unix socket, and not through a proxy.
    pub(crate) is_local: bool,
    /// Its certificate, where it was asked for one.
    pub(crate) certificate: Option<Certificate>,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Some(address) => fmt::Display::fmt(&address, f),
            None => f.write_str("unix socket"),
        }
    }
}

/// One client.
pub(crate) struct Caller {
    pub(crate) streams: Client,
    pub(crate) peer: Peer,
    login: Mutex<Login>,
    /// Whether who it is has changed since its session looked.
    has_changed: AtomicBool,
    audit: Mutex<Audit>,
}

/// What a client presented, and who that makes it.
pub(super) struct Login {
    pub(super) credential: Credential,
    pub(super) identity: Option<Arc<Identity>>,
}

impl Login {
    /// Who presents this, at the opening of a connection. A token, if there is one, must be good; who has
    /// none may still bring one.
    pub(super) async fn at_opening(access: &Access, credential: Credential) -> Result<Self, Denied> {
        let identity = match access.identify(&credential).await {
            Ok(identity) => Some(Arc::new(identity)),
            Err(_) if !matches!(credential, Credential::Token(_)) => None,
            Err(denied) => return Err(denied),
        };
        Ok(Self { credential, identity })
    }
}

impl Caller {
    pub(super) fn new(streams: Client, peer: Peer, login: Login) -> Self {
        let (has_changed, audit) = (AtomicBool::new(false), Mutex::default());
        Self { streams, peer, login: Mutex::new(login), has_changed, audit }
    }

    fn login(&self) -> MutexGuard<'_, Login> {
        self.login.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who it is; None before it has logged in.
    pub(crate) fn identity(&self) -> Option<Arc<Identity>> {
        self.login().identity.clone()
    }

    /// Takes the identity that a credential gives, and ends the streams that it does not entitle to.
    pub(super) fn log_in(&self, credential: Credential, identity: Identity) {
        let identity = Arc::new(identity);
        {
            let mut login = self.login();
            login.credential = credential;
            login.identity = Some(identity.clone());
        }
        self.streams.review(Some(&identity.rights));
        self.tell_session();
    }

    fn tell_session(&self) {
        self.has_changed.store(true, Ordering::Release);
        self.streams.bell.ring();
    }

    /// Whether who it is has changed since this was asked last.
    pub(super) fn has_changed(&self) -> bool {
        self.has_changed.load(Ordering::Acquire) && self.has_changed.swap(false, Ordering::AcqRel)
    }

    /// Looks again at what it presented, for logins or rights may be others now. Says whether it is still
    /// somebody.
    pub(super) async fn log_in_again(&self, access: &Access) -> bool {
        let (credential, was_somebody) = {
            let login = self.login();
            (login.credential.clone(), login.identity.is_some())
        };
        match access.identify(&credential).await {
            Ok(identity) => self.log_in(credential, identity),
            // It has no streams, and its time to log in goes on.
            Err(_) if !was_somebody => {}
            Err(denied) => {
                self.login().identity = None;
                self.streams.review(None);
                self.tell_session();
                self.audit(None, &format_args!("no longer logged in: {denied}"));
                return false;
            }
        }
        true
    }

    /// An error if it may not ask for this.
    pub(super) fn check(
        &self,
        identity: Option<&Identity>,
        operation: &Registered,
        ask: Ask<'_>,
    ) -> Result<()> {
        let is_open = |identity: &Identity| operation.is_open_to(&identity.rights, ask);
        if operation.needs_no_login() || identity.is_some_and(is_open) {
            return Ok(());
        }
        self.audit(Some(operation), &"not entitled to it");
        Err(Error::forbidden())
    }

    /// Notes a refusal in the log. A client that is refused without end has a line now and then.
    pub(super) fn audit(&self, operation: Option<&Registered>, why: &dyn fmt::Display) {
        let Some(refused) = self.audit.lock().unwrap_or_else(PoisonError::into_inner).next() else { return };
        let identity = self.identity();
        tracing::warn!(
            target: AUDIT,
            who = identity.as_ref().map_or("nobody", |identity| &identity.name),
            from = %self.peer,
            operation = operation.map(Registered::name),
            allowed = false,
            refused,
            "{why}"
        );
    }

    /// Notes a read of what belongs to a user.
    pub(super) fn audit_read(&self, identity: &Identity, operation: &Registered, params: &Value) {
        let Some(owner) = operation.owner_in(params) else { return };
        tracing::info!(
            target: AUDIT,
            who = identity.name,
            from = %self.peer,
            operation = operation.name(),
            owner = %owner,
            allowed = true,
            "read"
        );
    }
}

/// What audit lines are logged under.
pub(super) const AUDIT: &str = "fullon_cache_api::audit";

/// When a refusal was last logged, and how many there have been since.
#[derive(Default)]
struct Audit {
    last: Option<Instant>,
    since: u64,
}

impl Audit {
    /// How many refusals the next line stands for; None if it is not due.
    fn next(&mut self) -> Option<u64> {
        const PAUSE: Duration = Duration::from_secs(1);
        self.since += 1;
        if self.last.is_some_and(|last| last.elapsed() < PAUSE) {
            return None;
        }
        self.last = Some(Instant::now());
        Some(std::mem::take(&mut self.since))
    }
}
