//! What Redis tells by itself: which keys changed, and what writers publish. One supervised connection,
//! which also finds out within a second that Redis is gone or has fallen silent.

use std::{
    collections::BTreeSet,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use redis::{PushInfo, PushKind, RedisResult, Value as Reply, aio::MultiplexedConnection};
use tokio::{
    sync::mpsc,
    time::{interval, sleep, timeout},
};

use super::{
    LinkSettings, Outage,
    open::{Opened, open},
    supervisor::FIRST_BACKOFF,
    whereabouts::Place,
};
use crate::cache::{
    Control, Glob,
    near::{Feed, Near},
};

/// How many things that Redis told may wait to be taken note of; beyond that everything counts as changed.
const MOST_WAITING: usize = 16 << 10;
/// How often Redis is asked whether it is there, and how long it may take to say so. Together they are
/// below the second within which a stream must be declared stale.
const PROBE_INTERVAL: Duration = Duration::from_millis(250);
const PROBE_TIMEOUT: Duration = Duration::from_millis(500);

/// Something that Redis told, or that happened to the connection that it tells it on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// There is a connection, and all that was asked for is armed as far as can be. What changed before
    /// is not known.
    Up(Means),
    /// There is none, for this reason.
    Down(Arc<str>),
    /// What was asked for last is armed as far as can be.
    Armed(Means),
    /// Keys that may have changed.
    Changed(Vec<String>),
    /// Any key may have changed.
    EverythingChanged,
    /// What a writer published.
    Said {
        /// The channel.
        channel: String,
        /// The payload.
        payload: Vec<u8>,
    },
}

/// How change is noticed, as far as Redis and its user's rights allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Means {
    /// Redis tells which keys changed.
    pub(crate) tracking: bool,
    /// Redis passes on what writers publish.
    pub(crate) channels: bool,
}

/// What one wants to be told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wish {
    /// Changes of keys that begin so.
    Keys(String),
    /// What is published on such channels.
    Channels(Glob),
}

impl Wish {
    /// The channels that it is for.
    pub(crate) fn channels(&self) -> Option<&Glob> {
        match self {
            Self::Channels(glob) => Some(glob),
            Self::Keys(_) => None,
        }
    }

    /// How the keys begin that it is for.
    pub(crate) fn keys(&self) -> Option<&str> {
        match self {
            Self::Keys(prefix) => Some(prefix),
            Self::Channels(_) => None,
        }
    }
}

/// The connection's supervisor.
pub(super) struct Listener {
    settings: Arc<LinkSettings>,
    wishes: mpsc::Receiver<Wish>,
    events: mpsc::Sender<Event>,
    wanted: BTreeSet<Wish>,
    /// Channels that may be wished for.
    channels: Vec<Glob>,
    means: Means,
    /// Those who keep answers wish for some too, and are told of changes at once.
    near: Arc<Near>,
}

/// Nobody listens any more.
struct Stopped;

/// A connection that is up, and what comes in on it.
struct Line {
    connection: MultiplexedConnection,
    place: Place,
    /// Whether nothing ever comes in on it.
    is_mute: bool,
    /// Keeps the receiver open where the connection has no use for it.
    _sender: mpsc::Sender<Heard>,
    heard: mpsc::Receiver<Heard>,
    /// Whether some did not fit.
    overflowed: Arc<AtomicBool>,
    /// What answers that are kept are told by; lost with the connection.
    feed: Arc<Feed>,
}

/// What comes in on a connection.
enum Heard {
    Event(Event),
    /// Nothing more.
    End,
}

impl Drop for Line {
    fn drop(&mut self) {
        // The library may hold on to the connection for a while.
        self.feed.is_lost();
    }
}

impl Listener {
    pub(super) fn new(
        settings: Arc<LinkSettings>,
        wishes: mpsc::Receiver<Wish>,
        events: mpsc::Sender<Event>,
        channels: Vec<Glob>,
        near: Arc<Near>,
    ) -> Self {
        Self { settings, wishes, events, wanted: BTreeSet::new(), channels, means: Means::default(), near }
    }

    pub(super) async fn run(mut self) {
        // It ends when nobody listens any more.
        let _: Result<(), Stopped> = self.supervise().await;
    }

    async fn supervise(&mut self) -> Result<(), Stopped> {
        let mut backoff = FIRST_BACKOFF;
        loop {
            let outage = match connect(&self.settings, &self.near).await {
                Err(outage) => outage,
                Ok(mut line) => match timeout(self.settings.connect_timeout, self.arm_all(&mut line)).await {
                    Err(_) => Outage::Silent,
                    Ok(Err(outage)) => outage,
                    Ok(Ok(())) => {
                        backoff = FIRST_BACKOFF;
                        self.tell(Event::Up(self.means)).await?;
                        self.listen(line).await?
                    }
                },
            };
            self.tell(Event::Down(outage.error().to_string().into())).await?;
            self.pause(backoff).await?;
            backoff = (backoff * 2).min(self.settings.reconnect_max);
        }
    }

    async fn tell(&self, event: Event) -> Result<(), Stopped> {
        self.events.send(event).await.map_err(|_| Stopped)
    }

    /// Waits, and takes note of wishes meanwhile.
    async fn pause(&mut self, time: Duration) -> Result<(), Stopped> {
        let mut pause = std::pin::pin!(sleep(time));
        loop {
            tokio::select! {
                () = &mut pause => return Ok(()),
                wish = self.wishes.recv() => {
                    self.wanted.insert(wish.ok_or(Stopped)?);
                    self.tell(Event::Armed(Means::default())).await?;
                }
            }
        }
    }

    async fn arm_all(&mut self, line: &mut Line) -> Result<(), Outage> {
        if line.is_mute {
            self.means = Means::default();
            tracing::warn!(
                "Redis does not speak RESP3, so it tells of no changes; what is watched is polled"
            );
            return Ok(());
        }
        self.means.tracking = grants(line, Control::TrackNothing, "changes").await?;
        if self.means.tracking {
            line.feed.is_granted();
        }
        self.means.channels = !self.channels.is_empty();
        for channels in self.channels.clone() {
            let listen = Control::Listen { channels: channels.clone() };
            self.means.channels &= grants(line, listen, "published values").await?;
            if self.means.channels && !self.wanted.contains(&Wish::Channels(channels.clone())) {
                grants(line, Control::ListenNoMore { channels }, "the end of what it publishes").await?;
            }
        }
        for wish in self.wanted.clone() {
            self.arm(line, wish).await?;
        }
        self.arm_near(line).await
    }

    /// Asks for what those want to be told of who keep answers. If Redis refuses it, they keep none.
    async fn arm_near(&self, line: &mut Line) -> Result<(), Outage> {
        for prefix in self.near.wanted() {
            if self.means.tracking && !line.feed.does_tell_of(&prefix) {
                track(line, prefix).await?;
            }
        }
        Ok(())
    }

    /// Asks for one more thing. What Redis refuses is not asked for again on this connection.
    async fn arm(&mut self, line: &mut Line, wish: Wish) -> Result<(), Outage> {
        match wish {
            Wish::Keys(prefix) if self.means.tracking && !line.feed.does_tell_of(&prefix) => {
                self.means.tracking = track(line, prefix).await?;
            }
            Wish::Channels(channels) if self.means.channels => {
                self.means.channels = grants(line, Control::Listen { channels }, "published values").await?;
            }
            Wish::Keys(_) | Wish::Channels(_) => {}
        }
        Ok(())
    }

    /// Passes on what Redis tells until the connection is lost or falls silent, or Redis is elsewhere.
    async fn listen(&mut self, mut line: Line) -> Result<Outage, Stopped> {
        let mut probes = interval(PROBE_INTERVAL);
        let mut probe: Pin<Box<dyn Future<Output = Option<RedisResult<Reply>>> + Send>> =
            Box::pin(std::future::pending());
        let mut is_probing = false;
        let place = line.place.clone();
        let mut left = std::pin::pin!(place.left());
        loop {
            tokio::select! {
                heard = line.heard.recv() => match heard {
                    None | Some(Heard::End) => {
                        return Ok(Outage::Down("Redis closed the connection".into()));
                    }
                    Some(Heard::Event(event)) => {
                        if line.overflowed.swap(false, Ordering::Relaxed) {
                            self.tell(Event::EverythingChanged).await?;
                        }
                        self.tell(event).await?;
                    }
                },
                () = &mut left => return Ok(Outage::Moved),
                wish = self.wishes.recv() => {
                    let wish = wish.ok_or(Stopped)?;
                    self.wanted.insert(wish.clone());
                    let armed = in_time(self.arm(&mut line, wish)).await;
                    // Every wish is answered, come what may: somebody waits for it.
                    self.tell(Event::Armed(self.means)).await?;
                    if let Err(outage) = armed {
                        return Ok(outage);
                    }
                }
                () = self.near.news() => {
                    if let Err(outage) = in_time(self.arm_near(&mut line)).await {
                        return Ok(outage);
                    }
                }
                _ = probes.tick(), if !is_probing => {
                    is_probing = true;
                    let mut connection = line.connection.clone();
                    probe = Box::pin(async move {
                        let ping = Control::Ping.to_redis();
                        timeout(PROBE_TIMEOUT, connection.send_packed_command(&ping)).await.ok()
                    });
                }
                answer = &mut probe, if is_probing => {
                    is_probing = false;
                    match answer {
                        None => return Ok(Outage::Silent),
                        // A refusal is an answer too.
                        Some(Err(error)) if error.is_unrecoverable_error() => {
                            return Ok(Outage::Down(error.to_string().into()));
                        }
                        Some(_) => {}
                    }
                }
            }
        }
    }
}

/// Does something on a connection; one on which it takes too long has fallen silent.
async fn in_time(doing: impl Future<Output = Result<(), Outage>>) -> Result<(), Outage> {
    timeout(PROBE_TIMEOUT, doing).await.unwrap_or(Err(Outage::Silent))
}

/// Has Redis tell of the changes of keys that begin so, and says whether it does.
async fn track(line: &mut Line, prefix: String) -> Result<bool, Outage> {
    let granted = grants(line, Control::Track { prefix: prefix.clone() }, "changes").await?;
    if granted {
        line.feed.tells_of(&prefix);
    }
    Ok(granted)
}

/// Whether Redis grants what is asked. A refusal is logged, which happens once a connection.
async fn grants(line: &mut Line, control: Control, what: &str) -> Result<bool, Outage> {
    let refusal = match line.connection.send_packed_command(&control.to_redis()).await {
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

async fn connect(settings: &LinkSettings, near: &Arc<Near>) -> Result<Line, Outage> {
    let (sender, heard) = mpsc::channel(MOST_WAITING);
    let overflowed = Arc::new(AtomicBool::new(false));
    let (flag, _sender) = (overflowed.clone(), sender.clone());
    let feed = Arc::new(near.feed());
    let told = feed.clone();
    let hear = move |push: PushInfo| {
        let Some(heard) = heard_of(push) else { return };
        // Those who keep answers are told before it waits behind others.
        match &heard {
            Heard::Event(Event::Changed(keys)) => keys.iter().for_each(|key| told.near().changed(key)),
            Heard::Event(Event::EverythingChanged) => told.near().all_changed(),
            Heard::Event(_) => {}
            Heard::End => told.is_lost(),
        }
        if sender.try_send(heard).is_err() {
            flag.store(true, Ordering::Relaxed);
        }
    };
    let Opened { connection, facts, place } = open(settings, hear).await?;
    Ok(Line { connection, place, is_mute: facts.is_mute, _sender, heard, overflowed, feed })
}

fn heard_of(push: PushInfo) -> Option<Heard> {
    match push.kind {
        PushKind::Disconnection => Some(Heard::End),
        _ => event_of(push).map(Heard::Event),
    }
}

fn event_of(push: PushInfo) -> Option<Event> {
    let text = |value: Reply| match value {
        Reply::BulkString(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
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
