//! From the text of a frame to its reply.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream};
use serde_json::{Map, Value};
use tokio::time::timeout;

use super::{
    App, Live, System,
    caller::{Caller, Who},
    flights::{Flight, Flights},
    load::{Bounds, Load, UnderWay, overloaded},
};
use crate::{
    cache::{Cache, View},
    operation::{Answer, Outcome},
    protocol::{Error, ErrorCode, Message, Rejected, Reply, Request, RequestId, parse_params},
    registry::{Ask, Registered},
    streams::{Hub, Opening, Ringer},
};

/// The reply to a frame, now or when the cache has answered.
pub(super) enum Answering {
    Now(Reply),
    Later(Running),
}

/// A reply to come, and the number of requests that it answers.
pub(super) struct Running {
    pub(super) requests: usize,
    /// The number of an array, whose streams wait until it is answered.
    pub(super) array: Option<u64>,
    work: Work,
    /// What it counts as, if it is a read.
    _under_way: Option<UnderWay>,
}

enum Work {
    Own(Arc<App>, RequestId, BoxFuture<'static, Outcome>),
    Shared(Arc<App>, RequestId, Flight),
    Array(BoxFuture<'static, Reply>),
}

impl Running {
    fn new(requests: usize, array: Option<u64>, work: Work) -> Self {
        Self { requests, array, work, _under_way: None }
    }
}

impl Future for Running {
    type Output = Answered;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let reply = match &mut self.work {
            Work::Own(app, id, read) => app.reply(id, &ready!(read.poll_unpin(cx))),
            Work::Shared(app, id, read) => app.reply(id, ready!(read.poll_unpin(cx)).as_ref()),
            Work::Array(reply) => ready!(reply.poll_unpin(cx)),
        };
        Poll::Ready(Answered { requests: self.requests, array: self.array, reply })
    }
}

/// A reply, the number of requests that it answers, and the array that it is the reply to.
pub(super) struct Answered {
    pub(super) requests: usize,
    pub(super) array: Option<u64>,
    pub(super) reply: Reply,
}

/// What a worker's sessions share.
pub(super) struct Desk {
    pub(super) app: Arc<App>,
    /// The cache by way of the worker's own connections.
    pub(super) cache: Cache,
    pub(super) flights: Flights,
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
        Message::One(request) => begin_one(desk, caller, request, None),
        Message::Array(requests) => {
            let count = requests.len().min(limits.in_flight);
            let requests = requests.into_iter().map(|request| request.map(Request::into_owned)).collect();
            let number = ARRAYS.fetch_add(1, Ordering::Relaxed);
            let reply = Box::pin(answer_array(desk.clone(), caller.clone(), requests, number));
            Answering::Later(Running::new(count, Some(number), Work::Array(reply)))
        }
    }
}

/// Answers an array: its elements run side by side, as many at once as a connection may have in flight.
async fn answer_array(
    desk: Arc<Desk>,
    caller: Arc<Caller>,
    requests: Vec<Result<Request<'static>, Rejected>>,
    number: u64,
) -> Reply {
    let app = &desk.app;
    let (in_flight, reply_bytes) = {
        let live = app.live();
        (live.config.limits.in_flight, live.config.limits.reply_bytes)
    };
    let elements: Vec<_> =
        requests.into_iter().map(|request| answer_one(&desk, &caller, request, number)).collect();
    let mut answers = stream::iter(elements).buffered(in_flight);
    let mut replies = Vec::new();
    let mut bytes = 0;
    while let Some((id, mut reply)) = answers.next().await {
        if bytes + reply.len() > reply_bytes {
            reply = app.failure(&id, &app.too_large(bytes + reply.len()));
        }
        bytes += reply.len();
        replies.push(reply);
    }
    Reply::array(replies)
}

async fn answer_one(
    desk: &Desk,
    caller: &Arc<Caller>,
    request: Result<Request<'static>, Rejected>,
    array: u64,
) -> (RequestId, Reply) {
    let id = match &request {
        Ok(Request { id, .. }) | Err(Rejected { id, .. }) => id.clone(),
    };
    let reply = match begin_one(desk, caller, request, Some(array)) {
        Answering::Now(reply) => reply,
        Answering::Later(running) => running.await.reply,
    };
    (id, reply)
}

fn begin_one(
    desk: &Desk,
    caller: &Arc<Caller>,
    request: Result<Request<'_>, Rejected>,
    array: Option<u64>,
) -> Answering {
    let app = &desk.app;
    let live = app.live();
    app.stats.request();
    let request = match request {
        Ok(request) => request,
        Err(Rejected { id, error }) => {
            return Answering::Now(app.failure(&id, &caller.charge().err().unwrap_or(error)));
        }
    };
    if let Err(error) = caller.charge() {
        return Answering::Now(app.failure(&request.id, &error));
    }
    let Prepared { operation, params, who } = match prepare(app, &live, caller, &request) {
        Ok(prepared) => prepared,
        Err(error) => return Answering::Now(app.failure(&request.id, &error)),
    };
    let users = who.as_ref().filter(|_| operation.has_owned_rows).map(|who| who.rights().users().clone());
    match operation.answer {
        Answer::System(answer) => {
            let mut answer = answer(System { app: app.clone(), caller: caller.clone() }, params);
            // All but one need not wait for anything, and what follows in the frame may build on it.
            match (&mut answer).now_or_never() {
                Some(outcome) => Answering::Now(app.reply(&request.id, &outcome)),
                None => {
                    let work = Work::Own(app.clone(), request.id, answer);
                    Answering::Later(Running::new(1, None, work))
                }
            }
        }
        Answer::Stream { .. } => {
            let id = &request.id;
            if desk.load.is_high(live.config.limits.reads) {
                return Answering::Now(app.failure(id, &overloaded()));
            }
            let who = who.as_deref();
            let opened = caller.streams.open(Opening {
                id,
                operation,
                params,
                users,
                principal: who.map(Who::principal),
                array,
            });
            Answering::Now(app.reply(id, &opened.map(|settings| (settings, Vec::new()))))
        }
        Answer::Read { run, .. } => {
            let view = |params| {
                let view = View::new(desk.cache.clone(), operation.plan.clone(), params);
                match &users {
                    Some(users) => view.of_users(users.clone()),
                    None => view,
                }
            };
            let bounds =
                Bounds { reads: live.config.limits.reads, workers: desk.workers, busy: &app.shares.busy };
            let Some(who) = who else {
                return Answering::Now(app.failure(&request.id, &Error::unauthenticated()));
            };
            let under_way = match desk.load.begin(who.principal(), &bounds) {
                Ok(under_way) => under_way,
                Err(error) => return Answering::Now(app.failure(&request.id, &error)),
            };
            let (app, id) = (app.clone(), request.id);
            let work = match operation.is_shared {
                false => Work::Own(app, id, run(view(params))),
                true => {
                    let limit = live.config.limits.read_timeout.get();
                    let read = || within(limit, run(view(params.clone())));
                    let flight = desk.flights.join(operation.name, &params, users.clone(), read);
                    Work::Shared(app, id, flight)
                }
            };
            Answering::Later(Running { requests: 1, array: None, work, _under_way: Some(under_way) })
        }
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

/// A request that there is nothing wrong with.
struct Prepared<'l> {
    operation: &'l Arc<Registered>,
    params: Value,
    who: Option<Arc<Who>>,
}

/// The operation and its params, if there is nothing wrong with either and the caller may ask for it.
fn prepare<'l>(
    app: &App,
    live: &'l Live,
    caller: &Caller,
    request: &Request<'_>,
) -> Result<Prepared<'l>, Error> {
    let who = caller.who();
    let found = live.registry.get(&request.operation);
    if who.is_none() && !found.is_some_and(|operation| operation.needs_no_login()) {
        // Whether or not there is such an operation.
        caller.audit(found.map(|found| &**found), &"not logged in");
        return Err(Error::unauthenticated());
    }
    let operation = found.ok_or_else(|| live.registry.unknown(&request.operation))?;
    caller.check(who.as_deref(), operation, Ask::Anything)?;
    operation.check_on()?;
    if !matches!(operation.answer, Answer::System(_)) && app.held_back.load(Ordering::Relaxed) {
        let message = "the server has yet to see that its login to the cache may only read";
        return Err(Error::new(ErrorCode::CacheUnavailable, message));
    }
    let params = match &request.params {
        None => Value::Object(Map::new()),
        Some(raw) => parse_params(raw, live.config.limits.json_depth)
            .map_err(|error| Error::new(ErrorCode::MalformedMessage, format!("`params`: {error}")))?,
    };
    operation.validate(&params)?;
    caller.check(who.as_deref(), operation, Ask::With(&params))?;
    if let Some(who) = who.as_deref().filter(|_| live.config.log.audit_reads) {
        caller.audit_read(who, operation, &params);
    }
    Ok(Prepared { operation, params, who })
}

impl App {
    fn reply(&self, id: &RequestId, outcome: &Outcome) -> Reply {
        match outcome {
            Ok((result, warnings)) if result.len() <= self.live().config.limits.reply_bytes => {
                Reply::success(id, result, warnings)
            }
            Ok((result, _)) => self.failure(id, &self.too_large(result.len())),
            Err(error) => self.failure(id, error),
        }
    }

    fn failure(&self, id: &RequestId, error: &Error) -> Reply {
        self.stats.error(error.code());
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
