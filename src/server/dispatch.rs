//! From the text of a frame to its reply.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use futures_util::FutureExt as _;

use super::{
    Live, array,
    asking::{Asking, Begun, Desk, Pending},
    caller::Caller,
    explain::Explaining,
    replying::{Asker, Due, given},
    waiting::Waiting,
};
use crate::{
    protocol::{Message, Rejected, Request},
    streams::Hold,
};

/// An element of an array of requests.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element {
    /// The reply to the array.
    pub(super) hold: Hold,
    pub(super) index: usize,
}

/// Begins to answer a frame, as one of those that are taken since this time: the reply, if it is there, or else it is
/// waited for. Never fails: whatever came gets its reply.
pub(super) fn begin<'d>(
    (desk, live): (&'d Desk, &Live),
    caller: &Arc<Caller>,
    text: &str,
    since: Instant,
    waiting: &mut Waiting<'d>,
) -> Option<Due> {
    let limits = &live.config.limits;
    match Message::parse(text, &limits.of_messages()) {
        Message::One(request) => begin_one((desk, live), caller, request, None, since, waiting),
        Message::Array(requests) => {
            let count = requests.len().min(limits.in_flight);
            let requests = requests.into_iter().map(|request| request.map(Request::into_owned)).collect();
            let hold = Hold::new();
            waiting.push_array(hold, count, array::answer(desk, caller.clone(), requests, hold).boxed());
            None
        }
    }
}

/// Begins to answer a request, which came in at this time, in an array or alone.
pub(super) fn begin_one(
    (desk, live): (&Desk, &Live),
    caller: &Arc<Caller>,
    request: Result<Request<'_>, Rejected>,
    element: Option<Element>,
    since: Instant,
    waiting: &mut Waiting<'_>,
) -> Option<Due> {
    let explains = request.as_ref().is_ok_and(|request| request.explain);
    let mut explaining = explains.then(|| Box::new(Explaining::of(since)));
    let app = &*desk.app;
    app.stats.request();
    caller.requests.fetch_add(1, Ordering::Relaxed);
    // One of an array may have waited for its turn.
    let now = if element.is_none() { since } else { Instant::now() };
    let who = caller.who();
    let charged = caller.charge(who.as_deref());
    let asking = Asking { desk, live, caller, who: who.as_deref(), now, waiting: &*waiting };
    let mut operation = None;
    let (id, begun) = match request {
        Ok(request) => {
            let found = live.registry.get(&request.operation);
            operation = found.map(|operation| operation.number);
            if charged.is_ok() {
                let operation = found.map_or("none", |operation| operation.name());
                tracing::debug!(request_id = %request.id, operation, "request");
            }
            let explaining = explaining.as_deref_mut();
            let begun = charged.and_then(|()| {
                asking.begin(&request, found, element.map(|element| element.hold), explaining)
            });
            (request.id, begun)
        }
        Err(Rejected { id, error }) => (id, charged.and(Err(error))),
    };
    let index = element.map_or(0, |element| element.index);
    let asker = Asker { id, index, operation, since, until: None, explaining };
    let limits = &live.config.limits;
    let (asker, pending) = match begun {
        // The server's own are not made in such numbers that they would have to wait for room.
        Ok(Begun::Now(outcome)) => return Some(app.reply(asker, given(&outcome), limits, Vec::new())),
        Ok(Begun::Again(answer)) => match app.due_now(asker, answer.outcome(), limits) {
            Ok(due) => return Some(due),
            Err(asker) => (asker, Pending::Kept(answer)),
        },
        Ok(Begun::Later(pending)) => (asker, pending),
        Err(error) => return Some(app.failure(asker, &error)),
    };
    waiting.push(asker, pending);
    None
}
