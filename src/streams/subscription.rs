//! One stream of a client: up to which version it has seen its topic, and the frames that take it further.

use std::{
    fmt::Write as _,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use serde_json::{Value, value::RawValue};

use super::{
    bell::Bell,
    change::{Entry, What},
    echo::Echo,
    hub::Hub,
    options::{Effective, Listed, push_of, push_reason},
    tally::{StreamExplain, Tally},
    topic::{Content, Kind, Topic},
};
use crate::{
    access::{Place, Rights, Users},
    cache::Means,
    config::{microseconds, milliseconds},
    protocol::{Error, RequestId, Result},
    registry::Ask,
};

pub(super) struct Subscription {
    pub(super) id: RequestId,
    pub(super) topic: Arc<Topic>,
    /// The groups that it wants; None: all.
    groups: Option<Box<[Arc<str>]>>,
    /// The params that it was opened with.
    params: Box<RawValue>,
    /// Whose items it sees, where they have owners.
    users: Option<Users>,
    /// Its place among the streams of its login.
    _place: Option<Place>,
    resumed: bool,
    pace: Duration,
    due: Instant,
    /// The array that it was opened in, until that is answered.
    pub(super) array: Option<u64>,
    begin: Begin,
    /// Up to which version it has looked.
    seen: u64,
    /// The version of the last update that was sent.
    sent: Option<u64>,
    /// Up to which version items belong to the snapshot.
    snapshot: u64,
    /// The last outage that it was told of, or that was over before it began.
    outage: u64,
    /// Whether it was told of that one, and not of its end.
    told_stale: bool,
    /// Whether it is to say when all that there is has been told, so that its reader knows what is gone.
    owes_complete: bool,
    /// Counts, where it is to tell how it is served.
    tally: Option<Box<Tally>>,
    /// What it has done since that was last counted.
    done: Done,
}

/// What a stream has done.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Done {
    pub(super) updates: u64,
    pub(super) conflated: u64,
    pub(super) gaps: u64,
}

/// Where a stream begins, until its topic has been read.
#[derive(Debug)]
pub(super) enum Begin {
    Snapshot,
    /// By a snapshot, since where it was to go on is not known any more.
    Anew,
    Now,
    After(u64),
    /// Behind the entry of a log that its client got last, of another server perhaps.
    Behind(Echo),
    Begun,
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
    pub(super) array: Option<u64>,
    pub(super) begin: Begin,
    /// Whether it is to tell how it is served.
    pub(super) explain: bool,
}

impl Subscription {
    /// A stream that has sent nothing yet.
    pub(super) fn new(opened: Opened) -> Self {
        let Opened { id, topic, groups, params, users, place, pace, array, begin, explain } = opened;
        let groups = groups.map(Vec::into_boxed_slice);
        let resumed = matches!(begin, Begin::After(_) | Begin::Behind(_));
        let due = Instant::now();
        let outage = topic.content().outages_over();
        let (seen, sent, snapshot, told_stale, owes_complete) = (0, None, 0, false, false);
        Self {
            id,
            topic,
            groups,
            params,
            users,
            _place: place,
            resumed,
            pace,
            due,
            array,
            begin,
            seen,
            sent,
            snapshot,
            outage,
            told_stale,
            owes_complete,
            tally: explain.then(Box::default),
            done: Done::default(),
        }
    }

    /// How many groups it names.
    pub(super) fn names(&self) -> usize {
        self.groups.as_ref().map_or(0, |groups| groups.len())
    }

    /// Why it is to end, with these rights or none.
    pub(super) fn end(&self, rights: Option<&Rights>) -> Option<&'static str> {
        let params = serde_json::from_str(self.params.get()).unwrap_or_default();
        let is_open = |rights: &&Rights| self.topic.operation().is_open_to(rights, Ask::With(&params));
        let sees_as_before =
            |rights: &Rights| self.users.as_ref().is_none_or(|users| users == rights.users());
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
            min_interval_ms: milliseconds(self.pace),
            epoch: self.topic.epoch(self.users.as_ref()),
            resumed: self.resumed,
        }
    }

    /// What `list_streams` says of it.
    pub(super) fn listed(&self, means: Means) -> Result<Listed> {
        let id = RawValue::from_string(self.id.as_json().to_owned());
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
        let tally = self.tally.as_ref()?;
        let topic = self.topic.clone();
        let sees_all = self.users.as_ref().is_none_or(|users| users.may_see(None));
        let content = topic.content();
        let operation = topic.operation();
        Some(StreamExplain {
            push: push_of(means, &operation),
            push_reason: push_reason(means, &operation),
            topic: match content.is_ready(self.groups.as_deref()) {
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

    /// What it has done since this was last asked, which is then part of what it tells, too.
    pub(super) fn take_done(&mut self) -> Done {
        let done = std::mem::take(&mut self.done);
        if let Some(tally) = &mut self.tally {
            tally.updates += done.updates;
            tally.gaps += done.gaps;
        }
        done
    }

    /// Counts a change that it looks at. Of a log none takes another's place.
    fn pass(&mut self, version: u64, entry: &Entry) {
        let Some(tally) = self.tally.as_mut().filter(|_| self.topic.kind == Kind::State) else { return };
        match self.groups.as_deref() {
            None => tally.pass(version, 0, version),
            Some(groups) => {
                if let Ok(at) = groups.binary_search(&entry.id.group) {
                    tally.pass(version, at, entry.number);
                }
            }
        }
    }

    /// Ends it.
    pub(super) fn leave(&self, hub: &Hub, bell: &Arc<Bell>) {
        self.topic.remove_bell(self.groups.as_deref(), bell);
        hub.leave(&self.topic);
    }

    /// Appends what is next, some updates at the most. Says when to look again, if it is not due.
    pub(super) fn pull(&mut self, now: Instant, most: usize, frames: &mut Vec<String>) -> Option<Instant> {
        let is_begun = matches!(self.begin, Begin::Begun);
        if self.array.is_some() || (is_begun && !self.told_stale && !self.is_behind()) {
            return None;
        }
        let topic = self.topic.clone();
        let content = topic.content();
        if !is_begun && content.is_ready(self.groups.as_deref()) {
            self.look_for_place(&content, frames);
            self.start(&content);
        }
        if let Some(outage) = content.outage.as_ref().filter(|outage| outage.number > self.outage) {
            self.outage = outage.number;
            // Whatever else is to be told, and however slowly. It may be over by now; if it began before the end of the
            // one before was told, it is one to the client.
            if !std::mem::replace(&mut self.told_stale, true) {
                let (since, reason) = (&outage.since.0, Value::from(&*outage.reason));
                let members = format!(",\"since\":{since},\"reason\":{reason}");
                frames.push(self.notice("stream_stale", &members));
            }
        }
        if !matches!(self.begin, Begin::Begun) {
            return None;
        }
        let is_new = self.seen < content.version;
        if is_new && now < self.due {
            return Some(self.due);
        }
        if self.seen < content.forgotten {
            let forgotten = content.forgotten;
            match topic.kind {
                Kind::Log if self.misses_nothing(forgotten) => self.seen = forgotten,
                Kind::Log => {
                    self.push_gap(self.seen + 1, forgotten, frames);
                    self.seen = forgotten;
                }
                // A snapshot has all that is there.
                Kind::State if forgotten <= self.snapshot => {}
                // Which items went away is not known any more, so all that are there are told again.
                Kind::State => {
                    self.push_gap(self.seen + 1, content.version, frames);
                    self.start(&content);
                }
            }
        }
        let mut count = 0;
        let mut seen = content.version;
        // What belongs to the snapshot has replaced nothing that was to be sent.
        let from = self.seen.max(self.snapshot);
        let mut there = 0;
        for (version, entry) in content.after(self.seen) {
            if count >= most {
                seen = version - 1;
                break;
            }
            there += u64::from(version > from);
            if !self.wants(entry) {
                continue;
            }
            self.pass(version, entry);
            if self.push(version, entry, frames) {
                count += 1;
            }
        }
        self.seen = seen;
        if let Some(tally) = self.tally.as_mut().filter(|_| count > 0) {
            tally.note(now);
        }
        // Which items the versions were of that are not there any more, nobody knows.
        if topic.kind == Kind::State && self.groups.is_none() {
            self.done.conflated += seen.saturating_sub(from).saturating_sub(there);
        }
        if self.seen == content.version {
            if count > 0 {
                self.due = now + self.pace;
            }
            if std::mem::take(&mut self.owes_complete) {
                frames.push(self.notice("stream_complete", &format!(",\"update_id\":{seen}")));
            }
            if self.told_stale && !content.is_stale() {
                self.told_stale = false;
                frames.push(self.notice("stream_fresh", ""));
            }
        }
        None
    }

    /// Whether there is anything that it has not looked at.
    fn is_behind(&self) -> bool {
        self.seen < self.topic.version() || self.outage < self.topic.outages()
    }

    /// Whether a log may begin after a version, for nothing before it was told.
    fn misses_nothing(&self, version: u64) -> bool {
        version <= self.snapshot && self.sent.is_none()
    }

    /// Looks where a log is to go on. If that is not known any more, it may miss what came since.
    fn look_for_place(&mut self, content: &Content, frames: &mut Vec<String>) {
        let Begin::Behind(echo) = &self.begin else { return };
        self.begin = match content.version_of(echo) {
            Some(version) => Begin::After(version),
            None => {
                self.push_gap(1, content.version.max(1), frames);
                Begin::Anew
            }
        };
    }

    fn start(&mut self, content: &Content) {
        let version = content.version;
        if let Some(tally) = &mut self.tally {
            let passed = match self.groups.as_deref() {
                None => [version].into(),
                Some(groups) => groups.iter().map(|group| content.changes_of(group)).collect(),
            };
            tally.begin(version, passed);
        }
        match self.begin {
            Begin::Now => self.seen = version,
            Begin::After(seen) => self.seen = seen,
            Begin::Snapshot | Begin::Anew | Begin::Behind(_) | Begin::Begun => {
                self.seen = 0;
                self.snapshot = version;
            }
        }
        self.owes_complete = self.topic.kind == Kind::State
            && matches!(self.begin, Begin::After(_) | Begin::Anew | Begin::Begun);
        self.begin = Begin::Begun;
    }

    fn wants(&self, entry: &Entry) -> bool {
        if matches!(entry.what, What::Gap) {
            return true;
        }
        let is_chosen =
            self.groups.as_ref().is_none_or(|groups| groups.binary_search(&entry.id.group).is_ok());
        let is_own = self.users.as_ref().is_none_or(|users| users.may_see(entry.owner.as_deref()));
        is_chosen && is_own
    }

    /// Appends an update's frame, if there is one to tell.
    fn push(&mut self, version: u64, entry: &Entry, frames: &mut Vec<String>) -> bool {
        let in_snapshot = version <= self.snapshot;
        let (mark, json) = match &entry.what {
            What::Item(json) if in_snapshot => (",\"snapshot\":true", json),
            What::Item(json) => ("", json),
            // Who has seen nothing yet misses nothing that is gone.
            What::Removed(_) if in_snapshot => return false,
            What::Gap if self.misses_nothing(version) => return false,
            What::Removed(naming) => (",\"removed\":true", naming),
            What::Gap => {
                self.push_gap(version, version, frames);
                return true;
            }
            // What is past of a log is past.
            What::Corrupt(_) if in_snapshot && self.topic.kind == Kind::Log => return false,
            What::Corrupt(warnings) => {
                frames.extend(warnings.iter().map(|members| self.notice("stream_warning", members)));
                return true;
            }
        };
        let members = json.strip_prefix('{').unwrap_or(json);
        let update_type = self.topic.operation().update_type();
        let mut frame = String::with_capacity(members.len() + update_type.len() + 96);
        let _ = write!(
            frame,
            "{{\"type\":\"{update_type}\",\"request_id\":{},\"update_id\":{version},\"prev_id\":",
            self.id.as_json()
        );
        let _ = match self.sent {
            Some(sent) => write!(frame, "{sent}{mark}"),
            None => write!(frame, "null{mark}"),
        };
        if members != "}" {
            frame.push(',');
        }
        frame.push_str(members);
        self.sent = Some(version);
        self.done.updates += 1;
        frames.push(frame);
        true
    }

    fn push_gap(&mut self, from: u64, to: u64, frames: &mut Vec<String>) {
        self.done.gaps += 1;
        frames.push(self.notice("stream_gap", &format!(",\"from\":{from},\"to\":{to}")));
    }

    /// The frame of what is said of the stream beside its updates; further members begin with a comma.
    pub(super) fn notice(&self, kind: &str, members: &str) -> String {
        format!("{{\"type\":\"{kind}\",\"request_id\":{}{members}}}", self.id.as_json())
    }
}
