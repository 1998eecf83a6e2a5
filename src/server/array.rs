//! Arrays of requests: their elements run side by side, and are answered by one reply.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use futures_util::StreamExt as _;

use super::{
    App,
    asking::Desk,
    caller::Caller,
    dispatch::{Element, begin_one},
    replying::{Asker, Due, too_large},
    room::Room,
    waiting::{To, Waiting},
};
use crate::{
    protocol::{Rejected, Reply, Request, RequestId},
    streams::Hold,
};

/// Answers an array: as many of its elements at once as a connection may have in flight.
pub(super) async fn answer(
    desk: &Desk,
    caller: Arc<Caller>,
    requests: Vec<Result<Request<'static>, Rejected>>,
    hold: Hold,
) -> Due {
    let (in_flight, most_bytes) = {
        let live = desk.app.live();
        (live.config.limits.in_flight, live.config.limits.reply_bytes)
    };
    // To wait for a turn within the array is a part of how long an answer takes.
    let since = Instant::now();
    let mut requests = requests.into_iter();
    let mut waiting = Waiting::new(&desk.app);
    let mut elements = Elements {
        app: &desk.app,
        since,
        most_bytes,
        begun: VecDeque::new(),
        replies: Vec::with_capacity(requests.len()),
        bytes: 0,
        rooms: Vec::new(),
    };
    loop {
        while elements.begun.len() < in_flight
            && let Some(request) = requests.next()
        {
            let id = match &request {
                Ok(Request { id, .. }) | Err(Rejected { id, .. }) => id.clone(),
            };
            let element = Element { hold, index: elements.replies.len() + elements.begun.len() };
            let live = desk.app.live();
            let due = begin_one((desk, &live), &caller, request, Some(element), since, &mut waiting);
            elements.begun.push_back((id, due));
            elements.take();
        }
        let Some(answered) = waiting.next().await else { break };
        if let To::One { index } = answered.to {
            elements.put(index, answered.due);
        }
        elements.take();
    }
    Due { reply: Reply::array(elements.replies), rooms: elements.rooms }
}

/// What has come of the elements of an array so far.
struct Elements<'a> {
    app: &'a App,
    since: Instant,
    /// How many bytes all replies may have.
    most_bytes: usize,
    /// Those that were begun, in their order, with their replies where they are there.
    begun: VecDeque<(RequestId, Option<Due>)>,
    /// The replies to those before them.
    replies: Vec<Reply>,
    bytes: usize,
    rooms: Vec<Room>,
}

impl Elements<'_> {
    /// The reply to an element is there.
    fn put(&mut self, index: usize, due: Due) {
        if let Some((_, place)) = self.begun.get_mut(index - self.replies.len()) {
            *place = Some(due);
        }
    }

    /// Takes the replies that are next, as long as they are not too large together.
    fn take(&mut self) {
        while let Some((id, Some(Due { mut reply, rooms }))) =
            self.begun.pop_front_if(|(_, due)| due.is_some())
        {
            let bytes = self.bytes + reply.len();
            if bytes > self.most_bytes {
                let asker =
                    Asker { id, index: 0, operation: None, since: self.since, until: None, explaining: None };
                reply = self.app.failure(asker, &too_large(bytes, self.most_bytes)).reply;
            } else {
                self.rooms.extend(rooms);
            }
            self.bytes += reply.len();
            self.replies.push(reply);
        }
    }
}
