//! One client: reads frames, lets their requests run side by side, and writes replies as they come.

use std::{
    io,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use tokio::{sync::watch, time::timeout};
use tokio_tungstenite::tungstenite::{
    self, Message,
    error::{CapacityError, ProtocolError},
    protocol::frame::coding::CloseCode,
};

use super::{
    Signal,
    asking::Desk,
    caller::Caller,
    deadlines::{Deadlines, Look},
    dispatch,
    farewell::Farewell,
    http::Upgraded,
    replying::Due,
    room::Room,
    socket::{self, Socket, Traffic},
    waiting::{Answered, To, Waiting},
};
use crate::{config::Limits, protocol::Reply, streams::Client};

/// How many bytes of replies are made before they are written and other clients have their turn.
const FAIR_SHARE: usize = 256 << 10;
/// About how many bytes of updates go out between two looks at what else there is to do.
const STREAM_SHARE: usize = 32 << 10;
/// How many frames are taken before other clients have their turn.
const TURN: usize = 256;
/// The client does not read what it asked for.
const TOO_SLOW: u16 = 4008;
/// The login is no longer good.
const FORBIDDEN: u16 = 4003;
/// How a client is gone that said so, and one that did not.
const LEFT: &str = "it left";
const BROKE_OFF: &str = "its connection broke off";
/// How long what was asked before the end may still take to be answered.
const LAST_ANSWERS: Duration = Duration::from_secs(3);

/// Why a session ends.
pub(super) enum End {
    /// The client left, or its connection did, as is said.
    Gone(&'static str),
    /// The server ends it, and says why.
    Close(CloseCode, &'static str),
}

/// Serves one client until either side ends it.
pub(super) async fn run(upgraded: Upgraded, desk: Arc<Desk>, signals: watch::Receiver<Signal>) {
    let Upgraded { socket, early, peer, login, place } = upgraded;
    let app = &desk.app;
    let live = app.live_for_long();
    let limits = live.config.limits.clone();
    let streams = Client::new(desk.hub.clone(), desk.ringer.clone());
    let open = app.stats.connection();
    let mut session = Session {
        socket: socket::open(socket, early, &limits, app.stats.clone()).await,
        waiting: Waiting::new(app),
        replies: Vec::new(),
        bytes: 0,
        rooms: Vec::new(),
        desk: &desk,
        caller: Arc::new(Caller::new(streams, peer, login, place, app.audit.clone(), &limits)),
        asked: 0,
        in_turn: 0,
        deadlines: Deadlines::new(&live.config),
        limits,
        again: None,
        updates: 0,
    };
    drop(live);
    let begun = Instant::now();
    let end = session.serve(signals).await;
    let socket = session.socket;
    let (code, why) = match end {
        End::Gone(why) => (None, why),
        End::Close(code, why) => (Some(u16::from(code)), why),
    };
    open.end(code);
    let Traffic { received, sent } = socket::traffic(&socket);
    app.farewells.say(&Farewell {
        who: session.caller.name(),
        from: session.caller.peer.to_string(),
        lasted: begun.elapsed(),
        requests: session.caller.requests.load(Ordering::Relaxed),
        updates: session.updates,
        bytes_in: received,
        bytes_out: sent,
        code,
        why,
    });
    if let End::Close(code, reason) = end {
        socket::close(socket, code, reason).await;
    }
}

/// What a session is woken by.
enum Happened {
    /// There may be something new on a stream.
    News,
    /// It is time to look whether it is to end.
    Alarm,
    Answer(Answered),
    Frame(Option<Result<Message, tungstenite::Error>>),
}

struct Session<'a> {
    socket: Socket,
    /// Replies to come.
    waiting: Waiting<'a>,
    /// Replies to be written.
    replies: Vec<Reply>,
    /// How many bytes they have.
    bytes: usize,
    /// What the large ones among them take.
    rooms: Vec<Room>,
    desk: &'a Arc<Desk>,
    caller: Arc<Caller>,
    /// How many messages there have been.
    asked: u64,
    /// How many frames there have been since other clients had their turn.
    in_turn: usize,
    deadlines: Deadlines,
    /// What it may take.
    limits: Limits,
    /// When a stream that takes its time may have more.
    again: Option<Instant>,
    updates: u64,
}

impl Session<'_> {
    /// Serves until either side ends it, and answers what was asked by then.
    async fn serve(&mut self, signals: watch::Receiver<Signal>) -> End {
        let end = self.exchange(signals).await;
        if matches!(end, End::Close(..)) {
            // What does not come in time is given up; the connection ends all the same.
            let _ = timeout(LAST_ANSWERS, self.answer_the_rest()).await;
        }
        end
    }

    async fn exchange(&mut self, signals: watch::Receiver<Signal>) -> End {
        /// How many times in a row updates may go before anything else is looked at.
        const UPDATES_IN_A_ROW: u32 = 4;
        // Made once: all sessions wait for the same, and to begin or to end waiting takes a lock.
        let mut signal = std::pin::pin!(next_signal(signals));
        let mut in_a_row = 0;
        let mut alarm = match self.look().await {
            Ok(next) => std::pin::pin!(tokio::time::sleep_until(next.into())),
            Err(end) => return end,
        };
        loop {
            let can_read = self.has_room();
            let happened = tokio::select! {
                biased;
                // First, for there may always be something else to do.
                () = &mut alarm => Happened::Alarm,
                () = self.caller.streams.bell.rung(), if in_a_row < UPDATES_IN_A_ROW => Happened::News,
                signals = &mut signal => {
                    if let Err(end) = self.heed(&signals).await {
                        return end;
                    }
                    signal.set(next_signal(signals));
                    Happened::Alarm
                }
                Some(answered) = self.waiting.next() => Happened::Answer(answered),
                frame = self.socket.next(), if can_read => Happened::Frame(frame),
                () = self.caller.streams.bell.rung(), if in_a_row >= UPDATES_IN_A_ROW => Happened::News,
                () = until(self.again) => Happened::News,
            };
            if matches!(happened, Happened::Alarm) || self.caller.has_changed() {
                match self.look().await {
                    Ok(next) => alarm.as_mut().reset(next.into()),
                    Err(end) => return end,
                }
            }
            in_a_row = if matches!(happened, Happened::News) { in_a_row % UPDATES_IN_A_ROW + 1 } else { 0 };
            if let Err(end) = self.take_in(happened) {
                return end;
            }
            if let Err(end) = self.write().await {
                return end;
            }
            if let Err(end) = self.stream().await {
                return end;
            }
            // What was answered while the streams were written.
            if let Err(end) = self.write().await {
                return end;
            }
            if self.in_turn >= TURN {
                self.in_turn = 0;
                tokio::task::yield_now().await;
            }
        }
    }

    /// Takes in what happened, and whatever else of its kind is there already: many requests reach Redis in
    /// one write, and many replies the client.
    fn take_in(&mut self, happened: Happened) -> Result<(), End> {
        match happened {
            Happened::News | Happened::Alarm => {}
            Happened::Frame(frame) => {
                self.take(frame)?;
                self.in_turn += 1;
                // Pings take no room, however many they are.
                while self.has_room() && self.in_turn < TURN {
                    let Some(frame) = self.socket.next().now_or_never() else { break };
                    self.take(frame)?;
                    self.in_turn += 1;
                }
            }
            Happened::Answer(answered) => {
                self.finish(answered);
                while self.bytes < FAIR_SHARE {
                    let Some(Some(answered)) = self.waiting.next().now_or_never() else { break };
                    self.finish(answered);
                }
            }
        }
        Ok(())
    }

    /// Looks whether it is time to end, and says when to look again.
    async fn look(&mut self) -> Result<Instant, End> {
        let (asked, is_reading) = (self.asked, self.has_room());
        let look = Look { caller: &self.caller, frames: socket::frames(&self.socket), asked, is_reading };
        let next = self.deadlines.look(&look)?;
        if next.pings {
            self.socket.send(Message::Ping(Bytes::new())).await.map_err(end_of)?;
        }
        Ok(next.at)
    }

    /// Does what all sessions are told to.
    async fn heed(&mut self, signals: &watch::Receiver<Signal>) -> Result<(), End> {
        let signal = *signals.borrow();
        if let Some(spread) = signal.stops {
            self.deadlines.end_within(spread, self.asked > 0);
            return Ok(());
        }
        let live = self.desk.app.live_for_long();
        self.limits = live.config.limits.clone();
        self.deadlines.adopt(&live.config);
        self.caller.adopt(&self.limits);
        socket::adopt(&mut self.socket, &self.limits);
        match self.caller.log_in_again(&self.desk.app, &live).await {
            true => Ok(()),
            false => Err(End::Close(FORBIDDEN.into(), "the login is no longer good")),
        }
    }

    async fn answer_the_rest(&mut self) -> Result<(), End> {
        self.write().await?;
        while let Some(answered) = self.waiting.next().await {
            self.finish(answered);
            self.write().await?;
        }
        Ok(())
    }

    fn has_room(&self) -> bool {
        let limits = &self.limits;
        self.waiting.requests() + self.replies.len() < limits.in_flight && self.bytes < limits.waiting_bytes
    }

    fn finish(&mut self, answered: Answered) {
        self.queue(answered.due);
        if let To::Array { number, .. } = answered.to {
            self.caller.streams.release(number);
        }
    }

    fn queue(&mut self, due: Due) {
        self.bytes += due.reply.len();
        self.replies.push(due.reply);
        self.rooms.extend(due.rooms);
    }

    fn take(&mut self, frame: Option<Result<Message, tungstenite::Error>>) -> Result<(), End> {
        match frame {
            Some(Ok(Message::Text(text))) => {
                self.asked += 1;
                if let Some(due) = dispatch::begin(self.desk, &self.caller, &text, &mut self.waiting) {
                    self.queue(due);
                }
            }
            Some(Ok(Message::Ping(_))) if self.caller.charge(None).is_err() => {
                return Err(End::Close(CloseCode::Policy, "too many pings"));
            }
            Some(Ok(Message::Binary(_))) => {
                return Err(End::Close(CloseCode::Unsupported, "messages are JSON in text frames"));
            }
            // The library answers pings and the client's closing by itself.
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(end_of(error)),
            None => return Err(End::Gone(LEFT)),
        }
        Ok(())
    }

    /// Writes what the streams have, some of it at a time, so that replies never wait for long.
    async fn stream(&mut self) -> Result<(), End> {
        let pulled = self.caller.streams.pull(STREAM_SHARE);
        self.again = pulled.again;
        if pulled.frames.is_empty() {
            return Ok(());
        }
        self.updates += pulled.frames.len() as u64;
        self.send(pulled.frames.into_iter().map(Message::text)).await?;
        if pulled.has_more {
            self.caller.streams.bell.ring();
            // What others wait for, this connection's own replies among it, is made by other tasks.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Writes all replies that are due in as few writes as can be.
    async fn write(&mut self) -> Result<(), End> {
        while !self.replies.is_empty() {
            let bytes = std::mem::take(&mut self.bytes);
            let mut replies = std::mem::take(&mut self.replies);
            // Until they are written.
            let _rooms = std::mem::take(&mut self.rooms);
            self.send(replies.drain(..).map(|reply| Message::text(reply.into_text()))).await?;
            if self.replies.is_empty() {
                // It has the room for the next ones.
                self.replies = replies;
            }
            if bytes >= FAIR_SHARE {
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    /// Writes while replies to come are made: a client that is slow to take them holds up no read of its own.
    async fn send(&mut self, frames: impl Iterator<Item = Message>) -> Result<(), End> {
        let (mut answered, begin) = (Vec::new(), Instant::now());
        let written = {
            let (socket, waiting) = (&mut self.socket, &mut self.waiting);
            let mut writing = std::pin::pin!(async {
                for frame in frames {
                    socket.feed(frame).await?;
                }
                socket.flush().await
            });
            loop {
                tokio::select! {
                    biased;
                    written = &mut writing => break written,
                    Some(one) = waiting.next() => answered.push(one),
                }
            }
        };
        answered.into_iter().for_each(|answered| self.finish(answered));
        // Meanwhile the client was not heard.
        self.deadlines.forgive(begin.elapsed());
        written.map_err(end_of)
    }
}

/// Waits for what all sessions are told.
async fn next_signal(mut signals: watch::Receiver<Signal>) -> watch::Receiver<Signal> {
    if signals.changed().await.is_err() {
        // Nobody is left to tell anything.
        std::future::pending::<()>().await;
    }
    signals
}

/// Waits until a time, or for ever.
async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}

pub(super) fn end_of(error: tungstenite::Error) -> End {
    match error {
        tungstenite::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
            End::Close(TOO_SLOW.into(), "replies were left unread")
        }
        tungstenite::Error::Io(error) if error.kind() == io::ErrorKind::QuotaExceeded => {
            End::Close(CloseCode::Policy, "the message has too many frames")
        }
        tungstenite::Error::Capacity(CapacityError::MessageTooLong { .. }) => {
            End::Close(CloseCode::Size, "the message is too large")
        }
        tungstenite::Error::Utf8(_) => End::Close(CloseCode::Invalid, "the text is not UTF-8"),
        tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed => End::Gone(LEFT),
        tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => End::Gone(BROKE_OFF),
        tungstenite::Error::Protocol(_) => {
            End::Close(CloseCode::Protocol, "this is not the WebSocket protocol")
        }
        _ => End::Gone(BROKE_OFF),
    }
}
