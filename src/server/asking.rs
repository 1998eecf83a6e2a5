//! From a request to its outcome: whether it may be asked at all, whether the answer is at hand, and the read that is
//! begun, or joined, if not.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use futures_util::{FutureExt as _, future::BoxFuture};
use hashbrown::DefaultHashBuilder;
use serde_json::{Map, Value};
use tokio::time::timeout;

use super::{
    App, Live, System,
    caller::{Caller, Who},
    explain::Explaining,
    flights::{Flight, Flights},
    kept::{Answer as KeptAnswer, Keeping, Kept},
    subject::{Key, Subject},
    waiting::{Place, Waiting},
};
use crate::{
    access::{Bounds, Load, Users, overloaded},
    cache::{Cache, Notes, Trace, View},
    operation::{Answer, Outcome, ReadFn, SystemFn},
    protocol::{Error, ErrorCode, Remarks, Request, parse_params},
    registry::{Ask, Registered},
    streams::{Hold, Hub, Open, Opening, Settling},
};

/// What a worker's sessions share.
pub(super) struct Desk {
    pub(super) app: Arc<App>,
    /// The cache by way of the worker's own connections.
    pub(super) cache: Cache,
    /// One for all tables: what is hashed by another is not found.
    pub(super) hasher: DefaultHashBuilder,
    pub(super) flights: Flights,
    pub(super) kept: Arc<Kept>,
    pub(super) load: Arc<Load>,
    /// How many workers there are.
    pub(super) workers: usize,
    pub(super) hub: Arc<Hub>,
}

/// An outcome to come.
pub(super) enum Pending {
    Own(BoxFuture<'static, Outcome>),
    /// It is there, and waits for room.
    Kept(Arc<KeptAnswer>),
    Shared(Flight),
    /// That of others who wait already.
    Along(Place),
}

/// What a request has come to.
pub(super) enum Begun {
    Now(Outcome),
    /// It was answered a moment ago.
    Again(Arc<KeptAnswer>),
    Later(Pending),
}

/// Who asks, and when.
pub(super) struct Asking<'a, 'd> {
    pub(super) desk: &'a Desk,
    pub(super) live: &'a Live,
    pub(super) caller: &'a Arc<Caller>,
    pub(super) who: Option<&'a Who>,
    pub(super) now: Instant,
    /// Who waits already, of the connection or of the array.
    pub(super) waiting: &'a Waiting<'d>,
}

impl Asking<'_, '_> {
    /// Begins to answer a request for an operation, if there is one of that name; alone, or as a part of a reply.
    pub(super) fn begin(
        &self,
        request: &Request<'_>,
        found: Option<&Arc<Registered>>,
        hold: Option<Hold>,
        explaining: Option<&mut Explaining>,
    ) -> Result<Begun, Error> {
        let operation = self.admit(request, found)?;
        match operation.answer {
            Answer::System(answer) => Ok(self.begin_system(answer, self.params(request, operation)?)),
            Answer::Stream { .. } => {
                let params = self.params(request, operation)?;
                self.open_stream(request, operation, params, hold, explaining)
            }
            Answer::Read { run, .. } => self.answer(run, request, operation, explaining),
        }
    }

    /// Answers by what is kept, by a read that somebody else has asked for, or by one of its own.
    fn answer(
        &self,
        run: ReadFn,
        request: &Request<'_>,
        operation: &Arc<Registered>,
        explaining: Option<&mut Explaining>,
    ) -> Result<Begun, Error> {
        let text = request.params.as_deref().unwrap_or("{}");
        let subject = Subject::new(&self.desk.hasher, &operation.plan, text, self.users(operation));
        let is_kept = self.may_keep(operation);
        if is_kept && let Some(answer) = self.kept(operation, subject)? {
            return Ok(give_again(answer, explaining));
        }
        // What is read counts for who asked first.
        let wants = explaining.is_some();
        if let Some((place, flight)) = self.waiting.join(subject, wants) {
            self.check_params(operation, &flight.about().params)?;
            self.explain(flight, explaining);
            return Ok(Begun::Later(Pending::Along(place)));
        }
        if let Some(flight) = self.desk.flights.join(subject, wants) {
            self.check_params(operation, &flight.about().params)?;
            self.explain(&flight, explaining);
            return Ok(Begun::Later(Pending::Shared(flight)));
        }
        let params = Arc::new(self.params(request, operation)?);
        self.begin_read(run, operation, (subject.to_key(), params), is_kept, explaining)
    }

    /// The params, if they are as they have to be, and the caller may ask with them.
    fn params(&self, request: &Request<'_>, operation: &Registered) -> Result<Value, Error> {
        let params = match &request.params {
            None => Value::Object(Map::new()),
            Some(raw) => parse_params(raw, self.live.config.limits.json_depth)
                .map_err(|error| Error::new(ErrorCode::MalformedMessage, format!("`params`: {error}")))?,
        };
        operation.validate(&params)?;
        self.check_params(operation, &params)?;
        Ok(params)
    }

    /// The operation, if the caller may ask for it.
    fn admit<'o>(
        &self,
        request: &Request<'_>,
        found: Option<&'o Arc<Registered>>,
    ) -> Result<&'o Arc<Registered>, Error> {
        let Self { desk, live, caller, who, .. } = self;
        if who.is_none() && !found.is_some_and(|operation| operation.needs_no_login()) {
            // Whether or not there is such an operation.
            caller.refuse(found.map(|found| &**found), None, &"not logged in");
            return Err(Error::unauthenticated());
        }
        let operation = found.ok_or_else(|| live.registry.unknown(&request.operation))?;
        caller.check(*who, operation, Ask::Anything)?;
        operation.check_on()?;
        if !matches!(operation.answer, Answer::System(_)) && desk.app.held_back.load(Ordering::Relaxed) {
            let message = "the server has yet to see that its login to the cache may only read";
            return Err(Error::new(ErrorCode::CacheUnavailable, message));
        }
        Ok(operation)
    }

    /// An error if the caller may not ask for it with these params.
    fn check_params(&self, operation: &Registered, params: &Value) -> Result<(), Error> {
        self.caller.check(self.who, operation, Ask::With(params))?;
        if let Some(who) = self.who.filter(|_| self.live.config.log.audit_reads) {
            self.caller.audit_read(who, operation, params);
        }
        Ok(())
    }

    /// Whether an answer may be kept, and given again to who asks in the same words.
    fn may_keep(&self, operation: &Registered) -> bool {
        operation.is_kept && self.live.config.near_cache.bytes > 0 && self.desk.cache.near().is_fed()
    }

    /// The answer that is kept.
    fn kept(&self, operation: &Registered, subject: Subject<'_>) -> Result<Option<Arc<KeptAnswer>>, Error> {
        let Some(answer) = self.desk.kept.find(subject, self.now, &self.live.config.near_cache) else {
            return Ok(None);
        };
        self.check_params(operation, &answer.params)?;
        self.desk.kept.note(1, true);
        Ok(Some(answer))
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
        request: &Request<'_>,
        operation: &Arc<Registered>,
        params: Value,
        hold: Option<Hold>,
        explaining: Option<&mut Explaining>,
    ) -> Result<Begun, Error> {
        if self.desk.load.refuses_streams(self.live.config.limits.reads) {
            return Err(overloaded());
        }
        let (users, principal) = (self.users(operation).cloned(), self.who.map(Who::principal));
        let explain = explaining.is_some();
        let opening = Opening { id: &request.id, operation, params, users, principal, hold, explain };
        let Open { settings, explain, settling } = self.caller.streams.open(opening)?;
        if let Some(explaining) = explaining {
            explaining.opens(explain);
        }
        let outcome = Ok((settings, Remarks::default()));
        let Some(Settling { hold, settled }) = settling else { return Ok(Begun::Now(outcome)) };
        let (caller, limit) = (self.caller.clone(), self.live.config.limits.read_timeout.get());
        Ok(Begun::Later(Pending::Own(Box::pin(async move {
            // That it is settled is an error of the channel's, which has nothing else to tell.
            let _ = timeout(limit, settled).await;
            // The reply is on its way before its session rests, and lets others write what the stream has.
            caller.streams.release(hold);
            outcome
        }))))
    }

    fn begin_read(
        &self,
        run: ReadFn,
        operation: &Arc<Registered>,
        (key, params): (Key, Arc<Value>),
        is_kept: bool,
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
        let keeping = is_kept.then(|| {
            let notes = Notes::new(desk.cache.near().clone(), operation.prefixes.clone());
            Keeping::begin(&desk.kept, notes, key.clone(), params.clone(), &live.config.near_cache)
        });
        let users = key.users().cloned();
        let (cache, plan) = (desk.cache.clone(), operation.plan.clone());
        let (limit, bytes) = (limits.read_timeout.get(), limits.reply_bytes);
        let read = move |trace: Arc<Trace>, comes_after| {
            let view = View::new(cache, plan, own).counted(under_way, limit).traced(trace.clone());
            let view = view.paged(paging).of_bytes(bytes).noted(keeping.as_ref().map(Keeping::notes));
            let read = run(match users {
                Some(users) => view.of_users(users),
                None => view,
            });
            async move {
                match keeping {
                    Some(keeping) => kept(read, keeping, &trace, comes_after).await,
                    None => read.await,
                }
            }
        };
        let flight = desk.flights.join_or_begin(key, params, explaining.is_some(), read);
        self.explain(&flight, explaining);
        Ok(Begun::Later(Pending::Shared(flight)))
    }

    /// Has it told how a read goes, to who wants to know.
    fn explain(&self, flight: &Flight, explaining: Option<&mut Explaining>) {
        if let Some(explaining) = explaining {
            explaining.reads(flight.about().trace.clone(), &self.desk.cache);
        }
    }

    /// Whose rows are to be seen, where they have owners.
    fn users(&self, operation: &Registered) -> Option<&Users> {
        self.who.filter(|_| operation.has_owned_rows).map(|who| who.rights().users())
    }
}

fn give_again(answer: Arc<KeptAnswer>, explaining: Option<&mut Explaining>) -> Begun {
    if let Some(explaining) = explaining {
        explaining.gives_again(answer.basis.since());
    }
    Begun::Again(answer)
}

/// A read whose answer is kept. One that `comes_after` another of the same has nothing to do if that one's answer still
/// holds.
async fn kept(
    read: BoxFuture<'static, Outcome>,
    keeping: Keeping,
    trace: &Trace,
    comes_after: bool,
) -> Outcome {
    if comes_after && let Some(answer) = keeping.find() {
        trace.finds(answer.basis.since());
        keeping.note(trace.asked_by(), true);
        return Ok((answer.result.clone(), answer.remarks.clone()));
    }
    keeping.note(trace.asked_by(), false);
    let outcome = read.await;
    keeping.keep(&outcome);
    outcome
}
