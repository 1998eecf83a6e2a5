//! One client: reads frames, lets their requests run side by side, and writes replies as they come.

mod writing;

use std::{
    convert::Infallible,
    future::poll_fn,
    io,
    pin::{Pin, pin},
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
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
    Live, Signal,
    asking::Desk,
    caller::Caller,
    deadlines::{Deadlines, Look},
    dispatch,
    farewell::Farewell,
    happening::{Clock, Happened},
    http::Upgraded,
    replying::Due,
    room::Room,
    socket::{self, Socket, Traffic},
    waiting::{Answered, To, Waiting},
};
use crate::{
    config::Limits,
    protocol::Reply,
    streams::{Bell, Client},
};

/// How many bytes of replies are made before they are written and other clients have their turn.
const FAIR_SHARE: usize = 256 << 10;
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
pub(super) async fn run(upgraded: Box<Upgraded>, desk: Arc<Desk>, signals: watch::Receiver<Signal>) {
    // The box goes at once.
    let Upgraded { socket, early, peer, login, place } = *{ upgraded };
    let app = &desk.app;
    let live = app.live_for_long();
    let limits = &live.config.limits;
    let open = app.stats.connection();
    let socket = socket::open(socket, early, limits, app.stats.clone()).await;
    let streams = Client::new(desk.hub.clone());
    let bell = streams.bell.clone();
    bell.connect(socket::outlet(&socket));
    let mut session = Session {
        socket,
        bell,
        waiting: Waiting::new(app),
        replies: Vec::new(),
        bytes: 0,
        rooms: Vec::new(),
        desk: &desk,
        caller: Arc::new(Caller::new(streams, peer, login, place, app.audit.clone(), limits)),
        asked: 0,
        in_turn: 0,
        deadlines: Deadlines::new(&live.config),
        most: Most::of(limits),
    };
    drop(live);
    let begun = Instant::now();
    let end = session.serve(signals).await;
    let updates = session.bell.disconnect();
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
        updates,
        bytes_in: received,
        bytes_out: sent,
        code,
        why,
    });
    match end {
        End::Gone(_) => socket::part(socket).await,
        End::Close(code, reason) => socket::close(socket, code, reason).await,
    }
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
    /// The caller's.
    bell: Arc<Bell>,
    /// How many messages there have been.
    asked: u64,
    /// How many frames there have been since other clients had their turn.
    in_turn: usize,
    deadlines: Deadlines,
    most: Most,
}

/// How much a session takes before it reads on.
struct Most {
    /// Requests whose replies are not written.
    requests: usize,
    /// Bytes of replies.
    bytes: usize,
}

impl Most {
    fn of(limits: &Limits) -> Self {
        Self { requests: limits.in_flight, bytes: limits.waiting_bytes }
    }
}

impl Session<'_> {
    /// Serves until either side ends it, and answers what was asked by then.
    async fn serve(&mut self, signals: watch::Receiver<Signal>) -> End {
        let Err(end) = self.exchange(signals).await;
        if matches!(end, End::Close(..)) {
            // What does not come in time is given up; the connection ends all the same.
            let _ = timeout(LAST_ANSWERS, self.answer_the_rest()).await;
        }
        end
    }

    async fn exchange(&mut self, signals: watch::Receiver<Signal>) -> Result<Infallible, End> {
        /// How many times in a row updates may go before anything else is looked at.
        const UPDATES_IN_A_ROW: u32 = 4;
        let (mut in_a_row, mut again) = (0, None);
        let mut clock = pin!(Clock::new(self.look().await?, next_signal(signals)));
        loop {
            let news_first = in_a_row < UPDATES_IN_A_ROW;
            let happened = poll_fn(|cx| self.poll_happened(clock.as_mut(), news_first, cx)).await;
            in_a_row = if matches!(happened, Happened::News) { in_a_row % UPDATES_IN_A_ROW + 1 } else { 0 };
            match happened {
                Happened::News => self.flush().await?,
                Happened::Frame(frame) => self.take_frames(frame)?,
                Happened::Answer(answered) => self.take_answers(answered),
                Happened::Alarm => clock.as_mut().set_alarm(self.look().await?),
                Happened::Signal(signals) => {
                    // Apart, for it is rare and takes much room.
                    Box::pin(self.heed(&signals)).await?;
                    clock.as_mut().set_signal(next_signal(signals));
                    clock.as_mut().set_alarm(self.look().await?);
                }
            }
            self.write().await?;
            let before = std::mem::replace(&mut again, self.stream().await?);
            if again != before {
                clock.as_mut().set_again(again);
                self.bell.call();
            }
            // What was answered while the streams were written.
            self.write().await?;
            if self.in_turn >= TURN {
                self.in_turn = 0;
                tokio::task::yield_now().await;
            }
        }
    }

    /// What has happened. A session with streams is woken by its bell, again and again, and hardly ever by
    /// anything else, which is looked at only if there is something.
    fn poll_happened<F: Future<Output = watch::Receiver<Signal>>>(
        &mut self,
        clock: Pin<&mut Clock<F>>,
        news_first: bool,
        cx: &mut Context<'_>,
    ) -> Poll<Happened> {
        self.bell.listen(cx);
        let happened = self.poll_any(clock, news_first);
        if happened.is_pending() {
            self.bell.rest();
        }
        happened
    }

    fn poll_any<F: Future<Output = watch::Receiver<Signal>>>(
        &mut self,
        clock: Pin<&mut Clock<F>>,
        news_first: bool,
    ) -> Poll<Happened> {
        if news_first && self.bell.take_ring() {
            return Poll::Ready(Happened::News);
        }
        if let Some(waker) = self.bell.take_call() {
            let happened = self.poll_else(clock, &mut Context::from_waker(&waker));
            if happened.is_ready() {
                // The rest was not looked at.
                self.bell.call();
                return happened;
            }
        }
        match !news_first && self.bell.take_ring() {
            true => Poll::Ready(Happened::News),
            false => Poll::Pending,
        }
    }

    /// What has happened but news.
    fn poll_else<F: Future<Output = watch::Receiver<Signal>>>(
        &mut self,
        clock: Pin<&mut Clock<F>>,
        cx: &mut Context<'_>,
    ) -> Poll<Happened> {
        // These first, for there may always be something else to do.
        if self.caller.has_changed() {
            return Poll::Ready(Happened::Alarm);
        }
        if let Poll::Ready(happened) = clock.poll(cx) {
            return Poll::Ready(happened);
        }
        if let Poll::Ready(Some(answered)) = self.waiting.poll_next_unpin(cx) {
            return Poll::Ready(Happened::Answer(answered));
        }
        match self.has_room() {
            true => self.socket.poll_next_unpin(cx).map(Happened::Frame),
            false => Poll::Pending,
        }
    }

    /// Takes a frame, and whatever others are there already: many requests reach Redis in one write.
    fn take_frames(&mut self, frame: Option<Result<Message, tungstenite::Error>>) -> Result<(), End> {
        let (since, live) = (Instant::now(), self.desk.app.live());
        self.take(frame, &live, since)?;
        self.in_turn += 1;
        // Pings take no room, however many they are.
        while self.has_room() && self.in_turn < TURN {
            let Some(frame) = self.socket.next().now_or_never() else { break };
            self.take(frame, &live, since)?;
            self.in_turn += 1;
        }
        Ok(())
    }

    /// Takes an answer, and whatever others are there already: many replies reach the client in one write.
    fn take_answers(&mut self, answered: Answered) {
        self.finish(answered);
        while self.bytes < FAIR_SHARE {
            let Some(Some(answered)) = self.waiting.next().now_or_never() else { break };
            self.finish(answered);
        }
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
        let limits = &live.config.limits;
        self.most = Most::of(limits);
        self.deadlines.adopt(&live.config);
        self.caller.adopt(limits);
        socket::adopt(&mut self.socket, limits);
        match self.caller.log_in_again(&self.desk.app, &live).await {
            true => Ok(()),
            false => Err(End::Close(FORBIDDEN.into(), "the login is no longer good")),
        }
    }

    async fn answer_the_rest(&mut self) -> Result<(), End> {
        self.caller.streams.hurry();
        self.write().await?;
        while let Some(answered) = self.waiting.next().await {
            self.finish(answered);
            self.write().await?;
        }
        Ok(())
    }

    fn has_room(&self) -> bool {
        let requests = self.waiting.requests() + self.replies.len();
        requests < self.most.requests && self.bytes < self.most.bytes
    }

    fn finish(&mut self, answered: Answered) {
        self.queue(answered.due);
        if let To::Array { hold, .. } = answered.to {
            self.caller.streams.release(hold);
        }
    }

    fn queue(&mut self, due: Due) {
        self.bytes += due.reply.len();
        self.replies.push(due.reply);
        self.rooms.extend(due.rooms);
    }

    /// Takes a frame, as one of those that are taken since this time.
    fn take(
        &mut self,
        frame: Option<Result<Message, tungstenite::Error>>,
        live: &Live,
        since: Instant,
    ) -> Result<(), End> {
        match frame {
            Some(Ok(Message::Text(text))) => {
                self.asked += 1;
                let due = dispatch::begin((self.desk, live), &self.caller, &text, since, &mut self.waiting);
                if let Some(due) = due {
                    self.queue(due);
                }
            }
            Some(Ok(Message::Ping(_))) if self.caller.charge(None).is_err() => {
                return Err(End::Close(CloseCode::Policy, "too many pings"));
            }
            Some(Ok(Message::Binary(_))) => {
                return Err(End::Close(CloseCode::Unsupported, "messages are JSON in text frames"));
            }
            // Nothing may be sent after that.
            Some(Ok(Message::Close(_))) | None => return Err(End::Gone(LEFT)),
            // The library answers pings by itself.
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(end_of(error)),
        }
        Ok(())
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
