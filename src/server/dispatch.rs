//! From the text of a frame to its reply.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream};
use serde_json::{Map, Value};
use tokio::time::timeout;

use super::{
    App, Live, System,
    caller::{Caller, Who},
    explain::Explaining,
    flights::{Flight, Flights},
    kept::{Answer as KeptAnswer, Keeping, Kept},
    room::{Room, Rooms},
};
use crate::{
    access::{Bounds, Load, Users, overloaded},
    cache::{Cache, Trace, View},
    operation::{Answer, Outcome, ReadFn, SystemFn},
    protocol::{Error, ErrorCode, Message, Rejected, Remarks, Reply, Request, RequestId, parse_params},
    registry::{Ask, Registered},
    streams::{Hub, Opening, Ringer},
};

/// The reply to a frame, now or when the cache has answered.
pub(super) enum Answering {
    Now(Due),
    Later(Running),
}

/// A reply that is to be written, and the room that it takes until then.
pub(super) struct Due {
    pub(super) reply: Reply,
    pub(super) rooms: Vec<Room>,
}

/// A reply to come, and the number of requests that it answers.
pub(super) struct Running {
    pub(super) requests: usize,
    /// The number of an array, whose streams wait until it is answered.
    pub(super) array: Option<u64>,
    work: Work,
    /// What is to be told of the reply.
    explaining: Option<Box<Explaining>>,
}

enum Work {
    One(Arc<App>, RequestId, Asked, Pending),
    /// It is an array, or waits for room.
    Other(BoxFuture<'static, Due>),
}

/// The operation that was asked for, if there is one of that name, and when.
#[derive(Debug, Clone, Copy)]
struct Asked {
    number: Option<usize>,
    since: Instant,
}

/// An outcome to come.
enum Pending {
    Own(BoxFuture<'static, Outcome>),
    Shared(Flight),
}

/// An outcome that is there.
enum Made {
    Own(Outcome),
    Shared(Arc<Outcome>),
}

impl Future for Pending {
    type Output = Made;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Own(outcome) => outcome.poll_unpin(cx).map(Made::Own),
            Self::Shared(outcome) => outcome.poll_unpin(cx).map(Made::Shared),
        }
    }
}

impl Made {
    fn outcome(&self) -> &Outcome {
        match self {
            Self::Own(outcome) => outcome,
            Self::Shared(outcome) => outcome,
        }
    }
}

impl Future for Running {
    type Output = Answered;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let due = match &mut self.work {
                Work::One(app, id, asked, pending) => {
                    let made = ready!(pending.poll_unpin(cx));
                    match app.due_now(id, *asked, made.outcome()) {
                        Some(due) => due,
                        None => {
                            self.work =
                                Work::Other(wait_for_room(app.clone(), id.clone(), *asked, made).boxed());
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
async fn wait_for_room(app: Arc<App>, id: RequestId, asked: Asked, made: Made) -> Due {
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

/// What a worker's sessions share.
pub(super) struct Desk {
    pub(super) app: Arc<App>,
    /// The cache by way of the worker's own connections.
    pub(super) cache: Cache,
    pub(super) flights: Flights,
    pub(super) kept: Arc<Kept>,
    pub(super) load: Arc<Load>,
    /// How many workers there are.
    pub(super) workers: usize,
    pub(super) hub: Arc<Hub>,
    /// Tells the worker's clients of what is new on their streams.
    pub(super) ringer: Arc<Ringer>,
}

/// Begins to answer a frame. Never fails: whatever came gets its reply.
pub(super) fn begin(desk: &Arc<Desk>, caller: &Arc<Caller>, text: &str) -> Answering {
    /// How many arrays there have been.
    static ARRAYS: AtomicU64 = AtomicU64::new(0);
    let live = desk.app.live();
    let limits = &live.config.limits;
    match Message::parse(text, &limits.of_messages()) {
        Message::One(request) => begin_one(desk, caller, request, None, Instant::now()),
        Message::Array(requests) => {
            let count = requests.len().min(limits.in_flight);
            let requests = requests.into_iter().map(|request| request.map(Request::into_owned)).collect();
            let number = ARRAYS.fetch_add(1, Ordering::Relaxed);
            let due = Box::pin(answer_array(desk.clone(), caller.clone(), requests, number));
            let work = Work::Other(due);
            Answering::Later(Running { requests: count, array: Some(number), work, explaining: None })
        }
    }
}

/// Answers an array: its elements run side by side, as many at once as a connection may have in flight.
async fn answer_array(
    desk: Arc<Desk>,
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
        requests.into_iter().map(|request| answer_one(&desk, &caller, request, number, since)).collect();
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
    let due = match begin_one(desk, caller, request, Some(array), since) {
        Answering::Now(due) => due,
        Answering::Later(running) => running.await.due,
    };
    (id, due)
}

/// Begins to answer a request, which came in at this time, in an array or alone.
fn begin_one(
    desk: &Desk,
    caller: &Arc<Caller>,
    request: Result<Request<'_>, Rejected>,
    array: Option<u64>,
    since: Instant,
) -> Answering {
    let explains = request.as_ref().is_ok_and(|request| request.explain);
    let mut explaining = explains.then(|| Box::new(Explaining::of(since)));
    let app = &desk.app;
    let live = app.live();
    app.stats.request();
    caller.requests.fetch_add(1, Ordering::Relaxed);
    let mut asked = Asked { number: None, since };
    // One of an array may have waited for its turn.
    let now = if array.is_none() { since } else { Instant::now() };
    let who = caller.who();
    let charged = caller.charge(who.as_deref());
    let (id, prepared) = match request {
        Ok(request) => {
            let found = live.registry.get(&request.operation);
            asked.number = found.map(|operation| operation.number);
            if charged.is_ok() {
                let operation = found.map_or("none", |operation| operation.name());
                tracing::debug!(request_id = %request.id, operation, "request");
            }
            let prepared =
                charged.and_then(|()| prepare(desk, &live, caller, who.as_deref(), (found, &request, now)));
            (request.id, prepared)
        }
        Err(Rejected { id, error }) => (id, charged.and(Err(error))),
    };
    let asking = Asking { desk, live: &live, caller, who: who.as_deref() };
    let begun = prepared.and_then(|prepared| match prepared {
        Prepared::Kept(answer) => Ok(asking.give_again(answer, explaining.as_deref_mut())),
        Prepared::Ask { operation, params, keep } => match operation.answer {
            Answer::System(answer) => Ok(asking.begin_system(answer, params)),
            Answer::Stream { .. } => {
                asking.open_stream(&id, operation, params, array, explaining.as_deref_mut())
            }
            Answer::Read { run, .. } => {
                asking.begin_read(run, operation, (params, keep), explaining.as_deref_mut())
            }
        },
    });
    let due = match begun {
        Ok(Begun::Now(outcome)) => Due::of(app.reply(&id, asked, &outcome)),
        // What is kept is not so large that it would have to wait.
        Ok(Begun::Again(answer)) => match app.room_for(answer.result.len()) {
            Some(rooms) => Due { reply: app.success(&id, asked, &answer.result, &answer.remarks), rooms },
            None => Due::of(app.failure(&id, asked, &too_many_large())),
        },
        Ok(Begun::Later(pending)) => {
            let work = Work::One(app.clone(), id, asked, pending);
            return Answering::Later(Running { requests: 1, array: None, work, explaining });
        }
        Err(error) => Due::of(app.failure(&id, asked, &error)),
    };
    Answering::Now(due.explained(explaining))
}

/// What a request has come to.
enum Begun {
    Now(Outcome),
    /// It was answered a moment ago.
    Again(Arc<KeptAnswer>),
    Later(Pending),
}

/// Who asks, and of what.
struct Asking<'a> {
    desk: &'a Desk,
    live: &'a Live,
    caller: &'a Arc<Caller>,
    who: Option<&'a Who>,
}

impl Asking<'_> {
    fn give_again(&self, answer: Arc<KeptAnswer>, explaining: Option<&mut Explaining>) -> Begun {
        if let Some(explaining) = explaining {
            explaining.gives_again(answer.basis.since());
        }
        Begun::Again(answer)
    }

    fn begin_system(&self, answer: SystemFn, params: Value) -> Begun {
        let system = System { app: self.desk.app.clone(), caller: self.caller.clone() };
        let mut answer = answer(system, params);
        // All but one need not wait for anything, and what follows in the frame may build on it.
        match (&mut answer).now_or_never() {
            Some(outcome) => Begun::Now(outcome),
            None => Begun::Later(Pending::Own(answer)),
        }
    }

    fn open_stream(
        &self,
        id: &RequestId,
        operation: &Arc<Registered>,
        params: Value,
        array: Option<u64>,
        explaining: Option<&mut Explaining>,
    ) -> Result<Begun, Error> {
        if self.desk.load.refuses_streams(self.live.config.limits.reads) {
            return Err(overloaded());
        }
        let (users, principal) = (self.users(operation), self.who.map(Who::principal));
        let explain = explaining.is_some();
        let opening = Opening { id, operation, params, users, principal, array, explain };
        let (settings, explain) = self.caller.streams.open(opening)?;
        if let Some(explaining) = explaining {
            explaining.opens(explain);
        }
        Ok(Begun::Now(Ok((settings, Remarks::default()))))
    }

    fn begin_read(
        &self,
        run: ReadFn,
        operation: &Registered,
        (params, keep): (Value, Option<Box<str>>),
        explaining: Option<&mut Explaining>,
    ) -> Result<Begun, Error> {
        let Self { desk, live, .. } = self;
        let limits = &live.config.limits;
        let principal = self.who.ok_or_else(Error::unauthenticated)?.principal();
        let mut own = params.clone();
        let paging = operation.take_paging(&mut own)?;
        let busy = &desk.app.shares.busy;
        let bounds = Bounds { reads: limits.reads, workers: desk.workers, busy };
        let under_way = desk.load.begin(principal, &bounds)?;
        let users = self.users(operation);
        let most = live.config.near_cache.bytes;
        let begin = |trace| {
            let keeping = keep
                .map(|text| Keeping::begin(&desk.kept, desk.cache.near(), operation, (text, &params), most));
            let view = View::new(desk.cache.clone(), operation.plan.clone(), own);
            let view = view.counted(under_way, limits.read_timeout.get()).traced(trace);
            let view = view.paged(paging).of_bytes(limits.reply_bytes);
            let view = view.noted(keeping.as_ref().map(Keeping::notes));
            let read = run(match &users {
                Some(users) => view.of_users(users.clone()),
                None => view,
            });
            match keeping {
                None => read,
                Some(keeping) => kept(read, keeping),
            }
        };
        let wants = explaining.is_some();
        let (pending, trace) = match operation.is_shared {
            false => {
                let trace = wants.then(Trace::of_one);
                (Pending::Own(begin(trace.clone())), trace)
            }
            true => {
                let read = |trace| within(limits.read_timeout.get(), begin(Some(trace)));
                let (flight, trace) = desk.flights.join(&operation.plan, &params, users.clone(), wants, read);
                (Pending::Shared(flight), trace)
            }
        };
        if let (Some(explaining), Some(trace)) = (explaining, trace) {
            explaining.reads(trace, &desk.cache);
        }
        Ok(Begun::Later(pending))
    }

    /// Whose rows are to be seen, where they have owners.
    fn users(&self, operation: &Registered) -> Option<Users> {
        self.who.filter(|_| operation.has_owned_rows).map(|who| who.rights().users().clone())
    }
}

/// A read that has so much time in all.
fn within(limit: Duration, read: BoxFuture<'static, Outcome>) -> BoxFuture<'static, Outcome> {
    Box::pin(async move {
        timeout(limit, read).await.unwrap_or_else(|_| {
            Err(Error::new(ErrorCode::CacheTimeout, format!("the read took more than {limit:?}")))
        })
    })
}

/// A read whose answer is kept.
fn kept(read: BoxFuture<'static, Outcome>, keeping: Keeping) -> BoxFuture<'static, Outcome> {
    Box::pin(async move {
        let outcome = read.await;
        keeping.keep(&outcome);
        outcome
    })
}

/// A request that there is nothing wrong with.
enum Prepared<'l> {
    /// It was answered a moment ago.
    Kept(Arc<KeptAnswer>),
    Ask {
        operation: &'l Arc<Registered>,
        params: Value,
        /// The params' text, if the answer is to be kept.
        keep: Option<Box<str>>,
    },
}

/// The operation and its params, if there is nothing wrong with either and the caller may ask for it.
fn prepare<'l>(
    desk: &Desk,
    live: &'l Live,
    caller: &Caller,
    who: Option<&Who>,
    (found, request, now): (Option<&'l Arc<Registered>>, &Request<'_>, Instant),
) -> Result<Prepared<'l>, Error> {
    if who.is_none() && !found.is_some_and(|operation| operation.needs_no_login()) {
        // Whether or not there is such an operation.
        caller.refuse(found.map(|found| &**found), None, &"not logged in");
        return Err(Error::unauthenticated());
    }
    let operation = found.ok_or_else(|| live.registry.unknown(&request.operation))?;
    caller.check(who, operation, Ask::Anything)?;
    operation.check_on()?;
    if !matches!(operation.answer, Answer::System(_)) && desk.app.held_back.load(Ordering::Relaxed) {
        let message = "the server has yet to see that its login to the cache may only read";
        return Err(Error::new(ErrorCode::CacheUnavailable, message));
    }
    let settings = &live.config.near_cache;
    let is_kept = operation.is_kept && settings.bytes > 0 && desk.cache.near().is_fed();
    let text = request.params.as_deref().unwrap_or("{}");
    if is_kept && let Some(answer) = desk.kept.find(operation, text, now, settings) {
        may_ask(live, caller, who, operation, &answer.params)?;
        desk.kept.note(true);
        return Ok(Prepared::Kept(answer));
    }
    let params = match &request.params {
        None => Value::Object(Map::new()),
        Some(raw) => parse_params(raw, live.config.limits.json_depth)
            .map_err(|error| Error::new(ErrorCode::MalformedMessage, format!("`params`: {error}")))?,
    };
    operation.validate(&params)?;
    may_ask(live, caller, who, operation, &params)?;
    if is_kept {
        desk.kept.note(false);
    }
    Ok(Prepared::Ask { operation, params, keep: is_kept.then(|| text.into()) })
}

/// An error if the caller may not ask for it with these params.
fn may_ask(
    live: &Live,
    caller: &Caller,
    who: Option<&Who>,
    operation: &Registered,
    params: &Value,
) -> Result<(), Error> {
    caller.check(who, operation, Ask::With(params))?;
    if let Some(who) = who.filter(|_| live.config.log.audit_reads) {
        caller.audit_read(who, operation, params);
    }
    Ok(())
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
