//! From an outcome to the reply, and the room that it takes until it is written.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::{
    App,
    explain::Explaining,
    room::{Room, Rooms},
};
use crate::{
    config::Limits,
    operation::Outcome,
    protocol::{Error, ErrorCode, Remarks, Reply, RequestId},
};

/// A request that is to be answered.
pub(super) struct Asker {
    pub(super) id: RequestId,
    /// Its place in the array, if it is in one.
    pub(super) index: usize,
    /// The number of the operation that was asked for, if there is one of that name.
    pub(super) operation: Option<usize>,
    pub(super) since: Instant,
    /// When the read that it waits for was seen to end, if it did.
    pub(super) until: Option<Instant>,
    /// What is to be told of the reply.
    pub(super) explaining: Option<Box<Explaining>>,
}

/// A reply that is to be written, and the room that it takes until then.
pub(super) struct Due {
    pub(super) reply: Reply,
    pub(super) rooms: Vec<Room>,
}

/// An outcome, whoever has it.
pub(super) type Given<'a> = Result<(&'a str, &'a Remarks), &'a Error>;

pub(super) fn given(outcome: &Outcome) -> Given<'_> {
    outcome.as_ref().map(|(result, remarks)| (result.as_str(), remarks))
}

impl App {
    /// The reply to be written now. If it has to wait for room, who asked is given back.
    pub(super) fn due_now(&self, asker: Asker, outcome: Given<'_>, limits: &Limits) -> Result<Due, Asker> {
        let bytes = outcome.map_or(0, |(result, _)| result.len());
        let mut rooms = Vec::new();
        // What is larger than a reply may be is none.
        if Rooms::are_for(bytes) && bytes <= limits.reply_bytes {
            match self.rooms.try_take(bytes, limits.waiting_bytes_in_all) {
                Some(room) => rooms.push(room),
                None => return Err(asker),
            }
        }
        Ok(self.reply(asker, outcome, limits, rooms))
    }

    /// The reply as soon as there is room for it.
    pub(super) async fn due(&self, asker: Asker, outcome: Given<'_>) -> Due {
        let limits = self.live_for_long().config.limits.clone();
        let asker = match self.due_now(asker, outcome, &limits) {
            Ok(due) => return due,
            Err(asker) => asker,
        };
        let bytes = outcome.map_or(0, |(result, _)| result.len());
        let room = self.rooms.take(bytes, limits.waiting_bytes_in_all);
        match timeout(limits.write_timeout.get(), room).await {
            Ok(room) => self.reply(asker, outcome, &limits, vec![room]),
            Err(_) => self.failure(asker, &too_many_large()),
        }
    }

    /// The reply, which has this room.
    pub(super) fn reply(&self, asker: Asker, outcome: Given<'_>, limits: &Limits, rooms: Vec<Room>) -> Due {
        let (result, remarks) = match outcome {
            Ok((result, _)) if result.len() > limits.reply_bytes => {
                return self.failure(asker, &too_large(result.len(), limits.reply_bytes));
            }
            Ok(success) => success,
            Err(error) => return self.failure(asker, error),
        };
        self.stats.answered(asker.operation, None, asker.took());
        let reply = Reply::success(&asker.id, result, remarks);
        Due { reply: asker.told(reply), rooms }
    }

    pub(super) fn failure(&self, asker: Asker, error: &Error) -> Due {
        let Asker { id, operation, .. } = &asker;
        self.stats.answered(*operation, Some(error.code()), asker.took());
        if error.code() == ErrorCode::InternalError {
            tracing::error!(request_id = %id, cause = error.cause(), "internal error");
        } else {
            tracing::debug!(request_id = %id, code = %error.code(), cause = error.cause(), "{}", error.message());
        }
        let reply = Reply::failure(id, error);
        Due { reply: asker.told(reply), rooms: Vec::new() }
    }
}

impl Asker {
    /// How long it took to answer.
    fn took(&self) -> Duration {
        self.until.unwrap_or_else(Instant::now).saturating_duration_since(self.since)
    }

    /// A reply, with what is to be told of it.
    fn told(self, reply: Reply) -> Reply {
        match self.explaining {
            Some(explaining) => explaining.add_to(reply),
            None => reply,
        }
    }
}

fn too_many_large() -> Error {
    let message = "too many large replies wait to be written";
    Error::new(ErrorCode::Overloaded, message).retry_after_ms(1000)
}

pub(super) fn too_large(length: usize, most: usize) -> Error {
    Error::new(ErrorCode::LimitExceeded, format!("the answer has {length} bytes; at most {most} may be"))
}
