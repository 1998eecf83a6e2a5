//! Where Redis is: one question, asked in one place for every connection that is made.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use super::{
    Address, Outage,
    sentinels::{Master, Sentinels},
};

/// Where Redis is: at one address for ever, or where sentinels say that the master is. What they said last is
/// known to all clones.
#[derive(Debug, Clone)]
pub struct Whereabouts(Kind);

#[derive(Debug, Clone)]
enum Kind {
    At(Arc<Address>),
    NamedBy(Arc<Sentinels>),
}

impl Whereabouts {
    /// At this address.
    pub fn at(address: Address) -> Self {
        Self(Kind::At(Arc::new(address)))
    }

    /// Where these sentinels say that the master is that they call so. How it is spoken to is as at the other
    /// address: the login, the database, TLS.
    pub fn named_by(sentinels: Vec<Address>, master: &str, spoken_to: Address) -> Self {
        Self(Kind::NamedBy(Arc::new(Sentinels::new(sentinels, master, spoken_to))))
    }

    /// The Redis user that logs in.
    pub fn user(&self) -> &str {
        match &self.0 {
            Kind::At(address) => address.user(),
            Kind::NamedBy(sentinels) => sentinels.spoken_to().user(),
        }
    }

    /// Where it is, as far as is known, and who says so.
    pub fn shown(&self) -> String {
        let sentinels = match &self.0 {
            Kind::At(address) => return address.shown(),
            Kind::NamedBy(sentinels) => sentinels,
        };
        match self.known() {
            (Some(address), Some(sentinel)) => format!("{address} (named by the sentinel {sentinel})"),
            (Some(address), None) => address,
            (None, _) => sentinels.to_string(),
        }
    }

    /// Where it is, without the login, and the sentinel that says so, if one answers.
    pub(super) fn known(&self) -> (Option<String>, Option<String>) {
        match &self.0 {
            Kind::At(address) => (Some(address.shown()), None),
            Kind::NamedBy(sentinels) => match sentinels.named() {
                Some(master) => (Some(master.address.shown()), master.named_by.map(|by| by.to_string())),
                None => (None, None),
            },
        }
    }

    pub(super) fn needs_tls(&self) -> bool {
        match &self.0 {
            Kind::At(address) => address.is_tls(),
            Kind::NamedBy(sentinels) => sentinels.need_tls(),
        }
    }

    /// Finds out where it is, within this time.
    pub(super) async fn find(&self, patience: Duration) -> Result<Place, Outage> {
        match &self.0 {
            Kind::At(address) => Ok(Place { address: Address::clone(address), moves: Moves::none() }),
            Kind::NamedBy(sentinels) => {
                sentinels.ask(patience).await.map_err(|cause| Outage::Down(cause.into()))?;
                let mut moves = sentinels.moves();
                // Another answer may be newer than this one.
                let master = moves.newest().ok_or(Outage::Starting)?;
                Ok(Place { address: master.address, moves })
            }
        }
    }

    /// Tells when it has moved.
    pub(super) fn moves(&self) -> Moves {
        match &self.0 {
            Kind::At(_) => Moves::none(),
            Kind::NamedBy(sentinels) => sentinels.moves(),
        }
    }

    /// What looks out for its moves while connections live on, for as long as it runs; None where it never moves.
    pub(super) fn lookout(&self, patience: Duration) -> Option<impl Future<Output = ()> + Send + 'static> {
        match &self.0 {
            Kind::At(_) => None,
            Kind::NamedBy(sentinels) => {
                let sentinels = sentinels.clone();
                Some(async move { sentinels.look_out(patience).await })
            }
        }
    }
}

/// Where Redis was found.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) address: Address,
    moves: Moves,
}

impl Place {
    /// Whether Redis is known to be elsewhere by now.
    pub(super) fn is_left(&self) -> bool {
        self.moves.has_one()
    }

    /// Waits until Redis is known to be elsewhere.
    pub(super) async fn left(&self) {
        self.moves.clone().next().await;
    }

    /// Why a Redis of this role is not the one that was looked for. One that does not tell is taken for it.
    pub(super) fn refusal(&self, role: Option<&str>) -> Option<Outage> {
        let role = role.filter(|role| self.is_named() && *role != "master")?;
        let at = self.address.host_and_port();
        let cause = format!("the sentinels name {at}, which says that it is a {role}");
        Some(Outage::Down(cause.into()))
    }

    /// An error with the address, where the configuration has none.
    pub(super) fn blame(&self, error: &impl std::fmt::Display) -> Outage {
        let cause = match self.is_named() {
            true => format!("the sentinels name {}: {error}", self.address.host_and_port()),
            false => error.to_string(),
        };
        Outage::Down(cause.into())
    }

    fn is_named(&self) -> bool {
        self.moves.0.is_some()
    }
}

/// Tells when Redis has moved.
#[derive(Debug, Clone)]
pub(crate) struct Moves(Option<watch::Receiver<Option<Master>>>);

impl Moves {
    /// It never does.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    pub(super) fn of(named: watch::Receiver<Option<Master>>) -> Self {
        Self(Some(named))
    }

    /// Where it moved last; that is no move any more.
    fn newest(&mut self) -> Option<Master> {
        self.0.as_mut()?.borrow_and_update().clone()
    }

    /// Takes all moves until now as known.
    pub(crate) fn forget(&mut self) {
        self.newest();
    }

    /// Whether there was one that is not known.
    fn has_one(&self) -> bool {
        // An error means that nobody looks out any more.
        self.0.as_ref().is_some_and(|named| named.has_changed().unwrap_or(false))
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        if let Some(named) = &mut self.0
            && named.changed().await.is_ok()
        {
            return;
        }
        std::future::pending().await
    }
}
