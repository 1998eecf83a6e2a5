//! One stream of a client: what it was opened with, and how it is served.

use std::{
    convert::Infallible,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use serde_json::value::RawValue;
use tokio::sync::oneshot;

use super::{
    bell::Bell,
    hold::Hold,
    hub::Hub,
    options::{Effective, Listed, push_of, push_reason},
    progress::{Begin, Done, Progress},
    tally::StreamExplain,
    topic::Topic,
};
use crate::{
    access::{Place, Rights, Users},
    cache::Means,
    config::{microseconds, milliseconds},
    protocol::{Error, RequestId, Result, Texts},
    registry::Ask,
};

pub(super) struct Subscription {
    pub(super) topic: Arc<Topic>,
    /// The reply that its frames come after, until that is on its way.
    pub(super) hold: Option<Hold>,
    /// Tells who waits for it, by being dropped, when it is settled from where on it tells.
    unsettled: Option<oneshot::Sender<Infallible>>,
    progress: Progress,
    /// The params that it was opened with.
    params: Box<RawValue>,
    resumed: bool,
    /// Its place among the streams of its login.
    _place: Option<Place>,
}

/// What a stream is opened with.
pub(super) struct Opened {
    pub(super) id: RequestId,
    pub(super) topic: Arc<Topic>,
    pub(super) groups: Option<Vec<Arc<str>>>,
    pub(super) params: Box<RawValue>,
    pub(super) users: Option<Users>,
    pub(super) place: Option<Place>,
    pub(super) pace: Duration,
    pub(super) hold: Option<Hold>,
    pub(super) begin: Begin,
    /// Whether it is to tell how it is served.
    pub(super) explain: bool,
}

/// What the reply waits for that promises that no change from then on is passed over.
pub(crate) struct Settling {
    /// What the reply has to release.
    pub(crate) hold: Hold,
    /// Ends when it is settled from where on the stream tells, or it has ended, or nobody can vouch for what it watches.
    pub(crate) settled: oneshot::Receiver<Infallible>,
}

impl Subscription {
    /// A stream that has sent nothing yet.
    pub(super) fn new(opened: Opened) -> Self {
        let Opened { id, topic, groups, params, users, place, pace, hold, begin, explain } = opened;
        let groups = groups.map(Vec::into_boxed_slice);
        let resumed = matches!(begin, Begin::After(_) | Begin::Behind(_));
        let mut progress = Progress::new(id, &topic, groups, users, pace, begin);
        progress.tally = explain.then(Box::default);
        Self { topic, hold, unsettled: None, progress, params, resumed, _place: place }
    }

    pub(super) fn id(&self) -> &RequestId {
        &self.progress.id
    }

    /// How many groups it names.
    pub(super) fn names(&self) -> usize {
        self.progress.groups.as_ref().map_or(0, |groups| groups.len())
    }

    /// Why it is to end, with these rights or none.
    pub(super) fn end(&self, rights: Option<&Rights>) -> Option<&'static str> {
        let params = serde_json::from_str(self.params.get()).unwrap_or_default();
        let is_open = |rights: &&Rights| self.topic.operation().is_open_to(rights, Ask::With(&params));
        let sees_as_before =
            |rights: &Rights| self.progress.users.as_ref().is_none_or(|users| users == rights.users());
        match rights.filter(is_open) {
            None => Some("forbidden"),
            Some(rights) if self.topic.is_over() || !sees_as_before(rights) => Some("reconfigured"),
            Some(_) => None,
        }
    }

    /// Its settings as they are in effect.
    pub(super) fn settings(&self, means: Means) -> Effective {
        let operation = self.topic.operation();
        Effective {
            update_type: operation.update_type(),
            push: push_of(means, &operation),
            poll_interval_ms: milliseconds(operation.poll_interval()),
            min_interval_ms: milliseconds(self.progress.pace),
            epoch: self.topic.epoch(self.progress.users.as_ref()),
            resumed: self.resumed,
        }
    }

    /// What `list_streams` says of it.
    pub(super) fn listed(&self, means: Means) -> Result<Listed> {
        let id = RawValue::from_string(self.id().as_json().to_owned());
        Ok(Listed {
            stream: id.map_err(|error| Error::internal(error.to_string()))?,
            operation: self.topic.operation().name(),
            params: self.params.clone(),
            settings: self.settings(means),
            explain: self.explain(means),
        })
    }

    /// How it is served, where it was opened to tell that.
    pub(super) fn explain(&self, means: Means) -> Option<StreamExplain> {
        let tally = self.progress.tally.as_ref()?;
        let topic = self.topic.clone();
        let sees_all = self.progress.users.as_ref().is_none_or(|users| users.may_see(None));
        let content = topic.content();
        let operation = topic.operation();
        Some(StreamExplain {
            push: push_of(means, &operation),
            push_reason: push_reason(means, &operation),
            topic: match content.is_ready(self.progress.groups.as_deref()) {
                _ if content.is_stale() => "stale",
                true => "fresh",
                false => "unread",
            },
            // Others, and what is theirs, are not to be known of.
            subscribers: sees_all.then(|| topic.users.load(Ordering::Relaxed)),
            items: sees_all.then(|| content.count(topic.kind)),
            read_age_us: content.read_age().map(microseconds),
            update_age_us: tally.age().map(microseconds),
            updates: tally.updates,
            conflated: sees_all.then(|| tally.conflated()),
            gaps: tally.gaps,
        })
    }

    /// Ends it.
    pub(super) fn leave(&self, hub: &Hub, bell: &Arc<Bell>) {
        self.topic.remove_bell(self.progress.groups.as_deref(), bell);
        hub.leave(&self.topic);
    }

    /// Has nothing wait any longer until it is settled from where on it tells.
    pub(super) fn hurry(&mut self) {
        self.unsettled = None;
    }

    /// Lets its frames out. From here on no change is passed over, if its topic has been read by now.
    pub(super) fn release(&mut self) {
        self.hold = None;
        self.progress.settle(&self.topic);
    }

    /// If its reply has to wait until it is settled from where on it tells, gives what that waits for.
    pub(super) fn settling(&mut self) -> Option<Settling> {
        if self.progress.settle(&self.topic) {
            return None;
        }
        let (unsettled, settled) = oneshot::channel();
        self.unsettled = Some(unsettled);
        let hold = Hold::new();
        // That of an array comes after it anyway.
        self.hold.get_or_insert(hold);
        Some(Settling { hold, settled })
    }

    /// Whether it is settled from where on it tells.
    pub(super) fn is_begun(&self) -> bool {
        self.progress.is_begun()
    }

    /// Appends what is next, some updates at the most. Says when to look again, if it is not due.
    pub(super) fn pull(&mut self, now: Instant, most: usize, frames: &mut Texts) -> Option<Instant> {
        if self.unsettled.is_some() && self.progress.settle(&self.topic) {
            self.unsettled = None;
        }
        match self.hold {
            Some(_) => None,
            None => self.progress.pull(&self.topic, now, most, frames),
        }
    }

    /// What it has done since this was last asked.
    pub(super) fn take_done(&mut self) -> Done {
        self.progress.take_done()
    }

    /// The frame of what is said of it beside its updates; further members begin with a comma.
    pub(super) fn notice(&self, kind: &str, members: &str) -> String {
        self.progress.notice(kind, members)
    }
}
