//! One client's streams: up to which version each has seen its topic, and the frames that take it further.

use std::{
    collections::VecDeque,
    fmt::Write as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    hub::Hub,
    topic::{Bell, Entry, Kind, Topic, What},
};
use crate::{
    cache::{Json, Means},
    protocol::{Error, ErrorCode, RequestId, Result, Violation},
    registry::Registered,
};

/// What every stream takes beside its own params.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Options {
    /// Whether the present state comes first.
    #[serde(default = "yes")]
    snapshot: bool,
    /// At most one update of an item in so many milliseconds; the newest wins.
    #[serde(default)]
    #[schemars(range(min = 0, max = 9_007_199_254_740_991_u64))]
    min_interval_ms: u64,
    /// Where an earlier stream of the same ended: only what changed after that is sent, if the server
    /// still knows it.
    resume: Option<ResumePoint>,
}

impl Options {
    /// The names of all.
    pub(crate) const NAMES: [&str; 3] = ["snapshot", "min_interval_ms", "resume"];

    pub(crate) fn schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        generator.root_schema_for::<Self>()
    }
}

/// A place in the course of a topic.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResumePoint {
    /// The `epoch` of the earlier stream's reply.
    #[schemars(length(max = 64), regex(pattern = "^[0-9a-f-]+$"))]
    epoch: String,
    /// The `update_id` of the last update that was received.
    update_id: u64,
}

const fn yes() -> bool {
    true
}

/// A stream's settings as they are in effect.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Effective {
    /// The `type` of the stream's updates.
    pub(crate) update_type: String,
    /// How change is noticed: `channel` (the writer publishes new values), `tracking` (Redis tells which
    /// keys changed), `poll`.
    pub(crate) push: &'static str,
    /// Milliseconds between two looks, where change is noticed by polling.
    pub(crate) poll_interval_ms: u64,
    /// Milliseconds between two updates of one item at the least.
    pub(crate) min_interval_ms: u64,
    /// Tells this course of `update_id`s from any other; for `resume`.
    pub(crate) epoch: String,
    /// Whether the stream goes on where the earlier one ended. If it was asked for and is false, a
    /// snapshot comes instead.
    pub(crate) resumed: bool,
}

/// One stream of a client, for `list_streams`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Listed {
    /// The `request_id` that opened it.
    #[schemars(with = "Value")]
    stream: Box<serde_json::value::RawValue>,
    /// The operation.
    operation: &'static str,
    /// The params that it was opened with.
    params: Value,
    /// Its settings.
    #[serde(flatten)]
    settings: Effective,
}

/// A request to open a stream.
pub(crate) struct Opening<'a> {
    pub(crate) id: &'a RequestId,
    pub(crate) operation: &'a Arc<Registered>,
    pub(crate) params: Value,
    /// The array that it came in: no update goes out before that is answered.
    pub(crate) array: Option<u64>,
}

/// A client's streams.
pub(crate) struct Client {
    hub: Arc<Hub>,
    pub(crate) bell: Arc<Bell>,
    streams: Mutex<Streams>,
}

#[derive(Default)]
struct Streams {
    open: Vec<Subscription>,
    /// Whose turn it is.
    next: usize,
    /// Frames that are due before all others.
    notices: VecDeque<String>,
}

/// What was pulled.
#[derive(Debug, Default)]
pub(crate) struct Pulled {
    /// Frames, as JSON text.
    pub(crate) frames: Vec<String>,
    /// Whether there is more right now.
    pub(crate) has_more: bool,
    /// When there may be more, of a stream that takes its time.
    pub(crate) again: Option<Instant>,
}

struct Subscription {
    id: RequestId,
    topic: Arc<Topic>,
    /// The groups that it wants; None: all.
    groups: Option<Vec<Arc<str>>>,
    params: Value,
    settings: Effective,
    pace: Duration,
    due: Instant,
    array: Option<u64>,
    begin: Begin,
    /// Up to which version it has looked.
    seen: u64,
    /// The version of the last update that was sent.
    sent: Option<u64>,
    /// Up to which version items belong to the snapshot.
    snapshot: u64,
    told_stale: bool,
}

/// Where a stream begins, until its topic has been read.
#[derive(Debug, Clone, Copy)]
enum Begin {
    Snapshot,
    Now,
    After(u64),
    Begun,
}

impl Client {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        Self { hub, bell: Arc::default(), streams: Mutex::default() }
    }

    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All topics.
    pub(crate) fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Opens a stream. Its updates follow by way of [`pull`](Self::pull).
    pub(crate) fn open(&self, opening: Opening<'_>) -> Result<String> {
        let Opening { id, operation, mut params, array } = opening;
        let limits = &self.hub.settings;
        let mut streams = self.streams();
        if streams.open.iter().any(|stream| stream.id == *id) {
            let message = "a stream is open under this `request_id`".to_owned();
            return Err(Error::invalid_params(vec![Violation { path: String::new(), message }]));
        }
        if streams.open.len() >= limits.per_connection {
            let message = format!("this connection has {} streams, more it may not have", streams.open.len());
            return Err(Error::new(ErrorCode::LimitExceeded, message));
        }
        let shown = params.clone();
        let options = operation.stream_options(&mut params)?;
        let groups = operation.take_groups(&mut params)?;
        if let Some(count) = groups.as_ref().map(Vec::len).filter(|count| *count > limits.names) {
            let message = format!("the stream names {count}; at most {} may be", limits.names);
            return Err(Error::new(ErrorCode::LimitExceeded, message));
        }
        let kind = operation.stream_kind();
        let topic = self.hub.join(operation, params, kind)?;
        let pace = Duration::from_millis(options.min_interval_ms).min(limits.min_interval_max.get());
        // A removal must be told before it is forgotten.
        let pace = pace.min(limits.resume_window.get() / 2);
        let (begin, resumed) = match &options.resume {
            Some(point) if topic.knows(&point.epoch, point.update_id) => {
                (Begin::After(point.update_id), true)
            }
            None if !options.snapshot => (Begin::Now, false),
            _ => (Begin::Snapshot, false),
        };
        let settings = Effective {
            update_type: operation.update_type().to_owned(),
            push: push_of(self.hub.means(), operation),
            poll_interval_ms: milliseconds(operation.poll_interval()),
            min_interval_ms: milliseconds(pace),
            epoch: topic.epoch.clone(),
            resumed,
        };
        topic.add_bell(groups.as_deref(), &self.bell);
        self.hub.want(&topic, groups.as_deref());
        let reply = Json::of(&settings)?.into_text();
        streams.open.push(Subscription {
            id: id.clone(),
            topic,
            groups,
            params: shown,
            settings,
            pace,
            due: Instant::now(),
            array,
            begin,
            seen: 0,
            sent: None,
            snapshot: 0,
            told_stale: false,
        });
        // The topic may have something already.
        self.bell.ring();
        Ok(reply)
    }

    /// Lets updates out that waited for an array's reply.
    pub(crate) fn release(&self, array: u64) {
        let mut streams = self.streams();
        for stream in streams.open.iter_mut().filter(|stream| stream.array == Some(array)) {
            stream.array = None;
            self.bell.ring();
        }
    }

    /// Ends one stream.
    pub(crate) fn close(&self, id: &str) -> Result<()> {
        let mut streams = self.streams();
        let at = streams.open.iter().position(|stream| stream.id.is(id));
        let Some(at) = at else {
            let message = "no stream of this connection is open under that `request_id`".to_owned();
            return Err(Error::invalid_params(vec![Violation { path: "/stream".to_owned(), message }]));
        };
        let stream = streams.open.swap_remove(at);
        self.end(&mut streams, &stream);
        Ok(())
    }

    /// Ends all streams, and says how many there were.
    pub(crate) fn close_all(&self) -> usize {
        let mut streams = self.streams();
        let open = std::mem::take(&mut streams.open);
        open.iter().for_each(|stream| self.end(&mut streams, stream));
        open.len()
    }

    fn end(&self, streams: &mut Streams, stream: &Subscription) {
        stream.leave(&self.hub, &self.bell);
        streams.notices.push_back(format!(
            "{{\"type\":\"stream_end\",\"request_id\":{},\"reason\":\"unsubscribed\"}}",
            stream.id.as_json()
        ));
        self.bell.ring();
    }

    /// The streams that are open.
    pub(crate) fn list(&self) -> Result<Vec<Listed>> {
        let streams = self.streams();
        let listed = streams.open.iter().map(|stream| {
            let id = serde_json::value::RawValue::from_string(stream.id.as_json().to_owned());
            Ok(Listed {
                stream: id.map_err(|error| Error::internal(error.to_string()))?,
                operation: stream.topic.operation.name(),
                params: stream.params.clone(),
                settings: stream.settings.clone(),
            })
        });
        listed.collect()
    }

    /// The next frames, of about so many bytes, from all streams in turn.
    pub(crate) fn pull(&self, most_bytes: usize) -> Pulled {
        /// How many updates of one stream go before the next has its turn.
        const TURN: usize = 32;
        let mut streams = self.streams();
        let mut pulled = Pulled { frames: streams.notices.drain(..).collect(), ..Pulled::default() };
        let now = Instant::now();
        let count = streams.open.len();
        let (mut bytes, mut quiet) = (0, 0);
        while quiet < count {
            if bytes >= most_bytes {
                pulled.has_more = true;
                break;
            }
            let at = streams.next % count;
            streams.next = at + 1;
            let before = pulled.frames.len();
            let again = streams.open[at].pull(now, TURN, &mut pulled.frames);
            bytes += pulled.frames[before..].iter().map(String::len).sum::<usize>();
            quiet = if pulled.frames.len() > before { 0 } else { quiet + 1 };
            pulled.again = match (pulled.again, again) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
        pulled
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let streams = self.streams.get_mut().unwrap_or_else(PoisonError::into_inner);
        streams.open.iter().for_each(|stream| stream.leave(&self.hub, &self.bell));
    }
}

impl Subscription {
    fn leave(&self, hub: &Hub, bell: &Arc<Bell>) {
        self.topic.remove_bell(self.groups.as_deref(), bell);
        hub.leave(&self.topic);
    }

    /// Appends what is next, some updates at the most. Says when to look again, if it is not due.
    fn pull(&mut self, now: Instant, most: usize, frames: &mut Vec<String>) -> Option<Instant> {
        let is_begun = matches!(self.begin, Begin::Begun);
        if self.array.is_some() || (is_begun && !self.told_stale && !self.is_behind()) {
            return None;
        }
        let topic = self.topic.clone();
        let content = topic.content();
        if !is_begun && content.is_ready(self.groups.as_deref()) {
            self.start(content.version);
        }
        if !matches!(self.begin, Begin::Begun) || (content.stale.is_some() && self.seen == content.version) {
            if let (Some((since, reason)), false) = (&content.stale, self.told_stale) {
                self.told_stale = true;
                frames.push(format!(
                    "{{\"type\":\"stream_stale\",\"request_id\":{},\"since\":{},\"reason\":{}}}",
                    self.id.as_json(),
                    since.0,
                    Value::from(&**reason)
                ));
            }
            return None;
        }
        let is_new = self.seen < content.version;
        if is_new && now < self.due {
            return Some(self.due);
        }
        if self.seen < content.forgotten {
            let to = content.forgotten;
            // A snapshot up to what is forgotten has nothing of it to get.
            let in_snapshot = to <= self.snapshot;
            if !in_snapshot {
                self.push_gap(self.seen + 1, to, frames);
            }
            match topic.kind {
                Kind::Log => self.seen = to,
                // Which items went away is not known any more, so all that are there are told again.
                Kind::State if in_snapshot => {}
                Kind::State => self.start(content.version),
            }
        }
        let mut count = 0;
        let mut seen = content.version;
        for (version, entry) in content.after(self.seen) {
            if count >= most {
                seen = version - 1;
                break;
            }
            if self.wants(entry) && self.push(version, entry, frames) {
                count += 1;
            }
        }
        self.seen = seen;
        if self.seen == content.version {
            if count > 0 {
                self.due = now + self.pace;
            }
            if self.told_stale && content.stale.is_none() {
                self.told_stale = false;
                frames.push(format!("{{\"type\":\"stream_fresh\",\"request_id\":{}}}", self.id.as_json()));
            }
        }
        None
    }

    /// Whether there is anything that it has not looked at.
    fn is_behind(&self) -> bool {
        self.seen < self.topic.version() || self.topic.is_stale()
    }

    fn start(&mut self, version: u64) {
        match self.begin {
            Begin::Now => self.seen = version,
            Begin::After(seen) => self.seen = seen,
            Begin::Snapshot | Begin::Begun => {
                self.seen = 0;
                self.snapshot = version;
            }
        }
        self.begin = Begin::Begun;
    }

    fn wants(&self, entry: &Entry) -> bool {
        match &self.groups {
            None => true,
            Some(groups) => matches!(entry.what, What::Gap) || groups.binary_search(&entry.id.group).is_ok(),
        }
    }

    /// Appends an update's frame, if there is one to tell.
    fn push(&mut self, version: u64, entry: &Entry, frames: &mut Vec<String>) -> bool {
        let in_snapshot = version <= self.snapshot;
        let (mark, json) = match &entry.what {
            What::Item(json) if in_snapshot => (",\"snapshot\":true", json),
            What::Item(json) => ("", json),
            // Who has seen nothing yet misses nothing that is gone.
            What::Removed(_) | What::Gap if in_snapshot => return false,
            What::Removed(naming) => (",\"removed\":true", naming),
            What::Gap => {
                self.push_gap(version, version, frames);
                return true;
            }
        };
        let members = json.strip_prefix('{').unwrap_or(json);
        let mut frame = String::with_capacity(members.len() + self.settings.update_type.len() + 96);
        let _ = write!(
            frame,
            "{{\"type\":\"{}\",\"request_id\":{},\"update_id\":{version},\"prev_id\":",
            self.settings.update_type,
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
        frames.push(frame);
        true
    }

    fn push_gap(&self, from: u64, to: u64, frames: &mut Vec<String>) {
        frames.push(format!(
            "{{\"type\":\"stream_gap\",\"request_id\":{},\"from\":{from},\"to\":{to}}}",
            self.id.as_json()
        ));
    }
}

/// How change is noticed for an operation.
pub(crate) fn push_of(means: Means, operation: &Registered) -> &'static str {
    match (operation.has_channel() && means.channels, means.tracking) {
        (true, _) => "channel",
        (false, true) => "tracking",
        (false, false) => "poll",
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
