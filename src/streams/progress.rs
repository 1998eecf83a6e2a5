//! How far a stream has taken its client, and the frames that take it further.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    change::{Entry, What},
    echo::Echo,
    tally::Tally,
    topic::{Content, Kind, Topic},
};
use crate::{
    access::Users,
    protocol::{RequestId, Texts},
};

/// Up to which version a stream has told of its topic.
pub(super) struct Progress {
    pub(super) id: RequestId,
    /// The groups that it wants; None: all.
    pub(super) groups: Option<Box<[Arc<str>]>>,
    /// Whose items it sees, where they have owners.
    pub(super) users: Option<Users>,
    pub(super) pace: Duration,
    due: Instant,
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
    pub(super) tally: Option<Box<Tally>>,
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

impl Progress {
    /// Of a stream that has sent nothing yet.
    pub(super) fn new(
        id: RequestId,
        topic: &Topic,
        groups: Option<Box<[Arc<str>]>>,
        users: Option<Users>,
        pace: Duration,
        begin: Begin,
    ) -> Self {
        Self {
            id,
            groups,
            users,
            pace,
            due: Instant::now(),
            begin,
            seen: 0,
            sent: None,
            snapshot: 0,
            outage: topic.content().outages_over(),
            told_stale: false,
            owes_complete: false,
            tally: None,
            done: Done::default(),
        }
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
    fn pass(&mut self, topic: &Topic, version: u64, entry: &Entry) {
        let Some(tally) = self.tally.as_mut().filter(|_| topic.kind == Kind::State) else { return };
        match self.groups.as_deref() {
            None => tally.pass(version, 0, version),
            Some(groups) => {
                if let Ok(at) = groups.binary_search(&entry.id.group) {
                    tally.pass(version, at, entry.number);
                }
            }
        }
    }

    /// Appends what is next, some updates at the most. Says when to look again, if it is not due.
    pub(super) fn pull(
        &mut self,
        topic: &Topic,
        now: Instant,
        most: usize,
        frames: &mut Texts,
    ) -> Option<Instant> {
        let is_begun = self.is_begun();
        if is_begun && !self.told_stale && !self.is_behind(topic) {
            return None;
        }
        let content = topic.content();
        if !is_begun && content.is_ready(self.groups.as_deref()) {
            self.look_for_place(&content, frames);
            self.start(topic, &content);
        }
        if let Some(outage) = content.outage.as_ref().filter(|outage| outage.number > self.outage) {
            self.outage = outage.number;
            // Whatever else is to be told, and however slowly. It may be over by now; if it began before the end of the
            // one before was told, it is one to the client.
            if !std::mem::replace(&mut self.told_stale, true) {
                let (since, reason) = (&outage.since.0, Value::from(&*outage.reason));
                let members = format!(",\"since\":{since},\"reason\":{reason}");
                frames.push(&[&self.notice("stream_stale", &members)]);
            }
        }
        if !self.is_begun() {
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
                    self.start(topic, &content);
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
            self.pass(topic, version, entry);
            if self.push(topic, version, entry, frames) {
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
                frames.push(&[&self.notice("stream_complete", &format!(",\"update_id\":{seen}"))]);
            }
            if self.told_stale && !content.is_stale() {
                self.told_stale = false;
                frames.push(&[&self.notice("stream_fresh", "")]);
            }
        }
        None
    }

    /// Settles from where on it tells, if that is from now on and it is known what there is now: what changes before that
    /// is known cannot be told. Says whether there is nothing to wait for, be it that nobody can say what there is.
    pub(super) fn settle(&mut self, topic: &Topic) -> bool {
        if !matches!(self.begin, Begin::Now) {
            return true;
        }
        let content = topic.content();
        let is_ready = content.is_ready(self.groups.as_deref());
        if is_ready {
            self.start(topic, &content);
        }
        is_ready || content.is_stale()
    }

    pub(super) fn is_begun(&self) -> bool {
        matches!(self.begin, Begin::Begun)
    }

    /// Whether there is anything that it has not looked at.
    fn is_behind(&self, topic: &Topic) -> bool {
        self.seen < topic.version() || self.outage < topic.outages()
    }

    /// Whether a log may begin after a version, for nothing before it was told.
    fn misses_nothing(&self, version: u64) -> bool {
        version <= self.snapshot && self.sent.is_none()
    }

    /// Looks where a log is to go on. If that is not known any more, it may miss what came since.
    fn look_for_place(&mut self, content: &Content, frames: &mut Texts) {
        let Begin::Behind(echo) = &self.begin else { return };
        self.begin = match content.version_of(echo) {
            Some(version) => Begin::After(version),
            None => {
                self.push_gap(1, content.version.max(1), frames);
                Begin::Anew
            }
        };
    }

    fn start(&mut self, topic: &Topic, content: &Content) {
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
        self.owes_complete =
            topic.kind == Kind::State && matches!(self.begin, Begin::After(_) | Begin::Anew | Begin::Begun);
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
    fn push(&mut self, topic: &Topic, version: u64, entry: &Entry, frames: &mut Texts) -> bool {
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
            What::Corrupt(_) if in_snapshot && topic.kind == Kind::Log => return false,
            What::Corrupt(warnings) => {
                warnings.iter().for_each(|members| frames.push(&[&self.notice("stream_warning", members)]));
                return true;
            }
        };
        let members = json.strip_prefix('{').unwrap_or(json);
        let (mut update_id, mut prev_id) = (itoa::Buffer::new(), itoa::Buffer::new());
        frames.push(&[
            "{\"type\":\"",
            topic.operation().update_type(),
            "\",\"request_id\":",
            self.id.as_json(),
            ",\"update_id\":",
            update_id.format(version),
            ",\"prev_id\":",
            self.sent.map_or("null", |sent| prev_id.format(sent)),
            mark,
            if members == "}" { "" } else { "," },
            members,
        ]);
        self.sent = Some(version);
        self.done.updates += 1;
        true
    }

    fn push_gap(&mut self, from: u64, to: u64, frames: &mut Texts) {
        self.done.gaps += 1;
        frames.push(&[&self.notice("stream_gap", &format!(",\"from\":{from},\"to\":{to}"))]);
    }

    /// The frame of what is said of the stream beside its updates; further members begin with a comma.
    pub(super) fn notice(&self, kind: &str, members: &str) -> String {
        format!("{{\"type\":\"{kind}\",\"request_id\":{}{members}}}", self.id.as_json())
    }
}
