//! What keeps the connection of a client: makes it again whenever it is lost, and brings all that goes over it where it
//! belongs.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{mpsc, mpsc::Permit},
    task::JoinHandle,
    time::{Instant, sleep, sleep_until},
};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::{
    ClientError, ConnectionState, Inner,
    backoff::Backoff,
    calls::{Call, Calls},
    connection::Connection,
    course::{Course, Step},
    login, wire,
};

/// After how long a connection is taken for a steady one.
const STEADY: Duration = Duration::from_secs(10);

/// What is asked of the driver.
#[derive(Debug)]
pub(super) enum Command {
    Call(Call),
    Open(Box<Course>),
}

/// Owns the connection, and what goes over it.
pub(super) struct Driver {
    inner: Arc<Inner>,
    commands: mpsc::Receiver<Command>,
    calls: Calls,
    /// The streams, by numbers of their own.
    courses: HashMap<u64, Course>,
    /// Which of them a request has opened.
    opened_by: HashMap<u64, u64>,
    /// What is to be sent before any further command is taken: for each stream a request or two at the most.
    outbox: VecDeque<String>,
    /// Why nothing more comes, when that is so.
    end: ClientError,
}

/// However it ends, nobody waits for ever.
impl Drop for Driver {
    fn drop(&mut self) {
        let end = &self.end;
        self.inner.set_state(ConnectionState::Closed(match end {
            ClientError::Closed => None,
            error => Some(error.clone()),
        }));
        self.commands.close();
        self.calls.finish(end);
        while let Ok(command) = self.commands.try_recv() {
            match command {
                Command::Call(call) => drop(call.reply.send(Err(end.clone()))),
                Command::Open(course) => course.finish(end),
            }
        }
        self.courses.drain().for_each(|(_, course)| course.finish(end));
    }
}

/// A task that ends when nobody holds it.
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Driver {
    pub(super) fn new(inner: Arc<Inner>, commands: mpsc::Receiver<Command>) -> Self {
        Self {
            inner,
            commands,
            calls: Calls::default(),
            courses: HashMap::new(),
            opened_by: HashMap::new(),
            outbox: VecDeque::new(),
            end: ClientError::unreachable("what keeps the connection has ended with the program's runtime"),
        }
    }

    /// Serves until the client is closed, or until another attempt to connect would not help.
    pub(super) async fn run(mut self, first: Connection) {
        let mut backoff = self.inner.backoff();
        let mut connection = first;
        self.end = loop {
            let since = Instant::now();
            let cause = self.serve(&mut connection).await;
            connection.close().await;
            if since.elapsed() > STEADY {
                backoff.reset();
            }
            match self.connect_again(cause, &mut backoff).await {
                Ok(next) => connection = next,
                Err(end) => break end,
            }
        };
    }

    /// Connects as often as it takes. An error is final.
    async fn connect_again(
        &mut self,
        mut cause: ClientError,
        backoff: &mut Backoff,
    ) -> Result<Connection, ClientError> {
        if cause.is_retryable() {
            self.disconnected(&cause);
        }
        loop {
            if !cause.is_retryable() {
                return Err(cause);
            }
            let pause = backoff.next(cause.retry_after());
            self.inner.set_state(ConnectionState::Reconnecting { cause: cause.clone(), pause });
            let connecting = async {
                sleep(pause).await;
                self.inner.connect().await
            };
            cause = tokio::select! {
                connected = connecting => match connected {
                    Ok(connection) => return Ok(connection),
                    Err(error) => error,
                },
                () = self.inner.closed() => ClientError::Closed,
            };
        }
    }

    fn disconnected(&mut self, cause: &ClientError) {
        self.outbox.clear();
        self.opened_by.clear();
        self.calls.disconnected(cause);
        self.courses.retain(|_, course| !course.mailbox.is_left());
        self.courses.values_mut().for_each(|course| course.disconnected(cause));
    }

    /// Serves one connection, until it is lost. Gives why.
    async fn serve(&mut self, connection: &mut Connection) -> ClientError {
        self.inner.set_state(ConnectionState::Connected);
        let _renewing = self.inner.login.is_renewed().then(|| {
            let token = connection.token.take();
            Task(tokio::spawn(login::renew(self.inner.clone(), token)))
        });
        self.outbox.extend(self.calls.texts().map(str::to_owned));
        let streams: Vec<u64> = self.courses.keys().copied().collect();
        streams.into_iter().for_each(|stream| self.open(stream));
        if self.outbox.is_empty() {
            // A server closes what asks nothing at all.
            self.outbox.push_back(wire::request(self.inner.next_id(), "ping", &serde_json::json!({})));
        }
        let outgoing = connection.outgoing.clone();
        let inner = self.inner.clone();
        let mut closed = std::pin::pin!(inner.closed());
        loop {
            let reopening = self.courses.values().filter_map(|course| course.reopen_at).min();
            let has_own = !self.outbox.is_empty();
            tokio::select! {
                message = connection.next() => match message {
                    Ok(text) => self.take(&text),
                    Err(error) => return error,
                },
                Ok(permit) = outgoing.reserve(), if has_own => {
                    if let Some(text) = self.outbox.pop_front() {
                        permit.send(Message::text(text));
                    }
                }
                Some((permit, command)) = next(&outgoing, &mut self.commands), if !has_own => {
                    self.obey(command, permit);
                }
                () = self.inner.bell.notified() => self.look(),
                () = &mut closed => return ClientError::Closed,
                () = sleep_until(reopening.unwrap_or_else(Instant::now)), if reopening.is_some() => {
                    self.reopen_due();
                }
            }
        }
    }

    fn obey(&mut self, command: Command, permit: Permit<'_, Message>) {
        match command {
            // Who asked has given up waiting for a connection.
            Command::Call(call) if call.reply.is_closed() => {}
            Command::Call(call) => {
                permit.send(Message::text(call.text.clone()));
                self.calls.add(call);
            }
            Command::Open(course) => {
                let stream = self.inner.next_id();
                self.courses.insert(stream, *course);
                self.open(stream);
            }
        }
    }

    fn take(&mut self, text: &Utf8Bytes) {
        let Ok(head) = serde_json::from_str::<wire::Head<'_>>(text) else {
            tracing::debug!("the server sent what is no message");
            return;
        };
        let Some(id) = head.request_id.as_u64() else { return };
        if head.kind.is_none() && self.calls.answer(id, || wire::answer(text)) {
            return;
        }
        let Some(stream) = self.opened_by.get(&id).copied() else { return };
        let Some(course) = self.courses.get_mut(&stream) else { return };
        let step = match head.kind {
            None => course.settle(wire::answer(text)),
            Some(_) => course.take(&head, text),
        };
        self.step(stream, &step);
    }

    /// Does what is to be done about a stream.
    fn step(&mut self, stream: u64, step: &Step) {
        match step {
            Step::Nothing => {}
            Step::Leave => self.leave(stream),
            Step::ReopenAfter(pause) => {
                self.leave(stream);
                self.open_after(stream, *pause);
            }
            Step::OpenAfter(pause) => {
                self.forget(stream);
                self.open_after(stream, *pause);
            }
            Step::Over => {
                self.leave(stream);
                self.courses.remove(&stream);
            }
            Step::Ended => {
                self.forget(stream);
                self.courses.remove(&stream);
            }
        }
    }

    fn open(&mut self, stream: u64) {
        let Some(course) = self.courses.get_mut(&stream) else { return };
        if course.mailbox.is_left() {
            self.step(stream, &Step::Over);
        } else if !course.mailbox.is_paused() {
            let id = self.inner.next_id();
            let params = course.open(id);
            self.outbox.push_back(wire::request(id, course.operation(), &params));
            self.opened_by.insert(id, stream);
        }
    }

    fn open_after(&mut self, stream: u64, pause: Duration) {
        if let Some(course) = self.courses.get_mut(&stream) {
            course.reopen_at = Some(Instant::now() + pause);
        }
    }

    /// Takes nothing more of the request that opened a stream last.
    fn forget(&mut self, stream: u64) -> Option<u64> {
        let id = self.courses.get_mut(&stream)?.request_id.take()?;
        self.opened_by.remove(&id);
        Some(id)
    }

    /// Ends a stream on the server; what still comes of it is not looked at.
    fn leave(&mut self, stream: u64) {
        if let Some(id) = self.forget(stream) {
            let params = serde_json::json!({ "stream": id });
            self.outbox.push_back(wire::request(self.inner.next_id(), "unsubscribe", &params));
        }
    }

    /// Somebody took something of a stream that was paused, or takes nothing any more.
    fn look(&mut self) {
        let streams: Vec<u64> = self.courses.keys().copied().collect();
        for stream in streams {
            let Some(course) = self.courses.get(&stream) else { continue };
            if course.mailbox.is_left() {
                self.step(stream, &Step::Over);
            } else if course.mailbox.goes_on() {
                self.open(stream);
            }
        }
    }

    fn reopen_due(&mut self) {
        let now = Instant::now();
        let is_due = |course: &Course| course.reopen_at.is_some_and(|time| time <= now);
        let due: Vec<u64> =
            self.courses.iter().filter(|(_, course)| is_due(course)).map(|(at, _)| *at).collect();
        due.into_iter().for_each(|stream| self.open(stream));
    }
}

/// The next command, as soon as there is room for what it sends.
async fn next<'o>(
    outgoing: &'o mpsc::Sender<Message>,
    commands: &mut mpsc::Receiver<Command>,
) -> Option<(Permit<'o, Message>, Command)> {
    let permit = outgoing.reserve().await.ok()?;
    Some((permit, commands.recv().await?))
}
