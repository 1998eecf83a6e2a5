//! One client, as its requests see it: who it is, and its streams.

use std::{
    borrow::Cow,
    fmt,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::Wake as _,
};

use arc_swap::ArcSwap;
use serde_json::Value;

use super::{App, Live};
use crate::{
    access::{
        AddressPlace, Audit, Certificate, Credential, Denied, Identity, Place, Principal, Rate, Refusal,
        Rights, nameless, note_read,
    },
    config::Limits,
    protocol::{Error, ErrorCode, Result},
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
    /// How many requests it has made.
    pub(super) requests: AtomicU64,
    login: Mutex<Login>,
    /// Whether who it is has changed since its session looked.
    has_changed: AtomicBool,
    /// Of those who have not logged in.
    strangers: Arc<Audit>,
    rate: ArcSwap<Rate>,
    /// Its place among the connections of its address.
    _place: Option<AddressPlace>,
}

/// What a client presented, and who that makes it.
pub(super) struct Login {
    pub(super) credential: Credential,
    pub(super) who: Option<Arc<Who>>,
    /// Whose login it was that was withdrawn.
    was: Option<String>,
}

/// Who a client is, and its place among the connections of that login.
pub(crate) struct Who {
    pub(crate) identity: Identity,
    place: Arc<Place>,
}

impl Who {
    /// None if the login has as many connections as it may; who it was before has a place already.
    fn new(identity: Identity, before: Option<&Self>, app: &App) -> Option<Self> {
        let limits = &app.live().config.limits;
        let is_same = |before: &&Self| {
            (&before.identity.name, before.identity.is_login) == (&identity.name, identity.is_login)
        };
        let place = match before.filter(is_same) {
            Some(before) => before.place.clone(),
            None if !identity.is_login => Arc::new(nameless()),
            None => Arc::new(app.shares.connection_of_login(
                &identity.name,
                limits.connections_per_login,
                limits.requests_per_second_of_login,
            )?),
        };
        Some(Self { identity, place })
    }

    pub(crate) fn rights(&self) -> &Rights {
        &self.identity.rights
    }

    pub(crate) fn principal(&self) -> &Arc<Principal> {
        self.place.principal()
    }
}

/// Why a login is not taken.
pub(super) enum NotTaken {
    /// It is none.
    Bad(Denied),
    /// It has as many connections as it may.
    TooMany,
}

impl Login {
    /// Who presents this, at the opening of a connection. A token, if there is one, must be good; who has
    /// none may still bring one.
    pub(super) async fn at_opening(app: &App, live: &Live, credential: Credential) -> Result<Self, NotTaken> {
        let who = match live.access.identify(&credential).await {
            Ok(identity) => Some(Arc::new(Who::new(identity, None, app).ok_or(NotTaken::TooMany)?)),
            Err(_) if !matches!(credential, Credential::Token(_)) => None,
            Err(denied) => return Err(NotTaken::Bad(denied)),
        };
        Ok(Self { credential, who, was: None })
    }
}

impl Caller {
    pub(super) fn new(
        streams: Client,
        peer: Peer,
        login: Login,
        place: Option<AddressPlace>,
        strangers: Arc<Audit>,
        limits: &Limits,
    ) -> Self {
        Self {
            streams,
            peer,
            requests: AtomicU64::new(0),
            login: Mutex::new(login),
            has_changed: AtomicBool::new(false),
            strangers,
            rate: ArcSwap::from_pointee(Rate::new(limits.requests_per_second)),
            _place: place,
        }
    }

    /// Takes over a reload.
    pub(super) fn adopt(&self, limits: &Limits) {
        self.rate.store(Arc::new(Rate::new(limits.requests_per_second)));
    }

    /// Takes note of one more request, or ping; an error if it is one too many.
    pub(super) fn charge(&self, who: Option<&Who>) -> Result<()> {
        self.rate.load().charge()?;
        who.map_or(Ok(()), |who| who.principal().charge())
    }

    fn login(&self) -> MutexGuard<'_, Login> {
        self.login.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who it is; None before it has logged in.
    pub(crate) fn who(&self) -> Option<Arc<Who>> {
        self.login().who.clone()
    }

    /// Takes the identity that a credential gives, and ends the streams that it does not entitle to. An error
    /// if the login has as many connections as it may.
    pub(super) fn log_in(&self, app: &App, credential: Credential, identity: Identity) -> Result<()> {
        let before = self.who();
        let who = Arc::new(Who::new(identity, before.as_deref(), app).ok_or_else(|| {
            Error::new(ErrorCode::LimitExceeded, "this login has as many connections as it may")
        })?);
        {
            let mut login = self.login();
            login.credential = credential;
            login.who = Some(who.clone());
        }
        self.streams.review(Some(who.rights()));
        self.tell_session();
        Ok(())
    }

    fn tell_session(&self) {
        self.has_changed.store(true, Ordering::Release);
        self.streams.bell.wake_by_ref();
    }

    /// Whether who it is has changed since this was asked last.
    pub(super) fn has_changed(&self) -> bool {
        self.has_changed.load(Ordering::Acquire) && self.has_changed.swap(false, Ordering::AcqRel)
    }

    /// Looks again at what it presented, for logins or rights may be others now. Says whether it is still
    /// somebody.
    pub(super) async fn log_in_again(&self, app: &App, live: &Live) -> bool {
        let (credential, was_somebody) = {
            let login = self.login();
            (login.credential.clone(), login.who.is_some())
        };
        let denied = match live.access.identify(&credential).await {
            Ok(identity) => match self.log_in(app, credential, identity) {
                Ok(()) => return true,
                Err(error) => error.message().to_owned(),
            },
            // It has no streams, and its time to log in goes on.
            Err(_) if !was_somebody => return true,
            Err(denied) => denied,
        };
        self.refuse(None, None, &format_args!("no longer logged in: {denied}"));
        {
            let mut login = self.login();
            login.was = login.who.take().map(|who| who.identity.name.clone());
        }
        self.streams.review(None);
        self.tell_session();
        false
    }

    /// An error if it may not ask for this.
    pub(super) fn check(&self, who: Option<&Who>, operation: &Registered, ask: Ask<'_>) -> Result<()> {
        let is_open = |who: &Who| operation.is_open_to(who.rights(), ask);
        if operation.needs_no_login() || who.is_some_and(is_open) {
            return Ok(());
        }
        let owner = match ask {
            Ask::Anything => None,
            Ask::With(params) => operation.owner_in(params),
        };
        self.refuse(Some(operation), owner, &"not entitled to it");
        Err(match who {
            Some(who) if !who.identity.is_login => Error::forbidden_without_login(),
            _ => Error::forbidden(),
        })
    }

    /// Notes a refusal in the log.
    pub(super) fn refuse(
        &self,
        operation: Option<&Registered>,
        owner: Option<Cow<'_, str>>,
        why: &dyn fmt::Display,
    ) {
        let who = self.who().filter(|who| who.identity.is_login);
        let audit = who.as_ref().map_or(&*self.strangers, |who| &who.principal().audit);
        audit.refuse(Refusal {
            who: self.name(),
            from: self.peer.to_string(),
            operation: operation.map(Registered::name),
            owner: owner.map(Cow::into_owned),
            why: why.to_string(),
        });
    }

    /// What it is called in the log.
    pub(super) fn name(&self) -> String {
        let login = self.login();
        let name = login.who.as_ref().map(|who| who.identity.name.clone());
        name.or_else(|| login.was.clone()).unwrap_or_else(|| "nobody".to_owned())
    }

    /// Notes a read of what belongs to a user.
    pub(super) fn audit_read(&self, who: &Who, operation: &Registered, params: &Value) {
        let owner = operation.owner_in(params);
        if owner.is_none() && !operation.reads_what_is_owned() {
            return;
        }
        note_read(&who.identity.name, &self.peer.to_string(), operation.name(), owner.as_deref());
    }
}
