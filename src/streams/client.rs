//! One client's streams: opened, listed and ended by it, and asked in turn for what is next.

use std::{
    sync::{Arc, MutexGuard},
    time::{Duration, Instant},
};

use serde_json::{Value, value::to_raw_value};

use super::{
    bell::{Bell, Line},
    echo::Echo,
    hold::Hold,
    hub::Hub,
    options::{Listed, ResumePoint},
    progress::Begin,
    subscription::{Opened, Settling, Subscription},
    tally::StreamExplain,
};
use crate::{
    access::{Place, Principal, Rights, Users},
    cache::Json,
    protocol::{Error, ErrorCode, RequestId, Result, Texts, Violation},
    registry::Registered,
};

/// Why a stream ended that its client wanted to end.
const UNSUBSCRIBED: &str = "unsubscribed";

/// A request to open a stream.
pub(crate) struct Opening<'a> {
    pub(crate) id: &'a RequestId,
    pub(crate) operation: &'a Arc<Registered>,
    pub(crate) params: Value,
    /// Whose items it is to see, where they have owners.
    pub(crate) users: Option<Users>,
    /// The login that it counts for.
    pub(crate) principal: Option<&'a Arc<Principal>>,
    /// The reply to an array that it came in: no update goes out before that.
    pub(crate) hold: Option<Hold>,
    /// Whether it is to tell how it is served.
    pub(crate) explain: bool,
}

/// A stream that was opened.
pub(crate) struct Open {
    /// Its settings.
    pub(crate) settings: String,
    /// How it is served, if it is to tell that.
    pub(crate) explain: Option<StreamExplain>,
    /// What its reply has to wait for.
    pub(crate) settling: Option<Settling>,
}

/// A client's streams.
pub(crate) struct Client {
    hub: Arc<Hub>,
    /// Which has the streams, too.
    pub(crate) bell: Arc<Bell>,
}

#[derive(Default)]
pub(super) struct Streams {
    open: Vec<Subscription>,
    /// Whose turn it is.
    next: usize,
    /// Frames that are due before all others, or when what holds them back is on its way.
    notices: Vec<(Option<Hold>, String)>,
    /// How many frames there have been.
    pub(super) sent: u64,
}

/// What was pulled.
#[derive(Debug, Default)]
pub(crate) struct Pulled {
    pub(crate) frames: Texts,
    /// Whether there is more right now.
    pub(crate) has_more: bool,
    /// When there may be more, of a stream that takes its time.
    pub(crate) again: Option<Instant>,
}

impl Client {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        Self { hub, bell: Arc::default() }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.bell.line()
    }

    /// All topics.
    pub(crate) fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Opens a stream. Its updates follow by way of [`pull`](Bell::pull).
    pub(crate) fn open(&self, opening: Opening<'_>) -> Result<Open> {
        let Opening { id, operation, mut params, users, principal, hold, explain } = opening;
        let limits = self.hub.settings();
        let mut line = self.line();
        let streams = &mut line.streams;
        if streams.open.iter().any(|stream| stream.id() == id) {
            let message = "a stream is open under this `request_id`".to_owned();
            return Err(Error::invalid_params(vec![Violation { path: String::new(), message }]));
        }
        if streams.open.len() >= limits.per_connection {
            let message = format!("this connection has {} streams, more it may not have", streams.open.len());
            return Err(Error::new(ErrorCode::LimitExceeded, message));
        }
        let place = principal.map(|principal| Place::of_stream(principal, limits.per_login)).transpose()?;
        let shown = to_raw_value(&params).map_err(|error| Error::internal(error.to_string()))?;
        let options = operation.stream_options(&mut params)?;
        let mut groups = operation.take_groups(&mut params)?;
        if let Some(count) = groups.as_ref().map(Vec::len).filter(|count| *count > limits.names) {
            let message = format!("the stream names {count}; at most {} may be", limits.names);
            return Err(Error::new(ErrorCode::LimitExceeded, message));
        }
        let named = streams.open.iter().map(Subscription::names).sum::<usize>();
        if named + groups.as_ref().map_or(0, Vec::len) > limits.names_per_connection {
            let most = limits.names_per_connection;
            let message = format!("the streams of this connection name {named}; at most {most} may be");
            return Err(Error::new(ErrorCode::LimitExceeded, message));
        }
        let topic = self.hub.join(operation, params, groups.as_deref())?;
        let pace = Duration::from_millis(options.min_interval_ms).min(limits.longest_interval());
        let begin = match options.resume {
            Some(point) if topic.knows(&point.epoch, users.as_ref(), point.update_id) => {
                Begin::After(point.update_id)
            }
            Some(ResumePoint { entry: Some(entry), .. }) if topic.is_one_list() => {
                Begin::Behind(Echo::of(entry))
            }
            Some(_) => Begin::Anew,
            None if !options.snapshot => Begin::Now,
            None => Begin::Snapshot,
        };
        topic.add_bell(groups.as_deref_mut(), &self.bell);
        let opened =
            Opened { id: id.clone(), topic, groups, params: shown, users, place, pace, hold, begin, explain };
        let mut stream = Subscription::new(opened);
        let settling = stream.settling();
        let means = self.hub.means();
        let settings = Json::of(&stream.settings(means))?.into_text();
        let explain = if explain { stream.explain(means) } else { None };
        self.hub.counts_of(operation.number).opened.add_one();
        streams.open.push(stream);
        // The topic may have something already.
        self.bell.ring();
        Ok(Open { settings, explain, settling })
    }

    /// Lets out what a reply held back that is on its way.
    pub(crate) fn release(&self, hold: Hold) {
        let mut line = self.line();
        let streams = &mut line.streams;
        for stream in streams.open.iter_mut().filter(|stream| stream.hold == Some(hold)) {
            stream.release();
            self.bell.ring();
        }
        for (held, _) in streams.notices.iter_mut().filter(|(held, _)| *held == Some(hold)) {
            *held = None;
            self.bell.ring();
        }
    }

    /// Has no reply wait any longer until it is settled from where on its stream tells: it tells nothing more.
    pub(crate) fn hurry(&self) {
        self.line().streams.open.iter_mut().for_each(Subscription::hurry);
    }

    /// Ends one stream.
    pub(crate) fn close(&self, id: &Value) -> Result<()> {
        let mut line = self.line();
        let streams = &mut line.streams;
        let at = streams.open.iter().position(|stream| stream.id().is(id));
        let Some(at) = at else {
            let message = "no stream of this connection is open under that `request_id`".to_owned();
            return Err(Error::invalid_params(vec![Violation { path: "/stream".to_owned(), message }]));
        };
        let stream = streams.open.swap_remove(at);
        self.end(streams, &stream, UNSUBSCRIBED);
        Ok(())
    }

    /// Ends all streams, and says how many there were.
    pub(crate) fn close_all(&self) -> usize {
        let mut line = self.line();
        let streams = &mut line.streams;
        let open = std::mem::take(&mut streams.open);
        open.iter().for_each(|stream| self.end(streams, stream, UNSUBSCRIBED));
        open.len()
    }

    fn end(&self, streams: &mut Streams, stream: &Subscription, reason: &str) {
        stream.leave(&self.hub, &self.bell);
        let notice = stream.notice("stream_end", &format!(",\"reason\":\"{reason}\""));
        streams.notices.push((stream.hold, notice));
        self.bell.ring();
    }

    /// Whether any stream is open.
    pub(crate) fn has_open(&self) -> bool {
        !self.line().streams.open.is_empty()
    }

    /// Ends the streams that these rights, or none, do not entitle to, those whose items are chosen by rights
    /// that are others now, and those that a reload ended.
    pub(crate) fn review(&self, rights: Option<&Rights>) {
        let mut line = self.line();
        let streams = &mut line.streams;
        for at in (0..streams.open.len()).rev() {
            if let Some(reason) = streams.open[at].end(rights) {
                let stream = streams.open.remove(at);
                self.end(streams, &stream, reason);
            }
        }
    }

    /// The streams that are open.
    pub(crate) fn list(&self) -> Result<Vec<Listed>> {
        let means = self.hub.means();
        self.line().streams.open.iter().map(|stream| stream.listed(means)).collect()
    }
}

impl Streams {
    /// Whether all have begun.
    pub(super) fn are_begun(&self) -> bool {
        self.open.iter().all(Subscription::is_begun)
    }

    /// The next frames, as many as go in one write, from all streams in turn.
    pub(super) fn pull(&mut self, hub: &Hub) -> Pulled {
        /// About how many bytes they have.
        const SHARE: usize = 16 << 10;
        /// How many updates of one stream go before the next has its turn.
        const TURN: usize = 32;
        let mut pulled = Pulled::default();
        if !self.notices.is_empty() {
            let due = self.notices.extract_if(.., |(hold, _)| hold.is_none());
            due.for_each(|(_, notice)| pulled.frames.push(&[&notice]));
        }
        let now = Instant::now();
        let count = self.open.len();
        let mut quiet = 0;
        while quiet < count {
            if pulled.frames.len() >= SHARE {
                pulled.has_more = true;
                break;
            }
            let at = self.next % count;
            self.next = at + 1;
            let before = pulled.frames.count();
            let stream = &mut self.open[at];
            let again = stream.pull(now, TURN, &mut pulled.frames);
            if pulled.frames.count() > before {
                hub.count(stream);
                quiet = 0;
            } else {
                quiet += 1;
            }
            pulled.again = match (pulled.again, again) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
        self.sent += pulled.frames.count() as u64;
        pulled
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // The topics of the streams have the bell, which has the streams, and what wakes it has it as well.
        let open = std::mem::take(&mut *self.line()).streams.open;
        open.iter().for_each(|stream| stream.leave(&self.hub, &self.bell));
    }
}
