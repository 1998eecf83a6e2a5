//! The connections on which Redis tells things by itself: one to each Redis that is read.

use std::{
    string::FromUtf8Error,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use futures_util::future::{join_all, try_join_all};
use redis::{PushInfo, PushKind, Value as Reply, aio::MultiplexedConnection};
use tokio::{
    sync::{Notify, mpsc},
    time::timeout,
};

use super::{
    LinkSettings, Outage,
    feed::{Event, PROBE_TIMEOUT},
    open::{Opened, open},
    whereabouts::{Moves, Place},
};
use crate::cache::{
    Control,
    near::{Feed, Near},
};

/// Connections that are up. If one is lost, all are: what is not told of may be on any.
pub(super) struct Lines {
    connections: Vec<MultiplexedConnection>,
    /// Where they are. All are left together.
    place: Option<Place>,
    /// Whether nothing ever comes in.
    pub(super) is_mute: bool,
    ear: Arc<Ear>,
    /// Tells when keys go from one Redis to another.
    pub(super) shifts: Moves,
}

/// What comes in on the connections, and where it goes: straight on, for each that it passes through takes time. The
/// connections, and who gives them up, are driven by one thread: nothing is passed on after that.
struct Ear {
    /// What answers that are kept are told by; lost with the connections.
    feed: Feed,
    events: mpsc::Sender<Event>,
    /// Whether events are passed on.
    is_open: AtomicBool,
    has_overflowed: AtomicBool,
    has_ended: AtomicBool,
    /// Rings when either is the case.
    trouble: Notify,
}

/// What is wrong with what comes in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Some of it did not fit.
    Overflow,
    /// Nothing comes in any more.
    End,
}

impl Ear {
    fn new(near: &Arc<Near>, events: mpsc::Sender<Event>) -> Self {
        Self {
            feed: near.feed(),
            events,
            is_open: AtomicBool::new(false),
            has_overflowed: AtomicBool::new(false),
            has_ended: AtomicBool::new(false),
            trouble: Notify::new(),
        }
    }

    fn hear(&self, push: PushInfo) {
        if push.kind == PushKind::Disconnection {
            self.feed.is_lost();
            return self.complain(&self.has_ended);
        }
        let Some(event) = event_of(push) else { return };
        // Those who keep answers are told before it waits behind others.
        match &event {
            Event::Changed(keys) => keys.iter().for_each(|key| self.feed.near().changed(key)),
            Event::EverythingChanged => self.feed.near().all_changed(),
            _ => {}
        }
        if self.is_open.load(Ordering::Relaxed) && self.events.try_send(event).is_err() {
            self.complain(&self.has_overflowed);
        }
    }

    fn complain(&self, of: &AtomicBool) {
        of.store(true, Ordering::Relaxed);
        self.trouble.notify_one();
    }

    async fn trouble(&self) -> Trouble {
        loop {
            if self.has_ended.load(Ordering::Relaxed) {
                return Trouble::End;
            }
            if self.has_overflowed.swap(false, Ordering::Relaxed) {
                return Trouble::Overflow;
            }
            self.trouble.notified().await;
        }
    }

    fn open(&self) {
        self.is_open.store(true, Ordering::Relaxed);
    }

    /// Passes on nothing more. The library may hold on to a connection for a while.
    fn close(&self) {
        self.is_open.store(false, Ordering::Relaxed);
        self.feed.is_lost();
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.ear.close();
    }
}

impl Lines {
    /// Finds and connects to every Redis that is read.
    pub(super) async fn connect(
        settings: &LinkSettings,
        near: &Arc<Near>,
        events: &mpsc::Sender<Event>,
    ) -> Result<Self, Outage> {
        let ear = Arc::new(Ear::new(near, events.clone()));
        let places = settings.whereabouts.find(settings.connect_timeout).await?;
        // Before anything is read that may shift.
        let shifts = settings.whereabouts.shifts();
        let opened = try_join_all(places.into_iter().map(|place| {
            let ear = ear.clone();
            open(place, settings, move |push| ear.hear(push))
        }));
        let opened: Vec<Opened> = opened.await?;
        let is_mute = opened.iter().any(|one| one.facts.is_mute);
        let place = opened.first().map(|one| one.place.clone());
        let connections = opened.into_iter().map(|one| one.connection).collect();
        Ok(Self { connections, place, is_mute, ear, shifts })
    }

    /// Passes on what comes in from now on, until these connections are given up.
    pub(super) fn open(&self) {
        self.ear.open();
    }

    /// What answers that are kept are told by.
    pub(super) fn feed(&self) -> &Feed {
        &self.ear.feed
    }

    /// Waits until something is wrong with what comes in.
    pub(super) fn trouble(&self) -> impl Future<Output = Trouble> + use<> {
        let ear = self.ear.clone();
        async move { ear.trouble().await }
    }

    /// Waits until Redis is known to be elsewhere.
    pub(super) fn left(&self) -> impl Future<Output = ()> + use<> {
        let place = self.place.clone();
        async move {
            match place {
                Some(place) => place.left().await,
                None => std::future::pending().await,
            }
        }
    }

    /// Whether every Redis grants what is asked. A refusal is logged, which happens once a connection.
    pub(super) async fn all_grant(&self, control: &Control, what: &str) -> Result<bool, Outage> {
        let granted = self.connections.iter().map(|connection| grants(connection.clone(), control, what));
        Ok(try_join_all(granted).await?.into_iter().all(|is_granted| is_granted))
    }

    /// The same of one Redis: what is published to one comes to all.
    pub(super) async fn one_grants(&self, control: &Control, what: &str) -> Result<bool, Outage> {
        match self.connections.first() {
            Some(connection) => grants(connection.clone(), control, what).await,
            None => Ok(false),
        }
    }

    /// Has Redis tell of the changes of keys that begin so, and says whether it does.
    pub(super) async fn track(&self, prefix: String) -> Result<bool, Outage> {
        let granted = self.all_grant(&Control::Track { prefix: prefix.clone() }, "changes").await?;
        if granted {
            self.ear.feed.tells_of(&prefix);
        }
        Ok(granted)
    }

    /// Whether every Redis is there; if not, what is wrong.
    pub(super) fn probe(&self) -> impl Future<Output = Option<Outage>> + Send + use<> {
        let place = self.place.clone();
        let each = self.connections.clone().into_iter();
        let each = each.map(move |connection| probe_one(connection, place.clone()));
        let each: Vec<_> = each.collect();
        async move { join_all(each).await.into_iter().flatten().next() }
    }
}

async fn probe_one(mut connection: MultiplexedConnection, place: Option<Place>) -> Option<Outage> {
    let question = place.as_ref().map_or(Control::Ping, Place::probe).to_redis();
    match timeout(PROBE_TIMEOUT, connection.send_packed_command(&question)).await {
        Err(_) => Some(Outage::Silent),
        Ok(Err(error)) if error.is_unrecoverable_error() => Some(Outage::Down(error.to_string().into())),
        // A refusal is an answer too, but of a replica.
        Ok(answer) => {
            let place = place?;
            place.fault(answer).map(|fault| place.doubt(Outage::Down(fault.into())))
        }
    }
}

async fn grants(
    mut connection: MultiplexedConnection,
    control: &Control,
    what: &str,
) -> Result<bool, Outage> {
    let refusal = match connection.send_packed_command(&control.to_redis()).await {
        Ok(Reply::ServerError(error)) => {
            format!("{} {}", error.code(), error.details().unwrap_or_default())
        }
        Ok(_) => return Ok(true),
        Err(error) if error.is_unrecoverable_error() => return Err(Outage::Down(error.to_string().into())),
        Err(error) => error.to_string(),
    };
    tracing::warn!("Redis does not tell of {what} ({refusal}); what is watched is polled");
    Ok(false)
}

fn event_of(push: PushInfo) -> Option<Event> {
    let text = |value: Reply| match value {
        Reply::BulkString(bytes) => {
            let lossy = |error: FromUtf8Error| String::from_utf8_lossy(error.as_bytes()).into_owned();
            Some(String::from_utf8(bytes).unwrap_or_else(lossy))
        }
        Reply::SimpleString(text) => Some(text),
        _ => None,
    };
    let mut data = push.data.into_iter();
    match push.kind {
        PushKind::Invalidate => match data.next() {
            Some(Reply::Array(keys)) => Some(Event::Changed(keys.into_iter().filter_map(text).collect())),
            // The whole database was emptied.
            _ => Some(Event::EverythingChanged),
        },
        PushKind::PMessage => {
            let (_pattern, channel, payload) = (data.next()?, data.next()?, data.next()?);
            let Reply::BulkString(payload) = payload else { return None };
            Some(Event::Said { channel: text(channel)?, payload })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    /// What Redis says when a key has changed.
    fn change(key: &str) -> PushInfo {
        let keys = Reply::Array(vec![Reply::BulkString(key.into())]);
        PushInfo { kind: PushKind::Invalidate, data: vec![keys] }
    }

    fn end() -> PushInfo {
        PushInfo { kind: PushKind::Disconnection, data: Vec::new() }
    }

    fn changed(key: &str) -> Event {
        Event::Changed(vec![key.to_owned()])
    }

    /// An ear whose events go where so many may wait.
    fn ear(most: usize) -> (Ear, mpsc::Receiver<Event>) {
        let (sender, events) = mpsc::channel(most);
        (Ear::new(&Arc::default(), sender), events)
    }

    #[test]
    fn what_comes_in_is_passed_on_from_when_it_is_wanted_until_it_is_given_up() {
        let (ear, mut events) = ear(8);
        ear.hear(change("before"));
        ear.open();
        ear.hear(change("a"));
        ear.hear(PushInfo { kind: PushKind::Invalidate, data: vec![Reply::Nil] });
        let said = ["ticker_updates:*", "ticker_updates:x", "{}"].map(|text| Reply::BulkString(text.into()));
        ear.hear(PushInfo { kind: PushKind::PMessage, data: said.into() });
        ear.close();
        ear.hear(change("after"));
        let said = Event::Said { channel: "ticker_updates:x".to_owned(), payload: b"{}".into() };
        for expected in [changed("a"), Event::EverythingChanged, said] {
            assert_eq!(events.try_recv(), Ok(expected));
        }
        assert!(events.try_recv().is_err());
        assert_eq!(ear.trouble().now_or_never(), None);
    }

    #[test]
    fn what_did_not_fit_is_told_of_each_time() {
        let (ear, mut events) = ear(1);
        ear.open();
        for _ in 0..2 {
            ear.hear(change("fits"));
            ear.hear(change("does not"));
            assert_eq!(ear.trouble().now_or_never(), Some(Trouble::Overflow));
            assert_eq!(ear.trouble().now_or_never(), None, "once");
            assert_eq!(events.try_recv(), Ok(changed("fits")));
        }
    }

    #[test]
    fn an_end_is_told_of_though_nothing_fits_and_ends_what_answers_rest_on() {
        let (ear, _events) = ear(1);
        ear.feed.tells_of("tickers:");
        ear.open();
        ear.hear(change("fits"));
        ear.hear(change("does not"));
        assert!(ear.feed.does_tell_of("tickers:"));
        ear.hear(end());
        assert!(!ear.feed.does_tell_of("tickers:"));
        assert_eq!(ear.trouble().now_or_never(), Some(Trouble::End));
        assert_eq!(ear.trouble().now_or_never(), Some(Trouble::End), "for good");
    }
}
