//! What Redis tells by itself: which keys changed, and what writers publish. One supervised connection, or in a cluster
//! one to each master, by which it is also found out within a second that Redis is gone or has fallen silent.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::{
    sync::mpsc,
    time::{interval, sleep, timeout},
};

use super::{
    LinkSettings, Outage,
    line::{Lines, Trouble},
    supervisor::FIRST_BACKOFF,
};
use crate::cache::{Control, Glob, near::Near};

/// How often Redis is asked whether it is there, and how long it may take to say so. Together they are
/// below the second within which a stream must be declared stale.
const PROBE_INTERVAL: Duration = Duration::from_millis(250);
pub(super) const PROBE_TIMEOUT: Duration = Duration::from_millis(500);

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
        let mut attempt = self.attempt().await;
        loop {
            let outage = match attempt {
                Err(outage) => outage,
                Ok(lines) => {
                    backoff = FIRST_BACKOFF;
                    // What came before is read anyway; of what comes after this is told, nothing may be missing.
                    lines.open();
                    self.tell(Event::Up(self.means)).await?;
                    let outage = self.listen(lines).await?;
                    let is_of_nodes =
                        matches!(outage, Outage::Moved) && self.settings.whereabouts.cluster().is_some();
                    // The same data, by other nodes. Nobody need be told if that takes no longer than to notice an outage.
                    if is_of_nodes && let Ok(Ok(lines)) = timeout(PROBE_TIMEOUT, self.attempt()).await {
                        attempt = Ok(lines);
                        continue;
                    }
                    outage
                }
            };
            self.tell(Event::Down(outage.error().to_string().into())).await?;
            self.pause(backoff).await?;
            backoff = (backoff * 2).min(self.settings.reconnect_max);
            attempt = self.attempt().await;
        }
    }

    /// Connects, and asks for all that is wanted.
    async fn attempt(&mut self) -> Result<Lines, Outage> {
        let lines = Lines::connect(&self.settings, &self.near, &self.events).await?;
        let arming = timeout(self.settings.connect_timeout, self.arm_all(&lines));
        arming.await.unwrap_or(Err(Outage::Silent)).map(|()| lines)
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

    async fn arm_all(&mut self, lines: &Lines) -> Result<(), Outage> {
        if lines.is_mute {
            self.means = Means::default();
            tracing::warn!(
                "Redis does not speak RESP3, so it tells of no changes; what is watched is polled"
            );
            return Ok(());
        }
        self.means.tracking = lines.all_grant(&Control::TrackNothing, "changes").await?;
        if self.means.tracking {
            lines.feed().is_granted();
        }
        self.means.channels = !self.channels.is_empty();
        for channels in self.channels.clone() {
            let listen = Control::Listen { channels: channels.clone() };
            self.means.channels &= lines.one_grants(&listen, "published values").await?;
            if self.means.channels && !self.wanted.contains(&Wish::Channels(channels.clone())) {
                let listen_no_more = Control::ListenNoMore { channels };
                lines.one_grants(&listen_no_more, "the end of what it publishes").await?;
            }
        }
        for wish in self.wanted.clone() {
            self.arm(lines, wish).await?;
        }
        self.arm_near(lines).await
    }

    /// Asks for what those want to be told of who keep answers. If Redis refuses it, they keep none.
    async fn arm_near(&self, lines: &Lines) -> Result<(), Outage> {
        for prefix in self.near.wanted() {
            if self.means.tracking && !lines.feed().does_tell_of(&prefix) {
                lines.track(prefix).await?;
            }
        }
        Ok(())
    }

    /// Asks for one more thing. What Redis refuses is not asked for again on this connection.
    async fn arm(&mut self, lines: &Lines, wish: Wish) -> Result<(), Outage> {
        match wish {
            Wish::Keys(prefix) if self.means.tracking && !lines.feed().does_tell_of(&prefix) => {
                self.means.tracking = lines.track(prefix).await?;
            }
            Wish::Channels(channels) if self.means.channels => {
                let listen = Control::Listen { channels };
                self.means.channels = lines.one_grants(&listen, "published values").await?;
            }
            Wish::Keys(_) | Wish::Channels(_) => {}
        }
        Ok(())
    }

    /// Looks after connections until one is lost or falls silent, or Redis is elsewhere.
    async fn listen(&mut self, mut lines: Lines) -> Result<Outage, Stopped> {
        let mut probes = interval(PROBE_INTERVAL);
        let mut probe: BoxFuture<'static, Option<Outage>> = Box::pin(std::future::pending());
        let mut is_probing = false;
        let mut left = std::pin::pin!(lines.left());
        loop {
            tokio::select! {
                trouble = lines.trouble() => match trouble {
                    Trouble::Overflow => self.tell(Event::EverythingChanged).await?,
                    Trouble::End => return Ok(Outage::Down("Redis closed the connection".into())),
                },
                () = &mut left => return Ok(Outage::Moved),
                () = lines.shifts.next() => {
                    // On its way a key may have changed without anyone telling.
                    self.near.all_changed();
                    self.tell(Event::EverythingChanged).await?;
                }
                wish = self.wishes.recv() => {
                    let wish = wish.ok_or(Stopped)?;
                    self.wanted.insert(wish.clone());
                    let armed = in_time(self.arm(&lines, wish)).await;
                    // Every wish is answered, come what may: somebody waits for it.
                    self.tell(Event::Armed(self.means)).await?;
                    if let Err(outage) = armed {
                        return Ok(outage);
                    }
                }
                () = self.near.news() => {
                    if let Err(outage) = in_time(self.arm_near(&lines)).await {
                        return Ok(outage);
                    }
                }
                _ = probes.tick(), if !is_probing => {
                    is_probing = true;
                    probe = Box::pin(lines.probe());
                }
                answer = &mut probe, if is_probing => {
                    is_probing = false;
                    if let Some(outage) = answer {
                        return Ok(outage);
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
