//! From the text of a frame to its reply.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Instant,
};

use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream};
use tokio::time::timeout;

use super::{
    App, Live,
    asking::{Asking, Begun, Desk, Made, Pending},
    caller::Caller,
    explain::Explaining,
    room::{Room, Rooms},
};
use crate::{
    operation::Outcome,
    protocol::{Error, ErrorCode, Message, Rejected, Remarks, Reply, Request, RequestId},
};

/// The reply to a frame, now or when the cache has answered.
pub(super) enum Answering<'d> {
    Now(Due),
    Later(Running<'d>),
}

/// A reply that is to be written, and the room that it takes until then.
pub(super) struct Due {
    pub(super) reply: Reply,
    pub(super) rooms: Vec<Room>,
}

/// A reply to come, and the number of requests that it answers.
pub(super) struct Running<'d> {
    pub(super) requests: usize,
    /// The number of an array, whose streams wait until it is answered.
    pub(super) array: Option<u64>,
    work: Work<'d>,
    /// What is to be told of the reply.
    explaining: Option<Box<Explaining>>,
}

enum Work<'d> {
    One(&'d App, RequestId, Asked, Pending),
    /// It is an array, or waits for room.
    Other(BoxFuture<'d, Due>),
}

/// The operation that was asked for, if there is one of that name, and when.
#[derive(Debug, Clone, Copy)]
struct Asked {
    number: Option<usize>,
    since: Instant,
}

impl Future for Running<'_> {
    type Output = Answered;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let due = match &mut self.work {
                Work::One(app, id, asked, pending) => {
                    let made = ready!(pending.poll_unpin(cx));
                    match app.due_now(id, *asked, made.outcome()) {
                        Some(due) => due,
                        None => {
                            self.work = Work::Other(wait_for_room(app, id.clone(), *asked, made).boxed());
                            continue;
                        }
                    }
                }
                Work::Other(due) => ready!(due.poll_unpin(cx)),
            };
            let due = due.explained(self.explaining.take());
            return Poll::Ready(Answered { requests: self.requests, array: self.array, due });
        }
    }
}

/// A large reply, made as soon as there is room for it.
async fn wait_for_room(app: &App, id: RequestId, asked: Asked, made: Made) -> Due {
    let (most, patience) = {
        let live = app.live();
        (live.config.limits.waiting_bytes_in_all, live.config.limits.write_timeout.get())
    };
    let bytes = made.outcome().as_ref().map_or(0, |(result, _)| result.len());
    match timeout(patience, app.rooms.take(bytes, most)).await {
        Ok(room) => Due { reply: app.reply(&id, asked, made.outcome()), rooms: vec![room] },
        Err(_) => Due::of(app.failure(&id, asked, &too_many_large())),
    }
}

fn too_many_large() -> Error {
    let message = "too many large replies wait to be written";
    Error::new(ErrorCode::Overloaded, message).retry_after_ms(1000)
}

impl Due {
    fn of(reply: Reply) -> Self {
        Self { reply, rooms: Vec::new() }
    }

    /// The same, with what is to be told of it.
    fn explained(mut self, explaining: Option<Box<Explaining>>) -> Self {
        if let Some(explaining) = explaining {
            self.reply = explaining.add_to(self.reply);
        }
        self
    }
}

/// A reply, the number of requests that it answers, and the array that it is the reply to.
pub(super) struct Answered {
    pub(super) requests: usize,
    pub(super) array: Option<u64>,
    pub(super) due: Due,
}

/// Begins to answer a frame. Never fails: whatever came gets its reply.
pub(super) fn begin<'d>(desk: &'d Desk, caller: &Arc<Caller>, text: &str) -> Answering<'d> {
    /// How many arrays there have been.
    static ARRAYS: AtomicU64 = AtomicU64::new(0);
    let live = desk.app.live();
    let limits = &live.config.limits;
    match Message::parse(text, &limits.of_messages()) {
        Message::One(request) => begin_one((desk, &live), caller, request, None, Instant::now()),
        Message::Array(requests) => {
            let count = requests.len().min(limits.in_flight);
            let requests = requests.into_iter().map(|request| request.map(Request::into_owned)).collect();
            let number = ARRAYS.fetch_add(1, Ordering::Relaxed);
            let due = Box::pin(answer_array(desk, caller.clone(), requests, number));
            let work = Work::Other(due);
            Answering::Later(Running { requests: count, array: Some(number), work, explaining: None })
        }
    }
}

/// Answers an array: its elements run side by side, as many at once as a connection may have in flight.
async fn answer_array(
    desk: &Desk,
    caller: Arc<Caller>,
    requests: Vec<Result<Request<'static>, Rejected>>,
    number: u64,
) -> Due {
    let app = &desk.app;
    let (in_flight, reply_bytes) = {
        let live = app.live();
        (live.config.limits.in_flight, live.config.limits.reply_bytes)
    };
    // To wait for a turn within the array is a part of how long an answer takes.
    let since = Instant::now();
    let elements: Vec<_> =
        requests.into_iter().map(|request| answer_one(desk, &caller, request, number, since)).collect();
    let mut answers = stream::iter(elements).buffered(in_flight);
    let (mut replies, mut rooms) = (Vec::new(), Vec::new());
    let mut bytes = 0;
    while let Some((id, Due { mut reply, rooms: more })) = answers.next().await {
        if bytes + reply.len() > reply_bytes {
            reply = app.failure(&id, Asked { number: None, since }, &app.too_large(bytes + reply.len()));
        } else {
            rooms.extend(more);
        }
        bytes += reply.len();
        replies.push(reply);
    }
    Due { reply: Reply::array(replies), rooms }
}

async fn answer_one(
    desk: &Desk,
    caller: &Arc<Caller>,
    request: Result<Request<'static>, Rejected>,
    array: u64,
    since: Instant,
) -> (RequestId, Due) {
    let id = match &request {
        Ok(Request { id, .. }) | Err(Rejected { id, .. }) => id.clone(),
    };
    let begun = begin_one((desk, &desk.app.live()), caller, request, Some(array), since);
    let due = match begun {
        Answering::Now(due) => due,
        Answering::Later(running) => running.await.due,
    };
    (id, due)
}

/// Begins to answer a request, which came in at this time, in an array or alone.
fn begin_one<'d>(
    (desk, live): (&'d Desk, &Live),
    caller: &Arc<Caller>,
    request: Result<Request<'_>, Rejected>,
    array: Option<u64>,
    since: Instant,
) -> Answering<'d> {
    let explains = request.as_ref().is_ok_and(|request| request.explain);
    let mut explaining = explains.then(|| Box::new(Explaining::of(since)));
    let app = &*desk.app;
    app.stats.request();
    caller.requests.fetch_add(1, Ordering::Relaxed);
    let mut asked = Asked { number: None, since };
    // One of an array may have waited for its turn.
    let now = if array.is_none() { since } else { Instant::now() };
    let who = caller.who();
    let charged = caller.charge(who.as_deref());
    let asking = Asking { desk, live, caller, who: who.as_deref(), now };
    let (id, begun) = match request {
        Ok(request) => {
            let found = live.registry.get(&request.operation);
            asked.number = found.map(|operation| operation.number);
            if charged.is_ok() {
                let operation = found.map_or("none", |operation| operation.name());
                tracing::debug!(request_id = %request.id, operation, "request");
            }
            let explaining = explaining.as_deref_mut();
            let begun = charged.and_then(|()| asking.begin(&request, found, array, explaining));
            (request.id, begun)
        }
        Err(Rejected { id, error }) => (id, charged.and(Err(error))),
    };
    let due = match begun {
        Ok(Begun::Now(outcome)) => Due::of(app.reply(&id, asked, &outcome)),
        // What is kept is not so large that it would have to wait.
        Ok(Begun::Again(answer)) => match app.room_for(answer.result.len()) {
            Some(rooms) => Due { reply: app.success(&id, asked, &answer.result, &answer.remarks), rooms },
            None => Due::of(app.failure(&id, asked, &too_many_large())),
        },
        Ok(Begun::Later(pending)) => {
            let work = Work::One(app, id, asked, pending);
            return Answering::Later(Running { requests: 1, array: None, work, explaining });
        }
        Err(error) => Due::of(app.failure(&id, asked, &error)),
    };
    Answering::Now(due.explained(explaining))
}

impl App {
    /// The reply to be written now; None: it has to wait for room.
    fn due_now(&self, id: &RequestId, asked: Asked, outcome: &Outcome) -> Option<Due> {
        let bytes = outcome.as_ref().map_or(0, |(result, _)| result.len());
        // What is larger than a reply may be is none.
        let is_too_large = bytes > self.live().config.limits.reply_bytes;
        let rooms = if is_too_large { Vec::new() } else { self.room_for(bytes)? };
        Some(Due { reply: self.reply(id, asked, outcome), rooms })
    }

    /// The room that a reply of so many bytes takes, if there is that much.
    fn room_for(&self, bytes: usize) -> Option<Vec<Room>> {
        if !Rooms::are_for(bytes) {
            return Some(Vec::new());
        }
        let most = self.live().config.limits.waiting_bytes_in_all;
        self.rooms.try_take(bytes, most).map(|room| vec![room])
    }

    fn reply(&self, id: &RequestId, asked: Asked, outcome: &Outcome) -> Reply {
        match outcome {
            Ok((result, remarks)) => self.success(id, asked, result, remarks),
            Err(error) => self.failure(id, asked, error),
        }
    }

    fn success(&self, id: &RequestId, asked: Asked, result: &str, remarks: &Remarks) -> Reply {
        if result.len() > self.live().config.limits.reply_bytes {
            return self.failure(id, asked, &self.too_large(result.len()));
        }
        self.stats.answered(asked.number, None, asked.since.elapsed());
        Reply::success(id, result, remarks)
    }

    fn failure(&self, id: &RequestId, asked: Asked, error: &Error) -> Reply {
        self.stats.answered(asked.number, Some(error.code()), asked.since.elapsed());
        if error.code() == ErrorCode::InternalError {
            tracing::error!(request_id = %id, cause = error.cause(), "internal error");
        } else {
            tracing::debug!(request_id = %id, code = %error.code(), cause = error.cause(), "{}", error.message());
        }
        Reply::failure(id, error)
    }

    fn too_large(&self, length: usize) -> Error {
        let most = self.live().config.limits.reply_bytes;
        Error::new(ErrorCode::LimitExceeded, format!("the answer has {length} bytes; at most {most} may be"))
    }
}
