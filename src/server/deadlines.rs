//! When a session ends by itself, and when its client is asked whether it is still there.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::{caller::Caller, frames::Frames, session::End};
use crate::config::Config;

/// Not logged in within the time that there is for it.
const NOT_LOGGED_IN: u16 = 4001;
/// Nothing was heard, or asked, for too long.
const IDLE: u16 = 4009;
/// The login has ended.
const LOGIN_ENDED: u16 = 4010;

/// How long a session lasts at least that has asked for nothing yet, even if the server stops.
const WELCOME: Duration = Duration::from_secs(1);

/// The times that a session has. They are looked at now and then, so that nothing need be done for them when
/// a message comes.
pub(super) struct Deadlines {
    limits: Times,
    opened: Instant,
    /// How much had been asked, heard and done at the last look, and since when that stands.
    asked: (u64, Instant),
    heard: (u64, Instant),
    /// How many messages were done when the one that is within was first seen.
    within: Option<(u64, Instant)>,
    pinged: Option<Instant>,
    /// When the server stops, as far as this session is concerned.
    stops: Option<Instant>,
}

/// The limits that it knows.
struct Times {
    login: Duration,
    first_message: Duration,
    message: Duration,
    idle: Duration,
    ping: Duration,
    pong: Duration,
    age: Duration,
}

impl Times {
    fn of(Config { auth, limits, .. }: &Config) -> Self {
        Self {
            login: auth.login_timeout.get(),
            first_message: limits.first_message_timeout.get(),
            message: limits.message_timeout.get(),
            idle: limits.idle_timeout.get(),
            ping: limits.ping_interval.get(),
            pong: limits.pong_timeout.get(),
            age: limits.connection_age.get(),
        }
    }

    /// How long after one look the next comes at the latest.
    fn pause(&self) -> Duration {
        const LONGEST: Duration = Duration::from_secs(5);
        const SHORTEST: Duration = Duration::from_millis(10);
        let all = [self.login, self.first_message, self.message, self.idle, self.ping, self.pong, self.age];
        let shortest = all.into_iter().min().unwrap_or(LONGEST);
        (shortest / 4).clamp(SHORTEST, LONGEST)
    }
}

/// What a look is taken at.
pub(super) struct Look<'s> {
    pub(super) caller: &'s Caller,
    pub(super) frames: &'s Frames,
    /// How many requests there have been.
    pub(super) asked: u64,
    /// Whether the client's messages are being read; else its silence says nothing.
    pub(super) is_reading: bool,
}

/// What is to be done after a look.
pub(super) struct Next {
    /// Whether the client is to be pinged.
    pub(super) pings: bool,
    /// When to look again.
    pub(super) at: Instant,
}

impl Deadlines {
    pub(super) fn new(config: &Config) -> Self {
        let now = Instant::now();
        Self {
            limits: Times::of(config),
            opened: now,
            asked: (0, now),
            heard: (0, now),
            within: None,
            pinged: None,
            stops: None,
        }
    }

    /// Takes over a reload.
    pub(super) fn adopt(&mut self, config: &Config) {
        self.limits = Times::of(config);
    }

    /// For so long nothing was read: the client's silence, and how long its message takes, say nothing.
    pub(super) fn forgive(&mut self, unheard: Duration) {
        /// What is shorter makes no difference.
        const SHORT: Duration = Duration::from_millis(10);
        if unheard > SHORT {
            self.heard.1 += unheard;
            self.pinged = self.pinged.map(|pinged| pinged + unheard);
            self.within = self.within.map(|(done, since)| (done, since + unheard));
        }
    }

    /// The server stops: the session is to end within a time, at a moment of its own. One that has just begun may ask
    /// for what it came for before.
    pub(super) fn end_within(&mut self, time: Duration, has_asked: bool) {
        static SESSIONS: AtomicU32 = AtomicU32::new(0);
        /// Whole turns of this part of the circle never meet, however many there are.
        const GOLDEN_ANGLE: u32 = 0x9e37_79b9;
        let part = SESSIONS.fetch_add(1, Ordering::Relaxed).wrapping_mul(GOLDEN_ANGLE);
        let now = Instant::now();
        let begin = if has_asked { now } else { now.max(self.opened + WELCOME) };
        self.stops = Some(begin + time.mul_f64(f64::from(part) / f64::from(u32::MAX)));
    }

    /// Why the session is to end now; else what to do.
    pub(super) fn look(&mut self, look: &Look<'_>) -> Result<Next, End> {
        let now = Instant::now();
        let stops = self.stops.map_or(Duration::MAX, |stops| stops.saturating_duration_since(now));
        if stops.is_zero() {
            return Err(End::Close(CloseCode::Away, "the server is going away"));
        }
        let login = self.login(look, now)?;
        self.requests(look, now)?;
        let pings = self.signs_of_life(look, now)?;
        if now - self.opened >= self.limits.age {
            return Err(End::Close(CloseCode::Restart, "connect again: this connection is old"));
        }
        Ok(Next { pings, at: now + self.limits.pause().min(login).min(stops) })
    }

    /// For how long who it is stands.
    fn login(&self, look: &Look<'_>, now: Instant) -> Result<Duration, End> {
        match look.caller.who() {
            None if now - self.opened >= self.limits.login => {
                Err(End::Close(NOT_LOGGED_IN.into(), "no login in time"))
            }
            None => Ok(Duration::MAX),
            Some(who) => match who.identity.lasts() {
                Some(left) if left.is_zero() => Err(End::Close(LOGIN_ENDED.into(), "the login has ended")),
                left => Ok(left.unwrap_or(Duration::MAX)),
            },
        }
    }

    fn requests(&mut self, look: &Look<'_>, now: Instant) -> Result<(), End> {
        if self.asked.0 != look.asked || look.caller.streams.has_open() {
            self.asked = (look.asked, now);
        }
        let limit = if look.asked == 0 { self.limits.first_message } else { self.limits.idle };
        match now - self.asked.1 >= limit {
            true => Err(End::Close(IDLE.into(), "nothing was asked for")),
            false => Ok(()),
        }
    }

    /// Whether the client is to be pinged.
    fn signs_of_life(&mut self, look: &Look<'_>, now: Instant) -> Result<bool, End> {
        let (frames, done) = (look.frames, look.frames.done());
        if !look.is_reading || self.heard.0 != frames.bytes() {
            self.heard = (frames.bytes(), now);
            self.pinged = None;
        }
        let since = match self.within {
            Some((before, since)) if before == done && look.is_reading => since,
            _ => now,
        };
        self.within = frames.is_within().then_some((done, since));
        if now - since >= self.limits.message {
            return Err(End::Close(CloseCode::Policy, "a message takes too long to arrive"));
        }
        match self.pinged {
            Some(pinged) if now - pinged >= self.limits.pong => {
                Err(End::Close(IDLE.into(), "no answer to a ping"))
            }
            None if now - self.heard.1 >= self.limits.ping => {
                self.pinged = Some(now);
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}
